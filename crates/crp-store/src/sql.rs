//! Statements: one text for both engines wherever they agree, all of them listed so that a test can prepare every one.

/// A statement with its text for each engine. Parameters are `$1`, `$2`, … on both.
pub(crate) struct Statement {
    /// The name of its constant.
    pub(crate) name: &'static str,
    /// The text for SQLite.
    pub(crate) sqlite: &'static str,
    /// The text for PostgreSQL.
    pub(crate) postgres: &'static str,
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
