//! What a person sees of a running run: units, pace, time left with its band,
//! fleet, quarantine and cost; live on a terminal, plain lines off it.

use std::collections::BTreeMap;
use std::time::Duration;

use sce_cloud::error::PortResult;
use sce_cloud::ports::{Instance, Ports};
use sce_cloud::retry::retry;
use sce_core::cost::WorkerPrice;
use sce_core::pace::{Eta, Pace};
use sce_core::run::Run;
use sce_core::time::Timestamp;

use crate::progress::Progress;

/// Units read at a time; with each look one such page at most.
const PAGE: u32 = 100;

/// A run being followed.
pub(crate) struct View<'a> {
    ports: &'a Ports,
    price: Option<WorkerPrice>,
    progress: Option<Progress>,
    pace: Pace,
    quarantine: Quarantine,
    spending: Spending,
    last_warning: String,
}

impl<'a> View<'a> {
    /// Follows a run; without a price no cost is shown.
    pub(crate) fn new(ports: &'a Ports, price: Option<WorkerPrice>) -> Self {
        Self {
            ports,
            price,
            progress: None,
            pace: Pace::default(),
            quarantine: Quarantine::default(),
            spending: Spending::default(),
            last_warning: String::new(),
        }
    }

    /// Looks once and shows what there is.
    pub(crate) async fn look(&mut self, run: &Run, live: &[Instance]) -> PortResult<()> {
        let left = retry(|| self.ports.ledger.left(run.id)).await?;
        let done = u64::from(run.units).saturating_sub(left);
        let now = self.ports.clock.now();
        let working = done > 0 || live.iter().any(|instance| !instance.starting);
        if working {
            self.pace.add(now, done);
        }
        self.spending.add(now, live.len());
        self.quarantine.look(self.ports, run).await?;
        let details = self.details(left, live);
        let progress =
            self.progress.get_or_insert_with(|| Progress::detailed("units done", run.units.into()));
        progress.set_with(done, &details);
        Ok(())
    }

    /// Tells of something that did not succeed, once as long as it stays so.
    pub(crate) fn warn(&mut self, warning: &str) {
        if self.last_warning != warning {
            warning.clone_into(&mut self.last_warning);
            eprintln!("sce: {warning}; it is tried again");
        }
    }

    /// The run is over; the display goes.
    pub(crate) fn finish(self) {
        if let Some(progress) = self.progress {
            progress.finish();
        }
    }

    fn details(&self, left: u64, live: &[Instance]) -> String {
        let starting = live.iter().filter(|instance| instance.starting).count();
        let mut parts = vec![format!("{} workers", live.len() - starting)];
        if starting > 0 {
            parts.push(format!("{starting} starting"));
        }
        if let Some(rate) = self.pace.per_minute().filter(|rate| *rate > 0.0) {
            parts.push(format!("{rate:.1} units/min"));
        }
        let eta = self.pace.eta(left);
        parts.extend(eta.map(|eta| eta.to_string()));
        let quarantined = self.quarantine.found();
        if quarantined > 0 {
            parts.push(format!("{quarantined} objects quarantined"));
        }
        if let Some(price) = &self.price {
            parts.push(self.spending.render(price, live.len(), eta.as_ref()));
        }
        parts.join(", ")
    }
}

/// Time that workers lived while this command looked.
#[derive(Default)]
struct Spending {
    last: Option<(Timestamp, usize)>,
    workers: Duration,
    fleet: Duration,
}

impl Spending {
    fn add(&mut self, now: Timestamp, live: usize) {
        if let Some((at, lived)) = self.last.replace((now, live)) {
            let passed = now.since(at);
            self.workers += passed.saturating_mul(u32::try_from(lived).unwrap_or(u32::MAX));
            self.fleet += if lived > 0 { passed } else { Duration::ZERO };
        }
    }

    /// The regional fee is a line of its own, never multiplied by workers.
    fn render(&self, price: &WorkerPrice, live: usize, eta: Option<&Eta>) -> String {
        let so_far = price.spent(self.workers, self.fleet);
        let machines = so_far.instances + so_far.volumes;
        let mut text = format!("{machines} and {} regional fee while watched", so_far.fee);
        if let Some(eta) = eta {
            let workers = u32::try_from(live).unwrap_or(u32::MAX);
            let (early, late) = price.to_finish(workers, self.fleet, eta);
            text += &format!(", {}", early.total());
            if let Some(late) = late.filter(|late| late.total() != early.total()) {
                text += &format!(" to {}", late.total());
            }
            text += " to finish";
        }
        text
    }
}

/// Objects found quarantined so far: a page of unit rows is read with each
/// look, until all its units are terminal.
#[derive(Default)]
struct Quarantine {
    pages: BTreeMap<u32, Page>,
    next: u32,
}

struct Page {
    found: u64,
    complete: bool,
}

impl Quarantine {
    async fn look(&mut self, ports: &Ports, run: &Run) -> PortResult<()> {
        let pages = run.units.div_ceil(PAGE);
        let complete = |page: &u32| self.pages.get(page).is_some_and(|page| page.complete);
        let mut in_turn = (0..pages).map(|n| (self.next + n) % pages);
        let Some(page) = in_turn.find(|page| !complete(page)) else {
            return Ok(());
        };
        self.next = page + 1;
        let units = retry(|| ports.ledger.units(run.id, page * PAGE, PAGE)).await?;
        let outcomes = units.iter().flat_map(|unit| &unit.outcomes);
        let found = outcomes.filter(|one| one.quarantined.is_some()).count() as u64;
        let complete = units.iter().all(|unit| unit.state.is_terminal());
        self.pages.insert(page, Page { found, complete });
        Ok(())
    }

    fn found(&self) -> u64 {
        self.pages.values().map(|page| page.found).sum()
    }
}
