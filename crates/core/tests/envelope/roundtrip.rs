//! Every sealed object opens again: all sizes, frame lengths and chunkings.

use crate::help::{PLACE, header_len, open, pattern, seal};
use proptest::prelude::*;
use sce_core::envelope::{FrameLength, sealed_len};

fn check(plaintext: &[u8], frame_bytes: u32, seal_chunk: usize, open_chunk: usize) {
    let sealed = seal(plaintext, frame_bytes, seal_chunk);
    let frame_length = FrameLength::new(frame_bytes).unwrap();
    let plaintext_bytes = plaintext.len() as u64;
    let planned = sealed_len(header_len(&sealed) as u64, plaintext_bytes, frame_length);
    assert_eq!(planned, Ok(sealed.len() as u64));
    let (released, opened) = open(&sealed, open_chunk, &PLACE);
    let opened = opened.unwrap();
    assert!(released == plaintext, "bytes differ");
    assert_eq!(opened.plaintext_bytes, plaintext_bytes);
    assert_eq!(opened.frames, plaintext_bytes / u64::from(frame_bytes) + 1);
}

#[test]
fn edges_of_frames_come_back_in_any_chunking() {
    for frame_bytes in [1_u32, 2, 16, 33, 4096] {
        let f = frame_bytes as usize;
        for size in [0, 1, f - 1, f, f + 1, 2 * f, 2 * f + 7] {
            for (seal_chunk, open_chunk) in
                [(1, 1), (3, 31), (f, f + 32), (f + 1, f + 31), (1 << 20, 1 << 20)]
            {
                check(&pattern(size), frame_bytes, seal_chunk, open_chunk);
            }
        }
    }
}

#[test]
fn default_frames_come_back() {
    let f = FrameLength::DEFAULT.get();
    for size in [f - 1, f, 2 * f + 7] {
        check(&pattern(size as usize), f, 100_000, 1_000_003);
    }
}

#[test]
fn chunking_does_not_change_the_object() {
    let plaintext = pattern(100);
    let whole = seal(&plaintext, 16, 100);
    for chunk in [1, 7, 15, 16, 17, 33] {
        assert_eq!(seal(&plaintext, 16, chunk), whole);
    }
}

proptest! {
    #[test]
    fn any_data_any_chunking_any_frame_length(
        plaintext in prop::collection::vec(any::<u8>(), 0..3000),
        frame_bytes in 1_u32..600,
        seal_chunk in 1_usize..1000,
        open_chunk in 1_usize..1000,
    ) {
        check(&plaintext, frame_bytes, seal_chunk, open_chunk);
    }

    #[test]
    fn arbitrary_bytes_never_open(mut bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for version in [None, Some([0x02, 0x04, 0x78])] {
            if let (Some(start), Some(prefix)) = (bytes.first_chunk_mut(), version) {
                *start = prefix;
            }
            let (released, opened) = open(&bytes, 64, &PLACE);
            prop_assert!(opened.is_err());
            prop_assert!(released.is_empty());
        }
    }
}
