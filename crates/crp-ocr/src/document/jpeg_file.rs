//! Pixels as a JPEG file.

use crp_model::{Code, Failure};
use image::{ExtendedColorType, codecs::jpeg::JpegEncoder};

/// Encodes three bytes per pixel.
///
/// # Errors
/// `internal` if the encoder refuses.
pub(crate) fn encode_rgb(width: u32, height: u32, rgb: &[u8], quality: u8) -> Result<Vec<u8>, Failure> {
    encode(width, height, rgb, ExtendedColorType::Rgb8, quality)
}

/// Encodes one byte per pixel.
///
/// # Errors
/// `internal` if the encoder refuses.
pub(crate) fn encode_gray(width: u32, height: u32, gray: &[u8], quality: u8) -> Result<Vec<u8>, Failure> {
    encode(width, height, gray, ExtendedColorType::L8, quality)
}

fn encode(width: u32, height: u32, pixels: &[u8], color: ExtendedColorType, quality: u8) -> Result<Vec<u8>, Failure> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality)
        .encode(pixels, width, height, color)
        .map_err(|e| Failure::new(Code::Internal, format!("A picture cannot be encoded: {e}")))?;
    Ok(file)
}
