//! JPEG files that lie about themselves, or that take long to decode.

use super::packing::noise;

/// Baseline.
const BASELINE: u8 = 0xc0;
/// Progressive.
const PROGRESSIVE: u8 = 0xc2;

fn segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    out.extend_from_slice(&[0xff, marker]);
    out.extend_from_slice(&(body.len() as u16 + 2).to_be_bytes());
    out.extend_from_slice(body);
}

/// Start, tables and the header of a picture with one component.
fn begun(kind: u8, precision: u8, width: u16, height: u16) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    segment(&mut out, 0xdb, &[&[0], &[1u8; 64][..]].concat());
    let (h, w) = (height.to_be_bytes(), width.to_be_bytes());
    segment(&mut out, kind, &[precision, h[0], h[1], w[0], w[1], 1, 1, 0x11, 0]);
    // One code of one bit, for the value zero.
    for class in [0x00, 0x10] {
        segment(&mut out, 0xc4, &[&[class, 1], &[0u8; 15][..], &[0]].concat());
    }
    out
}

fn scan(out: &mut Vec<u8>, from: u8, to: u8, data: &[u8]) {
    segment(out, 0xda, &[1, 1, 0, from, to, 0]);
    out.extend_from_slice(data);
}

/// Says 65,535 × 65,535 pixels and has none.
pub(super) fn lying_size() -> Vec<u8> {
    let mut out = begun(BASELINE, 8, 65_535, 65_535);
    scan(&mut out, 0, 63, &[0; 16]);
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// The same, progressive: every coefficient has to be kept.
pub(super) fn lying_progressive() -> Vec<u8> {
    let mut out = begun(PROGRESSIVE, 8, 65_535, 65_535);
    scan(&mut out, 0, 0, &[0; 16]);
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// 6,000 × 6,000 pixels in five thousand scans, each of which goes over all of them.
pub(super) fn thousands_of_scans() -> Vec<u8> {
    let mut out = begun(PROGRESSIVE, 8, 6_000, 6_000);
    scan(&mut out, 0, 0, &vec![0; 750 * 750 / 8 + 1]);
    // One code, of 16,384 blocks without a coefficient: a scan over all blocks takes 66 bytes.
    segment(&mut out, 0xc4, &[&[0x10, 1], &[0u8; 15][..], &[0xe0]].concat());
    for _ in 0..5_000 {
        scan(&mut out, 1, 63, &[0; 70]);
    }
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// Without a column, a row, and then with all of both in a second header.
pub(super) fn two_headers() -> Vec<u8> {
    let mut out = begun(BASELINE, 8, 1, 1);
    segment(&mut out, BASELINE, &[8, 0xff, 0xff, 0xff, 0xff, 1, 1, 0x11, 0]);
    scan(&mut out, 0, 63, &[0; 100]);
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// A header without rows: they would follow the picture.
pub(super) fn no_rows() -> Vec<u8> {
    let mut out = begun(BASELINE, 8, 100, 0);
    scan(&mut out, 0, 63, &[0; 100]);
    segment(&mut out, 0xdc, &[0xff, 0xff]);
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// 255 components, of which each says that it is sampled 15 × 15 times.
pub(super) fn many_components() -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    let components: Vec<u8> = (0..=254u8).flat_map(|id| [id, 0xff, 3]).collect();
    segment(&mut out, BASELINE, &[&[8, 0x40, 0, 0x40, 0, 255], &components[..]].concat());
    scan(&mut out, 0, 63, &[0; 100]);
    out
}

/// Sixteen bits per sample, lossless, arithmetic: nobody writes such files.
pub(super) fn rare_kind() -> Vec<u8> {
    let mut out = begun(0xcb, 16, 1000, 1000);
    scan(&mut out, 0, 0, &noise(1000, 6));
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// Codes that no tree can have.
pub(super) fn impossible_codes() -> Vec<u8> {
    let mut out = begun(BASELINE, 8, 1000, 1000);
    segment(&mut out, 0xc4, &[&[0], &[0xffu8; 16][..], &noise(255 * 16, 7)].concat());
    scan(&mut out, 0, 63, &noise(10_000, 8));
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// Noise between honest marks.
pub(super) fn scan_of_noise() -> Vec<u8> {
    let mut out = begun(BASELINE, 8, 2480, 3508);
    let data: Vec<u8> = noise(500_000, 12).into_iter().map(|b| b & 0x7f).collect();
    scan(&mut out, 0, 63, &data);
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// An Exif directory that is its own next one.
pub(super) fn exif_loop() -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    let directory = [
        &b"Exif\0\0II*\0\x08\0\0\0\x02\0"[..],
        &[0x69, 0x87, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0],
        &[0x12, 1, 3, 0, 0xff, 0xff, 0xff, 0xff, 9, 0, 0, 0],
        &[8, 0, 0, 0],
    ]
    .concat();
    segment(&mut out, 0xe1, &directory);
    out.extend_from_slice(&begun(BASELINE, 8, 64, 64)[2..]);
    scan(&mut out, 0, 63, &[0; 64]);
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// Two million restart marks in place of a picture.
pub(super) fn restart_marks() -> Vec<u8> {
    let mut out = begun(BASELINE, 8, 8_000, 8_000);
    segment(&mut out, 0xdd, &[0, 1]);
    let marks: Vec<u8> = (0..2_000_000u32).flat_map(|at| [0xff, 0xd0 + (at % 8) as u8]).collect();
    scan(&mut out, 0, 63, &marks);
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}
