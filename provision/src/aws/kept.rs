//! Resources retained from an earlier environment, and the bucket that holds
//! templates.

use std::collections::BTreeMap;

use aws_sdk_s3::types::ServerSideEncryption;
use sce_cloud::aws::find_key;
use sce_core::object::Bucket;
use serde_json::Value;

use crate::aws::account::{Account, AccountError, Answer, failed};
use crate::expect::{Names, expect};
use crate::stage::{Found, LogicalId, Stage, import_identifier};

/// Pages of 1,000 objects that are listed to determine a bucket's size.
const PAGES_MAX: u32 = 100;

impl Account {
    /// Finds the retained resources that exist already, with the identifiers
    /// that an import needs.
    ///
    /// # Errors
    /// AWS does not answer, or another account owns a name.
    pub async fn kept(
        &self,
        template: &Stage,
        parameters: &BTreeMap<String, String>,
    ) -> Answer<Found> {
        let key = self.kept_key().await?;
        // References between retained resources are resolved with these names.
        let named = |(id, of): (&str, &Value)| -> Option<(LogicalId, &str, String)> {
            let property = import_identifier(of["Type"].as_str()?)?;
            Some((id.to_owned(), property, of["Type"].as_str()?.to_owned()))
        };
        let kept: Vec<(LogicalId, &str, String)> = template.resources().filter_map(named).collect();
        let mut ids = BTreeMap::new();
        // A policy refers to its bucket's name, which only the first pass
        // finds.
        for _ in 0..2 {
            let names = Names { place: &self.place, parameters, ids: &ids };
            let expected = expect(template, &names);
            for (id, property, kind) in &kept {
                let name = match kind.as_str() {
                    "AWS::KMS::Key" => key.clone(),
                    _ => expected[id].properties[property].as_str().map(str::to_owned),
                };
                ids.extend(name.map(|name| (id.clone(), name)));
            }
        }
        let mut found = Found::new();
        for (id, _, kind) in kept {
            if let Some(name) = ids.get(&id)
                && self.is_there(&kind, name).await?
            {
                found.insert(id, name.clone());
            }
        }
        if let (None, Some(other)) = (&key, found.keys().next()) {
            let alias = self.place.key_alias();
            let cause = format!(
                "{other} of an earlier environment exists, but the alias of the key that sealed it \
                 does not: create the alias again (aws kms create-alias --alias-name {alias} \
                 --target-key-id …), or choose another PIT"
            );
            return Err(AccountError::new("import key", &alias, cause));
        }
        Ok(found)
    }

    /// The id of the key that the project's alias names.
    async fn kept_key(&self) -> Answer<Option<String>> {
        let alias = self.place.key_alias();
        let read = self.clients.kms.describe_key().key_id(&alias).send().await;
        let key = match read.map_err(failed("find key", &alias)) {
            Ok(read) => read.key_metadata,
            Err(e) if e.is_absent() => None,
            Err(e) => return Err(e),
        };
        // Importing a key that is pending deletion would end in losing it with
        // all its data.
        if key.as_ref().is_some_and(|of| of.deletion_date.is_some()) {
            let cause = "it is pending deletion, and everything sealed with it would be lost: \
                         aws kms cancel-key-deletion";
            return Err(AccountError::new("import key", &alias, cause));
        }
        Ok(key.map(|of| of.key_id))
    }

    async fn is_there(&self, kind: &str, name: &str) -> Answer<bool> {
        let clients = &self.clients;
        let looked = match kind {
            "AWS::S3::Bucket" => {
                let head = clients.s3.head_bucket().bucket(name).send().await;
                head.map(drop).map_err(failed("find bucket", name))
            }
            "AWS::S3::BucketPolicy" => {
                let read = clients.s3.get_bucket_policy().bucket(name).send().await;
                read.map(drop).map_err(failed("find policy of bucket", name))
            }
            "AWS::DynamoDB::Table" => {
                let read = clients.dynamodb.describe_table().table_name(name).send().await;
                read.map(drop).map_err(failed("find table", name))
            }
            "AWS::Logs::LogGroup" => return self.has_log_group(name).await,
            // Keys and aliases are both found by alias.
            _ => {
                let read = clients.kms.describe_key().key_id(name).send().await;
                read.map(drop).map_err(failed("find key", name))
            }
        };
        match looked {
            Ok(()) => Ok(true),
            Err(e) if e.is_absent() => Ok(false),
            Err(e) => Err(e),
        }
    }

