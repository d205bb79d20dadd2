//! Buckets, the key, the ledger and log groups.

use aws_sdk_s3::types::{Event, Grant, LifecycleRule};
use serde_json::{Value, json};

use super::{document, or_none, set, word};
use crate::aws::account::{Account, Answer, failed};

/// Grantees of an ACL that mean anyone, or anyone with an AWS account.
const EVERYBODY: [&str; 2] = ["/global/AllUsers", "/global/AuthenticatedUsers"];

impl Account {
    pub(super) async fn bucket(&self, id: &str) -> Answer<Option<Value>> {
        let head = self.clients.s3.head_bucket().bucket(id).send().await;
        head.map_err(failed("find bucket", id))?;
        Ok(Some(json!({
            "BucketEncryption": or_none(self.bucket_encryption(id).await),
            "VersioningConfiguration": or_none(self.bucket_versioning(id).await),
            "ObjectLockConfiguration": or_none(self.bucket_lock(id).await),
            "PublicAccessBlockConfiguration": or_none(self.bucket_block(id).await),
            "OwnershipControls": or_none(self.bucket_ownership(id).await),
            "PublicGrants": or_none(self.bucket_grants(id).await),
            "LoggingConfiguration": or_none(self.bucket_logging(id).await),
            "NotificationConfiguration": or_none(self.bucket_notifications(id).await),
            "Expires": or_none(self.bucket_expiry(id).await),
            "Replication": or_none(self.bucket_replication(id).await),
        })))
    }

    async fn bucket_encryption(&self, id: &str) -> Answer<Value> {
        let read = self.clients.s3.get_bucket_encryption().bucket(id).send().await;
        let read = read.map_err(failed("read encryption of bucket", id))?;
        let rules =
            read.server_side_encryption_configuration.map(|of| of.rules).unwrap_or_default();
        let rules = rules.iter().map(|of| {
            let by = of.apply_server_side_encryption_by_default.as_ref();
            json!({
                "BucketKeyEnabled": of.bucket_key_enabled,
                "ServerSideEncryptionByDefault": by.map(|of| json!({
                    "SSEAlgorithm": of.sse_algorithm.as_str(),
                    "KMSMasterKeyID": set(of.kms_master_key_id.as_ref()),
                })),
            })
        });
        Ok(json!({ "ServerSideEncryptionConfiguration": rules.collect::<Vec<_>>() }))
    }

    async fn bucket_versioning(&self, id: &str) -> Answer<Value> {
        let read = self.clients.s3.get_bucket_versioning().bucket(id).send().await;
        let read = read.map_err(failed("read versioning of bucket", id))?;
        // A bucket that never had versioning has no status.
        let status = read.status.map_or("never enabled".to_owned(), |of| of.as_str().to_owned());
        Ok(json!({ "Status": status }))
    }

    async fn bucket_lock(&self, id: &str) -> Answer<Value> {
        let read = self.clients.s3.get_object_lock_configuration().bucket(id).send().await;
        let read = read.map_err(failed("read lock of bucket", id))?.object_lock_configuration;
        let rule = read.as_ref().and_then(|of| of.rule.as_ref()?.default_retention.as_ref());
        let enabled = read.as_ref().and_then(|of| of.object_lock_enabled.as_ref());
        Ok(json!({
            "ObjectLockEnabled": set(word(enabled)),
            "Rule": { "DefaultRetention": set(rule.map(|of| json!({
                "Mode": set(word(of.mode.as_ref())),
                // AWS reports the retention in the unit that it was set in.
                "Years": set(of.years.or(of.days.map(|days| days / 365))),
            }))) },
        }))
    }

    /// Lifecycle rules that delete or move stored objects.
    async fn bucket_expiry(&self, id: &str) -> Answer<Value> {
        let read = self.clients.s3.get_bucket_lifecycle_configuration().bucket(id).send().await;
        let rules = match read.map_err(failed("read lifecycle of bucket", id)) {
            Ok(read) => read.rules.unwrap_or_default(),
            Err(e) if e.is_absent() => Vec::new(),
            Err(e) => return Err(e),
        };
        let removes = |of: &&LifecycleRule| {
            let moves = of.transitions.is_some() || of.noncurrent_version_transitions.is_some();
            moves || of.expiration.is_some() || of.noncurrent_version_expiration.is_some()
        };
        let found = rules.iter().filter(removes).map(|of| of.id.as_deref().unwrap_or("a rule"));
        Ok(json!(found.collect::<Vec<_>>()))
    }

    async fn bucket_replication(&self, id: &str) -> Answer<Value> {
        let read = self.clients.s3.get_bucket_replication().bucket(id).send().await;
        let read = read.map_err(failed("read replication of bucket", id))?;
        let rules = read.replication_configuration.map(|of| of.rules).unwrap_or_default();
        let to = rules.iter().filter_map(|of| of.destination.as_ref()).map(|of| of.bucket.as_str());
        Ok(json!(to.collect::<Vec<_>>()))
    }

    async fn bucket_block(&self, id: &str) -> Answer<Value> {
        let read = self.clients.s3.get_public_access_block().bucket(id).send().await;
        let read = read.map_err(failed("read public access block of bucket", id))?;
        Ok(read.public_access_block_configuration.map_or(Value::Null, |of| {
            json!({
                "BlockPublicAcls": of.block_public_acls,
                "BlockPublicPolicy": of.block_public_policy,
                "IgnorePublicAcls": of.ignore_public_acls,
                "RestrictPublicBuckets": of.restrict_public_buckets,
            })
        }))
    }

