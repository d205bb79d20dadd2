//! Objects in S3: pinned reads, conditional writes, always under our key.
//!
//! Every call names the bucket's expected owner, so that data never go to
//! somebody else's bucket of the same name.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use sce_core::object::{Bucket, ObjectKey, ObjectRef};
use sce_core::resources::Resources;

use super::error::classify;
use super::read::RangedReader;
use super::write::S3Writer;
use crate::error::{Class, PortError, PortResult};
use crate::ports::{ObjectReader, ObjectStore, ObjectWriter};

/// What S3 calls the version of an object in a bucket that keeps none.
const NO_VERSION: &str = "null";

/// A project's buckets.
pub struct S3Store {
    buckets: Arc<Buckets>,
}

/// What every call on them needs.
pub(super) struct Buckets {
    pub(super) client: Client,
    pub(super) resources: Resources,
    pub(super) key_arn: String,
}

impl S3Store {
    /// The buckets of `resources`; what is written is encrypted at rest under
    /// the KMS key `key_arn`.
    pub fn new(client: Client, resources: Resources, key_arn: String) -> Self {
        Self { buckets: Arc::new(Buckets { client, resources, key_arn }) }
    }

    pub(super) fn buckets(&self) -> &Buckets {
        &self.buckets
    }
}

impl Buckets {
    pub(super) fn name(&self, bucket: Bucket) -> String {
        self.resources.bucket(bucket)
    }

    pub(super) fn owner(&self) -> String {
        self.resources.account.to_string()
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
            Err(e) if status(&e) == Some(404) && e.code() != Some("NoSuchBucket") => Ok(None),
            Err(e) => Err(classify("head object", key, &e)),
        }
    }
}

/// The reference to a version, from what S3 answered.
pub(super) fn reference(
    key: &ObjectKey,
    version: Option<String>,
    etag: Option<String>,
    size: u64,
) -> PortResult<ObjectRef> {
    let etag = etag.ok_or_else(|| {
        PortError::new(Class::Permanent, "read answer", key, "the store names no etag")
    })?;
    let version = version.unwrap_or_else(|| NO_VERSION.to_owned());
    Ok(ObjectRef { key: key.clone(), version, etag, size })
}

/// The HTTP status that a service answered with.
pub(super) fn status<E>(
    error: &SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>,
) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}
