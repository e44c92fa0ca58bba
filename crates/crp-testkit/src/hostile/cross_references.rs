//! Cross-references, object streams and encryption that are missing, lie, or go round in circles.

use super::{one_page::A4, packing::noise};
use crate::{pdf_file::PdfFile, samples};

fn small() -> (PdfFile, usize) {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let page = pdf.add(format!("<< /Type /Page /Parent {parent} 0 R {A4} >>"));
    pdf.set(parent, format!("<< /Type /Pages /Count 1 /Kids [{page} 0 R] >>"));
    let catalog = pdf.add(format!("<< /Type /Catalog /Pages {parent} 0 R >>"));
    (pdf, catalog)
}

/// The letter with a piece of text replaced wherever it stands.
fn letter_with(from: &str, to: &str) -> Vec<u8> {
    let (letter, from) = (samples::letter_pdf(), from.as_bytes());
    let mut out = Vec::with_capacity(letter.len());
    let mut at = 0;
    while at < letter.len() {
        if letter[at..].starts_with(from) {
            out.extend_from_slice(to.as_bytes());
            at += from.len();
        } else {
            out.push(letter[at]);
            at += 1;
        }
    }
    out
}

/// The letter without a word of its cross-reference.
pub(super) fn missing() -> Vec<u8> {
    let letter = samples::letter_pdf();
    let table = letter.windows(5).rposition(|window| window == b"xref\n" || window == b"xref\r").unwrap_or(letter.len());
    let table = letter[..table].windows(6).rposition(|window| window == b"endobj").map_or(table, |end| end + 6);
    letter[..table].to_vec()
}

/// The letter with a start that lies far behind its end.
pub(super) fn start_beyond_the_end() -> Vec<u8> {
    letter_with("startxref\n", "startxref\n99999999999999999999")
}

/// The letter whose objects have other numbers than the table says.
pub(super) fn wrong_numbers() -> Vec<u8> {
    letter_with(" 0 obj", " 7 obj")
}

/// The letter with every end of an object missing.
pub(super) fn endless_objects() -> Vec<u8> {
    letter_with("endobj", "      ")
}

/// The letter whose table says that all objects are free.
pub(super) fn everything_is_free() -> Vec<u8> {
    letter_with(" 00000 n", " 65535 f")
}

fn after(pdf: &[u8], more: &str) -> Vec<u8> {
    [pdf, more.as_bytes()].concat()
}

/// A section that names itself as the one before.
pub(super) fn before_itself() -> Vec<u8> {
    let (pdf, catalog) = small();
    let whole = pdf.finish(catalog);
    let start = whole.windows(5).rposition(|window| window == b"xref\n").unwrap_or(0) - 5;
    let at = whole.len();
    after(
        &whole,
        &format!("xref\n0 0\ntrailer\n<< /Size 9 /Root {catalog} 0 R /Prev {at} /XRefStm {at} >>\nstartxref\n{at}\n%%EOF\n% {start}\n"),
    )
}

/// Twenty thousand sections, each with the one before.
pub(super) fn thousands_of_updates() -> Vec<u8> {
    let (pdf, catalog) = small();
    let mut out = pdf.finish(catalog);
    let mut last = out.windows(5).rposition(|window| window == b"xref\n").unwrap_or(0);
    for _ in 0..20_000 {
        let at = out.len();
        out.extend_from_slice(
            format!("xref\n0 0\ntrailer\n<< /Size 9 /Root {catalog} 0 R /Prev {last} >>\nstartxref\n{at}\n%%EOF\n").as_bytes(),
        );
        last = at;
    }
    out
}

/// A table of a thousand million entries, of which none is there.
pub(super) fn lying_table() -> Vec<u8> {
    let (pdf, catalog) = small();
    let whole = pdf.finish(catalog);
    let at = whole.len();
    after(
        &whole,
        &format!("xref\n0 2147483647\n0000000000 65535 f \ntrailer\n<< /Size 2147483647 /Root {catalog} 0 R >>\nstartxref\n{at}\n%%EOF\n"),
    )
}

/// A file whose cross-reference is a stream with these entries and rows.
fn stream_table(entries: &str, rows: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Count 1 /Kids [3 0 R] >>\nendobj\n\
         3 0 obj\n<< /Type /Page /Parent 2 0 R {A4} >>\nendobj\n"
    )
    .into_bytes();
    let at = out.len();
    out.extend_from_slice(format!("4 0 obj\n<< /Type /XRef /Root 1 0 R /Length {} {entries} >>\nstream\n", rows.len()).as_bytes());
    out.extend_from_slice(rows);
    out.extend_from_slice(format!("\nendstream\nendobj\nstartxref\n{at}\n%%EOF\n").as_bytes());
    out
}

/// Columns of 2³¹ bytes, and of fewer than none.
pub(super) fn lying_widths() -> Vec<u8> {
    stream_table("/Size 5 /W [2147483647 -2 2147483647]", &noise(200, 41))
}

