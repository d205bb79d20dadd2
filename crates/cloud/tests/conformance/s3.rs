//! What only S3 must do: large objects in parts, encryption at rest under the
//! project's key, uploads that were given up.

use std::time::{Duration, Instant};

use sce_cloud::aws::S3Store;
use sce_cloud::ports::{Clock, ObjectStore, Put, PutMode};
use sce_cloud::system::SystemClock;
use sce_core::object::{Bucket, ObjectKey};

use crate::candidates::every;
use crate::objects::{content, get, key, put, put_new};
use crate::project::Project;

every!(projects holds
    large_objects_come_back_byte_for_byte a_large_object_is_put_if_absent
    everything_is_encrypted_under_the_key a_dropped_upload_is_aborted
    an_upload_left_behind_is_found an_upload_has_its_age);

const MIB: usize = 1 << 20;
/// How long a check waits for an expected state.
const PATIENCE: Duration = Duration::from_secs(10);

async fn large_objects_come_back_byte_for_byte(project: &Project) {
    let (store, _) = project.make_store().await;
    // Exactly one part, one byte more, some parts, more than are read ahead.
    for size in [8 * MIB, 8 * MIB + 1, 16 * MIB, 20 * MIB, 33 * MIB] {
        let (key, bytes) = (key(&format!("large/part-{size}.csv")), content(size, 3));
        let object = put_new(&*store, &key, &bytes).await;
        assert_eq!(object.size, size as u64);
        assert_eq!(store.head(Bucket::Data, &key).await.unwrap().as_ref(), Some(&object));
        // Not assert_eq: it would print megabytes of numbers.
        assert!(get(&*store, &object).await == bytes, "{size} bytes come back changed");
    }
    assert_eq!(store.unfinished_uploads(Bucket::Data).await.unwrap(), []);
}

/// Reads the current object by one GET, without our reader.
async fn get_latest(project: &Project, key: &ObjectKey) -> Vec<u8> {
    let bucket = project.resources.bucket(Bucket::Data);
    let get = project.clients.s3.get_object().bucket(bucket).key(key.as_str());
    get.send().await.unwrap().body.collect().await.unwrap().to_vec()
}

async fn a_large_object_is_put_if_absent(project: &Project) {
    let (store, _) = project.make_store().await;
    let (key, old, new) = (key("large/a"), content(9 * MIB, 1), content(9 * MIB, 2));
    let Put::Written(object) = put(&*store, &key, &old, PutMode::IfAbsent).await else {
        panic!("the first put answers Exists");
    };
    assert_eq!(put(&*store, &key, &new, PutMode::IfAbsent).await, Put::Exists);
    assert_eq!(store.head(Bucket::Data, &key).await.unwrap(), Some(object));
    assert!(get_latest(project, &key).await == old, "a refused put changed the object");
    until_no_upload(&store).await;
    put_new(&*store, &key, &new).await;
    assert!(get_latest(project, &key).await == new);
}

async fn everything_is_encrypted_under_the_key(project: &Project) {
    let (store, key_arn) = project.make_store().await;
    for (name, size) in [("small/a", 10), ("large/a", 9 * MIB)] {
        for mode in [PutMode::IfAbsent, PutMode::Replace] {
            put(&*store, &key(name), &content(size, 1), mode).await;
            let bucket = project.resources.bucket(Bucket::Data);
            let head = project.clients.s3.head_object().bucket(bucket).key(name);
            let head = head.send().await.unwrap();
            let encryption = head.server_side_encryption.unwrap();
            assert_eq!(encryption.as_str(), "aws:kms", "{name} {mode:?}");
            assert_eq!(head.ssekms_key_id.as_ref(), Some(&key_arn), "{name} {mode:?}");
        }
    }
}

/// Waits until no upload is left: aborting takes some time.
async fn until_no_upload(store: &S3Store) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = store.unfinished_uploads(Bucket::Data).await.unwrap();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "an upload was left behind: {left:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn a_dropped_upload_is_aborted(project: &Project) {
    let (store, _) = project.make_store().await;
    let key = key("dropped/a");
    let mut writer = store.create(Bucket::Data, &key).await.unwrap();
    for piece in content(20 * MIB, 1).chunks(MIB) {
        writer.write(piece).await.unwrap();
    }
    assert_eq!(store.unfinished_uploads(Bucket::Data).await.unwrap().len(), 1);
    assert_eq!(store.head(Bucket::Data, &key).await.unwrap(), None);
    drop(writer);
    until_no_upload(&store).await;
    assert_eq!(store.head(Bucket::Data, &key).await.unwrap(), None);
}

/// Like the upload of a worker that was killed.
async fn an_upload_left_behind_is_found(project: &Project) {
    let (store, _) = project.make_store().await;
    let object = put_new(&*store, &key("left/a"), b"there").await;
    for name in ["left/a", "left/b"] {
        let upload = project.clients.s3.create_multipart_upload();
        let bucket = project.resources.bucket(Bucket::Data);
        upload.bucket(bucket).key(name).send().await.unwrap();
    }
    let found = store.unfinished_uploads(Bucket::Data).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(store.unfinished_uploads(Bucket::Output).await.unwrap(), []);
    for upload in &found {
        store.abort_upload(upload).await.unwrap();
    }
    assert_eq!(store.unfinished_uploads(Bucket::Data).await.unwrap(), []);
    assert!(get(&*store, &object).await == b"there");
}

async fn an_upload_has_its_age(project: &Project) {
    let (store, _) = project.make_store().await;
    let (bucket, now) = (project.resources.bucket(Bucket::Data), SystemClock.now());
    let upload = project.clients.s3.create_multipart_upload();
    upload.bucket(bucket).key("a").send().await.unwrap();
    let found = store.unfinished_uploads(Bucket::Data).await.unwrap();
    let begun_at = found[0].begun_at.unwrap();
    assert!(begun_at.0.abs_diff(now.0) < 60_000, "begun at {begun_at:?}, now {now:?}");
}
