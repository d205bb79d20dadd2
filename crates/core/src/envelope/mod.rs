//! The envelope of an object: AWS Encryption SDK message format, version 2,
//! suite 0478 (AES-256-GCM, HKDF-SHA512, key commitment), in frames.
//!
//! Seals and opens objects as a stream of byte slices, so that any hospital can
//! use the standard client (docs/ENVELOPE.md).
//! Used by `agent` (opens objects, seals partials) and `coordinator` (`put`,
//! `open`, `results`); KMS calls are in `cloud`, which passes in a `DataKey`.
//!
//! Must never do I/O, create random bytes, read a clock, return a byte whose
//! tag has not been verified, or put plaintext or a context value into an error.
//!
//! Sealing: [`DataKey`] → [`WrappingKey::wrap`] (or KMS) → [`Sealer`].
//! Opening: [`HeaderReader`] → [`Header`] (not verified yet) →
//! [`WrappingKey::unwrap`] (or KMS) → [`Header::open`] → [`Opener`].
//!
//! ```
//! use sce_core::envelope::{
//!     DataKey, EncryptionContext, FrameLength, HeaderReader, Sealer, WrappingKey,
//! };
//!
//! // Keys, message id and IV are new random bytes in real use.
//! let data_key = DataKey::from([9; 32]);
//! let wrapping_key = WrappingKey::new("hospitalA", "HomerKey", &[7; 32])?;
//! let context = EncryptionContext::new([("pit", "hipaa"), ("object", "in.csv")])?;
//! let edk = wrapping_key.wrap(&data_key, &context, [3; 12])?;
//! let (mut sealer, mut sealed) =
//!     Sealer::new(&data_key, &[edk], &context, [1; 32], FrameLength::DEFAULT)?;
//! sealer.push(b"plaintext", &mut sealed)?;
//! sealer.finish(&mut sealed)?;
//!
//! let (header, used) = HeaderReader::new().push(&sealed)?.expect("the whole header");
//! let data_key = wrapping_key.unwrap(header.encrypted_data_keys(), header.context())?;
//! let mut opener = header.open(&data_key, &[("object", "in.csv")])?;
//! let mut plaintext = Vec::new();
//! opener.push(&sealed[used..], &mut plaintext)?;
//! assert_eq!(opener.finish()?.plaintext_bytes, 9);
//! assert_eq!(plaintext, b"plaintext");
//! # Ok::<(), sce_core::envelope::EnvelopeError>(())
//! ```

mod context;
mod error;
mod format;
mod frame;
mod header;
mod header_wire;
mod keys;
mod open;
mod seal;
mod split;
mod wire;
mod wrap;

pub use context::EncryptionContext;
pub use error::{EnvelopeError, Place};
pub use format::{
    EDKS_MAX, FRAME_LENGTH_MAX_BYTES, FRAMES_MAX, FrameLength, HEADER_MAX_BYTES, sealed_len,
};
pub use header::{Header, HeaderReader};
pub use keys::DataKey;
pub use open::{Opened, Opener};
pub use seal::Sealer;
pub use wrap::{EncryptedDataKey, WrappingKey};
