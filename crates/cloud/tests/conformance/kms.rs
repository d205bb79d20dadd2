//! What only KMS must do: find a key by its alias, and wrap the HomerKey that is
//! stored.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use sce_cloud::aws::{fetch_homer_key, find_key, store_homer_key};
use sce_cloud::error::Class;
use sce_cloud::local::{FileKeys, KEY_BYTES, create_key_file, load_key_file};
use sce_cloud::ports::{KeyService, ObjectStore, PutMode};
use sce_cloud::system::SystemEntropy;
use sce_core::envelope::EncryptionContext;
use sce_core::object::{Bucket, ObjectKey};
use tempfile::TempDir;

use crate::candidates::{every, projects};
use crate::keys::same;
use crate::project::Project;

every!(projects holds
    a_key_is_found_by_its_alias a_disabled_key_is_refused the_homer_key_comes_back
    the_homer_key_is_not_replaced_unasked an_absent_homer_key_is_reported
    the_homer_key_opens_in_its_own_project_only the_homer_key_is_stored_wrapped);

/// The object key according to the documentation.
const PLACE: &str = "keys/homer.key.wrapped";

async fn a_key_is_found_by_its_alias(project: &Project) {
    let (kms, arn) = (&project.clients.kms, project.make_key().await);
    for name in [project.resources.key_alias(), project.resources.key_alias_arn(), arn.clone()] {
        assert_eq!(find_key(kms, &name).await.unwrap(), arn, "{name}");
    }
    let error = find_key(kms, "alias/absent").await.unwrap_err();
    assert_eq!(error.class, Class::Configuration, "{error}");
}

async fn a_disabled_key_is_refused(project: &Project) {
    let (kms, arn) = (&project.clients.kms, project.make_key().await);
    let alias = project.resources.key_alias_arn();
    let id = arn.rsplit('/').next().unwrap();
    kms.disable_key().key_id(id).send().await.unwrap();
    let error = find_key(kms, &alias).await.unwrap_err();
    assert_eq!(error.class, Class::Configuration, "{error}");
    assert!(error.to_string().contains("enable it first"), "{error}");
    kms.enable_key().key_id(id).send().await.unwrap();
    assert_eq!(find_key(kms, &alias).await.unwrap(), arn);
    kms.schedule_key_deletion().key_id(id).pending_window_in_days(7).send().await.unwrap();
    let error = find_key(kms, &alias).await.unwrap_err();
    assert_eq!(error.class, Class::Configuration, "{error}");
}

/// A project with buckets and key, and a user's key file.
struct Homer<'a> {
    project: &'a Project,
    store: Arc<dyn ObjectStore>,
    key_arn: String,
    file: PathBuf,
    _folder: TempDir,
}

impl<'a> Homer<'a> {
    async fn of(project: &'a Project) -> Self {
        let (store, key_arn) = project.make_store().await;
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("homer.key");
        create_key_file(&file, &SystemEntropy).unwrap();
        Self { project, store, key_arn, file, _folder: folder }
    }

    fn at_home(&self) -> FileKeys {
        FileKeys::open(&self.file, &self.project.resources.pit, Arc::new(SystemEntropy)).unwrap()
    }

    async fn store(&self, key: &[u8; KEY_BYTES], replace: bool) -> bool {
        let (kms, pit) = (&self.project.clients.kms, &self.project.resources.pit);
        store_homer_key(kms, &*self.store, &self.key_arn, pit, key, replace).await.unwrap()
    }

    async fn fetch(&self) -> Result<FileKeys, sce_cloud::error::PortError> {
        let (kms, pit) = (&self.project.clients.kms, &self.project.resources.pit);
        fetch_homer_key(kms, &*self.store, &self.key_arn, pit, Arc::new(SystemEntropy)).await
    }

