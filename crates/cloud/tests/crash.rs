//! Kill −9 at any moment: everything acknowledged is there, everything else is
//! complete or absent, and the databases open.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use sce_cloud::faults::SeededEntropy;
use sce_cloud::local::{DirectoryStore, SqliteLedger, SqliteQueue};
use sce_cloud::ports::{Entropy, Ledger, ObjectStore, Put, PutMode, WorkQueue};
use sce_cloud::system::SystemClock;
use sce_core::ids::{Epoch, OwnerId, UnitId};
use sce_core::limits::{Budgets, LeaseRules};
use sce_core::manifest::{Manifest, PlanDigest};
use sce_core::object::{Bucket, ObjectKey};
use sce_core::requests::Requests;
use sce_core::run::{Run, RunChange};
use sce_core::study::StudySettings;
use sce_core::time::Timestamp;
use sce_core::unit::{Unit, UnitChange};
use tempfile::TempDir;

/// Environment variables of the child: where to write, and the first number.
const HOME: &str = "SCE_TEST_HOME";
const FIRST: &str = "SCE_TEST_FIRST";
const ROUNDS: u32 = 40;
/// Units of the run that every child continues; more than all children commit.
const UNITS: u32 = 20_000;
/// Larger than a pipe, a page and a chunk of the store.
const OBJECT_BYTES: usize = (1 << 20) + 4321;

struct World {
    store: DirectoryStore,
    queue: SqliteQueue,
    ledger: SqliteLedger,
    run: Run,
}

impl World {
    fn open(home: &Path) -> Self {
        let study = StudySettings::default();
        let digest = PlanDigest::of(&Manifest::new(vec![]).unwrap(), &study, None);
        let lease = LeaseRules::of(Duration::from_secs(12));
        Self {
            store: DirectoryStore::open(&home.join("objects")).unwrap(),
            queue: SqliteQueue::open(&home.join("queue.sqlite"), Arc::new(SystemClock)).unwrap(),
            ledger: SqliteLedger::open(&home.join("ledger.sqlite"), lease, Budgets::default())
                .unwrap(),
            run: Run::draft(digest, study, UNITS, 0, Timestamp(1)),
        }
    }

    fn unit(&self, index: u32) -> UnitId {
        UnitId { run: self.run.id, index }
    }

    async fn submit(&self) {
        let pending = |index| Unit::pending(self.unit(index), vec![], index % self.run.shards());
        self.ledger.put_run(&self.run).await.unwrap();
        self.ledger.put_units(&(0..UNITS).map(pending).collect::<Vec<_>>()).await.unwrap();
        let release = RunChange::Release { now: Timestamp(1), left: self.run.counters() };
        self.ledger.apply_run(self.run.id, &release).await.unwrap().unwrap();
    }

    /// Writes everything that a worker writes for unit `n`.
    async fn work(&self, n: u32) {
        let mut writer = self.store.create(Bucket::Output, &key(n)).await.unwrap();
        for piece in content(n).chunks(70_000) {
            writer.write(piece).await.unwrap();
        }
        let Put::Written(partial) = writer.finish(PutMode::IfAbsent).await.unwrap() else {
            // The previous child wrote it and was killed before it acknowledged.
            return acknowledge("exists", n);
        };
        acknowledge("put", n);
        self.queue.send(&[n.to_string()]).await.unwrap();
        acknowledge("sent", n);
        let (owner, lease_until) = (OwnerId::new([1; 8]), Timestamp(i64::MAX));
        let claim = UnitChange::Claim { epoch: Epoch(0), owner, lease_until };
        self.ledger.apply_unit(self.unit(n), &claim).await.unwrap().unwrap();
        acknowledge("claimed", n);
        let commit = UnitChange::Commit {
            epoch: Epoch(1),
            partial,
            outcomes: vec![],
            requests: Requests::new(),
        };
        self.ledger.apply_unit(self.unit(n), &commit).await.unwrap().unwrap();
        acknowledge("committed", n);
    }
}

fn key(n: u32) -> ObjectKey {
    format!("folder-{}/object-{n}", n / 5).try_into().unwrap()
}

fn content(n: u32) -> Vec<u8> {
    n.to_le_bytes().repeat(OBJECT_BYTES / 4)
}

