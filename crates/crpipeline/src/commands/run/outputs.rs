//! Writes the outputs of one input: whole or not at all.

use std::{
    fs::{self, File, Permissions},
    io::{self, BufWriter, Read as _, Write},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crp_model::{Code, Failure, LayoutConverter, LayoutFormat, Sha256Hash};
use crp_pipeline::DocumentResult;
use serde_json::json;
use tempfile::NamedTempFile;

use super::{inputs::Outputs, shown};

/// What is written about one document.
pub(super) struct Description<'a> {
    /// The input.
    pub(super) file: &'a Path,
    /// The hash of its bytes.
    pub(super) sha256: Sha256Hash,
    /// What came out.
    pub(super) result: &'a DocumentResult,
}

/// Makes the folder of `-o` and checks that files can be made in it, before hours of work.
pub(super) fn prepare_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| failed("The output folder cannot be made", folder, &error))?;
    tempfile::tempfile_in(folder).map(drop).map_err(|error| failed("Nothing can be written in", folder, &error))
}

/// Writes PDF, text, JSON and what else was asked for. Each is complete and on disk under a temporary name before the first gets its own.
pub(super) fn write(outputs: &Outputs, description: &Description<'_>) -> Result<(), Failure> {
    let result = description.result;
    let mut staged =
        vec![stage(&outputs.pdf, |file| copy(&result.searchable_pdf, file))?, stage(&outputs.text, |file| copy(&result.text, file))?];
    for (format, path) in &outputs.layouts {
        staged.push(stage(path, |file| write_layout(description, *format, file))?);
    }
    staged.push(stage(&outputs.json, |file| write_json(description, file))?);
    let mut placed: Vec<Placed> = Vec::with_capacity(staged.len());
    // The JSON, which is the last of them, goes first: by it a later run knows that the others are its own.
    for (file, path) in staged.into_iter().zip(outputs.all()).rev() {
        let is_new = fs::symlink_metadata(path).is_err();
        if let Err(error) = file.persist(path) {
            let failure = failed("The output cannot be put in its place", path, &error.error);
            // Those that took a free name go again; an earlier output that was replaced cannot come back.
            placed.iter().filter(|p| p.is_new).for_each(|p| drop(fs::remove_file(&p.path)));
            return Err(failure);
        }
        placed.push(Placed { path: path.to_owned(), is_new });
    }
    // The names are safe only when their folder is.
    let folder = folder_of(&outputs.pdf);
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| failed("The outputs cannot be flushed to disk in", folder, &error))
}

struct Placed {
    path: PathBuf,
    is_new: bool,
}

fn stage(output: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<NamedTempFile, Failure> {
    let folder = folder_of(output);
    let mut file = tempfile::Builder::new()
        .prefix(".crpipeline-")
        .suffix(".part")
        // As any program writes its files: the process' mask takes away what others may not.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(|error| failed("Nothing can be written in", folder, &error))?;
    fill(file.as_file_mut())
        .and_then(|()| file.as_file().sync_all())
        .map_err(|error| failed("The output cannot be written", output, &error))?;
    Ok(file)
}

fn copy(from: &Path, to: &mut File) -> io::Result<()> {
    io::copy(&mut File::open(from)?, to).map(drop)
}

/// The layout in another format, one page in memory at a time.
fn write_layout(description: &Description<'_>, format: LayoutFormat, file: &mut File) -> io::Result<()> {
    let name = description.file.file_name().unwrap_or_default().to_string_lossy();
    let mut converter = LayoutConverter::new(format, &name);
    let (mut layout, mut out) = (File::open(&description.result.layout)?, BufWriter::new(file));
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = layout.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        out.write_all(converter.push(&buffer[..read]).map_err(io::Error::other)?.as_bytes())?;
    }
    out.write_all(converter.finish().map_err(io::Error::other)?.as_bytes())?;
    out.flush()
}

