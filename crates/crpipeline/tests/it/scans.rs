//! Scans go in, searchable PDF files come out: words against the truth, through the command line and through the API.

use std::path::Path;

use crp_testkit::{CommandLine, Server, Upload, api::pages_of, samples, words::score};
use serde_json::Value;

use crate::pdf_tools::{assert_sound, page_text, stored_images, word_box};

const BINARY: &str = env!("CARGO_BIN_EXE_crpipeline");

/// What the letter's pages must give at least; its type is clear.
const CLEAR_RECALL: f64 = 0.97;

#[tokio::test]
async fn a_scan_on_the_command_line_becomes_searchable_where_its_words_stand_and_keeps_its_images() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("letter.pdf");
    std::fs::write(&input, samples::letter_pdf()).unwrap();
    let ran = CommandLine::new(BINARY, folder.path()).run(&["run", "--json", "-o", "out", "letter.pdf"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let line = &ran.json_lines()[0];
    assert_eq!((&line["status"], &line["pages"]), (&"succeeded".into(), &2.into()), "{line}");
    assert_eq!(std::fs::read(&input).unwrap(), samples::letter_pdf(), "the input is never touched");

    let out = |name: &str| folder.path().join("out").join(name);
    assert_letter_pdf(&out("letter.pdf"));
    assert_letter_texts(&pages_of(&std::fs::read_to_string(out("letter.txt")).unwrap()));
    let layout: Value = serde_json::from_slice(&std::fs::read(out("letter.json")).unwrap()).unwrap();
    assert_letter_layout(&layout, &out("letter.pdf"));
    let mut names: Vec<_> = std::fs::read_dir(out("")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, ["letter.json", "letter.pdf", "letter.txt"], "nothing else is left");
}

#[tokio::test]
async fn a_scan_through_the_api_becomes_the_same_searchable_pdf_text_layout_and_thumbnails() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("letter.pdf", samples::letter_pdf())).await;
    let job = api.succeeded_job(&ids.job).await;
    assert_eq!(job["progress"], serde_json::json!({ "pages_done": 2, "pages_total": 2 }));
    assert_eq!(job["stages"][0]["type"], "ocr");
    assert_eq!(job["stages"][0]["status"], "succeeded");
    assert!(job["failure"].is_null() && job["warnings"] == serde_json::json!([]), "{job:#}");
    let mut kinds: Vec<&str> = job["artifacts"].as_array().unwrap().iter().map(|artifact| artifact["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["layout", "searchable_pdf", "text", "thumbnails"]);

    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("searchable.pdf");
    std::fs::write(&pdf, api.artifact(&ids.job, "searchable_pdf").await).unwrap();
    assert_letter_pdf(&pdf);
    assert_letter_texts(&api.texts(&ids.job).await);
    assert_letter_layout(&serde_json::from_slice(&api.artifact(&ids.job, "layout").await).unwrap(), &pdf);
    assert!(api.artifact(&ids.job, "thumbnails").await.starts_with(b"PK\x03\x04"));
    let thumbnail = api.get(&format!("/api/v1/jobs/{}/pages/2/thumbnail", ids.job)).await.expect(200);
    assert!(thumbnail.body.starts_with(b"\xff\xd8\xff"));

    let content = api.get(&format!("/api/v1/documents/{}/content", ids.document)).await.expect(200);
    assert_eq!(content.body, samples::letter_pdf(), "the original is immutable");
    for artifact in job["artifacts"].as_array().unwrap() {
        let bytes = api.artifact(&ids.job, artifact["kind"].as_str().unwrap()).await;
        assert_eq!(bytes.len() as u64, artifact["size_bytes"], "{artifact}");
        assert_eq!(crp_model::Sha256Hash::of(&bytes).to_string(), artifact["sha256"], "{artifact}");
    }
    server.expect_no_leftovers().await;
}

fn assert_letter_pdf(pdf: &Path) {
    assert_sound(pdf);
    for (at, truth) in samples::letter_texts().iter().enumerate() {
        let Some(text) = page_text(pdf, at + 1) else { return };
        let found = score(truth, &text);
        assert!(found.recall >= CLEAR_RECALL && found.precision >= CLEAR_RECALL, "page {}: {found:?}\n{text}", at + 1);
    }
    // Each page has its own words, not the other's.
    assert!(page_text(pdf, 1).is_some_and(|text| text.contains("HB-2026-0417") && !text.contains("Thistlewood")));
    assert!(page_text(pdf, 2).is_some_and(|text| text.contains("Thistlewood") && !text.contains("HB-2026-0417")));
    if let Some(images) = stored_images(pdf) {
        assert!(images == samples::letter_jpegs(), "the {} images differ from the scanner's", images.len());
    }
}

fn assert_letter_texts(texts: &[String]) {
    assert_eq!(texts.len(), 2);
    for (truth, text) in samples::letter_texts().iter().zip(texts) {
        assert!(score(truth, text).recall >= CLEAR_RECALL, "{text}");
    }
}

fn assert_letter_layout(layout: &Value, pdf: &Path) {
    let pages = layout["pages"].as_array().unwrap();
    assert_eq!(pages.len(), 2);
    for (at, page) in pages.iter().enumerate() {
        assert_eq!(page["page"], at + 1);
        assert_eq!(page["source"], "ocr");
        assert!(
            (page["width"].as_f64().unwrap() - 595.2).abs() < 0.5 && (page["height"].as_f64().unwrap() - 841.92).abs() < 0.5,
            "{}",
            page["width"]
        );
        assert_eq!(page["rotation"], 0);
        assert!(page["pixels"][0].as_u64().is_some_and(|width| width > 1000));
        let sure =
            page["words"].as_array().unwrap().iter().filter(|word| word["confidence"].as_f64().is_some_and(|c| (0.8..=1.0).contains(&c)));
        assert!(sure.count() > 80, "most words of a clear page are sure");
    }
    let word = pages[0]["words"].as_array().unwrap().iter().find(|word| word["text"] == "HB-2026-0417").expect("the number is a word");
    let bounds: Vec<f64> = word["box"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    if let Some(selected) = word_box(pdf, 1, "HB-2026-0417") {
        // Poppler takes the font's height for a word's; the sides are what the text layer puts where the ink is.
        assert!((selected[0] - bounds[0]).abs() < 3.0 && (selected[2] - bounds[2]).abs() < 3.0, "{selected:?} {bounds:?}");
        assert!(selected[1] < bounds[3] && selected[3] > bounds[1], "{selected:?} {bounds:?}");
    }
}

#[tokio::test]
async fn pictures_of_every_kind_become_searchable() {
    let folder = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8], usize); 3] =
        [("photo.jpg", &samples::letter_jpegs()[0], 1), ("screen.png", samples::letter_png(), 1), ("fax.tif", &samples::letter_tiff(), 2)];
    for (name, bytes, _) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let ran = CommandLine::new(BINARY, folder.path()).run(&["run", "--json", "photo.jpg", "screen.png", "fax.tif"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.json_lines().len(), 3);
    for (name, _, pages) in files {
        let stem = name.split('.').next().unwrap();
        let pdf = folder.path().join(format!("{stem}.ocr.pdf"));
        assert_sound(&pdf);
        let texts = pages_of(&std::fs::read_to_string(folder.path().join(format!("{stem}.ocr.txt"))).unwrap());
        assert_eq!(texts.len(), pages, "{name}");
        for (at, truth) in samples::letter_texts().iter().enumerate().take(pages) {
            assert!(score(truth, &texts[at]).recall >= 0.95, "{name}: {}", texts[at]);
            assert!(page_text(&pdf, at + 1).is_none_or(|text| score(truth, &text).recall >= 0.95), "{name}");
        }
    }
    let jpeg_pdf = folder.path().join("photo.ocr.pdf");
    assert!(stored_images(&jpeg_pdf).is_none_or(|images| images == samples::letter_jpegs()[..1]), "a JPEG is put into the PDF as it is");
}

