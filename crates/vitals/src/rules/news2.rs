//! NEWS2 (Royal College of Physicians, 2017), as far as five vitals allow.
//!
//! Used by [`crate::rules::accumulator::ObjectAccumulator`] for every complete set of five. The
//! wide files record neither supplemental oxygen nor consciousness, so the score is *partial*:
//! breathing air and alert are assumed, and SpO2 scale 1 is used. It is not for patients under 16
//! or in pregnancy, which every output of it must state. An incomplete set must never be scored.

use crate::rules::fixed::Fixed;
use crate::rules::vital::Vital;

/// The five vitals of one moment, in canonical units.
#[derive(Debug, Clone, Copy)]
pub struct Five {
    /// Respiratory rate, /min.
    pub respiratory_rate: Fixed,
    /// SpO2, %.
    pub spo2: Fixed,
    /// Systolic blood pressure, mm\[Hg\].
    pub systolic_bp: Fixed,
    /// Pulse, /min.
    pub pulse: Fixed,
    /// Temperature, Cel.
    pub temperature: Fixed,
}

impl Five {
    /// Returns the five from a moment's values; `None` unless all are present.
    #[must_use]
    #[inline]
    pub fn of(values: &[Option<Fixed>; Vital::COUNT]) -> Option<Self> {
        Some(Self {
            respiratory_rate: values[Vital::RespiratoryRate.index()]?,
            spo2: values[Vital::Spo2.index()]?,
            systolic_bp: values[Vital::SystolicBp.index()]?,
            pulse: values[Vital::HeartRate.index()]?,
            temperature: values[Vital::Temperature.index()]?,
        })
    }
}

/// A total, and whether any vital alone scored 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// Sum over the five vitals, 0 to 15.
    pub total: u8,
    /// True if one vital scored 3.
    pub single_three: bool,
}

/// The clinical risk bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Band {
    /// Total 0 to 4, no vital at 3.
    Low,
    /// Total below 5 with a single vital at 3.
    LowMedium,
    /// Total 5 or 6.
    Medium,
    /// Total 7 or more.
    High,
}

/// The number of complete sets in each band.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BandCounts {
    /// Complete sets: the sum of the four below.
    pub complete: u64,
    /// Sets in [`Band::Low`].
    pub low: u64,
    /// Sets in [`Band::LowMedium`].
    pub low_medium: u64,
    /// Sets in [`Band::Medium`].
    pub medium: u64,
    /// Sets in [`Band::High`].
    pub high: u64,
}

/// A patient's scores over time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Course {
    /// The sets in each band.
    pub bands: BandCounts,
    /// The highest total.
    pub max: u8,
    /// The time of the last set, in civil seconds; `None` without sets.
    pub last_time: Option<i64>,
    /// The total of that set; the highest, if several sets have that time.
    pub last: u8,
    /// Sets that were scored at an unknown age.
    pub age_unknown: u64,
    /// Complete sets that were not scored because the patient was a child.
    pub under_age: u64,
}

impl Course {
    /// The names of the counts of sets whose age matters: scored at an unknown age, and not
    /// scored.
    pub const AGE_NAMES: [&str; 2] = ["age_unknown", "under_16"];

    /// Adds one complete set that may be scored.
    pub fn add(&mut self, time: i64, score: Score) {
        self.bands.add(band(score));
        self.max = self.max.max(score.total);
        if self.last_time.is_none_or(|last| time > last) {
            (self.last_time, self.last) = (Some(time), score.total);
        } else if self.last_time == Some(time) {
            // Sets of one time have no order: the highest is the same in any.
            self.last = self.last.max(score.total);
        }
    }
}

impl BandCounts {
    /// The names of the counts, in the order of every output.
    pub const NAMES: [&str; 5] = ["complete", "low", "low_medium", "medium", "high"];

    /// Returns the counts, in the order of [`BandCounts::NAMES`].
    #[must_use]
    pub const fn to_array(&self) -> [u64; Self::NAMES.len()] {
        [self.complete, self.low, self.low_medium, self.medium, self.high]
    }

