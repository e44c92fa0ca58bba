//! Drawings without an end: forms that draw forms, patterns, shadings, functions, groups and paths.

use super::{
    one_page::OnePage,
    packing::{Pieces, repeated, zeros},
};

const FORM: &str = "/Type /XObject /Subtype /Form /BBox [0 0 595 842]";

/// A page that draws a form that draws a form that draws the first, twice each time.
pub fn recursive_forms() -> Vec<u8> {
    let mut page = OnePage::new();
    let first = page.pdf.reserve();
    let form = |other: usize| format!("{FORM} /Resources << /XObject << /Fm {other} 0 R >> >>");
    let second = page.pdf.add_stream(&form(first), b"/Fm Do /Fm Do");
    page.pdf.set_stream(first, &form(second), b"/Fm Do /Fm Do");
    page.drawn_by(b"/Fm Do", &format!("/XObject << /Fm {first} 0 R >>"))
}

/// Twelve forms, each of which draws the next ten times: 10¹² squares in 3 kB.
pub(super) fn laughs() -> Vec<u8> {
    let mut page = OnePage::new();
    let mut last = page.pdf.add_stream(FORM, b"0 0 9 9 re f");
    for _ in 0..12 {
        last = page.pdf.add_stream(&format!("{FORM} /Resources << /XObject << /Fm {last} 0 R >> >>"), "/Fm Do ".repeat(10).as_bytes());
    }
    page.drawn_by(b"/Fm Do", &format!("/XObject << /Fm {last} 0 R >>"))
}

/// The same with a transparency group at each call.
pub(super) fn laughs_in_groups() -> Vec<u8> {
    let mut page = OnePage::new();
    let group = "/Group << /S /Transparency /I true /K true >>";
    let mut last = page.pdf.add_stream(FORM, b"0 0 595 842 re f");
    for _ in 0..12 {
        let entries = format!("{FORM} {group} /Resources << /XObject << /Fm {last} 0 R >> >>");
        last = page.pdf.add_stream(&entries, "/Fm Do ".repeat(10).as_bytes());
    }
    page.drawn_by(b"/Fm Do", &format!("/XObject << /Fm {last} 0 R >>"))
}

/// A form in a form in a form, thirty thousand deep.
pub(super) fn deep_forms() -> Vec<u8> {
    let mut page = OnePage::new();
    let mut last = page.pdf.add_stream(FORM, b"0 0 9 9 re f");
    for _ in 0..30_000 {
        last = page.pdf.add_stream(&format!("{FORM} /Resources << /XObject << /Fm {last} 0 R >> >>"), b"/Fm Do");
    }
    page.drawn_by(b"/Fm Do", &format!("/XObject << /Fm {last} 0 R >>"))
}

/// Groups, masked by groups that use the same mask.
pub(super) fn mask_of_itself() -> Vec<u8> {
    let mut page = OnePage::new();
    let (state, form) = (page.pdf.reserve(), page.pdf.reserve());
    page.pdf.set(state, format!("<< /Type /ExtGState /SMask << /S /Luminosity /G {form} 0 R >> >>"));
    let resources = format!("/ExtGState << /Gs {state} 0 R >> /XObject << /Fm {form} 0 R >>");
    let entries = format!("{FORM} /Group << /S /Transparency /CS /DeviceGray >> /Resources << {resources} >>");
    page.pdf.set_stream(form, &entries, b"/Gs gs /Fm Do 0 0 595 842 re f");
    page.drawn_by(b"/Gs gs 0 0 595 842 re f /Fm Do", &resources)
}

/// Two hundred groups of a whole page inside of each other, all half transparent.
pub(super) fn nested_groups() -> Vec<u8> {
    let mut page = OnePage::new();
    let state = page.pdf.add("<< /Type /ExtGState /ca 0.5 /BM /Luminosity >>");
    let mut last = page.pdf.add_stream(FORM, b"0 0 595 842 re f");
    for _ in 0..200 {
        let resources = format!("/Resources << /ExtGState << /Gs {state} 0 R >> /XObject << /Fm {last} 0 R >> >>");
        last = page.pdf.add_stream(&format!("{FORM} /Group << /S /Transparency >> {resources}"), b"/Gs gs 0 0 595 842 re f /Fm Do");
    }
    page.drawn_by(b"/Fm Do", &format!("/XObject << /Fm {last} 0 R >>"))
}

