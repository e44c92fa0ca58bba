//! What other programs say about our PDF files: qpdf about their soundness, poppler about their words and images.

use std::{path::Path, process::Command};

use crp_testkit::programs::{output_of, program};

/// Checks that the file is sound; qpdf's warnings count too.
pub(crate) fn assert_sound(file: &Path) {
    let Some(qpdf) = program("qpdf") else { return };
    let output = Command::new(qpdf).arg("--check").arg(file).output().expect("qpdf can be started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("WARNING"), "{}: {said}", file.display());
}

/// The words of one page, as a viewer would copy them; `None` without poppler.
pub(crate) fn page_text(file: &Path, page: usize) -> Option<String> {
    let pdftotext = program("pdftotext")?;
    let page = page.to_string();
    let bytes = output_of(Command::new(pdftotext).args(["-enc", "UTF-8", "-f", &page, "-l", &page]).arg(file).arg("-"));
    Some(String::from_utf8(bytes).expect("pdftotext writes UTF-8").trim_end_matches('\u{c}').to_owned())
}

/// Where a word stands on a page in points from the top left, as poppler selects it: `[x0, y0, x1, y1]`.
pub(crate) fn word_box(file: &Path, page: usize, word: &str) -> Option<[f64; 4]> {
    let pdftotext = program("pdftotext")?;
    let number = page.to_string();
    let html = output_of(Command::new(pdftotext).args(["-bbox", "-enc", "UTF-8", "-f", &number, "-l", &number]).arg(file).arg("-"));
    let html = String::from_utf8(html).expect("pdftotext writes UTF-8");
    let line = html.lines().find(|line| line.contains(&format!(">{word}<"))).unwrap_or_else(|| panic!("page {page} has no word {word}"));
    let value = |name: &str| -> f64 {
        let after = line.split(&format!("{name}=\"")).nth(1).unwrap_or_else(|| panic!("no {name} in {line}"));
        after.split('"').next().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no number in {line}"))
    };
    Some(["xMin", "yMin", "xMax", "yMax"].map(value))
}

/// The images of a PDF in their stored form, in order; `None` without poppler.
pub(crate) fn stored_images(file: &Path) -> Option<Vec<Vec<u8>>> {
    let pdfimages = program("pdfimages")?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    output_of(Command::new(pdfimages).arg("-all").arg(file).arg(folder.path().join("image")));
    let mut files: Vec<_> = std::fs::read_dir(folder.path()).expect("the folder is there").flatten().map(|entry| entry.path()).collect();
    files.sort();
    Some(files.iter().map(|file| std::fs::read(file).expect("an image that pdfimages wrote")).collect())
}

/// The first pages of a PDF as a file of their own; `None` without qpdf.
pub(crate) fn first_pages(file: &Path, pages: usize, to: &Path) -> Option<()> {
    pages_of(file, &format!("1-{pages}"), to)
}

/// Some pages of a PDF as a file of their own, named as qpdf names them; `None` without qpdf.
pub(crate) fn pages_of(file: &Path, pages: &str, to: &Path) -> Option<()> {
    let qpdf = program("qpdf")?;
    output_of(Command::new(qpdf).arg(file).args(["--pages", ".", pages, "--"]).arg(to));
    Some(())
}
