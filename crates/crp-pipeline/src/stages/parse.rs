//! The parse stage: regular expressions become fields with page, box, confidence and the rule that found them.

use crp_model::{
    BoundingBox, Code, Failure, Field, PageLayout,
    pipeline::{FieldRule, ParseStage, compile_pattern},
};
use regex::{Captures, Match, Regex};

/// Most fields that one document yields; a pattern that finds more is too wide to be meant.
pub const MAX_FIELDS_PER_DOCUMENT: usize = 100_000;

/// A parse stage at work: pages go in, in order, fields come out.
#[derive(Debug)]
pub struct Parser {
    rules: Vec<Rule>,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Rule {
    rule: FieldRule,
    regex: Regex,
    is_found: bool,
}

impl Parser {
    /// Compiles the stage's patterns.
    ///
    /// # Errors
    /// `invalid_pipeline` for a pattern that is not usable; a saved pipeline has none.
    pub fn new(stage: &ParseStage) -> Result<Self, Failure> {
        let rules = stage.fields.iter().map(|rule| match compile_pattern(&rule.pattern) {
            Ok(regex) => Ok(Rule { rule: rule.clone(), regex, is_found: false }),
            Err(what) => Err(Failure::new(Code::InvalidPipeline, format!("The pattern of \"{}\" is not usable: {what}", rule.name))),
        });
        Ok(Self { rules: rules.collect::<Result<_, _>>()?, fields: Vec::new() })
    }

    /// Looks at one page.
    ///
    /// # Errors
    /// `pattern_limit` when the patterns find more than [`MAX_FIELDS_PER_DOCUMENT`].
    pub fn page(&mut self, page: &PageLayout) -> Result<(), Failure> {
        let text = PlacedText::of(page);
        for rule in &mut self.rules {
            if rule.is_found && !rule.rule.all {
                continue;
            }
            let wanted = if rule.rule.all { usize::MAX } else { 1 };
            for captures in rule.regex.captures_iter(&text.text).take(wanted) {
                let Some(value) = value_of(&captures) else { continue };
                if self.fields.len() >= MAX_FIELDS_PER_DOCUMENT {
                    let message =
                        format!("The pattern of \"{}\" and its companions find more than {MAX_FIELDS_PER_DOCUMENT} fields", rule.rule.name);
                    return Err(Failure::new(Code::PatternLimit, message));
                }
                if let Some(field) = text.field(page, rule, value) {
                    rule.is_found = true;
                    self.fields.push(field);
                }
            }
        }
        Ok(())
    }

    /// The fields, in the order of pages and rules.
    pub fn finish(self) -> Vec<Field> {
        self.fields
    }
}

/// The group `value`, else the first group, else the whole match; an empty value is no value.
fn value_of<'t>(captures: &Captures<'t>) -> Option<Match<'t>> {
    captures.name("value").or_else(|| captures.get(1)).or_else(|| captures.get(0)).filter(|m| !m.is_empty())
}

/// A page's text, and which word stands at which byte.
struct PlacedText {
    text: String,
    /// Start and end byte of each word of the page, in order.
    words: Vec<(usize, usize)>,
}

impl PlacedText {
    fn of(page: &PageLayout) -> Self {
        let (mut text, mut words) = (String::new(), Vec::with_capacity(page.words.len()));
        for line in &page.lines {
            for (at, word) in page.words_of(line).iter().enumerate() {
                if at > 0 {
                    text.push(' ');
                }
                let start = text.len();
                text.push_str(&word.text);
                words.push((start, text.len()));
            }
            text.push('\n');
        }
        Self { text, words }
    }

