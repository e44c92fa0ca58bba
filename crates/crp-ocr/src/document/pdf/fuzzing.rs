//! Any bytes as a PDF, and any words on PDFs of our own: the whole way from opening to a text layer that was written and read again.
//!
//! Pages are not drawn: how long that takes, only the parent's clock ends.

use std::sync::OnceLock;

use crp_model::{Code, Failure, Limits, PageLayout, PageNo};

pub(crate) use super::old_layer::fuzzing::{run as old_layer, seeds as old_layer_seeds};
use super::{PdfDocument, overlay};
use crate::{
    PageInfo,
    document::{failures::guarded, mapped::MappedFile},
    fuzzing::{any_layout, any_layout::Choices, limits, pdfs, told},
};

/// Any words on a PDF of our own, which the first byte chooses.
pub(crate) fn overlay(data: &[u8]) {
    static PDFS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let all = PDFS.get_or_init(pdfs::all);
    let mut choices = Choices::new(data);
    let file = &all[usize::from(choices.byte()) % all.len()];
    assert!(written(file, &mut |page, info| choices.layout(page, info)), "our own PDFs take a text layer");
}

/// Any bytes as a PDF.
pub(crate) fn pdf_file(data: &[u8]) {
    written(data, &mut any_layout::two_words);
}

/// Goes all the way, and says whether it led to a PDF with text layers.
fn written(file: &[u8], layout: &mut dyn FnMut(PageNo, &PageInfo) -> PageLayout) -> bool {
    let limits = limits();
    let Some(document) = told(open(file, &limits)) else { return false };
    let Some(inspection) = told(guarded(Code::DamagedFile, "Looking", || document.inspect())) else { return false };
    let pages: Vec<(PageNo, PageInfo)> = inspection.pages.iter().enumerate().map(|(i, info)| (PageNo::from_index(i), *info)).collect();
    for (page, _) in &pages {
        told(guarded(Code::PageFailed, "Reading", || document.existing_text(*page)));
    }
    let Some(overlay) = told(guarded(Code::DamagedFile, "Preparing", || overlay::Overlay::prepare(&document))) else { return false };
    let mut layouts = pages.iter().map(|(page, info)| Ok(layout(*page, info)));
    let mut out = Vec::new();
    if told(guarded(Code::PageFailed, "Writing", || overlay::write(overlay, &document, &mut layouts, &mut out))).is_none() {
        return false;
    }
    same_pages(&out, &inspection.pages);
    true
}

fn open(file: &[u8], limits: &Limits) -> Result<PdfDocument, Failure> {
    guarded(Code::DamagedFile, "Opening", || PdfDocument::open(MappedFile::of_bytes(file)?, limits))
}

/// A PDF with a text layer opens and has the pages that it had before.
fn same_pages(file: &[u8], pages: &[PageInfo]) {
    let sizes = |pages: &[PageInfo]| pages.iter().map(|p| (p.width_points, p.height_points, p.rotation)).collect::<Vec<_>>();
    assert_eq!(sizes(&reopened(file)), sizes(pages));
}

/// A PDF that we wrote opens and has so many pages.
pub(crate) fn has_pages(file: &[u8], count: usize) {
    assert_eq!(reopened(file).len(), count);
}

fn reopened(file: &[u8]) -> Vec<PageInfo> {
    open(file, &limits()).and_then(|document| document.inspect()).expect("what we wrote can be opened").pages
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What fuzzing found: written anew by a library that cannot read the page tree's object, the page lost the size it had there.
    const TREE_OF_TWO_MEANINGS: &[u8] = b"%PDF-1.7\n%\xbb\xad\xc0\xde\n1 0 obj\n\
          <</Type/Pawe\0\0\0\0\0\0\0\0\0\0\0\0s/MediaBox[0 0 612 792]/Count 1/Kids[4 0 R]>>\nendobj\n2 0 obj\n\
          <</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>\nendobj\n3 0 obj\n\
          <</Length 4z2>>stream\nBT /F1 12 Tf 72 700 Td (Dear reader) Tj ET\nendstream \nendobj\n4 0 obj\n\
          <</Resources<</Font<</F1 2 0 R>>>>/Type/Page/Perent 1 0 R/Contents[3 0 R]>>\nen\x97\x90bj\n5 0 obj\n\
          <</Type/Catalog/Pages 1 0 R>>\nendobj\n6 0 obj\n\
          <</Root 5 0 R/ID[(0123456789abcdef)(0123456789abcdef)]/Type/XRef/Size 7/W[1 4 2]/Index[1 6]/Length 42>>stream\n\
          \x01\0\0\0\x0f\0\0\x01\0\0\0X\0\0\x01\0\0\0\xb0\0\0\x01\0\0\x01\n\0\0\x01\0\0\x01e\0\0\x01\0\0\x01\x92\0\0\n\
          endstream \nendobj\n\nstartxref\n402\n%%EOF";

    #[test]
    fn a_page_whose_size_one_reader_cannot_see_keeps_its_size() {
        pdf_file(TREE_OF_TWO_MEANINGS);
    }
}
