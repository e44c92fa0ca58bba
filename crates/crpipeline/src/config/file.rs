//! Reads `crpipeline.toml` into keys and values that remember their line.

use std::path::{Path, PathBuf};

use crp_model::{Code, Failure};
use serde_json::{Map, Number, Value};
use toml::de::{DeTable, DeValue};

/// Largest configuration file in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// One `key = value` of the file.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The section it stands in.
    pub(crate) section: String,
    /// Its key.
    pub(crate) key: String,
    /// Its value.
    pub(crate) value: Value,
    /// The line of the key, from 1.
    pub(crate) line: usize,
}

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Contents {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its sections with their lines, also empty ones.
    pub(crate) sections: Vec<(String, usize)>,
    /// Its entries.
    pub(crate) entries: Vec<Entry>,
}

/// Reads the file at `path`.
///
/// # Errors
/// `file_access` when it cannot be read, `invalid_configuration` with the line when it is not TOML made of sections.
pub(crate) fn read(path: &Path) -> Result<Contents, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(Code::FileAccess, format!("The configuration file {} cannot be read: {error}", path.display()))
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_FILE_BYTES {
        return Err(wrong(path, 1, &format!("the file has {size} bytes; {MAX_FILE_BYTES} are allowed")));
    }
    parse(path, &std::fs::read_to_string(path).map_err(unreadable)?)
}

/// Reads `text` as the contents of `path`.
///
/// # Errors
/// `invalid_configuration` with the line.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Contents, Failure> {
    let line_at = |offset: usize| text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1;
    let table = DeTable::parse(text)
        .map_err(|error| wrong(path, error.span().map_or(1, |span| line_at(span.start)), error.message()))?
        .into_inner();
    let mut contents = Contents { path: path.to_owned(), sections: Vec::new(), entries: Vec::new() };
    for (name, value) in &table {
        let line = line_at(name.span().start);
        let DeValue::Table(settings) = value.get_ref() else {
            let message = format!("\"{}\" stands outside of any section; settings belong under a heading such as [server]", name.get_ref());
            return Err(wrong(path, line, &message));
        };
        contents.sections.push((name.get_ref().to_string(), line));
        for (key, value) in settings {
            let line = line_at(key.span().start);
            let value = to_json(value.get_ref()).map_err(|what| wrong(path, line, &what))?;
            contents.entries.push(Entry { section: name.get_ref().to_string(), key: key.get_ref().to_string(), value, line });
        }
    }
    Ok(contents)
}

/// A failure about a line of the file.
pub(crate) fn wrong(path: &Path, line: usize, what: &str) -> Failure {
    Failure::new(Code::InvalidConfiguration, format!("{} line {line}: {what}", path.display()))
}

fn to_json(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            Value::Number(parsed.map_err(|_| format!("the number {number} is too large"))?.into())
        }
        DeValue::Float(number) => {
            let parsed = number.as_str().parse().ok().and_then(Number::from_f64);
            Value::Number(parsed.ok_or_else(|| format!("{number} is no finite number"))?)
        }
        DeValue::Boolean(switch) => Value::Bool(*switch),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(items) => Value::Array(items.iter().map(|item| to_json(item.get_ref())).collect::<Result<_, _>>()?),
        DeValue::Table(table) => {
            let entries = table.iter().map(|(key, value)| Ok((key.get_ref().to_string(), to_json(value.get_ref())?)));
            Value::Object(entries.collect::<Result<Map<_, _>, String>>()?)
        }
    })
}
