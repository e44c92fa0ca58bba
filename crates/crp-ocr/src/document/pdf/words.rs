//! Glyphs become words: by blanks, by gaps and by where the pen goes, also from right to left.

use hayro::kurbo::{Point, Rect, Vec2};

use super::scan::PlacedGlyph;
use crate::document::{
    glyphless::{ASCENT, DESCENT},
    script::{is_right_to_left, logical_order, plain_letters},
};

/// A gap of more of the font size than this parts two words.
const WORD_GAP: f64 = 0.15;
/// Glyphs may overlap by this share of the font size.
const OVERLAP: f64 = 0.4;
/// A glyph that leaves the baseline by more of the font size than this begins another word.
const BASELINE_SHIFT: f64 = 0.4;

/// A word in displayed points.
#[derive(Clone, Debug)]
pub(crate) struct PlacedWord {
    /// Its characters in reading order.
    pub(crate) text: String,
    /// Where its baseline begins, at the side where its script's glyphs have their origin.
    pub(crate) start: Point,
    /// Where its baseline ends.
    pub(crate) end: Point,
    /// Direction of the baseline, of length 1.
    pub(crate) direction: Vec2,
    /// Font size.
    pub(crate) size: f64,
    /// The box around its glyphs.
    pub(crate) bounds: Rect,
    /// Whether it reads from right to left.
    pub(crate) is_right_to_left: bool,
}

/// Groups glyphs, in the order in which they are drawn, into words.
pub(crate) fn words(glyphs: &[PlacedGlyph]) -> Vec<PlacedWord> {
    let mut words = Vec::new();
    let mut open: Option<OpenWord> = None;
    for glyph in glyphs {
        let text = readable(glyph.text.as_deref().unwrap_or(""));
        if text.is_empty() {
            words.extend(open.take().and_then(OpenWord::close));
            continue;
        }
        match &mut open {
            Some(word) if word.repeats(glyph, &text) => {}
            Some(word) if word.accepts(glyph, &text) => word.push(glyph, text),
            _ => {
                words.extend(open.take().and_then(OpenWord::close));
                open = OpenWord::begin(glyph, text);
            }
        }
    }
    words.extend(open.and_then(OpenWord::close));
    words
}

/// The characters without blanks and controls, ligatures spelled out.
fn readable(text: &str) -> String {
    let kept = text.chars().filter(|c| !c.is_whitespace() && !c.is_control() && *c != '\u{fffd}' && *c != '\u{ad}');
    kept.map(plain_letters).collect()
}

struct OpenWord {
    pieces: Vec<String>,
    last_origin: Point,
    pen: Point,
    start: Point,
    direction: Vec2,
    size: f64,
    bounds: Rect,
    goes_left: bool,
}

impl OpenWord {
    fn begin(glyph: &PlacedGlyph, text: String) -> Option<Self> {
        let size = glyph.up.hypot();
        let direction = direction(glyph)?;
        let pen = glyph.origin + glyph.advance;
        let bounds = cell(glyph);
        Some(Self { pieces: vec![text], last_origin: glyph.origin, pen, start: glyph.origin, direction, size, bounds, goes_left: false })
    }

    /// Bold text is sometimes faked by drawing it twice.
    fn repeats(&self, glyph: &PlacedGlyph, text: &str) -> bool {
        self.pieces.last().is_some_and(|last| last == text) && (glyph.origin - self.last_origin).hypot() < 0.1 * self.size
    }

    fn accepts(&self, glyph: &PlacedGlyph, text: &str) -> bool {
        let size = glyph.up.hypot();
        let Some(direction) = direction(glyph) else { return false };
        if direction.dot(self.direction) < 0.95 || size > 2.0 * self.size || self.size > 2.0 * size {
            return false;
        }
        if (glyph.origin - self.pen).cross(self.direction).abs() > BASELINE_SHIFT * self.size {
            return false;
        }
        let fits = |gap: f64| (-OVERLAP * self.size..=WORD_GAP * self.size).contains(&gap);
        let forward = (glyph.origin - self.pen).dot(self.direction);
        if (self.pieces.len() == 1 || !self.goes_left) && fits(forward) {
            return true;
        }
        let backward = (self.last_origin - (glyph.origin + glyph.advance)).dot(self.direction);
        (self.pieces.len() == 1 || self.goes_left) && is_right_to_left(text) && fits(backward)
    }

