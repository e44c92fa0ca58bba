//! The stages. `ai` and `report` have their place here when they come; a plan with them is refused before it runs.

pub mod ocr;
pub mod parse;
