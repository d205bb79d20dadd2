//! Thousands of complete runs in paused time, each with its own faults, kills
//! and wrong clocks. Every run must end with the result of an undisturbed run
//! (or as `failed`, with the unit whose budget was used up), one committed
//! report, and its notices sent.
//!
//! `SCE_SEEDS=FROM..TO` runs other seeds; a failure names its seed.
#![allow(clippy::unwrap_used, missing_docs)]

mod lines;
mod toy;
mod world;

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sce_cloud::faults::FaultRates;
use sce_cloud::ports::{ObjectStore, Ports, PutMode};
use sce_cloud::sealed::{SealedWriter, open_object};
use sce_coordinator::reconcile::Reconciler;
use sce_coordinator::submit::{Plan, submit};
use sce_core::ids::{Epoch, Pit, RunId};
use sce_core::manifest::Manifest;
use sce_core::notice::Notice;
use sce_core::object::{Bucket, ObjectKey, ObjectRef};
use sce_core::run::{Run, RunStatus};
use sce_core::study::StudySettings;
use sce_core::unit::{Unit, UnitState};
use tokio::time::sleep;

use crate::world::{World, rules};

const SEEDS: Range<u64> = 0..2000;
const SIMULATED_LIMIT: Duration = Duration::from_secs(3600);

/// Nothing fails, but every call is slow, so that workers meet units that others
/// hold.
const SLOW: FaultRates =
    FaultRates { delay: 500, delay_max: Duration::from_millis(1500), ..FaultRates::NONE };

fn rates(random: &mut ChaCha8Rng) -> FaultRates {
    let mut up_to = |most: u32| random.next_u32() % (most + 1);
    FaultRates {
        fail: up_to(60),
        lose_answer: up_to(40),
        repeat: up_to(30),
        delay: up_to(40),
        delay_max: Duration::from_secs(u64::from(up_to(30))),
    }
}

/// Puts objects: most are good, some are empty (a defect), some sealed for
/// another key (swapped), some missing.
async fn put_objects(ports: &Ports, random: &mut ChaCha8Rng) -> (Manifest, BTreeMap<String, bool>) {
    let mut listing = Vec::new();
    let mut good = BTreeMap::new();
    for i in 0..3 + random.next_u32() % 8 {
        let key = ObjectKey::try_from(format!("part-{i:06}.csv")).unwrap();
        let kind = random.next_u32() % 12;
        let length = if kind == 0 { 0 } else { 1 + random.next_u32() as usize % 300 };
        let bound_to = if kind == 1 {
            ObjectKey::try_from("swapped.csv".to_owned()).unwrap()
        } else {
            key.clone()
        };
        let sealed = put_sealed(ports, &key, &bound_to, &vec![b'a'; length]).await;
        let object = if kind == 2 { ObjectRef { etag: "gone".into(), ..sealed } } else { sealed };
        listing.push(object);
        good.insert(key.to_string(), kind > 2);
    }
    (Manifest::new(listing).unwrap(), good)
}

async fn put_sealed(
    ports: &Ports,
    key: &ObjectKey,
    bound_to: &ObjectKey,
    bytes: &[u8],
) -> ObjectRef {
    let pit = Pit::default();
    let mut writer = SealedWriter::create(ports, &pit, Bucket::Data, bound_to).await.unwrap();
    writer.write(bytes).await.unwrap();
    writer.finish(PutMode::Replace).await.unwrap();
    if bound_to != key {
        let from = ports.objects.head(Bucket::Data, bound_to).await.unwrap().unwrap();
        let mut reader = ports.objects.open(Bucket::Data, &from).await.unwrap();
        let sealed = reader.next().await.unwrap().unwrap();
        let mut writer = ports.objects.create(Bucket::Data, key).await.unwrap();
        writer.write(&sealed).await.unwrap();
        writer.finish(PutMode::Replace).await.unwrap();
    }
    head(ports.objects.as_ref(), key).await
}

async fn head(objects: &dyn ObjectStore, key: &ObjectKey) -> ObjectRef {
    objects.head(Bucket::Data, key).await.unwrap().unwrap()
}

/// The result of an undisturbed run.
fn expected(
    manifest: &Manifest,
    good: &BTreeMap<String, bool>,
    lengths: &BTreeMap<String, u64>,
) -> String {
    let mut text = String::new();
    for object in manifest.objects() {
        let outcome = if good[object.key.as_str()] { "analyzed" } else { "quarantined" };
        text += &format!("{} {outcome}\n", object.key);
    }
    for (key, length) in lengths.iter().filter(|(key, _)| good[*key]) {
        text += &format!("{key} {length} {}\n", length * u64::from(b'a'));
    }
    text
}

