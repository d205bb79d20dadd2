//! The cost of a fleet of workers: instances, their volumes, and the fee of a
//! region in which dedicated instances run.
//!
//! Used by `sce` before a run, while it waits and afterwards. The caller reads
//! the prices; if the table has no row there is no cost, and nothing here may
//! guess one. Amounts are whole micro-dollars and saturate.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::pace::Eta;

/// Hours in a month, by which AWS prorates volumes.
const MONTH_HOURS: u128 = 730;
const HOUR_SECONDS: u128 = 3600;
const DOLLAR: u64 = 1_000_000;
const CENT: u64 = DOLLAR / 100;

/// An amount in micro-dollars. Displayed as "$1.23", or "$0.0042" below a cent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "Written")]
pub struct Money(pub u64);

/// The text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an amount: write US dollars with at most 6 decimals, as \"0.102\"")]
pub struct MoneyError;

impl Money {
    /// Divides an `amount` of micro-dollars, rounding half up.
    fn divided(amount: u128, by: u128) -> Self {
        Self(u64::try_from(amount.saturating_add(by / 2) / by).unwrap_or(u64::MAX))
    }

    /// Multiplies the amount.
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
            // Four decimals below a cent, so that a small price is not shown as $0.00.
            return write!(f, "$0.{:04}", (self.0 + 50) / 100);
        }
        let cents = (u128::from(self.0) + u128::from(CENT / 2)) / u128::from(CENT);
        write!(f, "${}.{:02}", cents / 100, cents % 100)
    }
}

impl FromStr for Money {
    type Err = MoneyError;
    /// Parses dollars like `0.102` exactly: only zeros may follow the sixth decimal.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        let (kept, rest) = decimals.split_at_checked(6).unwrap_or((decimals, ""));
        if !digits(whole) || !digits(decimals) || rest.bytes().any(|b| b != b'0') {
            return Err(MoneyError);
        }
        // Digits only: no rounding through a float.
        format!("{whole}{kept:0<6}").parse().map(Self).map_err(|_| MoneyError)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // As text: a JSON number would be read as a float.
        serializer.collect_str(&format_args!("{}.{:06}", self.0 / DOLLAR, self.0 % DOLLAR))
    }
}

/// The forms of an amount in a file.
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
            // Displays as it was written: the shortest text that parses to this number.
            Written::Number(dollars) => dollars.to_string().parse(),
        }
    }
}

/// A price table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The day on which the prices were valid, like `2026-09-10`.
    pub date: String,
    /// Where the prices were published.
    pub source: String,
    /// Prices of regions.
    #[serde(default, rename = "region")]
    pub regions: Vec<RegionPrice>,
    /// Prices of instances.
    #[serde(default, rename = "instance")]
    pub rows: Vec<PriceRow>,
}

/// The prices of a region that do not depend on the instance type.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionPrice {
    /// The region, like `us-east-1`.
    pub region: String,
    /// A GB of a gp3 volume for a month.
    pub volume_gb_month: Money,
    /// The fee for each hour in which dedicated instances run, once per region.
    pub fee_hour: Money,
    /// Costs that do not depend on use.
    #[serde(default)]
    pub standing: Option<StandingPrice>,
}

/// What the parts of an environment cost whether or not they are used.
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

/// The price of one instance type in one region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceRow {
    /// The region, like `us-east-1`.
    pub region: String,
    /// The instance type, like `m5.large`.
    pub instance_type: String,
    /// An hour of it: Linux, on demand, dedicated tenancy.
    pub dedicated_hour: Money,
}

impl Prices {
    /// Returns the price of a worker with this volume; `None` if the table has no row.
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

/// True for the t family (t2, t3, t3a, t4g), which the procedure does not allow on
/// dedicated hosts.
pub fn is_refused_family(instance_type: &str) -> bool {
    matches!(instance_type.as_bytes(), [b't' | b'T', b'0'..=b'9', ..])
}

/// What workers of one instance type cost in one region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerPrice {
    /// An hour of one instance.
    pub instance_hour: Money,
    /// A month of one worker's volume.
    pub volume_month: Money,
    /// The region's fee for an hour, independent of the number of workers.
    pub fee_hour: Money,
}

/// A cost in total, or per hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Instances.
    pub instances: Money,
    /// Their volumes.
    pub volumes: Money,
    /// The regional fee, shown on a line of its own.
    pub fee: Money,
}

impl Cost {
    /// Returns the sum.
    pub fn total(&self) -> Money {
        self.instances + self.volumes + self.fee
    }
}

impl WorkerPrice {
    /// Returns the cost of this many workers per hour.
    pub fn hourly(&self, workers: u32) -> Cost {
        let hour = Duration::from_secs(3600);
        // The fee is due once, but only if there is a worker.
        self.spent(hour.saturating_mul(workers), hour.saturating_mul(workers.min(1)))
    }

    /// Returns the largest number of workers that cost at most `limit` per hour.
    pub fn workers_within(&self, limit: Money) -> u32 {
        let fits = |workers: u32| workers == 0 || self.hourly(workers).total() <= limit;
        if fits(u32::MAX) {
            return u32::MAX;
        }
        // Binary search: the cost never decreases with the number of workers.
        let (mut most, mut too_many) = (0, u32::MAX);
        while too_many - most > 1 {
            let middle = most + (too_many - most) / 2;
            *if fits(middle) { &mut most } else { &mut too_many } = middle;
        }
        most
    }

    /// Returns the cost so far: instances and volumes by the second of `worker_time`,
    /// summed over all workers (the caller counts at least 60 s for each); the fee for each
    /// started hour of `fleet_time`, in which at least one worker ran.
    pub fn spent(&self, worker_time: Duration, fleet_time: Duration) -> Cost {
        let seconds = whole_seconds(worker_time);
        // 128 bits: an amount times seconds does not fit into 64.
        let instances = u128::from(self.instance_hour.0).saturating_mul(seconds);
        let volumes = u128::from(self.volume_month.0).saturating_mul(seconds);
        Cost {
            instances: Money::divided(instances, HOUR_SECONDS),
            volumes: Money::divided(volumes, MONTH_HOURS * HOUR_SECONDS),
            fee: self.fee_hour.times(started_hours(fleet_time)),
        }
    }

    /// Returns the cost of `workers` until the run is done, at the early and at the late
    /// end of `eta`, after a `fleet_time` whose last started hour is already paid.
    pub fn to_finish(&self, workers: u32, fleet_time: Duration, eta: &Eta) -> (Cost, Option<Cost>) {
        let till = |left: Duration| {
            let after = fleet_time.saturating_add(left.saturating_mul(workers.min(1)));
            // Only hours that start after the paid ones: an hour is never charged twice.
            let fee = self.fee_hour.times(started_hours(after) - started_hours(fleet_time));
            Cost { fee, ..self.spent(left.saturating_mul(workers), Duration::ZERO) }
        };
        (till(eta.early), eta.late.map(till))
    }
}

/// Seconds, rounded up.
fn whole_seconds(time: Duration) -> u128 {
    u128::from(time.as_secs()) + u128::from(time.subsec_nanos() > 0)
}

/// Hours, rounded up.
fn started_hours(time: Duration) -> u64 {
    u64::try_from(whole_seconds(time).div_ceil(HOUR_SECONDS)).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "cost_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
