//! `sce run` and `sce retry`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use sce_cloud::caller::Caller;
use sce_cloud::overlay::Overlay;
use sce_cloud::retry::retry;
use sce_core::manifest::Manifest;
use sce_core::object::{ObjectKey, ObjectRef};
use sce_core::registry::{Name, RunFacts, Standing};
use sce_core::run::Run;
use sce_core::study::StudySettings;

use super::cost::{check_cost, load_prices};
use super::results::processed_objects;
use super::watch::{Following, wait};
use crate::aws::check_template;
use crate::cli::{FleetArgs, RetryArgs, RunArgs};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plural::plural;
use crate::project::Project;
use crate::submit::{Plan, submit};

/// Longest manifest file that is read, in bytes (1 GiB).
const MANIFEST_MAX_BYTES: u64 = 1 << 30;
/// Names read at a time.
pub(super) const NAMES_PAGE: u32 = 10_000;

/// `sce run`
pub(super) async fn run(
    args: &RunArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    let project = Project::open(overlay, Caller::Coordinates).await?;
    let wanted = args.manifest.as_deref().map(load_manifest).transpose().map_err(Failure::usage)?;
    let people = tables(&project, &args.people).await?;
    let Selected { names, tables } = select(&project, args, wanted.as_ref(), &people).await?;
    if tables > 0 {
        output.say(format_args!(
            "tables of people left out: {tables} (if they also contain measurements, list them in --manifest)"
        ));
    }
    if names.is_empty() {
        output.say("nothing to do: every selected object is processed or in a run (see `sce runs`); use --again to repeat");
        output.emit(&serde_json::json!({ "schema_version": 1, "run": null, "state": "empty", "counts": { "objects": 0 } }));
        return Ok(Exit::Done);
    }
    // Without the nonce, the same objects and settings would give the id of the earlier run.
    let again = if args.again { Some(nonce(&project)?) } else { None };
    let mut study = project.settings.study.clone();
    if let Some(format) = &args.format {
        study.settings.insert("format".to_owned(), format.as_str().into());
    }
    study.side_inputs = people;
    let (fleet, detach, stats) = (&args.fleet, args.detach, args.stats);
    let submission = Submission { names, study, again, fleet, detach, stats };
    start(&project, submission, output).await
}

/// `sce retry`
pub(super) async fn retry_run(
    args: &RetryArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    let project = Project::open(overlay, Caller::Coordinates).await?;
    let run = project.run(&args.run).await?;
    if !run.has_ended() {
        return Err(Failure::usage(anyhow!(
            "run {id} has not ended: wait with `sce watch {id}`, or end it with `sce cancel {id}`",
            id = run.id
        )));
    }
    let missed = processed_objects(&project.ports, &run).await?.not_analyzed;
    let mut names = Vec::new();
    for key in missed {
        // The names as registered now: a quarantined object may have been put again.
        names.extend(retry(|| project.ports.ledger.name(&key)).await?);
    }
    if names.is_empty() {
        output.say(format_args!("nothing to retry: run {} analyzed every object", run.id));
        return Ok(Exit::Done);
    }
    let again = Some(nonce(&project)?);
    let (fleet, detach) = (&args.fleet, args.detach);
    let mut study = run.study.clone();
    // The tables as registered now, for the same reason.
    let keys: Vec<String> = study.side_inputs.iter().map(|table| table.key.to_string()).collect();
    study.side_inputs = tables(&project, &keys).await?;
    let submission = Submission { names, study, again, fleet, detach, stats: false };
    start(&project, submission, output).await
}

/// A submission and its workers.
struct Submission<'a> {
    names: Vec<Name>,
    study: StudySettings,
    again: Option<String>,
    fleet: &'a FleetArgs,
    detach: bool,
    stats: bool,
}

/// Submits a run, launches its workers and, unless detached, waits for its end.
async fn start(
    project: &Project,
    submission: Submission<'_>,
    output: Output,
) -> Result<Exit, Failure> {
    let Submission { names, study, again, fleet, detach, stats } = submission;
    // Prices and launch template are checked before anything is written: a refusal leaves no run.
    let prices = load_prices(&fleet.prices)?;
    let workers = if fleet.no_fleet { 0 } else { fleet.workers };
    if let Some(limit) = fleet.max_hourly_cost {
        check_cost(project, &prices, workers, limit).await?;
    }
    if let Some(aws) = project.aws.as_ref().filter(|_| workers > 0) {
        check_template(aws).await?;
    }
    let objects = names.iter().map(|name| name.object.clone()).collect();
    let manifest = Manifest::new(objects).map_err(Failure::usage)?;
    let plan = Plan { manifest, study, again, workers };
    let id = plan.digest().run_id();
    // Names before the run, so that two submissions cannot analyze the same object. If this one
    // is interrupted here, the names refer to no run, or to a draft, and count as free.
    let taken = retry(|| project.ports.ledger.take_names(&names, id)).await?;
    if taken < names.len() {
        return Err(Failure::usage(anyhow!(
            "another submission is taking some of these objects: repeat the command"
        )));
    }
    let run = submit(&project.ports, &plan).await?;
    let (objects, units) = (plural(run.objects, "object"), plural(run.units.into(), "unit"));
    output.say(format_args!("run {}: {objects} in {units}", run.id));
    if run.has_ended() {
        let id = run.id;
        eprintln!(
            "sce: this submission has already ended: use `sce retry {id}`, or submit it with --again"
        );
    }
    if detach {
        // One pass launches the workers; nothing follows the run afterwards.
        let passed = project.reconciler(Some((run.id, workers))).pass().await?;
        passed.warnings.iter().for_each(|warning| eprintln!("sce: {warning}; retrying"));
        if let Some((_, e)) = passed.failed.into_iter().find(|(of, _)| *of == run.id) {
            return Err(e.into());
        }
        output.say(format_args!("the run continues; follow it with: sce watch {}", run.id));
        output.emit(&serde_json::json!({ "run": run.id, "state": run.status.name() }));
        return Ok(Exit::Done);
    }
    let following = Following { workers: Some(workers), prices: &prices, stats };
    wait(project, run.id, following, output).await
}

