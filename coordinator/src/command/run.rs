//! `sce run`, `watch`, `retry` and `cancel`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use sce_cloud::overlay::Overlay;
use sce_cloud::retry::retry;
use sce_core::ids::RunId;
use sce_core::manifest::Manifest;
use sce_core::object::ObjectKey;
use sce_core::registry::{Name, RunFacts, Standing};
use sce_core::run::Run;

use super::results::{processed_objects, say_end};
use crate::cli::{RetryArgs, RunArgs, WatchArgs};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::progress::Progress;
use crate::project::Project;
use crate::submit::{Plan, SubmitError, submit};
use crate::tend;

/// How often a waiting command looks.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How long it waits, after the end, for workers to leave.
const LEAVE_WAIT: Duration = Duration::from_secs(10);
/// Longest manifest file read, in bytes (1 GiB).
const MANIFEST_MAX_BYTES: u64 = 1 << 30;
/// Names read at a time.
const PAGE: u32 = 10_000;

/// `sce run`
pub(super) async fn run(
    args: &RunArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    let project = Project::open(overlay)?;
    let wanted = args.manifest.as_deref().map(load_manifest).transpose().map_err(Failure::usage)?;
    let names = select(&project, args, wanted.as_ref()).await?;
    if names.is_empty() {
        output.say("nothing to do: every such object is processed, or in a run (sce runs lists them); --again repeats");
        output.emit(&serde_json::json!({ "schema_version": 1, "run": null, "state": "empty", "counts": { "objects": 0 } }));
        return Ok(Exit::Done);
    }
    let again = if args.again { Some(nonce(&project)?) } else { None };
    start(&project, names, again, args.workers, args.detach, output).await
}

/// `sce watch`
pub(super) async fn watch(
    args: &WatchArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    let project = Project::open(overlay)?;
    let run = project.run(&args.run).await?;
    wait(&project, run.id, args.workers, output).await
}

/// `sce retry`
pub(super) async fn retry_run(
    args: &RetryArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    let project = Project::open(overlay)?;
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
    let again = nonce(&project)?;
    start(&project, names, Some(again), args.workers, args.detach, output).await
}

/// `sce cancel`
pub(super) async fn cancel(name: &str, overlay: &Overlay, output: Output) -> Result<Exit, Failure> {
    let project = Project::open(overlay)?;
    let run = project.run(name).await?;
    match tend::cancel(&project.ports, &project.settings.pit, &run).await? {
        Ok(()) => {
            output.say(format_args!(
                "run {} is canceled; what it had not processed is free again",
                run.id
            ));
            output.emit(&serde_json::json!({ "run": run.id, "state": "canceled" }));
            Ok(Exit::Done)
        }
        Err(_) => {
            Err(Failure::usage(anyhow!("run {} has ended already: nothing was changed", run.id)))
        }
    }
}

/// Submits, launches and, unless detached, waits for the end.
async fn start(
    project: &Project,
    names: Vec<Name>,
    again: Option<String>,
    workers: u32,
    detach: bool,
    output: Output,
) -> Result<Exit, Failure> {
    let objects = names.iter().map(|name| name.object.clone()).collect();
    let manifest = Manifest::new(objects).map_err(Failure::usage)?;
    let plan = Plan { manifest, study: project.settings.study.clone(), again };
    let id = plan.digest().run_id();
    let taken = retry(|| project.ports.ledger.take_names(&names, id)).await?;
    if taken < names.len() {
        return Err(Failure::usage(anyhow!(
            "another submission takes some of these objects just now: repeat"
        )));
    }
    let run = match submit(&project.ports, &plan).await {
        Ok(run) => run,
        Err(SubmitError::Port(e)) => return Err(e.into()),
        Err(e) => return Err(e.into()),
    };
    output.say(format_args!("run {} of {} objects in {} units", run.id, run.objects, run.units));
    if detach {
        project.tender(workers).pass().await?;
        output.say(format_args!("it goes on by itself; follow it with: sce watch {}", run.id));
        output.emit(&serde_json::json!({ "run": run.id, "state": run.status.name() }));
        return Ok(Exit::Done);
    }
    wait(project, run.id, workers, output).await
}

/// Tends and shows progress until the run has ended and its workers have left.
async fn wait(
    project: &Project,
    run: RunId,
    workers: u32,
    output: Output,
) -> Result<Exit, Failure> {
    let tender = project.tender(workers);
    let mut progress: Option<Progress> = None;
    let ended = loop {
        tender.pass().await?;
        let Some(row) = retry(|| project.ports.ledger.run(run)).await? else {
            return Err(Failure::infrastructure(anyhow!("run {run} vanished from the ledger")));
        };
        if row.has_ended() {
            break row;
        }
        let left = retry(|| project.ports.ledger.left(run)).await?;
        let done = u64::from(row.units).saturating_sub(left);
        progress.get_or_insert_with(|| Progress::new("units done", row.units.into())).set(done);
        tokio::time::sleep(LOOK_EVERY).await;
    };
    if let Some(progress) = progress {
        progress.finish();
    }
    wait_for_leavers(project).await?;
    say_end(project, &ended, output).await
}

/// Workers see the end at their next poll; give them a moment.
async fn wait_for_leavers(project: &Project) -> Result<(), Failure> {
    let start = Instant::now();
    let open = retry(|| project.ports.ledger.runs()).await?.iter().any(Run::is_open);
    while !open && start.elapsed() < LEAVE_WAIT && !project.ports.fleet.live().await?.is_empty() {
        tokio::time::sleep(LOOK_EVERY / 3).await;
    }
    Ok(())
}

/// The names a run takes: free ones, or with `--again` any that no open run
/// has; only those wanted.
async fn select(
    project: &Project,
    args: &RunArgs,
    wanted: Option<&BTreeSet<ObjectKey>>,
) -> Result<Vec<Name>, Failure> {
    let facts = run_facts(project).await?;
    let mut selected = Vec::new();
    let mut found = 0;
    let mut after: Option<ObjectKey> = None;
    loop {
        let page = retry(|| project.ports.ledger.names(&args.prefix, after.as_ref(), PAGE)).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.object.key.clone());
        for name in page {
            if wanted.is_some_and(|wanted| !wanted.contains(&name.object.key)) {
                continue;
            }
            found += 1;
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
        _ => Ok(selected),
    }
}

async fn run_facts(project: &Project) -> Result<RunFacts, Failure> {
    let runs = retry(|| project.ports.ledger.runs()).await?;
    let mut processed = BTreeMap::new();
    for run in RunFacts::unfinished(&runs) {
        processed.insert(run.id, processed_objects(&project.ports, run).await?.processed);
    }
    Ok(RunFacts { runs: runs.into_iter().map(|run| (run.id, run)).collect(), processed })
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
