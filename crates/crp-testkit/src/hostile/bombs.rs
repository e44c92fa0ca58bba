//! Files that are tiny packed and huge unpacked.

use super::{
    one_page::{OnePage, picture},
    packing::{MEBIBYTE, Pieces, flate, lzw_zeros, noise, repeated, stored, zeros_twice},
};

/// A page whose drawing is 8 GiB of white space, packed twice.
pub fn flate_bomb_content() -> Vec<u8> {
    OnePage::new().drawn_by_stream("/Filter [/FlateDecode /FlateDecode]", &zeros_twice(8 * 1024))
}

/// A page whose drawing is 8 GiB of white space, packed three times.
pub(super) fn flate_thrice() -> Vec<u8> {
    OnePage::new().drawn_by_stream(
        "/Filter [/FlateDecode /FlateDecode /FlateDecode]",
        &Pieces::mebibytes_of(0, 8 * 1024).packed().packed().packed().bytes(),
    )
}

/// A page whose drawing is a thousand layers of packing around a few words.
pub(super) fn thousand_filters() -> Vec<u8> {
    let content = (0..1000).fold(b"BT ET".to_vec(), |inner, _| stored(&inner));
    OnePage::new().drawn_by_stream(&format!("/Filter [{}]", "/FlateDecode ".repeat(1000)), &content)
}

/// A page whose drawing is 16 GiB of runs.
pub(super) fn run_length() -> Vec<u8> {
    let runs = Pieces::repeated(&[129, b' '].repeat(1 << 15), 4096).packed().packed().bytes();
    OnePage::new().drawn_by_stream("/Filter [/FlateDecode /FlateDecode /RunLengthDecode]", &runs)
}

/// A page whose drawing is 6 GB of LZW.
pub(super) fn lzw() -> Vec<u8> {
    OnePage::new().drawn_by_stream("/Filter [/FlateDecode /LZWDecode]", &repeated(&lzw_zeros(), 100))
}

/// A page whose drawing is 8 GiB of zeros, four of them for each letter.
pub(super) fn ascii_85() -> Vec<u8> {
    let letters = Pieces::mebibytes_of(b'z', 2048).packed().packed().bytes();
    OnePage::new().drawn_by_stream("/Filter [/FlateDecode /FlateDecode /ASCII85Decode]", &letters)
}

/// A page whose drawing is written in hexadecimal digits of hexadecimal digits, fifteen times.
pub(super) fn hexadecimal_chain() -> Vec<u8> {
    let hex = |bytes: &[u8]| bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes()).chain([b'>']).collect::<Vec<u8>>();
    let content = (0..15).fold(b"0 0 m 9 9 l S".to_vec(), |inner, _| hex(&inner));
    OnePage::new().drawn_by_stream(&format!("/Filter [/FlateDecode {}]", "/ASCIIHexDecode ".repeat(15)), &flate(&content))
}

/// A page of 200,000 parts, each the same mebibyte of drawing.
pub(super) fn contents_again_and_again() -> Vec<u8> {
    let mut page = OnePage::new();
    let part = page.pdf.add_stream("/Filter /FlateDecode", &Pieces::mebibytes_of(b' ', 1).packed().bytes());
    page.with(&format!("/MediaBox [0 0 595 842] /Contents [{}] /Resources << >>", format!("{part} 0 R ").repeat(200_000)))
}

/// A page whose drawing goes through filters that do not exist, and one whose length is itself.
pub(super) fn filters_from_nowhere() -> Vec<u8> {
    let mut page = OnePage::new();
    let itself = page.pdf.reserve();
    let lying = format!(
        "<< /Length {itself} 0 R /Filter [/Crypt /NoSuchDecode {itself} 0 R] /DecodeParms [{itself} 0 R null << /Predictor 15 >>] >>\n\
         stream\n0 0 m\nendstream"
    );
    page.pdf.set(itself, lying);
    page.with(&format!("/MediaBox [0 0 595 842] /Contents [{itself} 0 R {itself} 0 R]"))
}

/// A page whose drawing was predicted from rows of two thousand million columns.
pub(super) fn predictor_of_endless_rows() -> Vec<u8> {
    let entries =
        "/Filter /FlateDecode /DecodeParms << /Predictor 15 /Colors 2147483647 /BitsPerComponent 2147483647 /Columns 2147483647 >>";
    OnePage::new().drawn_by_stream(entries, &flate(b"\x020 0 m 9 9 l S"))
}

/// A page with a picture of 60,000 × 60,000 colour pixels (10 GiB), packed twice.
pub fn flate_bomb_image() -> Vec<u8> {
    let entries = "/Width 60000 /Height 60000 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter [/FlateDecode /FlateDecode]";
    picture(entries, &zeros_twice(60_000 * 60_000 * 3 / MEBIBYTE + 1))
}

/// A page with a small picture whose bytes never end: 8 GiB behind the first hundred.
pub(super) fn picture_with_more_than_it_says() -> Vec<u8> {
    let entries = "/Width 10 /Height 10 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter [/FlateDecode /FlateDecode]";
    picture(entries, &zeros_twice(8 * 1024))
}

/// A page with a picture of noise that claims to be packed in each way at once.
pub(super) fn picture_of_noise_in_every_packing() -> Vec<u8> {
    let entries = "/Width 1000 /Height 1000 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter [/ASCII85Decode /LZWDecode /RunLengthDecode \
                   /FlateDecode /CCITTFaxDecode /JBIG2Decode /JPXDecode /DCTDecode]";
    picture(entries, &noise(100_000, 9))
}

/// A file whose catalog lies in a compressed object stream of 8 GiB: nothing can be read before it is unpacked.
pub fn flate_bomb_object_stream() -> Vec<u8> {
    let bomb = zeros_twice(8 * 1024);
    let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let stream_at = out.len();
    out.extend(
        format!("1 0 obj\n<< /Type /ObjStm /N 2 /First 16 /Filter [/FlateDecode /FlateDecode] /Length {} >>\nstream\n", bomb.len()).bytes(),
    );
    out.extend_from_slice(&bomb);
    out.extend_from_slice(b"\nendstream\nendobj\n");
    let xref_at = out.len();
    // Entries of 1 + 4 + 2 bytes: free, the stream, two objects inside of it, this table.
    let mut rows = Vec::new();
    for (kind, middle, last) in [(0u8, 0u32, 65_535u16), (1, stream_at as u32, 0), (2, 1, 0), (2, 1, 1), (1, xref_at as u32, 0)] {
        rows.push(kind);
        rows.extend_from_slice(&middle.to_be_bytes());
        rows.extend_from_slice(&last.to_be_bytes());
    }
    out.extend(format!("4 0 obj\n<< /Type /XRef /Size 5 /W [1 4 2] /Root 2 0 R /Length {} >>\nstream\n", rows.len()).bytes());
    out.extend_from_slice(&rows);
    out.extend(format!("\nendstream\nendobj\nstartxref\n{xref_at}\n%%EOF\n").bytes());
    out
}
