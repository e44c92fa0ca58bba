//! hOCR 1.2, as XHTML that any XML reader takes: pages, areas, paragraphs, lines and words, each with its box.

use std::fmt::Write as _;

use super::{blocks, markup, pixels_around};
use crate::{Line, PageLayout};

pub(super) const TAIL: &str = " </body>\n</html>\n";

pub(super) fn head(name: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\">\n <head>\n  <title>{}</title>\n  \
         <meta http-equiv=\"Content-Type\" content=\"application/xhtml+xml; charset=utf-8\"/>\n  \
         <meta name=\"ocr-system\" content=\"crPipeline {}\"/>\n  \
         <meta name=\"ocr-capabilities\" content=\"ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf\"/>\n </head>\n <body>\n",
        markup::text(name),
        env!("CARGO_PKG_VERSION"),
    )
}

pub(super) fn page(layout: &PageLayout) -> String {
    let number = layout.page.get();
    let [width, height] = layout.picture_size();
    let resolution = |pixels: u32, points: f32| (f64::from(pixels) * 72.0 / f64::from(points)).round();
    let (across, down) = (resolution(width, layout.width), resolution(height, layout.height));
    let mut out = format!(
        "  <div class=\"ocr_page\" id=\"page_{number}\" title=\"bbox 0 0 {width} {height}; ppageno {}; scan_res {across} {down}\">\n",
        layout.page.index()
    );
    let (mut block_number, mut paragraph_number, mut line_number) = (0, 0, 0);
    for block in blocks(layout) {
        block_number += 1;
        let paragraphs: Vec<&[Line]> = block.collect();
        let around = pixels_around(layout, &paragraphs.concat());
        element(&mut out, 3, "div class=\"ocr_carea\"", &format!("block_{number}_{block_number}"), &bbox(around));
        for paragraph in paragraphs {
            paragraph_number += 1;
            let around = pixels_around(layout, paragraph);
            element(&mut out, 4, "p class=\"ocr_par\"", &format!("par_{number}_{paragraph_number}"), &bbox(around));
            for line in paragraph {
                line_number += 1;
                push_line(&mut out, layout, line, &format!("{number}_{line_number}"));
            }
            out.push_str("    </p>\n");
        }
        out.push_str("   </div>\n");
    }
    out.push_str("  </div>\n");
    out
}

fn push_line(out: &mut String, layout: &PageLayout, line: &Line, number: &str) {
    let around = layout.pixel_box(line.bounds);
    let title = format!("{}; {}", bbox(around), direction(layout, line, around));
    element(out, 5, "span class=\"ocr_line\"", &format!("line_{number}"), &title);
    for (at, word) in layout.words_of(line).iter().enumerate() {
        let percent = (word.confidence * 100.0).round();
        let title = format!("{}; x_wconf {percent}", bbox(layout.pixel_box(word.bounds)));
        element(out, 6, "span class=\"ocrx_word\"", &format!("word_{number}_{}", at + 1), &title);
        // On the line of its tag: blanks inside would belong to the word.
        out.pop();
        markup::push_text(out, &word.text);
        out.push_str("</span>\n");
    }
    out.push_str("     </span>\n");
}

fn element(out: &mut String, indent: usize, tag_and_class: &str, id: &str, title: &str) {
    // Writing to a String does not fail.
    let _ = writeln!(out, "{:indent$}<{tag_and_class} id=\"{id}\" title=\"{title}\">", "");
}

fn bbox([left, top, right, bottom]: [u32; 4]) -> String {
    format!("bbox {left} {top} {right} {bottom}")
}

/// `baseline slope offset`, measured from the lower left corner of the line's box; a line that does not run to the right has a
/// `textangle` instead, in degrees against the clock.
fn direction(layout: &PageLayout, line: &Line, [left, _, _, bottom]: [u32; 4]) -> String {
    let [width, height] = layout.picture_size();
    let (across, down) = (f64::from(width) / f64::from(layout.width), f64::from(height) / f64::from(layout.height));
    let [x0, y0, x1, y1] = line.baseline.map(f64::from);
    let (run, rise) = ((x1 - x0) * across, (y1 - y0) * down);
    if run < 0.0 || rise.abs() > run.abs() {
        let degrees = (-rise).atan2(run).to_degrees().rem_euclid(360.0);
        return format!("textangle {}", degrees.round());
    }
    let slope = if run > 0.0 { rise / run } else { 0.0 };
    let offset = y0 * down + slope * (f64::from(left) - x0 * across) - f64::from(bottom);
    let fine = |value: f64| if value.is_finite() { (value * 1000.0).round() / 1000.0 } else { 0.0 };
    format!("baseline {} {}", fine(slope), fine(offset).round())
}
