//! Who must pass: for each port, a function that makes every adapter of it,
//! fresh and empty. Adapters on emulators join these lists.

use std::sync::Arc;
use std::time::Duration;

use sce_cloud::faults::MemoryStore;
use sce_cloud::local::{DirectoryStore, Maildir, SqliteLedger, SqliteQueue};
use sce_cloud::ports::{Ledger, Notifier, ObjectStore, WorkQueue};
use sce_cloud::system::{SystemClock, SystemEntropy};
use sce_core::limits::{Budgets, LeaseRules};
use tempfile::TempDir;

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
pub fn stores() -> Vec<Candidate<dyn ObjectStore>> {
    let memory = MemoryStore::default();
    vec![
        Candidate::<dyn ObjectStore>::new("directory", |home| {
            Arc::new(DirectoryStore::open(home.path()).unwrap())
        }),
        Candidate::<dyn ObjectStore>::new("memory", |_| Arc::new(memory.clone())),
    ]
}

/// Every queue.
pub fn queues() -> Vec<Candidate<dyn WorkQueue>> {
    vec![Candidate::<dyn WorkQueue>::new("sqlite", |home| {
        let path = home.path().join("queue.sqlite");
        Arc::new(SqliteQueue::open(&path, Arc::new(SystemClock)).unwrap())
    })]
}

/// Every ledger.
pub fn ledgers() -> Vec<Candidate<dyn Ledger>> {
    vec![Candidate::<dyn Ledger>::new("sqlite", |home| {
        let path = home.path().join("ledger.sqlite");
        Arc::new(SqliteLedger::open(&path, lease(), Budgets::default()).unwrap())
    })]
}

/// Every notifier, and where its notices can be read.
pub fn notifiers() -> Vec<Candidate<dyn Notifier>> {
    vec![Candidate::<dyn Notifier>::new("maildir", |home| {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        Arc::new(Maildir::open(home.path(), "someone@example.org", clock, entropy).unwrap())
    })]
}

/// Makes a test of each check, over all candidates of its port.
macro_rules! every {
    ($candidates:ident holds $($check:ident)+) => {
        mod every {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $check() {
                    for candidate in crate::candidates::$candidates() {
                        eprintln!("candidate: {}", candidate.name);
                        super::$check(&candidate).await;
                    }
                }
            )+
        }
    };
}
pub(crate) use every;
