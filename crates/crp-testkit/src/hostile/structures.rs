//! PDF files whose structure has no end, no bottom or no measure.

use crate::pdf_file::PdfFile;

fn content_page(pdf: &mut PdfFile, parent: usize, media_box: &str, content: &[u8], resources: &str) -> usize {
    let content = pdf.add_stream("", content);
    pdf.add(format!("<< /Type /Page /Parent {parent} 0 R /MediaBox {media_box} /Contents {content} 0 R /Resources << {resources} >> >>"))
}

/// A document of `pages` empty pages.
pub fn pages_without_contents(pages: usize) -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let page = format!("<< /Type /Page /Parent {parent} 0 R /MediaBox [0 0 595 842] /Resources << >> >>");
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
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let page = content_page(&mut pdf, parent, "[0 0 5669291 5669291]", b"0 0 2000000 2000000 re f", "");
    pdf.finish_with_pages(parent, &[page])
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

/// A page that draws a form that draws a form that draws the first, twice each time.
pub fn recursive_forms() -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let first = pdf.add(b"null");
    let form = |other: usize| format!("/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /XObject << /Fm {other} 0 R >> >>");
    let second = pdf.add_stream(&form(first), b"/Fm Do /Fm Do");
    let body = b"/Fm Do /Fm Do";
    let mut stream = format!("<< /Length {} {} >>\nstream\n", body.len(), form(second)).into_bytes();
    stream.extend_from_slice(body);
    stream.extend_from_slice(b"\nendstream");
    pdf.set(first, stream);
    let page = content_page(&mut pdf, parent, "[0 0 595 842]", b"/Fm Do", &format!("/XObject << /Fm {first} 0 R >>"));
    pdf.finish_with_pages(parent, &[page])
}

/// A page dictionary with an array a hundred thousand deep, and a drawing with another.
pub fn deep_arrays() -> Vec<u8> {
    const DEPTH: usize = 100_000;
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let deep = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let content = pdf.add_stream("", format!("{deep} TJ").as_bytes());
    let page = pdf.add(format!(
        "<< /Type /Page /Parent {parent} 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R /Resources << /Deep {deep} >> >>"
    ));
    pdf.finish_with_pages(parent, &[page])
}
