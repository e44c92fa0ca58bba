//! Ways to say a lot of bytes with few: Flate by repetition, LZW by growth.

use std::io::Write as _;

use flate2::{Compress, Compression, FlushCompress, write::ZlibEncoder};

/// Bytes in a mebibyte.
pub(super) const MEBIBYTE: usize = 1024 * 1024;
/// What is packed at once; larger pieces are hardly smaller for it.
const PIECE_BYTES: usize = 64 * 1024;

/// Bytes that repeat: pieces, each with how often it comes.
pub(super) struct Pieces(Vec<(Vec<u8>, usize)>);

impl Pieces {
    /// `block`, `times` in a row.
    pub(super) fn repeated(block: &[u8], times: usize) -> Self {
        Self(vec![(block.to_vec(), times)])
    }

    /// These, one after the other.
    pub(super) fn of(pieces: &[(&[u8], usize)]) -> Self {
        Self(pieces.iter().map(|(block, times)| (block.to_vec(), *times)).collect())
    }

    /// So many mebibytes of `byte`.
    pub(super) fn mebibytes_of(byte: u8, mebibytes: usize) -> Self {
        Self::repeated(&vec![byte; PIECE_BYTES], mebibytes * (MEBIBYTE / PIECE_BYTES))
    }

    /// Packed into a zlib stream (RFC 1950), without packing each repetition.
    pub(super) fn packed(&self) -> Self {
        let mut out = vec![(vec![0x78, 0xda], 1)];
        let mut checksum = Adler32 { first: 1, second: 0 };
        for (block, times) in &self.0 {
            checksum.add(block, *times);
            let group = (PIECE_BYTES / block.len().max(1)).clamp(1, (*times).max(1));
            for (pieces, times) in [(group, times / group), (times % group, 1)] {
                if pieces > 0 && times > 0 {
                    out.push((packed_piece(&block.repeat(pieces)), times));
                }
            }
        }
        // An empty last block, then the checksum.
        out.push((vec![0x03, 0x00], 1));
        out.push(((checksum.second << 16 | checksum.first).to_be_bytes()[4..].to_vec(), 1));
        Self(out)
    }

    /// All of them, one after the other.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|(block, times)| block.repeat(*times)).collect()
    }
}

fn packed_piece(piece: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(piece.len() + 1024);
    // A full flush ends on a byte and forgets what came before: the piece can be repeated.
    Compress::new(Compression::best(), false).compress_vec(piece, &mut packed, FlushCompress::Full).expect("bytes in memory can be packed");
    packed
}

/// The checksum of a zlib stream.
struct Adler32 {
    first: u64,
    second: u64,
}

impl Adler32 {
    fn add(&mut self, block: &[u8], times: usize) {
        const MODULUS: u64 = 65_521;
        let length = block.len() as u64;
        let sum = block.iter().map(|b| u64::from(*b)).sum::<u64>() % MODULUS;
        let weighted =
            block.iter().enumerate().fold(0u64, |total, (at, b)| (total + (length - at as u64) % MODULUS * u64::from(*b)) % MODULUS);
        for _ in 0..times {
            self.second = (self.second + length % MODULUS * self.first + weighted) % MODULUS;
            self.first = (self.first + sum) % MODULUS;
        }
    }
}

/// A zlib stream of `block`, `times` in a row.
pub(super) fn repeated(block: &[u8], times: usize) -> Vec<u8> {
    Pieces::repeated(block, times).packed().bytes()
}

/// A zlib stream of so many mebibytes of zeros.
pub(super) fn zeros(mebibytes: usize) -> Vec<u8> {
    Pieces::mebibytes_of(0, mebibytes).packed().bytes()
}

/// The same, packed once more.
pub(super) fn zeros_twice(mebibytes: usize) -> Vec<u8> {
    Pieces::mebibytes_of(0, mebibytes).packed().packed().bytes()
}

/// `bytes` as a zlib stream.
pub(super) fn flate(bytes: &[u8]) -> Vec<u8> {
    // The best compression searches such bytes for seconds and finds little more.
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("bytes in memory can be packed")
}

/// A zlib stream of at most 65,535 `bytes` as they are.
pub(super) fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a stored block has at most 65,535 bytes");
    let mut checksum = Adler32 { first: 1, second: 0 };
    checksum.add(bytes, 1);
    let checksum = (checksum.second << 16 | checksum.first) as u32;
    [&[0x78, 0x01, 0x01][..], &length.to_le_bytes(), &(!length).to_le_bytes(), bytes, &checksum.to_be_bytes()].concat()
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
        assert!(unpacked.len() == 3 * MEBIBYTE && unpacked.iter().all(|b| *b == 0));
        let mut as_it_is = Vec::new();
        flate2::read::ZlibDecoder::new(stored(b"as it is").as_slice()).read_to_end(&mut as_it_is).unwrap();
        assert_eq!(as_it_is, b"as it is");
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        flate2::read::ZlibDecoder::new(zeros_twice(7).as_slice()).read_to_end(&mut once).unwrap();
        flate2::read::ZlibDecoder::new(once.as_slice()).read_to_end(&mut twice).unwrap();
        assert!(twice.len() == 7 * MEBIBYTE && twice.iter().all(|b| *b == 0));
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