    async fn bucket_ownership(&self, id: &str) -> Answer<Value> {
        let read = self.clients.s3.get_bucket_ownership_controls().bucket(id).send().await;
        let read = read.map_err(failed("read ownership of bucket", id))?;
        let rules = read.ownership_controls.map(|of| of.rules).unwrap_or_default();
        let rules =
            rules.iter().map(|of| json!({ "ObjectOwnership": of.object_ownership.as_str() }));
        Ok(json!({ "Rules": rules.collect::<Vec<_>>() }))
    }

    /// Public grants in the bucket's ACL.
    async fn bucket_grants(&self, id: &str) -> Answer<Value> {
        let read = self.clients.s3.get_bucket_acl().bucket(id).send().await;
        let read = read.map_err(failed("read access list of bucket", id))?;
        let public = |of: &Grant| {
            let grantee = of.grantee.as_ref()?.uri.as_ref()?;
            let whom = EVERYBODY.into_iter().find(|whom| grantee.ends_with(whom))?;
            let what = of.permission.as_ref().map_or("", |of| of.as_str());
            Some(format!("{what} to {}", whom.trim_start_matches("/global/")))
        };
        Ok(json!(read.grants.iter().flatten().filter_map(public).collect::<Vec<_>>()))
    }

    async fn bucket_logging(&self, id: &str) -> Answer<Value> {
        let read = self.clients.s3.get_bucket_logging().bucket(id).send().await;
        let read = read.map_err(failed("read logging of bucket", id))?;
        Ok(read.logging_enabled.map_or(json!("none"), |of| {
            json!({ "DestinationBucketName": of.target_bucket, "LogFilePrefix": of.target_prefix })
        }))
    }

    async fn bucket_notifications(&self, id: &str) -> Answer<Value> {
        let read = self.clients.s3.get_bucket_notification_configuration().bucket(id).send().await;
        let read = read.map_err(failed("read notifications of bucket", id))?;
        let queues = read.queue_configurations.into_iter().flatten().map(|of| {
            let events: Vec<&str> = of.events.iter().map(Event::as_str).collect();
            json!({ "Event": events, "Queue": of.queue_arn })
        });
        Ok(json!({ "QueueConfigurations": queues.collect::<Vec<_>>() }))
    }

    pub(super) async fn bucket_policy(&self, bucket: &Value) -> Answer<Option<Value>> {
        let id = bucket.as_str().unwrap_or_default();
        let read = self.clients.s3.get_bucket_policy().bucket(id).send().await;
        let read = read.map_err(failed("read policy of bucket", id))?;
        Ok(Some(json!({ "PolicyDocument": document(read.policy.as_deref()) })))
    }

    pub(super) async fn key(&self, id: &str) -> Answer<Option<Value>> {
        let kms = &self.clients.kms;
        let read = kms.describe_key().key_id(id).send().await;
        let key = read.map_err(failed("read key", id))?.key_metadata;
        let policy = kms.get_key_policy().key_id(id).policy_name("default").send().await;
        let policy = policy.map(|of| document(of.policy.as_deref()));
        let rotation = kms.get_key_rotation_status().key_id(id).send().await;
        let rotation = rotation.map(|of| json!(of.key_rotation_enabled));
        Ok(key.map(|of| {
            json!({
                "State": of.key_state.map(|of| of.as_str().to_owned()),
                "KeyPolicy": or_none(policy.map_err(failed("read policy of key", id))),
                "EnableKeyRotation": or_none(rotation.map_err(failed("read rotation of key", id))),
            })
        }))
    }

    pub(super) async fn alias(&self, id: &str) -> Answer<Option<Value>> {
        let read = self.clients.kms.describe_key().key_id(id).send().await;
        let key = read.map_err(failed("read alias", id))?.key_metadata;
        Ok(key.map(|of| json!({ "TargetKeyId": of.key_id })))
    }

    pub(super) async fn table(&self, id: &str) -> Answer<Option<Value>> {
        let dynamodb = &self.clients.dynamodb;
        let read = dynamodb.describe_table().table_name(id).send().await;
        let Some(table) = read.map_err(failed("read table", id))?.table else {
            return Ok(None);
        };
        let backups = dynamodb.describe_continuous_backups().table_name(id).send().await;
        let backups = backups.map_err(failed("read backups of table", id)).map(|of| {
            let point = of
                .continuous_backups_description
                .and_then(|of| of.point_in_time_recovery_description);
            let status = point.and_then(|of| of.point_in_time_recovery_status);
            json!({ "PointInTimeRecoveryEnabled": status.map(|of| of.as_str() == "ENABLED") })
        });
        let sse = table.sse_description.map_or(json!("none"), |of| {
            json!({
                "SSEEnabled": of.status.map(|of| ["ENABLED", "UPDATING"].contains(&of.as_str())),
                "SSEType": of.sse_type.map(|of| of.as_str().to_owned()),
                "KMSMasterKeyId": of.kms_master_key_arn,
            })
        });
        Ok(Some(json!({
            "SSESpecification": sse,
            "PointInTimeRecoverySpecification": or_none(backups),
            "DeletionProtectionEnabled": table.deletion_protection_enabled,
        })))
    }

    pub(super) async fn log_group(&self, id: &str) -> Answer<Option<Value>> {
        let read = self.logs.describe_log_groups().log_group_name_prefix(id).send().await;
        let groups = read.map_err(failed("read log group", id))?.log_groups;
        let of = groups.into_iter().flatten().find(|of| of.log_group_name.as_deref() == Some(id));
        Ok(of.map(|of| {
            json!({
                "KmsKeyId": of.kms_key_id.map_or(json!("none"), |of| json!(of)),
                "RetentionInDays": of.retention_in_days.map_or(json!("forever"), |of| json!(of)),
            })
        }))
    }
}
