//! Tests of reading and writing headers: limits, refusals, offsets.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::envelope::format::CONTENT_NON_FRAMED;
use crate::envelope::wire::header_too_large;
use crate::envelope::{Sealer, WrappingKey};

/// The sample of docs/ENVELOPE.md: namespace, name and context as there.
fn sample() -> Vec<u8> {
    let context = EncryptionContext::new([("owner", "hospitalA"), ("object", "in.csv")]).unwrap();
    let data_key = DataKey::from([9; 32]);
    let wrapping = WrappingKey::new("hospitalA", "HomerKey", &[7; 32]).unwrap();
    let edk = wrapping.wrap(&data_key, &context, [3; 12]).unwrap();
    Sealer::new(&data_key, &[edk], &context, [1; 32], FrameLength::DEFAULT).unwrap().1
}

fn read(bytes: &[u8]) -> Result<Option<(Header, usize)>, EnvelopeError> {
    HeaderReader::new().push(bytes)
}

#[test]
fn sample_has_the_documented_offsets() {
    let header = sample();
    assert_eq!(header.len(), 219);
    let fields: [(usize, &[u8]); 11] = [
        (0, &[0x02, 0x04, 0x78]),
        (3, &[1; 32]),
        (35, &[0x00, 0x24, 0x00, 0x02]),
        (39, b"\0\x06object\0\x06in.csv\0\x05owner\0\x09hospitalA"),
        (73, &[0x00, 0x01]),
        (75, b"\0\x09hospitalA"),
        (86, b"\0\x1cHomerKey\0\0\0\x80\0\0\0\x0c"),
        (116, &[0x00, 0x30]),
        (166, &[0x02]),
        (167, &[0x00, 0x10, 0x00, 0x00]),
        (171, &DataKey::from([9; 32]).derive(&[1; 32]).1),
    ];
    for (at, expected) in fields {
        assert_eq!(&header[at..at + expected.len()], expected, "at {at}");
    }
}

#[test]
fn reads_in_any_pieces_and_says_what_is_left() {
    let mut object = sample();
    object.extend_from_slice(b"frames");
    let (header, used) = read(&object).unwrap().unwrap();
    assert_eq!((header.len(), used), (219, 219));
    assert_eq!(header.context().get("object"), Some("in.csv"));
    assert_eq!(header.encrypted_data_keys().len(), 1);
    assert_eq!(header.frame_length(), FrameLength::DEFAULT);
    let mut reader = HeaderReader::new();
    for byte in &object[..218] {
        assert!(reader.push(&[*byte]).unwrap().is_none());
    }
    let (_, used) = reader.push(&object[218..]).unwrap().unwrap();
    assert_eq!(used, 1);
}

#[test]
fn an_early_end_is_reported() {
    assert!(matches!(HeaderReader::new().finish(), EnvelopeError::NotAnEnvelope { .. }));
    let mut reader = HeaderReader::new();
    assert!(reader.push(&sample()[..218]).unwrap().is_none());
    assert_eq!(reader.finish(), EnvelopeError::Truncated { place: Place::Header });
}

#[test]
fn refuses_other_kinds_and_says_what_to_change() {
    let mut non_framed = sample();
    non_framed[166] = CONTENT_NON_FRAMED;
    let cases: [(&[u8], &str); 7] = [
        (&[0x02, 0x05, 0x78], "--algorithm AES_256_GCM_HKDF_SHA512_COMMIT_KEY"),
        (&[0x02, 0x03, 0x78], "algorithm suite 0378"),
        (&[0x01, 0x80, 0x03, 0x78], "version 1"),
        (&non_framed, "--frame-length"),
        (b"AgR4", "base64"),
        (b"patient,date\n", "not a sealed object"),
        (&[0x00], "not a sealed object"),
    ];
    for (bytes, advice) in cases {
        let text = read(bytes).unwrap_err().to_string();
        assert!(text.contains(advice), "{text}");
    }
}

