//! What is measured: crPipeline and its peers, how each is installed, asked for its version, and run on a document.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::{documents::Document, measure::RunFolders, python};
use crate::{
    install,
    needs::{self, OCRMYPDF_OF_DEBIAN},
    workspace::{root, target},
};

/// Something that reads documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    /// The release binary of this workspace.
    Crpipeline,
    /// OCRmyPDF, newest, with the fastest settings that give a searchable PDF and text.
    OcrmypdfNewest,
    /// OCRmyPDF, newest, as it is without settings: PDF/A.
    OcrmypdfDefaults,
    /// OCRmyPDF of the distribution.
    OcrmypdfDebian,
    /// Kreuzberg, newest; text only.
    Kreuzberg,
    /// `pdftoppm`, then `xargs tesseract`.
    ShellLoop,
}

/// All of them, ourselves first.
pub(super) const ALL: [Tool; 6] =
    [Tool::Crpipeline, Tool::OcrmypdfNewest, Tool::OcrmypdfDefaults, Tool::OcrmypdfDebian, Tool::Kreuzberg, Tool::ShellLoop];

/// How all of them are to work.
pub(super) struct Settings {
    /// Pages at a time.
    pub(super) jobs: usize,
    /// Tesseract's codes, joined by `+`.
    pub(super) languages: String,
}

