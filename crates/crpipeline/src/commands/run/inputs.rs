//! Which files are read, where their outputs go, and what is refused before any work.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs::{File, Metadata},
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crp_model::{Code, Failure, LayoutFormat, Limits, MediaType, Sha256Hash, media::SNIFF_BYTES};
use sha2::Digest as _;

use super::shown;

/// How the JSON of every run begins.
const OUR_JSON_BEGINS: &[u8; 14] = b"{\"crpipeline\":";

/// A file to read and the files to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    /// The file as it was named.
    pub(super) path: PathBuf,
    /// Where its results go.
    pub(super) outputs: Outputs,
}

/// The outputs of one input, three and those asked for besides; all lie in one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outputs {
    /// The searchable PDF.
    pub(super) pdf: PathBuf,
    /// The text.
    pub(super) text: PathBuf,
    /// Pages, words and fields.
    pub(super) json: PathBuf,
    /// The layout in formats of other programs.
    pub(super) layouts: Vec<(LayoutFormat, PathBuf)>,
}

impl Outputs {
    /// Beside `input` as `NAME.ocr.*`, or in `folder` as `NAME.*`.
    fn of(input: &Path, folder: Option<&Path>, formats: &[LayoutFormat]) -> Self {
        let stem = input.file_stem().unwrap_or(input.as_os_str());
        let (folder, middle) = match folder {
            Some(folder) => (folder, ""),
            None => (input.parent().unwrap_or(Path::new("")), ".ocr"),
        };
        let named = |extension: &str| {
            let mut name = OsString::from(stem);
            name.push(middle);
            name.push(extension);
            folder.join(name)
        };
        let layouts = LayoutFormat::ALL.into_iter().filter(|format| formats.contains(format));
        let layouts = layouts.map(|format| (format, named(&format!(".{}", format.extension())))).collect();
        Self { pdf: named(".pdf"), text: named(".txt"), json: named(".json"), layouts }
    }

    /// All of them, in the order in which they are written; the JSON comes last.
    pub(super) fn all(&self) -> Vec<&Path> {
        let layouts = self.layouts.iter().map(|(_, path)| path.as_path());
        [self.pdf.as_path(), &self.text].into_iter().chain(layouts).chain([self.json.as_path()]).collect()
    }
}

/// Pairs every file with its outputs; `formats` are those of the layout that are wanted besides.
///
/// # Errors
/// When two inputs would write one file, or an output would replace an input or anything that is no file.
pub(super) fn collect(files: &[PathBuf], folder: Option<&Path>, formats: &[LayoutFormat]) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::with_capacity(files.len());
    // Which file an input really is: a link to it, hard or symbolic, must not be replaced either.
    let mut identities = HashMap::new();
    for path in files {
        if let Ok(metadata) = std::fs::metadata(path) {
            identities.entry(identity(&metadata)).or_insert(path);
        }
        inputs.push(Input { path: path.clone(), outputs: Outputs::of(path, folder, formats) });
    }
    let mut writers: HashMap<PathBuf, &Path> = HashMap::new();
    for input in &inputs {
        for output in input.outputs.all() {
            if let Some(other) = writers.insert(real_place(output), &input.path) {
                let message = format!("{} and {} would both write {}", shown(other), shown(&input.path), shown(output));
                return Err(Failure::new(Code::FileAccess, message)
                    .with_remedy("Rename one of them, or run them one after the other into different folders with -o."));
            }
            let Ok(existing) = std::fs::symlink_metadata(output) else { continue };
            let target = std::fs::metadata(output).ok();
            if let Some(victim) = [Some(&existing), target.as_ref()].into_iter().flatten().find_map(|m| identities.get(&identity(m))) {
                let message = format!("{} would be replaced by the result of {}", shown(victim), shown(&input.path));
                return Err(Failure::new(Code::FileAccess, message)
                    .with_remedy("An input is never replaced: choose another folder with -o, or leave that file out."));
            }
            if !existing.is_file() && !existing.is_symlink() {
                let message = format!("{} is in the way of the result of {}: it is no file", shown(output), shown(&input.path));
                return Err(Failure::new(Code::FileAccess, message));
            }
            if !is_ours(&input.outputs) {
                let message = format!(
                    "{} exists and was not written by crPipeline; the result of {} would replace it",
                    shown(output),
                    shown(&input.path)
                );
                return Err(Failure::new(Code::FileAccess, message).with_remedy("Move it away, or choose another folder with -o."));
            }
        }
    }
    Ok(inputs)
}

/// Whether outputs that exist are of an earlier run: their JSON, which is put in its place first, says who wrote it.
fn is_ours(outputs: &Outputs) -> bool {
    let mut start = [0; OUR_JSON_BEGINS.len()];
    let read = File::open(&outputs.json).and_then(|mut json| json.read_exact(&mut start));
    read.is_ok() && start == *OUR_JSON_BEGINS
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// The path with its folder resolved, so that `a/x.pdf` and `b/../a/x.pdf` are one.
fn real_place(output: &Path) -> PathBuf {
    let folder = output.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), output.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => output.to_owned(),
    }
}

/// What one look at the file tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked {
    /// Its format.
    pub(super) media: MediaType,
    /// The hash of its bytes.
    pub(super) sha256: Sha256Hash,
}

/// Looks at a file as the server looks at an upload: size, first bytes, hash. It is opened for reading only.
pub(super) async fn check(path: &Path, limits: &Limits) -> Result<Checked, Failure> {
    let (path, max_bytes, max_mebibytes) = (path.to_owned(), limits.max_upload_bytes(), limits.max_upload_mebibytes);
    let looked = tokio::task::spawn_blocking(move || look(&path, max_bytes, max_mebibytes)).await;
    looked.unwrap_or_else(|error| Err(Failure::new(Code::Internal, format!("Reading the file ended early: {error}"))))
}

