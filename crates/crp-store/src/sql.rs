//! Statements: one text for both engines wherever they agree, all of them listed so that a test can prepare every one.

use crate::value::Value;

/// A statement with its text for each engine. Parameters are `$1`, `$2`, … on both.
pub(crate) struct Statement {
    /// The name of its constant.
    pub(crate) name: &'static str,
    /// The text for SQLite.
    pub(crate) sqlite: &'static str,
    /// The text for PostgreSQL.
    pub(crate) postgres: &'static str,
}

/// A statement that is put together from clauses of this crate, for lists with many orders and filters. A clause is a constant: what
/// somebody typed can only be an argument. The parameters of a clause are written `?` and numbered as they come.
pub(crate) struct Composed {
    /// What stands in the log when it fails.
    pub(crate) name: &'static str,
    /// Its text so far.
    pub(crate) text: String,
    /// The arguments so far.
    pub(crate) arguments: Vec<Value>,
}

impl Composed {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, text: String::new(), arguments: Vec::new() }
    }

    /// Adds a clause with the arguments of its parameters.
    pub(crate) fn add(&mut self, clause: &'static str, arguments: Vec<Value>) {
        debug_assert_eq!(clause.matches('?').count(), arguments.len(), "{clause}");
        let mut number = self.arguments.len();
        for (at, piece) in clause.split('?').enumerate() {
            if at > 0 {
                number += 1;
                self.text.push('$');
                self.text.push_str(&number.to_string());
            }
            self.text.push_str(piece);
        }
        self.text.push('\n');
        self.arguments.extend(arguments);
    }

    /// Adds a list of parameters, `(?, ?, …)`.
    pub(crate) fn add_list(&mut self, values: Vec<Value>) {
        self.text.push('(');
        for (at, value) in values.into_iter().enumerate() {
            self.arguments.push(value);
            self.text.push_str(if at > 0 { ", $" } else { "$" });
            self.text.push_str(&self.arguments.len().to_string());
        }
        self.text.push_str(")\n");
    }
}

/// Declares the statements of a module, once per module. `NAME = "text";` is the same on both engines,
/// `NAME = "text" + postgres "more";` has more on PostgreSQL (row locks, which SQLite's single writer does not need),
/// and `NAME = sqlite "…", postgres "…";` differs.
macro_rules! sql {
    (@next [$($names:ident)*]) => {
        /// Every statement of this module.
        #[cfg(test)]
        pub(crate) const STATEMENTS: &[&$crate::sql::Statement] = &[$(&$names),*];
    };
    (@next [$($names:ident)*] $name:ident = sqlite $sqlite:expr, postgres $postgres:expr; $($rest:tt)*) => {
        static $name: $crate::sql::Statement =
            $crate::sql::Statement { name: stringify!($name), sqlite: $sqlite, postgres: $postgres };
        $crate::sql::sql!(@next [$($names)* $name] $($rest)*);
    };
    (@next [$($names:ident)*] $name:ident = $text:literal + postgres $more:literal; $($rest:tt)*) => {
        $crate::sql::sql!(@next [$($names)*] $name = sqlite $text, postgres concat!($text, " ", $more); $($rest)*);
    };
    (@next [$($names:ident)*] $name:ident = $text:expr; $($rest:tt)*) => {
        $crate::sql::sql!(@next [$($names)*] $name = sqlite $text, postgres $text; $($rest)*);
    };
    ($first:ident $($rest:tt)+) => { $crate::sql::sql!(@next [] $first $($rest)+); };
}

/// The arguments of a statement, in the order of its parameters.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::value::Value::from($value)),*] };
}

pub(crate) use args;
pub(crate) use sql;
