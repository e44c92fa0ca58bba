//! Fuzzes the pipeline file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crp_model::fuzzing::run("pipeline_file", data));
