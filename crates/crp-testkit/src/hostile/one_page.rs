//! A PDF of one page, whatever stands on it.

use crate::pdf_file::PdfFile;

/// The page's entries for an honest sheet of A4.
pub(super) const A4: &str = "/MediaBox [0 0 595 842]";

/// A PDF of one page being written.
pub(super) struct OnePage {
    /// Its objects.
    pub(super) pdf: PdfFile,
    /// The root of its page tree.
    pub(super) parent: usize,
}

impl OnePage {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        let mut pdf = PdfFile::new();
        let parent = pdf.reserve();
        Self { pdf, parent }
    }

    /// The file, its page drawn by `content` with these resources.
    pub(super) fn drawn_by(mut self, content: &[u8], resources: &str) -> Vec<u8> {
        let content = self.pdf.add_stream("", content);
        self.with(&format!("{A4} /Contents {content} 0 R /Resources << {resources} >>"))
    }

    /// The file, its page drawn by a stream with these entries.
    pub(super) fn drawn_by_stream(mut self, entries: &str, content: &[u8]) -> Vec<u8> {
        let content = self.pdf.add_stream(entries, content);
        self.with(&format!("{A4} /Contents {content} 0 R /Resources << >>"))
    }

    /// The file, its page with these entries beside type and parent.
    pub(super) fn with(self, entries: &str) -> Vec<u8> {
        let Self { mut pdf, parent } = self;
        let page = pdf.add(format!("<< /Type /Page /Parent {parent} 0 R {entries} >>"));
        pdf.finish_with_pages(parent, &[page])
    }
}

/// A page with these entries.
pub(super) fn page(entries: &str) -> Vec<u8> {
    OnePage::new().with(entries)
}

/// A page filled by one picture: a stream with these entries beside type and subtype.
pub(super) fn picture(entries: &str, bytes: &[u8]) -> Vec<u8> {
    let mut page = OnePage::new();
    let picture = page.pdf.add_stream(&format!("/Type /XObject /Subtype /Image {entries}"), bytes);
    page.drawn_by(b"q 595 0 0 842 0 0 cm /Im Do Q", &format!("/XObject << /Im {picture} 0 R >>"))
}
