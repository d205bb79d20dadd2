//! `sce reap` and `sce intake`, which services on the bastion run.

use std::time::Duration;

use sce_cloud::aws::{Aws, SqsQueue, UnfinishedUpload};
use sce_cloud::caller::Caller;
use sce_cloud::error::PortResult;
use sce_cloud::overlay::Overlay;
use sce_cloud::ports::{Delivery, Instance, WorkQueue};
use sce_cloud::retry::retry;
use sce_core::message::UnitMessage;
use sce_core::names::NameRules;
use sce_core::object::Bucket;
use sce_core::reap::{Sight, Thing, plan_removal};
use sce_core::registry::{Name, Refusal};
use sce_core::run::Run;
use sce_core::upload::{Upload, parse_event};
use serde_json::json;
use tracing::warn;

use crate::cli::{IntakeArgs, ReapArgs};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plural::plural;
use crate::project::Project;

/// Most dead letters deleted in one call.
const DEAD_LETTERS_MAX: usize = 1000;
/// How long a message that is being processed stays invisible to others.
const VISIBILITY: Duration = Duration::from_secs(60);

/// `sce reap`
pub(super) async fn reap(
    args: &ReapArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    sce_cloud::telemetry::start();
    let project = Project::open(overlay, Caller::Coordinates).await?;
    let aws = project.aws("sce reap")?;
    // An error here is returned only at the end: resources that cost money are removed even if a
    // launch is refused.
    let reconciled = if args.dry_run { Ok(0) } else { reconcile(&project).await };
    let first = Look::take(&project, aws).await?;
    tokio::time::sleep(Duration::from_secs(args.grace)).await;
    let second = Look::take(&project, aws).await?;
    let lifetime = Duration::from_secs(project.settings.lifetime_seconds);
    let litter = plan_removal(&first.sight, &second.sight, lifetime);
    let mut failed = 0;
    for thing in &litter {
        let (what, id) = name(thing);
        if !args.dry_run
            && let Err(e) = second.remove(&project, aws, thing).await
        {
            warn!("cannot remove {what} {id}: {e}");
            failed += 1;
            continue;
        }
        let done = if args.dry_run { "would remove" } else { "removed" };
        output.say(format_args!("{done} {what} {id}"));
        output.emit(
            &json!({ "schema_version": 1, "removed": !args.dry_run, "kind": what, "id": id }),
        );
    }
    let letters = if args.dry_run { 0 } else { drop_dead_letters(aws).await? };
    failed += reconciled?;
    // Once more, now that the removed instances are gone: the notice about the last worker may
    // have become due.
    if !args.dry_run {
        failed += reconcile(&project).await?;
    }
    let removed = if args.dry_run { 0 } else { litter.len() };
    let (removed, deleted) =
        (plural(removed as u64, "resource"), plural(letters as u64, "dead letter"));
    output.say(format_args!("{removed} removed, {deleted} deleted"));
    output.emit(&json!({
        "schema_version": 1, "litter": litter.len(), "dead_letters": letters,
        "dry_run": args.dry_run, "failed": failed
    }));
    Ok(if failed == 0 { Exit::Done } else { Exit::Infrastructure })
}

/// Makes one pass of the reconciler. Returns the number of launches that cannot
/// succeed until a user removes the cause.
async fn reconcile(project: &Project) -> Result<usize, Failure> {
    let passed = project.reconciler(None).pass().await?;
    passed.warnings.iter().for_each(|warning| warn!("{warning}; retrying"));
    passed.failed.iter().for_each(|(run, e)| warn!(%run, "{e}"));
    Ok(passed.failed.len())
}

fn name(thing: &Thing) -> (&'static str, &str) {
    match thing {
        Thing::Instance(id) => ("instance", id),
        Thing::Halted(id) => ("stopped instance", id),
        Thing::Volume(id) => ("volume", id),
        Thing::Upload(id) => ("upload", id),
    }
}

/// One look at the resources of the account.
struct Look {
    sight: Sight,
    instances: Vec<Instance>,
    uploads: Vec<UnfinishedUpload>,
}

impl Look {
    async fn take(project: &Project, aws: &Aws) -> PortResult<Self> {
        let mut instances = retry(|| project.ports.fleet.live()).await?;
        let halted = retry(|| aws.fleet.halted()).await?;
        let volumes = retry(|| aws.fleet.stray_volumes()).await?;
        let mut uploads = Vec::new();
        for bucket in Bucket::ALL {
            uploads.extend(retry(|| aws.store.unfinished_uploads(bucket)).await?);
        }
        let instance = |i: &Instance| (Thing::Instance(i.engine_id.clone()), i.launched_at);
        let upload = |u: &UnfinishedUpload| (Thing::Upload(u.id.clone()), u.begun_at);
        let mut things: Vec<_> = instances.iter().map(instance).collect();
        things.extend(halted.iter().map(|i| (Thing::Halted(i.engine_id.clone()), i.launched_at)));
        instances.extend(halted);
        things.extend(volumes.into_iter().map(|id| (Thing::Volume(id), None)));
        things.extend(uploads.iter().map(upload));
        // Runs are read last, so that a run released in the meantime protects its workers.
        let runs = retry(|| project.ports.ledger.runs()).await?;
        let run_open = runs.iter().any(Run::is_open);
        let sight = Sight { at: project.ports.clock.now(), run_open, things };
        Ok(Self { sight, instances, uploads })
    }

