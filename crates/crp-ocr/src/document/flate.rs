//! Flate compression, as PDF streams use it.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};

/// `bytes` compressed.
pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing into memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
