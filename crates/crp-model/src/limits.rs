//! Limits: everything has one, with its unit in its name.

use serde::{Deserialize, Serialize};

/// What a document may cost. The same limits hold for the server and for `crpipeline run`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest upload in mebibytes; a larger one is refused with 413.
    pub max_upload_mebibytes: u64,
    /// Most pages of one document.
    pub max_pages: u32,
    /// Pixels that a page is rendered to at most, in millions; a larger page is scaled down with a warning.
    pub max_page_megapixels: u32,
    /// Wall-clock seconds for one page; its process is killed after them.
    pub page_timeout_seconds: u32,
    /// Wall-clock seconds for opening a document and for writing its searchable PDF, plus a share for every page.
    pub document_timeout_seconds: u32,
    /// Address space of a process that reads documents, in mebibytes.
    pub max_child_memory_mebibytes: u64,
    /// Largest file that such a process may write, in mebibytes.
    pub max_output_mebibytes: u64,
    /// Pages of one task; each page is saved as it is done.
    pub pages_per_task: u32,
    /// Tries of one task before its job fails.
    pub max_attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_upload_mebibytes: 512,
            max_pages: 5000,
            max_page_megapixels: 60,
            page_timeout_seconds: 120,
            document_timeout_seconds: 120,
            max_child_memory_mebibytes: 2048,
            max_output_mebibytes: 2048,
            pages_per_task: 16,
            max_attempts: 3,
        }
    }
}

impl Limits {
    /// `max_upload_mebibytes` in bytes.
    pub const fn max_upload_bytes(&self) -> u64 {
        self.max_upload_mebibytes * 1024 * 1024
    }

    /// `max_page_megapixels` in pixels.
    pub const fn max_page_pixels(&self) -> u64 {
        self.max_page_megapixels as u64 * 1_000_000
    }
}
