//! Pictures in PDF files whose dictionaries, headers, masks or colours lie.

use super::{
    one_page::{OnePage, picture},
    packing::{Pieces, noise, zeros, zeros_twice},
};
use crate::samples;

/// A segment of a JBIG2 stream as PDF embeds it.
fn jbig2_segment(number: u32, kind: u8, data: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &[kind, 0, 1], &(data.len() as u32).to_be_bytes(), data].concat()
}

fn jbig2_page(width: u32, height: u32) -> Vec<u8> {
    jbig2_segment(0, 48, &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[0; 8], &[0, 0, 0]].concat())
}

/// JBIG2 that says it has 2³² × 2³² pixels, with a region of that size.
pub(super) fn jbig2_lying_size() -> Vec<u8> {
    let region = [&[0xff; 8][..], &[0; 8], &[0], &[0], &[3, 255, 253, 255, 2, 254, 254, 254], &[0; 20]].concat();
    let stream = [jbig2_page(0xffff_ffff, 0xffff_ffff), jbig2_segment(1, 38, &region)].concat();
    picture("/Width 1000 /Height 1000 /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /JBIG2Decode", &stream)
}

/// JBIG2 whose page and dictionary agree on 65,000 × 65,000 pixels and whose region has no bytes.
pub(super) fn jbig2_large_and_empty() -> Vec<u8> {
    let side = 65_000u32.to_be_bytes();
    let region = [&side[..], &side, &[0; 8], &[0], &[0], &[3, 255, 253, 255, 2, 254, 254, 254], &[0; 4]].concat();
    let stream = [jbig2_page(65_000, 65_000), jbig2_segment(1, 38, &region)].concat();
    picture("/Width 65000 /Height 65000 /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /JBIG2Decode", &stream)
}

/// A JBIG2 dictionary of 2³² symbols that refers to itself.
pub(super) fn jbig2_endless_symbols() -> Vec<u8> {
    let dictionary = [&[0, 0][..], &[3, 255, 253, 255, 2, 254, 254, 254], &[0xff; 8], &[0; 30]].concat();
    // The segment names itself as the one that it builds upon.
    let itself = [&1u32.to_be_bytes()[..], &[0, 0x20, 1, 1], &(dictionary.len() as u32).to_be_bytes(), &dictionary].concat();
    let stream = [jbig2_page(1000, 1000), itself].concat();
    picture("/Width 1000 /Height 1000 /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /JBIG2Decode", &stream)
}

/// A fax of 2³¹ columns and rows.
pub(super) fn ccitt_lying_size() -> Vec<u8> {
    let parameters = "/DecodeParms << /K -1 /Columns 2147483647 /Rows 2147483647 /BlackIs1 true >>";
    picture(&format!("/Width 1000 /Height 1000 /ImageMask true /Filter /CCITTFaxDecode {parameters}"), &noise(2000, 31))
}

/// A fax of 60,000 × 60,000 points in 64 bytes, which its dictionary confirms.
pub(super) fn ccitt_large_and_empty() -> Vec<u8> {
    let parameters = "/DecodeParms << /K -1 /Columns 60000 /Rows 60000 /EndOfBlock false >>";
    let entries = "/Width 60000 /Height 60000 /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /CCITTFaxDecode";
    picture(&format!("{entries} {parameters}"), &[0xff; 64])
}

