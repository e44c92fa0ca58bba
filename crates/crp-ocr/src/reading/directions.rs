//! Pages that were laid into the scanner the wrong way round: found by measuring and reading, not by asking.
//!
//! Measured on scans: words of a page that stands on its head are read as rubbish with a mean confidence of 0.40, those of an
//! upright one with 0.95. A page that lies on its side shows in how its letters line up; which side it is, reading tells.

use std::time::{Duration, Instant};

use crp_model::Failure;

use super::{
    picture::{PagePicture, QuarterTurns},
    prepare::Prepared,
};
use crate::engine::Recognised;

/// A page that is read less surely than this may lie the wrong way.
const DOUBTFUL: f32 = 0.6;
/// So much surer must another way be than the page as displayed; two readings of a bad scan differ by less.
const CLEARLY_BETTER: f32 = 0.15;
/// Fewer words are no proof: a speck may look like a letter.
const MIN_WORDS: usize = 3;
/// A page that took longer is not read again: its limit of time is for one reading. It is long, or a busy machine would read
/// pages on their side that a quiet one turns.
const MAX_FIRST_READING: Duration = Duration::from_secs(50);

/// A way in which a page may lie.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    AsDisplayed,
    OnItsHead,
    OnItsSide(QuarterTurns),
}

/// Reads the page in the direction in which it can be read; gives the picture that was read, which knows where its pixels lie.
///
/// # Errors
/// What `recognise` fails with.
pub(super) fn read(
    picture: PagePicture,
    recognise: &mut dyn FnMut(&Prepared) -> Result<Recognised, Failure>,
) -> Result<(Recognised, PagePicture), Failure> {
    let began = Instant::now();
    // Only a page that may have to be turned keeps its first picture; most never do.
    let upright = Prepared::of(picture);
    let mut best: Option<(Direction, Recognised, PagePicture)> = None;
    for direction in order(&upright) {
        if began.elapsed() > MAX_FIRST_READING && best.is_some() {
            break;
        }
        let turned = match direction {
            Direction::AsDisplayed => None,
            Direction::OnItsHead => Some(upright.on_its_head()),
            Direction::OnItsSide(turns) => Some(Prepared::of(upright.picture.turned(turns))),
        };
        let read = recognise(turned.as_ref().unwrap_or(&upright))?;
        let is_sure = !is_doubtful(&read);
        let is_better = best.as_ref().is_none_or(|(known, before, _)| is_better(&read, direction, before, *known));
        if is_better {
            let picture = turned.map_or_else(|| upright.picture.clone(), |turned| turned.picture);
            best = Some((direction, read, picture));
        }
        if is_sure {
            break;
        }
    }
    let (_, read, picture) = best.unwrap_or((Direction::AsDisplayed, Recognised::default(), upright.picture));
    Ok((read, picture))
}

/// Where to look first. Too little text to be measured may lie any way.
fn order(upright: &Prepared) -> Vec<Direction> {
    let sides = [Direction::OnItsSide(QuarterTurns::One), Direction::OnItsSide(QuarterTurns::Three)];
    let ends = [Direction::AsDisplayed, Direction::OnItsHead];
    if upright.may_lie_on_its_side {
        [sides, ends].concat()
    } else if upright.is_measured {
        ends.to_vec()
    } else {
        [ends, sides].concat()
    }
}

fn is_doubtful(read: &Recognised) -> bool {
    read.mean_confidence().is_some_and(|confidence| confidence < DOUBTFUL)
}

fn is_better(one: &Recognised, direction: Direction, other: &Recognised, known: Direction) -> bool {
    let sure = |read: &Recognised| read.mean_confidence().unwrap_or(0.0);
    let (margin, enough) = match (direction, known) {
        (Direction::AsDisplayed, _) => (-CLEARLY_BETTER, true),
        (_, Direction::AsDisplayed) => (CLEARLY_BETTER, one.words.len() >= MIN_WORDS),
        _ => (0.0, one.words.len() >= MIN_WORDS),
    };
    enough && sure(one) > sure(other) + margin
}

#[cfg(test)]
mod tests {
    use hayro::kurbo::Affine;

    use super::*;
    use crate::engine::RecognisedWord;

    fn answer(confidence: f32, words: usize) -> Recognised {
        let word = RecognisedWord { text: "word".to_owned(), confidence, bounds: [0, 0, 1, 1] };
        Recognised { words: vec![word; words], lines: Vec::new() }
    }

    /// Reads a picture with a dark mark in its upper left corner; the answer depends on the corner in which the engine sees it.
    fn read_marked(sure_with_mark_at: [bool; 2], words: usize) -> (f32, PagePicture, u32) {
        let (width, height) = (90u32, 60u32);
        let mut gray = vec![255u8; 5400];
        (0..10).for_each(|y| gray[y * 90..y * 90 + 10].fill(0));
        let picture = PagePicture { width, height, gray, to_points: Affine::IDENTITY };
        let mut readings = 0;
        let (read, picture) = read(picture, &mut |prepared| {
            readings += 1;
            let p = &prepared.picture;
            let at = |x: u32, y: u32| p.gray[(y * p.width + x) as usize] < 128;
            let right = at(p.width - 2, 1) || at(p.width - 2, p.height - 2);
            let low = at(1, p.height - 2) || at(p.width - 2, p.height - 2);
            Ok(if [right, low] == sure_with_mark_at { answer(0.95, words) } else { answer(0.4, 5) })
        })
        .unwrap();
        (read.mean_confidence().unwrap(), picture, readings)
    }

    #[test]
    fn a_page_is_read_in_the_one_direction_in_which_its_words_are_sure() {
        assert_eq!(read_marked([false, false], 5).2, 1, "upright: once");
        let (sure, picture, _) = read_marked([true, true], 5);
        assert_eq!((sure, picture.to_points.as_coeffs()), (0.95, [-1.0, 0.0, 0.0, -1.0, 90.0, 60.0]), "on its head");
        let (sure, picture, _) = read_marked([true, false], 5);
        assert_eq!((sure, picture.width, picture.to_points.as_coeffs()), (0.95, 60, [0.0, -1.0, 1.0, 0.0, 0.0, 60.0]), "on its side");
        let (sure, picture, _) = read_marked([false, true], 5);
        assert_eq!((sure, picture.width, picture.to_points.as_coeffs()), (0.95, 60, [0.0, 1.0, -1.0, 0.0, 90.0, 0.0]), "on the other");
    }

    #[test]
    fn a_speck_that_looks_like_a_letter_turns_no_page() {
        let (sure, picture, _) = read_marked([true, true], 2);
        assert_eq!((sure, picture.to_points), (0.4, Affine::IDENTITY));
    }
}
