//! Every altered object is refused, and no wrong byte is released before the
//! refusal.

use crate::help::{PLACE, header_len, homer, open, pattern, seal, seal_as};
use sce_core::envelope::{DataKey, EnvelopeError, HeaderReader, Place};

const F: usize = 16;
const STRIDE: usize = F + 32;
const CHUNKS: [usize; 3] = [1, 50, 1 << 20];

/// Returns the plaintext and the sealed bytes of two regular frames and a final one of
/// 5 bytes, and the offset of the first frame.
fn small() -> (Vec<u8>, Vec<u8>, usize) {
    let plaintext = pattern(2 * F + 5);
    let sealed = seal(&plaintext, 16, 100);
    let body = header_len(&sealed);
    (plaintext, sealed, body)
}

/// Checks that `altered` is refused in every chunking and that only correct bytes, from the
/// beginning, are released before.
fn refused(altered: &[u8], plaintext: &[u8]) -> EnvelopeError {
    let mut last = None;
    for chunk in CHUNKS {
        let (released, opened) = open(altered, chunk, &PLACE);
        assert!(plaintext.starts_with(&released), "released a wrong byte");
        assert_eq!(released.len() % F, if released.len() == plaintext.len() { 5 } else { 0 });
        last = Some(opened.unwrap_err());
    }
    last.unwrap()
}

#[test]
fn every_truncation_is_refused() {
    let (plaintext, sealed, body) = small();
    for len in 0..sealed.len() {
        let error = refused(&sealed[..len], &plaintext);
        let place = match len.checked_sub(body) {
            _ if len == 0 => {
                assert!(matches!(error, EnvelopeError::NotAnEnvelope { .. }));
                continue;
            }
            None => Place::Header,
            Some(at) => Place::Frame(u32::try_from(at / STRIDE).unwrap().min(2) + 1),
        };
        assert_eq!(error, EnvelopeError::Truncated { place }, "at {len}");
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let (plaintext, sealed, _) = small();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut altered = sealed.clone();
            altered[at] ^= 1 << bit;
            refused(&altered, &plaintext);
        }
    }
}

/// If the data key is known (as from KMS), unwrapping does not protect the header: commitment
/// and tag must detect every flip by themselves.
#[test]
fn every_flipped_header_bit_is_refused_with_the_data_key_known() {
    let (_, sealed, body) = small();
    for at in 0..body {
        for bit in 0..8 {
            let mut altered = sealed.clone();
            altered[at] ^= 1 << bit;
            let Ok(Some((header, _))) = HeaderReader::new().push(&altered) else {
                continue;
            };
            let opened = header.open(&DataKey::from([1; 32]), &[]);
            assert_eq!(opened.unwrap_err(), EnvelopeError::TagFails { place: Place::Header });
        }
    }
}

#[test]
fn swapped_repeated_and_missing_frames_are_refused() {
    let (plaintext, sealed, body) = small();
    let header = &sealed[..body];
    let (one, two) = (&sealed[body..body + STRIDE], &sealed[body + STRIDE..body + 2 * STRIDE]);
    let last = &sealed[body + 2 * STRIDE..];
    let order = |frames: &[&[u8]]| refused(&[&[header], frames].concat().concat(), &plaintext);
    let out_of = |expected, found| EnvelopeError::OutOfSequence { expected, found };
    assert_eq!(order(&[two, one, last]), out_of(1, 2));
    assert_eq!(order(&[one, one, two, last]), out_of(2, 1));
    assert_eq!(order(&[one, last]), out_of(2, 3));
    assert_eq!(order(&[last]), out_of(1, 3));
    assert_eq!(order(&[one, two, two, last]), out_of(3, 2));
    assert_eq!(order(&[one, two]), EnvelopeError::Truncated { place: Place::Frame(3) });
}

/// Renumbering hides a swap from the sequence check, not from the tag.
#[test]
fn renumbered_frames_are_refused_by_their_tag() {
    let (plaintext, sealed, body) = small();
    let mut altered = sealed.clone();
    altered[body..body + STRIDE].copy_from_slice(&sealed[body + STRIDE..body + 2 * STRIDE]);
    altered[body..body + 4].copy_from_slice(&1_u32.to_be_bytes());
    let error = refused(&altered, &plaintext);
    assert_eq!(error, EnvelopeError::TagFails { place: Place::Frame(1) });
}

#[test]
fn frames_of_another_object_are_refused() {
    let (plaintext, sealed, body) = small();
    let other = seal_as(&plaintext, 16, 100, 2);
    let spliced = [&sealed[..body + STRIDE], &other[body + STRIDE..]].concat();
    let error = refused(&spliced, &plaintext);
    assert_eq!(error, EnvelopeError::TagFails { place: Place::Frame(2) });
}

#[test]
fn anything_after_the_final_frame_is_refused() {
    let (plaintext, sealed, _) = small();
    for after in [&b"\0"[..], &b"\n"[..], &sealed] {
        let error = refused(&[&sealed, after].concat(), &plaintext);
        assert_eq!(error, EnvelopeError::TrailingBytes);
    }
}

#[test]
fn a_final_frame_longer_than_the_frame_length_is_refused_at_once() {
    let (plaintext, sealed, body) = small();
    let length_at = body + 2 * STRIDE + 20;
    let mut altered = sealed[..length_at].to_vec();
    altered.extend_from_slice(&17_u32.to_be_bytes());
    let error = refused(&altered, &plaintext);
    assert!(matches!(error, EnvelopeError::Malformed { place: Place::Frame(3), .. }));
}

#[test]
fn an_object_of_another_place_is_refused() {
    let (_, sealed, _) = small();
    for expected in [("object", "out.csv"), ("pit", "HIPAA"), ("owner", "hospitalA")] {
        let (released, opened) = open(&sealed, 50, &[expected]);
        let key = expected.0.to_owned();
        assert_eq!(opened.unwrap_err(), EnvelopeError::ContextDiffers { key });
        assert!(released.is_empty());
    }
}

#[test]
fn a_failed_opener_stays_failed_and_keeps_what_was_there() {
    let (_, sealed, body) = small();
    let header = HeaderReader::new().push(&sealed).unwrap().unwrap().0;
    let data_key = homer().unwrap(header.encrypted_data_keys(), header.context()).unwrap();
    let mut opener = header.open(&data_key, &PLACE).unwrap();
    let mut altered = sealed[body..].to_vec();
    altered[STRIDE + 20] ^= 1;
    let mut out = b"before".to_vec();
    let fails = EnvelopeError::TagFails { place: Place::Frame(2) };
    assert_eq!(opener.push(&altered, &mut out), Err(fails.clone()));
    assert_eq!(out, [b"before", &pattern(F)[..]].concat());
    assert_eq!(opener.push(&sealed[body + STRIDE..], &mut out), Err(fails.clone()));
    assert_eq!(opener.push(b"", &mut out), Err(fails.clone()));
    assert_eq!(out.len(), 6 + F);
    assert_eq!(opener.finish(), Err(fails));
}
