//! What a person sees of a running run: units, pace, time left with its band,
//! fleet, quarantine and cost; live on a terminal, plain lines off it.

use std::collections::BTreeMap;
use std::time::Duration;

use sce_cloud::error::PortResult;
use sce_cloud::ports::{Instance, Ports};
use sce_cloud::retry::retry;
use sce_core::cost::{Cost, Money, WorkerPrice};
use sce_core::pace::{Eta, Pace};
use sce_core::room::Room;
use sce_core::run::Run;
use sce_core::time::Timestamp;
use sce_core::unit::UnitState;

use crate::progress::Progress;

/// Units read at a time; with each look one such page at most.
const PAGE: u32 = 100;

/// A run being followed.
pub(crate) struct View<'a> {
    ports: &'a Ports,
    price: Option<WorkerPrice>,
    progress: Option<Progress>,
    pace: Pace,
    pages: Pages,
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
            pages: Pages::default(),
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
        self.spending.add(now, live);
        self.pages.look(self.ports, run).await?;
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

    /// What there is to tell beside the count, a line each.
    fn details(&self, left: u64, live: &[Instance]) -> Vec<String> {
        let starting = live.iter().filter(|instance| instance.starting).count();
        let mut fleet = match live.len() - starting {
            1 => "1 worker".to_owned(),
            working => format!("{working} workers"),
        };
        if starting > 0 {
            fleet += &format!(", {starting} starting");
        }
        let eta = self.pace.eta(left);
        let rate = self.pace.per_minute().filter(|rate| *rate > 0.0);
        let mut lines = vec![fleet];
        lines.extend(rate.map(|rate| format!("{rate:.1} units/min")));
        lines.extend(eta.map(|eta| eta.to_string()));
        if let Some(Room { memory_mib, hipaa_mib }) = self.pages.room() {
            lines.push(format!("least room {memory_mib} MiB, on /hipaa {hipaa_mib} MiB"));
        }
        let quarantined = self.pages.quarantined();
        if quarantined > 0 {
            lines.push(format!("{quarantined} objects quarantined"));
        }
        if let Some(price) = &self.price {
            lines.extend(self.spending.render(price, live.len(), eta.as_ref()));
        }
        lines
    }
}

/// Time that the workers seen here have lived, from their launch on.
#[derive(Default)]
struct Spending {
    last: Option<(Timestamp, usize)>,
    workers: Duration,
    fleet: Duration,
}

impl Spending {
    fn add(&mut self, now: Timestamp, live: &[Instance]) {
        let Some((at, lived)) = self.last.replace((now, live.len())) else {
            let ages = live.iter().filter_map(|instance| Some(now.since(instance.launched_at?)));
            self.fleet = ages.clone().max().unwrap_or_default();
            self.workers = ages.sum();
            return;
        };
        let passed = now.since(at);
        self.workers += passed.saturating_mul(u32::try_from(lived).unwrap_or(u32::MAX));
        self.fleet += if lived > 0 { passed } else { Duration::ZERO };
    }

    /// The regional fee is a line of its own, never multiplied by workers.
    fn render(&self, price: &WorkerPrice, live: usize, eta: Option<&Eta>) -> Vec<String> {
        let so_far = price.spent(self.workers, self.fleet);
        let mut machines = format!("{} so far", so_far.instances + so_far.volumes);
        let mut fee = format!("regional fee {} so far", so_far.fee);
        if let Some(eta) = eta {
            let workers = u32::try_from(live).unwrap_or(u32::MAX);
            let (early, late) = price.to_finish(workers, self.fleet, eta);
            let band = |of: fn(&Cost) -> Money| {
                let late = late.as_ref().map(of).filter(|late| *late != of(&early));
                let till = late.map(|late| format!(" to {late}")).unwrap_or_default();
                format!(", {}{till} to finish", of(&early))
            };
            machines += &band(|cost| cost.instances + cost.volumes);
            fee += &band(|cost| cost.fee);
        }
        vec![machines, fee]
    }
}

/// What unit rows tell: objects found quarantined so far, and the room that
/// workers have left. A page of rows is read with each look, until all its
/// units are terminal.
#[derive(Default)]
struct Pages {
    pages: BTreeMap<u32, Page>,
    next: u32,
}

struct Page {
    quarantined: u64,
    room: Option<Room>,
    complete: bool,
}

impl Pages {
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
        let quarantined = outcomes.filter(|one| one.quarantined.is_some()).count() as u64;
        let complete = units.iter().all(|unit| unit.state.is_terminal());
        let leased = units.iter().filter(|unit| unit.state == UnitState::Leased);
        let room = leased.filter_map(|unit| unit.room).reduce(Room::least);
        self.pages.insert(page, Page { quarantined, room, complete });
        Ok(())
    }

    fn quarantined(&self) -> u64 {
        self.pages.values().map(|page| page.quarantined).sum()
    }

    /// The scarcest among the workers last seen.
    fn room(&self) -> Option<Room> {
        self.pages.values().filter_map(|page| page.room).reduce(Room::least)
    }
}
