//! What every engine's answer has to be, whoever it is from: the same rules for a library, a server and a test.

use super::{GrayPicture, Recognised, RecognisedLine, RecognisedWord};

/// Most words of one picture; a page of the smallest print has some ten thousand.
pub(crate) const MAX_WORDS: usize = 200_000;
/// Longest word in bytes; scripts without blanks make words as long as a line.
pub(crate) const MAX_WORD_BYTES: usize = 4096;

impl Recognised {
    /// Checks it against the picture that it was read from.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(crate) fn check(&self, picture: &GrayPicture<'_>) -> Result<(), String> {
        if self.words.len() > MAX_WORDS {
            return Err(format!("it has {} words", self.words.len()));
        }
        let size = [i64::from(picture.width), i64::from(picture.height)];
        self.words.iter().enumerate().try_for_each(|(at, word)| check_word(word, at, size))?;
        let mut next = 0usize;
        let mut before: Option<&RecognisedLine> = None;
        for (at, line) in self.lines.iter().enumerate() {
            if line.first_word as usize != next || line.word_count == 0 {
                return Err(format!("line {at} does not begin where the one before ends"));
            }
            next += line.word_count as usize;
            check_box(line.bounds, size).map_err(|what| format!("line {at} {what}"))?;
            check_baseline(line.baseline, size).map_err(|what| format!("line {at} {what}"))?;
            if before.map_or((0, 0), |b| (b.block, b.paragraph)) > (line.block, line.paragraph) {
                return Err(format!("line {at} goes back to an earlier block or paragraph"));
            }
            before = Some(line);
        }
        if next != self.words.len() {
            return Err(format!("its lines cover {next} of {} words", self.words.len()));
        }
        Ok(())
    }
}

fn check_word(word: &RecognisedWord, at: usize, size: [i64; 2]) -> Result<(), String> {
    if word.text.trim().is_empty() || word.text.len() > MAX_WORD_BYTES {
        return Err(format!("word {at} has {} bytes of text", word.text.len()));
    }
    if word.text.chars().any(char::is_control) {
        return Err(format!("word {at} has control characters"));
    }
    if !(0.0..=1.0).contains(&word.confidence) {
        return Err(format!("word {at} has the confidence {}", word.confidence));
    }
    check_box(word.bounds, size).map_err(|what| format!("word {at} {what}"))
}

fn check_box(bounds: [i32; 4], [width, height]: [i64; 2]) -> Result<(), String> {
    let [left, top, right, bottom] = bounds.map(i64::from);
    if left < 0 || top < 0 || right > width || bottom > height || left > right || top > bottom {
        return Err(format!("has the box {bounds:?} in a picture of {width} × {height} pixels"));
    }
    Ok(())
}

fn check_baseline(baseline: [i32; 4], size: [i64; 2]) -> Result<(), String> {
    if is_near(baseline, size) {
        return Ok(());
    }
    let [width, height] = size;
    Err(format!("has the baseline {baseline:?} in a picture of {width} × {height} pixels"))
}

/// Whether a baseline can be one of this picture: as a line fitted through the words it may leave it, but not go far.
pub(crate) fn is_near(baseline: [i32; 4], [width, height]: [i64; 2]) -> bool {
    let near = |at: i32, side: i64| (-side..=2 * side).contains(&i64::from(at));
    let [x0, y0, x1, y1] = baseline;
    near(x0, width) && near(x1, width) && near(y0, height) && near(y1, height)
}

#[cfg(test)]
mod tests {
    use crp_model::PageNo;

    use super::*;

    fn picture() -> GrayPicture<'static> {
        GrayPicture { width: 100, height: 50, gray: &[255; 5000], dots_per_inch: 300, page: PageNo::from_index(0) }
    }

    fn two_lines() -> Recognised {
        let word = |text: &str, y: i32| RecognisedWord { text: text.to_owned(), confidence: 0.5, bounds: [10, y, 40, y + 10] };
        let line = |first_word: u32, y: i32| RecognisedLine {
            first_word,
            word_count: 1,
            block: 0,
            paragraph: first_word,
            bounds: [10, y, 40, y + 10],
            baseline: [10, y + 9, 40, y + 9],
        };
        Recognised { words: vec![word("one", 5), word("two", 25)], lines: vec![line(0, 5), line(1, 25)] }
    }

    #[test]
    fn an_honest_answer_passes() {
        two_lines().check(&picture()).unwrap();
        Recognised::default().check(&picture()).unwrap();
    }

    #[test]
    fn each_lie_is_named() {
        type Lie = (&'static str, fn(&mut Recognised));
        let lies: [Lie; 14] = [
            ("bytes of text", |r| r.words[0].text = " ".to_owned()),
            ("bytes of text", |r| r.words[0].text = "x".repeat(MAX_WORD_BYTES + 1)),
            ("control characters", |r| r.words[1].text = "a\u{1b}b".to_owned()),
            ("confidence", |r| r.words[1].confidence = f32::NAN),
            ("confidence", |r| r.words[1].confidence = 1.01),
            ("the box", |r| r.words[0].bounds = [-1, 0, 5, 5]),
            ("the box", |r| r.words[0].bounds = [0, 0, 101, 5]),
            ("the box", |r| r.words[0].bounds = [9, 0, 5, 5]),
            ("the box", |r| r.lines[0].bounds = [0, 0, i32::MAX, i32::MAX]),
            ("the baseline", |r| r.lines[0].baseline = [0, i32::MIN, 0, 0]),
            ("does not begin", |r| r.lines[1].first_word = 0),
            ("does not begin", |r| r.lines[0].word_count = 0),
            ("cover 1 of 2", |r| r.lines.truncate(1)),
            ("goes back", |r| r.lines[0].block = 3),
        ];
        for (word, lie) in lies {
            let mut answer = two_lines();
            lie(&mut answer);
            let verdict = answer.check(&picture()).unwrap_err();
            assert!(verdict.contains(word), "{word}: {verdict}");
        }
    }
}
