//! Tries the endpoint with a small picture of one word, for the operator: does it answer in time what the protocol says?

use std::time::Duration;

use crp_model::{Failure, PageNo};
use tokio::time::Instant;

use super::{HttpEngine, Picture, png};
use crate::engine::Segmentation;

/// The word on the picture.
const WORD: &str = "TEST";
/// Its letters, five columns by seven rows; the highest of five bits is the leftmost column.
const LETTERS: [[u8; 7]; 4] = [T, [31, 16, 16, 30, 16, 16, 31], [15, 16, 16, 14, 1, 1, 30], T];
const T: [u8; 7] = [31, 4, 4, 4, 4, 4, 4];
/// Pixels of a column or row of a letter; at 300 dpi the word is half an inch high.
const SCALE: usize = 12;
/// Columns of a letter with the gap behind it, and blank columns and rows around the word.
const PITCH: usize = 6;
const MARGIN: usize = 4;

/// What an engine behind HTTP did with a small picture.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpProbe {
    /// Its address.
    pub url: String,
    /// How long it took.
    pub took: Duration,
    /// Whether it read the word on the picture.
    pub read_the_word: bool,
}

impl HttpEngine {
    /// Sends a small picture, once, and checks the answer as that for a page is checked.
    ///
    /// # Errors
    /// As for a page, but told for the operator: where the engine is, what exactly is wrong, and what to do.
    pub async fn probe(&self) -> Result<HttpProbe, Failure> {
        let page = PageNo::from_index(0);
        let picture = picture(page);
        let headers = self.headers(&picture, &["eng".to_owned()])?;
        let (png, picture) = png::encode(picture).await?;
        let url = self.0.url.to_string();
        let began = Instant::now();
        match self.ask(&headers, png, &picture, began + self.0.patience).await {
            Ok(read) => {
                let read_the_word = read.words.iter().any(|word| word.text.eq_ignore_ascii_case(WORD));
                Ok(HttpProbe { url, took: began.elapsed(), read_the_word })
            }
            Err(refusal) => {
                let message = format!("{url}: {}", refusal.trouble.told());
                let failure = Failure::new(refusal.trouble.failure(page).code, message);
                Err(failure.with_remedy(refusal.trouble.operators_remedy()))
            }
        }
    }
}

fn picture(page: PageNo) -> Picture {
    let (columns, rows) = (LETTERS.len() * PITCH + 2 * MARGIN, 7 + 2 * MARGIN);
    let is_ink = |column: usize, row: usize| {
        let (Some(x), Some(y)) = (column.checked_sub(MARGIN), row.checked_sub(MARGIN)) else { return false };
        let bits = LETTERS.get(x / PITCH).and_then(|letter| letter.get(y)).copied().unwrap_or(0);
        bits << (x % PITCH) & 0b1_0000 != 0
    };
    let pixel = |at: usize| if is_ink(at % (columns * SCALE) / SCALE, at / (columns * SCALE) / SCALE) { 0 } else { 255 };
    let gray = (0..columns * SCALE * rows * SCALE).map(pixel).collect();
    let side = |cells: usize| u32::try_from(cells * SCALE).unwrap_or(u32::MAX);
    Picture { page, width: side(columns), height: side(rows), dots_per_inch: 300, segmentation: Segmentation::SingleBlock, gray }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine as _, GrayPicture, tesseract::TesseractEngine};

    #[test]
    fn the_word_on_the_picture_can_be_read() {
        let (mut engine, _) = match TesseractEngine::load(&["eng".to_owned()]) {
            Ok(loaded) => loaded,
            Err(failure) => return eprintln!("SKIPPED: {failure}"),
        };
        let Picture { page, width, height, dots_per_inch, segmentation, gray } = picture(PageNo::from_index(0));
        let read = engine.recognise(&GrayPicture { width, height, gray: &gray, dots_per_inch, page }, segmentation).unwrap();
        assert_eq!(read.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), [WORD]);
    }
}
