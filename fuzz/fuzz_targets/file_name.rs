#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| transhume_maildir::fuzzing::file_name(bytes));
