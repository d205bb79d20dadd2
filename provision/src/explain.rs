//! Remedies for failed resources, by the reason that CloudFormation gives.

/// Fragments of the services' error messages, and the remedy for each.
const REMEDIES: &[(&[&str], &str)] = &[
    (
        &["MaxNumberOfConfigurationRecorders", "MaxNumberOfDeliveryChannels"],
        "the region already has an AWS Config recorder: repeat with --no-config",
    ),
    (
        &["not authorized", "AccessDenied", "UnauthorizedOperation", "explicit deny"],
        "your own role lacks this permission: ask the account's administrator",
    ),
    (
        &["AddressLimitExceeded", "VpcLimitExceeded", "LimitExceeded", "maximum number", "quota"],
        "a quota of the account is used up: free some, or ask AWS for more (Service Quotas)",
    ),
    (
        &["InsufficientInstanceCapacity", "not have sufficient", "not supported in your requested"],
        "the zone lacks capacity for this machine type: wait, or choose another --machine-type",
    ),
    (
        &["InvalidAMIID", "image id", "InvalidKeyPair", "key pair"],
        "an image or key pair is not in this region: see --worker-ami, --bastion-ami, \
         --workbench-ami and --key-pair",
    ),
    (
        &["VolumeInUse", "already attached"],
        "the workbench (E) is being replaced while its volume is attached to the old one: end the \
         processes that use it, detach it (aws ec2 detach-volume), then repeat",
    ),
    (
        &[
            "already exists",
            "AlreadyExists",
            "EntityAlreadyExists",
            "NameConflict",
            "EarlyValidation",
        ],
        "a resource with this name exists outside this stack: find out who owns it (never remove \
         a bucket, table or key), rename it, or choose another PIT",
    ),
    (
        &["has dependencies", "DependencyViolation", "dependent object", "cannot be deleted"],
        "a resource that `sce env up` did not create still uses it: remove it, then repeat",
    ),
    (&["KMS", "kms"], "the key cannot be used: is it enabled, and does its policy let you?"),
];

/// The remedy for a failure with this reason, if one is known.
pub fn remedy(reason: &str) -> Option<&'static str> {
    let known = |pieces: &[&str]| pieces.iter().any(|piece| reason.contains(piece));
    REMEDIES.iter().find(|(pieces, _)| known(pieces)).map(|(_, what)| *what)
}

/// The flags that leave out the types that an emulator does not support.
pub fn left_out_by(reason: &str) -> Option<String> {
    let (_, listed) = reason.split_once("resource type")?;
    let types = listed.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':'));
    let flags: Vec<String> =
        types.filter(|of| of.starts_with("AWS::")).map(|of| format!("--leave-out {of}")).collect();
    (!flags.is_empty()).then(|| flags.join(" "))
}

/// Whether the reason is only that another resource failed.
pub fn is_consequence(reason: &str) -> bool {
    ["Resource creation cancelled", "Resource update cancelled"]
        .iter()
        .any(|of| reason.contains(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_as_services_word_them_have_remedies() {
        for (reason, piece) in [
            ("The maximum number of addresses has been reached. (AddressLimitExceeded)", "quota"),
            ("API: iam:CreateRole User: x is not authorized to perform: iam:CreateRole", "lacks"),
            (
                "Failed to put configuration recorder (MaxNumberOfConfigurationRecordersExceededException)",
                "--no-config",
            ),
            ("hipaa-ledger already exists in stack arn:aws:x", "another PIT"),
            ("resource sg-1 has a dependent object (DependencyViolation)", "still uses it"),
        ] {
            assert!(remedy(reason).is_some_and(|what| what.contains(piece)), "{reason}");
        }
        assert_eq!(
            left_out_by("Unrecognized resource types: [AWS::EC2::EIP, AWS::EC2::Volume]")
                .as_deref(),
            Some("--leave-out AWS::EC2::EIP --leave-out AWS::EC2::Volume")
        );
        assert_eq!(left_out_by("AWS::EC2::EIP failed"), None);
        assert_eq!(remedy("the weather"), None);
        assert!(is_consequence("Resource creation cancelled") && !is_consequence("Rate exceeded"));
    }
}