    async fn wrapped(&self) -> Vec<u8> {
        let place = ObjectKey::try_from(PLACE.to_owned()).unwrap();
        let object = self.store.head(Bucket::Ancillary, &place).await.unwrap().unwrap();
        let mut reader = self.store.open(Bucket::Ancillary, &object).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(chunk) = reader.next().await.unwrap() {
            bytes.extend_from_slice(&chunk);
        }
        bytes
    }

    async fn put(&self, bytes: &[u8]) {
        let place = ObjectKey::try_from(PLACE.to_owned()).unwrap();
        let mut writer = self.store.create(Bucket::Ancillary, &place).await.unwrap();
        writer.write(bytes).await.unwrap();
        writer.finish(PutMode::Replace).await.unwrap();
    }
}

fn context() -> EncryptionContext {
    EncryptionContext::new([("object", "part-1.csv"), ("pit", "hipaa")]).unwrap()
}

/// True if the other one unwraps the same key that one wrapped.
async fn agree(one: &FileKeys, other: &FileKeys) -> bool {
    let (data_key, wrapped) = one.generate(&context()).await.unwrap();
    match other.unwrap(std::slice::from_ref(&wrapped), &context()).await {
        Ok(unwrapped) => same(&data_key, &wrapped, &unwrapped),
        Err(e) => {
            assert_eq!(e.class, Class::WrongKey);
            false
        }
    }
}

async fn the_homer_key_comes_back(project: &Project) {
    let homer = Homer::of(project).await;
    assert!(homer.store(&load_key_file(&homer.file).unwrap(), false).await);
    let fetched = homer.fetch().await.unwrap();
    assert!(agree(&homer.at_home(), &fetched).await);
    assert!(agree(&fetched, &homer.at_home()).await);
    assert_eq!(fetched.key_name(), homer.at_home().key_name());
}

async fn the_homer_key_is_not_replaced_unasked(project: &Project) {
    let homer = Homer::of(project).await;
    assert!(homer.store(&load_key_file(&homer.file).unwrap(), false).await);
    assert!(!homer.store(&[9; KEY_BYTES], false).await, "it was replaced");
    assert!(agree(&homer.at_home(), &homer.fetch().await.unwrap()).await);
    assert!(homer.store(&[9; KEY_BYTES], true).await);
    assert!(!agree(&homer.at_home(), &homer.fetch().await.unwrap()).await);
}

async fn an_absent_homer_key_is_reported(project: &Project) {
    let homer = Homer::of(project).await;
    let error = homer.fetch().await.err().unwrap();
    assert_eq!(error.class, Class::Configuration, "{error}");
    assert!(error.to_string().contains("`sce key wrap`"), "{error}");
    // An object that is far too long is refused, too.
    homer.put(&[1; 9000]).await;
    assert_eq!(homer.fetch().await.err().unwrap().class, Class::Configuration);
}

async fn the_homer_key_opens_in_its_own_project_only(project: &Project) {
    let homer = Homer::of(project).await;
    homer.store(&load_key_file(&homer.file).unwrap(), false).await;
    for other in projects().await.iter().filter(|other| other.name == project.name) {
        let marge = Homer { key_arn: homer.key_arn.clone(), ..Homer::of(other).await };
        marge.put(&homer.wrapped().await).await;
        // Even if both projects use the same KMS key.
        assert!(marge.fetch().await.is_err(), "another project's key opens");
    }
    // In their own project the same bytes open.
    homer.put(&homer.wrapped().await).await;
    assert!(agree(&homer.at_home(), &homer.fetch().await.unwrap()).await);
}

async fn the_homer_key_is_stored_wrapped(project: &Project) {
    let homer = Homer::of(project).await;
    homer.store(&load_key_file(&homer.file).unwrap(), false).await;
    let (wrapped, raw) = (homer.wrapped().await, fs::read(&homer.file).unwrap());
    assert_eq!(raw.len(), KEY_BYTES);
    assert!(!wrapped.windows(8).any(|eight| raw.windows(8).any(|of_raw| of_raw == eight)));
}