    fn field(&self, page: &PageLayout, rule: &Rule, value: Match<'_>) -> Option<Field> {
        let first = self.words.partition_point(|(_, end)| *end <= value.start());
        let touched = self.words[first..].iter().take_while(|(start, _)| *start < value.end()).count();
        let words = page.words.get(first..first + touched).filter(|w| !w.is_empty())?;
        let bounds = words.iter().map(|w| w.bounds).reduce(BoundingBox::union)?;
        let confidence = words.iter().map(|w| w.confidence).fold(1.0, f32::min);
        Some(Field {
            name: rule.rule.name.clone(),
            value: value.as_str().to_owned(),
            page: page.page,
            bounds,
            confidence,
            rule: rule.rule.pattern.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crp_model::{Line, PageNo, TextSource, Word};

    use super::*;

    /// A page with one line per text line; each character is 10 points wide, each line 20 high.
    fn page(number: u32, text: &str) -> PageLayout {
        let (mut words, mut lines) = (Vec::new(), Vec::new());
        for (row, line) in text.lines().enumerate() {
            let first_word = words.len() as u32;
            let mut column = 0;
            for word in line.split(' ') {
                let (x0, y0) = (column as f32 * 10.0, row as f32 * 20.0);
                let bounds = BoundingBox { x0, y0, x1: x0 + word.len() as f32 * 10.0, y1: y0 + 20.0 };
                words.push(Word { text: word.to_owned(), confidence: 0.9 - words.len() as f32 / 100.0, bounds });
                column += word.len() + 1;
            }
            let word_count = words.len() as u32 - first_word;
            let bounds = words[first_word as usize..].iter().map(|w| w.bounds).reduce(BoundingBox::union).unwrap();
            lines.push(Line {
                first_word,
                word_count,
                block: 0,
                paragraph: 0,
                bounds,
                baseline: [bounds.x0, bounds.y1, bounds.x1, bounds.y1],
            });
        }
        let page = PageNo::new(number).unwrap();
        PageLayout { page, width: 600.0, height: 800.0, rotation: 0, pixels: None, source: TextSource::Ocr, words, lines }
    }

    fn parse(rules: &[(&str, &str, bool)], pages: &[PageLayout]) -> Vec<Field> {
        let fields =
            rules.iter().map(|(name, pattern, all)| FieldRule { name: (*name).into(), pattern: (*pattern).into(), all: *all }).collect();
        let mut parser = Parser::new(&ParseStage { fields }).unwrap();
        pages.iter().for_each(|p| parser.page(p).unwrap());
        parser.finish()
    }

    #[test]
    fn a_field_carries_value_page_box_confidence_and_rule() {
        let fields = parse(&[("number", r"Invoice No\. (\S+)", false)], &[page(1, "hello"), page(2, "To you\nInvoice No. A-17 of May")]);
        assert_eq!(fields.len(), 1);
        let field = &fields[0];
        assert_eq!((field.value.as_str(), field.page.get(), field.rule.as_str()), ("A-17", 2, r"Invoice No\. (\S+)"));
        assert_eq!(<[f64; 4]>::from(field.bounds), [120.0, 20.0, 160.0, 40.0]);
        assert!((field.confidence - 0.86).abs() < 1e-6);
    }

    #[test]
    fn a_value_over_two_words_has_the_box_around_both_and_the_lesser_confidence() {
        let fields = parse(&[("name", r"(?P<value>Ada Lovelace)", false)], &[page(1, "by Ada Lovelace")]);
        assert_eq!(<[f64; 4]>::from(fields[0].bounds), [30.0, 0.0, 150.0, 20.0]);
        assert!((fields[0].confidence - 0.88).abs() < 1e-6);
    }

    #[test]
    fn numbers_read_the_same_in_every_file() {
        let fields = parse(&[("a", r"a\d", false)], &[page(1, "a1")]);
        let json = serde_json::json!({ "fields": fields }).to_string();
        assert!(json.contains("\"confidence\":0.9,") && !json.contains("0.89999"), "{json}");
    }

    #[test]
    fn one_value_is_the_first_in_the_document_and_all_is_all() {
        let pages = [page(1, "a1 a2"), page(2, "a3")];
        let values = |all| parse(&[("a", r"a\d", all)], &pages).into_iter().map(|f| f.value).collect::<Vec<_>>();
        assert_eq!(values(false), ["a1"]);
        assert_eq!(values(true), ["a1", "a2", "a3"]);
    }

    #[test]
    fn the_settings_of_the_pipeline_are_really_applied() {
        assert!(parse(&[("x", r"zzz", true)], &[page(1, "a b c")]).is_empty());
    }

    #[test]
    fn letters_beyond_ascii_keep_their_words() {
        let fields = parse(&[("stadt", r"Ort: (\S+)", false)], &[page(1, "Ort: Köln-Mülheim")]);
        assert_eq!(fields[0].value, "Köln-Mülheim");
    }
}
