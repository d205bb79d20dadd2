//! Sealing and opening in tests: fixed keys, any chunking.

use sce_core::envelope::{
    DataKey, EncryptionContext, EnvelopeError, FrameLength, HeaderReader, Opened, Sealer,
    WrappingKey,
};

/// The context that `open` expects of every object.
pub const PLACE: [(&str, &str); 2] = [("pit", "hipaa"), ("object", "in.csv")];

pub fn homer() -> WrappingKey {
    WrappingKey::new("hospitalA", "HomerKey", &[7; 32]).unwrap()
}

/// Seals under [`PLACE`], pushing `chunk` bytes at a time.
pub fn seal(plaintext: &[u8], frame_bytes: u32, chunk: usize) -> Vec<u8> {
    seal_as(plaintext, frame_bytes, chunk, 1)
}

/// The same with a data key and message id of `id` bytes.
pub fn seal_as(plaintext: &[u8], frame_bytes: u32, chunk: usize, id: u8) -> Vec<u8> {
    let context = EncryptionContext::new(PLACE).unwrap();
    let data_key = DataKey::from([id; 32]);
    let edk = homer().wrap(&data_key, &context, [id; 12]).unwrap();
    let frame_length = FrameLength::new(frame_bytes).unwrap();
    let (mut sealer, mut out) =
        Sealer::new(&data_key, &[edk], &context, [id; 32], frame_length).unwrap();
    for piece in plaintext.chunks(chunk) {
        sealer.push(piece, &mut out).unwrap();
    }
    sealer.finish(&mut out).unwrap();
    out
}

/// Opens with [`homer`], pushing `chunk` bytes at a time; returns the released bytes and the
/// outcome.
pub fn open(
    sealed: &[u8],
    chunk: usize,
    expected: &[(&str, &str)],
) -> (Vec<u8>, Result<Opened, EnvelopeError>) {
    let mut released = Vec::new();
    let outcome = open_into(sealed, chunk, expected, &mut released);
    (released, outcome)
}

fn open_into(
    sealed: &[u8],
    chunk: usize,
    expected: &[(&str, &str)],
    released: &mut Vec<u8>,
) -> Result<Opened, EnvelopeError> {
    let mut reader = HeaderReader::new();
    let mut pieces = sealed.chunks(chunk);
    let (header, rest) = loop {
        let Some(piece) = pieces.next() else {
            return Err(reader.finish());
        };
        if let Some((header, used)) = reader.push(piece)? {
            break (header, &piece[used..]);
        }
    };
    let data_key = homer().unwrap(header.encrypted_data_keys(), header.context())?;
    let mut opener = header.open(&data_key, expected)?;
    opener.push(rest, released)?;
    for piece in pieces {
        opener.push(piece, released)?;
    }
    opener.finish()
}

/// Returns the offset of frame 1.
pub fn header_len(sealed: &[u8]) -> usize {
    HeaderReader::new().push(sealed).unwrap().unwrap().1
}

/// Returns `n` bytes that differ from one position to the next.
pub fn pattern(n: usize) -> Vec<u8> {
    (0_u32..).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0]).take(n).collect()
}
