#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| transhume_imap::fuzzing::exchanges(bytes));
