//! Orientation and resolution from EXIF, which is a TIFF directory inside other formats.

use super::tags::Directory;
use crate::document::orientation::Orientation;

/// Orientation and resolution, where the block tells them.
pub(crate) fn read(block: &[u8]) -> (Orientation, Option<(f64, f64)>) {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    match Directory::at(block, None) {
        Some(directory) => (Orientation::from_tag(directory.first(274).unwrap_or(1)), directory.resolution()),
        None => (Orientation::Upright, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orientation_and_resolution_are_found_and_rubbish_is_harmless() {
        let mut block = b"Exif\0\0MM\0*\0\0\0\x08\0\x02".to_vec();
        block.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]);
        block.extend([0x01, 0x1A, 0, 5, 0, 0, 0, 1, 0, 0, 0, 34]);
        block.extend([0, 0, 1, 44, 0, 0, 0, 1]);
        assert_eq!(read(&block), (Orientation::TurnRight, Some((300.0, 300.0))));
        for end in 0..block.len() {
            let _ = read(&block[..end]);
        }
    }
}
