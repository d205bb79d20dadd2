//! The clock of the pseudo-data: the times of visits, and their calendar dates.
//!
//! Used by `study`, which makes one step per visit, and by `row`, which writes
//! dates. There is no time zone and no daylight saving: a day has 86,400
//! seconds. Must never read the machine's clock.

use super::draw::Draws;

/// Up to this many visits, steps are one or two whole days, as in the
/// procedure. With more visits, steps are shorter, so that the span stays about
/// 41 years.
pub const VISITS_DAILY_MAX: u64 = 10_000;

const SECONDS_PER_DAY: u64 = 86_400;
/// A tick is 2⁻³⁰ s, so that steps below a second add up without drift.
const TICK_BITS: u32 = 30;
const TICKS_PER_SECOND: u64 = 1 << TICK_BITS;
const TICKS_PER_DAY: u64 = SECONDS_PER_DAY * TICKS_PER_SECOND;
/// 10,000 steps of 1.5 days: 15,000 days, 41.07 years.
const SPAN_TICKS: u64 = VISITS_DAILY_MAX * TICKS_PER_DAY / 2 * 3;

/// Shortest and longest step between visits, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// One or two whole days.
    Days,
    /// Any number of ticks from the first to the second.
    Ticks(u64, u64),
}

/// Time since the study's start; it never goes back. Dates are written in whole
/// seconds. Up to 1,296,000,000 visits, every visit has its own second; with
/// more, the mean step is below a second and neighboring visits may share one.
#[derive(Debug)]
pub struct Clock {
    ticks: u64,
    pace: Pace,
}

impl Clock {
    /// Creates a clock at the study's start, with a step for `visits` visits.
    pub fn new(visits: u64) -> Self {
        let pace = if visits <= VISITS_DAILY_MAX {
            Pace::Days
        } else {
            // As with one day or two, the longest step is twice the shortest. But no step is
            // below a second unless the mean is, so that the written seconds differ.
            let mean = SPAN_TICKS / visits;
            let shortest = (mean / 3 * 2).max(mean.min(TICKS_PER_SECOND));
            Pace::Ticks(shortest, 2 * mean - shortest)
        };
        Self { ticks: 0, pace }
    }

    /// Whole seconds since the study's start.
    pub fn seconds(&self) -> u64 {
        self.ticks >> TICK_BITS
    }

    /// Advances to the next visit.
    pub fn step(&mut self, draws: &mut Draws) {
        // Does not overflow: a test checks the longest step times the most visits.
        self.ticks += match self.pace {
            Pace::Days => draws.within(1_u64, 2) * TICKS_PER_DAY,
            Pace::Ticks(shortest, longest) => draws.within(shortest, longest),
        };
    }
}

/// A calendar that follows the clock, day by day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    days: u64,
    year: u16,
    month: u8,
    day: u8,
}

impl Calendar {
    /// The study's first day, 30 October 1938.
    pub const START: Self = Self { days: 0, year: 1938, month: 10, day: 30 };

    /// Returns year, month, day, hour, minute and second, `seconds` after the
    /// study's start. `seconds` must not be before the day of the last call.
    pub fn at(&mut self, seconds: u64) -> (u16, [u64; 5]) {
        // Advancing day by day is cheaper than converting each date from scratch, because most
        // rows are on the same day or the next.
        while self.days < seconds / SECONDS_PER_DAY {
            self.turn_day();
        }
        let of_day = seconds % SECONDS_PER_DAY;
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        let (month, day) = (self.month.into(), self.day.into());
        (self.year, [month, day, hour, minute, second])
    }

    fn turn_day(&mut self) {
        self.days += 1;
        self.day += 1;
        if self.day > self.month_days() {
            self.day = 1;
            self.month += 1;
        }
        if self.month > 12 {
            self.month = 1;
            self.year += 1;
        }
    }

    fn month_days(&self) -> u8 {
        let y = self.year;
        match self.month {
            2 if y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400)) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::draw::Stream;
    use super::*;
    use proptest::prelude::*;

    fn steps(visits: u64, take: usize) -> Vec<u64> {
        let mut draws = Draws::new(1938, Stream::Visits);
        let mut clock = Clock::new(visits);
        let mut seconds = vec![clock.seconds()];
        for _ in 0..take {
            clock.step(&mut draws);
            seconds.push(clock.seconds());
        }
        seconds.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn up_to_ten_thousand_visits_steps_are_one_or_two_days() {
        for visits in [1, 100, VISITS_DAILY_MAX] {
            let steps = steps(visits, 2_000);
            let one_day = steps.iter().filter(|s| **s == SECONDS_PER_DAY).count();
            let two_days = steps.iter().filter(|s| **s == 2 * SECONDS_PER_DAY).count();
            assert_eq!(one_day + two_days, steps.len());
            assert!(one_day.abs_diff(1_000) < 112, "{one_day} of 2000 are one day");
        }
    }

    #[test]
    fn the_span_stays_about_41_years() {
        let years = |seconds: u64| seconds as f64 / 365.25 / 86_400.0;
        for visits in [10_000, 10_001, 20_000, 100_000] {
            let span: u64 = steps(visits, 10_000).iter().sum();
            let whole = years(span) * visits as f64 / 10_000.0;
            assert!((40.6..41.6).contains(&whole), "{visits} visits: {whole}");
        }
        // Far beyond, by the mean of the shortest and the longest step.
        for visits in [2_000_000_000, 1_000_000_000_000_u64] {
            let Pace::Ticks(shortest, longest) = Clock::new(visits).pace else {
                unreachable!("paced by ticks");
            };
            let mean = ((shortest + longest) / 2 * visits) >> TICK_BITS;
            assert!((41.0..41.1).contains(&years(mean)), "{visits} visits");
        }
    }

    #[test]
    fn times_repeat_only_beyond_one_visit_a_second() {
        for visits in [20_000, 864_000_000, 1_000_000_000, 1_296_000_000] {
            assert!(steps(visits, 5_000).iter().all(|step| *step >= 1));
        }
        assert!(steps(5_000_000_000, 5_000).contains(&0));
    }

    #[test]
    fn the_calendar_knows_leap_years_and_year_ends() {
        let mut calendar = Calendar::START;
        assert_eq!(calendar.at(0), (1938, [10, 30, 0, 0, 0]));
        assert_eq!(calendar.at(2 * SECONDS_PER_DAY - 1), (1938, [10, 31, 23, 59, 59]));
        assert_eq!(calendar.at(2 * SECONDS_PER_DAY), (1938, [11, 1, 0, 0, 0]));
        assert_eq!(calendar.at(62 * SECONDS_PER_DAY), (1938, [12, 31, 0, 0, 0]));
        assert_eq!(calendar.at(63 * SECONDS_PER_DAY), (1939, [1, 1, 0, 0, 0]));
        // 487 days on is 29 February 1940; 15,000 days on, 24 November 1979.
        assert_eq!(calendar.at(487 * SECONDS_PER_DAY), (1940, [2, 29, 0, 0, 0]));
        assert_eq!(calendar.at(488 * SECONDS_PER_DAY), (1940, [3, 1, 0, 0, 0]));
        assert_eq!(calendar.at(15_000 * SECONDS_PER_DAY), (1979, [11, 24, 0, 0, 0]));
    }

    proptest! {
        #[test]
        fn no_step_goes_back_or_overflows(visits in 1..=1_000_000_000_000_u64) {
            if let Pace::Ticks(shortest, longest) = Clock::new(visits).pace {
                prop_assert!(0 < shortest && shortest <= longest);
                prop_assert!(longest.checked_mul(visits).is_some());
            }
        }
    }
}