/// The objects selected for a run.
struct Selected {
    names: Vec<Name>,
    /// Number of tables of people that were left out.
    tables: u64,
}

/// Looks up the tables of people in the registry.
async fn tables(project: &Project, keys: &[String]) -> Result<Vec<ObjectRef>, Failure> {
    let mut tables = Vec::new();
    for (number, key) in (1..).zip(keys) {
        let wrong = |cause: String| Failure::usage(anyhow!("--people, table {number}: {cause}"));
        let key = ObjectKey::try_from(key.clone()).map_err(|e| wrong(e.to_string()))?;
        let name = retry(|| project.ports.ledger.name(&key)).await?;
        let name = name.ok_or_else(|| {
            wrong("no object of this name is registered: put it first with `sce put`".to_owned())
        })?;
        if tables.iter().any(|known: &ObjectRef| known.key == key) {
            return Err(wrong("it is named twice: name each table once".to_owned()));
        }
        tables.push(name.object);
    }
    Ok(tables)
}

/// Selects the names for a run: free ones, or with `--again` all that no open
/// run has; with a manifest, only those listed. Tables of people are left out
/// unless they are listed, because they may contain measurements too.
async fn select(
    project: &Project,
    args: &RunArgs,
    wanted: Option<&BTreeSet<ObjectKey>>,
    people: &[ObjectRef],
) -> Result<Selected, Failure> {
    let facts = run_facts(project).await?;
    let mut tables = 0;
    let mut selected = Vec::new();
    // Counts the listed objects that exist, so that a missing one is an error and not left out.
    let mut found = 0;
    let mut after: Option<ObjectKey> = None;
    loop {
        let page =
            retry(|| project.ports.ledger.names(&args.prefix, after.as_ref(), NAMES_PAGE)).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.object.key.clone());
        for name in page {
            if wanted.is_some_and(|wanted| !wanted.contains(&name.object.key)) {
                continue;
            }
            found += 1;
            let is_table = people.contains(&name.object) || facts.is_table(&name);
            if is_table && wanted.is_none() {
                tables += 1;
                continue;
            }
            match facts.standing(&name) {
                Standing::Free => selected.push(name),
                Standing::Processed if args.again => selected.push(name),
                Standing::Processed | Standing::Taken => {}
            }
        }
    }
    match wanted {
        Some(wanted) if found < wanted.len() => Err(Failure::usage(anyhow!(
            "manifest: {} not registered or outside --prefix: run `sce put` first",
            plural((wanted.len() - found) as u64, "object")
        ))),
        _ => Ok(Selected { names: selected, tables }),
    }
}

pub(super) async fn run_facts(project: &Project) -> Result<RunFacts, Failure> {
    let mut facts = RunFacts::of(retry(|| project.ports.ledger.runs()).await?);
    // Units are read only for runs that ended early: a run that is done has processed all objects.
    let unfinished: Vec<Run> = facts.unfinished().cloned().collect();
    for run in unfinished {
        facts.processed.insert(run.id, processed_objects(&project.ports, &run).await?.processed);
    }
    Ok(facts)
}

/// Loads a manifest file: one key per line; empty lines are skipped.
fn load_manifest(path: &Path) -> anyhow::Result<BTreeSet<ObjectKey>> {
    let read = || format!("read {}", path.display());
    let facts = fs::metadata(path).with_context(read)?;
    if !facts.is_file() || facts.len() > MANIFEST_MAX_BYTES {
        return Err(anyhow!("{} is not a list of keys (a file of at most 1 GiB)", path.display()));
    }
    let text = fs::read_to_string(path).with_context(read)?;
    let mut keys = BTreeSet::new();
    for (line, key) in (1..).zip(text.lines()).filter(|(_, key)| !key.trim().is_empty()) {
        let key = ObjectKey::try_from(key.trim().to_owned())
            .map_err(|e| anyhow!("{} line {line}: {e}", path.display()))?;
        if !keys.insert(key) {
            return Err(anyhow!(
                "{} line {line}: this object is already listed: list each object once",
                path.display()
            ));
        }
    }
    Ok(keys)
}

fn nonce(project: &Project) -> Result<String, Failure> {
    Ok(sce_core::ids::OwnerId::new(project.ports.random_id()?).to_string())
}
