//! Reading objects while bodies are cut off and responses are lost.
//!
//! Mostly on moto: ministack ignores the range of a GET that names a version.

use sce_cloud::error::Class;
use sce_cloud::ports::ObjectStore;
use sce_core::object::Bucket;
use sce_testkit::Kind;
use serde_json::{Value, json};

use crate::support::{
    ALWAYS, MIB, Recorder, asked, content, error, get, key, lost, put_new, reworded, start, struck,
};

const SIZE: usize = 100_000;

/// A rule that cuts off the bodies of GETs.
fn cut(bytes: Option<usize>, skip: u32, times: i32) -> Value {
    let mut rule = json!({
        "service": "s3", "operation": "GetObject", "fault": "cut", "skip": skip, "times": times,
    });
    if let Some(bytes) = bytes {
        rule["bytes"] = bytes.into();
    }
    rule
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_body_is_resumed_where_it_was_cut() {
    let ((emulator, project), recorder) = (start(Kind::Moto).await, Recorder::default());
    let (store, _) = recorder.store(&project).await;
    let bytes = content(SIZE, 1);
    let object = put_new(&store, &key("cut/a"), &bytes).await;
    emulator.fault(&cut(Some(30_000), 0, 1));
    assert!(get(&store, &object).await.unwrap() == bytes, "the bytes come back changed");
    let gets = recorder.take("GetObject");
    let ranges: Vec<_> = gets.iter().map(|sent| sent.header("range")).collect();
    assert_eq!(ranges, [None, Some("bytes=30000-99999")]);
    // Still the same version.
    assert!(gets.iter().all(|sent| sent.header("if-match") == Some(&object.etag)));
    assert_eq!(asked(&emulator, "s3.GetObject"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_part_of_a_large_object_is_resumed() {
    let ((emulator, project), recorder) = (start(Kind::Moto).await, Recorder::default());
    let (store, _) = recorder.store(&project).await;
    let bytes = content(20 * MIB, 2);
    let object = put_new(&store, &key("cut/large"), &bytes).await;
    // The first part is complete; of the two that follow, one is cut off.
    emulator.fault(&cut(Some(3 * MIB), 1, 1));
    assert!(get(&store, &object).await.unwrap() == bytes, "the bytes come back changed");
    let gets = recorder.take("GetObject");
    let mut ranges: Vec<_> = gets.iter().map(|sent| sent.header("range").unwrap()).collect();
    ranges.sort_unstable();
    let (second, third) = ("bytes=11534336-16777215", "bytes=19922944-20971519");
    assert!(ranges.contains(&second) ^ ranges.contains(&third), "{ranges:?}");
    ranges.retain(|range| ![second, third].contains(range));
    assert_eq!(ranges, ["bytes=0-8388607", "bytes=16777216-20971519", "bytes=8388608-16777215"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_cut_off_repeatedly_is_given_up() {
    let (emulator, project) = start(Kind::Moto).await;
    let (store, _) = project.make_store().await;
    let bytes = content(SIZE, 3);
    let object = put_new(&*store, &key("cut/a"), &bytes).await;
    // Some progress each time, but never the end.
    emulator.fault(&cut(Some(100), 0, ALWAYS));
    let error = get(&*store, &object).await.unwrap_err();
    assert_eq!(error.class, Class::Transient, "{error}");
    assert!(error.to_string().contains("cut off repeatedly"), "{error}");
    assert_eq!(asked(&emulator, "s3.GetObject"), 6, "tries are bounded");
    emulator.clear_faults();
    // Often, but not too often.
    emulator.fault(&cut(None, 0, 5));
    assert!(get(&*store, &object).await.unwrap() == bytes, "the bytes come back changed");
    assert_eq!(struck(&emulator), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_go_on_after_lost_answers_and_throttling() {
    let (emulator, project) = start(Kind::Moto).await;
    let (store, _) = project.make_store().await;
    let (key, bytes) = (key("again/a"), content(SIZE, 4));
    let object = put_new(&*store, &key, &bytes).await;
    for rule in [
        lost("GetObject", 2),
        error("GetObject", 503, "SlowDown", 3),
        error("GetObject", 500, "InternalError", 2),
        error("GetObject", 503, "ServiceUnavailable", 1),
    ] {
        emulator.fault(&rule);
        assert!(get(&*store, &object).await.unwrap() == bytes, "{rule}");
        assert_eq!(Value::from(struck(&emulator)), rule["times"], "{rule}");
    }
    let head = store.head(Bucket::Data, &key);
    emulator.fault(&error("HeadObject", 503, "SlowDown", 2));
    assert_eq!(head.await.unwrap(), Some(object));
    assert_eq!(struck(&emulator), 2);
}

/// Ministack answers a range of a version with the whole object. If that is cut off at the
/// right byte, it is as long as the requested range.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_ignores_ranges_gives_no_wrong_bytes() {
    let (emulator, project) = start(Kind::Ministack).await;
    let (store, _) = project.make_store().await;
    let bytes = content(SIZE, 5);
    let object = put_new(&*store, &key("cut/a"), &bytes).await;
    emulator.fault(&cut(Some(SIZE / 2), 0, 2));
    match get(&*store, &object).await {
        Ok(read) => assert!(read == bytes, "the first half came twice"),
        Err(e) => assert_ne!(e.class, Class::Absent, "{e}"),
    }
}

/// An object read by one GET has the checksum with which it was put.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_changed_in_transit_is_not_returned() {
    for kind in [Kind::Ministack, Kind::Moto] {
        let (emulator, project) = start(kind).await;
        let (store, _) = project.make_store().await;
        let bytes = [b'a'; 5000];
        let object = put_new(&*store, &key("changed/a"), &bytes).await;
        emulator.fault(&reworded("GetObject", "a{9}$", "aaaabaaaa", 1));
        let read = get(&*store, &object).await.unwrap();
        assert_eq!(struck(&emulator), 1);
        assert!(read == bytes, "{}: changed bytes were returned", project.name);
        emulator.fault(&reworded("GetObject", "a{9}$", "aaaabaaaa", ALWAYS));
        assert!(get(&*store, &object).await.is_err(), "{}", project.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_reads_keep_their_class() {
    let (emulator, project) = start(Kind::Moto).await;
    let (store, _) = project.make_store().await;
    let object = put_new(&*store, &key("refused/a"), b"here").await;
    for (status, code, class) in [
        (403, "AccessDenied", Class::Configuration),
        (404, "NoSuchBucket", Class::Configuration),
        (404, "NoSuchKey", Class::Absent),
        (404, "NoSuchVersion", Class::Absent),
        (405, "MethodNotAllowed", Class::Absent),
        (412, "PreconditionFailed", Class::Changed),
        (400, "ExpiredToken", Class::Transient),
        (400, "InvalidArgument", Class::Permanent),
    ] {
        emulator.fault(&error("GetObject", status, code, ALWAYS));
        let error = get(&*store, &object).await.unwrap_err();
        assert_eq!(error.class, class, "{code}: {error}");
        emulator.clear_faults();
    }
    emulator.fault(&error("HeadObject", 403, "AccessDenied", ALWAYS));
    let error = store.head(Bucket::Data, &object.key).await.unwrap_err();
    assert_eq!(error.class, Class::Configuration, "{error}");
    emulator.clear_faults();
    assert!(get(&*store, &object).await.unwrap() == b"here");
}
