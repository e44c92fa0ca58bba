//! Writes PDF files object by object, also such as no honest program would write.

use std::io::Write as _;

/// A PDF being written. Objects are numbered from 1 in the order in which they are added.
#[derive(Debug, Default)]
pub struct PdfFile {
    objects: Vec<Vec<u8>>,
}

impl PdfFile {
    /// A file without objects.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a number for an object that is filled in later with [`PdfFile::set`].
    pub fn reserve(&mut self) -> usize {
        self.add(b"null")
    }

    /// Adds an object and gives its number.
    pub fn add(&mut self, body: impl AsRef<[u8]>) -> usize {
        self.objects.push(body.as_ref().to_vec());
        self.objects.len()
    }

    /// Fills in a reserved object.
    pub fn set(&mut self, number: usize, body: impl AsRef<[u8]>) {
        self.objects[number - 1] = body.as_ref().to_vec();
    }

    /// Adds a stream; `entries` stand in its dictionary beside the length.
    pub fn add_stream(&mut self, entries: &str, bytes: &[u8]) -> usize {
        let mut body = format!("<< /Length {} {entries} >>\nstream\n", bytes.len()).into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\nendstream");
        self.add(body)
    }

    /// Fills in a reserved object with a stream.
    pub fn set_stream(&mut self, number: usize, entries: &str, bytes: &[u8]) {
        let last = self.add_stream(entries, bytes);
        self.objects.swap_remove(number - 1);
        debug_assert_eq!(last, self.objects.len() + 1);
    }

    /// The whole file; `catalog` is the number of the document's catalog.
    pub fn finish(&self, catalog: usize) -> Vec<u8> {
        self.finish_with_trailer(catalog, "")
    }

    /// The whole file with more `entries` in its trailer.
    pub fn finish_with_trailer(&self, catalog: usize, entries: &str) -> Vec<u8> {
        let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
        let mut offsets = Vec::with_capacity(self.objects.len());
        for (at, body) in self.objects.iter().enumerate() {
            offsets.push(out.len());
            let _ = writeln!(out, "{} 0 obj", at + 1);
            out.extend_from_slice(body);
            out.extend_from_slice(b"\nendobj\n");
        }
        let start = out.len();
        let size = self.objects.len() + 1;
        let _ = write!(out, "xref\n0 {size}\n0000000000 65535 f \n");
        for offset in offsets {
            let _ = writeln!(out, "{offset:010} 00000 n ");
        }
        // Encryption needs an id; others do not mind one.
        let id = "<00112233445566778899aabbccddeeff>";
        let _ = write!(out, "trailer\n<< /Size {size} /Root {catalog} 0 R /ID [{id} {id}] {entries} >>\nstartxref\n{start}\n%%EOF\n");
        out
    }

    /// The whole file, with a catalog and a flat page tree made for these pages. Their dictionaries name `parent` as `/Parent`.
    pub fn finish_with_pages(mut self, parent: usize, pages: &[usize]) -> Vec<u8> {
        let kids: Vec<String> = pages.iter().map(|page| format!("{page} 0 R")).collect();
        self.set(parent, format!("<< /Type /Pages /Count {} /Kids [{}] >>", pages.len(), kids.join(" ")));
        let catalog = self.add(format!("<< /Type /Catalog /Pages {parent} 0 R >>"));
        self.finish(catalog)
    }
}
