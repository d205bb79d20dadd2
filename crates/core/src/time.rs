//! Points in time as the ledger stores them.
//!
//! Used by every crate. Must never read a clock: callers pass the time in.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::calendar;

/// Milliseconds since 1970-01-01T00:00:00Z, by the clock of a worker or the bastion (B).
/// Clocks differ: a wrong one only wastes work, because epochs fence late writers.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Returns this point moved later by `by`.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// Returns this point moved earlier by `by`.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(millis(by)))
    }

    /// Returns the time from `earlier` to this point; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        // Clocks differ and may be set back: a negative time counts as zero.
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounds down, also before 1970, so that the text never shows a later second.
        let text = calendar::format(self.0.div_euclid(1000));
        write!(f, "{}Z", text.replace(' ', "T"))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_known_points() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696_500, "2000-02-29T12:34:56Z"),
            (1_795_478_399_000, "2026-11-23T23:59:59Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(Timestamp(millis).to_string(), text);
        }
    }

    #[test]
    fn arithmetic_never_overflows() {
        let far = Timestamp(i64::MAX);
        assert_eq!(far.after(Duration::from_secs(1)), far);
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
        assert_eq!(Timestamp(9).since(Timestamp(5)), Duration::from_millis(4));
    }
}
