//! Plausible ranges: a value outside is counted and left out.
//!
//! Used by [`crate::rules::accumulator::ObjectAccumulator`] for every value. A bound is compared
//! in steps of [`Fixed`], so that a reading that equals a bound except for binary rounding (46 °C
//! as 114.8 °F) is on it, and a denormal number is 0.

use serde::{Deserialize, Serialize};

use crate::rules::fixed::Fixed;
use crate::rules::fixed::STEPS_PER_UNIT;
use crate::rules::vital::Vital;

/// A published set of plausible ranges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RangeProfile {
    /// The project's own ranges.
    #[default]
    Default,
    /// Those of the MIMIC code repository; vitals that it does not have are as in the default.
    Mimic,
    /// Those of the eICU code repository; likewise.
    Eicu,
}

impl RangeProfile {
    /// Returns the name in settings and outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Mimic => "mimic",
            Self::Eicu => "eicu",
        }
    }

    const fn range(self, vital: Vital) -> PlausibleRange {
        use PlausibleRange as R;
        match (self, vital) {
            (Self::Mimic, Vital::SystolicBp) => R::open(0.0, 400.0),
            (Self::Mimic, Vital::DiastolicBp | Vital::HeartRate) => R::open(0.0, 300.0),
            (Self::Mimic, Vital::RespiratoryRate) => R::open(0.0, 70.0),
            (Self::Mimic, Vital::Spo2) => R { low_is_in: false, ..R::closed(0.0, 100.0) },
            (Self::Mimic, Vital::Temperature) => R::open(10.0, 50.0),
            (Self::Eicu, Vital::HeartRate) => R::closed(25.0, 225.0),
            (Self::Eicu, Vital::RespiratoryRate) => R::closed(0.0, 60.0),
            (Self::Eicu, Vital::Spo2) => R::closed(0.0, 100.0),
            // eICU's ranges of these three are those of the default.
            (_, Vital::SystolicBp) => R::closed(25.0, 300.0),
            (_, Vital::DiastolicBp) => R::closed(1.0, 200.0),
            (_, Vital::Temperature) => R::closed(25.0, 46.0),
            (_, Vital::HeartRate) => R::closed(10.0, 300.0),
            (_, Vital::RespiratoryRate) => R::closed(1.0, 70.0),
            (_, Vital::Spo2) => R::closed(1.0, 100.0),
            (_, Vital::Weight) => R::closed(0.198, 680.4),
            (_, Vital::Height) => R::closed(20.0, 250.0),
            (_, Vital::Bmi) => R::closed(8.0, 100.0),
        }
    }
}

/// The plausible values of one vital, in its canonical unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlausibleRange {
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
    /// Whether the lower bound itself is plausible.
    pub low_is_in: bool,
    /// Whether the upper bound itself is plausible.
    pub high_is_in: bool,
}

impl PlausibleRange {
    const fn closed(low: f64, high: f64) -> Self {
        Self { low, high, low_is_in: true, high_is_in: true }
    }

    const fn open(low: f64, high: f64) -> Self {
        Self { low, high, low_is_in: false, high_is_in: false }
    }

    /// Returns the first and the last step within the range.
    fn steps(self) -> (i64, i64) {
        let step = |bound: f64| Fixed::from_units(bound).map_or(0, Fixed::steps);
        let (low, high) = (step(self.low), step(self.high));
        // An open bound excludes exactly one step.
        (low + i64::from(!self.low_is_in), high - i64::from(!self.high_is_in))
    }
}

impl std::fmt::Display for PlausibleRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { low, high, .. } = self;
        match (self.low_is_in, self.high_is_in) {
            (true, true) => write!(f, "{low}–{high}"),
            (true, false) => write!(f, "≥{low}, <{high}"),
            (false, true) => write!(f, ">{low}, ≤{high}"),
            (false, false) => write!(f, ">{low}, <{high}"),
        }
    }
}

