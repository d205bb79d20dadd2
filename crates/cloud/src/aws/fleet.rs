//! The fleet as EC2 instances.
//!
//! Used through the port, and by `sce reap`. Instances must be started only
//! through the environment's launch template, after it was checked.

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{
    Filter, Instance as Ec2Instance, InstanceStateName, LaunchTemplateSpecification, PrefixList,
    ResourceType, Tag, TagSpecification, Volume, VolumeState,
};
use aws_smithy_types::base64;
use ipnet::Ipv4Net;
use sce_core::addresses::plan_addresses;
use sce_core::ids::{RunId, WorkerId};
use sce_core::launch::{
    HIPAA_DEVICE, LAUNCH_TAG, LaunchRequest, TemplateFacts, find_template_faults,
    is_engine_failure, plan_launch,
};
use sce_core::resources::{PIT_TAG, ROLE_TAG, RUN_TAG, Resources, WORKER_ROLE};
use sce_core::run::{LaunchIntent, Started};
use sce_core::time::Timestamp;

use super::client::Clients;
use super::error::classify;
use super::template::read_template;
use crate::error::{Class, PortError, PortResult};
use crate::ports::{Fleet, Instance};
use crate::settings::MachineSettings;

/// The version of the launch template that is read.
const LATEST: &str = "$Latest";
/// States in which an instance costs money and may work.
const LIVE: [InstanceStateName; 2] = [InstanceStateName::Pending, InstanceStateName::Running];
/// States of a stopped instance; workers never stop by themselves.
const HALTED: [InstanceStateName; 2] = [InstanceStateName::Stopping, InstanceStateName::Stopped];
/// States of an instance that has ended.
const OVER: [InstanceStateName; 2] =
    [InstanceStateName::ShuttingDown, InstanceStateName::Terminated];

/// A project's workers.
pub struct Ec2Fleet {
    client: Client,
    emulated: bool,
    resources: Resources,
    key_arn: String,
    user_data: String,
}

impl Ec2Fleet {
    /// Creates the fleet of `resources`. Its volumes are encrypted under the key `key_arn`;
    /// its workers read their settings from `user_data`.
    pub fn new(
        clients: &Clients,
        resources: Resources,
        key_arn: String,
        user_data: String,
    ) -> Self {
        let (client, emulated) = (clients.ec2.clone(), clients.emulated);
        Self { client, emulated, resources, key_arn, user_data }
    }

    /// Returns the current settings of the launch template.
    ///
    /// # Errors
    /// Returns an error if the template does not exist or cannot be read.
    pub async fn template(&self) -> PortResult<TemplateFacts> {
        self.latest_template().await.map(|(facts, _)| facts)
    }

    /// Returns the latest version of the launch template, and its number.
    async fn latest_template(&self) -> PortResult<(TemplateFacts, i64)> {
        const OPERATION: &str = "read launch template";
        let name = self.resources.launch_template();
        let read = self
            .client
            .describe_launch_template_versions()
            .launch_template_name(&name)
            .versions(LATEST)
            .send()
            .await
            .map_err(|e| classify(OPERATION, &name, &e))?;
        let versions = read.launch_template_versions.unwrap_or_default();
        // One version is requested; if several are returned, the last one is the latest.
        let latest = versions
            .into_iter()
            .next_back()
            .and_then(|v| Some((v.launch_template_data?, v.version_number?)));
        let (data, number) = latest.ok_or_else(|| {
            PortError::new(Class::Configuration, OPERATION, &name, "it has no version")
        })?;
        Ok((read_template(&data), number))
    }

    /// Returns the launch template and its version if it has all required settings.
    ///
    /// # Errors
    /// Returns an error that names each fault; then nothing may be launched.
    pub async fn check_template(&self) -> PortResult<(TemplateFacts, i64)> {
        let (template, version) = self.latest_template().await?;
        let faults = find_template_faults(&template, &self.key_arn);
        if faults.is_empty() {
            return Ok((template, version));
        }
        let cause =
            format!("required settings are missing: {}: correct it first", faults.join("; "));
        let name = self.resources.launch_template();
        Err(PortError::new(Class::Configuration, "check launch template", name, cause))
    }