impl Tool {
    /// Its name on the command line and in the results.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Crpipeline => "crpipeline",
            Self::OcrmypdfNewest => "ocrmypdf",
            Self::OcrmypdfDefaults => "ocrmypdf-defaults",
            Self::OcrmypdfDebian => "ocrmypdf-debian",
            Self::Kreuzberg => "kreuzberg",
            Self::ShellLoop => "shell-loop",
        }
    }

    /// Its name for people; the version stands beside it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crpipeline => "crPipeline",
            Self::OcrmypdfNewest => "OCRmyPDF (PyPI)",
            Self::OcrmypdfDefaults => "OCRmyPDF (PyPI), defaults",
            Self::OcrmypdfDebian => "OCRmyPDF (Debian)",
            Self::Kreuzberg => "Kreuzberg (text only)",
            Self::ShellLoop => "pdftoppm | xargs tesseract",
        }
    }

    /// How it is run, for people.
    pub(super) fn described(self, settings: &Settings) -> String {
        let (jobs, languages) = (settings.jobs, &settings.languages);
        match self {
            Self::Crpipeline => format!("crpipeline run -j {jobs} -l {languages} -o DIR FILE"),
            Self::OcrmypdfNewest | Self::OcrmypdfDebian => {
                format!("ocrmypdf --jobs {jobs} -l {languages} --output-type pdf -O0 --sidecar TXT FILE PDF")
            }
            Self::OcrmypdfDefaults => format!("ocrmypdf --jobs {jobs} -l {languages} --sidecar TXT FILE PDF"),
            Self::Kreuzberg => format!("extract_file_sync(FILE), force_ocr, backend tesseract, {languages}, {jobs} threads; text only"),
            Self::ShellLoop => {
                format!("pdftoppm -r 300 -gray FILE, then xargs -P{jobs} tesseract PAGE OUT -l {languages} txt hocr")
            }
        }
    }

    /// Whether it writes a searchable PDF.
    pub(super) fn writes_pdf(self) -> bool {
        !matches!(self, Self::Kreuzberg | Self::ShellLoop)
    }

    /// Whether it has anything to do with a document. The shell loop knows no text that is there already.
    pub(super) fn reads(self, document: &Document) -> bool {
        !(document.is_text && self == Self::ShellLoop)
    }

    /// Seconds for a page that it took where this was written; only for telling how long all of it will take.
    pub(super) fn usual_seconds_per_page(self) -> f64 {
        match self {
            Self::Crpipeline => 0.9,
            Self::OcrmypdfNewest | Self::OcrmypdfDefaults => 2.0,
            Self::OcrmypdfDebian => 2.7,
            Self::Kreuzberg => 1.7,
            Self::ShellLoop => 1.5,
        }
    }

    /// Sees to it that it is there; our own binary is built, not installed.
    pub(super) fn install(self, anew: bool) -> Result<()> {
        match self {
            Self::Crpipeline => Ok(()),
            Self::OcrmypdfNewest | Self::OcrmypdfDefaults => python::OCRMYPDF.install(anew),
            Self::OcrmypdfDebian => install::install_missing(&[&needs::PEER_OF_DEBIAN]),
            Self::Kreuzberg => python::KREUZBERG.install(anew),
            Self::ShellLoop => {
                ensure!(needs::program("pdftoppm").is_some(), "pdftoppm is not installed");
                ensure!(needs::program("tesseract").is_some(), "tesseract is not installed");
                Ok(())
            }
        }
    }

    /// Its version, as it tells itself.
    pub(super) fn version(self) -> Result<String> {
        match self {
            Self::Crpipeline => first_line(Command::new(release("crpipeline")).arg("--version")),
            Self::OcrmypdfNewest | Self::OcrmypdfDefaults => {
                first_line(Command::new(python::OCRMYPDF.program("ocrmypdf")?).arg("--version"))
            }
            Self::OcrmypdfDebian => first_line(Command::new(OCRMYPDF_OF_DEBIAN).arg("--version")),
            Self::Kreuzberg => {
                let ask = "import importlib.metadata as m; print(m.version('kreuzberg'))";
                first_line(Command::new(python::KREUZBERG.program("python")?).args(["-c", ask]))
            }
            Self::ShellLoop => {
                let poppler = first_line(Command::new("pdftoppm").arg("-v"))?;
                Ok(format!("{poppler}, {}", first_line(Command::new("tesseract").arg("--version"))?))
            }
        }
    }

    /// The command that reads `document` into `folders`: `NAME.txt` for each file, and `NAME.pdf` where it writes one.
    pub(super) fn command(self, document: &Document, settings: &Settings, folders: &RunFolders) -> Result<Command> {
        let mut command = match self {
            Self::Crpipeline => {
                let mut command = Command::new(release("crpipeline"));
                command.args(["run", "-j", &settings.jobs.to_string(), "-l", &settings.languages, "-o"]).arg(&folders.output);
                command
            }
            Self::OcrmypdfNewest => ocrmypdf(&python::OCRMYPDF.program("ocrmypdf")?, FASTEST, document),
            Self::OcrmypdfDefaults => ocrmypdf(&python::OCRMYPDF.program("ocrmypdf")?, "", document),
            Self::OcrmypdfDebian => ocrmypdf(Path::new(OCRMYPDF_OF_DEBIAN), FASTEST, document),
            Self::Kreuzberg => {
                let mut command = Command::new(python::KREUZBERG.program("python")?);
                let mode = if document.is_text { "auto" } else { "force" };
                command.arg(root().join("benches/ocr/kreuzberg_text.py")).args([&settings.languages, mode, &settings.jobs.to_string()]);
                command.arg(&folders.output);
                command
            }
            Self::ShellLoop => script(if is_pdf(document) { LOOP_OVER_PAGES } else { LOOP_OVER_PICTURES }),
        };
        command.env("JOBS", settings.jobs.to_string()).env("LANGUAGES", &settings.languages).env("OUTPUT", &folders.output);
        // All of them work on pages side by side; threads of the engine within a page would fight over the same cores.
        command.env("OMP_THREAD_LIMIT", "1");
        // Whatever this shell has set for a server of ours is not meant for the bench.
        let ours = std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("CRPIPELINE_"));
        for name in ours.filter(|name| name != "CRPIPELINE_TESSERACT_LIBRARY") {
            command.env_remove(name);
        }
        command.args(&document.files);
        Ok(command)
    }
}

/// A program of the release build.
pub(super) fn release(name: &str) -> PathBuf {
    target().join("release").join(name)
}

/// OCRmyPDF takes one file; several are run so many at a time, with one page each.
fn ocrmypdf(program: &Path, options: &str, document: &Document) -> Command {
    let mut command = script(if document.files.len() == 1 { OCRMYPDF_ON_ONE } else { OCRMYPDF_ON_MANY });
    let skip = if document.is_text { "--skip-text" } else { "" };
    command.env("OCRMYPDF", program).env("OPTIONS", format!("{options} {skip}"));
    command
}

fn is_pdf(document: &Document) -> bool {
    document.files.iter().all(|file| file.extension().is_some_and(|extension| extension == "pdf"))
}

fn script(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-e", "-c", text, "sh"]);
    command
}

