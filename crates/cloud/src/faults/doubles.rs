//! Repeatable doubles: clock, randomness, objects.
//!
//! Used by simulated runs. They must depend on nothing but their seed and tokio's
//! clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sce_core::object::{Bucket, ObjectKey, ObjectRef};
use sce_core::time::Timestamp;

use crate::error::{Class, PortError, PortResult};
use crate::ports::{Clock, Entropy, ObjectReader, ObjectStore, ObjectWriter, Put, PutMode};

/// A wall clock that follows tokio's (paused) time and is wrong by `ahead`.
pub struct SimulatedClock {
    start: tokio::time::Instant,
    ahead: Duration,
}

impl SimulatedClock {
    /// Creates a clock that shows one hour plus `ahead` at `start`.
    pub fn new(start: tokio::time::Instant, ahead: Duration) -> Self {
        Self { start, ahead }
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        // Not zero at the start: earlier times must be valid, too.
        Timestamp(3_600_000).after(self.start.elapsed()).after(self.ahead)
    }
}

/// Randomness from a seed.
pub struct SeededEntropy(Mutex<ChaCha8Rng>);

impl SeededEntropy {
    /// Creates the stream of this seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) -> PortResult<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
        Ok(())
    }
}

type Shelf = BTreeMap<(Bucket, ObjectKey), (ObjectRef, Bytes)>;

/// Objects in memory.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shelf: Arc<Mutex<Shelf>>,
}

impl MemoryStore {
    fn with<T>(&self, body: impl FnOnce(&mut Shelf) -> T) -> T {
        body(&mut self.shelf.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl ObjectStore for MemoryStore {
    async fn create(&self, bucket: Bucket, key: &ObjectKey) -> PortResult<Box<dyn ObjectWriter>> {
        let place = (bucket, key.clone());
        Ok(Box::new(MemoryWriter { store: self.clone(), place, bytes: Vec::new() }))
    }

    async fn open(&self, bucket: Bucket, object: &ObjectRef) -> PortResult<Box<dyn ObjectReader>> {
        let place = (bucket, object.key.clone());
        let fail = |class, cause| Err(PortError::new(class, "get object", &object.key, cause));
        match self.with(|shelf| shelf.get(&place).cloned()) {
            None => fail(Class::Absent, "it does not exist"),
            Some((found, _)) if found != *object => fail(Class::Changed, "it is another version"),
            Some((_, bytes)) => Ok(Box::new(MemoryReader(Some(bytes)))),
        }
    }

    async fn head(&self, bucket: Bucket, key: &ObjectKey) -> PortResult<Option<ObjectRef>> {
        let place = (bucket, key.clone());
        Ok(self.with(|shelf| shelf.get(&place).map(|(object, _)| object.clone())))
    }
}

struct MemoryWriter {
    store: MemoryStore,
    place: (Bucket, ObjectKey),
    bytes: Vec<u8>,
}

#[async_trait]
impl ObjectWriter for MemoryWriter {
    async fn write(&mut self, bytes: &[u8]) -> PortResult<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>, mode: PutMode) -> PortResult<Put> {
        let Self { store, place, bytes } = *self;
        store.with(|shelf| {
            if mode == PutMode::IfAbsent && shelf.contains_key(&place) {
                return Ok(Put::Exists);
            }
            // A new etag for each put, so that a replaced object counts as changed.
            let version = shelf.get(&place).map_or(0, |(old, _)| old.version.parse().unwrap_or(0));
            let object = ObjectRef {
                key: place.1.clone(),
                version: (version + 1).to_string(),
                etag: (version + 1).to_string(),
                size: bytes.len() as u64,
            };
            shelf.insert(place, (object.clone(), bytes.into()));
            Ok(Put::Written(object))
        })
    }
}

struct MemoryReader(Option<Bytes>);

#[async_trait]
impl ObjectReader for MemoryReader {
    async fn next(&mut self) -> PortResult<Option<Bytes>> {
        Ok(self.0.take().filter(|bytes| !bytes.is_empty()))
    }
}
