//! The text layer on original PDFs: words where they stand, and nothing of the original lost.

use std::{path::Path, process::Command};

use crp_model::{MediaType, PageLayout, TextSource, labels::WarningKind, pipeline::SignedDocuments};
use lopdf::{Dictionary, Document, Object, Stream, dictionary};

use super::bench::{assert_found, assert_sound, corpus, found_words, has, layout, open, open_bytes, output, page, searchable};

/// How a made page lies.
struct Paper {
    media: [i64; 4],
    crop: Option<[i64; 4]>,
    rotate: i64,
    content: &'static str,
    inherits: bool,
}

impl Default for Paper {
    fn default() -> Self {
        Self { media: [0, 0, 400, 600], crop: None, rotate: 0, content: "q 1 0 0 RG 10 10 50 50 re S Q", inherits: false }
    }
}

impl Paper {
    fn pdf(&self) -> Vec<u8> {
        let mut document = Document::with_version("1.4");
        let tree = document.new_object_id();
        let content = document.add_object(Stream::new(Dictionary::new(), self.content.as_bytes().to_vec()));
        let numbers = |b: [i64; 4]| Object::Array(b.into_iter().map(Object::Integer).collect());
        let mut page = dictionary! { "Type" => "Page", "Parent" => tree, "Contents" => content };
        let mut root = dictionary! { "Type" => "Pages", "Count" => 1 };
        let font = dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" };
        let resources = dictionary! { "Font" => dictionary! { "F1" => font } };
        let owner = if self.inherits { &mut root } else { &mut page };
        owner.set("MediaBox", numbers(self.media));
        owner.set("Rotate", self.rotate);
        owner.set("Resources", resources);
        if let Some(crop) = self.crop {
            owner.set("CropBox", numbers(crop));
        }
        let page = document.add_object(page);
        root.set("Kids", vec![page.into()]);
        document.objects.insert(tree, root.into());
        let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
        document.trailer.set("Root", catalog);
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).unwrap();
        bytes
    }

    /// Lays words over the page and looks for them with poppler.
    fn assert_words_stand_right(&self) {
        let document = open_bytes(&self.pdf(), MediaType::Pdf).unwrap();
        let info = document.inspect().unwrap().pages[0];
        let words = [("Alpha", 30.0, 50.0), ("beta", 80.0, 50.0), ("gamma", 40.0, 120.0), ("delta", 200.0, 180.0)];
        let layout = layout(page(1), (info.width_points, info.height_points), 12.0, &words);
        let (file, _) = searchable(&document, vec![layout.clone()]).unwrap();
        if !self.content.contains("unclosed") {
            assert_sound(file.path());
        }
        if has("pdftotext") {
            assert_found(file.path(), &[layout], 1.0);
        }
    }
}

#[test]
fn words_stand_right_on_turned_and_shifted_pages() {
    for rotate in [0, 90, 180, 270, -90, 450] {
        Paper { rotate, ..Paper::default() }.assert_words_stand_right();
        Paper { rotate, inherits: true, ..Paper::default() }.assert_words_stand_right();
        Paper { rotate, media: [-100, -50, 300, 550], ..Paper::default() }.assert_words_stand_right();
        Paper { rotate, crop: Some([20, 30, 380, 500]), ..Paper::default() }.assert_words_stand_right();
        Paper { rotate, media: [-100, -50, 300, 550], crop: Some([-80, -20, 290, 500]), ..Paper::default() }.assert_words_stand_right();
    }
}

#[test]
fn careless_content_does_not_move_the_words() {
    for content in ["2 0 0 2 100 100 cm", "Q Q Q 3 0 0 3 0 0 cm q q", "BT /F1 12 Tf", "q 0 1 -1 0 200 0 cm (unclosed", ""] {
        Paper { content, ..Paper::default() }.assert_words_stand_right();
    }
}

