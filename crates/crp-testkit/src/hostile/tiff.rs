//! TIFF files with too many directories, with loops, and with strips and tiles that lie.

use super::packing::{flate, lzw_zeros, noise, zeros};

/// Tags: width, height, bits, compression, photometric, strip offsets, samples, rows per strip, strip sizes.
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const OFFSETS: u16 = 273;
const SAMPLES: u16 = 277;
const ROWS: u16 = 278;
const SIZES: u16 = 279;

const SHORT: u16 = 3;
const LONG: u16 = 4;

/// Tag, type and value of one entry.
pub(super) type Entry = (u16, u16, u32);

/// A little-endian TIFF being written.
pub(super) struct Tiff {
    out: Vec<u8>,
    /// Where the place of the next directory has to be written.
    link: usize,
}

impl Tiff {
    /// Header only.
    pub(super) fn new() -> Self {
        Self { out: b"II*\0\0\0\0\0".to_vec(), link: 4 }
    }

    /// Bytes between the directories; gives their place.
    pub(super) fn data(&mut self, bytes: &[u8]) -> u32 {
        let at = self.out.len() as u32;
        self.out.extend_from_slice(bytes);
        if self.out.len() % 2 == 1 {
            self.out.push(0);
        }
        at
    }

    /// A directory whose entries have one value each; gives its place.
    pub(super) fn directory(&mut self, entries: &[Entry]) -> u32 {
        let counted: Vec<_> = entries.iter().map(|(tag, kind, value)| (*tag, *kind, 1, *value)).collect();
        self.counted_directory(&counted)
    }

    /// A directory with the number of values of each entry.
    fn counted_directory(&mut self, entries: &[(u16, u16, u32, u32)]) -> u32 {
        let at = self.out.len() as u32;
        self.out[self.link..self.link + 4].copy_from_slice(&at.to_le_bytes());
        self.out.extend_from_slice(&(entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            self.out.extend_from_slice(&tag.to_le_bytes());
            self.out.extend_from_slice(&kind.to_le_bytes());
            self.out.extend_from_slice(&count.to_le_bytes());
            self.out.extend_from_slice(&value.to_le_bytes());
        }
        self.link = self.out.len();
        self.out.extend_from_slice(&[0; 4]);
        at
    }

    /// The last directory names this place as the next one.
    fn then(&mut self, place: u32) {
        self.out[self.link..self.link + 4].copy_from_slice(&place.to_le_bytes());
    }

    /// The file.
    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }
}

/// One gray picture with these values in place of honest ones.
fn gray(changes: &[Entry], strip: &[u8]) -> Vec<u8> {
    let mut tiff = Tiff::new();
    let offset = tiff.data(strip);
    let mut entries: Vec<Entry> = vec![
        (WIDTH, LONG, 100),
        (HEIGHT, LONG, 100),
        (BITS, SHORT, 8),
        (COMPRESSION, SHORT, 1),
        (PHOTOMETRIC, SHORT, 1),
        (OFFSETS, LONG, offset),
        (SAMPLES, SHORT, 1),
        (ROWS, LONG, 100),
        (SIZES, LONG, strip.len() as u32),
    ];
    for change in changes {
        match entries.iter_mut().find(|entry| entry.0 == change.0) {
            Some(entry) => *entry = *change,
            None => entries.push(*change),
        }
    }
    entries.sort_by_key(|entry| entry.0);
    tiff.directory(&entries);
    tiff.finish()
}

fn pixels_of_one(tiff: &mut Tiff) -> u32 {
    // Every strip is the same byte of the header.
    tiff.directory(&[
        (WIDTH, LONG, 1),
        (HEIGHT, LONG, 1),
        (BITS, SHORT, 8),
        (COMPRESSION, SHORT, 1),
        (PHOTOMETRIC, SHORT, 1),
        (OFFSETS, LONG, 4),
        (ROWS, LONG, 1),
        (SIZES, LONG, 1),
    ])
}

