//! What fuzzing calls: this crate's readers with any bytes, and what must hold whatever the bytes are. No part of normal builds.
//!
//! A target is deterministic, reads no file and ends soon. `fuzz/` runs the targets for as long as one likes; a test of each crate
//! runs them over their seeds and over some thousand changed copies of them.

mod layout;
mod mutation;
mod pipeline_file;

pub use self::mutation::{Mutator, rehearse};

/// Something that reads bytes of strangers.
#[derive(Debug)]
pub struct Target {
    /// Its name: that of the fuzz target and of its corpus.
    pub name: &'static str,
    /// Reads the bytes; panics where something does not hold that must.
    pub run: fn(&[u8]),
    /// Where to start from: small inputs of every kind.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// The targets of this crate.
pub const TARGETS: &[Target] = &[
    Target { name: "layout", run: layout::run, seeds: layout::seeds },
    Target { name: "pipeline_file", run: pipeline_file::run, seeds: pipeline_file::seeds },
];

/// Reads `data` with the target of this crate that is called `name`.
///
/// # Panics
/// If there is none of that name, and where something does not hold that must.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this crate");
    (target.run)(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_read_the_same_however_they_are_cut_and_written_well_formed() {
        rehearse(&TARGETS[0], 3000);
    }

    #[test]
    fn any_text_is_a_pipeline_or_told_why_not() {
        rehearse(&TARGETS[1], 1500);
    }
}