fn tiled(entries: &str, tile: &[u8]) -> Vec<u8> {
    let mut page = OnePage::new();
    let pattern =
        page.pdf.add_stream(&format!("/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 {entries} /Resources << >>"), tile);
    page.drawn_by(b"/Pattern cs /P scn 0 0 595 842 re f", &format!("/Pattern << /P {pattern} 0 R >>"))
}

/// A page filled with tiles of a millionth of a point.
pub(super) fn tiny_tiles() -> Vec<u8> {
    tiled("/BBox [0 0 1 1] /XStep 0.000001 /YStep 0.000001", b"0 0 1 1 re f")
}

/// Tiles with steps of nothing, and of less.
pub(super) fn tiles_without_steps() -> Vec<u8> {
    tiled("/BBox [0 0 1 1] /XStep 0 /YStep -0.0", b"0 0 1 1 re f")
}

/// Tiles of ten million points that overlap a million times.
pub(super) fn huge_tiles() -> Vec<u8> {
    tiled("/BBox [-10000000 -10000000 10000000 10000000] /XStep 10 /YStep 10", b"0 0 1 1 re f 0 0 m 9999999 9999999 l S")
}

/// A pattern painted with itself.
pub(super) fn pattern_of_itself() -> Vec<u8> {
    let mut page = OnePage::new();
    let pattern = page.pdf.reserve();
    let resources = format!("/Pattern << /P {pattern} 0 R >>");
    let entries = "/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 10 10] /XStep 10 /YStep 10";
    page.pdf.set_stream(pattern, &format!("{entries} /Resources << {resources} >>"), b"/Pattern cs /P scn 0 0 10 10 re f");
    page.drawn_by(b"/Pattern cs /P scn 0 0 595 842 re f", &resources)
}

/// Patterns painted with patterns, eight deep, ten thousand tiles each.
pub(super) fn patterns_of_patterns() -> Vec<u8> {
    let mut page = OnePage::new();
    let entries = "/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 600 900] /XStep 6 /YStep 9";
    let mut last = page.pdf.add_stream(&format!("{entries} /Resources << >>"), b"0 0 1 1 re f");
    for _ in 0..8 {
        let resources = format!("/Resources << /Pattern << /P {last} 0 R >> >>");
        last = page.pdf.add_stream(&format!("{entries} {resources}"), b"/Pattern cs /P scn 0 0 600 900 re f");
    }
    page.drawn_by(b"/Pattern cs /P scn 0 0 595 842 re f", &format!("/Pattern << /P {last} 0 R >>"))
}

fn shaded(shading: impl FnOnce(&mut OnePage) -> usize) -> Vec<u8> {
    let mut page = OnePage::new();
    let shading = shading(&mut page);
    page.drawn_by(b"/Sh sh", &format!("/Shading << /Sh {shading} 0 R >>"))
}

/// A shading computed for each point by a program of half a million steps.
pub(super) fn shading_by_program() -> Vec<u8> {
    shaded(|page| {
        let program = format!("{{ {} pop 0 exch dup }}", "2 copy mul sin exch cos atan 360 div dup ".repeat(50_000));
        let function = page.pdf.add_stream("/FunctionType 4 /Domain [0 1 0 1] /Range [0 1 0 1 0 1]", program.as_bytes());
        let matrix = "/Matrix [595 0 0 842 0 0]";
        page.pdf.add(format!("<< /ShadingType 1 /ColorSpace /DeviceRGB /Domain [0 1 0 1] {matrix} /Function {function} 0 R >>"))
    })
}

/// A shading over a domain of 10³⁰.
pub(super) fn shading_over_everything() -> Vec<u8> {
    shaded(|page| {
        let function = page.pdf.add("<< /FunctionType 2 /Domain [-1e30 1e30] /N 1e30 /C0 [0 0 0] /C1 [1 1 1] >>");
        let coordinates = "/Coords [0 0 1e-30 1e30 1e30 1e30] /Domain [-1e30 1e30] /Extend [true true]";
        page.pdf.add(format!("<< /ShadingType 3 /ColorSpace /DeviceRGB {coordinates} /Function {function} 0 R >>"))
    })
}

