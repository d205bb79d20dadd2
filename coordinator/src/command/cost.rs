//! `sce cost`, and whatever else counts money or requests.

use std::time::Duration;

use anyhow::anyhow;
use comfy_table::{Table, presets};
use sce_cloud::aws::Caller;
use sce_cloud::overlay::Overlay;
use sce_cloud::retry::retry;
use sce_core::cost::{Cost, Money, Prices, WorkerPrice};
use sce_core::launch::TemplateFacts;
use sce_core::notice::Notice;
use sce_core::run::{Launch, Run};
use sce_core::time::Timestamp;
use serde_json::json;

use crate::cli::CostArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::price_args::PriceArgs;
use crate::prices;
use crate::project::Project;

/// Least time that EC2 charges for an instance.
const CHARGED_LEAST: Duration = Duration::from_secs(60);

/// The price table that a person names, or the built-in one.
pub(super) fn load_prices(args: &PriceArgs) -> Result<Prices, Failure> {
    let Some(path) = &args.prices else {
        return Ok(prices::built_in());
    };
    prices::load(path).map_err(Failure::usage)
}

/// What a worker of the project costs; `None` on one machine, where the table
/// has no such row, or where the launch template cannot be read.
pub(super) async fn worker_price(project: &Project, prices: &Prices) -> Option<WorkerPrice> {
    let aws = project.aws.as_ref()?;
    let template = aws.fleet.template().await.ok()?;
    price_of(prices, &aws.resources.region, &template.instance_type, &template)
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

/// Refuses a fleet that costs more than a person wants to pay an hour.
pub(super) async fn check_cost(
    project: &Project,
    prices: &Prices,
    workers: u32,
    limit: Money,
) -> Result<(), Failure> {
    project.aws("--max-hourly-cost")?;
    let price = worker_price(project, prices).await.ok_or_else(|| {
        Failure::usage(anyhow!(
            "--max-hourly-cost: the price table of {} has no row for these workers: give one with --prices",
            prices.date
        ))
    })?;
    let hourly = price.hourly(workers).total();
    if hourly <= limit {
        return Ok(());
    }
    Err(Failure::usage(anyhow!(
        "{workers} workers cost {hourly} an hour, more than --max-hourly-cost {limit}: {} fit",
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
    let template = aws.fleet.template().await?;
    let launches = retry(|| project.ports.ledger.launches(run.id)).await?;
    let now = project.ports.clock.now();
    let until = gone_by(&run, project.leave_wait()).unwrap_or(now).min(now);
    let Some(spent) = spent(&prices, &aws.resources.region, &template, &launches, until) else {
        output.say(format_args!(
            "no cost is shown: the price table of {} has no row for these workers",
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
    table.add_row(["together, at most".to_owned(), spent.total().to_string()]);
    output.say(&table);
    output.say(format_args!(
        "run {}, {} launches, till {until}; prices of {} ({}); requests and storage not counted",
        run.id,
        launches.len(),
        prices.date,
        prices.source
    ));
    output.emit(&json!({
        "schema_version": 1, "run": run.id, "prices_of": prices.date, "until": until.to_string(),
        "cost": spent, "total": spent.total(),
    }));
    Ok(Exit::Done)
}

/// When the run's workers were gone, once people were told so: workers take
/// up to `leaving` to see the end.
fn gone_by(run: &Run, leaving: Duration) -> Option<Timestamp> {
    let gone = run.notices.gone == Some(Notice::Sent);
    run.ended_at.filter(|_| gone || run.launches == 0).map(|at| at.after(leaving))
}

/// What the workers of these launches cost if each lived till `until`: an
/// upper bound, for nobody writes down when each left.
fn spent(
    prices: &Prices,
    region: &str,
    template: &TemplateFacts,
    launches: &[Launch],
    until: Timestamp,
) -> Option<Cost> {
    let mut all = Cost::default();
    for launch in launches {
        // Of an open launch nobody knows yet: what it asks for may run.
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
        // One fleet at a time: the fee is that of the longest.
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
