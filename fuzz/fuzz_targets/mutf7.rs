#![no_main]

use transhume_model::mail::mutf7;

// Whatever can be decoded is encoded to something that decodes to the same, in ASCII; and any name comes back.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for name in [mutf7::decode(bytes), String::from_utf8(bytes.to_vec()).ok()].into_iter().flatten() {
        let encoded = mutf7::encode(&name);
        assert!(encoded.is_ascii());
        assert_eq!(mutf7::decode(encoded.as_bytes()), Some(name));
    }
});
