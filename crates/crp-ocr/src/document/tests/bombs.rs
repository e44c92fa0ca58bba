//! Files made to do harm: each ends in a result or a code, in little time and memory.

use crp_model::{Code, Limits, MediaType, labels::WarningKind};
use lopdf::{Dictionary, Document, Object, Stream, dictionary};

use super::bench::{layout, open_bytes, page, searchable};
use crate::document::flate::deflate;

/// A PDF with one page whose dictionary is made by `make`.
fn pdf(make: impl FnOnce(&mut Document) -> Dictionary) -> Vec<u8> {
    let mut document = Document::with_version("1.5");
    let tree = document.new_object_id();
    let mut page = make(&mut document);
    page.set("Type", "Page");
    page.set("Parent", tree);
    if !page.has(b"MediaBox") {
        page.set("MediaBox", vec![0.into(), 0.into(), 200.into(), 300.into()]);
    }
    let page = document.add_object(page);
    document.objects.insert(tree, dictionary! { "Type" => "Pages", "Count" => 1, "Kids" => vec![page.into()] }.into());
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

/// Opens and draws the first page.
fn code(bytes: &[u8], media: MediaType) -> Result<(u32, u32), Code> {
    let document = open_bytes(bytes, media).map_err(|f| f.code)?;
    document.inspect().map_err(|f| f.code)?;
    document.existing_text(page(1)).map_err(|f| f.code)?;
    document.render_gray(page(1)).map(|p| (p.picture.width, p.picture.height)).map_err(|f| f.code)
}

#[test]
fn an_image_of_ten_thousand_megapixels_is_refused_before_it_is_decoded() {
    let bytes = pdf(|document| {
        let zeros = deflate(&deflate(&vec![0; 10_000_000]));
        let image = dictionary! {
            "Type" => "XObject", "Subtype" => "Image", "Width" => 100_000, "Height" => 100_000, "ColorSpace" => "DeviceGray",
            "BitsPerComponent" => 8, "Filter" => vec!["FlateDecode".into(), "FlateDecode".into()],
        };
        let image = document.add_object(Stream::new(image, zeros));
        let content = document.add_object(Stream::new(Dictionary::new(), b"q 200 0 0 300 0 0 cm /Im Do Q".to_vec()));
        dictionary! { "Contents" => content, "Resources" => dictionary! { "XObject" => dictionary! { "Im" => image } } }
    });
    assert_eq!(code(&bytes, MediaType::Pdf), Err(Code::PageTooLarge));
}

#[test]
fn a_page_whose_size_no_number_holds_is_damaged() {
    let bytes = pdf(|_| {
        let side = || Object::Real(1e35);
        dictionary! { "MediaBox" => vec![0.into(), 0.into(), side(), side()], "UserUnit" => 1_000_000 }
    });
    assert_eq!(code(&bytes, MediaType::Pdf), Err(Code::DamagedFile));
}

#[test]
fn a_page_of_two_kilometres_is_scaled_to_the_limit_with_a_warning() {
    let side: i64 = 5_669_291;
    let bytes = pdf(|document| {
        let content = document.add_object(Stream::new(Dictionary::new(), b"0 0 1000000 1000000 re f".to_vec()));
        dictionary! { "Contents" => content, "MediaBox" => vec![0.into(), 0.into(), side.into(), (side / 2).into()] }
    });
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    let limits = Limits { max_page_megapixels: 1, ..Limits::default() };
    let document = crate::document::OpenDocument::open(file, MediaType::Pdf, &limits).unwrap();
    let drawn = document.render_gray(page(1)).unwrap();
    assert!(
        u64::from(drawn.picture.width) * u64::from(drawn.picture.height) <= 1_000_000 && drawn.picture.width > 1000,
        "{} × {}",
        drawn.picture.width,
        drawn.picture.height
    );
    assert!(drawn.warnings.iter().any(|w| w.code.0 == WarningKind::PageScaled));
    let (result, _) =
        searchable(&document, vec![layout(page(1), (side as f32, side as f32 / 2.0), 50_000.0, &[("huge", 100_000.0, 100_000.0)])])
            .unwrap();
    assert!(result.path().exists());
}

#[test]
fn forms_that_call_each_other_end() {
    let bytes = pdf(|document| {
        let (a, b) = (document.new_object_id(), document.new_object_id());
        for (own, other) in [(a, b), (b, a)] {
            let form = dictionary! {
                "Type" => "XObject", "Subtype" => "Form", "BBox" => vec![0.into(), 0.into(), 200.into(), 300.into()],
                "Resources" => dictionary! { "XObject" => dictionary! { "X" => Object::Reference(other) } },
            };
            document.objects.insert(own, Stream::new(form, b"/X Do".to_vec()).into());
        }
        let content = document.add_object(Stream::new(Dictionary::new(), b"/X Do".to_vec()));
        dictionary! { "Contents" => content, "Resources" => dictionary! { "XObject" => dictionary! { "X" => a } } }
    });
    assert!(code(&bytes, MediaType::Pdf).is_ok());
}

#[test]
fn a_page_tree_that_bites_its_tail_ends_in_a_code() {
    let loops = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1/Kids[2 0 R 3 0 R]>>endobj\n\
        3 0 obj<</Type/Pages/Count 1/Kids[2 0 R]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";
    assert!(matches!(code(loops, MediaType::Pdf), Err(Code::NoPages | Code::DamagedFile)));
    let empty = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 0/Kids[]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";
    assert_eq!(code(empty, MediaType::Pdf), Err(Code::NoPages));
}

#[test]
fn arrays_nested_two_hundred_thousand_deep_end_in_a_code_or_a_page() {
    let mut deep = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n\
        3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/X "
        .to_vec();
    deep.extend(std::iter::repeat_n(b'[', 200_000));
    deep.extend(std::iter::repeat_n(b']', 200_000));
    deep.extend(b">>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
    let document = open_bytes(&deep, MediaType::Pdf);
    if let Ok(document) = document {
        let _ = document.render_gray(page(1));
        let _ = searchable(&document, vec![layout(page(1), (100.0, 100.0), 10.0, &[("deep", 10.0, 10.0)])]);
    }
}

#[test]
fn too_many_pages_are_refused_with_both_figures() {
    let mut file = tempfile::tempfile().unwrap();
    let mut bytes = String::from(
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R>>endobj\n4 0 obj<</Type/Page/Parent 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 2/Kids[3 0 R 4 0 R]>>endobj\n",
    );
    bytes.push_str("trailer<</Root 1 0 R>>\n%%EOF\n");
    std::io::Write::write_all(&mut file, bytes.as_bytes()).unwrap();
    let limits = Limits { max_pages: 1, ..Limits::default() };
    let failure = crate::document::OpenDocument::open(file, MediaType::Pdf, &limits).err().expect("refused");
    assert_eq!(failure.code, Code::TooManyPages);
    assert!(failure.message.contains('2') && failure.message.contains('1'), "{}", failure.message);
}

#[test]
fn every_cut_of_a_good_file_ends_in_a_result_or_a_code() {
    let whole = pdf(|document| {
        let content = document.add_object(Stream::new(Dictionary::new(), b"BT /F1 12 Tf 20 20 Td (Hello) Tj ET".to_vec()));
        dictionary! { "Contents" => content }
    });
    for part in 0..20 {
        let cut = &whole[..whole.len() * part / 20];
        match open_bytes(cut, MediaType::Pdf) {
            Ok(document) => {
                let _ = document.render_gray(page(1));
                let _ = searchable(&document, vec![layout(page(1), (200.0, 300.0), 10.0, &[("cut", 10.0, 10.0)])]);
            }
            Err(failure) => assert!(matches!(failure.code, Code::DamagedFile | Code::NoPages | Code::EmptyFile), "{failure}"),
        }
    }
}
