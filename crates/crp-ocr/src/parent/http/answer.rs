//! The answer of the endpoint: JSON with words, perhaps lines; every number is checked before anything is made of it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::PROTOCOL;
use crate::engine::{GrayPicture, MAX_WORDS, Recognised, RecognisedLine, RecognisedWord};

/// Places this many pixels outside the picture are rounding; they are cut at its edge.
const ROUNDING_PIXELS: f64 = 2.0;

/// What an engine behind HTTP answers with status 200: the words in the picture that it was sent. Further members are left alone.
#[derive(Deserialize, JsonSchema)]
#[schemars(title = "Answer of an OCR engine behind HTTP")]
struct Answer {
    /// Version of the protocol.
    #[schemars(range(min = 1, max = 1))]
    protocol: u32,
    /// The words in the order of reading; none for a picture without text.
    #[schemars(length(max = 200_000))]
    words: Vec<Word>,
    /// Runs of words that cover all of them, in order. Without it, words at one height become a line.
    #[serde(default)]
    lines: Option<Vec<Line>>,
}

/// A word and its place.
#[derive(Deserialize, JsonSchema)]
struct Word {
    /// Its characters, in the order of reading: not blank, without control characters, at most 4096 bytes.
    #[schemars(length(min = 1, max = 4096))]
    text: String,
    /// How sure the engine is.
    #[schemars(range(min = 0, max = 1))]
    confidence: f64,
    /// Left, top, right and bottom in pixels of the picture, from its upper left corner.
    #[serde(rename = "box")]
    bounds: [f64; 4],
}

/// A run of words on one line.
#[derive(Deserialize, JsonSchema)]
struct Line {
    /// Which word is its first; the first of all is 0.
    first_word: u32,
    /// Number of its words.
    #[schemars(range(min = 1))]
    word_count: u32,
    /// Number of its block, from 0; it never goes back.
    #[serde(default)]
    block: u32,
    /// Number of its paragraph, from 0; it counts on from block to block.
    #[serde(default)]
    paragraph: u32,
    /// As of a word. Without it, the box around its words.
    #[serde(default, rename = "box")]
    bounds: Option<[f64; 4]>,
    /// Two points of the line that the letters stand on, x and y of each, from the first word to the last. Without it, the foot of
    /// the box.
    #[serde(default)]
    baseline: Option<[f64; 4]>,
}

/// The JSON Schema of an answer, for whoever writes such an engine.
pub fn schema() -> serde_json::Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true).into_generator();
    generator.into_root_schema_for::<Answer>().to_value()
}

/// Reads an answer about `picture`, of which only the size matters here.
///
/// # Errors
/// What is wrong with it; no word of the answer is repeated.
pub(super) fn read(body: &[u8], picture: &GrayPicture<'_>) -> Result<Recognised, String> {
    let place = |error: serde_json::Error| format!("it is not the JSON of the protocol (line {}, column {})", error.line(), error.column());
    let answer: Answer = serde_json::from_slice(body).map_err(place)?;
    if answer.protocol != PROTOCOL {
        return Err(format!("it is of version {} of the protocol, version {PROTOCOL} was asked for", answer.protocol));
    }
    if answer.words.len() > MAX_WORDS {
        return Err(format!("it has {} words", answer.words.len()));
    }
    let size = [f64::from(picture.width), f64::from(picture.height)];
    let words = answer
        .words
        .into_iter()
        .map(|word| Ok(RecognisedWord { bounds: pixels(word.bounds, size)?, text: word.text, confidence: word.confidence as f32 }));
    let words: Vec<RecognisedWord> = words.collect::<Result<_, String>>()?;
    let lines = match answer.lines {
        Some(lines) => lines.into_iter().map(|line| given(&line, &words, size)).collect::<Result<_, _>>()?,
        None => grouped(&words),
    };
    let recognised = Recognised { words, lines };
    recognised.check(picture)?;
    Ok(recognised)
}

/// A box in whole pixels, around what was said.
fn pixels([left, top, right, bottom]: [f64; 4], [width, height]: [f64; 2]) -> Result<[i32; 4], String> {
    let kept = |at: f64, side: f64| {
        let inside = (-ROUNDING_PIXELS..=side + ROUNDING_PIXELS).contains(&at);
        if inside { Ok(at.clamp(0.0, side) as i32) } else { Err(format!("a place is at {at} in a picture of {width} × {height} pixels")) }
    };
    Ok([kept(left.floor(), width)?, kept(top.floor(), height)?, kept(right.ceil(), width)?, kept(bottom.ceil(), height)?])
}

