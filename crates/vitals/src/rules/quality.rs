//! Data-quality counts: per vital, and of rows left out.
//!
//! Used by [`crate::rules::accumulator::ObjectAccumulator`]; the results show them per object, so
//! that the right file can be inspected. It must hold counts only, never a value.

use crate::rules::fixed::Fixed;
use crate::rules::fixed::STEPS_PER_UNIT;
use crate::rules::vital::Vital;

/// Data-quality counts of one vital in one object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QualityCounts {
    /// Values analyzed (plausible).
    pub values: u64,
    /// Empty cells.
    pub missing: u64,
    /// Values outside the plausible range, left out.
    pub implausible: u64,
    /// Cells that are not exact numbers, left out.
    pub unparsable: u64,
    /// Values in a unit of measurement that this vital is not known to have, left out.
    pub unknown_unit: u64,
    /// Analyzed values whose time equals the latest one of the same patient
    /// and vital so far in this object.
    pub duplicates: u64,
    /// Analyzed values whose time is before that latest one.
    pub out_of_order: u64,
    /// Analyzed values before the day of birth; 0 without a table of people.
    pub before_birth: u64,
    /// Analyzed values after the day of death; 0 without a table of people.
    pub after_death: u64,
    /// Moments whose diastolic pressure is not below the systolic; counted
    /// under the diastolic pressure only.
    pub dbp_not_below_sbp: u64,
    /// Moments at which this vital equals an earlier one in [`Vital::ALL`], if the two are equal
    /// whenever both were measured, and at least [`EQUAL_MIN`] times: one column is a copy of the
    /// other.
    pub equal_column: u64,
    /// Moments whose body mass index differs by more than [`BMI_TOLERANCE`] from that of their
    /// weight and height; counted under the index only.
    pub bmi_differs: u64,
}

impl QualityCounts {
    /// The names of the counts, in the order of every output.
    pub const NAMES: [&str; 12] = [
        "values",
        "missing",
        "implausible",
        "unparsable",
        "unknown_unit",
        "duplicates",
        "out_of_order",
        Self::LIFE_CHECKS[0],
        Self::LIFE_CHECKS[1],
        Self::DBP_CHECK,
        "equal_column",
        Self::BMI_CHECK,
    ];
    /// The checks that need a table of people.
    pub const LIFE_CHECKS: [&str; 2] = ["before_birth", "after_death"];
    /// The check that only the diastolic pressure has.
    pub const DBP_CHECK: &str = "dbp_not_below_sbp";
    /// The check that only the body mass index has.
    pub const BMI_CHECK: &str = "bmi_differs";

    /// Returns the counts, in the order of [`QualityCounts::NAMES`].
    #[must_use]
    pub const fn to_array(&self) -> [u64; Self::NAMES.len()] {
        [
            self.values,
            self.missing,
            self.implausible,
            self.unparsable,
            self.unknown_unit,
            self.duplicates,
            self.out_of_order,
            self.before_birth,
            self.after_death,
            self.dbp_not_below_sbp,
            self.equal_column,
            self.bmi_differs,
        ]
    }
}

impl From<[u64; Self::NAMES.len()]> for QualityCounts {
    fn from(counts: [u64; Self::NAMES.len()]) -> Self {
        let [
            values,
            missing,
            implausible,
            unparsable,
            unknown_unit,
            duplicates,
            out_of_order,
            before_birth,
            after_death,
            dbp_not_below_sbp,
            equal_column,
            bmi_differs,
        ] = counts;
        Self {
            values,
            missing,
            implausible,
            unparsable,
            unknown_unit,
            duplicates,
            out_of_order,
            before_birth,
            after_death,
            dbp_not_below_sbp,
            equal_column,
            bmi_differs,
        }
    }
}

/// Why a row belongs to no vital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LeftOut {
    /// Its code is not that of a vital.
    OtherCode = 0,
    /// It was canceled, or entered in error.
    Withdrawn = 1,
    /// It has no patient.
    NoPatient = 2,
    /// It has no time, or one that cannot be read.
    NoTime = 3,
    /// It does not have the form of a row.
    Malformed = 4,
}

impl LeftOut {
    /// Every reason, in the order of the outputs.
    pub const ALL: [Self; 5] =
        [Self::OtherCode, Self::Withdrawn, Self::NoPatient, Self::NoTime, Self::Malformed];

    /// The names of all reasons, in that order.
    pub const NAMES: [&str; 5] = [
        Self::OtherCode.name(),
        Self::Withdrawn.name(),
        Self::NoPatient.name(),
        Self::NoTime.name(),
        Self::Malformed.name(),
    ];

    /// Returns the name used in every table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OtherCode => "other_code",
            Self::Withdrawn => "withdrawn",
            Self::NoPatient => "no_patient",
            Self::NoTime => "no_time",
            Self::Malformed => "malformed",
        }
    }
}

/// Rows left out, by [`LeftOut`].
pub type LeftOutCounts = [u64; LeftOut::ALL.len()];

