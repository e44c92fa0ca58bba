//! Two PDF files compared object by object, as qpdf reads them: what the first one has, the second one must have too.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    process::Command,
};

use crp_testkit::programs::program;
use serde_json::{Map, Value};

/// Resources of our own text layer have names that begin so.
const OURS: &str = "/Crp";

/// All objects of a file. The bytes of its streams lie in a folder, as they are stored.
pub(crate) struct Objects {
    objects: HashMap<String, Value>,
    _streams: tempfile::TempDir,
}

impl Objects {
    /// Reads a file; `None` without qpdf, or when qpdf cannot read it either.
    pub(crate) fn of(file: &Path) -> Option<Self> {
        let streams = tempfile::tempdir().expect("a temporary folder");
        let prefix = streams.path().join("stream");
        let mut command = Command::new(program("qpdf")?);
        command.args(["--json=2", "--json-key=qpdf", "--json-stream-data=file", "--decode-level=none", "--warning-exit-0"]);
        let output = command.arg(format!("--json-stream-prefix={}", prefix.display())).arg(file).output().expect("qpdf can be started");
        let mut json: Value = serde_json::from_slice(&output.stdout).ok().filter(|_| output.status.success())?;
        let Value::Object(objects) = json["qpdf"][1].take() else { return None };
        Some(Self { objects: objects.into_iter().collect(), _streams: streams })
    }

    /// What a reference points to; anything else is itself.
    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match reference(value).and_then(|id| self.objects.get(&format!("obj:{id}"))) {
            Some(object) => object.get("value").unwrap_or(object),
            // A reference to nothing is null.
            None if reference(value).is_some() => &Value::Null,
            None => value,
        }
    }

    fn trailer(&self) -> &Value {
        &self.objects["trailer"]["value"]
    }
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// What the second file lacks or has otherwise, with the way to it.
    pub(crate) losses: Vec<String>,
    /// Pages whose own content is not what it was.
    pub(crate) rewritten: Vec<String>,
    /// Pages that gained a layer.
    pub(crate) layers: usize,
    /// Images whose stored bytes are the same.
    pub(crate) images: usize,
}

/// Compares everything that can be reached from the trailers. A page may gain content before its own, and a font of ours.
pub(crate) fn compare(before: &Objects, after: &Objects) -> Comparison {
    let mut walk = Walk { before, after, seen: HashSet::new(), open: Vec::new(), found: Comparison::default() };
    for key in ["/Root", "/Info"] {
        walk.member(key, before.trailer(), after.trailer(), key);
    }
    walk.member("/ID", &before.trailer()["/ID"], &after.trailer()["/ID"], "0");
    while let Some((path, a, b)) = walk.open.pop() {
        walk.values(&path, a, b);
    }
    walk.found
}

struct Walk<'o> {
    before: &'o Objects,
    after: &'o Objects,
    seen: HashSet<(&'o str, &'o str)>,
    open: Vec<(String, &'o Value, &'o Value)>,
    found: Comparison,
}

impl<'o> Walk<'o> {
    fn lost(&mut self, path: &str, what: &str) {
        self.found.losses.push(format!("{path}: {what}"));
    }

    /// Compares one entry of two dictionaries or arrays later.
    fn member(&mut self, path: &str, a: &'o Value, b: &'o Value, key: &str) {
        let of = |value: &'o Value| match value {
            Value::Array(array) => key.parse().ok().and_then(|at: usize| array.get(at)).unwrap_or(&Value::Null),
            other => other.get(key).unwrap_or(&Value::Null),
        };
        self.open.push((path.to_owned(), of(a), of(b)));
    }

    fn values(&mut self, path: &str, a: &'o Value, b: &'o Value) {
        if let (Some(a), Some(b)) = (reference(a), reference(b))
            && !self.seen.insert((a, b))
        {
            return;
        }
        let (a, b) = (self.before.resolve(a), self.after.resolve(b));
        match (a, b) {
            _ if a.get("stream").is_some() || b.get("stream").is_some() => self.streams(path, a, b),
            (Value::Object(a), Value::Object(b)) => self.dictionaries(path, a, b),
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                self.open.extend(a.iter().zip(b).enumerate().map(|(at, (a, b))| (format!("{path}[{at}]"), a, b)));
            }
            (Value::Number(a), Value::Number(b)) => {
                let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
                // A number of a page that was written anew has as many digits as a reader keeps.
                if (a - b).abs() > 1e-5 * a.abs().max(1.0) {
                    self.lost(path, &format!("{a} became {b}"));
                }
            }
            _ if a == b => {}
            _ => self.lost(path, &format!("{} became {}", shown(a), shown(b))),
        }
    }

    fn dictionaries(&mut self, path: &str, a: &'o Map<String, Value>, b: &'o Map<String, Value>) {
        let is_page = a.get("/Type").is_some_and(|kind| kind == "/Page");
        for (key, value) in a {
            let path = format!("{path}{key}");
            match b.get(key) {
                Some(other) if is_page && key == "/Contents" => self.contents(&path, value, other),
                Some(other) => self.open.push((path, value, other)),
                None if self.before.resolve(value).is_null() => {}
                None => self.lost(&path, &format!("{} is gone", shown(value))),
            }
        }
        for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
            if is_page && key == "/Contents" {
                self.found.layers += 1;
            } else if !self.is_ours(key, value) {
                self.lost(&format!("{path}{key}"), &format!("{} came from nowhere", shown(value)));
            }
        }
    }

    /// Whether an entry that only the second file has is there for our layer: our font, or what was needed to name it.
    fn is_ours(&self, key: &str, value: &Value) -> bool {
        let entries = self.after.resolve(value).as_object();
        key.starts_with(OURS)
            || matches!(key, "/Resources" | "/Font") && entries.is_some_and(|e| e.iter().all(|(key, value)| self.is_ours(key, value)))
    }

    /// A page's contents end with those that it had.
    fn contents(&mut self, path: &str, a: &'o Value, b: &'o Value) {
        let (old, new) = (parts(self.before, a), parts(self.after, b));
        let more = new.len().saturating_sub(old.len());
        self.found.layers += usize::from(more > 0);
        let same = new.len() >= old.len() && old.iter().zip(&new[more..]).all(|(a, b)| self.same_stored(a, b));
        if !same {
            self.found.rewritten.push(path.to_owned());
        }
    }

    fn streams(&mut self, path: &str, a: &'o Value, b: &'o Value) {
        let (Some(one), Some(other)) = (a.get("stream"), b.get("stream")) else {
            return self.lost(path, &format!("{} became {}", shown(a), shown(b)));
        };
        self.open.push((path.to_owned(), &one["dict"], &other["dict"]));
        if !self.same_stored(a, b) {
            self.lost(path, "its bytes are not the same");
        } else if one["dict"]["/Subtype"] == "/Image" {
            self.found.images += 1;
        }
    }

    fn same_stored(&self, a: &Value, b: &Value) -> bool {
        let (a, b) = (stored(self.before.resolve(a)), stored(self.after.resolve(b)));
        a == b
    }
}