#[test]
fn right_to_left_cjk_ligatures_and_emoji_are_read_back_as_they_were() {
    if !has("pdftotext") {
        return;
    }
    let document = open_bytes(&Paper::default().pdf(), MediaType::Pdf).unwrap();
    let words = [
        ("Größenänderung", 20.0, 60.0),
        ("oﬃce", 150.0, 60.0),
        ("Łódź", 250.0, 60.0),
        ("漢字仮名", 20.0, 120.0),
        ("한국어", 120.0, 120.0),
        ("😀🎉", 220.0, 120.0),
        ("𠀀𠮷", 280.0, 120.0),
        ("ελληνικά", 20.0, 180.0),
        ("русский", 150.0, 180.0),
    ];
    let layout = layout(page(1), (400.0, 600.0), 12.0, &words);
    let (file, _) = searchable(&document, vec![layout]).unwrap();
    assert_sound(file.path());
    let found: Vec<String> = found_words(file.path()).into_iter().map(|w| w.text).collect();
    for (word, ..) in words {
        let spelled = word.replace('ﬃ', "ffi");
        assert!(found.iter().any(|f| f == word || *f == spelled), "{word} is not among {found:?}");
    }
}

#[test]
fn a_right_to_left_line_is_read_back_in_its_order() {
    if !has("pdftotext") {
        return;
    }
    let document = open_bytes(&Paper::default().pdf(), MediaType::Pdf).unwrap();
    // The first word stands on the right.
    let words = [("مرحبا", 200.0, 100.0), ("بالعالم", 140.0, 100.0), ("שלום", 60.0, 200.0)];
    let layout = layout(page(1), (400.0, 600.0), 14.0, &words);
    let (file, _) = searchable(&document, vec![layout]).unwrap();
    let text = output("pdftotext", &[file.path().to_str().unwrap(), "-"]);
    let plain: String = text.chars().filter(|c| !matches!(c, '\u{202a}'..='\u{202e}')).collect();
    assert!(plain.contains("مرحبا بالعالم") && plain.contains("שלום"), "{text:?}");
}

#[test]
fn a_skewed_line_is_one_line_whose_words_follow_its_slope() {
    if !has("pdftotext") {
        return;
    }
    let document = open_bytes(&Paper::default().pdf(), MediaType::Pdf).unwrap();
    let slope = 0.02f32;
    let mut layout = layout(page(1), (400.0, 600.0), 12.0, &[("one", 40.0, 100.0), ("two", 150.0, 100.0), ("three", 300.0, 100.0)]);
    for word in &mut layout.words {
        let shift = slope * ((word.bounds.x0 + word.bounds.x1) / 2.0 - 40.0);
        word.bounds.y0 += shift;
        word.bounds.y1 += shift;
    }
    layout.lines[0].baseline = [40.0, 100.0, 340.0, 100.0 + slope * 300.0];
    let (file, _) = searchable(&document, vec![layout.clone()]).unwrap();
    assert_found(file.path(), &[layout], 1.5);
    let text = output("pdftotext", &["-layout", file.path().to_str().unwrap(), "-"]);
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["one", "two", "three"]);
    assert_eq!(text.lines().filter(|l| !l.trim().is_empty()).count(), 1, "{text:?}");
}

#[test]
fn a_document_without_recognised_pages_is_returned_byte_by_byte() {
    let bytes = Paper::default().pdf();
    let document = open_bytes(&bytes, MediaType::Pdf).unwrap();
    let mut kept = layout(page(1), (400.0, 600.0), 12.0, &[("kept", 10.0, 20.0)]);
    kept.source = TextSource::TextLayer;
    let (file, warnings) = searchable(&document, vec![kept]).unwrap();
    assert_eq!(std::fs::read(file.path()).unwrap(), bytes);
    assert!(warnings.is_empty());
}

#[test]
fn a_second_run_replaces_the_layer_of_the_first() {
    let document = open_bytes(&Paper::default().pdf(), MediaType::Pdf).unwrap();
    let (first, _) = searchable(&document, vec![layout(page(1), (400.0, 600.0), 12.0, &[("𠀀first", 30.0, 50.0)])]).unwrap();
    let again = open(first.path()).unwrap();
    let (second, _) = searchable(&again, vec![layout(page(1), (400.0, 600.0), 12.0, &[("😀second", 30.0, 150.0)])]).unwrap();
    assert_sound(second.path());
    if has("pdftotext") {
        let text = output("pdftotext", &[second.path().to_str().unwrap(), "-"]);
        assert!(!text.contains("first") && text.contains("😀second"), "{text}");
    }
}

