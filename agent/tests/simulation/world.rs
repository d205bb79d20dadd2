//! A complete project in one thread with paused time. Workers are tasks that are
//! launched, killed and slowed down; every port fails and loses responses.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sce_agent::work::{ShutdownMode, StartedAnalyses, WorkRules, Worker};
use sce_cloud::counts::RequestCounts;
use sce_cloud::error::PortResult;
use sce_cloud::faults::{FaultRates, Faults, MemoryStore, SeededEntropy, SimulatedClock};
use sce_cloud::local::{FileKeys, SqliteLedger, SqliteQueue};
use sce_cloud::ports::{Fleet, Instance, Notifier, Ports};
use sce_core::envelope::WrappingKey;
use sce_core::ids::{Pit, RunId, WorkerId};
use sce_core::limits::{Budgets, LeaseRules};
use sce_core::room::{Load, Room};
use sce_core::run::{LaunchIntent, Started};
use sce_study::AnalysisEntry;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::lines::LINES;
use crate::toy::TOY;

/// The analyses of simulated workers.
const ANALYSES: &[AnalysisEntry] = &[TOY, LINES, sce_vitals::ANALYSIS];

pub fn rules() -> WorkRules {
    WorkRules {
        lease: LeaseRules::of(Duration::from_secs(12)),
        budgets: Budgets { launches: 40, ..Budgets::default() },
        poll: Duration::from_secs(1),
        lifetime: Duration::from_secs(3600),
        load: Load { objects: 3, partial_bytes: 1 },
    }
}

#[derive(Default)]
pub struct Mails(pub Mutex<Vec<String>>);

#[async_trait]
impl Notifier for Mails {
    async fn publish(&self, subject: &str, _text: &str) -> PortResult<()> {
        self.0.lock().unwrap().push(subject.to_owned());
        Ok(())
    }
}

/// The fleet: a launch spawns tasks, and a kill aborts one at any await.
pub struct SimulatedFleet {
    world: Ports,
    faults: Faults,
    random: Mutex<ChaCha8Rng>,
    start: Instant,
    /// Whether no worker's clock is wrong by more than the margin.
    calm: bool,
    tokens: Mutex<BTreeSet<String>>,
    workers: Mutex<Vec<(WorkerId, JoinHandle<()>)>>,
}

impl SimulatedFleet {
    fn start_worker(self: &Arc<Self>, skewed: bool) {
        let (mut id, ahead) = ([0; 8], {
            let mut random = self.random.lock().unwrap();
            let margin = u64::from(random.next_u32()) % 900;
            Duration::from_millis(if skewed { margin * 40 } else { margin })
        });
        self.random.lock().unwrap().fill_bytes(&mut id);
        let mut ports = self.faults.wrap(&self.world);
        ports.clock = Arc::new(SimulatedClock::new(self.start, ahead));
        let worker = Worker {
            ports,
            analyses: StartedAnalyses::new(ANALYSES, std::env::temp_dir()),
            rules: rules(),
            pit: Pit::default(),
            id: WorkerId::new(id),
            machine: "task".into(),
            measure: Arc::new(|| Room { memory_mib: 1000, hipaa_mib: 1000 }),
        };
        let task = tokio::task::spawn_local(async move {
            let (_keep, shutdown) = watch::channel(ShutdownMode::Run);
            // An error means that a port failed for longer than retries last: the worker is gone,
            // as if it had been killed.
            let _ = worker.work(shutdown).await;
        });
        self.workers.lock().unwrap().push((WorkerId::new(id), task));
    }

    pub fn kill_one(&self) {
        let workers = self.workers.lock().unwrap();
        if let Some((_, task)) = workers.iter().rev().find(|(_, task)| !task.is_finished()) {
            task.abort();
        }
    }
}

#[async_trait]
impl Fleet for LaunchingFleet {
    async fn launch(&self, intent: &LaunchIntent) -> PortResult<Started> {
        if self.0.tokens.lock().unwrap().insert(intent.token()) {
            for _ in 0..intent.workers {
                let skewed = self.0.random.lock().unwrap().next_u32().is_multiple_of(20);
                let skewed = skewed && !self.0.calm;
                self.0.start_worker(skewed);
            }
        }
        Ok(Started { workers: intent.workers, machine: "task".into(), at: None })
    }
    async fn live(&self) -> PortResult<Vec<Instance>> {
        let workers = self.0.workers.lock().unwrap();
        let live = workers.iter().filter(|(_, task)| !task.is_finished());
        let instance = |worker| Instance {
            worker,
            engine_id: String::new(),
            starting: false,
            launched_at: None,
        };
        Ok(live.map(|(id, _)| instance(*id)).collect())
    }
    async fn drain(&self, _instance: &Instance) -> PortResult<()> {
        Ok(())
    }
    async fn terminate(&self, _instance: &Instance) -> PortResult<()> {
        Ok(())
    }
    async fn failures(&self, _: RunId) -> PortResult<Vec<String>> {
        Ok(Vec::new())
    }
}

/// The fleet as a port.
pub struct LaunchingFleet(pub Arc<SimulatedFleet>);

pub struct World {
    /// The ports without faults.
    pub ports: Ports,
    /// The same ports with faults, for the coordinator.
    pub faulty: Ports,
    pub fleet: Arc<SimulatedFleet>,
    pub mails: Arc<Mails>,
}

impl World {
    pub fn new(seed: u64, rates: FaultRates, calm: bool) -> Self {
        let start = Instant::now();
        let clock = Arc::new(SimulatedClock::new(start, Duration::ZERO));
        let entropy = Arc::new(SeededEntropy::new(seed));
        let key = WrappingKey::new("hipaa", "HomerKey", &[7; 32]).unwrap();
        let memory = Path::new(":memory:");
        let mails = Arc::new(Mails::default());
        let mut ports = Ports {
            objects: Arc::new(MemoryStore::default()),
            queue: Arc::new(SqliteQueue::open(memory, clock.clone()).unwrap()),
            ledger: Arc::new(SqliteLedger::open(memory, rules().lease, rules().budgets).unwrap()),
            notifier: mails.clone(),
            fleet: Arc::new(NoFleet),
            keys: Arc::new(FileKeys::of(key, entropy.clone()).unwrap()),
            clock,
            entropy,
            counts: RequestCounts::default(),
        };
        let faults = Faults::new(rates, seed ^ 0x5ce);
        let fleet = Arc::new(SimulatedFleet {
            world: ports.clone(),
            faults: faults.clone(),
            random: Mutex::new(ChaCha8Rng::seed_from_u64(seed ^ 0xf1ee7)),
            start,
            calm,
            tokens: Mutex::default(),
            workers: Mutex::default(),
        });
        ports.fleet = Arc::new(LaunchingFleet(fleet.clone()));
        Self { faulty: faults.wrap(&ports), ports, fleet, mails }
    }
}

/// The fleet of workers, which never launch anything.
struct NoFleet;

#[async_trait]
impl Fleet for NoFleet {
    async fn launch(&self, _: &LaunchIntent) -> PortResult<Started> {
        unreachable!("workers do not launch workers")
    }
    async fn live(&self) -> PortResult<Vec<Instance>> {
        Ok(Vec::new())
    }
    async fn drain(&self, _: &Instance) -> PortResult<()> {
        Ok(())
    }
    async fn terminate(&self, _: &Instance) -> PortResult<()> {
        Ok(())
    }
    async fn failures(&self, _: RunId) -> PortResult<Vec<String>> {
        Ok(Vec::new())
    }
}
