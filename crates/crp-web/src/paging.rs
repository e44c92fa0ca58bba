//! Lists in pages: a cursor says where the next page begins.

use std::str::FromStr;

use crp_store::{Cursor, NumberedPage, Page};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::problem::{Problem, Refusal};

/// Rows of one page when the caller does not say.
const DEFAULT_LIMIT: u32 = 50;
/// Most rows of one page.
pub(crate) const MAX_LIMIT: u32 = 200;

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// `next_cursor` of the page before; without it, the first page.
    pub(crate) cursor: Option<String>,
    /// Most rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(crate) limit: Option<u32>,
}

impl PageQuery {
    /// Cursor and limit, checked.
    pub(crate) fn check(&self) -> Result<(Option<Cursor>, u32), Problem> {
        check(self.cursor.as_deref(), self.limit)
    }
}

/// Cursor and limit of a page, checked. Each kind of list has its own kind of cursor.
pub(crate) fn check<C: FromStr>(cursor: Option<&str>, limit: Option<u32>) -> Result<(Option<C>, u32), Problem> {
    let cursor = cursor.filter(|cursor| !cursor.is_empty()).map(str::parse).transpose();
    let cursor = cursor.map_err(|_| unknown_cursor())?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::new(Refusal::InvalidRequest, format!("\"limit\" is {limit}; 1 to {MAX_LIMIT} are allowed")));
    }
    Ok((cursor, limit))
}

/// The number after which a part begins (0: at the start) and its limit, checked; for lists that go by number.
pub(crate) fn check_number(query: &PageQuery) -> Result<(u32, u32), Problem> {
    let (_, limit) = check::<Cursor>(None, query.limit)?;
    let after = query.cursor.as_deref().filter(|cursor| !cursor.is_empty()).map(str::parse).transpose();
    Ok((after.map_err(|_| unknown_cursor())?.unwrap_or(0), limit))
}

/// The cursor of the page that begins after the row with this id, as the store writes it.
pub(crate) fn cursor_of(id: Uuid) -> String {
    id.simple().to_string()
}

pub(crate) fn unknown_cursor() -> Problem {
    Problem::new(Refusal::InvalidRequest, "\"cursor\" is not one that this list gave, or its row is gone; begin again without it")
}

/// One page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PageOf<T> {
    /// The rows, in the list's order.
    pub(crate) items: Vec<T>,
    /// Give it as `cursor` to get the next page; null on the last page.
    pub(crate) next_cursor: Option<String>,
}

impl<T> PageOf<T> {
    /// A page of the store, each row as the API shows it.
    pub(crate) fn of<R, C: std::fmt::Display>(page: Page<R, C>, show: impl FnMut(R) -> T) -> Self {
        Self { next_cursor: page.next.map(|cursor| cursor.to_string()), items: page.items.into_iter().map(show).collect() }
    }

    /// A part of a list that goes by number, each row as the API shows it.
    pub(crate) fn numbered<R>(page: NumberedPage<R>, show: impl FnMut(R) -> T) -> Self {
        Self { next_cursor: page.next.map(|next| next.to_string()), items: page.items.into_iter().map(show).collect() }
    }

    /// A page out of a list that is short enough to be read as a whole. The cursor is the id of the last row before it.
    ///
    /// # Errors
    /// `invalid_request` for a limit out of range and a cursor that is no row's.
    pub(crate) fn cut(mut rows: Vec<T>, query: &PageQuery, id: impl Fn(&T) -> Uuid) -> Result<Self, Problem> {
        let (cursor, limit) = query.check()?;
        if let Some(cursor) = cursor.map(|cursor| cursor.to_string()) {
            let last = rows.iter().position(|row| cursor_of(id(row)) == cursor).ok_or_else(unknown_cursor)?;
            rows.drain(..=last);
        }
        let is_last = rows.len() <= limit as usize;
        rows.truncate(limit as usize);
        let next_cursor = if is_last { None } else { rows.last().map(|row| cursor_of(id(row))) };
        Ok(Self { items: rows, next_cursor })
    }
}
