//! Text that pages carry: found where it stands, in reading order, and told apart from pictures of text.

use crp_model::{MediaType, TextSource};

use super::bench::{assert_found, corpus, found_words, has, layout, open, open_bytes, output, page, searchable};

#[test]
fn a_text_layer_of_ours_is_read_back_as_it_was_written() {
    let Some(corpus) = corpus() else { return };
    let document = open(&corpus.join("ocrmypdf/multipage.pdf")).unwrap();
    let pages = document.inspect().unwrap().pages;
    let words = [
        ("Invisible", 100.0, 100.0),
        ("Größe", 200.0, 100.0),
        ("layer", 100.0, 130.0),
        ("שלום", 100.0, 160.0),
        ("recognised", 100.0, 190.0),
    ];
    let layouts = pages
        .iter()
        .enumerate()
        .map(|(i, p)| layout(crp_model::PageNo::from_index(i), (p.width_points, p.height_points), 12.0, &words))
        .collect::<Vec<_>>();
    let (file, _) = searchable(&document, layouts.clone()).unwrap();
    let read = open(file.path()).unwrap().existing_text(page(1)).unwrap().expect("the layer is usable");
    assert_eq!(read.source, TextSource::TextLayer);
    for (word, written) in read.words.iter().zip(&layouts[0].words) {
        assert_eq!(word.text, written.text);
        let near = |a: f32, b: f32| (a - b).abs() < 0.5;
        assert!(near(word.bounds.x0, written.bounds.x0) && near(word.bounds.x1, written.bounds.x1), "{word:?} {written:?}");
        assert!(near(word.bounds.y0, written.bounds.y0) && near(word.bounds.y1, written.bounds.y1), "{word:?} {written:?}");
    }
    assert_eq!(read.text(), "Invisible Größe\n\nlayer\n\nשלום\n\nrecognised\n");
}

#[test]
fn the_words_of_real_documents_are_those_that_poppler_finds() {
    let Some(corpus) = corpus() else { return };
    if !has("pdftotext") {
        return;
    }
    let (mut known, mut shared) = (0usize, 0usize);
    let names = [
        "ocrmypdf/toc.pdf",
        "ocrmypdf/link.pdf",
        "ocrmypdf/tagged.pdf",
        "ocrmypdf/graph_ocred.pdf",
        "odd-pdfs/bigboundingbox.pdf",
        "odd-pdfs/bug1019475_1.pdf",
        "odd-pdfs/bug1868759.pdf",
        "odd-pdfs/bug1873345.pdf",
        "odd-pdfs/bug1883609.pdf",
        "odd-pdfs/bug1885505.pdf",
        "odd-pdfs/bug2013793.pdf",
    ];
    for name in names {
        let path = corpus.join(name);
        let Some(text) = open(&path).unwrap().existing_text(page(1)).unwrap() else {
            println!("{name}: none");
            continue;
        };
        text.check().unwrap();
        let mut ours: Vec<String> = text.words.iter().map(|w| w.text.clone()).collect();
        let theirs: Vec<String> = found_words(&path).into_iter().filter(|w| w.page == 1).map(|w| w.text).collect();
        let common = theirs.iter().filter(|t| ours.iter().position(|o| o == *t).map(|at| ours.swap_remove(at)).is_some()).count();
        println!("{name}: {common} of {} words", theirs.len());
        known += theirs.len();
        shared += common;
    }
    assert!(known > 300 && shared * 100 >= known * 95, "{shared} of {known}");
}

#[test]
fn scans_have_no_text_and_say_so_quickly() {
    let Some(corpus) = corpus() else { return };
    let document = open(&corpus.join("scan24/scan24.pdf")).unwrap();
    assert!(document.inspect().unwrap().pages.iter().all(|p| !p.has_text));
    assert!(document.existing_text(page(3)).unwrap().is_none());
}

#[test]
fn a_text_page_that_is_turned_has_its_words_where_they_are_displayed() {
    if !has("pdftotext") {
        return;
    }
    for rotate in [0, 90, 180, 270] {
        let content = "BT /F1 12 Tf 50 500 Td (Hello) Tj 60 0 Td (World) Tj 0 -20 Td (again) Tj ET";
        let bytes = format!(
            "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n\
             3 0 obj<</Type/Page/Parent 2 0 R/Rotate {rotate}/MediaBox[0 0 400 600]/Contents 4 0 R/Resources<</Font<</F1<</Type/Font\
             /Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n4 0 obj<</Length {}>>stream\n{content}\nendstream endobj\n\
             trailer<</Root 1 0 R>>\n%%EOF\n",
            content.len()
        );
        let document = open_bytes(bytes.as_bytes(), MediaType::Pdf).unwrap();
        let text = document.existing_text(page(1)).unwrap().expect("usable");
        let words: Vec<&str> = text.words.iter().map(|w| w.text.as_str()).collect();
        assert_eq!(words, ["Hello", "World", "again"]);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        assert_found(file.path(), &[text], 3.0);
    }
}

#[test]
fn hebrew_arabic_chinese_and_japanese_lines_come_back_in_the_order_in_which_they_are_read() {
    // In reading order; from right to left, a word's left edge is left of the one before it.
    let words = [
        ("שלום", 200.0, 100.0),
        ("לכל", 170.0, 100.0),
        ("העולם", 130.0, 100.0),
        ("المكتب", 200.0, 130.0),
        ("في", 180.0, 130.0),
        ("الوثيقة", 130.0, 130.0),
        ("測", 50.0, 160.0),
        ("試文", 60.0, 160.0),
        ("件", 75.0, 160.0),
        ("テスト", 50.0, 190.0),
        ("用", 70.0, 190.0),
    ];
    let lines = ["שלום לכל העולם", "المكتب في الوثيقة", "測試文件", "テスト用"];
    let blank = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n\
                  3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 600]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";
    let document = open_bytes(blank, MediaType::Pdf).unwrap();
    let (file, _) = searchable(&document, vec![layout(page(1), (400.0, 600.0), 12.0, &words)]).unwrap();
    let read = open(file.path()).unwrap().existing_text(page(1)).unwrap().expect("the layer is usable");
    let ours: Vec<String> = read.text().lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    assert_eq!(ours, lines);
    if has("pdftotext") {
        // Poppler puts marks of direction around such lines.
        let text = output("pdftotext", &["-enc", "UTF-8", file.path().to_str().unwrap(), "-"]);
        let plain: String = text.chars().filter(|c| !matches!(u32::from(*c), 0x200E..=0x200F | 0x202A..=0x202E | 0xC)).collect();
        let theirs: Vec<&str> = plain.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(theirs, lines);
    }
}
