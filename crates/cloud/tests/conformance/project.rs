//! A separate project on an emulator of AWS, with only what a check needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use sce_cloud::aws::{Clients, S3Store, loader};
use sce_core::object::Bucket;
use sce_core::resources::Resources;
use sce_testkit::{ACCOUNT, Emulator, REGION};

/// A project whose resources are created on request.
pub struct Project {
    /// Name of the emulator.
    pub name: &'static str,
    pub clients: Clients,
    pub resources: Resources,
}

impl Project {
    /// Creates a project on an emulator that is used at `endpoint`: directly, or through its
    /// proxy.
    pub async fn on(emulator: &Emulator, endpoint: String) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let config = loader(Some(REGION.to_owned()))
            .endpoint_url(endpoint)
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"));
        let pit = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed) + 10);
        Self {
            name: emulator.kind().name(),
            clients: Clients::of(&config.load().await),
            resources: Resources {
                pit: pit.parse().unwrap(),
                account: ACCOUNT.parse().unwrap(),
                region: REGION.to_owned(),
            },
        }
    }

    /// Creates a key under the project's alias; returns its ARN.
    pub async fn make_key(&self) -> String {
        let kms = &self.clients.kms;
        let key = kms.create_key().send().await.unwrap().key_metadata.unwrap();
        let alias = kms.create_alias().alias_name(self.resources.key_alias());
        alias.target_key_id(&key.key_id).send().await.unwrap();
        key.arn.unwrap()
    }

    /// Creates the four buckets, with versions, like in the environment.
    pub async fn make_buckets(&self) {
        let s3 = &self.clients.s3;
        for bucket in Bucket::ALL {
            let name = self.resources.bucket(bucket);
            s3.create_bucket().bucket(&name).send().await.unwrap();
            let versions =
                VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
            let versioning = s3.put_bucket_versioning().bucket(&name);
            versioning.versioning_configuration(versions).send().await.unwrap();
        }
    }

    /// Creates key and buckets; returns the adapter and the key's ARN.
    pub async fn make_store(&self) -> (Arc<S3Store>, String) {
        let key = self.make_key().await;
        self.make_buckets().await;
        let store = S3Store::new(self.clients.s3.clone(), self.resources.clone(), key.clone());
        (Arc::new(store), key)
    }

    pub async fn make_queue(&self, name: &str) {
        self.clients.sqs.create_queue().queue_name(name).send().await.unwrap();
    }

    pub async fn make_table(&self) {
        let attribute = |name| {
            let text = AttributeDefinition::builder().attribute_name(name);
            text.attribute_type(ScalarAttributeType::S).build().unwrap()
        };
        let key = |name, kind| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
        };
        self.clients
            .dynamodb
            .create_table()
            .table_name(self.resources.table())
            .attribute_definitions(attribute("pk"))
            .attribute_definitions(attribute("sk"))
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .billing_mode(BillingMode::PayPerRequest)
            .send()
            .await
            .unwrap();
    }
}
