//! Other libraries than the one that the system ships: a newer Tesseract works in the closed sandbox, one that is too old and one
//! that is none are told with what they are.

mod support;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use crp_metrics::Metrics;
use crp_model::{Code, pipeline::OcrMode};
use crp_ocr::{ChildCommand, probe_engine};
use support::{child, english, page, pdf, start, words};

/// A child on a machine whose operator has named this library. `TESSDATA_PREFIX` of this shell is not meant for it.
fn with_library(library: &Path) -> ChildCommand {
    let mut command = child(&[("CRPIPELINE_TESSERACT_LIBRARY", library.to_str().unwrap())]);
    command.env.retain(|(name, _)| name != "TESSDATA_PREFIX");
    command
}

/// Where a newer Tesseract than the system's lies; says so loudly when there is none.
fn newer_tesseract() -> Option<PathBuf> {
    let named: Option<OsString> = std::env::var_os("CRP_NEWER_TESSERACT").filter(|path| !path.is_empty());
    if named.is_none() {
        eprintln!("SKIPPED: CRP_NEWER_TESSERACT names no library of a newer Tesseract (`cargo xtask test` installs one)");
    }
    named.map(PathBuf::from)
}

#[tokio::test]
async fn a_newer_tesseract_is_found_by_its_path_finds_the_systems_languages_and_reads_in_the_closed_sandbox() {
    let Some(library) = newer_tesseract() else { return };
    let command = with_library(&library);
    let probe = probe_engine(&command).await.unwrap();
    let system = probe_engine(&child(&[])).await.unwrap();
    assert_ne!(probe.version, system.version, "{} is no other Tesseract", library.display());
    assert!(probe.languages.contains(&"eng".to_owned()), "{probe:?}");
    assert_eq!(probe.sandbox, system.sandbox, "the sandbox is as tight around it");

    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["The quick brown fox\njumps over the lazy dog"]);
    let mut child = start(&command, &file, &english(OcrMode::Force), &Metrics::for_tests()).await.unwrap();
    for _twice in 0..2 {
        let reading = child.read_page(page(1)).await.unwrap();
        assert_eq!(words(&reading.layout), ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog"]);
        assert_eq!(reading.layout.lines.len(), 2);
        assert!((reading.layout.lines[0].baseline[1] - 92.0).abs() < 2.0, "{:?}", reading.layout.lines);
    }
    assert_eq!(child.sandbox(), system.sandbox);
}

/// Builds a library out of this C source; says so loudly where there is no compiler.
fn library_of(folder: &Path, source: &str) -> Option<PathBuf> {
    let (file, library) = (folder.join("library.c"), folder.join("libother.so"));
    std::fs::write(&file, source).unwrap();
    match Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&file).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            eprintln!("SKIPPED: cc cannot be started: {error}");
            return None;
        }
    }
    Some(library)
}

#[tokio::test]
async fn a_library_that_cannot_be_used_is_told_with_its_version_and_what_is_wrong_with_it() {
    let cases = [
        ("const char *TessVersion(void) { return \"3.05.02\"; }", "Tesseract 3.05.02 is too old, version 4 or newer is needed"),
        ("const char *TessVersion(void) { return \"5.9.1\"; }", "Tesseract 5.9.1 cannot be used, it has no function Tess"),
        ("int something_else(void) { return 1; }", "the library there is not Tesseract's"),
    ];
    for (source, told) in cases {
        let folder = tempfile::tempdir().unwrap();
        let Some(library) = library_of(folder.path(), source) else { return };
        let command = with_library(&library);
        let file = pdf(folder.path(), &["Some words"]);
        let mut child = start(&command, &file, &english(OcrMode::Force), &Metrics::for_tests()).await.unwrap();
        for failure in [child.read_page(page(1)).await.unwrap_err(), probe_engine(&command).await.unwrap_err()] {
            assert_eq!((failure.code, failure.code.exit_code()), (Code::TesseractMissing, 4), "{failure}");
            assert!(failure.message.contains(told), "{failure}");
            assert!(!failure.message.contains(folder.path().to_str().unwrap()), "whose document it is needs no path: {failure}");
        }
    }
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_told_to_operators_with_the_loaders_reason_and_to_users_without_the_path() {
    let command = with_library(Path::new("/nonexistent/libtesseract.so.5"));
    let told = probe_engine(&command).await.unwrap_err();
    assert_eq!(told.code, Code::TesseractMissing);
    assert!(told.message.contains("/nonexistent/libtesseract.so.5: "), "{told}");
    assert!(told.remedy.contains("CRPIPELINE_TESSERACT_LIBRARY"), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Some words"]);
    let mut child = start(&command, &file, &english(OcrMode::Force), &Metrics::for_tests()).await.unwrap();
    let told = child.read_page(page(1)).await.unwrap_err();
    assert!(told.code == Code::TesseractMissing && !told.to_string().contains("nonexistent"), "{told}");
}
