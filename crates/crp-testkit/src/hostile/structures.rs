//! PDF files whose page tree has no end, no bottom or no measure.

use super::{
    one_page::{A4, OnePage, page},
    packing::Pieces,
};
use crate::pdf_file::PdfFile;

/// A document of `pages` empty pages.
pub fn pages_without_contents(pages: usize) -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let page = format!("<< /Type /Page /Parent {parent} 0 R {A4} /Resources << >> >>");
    let pages: Vec<usize> = (0..pages).map(|_| pdf.add(&page)).collect();
    pdf.finish_with_pages(parent, &pages)
}

/// A document without a page.
pub fn no_pages() -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    pdf.finish_with_pages(parent, &[])
}

/// One page of two kilometres by two kilometres, with a square drawn on it.
pub fn page_of_two_kilometres() -> Vec<u8> {
    let mut page = OnePage::new();
    let content = page.pdf.add_stream("", b"0 0 2000000 2000000 re f");
    page.with(&format!("/MediaBox [0 0 5669291 5669291] /Contents {content} 0 R /Resources << >>"))
}

/// A page tree that is its own child.
pub fn page_tree_loop() -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let tree = pdf.reserve();
    let inner = pdf.reserve();
    pdf.set(tree, format!("<< /Type /Pages /Count 2 /Kids [{inner} 0 R {tree} 0 R] >>"));
    pdf.set(inner, format!("<< /Type /Pages /Parent {tree} 0 R /Count 2 /Kids [{tree} 0 R {inner} 0 R] >>"));
    let catalog = pdf.add(format!("<< /Type /Catalog /Pages {tree} 0 R >>"));
    pdf.finish(catalog)
}

/// One page object, a million times among the children of the tree.
pub(super) fn million_times_one_page() -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let page = pdf.add(format!("<< /Type /Page /Parent {parent} 0 R {A4} >>"));
    pdf.set(parent, format!("<< /Type /Pages /Count 1000000 /Kids [{}] >>", format!("{page} 0 R ").repeat(1_000_000)));
    let catalog = pdf.add(format!("<< /Type /Catalog /Pages {parent} 0 R >>"));
    pdf.finish(catalog)
}

/// A million pages, each of its own, in an object stream of 100 kB.
pub(super) fn million_pages_packed() -> Vec<u8> {
    let catalog = "<< /Type /Catalog /Pages 3 0 R >> ";
    let numbers = format!("2 0 3 {} ", catalog.len());
    let first = numbers.len();
    let head = format!("{numbers}{catalog}<< /Type /Pages /Count 1000000 {A4} /Kids [");
    let page = b"<< /Type /Page /Parent 3 0 R >> ";
    let packed = Pieces::of(&[(head.as_bytes(), 1), (page, 1_000_000), (b"] >> ", 1)]).packed().bytes();
    let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let stream_at = out.len();
    let entries = format!("/Type /ObjStm /N 2 /First {first} /Filter /FlateDecode /Length {}", packed.len());
    out.extend(format!("1 0 obj\n<< {entries} >>\nstream\n").bytes());
    out.extend_from_slice(&packed);
    out.extend_from_slice(b"\nendstream\nendobj\n");
    let table_at = out.len();
    let mut rows = Vec::new();
    for (kind, middle, last) in [(0u8, 0u32, 255u8), (1, stream_at as u32, 0), (2, 1, 0), (2, 1, 1), (1, table_at as u32, 0)] {
        rows.push(kind);
        rows.extend_from_slice(&middle.to_be_bytes());
        rows.push(last);
    }
    out.extend(format!("4 0 obj\n<< /Type /XRef /Size 5 /W [1 4 1] /Root 2 0 R /Length {} >>\nstream\n", rows.len()).bytes());
    out.extend_from_slice(&rows);
    out.extend(format!("\nendstream\nendobj\nstartxref\n{table_at}\n%%EOF\n").bytes());
    out
}

/// One page in a tree that says it has a million, or fewer than none.
pub(super) fn lying_count(count: i64) -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let page = pdf.add(format!("<< /Type /Page /Parent {parent} 0 R {A4} >>"));
    pdf.set(parent, format!("<< /Type /Pages /Count {count} /Kids [{page} 0 R] >>"));
    let catalog = pdf.add(format!("<< /Type /Catalog /Pages {parent} 0 R >>"));
    pdf.finish(catalog)
}

