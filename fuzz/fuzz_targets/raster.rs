//! Fuzzes pictures, and what is read of them without a decoder.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crp_ocr::fuzzing::run("raster", data));
