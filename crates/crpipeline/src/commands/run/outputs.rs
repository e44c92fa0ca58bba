//! The outputs of one input: written beside their destination under names of their own, and in the end whole or not at all.

use std::{
    fs::{self, File, Permissions, TryLockError},
    io::{self, BufWriter, Write},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use crp_model::{Code, Failure, LayoutFormat, PageLayout, Sha256Hash};
use crp_pipeline::{DocumentOutputs, DocumentResult};
use serde_json::json;
use tempfile::NamedTempFile;

use super::{
    inputs::Outputs,
    leftovers::{PREFIX, SUFFIX},
    shown,
};

/// Makes the folder of `-o` and checks that files can be made in it, before hours of work.
pub(super) fn prepare_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| failed("The output folder cannot be made", folder, &error))?;
    unnamed_file(folder).map(drop)
}

/// A file in `folder` that has no name and goes with the process.
pub(super) fn unnamed_file(folder: &Path) -> Result<File, Failure> {
    tempfile::tempfile_in(folder).map_err(|error| failed("Nothing can be written in", folder, &error))
}

/// The outputs of one input while they are written. Dropping this removes them.
pub(super) struct Unfinished<'a> {
    outputs: &'a Outputs,
    /// The name of the input.
    name: String,
    pdf: Part,
    text: Part,
    layouts: Vec<(LayoutFormat, Part)>,
    json: Part,
    pages: u32,
}

impl<'a> Unfinished<'a> {
    /// Begins the outputs of `file`, whose bytes have the hash `sha256`.
    pub(super) fn begin(outputs: &'a Outputs, file: &Path, sha256: Sha256Hash) -> Result<Self, Failure> {
        let layouts =
            outputs.layouts.iter().map(|(format, path)| Ok((*format, Part::begin(path)?))).collect::<Result<Vec<_>, Failure>>()?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (pdf, text, json) = (Part::begin(&outputs.pdf)?, Part::begin(&outputs.text)?, Part::begin(&outputs.json)?);
        let mut begun = Self { outputs, name, pdf, text, layouts, json, pages: 0 };
        // Who made it and from what, then the pages, in the end fields and warnings.
        let head = json!({ "crpipeline": env!("CARGO_PKG_VERSION"), "file": begun.name, "sha256": sha256 }).to_string();
        begun.json.push(head.trim_end_matches('}').as_bytes())?;
        begun.json.push(b",\"pages\":[")?;
        for (format, part) in &mut begun.layouts {
            part.push(format.head(&begun.name).as_bytes())?;
        }
        Ok(begun)
    }

    /// Completes the outputs and gives them their names. Each is whole and on disk before the first gets its own.
    pub(super) fn finish(mut self, result: &DocumentResult) -> Result<(), Failure> {
        let tail = json!({ "fields": result.fields.as_deref().unwrap_or_default(), "warnings": result.warnings }).to_string();
        self.json.push(b"],")?;
        self.json.push(tail.trim_start_matches('{').as_bytes())?;
        self.json.push(b"\n")?;
        for (format, part) in &mut self.layouts {
            part.push(format.tail().as_bytes())?;
        }
        let Self { outputs, pdf, text, layouts, json, .. } = self;
        let parts = [pdf, text].into_iter().chain(layouts.into_iter().map(|(_, part)| part)).chain([json]);
        let parts = parts.map(Part::flush).collect::<Result<Vec<_>, Failure>>()?;
        place(parts)?;
        // The names are safe only when their folder is.
        let folder = folder_of(&outputs.pdf);
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| failed("The outputs cannot be flushed to disk in", folder, &error))
    }
}

impl DocumentOutputs for Unfinished<'_> {
    fn searchable_pdf(&mut self) -> Result<File, Failure> {
        self.pdf.file.get_ref().as_file().try_clone().map_err(|error| failed("The output cannot be written", &self.pdf.path, &error))
    }

    fn page(&mut self, page: &PageLayout) -> Result<(), Failure> {
        if self.pages > 0 {
            self.text.push(b"\x0c")?;
            self.json.push(b",\n")?;
        }
        self.pages += 1;
        self.text.push(page.text().as_bytes())?;
        let json = serde_json::to_vec(page)
            .map_err(|error| Failure::new(Code::Internal, format!("A page's layout cannot be written: {error}")))?;
        self.json.push(&json)?;
        self.layouts.iter_mut().try_for_each(|(format, part)| part.push(format.page(page).as_bytes()))
    }
}

/// One output while it is written, locked so that no other run takes it for a leftover.
struct Part {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl Part {
    fn begin(path: &Path) -> Result<Self, Failure> {
        let folder = folder_of(path);
        let file = loop {
            let file = tempfile::Builder::new()
                .prefix(PREFIX)
                .suffix(SUFFIX)
                // As any program writes its files: the process' mask takes away what others may not.
                .permissions(Permissions::from_mode(0o666))
                .tempfile_in(folder)
                .map_err(|error| failed("Nothing can be written in", folder, &error))?;
            if is_ours(file.as_file()).map_err(|error| failed("Nothing can be written in", folder, &error))? {
                break file;
            }
        };
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| failed("The output cannot be written", &self.path, &error))
    }

