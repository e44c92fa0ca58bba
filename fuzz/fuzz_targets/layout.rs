//! Fuzzes the layout and its conversion into other formats.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crp_model::fuzzing::run("layout", data));
