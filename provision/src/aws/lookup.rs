//! Values that depend on the account or region: images, the key pair, and
//! prefix lists.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::Filter;

use crate::aws::account::{Account, AccountError, Answer, failed};

/// Tag that identifies images; its value is the image's role.
pub const IMAGE_TAG: &str = "sce:image";

impl Account {
    /// Returns a value for each of the template's parameters: first the given
    /// ones, then those of the existing stack (a newer image does not replace a
    /// machine), then those that are looked up. Workers always get the newest
    /// image.
    ///
    /// # Errors
    /// The region has no such image, key pair or prefix list.
    pub async fn parameters(
        &self,
        wanted: &BTreeSet<&str>,
        mut given: BTreeMap<String, String>,
        standing: &BTreeMap<String, String>,
    ) -> Answer<BTreeMap<String, String>> {
        for (name, value) in standing.iter().filter(|(name, _)| *name != "WorkerImage") {
            given.entry(name.clone()).or_insert_with(|| value.clone());
        }
        for name in wanted {
            // A given key pair is verified too: EC2 would reject it only during
            // the deployment.
            if given.contains_key(*name) && *name != "KeyPair" {
                continue;
            }
            let value = match *name {
                "WorkerImage" => self.newest_image("worker", "--worker-ami").await?,
                "BastionImage" => self.newest_image("bastion", "--bastion-ami").await?,
                "WorkbenchImage" => self.newest_image("workbench", "--workbench-ami").await?,
                "S3Prefixes" => self.prefix_list("s3").await?,
                "DynamoDbPrefixes" => self.prefix_list("dynamodb").await?,
                "KeyPair" => {
                    let default = format!("{}_keypair", self.place.pit);
                    self.key_pair(given.get("KeyPair").cloned().unwrap_or(default)).await?
                }
                _ => continue,
            };
            given.insert((*name).to_owned(), value);
        }
        Ok(given)
    }

    /// The account's newest image with the role's tag.
    async fn newest_image(&self, role: &str, flag: &str) -> Answer<String> {
        let tagged = Filter::builder().name(format!("tag:{IMAGE_TAG}")).values(role).build();
        let usable = Filter::builder().name("state").values("available").build();
        // Only own images: anyone could publish an image with this tag.
        let asked = self.clients.ec2.describe_images().owners("self").filters(tagged);
        let read = asked.filters(usable).send().await;
        let images = read.map_err(failed("find images of the", role))?.images;
        let newest =
            images.into_iter().flatten().max_by(|a, b| a.creation_date.cmp(&b.creation_date));
        newest.and_then(|of| of.image_id).ok_or_else(|| {
            let cause = format!(
                "there is none in {} with the tag {IMAGE_TAG}={role}: build it with Packer, \
                 or use {flag}",
                self.place.region
            );
            AccountError::new("find an image of the", role, cause)
        })
    }

    /// The prefix list of a service in the region.
    async fn prefix_list(&self, service: &str) -> Answer<String> {
        let name = format!("com.amazonaws.{}.{service}", self.place.region);
        let filter = Filter::builder().name("prefix-list-name").values(&name).build();
        let read = self.clients.ec2.describe_managed_prefix_lists().filters(filter).send().await;
        let lists = read.map_err(failed("find prefix list", &name))?.prefix_lists;
        let mut lists = lists.into_iter().flatten();
        let found = lists.find(|of| of.prefix_list_name.as_deref() == Some(&name));
        found.and_then(|of| of.prefix_list_id).ok_or_else(|| {
            AccountError::new("find prefix list", &name, "the region has none of this name")
        })
    }

    async fn key_pair(&self, name: String) -> Answer<String> {
        let read = self.clients.ec2.describe_key_pairs().key_names(&name).send().await;
        let there = match read.map_err(failed("find key pair", &name)) {
            Ok(read) => read.key_pairs.is_some_and(|of| !of.is_empty()),
            Err(e) if e.is_absent() => false,
            Err(e) => return Err(e),
        };
        let cause = format!(
            "it does not exist: aws ec2 create-key-pair --key-name {name}, or use --key-pair"
        );
        if there { Ok(name) } else { Err(AccountError::new("find key pair", &name, cause)) }
    }
}
