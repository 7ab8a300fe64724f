#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| transhume_model::fuzzing::csv(bytes));
