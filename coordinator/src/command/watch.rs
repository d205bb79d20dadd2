//! `sce watch` and `sce cancel`, and the loop that follows a run.

use std::time::Instant;

use anyhow::anyhow;
use sce_cloud::caller::Caller;
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
use crate::plural::plural;
use crate::project::Project;
use crate::reconcile::{self, Passed, Reconciler};
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

/// The settings for following a run.
pub(super) struct Following<'a> {
    /// Number of workers of a further launch; `None` for as many as the run was
    /// submitted with.
    pub(super) workers: Option<u32>,
    /// The prices of workers.
    pub(super) prices: &'a Prices,
    /// Whether the numbers of requests are shown at the end.
    pub(super) stats: bool,
}

/// Reconciles and shows progress until the run has ended and its workers have
/// left.
pub(super) async fn wait(
    project: &Project,
    run: RunId,
    following: Following<'_>,
    output: Output,
) -> Result<Exit, Failure> {
    let reconciler = project.reconciler(following.workers.map(|workers| (run, workers)));
    let price = worker_price(project, following.prices).await;
    let mut view = View::new(&project.ports, price);
    let ended = loop {
        let passed = pass(&reconciler, run, &mut view).await?;
        let Some(row) = retry(|| project.ports.ledger.run(run)).await? else {
            return Err(Failure::infrastructure(anyhow!("run {run} is gone from the ledger")));
        };
        if row.has_ended() {
            break row;
        }
        // If the pass failed, the live workers are unknown: the display keeps its last state.
        if let Some(passed) = passed {
            view.look(&row, &passed.live).await?;
        }
        tokio::time::sleep(project.look_every()).await;
    };
    view.finish();
    wait_for_leavers(project, &reconciler, &ended).await?;
    say_end(project, &ended, following.stats, output).await
}

/// Makes one pass of the reconciler. Transient failures are shown and left to
/// the next pass (`None` if the pass itself failed). A permanent failure of this
/// run ends the command.
async fn pass(
    reconciler: &Reconciler<'_>,
    run: RunId,
    view: &mut View<'_>,
) -> Result<Option<Passed>, Failure> {
    match reconciler.pass().await {
        Ok(mut passed) => {
            passed.warnings.iter().for_each(|warning| view.warn(warning));
            // A pass covers all runs, but only the followed one decides about this command.
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

/// Waits until the workers have left, which notice the end at their next poll
/// or beat. The final pass sends the notice that the last worker is gone.
async fn wait_for_leavers(
    project: &Project,
    reconciler: &Reconciler<'_>,
    run: &Run,
) -> Result<(), Failure> {
    let start = Instant::now();
    while start.elapsed() < project.leave_wait() {
        let live = retry(|| project.ports.fleet.live()).await?;
        // Workers stay for another open run, so waiting for them would be in vain.
        let others = || async { retry(|| project.ports.ledger.runs()).await };
        if live.is_empty() || others().await?.iter().any(Run::is_open) {
            break;
        }
        tokio::time::sleep(project.look_every() / 3).await;
    }
    if run.launches > 0 {
        reconciler.pass().await?;
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
    if reconcile::cancel(&project.ports, &project.settings.pit, &run).await?.is_err() {
        return Err(Failure::usage(anyhow!(
            "run {} has already ended: nothing was changed",
            run.id
        )));
    }
    output.say(format_args!("canceled run {}; objects it did not process are free again", run.id));
    if run.launches > 0 {
        let ended = end_workers(&project, args.now).await?;
        if ended > 0 {
            let workers = plural(ended as u64, "worker");
            output.say(format_args!("ended {workers} that had not left"));
        }
        // Sends the notice that the last worker is gone.
        project.reconciler(None).pass().await?;
    }
    output.emit(&serde_json::json!({ "run": run.id, "state": "canceled" }));
    Ok(Exit::Done)
}

/// Waits for the workers to leave (not with `now`) and ends those that have
/// not, unless another run needs them. Returns how many were ended.
async fn end_workers(project: &Project, now: bool) -> Result<usize, Failure> {
    let start = Instant::now();
    loop {
        // Read again each time: a run that is released while we wait needs the workers.
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
