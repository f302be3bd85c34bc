//! Fuzzes private and public keys in PEM, and signatures in hex.

#![no_main]

use marquee_model::{SigningKey, VerifyingKey};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = SigningKey::from_pem(text) {
        assert!(key.verifying_key().accepts(b"manifest", &key.sign(b"manifest")));
        assert!(!key.verifying_key().accepts(b"manifest", text));
    }
    if let Ok(key) = VerifyingKey::from_pem(text) {
        let again = VerifyingKey::from_pem(&key.to_pem().expect("a key that was read is written"));
        assert_eq!(again.expect("what was written is read"), key);
    }
});
