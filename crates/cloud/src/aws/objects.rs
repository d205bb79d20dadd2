//! Objects in S3: pinned reads, conditional writes, always under our key.
//!
//! Used through the port. Every call must name the expected owner of the bucket,
//! so that data is never sent to a foreign bucket of the same name.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use sce_core::object::{Bucket, ObjectKey, ObjectRef};
use sce_core::resources::Resources;

use super::buckets::{Buckets, reference, status};
use super::error::classify;
use super::read::RangedReader;
use super::write::S3Writer;
use crate::error::PortResult;
use crate::ports::{ObjectReader, ObjectStore, ObjectWriter};

/// A project's buckets.
pub struct S3Store {
    buckets: Arc<Buckets>,
}

impl S3Store {
    /// Creates a store over the buckets of `resources`; written objects are encrypted at rest
    /// under the KMS key `key_arn`.
    pub fn new(client: Client, resources: Resources, key_arn: String) -> Self {
        Self { buckets: Arc::new(Buckets { client, resources, key_arn }) }
    }

    pub(super) fn buckets(&self) -> &Buckets {
        &self.buckets
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn create(&self, bucket: Bucket, key: &ObjectKey) -> PortResult<Box<dyn ObjectWriter>> {
        Ok(Box::new(S3Writer::new(self.buckets.clone(), bucket, key.clone())))
    }

    async fn open(&self, bucket: Bucket, object: &ObjectRef) -> PortResult<Box<dyn ObjectReader>> {
        Ok(Box::new(RangedReader::open(self.buckets.clone(), bucket, object.clone()).await?))
    }

    async fn head(&self, bucket: Bucket, key: &ObjectKey) -> PortResult<Option<ObjectRef>> {
        let buckets = &self.buckets;
        let head = buckets
            .client
            .head_object()
            .bucket(buckets.name(bucket))
            .expected_bucket_owner(buckets.owner())
            .key(key.as_str());
        match head.send().await {
            Ok(head) => {
                let size = u64::try_from(head.content_length.unwrap_or_default()).unwrap_or(0);
                reference(key, head.version_id, head.e_tag, size).map(Some)
            }
            // A missing bucket is an error, not an absent object.
            Err(e) if status(&e) == Some(404) && e.code() != Some("NoSuchBucket") => Ok(None),
            Err(e) => Err(classify("head object", key, &e)),
        }
    }
}
