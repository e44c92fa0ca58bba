//! Reads a page of metrics in the text format 0.0.4.

use std::collections::BTreeMap;

/// One scrape: every series with its value, and the type of every family.
#[derive(Clone, Debug, Default)]
pub struct Scrape {
    /// Families and their types.
    pub families: BTreeMap<String, String>,
    /// Series in canonical form (`name{a="1",b="2"}`, labels sorted) and their values.
    pub series: BTreeMap<String, f64>,
    /// The page as it was served.
    pub text: String,
}

impl Scrape {
    /// Reads a page.
    ///
    /// # Panics
    /// At a line that is neither a comment nor a sample.
    pub fn parse(text: &str) -> Self {
        let mut scrape = Self { text: text.to_owned(), ..Self::default() };
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("no type in {line:?}"));
                scrape.families.insert(name.to_owned(), kind.to_owned());
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value in {line:?}"));
                let value = if value == "+Inf" { f64::INFINITY } else { value.parse().unwrap_or_else(|_| panic!("no number in {line:?}")) };
                let before = scrape.series.insert(canonical(series), value);
                assert!(before.is_none(), "the series {series} is there twice");
            }
        }
        scrape
    }

    /// The value of a series.
    ///
    /// # Panics
    /// If there is no such series: all exist from the start.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let mut labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
        labels.sort();
        let series = if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) };
        *self.series.get(&series).unwrap_or_else(|| panic!("there is no series {series}"))
    }

    /// Every series of a family, its buckets, counts and sums included.
    pub fn of_family(&self, name: &str) -> Vec<(&str, f64)> {
        let all = self.series.iter().map(|(series, value)| (series.as_str(), *value));
        all.filter(|(series, _)| {
            let own = series.split('{').next().unwrap_or(series);
            own == name || own.strip_prefix(name).is_some_and(|rest| ["_bucket", "_count", "_sum"].contains(&rest))
        })
        .collect()
    }

    /// The sum over every series of a family without buckets.
    pub fn sum(&self, name: &str) -> f64 {
        self.of_family(name).iter().map(|(_, value)| value).sum()
    }
}

fn canonical(series: &str) -> String {
    let Some((name, labels)) = series.split_once('{') else { return series.to_owned() };
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("the labels of {series:?} have no end"));
    let mut found = Vec::new();
    let mut rest = labels;
    while let Some((key, after)) = rest.split_once("=\"") {
        let mut end = 0;
        let bytes = after.as_bytes();
        while bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        found.push(format!("{key}=\"{}\"", &after[..end]));
        rest = after[end + 1..].trim_start_matches(',');
    }
    found.sort();
    format!("{name}{{{}}}", found.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_found_whatever_the_order_of_their_labels() {
        let page = "# HELP a_total x\n# TYPE a_total counter\na_total{z=\"1\",b=\"x,\\\"y\"} 3\na_total{z=\"2\",b=\"q\"} 1\nplain 0.5\nh_bucket{le=\"+Inf\"} 2\n";
        let scrape = Scrape::parse(page);
        assert_eq!(scrape.value("a_total", &[("b", "q"), ("z", "2")]), 1.0);
        assert_eq!(scrape.value("a_total", &[("z", "1"), ("b", "x,\\\"y")]), 3.0);
        assert_eq!(scrape.sum("a_total"), 4.0);
        assert_eq!(scrape.value("plain", &[]), 0.5);
        assert_eq!(scrape.of_family("h").len(), 1);
        assert_eq!(scrape.families["a_total"], "counter");
    }
}
