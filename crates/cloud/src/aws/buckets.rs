//! A project's buckets, shared by reads and writes.
//!
//! Used by [`super::objects`], and by the reader and the writer that it opens.
//! Must never name a bucket without its owner.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use sce_core::object::{Bucket, ObjectKey, ObjectRef};
use sce_core::resources::Resources;

use crate::error::{Class, PortError, PortResult};

/// The version that S3 reports for an object in a bucket without versions.
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

/// Creates the reference to a version from the response of S3.
pub(super) fn reference(
    key: &ObjectKey,
    version: Option<String>,
    etag: Option<String>,
    size: u64,
) -> PortResult<ObjectRef> {
    let etag = etag.ok_or_else(|| {
        PortError::new(Class::Permanent, "read answer", key, "the store returned no etag")
    })?;
    let version = version.unwrap_or_else(|| NO_VERSION.to_owned());
    Ok(ObjectRef { key: key.clone(), version, etag, size })
}

/// Returns the HTTP status of a response.
pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}
