//! The effect of a change set on one resource, and which effects are refused.
//!
//! Used by `sce env up` before it asks for confirmation.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::stage::LogicalId;

/// One change of a change set.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// `Add`, `Modify`, `Remove`, `Import`.
    pub action: String,
    /// Name in the template.
    pub resource: LogicalId,
    /// Its resource type.
    pub kind: String,
    /// Whether the resource is replaced: `True`, `False`, `Conditional`.
    pub replacement: Option<String>,
}

impl Change {
    /// A note that is shown after the action.
    pub fn warning(&self) -> &'static str {
        match self.replacement.as_deref() {
            Some("True") => "  (replaced by a new one)",
            Some("Conditional") => "  (may be replaced by a new one)",
            _ => "",
        }
    }

    /// Whether the existing resource certainly ends.
    fn ends(&self) -> bool {
        self.action == "Remove" || self.replacement.as_deref() == Some("True")
    }

    /// Whether a retained resource would be abandoned. A bucket's policy has no
    /// data of its own.
    pub fn leaves_behind(&self, kept: &BTreeSet<LogicalId>) -> bool {
        self.ends() && kept.contains(&self.resource) && self.kind != "AWS::S3::BucketPolicy"
    }

    /// Whether the workbench's volume is detached, so that the workbench must
    /// be stopped first.
    pub fn frees_workbench_volume(&self) -> bool {
        self.ends() && ["E", "EVolume", "EVolumeThere"].contains(&self.resource.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: &str, resource: &str, kind: &str, replacement: Option<&str>) -> Change {
        Change {
            action: action.to_owned(),
            resource: resource.to_owned(),
            kind: kind.to_owned(),
            replacement: replacement.map(str::to_owned),
        }
    }

    #[test]
    fn what_is_kept_is_never_left_behind() {
        let kept = ["Key", "S3DPolicy"].map(str::to_owned).into();
        for (action, resource, kind, replacement, loses) in [
            ("Modify", "Key", "AWS::KMS::Key", Some("True"), true),
            ("Remove", "Key", "AWS::KMS::Key", None, true),
            ("Modify", "Key", "AWS::KMS::Key", Some("Conditional"), false),
            ("Modify", "Key", "AWS::KMS::Key", Some("False"), false),
            ("Import", "Key", "AWS::KMS::Key", None, false),
            ("Modify", "S3DPolicy", "AWS::S3::BucketPolicy", Some("True"), false),
            ("Remove", "V", "AWS::EC2::VPC", None, false),
        ] {
            let change = change(action, resource, kind, replacement);
            assert_eq!(change.leaves_behind(&kept), loses, "{change:?}");
        }
    }

    #[test]
    fn the_workbench_stands_still_before_its_volume_goes() {
        for (action, resource, replacement, frees) in [
            ("Remove", "EVolumeThere", None, true),
            ("Modify", "E", Some("True"), true),
            ("Modify", "E", Some("False"), false),
            ("Add", "E", None, false),
            ("Remove", "B", None, false),
        ] {
            let change = change(action, resource, "x", replacement);
            assert_eq!(change.frees_workbench_volume(), frees, "{change:?}");
        }
    }
}
