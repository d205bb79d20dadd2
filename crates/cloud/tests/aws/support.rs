//! A project behind the fault proxy, rules for the proxy, and recorded requests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use sce_cloud::aws::S3Store;
use sce_cloud::ports::{ObjectReader, ObjectStore, Put, PutMode};
use sce_core::object::{Bucket, ObjectKey, ObjectRef};
use sce_testkit::{Emulator, Kind};
use serde_json::{Value, json};

use crate::project::Project;

pub const MIB: usize = 1 << 20;
/// Attempts of one call by the clients of the adapters.
pub const ATTEMPTS: i32 = 4;
/// Value of `times` for a rule that applies to every call.
pub const ALWAYS: i32 = -1;
/// How long a check waits for an expected state.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts a separate emulator and a project that uses it through the proxy.
pub async fn start(kind: Kind) -> (Emulator, Project) {
    let emulator = Emulator::start(kind);
    let endpoint = emulator.endpoint();
    let project = Project::on(&emulator, endpoint).await;
    (emulator, project)
}

/// A rule: `times` calls are answered with an error.
pub fn error(operation: &str, status: u16, code: &str, times: i32) -> Value {
    json!({
        "service": "*", "operation": operation, "fault": "error",
        "status": status, "code": code, "times": times,
    })
}

/// A rule: `times` calls are carried out, but not answered.
pub fn lost(operation: &str, times: i32) -> Value {
    json!({ "service": "*", "operation": operation, "fault": "lose_answer", "times": times })
}

/// A rule: `times` responses are changed.
pub fn reworded(operation: &str, pattern: &str, with: &str, times: i32) -> Value {
    json!({
        "service": "*", "operation": operation, "fault": "replace",
        "pattern": pattern, "with": with, "times": times,
    })
}

/// Returns how often the latest rule was applied.
pub fn struck(emulator: &Emulator) -> i64 {
    emulator.fired().last().unwrap()["fired"].as_i64().unwrap()
}

/// Returns how often an operation was requested, like `s3.GetObject`.
pub fn asked(emulator: &Emulator, operation: &str) -> u64 {
    emulator.requests().get(operation).copied().unwrap_or_default()
}

/// Waits until `holds` returns true.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn key(text: &str) -> ObjectKey {
    text.to_owned().try_into().unwrap()
}

/// Returns bytes that differ from one position to the next and by `salt`.
pub fn content(bytes: usize, salt: u8) -> Vec<u8> {
    (0..bytes).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0] ^ salt).collect()
}

pub async fn put(
    store: &dyn ObjectStore,
    key: &ObjectKey,
    bytes: &[u8],
    mode: PutMode,
) -> Result<Put, sce_cloud::error::PortError> {
    let mut writer = store.create(Bucket::Data, key).await?;
    for piece in bytes.chunks(MIB) {
        writer.write(piece).await?;
    }
    writer.finish(mode).await
}

pub async fn put_new(store: &dyn ObjectStore, key: &ObjectKey, bytes: &[u8]) -> ObjectRef {
    match put(store, key, bytes, PutMode::Replace).await.unwrap() {
        Put::Written(object) => object,
        Put::Exists => panic!("a replacing put answers Exists"),
    }
}

pub async fn get(
    store: &dyn ObjectStore,
    object: &ObjectRef,
) -> Result<Vec<u8>, sce_cloud::error::PortError> {
    let mut reader: Box<dyn ObjectReader> = store.open(Bucket::Data, object).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads the current object at a key, without our reader.
pub async fn get_latest(project: &Project, key: &ObjectKey) -> Vec<u8> {
    let bucket = project.resources.bucket(Bucket::Data);
    let get = project.clients.s3.get_object().bucket(bucket).key(key.as_str());
    get.send().await.unwrap().body.collect().await.unwrap().to_vec()
}

/// One attempt of a call.
#[derive(Debug, Clone)]
pub struct Sent {
    pub operation: String,
    pub headers: BTreeMap<String, String>,
}

impl Sent {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Records the headers of every request that a client sends.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Sent>>>);

impl Recorder {
    /// Opens a store over the project's buckets whose requests are recorded.
    pub async fn store(&self, project: &Project) -> (S3Store, String) {
        let (_, key_arn) = project.make_store().await;
        let config = project.clients.s3.config().to_builder().interceptor(self.clone()).build();
        let client = aws_sdk_s3::Client::from_conf(config);
        (S3Store::new(client, project.resources.clone(), key_arn.clone()), key_arn)
    }

    /// Returns the requests of an operation since the last call.
    pub fn take(&self, operation: &str) -> Vec<Sent> {
        let mut all = self.0.lock().unwrap();
        std::mem::take(&mut *all).into_iter().filter(|sent| sent.operation == operation).collect()
    }

    /// Returns all requests since the last call.
    pub fn take_all(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Intercept for Recorder {
    fn name(&self) -> &'static str {
        "Recorder"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().unwrap().name().to_owned();
        let headers = context.request().headers().iter();
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        self.0.lock().unwrap().push(Sent { operation, headers: headers.collect() });
        Ok(())
    }
}