    async fn has_log_group(&self, name: &str) -> Answer<bool> {
        let read = self.logs.describe_log_groups().log_group_name_prefix(name).send().await;
        let groups = read.map_err(failed("find log group", name))?.log_groups;
        Ok(groups.into_iter().flatten().any(|of| of.log_group_name.as_deref() == Some(name)))
    }

    /// Stores a template in S3A and returns the URL for CloudFormation.
    pub(super) async fn store_template(&self, key: &str, body: String) -> Answer<String> {
        let bucket = self.place.bucket(Bucket::Ancillary);
        let object = format!("templates/{key}.json");
        let alias = self.place.key_alias_arn();
        let key_arn = find_key(&self.clients.kms, &alias).await;
        let key_arn =
            key_arn.map_err(|e| AccountError::new("store template", &bucket, e.to_string()))?;
        let put = self
            .clients
            .s3
            .put_object()
            .bucket(&bucket)
            .key(&object)
            .content_type("application/json")
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .ssekms_key_id(key_arn)
            .body(body.into_bytes().into());
        put.send().await.map_err(failed("store template", format!("{bucket}/{object}")))?;
        let region = &self.place.region;
        let suffix = if self.place.partition() == "aws-cn" { ".cn" } else { "" };
        Ok(match &self.emulator {
            Some(url) => format!("{}/{bucket}/{object}", url.trim_end_matches('/')),
            None => format!("https://{bucket}.s3.{region}.amazonaws.com{suffix}/{object}"),
        })
    }

    /// Size of a retained resource in bytes; `None` if its type has no size,
    /// AWS does not report it, or it would take too many requests.
    pub async fn weigh(&self, kind: &str, name: &str) -> Option<u64> {
        self.try_weigh(kind, name).await.ok().flatten()
    }

    async fn try_weigh(&self, kind: &str, name: &str) -> Answer<Option<u64>> {
        let whole = |size: Option<i64>| size.and_then(|of| u64::try_from(of).ok());
        match kind {
            "AWS::S3::Bucket" => self.weigh_bucket(name).await,
            "AWS::DynamoDB::Table" => {
                let read = self.clients.dynamodb.describe_table().table_name(name).send().await;
                let table = read.map_err(failed("read size of table", name))?.table;
                Ok(table.and_then(|of| whole(of.table_size_bytes)))
            }
            "AWS::Logs::LogGroup" => {
                let read = self.logs.describe_log_groups().log_group_name_prefix(name).send().await;
                let groups = read.map_err(failed("read size of log group", name))?.log_groups;
                let mut groups = groups.into_iter().flatten();
                let found = groups.find(|of| of.log_group_name.as_deref() == Some(name));
                Ok(found.and_then(|of| whole(of.stored_bytes)))
            }
            _ => Ok(None),
        }
    }

    /// Sums every version of every object: noncurrent versions cost the same.
    async fn weigh_bucket(&self, name: &str) -> Answer<Option<u64>> {
        let mut sum = 0_u64;
        let mut after: (Option<String>, Option<String>) = (None, None);
        for _ in 0..PAGES_MAX {
            let asked = self.clients.s3.list_object_versions().bucket(name);
            let asked = asked.set_key_marker(after.0).set_version_id_marker(after.1);
            let page = asked.send().await.map_err(failed("read size of bucket", name))?;
            let sizes = page.versions.into_iter().flatten().filter_map(|of| of.size);
            sum += sizes.filter_map(|of| u64::try_from(of).ok()).sum::<u64>();
            after = (page.next_key_marker, page.next_version_id_marker);
            if page.is_truncated != Some(true) || after.0.is_none() {
                return Ok(Some(sum));
            }
        }
        Ok(None)
    }
}