    /// Returns volumes of workers that are not attached: the remains of failed launches.
    ///
    /// # Errors
    /// Returns an error if the EC2 call fails.
    pub async fn stray_volumes(&self) -> PortResult<Vec<String>> {
        // Both tags: a volume of the bastion (B) or workbench (E) is never a worker's.
        let available = filter("status", VolumeState::Available.as_str());
        let pages = self.client.describe_volumes().set_filters(Some(self.ours(vec![available])));
        let volumes: Result<Vec<Volume>, _> = pages.into_paginator().items().send().collect().await;
        let volumes = volumes.map_err(|e| classify("list volumes", &self.resources.pit, &e))?;
        Ok(volumes.into_iter().filter_map(|volume| volume.volume_id).collect())
    }

    /// Returns stopped instances: they do no work, and their volumes cost money.
    ///
    /// # Errors
    /// Returns an error if the EC2 call fails.
    pub async fn halted(&self) -> PortResult<Vec<Instance>> {
        Ok(self.instances(&HALTED, None).await?.into_iter().filter_map(read_instance).collect())
    }

    /// Deletes a volume; succeeds if it is already deleted.
    ///
    /// # Errors
    /// Returns an error if the EC2 call fails.
    pub async fn delete_volume(&self, id: &str) -> PortResult<()> {
        match self.client.delete_volume().volume_id(id).send().await {
            Err(e) if e.code() != Some("InvalidVolume.NotFound") => {
                Err(classify("delete volume", id, &e))
            }
            _ => Ok(()),
        }
    }

    fn ours(&self, mut more: Vec<Filter>) -> Vec<Filter> {
        more.push(filter(&format!("tag:{PIT_TAG}"), self.resources.pit.as_str()));
        more.push(filter(&format!("tag:{ROLE_TAG}"), WORKER_ROLE));
        more
    }

    async fn instances(
        &self,
        states: &[InstanceStateName],
        tag: Option<(&str, &str)>,
    ) -> PortResult<Vec<Ec2Instance>> {
        let states = states.iter().map(|state| state.as_str().to_owned()).collect();
        // Filtered by EC2, so that instances of other projects are never read.
        let states = Filter::builder().name("instance-state-name").set_values(Some(states)).build();
        let mut filters = vec![states];
        filters.extend(tag.map(|(name, value)| filter(&format!("tag:{name}"), value)));
        let pages = self.client.describe_instances().set_filters(Some(self.ours(filters)));
        let mut pages = pages.into_paginator().send();
        let mut instances = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| classify("list fleet", &self.resources.pit, &e))?;
            let reservations = page.reservations.unwrap_or_default();
            instances
                .extend(reservations.into_iter().flat_map(|r| r.instances.unwrap_or_default()));
        }
        Ok(instances)
    }

    /// Returns the addresses to which workers may connect: the VPC (V), and the ranges of the
    /// services behind its gateway endpoints.
    async fn addresses(&self) -> PortResult<Vec<Ipv4Net>> {
        const OPERATION: &str = "list addresses";
        let region = &self.resources.region;
        let names = ["s3", "dynamodb"].map(|service| format!("com.amazonaws.{region}.{service}"));
        let wanted = Filter::builder().name("prefix-list-name").set_values(Some(names.to_vec()));
        let answer = self.client.describe_prefix_lists().filters(wanted.build()).send().await;
        let lists = match answer {
            Ok(answer) => answer.prefix_lists.unwrap_or_default(),
            Err(_) if self.emulated => Vec::new(),
            Err(e) => return Err(classify(OPERATION, region, &e)),
        };
        let mut services = names
            .map(|name| {
                let list = lists.iter().find(|list| list.prefix_list_name() == Some(&name));
                let cidrs = list.map(PrefixList::cidrs).unwrap_or_default();
                (name, cidrs.iter().filter_map(|range| range.parse().ok()).collect())
            })
            .to_vec();
        // Some emulators have no lists, or no ranges in them.
        services
            .retain(|(_, ranges): &(String, Vec<Ipv4Net>)| !self.emulated || !ranges.is_empty());
        plan_addresses(&services)
            .map_err(|e| PortError::new(Class::Configuration, OPERATION, region, e))
    }

    /// Launches with exactly the version of the template that was checked.
    async fn run_instances(&self, request: &LaunchRequest, version: i64) -> PortResult<u32> {
        let template = LaunchTemplateSpecification::builder()
            .launch_template_name(&request.template)
            // The number, not `$Latest`: the template may change after the check.
            .version(version.to_string())
            .build();
        let tags: Vec<Tag> = request
            .tags
            .iter()
            .map(|(name, value)| Tag::builder().key(*name).value(value).build())
            .collect();
        let tagged =
            |of| TagSpecification::builder().resource_type(of).set_tags(Some(tags.clone())).build();
        let launched = self
            .client
            .run_instances()
            .launch_template(template)
            // One worker can finish a run alone; a later launch adds others.
            .min_count(1)
            .max_count(i32::try_from(request.workers).unwrap_or(i32::MAX))
            .client_token(&request.client_token)
            .tag_specifications(tagged(ResourceType::Instance))
            .tag_specifications(tagged(ResourceType::Volume))
            .user_data(base64::encode(&request.user_data))
            .send()
            .await;
        match launched {
            Ok(launched) => Ok(count(&launched.instances.unwrap_or_default())),
            // The token was used before template or settings changed: count what it started.
            Err(e) if e.code() == Some("IdempotentParameterMismatch") => {
                let states = [&LIVE[..], &OVER[..]].concat();
                let tag = Some((LAUNCH_TAG, request.client_token.as_str()));
                Ok(count(&self.instances(&states, tag).await?))
            }
            Err(e) => Err(classify("launch", &request.client_token, &e)),
        }
    }
}

