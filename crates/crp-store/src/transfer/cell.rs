//! One value of a row on its way, and how a row is written as a line of a file.

use crp_model::Sha256Hash;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::tables::{ColumnKind, Table};
use crate::{
    StoreError,
    value::{Row, Value},
};

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// An id.
    Uuid(Uuid),
    /// A number.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A truth value.
    Bool(bool),
    /// A number with a fraction.
    Real(f64),
    /// JSON.
    Json(Json),
}

impl Cell {
    pub(super) fn read(row: &Row, name: &str, kind: ColumnKind) -> Result<Self, StoreError> {
        Ok(match kind {
            ColumnKind::Uuid => row.opt(name)?.map_or(Cell::Null, Cell::Uuid),
            ColumnKind::Int => row.opt(name)?.map_or(Cell::Null, Cell::Int),
            ColumnKind::Text => row.opt(name)?.map_or(Cell::Null, Cell::Text),
            ColumnKind::Bytes => row.opt(name)?.map_or(Cell::Null, Cell::Bytes),
            ColumnKind::Bool => row.opt(name)?.map_or(Cell::Null, Cell::Bool),
            ColumnKind::Real => row.opt(name)?.map_or(Cell::Null, Cell::Real),
            ColumnKind::Json => row.opt(name)?.map_or(Cell::Null, Cell::Json),
        })
    }

    /// The value as a parameter of a column of this kind.
    pub(crate) fn value(self, kind: ColumnKind) -> Value {
        match self {
            Cell::Null => kind.null(),
            Cell::Uuid(v) => Value::Uuid(Some(v)),
            Cell::Int(v) => Value::Int(Some(v)),
            // PostgreSQL cannot store NUL characters.
            Cell::Text(v) if v.contains('\0') => Value::from(v.as_str()),
            Cell::Text(v) => Value::Text(Some(v)),
            Cell::Bytes(v) => Value::Bytes(Some(v)),
            Cell::Bool(v) => Value::Bool(Some(v)),
            Cell::Real(v) => Value::Real(Some(v)),
            Cell::Json(v) => Value::json(&v),
        }
    }

    /// Roughly how many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        match self {
            Cell::Text(v) => v.len(),
            Cell::Bytes(v) => v.len(),
            Cell::Json(v) => v.to_string().len(),
            _ => 16,
        }
    }

    /// The value of a key as text that sorts as the database sorts it.
    pub(super) fn sortable(&self) -> String {
        match self {
            Cell::Uuid(v) => v.to_string(),
            Cell::Int(v) => format!("{v:020}"),
            Cell::Text(v) => v.clone(),
            Cell::Bytes(v) => hex(v),
            other => format!("{other:?}"),
        }
    }

    /// The value as JSON: ids, bytes (hexadecimal) and fractions as strings, so that not a bit of them is lost; JSON wrapped, so
    /// that its `null` is not "no value".
    fn to_json(&self) -> Json {
        match self {
            Cell::Null => Json::Null,
            Cell::Uuid(v) => json!(v),
            Cell::Int(v) => json!(v),
            Cell::Text(v) => json!(v),
            Cell::Bytes(v) => json!(hex(v)),
            Cell::Bool(v) => json!(v),
            Cell::Real(v) => json!(format!("{v:?}")),
            Cell::Json(v) => json!([v]),
        }
    }

    fn from_json(json: Json, kind: ColumnKind) -> Option<Self> {
        Some(match (kind, json) {
            (_, Json::Null) => Cell::Null,
            (ColumnKind::Uuid, Json::String(v)) => Cell::Uuid(v.parse().ok()?),
            (ColumnKind::Int, v) => Cell::Int(v.as_i64()?),
            (ColumnKind::Text, Json::String(v)) => Cell::Text(v),
            (ColumnKind::Bytes, Json::String(v)) => Cell::Bytes(unhex(&v)?),
            (ColumnKind::Bool, Json::Bool(v)) => Cell::Bool(v),
            (ColumnKind::Real, Json::String(v)) => Cell::Real(v.parse().ok()?),
            (ColumnKind::Json, Json::Array(mut v)) if v.len() == 1 => Cell::Json(v.remove(0)),
            _ => return None,
        })
    }

    pub(super) fn hash(&self) -> Option<Sha256Hash> {
        match self {
            Cell::Bytes(v) => <[u8; 32]>::try_from(v.as_slice()).ok().map(Sha256Hash),
            _ => None,
        }
    }
}

impl Table {
    /// A row as one line of JSON: an array in the order of the columns, without a line feed.
    pub fn line_of(&self, row: &[Cell]) -> String {
        Json::Array(row.iter().map(Cell::to_json).collect()).to_string()
    }

    /// The row of a line, whose values stand in the order of `columns`; they must be all columns of this table.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn row_of(&self, line: &str) -> Result<Vec<Cell>, String> {
        let values: Vec<Json> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if values.len() != self.columns.len() {
            return Err(format!("{} values for {} columns", values.len(), self.columns.len()));
        }
        let cells = self.columns.iter().zip(values);
        cells.map(|(column, v)| Cell::from_json(v, column.kind).ok_or_else(|| format!("{} is of another kind", column.name))).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_from_a_line_bit_by_bit() {
        let kinds = [
            (ColumnKind::Uuid, Cell::Uuid(Uuid::from_u128(7))),
            (ColumnKind::Int, Cell::Int(i64::MIN)),
            (ColumnKind::Int, Cell::Int(i64::MAX)),
            (ColumnKind::Text, Cell::Text("a \"line\"\nand \u{2028} another".to_owned())),
            (ColumnKind::Bytes, Cell::Bytes(vec![0, 1, 255])),
            (ColumnKind::Bytes, Cell::Bytes(Vec::new())),
            (ColumnKind::Bool, Cell::Bool(false)),
            (ColumnKind::Real, Cell::Real(0.1 + 0.2)),
            (ColumnKind::Real, Cell::Real(f64::MIN_POSITIVE)),
            (ColumnKind::Json, Cell::Json(Json::Null)),
            (ColumnKind::Json, Cell::Json(json!({ "a": [1, "x"] }))),
            (ColumnKind::Text, Cell::Null),
            (ColumnKind::Json, Cell::Null),
        ];
        for (kind, cell) in kinds {
            let text = cell.to_json().to_string();
            assert_eq!(Cell::from_json(serde_json::from_str(&text).unwrap(), kind), Some(cell), "{text}");
        }
        for (kind, wrong) in
            [(ColumnKind::Uuid, json!("x")), (ColumnKind::Bytes, json!("abc")), (ColumnKind::Bool, json!(1)), (ColumnKind::Int, json!(1.5))]
        {
            assert_eq!(Cell::from_json(wrong, kind), None);
        }
    }
}
