//! TSV with the columns of Tesseract: a row for each page, block, paragraph, line and word; numbers count anew inside the level above.

use std::fmt::Write as _;

use super::{blocks, pixels_around};
use crate::{Line, PageLayout};

pub(super) const HEAD: &str = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n";

pub(super) fn page(layout: &PageLayout) -> String {
    let mut out = String::new();
    let number = layout.page.get();
    let [width, height] = layout.picture_size();
    outer(&mut out, 1, [number, 0, 0, 0], [0, 0, width, height]);
    for (block, block_number) in blocks(layout).zip(1u32..) {
        let paragraphs: Vec<&[Line]> = block.collect();
        outer(&mut out, 2, [number, block_number, 0, 0], pixels_around(layout, &paragraphs.concat()));
        for (paragraph, paragraph_number) in paragraphs.into_iter().zip(1u32..) {
            outer(&mut out, 3, [number, block_number, paragraph_number, 0], pixels_around(layout, paragraph));
            for (line, line_number) in paragraph.iter().zip(1u32..) {
                let numbers = [number, block_number, paragraph_number, line_number];
                outer(&mut out, 4, numbers, layout.pixel_box(line.bounds));
                for (word, word_number) in layout.words_of(line).iter().zip(1u32..) {
                    let percent = (f64::from(word.confidence) * 10_000.0).round() / 100.0;
                    row(&mut out, 5, numbers, word_number, layout.pixel_box(word.bounds));
                    let text: String = word.text.chars().filter(|c| !c.is_control()).collect();
                    let _ = writeln!(out, "{percent}\t{text}");
                }
            }
        }
    }
    out
}

/// A row without words of its own.
fn outer(out: &mut String, level: u8, numbers: [u32; 4], place: [u32; 4]) {
    row(out, level, numbers, 0, place);
    out.push_str("-1\t\n");
}

fn row(out: &mut String, level: u8, [page, block, paragraph, line]: [u32; 4], word: u32, [left, top, right, bottom]: [u32; 4]) {
    let (width, height) = (right.saturating_sub(left), bottom.saturating_sub(top));
    let _ = write!(out, "{level}\t{page}\t{block}\t{paragraph}\t{line}\t{word}\t{left}\t{top}\t{width}\t{height}\t");
}