async fn lengths(
    ports: &Ports,
    manifest: &Manifest,
    good: &BTreeMap<String, bool>,
) -> BTreeMap<String, u64> {
    let mut lengths = BTreeMap::new();
    for object in manifest.objects().iter().filter(|object| good[object.key.as_str()]) {
        let sink = |_: &[u8]| Ok::<(), ()>(());
        let opened = open_object(ports, &Pit::default(), Bucket::Data, object, sink).await.unwrap();
        lengths.insert(object.key.to_string(), opened.plaintext_bytes);
    }
    lengths
}

async fn simulate(seed: u64) -> RunStatus {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let calm = seed.is_multiple_of(50);
    let rates = if calm { SLOW } else { rates(&mut random) };
    let kills = if calm { 0 } else { random.next_u32() % 6 };
    let world = World::new(seed, rates, calm);
    let (manifest, good) = put_objects(&world.ports, &mut random).await;
    let lengths = lengths(&world.ports, &manifest, &good).await;
    let wanted = expected(&manifest, &good, &lengths);
    let plan = Plan { manifest, study: study("toy/1"), again: None, workers: 3 };
    let run = plan.digest().run_id();
    let row = drive(&world, &plan, run, kills, &mut random).await;
    check(&world, &row, &wanted).await;
    let units = world.ports.ledger.units(run, 0, 100).await.unwrap();
    check_fences(&world, &row, &units).await;
    if calm {
        let tries = |unit: &Unit| (unit.epoch, unit.losses, unit.task_errors);
        assert!(units.iter().all(|unit| tries(unit) == (Epoch(1), 0, 0)), "calm, but done twice");
        assert_eq!((row.status, row.fin_epoch, row.launches), (RunStatus::Done, Epoch(1), 1));
    }
    row.status
}

fn study(analysis: &str) -> StudySettings {
    StudySettings { analysis: analysis.to_owned(), ..StudySettings::default() }
}

/// Submits, reconciles and kills until the run has ended and every worker has
/// left.
async fn drive(
    world: &World,
    plan: &Plan,
    run: RunId,
    mut kills: u32,
    random: &mut ChaCha8Rng,
) -> Run {
    let pit = Pit::default();
    let (lease, budgets) = (rules().lease, rules().budgets);
    let grace = Duration::ZERO;
    let (ports, workers) = (&world.faulty, Some((run, 3)));
    let reconciler = Reconciler { ports, pit: &pit, lease, budgets, workers, grace };
    let start = tokio::time::Instant::now();
    while submit(&world.faulty, plan).await.is_err() {
        sleep(Duration::from_secs(1)).await;
    }
    loop {
        assert!(start.elapsed() < SIMULATED_LIMIT, "the run does not end");
        // A pass that fails is repeated by the next one.
        let _ = reconciler.pass().await;
        sleep(Duration::from_millis(200 + u64::from(random.next_u32() % 4000))).await;
        if kills > 0 && random.next_u32().is_multiple_of(2) {
            kills -= 1;
            world.fleet.kill_one();
        }
        let row = world.ports.ledger.run(run).await.unwrap().unwrap();
        let gone = world.ports.fleet.live().await.unwrap().is_empty();
        if row.has_ended() && gone && row.notices.end == Some(Notice::Sent) {
            return row;
        }
    }
}

async fn check(world: &World, row: &Run, wanted: &str) {
    assert!(!world.mails.0.lock().unwrap().is_empty(), "no notice was sent");
    match (row.status, &row.report) {
        (RunStatus::Done, Some(report)) => {
            assert_eq!(report.deliverables.len(), 1);
            assert_eq!(read(world, &report.deliverables[0]).await, wanted);
        }
        (RunStatus::Failed, Some(report)) => {
            let units = world.ports.ledger.units(row.id, 0, 100).await.unwrap();
            let failed: Vec<_> = units.iter().filter(|u| u.state == UnitState::Failed).collect();
            assert!(!failed.is_empty() && report.counts.failed == failed.len() as u64);
            let spent = |u: &&Unit| u.losses >= 3 || u.task_errors >= 3;
            assert!(failed.iter().all(spent), "a unit failed within its budgets");
            assert!(failed.iter().all(|unit| unit.reason.is_some()));
        }
        (RunStatus::Failed, None) => {
            assert!(row.fin_epoch.0 >= 3, "a finalization within its budget");
        }
        other => panic!("a run must not end like this: {other:?}"),
    }
    let left = world.ports.ledger.left(row.id).await.unwrap();
    assert_eq!(left, 0, "units are not accounted for");
}

