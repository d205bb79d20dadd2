//! The bytes of a header: parsed for `header`, written for `seal`.
//!
//! Must never allocate for a length above a limit, or accept a header that this
//! system does not write and cannot open; each refusal says what to change.

use super::context::EncryptionContext;
use super::error::{EnvelopeError, Place};
use super::format::{
    CONTENT_FRAMED, CONTENT_NON_FRAMED, EDKS_MAX, FrameLength, HEADER_MAX_BYTES, KEY_BYTES, SUITE,
    SUITE_SIGNED, VERSION,
};
use super::frame::FrameCipher;
use super::header::Header;
use super::wire::{Cursor, Stop, header_too_large, put_field};
use super::wrap::EncryptedDataKey;

const CHANGE_SUITE: &str = "seal with --algorithm AES_256_GCM_HKDF_SHA512_COMMIT_KEY";
const CHANGE_FRAMES: &str = "seal with --frame-length 1048576";

/// Parses a header at the start of `bytes`; asks for more if they end too early.
pub(super) fn parse(bytes: &[u8]) -> Result<Header, Stop> {
    let mut cursor = Cursor::new(bytes);
    check_kind(&mut cursor)?;
    let message_id = cursor.array()?;
    let context = cursor.field()?;
    let edks = parse_edks(&mut cursor)?;
    match cursor.u8()? {
        CONTENT_FRAMED => {}
        CONTENT_NON_FRAMED => return Err(unsupported("non-framed content", CHANGE_FRAMES)),
        _ => return Err(malformed("unknown content type")),
    }
    let frame_length = FrameLength::new(cursor.u32()?)?;
    let commitment = cursor.array()?;
    let tag = cursor.array()?;
    // Copied only now, when every length is known to be within its limit.
    Ok(Header {
        bytes: bytes[..cursor.position()].to_vec(),
        message_id,
        context: EncryptionContext::parse(context)?,
        edks: edks.into_iter().map(EdkFields::into_edk).collect::<Result<_, _>>()?,
        frame_length,
        commitment,
        tag,
    })
}

/// Checks version and suite; an unsupported one is named in the error.
fn check_kind(cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    match cursor.u8()? {
        VERSION => {}
        1 => return Err(unsupported("message format version 1", CHANGE_SUITE)),
        _ => {
            let what = "it does not begin with a message format version";
            return Err(EnvelopeError::NotAnEnvelope { what }.into());
        }
    }
    match cursor.u16()? {
        SUITE => Ok(()),
        SUITE_SIGNED => Err(unsupported("signed suite 0578", CHANGE_SUITE)),
        suite => Err(unsupported(&format!("algorithm suite {suite:04x}"), CHANGE_SUITE)),
    }
}

/// The three fields of an EDK, still slices of the header.
struct EdkFields<'a>([&'a [u8]; 3]);

impl EdkFields<'_> {
    fn into_edk(self) -> Result<EncryptedDataKey, Stop> {
        let Self([provider_id, provider_info, ciphertext]) = self;
        let provider_id = std::str::from_utf8(provider_id)
            .map_err(|_| malformed("a key provider's id is not UTF-8"))?;
        Ok(EncryptedDataKey {
            provider_id: provider_id.to_owned(),
            provider_info: provider_info.to_vec(),
            ciphertext: ciphertext.to_vec(),
        })
    }
}

fn parse_edks<'a>(cursor: &mut Cursor<'a>) -> Result<Vec<EdkFields<'a>>, Stop> {
    let count = cursor.u16()?;
    // Counted before any is read: each may cost a call of the key service.
    check_edk_count(usize::from(count))?;
    (0..count).map(|_| Ok(EdkFields([cursor.field()?, cursor.field()?, cursor.field()?]))).collect()
}

fn check_edk_count(count: usize) -> Result<(), EnvelopeError> {
    match count {
        0 => Err(EnvelopeError::Empty { what: "list of encrypted data keys" }),
        1..=EDKS_MAX => Ok(()),
        _ => Err(EnvelopeError::TooLarge {
            what: "number of encrypted data keys",
            limit: EDKS_MAX as u64,
        }),
    }
}

/// Writes a header with its tag.
///
/// # Errors
/// `Empty` or `TooLarge` if the EDKs or the whole header exceed the limits.
pub(super) fn write(
    cipher: &FrameCipher,
    commitment: &[u8; KEY_BYTES],
    message_id: &[u8; KEY_BYTES],
    context: &EncryptionContext,
    edks: &[EncryptedDataKey],
    frame_length: FrameLength,
) -> Result<Vec<u8>, EnvelopeError> {
    // The caller's EDKs must pass the same limits as those of a reader.
    check_edk_count(edks.len())?;
    let mut header = vec![VERSION];
    header.extend_from_slice(&SUITE.to_be_bytes());
    header.extend_from_slice(message_id);
    put_field(&mut header, "encryption context in bytes", context.as_bytes())?;
    let count = u16::try_from(edks.len()).map_err(|_| header_too_large())?;
    header.extend_from_slice(&count.to_be_bytes());
    for edk in edks {
        put_field(&mut header, "key provider id in bytes", edk.provider_id.as_bytes())?;
        put_field(&mut header, "key provider info in bytes", &edk.provider_info)?;
        put_field(&mut header, "encrypted data key in bytes", &edk.ciphertext)?;
    }
    header.push(CONTENT_FRAMED);
    header.extend_from_slice(&frame_length.get().to_be_bytes());
    header.extend_from_slice(commitment);
    let tag = cipher.header_tag(&header);
    header.extend_from_slice(&tag);
    if header.len() > HEADER_MAX_BYTES {
        return Err(header_too_large());
    }
    Ok(header)
}

fn unsupported(what: &str, change: &'static str) -> Stop {
    EnvelopeError::Unsupported { what: what.to_owned(), change }.into()
}

fn malformed(what: &'static str) -> Stop {
    EnvelopeError::Malformed { place: Place::Header, what }.into()
}
