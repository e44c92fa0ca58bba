//! Documents that are read: generated pages, a real scan, languages and engines that are missing, the searchable PDF.

mod support;

use crp_metrics::Metrics;
use crp_model::{
    Code, Limits, MediaType, TextSource,
    labels::EngineKind,
    labels::WarningKind,
    pipeline::{OcrMode, SignedDocuments},
};
use crp_ocr::{DocumentChild, ReadSettings, probe_engine, probe_sandbox};
use support::{child, corpus, english, limits, page, pdf, pdf_drawn_by, pool, start, words, words_of};

#[tokio::test]
async fn a_page_is_recognised_word_by_word_in_the_right_places() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["The quick brown fox\njumps over the lazy dog"]);
    let metrics = Metrics::for_tests();
    let mut child = start(&child(&[]), &file, &english(OcrMode::Force), &metrics).await.unwrap();
    let reading = child.read_page(page(1)).await.unwrap();
    assert_eq!(words(&reading.layout), ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog"]);
    assert_eq!(reading.layout.source, TextSource::Ocr);
    assert_eq!((reading.layout.width, reading.layout.height), (612.0, 792.0));
    // 24 point letters begin at 72 from the left; the first baseline is at 700 from below, the second 30 further down.
    let first = &reading.layout.words[0];
    assert!((first.bounds.x0 - 72.0).abs() < 2.0, "{:?}", first.bounds);
    assert!(first.confidence > 0.8);
    let baselines: Vec<f32> = reading.layout.lines.iter().map(|line| line.baseline[1]).collect();
    assert_eq!(baselines.len(), 2);
    assert!((baselines[0] - 92.0).abs() < 2.0 && (baselines[1] - 122.0).abs() < 2.0, "{baselines:?}");
    assert!(reading.recognise_seconds > 0.0);
    assert_eq!(metrics.ocr_page_duration_seconds.get(EngineKind::Tesseract).count, 1);
}

#[tokio::test]
async fn text_that_is_there_is_taken_and_not_recognised_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(
        folder.path(),
        &["The quick brown fox\njumps over the lazy dog, and then it sleeps", "A second page of honest words to be read"],
    );
    let metrics = Metrics::for_tests();
    let mut child = start(&child(&[]), &file, &english(OcrMode::Auto), &metrics).await.unwrap();
    let inspection = child.inspect().await.unwrap();
    assert_eq!(inspection.pages.len(), 2);
    let reading = child.read_page(page(2)).await.unwrap();
    assert_eq!(reading.layout.source, TextSource::TextLayer);
    assert_eq!(words(&reading.layout), words_of("A second page of honest words to be read"));
    assert_eq!(metrics.ocr_page_duration_seconds.get(EngineKind::Tesseract).count, 0);
}

#[tokio::test]
async fn switched_off_recognition_needs_no_engine() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &[""]);
    let command = child(&[("CRPIPELINE_TESSERACT_LIBRARY", "/nonexistent/libtesseract.so")]);
    let mut child = start(&command, &file, &english(OcrMode::Off), &Metrics::for_tests()).await.unwrap();
    let reading = child.read_page(page(1)).await.unwrap();
    assert_eq!(reading.layout.source, TextSource::None);
    assert_eq!((reading.layout.width, reading.layout.pixels), (612.0, None));
}

/// Enough words that the page's own text is taken.
const HONEST_WORDS: &str = "A page of honest words that need not be recognised";

#[tokio::test]
async fn a_page_that_carries_text_is_read_without_an_engine_and_beside_pages_that_need_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["", HONEST_WORDS]);
    let no_library = child(&[("CRPIPELINE_TESSERACT_LIBRARY", "/nonexistent/libtesseract.so")]);
    let no_language = ReadSettings { languages: vec!["xxy".to_owned()], ..english(OcrMode::Auto) };
    let cases = [(no_library, english(OcrMode::Auto), Code::TesseractMissing), (child(&[]), no_language, Code::LanguageMissing)];
    for (command, settings, code) in cases {
        let mut child = start(&command, &file, &settings, &Metrics::for_tests()).await.unwrap();
        for _twice in 0..2 {
            let reading = child.read_page(page(2)).await.unwrap();
            assert_eq!(reading.layout.source, TextSource::TextLayer);
            assert_eq!(words(&reading.layout), words_of(HONEST_WORDS));
            assert_eq!(child.read_page(page(1)).await.unwrap_err().code, code);
        }
    }
}

