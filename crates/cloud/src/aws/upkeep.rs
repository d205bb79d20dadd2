//! Unfinished multipart uploads in S3.
//!
//! Used by `sce reap` only. Must never remove anything but the parts of such
//! uploads.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::MultipartUpload;
use sce_core::object::Bucket;
use sce_core::time::Timestamp;

use super::error::classify;
use super::objects::S3Store;
use crate::error::PortResult;

/// A multipart upload that was started and not completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// The bucket.
    pub bucket: Bucket,
    /// The key; it never became an object.
    key: String,
    /// The upload id.
    pub id: String,
    /// When it was started.
    pub begun_at: Option<Timestamp>,
}

impl S3Store {
    /// Returns the bucket's uploads that were started and not completed.
    ///
    /// # Errors
    /// Returns an error if the S3 call fails.
    pub async fn unfinished_uploads(&self, bucket: Bucket) -> PortResult<Vec<UnfinishedUpload>> {
        let buckets = self.buckets();
        let name = buckets.name(bucket);
        let mut uploads = Vec::new();
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let page = buckets
                .client
                .list_multipart_uploads()
                .bucket(&name)
                .expected_bucket_owner(buckets.owner())
                .set_key_marker(key_marker)
                .set_upload_id_marker(id_marker)
                .send()
                .await
                .map_err(|e| classify("list uploads", &name, &e))?;
            uploads.extend(
                page.uploads
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|upload| read(bucket, upload)),
            );
            if page.is_truncated != Some(true) {
                return Ok(uploads);
            }
            // Both markers: several uploads may have the same key.
            (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
        }
    }

    /// Aborts an upload; its parts cost nothing afterwards.
    ///
    /// # Errors
    /// Returns an error if the S3 call fails.
    pub async fn abort_upload(&self, upload: &UnfinishedUpload) -> PortResult<()> {
        let buckets = self.buckets();
        let aborted = buckets
            .client
            .abort_multipart_upload()
            .bucket(buckets.name(upload.bucket))
            .expected_bucket_owner(buckets.owner())
            .key(&upload.key)
            .upload_id(&upload.id)
            .send()
            .await;
        match aborted {
            // Completed or aborted in the meantime.
            Err(e) if e.code() != Some("NoSuchUpload") => {
                Err(classify("abort upload", &upload.id, &e))
            }
            _ => Ok(()),
        }
    }
}

fn read(bucket: Bucket, upload: MultipartUpload) -> Option<UnfinishedUpload> {
    let begun_at = upload.initiated.and_then(|at| at.to_millis().ok()).map(Timestamp);
    Some(UnfinishedUpload { bucket, key: upload.key?, id: upload.upload_id?, begun_at })
}
