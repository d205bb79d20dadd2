//! A queue that throttles, fails and loses responses: every message arrives at
//! least once.

use std::collections::BTreeSet;
use std::time::Duration;

use sce_cloud::aws::SqsQueue;
use sce_cloud::error::Class;
use sce_cloud::ports::WorkQueue;
use sce_testkit::{Emulator, Kind};
use serde_json::Value;

use crate::support::{ALWAYS, ATTEMPTS, asked, error, lost, reworded, start, struck};

const NOW: Duration = Duration::ZERO;
const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);

async fn open() -> (Emulator, SqsQueue) {
    let (emulator, project) = start(Kind::Ministack).await;
    let name = project.resources.units_queue();
    project.make_queue(&name).await;
    let queue = SqsQueue::open(project.clients.sqs.clone(), &name).await.unwrap();
    (emulator, queue)
}

fn bodies(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("message {n:02}")).collect()
}

/// Receives and deletes all visible messages; returns their bodies and their number.
async fn drain(queue: &SqsQueue) -> (BTreeSet<String>, usize) {
    let (mut seen, mut count) = (BTreeSet::new(), 0);
    while let Some(message) = queue.receive(NOW, LONG).await.unwrap() {
        queue.delete(&message.receipt).await.unwrap();
        seen.insert(message.body);
        count += 1;
    }
    (seen, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_sent_is_there_whatever_goes_wrong() {
    let (emulator, queue) = open().await;
    let sent = bodies(37);
    for rule in [
        error("SendMessageBatch", 400, "ThrottlingException", 3),
        error("SendMessageBatch", 403, "RequestThrottled", 3),
        error("SendMessageBatch", 503, "ServiceUnavailable", 3),
        error("SendMessageBatch", 500, "InternalFailure", 3),
        lost("SendMessageBatch", 2),
    ] {
        emulator.fault(&rule);
        queue.send(&sent).await.unwrap();
        assert_eq!(Value::from(struck(&emulator)), rule["times"], "{rule}");
        let (seen, count) = drain(&queue).await;
        assert_eq!(seen, sent.iter().cloned().collect(), "{rule}");
        // A lost response repeats its ten messages, and no others.
        let twice = if rule["fault"] == "lose_answer" { 20 } else { 0 };
        assert!((sent.len()..=sent.len() + twice).contains(&count), "{rule}: {count} messages");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_sqs_refuses_is_an_error() {
    let (emulator, queue) = open().await;
    for (fault, class) in [("false", Class::Transient), ("true", Class::Permanent)] {
        // Nine are accepted, one is not.
        let failed = format!(
            r#"{{"Successful": [], "Failed": [{{"Id": "3", "Code": "X", "SenderFault": {fault}}}]}}"#
        );
        emulator.fault(&reworded("SendMessageBatch", r"(?s)\A.+\Z", &failed, 1));
        let error = queue.send(&bodies(10)).await.unwrap_err();
        assert_eq!((error.class, struck(&emulator)), (class, 1), "{error}");
        // The error must not contain the body.
        assert!(!error.to_string().contains("message 0"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_receipt_is_lost_comes_back() {
    let (emulator, queue) = open().await;
    queue.send(&bodies(1)).await.unwrap();
    emulator.fault(&lost("ReceiveMessage", 1));
    // It is invisible for the requested time, then the retry receives it.
    let message = queue.receive(PATIENCE, SHORT).await.unwrap().expect("the message is gone");
    assert_eq!((message.body.as_str(), struck(&emulator)), ("message 00", 1));
    for operation in ["ChangeMessageVisibility", "DeleteMessage"] {
        for rule in [lost(operation, 1), error(operation, 500, "InternalFailure", 2)] {
            emulator.fault(&rule);
            if operation == "DeleteMessage" {
                queue.delete(&message.receipt).await.unwrap();
            } else {
                queue.extend(&message.receipt, LONG).await.unwrap();
            }
            assert_eq!(Value::from(struck(&emulator)), rule["times"], "{rule}");
        }
    }
    assert!(queue.receive(NOW, LONG).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_keep_their_class() {
    let (emulator, queue) = open().await;
    for (status, code, class, tries) in [
        (403, "AccessDenied", Class::Configuration, 1),
        (403, "AccessDeniedException", Class::Configuration, 1),
        (400, "AWS.SimpleQueueService.NonExistentQueue", Class::Configuration, 1),
        (403, "ExpiredToken", Class::Transient, 1),
        (400, "InvalidMessageContents", Class::Permanent, 1),
        (500, "InternalFailure", Class::Transient, ATTEMPTS),
    ] {
        emulator.clear_requests();
        emulator.fault(&error("ReceiveMessage", status, code, ALWAYS));
        let error = queue.receive(NOW, LONG).await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(error.to_string().contains(code), "{error}");
        let asked = i32::try_from(asked(&emulator, "sqs.ReceiveMessage")).unwrap();
        assert!(asked >= tries && asked <= ATTEMPTS, "{code}: {asked} requests");
        emulator.clear_faults();
    }
}
