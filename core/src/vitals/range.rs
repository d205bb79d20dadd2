//! Plausible ranges: outside them a value is counted and left out.
//!
//! Used by [`super::ObjectAccumulator`] for every value. Every range must lie
//! within [`super::UNIT_LIMIT`], which the exact sums rely on; further named
//! profiles are added here as further constructors.

use super::Vital;

/// One inclusive range per vital, in the canonical unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlausibleRanges {
    profile: &'static str,
    ranges: [(f64, f64); Vital::COUNT],
}

impl PlausibleRanges {
    /// The default profile.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            profile: "default",
            ranges: [
                (25.0, 300.0),
                (1.0, 200.0),
                (10.0, 300.0),
                (1.0, 70.0),
                (1.0, 100.0),
                (25.0, 46.0),
                (0.198, 680.4),
                (20.0, 250.0),
                (8.0, 100.0),
            ],
        }
    }

    /// The profile's name, as outputs show it.
    #[must_use]
    pub const fn profile(&self) -> &'static str {
        self.profile
    }

    /// The inclusive bounds for a vital.
    #[must_use]
    pub const fn bounds(&self, vital: Vital) -> (f64, f64) {
        self.ranges[vital.index()]
    }

    /// True if the value (canonical unit) is within the bounds; NaN is not.
    #[must_use]
    #[inline]
    pub fn contains(&self, vital: Vital, value: f64) -> bool {
        let (low, high) = self.ranges[vital.index()];
        value >= low && value <= high
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vitals::UNIT_LIMIT;

    #[test]
    fn bounds_are_inclusive_and_within_the_limit_of_the_sums() {
        let ranges = PlausibleRanges::standard();
        for vital in Vital::ALL {
            let (low, high) = ranges.bounds(vital);
            assert!(ranges.contains(vital, low) && ranges.contains(vital, high));
            assert!(!ranges.contains(vital, low.next_down()));
            assert!(!ranges.contains(vital, high.next_up()));
            assert!(!ranges.contains(vital, f64::NAN));
            assert!(low > 0.0 && high <= UNIT_LIMIT);
        }
    }

    #[test]
    fn the_default_profile_is_the_published_table() {
        let ranges = PlausibleRanges::standard();
        assert_eq!(ranges.bounds(Vital::SystolicBp), (25.0, 300.0));
        assert_eq!(ranges.bounds(Vital::DiastolicBp), (1.0, 200.0));
        assert_eq!(ranges.bounds(Vital::HeartRate), (10.0, 300.0));
        assert_eq!(ranges.bounds(Vital::RespiratoryRate), (1.0, 70.0));
        assert_eq!(ranges.bounds(Vital::Spo2), (1.0, 100.0));
        assert_eq!(ranges.bounds(Vital::Temperature), (25.0, 46.0));
        assert_eq!(ranges.bounds(Vital::Weight), (0.198, 680.4));
        assert_eq!(ranges.bounds(Vital::Height), (20.0, 250.0));
        assert_eq!(ranges.bounds(Vital::Bmi), (8.0, 100.0));
    }
}
