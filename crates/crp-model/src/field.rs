//! Field: a value with page, box, confidence and the rule that found it.

use serde::{Deserialize, Serialize};

use crate::{BoundingBox, PageNo};

/// An extracted value and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The field's name in the pipeline.
    pub name: String,
    /// The value as it stands on the page.
    pub value: String,
    /// The page it stands on.
    pub page: PageNo,
    /// The box around its words.
    #[serde(rename = "box")]
    pub bounds: BoundingBox,
    /// The least confidence of its words, 0 … 1: a chain is as strong as its weakest link.
    #[serde(serialize_with = "crate::layout::write_confidence")]
    pub confidence: f32,
    /// The pattern that found it.
    pub rule: String,
}
