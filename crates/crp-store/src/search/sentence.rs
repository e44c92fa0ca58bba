//! What is shown of a page that was found: the sentence around the words, in pieces of which some are what was looked for.

use std::ops::Range;

use super::{
    query::{SearchQuery, Term},
    words::{Word, words},
};

/// Most bytes of a page that are looked through for the sentence.
const MAX_PAGE_BYTES: usize = 400_000;
/// Longest sentence that is shown, in bytes; a longer one is cut around the hit.
const MAX_SENTENCE_BYTES: usize = 280;
/// Bytes of a cut sentence that stand before the hit.
const BYTES_BEFORE: usize = 100;
/// Places of a page among which the best is chosen.
const MAX_PLACES: usize = 200;

/// Where words were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The page.
    pub page: u32,
    /// The sentence, piece by piece. It is text and only text.
    pub parts: Vec<HitPart>,
}

/// A piece of the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HitPart {
    /// Its text.
    pub text: String,
    /// Whether it is what was looked for.
    pub is_match: bool,
}

/// A page's best place.
pub(super) struct Found {
    /// How many of the terms stand on the page.
    pub(super) terms: usize,
    /// The sentence.
    pub(super) parts: Vec<HitPart>,
}

/// One place where a term stands, in bytes of the page.
struct Match {
    term: usize,
    place: Range<usize>,
}

/// The best place of a page; `None` when none of the terms stands on it.
pub(super) fn best_place(content: &str, query: &SearchQuery) -> Option<Found> {
    let content = &content[..content.floor_char_boundary(MAX_PAGE_BYTES)];
    let matches = matches(content, query);
    let mut best: Option<(usize, Range<usize>, &Match)> = None;
    let mut looked_up_to = 0;
    for hit in matches.iter().take(MAX_PLACES) {
        if best.is_some() && hit.place.start < looked_up_to {
            continue;
        }
        let sentence = sentence_around(content, &hit.place);
        looked_up_to = sentence.end;
        let terms = distinct(&matches, &sentence);
        if best.as_ref().is_none_or(|(most, ..)| terms > *most) {
            best = Some((terms, sentence, hit));
        }
    }
    let (_, sentence, hit) = best?;
    let sentence = cut(content, sentence, &hit.place);
    Some(Found { terms: distinct(&matches, &(0..content.len())), parts: pieces(content, &sentence, &matches) })
}

fn matches(content: &str, query: &SearchQuery) -> Vec<Match> {
    let words: Vec<Word> = words(content).collect();
    let mut found = Vec::new();
    for at in 0..words.len() {
        for (term, looked_for) in query.terms.iter().enumerate() {
            if stands_at(&words[at..], looked_for) {
                let last = &words[at + looked_for.words.len() - 1];
                found.push(Match { term, place: words[at].place.start..last.place.end });
            }
        }
    }
    found
}

fn stands_at(words: &[Word], term: &Term) -> bool {
    let last = term.words.len() - 1;
    words.len() > last
        && term.words.iter().zip(words).enumerate().all(|(at, (looked_for, word))| {
            if at == last && term.is_prefix { word.folded.starts_with(looked_for) } else { word.folded == *looked_for }
        })
}

/// How many different terms begin within these bytes. Terms are few.
fn distinct(matches: &[Match], range: &Range<usize>) -> usize {
    let from = matches.partition_point(|m| m.place.start < range.start);
    let mut seen: Vec<usize> = Vec::new();
    for found in matches[from..].iter().take_while(|m| m.place.start < range.end) {
        if !seen.contains(&found.term) {
            seen.push(found.term);
        }
    }
    seen.len()
}

/// From the end of the sentence before to the end of this one.
fn sentence_around(content: &str, hit: &Range<usize>) -> Range<usize> {
    let start = (0..=hit.start).rev().find(|at| *at == 0 || content.is_char_boundary(*at) && ends_before(content, *at)).unwrap_or(0);
    let end = (hit.end..=content.len()).find(|at| *at == content.len() || content.is_char_boundary(*at) && ends_before(content, *at));
    start..end.unwrap_or(content.len())
}

