//! Lays flags over environment over file over defaults, setting by setting, and remembers where each value comes from.

use std::path::PathBuf;

use crp_model::{Code, Failure};
use serde_json::{Map, Value};

use super::{
    file::{self, Contents},
    secret::MASK,
    setting::{Section, Setting, Shape},
    source::Source,
};

/// Largest file of a secret in bytes.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// What flags, environment and file say. The environment is a function so that tests have one of their own.
pub(crate) struct Layers<'a> {
    /// Flags as (section, key, flag, text).
    pub(crate) flags: &'a [Flag],
    /// The environment variable with a name.
    pub(crate) environment: &'a dyn Fn(&str) -> Option<String>,
    /// The configuration file, if there is one.
    pub(crate) file: Option<&'a Contents>,
}

/// A setting that the command line gives.
#[derive(Clone, Debug)]
pub(crate) struct Flag {
    /// The section of the setting.
    pub(crate) section: &'static str,
    /// The key of the setting.
    pub(crate) key: &'static str,
    /// The flag's name without its hyphens.
    pub(crate) name: &'static str,
    /// The text after it.
    pub(crate) text: String,
}

/// A setting with the value that holds.
#[derive(Clone, Debug)]
pub(crate) struct Effective {
    /// Its section.
    pub(crate) section: &'static str,
    /// Its key.
    pub(crate) key: &'static str,
    /// Its environment variable.
    pub(crate) environment: &'static str,
    /// The value, masked if it is a secret; `null` where nothing is set.
    pub(crate) shown: Value,
    /// Where it comes from.
    pub(crate) source: Source,
}

/// Merges one section. What is wrong goes to `problems`, what holds to `effective`; a wrong value counts as not set.
pub(crate) fn merge<S: Section>(layers: &Layers<'_>, effective: &mut Vec<Effective>, problems: &mut Vec<Failure>) -> S {
    let defaults = serde_json::to_value(S::default()).unwrap_or_default();
    let mut set = Map::new();
    let mut sources = Vec::new();
    for setting in S::SETTINGS {
        let (value, source) = match find(S::NAME, setting, layers).and_then(|found| fits::<S>(setting, found)) {
            Ok(Some(found)) => found,
            Ok(None) => (Value::Null, Source::Default),
            Err(problem) => {
                problems.push(problem);
                (Value::Null, Source::Default)
            }
        };
        let is_set = source != Source::Default;
        let shown = match (is_set, setting.is_secret) {
            (true, true) => Value::String(MASK.to_owned()),
            (true, false) => value.clone(),
            (false, _) => defaults.get(setting.key).cloned().unwrap_or_default(),
        };
        if is_set {
            set.insert(setting.key.to_owned(), value);
        }
        sources.push(source.clone());
        effective.push(Effective { section: S::NAME, key: setting.key, environment: setting.environment, shown, source });
    }
    // Every value was tried by itself, so the whole fits too.
    let section: S = serde_json::from_value(Value::Object(set)).unwrap_or_default();
    if let Err(wrong) = section.check() {
        let at = S::SETTINGS.iter().position(|setting| setting.key == wrong.key);
        if let Some((setting, source)) = at.and_then(|at| Some((S::SETTINGS.get(at)?, sources.get(at)?))) {
            let shown = effective.iter().find(|e| e.section == S::NAME && e.key == wrong.key).map(|e| e.shown.clone());
            problems.push(problem(S::NAME, setting, &shown.unwrap_or_default(), source, &wrong.what));
        }
    }
    section
}

/// Complains about sections and keys of the file that do not exist.
pub(crate) fn unknown_keys(contents: &Contents, known: &[(&'static str, &'static [Setting])]) -> Vec<Failure> {
    let mut problems = Vec::new();
    for (section, line) in &contents.sections {
        if !known.iter().any(|(name, _)| name == section) {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            problems.push(file::wrong(
                &contents.path,
                *line,
                &format!("there is no section [{section}]; the sections are {}", names.join(", ")),
            ));
        }
    }
    for entry in &contents.entries {
        let Some((_, settings)) = known.iter().find(|(name, _)| *name == entry.section) else { continue };
        if !settings.iter().any(|s| s.key == entry.key || (s.is_secret && entry.key.strip_suffix("_file") == Some(s.key))) {
            let names: Vec<&str> = settings.iter().map(|s| s.key).collect();
            problems.push(file::wrong(
                &contents.path,
                entry.line,
                &format!("the section [{}] has no setting \"{}\"; it has {}", entry.section, entry.key, names.join(", ")),
            ));
        }
    }
    problems
}

