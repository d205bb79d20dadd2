//! The statistics of one object.
//!
//! Built by [`crate::rules::accumulator::ObjectAccumulator`], and read to make a partial. Must
//! stay free of floating-point sums.

use std::fmt;

use rustc_hash::FxHashMap;

use crate::rules::cell::{Cell, Sequence};
use crate::rules::derived::{Derived, DerivedSums};
use crate::rules::effects::{EffectValues, ObjectEffects, PatientEffects};
use crate::rules::fixed::Fixed;
use crate::rules::news2::{self, Five};
use crate::rules::people::People;
use crate::rules::people::{ADULT_AGE, Life, Person};
use crate::rules::quality::{self, EqualColumns, LeftOutCounts, QualityCounts};
use crate::rules::range::{PlausibleRanges, ReferenceRange};
use crate::rules::reading::{Reading, Readings};
use crate::rules::timeline::MOMENTS_MAX;
use crate::rules::vital::Vital;
use sce_core::calendar;

/// The readings of a patient at one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit {
    pub(super) time: i64,
    pub(super) readings: Readings,
    pub(super) counts: Counts,
}

/// What the readings of a visit count for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// Each on its own, and together as the moment's set.
    Both,
    /// Each on its own: the moment has more readings, and a separate set.
    Single,
    /// As the set of a moment: the means of its single readings.
    Set,
}

impl Counts {
    pub(super) const ALL: [Self; 3] = [Self::Both, Self::Single, Self::Set];
}

/// The analyzed values of a visit.
pub(super) type Analyzed = [Option<Fixed>; Vital::COUNT];

/// The statistics of one patient.
#[derive(Clone)]
pub struct PatientCells {
    life: Life,
    /// The time from which the patient is certainly an adult, in civil seconds; `None` if the age
    /// is unknown.
    pub adult_from: Option<i64>,
    /// One cell per vital, by [`Vital::index`].
    pub cells: [Cell; Vital::COUNT],
    /// NEWS2 of the complete sets.
    pub news2: news2::Course,
    /// Derived measures, in the order of [`Derived::ALL`].
    pub derived: [DerivedSums; Derived::COUNT],
    /// The sums of the outcome columns, if the object has any.
    pub effects: Option<Box<PatientEffects>>,
}

/// Without content, which includes the date of birth.
impl fmt::Debug for PatientCells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientCells(..)")
    }
}

impl PatientCells {
    pub(super) fn of(person: Person) -> Self {
        Self {
            life: person.into(),
            adult_from: person.surely_from(ADULT_AGE),
            cells: Default::default(),
            news2: news2::Course::default(),
            derived: Default::default(),
            effects: None,
        }
    }

    /// Counts a complete set; returns true if it is scored.
    fn count_set(&mut self, time: i64, score: news2::Score) -> bool {
        match self.life.news2_from {
            Some(from) if time < from => {
                self.news2.under_age += 1;
                return false;
            }
            Some(_) => {}
            None => self.news2.age_unknown += 1,
        }
        self.news2.add(time, score);
        true
    }
}

/// A patient of the object.
#[derive(Debug)]
pub(super) struct PatientEntry {
    pub(super) name: String,
    /// The patient's statistics, while they are in memory.
    pub(super) cells: Option<Box<PatientCells>>,
}

impl PatientEntry {
    pub(super) const fn new(name: String) -> Self {
        Self { name, cells: None }
    }

    /// Begins the patient's statistics.
    pub(super) fn begin(&mut self, people: &People) {
        self.cells = Some(Box::new(PatientCells::of(people.of(&self.name))));
    }
}

/// The statistics of one object, without the patients that were spilled.
#[derive(Debug)]
pub struct ObjectStatistics {
    pub(super) ranges: PlausibleRanges,
    pub(super) measured: [bool; Vital::COUNT],
    pub(super) patients: Vec<PatientEntry>,
    /// The patients in memory.
    pub(super) resident: Vec<u32>,
    quality: [QualityCounts; Vital::COUNT],
    equal: EqualColumns,
    /// NEWS2 bands of the complete sets, by [`calendar::month`].
    months: FxHashMap<i64, news2::BandCounts>,
    pub(super) left_out: LeftOutCounts,
    /// Present if the object has outcome columns.
    pub(super) effects: Option<Box<ObjectEffects>>,
    references: [ReferenceRange; Vital::COUNT],
    /// The number of values that are kept individually, in all timelines.
    moments: u64,
    /// True once they were too many.
    keeps_pieces: bool,
}

