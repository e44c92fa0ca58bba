//! Recognition engines: what each of them takes and gives, and which there are. An engine sees pixels only; it knows no document.

mod check;
#[cfg(test)]
pub(crate) mod conformance;
pub(crate) mod remote;
pub(crate) mod tesseract;

use crp_model::{Code, Failure, PageNo, labels::EngineKind};
use serde::{Deserialize, Serialize};

pub(crate) use check::{MAX_WORD_BYTES, MAX_WORDS};
pub use tesseract::how_to_install_languages;

/// An engine: the picture of a page in, words with their places out.
///
/// Everything is in pixels of the given picture. The same picture gives the same answer. After a failure the engine can be used
/// for the next picture.
/// It is asked through [`recognise`], which checks what it answers.
pub(crate) trait Engine {
    /// Which one it is, for metrics, and because what is known of Tesseract does not hold for all.
    fn kind(&self) -> EngineKind;

    /// Recognises the text of a picture whose lines run from left to right, or nearly.
    ///
    /// # Errors
    /// `page_too_large`, `page_failed`; an engine behind a network also `engine_unavailable` and `engine_answer_invalid`.
    fn recognise(&mut self, picture: &GrayPicture<'_>, segmentation: Segmentation) -> Result<Recognised, Failure>;
}

/// Asks `engine` and believes nothing unchecked: this is how a picture is recognised outside of tests.
///
/// # Errors
/// As [`Engine::recognise`], and `engine_answer_invalid` for an answer that cannot be true.
pub(crate) fn recognise(engine: &mut dyn Engine, picture: &GrayPicture<'_>, segmentation: Segmentation) -> Result<Recognised, Failure> {
    let recognised = engine.recognise(picture, segmentation)?;
    recognised.check(picture).map_err(|what| {
        eprintln!("the engine's answer for page {}: {what}", picture.page);
        Failure::new(Code::EngineAnswerInvalid, format!("The engine's answer for page {} cannot be true: {what}", picture.page))
    })?;
    Ok(recognised)
}

/// A picture to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GrayPicture<'a> {
    /// Pixels per row; not 0.
    pub(crate) width: u32,
    /// Rows; not 0.
    pub(crate) height: u32,
    /// `width * height` bytes, rows from the top without gaps; 0 is black.
    pub(crate) gray: &'a [u8],
    /// Pixels per inch of the page; for Tesseract those at which its letters were ordinary print.
    pub(crate) dots_per_inch: u32,
    /// The page that it shows, for messages.
    pub(crate) page: PageNo,
}

/// How a picture is cut into blocks and lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Segmentation {
    /// The engine finds columns and blocks.
    Automatic,
    /// The picture is one block of lines.
    SingleBlock,
}

/// What an engine has read, in the order of reading.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recognised {
    /// The words.
    pub(crate) words: Vec<RecognisedWord>,
    /// The lines; they cover the words without gap.
    pub(crate) lines: Vec<RecognisedLine>,
}

impl Recognised {
    /// Mean confidence of the words, weighted by their length; `None` without words.
    pub(crate) fn mean_confidence(&self) -> Option<f32> {
        let (sum, weight) = self.words.iter().fold((0.0, 0.0), |(sum, weight), word| {
            let characters = word.text.chars().count() as f32;
            (sum + word.confidence * characters, weight + characters)
        });
        (weight > 0.0).then(|| sum / weight)
    }
}

/// A word and its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecognisedWord {
    /// Its characters, in the order of reading; never empty, no control characters.
    pub(crate) text: String,
    /// How sure the engine is, 0 … 1.
    pub(crate) confidence: f32,
    /// `[left, top, right, bottom]` in pixels.
    pub(crate) bounds: [i32; 4],
}

/// A run of words on one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecognisedLine {
    /// Index of its first word.
    pub(crate) first_word: u32,
    /// Number of its words; not 0.
    pub(crate) word_count: u32,
    /// Number of its block in the picture, from 0.
    pub(crate) block: u32,
    /// Number of its paragraph in the picture, from 0; it counts on from block to block.
    pub(crate) paragraph: u32,
    /// `[left, top, right, bottom]` in pixels.
    pub(crate) bounds: [i32; 4],
    /// Two points of the baseline, `[x0, y0, x1, y1]` in pixels, from the first word to the last.
    pub(crate) baseline: [i32; 4],
}