/// A TIFF of 20,000 pages of one pixel.
pub fn tiff_with_many_directories() -> Vec<u8> {
    let mut tiff = Tiff::new();
    (0..20_000).for_each(|_| {
        pixels_of_one(&mut tiff);
    });
    tiff.finish()
}

/// A TIFF whose last directory names the first as the next one.
pub fn tiff_with_looping_directories() -> Vec<u8> {
    let mut tiff = Tiff::new();
    let first = pixels_of_one(&mut tiff);
    pixels_of_one(&mut tiff);
    pixels_of_one(&mut tiff);
    tiff.then(first);
    tiff.finish()
}

/// A directory that is its own next one, and its own child.
pub(super) fn directory_of_itself() -> Vec<u8> {
    let mut tiff = Tiff::new();
    let at = 8;
    tiff.directory(&[
        (WIDTH, LONG, 1),
        (HEIGHT, LONG, 1),
        (BITS, SHORT, 8),
        (PHOTOMETRIC, SHORT, 1),
        (OFFSETS, LONG, 4),
        (SIZES, LONG, 1),
        (330, LONG, at),
        (34665, LONG, at),
    ]);
    tiff.then(at);
    tiff.finish()
}

/// A strip that lies 4 GiB behind the file and has 4 GiB.
pub(super) fn strip_from_nowhere() -> Vec<u8> {
    gray(&[(OFFSETS, LONG, 0xffff_fff0), (SIZES, LONG, 0xffff_fff0)], b"")
}

/// A picture of 2³¹ × 2³¹ pixels of 64 bits and 65,535 samples.
pub(super) fn lying_size() -> Vec<u8> {
    gray(
        &[(WIDTH, LONG, 0x7fff_ffff), (HEIGHT, LONG, 0x7fff_ffff), (BITS, SHORT, 64), (SAMPLES, SHORT, 65_535), (ROWS, LONG, 0x7fff_ffff)],
        &[0; 100],
    )
}

/// No rows in a strip, no columns, no bits.
pub(super) fn nothing_of_anything() -> Vec<u8> {
    gray(&[(ROWS, LONG, 0), (BITS, SHORT, 0), (SAMPLES, SHORT, 0)], &[0; 100])
}

/// A strip of 40,000 × 40,000 pixels, packed by Deflate.
pub(super) fn deflate_bomb() -> Vec<u8> {
    let strip = zeros(40_000 * 40_000 / (1 << 20) + 1);
    gray(&[(WIDTH, LONG, 40_000), (HEIGHT, LONG, 40_000), (ROWS, LONG, 40_000), (COMPRESSION, SHORT, 8)], &strip)
}

/// The same picture as a hundred strips that are all one.
pub(super) fn one_strip_for_all() -> Vec<u8> {
    let mut tiff = Tiff::new();
    let strip = zeros(16);
    let at = tiff.data(&strip);
    let offsets = tiff.data(&at.to_le_bytes().repeat(100));
    let sizes = tiff.data(&(strip.len() as u32).to_le_bytes().repeat(100));
    tiff.counted_directory(&[
        (WIDTH, LONG, 1, 40_000),
        (HEIGHT, LONG, 1, 40_000),
        (BITS, SHORT, 1, 8),
        (COMPRESSION, SHORT, 1, 8),
        (PHOTOMETRIC, SHORT, 1, 1),
        (OFFSETS, LONG, 100, offsets),
        (ROWS, LONG, 1, 400),
        (SIZES, LONG, 100, sizes),
    ]);
    tiff.finish()
}

/// A strip of 10,000 × 10,000 pixels and far more behind them, packed by LZW.
pub(super) fn lzw_bomb() -> Vec<u8> {
    let strip = lzw_zeros().repeat(100);
    gray(&[(WIDTH, LONG, 70_000), (HEIGHT, LONG, 70_000), (ROWS, LONG, 70_000), (COMPRESSION, SHORT, 5)], &strip)
}