/// One range per vital.
///
/// ```
/// use sce_vitals::rules::fixed::Fixed;
/// use sce_vitals::rules::range::{PlausibleRanges, RangeProfile};
/// use sce_vitals::rules::vital::Vital;
///
/// let mut ranges = PlausibleRanges::of(RangeProfile::Default);
/// let fast = Fixed::from_units(290.0).unwrap();
/// assert!(ranges.contains(Vital::HeartRate, fast));
/// ranges.adjust(Vital::HeartRate, 20.0, 250.0);
/// assert!(!ranges.contains(Vital::HeartRate, fast));
/// assert_eq!(ranges.profile(), "default, adjusted");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlausibleRanges {
    profile: RangeProfile,
    ranges: [PlausibleRange; Vital::COUNT],
    steps: [(i64, i64); Vital::COUNT],
    adjusted: bool,
}

impl PlausibleRanges {
    /// Creates the ranges of a profile.
    #[must_use]
    pub fn of(profile: RangeProfile) -> Self {
        let ranges = Vital::ALL.map(|vital| profile.range(vital));
        Self { profile, ranges, steps: ranges.map(PlausibleRange::steps), adjusted: false }
    }

    /// Replaces one range by inclusive bounds, which must be within
    /// [`crate::rules::fixed::UNIT_LIMIT`].
    pub fn adjust(&mut self, vital: Vital, low: f64, high: f64) {
        let range = PlausibleRange::closed(low, high);
        self.ranges[vital.index()] = range;
        self.steps[vital.index()] = range.steps();
        self.adjusted = true;
    }

    /// Returns the profile's name, as outputs show it.
    #[must_use]
    pub fn profile(&self) -> String {
        let adjusted = if self.adjusted { ", adjusted" } else { "" };
        format!("{}{adjusted}", self.profile.name())
    }

    /// Returns the range of a vital.
    #[must_use]
    pub const fn range(&self, vital: Vital) -> PlausibleRange {
        self.ranges[vital.index()]
    }

    /// True if the value is plausible.
    #[must_use]
    #[inline]
    pub const fn contains(&self, vital: Vital, value: Fixed) -> bool {
        let (low, high) = self.steps[vital.index()];
        value.steps() >= low && value.steps() <= high
    }
}

/// The reference range of one vital of an adult; a value outside is abnormal. Either bound may be
/// absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferenceRange {
    low: Option<i64>,
    high: Option<i64>,
}

impl ReferenceRange {
    /// Creates a range with inclusive bounds in canonical units, within
    /// [`crate::rules::fixed::UNIT_LIMIT`].
    #[must_use]
    pub fn new(low: Option<f64>, high: Option<f64>) -> Self {
        let steps = |bound: Option<f64>| bound.and_then(Fixed::from_units).map(Fixed::steps);
        Self { low: steps(low), high: steps(high) }
    }

    /// Returns the usual range: for NEWS2's five vitals, where it scores 0; for the diastolic
    /// pressure 60 to 89 (ACC/AHA: below stage 2); for the body mass index the WHO's normal
    /// class. Weight and height have none.
    #[must_use]
    pub fn usual(vital: Vital) -> Self {
        let (low, high) = match vital {
            Vital::SystolicBp => (Some(111.0), Some(219.0)),
            Vital::DiastolicBp => (Some(60.0), Some(89.0)),
            Vital::HeartRate => (Some(51.0), Some(90.0)),
            Vital::RespiratoryRate => (Some(12.0), Some(20.0)),
            Vital::Spo2 => (Some(96.0), None),
            Vital::Temperature => (Some(36.1), Some(38.0)),
            Vital::Bmi => (Some(18.5), Some(24.99)),
            Vital::Weight | Vital::Height => (None, None),
        };
        Self::new(low, high)
    }

    /// Returns the value that is `excess` steps outside, in canonical units.
    #[must_use]
    // The cast is exact: within 2^53.
    pub fn beyond(&self, excess: i64) -> f64 {
        let bound = if excess < 0 { self.low } else { self.high };
        (bound.unwrap_or(0) + excess) as f64 / STEPS_PER_UNIT
    }

