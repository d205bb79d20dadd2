//! How fast a run progresses and when it will be done.
//!
//! Used by commands that wait for a run (`sce run`, `sce watch`). They add a
//! sample whenever they read the counters, the first when the work starts: the
//! time between samples counts as working time. Must never read a clock: the
//! caller passes the time, and its clock may be set back.

use std::fmt;
use std::time::Duration;

use crate::time::Timestamp;

/// The most samples kept.
const SAMPLES_MAX: usize = 64;
/// The fewest finished units from which a time is estimated.
const DONE_MIN: u64 = 4;
/// The rate is that of the last units, this many, so that it follows a fleet that grows
/// or shrinks; their counting error is 10 %.
const WINDOW_DONE: u64 = 100;

const MINUTE: u128 = 60;
const HOUR: u128 = 60 * MINUTE;
const DAY: u128 = 24 * HOUR;
/// Estimates of more days than this are not shown as a number.
const DAYS_MAX: u128 = 99;

/// The number of finished units at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sample {
    at: Timestamp,
    done: u64,
}

/// The samples so far: at most 64, ordered by time and by finished units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pace {
    samples: Vec<Sample>,
}

impl Pace {
    /// Adds a sample: `done` units were finished `at` this time. If the clock or the count
    /// decreased, the earlier samples are no longer valid and are dropped.
    pub fn add(&mut self, at: Timestamp, done: u64) {
        if let Some(last) = self.samples.last_mut() {
            if at < last.at || done < last.done {
                // After a reset of the clock or the count, old samples would give a wrong rate.
                self.samples.clear();
            } else if at == last.at {
                last.done = done;
                return;
            }
        }
        if self.samples.len() >= SAMPLES_MAX {
            // Dropping every second sample keeps the first one and the whole time range.
            let mut keep = false;
            self.samples.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.samples.push(Sample { at, done });
    }

    /// Returns units per minute; `None` with fewer than two samples.
    pub fn per_minute(&self) -> Option<f64> {
        let (done, time) = self.window()?;
        Some(done as f64 * 60.0 / time.as_secs_f64())
    }

    /// Estimates when `left` more units will be done, counted from the last sample; `None`
    /// until four units are done.
    ///
    /// Units finish like events of a Poisson process: if n were seen in a time T, the rate
    /// is n/T, and in 95 % of cases it is within n/T · (1 ± 2/√n).
    pub fn eta(&self, left: u64) -> Option<Eta> {
        if left == 0 {
            return Some(Eta::NOW);
        }
        let (done, time) = self.window().filter(|(done, _)| *done >= DONE_MIN)?;
        let rate = done as f64 / time.as_secs_f64();
        let error = 2.0 / (done as f64).sqrt();
        let at_rate =
            |rate: f64| Duration::try_from_secs_f64(left as f64 / rate).unwrap_or(Duration::MAX);
        // 0 at n = 4: such a sample also fits a fleet that has stopped.
        let slowest = rate * (1.0 - error);
        Some(Eta {
            likely: at_rate(rate),
            early: at_rate(rate * (1.0 + error)),
            late: (slowest > 0.0).then(|| at_rate(slowest)),
        })
    }

    /// Returns the units finished in the window and its length (never 0).
    fn window(&self) -> Option<(u64, Duration)> {
        let (last, before) = self.samples.split_last()?;
        // From the newest sample back: the shortest period that contains enough units.
        let full = |from: &&Sample| last.done.saturating_sub(from.done) >= WINDOW_DONE;
        let from = before.iter().rev().find(full).or(before.first())?;
        let time = last.at.since(from.at);
        (!time.is_zero()).then_some((last.done.saturating_sub(from.done), time))
    }
}

/// The remaining time. Displayed like "about 12 min left (9 to 18 min)".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eta {
    /// At the measured rate.
    pub likely: Duration,
    /// At the highest rate that fits the samples.
    pub early: Duration,
    /// At the lowest rate; `None` if the samples fit a fleet that has stopped.
    pub late: Option<Duration>,
}

impl Eta {
    /// Nothing is left.
    pub const NOW: Self =
        Self { likely: Duration::ZERO, early: Duration::ZERO, late: Some(Duration::ZERO) };
}

impl fmt::Display for Eta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NOW {
            return f.write_str("nothing left");
        }
        let (likely, unit) = rounded(self.likely);
        if likely == OUT_OF_SIGHT {
            // No range: its ends would be out of sight, too.
            return write!(f, "{OUT_OF_SIGHT} {unit} left");
        }
        write!(f, "about {likely} {unit} left")?;
        let (early, early_unit) = rounded(self.early);
        match self.late.map(rounded) {
            None => write!(f, " ({early} {early_unit} or more)"),
            // Both ends round to the same text: a range would show nothing more.
            Some(late) if late == (early.clone(), early_unit) => Ok(()),
            Some((late, unit)) if unit == early_unit => write!(f, " ({early} to {late} {unit})"),
            Some((late, unit)) => write!(f, " ({early} {early_unit} to {late} {unit})"),
        }
    }
}

/// The text for more days than [`DAYS_MAX`].
const OUT_OF_SIGHT: &str = "more than 99";