    /// Counts one complete set.
    pub fn add(&mut self, band: Band) {
        self.complete += 1;
        match band {
            Band::Low => self.low += 1,
            Band::LowMedium => self.low_medium += 1,
            Band::Medium => self.medium += 1,
            Band::High => self.high += 1,
        }
    }
}

impl From<[u64; Self::NAMES.len()]> for BandCounts {
    fn from([complete, low, low_medium, medium, high]: [u64; Self::NAMES.len()]) -> Self {
        Self { complete, low, low_medium, medium, high }
    }
}

const fn respiratory_rate(per_minute: i64) -> u8 {
    match per_minute {
        ..=8 => 3,
        9..=11 => 1,
        12..=20 => 0,
        21..=24 => 2,
        25.. => 3,
    }
}

const fn spo2_scale_1(percent: i64) -> u8 {
    match percent {
        ..=91 => 3,
        92..=93 => 2,
        94..=95 => 1,
        96.. => 0,
    }
}

const fn systolic_bp(mm_hg: i64) -> u8 {
    match mm_hg {
        ..=90 => 3,
        91..=100 => 2,
        101..=110 => 1,
        111..=219 => 0,
        220.. => 3,
    }
}

const fn pulse(per_minute: i64) -> u8 {
    match per_minute {
        ..=40 => 3,
        41..=50 => 1,
        51..=90 => 0,
        91..=110 => 1,
        111..=130 => 2,
        131.. => 3,
    }
}

/// Scores tenths of a degree Celsius.
const fn temperature(tenths: i64) -> u8 {
    match tenths {
        ..=350 => 3,
        351..=360 => 1,
        361..=380 => 0,
        381..=390 => 1,
        391.. => 2,
    }
}

/// Returns the partial score: values are rounded half up (to whole numbers; temperature to 0.1
/// Cel), then looked up.
///
/// ```
/// use sce_vitals::rules::fixed::Fixed;
/// use sce_vitals::rules::news2::{Band, Five, band, score};
///
/// let fixed = |value| Fixed::from_units(value).unwrap();
/// let five = Five {
///     respiratory_rate: fixed(8.0),
///     spo2: fixed(98.0),
///     systolic_bp: fixed(120.0),
///     pulse: fixed(70.0),
///     temperature: fixed(37.0),
/// };
/// let found = score(&five);
/// assert_eq!((found.total, found.single_three), (3, true));
/// assert_eq!(band(found), Band::LowMedium);
/// ```
#[must_use]
#[inline]
pub fn score(five: &Five) -> Score {
    let parts = [
        respiratory_rate(five.respiratory_rate.round_half_up(1)),
        spo2_scale_1(five.spo2.round_half_up(1)),
        systolic_bp(five.systolic_bp.round_half_up(1)),
        pulse(five.pulse.round_half_up(1)),
        temperature(five.temperature.round_half_up(10)),
    ];
    Score { total: parts.iter().sum(), single_three: parts.contains(&3) }
}

