//! Tells cargo when the web app's files change what this crate holds.
//!
//! A debug build reads them while it runs and needs to know only that they are there; a release holds them inside.

use std::path::Path;

fn main() {
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let is_built = Path::new("../../ui/dist/index.html").exists();
    println!("cargo::rerun-if-changed=build.rs");
    match (is_built, is_release) {
        // Whatever makes the folder changes the one above it.
        (false, _) => println!("cargo::rerun-if-changed=../../ui"),
        (true, true) => println!("cargo::rerun-if-changed=../../ui/dist"),
        (true, false) => {}
    }
}
