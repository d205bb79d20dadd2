//! Writes one object to S3: a single PUT, or a multipart upload if it is larger
//! than a part.
//!
//! Used by [`super::objects`]. Nothing may be visible before the end. An upload
//! that is given up is aborted; `sce reap` removes those of killed processes.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, ServerSideEncryption,
};
use bytes::Bytes;
use sce_core::object::{Bucket, ObjectKey};
use tokio::task::JoinSet;

use super::buckets::{Buckets, reference, status};
use super::error::classify;
use crate::error::{Class, PortError, PortResult};
use crate::ports::{ObjectWriter, Put, PutMode};

/// Bytes of the first parts (8 MiB); S3 requires at least 5 MiB.
const PART_BYTES: usize = 8 << 20;
/// After this many parts their size doubles, up to 64 MiB. S3 accepts 10,000 parts, so an
/// object may have about 500 GB, and memory stays bounded.
const PARTS_OF_A_SIZE: usize = 1000;
const DOUBLINGS_MAX: usize = 3;
/// Parts in flight at once.
const PARTS_AHEAD: usize = 3;

/// An object being written.
pub(super) struct S3Writer {
    place: Arc<Place>,
    buffer: Vec<u8>,
    size: u64,
    upload: Option<Upload>,
}

/// The destination.
struct Place {
    buckets: Arc<Buckets>,
    bucket: Bucket,
    key: ObjectKey,
}

/// A multipart upload; it is aborted if it is given up.
struct Upload {
    place: Arc<Place>,
    id: String,
    parts_sent: usize,
    in_flight: JoinSet<PortResult<CompletedPart>>,
    parts: Vec<CompletedPart>,
    completed: bool,
}

impl S3Writer {
    pub(super) fn new(buckets: Arc<Buckets>, bucket: Bucket, key: ObjectKey) -> Self {
        let place = Arc::new(Place { buckets, bucket, key });
        Self { place, buffer: Vec::new(), size: 0, upload: None }
    }

    /// Sends the buffer as the next part.
    async fn send_part(&mut self) -> PortResult<()> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => none.insert(Upload::start(self.place.clone()).await?),
        };
        upload.send(std::mem::take(&mut self.buffer).into()).await
    }
}

#[async_trait]
impl ObjectWriter for S3Writer {
    async fn write(&mut self, bytes: &[u8]) -> PortResult<()> {
        self.buffer.extend_from_slice(bytes);
        self.size += bytes.len() as u64;
        let sent = self.upload.as_ref().map_or(0, |upload| upload.parts_sent);
        // `>`, not `>=`: if a full part is also the last one, a single PUT is enough.
        if self.buffer.len() > part_bytes(sent) {
            self.send_part().await?;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>, mode: PutMode) -> PortResult<Put> {
        if self.upload.is_some() && !self.buffer.is_empty() {
            self.send_part().await?;
        }
        let size = self.size;
        // Without an upload, everything fits into one PUT.
        match self.upload {
            Some(upload) => upload.complete(mode, size).await,
            None => self.place.put(self.buffer, mode).await,
        }
    }
}

fn part_bytes(sent: usize) -> usize {
    PART_BYTES << (sent / PARTS_OF_A_SIZE).min(DOUBLINGS_MAX)
}

fn if_none_match(mode: PutMode) -> Option<String> {
    (mode == PutMode::IfAbsent).then(|| "*".to_owned())
}

impl Place {
    async fn put(&self, bytes: Vec<u8>, mode: PutMode) -> PortResult<Put> {
        let (buckets, size) = (&self.buckets, bytes.len() as u64);
        // Sent with the condition, so that the store decides which of several writers wins.
        let put = buckets
            .client
            .put_object()
            .bucket(buckets.name(self.bucket))
            .expected_bucket_owner(buckets.owner())
            .key(self.key.as_str())
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .ssekms_key_id(&buckets.key_arn)
            .set_if_none_match(if_none_match(mode))
            .body(bytes.into());
        match put.send().await {
            Ok(put) => reference(&self.key, put.version_id, put.e_tag, size).map(Put::Written),
            Err(e) if status(&e) == Some(412) => Ok(Put::Exists),
            Err(e) => Err(classify("put object", &self.key, &e)),
        }
    }
}

impl Upload {
    async fn start(place: Arc<Place>) -> PortResult<Self> {
        let buckets = &place.buckets;
        let created = buckets
            .client
            .create_multipart_upload()
            .bucket(buckets.name(place.bucket))
            .expected_bucket_owner(buckets.owner())
            .key(place.key.as_str())
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .ssekms_key_id(&buckets.key_arn)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .send()
            .await
            .map_err(|e| classify("put object", &place.key, &e))?;
        let id = created.upload_id.ok_or_else(|| {
            PortError::new(Class::Permanent, "put object", &place.key, "the upload has no id")
        })?;
        let (in_flight, parts) = (JoinSet::new(), Vec::new());
        Ok(Self { place, id, parts_sent: 0, in_flight, parts, completed: false })
    }

