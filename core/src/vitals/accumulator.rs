//! Everything learnt from one object, fed one observation at a time.
//!
//! Every format decoder turns its bytes into calls of [`ObjectAccumulator`];
//! the agent then makes a partial of it. Memory grows with patients and with
//! distinct hundredths per patient, never with rows. It must stay free of any
//! format's peculiarities, and of floating-point sums.

use super::news2::{self, BandCounts, Five};
use super::{Cell, Fixed, PlausibleRanges, Vital, cell::Sequence};
use rustc_hash::FxHashMap;

/// One cell of the input, as the decoder read it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// Nothing there (empty, `NA`, `NaN`).
    Missing,
    /// Something there that is not a number.
    Unparsable,
    /// A number in the vital's canonical unit.
    Value(f64),
}

/// A patient of this object, in order of first appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatientIndex(u32);

/// What is kept of one patient.
#[derive(Debug, Clone, Default)]
pub struct PatientCells {
    /// One cell per vital, by [`Vital::index`].
    pub cells: [Cell; Vital::COUNT],
    /// NEWS2 bands of the complete sets.
    pub bands: BandCounts,
    pending: Vec<Pending>,
}

/// A plausible value that waits to be taken into its cell.
#[derive(Debug, Clone, Copy)]
struct Pending {
    time: i64,
    units: f64,
    vital: Vital,
}

/// Values of one patient that may wait. A file by date visits another patient
/// with every row, and then every cell and every bin is a cache miss (four
/// fifths of all time, measured); in bursts of this many they are not.
const PENDING_LIMIT: usize = 256;

impl PatientCells {
    /// Takes the waiting values into their cells, in order.
    #[cold]
    fn settle(&mut self, quality: &mut [QualityCounts; Vital::COUNT]) {
        for Pending { time, units, vital } in self.pending.drain(..) {
            let Some(value) = Fixed::from_units(units) else {
                continue;
            };
            let cell = &mut self.cells[vital.index()];
            match cell.add(time, units, value) {
                Sequence::Later => {}
                Sequence::Duplicate => quality[vital.index()].duplicates += 1,
                Sequence::Earlier => quality[vital.index()].out_of_order += 1,
            }
        }
    }
}

/// Data-quality counts of one vital in one object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QualityCounts {
    /// Values analysed (plausible).
    pub values: u64,
    /// Empty cells.
    pub missing: u64,
    /// Values outside the plausible range, left out.
    pub implausible: u64,
    /// Cells that are not numbers, left out.
    pub unparsable: u64,
    /// Analysed values whose time equals the latest one of the same patient
    /// and vital so far in this object.
    pub duplicates: u64,
    /// Analysed values whose time is before that latest one.
    pub out_of_order: u64,
    /// Moments whose diastolic pressure is not below the systolic; counted
    /// under the diastolic pressure only.
    pub dbp_not_below_sbp: u64,
}

/// Statistics of one object in the making.
#[derive(Debug)]
pub struct ObjectAccumulator {
    ranges: PlausibleRanges,
    measured: [bool; Vital::COUNT],
    index: FxHashMap<Box<[u8]>, u32>,
    names: Vec<String>,
    patients: Vec<PatientCells>,
    quality: [QualityCounts; Vital::COUNT],
}

impl ObjectAccumulator {
    /// An empty one. `measured` are the vitals the format has a column for:
    /// each of them gets a row per patient even if every cell was empty.
    #[must_use]
    pub fn new(ranges: PlausibleRanges, measured: &[Vital]) -> Self {
        let mut flags = [false; Vital::COUNT];
        for vital in measured {
            flags[vital.index()] = true;
        }
        Self {
            ranges,
            measured: flags,
            index: FxHashMap::default(),
            names: Vec::new(),
            patients: Vec::new(),
            quality: [QualityCounts::default(); Vital::COUNT],
        }
    }

    /// The patient with this id; `None` if the id is not UTF-8 or there are
    /// more patients than an index can name.
    #[inline]
    pub fn patient(&mut self, id: &[u8]) -> Option<PatientIndex> {
        if let Some(index) = self.index.get(id) {
            return Some(PatientIndex(*index));
        }
        self.admit(id)
    }

    #[cold]
    fn admit(&mut self, id: &[u8]) -> Option<PatientIndex> {
        let name = std::str::from_utf8(id).ok()?.to_owned();
        let index = u32::try_from(self.patients.len()).ok()?;
        self.index.insert(id.into(), index);
        self.names.push(name);
        self.patients.push(PatientCells::default());
        Some(PatientIndex(index))
    }

    /// Takes one observation in. The answer is the value if it was analysed.
    #[inline]
    pub fn observe(
        &mut self,
        patient: PatientIndex,
        time: i64,
        vital: Vital,
        reading: Reading,
    ) -> Option<Fixed> {
        let patient = &mut self.patients[patient.0 as usize];
        let cell = &mut patient.cells[vital.index()];
        let quality = &mut self.quality[vital.index()];
        let units = match reading {
            Reading::Value(units) => units,
            Reading::Missing => {
                cell.missing += 1;
                return None;
            }
            Reading::Unparsable => {
                quality.unparsable += 1;
                return None;
            }
        };
        let plausible = self.ranges.contains(vital, units);
        let Some(value) = plausible.then(|| Fixed::from_units(units)).flatten() else {
            cell.implausible += 1;
            return None;
        };
        patient.pending.push(Pending { time, units, vital });
        if patient.pending.len() >= PENDING_LIMIT {
            patient.settle(&mut self.quality);
        }
        Some(value)
    }

