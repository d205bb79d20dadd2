//! `sce cost`, and the prices for other commands.

use std::time::Duration;

use anyhow::anyhow;
use comfy_table::{Table, presets};
use sce_cloud::caller::Caller;
use sce_cloud::overlay::Overlay;
use sce_cloud::retry::retry;
use sce_core::cost::{Cost, Money, Prices, WorkerPrice};
use sce_core::launch::TemplateFacts;
use sce_core::notice::Notice;
use sce_core::run::{Launch, Run};
use sce_core::time::Timestamp;
use serde_json::json;

use crate::aws::{region, template};
use crate::cli::CostArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plural::plural;
use crate::price_args::PriceArgs;
use crate::prices;
use crate::project::Project;

/// Shortest time that EC2 charges for an instance.
const CHARGED_LEAST: Duration = Duration::from_secs(60);

/// Loads the price table that the user named, or the built-in one.
pub(super) fn load_prices(args: &PriceArgs) -> Result<Prices, Failure> {
    let Some(path) = &args.prices else {
        return Ok(prices::built_in());
    };
    prices::load(path).map_err(Failure::usage)
}

/// Returns the price of a worker of the project; `None` in local mode, if the
/// table has no matching row, or if the launch template cannot be read.
pub(super) async fn worker_price(project: &Project, prices: &Prices) -> Option<WorkerPrice> {
    let aws = project.aws.as_ref()?;
    let template = template(aws).await.ok()?;
    price_of(prices, region(aws), &template.instance_type, &template)
}

fn price_of(
    prices: &Prices,
    region: &str,
    machine: &str,
    template: &TemplateFacts,
) -> Option<WorkerPrice> {
    let volumes = template.volumes.iter().map(|volume| volume.size_gib).sum();
    prices.worker(region, machine, volumes)
}

/// Refuses a fleet that costs more per hour than the user allows.
pub(super) async fn check_cost(
    project: &Project,
    prices: &Prices,
    workers: u32,
    limit: Money,
) -> Result<(), Failure> {
    project.aws("--max-hourly-cost")?;
    let price = worker_price(project, prices).await.ok_or_else(|| {
        Failure::usage(anyhow!(
            "--max-hourly-cost: the price table of {} has no row for these workers: specify another with --prices",
            prices.date
        ))
    })?;
    let hourly = price.hourly(workers).total();
    if hourly <= limit {
        return Ok(());
    }
    Err(Failure::usage(anyhow!(
        "{} would cost {hourly} per hour, more than --max-hourly-cost {limit}: start at most {}",
        plural(workers.into(), "worker"),
        price.workers_within(limit)
    )))
}

/// `sce cost`
pub(super) async fn cost(
    args: &CostArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    let project = Project::open(overlay, Caller::Coordinates).await?;
    let aws = project.aws("sce cost")?;
    let run = project.run(&args.run).await?;
    let prices = load_prices(&args.prices)?;
    let template = template(aws).await?;
    let launches = retry(|| project.ports.ledger.launches(run.id)).await?;
    let now = project.ports.clock.now();
    // The bound on leaving may be in the future, but only time that has passed costs money.
    let until = gone_by(&run, project.leave_wait()).unwrap_or(now).min(now);
    let Some(spent) = spent(&prices, region(aws), &template, &launches, until) else {
        output.say(format_args!(
            "cost unknown: the price table of {} has no row for these workers",
            prices.date
        ));
        output.emit(&json!({ "schema_version": 1, "run": run.id, "cost": null }));
        return Ok(Exit::Done);
    };
    let Cost { instances, volumes, fee } = spent;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.add_row(["instances".to_owned(), instances.to_string()]);
    table.add_row(["volumes".to_owned(), volumes.to_string()]);
    table.add_row(["regional fee for dedicated tenancy".to_owned(), fee.to_string()]);
    table.add_row(["total, at most".to_owned(), spent.total().to_string()]);
    output.say(&table);
    output.say(format_args!(
        "run {}, {}, until {until}; prices of {} ({}); without requests and storage",
        run.id,
        plural(launches.len() as u64, "launch"),
        prices.date,
        prices.source
    ));
    output.emit(&json!({
        "schema_version": 1, "run": run.id, "prices_of": prices.date, "until": until.to_string(),
        "cost": spent, "total": spent.total(),
    }));
    Ok(Exit::Done)
}

/// Returns the latest time at which the run's workers left, if it is known that
/// they did. Workers take up to `leaving` to notice the end of a run.
fn gone_by(run: &Run, leaving: Duration) -> Option<Timestamp> {
    // The notice about the last worker is sent only once the fleet is empty.
    let gone = run.notices.gone == Some(Notice::Sent);
    run.ended_at.filter(|_| gone || run.launches == 0).map(|at| at.after(leaving))
}

/// Returns the cost of the workers of these launches, as if each ran until
/// `until`. This is an upper bound, because the times at which workers leave
/// are not recorded.
fn spent(
    prices: &Prices,
    region: &str,
    template: &TemplateFacts,
    launches: &[Launch],
    until: Timestamp,
) -> Option<Cost> {
    let mut all = Cost::default();
    for launch in launches {
        // The result of an open launch is not known yet: all requested workers may run.
        let (workers, machine) = match &launch.started {
            Some(started) => (started.workers, &started.machine),
            None => (launch.intent.workers, &template.instance_type),
        };
        if workers == 0 {
            continue;
        }
        let price = price_of(prices, region, machine, template)?;
        let lived = until.since(launch.asked_at).max(CHARGED_LEAST);
        let cost = price.spent(lived.saturating_mul(workers), lived);
        all.instances = all.instances + cost.instances;
        all.volumes = all.volumes + cost.volumes;
        // The regional fee is charged once, however many workers run at the same time.
        all.fee = all.fee.max(cost.fee);
    }
    Some(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use sce_core::ids::RunId;
    use sce_core::run::{LaunchIntent, Started};

    #[test]
    fn the_fee_is_not_multiplied_and_every_launch_counts() {
        let prices = prices::built_in();
        let run = RunId::new([1; 8]);
        let launch = |launch, workers, hours: i64| Launch {
            intent: LaunchIntent { run, launch, workers },
            asked_at: Timestamp(-hours * 3_600_000),
            started: Some(Started { workers, machine: "m5.large".into(), at: None }),
        };
        let launches = [launch(0, 10, 2), launch(1, 5, 1)];
        let template =
            TemplateFacts { instance_type: "m5.large".into(), ..TemplateFacts::default() };
        let cost =
            |launches: &[Launch]| spent(&prices, "us-east-1", &template, launches, Timestamp(0));
        let all = cost(&launches).unwrap();
        // 20 + 5 worker-hours at $0.102, two hours' fee of $2.
        assert_eq!(all.instances, "2.55".parse().unwrap());
        assert_eq!(all.fee, "4".parse().unwrap());
        let open = Launch { started: None, ..launch(2, 5, 1) };
        assert_eq!(cost(&[open]).unwrap().instances, "0.51".parse().unwrap());
        let dropped = Launch { started: Some(Started::default()), ..launch(2, 9, 9) };
        assert_eq!(cost(&[dropped]).unwrap(), Cost::default());
        let unknown = Launch {
            started: Some(Started { workers: 1, machine: "x9.huge".into(), at: None }),
            ..launch(0, 1, 1)
        };
        assert_eq!(cost(&[unknown]), None);
    }
}
