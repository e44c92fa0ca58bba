//! PNG files that lie, or that are small packed and huge unpacked.

use flate2::Crc;

use super::packing::{flate, noise, repeated, zeros};

/// Gray, one bit per sample.
const BITS: [u8; 2] = [1, 0];

/// A PNG of these chunks.
fn png(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, body) in chunks {
        let mut checked = Crc::new();
        checked.update(&kind[..]);
        checked.update(body);
        out.extend_from_slice(&(body.len() as u32).to_be_bytes());
        out.extend_from_slice(&kind[..]);
        out.extend_from_slice(body);
        out.extend_from_slice(&checked.sum().to_be_bytes());
    }
    out
}

fn header(width: u32, height: u32, [depth, color]: [u8; 2], interlaced: bool) -> Vec<u8> {
    [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, color, 0, 0, u8::from(interlaced)]].concat()
}

/// A white PNG of `side` × `side` pixels with one bit each; at 30,000 it has about 110 kB and 900 megapixels.
pub fn huge_png(side: u32) -> Vec<u8> {
    png(&[(b"IHDR", &header(side, side, BITS, false)), (b"IDAT", &white(side)), (b"IEND", b"")])
}

/// White rows, packed by the fiftieth part of the picture, which is smaller than row by row.
fn white(side: u32) -> Vec<u8> {
    let row_bytes = side.div_ceil(8) as usize + 1;
    let mut row = vec![0xff; row_bytes];
    row[0] = 0; // no filter
    let (side, part) = (side as usize, side.div_ceil(50) as usize);
    let (rows, times) = if side.is_multiple_of(part) { (part, side / part) } else { (1, side) };
    repeated(&row.repeat(rows), times)
}

/// The same, interlaced: its rows come in seven passes.
pub(super) fn huge_interlaced() -> Vec<u8> {
    // Seven passes of zeros: each has fewer rows and shorter ones than the whole.
    png(&[(b"IHDR", &header(30_000, 30_000, BITS, true)), (b"IDAT", &zeros(120)), (b"IEND", b"")])
}

/// Says that it has 2³¹ × 2³¹ pixels.
pub(super) fn lying_size() -> Vec<u8> {
    png(&[(b"IHDR", &header(0x7fff_ffff, 0x7fff_ffff, [16, 6], false)), (b"IDAT", &flate(&[0; 100])), (b"IEND", b"")])
}

/// Has one row of 2³¹ pixels.
pub(super) fn endless_row() -> Vec<u8> {
    png(&[(b"IHDR", &header(0x7fff_ffff, 1, BITS, false)), (b"IDAT", &zeros(256)), (b"IEND", b"")])
}

/// Has 100 million rows of one pixel.
pub(super) fn endless_column() -> Vec<u8> {
    png(&[(b"IHDR", &header(1, 100_000_000, BITS, false)), (b"IDAT", &zeros(191)), (b"IEND", b"")])
}

/// Has no pixel, colours that do not exist, and no palette.
pub(super) fn impossible_header() -> Vec<u8> {
    png(&[(b"IHDR", &header(0, 100, [3, 5], true)), (b"IDAT", b""), (b"IEND", b"")])
}

/// One pixel, and 4 GiB of zeros behind it.
pub(super) fn more_than_it_says() -> Vec<u8> {
    png(&[(b"IHDR", &header(1, 1, [8, 0], false)), (b"IDAT", &zeros(4096)), (b"IEND", b"")])
}

/// A comment and a colour profile of 2 GiB each, packed.
pub(super) fn text_and_profile_bombs() -> Vec<u8> {
    let bomb = zeros(2048);
    let named = |name: &[u8]| [name, b"\0\0", &bomb].concat();
    let pixels = flate(&[0, 0xff].repeat(100));
    png(&[
        (b"IHDR", &header(8, 100, BITS, false)),
        (b"iCCP", &named(b"profile")),
        (b"zTXt", &named(b"Comment")),
        (b"iTXt", &[b"Comment\0\x01\0\0\0", &bomb[..]].concat()),
        (b"IDAT", &pixels),
        (b"IEND", b""),
    ])
}

/// A million chunks that nobody knows.
pub(super) fn many_chunks() -> Vec<u8> {
    let mut out = png(&[(b"IHDR", &header(8, 8, BITS, false))]);
    let unknown = png(&[(b"abCd", b"")]);
    (0..500_000).for_each(|_| out.extend_from_slice(&unknown[8..]));
    out.extend_from_slice(&png(&[(b"IDAT", &flate(&[0; 16])), (b"IEND", b"")])[8..]);
    out
}

/// Says that a chunk has 2 GiB, in a file of a hundred bytes.
pub(super) fn lying_chunk() -> Vec<u8> {
    let mut out = png(&[(b"IHDR", &header(100, 100, BITS, false))]);
    out.extend_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
    out.extend_from_slice(b"IDAT");
    out.extend_from_slice(&noise(50, 4));
    out
}

/// Ends in the middle of its rows.
pub(super) fn broken_off() -> Vec<u8> {
    let whole = huge_png(2000);
    whole[..whole.len() / 2].to_vec()
}

/// Animated: half a million frames, each of 2³¹ pixels.
pub(super) fn many_frames() -> Vec<u8> {
    let mut out = png(&[(b"IHDR", &header(8, 8, BITS, false)), (b"acTL", &[0, 7, 0xa1, 0x20, 0, 0, 0, 0]), (b"IDAT", &flate(&[0; 16]))]);
    for number in 0..100_000u32 {
        let control = [&number.to_be_bytes()[..], &[0x7f, 0xff, 0xff, 0xff].repeat(4), &[0; 6]].concat();
        out.extend_from_slice(&png(&[(b"fcTL", &control)])[8..]);
    }
    out.extend_from_slice(&png(&[(b"IEND", b"")])[8..]);
    out
}

/// A page of what is hardest for a reader of letters: dots of one pixel, by the million.
pub(super) fn page_of_dots() -> Vec<u8> {
    let row_bytes = 2480usize.div_ceil(8) + 1;
    let mut pixels = noise(row_bytes * 3508, 11);
    pixels.chunks_exact_mut(row_bytes).for_each(|row| row[0] = 0);
    png(&[(b"IHDR", &header(2480, 3508, BITS, false)), (b"IDAT", &flate(&pixels)), (b"IEND", b"")])
}

/// A page of a board of squares of `side` pixels.
pub(super) fn page_of_squares(side: usize) -> Vec<u8> {
    page_of(2 * side, |x, y| (x / side + y / side) % 2 == 1)
}

/// A page of 40,000 little crosses, as many letters as a reader can be made to believe in.
pub(super) fn page_of_crosses() -> Vec<u8> {
    page_of(16, |x, y| !((x % 14 < 9 && y < 11) && (x % 14 == 4 || y == 5 || x % 14 == y)))
}

/// A page whose rows repeat after `period`; `white` says which pixels of them are white.
fn page_of(period: usize, white: impl Fn(usize, usize) -> bool) -> Vec<u8> {
    let mut rows = Vec::new();
    for y in 0..period {
        rows.push(0);
        for byte in 0..2480usize / 8 {
            rows.push((0..8).fold(0, |bits, at| bits << 1 | u8::from(white(byte * 8 + at, y))));
        }
    }
    let height = 3500 / period * period;
    png(&[(b"IHDR", &header(2480, height as u32, BITS, false)), (b"IDAT", &repeated(&rows, height / period)), (b"IEND", b"")])
}
