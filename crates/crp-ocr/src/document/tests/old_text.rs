//! Text that a page already has when it is recognised: an invisible layer is replaced, printed text stays and is not said twice.

use std::path::Path;

use crp_model::{MediaType, PageLayout, PageNo, labels::WarningKind};
use lopdf::{Dictionary, Document, Stream, dictionary};

use super::bench::{assert_sound, corpus, has, layout, open, open_bytes, output, page, searchable};

/// A page of 400 × 600 points with this content and this form, both with a font `F1`.
fn pdf(content: &str, form: &str) -> Vec<u8> {
    let mut document = Document::with_version("1.5");
    let tree = document.new_object_id();
    let fonts = dictionary! { "F1" => dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" } };
    let numbers = |b: [i64; 4]| b.map(lopdf::Object::Integer).to_vec();
    let form = document.add_object(Stream::new(
        dictionary! { "Type" => "XObject", "Subtype" => "Form", "BBox" => numbers([0, 0, 400, 600]), "Resources" => dictionary! { "Font" => fonts.clone() } },
        form.as_bytes().to_vec(),
    ));
    let content = document.add_object(Stream::new(Dictionary::new(), content.as_bytes().to_vec()));
    let resources = dictionary! { "Font" => fonts, "XObject" => dictionary! { "Fm" => form } };
    let page = document.add_object(dictionary! {
        "Type" => "Page", "Parent" => tree, "Contents" => content, "Resources" => resources, "MediaBox" => numbers([0, 0, 400, 600]),
    });
    document.objects.insert(tree, dictionary! { "Type" => "Pages", "Count" => 1, "Kids" => vec![page.into()] }.into());
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

/// What poppler reads after recognition found these words on the page, and the warnings.
fn read_back(bytes: &[u8], words: &[(&str, f32, f32)]) -> (Vec<String>, Vec<WarningKind>) {
    let document = open_bytes(bytes, MediaType::Pdf).unwrap();
    let (file, warnings) = searchable(&document, vec![layout(page(1), (400.0, 600.0), 12.0, words)]).unwrap();
    assert_sound(file.path());
    let (before, after) = (document.render_gray(page(1)).unwrap(), open(file.path()).unwrap().render_gray(page(1)).unwrap());
    assert!(before.picture.gray == after.picture.gray, "what is seen must not change");
    let text = output("pdftotext", &[file.path().to_str().unwrap(), "-"]);
    (text.split_whitespace().map(str::to_owned).collect(), warnings.iter().map(|w| w.code.0).collect())
}

#[test]
fn an_invisible_layer_is_replaced_wherever_it_was_written() {
    if !has("pdftotext") {
        return;
    }
    let layer = "BT 3 Tr /F1 12 Tf 50 500 Td (old words) Tj ET";
    for bytes in
        [pdf(&format!("0 0 1 rg 10 10 50 50 re f {layer}"), ""), pdf("q /Fm Do Q 0 0 1 rg 10 10 50 50 re f", &format!("q {layer} Q"))]
    {
        assert_eq!(read_back(&bytes, &[("new", 60.0, 100.0)]), (vec!["new".to_owned()], Vec::new()));
    }
}

#[test]
fn printed_text_stays_and_is_not_said_twice() {
    if !has("pdftotext") {
        return;
    }
    let bytes = pdf("BT /F1 12 Tf 50 500 Td (RECEIVED) Tj ET BT 3 Tr 0 -100 Td (old) Tj ET", "");
    let found = read_back(&bytes, &[("RECEIVED", 52.0, 100.0), ("scanned", 52.0, 150.0)]);
    assert_eq!(found, (vec!["RECEIVED".to_owned(), "scanned".to_owned()], Vec::new()));
}

#[test]
fn invisible_text_that_cannot_be_cut_out_safely_stays_and_is_told() {
    if !has("pdftotext") {
        return;
    }
    let bytes = pdf("BT 3 Tr /F1 12 Tf 50 500 Td (old ) Tj 0 Tr (seen) Tj ET", "");
    let (words, warnings) = read_back(&bytes, &[("new", 60.0, 300.0)]);
    assert_eq!(words, ["old", "seen", "new"]);
    assert_eq!(warnings, [WarningKind::OldTextKept]);
}

#[test]
fn layers_of_other_programs_are_replaced_in_real_documents() {
    let Some(corpus) = corpus() else { return };
    if !has("pdftotext") {
        return;
    }
    for name in ["ocrmypdf/graph_ocred.pdf", "ocrmypdf/multipage.pdf"] {
        let path = corpus.join(name);
        let document = open(&path).unwrap();
        let pages = document.inspect().unwrap().pages;
        let layouts: Vec<PageLayout> = pages
            .iter()
            .enumerate()
            .map(|(i, p)| layout(PageNo::from_index(i), (p.width_points, p.height_points), 12.0, &[("replaced", 100.0, 100.0)]))
            .collect();
        let (file, warnings) = searchable(&document, layouts).unwrap();
        assert!(warnings.is_empty(), "{name}: {warnings:?}");
        assert_sound(file.path());
        let words = |path: &Path| output("pdftotext", &[path.to_str().unwrap(), "-"]).split_whitespace().count();
        assert!(words(&path) > 10, "{name} carries text");
        assert_eq!(words(file.path()), pages.len(), "{name}");
        let (before, after) = (document.render_gray(page(1)).unwrap(), open(file.path()).unwrap().render_gray(page(1)).unwrap());
        assert!(before.picture.gray == after.picture.gray, "{name}");
    }
}