impl ObjectStatistics {
    pub(super) fn new(ranges: PlausibleRanges) -> Self {
        Self {
            ranges,
            measured: [false; Vital::COUNT],
            patients: Vec::new(),
            resident: Vec::new(),
            quality: [QualityCounts::default(); Vital::COUNT],
            equal: EqualColumns::default(),
            months: FxHashMap::default(),
            left_out: LeftOutCounts::default(),
            effects: None,
            references: Vital::ALL.map(ReferenceRange::usual),
            moments: 0,
            keeps_pieces: false,
        }
    }

    /// Adds a patient's pending moments, in order: first vital by vital, then what needs several
    /// vitals of one moment.
    #[inline(never)]
    pub(super) fn add_moments(
        &mut self,
        patient: usize,
        moments: &mut Vec<Visit>,
        scratch: &mut Vec<Analyzed>,
    ) {
        let Some(patient) = self.patients[patient].cells.as_deref_mut() else { return };
        scratch.clear();
        scratch.resize(moments.len(), [None; Vital::COUNT]);
        // Vital by vital, so that one cell and its bins stay in the cache.
        for vital in Vital::ALL {
            let mut reader = CellReader {
                vital,
                cell: &mut patient.cells[vital.index()],
                quality: &mut self.quality[vital.index()],
                ranges: &self.ranges,
                reference: &self.references[vital.index()],
                life: patient.life,
            };
            // Before the first value of the burst, so that a timeline never mixes the two.
            if self.keeps_pieces {
                reader.cell.timeline.collapse(reader.reference);
            }
            let before = reader.cell.sums.n;
            for (visit, analyzed) in moments.iter().zip(scratch.iter_mut()) {
                analyzed[vital.index()] = match visit.readings.get(vital) {
                    // The single readings were added already; their mean is only for the set.
                    Some(Reading::Value(mean)) if visit.counts == Counts::Set => {
                        Fixed::from_units(mean)
                    }
                    Some(reading) => reader.add(visit.time, reading),
                    None => None,
                };
            }
            self.moments += reader.cell.sums.n - before;
        }
        for (visit, analyzed) in moments.iter().zip(scratch.iter()) {
            if visit.counts == Counts::Single {
                continue;
            }
            let time = visit.time;
            if let Some(five) = Five::of(analyzed) {
                let score = news2::score(&five);
                if patient.count_set(time, score) {
                    self.months.entry(calendar::month(time)).or_default().add(news2::band(score));
                }
            }
            if quality::is_dbp_not_below_sbp(analyzed) {
                self.quality[Vital::DiastolicBp.index()].dbp_not_below_sbp += 1;
            }
            if quality::bmi_differs(analyzed) {
                self.quality[Vital::Bmi.index()].bmi_differs += 1;
            }
            self.equal.add(analyzed);
            DerivedSums::add_all(&mut patient.derived, analyzed);
        }
        moments.clear();
    }

    /// Adds the outcome columns of the same moments, after [`Self::add_moments`].
    pub(super) fn add_effects(
        &mut self,
        patient: usize,
        effects: &mut Vec<EffectValues>,
        analyzed: &[Analyzed],
    ) {
        let Some(object) = &mut self.effects else { return };
        let Some(patient) = self.patients[patient].cells.as_deref_mut() else { return };
        let patient = patient.effects.get_or_insert_default();
        for (values, effects) in analyzed.iter().zip(effects.iter()) {
            object.add_visit(patient, values, effects);
        }
        effects.clear();
    }

    /// Returns the NEWS2 bands by [`calendar::month`], in order of time.
    #[must_use]
    pub fn months(&self) -> Vec<(i64, news2::BandCounts)> {
        let mut months: Vec<_> =
            self.months.iter().map(|(month, counts)| (*month, *counts)).collect();
        months.sort_unstable_by_key(|(month, _)| *month);
        months
    }

    /// Returns the counts and extremes of the outcome columns.
    #[must_use]
    pub fn effects(&self) -> Option<&ObjectEffects> {
        self.effects.as_deref()
    }