#[tokio::test]
async fn a_page_that_carries_text_keeps_it_and_is_not_recognised_again() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let text = "The quick brown fox jumps over the lazy dog.\nEvery letter of the alphabet stands here once at least.";
    let born = api.accepted(&Upload::of("born.pdf", &samples::born_digital(&[text, "The second page says something else."]))).await;
    let mixed = api.accepted(&Upload::of("mixed.pdf", &samples::mixed(text))).await;
    api.succeeded_job(&born.job).await;
    assert_eq!(sources(&api.artifact(&born.job, "layout").await), ["text_layer", "text_layer"]);
    api.succeeded_job(&mixed.job).await;
    assert_eq!(sources(&api.artifact(&mixed.job, "layout").await), ["text_layer", "ocr"]);
    let scrape = server.settled().await;
    assert_eq!(scrape.value("crpipeline_pages_total", &[("source", "text_layer")]), 3.0);
    assert_eq!(scrape.value("crpipeline_pages_total", &[("source", "ocr")]), 1.0);

    let texts = api.texts(&mixed.job).await;
    assert_eq!(score(text, &texts[0]).recall, 1.0, "{texts:?}");
    assert_eq!(score(samples::slip_texts()[0], &texts[1]).recall, 1.0, "{texts:?}");
    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("mixed.pdf");
    std::fs::write(&pdf, api.artifact(&mixed.job, "searchable_pdf").await).unwrap();
    assert_sound(&pdf);
    // Twice the words would mean a second layer over the first.
    assert!(page_text(&pdf, 1).is_none_or(|found| score(text, &found).precision > 0.99));
    assert!(page_text(&pdf, 2).is_none_or(|found| score(samples::slip_texts()[0], &found).recall > 0.99));
}

fn sources(layout: &[u8]) -> Vec<String> {
    let layout: Value = serde_json::from_slice(layout).unwrap();
    layout["pages"].as_array().unwrap().iter().map(|page| page["source"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn fields_are_found_with_page_box_confidence_and_rule() {
    let server = Server::start(BINARY).await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("letter.pdf", samples::letter_pdf()).through("fields")).await;
    let job = api.succeeded_job(&ids.job).await;
    assert_eq!(job["stages"].as_array().unwrap().len(), 2, "{job:#}");
    let fields: Value = serde_json::from_slice(&api.artifact(&ids.job, "fields").await).unwrap();
    let fields = fields["fields"].as_array().or(fields.as_array()).unwrap_or_else(|| panic!("no list of fields in {fields}"));
    for (name, value) in samples::LETTER_FIELDS {
        let field = fields.iter().find(|field| field["name"] == name).unwrap_or_else(|| panic!("no {name} in {fields:?}"));
        assert_eq!(field["value"], value);
        assert_eq!(field["page"], 1);
        assert!(field["confidence"].as_f64().is_some_and(|c| c > 0.5 && c <= 1.0), "{field}");
        assert!(field["rule"].as_str().is_some_and(|rule| rule.contains("(?P<value>")), "{field}");
        let bounds: Vec<f64> = field["box"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        assert!(bounds[0] > 50.0 && bounds[2] < 400.0 && bounds[1] > 200.0 && bounds[3] < 600.0 && bounds[0] < bounds[2], "{field}");
    }
}