/// Returns the band of a score.
#[must_use]
#[inline]
pub const fn band(score: Score) -> Band {
    match score.total {
        7.. => Band::High,
        5..=6 => Band::Medium,
        // From 5 on, a single 3 makes no difference.
        _ if score.single_three => Band::LowMedium,
        _ => Band::Low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(value: f64) -> Fixed {
        Fixed::from_units(value).expect("within the limit")
    }

    /// Scores a healthy set, in which only the value under test may score.
    fn score_with(vital: Vital, value: f64) -> Score {
        let mut values = [None; Vital::COUNT];
        let healthy = [
            (Vital::RespiratoryRate, 16.0),
            (Vital::Spo2, 98.0),
            (Vital::SystolicBp, 120.0),
            (Vital::HeartRate, 70.0),
            (Vital::Temperature, 37.0),
        ];
        for (vital, value) in healthy {
            values[vital.index()] = Some(fixed(value));
        }
        values[vital.index()] = Some(fixed(value));
        score(&Five::of(&values).expect("complete"))
    }

    #[rustfmt::skip]
    #[test]
    fn every_boundary_of_the_published_table() {
        let table: &[(Vital, &[(f64, u8)])] = &[
            (Vital::RespiratoryRate,
             &[(1.0, 3), (8.0, 3), (9.0, 1), (11.0, 1), (12.0, 0), (20.0, 0), (21.0, 2),
               (24.0, 2), (25.0, 3), (70.0, 3)]),
            (Vital::Spo2,
             &[(1.0, 3), (91.0, 3), (92.0, 2), (93.0, 2), (94.0, 1), (95.0, 1), (96.0, 0),
               (100.0, 0)]),
            (Vital::SystolicBp,
             &[(25.0, 3), (90.0, 3), (91.0, 2), (100.0, 2), (101.0, 1), (110.0, 1), (111.0, 0),
               (219.0, 0), (220.0, 3), (300.0, 3)]),
            (Vital::HeartRate,
             &[(10.0, 3), (40.0, 3), (41.0, 1), (50.0, 1), (51.0, 0), (90.0, 0), (91.0, 1),
               (110.0, 1), (111.0, 2), (130.0, 2), (131.0, 3), (300.0, 3)]),
            (Vital::Temperature,
             &[(25.0, 3), (35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1),
               (39.0, 1), (39.1, 2), (46.0, 2)]),
        ];
        for (vital, cases) in table {
            for (value, expected) in *cases {
                let found = score_with(*vital, *value);
                assert_eq!(found.total, *expected, "{} {value}", vital.name());
                assert_eq!(found.single_three, *expected == 3);
            }
        }
    }

    #[test]
    fn values_are_rounded_half_up_before_the_look_up() {
        let table = [
            (Vital::RespiratoryRate, 8.49, 3),
            (Vital::RespiratoryRate, 8.5, 1),
            (Vital::RespiratoryRate, 24.5, 3),
            (Vital::Spo2, 91.49, 3),
            (Vital::Spo2, 91.5, 2),
            (Vital::Spo2, 95.5, 0),
            (Vital::SystolicBp, 90.5, 2),
            (Vital::SystolicBp, 219.49, 0),
            (Vital::SystolicBp, 219.5, 3),
            (Vital::HeartRate, 40.5, 1),
            (Vital::HeartRate, 130.5, 3),
            (Vital::Temperature, 35.04, 3),
            (Vital::Temperature, 35.05, 1),
            (Vital::Temperature, 36.05, 0),
            (Vital::Temperature, 38.05, 1),
            (Vital::Temperature, 39.04, 1),
            (Vital::Temperature, 39.05, 2),
        ];
        for (vital, value, expected) in table {
            assert_eq!(score_with(vital, value).total, expected, "{} {value}", vital.name());
        }
    }

    #[test]
    fn an_incomplete_set_is_not_scored() {
        let mut values = [Some(fixed(50.0)); Vital::COUNT];
        for vital in [Vital::Weight, Vital::Height, Vital::Bmi, Vital::DiastolicBp] {
            values[vital.index()] = None;
        }
        assert!(Five::of(&values).is_some());
        for vital in [
            Vital::RespiratoryRate,
            Vital::Spo2,
            Vital::SystolicBp,
            Vital::HeartRate,
            Vital::Temperature,
        ] {
            let mut values = values;
            values[vital.index()] = None;
            assert!(Five::of(&values).is_none(), "{}", vital.name());
        }
    }

    #[test]
    fn bands_by_total_and_by_a_single_three() {
        let band = |total, single_three| super::band(Score { total, single_three });
        for total in 0..=4 {
            assert_eq!(band(total, false), Band::Low);
        }
        for total in 3..=4 {
            assert_eq!(band(total, true), Band::LowMedium);
        }
        for total in 5..=6 {
            assert_eq!(band(total, false), Band::Medium);
            assert_eq!(band(total, true), Band::Medium);
        }
        for total in 7..=15 {
            assert_eq!(band(total, false), Band::High);
            assert_eq!(band(total, true), Band::High);
        }
        let mut counts = BandCounts::default();
        for band in [Band::Low, Band::LowMedium, Band::Medium, Band::High, Band::High] {
            counts.add(band);
        }
        let expected = BandCounts { complete: 5, low: 1, low_medium: 1, medium: 1, high: 2 };
        assert_eq!(counts, expected);
    }
}
