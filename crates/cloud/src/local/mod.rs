//! The default adapters: every port on one machine, without any service.
//!
//! Used in production by a researcher on one private machine, by the demo and as
//! the tests' double. Safe for several processes; killing one at any moment must
//! never lose anything that was committed.

mod durable;
mod file;
mod fleet;
mod keys;
mod ledger;
mod mail;
mod objects;
mod queue;
mod sqlite;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

pub use self::file::FileReader;
pub use self::fleet::ProcessFleet;
pub use self::keys::{FileKeys, KEY_BYTES, KEY_NAME, create_key_file, load_key_file};
pub use self::ledger::SqliteLedger;
pub use self::mail::Maildir;
pub use self::objects::DirectoryStore;
pub use self::queue::SqliteQueue;
use crate::counts::RequestCounts;
use crate::error::PortResult;
use crate::ports::{Clock, Entropy, Ports};
use crate::settings::Settings;
use crate::system::{SystemClock, SystemEntropy};

/// Opens every port of a project on this machine. `agent` is the binary that the fleet
/// starts, `environment` the source of its settings.
///
/// # Errors
/// Returns an error if the key file, a database or a directory cannot be used.
pub fn open(
    settings: &Settings,
    agent: PathBuf,
    environment: Vec<(&'static str, OsString)>,
) -> PortResult<Ports> {
    // Everything but the key file is in one directory, which can be copied as a whole.
    let root = settings.path(&settings.root);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let key_file = settings.path(&settings.key_file);
    let fleet = ProcessFleet::open(&root.join("fleet"), agent, environment, entropy.clone())?;
    Ok(Ports {
        objects: Arc::new(DirectoryStore::open(&root.join("objects"))?),
        queue: Arc::new(SqliteQueue::open(&root.join("queue.sqlite"), clock.clone())?),
        ledger: Arc::new(SqliteLedger::open(
            &root.join("ledger.sqlite"),
            settings.lease(),
            settings.budgets(),
        )?),
        notifier: Arc::new(Maildir::open(
            &root.join("mail"),
            &settings.email,
            clock.clone(),
            entropy.clone(),
        )?),
        fleet: Arc::new(fleet),
        keys: Arc::new(FileKeys::open(&key_file, &settings.pit, entropy.clone())?),
        clock,
        entropy,
        counts: RequestCounts::default(),
    })
}