fn parts<'a>(objects: &'a Objects, contents: &'a Value) -> Vec<&'a Value> {
    match objects.resolve(contents) {
        Value::Array(parts) => parts.iter().collect(),
        _ => vec![contents],
    }
}

/// The bytes of a stream as they stand in the file, without encryption; `None` for what is no stream.
fn stored(object: &Value) -> Option<Vec<u8>> {
    let file = PathBuf::from(object["stream"]["datafile"].as_str()?);
    Some(std::fs::read(file).expect("qpdf wrote the stream's bytes"))
}

/// The object's number and generation if `value` is a reference.
fn reference(value: &Value) -> Option<&str> {
    let text = value.as_str()?.strip_suffix(" R")?;
    text.split(' ').all(|number| number.bytes().all(|b| b.is_ascii_digit())).then_some(value.as_str()?)
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    text.char_indices().nth(120).map_or(text.clone(), |(end, _)| format!("{} …", &text[..end]))
}

#[cfg(test)]
mod tests {
    use crp_testkit::furnished;

    use super::*;

    /// Compares the furnished scan with itself after `from` was replaced by as many bytes.
    fn after(from: &str, to: &str) -> Option<Comparison> {
        assert_eq!(from.len(), to.len());
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one.pdf"), folder.path().join("other.pdf"));
        let bytes = furnished::pdf(false);
        let place = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect("the bytes are there");
        let mut changed = bytes.clone();
        changed[place..place + to.len()].copy_from_slice(to.as_bytes());
        std::fs::write(&one, bytes).unwrap();
        std::fs::write(&other, changed).unwrap();
        Some(compare(&Objects::of(&one)?, &Objects::of(&other)?))
    }

    #[test]
    fn a_file_loses_nothing_against_itself() {
        let Some(found) = after("%PDF-1.7", "%PDF-1.7") else { return };
        assert!(found.losses.is_empty() && found.rewritten.is_empty(), "{found:#?}");
        assert_eq!((found.images, found.layers), (furnished::PAGES, 0));
    }

    #[test]
    fn every_loss_is_seen_and_named() {
        let changes = [
            ("Pump;129.00", "Pump;128.00", "/EF"),
            ("(First slip)", "(Third slip)", "/Outlines"),
            ("/V (J\\366rg", "/V (Jorg   ", "/V"),
            ("/PageLabels", "/PageLabelz", "/PageLabels"),
            ("/Trapped /False", "/Trapped /True ", "/Info"),
            ("/S /Para", "/S /Sect", "/StructTreeRoot"),
            ("/OFF [", "/ON  [", "/OCProperties"),
            ("Three slips</rdf", "Three steps</rdf", "/Metadata"),
            ("/Rect [5 5 60 20]", "/Rect [5 5 61 20]", "/Rect"),
            ("/CropBox [2 2", "/CropBox [3 2", "/CropBox"),
        ];
        for (from, to, way) in changes {
            let Some(found) = after(from, to) else { return };
            assert!(found.losses.iter().any(|loss| loss.contains(way)), "{from}: {found:#?}");
        }
        let Some(found) = after("/MCID 0 >> BDC q 288", "/MCID 0 >> BDC q 287") else { return };
        assert_eq!(found.rewritten.len(), 1, "{found:#?}");
    }
}