/// Columns without a width: every row is empty.
pub(super) fn rows_of_nothing() -> Vec<u8> {
    stream_table("/Size 2147483647 /W [0 0 0] /Index [0 2147483647]", b"")
}

/// Indices of all numbers there are, again and again.
pub(super) fn lying_index() -> Vec<u8> {
    stream_table(&format!("/Size 5 /W [1 2 1] /Index [{}]", "0 2147483647 -5 4294967295 ".repeat(1000)), &[0; 4000])
}

/// Objects that lie in a stream that lies in itself.
pub(super) fn stream_in_itself() -> Vec<u8> {
    // Objects 1 to 4 are all said to lie in the stream with the number 3, which is one of them.
    let rows: Vec<u8> = (0..5u8).flat_map(|at| [2, 0, 3, at]).collect();
    stream_table("/Size 5 /W [1 2 1]", &rows)
}

/// An object stream that says it holds 2³¹ objects, and extends itself.
pub(super) fn lying_object_stream() -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let page = pdf.add(format!("<< /Type /Page /Parent {parent} 0 R {A4} >>"));
    pdf.set(parent, format!("<< /Type /Pages /Count 1 /Kids [{page} 0 R] >>"));
    let own = pdf.reserve();
    pdf.set_stream(own, &format!("/Type /ObjStm /N 2147483647 /First -5 /Extends {own} 0 R"), b"9 0 10 4294967295 << >> << >>");
    let catalog = pdf.add(format!("<< /Type /Catalog /Pages {parent} 0 R /Extra 9 0 R >>"));
    pdf.finish(catalog)
}

/// A reference to a reference to a reference, a hundred thousand long, to the page's size; and one in a circle.
pub(super) fn references_to_references() -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let circle = pdf.reserve();
    let other = pdf.add(format!("{circle} 0 R"));
    pdf.set(circle, format!("{other} 0 R"));
    let mut last = pdf.add("[0 0 595 842]");
    for _ in 0..100_000 {
        last = pdf.add(format!("{last} 0 R"));
    }
    let page =
        pdf.add(format!("<< /Type /Page /Parent {parent} 0 R /MediaBox {last} 0 R /Contents {circle} 0 R /Resources {circle} 0 R >>"));
    pdf.finish_with_pages(parent, &[page])
}

/// An object with the highest number there is.
pub(super) fn highest_number() -> Vec<u8> {
    let (pdf, catalog) = small();
    let whole = pdf.finish(catalog);
    let object = whole.len();
    let more = "4294967295 65535 obj\n<< >>\nendobj\n";
    let at = object + more.len();
    let table =
        format!("xref\n4294967295 1\n{object:010} 65535 n \ntrailer\n<< /Size 4294967296 /Root {catalog} 0 R >>\nstartxref\n{at}\n%%EOF\n");
    after(&after(&whole, more), &table)
}

/// Locked with these entries.
fn locked(entries: &str) -> Vec<u8> {
    let (pdf, catalog) = small();
    pdf.finish_with_trailer(catalog, &format!("/Encrypt << {entries} >>"))
}

/// Locked by a program that nobody has.
pub(super) fn unknown_handler() -> Vec<u8> {
    locked("/Filter /Acme.Vault /SubFilter /acme.1 /V 99 /R 99 /Length 2147483647")
}

/// Locked with keys of no length and passwords of one letter.
pub(super) fn keys_of_nothing() -> Vec<u8> {
    locked(
        "/Filter /Standard /V 4 /R 4 /Length 0 /P -1 /O (o) /U (u) /CF << /StdCF << /CFM /AESV2 /Length 0 >> >> /StmF /StdCF /StrF /StdCF",
    )
}

/// Locked in the newest way with broken strings.
pub(super) fn broken_newest_lock() -> Vec<u8> {
    locked(
        "/Filter /Standard /V 5 /R 6 /Length 256 /P -1 /O (o) /U (u) /OE () /UE () /Perms () /CF << /StdCF << /CFM /AESV3 >> >> /StmF /StdCF /StrF /StdCF",
    )
}

/// Locked by a dictionary that is not there.
pub(super) fn lock_from_nowhere() -> Vec<u8> {
    let (pdf, catalog) = small();
    pdf.finish_with_trailer(catalog, "/Encrypt 999 0 R")
}

/// Nothing but a header, many times.
pub(super) fn headers_only() -> Vec<u8> {
    "%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 1 0 R /Kids [1 0 R] /Count 1 >>\n".repeat(50_000).into_bytes()
}

/// A header a thousand bytes into the file and a tail of a megabyte behind it.
pub(super) fn far_from_both_ends() -> Vec<u8> {
    let mut out = vec![b'%'; 1000];
    out.push(b'\n');
    out.extend_from_slice(samples::letter_pdf());
    out.extend(std::iter::repeat_n(0, 1 << 20));
    out
}
