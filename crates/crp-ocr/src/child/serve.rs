//! Serves one document: opens it, answers page by page or writes its searchable PDF, and ends when the parent has enough.

use std::{
    fs::File,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use crp_model::{
    Code, Failure, Limits, MediaType, PageLayout, PageNo, TextSource, Warning,
    labels::WarningKind,
    pipeline::{OcrMode, SignedDocuments},
};

use super::{Job, JobKind, Loaded, PageHook, Reader, admission::Admission, descriptors::Wire, output::Output};
use crate::{
    Inspection,
    document::OpenDocument,
    engine::{Engine, remote::RemoteEngine},
    protocol::{self, Answer, MAX_REQUEST_BYTES, ReceiveError, Received, Request},
    reading,
};

/// Below this mean confidence the words of a page are more guessed than read.
const LOW_CONFIDENCE: f32 = 0.6;

/// Serves until the parent closes its pipe.
pub(super) fn serve(wire: &mut Wire, job: Job, before_page: PageHook) -> io::Result<()> {
    let Job { kind, limits, sandbox } = job;
    match kind {
        JobKind::Read { document, media, reader } => {
            let document = match open(document, media, &limits) {
                Ok(document) => document,
                Err(failure) => return protocol::send(&mut wire.to_parent, &Answer::Failed(failure), b""),
            };
            protocol::send(&mut wire.to_parent, &Answer::Started { sandbox }, b"")?;
            Session { document, reader, inspection: None, before_page }.serve(wire)
        }
        JobKind::Assemble { document, output, media, signed } => {
            let document = match open(document, media, &limits) {
                Ok(document) => document,
                Err(failure) => return protocol::send(&mut wire.to_parent, &Answer::Failed(failure), b""),
            };
            protocol::send(&mut wire.to_parent, &Answer::Started { sandbox }, b"")?;
            let answer = assemble(wire, &document, signed, output).unwrap_or_else(Answer::Failed);
            protocol::send(&mut wire.to_parent, &answer, b"")
        }
    }
}

fn open(file: File, media: MediaType, limits: &Limits) -> Result<OpenDocument, Failure> {
    guard(
        || OpenDocument::open(file, media, limits),
        || Failure::new(Code::DamagedFile, "The document is damaged in a way that its reader did not expect"),
    )
}

/// Runs `work`; a panic in it becomes `otherwise`. What panicked stands in the captured standard error.
fn guard<T>(work: impl FnOnce() -> Result<T, Failure>, otherwise: impl FnOnce() -> Failure) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_panic| Err(otherwise()))
}

/// A document that is being read.
struct Session {
    document: OpenDocument,
    reader: Option<Reader>,
    inspection: Option<Inspection>,
    before_page: PageHook,
}

impl Session {
    fn serve(mut self, wire: &mut Wire) -> io::Result<()> {
        loop {
            let (answer, thumbnail) = match protocol::receive(&mut wire.from_parent, MAX_REQUEST_BYTES) {
                Err(ReceiveError::Closed) => return Ok(()),
                Err(error) => return Err(io::Error::other(error)),
                Ok(Received { message: Request::Inspect, .. }) => (self.inspect().map(Answer::Inspection), None),
                Ok(Received { message: Request::Page(page), .. }) => match self.read_page(wire, page) {
                    Ok((answer, thumbnail)) => (Ok(answer), thumbnail),
                    Err(failure) => (Err(failure), None),
                },
                Ok(_) => return Err(io::Error::other("the request does not belong to reading")),
            };
            protocol::send(&mut wire.to_parent, &answer.unwrap_or_else(Answer::Failed), &thumbnail.unwrap_or_default())?;
        }
    }

    fn inspect(&mut self) -> Result<Inspection, Failure> {
        if self.inspection.is_none() {
            let inspection = guard(
                || self.document.inspect(),
                || Failure::new(Code::DamagedFile, "The document's pages are damaged in a way that its reader did not expect"),
            )?;
            self.inspection = Some(inspection);
        }
        Ok(self.inspection.clone().unwrap_or_default())
    }

    fn read_page(&mut self, wire: &mut Wire, page: PageNo) -> Result<(Answer, Option<Vec<u8>>), Failure> {
        let hook = self.before_page;
        guard(
            || hook(page).and_then(|()| self.read_page_unguarded(wire, page)),
            || Failure::new(Code::PageFailed, format!("Page {page} is damaged in a way that its reader did not expect")),
        )
    }

    fn read_page_unguarded(&mut self, wire: &mut Wire, page: PageNo) -> Result<(Answer, Option<Vec<u8>>), Failure> {
        let Some(Reader { settings, .. }) = &self.reader else {
            return Err(Failure::new(Code::Internal, "The document process was started without settings for reading pages"));
        };
        let (mode, thumbnails) = (settings.mode, settings.thumbnails);
        let existing = if mode == OcrMode::Force { None } else { self.document.existing_text(page)? };
        let mut reading = match existing {
            Some(layout) => Reading { layout, warnings: Vec::new(), render_seconds: 0.0, recognise_seconds: 0.0 },
            None if mode == OcrMode::Off => self.leave_without_text(page)?,
            None => self.recognise(wire, page)?,
        };
        let mut admission = Admission::new(wire, page);
        let thumbnail = thumbnails.then(|| self.document.thumbnail(page, &mut |need| admission.ask(need))).transpose()?;
        if let (TextSource::Ocr, Some(reader)) = (reading.layout.source, &mut self.reader) {
            reading.warnings.append(&mut reader.warnings);
        }
        let Reading { layout, warnings, render_seconds, recognise_seconds } = reading;
        Ok((Answer::Page { layout, warnings, render_seconds, recognise_seconds }, thumbnail))
    }