    async fn remove(&self, project: &Project, aws: &Aws, thing: &Thing) -> PortResult<()> {
        match thing {
            Thing::Instance(id) | Thing::Halted(id) => {
                let instance = self.instances.iter().find(|instance| instance.engine_id == *id);
                let Some(instance) = instance else { return Ok(()) };
                retry(|| project.ports.fleet.terminate(instance)).await
            }
            Thing::Volume(id) => retry(|| aws.fleet.delete_volume(id)).await,
            Thing::Upload(id) => {
                let upload = self.uploads.iter().find(|upload| upload.id == *id);
                let Some(upload) = upload else { return Ok(()) };
                retry(|| aws.store.abort_upload(upload)).await
            }
        }
    }
}

/// Logs and deletes dead letters. They are only hints: the ledger decides the
/// outcome of their units.
async fn drop_dead_letters(aws: &Aws) -> PortResult<usize> {
    let queue =
        SqsQueue::open(aws.clients.sqs.clone(), &aws.resources.dead_letters_queue()).await?;
    let mut count = 0;
    // Bounded, because the bastion's timer starts the next call anyway.
    while count < DEAD_LETTERS_MAX {
        let Some(letter) = retry(|| queue.receive(Duration::ZERO, VISIBILITY)).await? else {
            break;
        };
        match UnitMessage::parse(&letter.body) {
            Ok(message) => warn!(unit = %message.unit, "dead letter deleted"),
            Err(unreadable) => warn!("dead letter deleted: {unreadable}"),
        }
        retry(|| queue.delete(&letter.receipt)).await?;
        count += 1;
    }
    Ok(count)
}

/// `sce intake`
pub(super) async fn intake(
    args: &IntakeArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    sce_cloud::telemetry::start();
    let caller = if args.own_role { Caller::RegistersUploads } else { Caller::Coordinates };
    let project = Project::open(overlay, caller).await?;
    let aws = project.aws("sce intake")?;
    let queue = SqsQueue::open(aws.clients.sqs.clone(), &aws.resources.uploads_queue()).await?;
    let rules = project.settings.name_rules();
    let poll = if args.once { Duration::from_secs(1) } else { project.settings.poll() };
    let mut counts = IntakeCounts::default();
    loop {
        let Some(delivery) = retry(|| queue.receive(poll, VISIBILITY)).await? else {
            if args.once {
                break;
            }
            continue;
        };
        match handle_event(&project, aws, &rules, &delivery, &mut counts).await {
            Ok(()) => retry(|| queue.delete(&delivery.receipt)).await?,
            // Not deleted: the queue delivers it again, until it expires.
            Err(e) => warn!("cannot handle event: {e}"),
        }
    }
    let IntakeCounts { registered, refused, ignored } = counts;
    output.say(format_args!(
        "{} registered, {} refused, {} ignored",
        plural(registered, "object"),
        plural(refused, "name"),
        plural(ignored, "event")
    ));
    output.emit(&json!({
        "schema_version": 1, "registered": registered, "refused": refused, "ignored": ignored
    }));
    Ok(if refused == 0 { Exit::Done } else { Exit::Unfinished })
}

/// What became of the events so far.
#[derive(Default)]
struct IntakeCounts {
    registered: u64,
    refused: u64,
    ignored: u64,
}

async fn handle_event(
    project: &Project,
    aws: &Aws,
    rules: &NameRules,
    delivery: &Delivery,
    counts: &mut IntakeCounts,
) -> PortResult<()> {
    let uploads = match parse_event(&delivery.body) {
        Ok(uploads) => uploads,
        Err(unreadable) => {
            // It will never become readable, so it counts as handled and is deleted.
            warn!("{unreadable} deleted");
            counts.ignored += 1;
            return Ok(());
        }
    };
    for upload in uploads {
        if upload.bucket == aws.resources.bucket(Bucket::Data) {
            register(project, rules, upload, counts).await?;
        } else {
            counts.ignored += 1;
        }
    }
    Ok(())
}

/// Registers the current version of an object, so that the order of events does
/// not matter.
async fn register(
    project: &Project,
    rules: &NameRules,
    upload: Upload,
    counts: &mut IntakeCounts,
) -> PortResult<()> {
    let (ports, at) = (&project.ports, project.ports.clock.now());
    let key = match rules.parse(&upload.name) {
        Ok(key) => key,
        Err(rule) => {
            // The name may contain PHI, so only the bucket and the event's sequencer are kept.
            let Upload { bucket, sequencer, .. } = upload;
            warn!(%bucket, %sequencer, "name refused: {rule}");
            counts.refused += 1;
            let refusal = Refusal { bucket, sequencer, rule: rule.to_string(), at };
            return retry(|| ports.ledger.note_refusal(&refusal)).await;
        }
    };
    // The object may have been deleted since the event.
    let Some(object) = retry(|| ports.objects.head(Bucket::Data, &key)).await? else {
        counts.ignored += 1;
        return Ok(());
    };
    let name = Name { object, registered_at: at, run: None };
    retry(|| ports.ledger.register(&name)).await?;
    counts.registered += 1;
    Ok(())
}
