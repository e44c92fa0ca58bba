//! The OCR stage: inspect the document, read its pages one by one, assemble what was read.

mod assemble;
mod read;

pub use assemble::Assembler;
pub(crate) use assemble::write_failure;
pub use read::{PageReader, empty_page, inspect, read_settings};
