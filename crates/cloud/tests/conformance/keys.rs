//! What every key service must do.

use sce_cloud::error::{Class, PortError};
use sce_core::envelope::{
    DataKey, EncryptedDataKey, EncryptionContext, FrameLength, HeaderReader, Sealer,
};

use crate::candidates::{Keyring, every};

const PAIRS: [(&str, &str); 2] = [("object", "part-1.csv"), ("pit", "hipaa")];

every!(keyrings holds
    a_wrapped_key_unwraps_to_the_same another_key_or_context_is_a_wrong_key
    a_foreign_key_is_a_wrong_key a_damaged_key_is_a_wrong_key a_relabeled_key_is_a_wrong_key
    keys_are_named_as_in_their_envelopes);

fn context() -> EncryptionContext {
    EncryptionContext::new(PAIRS).unwrap()
}

fn class<T>(answer: Result<T, PortError>) -> Option<Class> {
    answer.err().map(|e| e.class)
}

/// True if two data keys are the same: tag and commitment of a header are valid for its own
/// data key only.
pub fn same(one: &DataKey, wrapped: &EncryptedDataKey, other: &DataKey) -> bool {
    let frames = FrameLength::default();
    let wrapped = std::slice::from_ref(wrapped);
    let (_, header) = Sealer::new(one, wrapped, &context(), [7; 32], frames).unwrap();
    let header = HeaderReader::new().push(&header).unwrap().unwrap().0;
    header.open(other, &PAIRS).is_ok()
}

async fn a_wrapped_key_unwraps_to_the_same(keys: &Keyring) {
    let (data_key, wrapped) = keys.ours.generate(&context()).await.unwrap();
    let unwrapped = keys.ours.unwrap(std::slice::from_ref(&wrapped), &context()).await.unwrap();
    assert!(same(&data_key, &wrapped, &unwrapped));
    let (another, wrapped_too) = keys.ours.generate(&context()).await.unwrap();
    assert!(!same(&data_key, &wrapped, &another), "two objects under one data key");
    assert_ne!(wrapped, wrapped_too);
}

async fn another_key_or_context_is_a_wrong_key(keys: &Keyring) {
    let Keyring { ours, others, .. } = keys;
    let (data_key, wrapped) = ours.generate(&context()).await.unwrap();
    let wrapped = [wrapped];
    assert_eq!(class(others.unwrap(&wrapped, &context()).await), Some(Class::WrongKey));
    assert_eq!(class(ours.unwrap(&[], &context()).await), Some(Class::WrongKey));
    for moved in [
        vec![("object", "part-2.csv"), ("pit", "hipaa")],
        vec![("object", "part-1.csv"), ("pit", "other")],
        vec![("object", "part-1.csv")],
        vec![],
    ] {
        let context = EncryptionContext::new(moved.clone()).unwrap();
        let opened = ours.unwrap(&wrapped, &context).await;
        assert_eq!(class(opened), Some(Class::WrongKey), "{moved:?}");
    }
    // A foreign EDK before ours is skipped.
    let (_, foreign) = others.generate(&context()).await.unwrap();
    let [wrapped] = wrapped;
    let opened = ours.unwrap(&[foreign, wrapped.clone()], &context()).await.unwrap();
    assert!(same(&data_key, &wrapped, &opened));
}

async fn a_foreign_key_is_a_wrong_key(keys: &Keyring) {
    let (_, wrapped) = keys.ours.generate(&context()).await.unwrap();
    let info = |bytes: Vec<u8>| EncryptedDataKey { provider_info: bytes, ..wrapped.clone() };
    let longer = [&wrapped.provider_info[..], b"x"].concat();
    let shorter = wrapped.provider_info[..wrapped.provider_info.len() - 1].to_vec();
    for foreign in [
        EncryptedDataKey { provider_id: "springfield".into(), ..wrapped.clone() },
        EncryptedDataKey { provider_id: String::new(), ..wrapped.clone() },
        info(longer),
        info(shorter),
        info(vec![]),
    ] {
        let opened = keys.ours.unwrap(std::slice::from_ref(&foreign), &context()).await;
        assert_eq!(class(opened), Some(Class::WrongKey), "{foreign:?}");
    }
}

async fn a_damaged_key_is_a_wrong_key(keys: &Keyring) {
    let (_, wrapped) = keys.ours.generate(&context()).await.unwrap();
    let last = wrapped.ciphertext.len() - 1;
    let mut flipped = wrapped.ciphertext.clone();
    flipped[last] ^= 1;
    for damaged in [flipped, wrapped.ciphertext[..last].to_vec(), vec![1]] {
        let damaged = EncryptedDataKey { ciphertext: damaged, ..wrapped.clone() };
        let opened = keys.ours.unwrap(std::slice::from_ref(&damaged), &context()).await;
        assert_eq!(class(opened), Some(Class::WrongKey), "{damaged:?}");
    }
}

/// The ciphertext of another key under the name of our key.
async fn a_relabeled_key_is_a_wrong_key(keys: &Keyring) {
    let (_, wrapped) = keys.ours.generate(&context()).await.unwrap();
    let (_, other) = keys.others.generate(&context()).await.unwrap();
    let relabeled = EncryptedDataKey { ciphertext: other.ciphertext, ..wrapped };
    let opened = keys.ours.unwrap(&[relabeled], &context()).await;
    assert_eq!(class(opened), Some(Class::WrongKey));
}

async fn keys_are_named_as_in_their_envelopes(keys: &Keyring) {
    let (_, wrapped) = keys.ours.generate(&context()).await.unwrap();
    let info = String::from_utf8_lossy(&wrapped.provider_info).into_owned();
    assert!(info.starts_with(&keys.ours.key_name()), "{info}");
    let of_kms = wrapped.provider_id == "aws-kms";
    assert_eq!(of_kms, keys.ours.key_name().starts_with("arn:aws:kms:us-east-1:123456789012:key/"));
    assert_eq!(of_kms, keys.name != "file");
}