const FASTEST: &str = "--output-type pdf -O0";

const OCRMYPDF_ON_ONE: &str = r#"
name=$(basename "${1%.*}")
exec "$OCRMYPDF" --jobs "$JOBS" -l "$LANGUAGES" $OPTIONS --sidecar "$OUTPUT/$name.txt" "$1" "$OUTPUT/$name.pdf"
"#;

const OCRMYPDF_ON_MANY: &str = r#"
printf '%s\0' "$@" | xargs -0 -P "$JOBS" -I FILE sh -c '
    name=$(basename "${1%.*}")
    exec "$OCRMYPDF" --jobs 1 -l "$LANGUAGES" --image-dpi 300 $OPTIONS --sidecar "$OUTPUT/$name.txt" "$1" "$OUTPUT/$name.pdf"
' sh FILE
"#;

const LOOP_OVER_PAGES: &str = r#"
name=$(basename "${1%.*}")
pdftoppm -r 300 -gray "$1" "$TMPDIR/page"
ls "$TMPDIR"/page*.pgm | xargs -P "$JOBS" -I PAGE tesseract PAGE PAGE -l "$LANGUAGES" txt hocr
for text in "$TMPDIR"/page*.txt; do
    cat "$text"
    # The engine's program writes none behind the only page of a picture.
    printf '\f'
done > "$OUTPUT/$name.txt"
"#;

const LOOP_OVER_PICTURES: &str = r#"
printf '%s\0' "$@" | xargs -0 -P "$JOBS" -I FILE sh -c '
    exec tesseract "$1" "$OUTPUT/$(basename "${1%.*}")" -l "$LANGUAGES" txt hocr
' sh FILE
"#;

/// The first line that a program prints, on whichever stream.
pub(super) fn first_line(command: &mut Command) -> Result<String> {
    let shown = crate::run::shown(command);
    let output = command.output().with_context(|| format!("`{shown}`"))?;
    ensure!(output.status.success(), "`{shown}` {}", crate::run::told(output.status));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned).with_context(|| format!("`{shown}` says nothing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_name_of_its_own_and_runs_with_the_same_jobs_and_languages() {
        let settings = Settings { jobs: 3, languages: "eng+deu".to_owned() };
        let mut ids: Vec<&str> = ALL.iter().map(|tool| tool.id()).collect();
        ids.dedup();
        assert_eq!(ids.len(), ALL.len());
        for tool in ALL {
            let described = tool.described(&settings);
            assert!(described.contains("eng+deu") && described.contains('3'), "{described}");
        }
    }

    #[test]
    fn scripts_pass_names_with_blanks_on_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a scan 'x'.jpg");
        std::fs::write(&file, "").unwrap();
        // A program in the place of the peer that writes down its arguments.
        let stub = folder.path().join("stub");
        std::fs::write(&stub, "#!/bin/sh\nprintf '%s|' \"$@\" >> \"$OUTPUT/calls\"\n").unwrap();
        let mut permissions = std::fs::metadata(&stub).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        std::fs::set_permissions(&stub, permissions).unwrap();
        for text in [OCRMYPDF_ON_ONE, OCRMYPDF_ON_MANY] {
            let mut command = script(text);
            command.arg(&file).env("OCRMYPDF", &stub).env("JOBS", "2").env("LANGUAGES", "eng").env("OPTIONS", FASTEST);
            assert!(command.env("OUTPUT", folder.path()).status().unwrap().success());
            let calls = std::fs::read_to_string(folder.path().join("calls")).unwrap();
            std::fs::remove_file(folder.path().join("calls")).unwrap();
            assert!(calls.contains(&format!("|{}|", file.display())), "{calls}");
            assert!(calls.contains("|--output-type|pdf|-O0|"), "{calls}");
            assert!(calls.contains(&format!("|--sidecar|{}/a scan 'x'.txt|", folder.path().display())), "{calls}");
        }
    }

    #[test]
    fn a_version_is_the_first_line_on_either_stream() {
        assert_eq!(first_line(Command::new("sh").args(["-c", "echo; echo tool 1.2 >&2; echo more >&2"])).unwrap(), "tool 1.2");
        assert!(first_line(Command::new("sh").args(["-c", "exit 3"])).unwrap_err().to_string().contains("exit code 3"));
    }
}
