//! `sce watch` and `sce cancel`, and how a waiting command follows a run.

use std::time::Instant;

use anyhow::anyhow;
use sce_cloud::aws::Caller;
use sce_cloud::overlay::Overlay;
use sce_cloud::retry::retry;
use sce_core::cost::Prices;
use sce_core::ids::RunId;
use sce_core::run::Run;

use super::cost::{load_prices, worker_price};
use super::results::say_end;
use crate::cli::{CancelArgs, WatchArgs};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::Project;
use crate::tend::{self, Passed, Tender};
use crate::view::View;

/// `sce watch`
pub(super) async fn watch(
    args: &WatchArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    let project = Project::open(overlay, Caller::Coordinates).await?;
    let run = project.run(&args.run).await?;
    let prices = &load_prices(&args.prices)?;
    let following = Following { workers: args.workers, prices, stats: false };
    wait(&project, run.id, following, output).await
}

/// How a run is followed.
pub(super) struct Following<'a> {
    /// Workers of a further launch [`None`: as many as it was submitted with].
    pub(super) workers: Option<u32>,
    /// What they cost.
    pub(super) prices: &'a Prices,
    /// Whether requests are told at the end.
    pub(super) stats: bool,
}

/// Tends and shows progress until the run has ended and its workers have left.
pub(super) async fn wait(
    project: &Project,
    run: RunId,
    following: Following<'_>,
    output: Output,
) -> Result<Exit, Failure> {
    let tender = project.tender(following.workers.map(|workers| (run, workers)));
    let price = worker_price(project, following.prices).await;
    let mut view = View::new(&project.ports, price);
    let ended = loop {
        let passed = pass(&tender, run, &mut view).await?;
        let Some(row) = retry(|| project.ports.ledger.run(run)).await? else {
            return Err(Failure::infrastructure(anyhow!("run {run} vanished from the ledger")));
        };
        if row.has_ended() {
            break row;
        }
        if let Some(passed) = passed {
            view.look(&row, &passed.live).await?;
        }
        tokio::time::sleep(project.look_every()).await;
    };
    view.finish();
    wait_for_leavers(project, &tender, &ended).await?;
    say_end(project, &ended, following.stats, output).await
}

/// A pass whose failures that may pass are told and left to the next (`None`
/// if it did not get through); one that will not is this command's, if it is
/// this run's.
async fn pass(
    tender: &Tender<'_>,
    run: RunId,
    view: &mut View<'_>,
) -> Result<Option<Passed>, Failure> {
    match tender.pass().await {
        Ok(mut passed) => {
            passed.warnings.iter().for_each(|warning| view.warn(warning));
            for (of, e) in std::mem::take(&mut passed.failed) {
                if of == run {
                    return Err(e.into());
                }
                view.warn(&e.to_string());
            }
            Ok(Some(passed))
        }
        Err(e) if e.is_transient() => {
            view.warn(&e.to_string());
            Ok(None)
        }
        Err(e) => Err(e.into()),
    }
}

/// Workers see the end at their next poll or beat; the last pass tells people
/// that they are gone.
async fn wait_for_leavers(
    project: &Project,
    tender: &Tender<'_>,
    run: &Run,
) -> Result<(), Failure> {
    let start = Instant::now();
    while start.elapsed() < project.leave_wait() {
        let live = retry(|| project.ports.fleet.live()).await?;
        let others = || async { retry(|| project.ports.ledger.runs()).await };
        if live.is_empty() || others().await?.iter().any(Run::is_open) {
            break;
        }
        tokio::time::sleep(project.look_every() / 3).await;
    }
    if run.launches > 0 {
        tender.pass().await?;
    }
    Ok(())
}

/// `sce cancel`
pub(super) async fn cancel(
    args: &CancelArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    let project = Project::open(overlay, Caller::Coordinates).await?;
    let run = project.run(&args.run).await?;
    if tend::cancel(&project.ports, &project.settings.pit, &run).await?.is_err() {
        return Err(Failure::usage(anyhow!(
            "run {} has ended already: nothing was changed",
            run.id
        )));
    }
    output.say(format_args!("run {} is canceled; what it had not processed is free again", run.id));
    if run.launches > 0 {
        let ended = end_workers(&project, args.now).await?;
        if ended > 0 {
            output.say(format_args!("{ended} workers did not leave by themselves and were ended"));
        }
        project.tender(None).pass().await?;
    }
    output.emit(&serde_json::json!({ "run": run.id, "state": "canceled" }));
    Ok(Exit::Done)
}

/// Lets workers leave (or not, with `now`) and ends those that do not, unless
/// another run needs them; answers how many were ended.
async fn end_workers(project: &Project, now: bool) -> Result<usize, Failure> {
    let start = Instant::now();
    loop {
        let runs = retry(|| project.ports.ledger.runs()).await?;
        let live = retry(|| project.ports.fleet.live()).await?;
        if live.is_empty() || runs.iter().any(Run::is_open) {
            return Ok(0);
        }
        if now || start.elapsed() >= project.leave_wait() {
            for instance in &live {
                retry(|| project.ports.fleet.terminate(instance)).await?;
            }
            return Ok(live.len());
        }
        tokio::time::sleep(project.look_every() / 3).await;
    }
}
