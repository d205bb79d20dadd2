//! Tests of the encryption context.
#![allow(clippy::unwrap_used)]

use super::*;

fn refused<const N: usize>(pairs: [(&str, &str); N]) -> EnvelopeError {
    EncryptionContext::new(pairs).unwrap_err()
}

#[test]
fn is_sorted_by_bytes_and_comes_back() {
    let context = EncryptionContext::new([("object", "in.csv"), ("Z", ""), ("a", "1")]).unwrap();
    let bytes = context.serialize();
    assert_eq!(bytes, b"\0\x03\0\x01Z\0\0\0\x01a\0\x011\0\x06object\0\x06in.csv");
    assert_eq!(EncryptionContext::parse(&bytes).unwrap(), context);
    assert_eq!(context.iter().collect::<Vec<_>>(), [("Z", ""), ("a", "1"), ("object", "in.csv")]);
}

#[test]
fn none_at_all_is_no_bytes() {
    let none = EncryptionContext::new([] as [(&str, &str); 0]).unwrap();
    assert_eq!(none.serialize(), b"");
    assert_eq!(EncryptionContext::parse(b"").unwrap(), none);
}

#[test]
fn writing_refuses_what_other_clients_cannot_share() {
    assert_eq!(refused([("a", "1"), ("a", "2")]), bad("a name repeats"));
    assert_eq!(refused([("", "1")]), bad("a name is empty"));
    assert_eq!(refused([("ä", "1")]), bad("a name or value is not ASCII"));
    assert_eq!(refused([("a", "Ω")]), bad("a name or value is not ASCII"));
    let reserved = bad("a name has the reserved prefix `aws-crypto-`");
    assert_eq!(refused([("aws-crypto-public-key", "x")]), reserved);
}

#[test]
fn writing_refuses_more_than_a_length_can_say() {
    let long = "x".repeat(65_536);
    assert!(matches!(refused([("a", &long)]), EnvelopeError::TooLarge { .. }));
    let half = "x".repeat(40_000);
    assert_eq!(refused([("a", &half), ("b", &half)]), too_large());
}

#[test]
fn reading_takes_only_the_canonical_form() {
    let bad_forms: [(&[u8], &str); 7] = [
        (b"\0", "ends inside"),
        (b"\0\0", "count of 0 pairs"),
        (b"\0\x01\0\x01a\0\x02b", "ends inside"),
        (b"\0\x01\0\x01a\0\x01bc", "longer than"),
        (b"\0\x02\0\x01a\0\x01b\0\x01a\0\x01c", "unsorted"),
        (b"\0\x02\0\x01b\0\x01b\0\x01a\0\x01c", "unsorted"),
        (b"\0\x01\0\x01\xff\0\x01b", "not UTF-8"),
    ];
    for (bytes, why) in bad_forms {
        let text = EncryptionContext::parse(bytes).unwrap_err().to_string();
        assert!(text.contains(why), "{bytes:?}: {text}");
    }
    let reserved = b"\0\x01\0\x15aws-crypto-public-key\0\x01b";
    let error = EncryptionContext::parse(reserved).unwrap_err();
    assert!(matches!(error, EnvelopeError::BadContext { .. }));
}

#[test]
fn require_compares_exactly_and_shows_no_value() {
    let context = EncryptionContext::new([("pit", "hipaa"), ("object", "secret.csv")]).unwrap();
    context.require(&[("pit", "hipaa"), ("object", "secret.csv")]).unwrap();
    for expected in [("object", "secret.csv2"), ("object", ""), ("owner", "h")] {
        let error = context.require(&[("pit", "hipaa"), expected]).unwrap_err();
        assert_eq!(error, EnvelopeError::ContextDiffers { key: expected.0.to_owned() });
        assert!(!error.to_string().contains("secret"));
    }
    assert_eq!(format!("{context:?}"), r#"EncryptionContext{"object", "pit"}"#);
}
