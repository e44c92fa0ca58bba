//! What a receipt says, line by line and in four fields, and which of the fields stand in the text that was read.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::score::round;

/// The number of values in front of the text of a line: four corners of a box.
const COORDINATES: usize = 8;

/// The share of receipts in whose text each field's value was found, blanks aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FieldShares {
    /// Who sold it.
    pub(crate) company: f64,
    /// When.
    pub(crate) date: f64,
    /// For how much.
    pub(crate) total: f64,
    /// Where.
    pub(crate) address: f64,
}

/// What a receipt really says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Fields {
    company: Option<String>,
    date: Option<String>,
    total: Option<String>,
    address: Option<String>,
}

/// The text of the receipt's lines, from `x1,y1,…,x4,y4,text` per line.
pub(crate) fn lines(csv: &str) -> String {
    let text_of = |line: &'_ str| Some(line.splitn(COORDINATES + 1, ',').nth(COORDINATES)?.trim_end_matches('\r').to_owned());
    csv.lines().filter_map(text_of).collect::<Vec<_>>().join("\n")
}

/// Reads the fields of a receipt.
pub(crate) fn fields(file: &Path) -> Result<Fields> {
    let json = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let value: Value = serde_json::from_slice(&json).with_context(|| file.display().to_string())?;
    serde_json::from_value(value).with_context(|| file.display().to_string())
}

/// How many receipts show each field, each given as its fields and the text that was read.
pub(crate) fn found<'a>(receipts: impl IntoIterator<Item = (&'a Fields, &'a str)>) -> FieldShares {
    let (mut count, mut hits) = (0usize, [0usize; 4]);
    for (fields, text) in receipts {
        count += 1;
        let text = squeezed(text);
        let shown = |value: &Option<String>| value.as_ref().is_some_and(|value| text.contains(&squeezed(value)));
        for (hit, value) in hits.iter_mut().zip([&fields.company, &fields.date, &fields.total, &fields.address]) {
            *hit += usize::from(shown(value));
        }
    }
    let [company, date, total, address] = hits.map(|hit| round(hit as f64 / count.max(1) as f64, 3));
    FieldShares { company, date, total, address }
}

/// Lower case and without any blank.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(company: &str, total: &str) -> Fields {
        Fields { company: Some(company.to_owned()), total: Some(total.to_owned()), ..Fields::default() }
    }

    #[test]
    fn a_line_keeps_the_commas_of_its_text_and_one_without_text_is_none() {
        let csv = "1,2,3,4,5,6,7,8,TEA, 2 CUPS\r\n1,2,3,4,5,6,7,8,TOTAL: 9.00\n1,2,3\n\n";
        assert_eq!(lines(csv), "TEA, 2 CUPS\nTOTAL: 9.00");
    }

    #[test]
    fn a_field_is_found_whatever_its_case_and_blanks_and_only_when_it_is_whole() {
        let (one, other) = (receipt("Tea House", "9.00"), receipt("Other Ltd", "12.50"));
        let shares = found([(&one, "TEA\nHOUSE\ntotal 9 .00"), (&other, "Other Lt\n12.50")]);
        assert_eq!(shares, FieldShares { company: 0.5, date: 0.0, total: 1.0, address: 0.0 });
    }
}
