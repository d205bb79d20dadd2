//! `sce run` and `sce retry`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use sce_cloud::aws::Caller;
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
use crate::cli::{FleetArgs, RetryArgs, RunArgs};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::Project;
use crate::submit::{Plan, submit};

/// Longest manifest file read, in bytes (1 GiB).
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
            "tables of people left out: {tables} (list them in --manifest if they hold measurements too)"
        ));
    }
    if names.is_empty() {
        output.say("nothing to do: every such object is processed, or in a run (sce runs lists them); --again repeats");
        output.emit(&serde_json::json!({ "schema_version": 1, "run": null, "state": "empty", "counts": { "objects": 0 } }));
        return Ok(Exit::Done);
    }
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
            "run {} has not ended: sce watch it, or sce cancel it first",
            run.id
        )));
    }
    let missed = processed_objects(&project.ports, &run).await?.not_analysed;
    let mut names = Vec::new();
    for key in missed {
        names.extend(retry(|| project.ports.ledger.name(&key)).await?);
    }
    if names.is_empty() {
        output.say(format_args!("nothing to retry: run {} analysed every object", run.id));
        return Ok(Exit::Done);
    }
    let again = Some(nonce(&project)?);
    let (fleet, detach) = (&args.fleet, args.detach);
    let mut study = run.study.clone();
    // As they are registered now: one may have been put again.
    let keys: Vec<String> = study.side_inputs.iter().map(|table| table.key.to_string()).collect();
    study.side_inputs = tables(&project, &keys).await?;
    let submission = Submission { names, study, again, fleet, detach, stats: false };
    start(&project, submission, output).await
}

/// What to submit, and with how many workers.
struct Submission<'a> {
    names: Vec<Name>,
    study: StudySettings,
    again: Option<String>,
    fleet: &'a FleetArgs,
    detach: bool,
    stats: bool,
}

/// Submits, launches and, unless detached, waits for the end.
async fn start(
    project: &Project,
    submission: Submission<'_>,
    output: Output,
) -> Result<Exit, Failure> {
    let Submission { names, study, again, fleet, detach, stats } = submission;
    let prices = load_prices(&fleet.prices)?;
    let workers = if fleet.no_fleet { 0 } else { fleet.workers };
    if let Some(limit) = fleet.max_hourly_cost {
        check_cost(project, &prices, workers, limit).await?;
    }
    if let Some(aws) = project.aws.as_ref().filter(|_| workers > 0) {
        aws.fleet.check_template().await?;
    }
    let objects = names.iter().map(|name| name.object.clone()).collect();
    let manifest = Manifest::new(objects).map_err(Failure::usage)?;
    let plan = Plan { manifest, study, again, workers };
    let id = plan.digest().run_id();
    let taken = retry(|| project.ports.ledger.take_names(&names, id)).await?;
    if taken < names.len() {
        return Err(Failure::usage(anyhow!(
            "another submission takes some of these objects just now: repeat"
        )));
    }
    let run = submit(&project.ports, &plan).await?;
    output.say(format_args!("run {} of {} objects in {} units", run.id, run.objects, run.units));
    if run.has_ended() {
        let id = run.id;
        eprintln!("sce: this same submission has ended already: sce retry {id}, or submit --again");
    }
    if detach {
        let passed = project.tender(Some((run.id, workers))).pass().await?;
        passed.warnings.iter().for_each(|warning| eprintln!("sce: {warning}; it is tried again"));
        if let Some((_, e)) = passed.failed.into_iter().find(|(of, _)| *of == run.id) {
            return Err(e.into());
        }
        output.say(format_args!("it goes on by itself; follow it with: sce watch {}", run.id));
        output.emit(&serde_json::json!({ "run": run.id, "state": run.status.name() }));
        return Ok(Exit::Done);
    }
    let following = Following { workers: Some(workers), prices: &prices, stats };
    wait(project, run.id, following, output).await
}

/// What a run takes.
struct Selected {
    names: Vec<Name>,
    /// Tables of people that it leaves out.
    tables: u64,
}

/// The tables of people, as they are registered.
async fn tables(project: &Project, keys: &[String]) -> Result<Vec<ObjectRef>, Failure> {
    let mut tables = Vec::new();
    for (number, key) in (1..).zip(keys) {
        let wrong = |cause: String| Failure::usage(anyhow!("--people, table {number}: {cause}"));
        let key = ObjectKey::try_from(key.clone()).map_err(|e| wrong(e.to_string()))?;
        let name = retry(|| project.ports.ledger.name(&key)).await?;
        let name = name.ok_or_else(|| {
            wrong("no object of this name is registered: sce put it first".to_owned())
        })?;
        if tables.iter().any(|known: &ObjectRef| known.key == key) {
            return Err(wrong("it is named twice: name each once".to_owned()));
        }
        tables.push(name.object);
    }
    Ok(tables)
}

/// The names a run takes: free ones, or with `--again` any that no open run
/// has; only those wanted. Tables of people are left out, unless they are
/// listed: they may hold measurements too.
async fn select(
    project: &Project,
    args: &RunArgs,
    wanted: Option<&BTreeSet<ObjectKey>>,
    people: &[ObjectRef],
) -> Result<Selected, Failure> {
    let facts = run_facts(project).await?;
    let mut tables = 0;
    let mut selected = Vec::new();
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
            "{} objects of the manifest are not registered (or outside --prefix): sce put them first",
            wanted.len() - found
        ))),
        _ => Ok(Selected { names: selected, tables }),
    }
}

pub(super) async fn run_facts(project: &Project) -> Result<RunFacts, Failure> {
    let mut facts = RunFacts::of(retry(|| project.ports.ledger.runs()).await?);
    let unfinished: Vec<Run> = facts.unfinished().cloned().collect();
    for run in unfinished {
        facts.processed.insert(run.id, processed_objects(&project.ports, &run).await?.processed);
    }
    Ok(facts)
}

/// A manifest file: one key a line; empty lines are left out.
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
                "{} line {line}: this object is listed already: list each once",
                path.display()
            ));
        }
    }
    Ok(keys)
}

fn nonce(project: &Project) -> Result<String, Failure> {
    Ok(sce_core::ids::OwnerId::new(project.ports.random_id()?).to_string())
}
