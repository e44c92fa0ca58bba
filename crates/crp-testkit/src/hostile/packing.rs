//! Ways to say a lot of bytes with few: Flate by repetition, LZW by growth.

use std::io::Write as _;

use flate2::{Compress, Compression, FlushCompress, write::ZlibEncoder};

/// Zeros in one packed block.
pub(super) const BLOCK_BYTES: usize = 1024 * 1024;

/// A zlib stream (RFC 1950) of `block`, `times` in a row, made without packing each of them.
pub(super) fn repeated(block: &[u8], times: usize) -> Vec<u8> {
    let mut packed = Vec::with_capacity(block.len() + 1024);
    let mut compress = Compress::new(Compression::best(), false);
    // A full flush ends on a byte and forgets what came before: the block can be repeated.
    compress.compress_vec(block, &mut packed, FlushCompress::Full).expect("bytes in memory can be packed");
    let mut out = vec![0x78, 0xda];
    (0..times).for_each(|_| out.extend_from_slice(&packed));
    // An empty last block, then the checksum.
    out.extend_from_slice(&[0x03, 0x00]);
    out.extend_from_slice(&adler32_repeated(block, times).to_be_bytes());
    out
}

/// Adler-32 (RFC 1950) of `block`, `times` in a row.
fn adler32_repeated(block: &[u8], times: usize) -> u32 {
    const MODULUS: u64 = 65_521;
    let length = block.len() as u64;
    let sum: u64 = block.iter().map(|b| u64::from(*b)).sum::<u64>() % MODULUS;
    let weighted = block.iter().enumerate().fold(0u64, |total, (at, b)| (total + (length - at as u64) % MODULUS * u64::from(*b)) % MODULUS);
    let (mut first, mut second) = (1u64, 0u64);
    for _ in 0..times {
        second = (second + length % MODULUS * first + weighted) % MODULUS;
        first = (first + sum) % MODULUS;
    }
    (second << 16 | first) as u32
}

/// A zlib stream of `blocks` mebibytes of zeros.
pub(super) fn zeros(blocks: usize) -> Vec<u8> {
    repeated(&vec![0; BLOCK_BYTES], blocks)
}

/// `bytes` as a zlib stream.
pub(super) fn flate(bytes: &[u8]) -> Vec<u8> {
    // The best compression searches such bytes for seconds and finds little more.
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("bytes in memory can be packed")
}

/// Eight rounds of LZW as PDF and TIFF write it (codes of 9 to 12 bits, widths changed early), 59 MB of zeros in 46 kB; it begins and ends
/// on a byte, so it can be repeated.
pub(super) fn lzw_zeros() -> Vec<u8> {
    const CLEAR: u32 = 256;
    let mut bits = BitWriter::default();
    for _ in 0..8 {
        bits.push(CLEAR, 9);
        bits.push(0, 9);
        // Each code names the run that the decoder is about to make: one byte longer than the last.
        for code in 258..4094u32 {
            bits.push(code, code_bits(code));
        }
        // The decoder is at its widest; clearing starts anew.
        bits.push(CLEAR, 12);
    }
    bits.bytes
}

fn code_bits(next: u32) -> u32 {
    match next + 1 {
        ..512 => 9,
        512..1024 => 10,
        1024..2048 => 11,
        _ => 12,
    }
}

/// Bits, the highest of each number first.
#[derive(Default)]
pub(super) struct BitWriter {
    /// What is full.
    pub(super) bytes: Vec<u8>,
    waiting: u32,
    count: u32,
}

impl BitWriter {
    /// The `count` lowest bits of `value`.
    pub(super) fn push(&mut self, value: u32, count: u32) {
        self.waiting = self.waiting << count | value & ((1 << count) - 1);
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.waiting >> self.count) as u8);
        }
        self.waiting &= (1 << self.count) - 1;
    }
}

/// Numbers that look like chance and are the same every time.
pub(super) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_repeated_unpacks_to_what_it_promises() {
        let mut unpacked = Vec::new();
        flate2::read::ZlibDecoder::new(repeated(b"some block ", 1000).as_slice()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, b"some block ".repeat(1000));
        unpacked.clear();
        flate2::read::ZlibDecoder::new(zeros(3).as_slice()).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked.len() == 3 * BLOCK_BYTES && unpacked.iter().all(|b| *b == 0));
    }

    #[test]
    fn the_growing_codes_unpack_to_what_they_promise() {
        let packed = lzw_zeros();
        // A TIFF of one strip, since its decoder is at hand.
        let side = 7_000u32;
        let mut tiff = crate::hostile::tiff::Tiff::new();
        let strip = tiff.data(&packed);
        tiff.directory(&[
            (256, 4, side),
            (257, 4, side),
            (258, 3, 8),
            (259, 3, 5),
            (262, 3, 1),
            (273, 4, strip),
            (278, 4, side),
            (279, 4, packed.len() as u32),
        ]);
        let image = image::load_from_memory(&tiff.finish()).unwrap().into_luma8();
        assert_eq!(image.dimensions(), (side, side));
        assert!(image.as_raw().iter().all(|b| *b == 0));
    }
}