/// Whether a sentence ends right before this place: behind its full stop, or at an empty line. "Nr." and "Dr." end none.
fn ends_before(content: &str, at: usize) -> bool {
    let (before, after) = content.split_at(at);
    if before.ends_with("\n\n") || before.ends_with(['。', '！', '？']) {
        return true;
    }
    let Some(sentence) = before.strip_suffix(['.', '!', '?']) else { return false };
    let last_word = sentence.chars().rev().take_while(|c| c.is_alphanumeric()).take(3).count();
    after.starts_with(char::is_whitespace) && last_word != 1 && last_word != 2
}

/// The sentence without blanks around it, cut around the hit when it is too long.
fn cut(content: &str, sentence: Range<usize>, hit: &Range<usize>) -> Range<usize> {
    let mut range = sentence;
    if range.len() > MAX_SENTENCE_BYTES {
        range.start = content.ceil_char_boundary(range.start.max(hit.start.saturating_sub(BYTES_BEFORE)));
        range.end = content.floor_char_boundary(range.end.min(range.start + MAX_SENTENCE_BYTES)).max(hit.end.min(range.end));
    }
    let text = &content[range.clone()];
    let (from, to) = (text.len() - text.trim_start().len(), text.trim_end().len());
    range.start + from..range.start + to.max(from)
}

/// The sentence in pieces, on one line.
fn pieces(content: &str, sentence: &Range<usize>, matches: &[Match]) -> Vec<HitPart> {
    let mut parts: Vec<HitPart> = Vec::new();
    let mut at = sentence.start;
    let mut push = |from: usize, to: usize, is_match: bool| {
        let text = one_line(content.get(from..to).unwrap_or_default());
        match parts.last_mut() {
            _ if text.is_empty() => {}
            Some(last) if last.is_match == is_match => last.text.push_str(&text),
            _ => parts.push(HitPart { text, is_match }),
        }
    };
    for Match { place, .. } in matches {
        let (from, to) = (place.start.max(at), place.end.min(sentence.end));
        if from < to {
            push(at, from, false);
            push(from, to, true);
            at = to;
        }
    }
    push(at, sentence.end, false);
    parts
}

/// The text with one blank for each run of blanks and ends of lines.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if !c.is_whitespace() {
            line.push(c);
        } else if !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(content: &str, query: &str) -> Option<String> {
        let query = SearchQuery::parse(query).unwrap().unwrap();
        let parts = best_place(content, &query)?.parts;
        Some(parts.iter().map(|part| if part.is_match { format!("[{}]", part.text) } else { part.text.clone() }).collect())
    }

    #[test]
    fn the_sentence_around_the_words_is_shown_with_the_words_marked() {
        let page = "Guten Tag.\n\nDie offene Rechnung Nr. 4711 von Dr. Müller\nist fällig. Bitte zahlen.\n";
        assert_eq!(shown(page, "muller"), Some("Die offene Rechnung Nr. 4711 von Dr. [Müller] ist fällig.".to_owned()));
        assert_eq!(shown(page, "\"offene rechnung\" fäl"), Some("Die [offene Rechnung] Nr. 4711 von Dr. Müller ist [fällig].".to_owned()));
        assert_eq!(shown(page, "zahlen tag"), Some("Guten [Tag].".to_owned()));
        assert_eq!(shown(page, "missing"), None);
        assert_eq!(shown("請求書です。支払いは三十日以内。", "支払"), Some("[支払]いは三十日以内。".to_owned()));
    }

    #[test]
    fn a_sentence_without_end_is_cut_around_the_hit_and_markup_is_only_text() {
        let long = format!("{} <b>needle</b> {}", "straw ".repeat(500), "hay ".repeat(500));
        let shown = shown(&long, "needle").unwrap();
        assert!(shown.len() < MAX_SENTENCE_BYTES + 20 && shown.contains("<b>[needle]</b>"), "{shown}");
    }

    #[test]
    fn the_place_with_the_most_words_of_the_question_wins() {
        let page = "Only red here.\n\nAnd red and green.\n";
        assert_eq!(shown(page, "red green"), Some("And [red] and [green].".to_owned()));
    }
}