    async fn send(&mut self, bytes: Bytes) -> PortResult<()> {
        if self.in_flight.len() >= PARTS_AHEAD {
            self.wait_for_one().await?;
        }
        self.parts_sent += 1;
        // The limit of 10,000 parts is far below `i32::MAX`.
        let number = i32::try_from(self.parts_sent).unwrap_or(i32::MAX);
        let (place, id) = (self.place.clone(), self.id.clone());
        self.in_flight.spawn(async move { place.put_part(id, number, bytes).await });
        Ok(())
    }

    /// Waits for any part; false if none is in flight.
    async fn wait_for_one(&mut self) -> PortResult<bool> {
        let Some(part) = self.in_flight.join_next().await else {
            return Ok(false);
        };
        let failed = |e| PortError::new(Class::Transient, "put object", &self.place.key, e);
        self.parts.push(part.map_err(failed)??);
        Ok(true)
    }

    async fn complete(mut self, mode: PutMode, size: u64) -> PortResult<Put> {
        while self.wait_for_one().await? {}
        // Parts end in any order; S3 requires ascending numbers.
        self.parts.sort_by_key(|part| part.part_number);
        let parts = std::mem::take(&mut self.parts);
        let place = self.place.clone();
        let completed = place
            .buckets
            .client
            .complete_multipart_upload()
            .bucket(place.buckets.name(place.bucket))
            .expected_bucket_owner(place.buckets.owner())
            .key(place.key.as_str())
            .upload_id(&self.id)
            .set_if_none_match(if_none_match(mode))
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .send()
            .await;
        // On every other path `self.completed` stays false, and dropping `self` aborts.
        match completed {
            Ok(done) => {
                self.completed = true;
                reference(&place.key, done.version_id, done.e_tag, size).map(Put::Written)
            }
            Err(e) if status(&e) == Some(412) => Ok(Put::Exists),
            // The response to the first attempt was lost, and the retry finds no upload.
            Err(e) if e.code() == Some("NoSuchUpload") => {
                let cause = "the upload has ended and its response was lost: repeat";
                Err(PortError::new(Class::Transient, "put object", &place.key, cause))
            }
            Err(e) => Err(classify("put object", &place.key, &e)),
        }
    }
}

impl Place {
    async fn put_part(
        &self,
        upload: String,
        number: i32,
        bytes: Bytes,
    ) -> PortResult<CompletedPart> {
        let buckets = &self.buckets;
        let part = buckets
            .client
            .upload_part()
            .bucket(buckets.name(self.bucket))
            .expected_bucket_owner(buckets.owner())
            .key(self.key.as_str())
            .upload_id(upload)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(bytes.into())
            .send()
            .await
            .map_err(|e| classify("put object", &self.key, &e))?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag)
            .set_checksum_crc32(part.checksum_crc32)
            .build())
    }

    async fn abort(&self, upload: &str) {
        let buckets = &self.buckets;
        // Best effort: `sce reap` removes what remains.
        let _ = buckets
            .client
            .abort_multipart_upload()
            .bucket(buckets.name(self.bucket))
            .expected_bucket_owner(buckets.owner())
            .key(self.key.as_str())
            .upload_id(upload)
            .send()
            .await;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.in_flight.abort_all();
        if self.completed {
            return;
        }
        // Outside a runtime nothing can be sent; then `sce reap` aborts the upload.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (place, id) = (self.place.clone(), std::mem::take(&mut self.id));
            runtime.spawn(async move { place.abort(&id).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_so_that_ten_thousand_hold_a_large_object() {
        assert_eq!(part_bytes(0), 8 << 20);
        assert_eq!(part_bytes(999), 8 << 20);
        assert_eq!(part_bytes(1000), 16 << 20);
        assert_eq!(part_bytes(9999), 64 << 20);
        let whole: usize = (0..10_000).map(part_bytes).sum();
        assert!(whole > 500_000_000_000);
    }
}