    fn leave_without_text(&mut self, page: PageNo) -> Result<Reading, Failure> {
        let inspection = self.inspect()?;
        let Some(info) = inspection.pages.get(page.index()) else {
            return Err(Failure::new(Code::PageFailed, format!("The document has no page {page}")));
        };
        let layout = info.blank_layout(page);
        Ok(Reading { layout, warnings: Vec::new(), render_seconds: 0.0, recognise_seconds: 0.0 })
    }

    fn recognise(&mut self, wire: &mut Wire, page: PageNo) -> Result<Reading, Failure> {
        let Some(Reader { engine: Some(engine), .. }) = &mut self.reader else {
            return Err(Failure::new(Code::Internal, "The document process was started without an engine"));
        };
        let loaded = engine.as_mut().map_err(|failure| failure.clone())?;
        let began = Instant::now();
        let mut admission = Admission::new(wire, page);
        let mut rendered = self.document.render_gray_when(page, &mut |need| admission.ask(need))?;
        let render_seconds = began.elapsed().saturating_sub(admission.waited).as_secs_f64();
        let drawn = Instant::now();
        let mut remote = RemoteEngine::new(&mut wire.from_parent, &mut wire.to_parent);
        let engine: &mut dyn Engine = match loaded {
            Loaded::Tesseract(tesseract) => tesseract,
            Loaded::Remote => &mut remote,
        };
        let layout = reading::read(engine, page, &mut rendered)?;
        let recognise_seconds = drawn.elapsed().as_secs_f64();
        rendered.refuse_if_lost(&layout)?;
        let mut warnings = std::mem::take(&mut rendered.warnings);
        if let Some(confidence) = layout.mean_confidence().filter(|c| *c < LOW_CONFIDENCE) {
            let message = format!("The words of page {page} are unsure (mean confidence {:.0} %)", confidence * 100.0);
            warnings.push(Warning::new(WarningKind::LowConfidence, Some(page), message));
        }
        Ok(Reading { layout, warnings, render_seconds, recognise_seconds })
    }
}

struct Reading {
    layout: PageLayout,
    warnings: Vec<Warning>,
    render_seconds: f64,
    recognise_seconds: f64,
}

fn assemble(wire: &mut Wire, document: &OpenDocument, signed: SignedDocuments, output: File) -> Result<Answer, Failure> {
    let mut output = Output::new(output);
    let mut ended = false;
    let mut layouts = std::iter::from_fn(|| {
        if ended {
            return None;
        }
        match protocol::receive(&mut wire.from_parent, MAX_REQUEST_BYTES) {
            Ok(Received { message: Request::Layout(layout), .. }) => Some(Ok(layout)),
            Ok(Received { message: Request::EndOfLayouts, .. }) => {
                ended = true;
                None
            }
            Ok(_) => Some(Err(Failure::new(Code::Internal, "The document process was asked for something else while it wrote"))),
            Err(error) => {
                ended = true;
                Some(Err(Failure::new(Code::Internal, format!("The pages of the searchable PDF did not arrive: {error}"))))
            }
        }
    });
    let written = guard(
        || document.write_searchable(&mut layouts, signed, &mut output),
        || Failure::new(Code::DamagedFile, "The document is damaged in a way that prevents writing its searchable PDF"),
    );
    match written {
        // A writer that failed tells best why.
        Err(failure) => Err(output.failure().unwrap_or(failure)),
        Ok(warnings) => match layouts.next() {
            // An answer before the question would find a parent that still writes, and then nobody to write to.
            None => Ok(Answer::Assembled { bytes_written: output.finish()?, warnings }),
            Some(Err(failure)) => Err(failure),
            Some(Ok(_)) => Err(Failure::new(Code::Internal, "More pages arrived than the document has")),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use super::*;

    fn file_with(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    /// What comes of a page that carries its text, so that nothing is left to write after it, when `then` follows its layout.
    fn assembled(then: &[Request]) -> Result<Answer, Failure> {
        const PDF: &[u8] = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n\
            2 0 obj\n<< /Type /Pages /Count 1 /Kids [3 0 R] >>\nendobj\n\
            3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] >>\nendobj\ntrailer\n<< /Size 4 /Root 1 0 R >>\n%%EOF\n";
        let layout = PageLayout {
            page: PageNo::from_index(0),
            width: 100.0,
            height: 100.0,
            rotation: 0,
            pixels: None,
            source: TextSource::None,
            words: Vec::new(),
            lines: Vec::new(),
        };
        let mut sent = Vec::new();
        protocol::send(&mut sent, &Request::Layout(layout), b"").unwrap();
        for request in then {
            protocol::send(&mut sent, request, b"").unwrap();
        }
        let mut wire = Wire { from_parent: io::BufReader::new(file_with(&sent)), to_parent: tempfile::tempfile().unwrap() };
        let document = OpenDocument::open(file_with(PDF), MediaType::Pdf, &Limits::default()).unwrap();
        assemble(&mut wire, &document, SignedDocuments::Keep, tempfile::tempfile().unwrap())
    }

    #[test]
    fn a_document_is_finished_only_when_the_parent_has_sent_all_its_pages() {
        assert!(matches!(assembled(&[Request::EndOfLayouts]), Ok(Answer::Assembled { .. })));
        let failure = assembled(&[]).unwrap_err();
        assert!(failure.message.contains("did not arrive"), "{failure}");
        assert!(assembled(&[Request::Inspect]).is_err());
    }
}
