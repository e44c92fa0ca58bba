//! The layout artifact, which has one page per line, into another format while it is being read.

use super::LayoutFormat;
use crate::{Code, Failure, PageLayout};

/// How the artifact begins; the pages follow, separated by a comma and a line break.
const BEGINNING: &[u8] = b"{\"pages\":[";
/// Longest line, in bytes: more than any page that a child may answer.
const MAX_LINE_BYTES: usize = 96 << 20;

/// Takes the artifact piece by piece as it comes and gives the same pages in another format.
#[derive(Debug)]
pub struct LayoutConverter {
    format: LayoutFormat,
    /// What was written before any page was seen; given out with the first piece.
    head: Option<String>,
    /// The line that has not ended yet.
    line: Vec<u8>,
}

impl LayoutConverter {
    /// A converter for one document; `name` is the document's.
    pub fn new(format: LayoutFormat, name: &str) -> Self {
        Self { format, head: Some(format.head(name)), line: Vec::new() }
    }

    /// Takes the next bytes of the artifact and gives what they complete, often nothing.
    ///
    /// # Errors
    /// `object_damaged` when they are no layout.
    pub fn push(&mut self, bytes: &[u8]) -> Result<String, Failure> {
        let mut out = self.head.take().unwrap_or_default();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            self.end_line(&mut out)?;
        }
        self.line.extend_from_slice(rest);
        if self.line.len() > MAX_LINE_BYTES {
            return Err(damaged(&format!("a line of more than {MAX_LINE_BYTES} bytes")));
        }
        Ok(out)
    }

    /// Gives what is left when the artifact has ended.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn finish(mut self) -> Result<String, Failure> {
        let mut out = self.head.take().unwrap_or_default();
        self.end_line(&mut out)?;
        out.push_str(self.format.tail());
        Ok(out)
    }

    fn end_line(&mut self, out: &mut String) -> Result<(), Failure> {
        let line = std::mem::take(&mut self.line);
        let page = line.strip_prefix(BEGINNING).unwrap_or(&line);
        if page.trim_ascii().is_empty() || page.trim_ascii() == b"]}" {
            return Ok(());
        }
        // What follows the page on its line is the comma or the end of the list.
        let mut values = serde_json::Deserializer::from_slice(page).into_iter::<PageLayout>();
        match values.next() {
            Some(Ok(layout)) => {
                layout.check().map_err(|what| damaged(&what))?;
                out.push_str(&self.format.page(&layout));
            }
            Some(Err(error)) => return Err(damaged(&error.to_string())),
            None => {}
        }
        Ok(())
    }
}

fn damaged(what: &str) -> Failure {
    Failure::new(Code::ObjectDamaged, format!("The stored layout cannot be read: {what}"))
}
