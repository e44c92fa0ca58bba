//! What every engine has to do, whatever it is made of; each engine's tests run these checks on it.

use std::{fs::File, io::Write as _};

use crp_model::{Limits, MediaType, PageNo};

use super::{Engine, GrayPicture, Recognised, RecognisedLine, RecognisedWord, Segmentation};
use crate::{document::OpenDocument, reading::PagePicture};

/// The words of the picture with text, in reading order.
pub(crate) const WORDS: [&str; 9] = ["The", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog"];

/// Pixels that a picture borrows.
#[derive(Clone)]
struct Pixels {
    width: u32,
    height: u32,
    gray: Vec<u8>,
}

impl Pixels {
    fn plain(width: u32, height: u32, gray: u8) -> Self {
        Self { width, height, gray: vec![gray; width as usize * height as usize] }
    }

    /// A drawn page with [`WORDS`] on two lines.
    fn with_text() -> Self {
        let content = "BT /F1 24 Tf 30 TL 30 100 Td\n(The quick brown fox) Tj T*\n(jumps over the lazy dog) Tj\nET";
        let objects = [
            "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
            "<< /Type /Pages /Count 1 /Kids [4 0 R] >>".to_owned(),
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 360 160] /Resources << /Font << /F1 3 0 R >> >> /Contents 5 0 R >>".to_owned(),
            format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        ];
        let mut pdf = String::from("%PDF-1.4\n");
        let mut offsets = String::new();
        for (at, object) in objects.iter().enumerate() {
            offsets += &format!("{:010} 00000 n \n", pdf.len());
            pdf += &format!("{} 0 obj\n{object}\nendobj\n", at + 1);
        }
        let table = pdf.len();
        pdf += &format!("xref\n0 6\n0000000000 65535 f \n{offsets}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n");
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(pdf.as_bytes()).unwrap();
        let document = OpenDocument::open(File::open(file.path()).unwrap(), MediaType::Pdf, &Limits::default()).unwrap();
        let drawn = document.render_gray(PageNo::from_index(0)).unwrap();
        let PagePicture { width, height, gray, .. } = drawn.picture;
        Self { width, height, gray }
    }

    fn inverted(mut self) -> Self {
        self.gray.iter_mut().for_each(|pixel| *pixel = u8::MAX - *pixel);
        self
    }

    fn picture(&self) -> GrayPicture<'_> {
        GrayPicture { width: self.width, height: self.height, gray: &self.gray, dots_per_inch: 300, page: PageNo::from_index(6) }
    }
}

/// Runs every check; `reads` says whether these are the words of the picture with text, as far as the engine can read.
///
/// # Errors
/// The first check that the engine does not pass.
pub(crate) fn check(engine: &mut dyn Engine, reads: &dyn Fn(&[&str]) -> bool) -> Result<(), String> {
    let text = Pixels::with_text();
    empty_pictures_have_no_words(engine)?;
    let first = text_is_read(engine, &text, reads)?;
    odd_pictures_end_in_an_answer(engine, &text)?;
    a_failure_leaves_it_usable(engine, &text)?;
    let again = answer(engine, &text, "the same picture again")?;
    if again == first { Ok(()) } else { Err("the same picture gives another answer".to_owned()) }
}

fn empty_pictures_have_no_words(engine: &mut dyn Engine) -> Result<(), String> {
    for (what, blank) in [("white", Pixels::plain(1700, 1100, 255)), ("gray", Pixels::plain(1700, 1100, 200))] {
        let found = answer(engine, &blank, what)?;
        if !found.words.is_empty() {
            return Err(format!("an empty {what} picture has {} words", found.words.len()));
        }
    }
    Ok(())
}

fn text_is_read(engine: &mut dyn Engine, text: &Pixels, reads: &dyn Fn(&[&str]) -> bool) -> Result<Recognised, String> {
    let found = answer(engine, text, "text")?;
    let words: Vec<&str> = found.words.iter().map(|word| word.text.as_str()).collect();
    if !reads(&words) {
        return Err(format!("the text is read as {words:?}"));
    }
    if found.lines.len() != 2 {
        return Err(format!("two lines are read as {}", found.lines.len()));
    }
    if found.lines[0].bounds[3] > found.lines[1].bounds[1] + 20 {
        return Err("the lines are not in the order of reading".to_owned());
    }
    for line in &found.lines {
        let words = &found.words[line.first_word as usize..(line.first_word + line.word_count) as usize];
        if !words.is_sorted_by_key(|word| word.bounds[0]) {
            return Err("the words of a line are not in the order of reading".to_owned());
        }
        let (middle, foot) = ((line.bounds[1] + line.bounds[3]) / 2, line.bounds[3] + 3);
        if !(middle..=foot).contains(&line.baseline[1]) || !(middle..=foot).contains(&line.baseline[3]) {
            return Err(format!("a line at {:?} has the baseline {:?}", line.bounds, line.baseline));
        }
    }
    Ok(found)
}