    /// Keeps pieces instead of values, if there are too many values.
    pub(super) fn limit_moments(&mut self) {
        // Once is enough: later, each timeline collapses before it gets values.
        if self.moments <= MOMENTS_MAX || self.keeps_pieces {
            return;
        }
        self.keeps_pieces = true;
        for patient in self.patients.iter_mut().filter_map(|entry| entry.cells.as_deref_mut()) {
            for (cell, reference) in patient.cells.iter_mut().zip(&self.references) {
                cell.timeline.collapse(reference);
            }
        }
    }

    /// Returns the reference range of a vital.
    #[must_use]
    pub const fn reference(&self, vital: Vital) -> &ReferenceRange {
        &self.references[vital.index()]
    }

    /// True if outputs name the vital even without a value, because the format has a column for
    /// it.
    #[must_use]
    pub const fn measures(&self, vital: Vital) -> bool {
        self.measured[vital.index()]
    }

    /// Returns the counts of rows left out.
    #[must_use]
    pub const fn left_out(&self) -> &LeftOutCounts {
        &self.left_out
    }

    /// Iterates over the patients in memory.
    pub fn patients(&self) -> impl Iterator<Item = (&str, &PatientCells)> {
        let entries = self.resident.iter().filter_map(|at| self.patients.get(*at as usize));
        entries.filter_map(|entry| Some((entry.name.as_str(), entry.cells.as_deref()?)))
    }

    /// Forgets the patients in memory, who were spilled; the counts of the object stay.
    pub(super) fn forget_patients(&mut self) {
        // These counts are in the cells, which are about to be dropped.
        for (vital, counts) in Vital::ALL.into_iter().zip(self.resident_quality()) {
            let quality = &mut self.quality[vital.index()];
            quality.values += counts.values;
            quality.missing += counts.missing;
            quality.implausible += counts.implausible;
        }
        for at in std::mem::take(&mut self.resident) {
            self.patients[at as usize].cells = None;
        }
    }

    /// Returns the counts that are in the cells of the patients in memory.
    fn resident_quality(&self) -> [QualityCounts; Vital::COUNT] {
        let mut counts = [QualityCounts::default(); Vital::COUNT];
        for (_, patient) in self.patients() {
            for (counts, cell) in counts.iter_mut().zip(&patient.cells) {
                counts.values += cell.sums.n;
                counts.missing += cell.missing;
                counts.implausible += cell.implausible;
            }
        }
        counts
    }

    /// Returns the quality counts of each vital, over all patients of the object.
    #[must_use]
    pub fn quality(&self) -> [QualityCounts; Vital::COUNT] {
        let kept = self.resident_quality();
        Vital::ALL.map(|vital| {
            let (mut counts, kept) = (self.quality[vital.index()], kept[vital.index()]);
            counts.equal_column = self.equal.count(vital);
            counts.values += kept.values;
            counts.missing += kept.missing;
            counts.implausible += kept.implausible;
            counts
        })
    }
}

/// Adds the readings of one vital of one patient to its cell.
struct CellReader<'a> {
    vital: Vital,
    cell: &'a mut Cell,
    quality: &'a mut QualityCounts,
    ranges: &'a PlausibleRanges,
    reference: &'a ReferenceRange,
    life: Life,
}

impl CellReader<'_> {
    /// Adds one reading; returns the value if it is analyzed.
    #[inline]
    fn add(&mut self, time: i64, reading: Reading) -> Option<Fixed> {
        let units = match reading {
            Reading::Value(units) => units,
            Reading::Missing => {
                self.cell.missing += 1;
                return None;
            }
            Reading::Unparsable => {
                self.quality.unparsable += 1;
                return None;
            }
            Reading::UnknownUnit => {
                self.quality.unknown_unit += 1;
                return None;
            }
        };
        let value =
            Fixed::from_units(units).filter(|value| self.ranges.contains(self.vital, *value));
        let Some(value) = value else {
            self.cell.implausible += 1;
            return None;
        };
        match self.cell.add(time, units, value, self.reference) {
            Sequence::Later => {}
            Sequence::Duplicate => self.quality.duplicates += 1,
            Sequence::Earlier => self.quality.out_of_order += 1,
        }
        self.quality.before_birth += u64::from(time < self.life.born);
        self.quality.after_death += u64::from(time >= self.life.ended);
        Some(value)
    }
}