/// A line as the endpoint tells it; what it leaves out is made from its words.
fn given(line: &Line, words: &[RecognisedWord], size: [f64; 2]) -> Result<RecognisedLine, String> {
    let (first_word, word_count) = (line.first_word, line.word_count);
    let last = first_word.checked_add(word_count).map(|end| end as usize).filter(|end| word_count > 0 && *end <= words.len());
    let Some(end) = last else { return Err("a line has words that are not there".to_owned()) };
    let bounds = match line.bounds {
        Some(bounds) => pixels(bounds, size)?,
        None => around(&words[first_word as usize..end]),
    };
    let baseline = match line.baseline {
        // A cast of a float saturates, and far away places are refused by the check of the whole.
        Some(baseline) if baseline.iter().all(|at| at.is_finite()) => baseline.map(|at| at.round() as i32),
        Some(_) => return Err("a baseline is no number".to_owned()),
        None => foot(bounds),
    };
    Ok(RecognisedLine { first_word, word_count, block: line.block, paragraph: line.paragraph, bounds, baseline })
}

/// Words into lines: a word belongs to the line of the one before if they share at least half of their height.
fn grouped(words: &[RecognisedWord]) -> Vec<RecognisedLine> {
    let mut lines: Vec<RecognisedLine> = Vec::new();
    let runs = words.chunk_by(|a, b| share_a_line(a.bounds, b.bounds));
    let mut first_word = 0;
    for run in runs {
        let bounds = around(run);
        let (mut block, mut paragraph) = lines.last().map_or((0, 0), |line| (line.block, line.paragraph));
        if let Some(above) = lines.last().map(|line| line.bounds) {
            let goes_up = bounds[1] < above[1];
            let gap = i64::from(bounds[1]) - i64::from(above[3]);
            block += u32::from(goes_up);
            paragraph += u32::from(goes_up || gap > i64::from(above[3]) - i64::from(above[1]));
        }
        let word_count = u32::try_from(run.len()).unwrap_or(u32::MAX);
        lines.push(RecognisedLine { first_word, word_count, block, paragraph, bounds, baseline: foot(bounds) });
        first_word += word_count;
    }
    lines
}

fn share_a_line(a: [i32; 4], b: [i32; 4]) -> bool {
    let shared = i64::from(a[3].min(b[3])) - i64::from(a[1].max(b[1]));
    let lower = (i64::from(a[3]) - i64::from(a[1])).min(i64::from(b[3]) - i64::from(b[1]));
    shared * 2 >= lower.max(1)
}

fn around(words: &[RecognisedWord]) -> [i32; 4] {
    let boxes = words.iter().map(|word| word.bounds);
    boxes.reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]).unwrap_or_default()
}

fn foot([left, _, right, bottom]: [i32; 4]) -> [i32; 4] {
    [left, bottom, right, bottom]
}

#[cfg(test)]
mod tests {
    use crp_model::PageNo;

    use super::*;

