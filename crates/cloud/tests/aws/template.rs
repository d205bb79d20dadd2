//! The launch template in `provision/`, as EC2 returns it; with any required
//! setting weakened, nothing is launched.

use sce_cloud::error::Class;
use sce_cloud::ports::Fleet;
use sce_core::launch::{HIPAA_DEVICE, find_template_faults};
use sce_testkit::Kind;

use crate::fleet::{Machines, intent};
use crate::support::{ALWAYS, error, reworded, struck};

#[tokio::test(flavor = "multi_thread")]
async fn the_template_in_the_repository_has_no_fault() {
    for kind in [Kind::Moto, Kind::Ministack] {
        let machines = Machines::of(kind).await;
        let facts = machines.fleet.template().await.unwrap();
        assert_eq!(find_template_faults(&facts, &machines.key_arn), Vec::<String>::new());
        assert_eq!((facts.instance_type.as_str(), facts.interfaces.len()), ("m5.large", 1));
        let size = |device| facts.volumes.iter().find(|v| v.device == device).map(|v| v.size_gib);
        assert_eq!((size("/dev/xvda"), size(HIPAA_DEVICE)), (Some(16), Some(100)));
        assert_eq!(facts.volumes.len(), 2);
        let profile = format!(":instance-profile/{}-worker", machines.project.resources.pit);
        assert!(facts.instance_profile.as_ref().is_some_and(|arn| arn.ends_with(&profile)));
        assert_eq!(find_template_faults(&facts, "arn:another").len(), 2, "{facts:?}");
    }
}

/// A pattern in the template's response, its replacement, and a part of the refusal.
const WEAKENED: [(&str, &str, &str); 17] = [
    ("<tenancy>dedicated", "<tenancy>default", "tenancy is not dedicated"),
    ("<tenancy>dedicated", "<tenancy>host", "tenancy is not dedicated"),
    ("<placement>.*?</placement>", "", "tenancy is not dedicated"),
    ("<instanceType>m5.large", "<instanceType>t3.large", "one of the t family"),
    ("<instanceType>m5.large</instanceType>", "", "no instance type"),
    ("<httpTokens>required", "<httpTokens>optional", "IMDSv2"),
    ("<metadataOptions>.*?</metadataOptions>", "", "IMDSv2"),
    ("HopLimit>1<", "HopLimit>2<", "more than one hop"),
    ("<encrypted>true", "<encrypted>false", "is not encrypted"),
    ("<encrypted>true</encrypted>", "", "is not encrypted"),
    ("(/dev/sdf.*?)<deleteOnTermination>true", "\\1<deleteOnTermination>false", "outlives"),
    ("(/dev/sdf.*?)<kmsKeyId>[^<]*</kmsKeyId>", "\\1", "not encrypted under the project's key"),
    ("ShutdownBehavior>terminate", "ShutdownBehavior>stop", "does not terminate"),
    ("PublicIpAddress>false", "PublicIpAddress>true", "a public address"),
    ("<associatePublicIpAddress>false</associatePublicIpAddress>", "", "a public address"),
    ("<iamInstanceProfile>.*?</iamInstanceProfile>", "", "no role"),
    ("/dev/sdf", "/dev/sdg", "no volume for /hipaa"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_weakened_template_launches_nothing() {
    let machines = Machines::of(Kind::Moto).await;
    for (pattern, with, says) in WEAKENED {
        let pattern = format!("(?s){pattern}");
        let rule = reworded("DescribeLaunchTemplateVersions", &pattern, with, 1);
        machines.emulator.fault(&rule);
        let error = machines.fleet.launch(&intent(0, 2)).await.err();
        let error = error.unwrap_or_else(|| panic!("launched in spite of {pattern}"));
        assert_eq!((error.class, struck(&machines.emulator)), (Class::Configuration, 1), "{error}");
        assert!(error.to_string().contains(says), "{pattern}: {error}");
    }
    assert_eq!(machines.emulator.launches().len(), 0);
    assert_eq!(machines.live().await, vec![]);
    // Unchanged, it launches.
    assert_eq!(machines.fleet.launch(&intent(0, 2)).await.unwrap().workers, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_template_nothing_is_launched() {
    let machines = Machines::of(Kind::Moto).await;
    let describe = "DescribeLaunchTemplateVersions";
    let whole = "(?s)<launchTemplateVersionSet>.*</launchTemplateVersionSet>";
    machines.emulator.fault(&reworded(describe, whole, "", 1));
    let refused = machines.fleet.launch(&intent(0, 1)).await.unwrap_err();
    assert_eq!((refused.class, struck(&machines.emulator)), (Class::Configuration, 1), "{refused}");
    let name = machines.project.resources.launch_template();
    let delete = machines.project.clients.ec2.delete_launch_template();
    delete.launch_template_name(name).send().await.unwrap();
    let refused = machines.fleet.launch(&intent(0, 1)).await.unwrap_err();
    assert_eq!(refused.class, Class::Configuration, "{refused}");
    machines.emulator.fault(&error(describe, 403, "UnauthorizedOperation", ALWAYS));
    let refused = machines.fleet.launch(&intent(0, 1)).await.unwrap_err();
    assert_eq!(refused.class, Class::Configuration, "{refused}");
    assert_eq!(machines.emulator.launches().len(), 0);
}
