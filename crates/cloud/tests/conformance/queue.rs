//! What every queue must do: deliver at least once, but never to two receivers at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sce_cloud::ports::{Delivery, WorkQueue};
use tokio::sync::Mutex;

use crate::candidates::{Candidate, every};

type Queue = Candidate<dyn WorkQueue>;

const NOW: Duration = Duration::ZERO;
/// Longer than any check.
const LONG: Duration = Duration::from_secs(60);
/// The shortest time that every queue can measure.
const SHORT: Duration = Duration::from_secs(1);
/// How long a check waits for an expected state.
const PATIENCE: Duration = Duration::from_secs(10);

every!(queues holds
    every_message_is_delivered a_received_message_hides_and_comes_back
    a_message_extended_by_zero_is_visible_at_once an_extended_message_stays_hidden
    a_stale_receipt_does_nothing what_is_deleted_stays_away
    a_long_poll_ends_in_time a_long_poll_wakes_for_a_message
    receivers_never_share_a_message bodies_arrive_as_sent);

async fn send(queue: &dyn WorkQueue, bodies: &[&str]) {
    let bodies: Vec<_> = bodies.iter().map(|&body| body.to_owned()).collect();
    queue.send(&bodies).await.unwrap();
}

async fn receive(queue: &dyn WorkQueue, visibility: Duration) -> Delivery {
    let delivery = queue.receive(PATIENCE, visibility).await.unwrap();
    delivery.expect("no message, though one must be visible")
}

async fn nothing_visible(queue: &dyn WorkQueue) -> bool {
    queue.receive(NOW, LONG).await.unwrap().is_none()
}

async fn every_message_is_delivered(candidate: &Queue) {
    let queue = candidate.port();
    queue.send(&[]).await.unwrap();
    assert!(nothing_visible(queue).await);
    // More than a batch of any engine.
    let bodies: Vec<_> = (0..37).map(|n| format!("message {n:02}")).collect();
    queue.send(&bodies).await.unwrap();
    let mut seen = Vec::new();
    for n in 0..bodies.len() {
        let door = &candidate.doors[n % candidate.doors.len()];
        seen.push(receive(&**door, LONG).await.body);
    }
    seen.sort();
    assert_eq!(seen, bodies);
    assert!(nothing_visible(queue).await);
}

async fn a_received_message_hides_and_comes_back(candidate: &Queue) {
    let queue = candidate.port();
    send(queue, &["hint"]).await;
    let begin = Instant::now();
    let first = receive(queue, SHORT).await;
    assert!(nothing_visible(queue).await || begin.elapsed() >= SHORT);
    let again = receive(queue, LONG).await;
    assert!(begin.elapsed() >= SHORT, "it came back after {:?}", begin.elapsed());
    assert_eq!(again.body, first.body);
    assert_ne!(again.receipt, first.receipt);
}

async fn a_message_extended_by_zero_is_visible_at_once(candidate: &Queue) {
    let queue = candidate.port();
    send(queue, &["hint"]).await;
    let first = receive(queue, LONG).await;
    queue.extend(&first.receipt, NOW).await.unwrap();
    let again = queue.receive(NOW, LONG).await.unwrap();
    assert_eq!(again.map(|m| m.body), Some(first.body));
}

async fn an_extended_message_stays_hidden(candidate: &Queue) {
    let queue = candidate.port();
    send(queue, &["hint"]).await;
    let held = receive(queue, SHORT).await;
    queue.extend(&held.receipt, LONG).await.unwrap();
    let wait = SHORT + SHORT / 2;
    assert!(queue.receive(wait, LONG).await.unwrap().is_none(), "it came back all the same");
}

async fn a_stale_receipt_does_nothing(candidate: &Queue) {
    let queue = candidate.port();
    send(queue, &["hint"]).await;
    let stale = receive(queue, LONG).await;
    queue.extend(&stale.receipt, NOW).await.unwrap();
    let held = receive(queue, LONG).await;
    for foreign in [stale.receipt.as_str(), "", ".", "x", "1.", "-1.-1"] {
        // An engine may refuse it or ignore it.
        let _ = queue.extend(foreign, NOW).await;
        let _ = queue.delete(foreign).await;
        assert!(nothing_visible(queue).await, "receipt {foreign:?} showed the message again");
    }
    queue.extend(&held.receipt, NOW).await.unwrap();
    assert_eq!(receive(queue, LONG).await.body, "hint", "a stale receipt deleted it");
}

async fn what_is_deleted_stays_away(candidate: &Queue) {
    let queue = candidate.port();
    send(queue, &["one", "two"]).await;
    let first = receive(queue, SHORT).await;
    queue.delete(&first.receipt).await.unwrap();
    // Deleting twice succeeds, and a used receipt does nothing.
    queue.delete(&first.receipt).await.unwrap();
    let _ = queue.extend(&first.receipt, NOW).await;
    let second = receive(queue, LONG).await;
    assert_ne!(second.body, first.body);
    assert!(queue.receive(SHORT + SHORT / 2, LONG).await.unwrap().is_none());
}

async fn a_long_poll_ends_in_time(candidate: &Queue) {
    let begin = Instant::now();
    assert!(candidate.port().receive(SHORT, LONG).await.unwrap().is_none());
    let took = begin.elapsed();
    assert!(took >= SHORT && took < SHORT * 4, "a poll of {SHORT:?} took {took:?}");
}

async fn a_long_poll_wakes_for_a_message(candidate: &Queue) {
    let (receiver, sender) = (candidate.doors[0].clone(), candidate.doors[1].clone());
    let begin = Instant::now();
    let poll = receiver.receive(LONG, LONG);
    let send = async {
        tokio::task::yield_now().await;
        send(&*sender, &["hint"]).await;
    };
    let (delivery, ()) = tokio::join!(poll, send);
    assert_eq!(delivery.unwrap().map(|m| m.body).as_deref(), Some("hint"));
    assert!(begin.elapsed() < PATIENCE, "it woke after {:?}", begin.elapsed());
}

async fn receivers_never_share_a_message(candidate: &Queue) {
    const MESSAGES: usize = 60;
    let bodies: Vec<_> = (0..MESSAGES).map(|n| n.to_string()).collect();
    candidate.port().send(&bodies).await.unwrap();
    let seen = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let receivers = (0..12).map(|n: usize| {
        let (queue, seen) = (candidate.doors[n % candidate.doors.len()].clone(), seen.clone());
        tokio::spawn(async move {
            while let Some(message) = queue.receive(NOW, LONG).await.unwrap() {
                *seen.lock().await.entry(message.body).or_default() += 1;
                if n.is_multiple_of(2) {
                    queue.delete(&message.receipt).await.unwrap();
                }
            }
        })
    });
    for receiver in receivers.collect::<Vec<_>>() {
        receiver.await.unwrap();
    }
    let seen = seen.lock().await;
    assert_eq!(seen.len(), MESSAGES);
    assert!(seen.values().all(|&times| times == 1), "{seen:?}");
}

async fn bodies_arrive_as_sent(candidate: &Queue) {
    let queue = candidate.port();
    let long = "ä".repeat(20_000);
    let odd =
        ["\"'`;--\\", "{\"unit\": 1}", "line\nand\ttab", " ", "<&>%s", "数据🩺", long.as_str()];
    for body in odd {
        send(queue, &[body]).await;
        let message = receive(queue, LONG).await;
        assert_eq!(message.body, body);
        queue.delete(&message.receipt).await.unwrap();
    }
}
