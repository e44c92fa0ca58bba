//! Fuzzes the answers of an engine behind HTTP.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crp_ocr::fuzzing::run("http_answer", data));
