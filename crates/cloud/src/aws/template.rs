//! Converts a launch template from EC2 into the facts that `core` checks.
//!
//! Used by [`super::fleet`]. A missing setting must stay empty, so that the check
//! fails; it must never get a default.

use aws_sdk_ec2::types::{
    InstanceType, LaunchTemplateBlockDeviceMapping, LaunchTemplateEbsBlockDevice as Ebs,
    LaunchTemplateHttpTokensState as Tokens, LaunchTemplateInstanceMetadataOptions as Metadata,
    LaunchTemplateInstanceNetworkInterfaceSpecification, LaunchTemplatePlacement as Placement,
    ResponseLaunchTemplateData, ShutdownBehavior, Tenancy,
};
use sce_core::launch::{InterfaceFacts, TemplateFacts, VolumeFacts};

/// Returns the settings of the template; missing ones are empty.
pub(super) fn read_template(data: &ResponseLaunchTemplateData) -> TemplateFacts {
    let metadata = data.metadata_options();
    let tenancy = data.placement().and_then(Placement::tenancy);
    let shutdown = data.instance_initiated_shutdown_behavior();
    let profile = data.iam_instance_profile();
    TemplateFacts {
        instance_type: text(data.instance_type().map(InstanceType::as_str)),
        tenancy: text(tenancy.map(Tenancy::as_str)),
        shutdown_behavior: text(shutdown.map(ShutdownBehavior::as_str)),
        metadata_tokens: text(metadata.and_then(Metadata::http_tokens).map(Tokens::as_str)),
        metadata_hops: metadata.and_then(Metadata::http_put_response_hop_limit).unwrap_or_default(),
        instance_profile: profile
            .and_then(|profile| profile.name().or(profile.arn()))
            .map(str::to_owned),
        interfaces: data.network_interfaces().iter().map(read_interface).collect(),
        volumes: data.block_device_mappings().iter().map(read_volume).collect(),
    }
}

fn read_interface(of: &LaunchTemplateInstanceNetworkInterfaceSpecification) -> InterfaceFacts {
    InterfaceFacts {
        subnet: of.subnet_id().map(str::to_owned),
        public_address: of.associate_public_ip_address(),
    }
}

fn read_volume(mapping: &LaunchTemplateBlockDeviceMapping) -> VolumeFacts {
    let ebs = mapping.ebs();
    let size = ebs.and_then(Ebs::volume_size).unwrap_or_default();
    VolumeFacts {
        device: text(mapping.device_name()),
        size_gib: u32::try_from(size).unwrap_or_default(),
        encrypted: ebs.and_then(Ebs::encrypted).unwrap_or_default(),
        key: ebs.and_then(|ebs| ebs.kms_key_id()).map(str::to_owned),
        deleted_with_instance: ebs.and_then(Ebs::delete_on_termination).unwrap_or_default(),
    }
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}
