//! The ports: exactly the calls that agent and coordinator make.
//!
//! Each port has two adapters (`local` and `aws`), and one conformance suite
//! holds them to the same behavior. Code that uses ports must be the same on
//! one machine and on AWS.

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
    /// Starts to write an object; nothing is visible before `finish`.
    async fn create(&self, bucket: Bucket, key: &ObjectKey) -> PortResult<Box<dyn ObjectWriter>>;
    /// Starts to read one version; `Absent` or `Changed` if it is not there.
    async fn open(&self, bucket: Bucket, object: &ObjectRef) -> PortResult<Box<dyn ObjectReader>>;
    /// Returns the current version of an object.
    async fn head(&self, bucket: Bucket, key: &ObjectKey) -> PortResult<Option<ObjectRef>>;
}

/// What to do if an object exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode {
    /// `If-None-Match: *`: it is kept, and the result is [`Put::Exists`].
    IfAbsent,
    /// It is replaced.
    Replace,
}

/// The result of a put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// The object was written.
    Written(ObjectRef),
    /// Another object exists; nothing was changed.
    Exists,
}

/// An object being written. If it is dropped before `finish`, it leaves nothing.
#[async_trait]
pub trait ObjectWriter: Send {
    /// Adds bytes.
    async fn write(&mut self, bytes: &[u8]) -> PortResult<()>;
    /// Makes the object visible, complete and durable.
    async fn finish(self: Box<Self>, mode: PutMode) -> PortResult<Put>;
}

/// An object being read, from its first byte.
#[async_trait]
pub trait ObjectReader: Send {
    /// Returns the next bytes (at most about 1 MiB), `None` after the last.
    async fn next(&mut self) -> PortResult<Option<Bytes>>;
}

/// A received message; it reappears unless it is deleted in time.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The content.
    pub body: String,
    /// Identifies this delivery to the queue.
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

/// The ledger's answer to a change: the row after it, or why it does not apply to the row in
/// its current state.
pub type Verdict<T> = Result<T, Refused>;

/// Decides the outcome of everything. All reads are consistent.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Puts a run if it is absent; returns the current row.
    async fn put_run(&self, run: &Run) -> PortResult<Run>;
    /// Puts each of the units that is absent.
    async fn put_units(&self, units: &[Unit]) -> PortResult<()>;
    /// Changes a run's row, with its counters (release) and its launch intent
    /// (launch) in the same transaction.
    async fn apply_run(&self, run: RunId, change: &RunChange) -> PortResult<Verdict<Run>>;
    /// Changes a unit's row; if the change counts down, also its run's counter, in the same
    /// transaction.
    async fn apply_unit(&self, unit: UnitId, change: &UnitChange) -> PortResult<Verdict<Unit>>;
    /// Returns a run's row.
    async fn run(&self, run: RunId) -> PortResult<Option<Run>>;
    /// Returns all runs, the newest first.
    async fn runs(&self) -> PortResult<Vec<Run>>;
    /// Returns a unit's row.
    async fn unit(&self, unit: UnitId) -> PortResult<Option<Unit>>;
    /// Returns up to `limit` units of a run from index `from`, in order.
    async fn units(&self, run: RunId, from: u32, limit: u32) -> PortResult<Vec<Unit>>;
    /// Returns how many units of a released run are not terminal: the sum of its counters.
    async fn left(&self, run: RunId) -> PortResult<u64>;
    /// Returns the launch intents that are not closed.
    async fn open_launches(&self) -> PortResult<Vec<LaunchIntent>>;
    /// Closes an intent with the result of the launch, or because its run has ended.
    async fn close_launch(&self, intent: &LaunchIntent, started: &Started) -> PortResult<()>;
    /// Returns every launch of a run, in order.
    async fn launches(&self, run: RunId) -> PortResult<Vec<Launch>>;
    /// Registers an uploaded object, or a new version of it, which is free again. If the
    /// version is already registered, its row is not changed.
    async fn register(&self, name: &Name) -> PortResult<()>;
    /// Records an upload whose name was refused; once, even if it is reported again.
    async fn note_refusal(&self, refusal: &Refusal) -> PortResult<()>;
    /// Returns how many uploads were refused because of their names, by bucket.
    async fn refusals(&self) -> PortResult<BTreeMap<String, u64>>;
    /// Returns one row of the names table.
    async fn name(&self, key: &ObjectKey) -> PortResult<Option<Name>>;
    /// Returns up to `limit` names with this prefix after `after`, in key order.
    async fn names(
        &self,
        prefix: &str,
        after: Option<&ObjectKey>,
        limit: u32,
    ) -> PortResult<Vec<Name>>;
    /// Marks each name that is unchanged as taken by `run`; returns how many are marked now
    /// or were already marked by this run.
    async fn take_names(&self, names: &[Name], run: RunId) -> PortResult<usize>;
}

/// Publishes notices. Subjects and texts must contain ids and counts only.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Publishes one notice.
    async fn publish(&self, subject: &str, text: &str) -> PortResult<()>;
}

/// One worker of the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The worker on it.
    pub worker: WorkerId,
    /// The engine's identifier (process id, instance id).
    pub engine_id: String,
    /// Whether the engine is still starting it.
    pub starting: bool,
    /// When the engine started it, if the engine reports it.
    pub launched_at: Option<Timestamp>,
}

/// The machines, or processes, that run the agent.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Starts the workers of an intent; at most once for each token.
    async fn launch(&self, intent: &LaunchIntent) -> PortResult<Started>;
    /// Returns the live workers of this project.
    async fn live(&self) -> PortResult<Vec<Instance>>;
    /// Asks a worker to drain and leave.
    async fn drain(&self, instance: &Instance) -> PortResult<()>;
    /// Terminates a worker that did not leave by itself.
    async fn terminate(&self, instance: &Instance) -> PortResult<()>;
    /// Returns why the engine itself terminated workers of this run, one reason for each (on
    /// EC2 its state reason, for example that the key of the volume may not be used).
    async fn failures(&self, run: RunId) -> PortResult<Vec<String>>;
}

/// Data keys.
#[async_trait]
pub trait KeyService: Send + Sync {
    /// Generates a new data key for one object; returns it and its wrapped form.
    async fn generate(
        &self,
        context: &EncryptionContext,
    ) -> PortResult<(DataKey, EncryptedDataKey)>;
    /// Unwraps a data key, with the configured keys only.
    async fn unwrap(
        &self,
        wrapped: &[EncryptedDataKey],
        context: &EncryptionContext,
    ) -> PortResult<DataKey>;
    /// Returns the name of the wrapping key, for access records.
    fn key_name(&self) -> String;
}

/// The wall clock.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}

/// Random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` from the operating system (tests: from a seed).
    fn fill(&self, bytes: &mut [u8]) -> PortResult<()>;
}

/// Everything outside the process, as one worker or one coordinator uses it.
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
    /// Counts of the requests that they sent.
    pub counts: RequestCounts,
}

impl Ports {
    /// Returns eight random bytes for a new id.
    pub fn random_id(&self) -> PortResult<[u8; 8]> {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes)?;
        Ok(bytes)
    }
}
