//! A project's buckets, and what reads and writes on them share.
//!
//! Used by [`super::objects`], and by the reader and the writer that it opens.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use sce_core::object::{Bucket, ObjectKey, ObjectRef};
use sce_core::resources::Resources;

use crate::error::{Class, PortError, PortResult};

/// What S3 calls the version of an object in a bucket that keeps none.
const NO_VERSION: &str = "null";

/// Everything that a call on the buckets needs.
pub(super) struct Buckets {
    pub(super) client: Client,
    pub(super) resources: Resources,
    pub(super) key_arn: String,
}

impl Buckets {
    pub(super) fn name(&self, bucket: Bucket) -> String {
        self.resources.bucket(bucket)
    }

    pub(super) fn owner(&self) -> String {
        self.resources.account.to_string()
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
pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}
