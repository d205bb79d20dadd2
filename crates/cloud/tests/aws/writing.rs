//! Writing objects while responses are lost, S3 is slow, and parts fail.

use sce_cloud::aws::S3Store;
use sce_cloud::error::Class;
use sce_cloud::ports::{ObjectStore, Put, PutMode};
use sce_core::object::{Bucket, ObjectKey};
use sce_testkit::Kind;
use serde_json::Value;

use crate::project::Project;
use crate::support::{
    ALWAYS, ATTEMPTS, MIB, asked, content, error, get_latest, key, lost, put, reworded, start,
    struck, until,
};

/// Checks that the object is stored: one version, complete, and no unfinished upload.
async fn assert_stored(project: &Project, store: &S3Store, key: &ObjectKey, bytes: &[u8]) {
    let found = store.head(Bucket::Data, key).await.unwrap().unwrap();
    assert_eq!(found.size, bytes.len() as u64);
    assert!(get_latest(project, key).await == bytes, "{key}: other bytes are stored");
    until("every upload is over", async || {
        store.unfinished_uploads(Bucket::Data).await.unwrap().is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_whose_answer_is_lost_has_happened_once() {
    let (emulator, project) = start(Kind::Ministack).await;
    let (store, _) = project.make_store().await;
    let bytes = content(9000, 1);
    // The client's own retry finds the object of its first attempt.
    emulator.fault(&lost("PutObject", 1));
    let answer = put(&*store, &key("lost/a"), &bytes, PutMode::IfAbsent).await.unwrap();
    assert_eq!((answer, struck(&emulator)), (Put::Exists, 1));
    assert_stored(&project, &store, &key("lost/a"), &bytes).await;
    // Without any response the error is transient: the caller must check.
    emulator.fault(&lost("PutObject", ATTEMPTS));
    let error = put(&*store, &key("lost/b"), &bytes, PutMode::IfAbsent).await.unwrap_err();
    assert_eq!((error.class, struck(&emulator)), (Class::Transient, ATTEMPTS.into()));
    assert_stored(&project, &store, &key("lost/b"), &bytes).await;
    let again = put(&*store, &key("lost/b"), &content(9000, 2), PutMode::IfAbsent).await.unwrap();
    assert_eq!(again, Put::Exists);
    assert_stored(&project, &store, &key("lost/b"), &bytes).await;
    // A replacing put returns what it wrote last.
    emulator.fault(&lost("PutObject", 1));
    let Put::Written(object) =
        put(&*store, &key("lost/b"), &content(9000, 3), PutMode::Replace).await.unwrap()
    else {
        panic!("a replacing put answers Exists");
    };
    assert_eq!(store.head(Bucket::Data, &key("lost/b")).await.unwrap(), Some(object));
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_on_while_s3_is_slow_or_broken() {
    let (emulator, project) = start(Kind::Ministack).await;
    let (store, _) = project.make_store().await;
    for (n, (operation, size)) in (0..).zip([
        ("PutObject", 9000),
        ("CreateMultipartUpload", 9 * MIB),
        ("UploadPart", 20 * MIB),
        ("CompleteMultipartUpload", 9 * MIB),
    ]) {
        for rule in [
            error(operation, 503, "SlowDown", 3),
            error(operation, 500, "InternalError", 2),
            error(operation, 503, "ServiceUnavailable", 1),
        ] {
            let (key, bytes) = (key(&format!("slow/{operation}")), content(size, n));
            emulator.fault(&rule);
            let answer = put(&*store, &key, &bytes, PutMode::Replace).await.unwrap();
            assert!(matches!(answer, Put::Written(_)), "{rule}: {answer:?}");
            assert_eq!(Value::from(struck(&emulator)), rule["times"], "{rule}");
            assert_stored(&project, &store, &key, &bytes).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_last_answer_is_lost_is_whole() {
    for kind in [Kind::Ministack, Kind::Moto] {
        let (emulator, project) = start(kind).await;
        let (store, _) = project.make_store().await;
        for (n, times) in [(1, 1), (2, ATTEMPTS)] {
            let (key, bytes) = (key(&format!("lost/{n}")), content(9 * MIB, n));
            emulator.fault(&lost("CompleteMultipartUpload", times));
            let answer = put(&*store, &key, &bytes, PutMode::IfAbsent).await;
            assert_eq!(struck(&emulator), i64::from(times), "{}", project.name);
            match answer {
                Ok(Put::Written(object)) => {
                    assert_eq!(store.head(Bucket::Data, &key).await.unwrap(), Some(object));
                }
                Ok(Put::Exists) => {}
                Err(e) => assert_eq!(e.class, Class::Transient, "{e}"),
            }
            assert_stored(&project, &store, &key, &bytes).await;
            // A caller without an answer retries, and finds the object.
            let again = put(&*store, &key, &content(9 * MIB, 9), PutMode::IfAbsent).await.unwrap();
            assert_eq!(again, Put::Exists, "{}", project.name);
            assert_stored(&project, &store, &key, &bytes).await;
        }
    }
}

/// S3 sends status 200 before it is done, and may report an error after that.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_a_good_answer_is_an_error() {
    let (emulator, project) = start(Kind::Ministack).await;
    let (store, _) = project.make_store().await;
    let (key, bytes) = (key("late/a"), content(9 * MIB, 6));
    let late = "<Error><Code>InternalError</Code><Message>late</Message></Error>";
    emulator.fault(&reworded("CompleteMultipartUpload", r"(?s)\A.+\Z", late, 1));
    put(&*store, &key, &bytes, PutMode::Replace).await.unwrap();
    assert_eq!(struck(&emulator), 1);
    assert_stored(&project, &store, &key, &bytes).await;
    emulator.fault(&reworded("CompleteMultipartUpload", r"(?s)\A.+\Z", late, ATTEMPTS));
    let error = put(&*store, &key, &bytes, PutMode::Replace).await.unwrap_err();
    assert_eq!((error.class, struck(&emulator)), (Class::Transient, ATTEMPTS.into()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_parts_fail_is_aborted() {
    let (emulator, project) = start(Kind::Ministack).await;
    let (store, _) = project.make_store().await;
    let key = key("failed/a");
    for (status, code, class) in [
        (403, "AccessDenied", Class::Configuration),
        (400, "BadDigest", Class::Permanent),
        (500, "InternalError", Class::Transient),
    ] {
        emulator.clear_requests();
        emulator.fault(&error("UploadPart", status, code, ALWAYS));
        let error = put(&*store, &key, &content(40 * MIB, 1), PutMode::Replace).await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert_eq!(asked(&emulator, "s3.CreateMultipartUpload"), 1);
        until("the upload is aborted", async || {
            store.unfinished_uploads(Bucket::Data).await.unwrap().is_empty()
        })
        .await;
        assert_eq!(store.head(Bucket::Data, &key).await.unwrap(), None, "{code}");
        assert_eq!(asked(&emulator, "s3.CompleteMultipartUpload"), 0, "{code}");
        emulator.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_whose_answer_is_lost_is_there_once() {
    let (emulator, project) = start(Kind::Ministack).await;
    let (store, _) = project.make_store().await;
    let (key, bytes) = (key("lost/parts"), content(20 * MIB, 5));
    emulator.fault(&lost("UploadPart", 3));
    put(&*store, &key, &bytes, PutMode::Replace).await.unwrap();
    assert_eq!(struck(&emulator), 3);
    assert_stored(&project, &store, &key, &bytes).await;
    // If the first response is lost, a second upload is started: `sce reap` removes the
    // first one.
    emulator.fault(&lost("CreateMultipartUpload", 1));
    put(&*store, &key, &bytes, PutMode::Replace).await.unwrap();
    let left = store.unfinished_uploads(Bucket::Data).await.unwrap();
    assert_eq!(left.len(), 1);
    store.abort_upload(&left[0]).await.unwrap();
    assert_stored(&project, &store, &key, &bytes).await;
}
