//! Lists in pages: a cursor says where the next page begins.

use crp_store::{Cursor, Page};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

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
    /// `next_cursor` of the page before; without it, the newest rows.
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

/// Cursor and limit of a page, checked.
pub(crate) fn check(cursor: Option<&str>, limit: Option<u32>) -> Result<(Option<Cursor>, u32), Problem> {
    let cursor = cursor.filter(|cursor| !cursor.is_empty()).map(str::parse).transpose();
    let cursor = cursor.map_err(|_| Problem::new(Refusal::InvalidRequest, "\"cursor\" is not one that a list gave"))?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::new(Refusal::InvalidRequest, format!("\"limit\" is {limit}; 1 to {MAX_LIMIT} are allowed")));
    }
    Ok((cursor, limit))
}

/// One page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PageOf<T> {
    /// The rows, newest first.
    pub(crate) items: Vec<T>,
    /// Give it as `cursor` to get the next page; null on the last page.
    pub(crate) next_cursor: Option<String>,
}

impl<T> PageOf<T> {
    /// A page of the store, each row as the API shows it.
    pub(crate) fn of<R>(page: Page<R>, show: impl FnMut(R) -> T) -> Self {
        Self { next_cursor: page.next.map(|cursor| cursor.to_string()), items: page.items.into_iter().map(show).collect() }
    }
}
