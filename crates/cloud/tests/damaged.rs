//! A damaged database is reported by name and with a remedy. It never causes a
//! panic and is never silently replaced by a new one.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sce_cloud::error::{Class, PortError};
use sce_cloud::local::{SqliteLedger, SqliteQueue};
use sce_cloud::ports::{Ledger, WorkQueue};
use sce_cloud::system::SystemClock;
use sce_core::ids::UnitId;
use sce_core::limits::{Budgets, LeaseRules};
use sce_core::manifest::{Manifest, PlanDigest};
use sce_core::run::Run;
use sce_core::study::StudySettings;
use sce_core::time::Timestamp;
use sce_core::unit::Unit;
use tempfile::TempDir;

const UNITS: u32 = 2000;

fn open_ledger(path: &Path) -> Result<SqliteLedger, PortError> {
    SqliteLedger::open(path, LeaseRules::of(Duration::from_secs(12)), Budgets::default())
}

fn open_queue(path: &Path) -> Result<SqliteQueue, PortError> {
    SqliteQueue::open(path, Arc::new(SystemClock))
}

fn run() -> Run {
    let study = StudySettings::default();
    let digest = PlanDigest::of(&Manifest::new(vec![]).unwrap(), &study, None);
    Run::draft(digest, study, UNITS, 0, Timestamp(1))
}

fn units() -> Vec<Unit> {
    let id = |index| UnitId { run: run().id, index };
    (0..UNITS).map(|index| Unit::pending(id(index), vec![], 0)).collect()
}

/// Fills a ledger and a queue and closes them, so that their logs are merged into the files.
async fn fill(folder: &Path) -> [PathBuf; 2] {
    let paths = [folder.join("ledger.sqlite"), folder.join("queue.sqlite")];
    let ledger = open_ledger(&paths[0]).unwrap();
    ledger.put_run(&run()).await.unwrap();
    ledger.put_units(&units()).await.unwrap();
    let bodies: Vec<_> = (0..5000).map(|n| format!("message {n:050}")).collect();
    open_queue(&paths[1]).unwrap().send(&bodies).await.unwrap();
    paths
}

/// Opens the file as the next process would and reads every row; returns the first error.
async fn use_file(path: &Path) -> Result<usize, PortError> {
    if path.ends_with("ledger.sqlite") {
        let ledger = open_ledger(path)?;
        ledger.runs().await?;
        return Ok(ledger.units(run().id, 0, UNITS).await?.len());
    }
    let queue = open_queue(path)?;
    let mut messages = 0;
    while queue.receive(Duration::ZERO, Duration::from_secs(600)).await?.is_some() {
        messages += 1;
    }
    Ok(messages)
}

type Damage = fn(&mut Vec<u8>);

const DAMAGES: [(&str, Damage); 6] = [
    ("garbage", |bytes| bytes.fill(0xa5)),
    ("a text file", |bytes| {
        *bytes = b"this was a database once\n".repeat(400);
    }),
    ("cut to half", |bytes| bytes.truncate(bytes.len() / 2)),
    ("cut within a page", |bytes| {
        bytes.truncate(bytes.len() / 2 + 1000);
    }),
    ("a header of zeros", |bytes| bytes[..100].fill(0)),
    ("a middle of zeros", |bytes| {
        let (from, to) = (bytes.len() / 4, bytes.len() * 3 / 4);
        bytes[from..to].fill(0);
    }),
];

#[tokio::test]
async fn a_damaged_file_is_reported_with_a_remedy() {
    for (name, damage) in DAMAGES {
        let folder = TempDir::new().unwrap();
        for path in fill(folder.path()).await {
            let mut bytes = fs::read(&path).unwrap();
            damage(&mut bytes);
            fs::write(&path, &bytes).unwrap();
            let error = use_file(&path).await.expect_err(name);
            assert_eq!(error.class, Class::Permanent, "{name}: {error}");
            let text = error.to_string();
            let place = path.display().to_string();
            assert!(text.contains(&place) && text.contains("move"), "{name}: {text}");
            assert!(!text.contains('\n') && !text.contains("  "), "{name}: {text}");
            // The file is kept for inspection; no new one was started.
            use_file(&path).await.expect_err("the second time it opens");
            assert!(fs::read(&path).unwrap().len() >= bytes.len(), "{name}: the file was cut");
        }
    }
}

/// SQLite itself starts with an empty file: it was never used, unless a log next to it shows
/// otherwise.
#[tokio::test]
async fn an_empty_file_is_new_unless_it_has_a_log() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.sqlite");
    fs::write(&path, b"").unwrap();
    assert_eq!(use_file(&path).await.unwrap(), 0);

    let ledger = open_ledger(&path).unwrap();
    ledger.put_run(&run()).await.unwrap();
    let log = folder.path().join("ledger.sqlite-wal");
    let kept = fs::read(&log).unwrap();
    assert!(!kept.is_empty());
    // Like after a kill: the log exists, and the file itself is lost.
    let lost = TempDir::new().unwrap();
    let path = lost.path().join("ledger.sqlite");
    fs::write(&path, b"").unwrap();
    fs::write(lost.path().join("ledger.sqlite-wal"), &kept).unwrap();
    let error = use_file(&path).await.unwrap_err();
    assert_eq!(error.class, Class::Permanent);
    assert!(error.to_string().contains("restore the file"), "{error}");
    assert_eq!(fs::read(lost.path().join("ledger.sqlite-wal")).unwrap(), kept);
}

#[tokio::test]
async fn an_unreadable_row_is_reported() {
    let folder = TempDir::new().unwrap();
    let [path, _] = fill(folder.path()).await;
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute("UPDATE runs SET row = '{\"id\": 3'", []).unwrap();
    drop(database);
    let error = use_file(&path).await.unwrap_err();
    assert_eq!(error.class, Class::Permanent);
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
}

#[test]
fn what_cannot_be_opened_is_not_called_damaged() {
    let folder = TempDir::new().unwrap();
    for place in ["", "no/such/folder/ledger.sqlite"] {
        let path = folder.path().join(place);
        let error = open_ledger(&path).err().unwrap();
        assert_eq!(error.class, Class::Permanent);
        let text = error.to_string();
        assert!(text.contains("permissions") && !text.contains("damaged"), "{text}");
    }
}

/// Processes that start at the same moment on a machine without any files.
#[test]
fn many_may_open_a_new_file_at_once() {
    for _ in 0..60 {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let start = std::sync::Barrier::new(16);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    start.wait();
                    open_ledger(&path).map(drop).unwrap();
                });
            }
        });
    }
}
