//! Words become lines and paragraphs in reading order.
//!
//! The order in which a page draws its text is nearly always the order in which it is read, columns included. It is given
//! up for plain top-to-bottom order only where it jumps about.

use crp_model::{BoundingBox, Line, PageLayout, PageNo, TextSource, Word};
use hayro::kurbo::{Point, Rect};

use super::{geometry::PageGeometry, words::PlacedWord};

/// A gap of more of the font size than this ends a line even on the same height.
const COLUMN_GAP: f64 = 12.0;
/// Lines whose baselines are further apart than this share of the font size are of different paragraphs.
const PARAGRAPH_STEP: f64 = 1.75;

/// The page's layout from its words, in the order in which they are drawn.
pub(crate) fn layout(words: Vec<PlacedWord>, page: PageNo, geometry: &PageGeometry) -> PageLayout {
    let paper = Rect::new(0.0, 0.0, geometry.width_points, geometry.height_points);
    let mut words: Vec<PlacedWord> = words.into_iter().filter(|w| w.bounds.overlaps(paper)).collect();
    let mut lines = lines(&words);
    if jumps_about(&lines, &words) {
        words.sort_by(|a, b| {
            let row = |w: &PlacedWord| (w.start.y / (w.size.max(1.0) * 0.5)).round();
            row(a).total_cmp(&row(b)).then(a.start.x.total_cmp(&b.start.x))
        });
        lines = self::lines(&words);
    }
    let mut layout = PageLayout {
        page,
        width: geometry.width_points as f32,
        height: geometry.height_points as f32,
        rotation: geometry.rotation,
        pixels: None,
        source: TextSource::TextLayer,
        words: Vec::with_capacity(words.len()),
        lines: Vec::with_capacity(lines.len()),
    };
    let mut paragraph = 0;
    let mut above: Option<&PlacedWord> = None;
    for indices in &lines {
        let first = &words[indices[0]];
        if above.is_some_and(|above| begins_paragraph(above, first)) {
            paragraph += 1;
        }
        above = Some(first);
        append(&mut layout, indices, &words, paragraph);
    }
    layout
}

/// Runs of words on one baseline, as indices, each in reading order.
fn lines(words: &[PlacedWord]) -> Vec<Vec<usize>> {
    let mut lines: Vec<Vec<usize>> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match lines.last_mut() {
            Some(line) if line.last().is_some_and(|last| continues(&words[*last], word)) => line.push(at),
            _ => lines.push(vec![at]),
        }
    }
    for line in &mut lines {
        let leftwards = line.iter().filter(|i| words[**i].is_right_to_left).count() * 2 > line.len();
        let direction = words[line[0]].direction;
        let place = |i: &usize| words[*i].start.to_vec2().dot(direction);
        line.sort_by(|a, b| if leftwards { place(b).total_cmp(&place(a)) } else { place(a).total_cmp(&place(b)) });
    }
    lines
}

fn continues(last: &PlacedWord, word: &PlacedWord) -> bool {
    let size = last.size.min(word.size);
    if last.direction.dot(word.direction) < 0.95 || last.size.max(word.size) > 2.0 * size {
        return false;
    }
    if (word.start - last.end).cross(last.direction).abs() > 0.4 * size {
        return false;
    }
    let fits = |gap: f64| (-0.5 * size..=COLUMN_GAP * size).contains(&gap);
    let forward = (word.start - last.end).dot(last.direction);
    let backward = (last.start - word.end).dot(last.direction);
    fits(forward) || ((last.is_right_to_left || word.is_right_to_left) && fits(backward))
}

/// Whether a line more often than now and then stands above the one drawn before it, in the same column.
fn jumps_about(lines: &[Vec<usize>], words: &[PlacedWord]) -> bool {
    let level = |line: &Vec<usize>| -> Option<(Rect, f64)> {
        let first = &words[line[0]];
        let level = first.direction.y.abs() < 0.1 && first.direction.x > 0.0;
        level.then(|| (line.iter().fold(first.bounds, |r, i| r.union(words[*i].bounds)), first.size))
    };
    let places: Vec<(Rect, f64)> = lines.iter().filter_map(level).collect();
    let upward = places
        .windows(2)
        .filter(|pair| {
            let ((above, size), (below, _)) = (pair[0], pair[1]);
            below.y1 < above.y1 - 0.5 * size && below.x0 < above.x1 && above.x0 < below.x1
        })
        .count();
    places.len() >= 6 && upward * 4 > places.len()
}

fn begins_paragraph(above: &PlacedWord, first: &PlacedWord) -> bool {
    let size = above.size.max(first.size).max(1.0);
    let step = (first.start - above.start).cross(above.direction).abs();
    let falls = (first.start - above.start).cross(above.direction) <= 0.0;
    above.direction.dot(first.direction) < 0.95
        || !falls
        || step > PARAGRAPH_STEP * size
        || above.size.max(first.size) > 1.3 * above.size.min(first.size)
}

fn append(layout: &mut PageLayout, indices: &[usize], words: &[PlacedWord], paragraph: u32) {
    let first_word = layout.words.len() as u32;
    let mut bounds: Option<Rect> = None;
    for word in indices.iter().map(|i| &words[*i]) {
        bounds = Some(bounds.map_or(word.bounds, |b| b.union(word.bounds)));
        layout.words.push(Word { text: word.text.clone(), confidence: 1.0, bounds: boxed(word.bounds) });
    }
    let along = |i: &usize| words[*i].start.to_vec2().dot(words[indices[0]].direction);
    let leftmost = indices.iter().min_by(|a, b| along(a).total_cmp(&along(b)));
    let rightmost = indices.iter().max_by(|a, b| along(a).total_cmp(&along(b)));
    let (Some(bounds), Some(leftmost), Some(rightmost)) = (bounds, leftmost, rightmost) else { return };
    let (Point { x: x0, y: y0 }, Point { x: x1, y: y1 }) = (words[*leftmost].start, words[*rightmost].end);
    layout.lines.push(Line {
        first_word,
        word_count: indices.len() as u32,
        block: 0,
        paragraph,
        bounds: boxed(bounds),
        baseline: [x0 as f32, y0 as f32, x1 as f32, y1 as f32],
    });
}

/// The rectangle as a box of the layout.
pub(super) fn boxed(r: Rect) -> BoundingBox {
    BoundingBox { x0: r.x0 as f32, y0: r.y0 as f32, x1: r.x1 as f32, y1: r.y1 as f32 }
}