/// A function stitched together of itself.
pub(super) fn function_of_itself() -> Vec<u8> {
    shaded(|page| {
        let function = page.pdf.reserve();
        let own = format!("{function} 0 R ");
        page.pdf.set(
            function,
            format!("<< /FunctionType 3 /Domain [0 1] /Functions [{}] /Bounds [0.1 0.2 0.3] /Encode [0 1 0 1 0 1 0 1] >>", own.repeat(4)),
        );
        page.pdf
            .add(format!("<< /ShadingType 2 /ColorSpace /DeviceRGB /Coords [0 0 595 842] /Function {function} 0 R /Extend [true true] >>"))
    })
}

/// A function of twenty inputs that is sampled a thousand times along each.
pub(super) fn function_of_endless_samples() -> Vec<u8> {
    shaded(|page| {
        let entries = format!(
            "/FunctionType 0 /Domain [{}] /Range [0 1 0 1 0 1] /Size [{}] /BitsPerSample 32",
            "0 1 ".repeat(20),
            "1000 ".repeat(20)
        );
        let function = page.pdf.add_stream(&entries, &[0x55; 1000]);
        page.pdf.add(format!("<< /ShadingType 2 /ColorSpace /DeviceRGB /Coords [0 0 595 842] /Function {function} 0 R >>"))
    })
}

fn mesh(kind: u8, more: &str, block: &[u8], times: usize) -> Vec<u8> {
    shaded(|page| {
        let entries = format!(
            "/ShadingType {kind} /ColorSpace /DeviceRGB /BitsPerCoordinate 8 /BitsPerComponent 8 {more} \
             /Decode [0 595 0 842 0 1 0 1 0 1] /Filter [/FlateDecode /FlateDecode]"
        );
        page.pdf.add_stream(&entries, &Pieces::repeated(block, times).packed().packed().bytes())
    })
}

/// A mesh of two million patches, each as large as the page.
pub(super) fn mesh_of_patches() -> Vec<u8> {
    // A flag, twelve points around the page, four colours.
    let patch: Vec<u8> = [0]
        .into_iter()
        .chain([0, 0, 0, 80, 0, 160, 0, 255, 80, 255, 160, 255, 255, 255, 255, 160, 255, 80, 255, 0, 160, 0, 80, 0])
        .chain([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0])
        .collect();
    mesh(6, "/BitsPerFlag 8", &patch.repeat(1000), 2000)
}

/// A mesh of ten million triangles.
pub(super) fn mesh_of_triangles() -> Vec<u8> {
    let corners = [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 255, 0, 0, 0, 255, 255, 0, 0];
    mesh(4, "/BitsPerFlag 8", &corners.repeat(2500), 4000)
}

/// A lattice whose rows have 2³¹ corners.
pub(super) fn lattice_of_endless_rows() -> Vec<u8> {
    mesh(5, "/VerticesPerRow 2147483647", &[0; 5].repeat(10_000), 1000)
}

/// Lines with dashes of a thousand-millionth of a point, across a million points.
pub(super) fn endless_dashes() -> Vec<u8> {
    OnePage::new().drawn_by(b"[0.000000001 0.000000001] 0 d 1 w 0 0 m 1000000 1000000 l 0 842 l 595 0 l S [0 0] 0 d 0 0 m 9 9 l S", "")
}

/// Numbers that no drawing needs: infinite, not a number, too long, with two signs.
pub(super) fn absurd_numbers() -> Vec<u8> {
    let huge = "9".repeat(400);
    let numbers = [
        "1e39",
        "-1e39",
        "NaN",
        "inf",
        "--5",
        "+-3",
        "1.2.3",
        ".",
        "-",
        &huge,
        "0.000000000000000000000000000000000000000000001",
        "1e-400",
    ];
    let mut content = String::new();
    for a in numbers {
        for b in numbers {
            content.push_str(&format!(
                "q {a} {b} {b} {a} {a} {b} cm {a} w {b} M {a} {b} m {b} {a} l {a} {a} {b} {b} {a} {b} c {a} {b} {a} {b} re B W n Q\n"
            ));
        }
    }
    content.push_str("1e30 0 0 1e30 0 0 cm 1e30 0 0 1e30 0 0 cm 0 0 1 1 re f 1e-30 0 0 1e-30 0 0 cm 1e-30 0 0 1e-30 0 0 cm 0 0 1 1 re f");
    OnePage::new().drawn_by(content.as_bytes(), "")
}

