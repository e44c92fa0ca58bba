//! `crpipeline run`: what is refused before any work, what is never touched, and which code several files give.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crp_testkit::{CommandLine, command::Ran, hostile, samples};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");
const WORDS: &str = "This page carries its words already, so that no engine is needed.";

/// A folder with files, and the binary in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[&str]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for name in files {
            fs::create_dir_all(folder.at(name).parent().unwrap()).unwrap();
            fs::write(folder.at(name), samples::born_digital(&[WORDS])).unwrap();
        }
        folder
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        let arguments: Vec<&str> = ["run"].iter().chain(arguments).copied().collect();
        CommandLine::new(BINARY, self.0.path()).run(&arguments).await
    }

    /// Every file below the folder, by name.
    fn files(&self) -> Vec<String> {
        fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() {
                    collect(root, &entry.path(), files);
                } else {
                    files.push(entry.path().strip_prefix(root).unwrap().display().to_string());
                }
            }
        }
        let mut files = Vec::new();
        collect(self.0.path(), self.0.path(), &mut files);
        files.sort();
        files
    }
}

#[tokio::test]
async fn two_inputs_with_one_name_are_refused_before_any_work() {
    let folder = Folder::with(&["a/scan.pdf", "b/scan.pdf"]);
    let ran = folder.run(&["-o", "out", "a/scan.pdf", "b/scan.pdf"]).await;
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(
        ["a/scan.pdf", "b/scan.pdf", "out/scan.pdf", "would both write"].iter().all(|part| ran.stderr.contains(part)),
        "{}",
        ran.stderr
    );
    assert_eq!(folder.files(), ["a/scan.pdf", "b/scan.pdf"]);
    // Beside the inputs their outputs do not meet.
    let ran = folder.run(&["a/scan.pdf", "b/scan.pdf"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(folder.files().len(), 8);
}

#[tokio::test]
async fn an_input_is_never_replaced_not_even_through_a_link() {
    let folder = Folder::with(&["scan.pdf", "other.pdf"]);
    let before = fs::read(folder.at("scan.pdf")).unwrap();
    fs::create_dir(folder.at("hard")).unwrap();
    fs::create_dir(folder.at("soft")).unwrap();
    fs::hard_link(folder.at("scan.pdf"), folder.at("hard/scan.pdf")).unwrap();
    std::os::unix::fs::symlink("../scan.pdf", folder.at("soft/scan.pdf")).unwrap();
    for output in [".", "hard", "soft"] {
        let ran = folder.run(&["-o", output, "scan.pdf"]).await;
        assert_eq!(ran.code, Some(2), "-o {output}: {}", ran.stderr);
        assert!(ran.stderr.contains("would be replaced"), "{}", ran.stderr);
    }
    assert_eq!(fs::read(folder.at("scan.pdf")).unwrap(), before);
    assert_eq!(folder.files(), ["hard/scan.pdf", "other.pdf", "scan.pdf", "soft/scan.pdf"]);
}

#[tokio::test]
async fn our_own_earlier_outputs_are_replaced_and_the_input_stays_as_it_was() {
    let folder = Folder::with(&["scan.pdf"]);
    let before = (fs::read(folder.at("scan.pdf")).unwrap(), fs::metadata(folder.at("scan.pdf")).unwrap().modified().unwrap());
    fs::write(folder.at("scan.ocr.txt"), "of an earlier run").unwrap();
    fs::write(folder.at("scan.ocr.json"), "{\"crpipeline\":\"0.1.0\"}").unwrap();
    let ran = folder.run(&["scan.pdf"]).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "nothing but a result is told, and no bar is drawn into a pipe");
    assert_eq!(ran.stdout, "scan.pdf: 1 page → scan.ocr.pdf, scan.ocr.txt, scan.ocr.json\n");
    assert!(fs::read_to_string(folder.at("scan.ocr.txt")).unwrap().contains("carries its words"));
    assert_eq!((fs::read(folder.at("scan.pdf")).unwrap(), fs::metadata(folder.at("scan.pdf")).unwrap().modified().unwrap()), before);
    assert_eq!(folder.files(), ["scan.ocr.json", "scan.ocr.pdf", "scan.ocr.txt", "scan.pdf"]);
}

#[tokio::test]
async fn the_layout_is_written_in_the_formats_that_are_asked_for() {
    let folder = Folder::with(&["scan.pdf"]);
    let ran = folder.run(&["--json", "--format", "tsv,hocr", "--format", "alto", "-o", "out", "scan.pdf"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let names = ["out/scan.alto.xml", "out/scan.hocr", "out/scan.json", "out/scan.pdf", "out/scan.tsv", "out/scan.txt", "scan.pdf"];
    assert_eq!(folder.files(), names);
    assert_eq!(ran.json_lines()[0]["outputs"]["alto"], "out/scan.alto.xml");
    let text = |name: &str| fs::read_to_string(folder.at(name)).unwrap();
    assert!(text("out/scan.hocr").contains(">carries</span>") && text("out/scan.hocr").ends_with("</html>\n"));
    assert!(text("out/scan.alto.xml").contains(" CONTENT=\"carries\"/>") && text("out/scan.alto.xml").ends_with("</alto>\n"));
    assert!(text("out/scan.tsv").lines().any(|row| row.starts_with("5\t1\t") && row.ends_with("\tcarries")));
    let ran = folder.run(&["--format", "docx", "-o", "other", "scan.pdf"]).await;
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("the formats are hocr, alto, tsv") && !folder.at("other").exists(), "{}", ran.stderr);
}

#[tokio::test]
async fn a_pipeline_for_an_engine_that_is_not_set_up_or_away_says_so() {
    let folder = Folder::with(&["carries-text.pdf"]);
    fs::write(folder.at("scan.png"), samples::letter_png()).unwrap();
    fs::write(folder.at("http.yaml"), "name: x\nstages:\n  - type: ocr\n    engine: http\n").unwrap();
    let codes = |ran: &Ran| ran.json_lines().iter().map(|line| line["failure"]["code"].clone()).collect::<Vec<_>>();
    let arguments = ["run", "--json", "-p", "http.yaml", "scan.png", "carries-text.pdf"];
    let line = CommandLine::new(BINARY, folder.0.path());
    let ran = line.run(&arguments).await;
    assert_eq!((ran.code, codes(&ran)), (Some(4), vec!["engine_not_configured".into(), serde_json::Value::Null]), "{}", ran.stderr);
    let line = line.env("CRPIPELINE_HTTP_ENGINE_URL", "http://127.0.0.1:1/").env("CRPIPELINE_PAGE_TIMEOUT_SECONDS", "8");
    let ran = line.run(&arguments).await;
    assert_eq!((ran.code, codes(&ran)), (Some(4), vec!["engine_unavailable".into(), serde_json::Value::Null]), "{}", ran.stderr);
}

#[tokio::test]
async fn all_files_are_tried_and_the_first_failure_gives_the_code() {
    let folder = Folder::with(&["good.pdf", "last.pdf"]);
    fs::write(folder.at("empty.pdf"), "").unwrap();
    fs::write(folder.at("encrypted.pdf"), hostile::encrypted("secret")).unwrap();
    let ran = folder.run(&["--json", "good.pdf", "empty.pdf", "missing.pdf", "encrypted.pdf", "last.pdf"]).await;
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let told: Vec<(String, String)> = ran
        .json_lines()
        .iter()
        .map(|line| (line["file"].as_str().unwrap().to_owned(), line["failure"]["code"].as_str().unwrap_or("none").to_owned()))
        .collect();
    let wanted = [
        ("good.pdf", "none"),
        ("empty.pdf", "empty_file"),
        ("missing.pdf", "file_access"),
        ("encrypted.pdf", "encrypted_pdf"),
        ("last.pdf", "none"),
    ];
    assert_eq!(told, wanted.map(|(file, code)| (file.to_owned(), code.to_owned())));
    assert_eq!(folder.run(&["missing.pdf", "empty.pdf"]).await.code, Some(2), "the first failure counts, not the worst");
}

#[tokio::test]
async fn wrong_arguments_are_told_before_any_work() {
    let folder = Folder::with(&["scan.pdf"]);
    fs::write(folder.at("ai.yaml"), "name: x\nstages:\n  - type: ocr\n  - type: report\n    template: summary\n").unwrap();
    fs::write(folder.at("file"), "").unwrap();
    let cases: [(&[&str], &str); 9] = [
        (&[], "FILE"),
        (&["-j", "0", "scan.pdf"], "--jobs"),
        (&["-l", "../eng", "scan.pdf"], "no language code"),
        (&["-l", "eng+", "scan.pdf"], "no language code"),
        (&["-p", "nowhere.yaml", "scan.pdf"], "nowhere.yaml"),
        (&["-p", "ai.yaml", "scan.pdf"], "stage_not_available"),
        (&["-o", "file", "scan.pdf"], "file"),
        (&["."], "is a folder"),
        (&["--config", "nowhere.toml", "scan.pdf"], "nowhere.toml"),
    ];
    for (arguments, part) in cases {
        let ran = folder.run(arguments).await;
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{arguments:?}: {}", ran.stderr);
    }
    assert_eq!(folder.files(), ["ai.yaml", "file", "scan.pdf"]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told_and_nothing_is_left() {
    let folder = Folder::with(&["scan.pdf"]);
    // A folder in the place of an output is in the way for root, too.
    fs::create_dir(folder.at("scan.ocr.json")).unwrap();
    let ran = folder.run(&["scan.pdf"]).await;
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("scan.ocr.json") && ran.stderr.contains("it is no file"), "{}", ran.stderr);
    assert_eq!(folder.files(), ["scan.pdf"]);
}

#[tokio::test]
async fn a_setting_of_the_server_does_not_keep_a_file_from_being_read() {
    let folder = Folder::with(&["scan.pdf"]);
    let line = CommandLine::new(BINARY, folder.0.path()).env("DATABASE_URL", "mysql://other/program").env("CRPIPELINE_LISTEN", "nonsense");
    assert_eq!(line.run(&["run", "scan.pdf"]).await.code, Some(0));
    let line = line.env("CRPIPELINE_MAX_PAGES", "none");
    let ran = line.run(&["run", "scan.pdf"]).await;
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("limits.max_pages = \"none\" (from environment variable CRPIPELINE_MAX_PAGES)"), "{}", ran.stderr);
}
