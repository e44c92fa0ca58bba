//! Files that are not what they should be: broken off, damaged, locked, or two things at once.

use lopdf::{Document, EncryptionState, EncryptionVersion, Permissions};

use super::packing::noise;
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
    out.extend(no_letters(20_000, 1));
    out
}

/// The letter with noise in place of the middle of each of its images; the structure is whole.
pub fn damaged_images() -> Vec<u8> {
    let mut out = samples::letter_pdf().to_vec();
    for jpeg in samples::letter_jpegs() {
        let start = out.windows(jpeg.len()).position(|window| window == jpeg).expect("the letter holds its images");
        // From the first bytes on, so that no decoder can show a part of it.
        out[start..start + jpeg.len()].copy_from_slice(&no_letters(jpeg.len(), 2));
    }
    out
}

/// Noise that spells no keyword by accident.
fn no_letters(length: usize, seed: u64) -> Vec<u8> {
    noise(length, seed).into_iter().map(|byte| byte | 0x80).collect()
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

/// A picture of the GIF kind that is a PDF behind its header.
pub(super) fn gif_and_pdf() -> Vec<u8> {
    [&b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;\n"[..], samples::letter_pdf()].concat()
}

/// A page of the web that is a PDF from its second line on.
pub(super) fn html_and_pdf() -> Vec<u8> {
    [&b"<!DOCTYPE html><script>alert(document.domain)</script><!--\n"[..], samples::letter_pdf(), b"-->"].concat()
}

/// A PNG that is a PDF behind its first chunk.
pub(super) fn png_and_pdf() -> Vec<u8> {
    [&super::png::huge_png(64)[..33], samples::letter_pdf()].concat()
}

/// A PDF with an archive behind it, as programs find archives: from the end.
pub(super) fn pdf_and_zip() -> Vec<u8> {
    let letter = samples::letter_pdf();
    let name = b"evil.txt";
    let entry = |signature: &[u8], middle: &[u8]| [signature, middle, &[8, 0, 0, 0], name].concat();
    let local = entry(b"PK\x03\x04", &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let mut central = b"PK\x01\x02".to_vec();
    central.extend_from_slice(&[
        20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    central.extend_from_slice(&(letter.len() as u32).to_le_bytes());
    central.extend_from_slice(name);
    let mut end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0".to_vec();
    end.extend_from_slice(&(central.len() as u32).to_le_bytes());
    end.extend_from_slice(&((letter.len() + local.len()) as u32).to_le_bytes());
    end.extend_from_slice(&[0, 0]);
    [letter, &local, &central, &end].concat()
}

/// A TIFF header whose rest is a PDF.
pub(super) fn tiff_and_pdf() -> Vec<u8> {
    [&b"II*\0\xff\xff\xff\x7f\n"[..], samples::letter_pdf()].concat()
}

/// The header of a PDF and the body of a program.
pub(super) fn pdf_and_program() -> Vec<u8> {
    [&b"%PDF-1.7\n"[..], b"\x7fELF\x02\x01\x01\0", &noise(5000, 51)].concat()
}