/// Formats a time with two or three digits; returns the number and its unit.
fn rounded(time: Duration) -> (String, &'static str) {
    // In integers, so that rounding is exact.
    let seconds = (time.as_millis() + 500) / 1000;
    let (size, unit) = match seconds {
        s if s < 2 * MINUTE => return (seconds.to_string(), "s"),
        s if s < 2 * HOUR => return (((seconds + MINUTE / 2) / MINUTE).to_string(), "min"),
        s if s < 2 * DAY => (HOUR, "h"),
        s if s <= DAYS_MAX * DAY => (DAY, "days"),
        _ => return (OUT_OF_SIGHT.to_owned(), "days"),
    };
    let tenths = (seconds * 10 + size / 2) / size;
    let text = match (tenths / 10, tenths % 10) {
        // Two digits are enough: the estimate is not more precise.
        (whole, _) if whole >= 10 => ((tenths + 5) / 10).to_string(),
        (whole, 0) => whole.to_string(),
        (whole, tenth) => format!("{whole}.{tenth}"),
    };
    (text, unit)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pace(samples: &[(i64, u64)]) -> Pace {
        let mut pace = Pace::default();
        for (seconds, done) in samples {
            pace.add(Timestamp(seconds.saturating_mul(1000)), *done);
        }
        pace
    }

    #[test]
    fn the_rate_and_its_band_are_those_of_the_window() {
        // Samples, units per minute, units left, (likely, early, late) in seconds.
        type Case = (&'static [(i64, u64)], Option<f64>, u64, Option<(u128, u128, Option<u128>)>);
        let table: [Case; 9] = [
            (&[], None, 5, None),
            (&[(0, 0)], None, 5, None),
            (&[(0, 0), (60, 3)], Some(3.0), 5, None),
            (&[(0, 0), (60, 4)], Some(4.0), 8, Some((120, 60, None))),
            (&[(0, 0), (60, 16)], Some(16.0), 24, Some((90, 60, Some(180)))),
            // It started with some units done, and has stopped since.
            (&[(0, 50), (60, 66), (120, 66)], Some(8.0), 24, Some((180, 120, Some(360)))),
            // Only the last hundred units: the fleet has grown.
            (&[(0, 0), (600, 10), (660, 110)], Some(100.0), 96, Some((58, 48, Some(72)))),
            (&[(0, 0), (60, 1)], Some(1.0), 0, Some((0, 0, Some(0)))),
            // The clock went back, then the count: earlier samples are dropped.
            (&[(0, 0), (60, 16), (30, 17), (90, 33), (100, 5)], None, 5, None),
        ];
        for (samples, per_minute, left, expected) in table {
            let pace = pace(samples);
            assert_eq!(pace.per_minute(), per_minute, "{samples:?}");
            let seconds = |time: Duration| (time.as_millis() + 500) / 1000;
            let eta = pace.eta(left);
            let eta = eta.map(|e| (seconds(e.likely), seconds(e.early), e.late.map(seconds)));
            assert_eq!(eta, expected, "{samples:?}");
        }
    }

    #[test]
    fn samples_are_thinned_and_the_first_is_kept() {
        let mut pace = Pace::default();
        for second in 0..10_000_i64 {
            pace.add(Timestamp(second * 1000), 0);
            assert!(pace.samples.len() <= SAMPLES_MAX);
        }
        assert_eq!(pace.samples[0].at, Timestamp(0));
        assert_eq!(pace.samples.last().unwrap().at, Timestamp(9_999_000));
        assert_eq!(pace.per_minute(), Some(0.0));
    }

    #[test]
    fn an_estimate_is_short_text() {
        for (likely, early, late, text) in [
            (720, 540, Some(1080), "about 12 min left (9 to 18 min)"),
            (100, 70, Some(200), "about 100 s left (70 s to 3 min)"),
            (120, 60, None, "about 2 min left (60 s or more)"),
            (7100, 5400, Some(9000), "about 118 min left (90 min to 2.5 h)"),
            (36_000, 30_000, Some(50_400), "about 10 h left (8.3 to 14 h)"),
            (7190, 7180, Some(7195), "about 120 min left"),
            (259_200, 172_800, Some(u64::MAX), "about 3 days left (2 to more than 99 days)"),
            (u64::MAX, 172_800, None, "more than 99 days left"),
            (0, 0, Some(0), "nothing left"),
        ] {
            let time = Duration::from_secs;
            let eta = Eta { likely: time(likely), early: time(early), late: late.map(time) };
            assert_eq!(eta.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn any_samples_give_an_ordered_estimate(
            samples in proptest::collection::vec(
                (prop_oneof![any::<i64>(), -99_i64..99], prop_oneof![any::<u64>(), 0_u64..99]),
                0..200,
            ),
            left in any::<u64>(),
        ) {
            let mut pace = Pace::default();
            for (at, done) in samples {
                pace.add(Timestamp(at), done);
                prop_assert!(pace.samples.len() <= SAMPLES_MAX);
                prop_assert!(pace.per_minute().is_none_or(|rate| rate >= 0.0));
                if let Some(eta) = pace.eta(left) {
                    prop_assert!(eta.early <= eta.likely);
                    prop_assert!(eta.late.is_none_or(|late| eta.likely <= late));
                    prop_assert!(eta.to_string().ends_with(['t', ')']));
                }
            }
        }

        #[test]
        fn a_steady_pace_is_estimated(
            per_step in 1_u64..50, steps in 101_u64..400, step in 1_i64..60_000, left in 1_u64..1000
        ) {
            let mut pace = Pace::default();
            for (at, done) in (0_i64..).map(|n| n * step).zip((0..steps).map(|n| n * per_step)) {
                pace.add(Timestamp(at), done);
            }
            let expected = left as f64 * step as f64 / 1000.0 / per_step as f64;
            let eta = pace.eta(left).unwrap();
            prop_assert!((eta.likely.as_secs_f64() - expected).abs() <= expected * 1e-9 + 1e-9);
            prop_assert!(eta.late.unwrap().as_secs_f64() <= expected * 1.26 + 1e-9);
        }
    }
}
