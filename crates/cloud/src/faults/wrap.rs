//! Every port, with faults in front.
//!
//! Used through [`Faults::wrap`]. It must change no argument and no answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sce_core::ids::{RunId, UnitId};
use sce_core::object::{Bucket, ObjectKey, ObjectRef};
use sce_core::registry::{Name, Refusal};
use sce_core::run::{Launch, LaunchIntent, Run, RunChange, Started};
use sce_core::unit::{Unit, UnitChange};

use super::Faults;
use crate::error::PortResult;
use crate::ports::{
    Delivery, Ledger, Notifier, ObjectReader, ObjectStore, ObjectWriter, Ports, Put, PutMode,
    Verdict, WorkQueue,
};

struct Faulty<T: ?Sized> {
    inner: Arc<T>,
    faults: Faults,
}

impl Faults {
    /// Returns the same ports with faults in front of objects, queue, ledger and notices.
    pub fn wrap(&self, ports: &Ports) -> Ports {
        let faults = || self.clone();
        Ports {
            objects: Arc::new(Faulty { inner: ports.objects.clone(), faults: faults() }),
            queue: Arc::new(Faulty { inner: ports.queue.clone(), faults: faults() }),
            ledger: Arc::new(Faulty { inner: ports.ledger.clone(), faults: faults() }),
            notifier: Arc::new(Faulty { inner: ports.notifier.clone(), faults: faults() }),
            ..ports.clone()
        }
    }
}

#[async_trait]
impl ObjectStore for Faulty<dyn ObjectStore> {
    async fn create(&self, bucket: Bucket, key: &ObjectKey) -> PortResult<Box<dyn ObjectWriter>> {
        let writer = self.faults.call("put object", || self.inner.create(bucket, key)).await?;
        Ok(Box::new(FaultyWriter { writer, faults: self.faults.clone() }))
    }
    async fn open(&self, bucket: Bucket, object: &ObjectRef) -> PortResult<Box<dyn ObjectReader>> {
        let reader = self.faults.call("get object", || self.inner.open(bucket, object)).await?;
        Ok(Box::new(FaultyReader { reader, faults: self.faults.clone() }))
    }
    async fn head(&self, bucket: Bucket, key: &ObjectKey) -> PortResult<Option<ObjectRef>> {
        self.faults.call("head object", || self.inner.head(bucket, key)).await
    }
}

struct FaultyWriter {
    writer: Box<dyn ObjectWriter>,
    faults: Faults,
}

#[async_trait]
impl ObjectWriter for FaultyWriter {
    async fn write(&mut self, bytes: &[u8]) -> PortResult<()> {
        self.writer.write(bytes).await
    }
    async fn finish(self: Box<Self>, mode: PutMode) -> PortResult<Put> {
        let Self { writer, faults } = *self;
        // Finished first: the faults may lose or repeat the answer, but not the object.
        let put = writer.finish(mode).await?;
        faults.call("put object", || async { Ok(put.clone()) }).await
    }
}

struct FaultyReader {
    reader: Box<dyn ObjectReader>,
    faults: Faults,
}

#[async_trait]
impl ObjectReader for FaultyReader {
    async fn next(&mut self) -> PortResult<Option<Bytes>> {
        let bytes = self.reader.next().await?;
        self.faults.call("get object", || async { Ok(bytes.clone()) }).await
    }
}

#[async_trait]
impl WorkQueue for Faulty<dyn WorkQueue> {
    async fn send(&self, bodies: &[String]) -> PortResult<()> {
        self.faults.call("send messages", || self.inner.send(bodies)).await
    }
    async fn receive(&self, wait: Duration, visibility: Duration) -> PortResult<Option<Delivery>> {
        self.faults.call("receive message", || self.inner.receive(wait, visibility)).await
    }
    async fn extend(&self, receipt: &str, after: Duration) -> PortResult<()> {
        self.faults.call("extend message", || self.inner.extend(receipt, after)).await
    }
    async fn delete(&self, receipt: &str) -> PortResult<()> {
        self.faults.call("delete message", || self.inner.delete(receipt)).await
    }
}

#[async_trait]
impl Notifier for Faulty<dyn Notifier> {
    async fn publish(&self, subject: &str, text: &str) -> PortResult<()> {
        self.faults.call("publish", || self.inner.publish(subject, text)).await
    }
}

#[async_trait]
impl Ledger for Faulty<dyn Ledger> {
    async fn put_run(&self, run: &Run) -> PortResult<Run> {
        self.faults.call("put run", || self.inner.put_run(run)).await
    }
    async fn put_units(&self, units: &[Unit]) -> PortResult<()> {
        self.faults.call("put units", || self.inner.put_units(units)).await
    }
    async fn apply_run(&self, run: RunId, change: &RunChange) -> PortResult<Verdict<Run>> {
        self.faults.call("change run", || self.inner.apply_run(run, change)).await
    }
    async fn apply_unit(&self, unit: UnitId, change: &UnitChange) -> PortResult<Verdict<Unit>> {
        self.faults.call("change unit", || self.inner.apply_unit(unit, change)).await
    }
    async fn run(&self, run: RunId) -> PortResult<Option<Run>> {
        self.faults.call("read run", || self.inner.run(run)).await
    }
    async fn runs(&self) -> PortResult<Vec<Run>> {
        self.faults.call("list runs", || self.inner.runs()).await
    }
    async fn unit(&self, unit: UnitId) -> PortResult<Option<Unit>> {
        self.faults.call("read unit", || self.inner.unit(unit)).await
    }
    async fn units(&self, run: RunId, from: u32, limit: u32) -> PortResult<Vec<Unit>> {
        self.faults.call("list units", || self.inner.units(run, from, limit)).await
    }
    async fn left(&self, run: RunId) -> PortResult<u64> {
        self.faults.call("read counters", || self.inner.left(run)).await
    }
    async fn open_launches(&self) -> PortResult<Vec<LaunchIntent>> {
        self.faults.call("list launches", || self.inner.open_launches()).await
    }
    async fn close_launch(&self, intent: &LaunchIntent, started: &Started) -> PortResult<()> {
        self.faults.call("close launch", || self.inner.close_launch(intent, started)).await
    }
    async fn launches(&self, run: RunId) -> PortResult<Vec<Launch>> {
        self.faults.call("list launches", || self.inner.launches(run)).await
    }
    async fn note_refusal(&self, refusal: &Refusal) -> PortResult<()> {
        self.faults.call("note refusal", || self.inner.note_refusal(refusal)).await
    }
    async fn refusals(&self) -> PortResult<BTreeMap<String, u64>> {
        self.faults.call("count refusals", || self.inner.refusals()).await
    }
    async fn register(&self, name: &Name) -> PortResult<()> {
        self.faults.call("register object", || self.inner.register(name)).await
    }
    async fn name(&self, key: &ObjectKey) -> PortResult<Option<Name>> {
        self.faults.call("read name", || self.inner.name(key)).await
    }
    async fn names(
        &self,
        prefix: &str,
        after: Option<&ObjectKey>,
        limit: u32,
    ) -> PortResult<Vec<Name>> {
        self.faults.call("list names", || self.inner.names(prefix, after, limit)).await
    }
    async fn take_names(&self, names: &[Name], run: RunId) -> PortResult<usize> {
        self.faults.call("take names", || self.inner.take_names(names, run)).await
    }
}
