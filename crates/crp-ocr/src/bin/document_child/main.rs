//! The process that reads documents, for the tests of this crate: the product's child, and beside it children that misbehave.
//! For the benchmark also one that only recognises.

mod attacks;
mod faults;
mod liar;
mod lower_bound;
mod parent;

use std::process::ExitCode;

/// Which misbehaviour is wanted; unset for none.
const FAULT: &str = "CRP_FAULT";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((first, rest)) = arguments.split_first()
        && first == lower_bound::ARGUMENT
    {
        return lower_bound::run(rest);
    }
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