/// Checks that every partial and deliverable was written by the attempt in the
/// row, and that the attempt wrote its access record.
async fn check_fences(world: &World, row: &Run, units: &[Unit]) {
    for unit in units.iter().filter(|unit| unit.state == UnitState::Done) {
        let partial = unit.partial.as_ref().map(|partial| &partial.key);
        assert_eq!(partial, Some(&ObjectKey::partial(unit.id, unit.epoch)), "a late writer got in");
        let record = ObjectKey::access_record(unit.id, unit.epoch);
        let record = world.ports.objects.head(Bucket::Logs, &record).await.unwrap();
        assert!(record.is_some(), "opened without an access record");
    }
    for object in row.report.iter().flat_map(|report| &report.deliverables) {
        let own = ObjectKey::deliverable(row.id, row.fin_epoch, "result.txt").unwrap();
        assert_eq!(object.key, own, "a late finalizer got in");
    }
}

async fn read(world: &World, object: &ObjectRef) -> String {
    let mut bytes = Vec::new();
    let sink = |plaintext: &[u8]| {
        bytes.extend_from_slice(plaintext);
        Ok::<(), ()>(())
    };
    open_object(&world.ports, &Pit::default(), Bucket::Output, object, sink).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("SCE_SEEDS") else {
        return SEEDS;
    };
    let (from, to) = text.split_once("..").expect("SCE_SEEDS=FROM..TO");
    from.parse().unwrap()..to.parse().unwrap()
}

/// Runs `work` on one thread in paused time.
fn in_paused_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(tokio::task::LocalSet::new().run_until(work))
}

#[test]
fn every_run_ends_with_the_undisturbed_result() {
    let seeds = seeds();
    let count = |of: &[RunStatus], status| of.iter().filter(|s| **s == status).count();
    let threads = 2;
    let results: Vec<RunStatus> = std::thread::scope(|scope| {
        let share = |n| seeds.clone().filter(move |seed| seed % threads == n);
        let run = |seed| {
            catch_unwind(AssertUnwindSafe(|| in_paused_time(simulate(seed))))
                .unwrap_or_else(|_| panic!("seed {seed} fails: SCE_SEEDS={seed}..{}", seed + 1))
        };
        let handles: Vec<_> =
            (0..threads).map(|n| scope.spawn(move || share_of(share(n), run))).collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
    });
    let done = count(&results, RunStatus::Done);
    println!(
        "{} runs: {done} done, {} failed by a spent budget",
        results.len(),
        results.len() - done
    );
    assert!(done * 10 >= results.len() * 8, "most runs survive their faults");
}

fn share_of(seeds: impl Iterator<Item = u64>, run: impl Fn(u64) -> RunStatus) -> Vec<RunStatus> {
    seeds.map(run).collect()
}

#[test]
fn the_settings_of_a_run_choose_its_analysis() {
    in_paused_time(async {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let world = World::new(1, FaultRates::NONE, true);
        let key = ObjectKey::try_from("part-000001.csv".to_owned()).unwrap();
        let rows = b"date,ID,systol\n1938-10-30,1,120\n1938-10-31,1,121\n";
        let object = put_sealed(&world.ports, &key, &key, rows).await;
        let manifest = Manifest::new(vec![object]).unwrap();
        for (analysis, first, may_leave) in [
            ("toy/1", Some("result.txt"), None),
            ("lines/1", Some("lines.txt"), Some("lines.txt")),
            ("vitals/1", Some("patients.parquet"), Some("cohort_export.csv")),
            ("other/1", None, None),
        ] {
            let manifest = manifest.clone();
            let plan = Plan { manifest, study: study(analysis), again: None, workers: 1 };
            let run = plan.digest().run_id();
            let row = drive(&world, &plan, run, 0, &mut random).await;
            let Some(report) = row.report else {
                assert_eq!(first, None, "{analysis}: {:?}", row.reason);
                continue;
            };
            let name = |key: &ObjectKey| key.to_string().rsplit('/').next().unwrap().to_owned();
            let files: Vec<String> = report.deliverables.iter().map(|o| name(&o.key)).collect();
            assert_eq!(files.first().map(String::as_str), first, "{analysis}");
            let leaving: Vec<String> = report.may_leave.iter().map(name).collect();
            assert_eq!(leaving.first().map(String::as_str), may_leave, "{analysis}");
            if analysis == "lines/1" {
                assert_eq!(read(&world, &report.deliverables[0]).await, "3 lines in 1 objects\n");
            }
        }
    });
}
