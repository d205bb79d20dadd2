//! The ports: just the calls that agent and coordinator make, no more.
//!
//! Two adapters stand behind each (`local` and `aws`) and one conformance suite holds them to the same behaviour. Everything above this line is the
//! same code on one machine and in the cloud.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sce_core::envelope::{DataKey, EncryptedDataKey, EncryptionContext};
use sce_core::ids::{RunId, UnitId, WorkerId};
use sce_core::object::{Bucket, ObjectKey, ObjectRef};
use sce_core::registry::{Name, Refusal};
use sce_core::run::{Launch, LaunchIntent, Run, RunChange, Started};
use sce_core::time::Timestamp;
use sce_core::unit::{Refused, Unit, UnitChange};

use crate::counts::RequestCounts;
use crate::error::PortResult;

/// Objects in buckets.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// Begins to write an object; nothing is visible before `finish`.
    async fn create(&self, bucket: Bucket, key: &ObjectKey) -> PortResult<Box<dyn ObjectWriter>>;
    /// Begins to read one version; `Absent` or `Changed` if it is not there.
    async fn open(&self, bucket: Bucket, object: &ObjectRef) -> PortResult<Box<dyn ObjectReader>>;
    /// What lies at a key now.
    async fn head(&self, bucket: Bucket, key: &ObjectKey) -> PortResult<Option<ObjectRef>>;
}

/// What happens where an object lies already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode {
    /// `If-None-Match: *`: it stays, and [`Put::Exists`] is answered.
    IfAbsent,
    /// It is replaced.
    Replace,
}

/// What became of a put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// The object lies there now.
    Written(ObjectRef),
    /// Another lay there; nothing was changed.
    Exists,
}

/// An object being written. Dropped unfinished, it leaves nothing.
#[async_trait]
pub trait ObjectWriter: Send {
    /// Adds bytes.
    async fn write(&mut self, bytes: &[u8]) -> PortResult<()>;
    /// Makes the object visible, whole and durable.
    async fn finish(self: Box<Self>, mode: PutMode) -> PortResult<Put>;
}

/// An object being read, from its first byte.
#[async_trait]
pub trait ObjectReader: Send {
    /// The next bytes (at most about 1 MiB), `None` after the last.
    async fn next(&mut self) -> PortResult<Option<Bytes>>;
}

/// A message received; it comes back unless deleted in time.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What was sent.
    pub body: String,
    /// Names this delivery to the queue.
    pub receipt: String,
}

/// At-least-once queue of hints.
#[async_trait]
pub trait WorkQueue: Send + Sync {
    /// Sends messages (any number; the adapter batches).
    async fn send(&self, bodies: &[String]) -> PortResult<()>;
    /// Waits up to `wait` for one message, invisible to others for `visibility`.
    async fn receive(&self, wait: Duration, visibility: Duration) -> PortResult<Option<Delivery>>;
    /// Makes a received message visible again after `after` from now.
    async fn extend(&self, receipt: &str, after: Duration) -> PortResult<()>;
    /// Deletes a received message.
    async fn delete(&self, receipt: &str) -> PortResult<()>;
}

/// What the ledger answers to a change: the row after it, or why it does not
/// apply to the row as it stands.
pub type Verdict<T> = Result<T, Refused>;

