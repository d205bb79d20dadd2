//! Reads one version of an object from S3, in order, with several ranges in
//! flight.
//!
//! Used by [`super::objects`]. An object of up to one part is a single GET. If a
//! body is cut off, reading resumes there. Must never return bytes of another
//! version or range.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Buf, Bytes, BytesMut};
use sce_core::object::{Bucket, ObjectRef};
use tokio::task::JoinHandle;

use super::buckets::{Buckets, status};
use super::error::classify;
use crate::error::{Class, PortError, PortResult};
use crate::ports::ObjectReader;

/// Bytes of one GET (8 MiB): large enough for few requests, small enough that little is
/// repeated after a cut.
const PART_BYTES: u64 = 8 << 20;
/// GETs in flight for one object; with their size this bounds memory.
const PARTS_AHEAD: usize = 4;
/// Bytes returned at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// How often a part may be cut off before it is given up.
const CUTS_MAX: u32 = 5;

/// One version of one object, from its first byte to its last.
pub(super) struct RangedReader {
    source: Arc<Source>,
    /// Where the next part to request starts.
    next_start: u64,
    ahead: VecDeque<JoinHandle<PortResult<Bytes>>>,
    /// The rest of the part that is being returned.
    current: Bytes,
}

impl RangedReader {
    /// Reads the first part, so that a missing or changed object is detected here.
    pub(super) async fn open(
        buckets: Arc<Buckets>,
        bucket: Bucket,
        object: ObjectRef,
    ) -> PortResult<Self> {
        let source = Arc::new(Source { buckets, bucket, object });
        // The first part is fetched alone: most objects have no other.
        let current = source.fetch(0).await?;
        let next_start = current.len() as u64;
        Ok(Self { source, next_start, ahead: VecDeque::new(), current })
    }

    fn ask_ahead(&mut self) {
        while self.ahead.len() < PARTS_AHEAD && self.next_start < self.source.object.size {
            let (source, start) = (self.source.clone(), self.next_start);
            self.ahead.push_back(tokio::spawn(async move { source.fetch(start).await }));
            self.next_start += self.source.part_len(start);
        }
    }
}

#[async_trait]
impl ObjectReader for RangedReader {
    async fn next(&mut self) -> PortResult<Option<Bytes>> {
        self.ask_ahead();
        // Requested before the current part is used up, so that the line is never idle.
        if self.current.is_empty() {
            let Some(part) = self.ahead.pop_front() else {
                return Ok(None);
            };
            self.current = part.await.map_err(|e| {
                PortError::new(Class::Transient, "get object", &self.source.object.key, e)
            })??;
            self.ask_ahead();
        }
        let chunk = self.current.len().min(CHUNK_BYTES);
        Ok(Some(self.current.split_to(chunk)).filter(|chunk| !chunk.is_empty()))
    }
}

impl Drop for RangedReader {
    fn drop(&mut self) {
        // Nothing else would stop them: a task outlives its handle.
        self.ahead.iter().for_each(JoinHandle::abort);
    }
}

/// The body of a response, and how many of its bytes precede the requested ones.
struct Body {
    stream: ByteStream,
    skip: u64,
    /// The whole object was requested: its checksum is verified at the end of the body.
    checked: bool,
}

/// The object that parts are read from.
struct Source {
    buckets: Arc<Buckets>,
    bucket: Bucket,
    object: ObjectRef,
}

impl Source {
    fn part_len(&self, start: u64) -> u64 {
        PART_BYTES.min(self.object.size - start)
    }

    /// Returns the part that starts at `start`, complete.
    async fn fetch(&self, start: u64) -> PortResult<Bytes> {
        let len = usize::try_from(self.part_len(start)).unwrap_or(0);
        let mut part = BytesMut::with_capacity(len);
        for _ in 0..=CUTS_MAX {
            let Body { mut stream, mut skip, checked } = self.get(start, part.len() as u64).await?;
            // A body that is cut off ends in an error, or just too early; a changed one in an
            // error after its last byte, if the store sent its checksum.
            let good = loop {
                match stream.next().await {
                    Some(Ok(mut chunk)) => {
                        let skipped = skip.min(chunk.len() as u64);
                        skip -= skipped;
                        chunk.advance(usize::try_from(skipped).unwrap_or(0));
                        chunk.truncate(len - part.len());
                        part.extend_from_slice(&chunk);
                        if part.len() == len && !checked {
                            break true;
                        }
                    }
                    Some(Err(_)) => break false,
                    None => break true,
                }
            };
            match part.len() == len {
                true if good => return Ok(part.freeze()),
                // All bytes arrived, but the checksum is wrong: none of them is usable.
                true => part.clear(),
                false => {}
            }
        }
        Err(self.fail(Class::Transient, "the response was cut off repeatedly"))
    }

    /// Requests the body of the part at `start`, from its byte `got` on.
    async fn get(&self, start: u64, got: u64) -> PortResult<Body> {
        let (buckets, object) = (&self.buckets, &self.object);
        // `got` is less than the length of the part, so the range is never empty.
        let (from, end) = (start + got, start + self.part_len(start));
        // If the whole object is requested, the store's checksum is also verified.
        let whole = from == 0 && end == object.size;
        let answer = buckets
            .client
            .get_object()
            .bucket(buckets.name(self.bucket))
            .expected_bucket_owner(buckets.owner())
            .key(object.key.as_str())
            .version_id(&object.version)
            .if_match(&object.etag)
            .set_range((!whole).then(|| format!("bytes={from}-{}", end - 1)))
            .send()
            .await;
        match answer {
            Ok(answer) => match answer.content_range {
                Some(range) if !range.starts_with(&format!("bytes {from}-")) => {
                    Err(self.fail(Class::Permanent, "the store returned another range"))
                }
                Some(_) => Ok(Body { stream: answer.body, skip: 0, checked: whole }),
                // A server may ignore a range and return the whole object.
                None => Ok(Body { stream: answer.body, skip: from, checked: whole }),
            },
            Err(e) => Err(match (status(&e), e.code()) {
                (_, Some("NoSuchBucket")) => classify("get object", &object.key, &e),
                // A version that is a delete marker has status 405.
                (Some(404 | 405), _) => self.fail(Class::Absent, "it does not exist"),
                (Some(412 | 416), _) => {
                    self.fail(Class::Changed, "it is not the version that was registered")
                }
                _ => classify("get object", &object.key, &e),
            }),
        }
    }

    fn fail(&self, class: Class, cause: &str) -> PortError {
        PortError::new(class, "get object", &self.object.key, cause)
    }
}