    fn picture() -> GrayPicture<'static> {
        GrayPicture { width: 200, height: 100, gray: &[], dots_per_inch: 300, page: PageNo::from_index(0) }
    }

    #[test]
    fn the_schema_has_the_limits_of_the_code() {
        let schema = schema();
        let at = |pointer: &str| schema.pointer(pointer).and_then(serde_json::Value::as_u64);
        assert_eq!(at("/properties/protocol/minimum"), Some(PROTOCOL.into()), "{schema:#}");
        assert_eq!(at("/properties/protocol/maximum"), Some(PROTOCOL.into()));
        assert_eq!(at("/properties/words/maxItems"), Some(MAX_WORDS as u64));
        assert_eq!(at("/properties/words/items/properties/text/maxLength"), Some(crate::engine::MAX_WORD_BYTES as u64));
        assert_eq!(at("/properties/words/items/properties/box/maxItems"), Some(4));
        assert_eq!(schema["required"], serde_json::json!(["protocol", "words"]), "the rest may be left out");
    }

    fn read_text(json: &str) -> Result<Recognised, String> {
        read(json.as_bytes(), &picture())
    }

    #[test]
    fn words_without_lines_are_gathered_into_lines() {
        let word =
            |text: &str, x: f64, y: f64| format!(r#"{{"text":"{text}","confidence":0.5,"box":[{x},{y},{},{}]}}"#, x + 20.0, y + 10.0);
        let words =
            [word("one", 10.0, 10.0), word("two", 40.0, 12.4), word("three", 10.2, 24.0), word("far", 10.0, 60.0), word("up", 120.0, 10.0)];
        let answer = read_text(&format!(r#"{{"protocol":1,"words":[{}]}}"#, words.join(","))).unwrap();
        let lines: Vec<_> = answer.lines.iter().map(|l| (l.first_word, l.word_count, l.block, l.paragraph)).collect();
        assert_eq!(lines, [(0, 2, 0, 0), (2, 1, 0, 0), (3, 1, 0, 1), (4, 1, 1, 2)]);
        assert_eq!(answer.lines[0].bounds, [10, 10, 60, 23]);
        assert_eq!(answer.lines[0].baseline, [10, 23, 60, 23]);
        assert_eq!(answer.words[2].bounds, [10, 24, 31, 34]);
    }

    #[test]
    fn lines_that_are_given_are_kept() {
        let answer = read_text(
            r#"{"protocol":1,"model":"x","words":[{"text":"a","confidence":1,"box":[-1,0,10,9.5]},{"text":"b","confidence":0,"box":[20,0,201.5,10]}],
                "lines":[{"first_word":0,"word_count":1,"baseline":[0,8,10,9.4]},{"first_word":1,"word_count":1,"block":1,"paragraph":1,"box":[15,0,200,12]}]}"#,
        )
        .unwrap();
        assert_eq!(answer.words[0].bounds, [0, 0, 10, 10], "rounding is cut at the edge");
        assert_eq!(answer.lines[0].baseline, [0, 8, 10, 9]);
        assert_eq!((answer.lines[1].bounds, answer.lines[1].block), ([15, 0, 200, 12], 1));
    }

    #[test]
    fn whatever_is_wrong_is_refused_without_repeating_it() {
        let one_word = |word: &str| format!(r#"{{"protocol":1,"words":[{word}]}}"#);
        let with_line =
            |line: &str| format!(r#"{{"protocol":1,"words":[{{"text":"a","confidence":1,"box":[0,0,9,9]}}],"lines":[{line}]}}"#);
        let cases = [
            ("not json secret".to_owned(), "not the JSON"),
            ("[]".to_owned(), "not the JSON"),
            (r#"{"words":[]}"#.to_owned(), "not the JSON"),
            (r#"{"protocol":2,"words":[]}"#.to_owned(), "version 2"),
            (one_word(r#"{"text":"a","confidence":1,"box":[0,0,9,900]}"#), "a place is at 900"),
            (one_word(r#"{"text":"a","confidence":1,"box":[0,0,1e308,9]}"#), "a place is at"),
            (one_word(r#"{"text":"a","confidence":1,"box":[9,0,1,9]}"#), "the box"),
            (one_word(r#"{"text":"a","confidence":1.5,"box":[0,0,9,9]}"#), "the confidence"),
            (one_word(r#"{"text":"","confidence":1,"box":[0,0,9,9]}"#), "bytes of text"),
            (one_word(r#"{"text":"secret\u0000","confidence":1,"box":[0,0,9,9]}"#), "control characters"),
            (with_line(r#"{"first_word":0,"word_count":2}"#), "not there"),
            (with_line(r#"{"first_word":4294967295,"word_count":4294967295}"#), "not there"),
            (with_line(r#"{"first_word":0,"word_count":1,"baseline":[0,1e300,9,9]}"#), "the baseline"),
            (with_line(""), "cover 0 of 1"),
        ];
        for (json, word) in cases {
            let verdict = read_text(&json).unwrap_err();
            assert!(verdict.contains(word) && !verdict.contains("secret"), "{json}: {verdict}");
        }
        assert_eq!(read_text(r#"{"protocol":1,"words":[]}"#).unwrap(), Recognised::default());
    }
}
