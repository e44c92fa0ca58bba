//! Whether a PDF carries a digital signature.

use hayro::hayro_syntax::{
    Pdf,
    object::{Array, Dict, Name},
};

/// Form fields that are looked at; a real form has fewer.
const MAX_FIELDS: usize = 20_000;

/// Whether a signature field has a value, or the document's permissions rest on a signature.
pub(crate) fn is_signed(pdf: &Pdf) -> bool {
    let Some(catalog) = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id()) else { return false };
    if catalog.get::<Dict<'_>>(b"Perms").is_some_and(|p| p.contains_key(b"DocMDP") || p.contains_key(b"UR3")) {
        return true;
    }
    let fields = catalog.get::<Dict<'_>>(b"AcroForm").and_then(|form| form.get::<Array<'_>>(b"Fields"));
    let mut open: Vec<Dict<'_>> = fields.map(|f| f.iter::<Dict<'_>>().take(MAX_FIELDS).collect()).unwrap_or_default();
    let mut seen = 0;
    while let Some(field) = open.pop() {
        seen += 1;
        if seen > MAX_FIELDS {
            return false;
        }
        let is_signature = field.get::<Name<'_>>(b"FT").is_some_and(|ft| ft.as_str() == "Sig");
        if is_signature && field.get::<Dict<'_>>(b"V").is_some() {
            return true;
        }
        if let Some(kids) = field.get::<Array<'_>>(b"Kids") {
            open.extend(kids.iter::<Dict<'_>>().take(MAX_FIELDS));
        }
    }
    false
}
