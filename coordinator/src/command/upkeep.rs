//! `sce reap` and `sce intake`, which the bastion runs by itself.

use std::time::Duration;

use sce_cloud::aws::{Aws, Caller, SqsQueue, UnfinishedUpload};
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
use crate::project::Project;

/// Dead letters looked at in one pass.
const DEAD_LETTERS_MAX: usize = 1000;
/// How long a message that is being worked on stays invisible to others.
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
    // What must be removed is removed even where a launch is refused.
    let tended = if args.dry_run { Ok(0) } else { tend(&project).await };
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
            warn!("{what} {id} is not removed: {e}");
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
    failed += tended?;
    if !args.dry_run {
        failed += tend(&project).await?;
    }
    let removed = if args.dry_run { 0 } else { litter.len() };
    output.say(format_args!("{removed} things removed, {letters} dead letters deleted"));
    output.emit(&json!({
        "schema_version": 1, "litter": litter.len(), "dead_letters": letters,
        "dry_run": args.dry_run, "failed": failed
    }));
    Ok(if failed == 0 { Exit::Done } else { Exit::Infrastructure })
}

/// One pass; how many launches will not succeed by themselves.
async fn tend(project: &Project) -> Result<usize, Failure> {
    let passed = project.tender(None).pass().await?;
    passed.warnings.iter().for_each(|warning| warn!("{warning}; it is tried again"));
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

/// One look at what there is.
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
        // Last, so that a run released meanwhile spares its workers.
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

/// Logs and deletes dead letters: they are hints that nobody could follow, and
/// the ledger alone decides what becomes of their units.
async fn drop_dead_letters(aws: &Aws) -> PortResult<usize> {
    let queue =
        SqsQueue::open(aws.clients.sqs.clone(), &aws.resources.dead_letters_queue()).await?;
    let mut count = 0;
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
    let mut counts = Taken::default();
    loop {
        let Some(delivery) = retry(|| queue.receive(poll, VISIBILITY)).await? else {
            if args.once {
                break;
            }
            continue;
        };
        match take(&project, aws, &rules, &delivery, &mut counts).await {
            Ok(()) => retry(|| queue.delete(&delivery.receipt)).await?,
            // It comes back; the queue gives it up in the end.
            Err(e) => warn!("event not handled: {e}"),
        }
    }
    let Taken { registered, refused, ignored } = counts;
    output.say(format_args!(
        "{registered} objects registered, {refused} names refused, {ignored} events ignored"
    ));
    output.emit(&json!({
        "schema_version": 1, "registered": registered, "refused": refused, "ignored": ignored
    }));
    Ok(if refused == 0 { Exit::Done } else { Exit::Unfinished })
}

#[derive(Default)]
struct Taken {
    registered: u64,
    refused: u64,
    ignored: u64,
}

async fn take(
    project: &Project,
    aws: &Aws,
    rules: &NameRules,
    delivery: &Delivery,
    counts: &mut Taken,
) -> PortResult<()> {
    let uploads = match parse_event(&delivery.body) {
        Ok(uploads) => uploads,
        Err(unreadable) => {
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

/// Registers what lies there now, whatever the order of events.
async fn register(
    project: &Project,
    rules: &NameRules,
    upload: Upload,
    counts: &mut Taken,
) -> PortResult<()> {
    let (ports, at) = (&project.ports, project.ports.clock.now());
    let key = match rules.parse(&upload.name) {
        Ok(key) => key,
        Err(rule) => {
            let Upload { bucket, sequencer, .. } = upload;
            warn!(%bucket, %sequencer, "name refused: {rule}");
            counts.refused += 1;
            let refusal = Refusal { bucket, sequencer, rule: rule.to_string(), at };
            return retry(|| ports.ledger.note_refusal(&refusal)).await;
        }
    };
    let Some(object) = retry(|| ports.objects.head(Bucket::Data, &key)).await? else {
        counts.ignored += 1;
        return Ok(());
    };
    let name = Name { object, registered_at: at, run: None };
    retry(|| ports.ledger.register(&name)).await?;
    counts.registered += 1;
    Ok(())
}
