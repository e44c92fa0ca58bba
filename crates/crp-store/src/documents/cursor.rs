//! Where a list of documents goes on: the order, the last document's key in it, and its id. Opaque to clients.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use super::{DocumentRow, DocumentSort};

/// Where a list of documents goes on. It belongs to the order that made it.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentCursor {
    /// The order.
    pub sort: DocumentSort,
    pub(crate) key: SortKey,
    pub(crate) id: Uuid,
}

/// What the last document is sorted by, before its id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SortKey {
    /// The id alone.
    None,
    /// A day or a size.
    Number(i64),
    /// A folded title.
    Text(String),
    /// The weight of a found document.
    Weight(f64),
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor of a list of documents")]
pub struct NotACursor;

impl DocumentCursor {
    /// The place behind this document. `weight` is what it was found with, when the list is by relevance.
    pub(super) fn behind(sort: DocumentSort, document: &DocumentRow, sort_title: &str, day: i64, weight: Option<f64>) -> Self {
        let key = match sort {
            DocumentSort::Newest | DocumentSort::Oldest => SortKey::None,
            DocumentSort::Title | DocumentSort::TitleDescending => SortKey::Text(sort_title.to_owned()),
            DocumentSort::Date | DocumentSort::DateDescending => SortKey::Number(day),
            DocumentSort::Largest => SortKey::Number(i64::try_from(document.size_bytes).unwrap_or(i64::MAX)),
            DocumentSort::Relevance => SortKey::Weight(weight.unwrap_or_default()),
        };
        Self { sort, key, id: document.id.0 }
    }
}

impl fmt::Display for DocumentCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.sort.as_str().replace('-', "~"))?;
        match &self.key {
            SortKey::None => {}
            SortKey::Number(number) => write!(f, "{number}")?,
            SortKey::Text(text) => text.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))?,
            SortKey::Weight(weight) => write!(f, "{:016x}", weight.to_bits())?,
        }
        write!(f, ".{}", self.id.simple())
    }
}

impl FromStr for DocumentCursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let mut pieces = text.split('.');
        let (Some(sort), Some(key), Some(id), None) = (pieces.next(), pieces.next(), pieces.next(), pieces.next()) else {
            return Err(NotACursor);
        };
        let sort = DocumentSort::parse(&sort.replace('~', "-")).ok_or(NotACursor)?;
        let key = match sort {
            DocumentSort::Newest | DocumentSort::Oldest if key.is_empty() => SortKey::None,
            DocumentSort::Newest | DocumentSort::Oldest => return Err(NotACursor),
            DocumentSort::Title | DocumentSort::TitleDescending => SortKey::Text(from_hex(key).ok_or(NotACursor)?),
            DocumentSort::Date | DocumentSort::DateDescending | DocumentSort::Largest => {
                SortKey::Number(key.parse().map_err(|_| NotACursor)?)
            }
            DocumentSort::Relevance => {
                let weight = f64::from_bits(u64::from_str_radix(key, 16).map_err(|_| NotACursor)?);
                if !weight.is_finite() {
                    return Err(NotACursor);
                }
                SortKey::Weight(weight)
            }
        };
        Ok(Self { sort, key, id: id.parse().map_err(|_| NotACursor)? })
    }
}

fn from_hex(text: &str) -> Option<String> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let pairs = digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    String::from_utf8(pairs.collect::<Option<Vec<u8>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_survives_its_text_and_no_text_is_a_panic(title in any::<String>(), number in any::<i64>(), text in any::<String>()) {
            let keys = [
                (DocumentSort::Newest, SortKey::None),
                (DocumentSort::TitleDescending, SortKey::Text(title)),
                (DocumentSort::Date, SortKey::Number(number)),
                (DocumentSort::Relevance, SortKey::Weight(-1.5)),
            ];
            for (sort, key) in keys {
                let cursor = DocumentCursor { sort, key, id: Uuid::from_u128(7) };
                prop_assert_eq!(cursor.to_string().parse::<DocumentCursor>(), Ok(cursor));
            }
            let _ = text.parse::<DocumentCursor>();
        }
    }
}
