//! The event notifications that S3 sends about uploads, parsed within limits.
//!
//! Used by `sce intake`. Keys in events are URL-encoded, with a space as `+`. An
//! event is only a hint: an object must be read before it is registered.

use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// The longest accepted notification, in bytes; the limit of SQS is 1 MiB.
pub const EVENT_MAX_BYTES: usize = 1 << 20;
/// The longest key in an event, in bytes: three for each of S3's 1024.
const ENCODED_KEY_MAX_BYTES: usize = 3 * 1024;

/// A created object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The bucket.
    pub bucket: String,
    /// The object key, decoded. It is not checked yet, so it must never be shown.
    pub name: String,
    /// The position of the event among the bucket's events for this key.
    pub sequencer: String,
}

/// A message that is not an S3 notification; it is logged by its length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unreadable notification of {bytes} bytes")]
pub struct UnreadableEvent {
    bytes: usize,
}

#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "Records", default)]
    records: Vec<Record>,
    /// S3 sends this once, when notifications are enabled.
    #[serde(rename = "Event")]
    event: Option<String>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    event_name: String,
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    bucket: BucketEntity,
    object: ObjectEntity,
}

#[derive(Deserialize)]
struct BucketEntity {
    name: String,
}

#[derive(Deserialize)]
struct ObjectEntity {
    key: String,
    #[serde(default)]
    sequencer: String,
}

/// Returns the objects that a notification reports as created (none for the test event
/// that S3 sends first).
///
/// # Errors
/// Returns an error if the message is too long or not a notification.
pub fn parse_event(body: &str) -> Result<Vec<Upload>, UnreadableEvent> {
    let unreadable = || UnreadableEvent { bytes: body.len() };
    if body.len() > EVENT_MAX_BYTES {
        return Err(unreadable());
    }
    let notification: Notification = serde_json::from_str(body).map_err(|_| unreadable())?;
    // The test event has no records; anything else without records is not from S3.
    if notification.records.is_empty() && notification.event.as_deref() != Some("s3:TestEvent") {
        return Err(unreadable());
    }
    let created = notification
        .records
        .into_iter()
        .filter(|record| record.event_name.trim_start_matches("s3:").starts_with("ObjectCreated:"));
    created.map(|record| read(record.s3).ok_or_else(unreadable)).collect()
}

fn read(entity: Entity) -> Option<Upload> {
    let encoded = Some(entity.object.key).filter(|key| key.len() <= ENCODED_KEY_MAX_BYTES)?;
    // `+` first: afterwards, an encoded plus sign (`%2B`) could not be told from a space.
    let spaced = encoded.replace('+', " ");
    let name = percent_decode_str(&spaced).decode_utf8().ok()?.into_owned();
    Some(Upload { bucket: entity.bucket.name, name, sequencer: entity.object.sequencer })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn event(name: &str, key: &str) -> String {
        format!(
            r#"{{"Records":[{{"eventVersion":"2.1","eventName":"{name}","s3":{{"bucket":{{"name":"b"}},
            "object":{{"key":"{key}","size":3,"eTag":"e","versionId":"v","sequencer":"0055"}}}}}}]}}"#
        )
    }

    #[test]
    fn keys_are_decoded_once() {
        for (key, name) in [
            ("site-1/part-000001.csv", "site-1/part-000001.csv"),
            ("a+b.csv", "a b.csv"),
            ("a%2Bb.csv", "a+b.csv"),
            ("a%252Bb.csv", "a%2Bb.csv"),
            ("%C3%A4.csv", "\u{e4}.csv"),
        ] {
            let uploads = parse_event(&event("ObjectCreated:Put", key)).unwrap();
            let expected =
                Upload { bucket: "b".into(), name: name.into(), sequencer: "0055".into() };
            assert_eq!(uploads, [expected]);
        }
    }

    #[test]
    fn only_created_objects_count() {
        assert_eq!(parse_event(&event("ObjectRemoved:Delete", "a")).unwrap(), []);
        assert_eq!(parse_event(r#"{"Event":"s3:TestEvent","Bucket":"b"}"#).unwrap(), []);
        let multipart = event("s3:ObjectCreated:CompleteMultipartUpload", "a");
        assert_eq!(parse_event(&multipart).unwrap().len(), 1);
    }

    #[test]
    fn anything_else_is_unreadable() {
        let invalid_utf8 = event("ObjectCreated:Put", "%ff");
        let long = event("ObjectCreated:Put", &"a".repeat(4000));
        let longer = " ".repeat(EVENT_MAX_BYTES + 1);
        for bad in ["", "{}", "[]", "null", "\u{1fa7a}", &invalid_utf8, &long, &longer] {
            assert!(parse_event(bad).is_err(), "{:?}", bad.get(..80));
        }
    }
}