#[tokio::test]
async fn a_missing_library_is_told_with_its_remedy_by_the_page_that_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &[""]);
    let command = child(&[("CRPIPELINE_TESSERACT_LIBRARY", "/nonexistent/libtesseract.so")]);
    let mut reader = start(&command, &file, &english(OcrMode::Auto), &Metrics::for_tests()).await.unwrap();
    let failure = reader.read_page(page(1)).await.unwrap_err();
    assert_eq!(failure.code, Code::TesseractMissing);
    assert!(failure.remedy.contains("apt-get install tesseract-ocr"), "{failure}");
    assert_eq!(probe_engine(&command).await.unwrap_err().code, Code::TesseractMissing);
    probe_sandbox(&command).await.unwrap();
}

#[tokio::test]
async fn a_missing_language_is_a_failure_alone_and_a_warning_beside_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Words to be read"]);
    let metrics = Metrics::for_tests();
    let languages = |codes: &[&str]| ReadSettings { languages: codes.iter().map(|c| (*c).to_owned()).collect(), ..english(OcrMode::Force) };
    for codes in [&["xxy"][..], &["../../etc/passwd"], &[]] {
        let mut child = start(&child(&[]), &file, &languages(codes), &metrics).await.unwrap();
        let failure = child.read_page(page(1)).await.unwrap_err();
        assert_eq!(failure.code, Code::LanguageMissing, "{codes:?}");
    }
    let mut child = start(&child(&[]), &file, &languages(&["eng", "xxy"]), &metrics).await.unwrap();
    let reading = child.read_page(page(1)).await.unwrap();
    assert_eq!(words(&reading.layout), ["words", "to", "be", "read"]);
    assert_eq!(reading.warnings.iter().map(|w| w.code.0).collect::<Vec<_>>(), [WarningKind::LanguageMissing]);
    assert!(child.read_page(page(1)).await.unwrap().warnings.is_empty(), "it is said once");
}

#[tokio::test]
async fn a_page_that_is_not_recognised_says_nothing_about_languages() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &[HONEST_WORDS, ""]);
    let settings = ReadSettings { languages: vec!["eng".to_owned(), "xxy".to_owned()], ..english(OcrMode::Auto) };
    let mut child = start(&child(&[]), &file, &settings, &Metrics::for_tests()).await.unwrap();
    let taken = child.read_page(page(1)).await.unwrap();
    assert_eq!((taken.layout.source, taken.warnings), (TextSource::TextLayer, Vec::new()));
    let recognised = child.read_page(page(2)).await.unwrap();
    assert_eq!(recognised.layout.source, TextSource::Ocr);
    assert_eq!(recognised.warnings.iter().map(|w| w.code.0).collect::<Vec<_>>(), [WarningKind::LanguageMissing]);
}

#[tokio::test]
async fn the_engine_of_this_machine_tells_what_it_can_do() {
    let probe = probe_engine(&child(&[])).await.unwrap();
    assert!(probe.version.starts_with(['4', '5']), "{probe:?}");
    assert!(probe.languages.contains(&"eng".to_owned()), "{probe:?}");
    assert!(!probe.data_path.is_empty());
    assert_eq!(probe_sandbox(&child(&[])).await.unwrap(), probe.sandbox);
}

#[tokio::test]
async fn a_page_that_is_not_there_fails_and_the_next_one_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Only this page"]);
    let mut child = start(&child(&[]), &file, &english(OcrMode::Force), &Metrics::for_tests()).await.unwrap();
    let failure = child.read_page(page(9)).await.unwrap_err();
    assert!(!failure.message.is_empty());
    assert_eq!(words(&child.read_page(page(1)).await.unwrap().layout), ["only", "this", "page"]);
}

#[tokio::test]
async fn what_is_no_document_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.pdf");
    std::fs::write(&file, "%PDF-1.7\nno more of it").unwrap();
    let failure = start(&child(&[]), &file, &english(OcrMode::Auto), &Metrics::for_tests()).await.unwrap_err();
    assert_eq!(failure.code, Code::DamagedFile);
    for missing in [folder.path().join("nothing.pdf"), folder.path().to_owned()] {
        let failure = start(&child(&[]), &missing, &english(OcrMode::Auto), &Metrics::for_tests()).await.unwrap_err();
        assert_eq!(failure.code, Code::FileAccess);
    }
}

#[tokio::test]
async fn a_searchable_pdf_is_written_into_the_open_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["The first page", "The second page"]);
    let metrics = Metrics::for_tests();
    let mut reader = start(&child(&[]), &file, &english(OcrMode::Force), &metrics).await.unwrap();
    let mut layouts = Vec::new();
    for number in [1, 2] {
        layouts.push(reader.read_page(page(number)).await.unwrap().layout);
    }
    let path = folder.path().join("searchable.pdf");
    let output = std::fs::File::create(&path).unwrap();
    let mut writer =
        DocumentChild::start_assembly(&pool(&child(&[]), &limits(), &metrics), &file, MediaType::Pdf, SignedDocuments::Keep, output)
            .await
            .unwrap();
    let assembly = writer.assemble(&layouts).await.unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(assembly.bytes_written, bytes.len() as u64);
    assert!(bytes.starts_with(b"%PDF-"));
    let mut again = start(&child(&[]), &path, &english(OcrMode::Off), &metrics).await.unwrap();
    assert_eq!(again.inspect().await.unwrap().pages.len(), 2);
}