#[test]
fn the_original_bytes_stand_at_the_start_of_the_result() {
    let Some(corpus) = corpus() else { return };
    for name in ["toc.pdf", "link.pdf", "acroform.pdf", "multipage.pdf", "ccitt.pdf"] {
        let path = corpus.join("ocrmypdf").join(name);
        let (file, warnings) = with_words_on_every_page(&path);
        let (before, after) = (std::fs::read(&path).unwrap(), std::fs::read(file.path()).unwrap());
        assert!(after.starts_with(&before), "{name}");
        assert!(!warnings.iter().any(|w| w.code.0 == WarningKind::RebuiltFromImages), "{name}");
        assert_sound(file.path());
    }
}

#[test]
fn outlines_links_forms_and_attachments_survive() {
    let Some(corpus) = corpus() else { return };
    if !has("qpdf") {
        return;
    }
    for name in [
        "ocrmypdf/toc.pdf",
        "ocrmypdf/link.pdf",
        "ocrmypdf/acroform.pdf",
        "odd-pdfs/attachment.pdf",
        "odd-pdfs/annotation-fileattachment.pdf",
    ] {
        let path = corpus.join(name);
        let (file, _) = with_words_on_every_page(&path);
        for key in ["outlines", "attachments", "acroform", "pagelabels"] {
            let read = |path: &Path| {
                let key = format!("--json-key={key}");
                let printed = Command::new("qpdf").args(["--json=2", &key]).arg(path).output().unwrap();
                let value: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
                value.get(key.trim_start_matches("--json-key=")).cloned()
            };
            assert_eq!(read(&path), read(file.path()), "{key} of {name}");
        }
        let annotations = |path: &Path| {
            let document = Document::load(path).unwrap();
            document.page_iter().map(|id| document.get_page_annotations(id).map_or(0, |a| a.len())).collect::<Vec<_>>()
        };
        assert_eq!(annotations(&path), annotations(file.path()), "{name}");
    }
}

#[test]
fn images_keep_their_bytes_and_the_file_hardly_grows() {
    let Some(corpus) = corpus() else { return };
    if !has("pdfimages") {
        return;
    }
    let path = corpus.join("scan24/scan24.pdf");
    let (file, _) = with_words_on_every_page(&path);
    let images = |path: &Path| {
        let folder = tempfile::tempdir().unwrap();
        output("pdfimages", &["-all", path.to_str().unwrap(), folder.path().join("i").to_str().unwrap()]);
        let mut files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        files.iter().map(|f| crp_model::Sha256Hash::of(&std::fs::read(f).unwrap())).collect::<Vec<_>>()
    };
    let before = images(&path);
    assert_eq!(before.len(), 24);
    assert_eq!(before, images(file.path()));
    let size = |path: &Path| std::fs::metadata(path).unwrap().len();
    assert!(size(file.path()) < size(&path) * 102 / 100);
    assert_sound(file.path());
}

#[test]
fn words_stand_right_on_scanned_pages() {
    let Some(corpus) = corpus() else { return };
    if !has("pdftotext") {
        return;
    }
    let path = corpus.join("scan24/scan24.pdf");
    let document = open(&path).unwrap();
    let layouts = layouts_for(&path);
    let (file, _) = searchable(&document, layouts.clone()).unwrap();
    assert_found(file.path(), &layouts, 1.0);
}

/// A PDF of loose objects without a cross-reference.
fn loose(page: &str, kids: &str) -> Vec<u8> {
    let content = "0 0 1 rg 100 100 200 200 re f";
    format!(
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1/Kids[{kids}]>>endobj\n{page}\n\
         4 0 obj<</Length {}>>stream\n{content}\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
        content.len()
    )
    .into_bytes()
}

#[test]
fn a_file_without_cross_reference_is_written_anew_with_its_objects() {
    let page_object = "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 600]/Contents 4 0 R>>endobj";
    let document = open_bytes(&loose(page_object, "3 0 R"), MediaType::Pdf).unwrap();
    let layout = layout(page(1), (400.0, 600.0), 12.0, &[("mended", 30.0, 50.0)]);
    let (file, warnings) = searchable(&document, vec![layout.clone()]).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_sound(file.path());
    if has("pdftotext") {
        assert_found(file.path(), &[layout], 1.0);
    }
    assert_eq!(open(file.path()).unwrap().render_gray(page(1)).unwrap(), document.render_gray(page(1)).unwrap());
}

