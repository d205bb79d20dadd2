//! The progress display of a run: units, pace, time left with its range,
//! fleet, quarantine and cost. Live on a terminal, plain lines otherwise.

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

use crate::plural::plural;
use crate::progress::Progress;

/// Units read at a time; each refresh reads at most one page.
const PAGE: u32 = 100;

/// The display of one run.
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
    /// Creates a display; without a price, no cost is shown.
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

    /// Reads the run's state once and shows it.
    pub(crate) async fn look(&mut self, run: &Run, live: &[Instance]) -> PortResult<()> {
        let left = retry(|| self.ports.ledger.left(run.id)).await?;
        let done = u64::from(run.units).saturating_sub(left);
        let now = self.ports.clock.now();
        // The pace starts with the first worker that runs: the time that instances take to boot
        // would make every estimate too long.
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

    /// Prints a warning about something that will be retried.
    pub(crate) fn warn(&mut self, warning: &str) {
        // Each pass repeats the same warning while the cause lasts: print it once.
        if self.last_warning != warning {
            warning.clone_into(&mut self.last_warning);
            eprintln!("sce: {warning}; retrying");
        }
    }

    /// Removes the display at the end of the run.
    pub(crate) fn finish(self) {
        if let Some(progress) = self.progress {
            progress.finish();
        }
    }

    /// The lines below the count of units.
    fn details(&self, left: u64, live: &[Instance]) -> Vec<String> {
        let starting = live.iter().filter(|instance| instance.starting).count();
        let mut fleet = plural((live.len() - starting) as u64, "worker");
        if starting > 0 {
            fleet += &format!(", {starting} starting");
        }
        let eta = self.pace.eta(left);
        let rate = self.pace.per_minute().filter(|rate| *rate > 0.0);
        let mut lines = vec![fleet];
        lines.extend(rate.map(|rate| format!("{rate:.1} units/min")));
        lines.extend(eta.map(|eta| eta.to_string()));
        if let Some(Room { memory_mib, hipaa_mib }) = self.pages.room() {
            lines.push(format!("lowest free memory {memory_mib} MiB, on /hipaa {hipaa_mib} MiB"));
        }
        let quarantined = self.pages.quarantined();
        if quarantined > 0 {
            lines.push(format!("{} quarantined", plural(quarantined, "object")));
        }
        if let Some(price) = &self.price {
            lines.extend(self.spending.render(price, live.len(), eta.as_ref()));
        }
        lines
    }
}

/// Running time of the workers seen so far, since their launch.
#[derive(Default)]
struct Spending {
    last: Option<(Timestamp, usize)>,
    workers: Duration,
    fleet: Duration,
}

impl Spending {
    fn add(&mut self, now: Timestamp, live: &[Instance]) {
        let Some((at, lived)) = self.last.replace((now, live.len())) else {
            // The first call also counts the time before this command started: a run may be
            // watched long after its launch.
            let ages = live.iter().filter_map(|instance| Some(now.since(instance.launched_at?)));
            self.fleet = ages.clone().max().unwrap_or_default();
            self.workers = ages.sum();
            return;
        };
        let passed = now.since(at);
        self.workers += passed.saturating_mul(u32::try_from(lived).unwrap_or(u32::MAX));
        self.fleet += if lived > 0 { passed } else { Duration::ZERO };
    }

    /// The cost so far and until the end. The regional fee has its own line,
    /// because it does not depend on the number of workers.
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

/// Facts from unit rows: quarantined objects so far, and the free memory and
/// disk space of the workers. Each refresh reads one page of rows; a page whose
/// units are all terminal is not read again.
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
        // One page per refresh, in turn: a run of 100,000 units would otherwise cost a thousand
        // requests each time.
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

    /// The least free memory and disk space among the workers last seen.
    fn room(&self) -> Option<Room> {
        self.pages.values().filter_map(|page| page.room).reduce(Room::least)
    }
}
