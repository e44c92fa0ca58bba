//! Fuzzes the text layer: any words on PDFs of our own.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crp_ocr::fuzzing::run("overlay", data));