#[test]
fn a_file_that_cannot_be_changed_safely_becomes_pictures_with_text_and_says_so() {
    let inline = "<</Type/Page/MediaBox[0 0 400 600]/Contents 4 0 R>>";
    let document = open_bytes(&loose("", inline), MediaType::Pdf).unwrap();
    let layout = layout(page(1), (400.0, 600.0), 12.0, &[("pictured", 30.0, 50.0)]);
    let (file, warnings) = searchable(&document, vec![layout.clone()]).unwrap();
    let told = warnings.iter().find(|w| w.code.0 == WarningKind::RebuiltFromImages).map(|w| w.message.as_str());
    assert!(told.is_some_and(|told| told.contains("changed safely (a page is not an object of its own)")), "{warnings:?}");
    assert_sound(file.path());
    if has("pdftotext") {
        assert_found(file.path(), &[layout], 1.0);
    }
    let (before, after) = (document.render_gray(page(1)).unwrap(), open(file.path()).unwrap().render_gray(page(1)).unwrap());
    // The one is drawn, the other is stored with fewer pixels.
    let before = before.picture.scaled(after.picture.width, after.picture.height);
    let difference: u64 = before.gray.iter().zip(&after.picture.gray).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(difference / (before.gray.len() as u64) < 3);
}

#[test]
fn an_encrypted_document_without_a_password_stays_encrypted_and_gains_its_words() {
    if !has("qpdf") || !has("pdftotext") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (plain, locked) = (folder.path().join("plain.pdf"), folder.path().join("locked.pdf"));
    std::fs::write(&plain, Paper::default().pdf()).unwrap();
    for bits in [&["128", "--use-aes=y"][..], &["256"]] {
        let mut arguments = vec!["--encrypt", "", "owner"];
        arguments.extend(bits);
        arguments.extend(["--", plain.to_str().unwrap(), locked.to_str().unwrap()]);
        output("qpdf", &arguments);
        let document = open(&locked).unwrap();
        let layout = layout(page(1), (400.0, 600.0), 12.0, &[("secretly", 30.0, 50.0)]);
        let (file, warnings) = searchable(&document, vec![layout.clone()]).unwrap();
        assert!(warnings.is_empty());
        assert_sound(file.path());
        assert_found(file.path(), &[layout], 1.0);
        assert!(output("qpdf", &["--show-encryption", file.path().to_str().unwrap()]).contains("User password ="));
    }
    output("qpdf", &["--encrypt", "user", "owner", "256", "--", plain.to_str().unwrap(), locked.to_str().unwrap()]);
    assert_eq!(open(&locked).err().map(|f| f.code), Some(crp_model::Code::EncryptedPdf));
}

#[test]
fn a_signed_document_is_marked_as_changed_or_left_as_it_is() {
    let signed = loose(
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 600]/Contents 4 0 R>>endobj\n\
         5 0 obj<</FT/Sig/T(s)/V<</Type/Sig/Filter/Adobe.PPKLite/ByteRange[0 1 2 3]/Contents<00>>>>>endobj",
        "3 0 R",
    );
    let signed = String::from_utf8(signed).unwrap().replace("/Type/Catalog", "/Type/Catalog/AcroForm<</SigFlags 3/Fields[5 0 R]>>");
    let document = open_bytes(signed.as_bytes(), MediaType::Pdf).unwrap();
    assert!(document.inspect().unwrap().is_signed);
    let (_, warnings) = searchable(&document, vec![layout(page(1), (400.0, 600.0), 12.0, &[("late", 30.0, 50.0)])]).unwrap();
    assert!(warnings.iter().any(|w| w.code.0 == WarningKind::SignatureInvalidated));
    let written = layout(page(1), (400.0, 600.0), 12.0, &[("late", 30.0, 50.0)]);
    let mut kept = Vec::new();
    let warnings = document.write_searchable(&mut [Ok(written)].into_iter(), SignedDocuments::Keep, &mut kept).unwrap();
    assert!(kept == signed.as_bytes(), "a signed document stays as it is");
    assert_eq!(warnings.iter().map(|w| w.code.0).collect::<Vec<_>>(), [WarningKind::SignatureKept]);
    let unsigned = open_bytes(&Paper::default().pdf(), MediaType::Pdf).unwrap();
    assert!(!unsigned.inspect().unwrap().is_signed);
}

