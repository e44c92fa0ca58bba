//! Fuzzes what parent and child say to each other, and what the parent believes of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crp_ocr::fuzzing::run("protocol", data));