#[test]
fn refuses_an_unknown_content_type_and_bad_text() {
    let with = |at: usize, byte: u8| {
        let mut header = sample();
        header[at] = byte;
        read(&header).unwrap_err()
    };
    assert!(matches!(with(166, 3), EnvelopeError::Malformed { .. }));
    assert!(matches!(with(77, 0xff), EnvelopeError::Malformed { .. }));
    assert!(matches!(with(41, 0xff), EnvelopeError::Malformed { .. }));
}

/// Each is refused at the first bytes that show it, long before the announced length.
#[test]
fn caps_are_checked_before_anything_is_collected() {
    let sample = sample();
    let long_context = [&sample[..35], &[0xff, 0xff]].concat();
    let six_edks = [&sample[..73], &[0x00, 0x06]].concat();
    let huge_frames = [&sample[..167], &0x0100_0001_u32.to_be_bytes()].concat();
    let mut long_edks = [&sample[..73], &[0x00, 0x05]].concat();
    long_edks.extend_from_slice(&40_000_u16.to_be_bytes());
    long_edks.extend_from_slice(&[b'x'; 40_000]);
    long_edks.extend_from_slice(&40_000_u16.to_be_bytes());
    for bytes in [long_context, six_edks, huge_frames, long_edks] {
        let error = read(&bytes).unwrap_err();
        assert!(matches!(error, EnvelopeError::TooLarge { .. }), "{error}");
        assert!(read(&bytes[..bytes.len() - 1]).unwrap().is_none());
    }
}

#[test]
fn refuses_no_edks_and_no_frame_length() {
    let sample = sample();
    for bytes in [[&sample[..73], &[0, 0]].concat(), [&sample[..167], &[0; 4]].concat()] {
        assert!(matches!(read(&bytes).unwrap_err(), EnvelopeError::Empty { .. }));
    }
}

#[test]
fn writing_refuses_what_reading_would() {
    let context = EncryptionContext::new([("a", "x".repeat(60_000))]).unwrap();
    let edk = |len: usize| EncryptedDataKey {
        provider_id: "n".to_owned(),
        provider_info: vec![0; len],
        ciphertext: vec![0; 48],
    };
    let new = |edks: &[EncryptedDataKey]| {
        let key = DataKey::from([9; 32]);
        Sealer::new(&key, edks, &context, [1; 32], FrameLength::DEFAULT).map(|_| ())
    };
    new(&[edk(20)]).unwrap();
    assert!(matches!(new(&[]), Err(EnvelopeError::Empty { .. })));
    assert!(matches!(new(&vec![edk(20); 6]), Err(EnvelopeError::TooLarge { .. })));
    assert!(matches!(new(&[edk(70_000)]), Err(EnvelopeError::TooLarge { .. })));
    assert_eq!(new(&[edk(6_000)]), Err(header_too_large()));
}

/// The tag is valid, but the commitment is to another key: only the commitment check can
/// refuse it.
#[test]
fn a_wrong_commitment_is_refused_under_a_right_tag() {
    let data_key = DataKey::from([9; 32]);
    let context = EncryptionContext::default();
    let edk = EncryptedDataKey {
        provider_id: "n".to_owned(),
        provider_info: Vec::new(),
        ciphertext: Vec::new(),
    };
    let open = |flip: u8| {
        let (cipher, mut commitment) = data_key.derive(&[1; 32]);
        commitment[31] ^= flip;
        let cipher = FrameCipher::new(cipher, [1; 32]);
        let edks = std::slice::from_ref(&edk);
        let header = header_wire::write(
            &cipher,
            &commitment,
            &[1; 32],
            &context,
            edks,
            FrameLength::DEFAULT,
        );
        read(&header.unwrap()).unwrap().unwrap().0.open(&data_key, &[]).map(|_| ())
    };
    assert_eq!(open(0), Ok(()));
    assert_eq!(open(1), Err(EnvelopeError::TagFails { place: Place::Header }));
}