    fn push(&mut self, glyph: &PlacedGlyph, text: String) {
        self.goes_left = (glyph.origin - self.last_origin).dot(self.direction) < -0.01 * self.size;
        self.pieces.push(text);
        self.last_origin = glyph.origin;
        let pen = glyph.origin + glyph.advance;
        if self.goes_left {
            self.start = glyph.origin;
        } else {
            self.pen = pen;
        }
        self.bounds = self.bounds.union(cell(glyph));
    }

    fn close(self) -> Option<PlacedWord> {
        let is_right_to_left = self.pieces.iter().any(|p| is_right_to_left(p));
        let text = if is_right_to_left && !self.goes_left { logical_order(&self.pieces) } else { self.pieces.concat() };
        let finite = self.bounds.is_finite() && self.start.is_finite() && self.pen.is_finite();
        (finite && !text.is_empty()).then_some(PlacedWord {
            text,
            start: self.start,
            end: self.pen,
            direction: self.direction,
            size: self.size,
            bounds: self.bounds,
            is_right_to_left,
        })
    }
}

fn direction(glyph: &PlacedGlyph) -> Option<Vec2> {
    let length = glyph.advance.hypot();
    if length > 1e-6 {
        return Some(glyph.advance / length);
    }
    let up = glyph.up.hypot();
    // A combining mark does not move the pen; the baseline stands across its height.
    (up > 1e-6).then(|| Vec2::new(-glyph.up.y, glyph.up.x) / up)
}

/// From a descender to an ascender, whatever the glyph's own shape.
fn cell(glyph: &PlacedGlyph) -> Rect {
    let (up, down) = (glyph.up * (f64::from(ASCENT) / 1000.0), glyph.up * (f64::from(DESCENT) / 1000.0));
    let corners = [glyph.origin + down, glyph.origin + up, glyph.origin + glyph.advance + down, glyph.origin + glyph.advance + up];
    corners.iter().fold(Rect::from_points(corners[0], corners[1]), |r, p| r.union_pt(*p))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glyph(text: &str, x: f64) -> PlacedGlyph {
        PlacedGlyph {
            text: Some(text.to_owned()),
            origin: Point::new(x, 100.0),
            advance: Vec2::new(5.0, 0.0),
            up: Vec2::new(0.0, -10.0),
            is_invisible: false,
        }
    }

    fn texts(glyphs: &[PlacedGlyph]) -> Vec<String> {
        words(glyphs).into_iter().map(|w| w.text).collect()
    }

    #[test]
    fn a_gap_or_a_blank_parts_words_and_ligatures_are_spelled_out() {
        let line = [glyph("o", 0.0), glyph("\u{fb01}", 5.0), glyph("x", 12.5), glyph(" ", 17.5), glyph("y", 22.5)];
        assert_eq!(texts(&line), ["ofi", "x", "y"]);
    }

    #[test]
    fn right_to_left_words_read_the_same_however_they_were_drawn() {
        let drawn_leftwards = [glyph("ש", 10.0), glyph("ל", 5.0), glyph("ם", 0.0)];
        let drawn_rightwards = [glyph("ם", 0.0), glyph("ל", 5.0), glyph("ש", 10.0)];
        assert_eq!(texts(&drawn_leftwards), ["שלם"]);
        assert_eq!(texts(&drawn_rightwards), ["שלם"]);
    }

    #[test]
    fn text_drawn_twice_for_boldness_counts_once() {
        assert_eq!(texts(&[glyph("a", 0.0), glyph("a", 0.2), glyph("b", 5.0), glyph("b", 5.2)]), ["ab"]);
    }
}
