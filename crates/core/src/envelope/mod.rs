//! The envelope of an object: AWS Encryption SDK message format, version 2,
//! suite 0478 (AES-256-GCM, HKDF-SHA512, key commitment), in frames.
//!
//! For: sealing and opening objects as a stream of byte slices, so that any
//! hospital can use the standard client at its end (docs/ENVELOPE.md).
//! Used by `agent` (open an object, seal a partial) and `coordinator` (`put`,
//! `open`, `results`); KMS calls live in `cloud`, which hands over a `DataKey`.
//!
//! Must never: do I/O, make random bytes, read a clock, hand out a byte whose
//! tag has not verified, or put a plaintext or a context value into an error.
//!
//! Sealing: [`DataKey`] → [`WrappingKey::wrap`] (or KMS) → [`Sealer`].
//! Opening: [`HeaderReader`] → [`Header`] (not yet believed) →
//! [`WrappingKey::unwrap`] (or KMS) → [`Header::open`] → [`Opener`].

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