#[tokio::test]
async fn an_output_over_its_limit_or_onto_a_full_disk_is_told_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["The first page"]);
    let metrics = Metrics::for_tests();
    let mut reader = start(&child(&[]), &file, &english(OcrMode::Force), &metrics).await.unwrap();
    let layouts = [reader.read_page(page(1)).await.unwrap().layout];
    let small = Limits { max_output_mebibytes: 0, ..limits() };
    let output = tempfile::tempfile().unwrap();
    let mut writer =
        DocumentChild::start_assembly(&pool(&child(&[]), &small, &metrics), &file, MediaType::Pdf, SignedDocuments::Keep, output)
            .await
            .unwrap();
    assert_eq!(writer.assemble(&layouts).await.unwrap_err().code, Code::TooLarge);
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else { return eprintln!("SKIPPED: there is no /dev/full here") };
    let mut writer =
        DocumentChild::start_assembly(&pool(&child(&[]), &limits(), &metrics), &file, MediaType::Pdf, SignedDocuments::Keep, full)
            .await
            .unwrap();
    assert_eq!(writer.assemble(&layouts).await.unwrap_err().code, Code::DiskFull);
}

#[tokio::test]
async fn a_real_scan_is_read_nearly_without_error() {
    let (Some(scan), Some(truth)) = (corpus("scan24/scan24.pdf"), corpus("scan24/p01.txt")) else { return };
    let metrics = Metrics::for_tests();
    let settings = ReadSettings { thumbnails: true, ..english(OcrMode::Auto) };
    let mut child = start(&child(&[]), &scan, &settings, &metrics).await.unwrap();
    assert_eq!(child.inspect().await.unwrap().pages.len(), 24);
    let reading = child.read_page(page(1)).await.unwrap();
    let mut left = words(&reading.layout);
    let wanted = words_of(&std::fs::read_to_string(truth).unwrap());
    let found = wanted.iter().filter(|w| left.iter().position(|l| l == *w).map(|at| left.swap_remove(at)).is_some()).count();
    assert!(found as f64 >= 0.95 * wanted.len() as f64, "{found} of {} words", wanted.len());
    assert!(reading.layout.mean_confidence().unwrap() > 0.8);
    assert!(reading.thumbnail_jpeg.is_some_and(|jpeg| jpeg.starts_with(b"\xff\xd8\xff")));
    println!("rendered in {:.2} s, recognised in {:.2} s", reading.render_seconds, reading.recognise_seconds);
}

#[tokio::test]
async fn a_page_that_was_laid_into_the_scanner_upside_down_is_read_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let text = "The quick brown fox\njumps over the lazy dog\nand then it sleeps again\nuntil the next morning comes";
    let file = pdf_drawn_by(folder.path(), "-1 0 0 -1 612 792", &[text]);
    let metrics = Metrics::for_tests();
    let mut child = start(&support::child(&[]), &file, &english(OcrMode::Force), &metrics).await.unwrap();
    let reading = child.read_page(page(1)).await.unwrap();
    assert_eq!(words(&reading.layout), words_of(text));
    assert!(reading.warnings.is_empty(), "{:?}", reading.warnings);
    // On the page as displayed it begins at the lower right and runs to the left.
    let first = &reading.layout.words[0];
    assert!((first.bounds.x1 - (612.0 - 72.0)).abs() < 2.0 && (first.bounds.y0 - 700.0).abs() < 4.0, "{:?}", first.bounds);
    assert!(reading.layout.lines.iter().all(|line| line.baseline[0] > line.baseline[2]), "{:?}", reading.layout.lines);

    let path = folder.path().join("searchable.pdf");
    let output = std::fs::File::create(&path).unwrap();
    let mut writer = DocumentChild::start_assembly(
        &pool(&support::child(&[]), &limits(), &metrics),
        &file,
        MediaType::Pdf,
        SignedDocuments::Keep,
        output,
    )
    .await
    .unwrap();
    writer.assemble(&[reading.layout]).await.unwrap();
    let Some(read_back) = pdftotext(&path) else { return };
    assert!(read_back.split_whitespace().collect::<Vec<_>>().join(" ").contains("jumps over the lazy dog"), "{read_back}");
}

/// What poppler reads out of a PDF; says `SKIPPED` where it is not installed.
fn pdftotext(path: &std::path::Path) -> Option<String> {
    match std::process::Command::new("pdftotext").arg(path).arg("-").output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) => {
            eprintln!("SKIPPED: pdftotext: {error}");
            None
        }
    }
}
