//! Which tables and columns there are, read from the steps of the schema: what a later step adds is carried along by itself.

use crate::{schema::STEPS, sql::Composed, value::Value};

use super::Cell;

/// Tables that are not carried over, and why.
pub const LEFT_OUT: [(&str, &str); 6] = [
    ("setup_tokens", "a one-time link is for the server that printed it; one that is not set up prints another"),
    ("sessions", "people sign in again: a session that ended after the backup must not come back"),
    ("login_refusals", "they slow down attacks of the last minutes, and hold the addresses of people"),
    ("workers", "processes that ran where the rows come from"),
    ("watched_folders", "processes that watched folders where the rows come from"),
    ("search_parts", "the index of the search is made from the rows; each database has its own kind"),
];

/// A table as both engines have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns that both engines have, in the order of the schema.
    pub columns: Vec<Column>,
    /// The columns of its primary key; rows come in this order.
    pub key: Vec<&'static str>,
    /// The column that refers to another row of the same table.
    pub refers_to_itself: Option<&'static str>,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: ColumnKind,
}

/// The portable types of columns, see `schema/mod.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// 16 bytes on SQLite, `uuid` on PostgreSQL.
    Uuid,
    /// 64 bits.
    Int,
    /// UTF-8.
    Text,
    /// Any bytes.
    Bytes,
    /// 0 and 1 on SQLite.
    Bool,
    /// 64 bits.
    Real,
    /// Text on SQLite, `jsonb` on PostgreSQL.
    Json,
}

impl ColumnKind {
    fn parse(placeholder: &str) -> Option<Self> {
        Some(match placeholder.trim_end_matches([',', ';']) {
            "{uuid}" => Self::Uuid,
            "{int}" | "{identity}" => Self::Int,
            "{text}" => Self::Text,
            "{bytes}" => Self::Bytes,
            "{bool}" => Self::Bool,
            "{real}" => Self::Real,
            "{json}" => Self::Json,
            _ => return None,
        })
    }

    /// The value that is none.
    pub(crate) fn null(self) -> Value {
        match self {
            Self::Uuid => Value::Uuid(None),
            Self::Int => Value::Int(None),
            Self::Text => Value::Text(None),
            Self::Bytes => Value::Bytes(None),
            Self::Bool => Value::Bool(None),
            Self::Real => Value::Real(None),
            Self::Json => Value::Json(None),
        }
    }
}

/// The tables that are carried over at a version of the schema, each after those that it refers to.
pub fn tables(version: i64) -> Vec<Table> {
    let mut tables = every_table(version);
    tables.retain(|table| LEFT_OUT.iter().all(|(name, _)| *name != table.name));
    tables
}

/// Every table that both engines have. The steps name a table before any that refers to it.
pub(crate) fn every_table(version: i64) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for step in STEPS.iter().filter(|step| step.version <= version) {
        let mut is_open = false;
        for line in step.source.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("CREATE TABLE ").and_then(|rest| rest.strip_suffix(" (")) {
                tables.push(Table { name, columns: Vec::new(), key: Vec::new(), refers_to_itself: None });
                is_open = true;
            } else if line.starts_with(')') {
                is_open = false;
            } else if let Some(table) = tables.last_mut().filter(|_| is_open) {
                table.read(line);
            } else if let Some((name, column)) = line.strip_prefix("ALTER TABLE ").and_then(|rest| rest.split_once(" ADD COLUMN "))
                && let Some(table) = tables.iter_mut().find(|table| table.name == name)
            {
                table.read(column);
            }
        }
    }
    tables
}

impl Table {
    /// Reads a line of the table's definition.
    fn read(&mut self, line: &'static str) {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(kind)) = (words.next(), words.next().and_then(ColumnKind::parse)) {
            self.columns.push(Column { name, kind });
            if line.contains(" PRIMARY KEY") {
                self.key.push(name);
            }
            if line.contains(&format!(" REFERENCES {} (", self.name)) {
                self.refers_to_itself = Some(name);
            }
        } else if let Some(key) = line.strip_prefix("PRIMARY KEY (").and_then(|rest| rest.split_once(')')) {
            self.key.extend(key.0.split(", "));
        }
    }

    /// The place of a column in [`Table::columns`].
    pub fn index_of(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == column)
    }

    /// The columns' names as a statement lists them.
    pub(super) fn column_list(&self) -> String {
        self.columns.iter().map(|c| c.name).collect::<Vec<_>>().join(", ")
    }

    /// Reads every row in the order of the key. All of its text comes from the schema.
    pub(crate) fn select(&self) -> Composed {
        let text = format!("SELECT {} FROM {} ORDER BY {}", self.column_list(), self.name, self.key.join(", "));
        Composed { name: "TRANSFER_READ", text, arguments: Vec::new() }
    }

    /// Adds rows. All of its text comes from the schema, and all values are arguments.
    pub(crate) fn insert(&self, rows: Vec<Vec<Value>>) -> Composed {
        let text = format!("INSERT INTO {} ({}) VALUES ", self.name, self.column_list());
        let mut statement = Composed { name: "TRANSFER_ADD", text, arguments: Vec::new() };
        for (at, row) in rows.into_iter().enumerate() {
            if at > 0 {
                statement.text.push(',');
            }
            statement.add_list(row);
        }
        statement
    }

    /// How many rows there are.
    pub(crate) fn count(&self) -> Composed {
        let text = format!("SELECT CAST(count(*) AS BIGINT) AS n FROM {}", self.name);
        Composed { name: "TRANSFER_COUNT", text, arguments: Vec::new() }
    }

    /// One row, if there is any.
    pub(crate) fn any(&self) -> Composed {
        Composed { name: "TRANSFER_ANY", text: format!("SELECT {} FROM {} LIMIT 1", self.key[0], self.name), arguments: Vec::new() }
    }

    /// Lets the row `id` refer to the row `other` of the same table, if that is there.
    pub(crate) fn refer(&self, column: &str, id: Value, other: Value) -> Composed {
        let name = self.name;
        let text =
            format!("UPDATE {name} SET {column} = $2 WHERE id = $1 AND EXISTS (SELECT 1 FROM {name} o WHERE o.id = $2) RETURNING id");
        Composed { name: "TRANSFER_REFER", text, arguments: vec![id, other] }
    }

    /// The row's key as text that sorts as the rows do.
    pub fn place_of(&self, row: &[Cell]) -> String {
        let cells = self.key.iter().filter_map(|name| row.get(self.index_of(name)?));
        cells.map(Cell::sortable).collect::<Vec<_>>().join("/")
    }
}
