//! Fuzzes how old invisible text is cut out of content streams.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crp_ocr::fuzzing::run("old_layer", data));
