//! What to do about a resource that failed, by what CloudFormation says of it.

/// Pieces of reasons as services word them, and what a person can do.
const REMEDIES: &[(&[&str], &str)] = &[
    (
        &["MaxNumberOfConfigurationRecorders", "MaxNumberOfDeliveryChannels"],
        "the region has a recorder of AWS Config already: repeat with --no-config",
    ),
    (
        &["not authorized", "AccessDenied", "UnauthorizedOperation", "explicit deny"],
        "your own role lacks this right: ask whoever administers the account",
    ),
    (
        &["AddressLimitExceeded", "VpcLimitExceeded", "LimitExceeded", "maximum number", "quota"],
        "a quota of the account is used up: free some, or ask AWS for more (Service Quotas)",
    ),
    (
        &["InsufficientInstanceCapacity", "not have sufficient", "not supported in your requested"],
        "the zone has no such dedicated machine now: wait, or choose another --machine-type",
    ),
    (
        &["InvalidAMIID", "image id", "InvalidKeyPair", "key pair"],
        "an image or key pair is not in this region: see --worker-ami, --bastion-ami, \
         --workbench-ami and --key-pair",
    ),
    (
        &["VolumeInUse", "already attached"],
        "E is replaced while its volume hangs on the old one: end what runs there, detach it \
         (aws ec2 detach-volume), then repeat",
    ),
    (
        &[
            "already exists",
            "AlreadyExists",
            "EntityAlreadyExists",
            "NameConflict",
            "EarlyValidation",
        ],
        "something of this name is there and not of this stack: find out whose it is (never \
         remove a bucket, table or key for it), rename it, or choose another PIT",
    ),
    (
        &["has dependencies", "DependencyViolation", "dependent object", "cannot be deleted"],
        "something that was not made by `sce env up` still uses it: remove that, then repeat",
    ),
    (&["KMS", "kms"], "the key cannot be used: is it enabled, and does its policy let you?"),
];

/// What to do about a failure with this reason, if it is a known one.
pub fn remedy(reason: &str) -> Option<&'static str> {
    let known = |pieces: &[&str]| pieces.iter().any(|piece| reason.contains(piece));
    REMEDIES.iter().find(|(pieces, _)| known(pieces)).map(|(_, what)| *what)
}

/// The flags by which an emulator's user leaves out the types that it lacks.
pub fn left_out_by(reason: &str) -> Option<String> {
    let (_, listed) = reason.split_once("resource type")?;
    let types = listed.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':'));
    let flags: Vec<String> =
        types.filter(|of| of.starts_with("AWS::")).map(|of| format!("--leave-out {of}")).collect();
    (!flags.is_empty()).then(|| flags.join(" "))
}

/// Whether the reason only says that another resource failed.
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
            ("API: iam:CreateRole User: x is not authorized to perform: iam:CreateRole", "right"),
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