/// A path of 64 million curves.
pub(super) fn endless_path() -> Vec<u8> {
    let curves = "1 2 300 400 5 6 c 7 800 9 10 11 1 c\n".repeat(2048);
    let path = Pieces::repeated(curves.as_bytes(), 16_000).packed().packed().bytes();
    OnePage::new().drawn_by_stream("/Filter [/FlateDecode /FlateDecode]", &path)
}

/// A hundred thousand clips, each a path of a hundred points, inside of each other.
pub(super) fn endless_clips() -> Vec<u8> {
    let star: String = (0..100).map(|at| format!("{} {} {}\n", at * 37 % 595, at * 91 % 842, if at == 0 { "m" } else { "l" })).collect();
    let clip = format!("{star} W* n ").repeat(50);
    OnePage::new().drawn_by_stream("/Filter /FlateDecode", &repeated(clip.as_bytes(), 2000))
}

/// Ten million states saved and none restored; then more restored than saved.
pub(super) fn endless_states() -> Vec<u8> {
    let saved = "q ".repeat(1 << 15);
    OnePage::new()
        .drawn_by_stream("/Filter [/FlateDecode /FlateDecode]", &Pieces::repeated(saved.as_bytes(), 1600).packed().packed().bytes())
}

/// Fifty million letters in one line.
pub(super) fn endless_text() -> Vec<u8> {
    let mut page = OnePage::new();
    let font = page.pdf.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
    let line = format!("BT /F 9 Tf 0 0 Td ({}) Tj ET\n", "letters ".repeat(8_192));
    let content = page.pdf.add_stream("/Filter /FlateDecode", &repeated(line.as_bytes(), 800));
    page.with(&format!("/MediaBox [0 0 595 842] /Contents {content} 0 R /Resources << /Font << /F {font} 0 R >> >>"))
}

/// A page dictionary with an array a hundred thousand deep, and a drawing with another.
pub fn deep_arrays() -> Vec<u8> {
    deep("[", "]", 100_000)
}

/// The same a million deep.
pub(super) fn million_deep_arrays() -> Vec<u8> {
    deep("[", "]", 1_000_000)
}

/// Dictionaries half a million deep.
pub(super) fn deep_dictionaries() -> Vec<u8> {
    deep("<</A", ">>", 500_000)
}

/// A text in parentheses two million deep.
pub(super) fn deep_parentheses() -> Vec<u8> {
    deep("(", ")", 1_500_000)
}

fn deep(open: &str, close: &str, depth: usize) -> Vec<u8> {
    let mut page = OnePage::new();
    let (opened, closed) = ((open.as_bytes(), depth), (close.as_bytes(), depth));
    let drawing = Pieces::of(&[opened, (b" 0 ", 1), closed, (b" TJ /Tag ", 1), opened, (b" 0 ", 1), closed, (b" DP", 1)]);
    let content = page.pdf.add_stream("/Filter /FlateDecode", &drawing.packed().bytes());
    let deep = format!("{} 0 {}", open.repeat(depth), close.repeat(depth));
    page.with(&format!("/MediaBox [0 0 595 842] /Contents {content} 0 R /Resources << /Deep {deep} >>"))
}

/// A drawing of zeros: sixteen million operators that do not exist.
pub(super) fn endless_nonsense() -> Vec<u8> {
    let nonsense = "xyzzy 0 0 0 0 plugh\n".repeat(2000);
    let mut packed = repeated(nonsense.as_bytes(), 2000);
    packed.extend_from_slice(&zeros(1));
    OnePage::new().drawn_by_stream("/Filter /FlateDecode", &packed)
}
