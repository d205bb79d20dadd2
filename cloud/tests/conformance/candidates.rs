//! Who must pass: for each port, a function that makes every adapter of it,
//! fresh and empty, on this machine and on each emulator of AWS.

use std::sync::Arc;
use std::time::Duration;

use sce_cloud::aws::{DynamoLedger, S3Store, SqsQueue};
use sce_cloud::faults::MemoryStore;
use sce_cloud::local::{DirectoryStore, Maildir, SqliteLedger, SqliteQueue};
use sce_cloud::ports::{Ledger, Notifier, ObjectStore, WorkQueue};
use sce_cloud::system::{SystemClock, SystemEntropy};
use sce_core::limits::{Budgets, LeaseRules};
use tempfile::TempDir;

use crate::project::projects;

/// Rules of every ledger under test.
pub fn lease() -> LeaseRules {
    LeaseRules::of(Duration::from_secs(12))
}

/// How many adapters are opened on the same thing, as by as many processes.
const DOORS: usize = 4;

/// An adapter, opened several times on the same thing.
pub struct Candidate<P: ?Sized> {
    /// Shown when a check fails.
    pub name: &'static str,
    /// Each opened by itself; what one does, all see.
    pub doors: Vec<Arc<P>>,
    /// Where it lives, if that goes with it.
    pub home: TempDir,
}

impl<P: ?Sized> Candidate<P> {
    fn new(name: &'static str, open: impl Fn(&TempDir) -> Arc<P>) -> Self {
        let home = TempDir::new().unwrap();
        let doors = (0..DOORS).map(|_| open(&home)).collect();
        Self { name, doors, home }
    }

    /// The port, for checks that need one door only.
    pub fn port(&self) -> &P {
        self.doors[0].as_ref()
    }
}

/// Every object store.
pub async fn stores() -> Vec<Candidate<dyn ObjectStore>> {
    let memory = MemoryStore::default();
    let mut all = vec![
        Candidate::<dyn ObjectStore>::new("directory", |home| {
            Arc::new(DirectoryStore::open(home.path()).unwrap())
        }),
        Candidate::<dyn ObjectStore>::new("memory", |_| Arc::new(memory.clone())),
    ];
    for project in projects().await {
        let key = project.make_key().await;
        project.make_buckets().await;
        all.push(Candidate::<dyn ObjectStore>::new(project.name(), |_| {
            let resources = project.resources.clone();
            Arc::new(S3Store::new(project.clients.s3.clone(), resources, key.clone()))
        }));
    }
    all
}

/// Every queue.
pub async fn queues() -> Vec<Candidate<dyn WorkQueue>> {
    let mut all = vec![Candidate::<dyn WorkQueue>::new("sqlite", |home| {
        let path = home.path().join("queue.sqlite");
        Arc::new(SqliteQueue::open(&path, Arc::new(SystemClock)).unwrap())
    })];
    for project in projects().await {
        let name = project.resources.units_queue();
        project.make_queue(&name).await;
        let queue = SqsQueue::open(project.clients.sqs.clone(), &name).await.unwrap();
        all.push(Candidate::<dyn WorkQueue>::new(project.name(), |_| Arc::new(queue.clone())));
    }
    all
}

/// Every ledger.
pub async fn ledgers() -> Vec<Candidate<dyn Ledger>> {
    let mut all = vec![Candidate::<dyn Ledger>::new("sqlite", |home| {
        let path = home.path().join("ledger.sqlite");
        Arc::new(SqliteLedger::open(&path, lease(), Budgets::default()).unwrap())
    })];
    for project in projects().await {
        project.make_table().await;
        all.push(Candidate::<dyn Ledger>::new(project.name(), |_| {
            let (client, table) = (project.clients.dynamodb.clone(), project.resources.table());
            Arc::new(DynamoLedger::new(client, table, lease(), Budgets::default()))
        }));
    }
    all
}

/// Every notifier, and where its notices can be read.
pub async fn notifiers() -> Vec<Candidate<dyn Notifier>> {
    vec![Candidate::<dyn Notifier>::new("maildir", |home| {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        Arc::new(Maildir::open(home.path(), "someone@example.org", clock, entropy).unwrap())
    })]
}

/// What an emulator cannot show, and why: these checks leave it out.
const GAPS: [(&str, &str, &str); 0] = [];

/// Whether a check is left out for a candidate; told, never silent.
pub fn is_gap(check: &str, candidate: &str) -> bool {
    let gap = GAPS.iter().find(|(of, name, _)| *of == candidate && *name == check);
    if let Some((_, _, reason)) = gap {
        eprintln!("left out: {check} on {candidate}: {reason}");
    }
    gap.is_some()
}

/// Makes a test of each check, over all candidates of its port.
macro_rules! every {
    ($candidates:ident holds $($check:ident)+) => {
        mod every {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $check() {
                    for candidate in crate::candidates::$candidates().await {
                        if crate::candidates::is_gap(stringify!($check), candidate.name) {
                            continue;
                        }
                        eprintln!("candidate: {}", candidate.name);
                        super::$check(&candidate).await;
                    }
                }
            )+
        }
    };
}
pub(crate) use every;
