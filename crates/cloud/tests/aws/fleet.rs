//! A project whose fleet can be launched: the environment of the template, on an
//! emulator behind the proxy.

use std::path::Path;

use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use sce_cloud::aws::Ec2Fleet;
use sce_cloud::ports::{Fleet, Instance};
use sce_cloud::settings::Settings;
use sce_core::ids::{RunId, WorkerId};
use sce_core::run::LaunchIntent;
use sce_testkit::{Emulator, Kind};

use crate::project::Project;
use crate::support::{lost, start, struck, until};

/// The run that launches, unless a test names another one.
pub const RUN: RunId = RunId::new([1; 8]);

/// A project's fleet and the resources that it needs.
pub struct Machines {
    pub emulator: Emulator,
    pub project: Project,
    pub key_arn: String,
    pub fleet: Ec2Fleet,
}

impl Machines {
    pub async fn of(kind: Kind) -> Self {
        let (emulator, project) = start(kind).await;
        let made = emulator.set_up(project.resources.pit.as_str());
        let key_arn = made["key"].as_str().unwrap().to_owned();
        let fleet = fleet(&project, &key_arn, &settings(&project));
        Self { emulator, project, key_arn, fleet }
    }

    /// Returns the live workers, in order.
    pub async fn live(&self) -> Vec<Instance> {
        let mut live = self.fleet.live().await.unwrap();
        live.sort_by(|a, b| a.engine_id.cmp(&b.engine_id));
        live
    }
}

/// Returns the settings that workers of a project receive.
pub fn settings(project: &Project) -> String {
    let text = "mode = \"aws\"\nkey_file = \"secret/homer.key\"\nemail = \"someone@example.org\"\n\
                [aws]\naccount = \"123456789012\"\n";
    Settings::parse(text, Path::new("sce.toml")).unwrap().worker_settings(&project.resources)
}

pub fn fleet(project: &Project, key_arn: &str, user_data: &str) -> Ec2Fleet {
    Ec2Fleet::new(
        &project.clients,
        project.resources.clone(),
        key_arn.to_owned(),
        user_data.to_owned(),
    )
}

pub fn intent(launch: u32, workers: u32) -> LaunchIntent {
    LaunchIntent { run: RUN, launch, workers }
}

#[tokio::test(flavor = "multi_thread")]
async fn live_workers_are_listed_until_they_are_terminated() {
    for kind in [Kind::Moto, Kind::Ministack] {
        let machines = Machines::of(kind).await;
        let fleet = &machines.fleet;
        assert_eq!(machines.live().await, vec![]);
        let started = fleet.launch(&intent(0, 3)).await.unwrap();
        assert_eq!((started.workers, started.machine.as_str()), (3, "m5.large"));
        let live = machines.live().await;
        assert_eq!(live.len(), 3, "{}", machines.project.name);
        for Instance { worker, engine_id, launched_at, .. } in &live {
            assert_eq!(worker, &WorkerId::of_instance(engine_id));
            assert!(launched_at.is_some());
        }
        // Draining sends nothing to the machine: its agent reads the ledger.
        fleet.drain(&live[0]).await.unwrap();
        assert_eq!(machines.live().await.len(), 3);
        fleet.terminate(&live[1]).await.unwrap();
        let ids = |live: &[Instance]| live.iter().map(|i| i.engine_id.clone()).collect::<Vec<_>>();
        let left = [live[0].clone(), live[2].clone()];
        until("it is gone", async || ids(&machines.live().await) == ids(&left)).await;
        // Terminating a worker that is gone or never existed succeeds.
        fleet.terminate(&live[1]).await.unwrap();
        let never = Instance { engine_id: "i-0123456789abcdef0".into(), ..live[1].clone() };
        fleet.terminate(&never).await.unwrap();
        // Without a response the instance is terminated all the same.
        machines.emulator.fault(&lost("TerminateInstances", 1));
        fleet.terminate(&live[0]).await.unwrap();
        assert_eq!(struck(&machines.emulator), 1);
        until("one is left", async || ids(&machines.live().await) == ids(&left[1..])).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_machines_are_not_ours() {
    let machines = Machines::of(Kind::Moto).await;
    machines.fleet.launch(&intent(0, 1)).await.unwrap();
    let ours = machines.live().await;
    let pit = machines.project.resources.pit.as_str();
    for tags in [
        vec![("PIT", "other"), ("sce:role", "worker")],
        vec![("PIT", pit)],
        vec![("PIT", pit), ("sce:role", "bastion")],
        vec![("sce:role", "worker")],
    ] {
        let tags = tags.iter().map(|(name, value)| Tag::builder().key(*name).value(*value).build());
        let specification = TagSpecification::builder()
            .resource_type(ResourceType::Instance)
            .set_tags(Some(tags.collect()))
            .build();
        let run = machines.project.clients.ec2.run_instances().image_id("ami-12c6146b");
        let run = run.min_count(1).max_count(1).tag_specifications(specification);
        run.send().await.unwrap();
    }
    assert_eq!(machines.live().await, ours);
}