/// Twelve nodes, each ten times the child of the one above: 10¹² pages.
pub(super) fn laughing_tree() -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let mut last = pdf.add(format!("<< /Type /Page {A4} >>"));
    for _ in 0..12 {
        last = pdf.add(format!("<< /Type /Pages /Count 10 /Kids [{}] >>", format!("{last} 0 R ").repeat(10)));
    }
    let catalog = pdf.add(format!("<< /Type /Catalog /Pages {last} 0 R >>"));
    pdf.finish(catalog)
}

/// A page at the end of a tree that is sixty thousand nodes deep.
pub(super) fn deep_tree() -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let mut last = pdf.add(format!("<< /Type /Page {A4} >>"));
    for _ in 0..60_000 {
        last = pdf.add(format!("<< /Type /Pages /Count 1 /Kids [{last} 0 R] >>"));
    }
    let catalog = pdf.add(format!("<< /Type /Catalog /Pages {last} 0 R >>"));
    pdf.finish(catalog)
}

/// A page whose parents go round in a circle, which matters for what it inherits.
pub(super) fn parents_in_a_circle() -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let (root, middle) = (pdf.reserve(), pdf.reserve());
    let page = pdf.add(format!("<< /Type /Page /Parent {middle} 0 R >>"));
    pdf.set(root, format!("<< /Type /Pages /Parent {middle} 0 R /Count 1 /Kids [{middle} 0 R] >>"));
    pdf.set(middle, format!("<< /Type /Pages /Parent {root} 0 R /Count 1 /Kids [{page} 0 R] >>"));
    let catalog = pdf.add(format!("<< /Type /Catalog /Pages {root} 0 R >>"));
    pdf.finish(catalog)
}

/// A tree whose children are numbers, streams, the catalog, and objects that do not exist.
pub(super) fn children_of_any_kind() -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let stream = pdf.add_stream("", b"no page");
    let catalog = pdf.add(format!("<< /Type /Catalog /Pages {parent} 0 R >>"));
    pdf.set(
        parent,
        format!("<< /Type /Pages /Count 6 /Kids [{stream} 0 R {catalog} 0 R 17 null (text) 999 0 R [{parent} 0 R] << /Type /Page >>] >>"),
    );
    pdf.finish(catalog)
}

/// A page with this media box and a line across it.
pub(super) fn media_box(numbers: &str) -> Vec<u8> {
    let mut page = OnePage::new();
    let content = page.pdf.add_stream("", b"0 0 m 500 500 l S");
    page.with(&format!("/MediaBox [{numbers}] /Contents {content} 0 R /Resources << >>"))
}

/// A page whose crop box lies beside it, with a unit of a million and a rotation of 45 degrees.
pub(super) fn boxes_that_do_not_meet() -> Vec<u8> {
    page(&format!("{A4} /CropBox [1000 1000 2000 2000] /TrimBox [5 5 1 1] /ArtBox [null null 1 1] /Rotate 45"))
}

/// A page whose points are a million points each.
pub(super) fn unit_of_a_million() -> Vec<u8> {
    page(&format!("{A4} /UserUnit 1000000"))
}

/// A page whose points are nothing, or less.
pub(super) fn unit_below_nothing() -> Vec<u8> {
    page(&format!("{A4} /UserUnit -0.000001"))
}

/// A page turned by ten thousand million degrees.
pub(super) fn turned_without_end() -> Vec<u8> {
    page(&format!("{A4} /Rotate 9000000090"))
}

/// A page of 14,400 points by one.
pub(super) fn thin_page() -> Vec<u8> {
    media_box("0 0 14400 1")
}

/// Names of things that name each other: outlines, page labels, destinations and structure in circles.
pub(super) fn circles_beside_the_pages() -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let page = pdf.add(format!("<< /Type /Page /Parent {parent} 0 R {A4} /Annots {parent} 0 R /B [{parent} 0 R] >>"));
    pdf.set(parent, format!("<< /Type /Pages /Count 1 /Kids [{page} 0 R] >>"));
    let own = pdf.reserve();
    pdf.set(own, format!("<< /First {own} 0 R /Next {own} 0 R /Kids [{own} 0 R] /Parent {own} 0 R /K {own} 0 R /Fields [{own} 0 R] /T (x) /FT /Sig /V {own} 0 R >>"));
    let entries =
        ["Outlines", "PageLabels", "Names", "Dests", "StructTreeRoot", "AcroForm", "OCProperties", "Perms", "MarkInfo", "Extensions"];
    let entries: String = entries.iter().map(|name| format!("/{name} {own} 0 R ")).collect();
    let catalog = pdf.add(format!("<< /Type /Catalog /Pages {parent} 0 R {entries} >>"));
    pdf.finish(catalog)
}
