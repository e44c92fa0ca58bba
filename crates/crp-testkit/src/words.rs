//! Compares recognised words with the true ones.

use std::collections::HashMap;

/// How well found words match the true ones, without regard to their order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Share of the true words that were found.
    pub recall: f64,
    /// Share of the found words that are true.
    pub precision: f64,
}

/// Compares two texts word by word. Case and punctuation do not count, repeated words do; a word that a line break divides is one,
/// as some readers join it and some do not.
pub fn score(truth: &str, found: &str) -> Score {
    let (truth, found) = (bag(truth), bag(found));
    let shared: usize = truth.iter().map(|(word, count)| *count.min(found.get(word).unwrap_or(&0))).sum();
    let share = |of: &HashMap<String, usize>| {
        let total: usize = of.values().sum();
        if total == 0 { 1.0 } else { shared as f64 / total as f64 }
    };
    Score { recall: share(&truth), precision: share(&found) }
}

fn bag(text: &str) -> HashMap<String, usize> {
    let mut bag = HashMap::new();
    let mut joined = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        // The hyphen at the end of the text divides nothing.
        let divided = line.trim_end().strip_suffix('-').filter(|_| lines.peek().is_some());
        joined.push_str(divided.unwrap_or(line));
    }
    for word in joined.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *bag.entry(word.to_lowercase()).or_insert(0) += 1;
    }
    bag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_invented_words_lower_different_figures() {
        let exact = Score { recall: 1.0, precision: 1.0 };
        assert_eq!(score("One two, two!", "two ONE two"), exact);
        assert_eq!(score("weath-\nered stone-", "weathered stone"), exact);
        assert_eq!(score("one two two", "one two"), Score { recall: 2.0 / 3.0, precision: 1.0 });
        assert_eq!(score("one", "one two"), Score { recall: 1.0, precision: 0.5 });
        assert_eq!(score("", ""), exact);
    }
}
