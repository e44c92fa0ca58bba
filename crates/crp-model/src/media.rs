//! The media types that crPipeline reads, told by their first bytes and by nothing else.

use serde::{Deserialize, Serialize};

use crate::{Code, Failure};

/// A format that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MediaType {
    /// Portable Document Format.
    #[serde(rename = "application/pdf")]
    Pdf,
    /// Portable Network Graphics.
    #[serde(rename = "image/png")]
    Png,
    /// JPEG.
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// TIFF, also with many pages.
    #[serde(rename = "image/tiff")]
    Tiff,
}

/// So many bytes from the start are enough for [`MediaType::sniff`].
pub const SNIFF_BYTES: usize = 1024;

impl MediaType {
    /// Tells the format by the first bytes of a file (up to [`SNIFF_BYTES`]).
    ///
    /// # Errors
    /// `empty_file`, `unsupported_type`, or `ambiguous_type` when the bytes begin one format and announce another
    /// (a polyglot: an image or archive with a PDF header inside the first 1024 bytes, which PDF readers accept).
    pub fn sniff(first_bytes: &[u8]) -> Result<Self, Failure> {
        let head = &first_bytes[..first_bytes.len().min(SNIFF_BYTES)];
        if head.is_empty() {
            return Err(Failure::new(Code::EmptyFile, "The file is empty"));
        }
        let pdf_at = head.windows(5).position(|w| w == b"%PDF-");
        match (by_magic(head), pdf_at) {
            (Some(MediaType::Pdf), _) => Ok(MediaType::Pdf),
            (Some(image), None) => Ok(image),
            (Some(image), Some(at)) => {
                Err(Failure::new(Code::AmbiguousType, format!("The file begins as {} and is a PDF from byte {at} on", image.name())))
            }
            // Some producers put a few bytes before the header; other formats' magic there is a polyglot.
            (None, Some(at)) if foreign_magic(head).is_none() => {
                let _ = at;
                Ok(MediaType::Pdf)
            }
            (None, Some(at)) => Err(Failure::new(
                Code::AmbiguousType,
                format!("The file begins as {} and is a PDF from byte {at} on", foreign_magic(head).unwrap_or("another format")),
            )),
            (None, None) => Err(Failure::new(
                Code::UnsupportedType,
                format!(
                    "The file is {}, not a PDF, TIFF, PNG or JPEG",
                    foreign_magic(head).map_or_else(|| "of no known format".to_owned(), |f| format!("a {f} file"))
                ),
            )),
        }
    }

    /// The MIME type.
    pub const fn mime(self) -> &'static str {
        match self {
            MediaType::Pdf => "application/pdf",
            MediaType::Png => "image/png",
            MediaType::Jpeg => "image/jpeg",
            MediaType::Tiff => "image/tiff",
        }
    }

    /// The type with this MIME name.
    pub fn from_mime(mime: &str) -> Option<Self> {
        [MediaType::Pdf, MediaType::Png, MediaType::Jpeg, MediaType::Tiff].into_iter().find(|m| m.mime() == mime)
    }

    /// The name people use.
    pub const fn name(self) -> &'static str {
        match self {
            MediaType::Pdf => "PDF",
            MediaType::Png => "PNG",
            MediaType::Jpeg => "JPEG",
            MediaType::Tiff => "TIFF",
        }
    }
}

fn by_magic(head: &[u8]) -> Option<MediaType> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    if starts(b"%PDF-") {
        Some(MediaType::Pdf)
    } else if starts(b"\x89PNG\r\n\x1a\n") {
        Some(MediaType::Png)
    } else if starts(b"\xff\xd8\xff") {
        Some(MediaType::Jpeg)
    } else if starts(b"II*\0") || starts(b"MM\0*") || starts(b"II+\0") || starts(b"MM\0+") {
        Some(MediaType::Tiff)
    } else {
        None
    }
}

/// Formats that are named in the message, so that the user knows what was sent.
fn foreign_magic(head: &[u8]) -> Option<&'static str> {
    const KNOWN: &[(&[u8], &str)] = &[
        (b"PK\x03\x04", "ZIP or Office"),
        (b"GIF8", "GIF"),
        (b"BM", "BMP"),
        (b"\x7fELF", "program"),
        (b"MZ", "program"),
        (b"%!PS", "PostScript"),
        (b"<?xml", "XML"),
        (b"<svg", "SVG"),
        (b"<!DOCTYPE", "HTML"),
        (b"<html", "HTML"),
        (b"RIFF", "WebP or other RIFF"),
        (b"\x1f\x8b", "gzip"),
        (b"7z\xbc\xaf", "7-Zip"),
        (b"\xd0\xcf\x11\xe0", "old Office"),
        (b"push graphic-context", "MVG"),
        (b"{\\rtf", "RTF"),
    ];
    KNOWN.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(bytes: &[u8]) -> Result<MediaType, Code> {
        MediaType::sniff(bytes).map_err(|f| f.code)
    }

    #[test]
    fn formats_are_told_by_first_bytes_and_polyglots_are_refused() {
        assert_eq!(code(b"%PDF-1.7\n"), Ok(MediaType::Pdf));
        assert_eq!(code(b"\n\n%PDF-1.4\n"), Ok(MediaType::Pdf));
        assert_eq!(code(b"\x89PNG\r\n\x1a\n"), Ok(MediaType::Png));
        assert_eq!(code(b"\xff\xd8\xff\xe0"), Ok(MediaType::Jpeg));
        assert_eq!(code(b"II*\0\x08"), Ok(MediaType::Tiff));
        assert_eq!(code(b""), Err(Code::EmptyFile));
        assert_eq!(code(b"hello"), Err(Code::UnsupportedType));
        assert_eq!(code(b"%!PS-Adobe-3.0"), Err(Code::UnsupportedType));
        assert_eq!(code(b"\xff\xd8\xff\xe0 %PDF-1.4"), Err(Code::AmbiguousType));
        assert_eq!(code(b"PK\x03\x04 %PDF-1.4"), Err(Code::AmbiguousType));
    }
}
