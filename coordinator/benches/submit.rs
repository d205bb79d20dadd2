//! Measures the client's own work for a submission: 100,000 keys are taken,
//! packed, written, released and sent, to a sink that responds immediately. No
//! emulator and no network: `cargo bench --workspace --bench submit`.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use async_trait::async_trait;
use aws_sdk_s3::config::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use sce_cloud::aws::{Clients, DynamoLedger, SqsQueue};
use sce_cloud::error::PortResult;
use sce_cloud::faults::MemoryStore;
use sce_cloud::local::FileKeys;
use sce_cloud::ports::{Fleet, Instance, Notifier, Ports};
use sce_cloud::system::{SystemClock, SystemEntropy};
use sce_coordinator::submit::{Plan, submit};
use sce_core::envelope::WrappingKey;
use sce_core::ids::RunId;
use sce_core::limits::{Budgets, LeaseRules};
use sce_core::manifest::Manifest;
use sce_core::object::ObjectRef;
use sce_core::registry::Name;
use sce_core::run::{LaunchIntent, Started};
use sce_core::study::StudySettings;
use sce_core::time::Timestamp;
use serde_json::{Value, json};

/// Responds to every call immediately, and stores only what is read back.
#[derive(Debug, Clone, Default)]
struct Sink {
    requests: Arc<Mutex<HashMap<String, u64>>>,
    run: Arc<Mutex<Value>>,
}

impl Sink {
    fn answer(&self, request: &HttpRequest) -> Value {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        *self.requests.lock().unwrap().entry(operation.clone()).or_default() += 1;
        let body: Value =
            serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        match operation.as_str() {
            "GetQueueUrl" => json!({ "QueueUrl": "http://127.0.0.1/queue" }),
            "SendMessageBatch" => json!({ "Successful": [], "Failed": [] }),
            "GetItem" => json!({ "Item": *self.run.lock().unwrap() }),
            "PutItem" if body["Item"]["pk"]["S"] == "RUNS" => {
                *self.run.lock().unwrap() = body["Item"].clone();
                json!({})
            }
            _ => json!({}),
        }
    }
}

impl HttpConnector for Sink {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.answer(&request).to_string();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(
            200.try_into().unwrap(),
            SdkBody::from(answer),
        )))
    }
}

/// A fleet and notifier that do nothing.
struct Inert;

#[async_trait]
impl Fleet for Inert {
    async fn launch(&self, _: &LaunchIntent) -> PortResult<Started> {
        Ok(Started::default())
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

#[async_trait]
impl Notifier for Inert {
    async fn publish(&self, _: &str, _: &str) -> PortResult<()> {
        Ok(())
    }
}

async fn ports(sink: &Sink) -> Ports {
    let connector = sink.clone();
    let client = http_client_fn(move |_: &HttpConnectorSettings, _: &RuntimeComponents| {
        SharedHttpConnector::new(connector.clone())
    });
    let config = sce_cloud::aws::loader(Some("us-east-1".into()))
        .http_client(client)
        .credentials_provider(Credentials::new("test", "test", None, None, "bench"));
    let clients = Clients::of(&config.load().await);
    let lease = LeaseRules::of(std::time::Duration::from_secs(180));
    let key = WrappingKey::new("hipaa", "HomerKey", &[7; 32]).unwrap();
    Ports {
        objects: Arc::new(MemoryStore::default()),
        queue: Arc::new(SqsQueue::open(clients.sqs.clone(), "queue").await.unwrap()),
        ledger: Arc::new(DynamoLedger::new(
            clients.dynamodb,
            "table".into(),
            lease,
            Budgets::default(),
        )),
        notifier: Arc::new(Inert),
        fleet: Arc::new(Inert),
        keys: Arc::new(FileKeys::of(key, Arc::new(SystemEntropy)).unwrap()),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        counts: clients.counts,
    }
}

fn name(n: u32) -> Name {
    let object = ObjectRef {
        key: format!("site-1/part-{n:09}.csv").try_into().unwrap(),
        version: format!("{n:032}"),
        etag: format!("\"{n:032x}\""),
        size: 10_000,
    };
    Name { object, registered_at: Timestamp(0), run: None }
}

fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

async fn submit_keys(keys: u32) {
    let sink = Sink::default();
    let ports = ports(&sink).await;
    let names: Vec<Name> = (0..keys).map(name).collect();
    let start = Instant::now();
    let objects = names.iter().map(|name| name.object.clone()).collect();
    let manifest = Manifest::new(objects).unwrap();
    let plan = Plan { manifest, study: StudySettings::default(), again: None, workers: 0 };
    let run = plan.digest().run_id();
    assert_eq!(ports.ledger.take_names(&names, run).await.unwrap(), names.len());
    let row = submit(&ports, &plan).await.unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let requests: u64 = sink.requests.lock().unwrap().values().sum();
    println!(
        "{keys} keys in {} units: {seconds:.2} s, {:.0} keys/s, {requests} requests, peak {} MiB",
        row.units,
        f64::from(keys) / seconds,
        peak_mib()
    );
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for keys in [10_000, 100_000] {
        runtime.block_on(submit_keys(keys));
    }
}
