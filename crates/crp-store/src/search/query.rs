//! What somebody looks for: words, "quoted words in a row", and the beginning of the last word. Every text is a valid question.

use super::words::words;

/// Longest text of a question, in bytes.
pub const MAX_QUERY_BYTES: usize = 512;
/// Most words of a question.
pub const MAX_QUERY_WORDS: usize = 32;
/// The beginning of a word is looked for from so many characters on; a shorter one would be nearly every word.
const MIN_PREFIX_CHARACTERS: usize = 2;

/// What is looked for; all of it has to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    pub(crate) terms: Vec<Term>,
}

/// Words in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// The words, folded; at least one.
    pub(crate) words: Vec<String>,
    /// Whether the last word is only the beginning of one.
    pub(crate) is_prefix: bool,
}

/// A question that is longer than [`MAX_QUERY_BYTES`] or has more words than [`MAX_QUERY_WORDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a search takes up to {MAX_QUERY_BYTES} bytes and {MAX_QUERY_WORDS} words")]
pub struct QueryTooLong;

impl SearchQuery {
    /// Reads what somebody typed; `None` when there is no word in it. What is joined by signs (`4711-B`) has to stand in a row.
    ///
    /// # Errors
    /// [`QueryTooLong`].
    pub fn parse(text: &str) -> Result<Option<SearchQuery>, QueryTooLong> {
        if text.len() > MAX_QUERY_BYTES {
            return Err(QueryTooLong);
        }
        let mut terms: Vec<Term> = Vec::new();
        let pieces: Vec<&str> = text.split(is_quote).collect();
        for (at, piece) in pieces.iter().enumerate() {
            let is_quoted = at % 2 == 1;
            // The last piece is still being typed, also behind a quote that is not closed.
            let is_last = at + 1 == pieces.len();
            let rows: Vec<&str> = if is_quoted { vec![piece] } else { piece.split_whitespace().collect() };
            for row in rows {
                terms.extend(term(row));
            }
            if let Some(last) = terms.last_mut().filter(|_| is_last && words(piece).next().is_some()) {
                last.is_prefix = last.words.last().is_some_and(|word| word.chars().count() >= MIN_PREFIX_CHARACTERS);
            }
        }
        if terms.iter().map(|term| term.words.len()).sum::<usize>() > MAX_QUERY_WORDS {
            return Err(QueryTooLong);
        }
        Ok((!terms.is_empty()).then_some(SearchQuery { terms }))
    }

    /// The question for SQLite's FTS5. Words are letters and digits (see `words.rs`), so nothing can break out of the quotes.
    pub(crate) fn fts5(&self, organization: &str) -> String {
        let terms: Vec<String> = self.terms.iter().map(Term::fts5).collect();
        format!("organization : \"{organization}\" AND {{about words}} : ({})", terms.join(" AND "))
    }

    /// The question for PostgreSQL, as the text of a `tsquery`.
    pub(crate) fn tsquery(&self, organization: &str) -> String {
        let terms = self.terms.iter().map(Term::tsquery);
        terms.fold(format!("'{organization}'"), |all, term| format!("{all} & {term}"))
    }
}

impl Term {
    fn fts5(&self) -> String {
        format!("\"{}\"{}", self.words.join(" "), if self.is_prefix { " *" } else { "" })
    }

    fn tsquery(&self) -> String {
        let words: Vec<String> = self.words.iter().map(|word| format!("'{word}'")).collect();
        format!("({}{})", words.join(" <-> "), if self.is_prefix { ":*" } else { "" })
    }
}

fn term(row: &str) -> Option<Term> {
    let words: Vec<String> = words(row).map(|word| word.folded).collect();
    (!words.is_empty()).then_some(Term { words, is_prefix: false })
}

/// Straight quotes, and those that telephones put in their place.
fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, bool)> {
        let query = SearchQuery::parse(text).unwrap();
        query.map_or(Vec::new(), |query| query.terms.into_iter().map(|term| (term.words.join(" "), term.is_prefix)).collect())
    }

    fn told(terms: &[(&str, bool)]) -> Vec<(String, bool)> {
        terms.iter().map(|(words, is_prefix)| ((*words).to_owned(), *is_prefix)).collect()
    }

    #[test]
    fn words_phrases_and_the_beginning_of_the_last_word_are_told_apart() {
        assert_eq!(parsed("Rechnung mül"), told(&[("rechnung", false), ("mul", true)]));
        assert_eq!(parsed("\"offene Rechnung\""), told(&[("offene rechnung", false)]));
        assert_eq!(parsed("\"offene Rech"), told(&[("offene rech", true)]));
        assert_eq!(parsed("„offene Rechnung“ 4711-B"), told(&[("offene rechnung", false), ("4711 b", false)]));
        assert_eq!(parsed("2026-03"), told(&[("2026 03", true)]));
        assert_eq!(parsed("a"), told(&[("a", false)]), "nearly every word begins so");
        assert_eq!(parsed(" \"\" -- ' "), []);
    }

    #[test]
    fn what_is_syntax_elsewhere_is_only_words_here() {
        assert_eq!(parsed("NEAR(a b, 2) OR NOT *"), told(&[("near a", false), ("b", false), ("2", false), ("or", false), ("not", true)]));
        let query = SearchQuery::parse("a:* 'b' | !c \\ d & <-> \"e\0f").unwrap().unwrap();
        assert_eq!(query.tsquery("@o"), "'@o' & ('a') & ('b') & ('c') & ('d') & ('e' <-> 'f')");
        assert_eq!(query.fts5("o"), "organization : \"o\" AND {about words} : (\"a\" AND \"b\" AND \"c\" AND \"d\" AND \"e f\")");
    }

    #[test]
    fn a_question_has_a_limit() {
        assert_eq!(SearchQuery::parse(&"a ".repeat(33)), Err(QueryTooLong));
        assert_eq!(SearchQuery::parse(&"a".repeat(513)), Err(QueryTooLong));
        assert!(SearchQuery::parse(&"a ".repeat(32)).is_ok());
    }
}
