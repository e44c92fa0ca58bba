//! The name of a document as people see it: never a path, never a surprise.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Code, Failure};

/// Longest name in bytes (the limit of common file systems, so that a download can be saved).
pub const MAX_NAME_BYTES: usize = 255;

/// A cleaned file name. It is shown and offered for download; it never becomes part of a path or key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentName(String);

impl DocumentName {
    /// Cleans what a client sent: the last path component, without control characters and without marks that reverse or hide text.
    ///
    /// # Errors
    /// `bad_name` when it is longer than [`MAX_NAME_BYTES`] or holds a NUL byte: both are refused rather than silently changed into another name.
    pub fn from_client(sent: &str) -> Result<Self, Failure> {
        if sent.contains('\0') {
            return Err(Failure::new(Code::BadName, "The file's name holds a NUL byte"));
        }
        let last = sent.rsplit(['/', '\\']).next().unwrap_or("");
        let clean: String = last.chars().filter(|c| !c.is_control() && !is_invisible_mark(*c)).collect();
        let clean = clean.trim().trim_start_matches('.').trim();
        if clean.len() > MAX_NAME_BYTES {
            return Err(Failure::new(Code::BadName, format!("The file's name has {} bytes; {MAX_NAME_BYTES} are allowed", clean.len())));
        }
        Ok(Self(if clean.is_empty() { "document".to_owned() } else { clean.to_owned() }))
    }

    /// The name as stored; only for rows that [`DocumentName::from_client`] made.
    pub fn from_store(stored: String) -> Self {
        Self(stored)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its last extension.
    pub fn stem(&self) -> &str {
        match self.0.rfind('.') {
            Some(at) if at > 0 => &self.0[..at],
            _ => &self.0,
        }
    }
}

/// Bidirectional controls and zero-width marks (Unicode TR 36): they make `exe.pdf` read as `fdp.exe`.
fn is_invisible_mark(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{061c}')
}

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_path_and_hides_nothing() {
        let clean = |s: &str| DocumentName::from_client(s).map(|n| n.as_str().to_owned()).map_err(|f| f.code);
        assert_eq!(clean("../../etc/passwd"), Ok("passwd".into()));
        assert_eq!(clean("C:\\scans\\a b.pdf"), Ok("a b.pdf".into()));
        assert_eq!(clean("inv\u{202e}fdp.exe"), Ok("invfdp.exe".into()));
        assert_eq!(clean("a\r\nSet-Cookie: x"), Ok("aSet-Cookie: x".into()));
        assert_eq!(clean(".."), Ok("document".into()));
        assert_eq!(clean("a\0b"), Err(Code::BadName));
        assert_eq!(clean(&"x".repeat(4096)), Err(Code::BadName));
        assert_eq!(DocumentName::from_client("scan.tar.gz").unwrap().stem(), "scan.tar");
    }
}
