//! Files that are tiny packed and huge unpacked.

use std::io::Write as _;

use flate2::{Compress, Compression, Crc, FlushCompress, write::ZlibEncoder};

use crate::pdf_file::PdfFile;

/// Zeros in one packed block.
pub(super) const BLOCK_BYTES: usize = 1024 * 1024;

/// A zlib stream (RFC 1950) of `blocks` mebibytes of zeros, made without packing each of them.
pub(super) fn zeros_packed(blocks: usize) -> Vec<u8> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut compress = Compress::new(Compression::best(), false);
    let zeros = block.clone();
    block.clear();
    block.reserve(64 * 1024);
    // A full flush ends on a byte and forgets what came before: the block can be repeated.
    compress.compress_vec(&zeros, &mut block, FlushCompress::Full).expect("zeros can be packed");
    let mut out = vec![0x78, 0xda];
    (0..blocks).for_each(|_| out.extend_from_slice(&block));
    // An empty last block, then Adler-32: zeros leave its first sum at 1 and count up the second.
    out.extend_from_slice(&[0x03, 0x00]);
    let second = (blocks * BLOCK_BYTES % 65_521) as u32;
    out.extend_from_slice(&(second << 16 | 1).to_be_bytes());
    out
}

fn packed_again(bytes: &[u8]) -> Vec<u8> {
    // The best compression searches such bytes for seconds and finds little more.
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("bytes in memory can be packed")
}

/// A page whose drawing is 8 GiB of white space, packed twice.
pub fn flate_bomb_content() -> Vec<u8> {
    let bomb = packed_again(&zeros_packed(8 * 1024));
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let content = pdf.add_stream("/Filter [/FlateDecode /FlateDecode]", &bomb);
    let page = pdf.add(format!("<< /Type /Page /Parent {parent} 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R /Resources << >> >>"));
    pdf.finish_with_pages(parent, &[page])
}

/// A page with a picture of 60,000 × 60,000 colour pixels (10 GiB), packed twice.
pub fn flate_bomb_image() -> Vec<u8> {
    let bomb = packed_again(&zeros_packed(60_000 * 60_000 * 3 / BLOCK_BYTES + 1));
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let entries = "/Type /XObject /Subtype /Image /Width 60000 /Height 60000 /ColorSpace /DeviceRGB /BitsPerComponent 8 \
                   /Filter [/FlateDecode /FlateDecode]";
    let image = pdf.add_stream(entries, &bomb);
    let content = pdf.add_stream("", b"q 595 0 0 842 0 0 cm /Im0 Do Q");
    let page = pdf.add(format!(
        "<< /Type /Page /Parent {parent} 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R \
         /Resources << /XObject << /Im0 {image} 0 R >> >> >>"
    ));
    pdf.finish_with_pages(parent, &[page])
}

/// A file whose catalog lies in a compressed object stream of 8 GiB: nothing can be read before it is unpacked.
pub fn flate_bomb_object_stream() -> Vec<u8> {
    let bomb = packed_again(&zeros_packed(8 * 1024));
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

/// A white PNG of `side` × `side` pixels with one bit each; at 30,000 it has about 110 kB and 900 megapixels.
pub fn huge_png(side: u32) -> Vec<u8> {
    let row_bytes = side.div_ceil(8) as usize + 1;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mut row = vec![0xff; row_bytes];
    row[0] = 0; // no filter
    let rows = row.repeat(64.min(side as usize));
    let mut left = side as usize;
    while left > 0 {
        let now = left.min(64);
        encoder.write_all(&rows[..now * row_bytes]).expect("bytes in memory can be packed");
        left -= now;
    }
    let packed = encoder.finish().expect("bytes in memory can be packed");
    let mut header = Vec::new();
    header.extend_from_slice(&side.to_be_bytes());
    header.extend_from_slice(&side.to_be_bytes());
    header.extend_from_slice(&[1, 0, 0, 0, 0]); // one bit, gray
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, body) in [(b"IHDR", header), (b"IDAT", packed), (b"IEND", Vec::new())] {
        let mut checked = Crc::new();
        checked.update(kind);
        checked.update(&body);
        out.extend_from_slice(&(body.len() as u32).to_be_bytes());
        out.extend_from_slice(kind);
        out.extend_from_slice(&body);
        out.extend_from_slice(&checked.sum().to_be_bytes());
    }
    out
}
