//! Workers that EC2 itself terminated, and the volumes of failed launches.

use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use sce_cloud::ports::Fleet;
use sce_core::ids::RunId;
use sce_testkit::Kind;

use crate::fleet::{Machines, RUN, intent};
use crate::support::{ALWAYS, error, reworded, struck};

const INNER: &str = "<code>Client.InternalError</code>";

#[tokio::test(flavor = "multi_thread")]
async fn workers_ended_by_the_engine_are_reported_with_its_reason() {
    let machines = Machines::of(Kind::Moto).await;
    let fleet = &machines.fleet;
    fleet.launch(&intent(0, 2)).await.unwrap();
    assert_eq!(fleet.failures(RUN).await.unwrap(), Vec::<String>::new());
    let live = machines.live().await;
    fleet.terminate(&live[0]).await.unwrap();
    // A terminated worker did not fail.
    assert_eq!(fleet.failures(RUN).await.unwrap(), Vec::<String>::new());
    let user = "<code>Client.UserInitiatedShutdown</code>";
    for (reason, failed) in [
        (INNER, true),
        ("<code>Server.InsufficientInstanceCapacity</code>", true),
        ("<code>Client.InstanceInitiatedShutdown</code>", false),
        ("<code></code>", false),
    ] {
        machines.emulator.fault(&reworded("DescribeInstances", user, reason, 1));
        let failures = fleet.failures(RUN).await.unwrap();
        assert_eq!(struck(&machines.emulator), 1, "{reason}");
        let [failure] = &failures[..] else {
            assert!(!failed && failures.is_empty(), "{reason}: {failures:?}");
            continue;
        };
        assert!(failed, "{failure}");
        let code = reason.trim_start_matches("<code>").trim_end_matches("</code>");
        assert!(failure.contains(&live[0].engine_id) && failure.contains(code), "{failure}");
    }
    // Workers of another run are not reported.
    machines.emulator.fault(&reworded("DescribeInstances", user, INNER, ALWAYS));
    assert_eq!(fleet.failures(RunId::new([2; 8])).await.unwrap(), Vec::<String>::new());
    assert_eq!(fleet.failures(RUN).await.unwrap().len(), 1);
}

async fn make_volume(machines: &Machines, tags: &[(&str, &str)]) -> String {
    let tags = tags.iter().map(|(name, value)| Tag::builder().key(*name).value(*value).build());
    let specification = TagSpecification::builder()
        .resource_type(ResourceType::Volume)
        .set_tags(Some(tags.collect()))
        .build();
    let made = machines.project.clients.ec2.create_volume().availability_zone("us-east-1a");
    let made = made.size(1).tag_specifications(specification).send().await.unwrap();
    made.volume_id.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_without_an_instance_are_found_and_deleted() {
    for kind in [Kind::Moto, Kind::Ministack] {
        let machines = Machines::of(kind).await;
        let (fleet, pit) = (&machines.fleet, machines.project.resources.pit.as_str());
        // Volumes of live workers are not stray.
        fleet.launch(&intent(0, 1)).await.unwrap();
        assert_eq!(fleet.stray_volumes().await.unwrap(), Vec::<String>::new());
        let role = ("sce:role", "worker");
        let stray = [
            make_volume(&machines, &[("PIT", pit), role]).await,
            make_volume(&machines, &[("PIT", pit), role, ("sce:run", "x")]).await,
        ];
        for foreign in [
            vec![("PIT", "other"), role],
            vec![("PIT", pit)],
            vec![("PIT", pit), ("sce:role", "b")],
        ] {
            make_volume(&machines, &foreign).await;
        }
        let mut found = fleet.stray_volumes().await.unwrap();
        found.sort();
        let mut expected = stray.to_vec();
        expected.sort();
        assert_eq!(found, expected, "{}", machines.project.name);
        machines.emulator.fault(&error("DeleteVolume", 503, "RequestLimitExceeded", 2));
        fleet.delete_volume(&stray[0]).await.unwrap();
        assert_eq!(struck(&machines.emulator), 2);
        assert_eq!(fleet.stray_volumes().await.unwrap(), [stray[1].clone()]);
        // Deleting a volume twice succeeds.
        fleet.delete_volume(&stray[0]).await.unwrap();
        fleet.delete_volume(&stray[1]).await.unwrap();
        assert_eq!(fleet.stray_volumes().await.unwrap(), Vec::<String>::new());
    }
}
