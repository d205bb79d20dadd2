//! The adapters that must pass: for each port, a function that creates every
//! adapter, new and empty, on this machine and on each emulator of AWS.

use std::path::PathBuf;
use std::sync::Arc;

use sce_cloud::aws::{DynamoLedger, KmsKeys, SnsTopic, SqsQueue};
use sce_cloud::faults::MemoryStore;
use sce_cloud::local::{
    DirectoryStore, FileKeys, Maildir, SqliteLedger, SqliteQueue, create_key_file,
};
use sce_cloud::ports::{KeyService, Ledger, Notifier, ObjectStore, WorkQueue};
use sce_cloud::system::{SystemClock, SystemEntropy};
use sce_core::limits::Budgets;
use sce_testkit::{Emulator, Kind};
use tempfile::TempDir;

pub use crate::books::lease;
use crate::project::Project;

/// Creates a new project on each emulator, used without the proxy.
pub async fn projects() -> Vec<Project> {
    let mut all = Vec::new();
    for kind in [Kind::Ministack, Kind::Moto] {
        let emulator = Emulator::shared(kind);
        all.push(Project::on(emulator, emulator.direct()).await);
    }
    all
}

/// How often each adapter is opened, like by as many processes.
const DOORS: usize = 4;

/// An adapter, opened several times on the same data.
pub struct Candidate<P: ?Sized> {
    /// Shown when a check fails.
    pub name: &'static str,
    /// Each opened separately; a change through one is visible through all.
    pub doors: Vec<Arc<P>>,
    /// Where the data is, if it is deleted with the adapter.
    pub home: TempDir,
}

impl<P: ?Sized> Candidate<P> {
    fn new(name: &'static str, open: impl Fn(&TempDir) -> Arc<P>) -> Self {
        let home = TempDir::new().unwrap();
        let doors = (0..DOORS).map(|_| open(&home)).collect();
        Self { name, doors, home }
    }

    /// The port, for checks that need one connection only.
    pub fn port(&self) -> &P {
        self.doors[0].as_ref()
    }
}

/// Creates every object store.
pub async fn stores() -> Vec<Candidate<dyn ObjectStore>> {
    let memory = MemoryStore::default();
    let mut all = vec![
        Candidate::<dyn ObjectStore>::new("directory", |home| {
            Arc::new(DirectoryStore::open(home.path()).unwrap())
        }),
        Candidate::<dyn ObjectStore>::new("memory", |_| Arc::new(memory.clone())),
    ];
    for project in projects().await {
        let (store, _) = project.make_store().await;
        all.push(Candidate::<dyn ObjectStore>::new(project.name, |_| store.clone()));
    }
    all
}

/// Creates every queue.
pub async fn queues() -> Vec<Candidate<dyn WorkQueue>> {
    let mut all = vec![Candidate::<dyn WorkQueue>::new("sqlite", |home| {
        let path = home.path().join("queue.sqlite");
        Arc::new(SqliteQueue::open(&path, Arc::new(SystemClock)).unwrap())
    })];
    for project in projects().await {
        let name = project.resources.units_queue();
        project.make_queue(&name).await;
        let queue = SqsQueue::open(project.clients.sqs.clone(), &name).await.unwrap();
        all.push(Candidate::<dyn WorkQueue>::new(project.name, |_| Arc::new(queue.clone())));
    }
    all
}

/// Creates every ledger.
pub async fn ledgers() -> Vec<Candidate<dyn Ledger>> {
    let mut all = vec![Candidate::<dyn Ledger>::new("sqlite", |home| {
        let path = home.path().join("ledger.sqlite");
        Arc::new(SqliteLedger::open(&path, lease(), Budgets::default()).unwrap())
    })];
    for project in projects().await {
        project.make_table().await;
        all.push(Candidate::<dyn Ledger>::new(project.name, |_| {
            let (client, table) = (project.clients.dynamodb.clone(), project.resources.table());
            Arc::new(DynamoLedger::new(client, table, lease(), Budgets::default()))
        }));
    }
    all
}

/// A notifier, and the place where its notices arrive.
pub struct Notified {
    pub name: &'static str,
    pub notifiers: Candidate<dyn Notifier>,
    pub mailbox: Mailbox,
}

/// The place where a user would read notices.
pub enum Mailbox {
    /// Mails in this folder.
    Folder(PathBuf),
    /// A queue that is subscribed to the topic.
    Queue(SqsQueue),
}

