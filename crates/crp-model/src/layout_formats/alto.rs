//! ALTO 4: blocks of text with lines and strings, measured in pixels.

use std::fmt::Write as _;

use super::{blocks, markup, pixels_around};
use crate::{Line, PageLayout};

pub(super) const TAIL: &str = " </Layout>\n</alto>\n";

pub(super) fn head(name: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <alto xmlns=\"http://www.loc.gov/standards/alto/ns-v4#\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xsi:schemaLocation=\"http://www.loc.gov/standards/alto/ns-v4# http://www.loc.gov/standards/alto/v4/alto-4-4.xsd\">\n \
         <Description>\n  <MeasurementUnit>pixel</MeasurementUnit>\n  \
         <sourceImageInformation>\n   <fileName>{}</fileName>\n  </sourceImageInformation>\n  \
         <Processing ID=\"processing_1\">\n   <processingSoftware>\n    <softwareName>crPipeline</softwareName>\n    \
         <softwareVersion>{}</softwareVersion>\n   </processingSoftware>\n  </Processing>\n </Description>\n <Layout>\n",
        markup::text(name),
        env!("CARGO_PKG_VERSION"),
    )
}

pub(super) fn page(layout: &PageLayout) -> String {
    let number = layout.page.get();
    let [width, height] = layout.picture_size();
    let mut out = format!("  <Page ID=\"page_{number}\" PHYSICAL_IMG_NR=\"{number}\" WIDTH=\"{width}\" HEIGHT=\"{height}\"");
    if let Some(confidence) = layout.mean_confidence() {
        let _ = write!(out, " PC=\"{}\"", share(confidence));
    }
    out.push_str(">\n");
    open(&mut out, 3, "PrintSpace", None, [0, 0, width, height]);
    let (mut block_number, mut paragraph_number, mut line_number) = (0, 0, 0);
    for block in blocks(layout) {
        block_number += 1;
        let paragraphs: Vec<&[Line]> = block.collect();
        let around = pixels_around(layout, &paragraphs.concat());
        open(&mut out, 4, "ComposedBlock", Some(&format!("block_{number}_{block_number}")), around);
        for paragraph in paragraphs {
            paragraph_number += 1;
            let around = pixels_around(layout, paragraph);
            open(&mut out, 5, "TextBlock", Some(&format!("par_{number}_{paragraph_number}")), around);
            for line in paragraph {
                line_number += 1;
                push_line(&mut out, layout, line, &format!("{number}_{line_number}"));
            }
            out.push_str("     </TextBlock>\n");
        }
        out.push_str("    </ComposedBlock>\n");
    }
    out.push_str("   </PrintSpace>\n  </Page>\n");
    out
}

fn push_line(out: &mut String, layout: &PageLayout, line: &Line, number: &str) {
    let [x0, y0, x1, y1] = line.baseline;
    let ((x0, y0), (x1, y1)) = (layout.pixel(x0, y0), layout.pixel(x1, y1));
    let baseline = format!(" BASELINE=\"{x0},{y0} {x1},{y1}\"");
    start(out, 6, "TextLine", Some(&format!("line_{number}")), layout.pixel_box(line.bounds));
    out.push_str(&baseline);
    out.push_str(">\n");
    let mut end_of_last = None;
    for (at, word) in layout.words_of(line).iter().enumerate() {
        let around = layout.pixel_box(word.bounds);
        if let Some(end) = end_of_last {
            push_space(out, end, around);
        }
        end_of_last = Some(around[2]);
        start(out, 7, "String", Some(&format!("string_{number}_{}", at + 1)), around);
        let _ = write!(out, " WC=\"{}\" CONTENT=\"", share(word.confidence));
        markup::push_text(out, &word.text);
        out.push_str("\"/>\n");
    }
    out.push_str("      </TextLine>\n");
}

/// The gap between two words; where words run the other way or overlap, only that there is one.
fn push_space(out: &mut String, left: u32, [right, top, ..]: [u32; 4]) {
    let _ = match right.checked_sub(left) {
        Some(width) => writeln!(out, "       <SP WIDTH=\"{width}\" HPOS=\"{left}\" VPOS=\"{top}\"/>"),
        None => writeln!(out, "       <SP/>"),
    };
}

fn open(out: &mut String, indent: usize, tag: &str, id: Option<&str>, place: [u32; 4]) {
    start(out, indent, tag, id, place);
    out.push_str(">\n");
}

fn start(out: &mut String, indent: usize, tag: &str, id: Option<&str>, [left, top, right, bottom]: [u32; 4]) {
    let _ = write!(out, "{:indent$}<{tag}", "");
    if let Some(id) = id {
        let _ = write!(out, " ID=\"{id}\"");
    }
    let (width, height) = (right.saturating_sub(left), bottom.saturating_sub(top));
    let _ = write!(out, " HPOS=\"{left}\" VPOS=\"{top}\" WIDTH=\"{width}\" HEIGHT=\"{height}\"");
}

/// A confidence with four digits.
fn share(confidence: f32) -> f64 {
    (f64::from(confidence) * 10_000.0).round() / 10_000.0
}
