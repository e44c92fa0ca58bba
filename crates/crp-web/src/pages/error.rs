//! A refusal as a page.

use axum::response::Html;

use super::html::{escape, page};
use crate::{frame::answer::RequestId, problem::Problem};

pub(crate) fn error_page(problem: &Problem, id: RequestId) -> Html<String> {
    let main = format!(
        "<p class=\"alert\" role=\"alert\">{}.</p>\n<p>{}</p>\n<p class=\"soft\">Code {}, request {}</p>\n<p><a href=\"/\">Back to the start</a></p>",
        escape(problem.detail.trim_end_matches('.')),
        escape(&problem.remedy),
        escape(problem.code),
        id.0
    );
    page(problem.title.trim_end_matches('.'), &main)
}