/// Creates every notifier.
pub async fn notifiers() -> Vec<Notified> {
    let maildir = Candidate::<dyn Notifier>::new("maildir", |home| {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        Arc::new(Maildir::open(home.path(), "someone@example.org", clock, entropy).unwrap())
    });
    let mailbox = Mailbox::Folder(maildir.home.path().to_owned());
    let mut all = vec![Notified { name: maildir.name, notifiers: maildir, mailbox }];
    for project in projects().await {
        let mailbox = Mailbox::Queue(subscribe(&project).await);
        let notifiers = Candidate::<dyn Notifier>::new(project.name, |_| {
            Arc::new(SnsTopic::new(project.clients.sns.clone(), project.resources.topic_arn()))
        });
        all.push(Notified { name: project.name, notifiers, mailbox });
    }
    all
}

/// Creates the project's topic, with a queue in place of a user's mailbox.
async fn subscribe(project: &Project) -> SqsQueue {
    let (sns, pit) = (&project.clients.sns, &project.resources.pit);
    let topic = sns.create_topic().name(format!("{pit}-notices")).send().await.unwrap();
    assert_eq!(topic.topic_arn.unwrap(), project.resources.topic_arn());
    let name = format!("{pit}-mailbox");
    project.make_queue(&name).await;
    let queue = project.resources.topic_arn().replace("notices", "mailbox").replace("sns", "sqs");
    let subscribe = sns.subscribe().topic_arn(project.resources.topic_arn()).protocol("sqs");
    subscribe.endpoint(queue).send().await.unwrap();
    SqsQueue::open(project.clients.sqs.clone(), &name).await.unwrap()
}

/// A key service and another of its kind, with another key.
pub struct Keyring {
    pub name: &'static str,
    pub ours: Arc<dyn KeyService>,
    pub others: Arc<dyn KeyService>,
    _home: TempDir,
}

/// Creates every key service.
pub async fn keyrings() -> Vec<Keyring> {
    let home = TempDir::new().unwrap();
    let file = |name: &str| {
        let path = home.path().join(name);
        create_key_file(&path, &SystemEntropy).unwrap();
        let pit = "hipaa".parse().unwrap();
        Arc::new(FileKeys::open(&path, &pit, Arc::new(SystemEntropy)).unwrap())
    };
    let (ours, others) = (file("homer.key"), file("marge.key"));
    let mut all = vec![Keyring { name: "file", ours, others, _home: home }];
    for project in projects().await {
        let kms = &project.clients.kms;
        let other = kms.create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap();
        let ours = Arc::new(KmsKeys::new(kms.clone(), project.make_key().await));
        let others = Arc::new(KmsKeys::new(kms.clone(), other));
        all.push(Keyring { name: project.name, ours, others, _home: TempDir::new().unwrap() });
    }
    all
}

/// Two concurrent writes with the same condition can both succeed.
const MOTO_RACES: &str = "its transactions are not isolated from each other";

/// Checks that are left out because an emulator cannot pass them, and why.
const GAPS: [(&str, &str, &str); 13] = [
    ("moto", "one_claim_wins", MOTO_RACES),
    ("moto", "one_takeover_wins", MOTO_RACES),
    ("moto", "one_commit_wins", MOTO_RACES),
    ("moto", "one_finalization_wins", MOTO_RACES),
    ("moto", "one_end_wins", MOTO_RACES),
    ("moto", "one_launch_wins", MOTO_RACES),
    ("moto", "many_claims_and_commits_lose_nothing", MOTO_RACES),
    ("moto", "submissions_at_once_are_one", MOTO_RACES),
    (
        "moto",
        "a_stale_receipt_does_nothing",
        "it deletes a message by any receipt that the message ever had",
    ),
    ("moto", "an_upload_has_its_age", "every upload of it began in 2010"),
    (
        "moto",
        "a_relabeled_key_is_a_wrong_key",
        "it answers AccessDenied where KMS says IncorrectKey",
    ),
    ("ministack", "a_relabeled_key_is_a_wrong_key", "it opens it, into another data key"),
    ("ministack", "a_damaged_key_is_a_wrong_key", "it opens it, into another data key"),
];

/// True if a check is left out for a candidate; the reason is printed.
pub fn is_gap(check: &str, candidate: &str) -> bool {
    let gap = GAPS.iter().find(|(of, name, _)| *of == candidate && *name == check);
    if let Some((_, _, reason)) = gap {
        eprintln!("left out: {check} on {candidate}: {reason}");
    }
    gap.is_some()
}

/// Makes a test of each check, over all candidates of its port.
macro_rules! every {
    ($candidates:ident holds $($check:ident)+) => {
        mod every {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $check() {
                    for candidate in crate::candidates::$candidates().await {
                        if crate::candidates::is_gap(stringify!($check), candidate.name) {
                            continue;
                        }
                        eprintln!("candidate: {}", candidate.name);
                        super::$check(&candidate).await;
                    }
                }
            )+
        }
    };
}
pub(crate) use every;