/// The largest accepted difference between a body mass index and the computed one, in kg/m2.
pub const BMI_TOLERANCE: f64 = 0.1;

/// How often two vitals must have been measured together before their equality counts.
pub const EQUAL_MIN: u64 = 10;

/// Pairs of vitals that were equal whenever both were measured.
#[derive(Debug)]
pub(super) struct EqualColumns {
    /// Per vital, a bit for each later one that has not differed yet.
    candidates: [u16; Vital::COUNT],
    /// How often both were measured.
    together: [[u64; Vital::COUNT]; Vital::COUNT],
}

impl Default for EqualColumns {
    fn default() -> Self {
        Self { candidates: [u16::MAX; Vital::COUNT], together: Default::default() }
    }
}

impl EqualColumns {
    /// Adds the values of one moment.
    #[inline]
    pub(super) fn add(&mut self, values: &[Option<Fixed>; Vital::COUNT]) {
        // A bit set, so that absent vitals cost nothing.
        let mut present = 0_u16;
        for (bit, value) in values.iter().enumerate() {
            present |= u16::from(value.is_some()) << bit;
        }
        for first in 0..Vital::COUNT {
            let later = u16::MAX << (first + 1);
            // Different columns soon differ, and then no candidate is left.
            let mut left = self.candidates[first] & present & later;
            if left == 0 || values[first].is_none() {
                continue;
            }
            while left != 0 {
                let second = left.trailing_zeros() as usize;
                left &= left - 1;
                self.together[first][second] += 1;
                if values[first] != values[second] {
                    self.candidates[first] &= !(1 << second);
                }
            }
        }
    }

    /// Returns how often this vital equals an earlier one from which it never differs.
    pub(super) fn count(&self, vital: Vital) -> u64 {
        let second = vital.index();
        let equal = (0..second).filter(|first| self.candidates[*first] & (1 << second) != 0);
        let together = equal.map(|first| self.together[first][second]);
        together.filter(|count| *count >= EQUAL_MIN).max().unwrap_or(0)
    }
}

/// True if the diastolic pressure is not below the systolic.
#[inline]
pub(super) fn is_dbp_not_below_sbp(values: &[Option<Fixed>; Vital::COUNT]) -> bool {
    let high = values[Vital::SystolicBp.index()];
    let low = values[Vital::DiastolicBp.index()];
    matches!((low, high), (Some(low), Some(high)) if low >= high)
}

/// True if the body mass index is not that of weight and height.
#[inline]
// The cast is exact: within 2^53.
pub(super) fn bmi_differs(values: &[Option<Fixed>; Vital::COUNT]) -> bool {
    let units =
        |vital: Vital| values[vital.index()].map(|value| value.steps() as f64 / STEPS_PER_UNIT);
    // The height first: most files lack it.
    let Some(height) = units(Vital::Height) else { return false };
    let (Some(bmi), Some(weight)) = (units(Vital::Bmi), units(Vital::Weight)) else {
        return false;
    };
    let metres = height / 100.0;
    (bmi - weight / (metres * metres)).abs() > BMI_TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(of: &[(Vital, f64)]) -> [Option<Fixed>; Vital::COUNT] {
        let mut values = [None; Vital::COUNT];
        for (vital, value) in of {
            values[vital.index()] = Fixed::from_units(*value);
        }
        values
    }

    #[test]
    fn a_copied_column_is_found_and_one_difference_clears_it() {
        let mut equal = EqualColumns::default();
        let both =
            |high: f64, low: f64| moment(&[(Vital::SystolicBp, high), (Vital::DiastolicBp, low)]);
        for beat in 0..EQUAL_MIN {
            assert_eq!(equal.count(Vital::DiastolicBp), 0);
            equal.add(&both(100.0 + beat as f64, 100.0 + beat as f64));
            equal.add(&moment(&[(Vital::DiastolicBp, 5.0)]));
        }
        assert_eq!(equal.count(Vital::DiastolicBp), EQUAL_MIN);
        assert_eq!(equal.count(Vital::SystolicBp), 0);
        equal.add(&both(100.0, 99.0));
        assert_eq!(equal.count(Vital::DiastolicBp), 0);
    }

    #[test]
    fn an_index_must_fit_its_weight_and_height() {
        // 70 kg at 175 cm: 22.857.
        let with =
            |bmi: f64| moment(&[(Vital::Weight, 70.0), (Vital::Height, 175.0), (Vital::Bmi, bmi)]);
        assert!(!bmi_differs(&with(22.857)) && !bmi_differs(&with(22.95)));
        assert!(bmi_differs(&with(22.96)) && bmi_differs(&with(22.75)));
        assert!(!bmi_differs(&moment(&[(Vital::Weight, 70.0), (Vital::Bmi, 99.0)])));
    }

    #[test]
    fn reasons_are_positions() {
        for (position, reason) in LeftOut::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, position);
        }
    }
}
