//! What every object store must do.

use std::sync::Arc;

use sce_cloud::error::Class;
use sce_cloud::ports::{ObjectReader, ObjectStore, Put, PutMode};
use sce_core::object::{Bucket, ObjectKey, ObjectRef};

use crate::candidates::{Candidate, every};

type Store = Candidate<dyn ObjectStore>;

const MIB: usize = 1 << 20;

every!(stores holds
    round_trips_every_size nothing_is_visible_before_the_finish
    a_dropped_writer_leaves_nothing one_of_many_writers_wins
    a_replaced_object_is_changed_for_its_old_reference what_is_absent_is_absent
    an_open_reader_keeps_its_version buckets_are_separate a_key_that_begins_others_is_not_there
    a_failed_write_leaves_the_old_object);

pub fn key(text: &str) -> ObjectKey {
    text.to_owned().try_into().unwrap()
}

/// Returns bytes that differ from one position to the next and by `salt`.
pub fn content(bytes: usize, salt: u8) -> Vec<u8> {
    (0..bytes).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0] ^ salt).collect()
}

pub async fn put(store: &dyn ObjectStore, key: &ObjectKey, bytes: &[u8], mode: PutMode) -> Put {
    let mut writer = store.create(Bucket::Data, key).await.unwrap();
    // In pieces of any length, like frames.
    for piece in bytes.chunks(300_007) {
        writer.write(piece).await.unwrap();
    }
    writer.finish(mode).await.unwrap()
}

pub async fn put_new(store: &dyn ObjectStore, key: &ObjectKey, bytes: &[u8]) -> ObjectRef {
    match put(store, key, bytes, PutMode::Replace).await {
        Put::Written(object) => object,
        Put::Exists => panic!("a replacing put answers Exists"),
    }
}

async fn rest(mut reader: Box<dyn ObjectReader>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.next().await.unwrap() {
        assert!(!chunk.is_empty(), "an empty chunk in the middle of a stream");
        bytes.extend_from_slice(&chunk);
    }
    bytes
}

pub async fn get(store: &dyn ObjectStore, object: &ObjectRef) -> Vec<u8> {
    rest(store.open(Bucket::Data, object).await.unwrap()).await
}

async fn class_of_get(store: &dyn ObjectStore, object: &ObjectRef) -> Class {
    let answer = store.open(Bucket::Data, object).await;
    answer.err().expect("the object opens").class
}

async fn round_trips_every_size(candidate: &Store) {
    for size in [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB] {
        let key = key(&format!("sizes/part-{size}.csv"));
        let bytes = content(size, 1);
        let object = put_new(candidate.port(), &key, &bytes).await;
        assert_eq!((object.size, &object.key), (size as u64, &key));
        for door in &candidate.doors {
            assert_eq!(door.head(Bucket::Data, &key).await.unwrap().as_ref(), Some(&object));
        }
        // Not assert_eq: it would print a megabyte of numbers.
        assert!(
            get(&*candidate.doors[1], &object).await == bytes,
            "{size} bytes come back changed"
        );
    }
}

async fn nothing_is_visible_before_the_finish(candidate: &Store) {
    let (store, key) = (candidate.port(), key("early/a"));
    let mut writer = store.create(Bucket::Data, &key).await.unwrap();
    writer.write(&content(2 * MIB, 0)).await.unwrap();
    assert_eq!(store.head(Bucket::Data, &key).await.unwrap(), None);
    let Put::Written(object) = writer.finish(PutMode::IfAbsent).await.unwrap() else {
        panic!("the first put answers Exists");
    };
    assert_eq!(store.head(Bucket::Data, &key).await.unwrap(), Some(object));
}

async fn a_dropped_writer_leaves_nothing(candidate: &Store) {
    let (store, key) = (candidate.port(), key("dropped/a"));
    let mut writer = store.create(Bucket::Data, &key).await.unwrap();
    writer.write(b"half of it").await.unwrap();
    drop(writer);
    assert_eq!(store.head(Bucket::Data, &key).await.unwrap(), None);
    // The dropped writer does not block the key.
    assert!(matches!(put(store, &key, b"whole", PutMode::IfAbsent).await, Put::Written(_)));
    let litter: Vec<_> = walkdir::WalkDir::new(candidate.home.path())
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file() && !entry.path().ends_with(key.as_str()))
        .collect();
    assert!(litter.is_empty(), "{litter:?}");
}

async fn one_of_many_writers_wins(candidate: &Store) {
    const WRITERS: u8 = 8;
    let key = key("contended/a");
    let start = Arc::new(tokio::sync::Barrier::new(usize::from(WRITERS)));
    let writers = (0..WRITERS).map(|n| {
        let (start, key) = (start.clone(), key.clone());
        let store = candidate.doors[usize::from(n) % candidate.doors.len()].clone();
        tokio::spawn(async move {
            let bytes = content(5000, n);
            let mut writer = store.create(Bucket::Data, &key).await.unwrap();
            writer.write(&bytes).await.unwrap();
            start.wait().await;
            (writer.finish(PutMode::IfAbsent).await.unwrap(), bytes)
        })
    });
    let mut won = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        if let (Put::Written(object), bytes) = writer.await.unwrap() {
            won.push((object, bytes));
        }
    }
    assert_eq!(won.len(), 1, "writers that won");
    let (object, bytes) = won.remove(0);
    assert!(get(candidate.port(), &object).await == bytes, "the winner's bytes are not stored");
}