/// The only thing that decides. All reads are consistent.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Puts a run if absent; answers the row that is there now.
    async fn put_run(&self, run: &Run) -> PortResult<Run>;
    /// Puts units, each if absent.
    async fn put_units(&self, units: &[Unit]) -> PortResult<()>;
    /// Changes a run's row, with its counters (release) and its launch intent
    /// (launch) in the same transaction.
    async fn apply_run(&self, run: RunId, change: &RunChange) -> PortResult<Verdict<Run>>;
    /// Changes a unit's row, with its run's counter in the same transaction
    /// where the change counts down.
    async fn apply_unit(&self, unit: UnitId, change: &UnitChange) -> PortResult<Verdict<Unit>>;
    /// A run's row.
    async fn run(&self, run: RunId) -> PortResult<Option<Run>>;
    /// All runs, the newest first.
    async fn runs(&self) -> PortResult<Vec<Run>>;
    /// A unit's row.
    async fn unit(&self, unit: UnitId) -> PortResult<Option<Unit>>;
    /// Up to `limit` units of a run from index `from`, in order.
    async fn units(&self, run: RunId, from: u32, limit: u32) -> PortResult<Vec<Unit>>;
    /// How many units of a released run are not terminal yet: its counters' sum.
    async fn left(&self, run: RunId) -> PortResult<u64>;
    /// Launch intents not yet closed.
    async fn open_launches(&self) -> PortResult<Vec<LaunchIntent>>;
    /// The fleet was called for this intent and did this, or its run has ended.
    async fn close_launch(&self, intent: &LaunchIntent, started: &Started) -> PortResult<()>;
    /// Every launch of a run, in order.
    async fn launches(&self, run: RunId) -> PortResult<Vec<Launch>>;
    /// Registers an uploaded object, or a new version of it (then free again);
    /// the version that is registered already stays as it stands.
    async fn register(&self, name: &Name) -> PortResult<()>;
    /// Notes an upload whose name was refused, once however often it is told.
    async fn note_refusal(&self, refusal: &Refusal) -> PortResult<()>;
    /// How many uploads were refused for their names, by bucket.
    async fn refusals(&self) -> PortResult<BTreeMap<String, u64>>;
    /// One row of the names table.
    async fn name(&self, key: &ObjectKey) -> PortResult<Option<Name>>;
    /// Up to `limit` names after `after` in key order, with this prefix.
    async fn names(
        &self,
        prefix: &str,
        after: Option<&ObjectKey>,
        limit: u32,
    ) -> PortResult<Vec<Name>>;
    /// Marks names as taken by `run`, each if it stands as given; answers how
    /// many were marked or had been by this run.
    async fn take_names(&self, names: &[Name], run: RunId) -> PortResult<usize>;
}

/// Tells people. Subjects and texts carry ids and counts only.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Publishes one notice.
    async fn publish(&self, subject: &str, text: &str) -> PortResult<()>;
}

/// One worker of the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The worker it runs.
    pub worker: WorkerId,
    /// What the engine calls it (process id, instance id).
    pub engine_id: String,
    /// Whether the engine is still starting it.
    pub starting: bool,
    /// When the engine started it, where it says so.
    pub launched_at: Option<Timestamp>,
}

/// The machines, or processes, that run the agent.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Starts the workers of an intent; with the same token, at most once.
    async fn launch(&self, intent: &LaunchIntent) -> PortResult<Started>;
    /// The live workers of this project.
    async fn live(&self) -> PortResult<Vec<Instance>>;
    /// Asks a worker to stop: it drains and leaves.
    async fn drain(&self, instance: &Instance) -> PortResult<()>;
    /// Ends a worker that did not leave by itself.
    async fn terminate(&self, instance: &Instance) -> PortResult<()>;
    /// Why the engine itself ended workers of this run, one reason for each
    /// (on EC2: its state reason, as where the volume's key may not be used).
    async fn failures(&self, run: RunId) -> PortResult<Vec<String>>;
}

/// Data keys.
#[async_trait]
pub trait KeyService: Send + Sync {
    /// A fresh data key for one object, and the same one wrapped.
    async fn generate(
        &self,
        context: &EncryptionContext,
    ) -> PortResult<(DataKey, EncryptedDataKey)>;
    /// Unwraps a data key, with configured keys only.
    async fn unwrap(
        &self,
        wrapped: &[EncryptedDataKey],
        context: &EncryptionContext,
    ) -> PortResult<DataKey>;
    /// The wrapping key's name, for access records.
    fn key_name(&self) -> String;
}

/// The wall clock.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` from the operating system (tests: from a seed).
    fn fill(&self, bytes: &mut [u8]) -> PortResult<()>;
}

/// Everything outside, as one worker or one coordinator sees it.
#[derive(Clone)]
pub struct Ports {
    /// Objects.
    pub objects: Arc<dyn ObjectStore>,
    /// Queue.
    pub queue: Arc<dyn WorkQueue>,
    /// Ledger.
    pub ledger: Arc<dyn Ledger>,
    /// Notices.
    pub notifier: Arc<dyn Notifier>,
    /// Fleet.
    pub fleet: Arc<dyn Fleet>,
    /// Keys.
    pub keys: Arc<dyn KeyService>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What all of them sent.
    pub counts: RequestCounts,
}

impl Ports {
    /// Eight random bytes, for a fresh id.
    pub fn random_id(&self) -> PortResult<[u8; 8]> {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes)?;
        Ok(bytes)
    }
}