/// The value of the highest layer that sets it.
fn find(section: &str, setting: &Setting, layers: &Layers<'_>) -> Result<Option<(Value, Source)>, Failure> {
    if let Some(flag) = layers.flags.iter().find(|f| f.section == section && f.key == setting.key) {
        return Ok(Some((from_text(setting.shape, &flag.text), Source::Flag(flag.name))));
    }
    // An empty variable is how compose files and units say "not set".
    let variable =
        |name: &str| (layers.environment)(name).filter(|text| !text.is_empty()).map(|text| (text, Source::Environment(name.to_owned())));
    let direct = variable(setting.environment).map(|(text, source)| (from_text(setting.shape, &text), source));
    let named = if setting.is_secret { variable(&format!("{}_FILE", setting.environment)) } else { None };
    let from_environment = one_of(section, setting, direct, named)?;
    if from_environment.is_some() {
        return Ok(from_environment);
    }
    let Some(contents) = layers.file else { return Ok(None) };
    let entry = |key: &str| {
        let entry = contents.entries.iter().find(|e| e.section == section && e.key == key)?;
        Some((entry.value.clone(), Source::File { path: contents.path.clone(), line: entry.line }))
    };
    let named = if setting.is_secret { entry(&format!("{}_file", setting.key)) } else { None };
    let named = named.map(|(value, source)| (value.as_str().unwrap_or_default().to_owned(), source));
    one_of(section, setting, entry(setting.key), named)
}

/// A value given directly or as the contents of a named file; both at once leave open which is meant.
fn one_of(
    section: &str,
    setting: &Setting,
    direct: Option<(Value, Source)>,
    named: Option<(String, Source)>,
) -> Result<Option<(Value, Source)>, Failure> {
    match (direct, named) {
        (Some((_, one)), Some((_, other))) => {
            let what = format!("it is given twice, by {one} and by {other}");
            Err(problem(section, setting, &Value::Null, &one, &what))
        }
        (direct, None) => Ok(direct),
        (None, Some((path, source))) => {
            let path = PathBuf::from(path);
            let text = read_secret(&path).map_err(|what| problem(section, setting, &Value::Null, &source, &what))?;
            Ok(Some((Value::String(text), Source::Contents { of: Box::new(source), path })))
        }
    }
}

/// The secret in a file, without the newline that editors leave at its end.
fn read_secret(path: &std::path::Path) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|error| format!("the file {} cannot be read: {error}", path.display()))?;
    if !metadata.is_file() || metadata.len() > MAX_SECRET_BYTES {
        return Err(format!("{} is no file of at most {MAX_SECRET_BYTES} bytes", path.display()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("the file {} cannot be read: {error}", path.display()))?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() { Err(format!("the file {} is empty", path.display())) } else { Ok(text.to_owned()) }
}

fn from_text(shape: Shape, text: &str) -> Value {
    match shape {
        Shape::Text => Value::String(text.to_owned()),
        Shape::Number => text.trim().parse::<i64>().map_or_else(|_| Value::String(text.to_owned()), Value::from),
        Shape::List => text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect(),
    }
}

/// Tries the value by itself, so that an error is about this setting and no other.
fn fits<S: Section>(setting: &Setting, found: Option<(Value, Source)>) -> Result<Option<(Value, Source)>, Failure> {
    let Some((value, source)) = found else { return Ok(None) };
    let alone: Map<String, Value> = [(setting.key.to_owned(), value.clone())].into_iter().collect();
    match serde_json::from_value::<S>(Value::Object(alone)) {
        Ok(_) => Ok(Some((value, source))),
        // The decoder quotes the value that it does not like.
        Err(_) if setting.is_secret => Err(problem(S::NAME, setting, &value, &source, "it is not text")),
        Err(error) => Err(problem(S::NAME, setting, &value, &source, &error.to_string())),
    }
}

fn problem(section: &str, setting: &Setting, value: &Value, source: &Source, what: &str) -> Failure {
    let shown = match value {
        Value::Null => String::new(),
        _ if setting.is_secret => format!(" = {MASK}"),
        value => format!(" = {value}"),
    };
    let key = setting.key;
    let origin = match source {
        Source::Default => format!("not set; environment variable {}", setting.environment),
        source => format!("from {source}"),
    };
    Failure::new(Code::InvalidConfiguration, format!("{section}.{key}{shown} ({origin}): {what}"))
}
