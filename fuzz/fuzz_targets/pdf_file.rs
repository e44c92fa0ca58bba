//! Fuzzes the way of a PDF from opening to its text layer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crp_ocr::fuzzing::run("pdf_file", data));