/// Runs of PackBits for a picture of 60,000 × 60,000 pixels.
pub(super) fn pack_bits_bomb() -> Vec<u8> {
    let strip = [0x81, 0].repeat(2_000_000);
    gray(&[(WIDTH, LONG, 60_000), (HEIGHT, LONG, 60_000), (ROWS, LONG, 60_000), (COMPRESSION, SHORT, 32_773)], &strip)
}

/// A fax of 60,000 × 100,000 points in no bytes at all.
pub(super) fn lying_fax() -> Vec<u8> {
    gray(&[(WIDTH, LONG, 60_000), (HEIGHT, LONG, 100_000), (ROWS, LONG, 100_000), (BITS, SHORT, 1), (COMPRESSION, SHORT, 4)], &[0xff; 64])
}

/// A fax of noise.
pub(super) fn fax_of_noise() -> Vec<u8> {
    gray(&[(WIDTH, LONG, 2480), (HEIGHT, LONG, 3508), (ROWS, LONG, 3508), (BITS, SHORT, 1), (COMPRESSION, SHORT, 4)], &noise(200_000, 3))
}

/// Tiles of 2³¹ × 2³¹ pixels, and tiles without a width.
pub(super) fn lying_tiles() -> Vec<u8> {
    gray(&[(322, LONG, 0x7fff_fff0), (323, LONG, 0x7fff_fff0), (324, LONG, 8), (325, LONG, 100)], &[0; 100])
}

/// Tiles of one pixel on a picture of 20,000 × 20,000.
pub(super) fn tiny_tiles() -> Vec<u8> {
    gray(&[(WIDTH, LONG, 20_000), (HEIGHT, LONG, 20_000), (322, LONG, 1), (323, LONG, 1), (324, LONG, 8), (325, LONG, 1)], &[0; 100])
}

/// An entry of 4,294,967,295 strips.
pub(super) fn strips_beyond_count() -> Vec<u8> {
    let mut tiff = Tiff::new();
    tiff.counted_directory(&[
        (WIDTH, LONG, 1, 1000),
        (HEIGHT, LONG, 1, 0xffff_ffff),
        (BITS, SHORT, 0xffff_ffff, 8),
        (PHOTOMETRIC, SHORT, 1, 1),
        (OFFSETS, LONG, 0xffff_ffff, 8),
        (ROWS, LONG, 1, 1),
        (SIZES, LONG, 0xffff_ffff, 8),
    ]);
    tiff.finish()
}

/// A palette of noise, too short for its pixels.
pub(super) fn short_palette() -> Vec<u8> {
    gray(&[(PHOTOMETRIC, SHORT, 3), (320, SHORT, 5)], &noise(10_000, 5))
}

/// A JPEG inside of a TIFF that says 65,535 × 65,535.
pub(super) fn jpeg_inside() -> Vec<u8> {
    gray(&[(WIDTH, LONG, 60_000), (HEIGHT, LONG, 60_000), (ROWS, LONG, 60_000), (COMPRESSION, SHORT, 7)], &super::jpeg::lying_size())
}

/// The 64-bit kind, whose first directory lies at the end of all numbers.
pub(super) fn big_tiff_beyond_its_end() -> Vec<u8> {
    [&b"II+\0\x08\0\0\0"[..], &[0xff; 8], &[0; 64]].concat()
}

/// The 64-bit kind with 2⁶⁰ entries in its directory.
pub(super) fn big_tiff_of_endless_entries() -> Vec<u8> {
    [&b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0"[..], &(1u64 << 60).to_le_bytes(), &noise(400, 8)].concat()
}

/// A page of noise, packed honestly.
pub(super) fn page_of_noise() -> Vec<u8> {
    let strip = flate(&noise(2480 / 8 * 3508, 21));
    gray(&[(WIDTH, LONG, 2480), (HEIGHT, LONG, 3508), (ROWS, LONG, 3508), (BITS, SHORT, 1), (COMPRESSION, SHORT, 8)], &strip)
}
