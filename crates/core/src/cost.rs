//! What a fleet of workers costs: instances, their volumes, and the fee that a
//! region asks while a dedicated instance runs in it.
//!
//! `sce` shows it before a run, while it waits and afterwards. The caller read
//! the prices; where they have no row there is no cost to show, and nothing here
//! guesses one. Amounts are whole micro-dollars; too large ones stay at the limit.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::pace::Eta;

/// Hours of a month, by which the provider prorates volumes.
const MONTH_HOURS: u128 = 730;
const HOUR_SECONDS: u128 = 3600;
const DOLLAR: u64 = 1_000_000;
const CENT: u64 = DOLLAR / 100;

/// An amount, in micro-dollars. As text "$1.23", under a cent "$0.0042".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "Written")]
pub struct Money(pub u64);

/// A text that is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an amount: write US dollars with at most 6 decimals, as \"0.102\"")]
pub struct MoneyError;

impl Money {
    /// This `amount` of micro-dollars divided by `by`, a half rounded up.
    fn divided(amount: u128, by: u128) -> Self {
        Self(u64::try_from(amount.saturating_add(by / 2) / by).unwrap_or(u64::MAX))
    }

    /// So many times this.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (1..CENT).contains(&self.0) {
            return write!(f, "$0.{:04}", (self.0 + 50) / 100);
        }
        let cents = (u128::from(self.0) + u128::from(CENT / 2)) / u128::from(CENT);
        write!(f, "${}.{:02}", cents / 100, cents % 100)
    }
}

impl FromStr for Money {
    type Err = MoneyError;
    /// Dollars as `0.102`: exact, so zeros only after the sixth decimal.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        let (kept, rest) = decimals.split_at_checked(6).unwrap_or((decimals, ""));
        if !digits(whole) || !digits(decimals) || rest.bytes().any(|b| b != b'0') {
            return Err(MoneyError);
        }
        format!("{whole}{kept:0<6}").parse().map(Self).map_err(|_| MoneyError)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}.{:06}", self.0 / DOLLAR, self.0 % DOLLAR))
    }
}

/// Dollars as they may be written in a file.
#[derive(Deserialize)]
#[serde(untagged, expecting = "not an amount: write US dollars, as \"0.102\"")]
enum Written {
    Text(String),
    Number(f64),
}

impl TryFrom<Written> for Money {
    type Error = MoneyError;
    fn try_from(written: Written) -> Result<Self, MoneyError> {
        match written {
            Written::Text(text) => text.parse(),
            // Prints as it was written: the shortest text that is this number.
            Written::Number(dollars) => dollars.to_string().parse(),
        }
    }
}

/// A price table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The day for which the prices were found, as `2026-09-10`.
    pub date: String,
    /// Where they were found.
    pub source: String,
    /// What a region asks.
    #[serde(default, rename = "region")]
    pub regions: Vec<RegionPrice>,
    /// What instances cost there.
    #[serde(default, rename = "instance")]
    pub rows: Vec<PriceRow>,
}

/// What a region asks whatever the instance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionPrice {
    /// The region, as `us-east-1`.
    pub region: String,
    /// A GB of a gp3 volume for a month.
    pub volume_gb_month: Money,
    /// Each hour in which dedicated instances run there: once, however many run.
    pub fee_hour: Money,
    /// What costs whether anybody works or not.
    #[serde(default)]
    pub standing: Option<StandingPrice>,
}

/// What the parts of an environment cost while they stand.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingPrice {
    /// An hour of a NAT gateway.
    pub nat_hour: Money,
    /// An hour of an interface endpoint in one zone.
    pub endpoint_hour: Money,
    /// An hour of a public address.
    pub address_hour: Money,
    /// A month of a key.
    pub key_month: Money,
    /// A GB of objects for a month.
    pub object_gb_month: Money,
    /// A GB of rows for a month.
    pub row_gb_month: Option<Money>,
    /// A GB of logs for a month.
    pub log_gb_month: Option<Money>,
}

/// What one instance type costs in one region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceRow {
    /// The region, as `us-east-1`.
    pub region: String,
    /// The instance type, as `m5.large`.
    pub instance_type: String,
    /// An hour of it: Linux, on demand, dedicated tenancy.
    pub dedicated_hour: Money,
}