async fn a_replaced_object_is_changed_for_its_old_reference(candidate: &Store) {
    let (store, key) = (candidate.port(), key("replaced/a"));
    // Once with the same size, and once with another.
    for (old, new) in [(content(9000, 1), content(9000, 2)), (content(10, 3), content(11, 3))] {
        let before = put_new(store, &key, &old).await;
        assert_eq!(put(store, &key, &new, PutMode::IfAbsent).await, Put::Exists);
        assert!(get(store, &before).await == old, "a refused put changed the object");
        let after = put_new(store, &key, &new).await;
        assert_ne!((&before.etag, &before.version), (&after.etag, &after.version));
        assert_ne!(before.etag, after.etag);
        // If versions are kept, a reference opens its own version forever.
        match store.open(Bucket::Data, &before).await {
            Ok(reader) => assert!(rest(reader).await == old, "the old reference opens another"),
            Err(e) => assert_eq!(e.class, Class::Changed),
        }
        assert!(get(store, &after).await == new, "the new version does not open");
    }
}

async fn what_is_absent_is_absent(candidate: &Store) {
    let store = candidate.port();
    let object = put_new(store, &key("there/a"), b"here").await;
    for gone in ["there/b", "nowhere/a", "there/a/b"] {
        let missing = ObjectRef { key: key(gone), ..object.clone() };
        assert_eq!(store.head(Bucket::Data, &missing.key).await.unwrap(), None, "{gone}");
        assert_eq!(class_of_get(store, &missing).await, Class::Absent, "{gone}");
    }
}

async fn an_open_reader_keeps_its_version(candidate: &Store) {
    let (store, key) = (candidate.port(), key("read/a"));
    let old = content(3 * MIB, 1);
    let object = put_new(store, &key, &old).await;
    let mut reader = store.open(Bucket::Data, &object).await.unwrap();
    let first = reader.next().await.unwrap().unwrap();
    put_new(store, &key, &content(3 * MIB, 2)).await;
    let read = [first.to_vec(), rest(reader).await].concat();
    assert!(read == old, "the reader saw parts of another version");
}

async fn buckets_are_separate(candidate: &Store) {
    let store = candidate.port();
    let object = put_new(store, &key("separate/a"), b"data").await;
    for bucket in [Bucket::Output, Bucket::Logs, Bucket::Ancillary] {
        assert_eq!(store.head(bucket, &object.key).await.unwrap(), None, "{bucket:?}");
        assert!(store.open(bucket, &object).await.is_err(), "{bucket:?}");
    }
    // An object is named only by its key, and no key leads out of a bucket or to an object
    // that is being written.
    let ways =
        ["../output/a", "a/../../output/a", "/etc/passwd", "data/..", ".incoming/x", "a/./b"];
    for way in ways {
        assert!(ObjectKey::try_from(way.to_owned()).is_err(), "{way}");
    }
}

async fn a_key_that_begins_others_is_not_there(candidate: &Store) {
    let store = candidate.port();
    let object = put_new(store, &key("deep/er/a"), b"leaf").await;
    for begin in ["deep", "deep/er"] {
        let begin = ObjectRef { key: key(begin), ..object.clone() };
        assert_eq!(store.head(Bucket::Data, &begin.key).await.unwrap(), None, "{begin:?}");
        assert_eq!(class_of_get(store, &begin).await, Class::Absent, "{begin:?}");
    }
}

/// A bucket holds both `a` and `a/b`. A store that cannot must return an error; it must
/// never answer that the object exists, or lose the other one.
async fn a_failed_write_leaves_the_old_object(candidate: &Store) {
    let store = candidate.port();
    let leaf = put_new(store, &key("both/a"), b"leaf").await;
    for (other, mode) in [
        ("both", PutMode::IfAbsent),
        ("both", PutMode::Replace),
        ("both/a/b", PutMode::IfAbsent),
        ("both/a/b/c", PutMode::Replace),
    ] {
        let mut writer = store.create(Bucket::Data, &key(other)).await.unwrap();
        writer.write(b"other").await.unwrap();
        match writer.finish(mode).await {
            Ok(put) => assert!(matches!(put, Put::Written(_)), "{other} {mode:?}: {put:?}"),
            Err(e) => assert!(e.to_string().contains("choose another key"), "{e}"),
        }
        assert!(get(store, &leaf).await == b"leaf", "{other} {mode:?} lost an object");
    }
}