    /// Closes one moment of a patient: the checks and scores that need
    /// several vitals at once. `analysed` are the answers of
    /// [`ObjectAccumulator::observe`], by [`Vital::index`].
    #[inline]
    pub fn close_moment(
        &mut self,
        patient: PatientIndex,
        analysed: &[Option<Fixed>; Vital::COUNT],
    ) {
        let diastolic = Vital::DiastolicBp.index();
        if let (Some(low), Some(high)) = (analysed[diastolic], analysed[Vital::SystolicBp.index()])
            && low >= high
        {
            self.quality[diastolic].dbp_not_below_sbp += 1;
        }
        if let Some(five) = Five::of(analysed) {
            let band = news2::band(news2::score(&five));
            self.patients[patient.0 as usize].bands.add(band);
        }
    }

    /// Ends the object.
    #[must_use]
    pub fn finish(mut self) -> ObjectStatistics {
        for patient in &mut self.patients {
            patient.settle(&mut self.quality);
        }
        ObjectStatistics(self)
    }
}

/// Statistics of one object, complete.
#[derive(Debug)]
pub struct ObjectStatistics(ObjectAccumulator);

impl ObjectStatistics {
    /// True if the format has a column for this vital.
    #[must_use]
    pub const fn measures(&self, vital: Vital) -> bool {
        self.0.measured[vital.index()]
    }

    /// The patients and what is kept of them, in order of first appearance.
    pub fn patients(&self) -> impl ExactSizeIterator<Item = (&str, &PatientCells)> {
        self.0
            .names
            .iter()
            .map(String::as_str)
            .zip(&self.0.patients)
    }

    /// The quality counts of one vital, over all patients.
    #[must_use]
    pub fn quality(&self, vital: Vital) -> QualityCounts {
        let mut counts = self.0.quality[vital.index()];
        for patient in &self.0.patients {
            let cell = &patient.cells[vital.index()];
            counts.values += cell.sums.n;
            counts.missing += cell.missing;
            counts.implausible += cell.implausible;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accumulator() -> ObjectAccumulator {
        ObjectAccumulator::new(PlausibleRanges::standard(), &[Vital::HeartRate])
    }

    #[test]
    fn readings_are_counted_where_they_belong() {
        let mut all = accumulator();
        let john = all.patient(b"55").expect("an id");
        let readings = [
            (10, Reading::Value(60.0), true),
            (20, Reading::Missing, false),
            (20, Reading::Unparsable, false),
            (20, Reading::Value(301.0), false),
            (20, Reading::Value(9999.0), false),
            (20, Reading::Value(5.4e-79), false),
            (10, Reading::Value(62.0), true),
            (5, Reading::Value(64.0), true),
        ];
        for (time, reading, analysed) in readings {
            let answer = all.observe(john, time, Vital::HeartRate, reading);
            assert_eq!(answer.is_some(), analysed, "{reading:?}");
        }
        let all = all.finish();
        let expected = QualityCounts {
            values: 3,
            missing: 1,
            implausible: 3,
            unparsable: 1,
            duplicates: 1,
            out_of_order: 1,
            dbp_not_below_sbp: 0,
        };
        assert_eq!(all.quality(Vital::HeartRate), expected);
        assert_eq!(all.quality(Vital::Weight), QualityCounts::default());
        assert!(all.measures(Vital::HeartRate) && !all.measures(Vital::Height));
    }

    #[test]
    fn every_value_reaches_its_histogram() {
        let mut all = accumulator();
        let john = all.patient(b"55").expect("an id");
        for beat in 0..5 * PENDING_LIMIT as u64 + 3 {
            let value = 60.0 + (beat % 7) as f64;
            all.observe(john, 0, Vital::HeartRate, Reading::Value(value));
        }
        let all = all.finish();
        let (_, patient) = all.patients().next().expect("a patient");
        let bins = patient.cells[Vital::HeartRate.index()].bins.sorted();
        assert_eq!(
            bins.iter().map(|(bin, _)| *bin).collect::<Vec<_>>(),
            [6000, 6100, 6200, 6300, 6400, 6500, 6600]
        );
        assert_eq!(
            bins.iter().map(|(_, count)| count).sum::<u64>(),
            5 * PENDING_LIMIT as u64 + 3
        );
    }

    #[test]
    fn patients_are_told_apart_and_recognised() {
        let mut all = accumulator();
        let (a, b) = (all.patient(b"a"), all.patient(b"b"));
        assert_ne!(a, b);
        assert_eq!(all.patient(b"a"), a);
        assert_eq!(all.patient(b"\xff"), None);
        let all = all.finish();
        assert_eq!(
            all.patients().map(|(name, _)| name).collect::<Vec<_>>(),
            ["a", "b"]
        );
    }

    #[test]
    fn a_moment_is_checked_across_vitals() {
        let mut all = accumulator();
        let john = all.patient(b"55").expect("an id");
        for (high, low) in [(120.0, 80.0), (80.0, 80.0), (80.0, 81.0)] {
            let mut analysed = [None; Vital::COUNT];
            analysed[Vital::SystolicBp.index()] = Fixed::from_units(high);
            analysed[Vital::DiastolicBp.index()] = Fixed::from_units(low);
            all.close_moment(john, &analysed);
        }
        let all = all.finish();
        assert_eq!(all.quality(Vital::DiastolicBp).dbp_not_below_sbp, 2);
        assert_eq!(all.quality(Vital::SystolicBp).dbp_not_below_sbp, 0);
    }
}