/// Who made it and from what, then the members of the layout (the pages), then fields and warnings.
/// The pages are copied, not parsed: a document of thousands of pages would fill the memory.
fn write_json(description: &Description<'_>, file: &mut File) -> io::Result<()> {
    let result = description.result;
    let mut out = BufWriter::new(file);
    let name = description.file.file_name().unwrap_or_default().to_string_lossy();
    let head = json!({ "crpipeline": env!("CARGO_PKG_VERSION"), "file": name, "sha256": description.sha256 }).to_string();
    let tail = json!({ "fields": result.fields.as_deref().unwrap_or_default(), "warnings": result.warnings }).to_string();
    out.write_all(head.trim_end_matches('}').as_bytes())?;
    out.write_all(b",")?;
    copy_members(&mut File::open(&result.layout)?, &mut out)?;
    out.write_all(b",")?;
    out.write_all(tail.trim_start_matches('{').as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Copies what stands between the braces of a JSON object.
fn copy_members(layout: &mut (impl io::Read + io::Seek), out: &mut impl Write) -> io::Result<()> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "the layout is no JSON object");
    let length = layout.seek(io::SeekFrom::End(0))?;
    // Space after the closing brace is allowed, a newline is usual.
    let tail_length = length.min(16);
    layout.seek(io::SeekFrom::End(-i64::try_from(tail_length).map_err(|_| invalid())?))?;
    let mut tail = Vec::new();
    layout.read_to_end(&mut tail)?;
    let brace = tail.iter().rposition(|b| *b == b'}').ok_or_else(invalid)?;
    let end = length - tail_length + brace as u64;
    layout.rewind()?;
    let mut first = [0];
    layout.read_exact(&mut first)?;
    if first != *b"{" || end < 1 {
        return Err(invalid());
    }
    let copied = io::copy(&mut io::Read::take(layout, end - 1), out)?;
    if copied == end - 1 { Ok(()) } else { Err(invalid()) }
}

fn folder_of(path: &Path) -> &Path {
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
    use crp_model::Warning;

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            let folder = Self(tempfile::TempDir::new().unwrap());
            fs::create_dir(folder.at("out")).unwrap();
            fs::write(folder.at("result.pdf"), "%PDF").unwrap();
            fs::write(folder.at("result.txt"), "text").unwrap();
            fs::write(
                folder.at("result.json"),
                "{\"pages\":[{\"page\":1,\"width\":72,\"height\":72,\"rotation\":0,\"source\":\"none\",\"words\":[],\"lines\":[]}]}\n",
            )
            .unwrap();
            folder
        }

        fn at(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self) -> Result<(), Failure> {
            let warning = Warning::new(crp_model::labels::WarningKind::PageScaled, None, "scaled");
            let result = DocumentResult {
                searchable_pdf: self.at("result.pdf"),
                text: self.at("result.txt"),
                layout: self.at("result.json"),
                fields: None,
                warnings: vec![warning],
                page_failures: Vec::new(),
                pages_total: 1,
            };
            let outputs = Outputs {
                pdf: self.at("out/a.pdf"),
                text: self.at("out/a.txt"),
                json: self.at("out/a.json"),
                layouts: vec![(LayoutFormat::Tsv, self.at("out/a.tsv"))],
            };
            write(&outputs, &Description { file: Path::new("in/a.png"), sha256: Sha256Hash::of(b"x"), result: &result })
        }

        fn names(&self) -> Vec<String> {
            let mut names: Vec<String> =
                fs::read_dir(self.at("out")).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        }
    }

    #[test]
    fn the_json_holds_origin_pages_fields_and_warnings() {
        let folder = Folder::new();
        folder.write().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&fs::read(folder.at("out/a.json")).unwrap()).unwrap();
        assert_eq!(json["file"], "a.png");
        assert_eq!(json["sha256"], Sha256Hash::of(b"x").to_string());
        assert_eq!(json["pages"][0]["page"], 1);
        assert_eq!(json["fields"], json!([]));
        assert_eq!(json["warnings"][0]["message"], "scaled");
        assert_eq!(folder.names(), ["a.json", "a.pdf", "a.tsv", "a.txt"]);
        assert_eq!(fs::read(folder.at("out/a.pdf")).unwrap(), b"%PDF");
        assert!(fs::read_to_string(folder.at("out/a.tsv")).unwrap().ends_with("\n1\t1\t0\t0\t0\t0\t0\t0\t300\t300\t-1\t\n"));
    }

    #[test]
    fn what_cannot_be_written_whole_leaves_nothing() {
        let folder = Folder::new();
        fs::remove_file(folder.at("result.txt")).unwrap();
        folder.write().unwrap_err();
        assert!(folder.names().is_empty(), "{:?}", folder.names());
        // The last name is taken by a folder: the first two go again.
        let folder = Folder::new();
        fs::create_dir(folder.at("out/a.json")).unwrap();
        let failure = folder.write().unwrap_err();
        assert_eq!(failure.code, Code::FileAccess);
        assert_eq!(folder.names(), ["a.json"]);
    }

    #[test]
    fn an_earlier_output_is_replaced() {
        let folder = Folder::new();
        fs::write(folder.at("out/a.pdf"), "earlier").unwrap();
        folder.write().unwrap();
        assert_eq!(fs::read(folder.at("out/a.pdf")).unwrap(), b"%PDF");
    }
}