impl Prices {
    /// What a worker with this volume costs; nothing if the table has no row.
    pub fn worker(&self, region: &str, instance_type: &str, volume_gb: u32) -> Option<WorkerPrice> {
        let here = self.regions.iter().find(|row| row.region == region)?;
        let same = |row: &&PriceRow| row.region == region && row.instance_type == instance_type;
        let row = self.rows.iter().find(same)?;
        Some(WorkerPrice {
            instance_hour: row.dedicated_hour,
            volume_month: here.volume_gb_month.times(volume_gb.into()),
            fee_hour: here.fee_hour,
        })
    }
}

/// Is this of the t family (t2, t3, t3a, t4g), which our procedure refuses on
/// dedicated hosts?
pub fn is_refused_family(instance_type: &str) -> bool {
    matches!(instance_type.as_bytes(), [b't' | b'T', b'0'..=b'9', ..])
}

/// What workers of one kind cost in one region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerPrice {
    /// An hour of one instance.
    pub instance_hour: Money,
    /// A month of one worker's volume.
    pub volume_month: Money,
    /// The region's fee for an hour, whatever the number of workers.
    pub fee_hour: Money,
}

/// What something costs, or costs in an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Instances.
    pub instances: Money,
    /// Their volumes.
    pub volumes: Money,
    /// The regional fee, a line of its own.
    pub fee: Money,
}

impl Cost {
    /// All of it.
    pub fn total(&self) -> Money {
        self.instances + self.volumes + self.fee
    }
}

impl WorkerPrice {
    /// What so many workers cost in an hour.
    pub fn hourly(&self, workers: u32) -> Cost {
        let hour = Duration::from_secs(3600);
        self.spent(hour.saturating_mul(workers), hour.saturating_mul(workers.min(1)))
    }

    /// How many workers cost at most `limit` in an hour.
    pub fn workers_within(&self, limit: Money) -> u32 {
        let fits = |workers: u32| workers == 0 || self.hourly(workers).total() <= limit;
        if fits(u32::MAX) {
            return u32::MAX;
        }
        let (mut most, mut too_many) = (0, u32::MAX);
        while too_many - most > 1 {
            let middle = most + (too_many - most) / 2;
            *if fits(middle) { &mut most } else { &mut too_many } = middle;
        }
        most
    }

    /// What was spent: instances and volumes by the second of `worker_time`,
    /// summed over all workers (the caller counts at least 60 s for each); the
    /// fee for each started hour of `fleet_time`, in which at least one lived.
    pub fn spent(&self, worker_time: Duration, fleet_time: Duration) -> Cost {
        let seconds = whole_seconds(worker_time);
        let instances = u128::from(self.instance_hour.0).saturating_mul(seconds);
        let volumes = u128::from(self.volume_month.0).saturating_mul(seconds);
        Cost {
            instances: Money::divided(instances, HOUR_SECONDS),
            volumes: Money::divided(volumes, MONTH_HOURS * HOUR_SECONDS),
            fee: self.fee_hour.times(started_hours(fleet_time)),
        }
    }

    /// What `workers` will cost till the run is done, at the early and at the late
    /// end of `eta`, after a `fleet_time` whose last started hour is paid.
    pub fn to_finish(&self, workers: u32, fleet_time: Duration, eta: &Eta) -> (Cost, Option<Cost>) {
        let till = |left: Duration| {
            let after = fleet_time.saturating_add(left.saturating_mul(workers.min(1)));
            let fee = self.fee_hour.times(started_hours(after) - started_hours(fleet_time));
            Cost { fee, ..self.spent(left.saturating_mul(workers), Duration::ZERO) }
        };
        (till(eta.early), eta.late.map(till))
    }
}

/// Seconds, a begun one whole.
fn whole_seconds(time: Duration) -> u128 {
    u128::from(time.as_secs()) + u128::from(time.subsec_nanos() > 0)
}

/// Hours, a begun one whole.
fn started_hours(time: Duration) -> u64 {
    u64::try_from(whole_seconds(time).div_ceil(HOUR_SECONDS)).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "cost_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
