//! KMS that throttles, refuses and fails.

use std::sync::Arc;

use sce_cloud::aws::{KmsKeys, find_key, store_homer_key};
use sce_cloud::error::{Class, PortError};
use sce_cloud::ports::KeyService;
use sce_core::envelope::EncryptionContext;
use sce_testkit::{Emulator, Kind};

use crate::project::Project;
use crate::support::{ALWAYS, ATTEMPTS, asked, error, lost, start, struck};

async fn open() -> (Emulator, Project, KmsKeys) {
    let (emulator, project) = start(Kind::Ministack).await;
    let keys = KmsKeys::new(project.clients.kms.clone(), project.make_key().await);
    (emulator, project, keys)
}

fn context() -> EncryptionContext {
    EncryptionContext::new([("object", "part-1.csv"), ("pit", "hipaa")]).unwrap()
}

/// Refusals: code, status, class, and the number of requests until the error is returned.
const REFUSALS: [(&str, u16, Class, i32); 7] = [
    ("AccessDeniedException", 400, Class::Configuration, 1),
    ("NotFoundException", 400, Class::Configuration, 1),
    ("KMSInvalidStateException", 400, Class::Permanent, 1),
    ("InvalidKeyUsageException", 400, Class::Permanent, 1),
    ("KMSInternalException", 500, Class::Transient, ATTEMPTS),
    ("DependencyTimeoutException", 503, Class::Transient, ATTEMPTS),
    ("ThrottlingException", 400, Class::Transient, ATTEMPTS),
];

#[tokio::test(flavor = "multi_thread")]
async fn refusals_keep_their_class() {
    let (emulator, _project, keys) = open().await;
    let (_, wrapped) = keys.generate(&context()).await.unwrap();
    let wrapped = [wrapped];
    for (code, status, class, tries) in REFUSALS {
        for operation in ["GenerateDataKey", "Decrypt"] {
            emulator.clear_requests();
            emulator.fault(&error(operation, status, code, ALWAYS));
            let refused: PortError = match operation {
                "Decrypt" => keys.unwrap(&wrapped, &context()).await.err().unwrap(),
                _ => keys.generate(&context()).await.err().unwrap(),
            };
            assert_eq!(refused.class, class, "{operation}: {refused}");
            assert!(refused.to_string().contains(code), "{refused}");
            let requests = asked(&emulator, &format!("kms.{operation}"));
            assert_eq!(requests, u64::try_from(tries).unwrap(), "{operation} {code}");
            emulator.clear_faults();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_keys_ciphertext_is_a_wrong_key() {
    let (emulator, project, keys) = open().await;
    let (_, wrapped) = keys.generate(&context()).await.unwrap();
    let wrapped = [wrapped];
    for code in ["IncorrectKeyException", "InvalidCiphertextException"] {
        emulator.fault(&error("Decrypt", 400, code, 1));
        let error = keys.unwrap(&wrapped, &context()).await.err().unwrap();
        assert_eq!((error.class, struck(&emulator)), (Class::WrongKey, 1), "{error}");
    }
    // An answer of KMS under another key is refused.
    let other = project.clients.kms.create_key().send().await.unwrap().key_metadata.unwrap();
    let rule = crate::support::reworded("Decrypt", "key/[0-9a-f-]+", &other.key_id, 1);
    emulator.fault(&rule);
    let error = keys.unwrap(&wrapped, &context()).await.err().unwrap();
    assert_eq!((error.class, struck(&emulator)), (Class::WrongKey, 1), "{error}");
    keys.unwrap(&wrapped, &context()).await.map(drop).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn throttled_and_unanswered_calls_are_repeated() {
    let (emulator, project, keys) = open().await;
    for rule in [error("*", 400, "ThrottlingException", 2), lost("*", 2)] {
        emulator.fault(&rule);
        let (_, wrapped) = keys.generate(&context()).await.unwrap();
        assert_eq!(struck(&emulator), 2, "{rule}");
        emulator.fault(&rule);
        keys.unwrap(&[wrapped], &context()).await.map(drop).unwrap();
        assert_eq!(struck(&emulator), 2, "{rule}");
        emulator.fault(&rule);
        let alias = project.resources.key_alias_arn();
        assert_eq!(find_key(&project.clients.kms, &alias).await.unwrap(), keys.key_name());
        assert_eq!(struck(&emulator), 2, "{rule}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_homer_key_that_was_not_wrapped_is_not_stored() {
    let (emulator, project) = start(Kind::Ministack).await;
    let (store, key_arn) = project.make_store().await;
    let (kms, pit) = (&project.clients.kms, &project.resources.pit);
    emulator.fault(&error("Encrypt", 400, "AccessDeniedException", ALWAYS));
    let error = store_homer_key(kms, &*store, &key_arn, pit, &[7; 32], true).await.unwrap_err();
    assert_eq!(error.class, Class::Configuration, "{error}");
    assert_eq!(asked(&emulator, "s3.PutObject"), 0);
    let entropy = Arc::new(sce_cloud::system::SystemEntropy);
    let absent = sce_cloud::aws::fetch_homer_key(kms, &*store, &key_arn, pit, entropy).await;
    assert_eq!(absent.err().unwrap().class, Class::Configuration);
}
