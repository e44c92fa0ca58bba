//! Pages of lists, most of them newest first.

use std::{fmt, str::FromStr};

use uuid::Uuid;

/// Where a list goes on: opaque to clients, the last id of the page before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub(crate) Uuid);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl FromStr for Cursor {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, C = Cursor> {
    /// The rows, in the list's order.
    pub items: Vec<T>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<C>,
}

/// Most rows of one page of a list.
pub(crate) const MAX_ROWS: u32 = 200;

/// A number of rows between 1 and [`MAX_ROWS`].
pub(crate) fn clamp(limit: u32) -> u32 {
    limit.clamp(1, MAX_ROWS)
}

/// The id before which a page begins.
pub(crate) fn before(cursor: Option<Cursor>) -> Uuid {
    cursor.map_or(Uuid::max(), |cursor| cursor.0)
}

/// A page of rows that were asked for with one more than the limit.
pub(crate) fn page<T>(mut items: Vec<T>, limit: u32, id: impl Fn(&T) -> Uuid) -> Page<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = if more { items.last().map(|last| Cursor(id(last))) } else { None };
    Page { items, next }
}

/// A part of a list that goes by number, such as the pages of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedPage<T> {
    /// The rows, in order.
    pub items: Vec<T>,
    /// The number after which the list goes on; `None` at its end.
    pub next: Option<u64>,
}

/// A part of rows that were asked for with one more than the limit. `number` gets the rows up to and with one, and that one.
pub(crate) fn numbered<T>(mut items: Vec<T>, limit: u32, number: impl Fn(u64, &T) -> u64) -> NumberedPage<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = if more { items.last().map(|last| number(items.len() as u64, last)) } else { None };
    NumberedPage { items, next }
}
