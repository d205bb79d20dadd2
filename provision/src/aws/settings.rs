//! Account settings that no template covers: defaults of new volumes, instances
//! and buckets. Also the VPC's default security group.

use aws_sdk_ec2::types::{Filter, HttpTokensState, MetadataDefaultHttpTokensState};
use aws_sdk_s3control::types::PublicAccessBlockConfiguration;
use serde_json::{Value, json};

use crate::aws::account::{Account, Answer, failed, unreadable};
use crate::compare::{Verdict, compare};
use crate::expect::states;

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// New volumes are encrypted.
    EbsEncryptionByDefault,
    /// New instances have IMDSv2 only.
    HttpTokens,
    /// No bucket of the account can be public.
    PublicAccessBlock,
}

impl Setting {
    /// All settings, with the command that changes each.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::EbsEncryptionByDefault, "aws ec2 enable-ebs-encryption-by-default"),
        (Self::HttpTokens, "aws ec2 modify-instance-metadata-defaults --http-tokens required"),
        (
            Self::PublicAccessBlock,
            "aws s3control put-public-access-block --account-id ACCOUNT --public-access-block-configuration \
             BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
        ),
    ];

    /// Its property name in `sce::Account`.
    pub const fn property(self) -> &'static str {
        match self {
            Self::EbsEncryptionByDefault => "EbsEncryptionByDefault",
            Self::HttpTokens => "HttpTokens",
            Self::PublicAccessBlock => "PublicAccessBlock",
        }
    }
}

impl Account {
    /// The current settings, in the form of `sce::Account` in `expect`.
    pub(super) async fn settings(&self) -> Value {
        json!({
            "EbsEncryptionByDefault": self.encrypts_volumes().await.unwrap_or_else(unreadable),
            "HttpTokens": self.metadata_default().await.unwrap_or_else(unreadable),
            "PublicAccessBlock": self.public_access_block().await.unwrap_or_else(unreadable),
        })
    }

    /// Compares a setting with its required value.
    pub async fn look_at(&self, setting: Setting) -> Verdict {
        let read = match setting {
            Setting::EbsEncryptionByDefault => self.encrypts_volumes().await,
            Setting::HttpTokens => self.metadata_default().await,
            Setting::PublicAccessBlock => self.public_access_block().await,
        };
        let wanted = &states("sce::Account")[setting.property()];
        compare(wanted, &read.unwrap_or_else(unreadable), false)
    }

    async fn encrypts_volumes(&self) -> Answer<Value> {
        let read = self.clients.ec2.get_ebs_encryption_by_default().send().await;
        let read = read.map_err(failed("read account setting", "EBS encryption by default"))?;
        Ok(json!(read.ebs_encryption_by_default))
    }

    async fn metadata_default(&self) -> Answer<Value> {
        let read = self.clients.ec2.get_instance_metadata_defaults().send().await;
        let read = read.map_err(failed("read account setting", "IMDSv2 by default"))?;
        let tokens = read.account_level.and_then(|of| of.http_tokens);
        // Without a default, AWS reports no value.
        Ok(json!(tokens.as_ref().map_or("not set", HttpTokensState::as_str)))
    }

    async fn public_access_block(&self) -> Answer<Value> {
        let account = self.place.account.to_string();
        let read = self.s3control.get_public_access_block().account_id(account).send().await;
        match read.map_err(failed("read account setting", "public access block")) {
            Ok(read) => {
                let block = read.public_access_block_configuration;
                Ok(block.map_or(json!("not set"), |of| {
                    json!({
                        "BlockPublicAcls": of.block_public_acls,
                        "BlockPublicPolicy": of.block_public_policy,
                        "IgnorePublicAcls": of.ignore_public_acls,
                        "RestrictPublicBuckets": of.restrict_public_buckets,
                    })
                }))
            }
            // An error without a code never reached the service, so it does not
            // mean "not set".
            Err(e) if e.is_absent() && !e.code().is_empty() => Ok(json!("not set")),
            Err(e) => Err(e),
        }
    }

    /// Changes one setting of the account.
    ///
    /// # Errors
    /// AWS rejects the request.
    pub async fn set(&self, setting: Setting) -> Answer<()> {
        let ec2 = &self.clients.ec2;
        let name = setting.property();
        match setting {
            Setting::EbsEncryptionByDefault => {
                let set = ec2.enable_ebs_encryption_by_default().send().await;
                set.map(drop).map_err(failed("set account setting", name))
            }
            Setting::HttpTokens => {
                let required = MetadataDefaultHttpTokensState::Required;
                let set = ec2.modify_instance_metadata_defaults().http_tokens(required);
                set.send().await.map(drop).map_err(failed("set account setting", name))
            }
            Setting::PublicAccessBlock => {
                let block = PublicAccessBlockConfiguration::builder()
                    .block_public_acls(true)
                    .block_public_policy(true)
                    .ignore_public_acls(true)
                    .restrict_public_buckets(true)
                    .build();
                let account = self.place.account.to_string();
                let set = self.s3control.put_public_access_block().account_id(account);
                let set = set.public_access_block_configuration(block).send().await;
                set.map(drop).map_err(failed("set account setting", name))
            }
        }
    }

    /// Removes every rule from the VPC's default security group and returns
    /// their number.
    ///
    /// # Errors
    /// AWS rejects the request.
    pub async fn close_default_group(&self, vpc: &str) -> Answer<usize> {
        let ec2 = &self.clients.ec2;
        let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
        let of_vpc = ec2.describe_security_groups().filters(filter("vpc-id", vpc));
        let read = of_vpc.filters(filter("group-name", "default")).send().await;
        let read = read.map_err(failed("read default group of", vpc))?;
        let mut closed = 0;
        for group in read.security_groups.into_iter().flatten() {
            let id = group.group_id.unwrap_or_default();
            if let Some(rules) = group.ip_permissions.filter(|of| !of.is_empty()) {
                closed += rules.len();
                let revoke = ec2.revoke_security_group_ingress().group_id(&id);
                let revoked = revoke.set_ip_permissions(Some(rules)).send().await;
                revoked.map_err(failed("close default group", &id))?;
            }
            if let Some(rules) = group.ip_permissions_egress.filter(|of| !of.is_empty()) {
                closed += rules.len();
                let revoke = ec2.revoke_security_group_egress().group_id(&id);
                let revoked = revoke.set_ip_permissions(Some(rules)).send().await;
                revoked.map_err(failed("close default group", &id))?;
            }
        }
        Ok(closed)
    }
}
