//! Secrets that people and browsers carry: only their SHA-256 is ever stored.

use crp_model::Sha256Hash;

/// What is stored of a secret. A 256-bit random secret needs no slow hash: there is nothing to guess.
pub(crate) fn digest(secret: &str) -> [u8; 32] {
    Sha256Hash::of(secret.as_bytes()).0
}

/// Whether the text can be a secret of ours at all: 64 hexadecimal digits.
pub(crate) fn looks_right(secret: &str) -> bool {
    secret.len() == 64 && secret.bytes().all(|b| b.is_ascii_hexdigit())
}
