//! The bastion, the workbench, the launch template of workers, and volumes.

use aws_sdk_ec2::types::{
    Filter, Instance, LaunchTemplateBlockDeviceMapping,
    LaunchTemplateInstanceNetworkInterfaceSpecification, ResponseLaunchTemplateData, Volume,
};
use sce_core::resources::PIT_TAG;
use serde_json::{Value, json};

use super::{set, word};
use crate::aws::account::{Account, Answer, failed};

/// The version of the launch template that launches use.
const LATEST: &str = "$Latest";

impl Account {
    pub(super) async fn instance(&self, id: &str) -> Answer<Option<Value>> {
        let read = self.clients.ec2.describe_instances().instance_ids(id).send().await;
        let read = read.map_err(failed("read machine", id))?;
        let all =
            read.reservations.into_iter().flatten().flat_map(|of| of.instances.unwrap_or_default());
        // A terminated instance is still described for about an hour.
        let ends = ["terminated", "shutting-down"];
        let state = |of: &Instance| {
            let state = of.state.as_ref().and_then(|of| of.name.as_ref());
            state.map_or(String::new(), |of| of.as_str().to_owned())
        };
        let live = all.into_iter().find(|of| !ends.contains(&state(of).as_str()));
        Ok(live.map(|of| {
            let groups = of.security_groups.as_ref();
            let options = of.metadata_options.as_ref();
            let profile = of.iam_instance_profile.as_ref().and_then(|of| of.arn.as_deref());
            let profile = profile.and_then(|arn| arn.rsplit('/').next());
            json!({
                "Tenancy": of.placement.as_ref().and_then(|of| of.tenancy.as_ref()).map(|of| of.as_str().to_owned()),
                "MetadataOptions": options.map(|of| json!({
                    "HttpEndpoint": of.http_endpoint.as_ref().map(|of| of.as_str().to_owned()),
                    "HttpTokens": of.http_tokens.as_ref().map(|of| of.as_str().to_owned()),
                    "HttpPutResponseHopLimit": of.http_put_response_hop_limit,
                })),
                "SecurityGroupIds": groups.map(|of| of.iter().map(|of| &of.group_id).collect::<Vec<_>>()),
                "SubnetId": of.subnet_id,
                "IamInstanceProfile": set(profile),
            })
        }))
    }

    pub(super) async fn launch_template(&self, id: &str) -> Answer<Option<Value>> {
        let asked = self.clients.ec2.describe_launch_template_versions().launch_template_id(id);
        let read =
            asked.versions(LATEST).send().await.map_err(failed("read launch template", id))?;
        let versions = read.launch_template_versions.unwrap_or_default();
        // Emulators return all versions.
        let latest = versions.into_iter().max_by_key(|of| of.version_number);
        let data = latest.and_then(|of| of.launch_template_data);
        Ok(data.map(|of| json!({ "LaunchTemplateData": launch_data(&of), "Extra": extra(&of) })))
    }

    pub(super) async fn volume(&self, id: &str) -> Answer<Option<Value>> {
        let read = self.clients.ec2.describe_volumes().volume_ids(id).send().await;
        let read = read.map_err(failed("read volume", id))?;
        let of = read.volumes.into_iter().flatten().next();
        Ok(of.map(|of| json!({ "Encrypted": of.encrypted, "KmsKeyId": of.kms_key_id })))
    }

    /// The project's volumes that are not encrypted.
    pub(super) async fn volumes(&self) -> Answer<Value> {
        let ours = Filter::builder()
            .name(format!("tag:{PIT_TAG}"))
            .values(self.place.pit.to_string())
            .build();
        let mut pages = self.clients.ec2.describe_volumes().filters(ours).into_paginator().send();
        let mut open = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed("list volumes", ""))?;
            let volumes = page.volumes.into_iter().flatten();
            let plain = |of: &Volume| of.encrypted != Some(true);
            open.extend(volumes.filter(plain).filter_map(|of| of.volume_id));
        }
        Ok(json!({ "Unencrypted": open }))
    }
}

/// Settings that a launch template must not have.
fn extra(of: &ResponseLaunchTemplateData) -> Vec<&'static str> {
    let found = [
        ("KeyName", of.key_name.is_some()),
        ("UserData", of.user_data.is_some()),
        ("SecurityGroupIds", of.security_group_ids.as_ref().is_some_and(|of| !of.is_empty())),
        ("KernelId", of.kernel_id.is_some()),
        ("RamDiskId", of.ram_disk_id.is_some()),
    ];
    found.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

fn launch_data(of: &ResponseLaunchTemplateData) -> Value {
    let options = of.metadata_options.as_ref();
    let mappings = of.block_device_mappings.as_ref();
    let interfaces = of.network_interfaces.as_ref();
    let tenancy = of.placement.as_ref().and_then(|of| of.tenancy.as_ref());
    json!({
        "ImageId": set(of.image_id.as_ref()),
        "Placement": { "Tenancy": set(word(tenancy)) },
        "IamInstanceProfile":
            { "Arn": set(of.iam_instance_profile.as_ref().and_then(|of| of.arn.as_ref())) },
        "InstanceInitiatedShutdownBehavior":
            set(word(of.instance_initiated_shutdown_behavior.as_ref())),
        "MetadataOptions": {
            "HttpEndpoint":
                set(word(options.and_then(|of| of.http_endpoint.as_ref()))),
            "HttpTokens": set(word(options.and_then(|of| of.http_tokens.as_ref()))),
            "HttpPutResponseHopLimit": set(options.and_then(|of| of.http_put_response_hop_limit)),
        },
        "NetworkInterfaces": set(interfaces.map(|of| of.iter().map(interface).collect::<Vec<_>>())),
        "BlockDeviceMappings": set(mappings.map(|of| of.iter().map(mapping).collect::<Vec<_>>())),
    })
}

fn interface(of: &LaunchTemplateInstanceNetworkInterfaceSpecification) -> Value {
    json!({
        "DeviceIndex": set(of.device_index),
        "SubnetId": set(of.subnet_id.as_ref()),
        "AssociatePublicIpAddress": set(of.associate_public_ip_address),
        "DeleteOnTermination": set(of.delete_on_termination),
        "Groups": set(of.groups.as_ref()),
    })
}

fn mapping(of: &LaunchTemplateBlockDeviceMapping) -> Value {
    let volume = of.ebs.as_ref();
    json!({
        "DeviceName": set(of.device_name.as_ref()),
        "Ebs": set(volume.map(|of| json!({
            "VolumeType": set(word(of.volume_type.as_ref())),
            "VolumeSize": set(of.volume_size),
            "Encrypted": set(of.encrypted),
            "KmsKeyId": set(of.kms_key_id.as_ref()),
            "DeleteOnTermination": set(of.delete_on_termination),
        }))),
    })
}