    /// Whole and on disk.
    fn flush(self) -> Result<(NamedTempFile, PathBuf), Failure> {
        let Self { path, file } = self;
        let flushed = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.as_file().sync_all().map(|()| file));
        flushed.map_err(|error| failed("The output cannot be written", &path, &error)).map(|file| (file, path))
    }
}

/// Locks a new file; false if another run took it for a leftover in the moment before.
fn is_ours(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(file.metadata()?.nlink() > 0),
        Err(TryLockError::WouldBlock) => Ok(false),
        // A file system without locks; nobody removes leftovers there.
        Err(TryLockError::Error(_)) => Ok(true),
    }
}

/// Gives the outputs their names.
fn place(parts: Vec<(NamedTempFile, PathBuf)>) -> Result<(), Failure> {
    let mut placed: Vec<Placed> = Vec::with_capacity(parts.len());
    // The JSON, which is the last of them, goes first: by it a later run knows that the others are its own.
    for (file, path) in parts.into_iter().rev() {
        let is_new = fs::symlink_metadata(&path).is_err();
        if let Err(error) = file.persist(&path) {
            let failure = failed("The output cannot be put in its place", &path, &error.error);
            // Those that took a free name go again; an earlier output that was replaced cannot come back.
            placed.iter().filter(|p| p.is_new).for_each(|p| drop(fs::remove_file(&p.path)));
            return Err(failure);
        }
        placed.push(Placed { path, is_new });
    }
    Ok(())
}

struct Placed {
    path: PathBuf,
    is_new: bool,
}

/// The folder that a file lies in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A failure about a path: a full disk has a code of its own.
pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    let code =
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) { Code::DiskFull } else { Code::FileAccess };
    Failure::new(code, format!("{what} {}: {error}", shown(path)))
}

#[cfg(test)]
mod tests {
    use crp_model::{PageNo, TextSource, Warning};

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::TempDir::new().unwrap())
        }

        fn at(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn outputs(&self) -> Outputs {
            let layouts = vec![(LayoutFormat::Tsv, self.at("a.tsv"))];
            Outputs { pdf: self.at("a.pdf"), text: self.at("a.txt"), json: self.at("a.json"), layouts }
        }

        fn write(&self) -> Result<(), Failure> {
            let outputs = self.outputs();
            let mut unfinished = Unfinished::begin(&outputs, Path::new("in/a.png"), Sha256Hash::of(b"x"))?;
            unfinished.searchable_pdf()?.write_all(b"%PDF").unwrap();
            [1, 2].into_iter().try_for_each(|number| unfinished.page(&page(number)))?;
            let warning = Warning::new(crp_model::labels::WarningKind::PageScaled, None, "scaled");
            unfinished.finish(&DocumentResult { fields: None, warnings: vec![warning], page_failures: Vec::new(), pages_total: 2 })
        }

        fn names(&self) -> Vec<String> {
            let mut names: Vec<String> =
                fs::read_dir(self.0.path()).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        }
    }

    fn page(number: u32) -> PageLayout {
        PageLayout {
            page: PageNo::new(number).unwrap(),
            width: 72.0,
            height: 72.0,
            rotation: 0,
            pixels: None,
            source: TextSource::None,
            words: Vec::new(),
            lines: Vec::new(),
        }
    }

    #[test]
    fn the_json_holds_origin_pages_fields_and_warnings() {
        let folder = Folder::new();
        folder.write().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&fs::read(folder.at("a.json")).unwrap()).unwrap();
        assert_eq!(json["file"], "a.png");
        assert_eq!(json["sha256"], Sha256Hash::of(b"x").to_string());
        assert_eq!((&json["pages"][0]["page"], &json["pages"][1]["page"]), (&1.into(), &2.into()));
        assert_eq!(json["fields"], json!([]));
        assert_eq!(json["warnings"][0]["message"], "scaled");
        assert_eq!(folder.names(), ["a.json", "a.pdf", "a.tsv", "a.txt"]);
        assert_eq!(fs::read(folder.at("a.pdf")).unwrap(), b"%PDF");
        assert_eq!(fs::read(folder.at("a.txt")).unwrap(), b"\x0c");
        assert!(fs::read_to_string(folder.at("a.tsv")).unwrap().ends_with("\n1\t2\t0\t0\t0\t0\t0\t0\t300\t300\t-1\t\n"));
    }

    #[test]
    fn what_cannot_be_written_whole_leaves_nothing() {
        let folder = Folder::new();
        let outputs = folder.outputs();
        let mut unfinished = Unfinished::begin(&outputs, Path::new("a.png"), Sha256Hash::of(b"x")).unwrap();
        unfinished.page(&page(1)).unwrap();
        assert_eq!(folder.names().len(), 4, "beside their destination");
        drop(unfinished);
        assert!(folder.names().is_empty(), "{:?}", folder.names());
        // The name of the first that is wanted last is taken by a folder: those before it go again.
        fs::create_dir(folder.at("a.pdf")).unwrap();
        let failure = folder.write().unwrap_err();
        assert_eq!(failure.code, Code::FileAccess);
        assert_eq!(folder.names(), ["a.pdf"]);
    }

    #[test]
    fn an_earlier_output_is_replaced() {
        let folder = Folder::new();
        fs::write(folder.at("a.pdf"), "earlier").unwrap();
        folder.write().unwrap();
        assert_eq!(fs::read(folder.at("a.pdf")).unwrap(), b"%PDF");
    }
}
