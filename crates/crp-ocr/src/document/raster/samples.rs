//! Samples as files store them become rows of eight bits.

use tiff::{ColorType, decoder::DecodingResult};

/// Pixels with a last sample of opacity, laid on white.
pub(crate) fn flatten(row: &[u8], colors: usize) -> Vec<u8> {
    row.chunks_exact(colors + 1)
        .flat_map(|pixel| {
            let alpha = u32::from(pixel[colors]);
            pixel[..colors].iter().map(move |c| ((u32::from(*c) * alpha + 255 * (255 - alpha)) / 255) as u8)
        })
        .collect()
}

/// Rows of gray or of red, green and blue.
pub(crate) struct EightBit {
    /// One or three bytes per pixel, rows without padding.
    pub(crate) pixels: Vec<u8>,
    /// 1 or 3.
    pub(crate) samples: usize,
}

/// What a TIFF decoder yields for `width` × `height` pixels, as eight bits; `None` for a colour model that is not read.
pub(crate) fn eight_bit(decoded: DecodingResult, color: ColorType, width: usize, height: usize) -> Option<EightBit> {
    let bytes = to_bytes(decoded);
    let gray = |pixels| Some(EightBit { pixels, samples: 1 });
    let rgb = |pixels| Some(EightBit { pixels, samples: 3 });
    match color {
        ColorType::Gray(bits @ (1 | 2 | 4)) => gray(unpack(&bytes, u32::from(bits), width, height, true)),
        ColorType::Gray(_) => gray(bytes),
        ColorType::GrayA(_) => gray(flatten(&bytes, 1)),
        ColorType::Multiband { num_samples, .. } => gray(bytes.chunks_exact(usize::from(num_samples.max(1))).map(|p| p[0]).collect()),
        ColorType::Lab(_) => gray(bytes.chunks_exact(3).map(|p| p[0]).collect()),
        ColorType::RGB(_) => rgb(bytes),
        ColorType::RGBA(_) => rgb(flatten(&bytes, 3)),
        ColorType::CMYK(_) => rgb(bytes.chunks_exact(4).flat_map(|p| from_cmyk(p[0], p[1], p[2], p[3])).collect()),
        ColorType::CMYKA(_) => rgb(bytes.chunks_exact(5).flat_map(|p| from_cmyk(p[0], p[1], p[2], p[3])).collect()),
        ColorType::YCbCr(_) => rgb(bytes.chunks_exact(3).flat_map(|p| from_ycbcr(p[0], p[1], p[2])).collect()),
        _ => None,
    }
}

/// Samples of fewer than eight bits, each row beginning at a byte; stretched to 0 … 255 or kept as numbers.
pub(crate) fn unpack(bytes: &[u8], bits: u32, width: usize, height: usize, stretch: bool) -> Vec<u8> {
    let row_bytes = (width * bits as usize).div_ceil(8);
    let top = (1u32 << bits) - 1;
    let mut pixels = Vec::with_capacity(width * height);
    for row in bytes.chunks(row_bytes.max(1)).take(height) {
        for x in 0..width {
            let bit = x * bits as usize;
            let byte = row.get(bit / 8).copied().unwrap_or(0);
            let value = (u32::from(byte) >> (8 - bits - (bit % 8) as u32)) & top;
            pixels.push(if stretch { (value * 255 / top) as u8 } else { value as u8 });
        }
    }
    pixels
}

fn to_bytes(decoded: DecodingResult) -> Vec<u8> {
    match decoded {
        DecodingResult::U8(v) => v,
        DecodingResult::I8(v) => v.into_iter().map(|s| (i16::from(s) + 128) as u8).collect(),
        DecodingResult::U16(v) => v.into_iter().map(|s| (s >> 8) as u8).collect(),
        DecodingResult::I16(v) => v.into_iter().map(|s| ((i32::from(s) + 32_768) >> 8) as u8).collect(),
        DecodingResult::U32(v) => v.into_iter().map(|s| (s >> 24) as u8).collect(),
        DecodingResult::I32(v) => v.into_iter().map(|s| ((i64::from(s) + (1 << 31)) >> 24) as u8).collect(),
        DecodingResult::U64(v) => v.into_iter().map(|s| (s >> 56) as u8).collect(),
        DecodingResult::I64(v) => v.into_iter().map(|s| ((i128::from(s) + (1 << 63)) >> 56) as u8).collect(),
        DecodingResult::F32(v) => v.into_iter().map(|s| (s.clamp(0.0, 1.0) * 255.0) as u8).collect(),
        DecodingResult::F64(v) => v.into_iter().map(|s| (s.clamp(0.0, 1.0) * 255.0) as u8).collect(),
        DecodingResult::F16(v) => v.into_iter().map(|s| (s.to_f32().clamp(0.0, 1.0) * 255.0) as u8).collect(),
    }
}

fn from_cmyk(c: u8, m: u8, y: u8, k: u8) -> [u8; 3] {
    [c, m, y].map(|ink| (u32::from(255 - ink) * u32::from(255 - k) / 255) as u8)
}

fn from_ycbcr(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    [y + 1.402 * cr, y - 0.344_14 * cb - 0.714_14 * cr, y + 1.772 * cb].map(|v| v.round().clamp(0.0, 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparent_is_white_and_small_samples_are_stretched() {
        assert_eq!(flatten(&[0, 0, 10, 255], 1), [255, 10]);
        assert_eq!(unpack(&[0b1010_0000, 0b0100_0000], 1, 3, 2, true), [255, 0, 255, 0, 255, 0]);
        assert_eq!(unpack(&[0x1F], 4, 2, 1, false), [1, 15]);
        assert_eq!(from_cmyk(0, 0, 0, 255), [0, 0, 0]);
        assert_eq!(from_ycbcr(255, 128, 128), [255, 255, 255]);
    }
}