fn count(instances: &[Ec2Instance]) -> u32 {
    u32::try_from(instances.len()).unwrap_or(u32::MAX)
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn read_instance(instance: Ec2Instance) -> Option<Instance> {
    let engine_id = instance.instance_id?;
    let state = instance.state.and_then(|state| state.name);
    Some(Instance {
        worker: WorkerId::of_instance(&engine_id),
        engine_id,
        starting: state == Some(InstanceStateName::Pending),
        launched_at: instance.launch_time.as_ref().and_then(timestamp),
    })
}

fn timestamp(at: &DateTime) -> Option<Timestamp> {
    at.to_millis().ok().map(Timestamp)
}

#[async_trait]
impl Fleet for Ec2Fleet {
    async fn launch(&self, intent: &LaunchIntent) -> PortResult<Started> {
        let (template, version) = self.check_template().await?;
        let volume = template.volumes.iter().find(|volume| volume.device == HIPAA_DEVICE);
        // The size is passed on, so that the worker can check which volume is /hipaa.
        let machine = MachineSettings {
            volume_gib: volume.map(|volume| volume.size_gib),
            addresses: self.addresses().await?,
        };
        let user_data = self.user_data.clone() + &machine.render();
        let request = plan_launch(&self.resources, intent, &user_data);
        let workers = self.run_instances(&request, version).await?;
        Ok(Started { workers, machine: template.instance_type, at: None })
    }

    async fn live(&self) -> PortResult<Vec<Instance>> {
        Ok(self.instances(&LIVE, None).await?.into_iter().filter_map(read_instance).collect())
    }

    async fn drain(&self, _: &Instance) -> PortResult<()> {
        // A machine cannot be signaled: its agent reads the ledger and leaves.
        Ok(())
    }

    async fn terminate(&self, instance: &Instance) -> PortResult<()> {
        let id = &instance.engine_id;
        match self.client.terminate_instances().instance_ids(id).send().await {
            // Already gone: that is what was asked for.
            Err(e) if e.code() != Some("InvalidInstanceID.NotFound") => {
                Err(classify("terminate worker", id, &e))
            }
            _ => Ok(()),
        }
    }

    async fn failures(&self, run: RunId) -> PortResult<Vec<String>> {
        let over = self.instances(&OVER, Some((RUN_TAG, &run.to_string()))).await?;
        let reason = |instance: Ec2Instance| {
            let reason = instance.state_reason?;
            let code = reason.code.filter(|code| is_engine_failure(code))?;
            let (id, text) = (instance.instance_id?, reason.message.unwrap_or_default());
            Some(format!("instance {id}: {code}: {text}"))
        };
        Ok(over.into_iter().filter_map(reason).collect())
    }
}
