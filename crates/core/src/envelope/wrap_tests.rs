//! Tests of raw AES wrapping.
#![allow(clippy::unwrap_used)]

use super::*;

fn context(object: &str) -> EncryptionContext {
    EncryptionContext::new([("object", object)]).unwrap()
}

fn homer(name: &str, byte: u8) -> WrappingKey {
    WrappingKey::new("hospitalA", name, &[byte; 32]).unwrap()
}

fn is_wrong_key(result: &Result<DataKey, EnvelopeError>, why: &str) -> bool {
    matches!(result, Err(EnvelopeError::WrongKey { why: text }) if text.contains(why))
}

#[test]
fn wraps_in_48_bytes_and_unwraps() {
    let edk = homer("HomerKey", 7).wrap(&DataKey::from([9; 32]), &context("a"), [3; 12]).unwrap();
    assert_eq!(edk.provider_id, "hospitalA");
    assert_eq!(
        edk.provider_info,
        b"HomerKey\0\0\0\x80\0\0\0\x0c\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03"
    );
    assert_eq!(edk.ciphertext.len(), 48);
    let key = homer("HomerKey", 7).unwrap(&[edk], &context("a")).unwrap();
    assert_eq!(key.as_bytes(), &[9; 32]);
}

#[test]
fn picks_the_edk_that_names_it_and_tries_each() {
    let data_key = DataKey::from([9; 32]);
    let edks = [
        homer("Other", 1).wrap(&data_key, &context("a"), [1; 12]).unwrap(),
        homer("HomerKey", 2).wrap(&data_key, &context("a"), [2; 12]).unwrap(),
        homer("HomerKey", 7).wrap(&data_key, &context("a"), [3; 12]).unwrap(),
    ];
    let key = homer("HomerKey", 7).unwrap(&edks, &context("a")).unwrap();
    assert_eq!(key.as_bytes(), &[9; 32]);
}

#[test]
fn refuses_another_key_name_context_or_shape() {
    let data_key = DataKey::from([9; 32]);
    let edk = homer("HomerKey", 7).wrap(&data_key, &context("a"), [3; 12]).unwrap();
    let edks = [edk.clone()];
    let unwrap = |key: &WrappingKey, edks: &[_]| key.unwrap(edks, &context("a"));
    assert!(is_wrong_key(&unwrap(&homer("HomerKey", 8), &edks), "does not unwrap"));
    assert!(is_wrong_key(&unwrap(&homer("Homer", 7), &edks), "names hospitalA/Homer"));
    assert!(is_wrong_key(&unwrap(&homer("HomerKey", 7), &[]), "none of its 0"));
    let other_place = homer("HomerKey", 7).unwrap(&edks, &context("b"));
    assert!(is_wrong_key(&other_place, "does not unwrap"));
    for len in [0, 15, 47] {
        let mut short = edk.clone();
        short.ciphertext.truncate(len);
        assert!(is_wrong_key(&unwrap(&homer("HomerKey", 7), &[short]), "does not unwrap"));
    }
    let mut long = edk;
    long.ciphertext.push(0);
    assert!(is_wrong_key(&unwrap(&homer("HomerKey", 7), &[long]), "does not unwrap"));
}

#[test]
fn refuses_names_of_kms_and_unusable_names() {
    let long = "x".repeat(1025);
    for (namespace, name) in [
        ("aws-kms", "k"),
        ("aws-kms-hierarchy", "k"),
        ("", "k"),
        ("n", ""),
        ("n", "ä"),
        ("n", &long),
    ] {
        let error = WrappingKey::new(namespace, name, &[0; 32]).unwrap_err();
        assert!(matches!(error, EnvelopeError::BadKeyName { .. }));
    }
}

#[test]
fn debug_shows_names_only() {
    assert_eq!(format!("{:?}", homer("HomerKey", 7)), "WrappingKey(hospitalA/HomerKey, redacted)");
}
