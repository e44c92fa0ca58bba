//! The process that reads documents, for the tests of this crate: the product's child, and beside it children that misbehave.

mod attacks;
mod faults;
mod liar;
mod parent;

use std::process::ExitCode;

/// Which misbehaviour is wanted; unset for none.
const FAULT: &str = "CRP_FAULT";

fn main() -> ExitCode {
    let fault = std::env::var(FAULT).unwrap_or_default();
    match fault.as_str() {
        "" => crp_ocr::child_main(),
        "attack" => crp_ocr::child_main_with(attacks::from_inside),
        "parent" => parent::with_a_busy_child(),
        "attack_without_sandbox" => attacks::without_sandbox(),
        _ => match (faults::named(&fault), liar::named(&fault)) {
            (Some(hook), _) => crp_ocr::child_main_with(hook),
            (None, Some(lie)) => liar::serve(lie),
            (None, None) => {
                eprintln!("there is no fault called {fault}");
                ExitCode::FAILURE
            }
        },
    }
}
