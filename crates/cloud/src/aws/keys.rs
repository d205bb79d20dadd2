//! Data keys from KMS: one for each object, generated and unwrapped under the
//! project's key and bound to the object by the encryption context.
//!
//! Used through the port. Must never unwrap with another key than the project's.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use sce_core::envelope::{DataKey, EncryptedDataKey, EncryptionContext};
use zeroize::Zeroizing;

use super::error::classify;
use crate::error::{Class, PortError, PortResult};
use crate::ports::KeyService;

/// Provider id of KMS in envelopes.
const PROVIDER: &str = "aws-kms";

/// The project's key in KMS.
pub struct KmsKeys {
    client: Client,
    key_arn: String,
}

impl KmsKeys {
    /// Creates a key service under the key of this ARN.
    pub fn new(client: Client, key_arn: String) -> Self {
        Self { client, key_arn }
    }

    fn fail(&self, class: Class, operation: &'static str, cause: &str) -> PortError {
        PortError::new(class, operation, &self.key_arn, cause)
    }
}

/// Returns the ARN of the key behind an alias (or another name of the key).
///
/// # Errors
/// Returns an error if there is no such key, if it is disabled, or if access is denied.
pub async fn find_key(client: &Client, name: &str) -> PortResult<String> {
    let found = client.describe_key().key_id(name).send().await;
    let found = found.map_err(|e| classify("find key", name, &e))?.key_metadata;
    match found {
        Some(key) if key.enabled => {
            key.arn.ok_or_else(|| PortError::new(Class::Permanent, "find key", name, "no ARN"))
        }
        _ => {
            let cause = "it is disabled or pending deletion: enable it first";
            Err(PortError::new(Class::Configuration, "find key", name, cause))
        }
    }
}

fn pairs(context: &EncryptionContext) -> HashMap<String, String> {
    context.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[async_trait]
impl KeyService for KmsKeys {
    async fn generate(
        &self,
        context: &EncryptionContext,
    ) -> PortResult<(DataKey, EncryptedDataKey)> {
        const OPERATION: &str = "generate data key";
        let made = self
            .client
            .generate_data_key()
            .key_id(&self.key_arn)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(pairs(context)))
            .send()
            .await
            .map_err(|e| classify(OPERATION, &self.key_arn, &e))?;
        let (Some(plaintext), Some(ciphertext), Some(arn)) =
            (made.plaintext, made.ciphertext_blob, made.key_id)
        else {
            return Err(self.fail(Class::Permanent, OPERATION, "KMS returned no key"));
        };
        let data_key =
            take_key(plaintext).map_err(|cause| self.fail(Class::Permanent, OPERATION, &cause))?;
        let wrapped = EncryptedDataKey {
            provider_id: PROVIDER.to_owned(),
            provider_info: arn.into_bytes(),
            ciphertext: ciphertext.into_inner(),
        };
        Ok((data_key, wrapped))
    }

    async fn unwrap(
        &self,
        wrapped: &[EncryptedDataKey],
        context: &EncryptionContext,
    ) -> PortResult<DataKey> {
        const OPERATION: &str = "unwrap data key";
        // Chosen here by ARN: KMS would also decrypt with a foreign key that allows it.
        let ours = |edk: &&EncryptedDataKey| {
            edk.provider_id == PROVIDER && edk.provider_info == self.key_arn.as_bytes()
        };
        let Some(edk) = wrapped.iter().find(ours) else {
            let cause = "the object is sealed with another key";
            return Err(self.fail(Class::WrongKey, OPERATION, cause));
        };
        let opened = self
            .client
            .decrypt()
            .key_id(&self.key_arn)
            .ciphertext_blob(Blob::new(edk.ciphertext.clone()))
            .set_encryption_context(Some(pairs(context)))
            .send()
            .await
            .map_err(|e| match e.code() {
                Some("InvalidCiphertextException" | "IncorrectKeyException") => {
                    self.fail(Class::WrongKey, OPERATION, "KMS does not open it in this context")
                }
                _ => classify(OPERATION, &self.key_arn, &e),
            })?;
        // KMS reports the key that it used; an answer under another key is refused.
        if opened.key_id.as_deref() != Some(self.key_arn.as_str()) {
            return Err(self.fail(Class::WrongKey, OPERATION, "KMS opened it with another key"));
        }
        let plaintext = opened
            .plaintext
            .ok_or_else(|| self.fail(Class::Permanent, OPERATION, "KMS returned no key"))?;
        take_key(plaintext).map_err(|cause| self.fail(Class::WrongKey, OPERATION, &cause))
    }

    fn key_name(&self) -> String {
        self.key_arn.clone()
    }
}

/// Moves the key out of a response; the response's copy is zeroized.
fn take_key(plaintext: Blob) -> Result<DataKey, String> {
    let bytes = Zeroizing::new(plaintext.into_inner());
    DataKey::try_from(bytes.as_slice()).map_err(|e| e.to_string())
}
