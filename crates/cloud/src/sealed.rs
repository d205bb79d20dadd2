//! Sealed objects in the store: streamed out and in, one frame at a time.
//!
//! Used by the agent (opens data, seals partials and results) and by `sce`
//! (`put`, `results`). The encryption context binds every object to its project
//! and its key. Must never release unverified bytes; released bytes are valid as
//! a whole only when [`open_object`] has returned without an error.

use sce_core::envelope::{
    EncryptionContext, EnvelopeError, FrameLength, Header, HeaderReader, Opened, Sealer,
};
use sce_core::ids::Pit;
use sce_core::object::{Bucket, ObjectKey, ObjectRef};
use zeroize::Zeroizing;

use crate::error::{Class, PortError, PortResult};
use crate::ports::{KeyService, ObjectReader, ObjectWriter, Ports, Put, PutMode};

/// Returns the encryption context of an object: its project and its key.
///
/// # Errors
/// Does not occur in practice: both are short and ASCII.
pub fn context_of(pit: &Pit, key: &ObjectKey) -> Result<EncryptionContext, EnvelopeError> {
    EncryptionContext::new([("pit", pit.as_str()), ("object", key.as_str())])
}

/// A sealed object being written.
pub struct SealedWriter {
    writer: Box<dyn ObjectWriter>,
    sealer: Sealer,
    sealed: Vec<u8>,
    key: ObjectKey,
}

impl SealedWriter {
    /// Starts an object with a new data key and message id.
    ///
    /// # Errors
    /// Returns an error if the store, the key service or the randomness fails.
    pub async fn create(
        ports: &Ports,
        pit: &Pit,
        bucket: Bucket,
        key: &ObjectKey,
    ) -> PortResult<Self> {
        let refuse = |e: EnvelopeError| PortError::new(Class::Permanent, "seal object", key, e);
        let context = context_of(pit, key).map_err(refuse)?;
        // The key first: if it is not available, nothing is started in the store.
        let (data_key, wrapped) = ports.keys.generate(&context).await?;
        let mut message_id = [0; 32];
        ports.entropy.fill(&mut message_id)?;
        let frames = FrameLength::default();
        let (sealer, header) =
            Sealer::new(&data_key, &[wrapped], &context, message_id, frames).map_err(refuse)?;
        let mut writer = ports.objects.create(bucket, key).await?;
        writer.write(&header).await?;
        Ok(Self { writer, sealer, sealed: Vec::new(), key: key.clone() })
    }

    /// Seals and writes more of the plaintext.
    ///
    /// # Errors
    /// Returns an error if the store fails, or if the object has more frames than the format
    /// allows.
    pub async fn write(&mut self, plaintext: &[u8]) -> PortResult<()> {
        let key = &self.key;
        self.sealer
            .push(plaintext, &mut self.sealed)
            .map_err(|e| PortError::new(Class::Permanent, "seal object", key, e))?;
        self.writer.write(&self.sealed).await?;
        self.sealed.clear();
        Ok(())
    }

    /// Writes the final frame and makes the object visible.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn finish(self, mode: PutMode) -> PortResult<Put> {
        let Self { mut writer, sealer, mut sealed, key } = self;
        sealer
            .finish(&mut sealed)
            .map_err(|e| PortError::new(Class::Permanent, "seal object", &key, e))?;
        writer.write(&sealed).await?;
        writer.finish(mode).await
    }
}

/// Seals `plaintext` and puts it as one object.
///
/// # Errors
/// As [`SealedWriter`].
pub async fn seal_bytes(
    ports: &Ports,
    pit: &Pit,
    key: &ObjectKey,
    plaintext: &[u8],
    mode: PutMode,
) -> PortResult<Put> {
    let mut writer = SealedWriter::create(ports, pit, Bucket::Output, key).await?;
    writer.write(plaintext).await?;
    writer.finish(mode).await
}

/// Why an object did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError<E> {
    /// The store or the key service failed; its class says whether a retry can help.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The object is not valid, or is not the expected one.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The sink refused the plaintext.
    #[error("{0}")]
    Sink(E),
}

/// Streams an object's verified plaintext into `sink`, frame by frame.
///
/// # Errors
/// Returns an error at the first wrong byte, or at the end if it comes too early.
pub async fn open_object<E>(
    ports: &Ports,
    pit: &Pit,
    bucket: Bucket,
    object: &ObjectRef,
    sink: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Opened, OpenError<E>> {
    let mut reader = ports.objects.open(bucket, object).await?;
    let expected = [("pit", pit.as_str()), ("object", object.key.as_str())];
    open_stream(reader.as_mut(), ports.keys.as_ref(), &expected, sink).await
}

/// Returns the whole plaintext of an object. The caller checks its size first.
///
/// # Errors
/// As [`open_object`].
pub async fn open_bytes(
    ports: &Ports,
    pit: &Pit,
    bucket: Bucket,
    object: &ObjectRef,
) -> Result<Vec<u8>, OpenError<std::convert::Infallible>> {
    let mut bytes = Vec::new();
    let sink = |plaintext: &[u8]| {
        bytes.extend_from_slice(plaintext);
        Ok(())
    };
    open_object(ports, pit, bucket, object, sink).await?;
    Ok(bytes)
}

/// Streams the verified plaintext of the object that `reader` reads into `sink`.
///
/// # Errors
/// As [`open_object`].
pub async fn open_stream<E>(
    reader: &mut dyn ObjectReader,
    keys: &dyn KeyService,
    expected: &[(&str, &str)],
    mut sink: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Opened, OpenError<E>> {
    let (header, rest) = read_header(reader).await?;
    let data_key = keys.unwrap(header.encrypted_data_keys(), header.context()).await?;
    let mut opener = header.open(&data_key, expected)?;
    let mut plaintext = Zeroizing::new(Vec::new());
    // What was read after the header belongs to the first frames.
    let mut chunk = Some(rest);
    while let Some(sealed) = chunk {
        opener.push(&sealed, &mut plaintext)?;
        sink(&plaintext).map_err(OpenError::Sink)?;
        // Reused for the next chunk; it is zeroized once, when it is dropped.
        plaintext.clear();
        chunk = reader.next().await?;
    }
    Ok(opener.finish()?)
}

/// Reads an object's header, unverified, and the bytes that were read after it.
///
/// # Errors
/// Returns an error if the stream fails, or if it does not start like a sealed object.
pub async fn read_header<E>(
    reader: &mut dyn ObjectReader,
) -> Result<(Header, bytes::Bytes), OpenError<E>> {
    let mut parser = HeaderReader::new();
    while let Some(chunk) = reader.next().await? {
        if let Some((header, used)) = parser.push(&chunk)? {
            return Ok((header, chunk.slice(used..)));
        }
    }
    Err(parser.finish().into())
}