fn acknowledge(what: &str, n: u32) {
    // One write, so that the parent never reads half a line of a live child.
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\nack {what} {n}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
#[ignore = "the child of what_was_acknowledged_survives_every_kill"]
fn write_until_killed() {
    // Without the variable it was started with all ignored tests, not as a child.
    let Some(home) = std::env::var_os(HOME) else {
        return;
    };
    let world = World::open(&PathBuf::from(home));
    let first = std::env::var(FIRST).unwrap().parse().unwrap();
    runtime().block_on(async {
        for n in first..UNITS {
            world.work(n).await;
        }
    });
}

fn spawn_writer(home: &Path, first: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "write_until_killed", "--ignored", "--nocapture"])
        .env(HOME, home)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The acknowledgements of the children, by kind and number.
type Acks = BTreeSet<(String, u32)>;

/// Lets a child write, kills it `delay` after its first acknowledgement, and records its
/// acknowledgements.
fn write_and_kill(home: &Path, first: u32, delay: Duration, acks: &mut Acks) {
    let mut child = spawn_writer(home, first);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("ack") {
        assert_ne!(out.read_line(&mut text).unwrap(), 0, "the child ended: {text}");
    }
    std::thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
    out.read_to_string(&mut text).unwrap();
    for line in text.lines() {
        if let ["ack", what, n] = line.split(' ').collect::<Vec<_>>()[..] {
            acks.insert((what.to_owned(), n.parse().unwrap()));
        }
    }
}

/// Checks everything that holds after a kill; `next` is the first number never tried.
async fn check(world: &World, acks: &Acks, next: u32) {
    let has = |what: &str, n| acks.contains(&(what.to_owned(), n));
    let mut terminal = 0;
    for n in 0..next {
        let object = world.store.head(Bucket::Output, &key(n)).await.unwrap();
        assert!(object.is_some() || !has("put", n), "object {n} is lost");
        if let Some(object) = &object {
            assert_eq!(object.size, content(n).len() as u64, "object {n} is not whole");
            let mut reader = world.store.open(Bucket::Output, object).await.unwrap();
            let mut bytes = Vec::new();
            while let Some(chunk) = reader.next().await.unwrap() {
                bytes.extend_from_slice(&chunk);
            }
            assert!(bytes == content(n), "object {n} is damaged");
        }
        let unit = world.ledger.unit(world.unit(n)).await.unwrap().unwrap();
        assert!(unit.epoch == Epoch(1) || !has("claimed", n), "the claim of {n} is lost");
        assert!(unit.state.is_terminal() || !has("committed", n), "the commit of {n} is lost");
        assert!(unit.partial.is_none() || unit.partial == object, "{n} names no object");
        terminal += u64::from(unit.state.is_terminal());
    }
    let left = world.ledger.left(world.run.id).await.unwrap();
    assert_eq!(left, u64::from(UNITS) - terminal, "counters and units disagree");
}

/// Checks that every message is received once, and that all acknowledged ones are.
async fn check_queue(world: &World, acks: &Acks) {
    let mut received = BTreeSet::new();
    let (wait, hour) = (Duration::ZERO, Duration::from_secs(3600));
    while let Some(message) = world.queue.receive(wait, hour).await.unwrap() {
        assert!(received.insert(("sent".to_owned(), message.body.parse().unwrap())));
    }
    let sent: Acks = acks.iter().filter(|(what, _)| what == "sent").cloned().collect();
    assert!(sent.is_subset(&received), "lost: {:?}", sent.difference(&received));
}

#[test]
fn what_was_acknowledged_survives_every_kill() {
    let home = TempDir::new().unwrap();
    let (runtime, delays) = (runtime(), SeededEntropy::new(1938));
    let mut acks = Acks::new();
    let (mut first, mut checked) = (0, 0);
    runtime.block_on(World::open(home.path()).submit());
    for round in 0..ROUNDS {
        let mut random = [0; 2];
        delays.fill(&mut random).unwrap();
        let delay =
            Duration::from_micros(1000 + u64::from(u16::from_le_bytes(random)) * 39_000 / 65_535);
        write_and_kill(home.path(), first, delay, &mut acks);
        let last = acks.iter().map(|(_, n)| *n).max().unwrap();
        // The unit after the last acknowledged one may have been started; the next child
        // finds what it left.
        runtime.block_on(check(&World::open(home.path()), &acks, last + 2));
        assert!(last >= first, "round {round}: the child acknowledged nothing");
        first = last + 1;
        checked += 1;
    }
    assert_eq!(checked, ROUNDS);
    let kinds: BTreeSet<_> = acks.iter().map(|(what, _)| what.as_str()).collect();
    for kind in ["put", "sent", "claimed", "committed"] {
        assert!(kinds.contains(kind), "no child came as far as {kind}");
    }
    runtime.block_on(check_queue(&World::open(home.path()), &acks));
}