    /// Returns by how many steps a value is above (positive) or below the range, or 0.
    #[must_use]
    pub fn excess(&self, steps: i64) -> i64 {
        match (self.low, self.high) {
            (Some(low), _) if steps < low => steps - low,
            (_, Some(high)) if steps > high => steps - high,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::conversion::Conversion;
    use crate::rules::fixed::UNIT_LIMIT;

    fn contains(ranges: &PlausibleRanges, vital: Vital, value: f64) -> bool {
        ranges.contains(vital, Fixed::from_units(value).expect("within the limit"))
    }

    #[rustfmt::skip]
    #[test]
    fn every_profile_is_the_published_table() {
        let table: [(RangeProfile, [&str; Vital::COUNT]); 3] = [
            (RangeProfile::Default,
             ["25–300", "1–200", "10–300", "1–70", "1–100", "25–46", "0.198–680.4", "20–250", "8–100"]),
            (RangeProfile::Mimic,
             [">0, <400", ">0, <300", ">0, <300", ">0, <70", ">0, ≤100", ">10, <50", "0.198–680.4", "20–250", "8–100"]),
            (RangeProfile::Eicu,
             ["25–300", "1–200", "25–225", "0–60", "0–100", "25–46", "0.198–680.4", "20–250", "8–100"]),
        ];
        for (profile, expected) in table {
            let ranges = PlausibleRanges::of(profile);
            assert_eq!(Vital::ALL.map(|vital| ranges.range(vital).to_string()), expected);
            assert_eq!(ranges.profile(), profile.name());
        }
    }

    #[test]
    fn a_bound_is_in_or_out_as_the_profile_says() {
        for profile in [RangeProfile::Default, RangeProfile::Mimic, RangeProfile::Eicu] {
            let ranges = PlausibleRanges::of(profile);
            for vital in Vital::ALL {
                let range = ranges.range(vital);
                assert!(range.high <= UNIT_LIMIT);
                assert_eq!(contains(&ranges, vital, range.low), range.low_is_in);
                assert_eq!(contains(&ranges, vital, range.high), range.high_is_in);
                assert!(!contains(&ranges, vital, range.low - 1e-10));
                assert!(!contains(&ranges, vital, range.high + 1e-10));
                assert!(contains(&ranges, vital, range.low + 1e-10));
            }
        }
    }

    #[test]
    fn a_denormal_number_is_zero_and_rounding_moves_no_bound() {
        let mimic = PlausibleRanges::of(RangeProfile::Mimic);
        assert!(!contains(&mimic, Vital::SystolicBp, 5.4e-79));
        let ranges = PlausibleRanges::of(RangeProfile::Default);
        let hottest = Conversion::FahrenheitToCelsius.apply(114.8);
        assert!(contains(&ranges, Vital::Temperature, hottest));
    }

    #[test]
    fn the_usual_range_is_where_news2_scores_zero() {
        let steps = |value: f64| Fixed::from_units(value).expect("within the limit").steps();
        let pulse = ReferenceRange::usual(Vital::HeartRate);
        assert_eq!((pulse.excess(steps(51.0)), pulse.excess(steps(90.0))), (0, 0));
        assert_eq!(pulse.excess(steps(50.0)), -steps(1.0));
        assert_eq!(pulse.beyond(pulse.excess(steps(140.0))), 140.0);
        assert_eq!(pulse.beyond(pulse.excess(steps(40.5))), 40.5);
        assert_eq!(ReferenceRange::usual(Vital::Spo2).excess(steps(100.0)), 0);
        assert_eq!(ReferenceRange::usual(Vital::Weight).excess(steps(600.0)), 0);
    }

    #[test]
    fn one_range_is_adjusted_and_the_outputs_say_so() {
        let mut ranges = PlausibleRanges::of(RangeProfile::Mimic);
        ranges.adjust(Vital::HeartRate, 20.0, 250.0);
        assert!(contains(&ranges, Vital::HeartRate, 250.0));
        assert!(!contains(&ranges, Vital::HeartRate, 250.1));
        assert_eq!(ranges.profile(), "mimic, adjusted");
    }
}