fn look(path: &Path, max_bytes: u64, max_mebibytes: u64) -> Result<Checked, Failure> {
    let unreadable = |error: std::io::Error| Failure::new(Code::FileAccess, format!("{} cannot be read: {error}", shown(path)));
    // Before it is opened: opening a pipe waits for its writer.
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        let remedy = "Name the files in it, for example with DIR/*.pdf.";
        return Err(Failure::new(Code::FileAccess, format!("{} is a folder, not a file", shown(path))).with_remedy(remedy));
    }
    if !metadata.is_file() {
        return Err(Failure::new(Code::FileAccess, format!("{} is a device or pipe, not a file", shown(path))));
    }
    if metadata.len() > max_bytes {
        let message = format!("{} has {} bytes; the limit is {max_mebibytes} mebibytes", shown(path), metadata.len());
        return Err(
            Failure::new(Code::TooLarge, message).with_remedy("Split the file, or raise the limit with CRPIPELINE_MAX_UPLOAD_MEBIBYTES.")
        );
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let mut hasher = sha2::Sha256::new();
    let mut first_bytes = Vec::with_capacity(SNIFF_BYTES);
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        hasher.update(&buffer[..read]);
        let missing = SNIFF_BYTES - first_bytes.len();
        first_bytes.extend_from_slice(&buffer[..read.min(missing)]);
    }
    let media = MediaType::sniff(&first_bytes)?;
    Ok(Checked { media, sha256: Sha256Hash(hasher.finalize().into()) })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn paths(outputs: &Outputs) -> Vec<String> {
        outputs.all().iter().map(|p| p.display().to_string()).collect()
    }

    #[test]
    fn outputs_stand_beside_the_input_or_in_the_folder() {
        assert_eq!(
            paths(&Outputs::of(Path::new("in/scan.tar.pdf"), None, &[])),
            ["in/scan.tar.ocr.pdf", "in/scan.tar.ocr.txt", "in/scan.tar.ocr.json"]
        );
        assert_eq!(
            paths(&Outputs::of(Path::new("in/scan.tif"), Some(Path::new("out")), &[])),
            ["out/scan.pdf", "out/scan.txt", "out/scan.json"]
        );
        assert_eq!(paths(&Outputs::of(Path::new("scan"), None, &[])), ["scan.ocr.pdf", "scan.ocr.txt", "scan.ocr.json"]);
        let twice = [LayoutFormat::Tsv, LayoutFormat::Alto, LayoutFormat::Tsv];
        assert_eq!(
            paths(&Outputs::of(Path::new("scan.png"), Some(Path::new("out")), &twice)),
            ["out/scan.pdf", "out/scan.txt", "out/scan.alto.xml", "out/scan.tsv", "out/scan.json"]
        );
    }

    #[test]
    fn two_inputs_that_would_write_one_file_are_refused() {
        let folder = tempfile::TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        for (one, other, output) in [("a.pdf", "a.png", None), ("a.pdf", "sub/a.pdf", Some(at("out"))), ("a.pdf", "sub/../a.png", None)] {
            let failure = collect(&[at(one), at(other)], output.as_deref(), &[]).unwrap_err();
            assert!(failure.code.exit_code() == 2 && failure.message.contains("would both write"), "{failure}");
        }
        assert!(collect(&[at("a.pdf"), at("sub/a.pdf")], None, &[]).is_ok());
    }

    #[test]
    fn an_output_never_replaces_an_input_also_through_links() {
        let folder = tempfile::TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("out")).unwrap();
        fs::write(at("a.pdf"), "x").unwrap();
        fs::write(at("out/b.pdf"), "y").unwrap();
        let refused =
            |files: &[PathBuf], output: &str| collect(files, Some(&at(output)), &[]).unwrap_err().message.contains("would be replaced");
        // The very file, a hard link and a symbolic link to it.
        assert!(refused(&[at("a.pdf")], ""));
        fs::hard_link(at("a.pdf"), at("out/a.pdf")).unwrap();
        assert!(refused(&[at("a.pdf")], "out"));
        fs::remove_file(at("out/a.pdf")).unwrap();
        std::os::unix::fs::symlink(at("a.pdf"), at("out/a.pdf")).unwrap();
        assert!(refused(&[at("a.pdf")], "out"));
        // An earlier output of ours is replaced.
        fs::remove_file(at("out/a.pdf")).unwrap();
        fs::write(at("out/a.pdf"), "somebody's").unwrap();
        let foreign = collect(&[at("a.pdf")], Some(&at("out")), &[]).unwrap_err();
        assert!(foreign.code.exit_code() == 2 && foreign.message.contains("was not written by crPipeline"), "{foreign}");
        fs::write(at("out/a.json"), "{\"crpipeline\":\"0.1.0\",\"pages\":[]}").unwrap();
        assert!(collect(&[at("a.pdf")], Some(&at("out")), &[]).is_ok());
    }

    #[tokio::test]
    async fn what_is_no_readable_file_is_refused_by_name() {
        let folder = tempfile::TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("empty.pdf"), "").unwrap();
        fs::write(at("text.pdf"), "hello").unwrap();
        fs::write(at("big.pdf"), vec![b'%'; 1024 * 1024 + 1]).unwrap();
        let limits = Limits { max_upload_mebibytes: 1, ..Limits::default() };
        for (name, code) in [
            ("missing.pdf", Code::FileAccess),
            ("", Code::FileAccess),
            ("empty.pdf", Code::EmptyFile),
            ("text.pdf", Code::UnsupportedType),
            ("big.pdf", Code::TooLarge),
        ] {
            assert_eq!(check(&at(name), &limits).await.unwrap_err().code, code, "{name}");
        }
    }
}
