//! Files that are not what they should be: broken off, damaged, locked, or two things at once.

use lopdf::{Document, EncryptionState, EncryptionVersion, Permissions};

use crate::samples;

/// A file without bytes.
pub fn empty() -> Vec<u8> {
    Vec::new()
}

/// Text with a misleading name.
pub fn not_a_document() -> Vec<u8> {
    b"Dear reader,\nI am a text file, whatever my name says.\n".to_vec()
}

/// An archive: the first bytes of a ZIP file.
pub fn plain_zip() -> Vec<u8> {
    let mut out = b"PK\x03\x04\x14\0\0\0\0\0".to_vec();
    out.resize(400, 0);
    out
}

/// The beginning of the letter's PDF, the given share of its bytes.
pub fn truncated(share: f64) -> Vec<u8> {
    let whole = samples::letter_pdf();
    whole[..(whole.len() as f64 * share) as usize].to_vec()
}

/// A PDF header, then noise: nothing in it can be found.
pub fn damaged() -> Vec<u8> {
    let mut out = b"%PDF-1.5\n".to_vec();
    out.extend(noise(20_000, 1));
    out
}

/// The letter with noise in place of the middle of each of its images; the structure is whole.
pub fn damaged_images() -> Vec<u8> {
    let mut out = samples::letter_pdf().to_vec();
    for jpeg in samples::letter_jpegs() {
        let start = out.windows(jpeg.len()).position(|window| window == jpeg).expect("the letter holds its images");
        // From the first bytes on, so that no decoder can show a part of it.
        out[start..start + jpeg.len()].copy_from_slice(&noise(jpeg.len(), 2));
    }
    out
}

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut step = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    // No letters: noise must not spell a keyword by accident.
    (0..length).map(|_| step() | 0x80).collect()
}

/// The letter, locked with a password (RC4, 128 bits, as older programs write it).
pub fn encrypted(password: &str) -> Vec<u8> {
    locked("owner", password)
}

/// The letter, encrypted but open to everybody: only changing it needs a password.
pub fn encrypted_without_password() -> Vec<u8> {
    locked("owner", "")
}

fn locked(owner_password: &str, user_password: &str) -> Vec<u8> {
    let mut document = Document::load_mem(&samples::scan(1)).expect("our own PDF can be read");
    let version =
        EncryptionVersion::V2 { document: &document, owner_password, user_password, key_length: 128, permissions: Permissions::PRINTABLE };
    let state = EncryptionState::try_from(version).expect("passwords of ASCII make a key");
    document.encrypt(&state).expect("our own PDF can be encrypted");
    let mut out = Vec::new();
    document.save_to(&mut out).expect("bytes can be written to memory");
    out
}

/// A JPEG image that is a PDF from byte 20 on.
pub fn jpeg_and_pdf() -> Vec<u8> {
    let mut out = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0".to_vec();
    out.extend_from_slice(samples::letter_pdf());
    out
}

/// An archive that is a PDF from byte 40 on.
pub fn zip_and_pdf() -> Vec<u8> {
    let mut out = plain_zip()[..40].to_vec();
    out.extend_from_slice(samples::letter_pdf());
    out
}

/// A TIFF of 20,000 pages of one pixel.
pub fn tiff_with_many_directories() -> Vec<u8> {
    tiff(20_000, None)
}

/// A TIFF whose last directory names the first as the next one.
pub fn tiff_with_looping_directories() -> Vec<u8> {
    tiff(3, Some(8))
}

/// Little-endian TIFF: directories of one pixel each, the last followed by `after_last`.
fn tiff(directories: u32, after_last: Option<u32>) -> Vec<u8> {
    const ENTRIES: [(u16, u16, u32); 8] =
        [(256, 4, 1), (257, 4, 1), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 0), (278, 4, 1), (279, 4, 1)];
    let directory_bytes = 2 + 12 * ENTRIES.len() as u32 + 4;
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    for at in 0..directories {
        out.extend_from_slice(&(ENTRIES.len() as u16).to_le_bytes());
        for (tag, kind, value) in ENTRIES {
            out.extend_from_slice(&tag.to_le_bytes());
            out.extend_from_slice(&kind.to_le_bytes());
            out.extend_from_slice(&1u32.to_le_bytes());
            // Every strip is the same byte of the header.
            out.extend_from_slice(&(if tag == 273 { 4 } else { value }).to_le_bytes());
        }
        let next = if at + 1 < directories { 8 + (at + 1) * directory_bytes } else { after_last.unwrap_or(0) };
        out.extend_from_slice(&next.to_le_bytes());
    }
    out
}