/// Whatever the picture is, there is an answer that can be true, or a failure.
fn odd_pictures_end_in_an_answer(engine: &mut dyn Engine, text: &Pixels) -> Result<(), String> {
    let odd = [
        ("one white pixel", Pixels::plain(1, 1, 255)),
        ("one black pixel", Pixels::plain(1, 1, 0)),
        ("a very wide picture", Pixels::plain(6000, 3, 255)),
        ("a very tall picture", Pixels::plain(3, 6000, 255)),
        ("a black picture", Pixels::plain(300, 300, 0)),
        ("an inverted picture", text.clone().inverted()),
    ];
    for (what, pixels) in odd {
        if let Ok(found) = engine.recognise(&pixels.picture(), Segmentation::SingleBlock) {
            found.check(&pixels.picture()).map_err(|wrong| format!("{what}: {wrong}"))?;
        }
    }
    Ok(())
}

fn a_failure_leaves_it_usable(engine: &mut dyn Engine, text: &Pixels) -> Result<(), String> {
    let torn = GrayPicture { gray: &text.gray[..text.gray.len() / 2], ..text.picture() };
    if engine.recognise(&torn, Segmentation::Automatic).is_ok() {
        return Err("half a picture is read as if it were whole".to_owned());
    }
    answer(engine, text, "a picture after a failure").map(drop)
}

/// An answer that has to be there and to be possible.
fn answer(engine: &mut dyn Engine, pixels: &Pixels, what: &str) -> Result<Recognised, String> {
    let found = engine.recognise(&pixels.picture(), Segmentation::Automatic).map_err(|failure| format!("{what}: {failure}"))?;
    found.check(&pixels.picture()).map_err(|wrong| format!("{what}: {wrong}"))?;
    Ok(found)
}

/// Engines that do one thing wrong each: the checks are worth something only if they notice.
mod faults {
    use crp_model::{Code, Failure, labels::EngineKind};

    use super::*;

    /// Knows the picture with text by its ink, and reads it; `wrong` then spoils what it answers.
    struct Faulty {
        calls: u32,
        failed: bool,
        wrong: fn(&mut Self, &GrayPicture<'_>, &mut Recognised),
    }

    impl Engine for Faulty {
        fn kind(&self) -> EngineKind {
            EngineKind::Tesseract
        }

        fn recognise(&mut self, picture: &GrayPicture<'_>, _: Segmentation) -> Result<Recognised, Failure> {
            self.calls += 1;
            if picture.gray.len() != (picture.width * picture.height) as usize {
                self.failed = true;
                return Err(Failure::new(Code::PageFailed, "half a picture"));
            }
            let has_text = picture.gray.contains(&0) && picture.gray.contains(&255);
            let mut found = if has_text { truth() } else { Recognised::default() };
            (self.wrong)(self, picture, &mut found);
            Ok(found)
        }
    }

    fn truth() -> Recognised {
        let word = |(at, text): (usize, &&str)| {
            let (row, column) = if at < 4 { (0, at as i32) } else { (1, at as i32 - 4) };
            let (left, top) = (100 + 200 * column, 100 + 120 * row);
            RecognisedWord { text: (*text).to_owned(), confidence: 0.9, bounds: [left, top, left + 150, top + 80] }
        };
        let line = |first_word: u32, word_count: u32, top: i32| RecognisedLine {
            first_word,
            word_count,
            bounds: [100, top, 1100, top + 80],
            baseline: [100, top + 70, 1100, top + 70],
            ..RecognisedLine::default()
        };
        Recognised { words: WORDS.iter().enumerate().map(word).collect(), lines: vec![line(0, 4, 100), line(4, 5, 220)] }
    }

    fn verdict(wrong: fn(&mut Faulty, &GrayPicture<'_>, &mut Recognised)) -> Result<(), String> {
        check(&mut Faulty { calls: 0, failed: false, wrong }, &|words| words == WORDS)
    }

    #[test]
    fn an_engine_without_fault_passes() {
        verdict(|_, _, _| ()).unwrap();
    }

    #[test]
    fn every_fault_of_an_engine_is_noticed() {
        type Fault = (&'static str, fn(&mut Faulty, &GrayPicture<'_>, &mut Recognised));
        let faults: [Fault; 10] = [
            ("an empty", |_, _, found| *found = truth()),
            ("control characters", |_, _, found| found.words.iter_mut().for_each(|w| w.text.push('\u{1b}'))),
            ("the box", |_, _, found| found.words.iter_mut().for_each(|w| w.bounds[2] = 1_000_000)),
            ("the confidence", |_, _, found| found.words.iter_mut().for_each(|w| w.confidence = 95.0)),
            ("is read as", |_, _, found| *found = Recognised::default()),
            ("the baseline", |_, _, found| found.lines.iter_mut().for_each(|l| l.baseline = [100, 100, 1100, 100])),
            ("order of reading", |_, _, found| {
                found.words.iter_mut().for_each(|w| w.bounds = [1100 - w.bounds[0], 100, 1101 - w.bounds[0], 180])
            }),
            ("another answer", |engine, _, found| found.words.iter_mut().for_each(|w| w.confidence = 1.0 / engine.calls as f32)),
            ("one white pixel", |_, picture, found| {
                if picture.width == 1 {
                    *found = truth();
                }
            }),
            ("after a failure", |engine, _, found| {
                if engine.failed {
                    found.lines.clear();
                    found.words = truth().words;
                }
            }),
        ];
        for (name, fault) in faults {
            let verdict = verdict(fault);
            assert!(verdict.as_ref().is_err_and(|told| told.contains(name)), "{name}: {verdict:?}");
        }
    }
}
