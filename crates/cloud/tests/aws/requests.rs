//! The requests on objects as they are sent: the emulators check neither the
//! owner of a bucket nor every condition.

use sce_cloud::ports::{ObjectStore, PutMode};
use sce_core::object::Bucket;
use sce_testkit::{ACCOUNT, Kind};

use crate::support::{MIB, Recorder, Sent, content, get, key, put, put_new, start};

/// True if a request names the expected owner of the bucket.
fn names_the_owner(sent: &Sent) -> bool {
    sent.header("x-amz-expected-bucket-owner") == Some(ACCOUNT)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_object_is_put_under_the_key_and_if_absent_where_asked() {
    let ((_emulator, project), recorder) = (start(Kind::Ministack).await, Recorder::default());
    let (store, key_arn) = recorder.store(&project).await;
    for (size, begins, ends) in [
        (10, "PutObject", "PutObject"),
        (9 * MIB, "CreateMultipartUpload", "CompleteMultipartUpload"),
    ] {
        let key = key(&format!("sent/{size}"));
        for (mode, condition) in [(PutMode::IfAbsent, Some("*")), (PutMode::Replace, None)] {
            put(&store, &key, &content(size, 1), mode).await.unwrap();
            let sent = recorder.take_all();
            assert!(sent.iter().all(names_the_owner), "{sent:?}");
            let of = |operation| sent.iter().filter(move |sent| sent.operation == operation);
            assert_eq!((of(begins).count(), of(ends).count()), (1, 1), "{sent:?}");
            for begin in of(begins) {
                let encryption = begin.header("x-amz-server-side-encryption");
                assert_eq!(encryption, Some("aws:kms"), "{begin:?}");
                let key_id = begin.header("x-amz-server-side-encryption-aws-kms-key-id");
                assert_eq!(key_id, Some(key_arn.as_str()), "{begin:?}");
            }
            for end in of(ends) {
                assert_eq!(end.header("if-none-match"), condition, "{end:?}");
            }
            // A checksum protects the bytes in transit.
            for part in of("UploadPart").chain(of("PutObject")) {
                let checked = |name: &String| name.starts_with("x-amz-checksum-crc32");
                let trailer = part.header("x-amz-trailer").map(str::to_owned);
                let checked = part.headers.keys().chain(&trailer).any(checked);
                assert!(checked, "no checksum: {part:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_object_is_read_pinned() {
    let ((_emulator, project), recorder) = (start(Kind::Moto).await, Recorder::default());
    let (store, _) = recorder.store(&project).await;
    let object = put_new(&store, &key("sent/a"), &content(33 * MIB, 1)).await;
    recorder.take_all();
    assert!(get(&store, &object).await.unwrap() == content(33 * MIB, 1));
    store.head(Bucket::Data, &object.key).await.unwrap().unwrap();
    let sent = recorder.take_all();
    assert!(sent.iter().all(names_the_owner), "{sent:?}");
    let gets: Vec<_> = sent.iter().filter(|sent| sent.operation == "GetObject").collect();
    assert_eq!(gets.len(), 5, "parts of 8 MiB");
    for get in gets {
        assert_eq!(get.header("if-match"), Some(object.etag.as_str()));
        assert!(get.header("range").is_some());
    }
}