fn layouts_for(path: &Path) -> Vec<PageLayout> {
    let inspection = open(path).unwrap().inspect().unwrap();
    let pages = inspection.pages.iter().enumerate();
    pages
        .map(|(index, info)| {
            let (w, h) = (info.width_points, info.height_points);
            let name = format!("Seite{index}");
            let words = [(name.as_str(), w * 0.1, h * 0.2), ("Wörter", w * 0.4, h * 0.2), ("unten", w * 0.6, h * 0.9)];
            layout(crp_model::PageNo::from_index(index), (w, h), 11.0, &words)
        })
        .collect()
}

fn with_words_on_every_page(path: &Path) -> (tempfile::NamedTempFile, Vec<crp_model::Warning>) {
    let document = open(path).unwrap();
    let result = searchable(&document, layouts_for(path)).unwrap();
    assert_eq!(open(result.0.path()).unwrap().inspect().unwrap().pages.len(), document.inspect().unwrap().pages.len());
    result
}

#[test]
fn a_page_tree_that_two_readers_understand_in_two_ways_is_not_changed_but_drawn_anew() {
    let pdf = Paper { inherits: true, ..Paper::default() }.pdf();
    let find = |what: &[u8]| pdf.windows(what.len()).rposition(|bytes| bytes == what).unwrap();
    let (tree, end) = (find(b"/Type/Pages"), find(b"startxref"));
    // A word where a key belongs: one reader passes over it, the other over the whole object with the size of the page. Nothing can
    // be appended for want of a cross-reference.
    let torn = [&pdf[..tree], b"/Type/Pag s", &pdf[tree + 11..end], b"startxref\n7\n%%EOF\n"].concat();
    let document = open_bytes(&torn, MediaType::Pdf).unwrap();
    let size = |document: &crate::document::OpenDocument| {
        let info = document.inspect().unwrap().pages[0];
        (info.width_points.round(), info.height_points.round())
    };
    assert_eq!(size(&document), (400.0, 600.0));
    let (file, warnings) = searchable(&document, vec![layout(page(1), (400.0, 600.0), 12.0, &[("Alpha", 30.0, 50.0)])]).unwrap();
    assert_eq!(warnings.iter().map(|w| w.code.0).collect::<Vec<_>>(), [WarningKind::RebuiltFromImages], "{warnings:?}");
    assert_eq!(size(&open(file.path()).unwrap()), (400.0, 600.0));
}

#[test]
fn references_to_objects_that_a_file_lacks_do_not_come_to_mean_ours() {
    let mut document = Document::load_mem(&Paper::default().pdf()).unwrap();
    // The next number is that of the cross-reference.
    let missing = [2, 3, 4].map(|more| (document.max_id + more, 0));
    document.catalog_mut().unwrap().set("Outlines", dictionary! { "First" => missing[0] });
    document.trailer.set("Info", missing[1]);
    let stream = document.objects.values_mut().find_map(|object| object.as_stream_mut().ok()).unwrap();
    stream.dict.set("Metadata", missing[2]);
    let mut pdf = Vec::new();
    document.save_to(&mut pdf).unwrap();
    let document = open_bytes(&pdf, MediaType::Pdf).unwrap();
    let (file, _) = searchable(&document, vec![layout(page(1), (400.0, 600.0), 12.0, &[("Alpha", 30.0, 50.0)])]).unwrap();
    assert_sound(file.path());
    let written = Document::load(file.path()).unwrap();
    assert!(missing.iter().all(|id| !written.objects.contains_key(id)), "{:?}", written.objects.keys());
    assert!(written.objects.keys().any(|id| id.0 > missing[2].0), "our objects follow");
}
