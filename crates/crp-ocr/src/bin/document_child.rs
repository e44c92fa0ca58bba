//! The process that reads documents, for the tests of this crate: the product's child, and beside it children that misbehave.

use std::process::ExitCode;

fn main() -> ExitCode {
    crp_ocr::child_main()
}