/// A JPEG 2000 codestream header: size, tile size and components; then a tile without data.
fn jpx(width: u32, height: u32, tile: u32, components: u16) -> Vec<u8> {
    let mut size = vec![0, 0];
    for number in [width, height, 0, 0, tile, tile, 0, 0] {
        size.extend_from_slice(&number.to_be_bytes());
    }
    size.extend_from_slice(&components.to_be_bytes());
    size.extend_from_slice(&[7, 1, 1].repeat(usize::from(components)));
    let mut out = vec![0xff, 0x4f];
    let segments: [(u8, &[u8]); 3] = [(0x51, &size), (0x52, &[0, 0, 0, 1, 0, 5, 4, 4, 0, 1]), (0x5c, &[&[0x40], &[0x40; 16][..]].concat())];
    for (marker, body) in segments {
        out.extend_from_slice(&[0xff, marker]);
        out.extend_from_slice(&(body.len() as u16 + 2).to_be_bytes());
        out.extend_from_slice(body);
    }
    out.extend_from_slice(&[0xff, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0x93]);
    out.extend_from_slice(&[0; 64]);
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// JPEG 2000 of 2³² × 2³² pixels in tiles of one pixel.
pub(super) fn jpx_endless_tiles() -> Vec<u8> {
    picture("/Width 1000 /Height 1000 /Filter /JPXDecode", &jpx(0xffff_ffff, 0xffff_ffff, 1, 3))
}

/// JPEG 2000 of 60,000 × 60,000 pixels in one tile, without data.
pub(super) fn jpx_large_and_empty() -> Vec<u8> {
    picture("/Width 60000 /Height 60000 /ColorSpace /DeviceRGB /Filter /JPXDecode", &jpx(60_000, 60_000, 60_000, 3))
}

/// JPEG 2000 of 16,384 components.
pub(super) fn jpx_many_components() -> Vec<u8> {
    picture("/Width 4000 /Height 4000 /Filter /JPXDecode", &jpx(4000, 4000, 4000, 16_384))
}

/// A JPEG of 65,535 × 65,535 pixels behind a dictionary that says ten.
pub(super) fn dct_larger_than_it_says() -> Vec<u8> {
    picture("/Width 10 /Height 10 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode", &super::jpeg::lying_size())
}

/// An honest JPEG behind a dictionary that says 100,000 × 100,000.
pub(super) fn dct_smaller_than_it_says() -> Vec<u8> {
    let entries = "/Width 100000 /Height 100000 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode";
    picture(entries, &samples::letter_jpegs()[0])
}

/// Progressive, and each of thousands of scans goes over all of it.
pub(super) fn dct_thousands_of_scans() -> Vec<u8> {
    let entries = "/Width 6000 /Height 6000 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode";
    picture(entries, &super::jpeg::thousands_of_scans())
}

/// Pictures with each impossible number that a dictionary can hold.
pub(super) fn impossible_numbers() -> Vec<u8> {
    let mut page = OnePage::new();
    let numbers =
        ["0", "-1", "2147483647", "-2147483648", "1e38", "99999999999999999999", "/Name", "null", "[1]", "(text)", "1.5", "65536"];
    let bits = ["0", "3", "8", "32", "255", "-8", "2147483647"];
    let (mut content, mut names) = (String::new(), String::new());
    for (at, number) in numbers.iter().enumerate() {
        for (other, bits) in bits.iter().enumerate() {
            let entries = format!(
                "/Type /XObject /Subtype /Image /Width {number} /Height {} /BitsPerComponent {bits} /ColorSpace /DeviceRGB",
                numbers[(at + other) % numbers.len()]
            );
            let picture = page.pdf.add_stream(&entries, &[0x55; 300]);
            content.push_str(&format!("q 100 0 0 100 0 0 cm /I{picture} Do Q "));
            names.push_str(&format!("/I{picture} {picture} 0 R "));
        }
    }
    page.drawn_by(content.as_bytes(), &format!("/XObject << {names} >>"))
}

/// A stencil of 2²⁰ × 2²⁰ points.
pub(super) fn stencil_of_a_million_squared() -> Vec<u8> {
    picture("/Width 1048576 /Height 1048576 /ImageMask true /Filter [/FlateDecode /FlateDecode]", &zeros_twice(4096))
}

/// A picture of 30,000 × 30,000 gray pixels, honestly packed.
pub(super) fn honest_but_large() -> Vec<u8> {
    let packed = Pieces::mebibytes_of(0xff, 30_000 * 30_000 / (1 << 20) + 1).packed().bytes();
    picture("/Width 30000 /Height 30000 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode", &packed)
}

/// A picture that is its own soft mask, and one masked by a chain of ten thousand.
pub(super) fn masks_of_masks() -> Vec<u8> {
    let mut page = OnePage::new();
    let entries = "/Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceGray /BitsPerComponent 8";
    let own = page.pdf.reserve();
    page.pdf.set_stream(own, &format!("{entries} /SMask {own} 0 R /Mask {own} 0 R"), &[0; 4]);
    let mut last = page.pdf.add_stream(entries, &[0; 4]);
    for _ in 0..10_000 {
        last = page.pdf.add_stream(&format!("{entries} /SMask {last} 0 R"), &[0; 4]);
    }
    page.drawn_by(b"q 99 0 0 99 0 0 cm /A Do /B Do Q", &format!("/XObject << /A {own} 0 R /B {last} 0 R >>"))
}

/// A small picture with a soft mask of 50,000 × 50,000.
pub(super) fn mask_larger_than_its_picture() -> Vec<u8> {
    let mut page = OnePage::new();
    let mask = page.pdf.add_stream(
        "/Type /XObject /Subtype /Image /Width 50000 /Height 50000 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter [/FlateDecode /FlateDecode]",
        &zeros_twice(2400),
    );
    let entries =
        format!("/Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceGray /BitsPerComponent 8 /SMask {mask} 0 R");
    let picture = page.pdf.add_stream(&entries, &[0; 4]);
    page.drawn_by(b"q 595 0 0 842 0 0 cm /Im Do Q", &format!("/XObject << /Im {picture} 0 R >>"))
}

/// Colours indexed by colours indexed by colours, without an end, with an absurd highest value.
pub(super) fn colours_of_colours() -> Vec<u8> {
    let mut page = OnePage::new();
    let own = page.pdf.reserve();
    page.pdf.set(own, format!("[/Indexed {own} 0 R 2147483647 {own} 0 R]"));
    let profile = page.pdf.reserve();
    page.pdf.set_stream(profile, &format!("/N 2147483647 /Alternate [/ICCBased {profile} 0 R]"), &noise(3000, 13));
    let mut deep = page.pdf.add("/DeviceRGB");
    for _ in 0..20_000 {
        deep = page.pdf.add(format!("[/Pattern [/Separation /Spot {deep} 0 R << /FunctionType 2 /Domain [0 1] /N 1e30 >>]]"));
    }
    let entries = "/Type /XObject /Subtype /Image /Width 100 /Height 100 /BitsPerComponent 8";
    let mut names = String::new();
    for (name, space) in [("A", format!("{own} 0 R")), ("B", format!("[/ICCBased {profile} 0 R]")), ("C", format!("{deep} 0 R"))] {
        let picture = page.pdf.add_stream(&format!("{entries} /ColorSpace {space}"), &[0x77; 10_000]);
        names.push_str(&format!("/{name} {picture} 0 R "));
    }
    page.drawn_by(b"q 99 0 0 99 0 0 cm /A Do /B Do /C Do Q", &format!("/XObject << {names} >>"))
}

/// A picture of 4,000 spot colours, each turned into red, green and blue by a program.
pub(super) fn thousands_of_inks() -> Vec<u8> {
    let inks: String = (0..4000).map(|at| format!("/Ink{at} ")).collect();
    let program = "/FunctionType 4 /Domain [0 1] /Range [0 1 0 1 0 1]";
    let mut page = OnePage::new();
    let function = page.pdf.add_stream(program, format!("{{ {} }}", "dup mul sin 1000 exp ".repeat(20_000)).as_bytes());
    let space = format!("[/DeviceN [{inks}] /DeviceRGB {function} 0 R]");
    let entries =
        format!("/Type /XObject /Subtype /Image /Width 1000 /Height 1000 /BitsPerComponent 8 /ColorSpace {space} /Filter /FlateDecode");
    let picture = page.pdf.add_stream(&entries, &zeros(3800));
    page.drawn_by(b"q 595 0 0 842 0 0 cm /Im Do Q", &format!("/XObject << /Im {picture} 0 R >>"))
}

/// An inline picture of 10⁹ × 10⁹ pixels that never ends.
pub(super) fn inline_without_end() -> Vec<u8> {
    let content =
        [&b"q 595 0 0 842 0 0 cm BI /W 1000000000 /H 1000000000 /CS /RGB /BPC 8 /F [/A85 /Fl] ID "[..], &noise(100_000, 17)].concat();
    OnePage::new().drawn_by(&content, "")
}

/// A picture of 64 megapixels, drawn two thousand times.
pub(super) fn drawn_again_and_again() -> Vec<u8> {
    let mut page = OnePage::new();
    let entries = "/Type /XObject /Subtype /Image /Width 8000 /Height 8000 /ColorSpace /DeviceGray /BitsPerComponent 8 /Interpolate true";
    let picture = page.pdf.add_stream(&format!("{entries} /Filter /FlateDecode"), &zeros(62));
    let content = "q 595 3 5 842 0 0 cm /Im Do Q ".repeat(2000);
    page.drawn_by(content.as_bytes(), &format!("/XObject << /Im {picture} 0 R >>"))
}

/// Five hundred different pictures of 16 megapixels on one page.
pub(super) fn hundreds_of_large_pictures() -> Vec<u8> {
    let mut page = OnePage::new();
    let packed = zeros_twice(46);
    let (mut content, mut names) = (String::new(), String::new());
    for _ in 0..500 {
        let entries = "/Type /XObject /Subtype /Image /Width 4000 /Height 4000 /ColorSpace /DeviceRGB /BitsPerComponent 8";
        let picture = page.pdf.add_stream(&format!("{entries} /Filter [/FlateDecode /FlateDecode]"), &packed);
        content.push_str(&format!("q 595 0 0 842 0 0 cm /I{picture} Do Q "));
        names.push_str(&format!("/I{picture} {picture} 0 R "));
    }
    page.drawn_by(content.as_bytes(), &format!("/XObject << {names} >>"))
}
