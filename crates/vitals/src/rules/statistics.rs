//! Everything learnt from one object.
//!
//! Made by [`crate::rules::accumulator::ObjectAccumulator`], read by the agent, which makes a
//! partial of it. Must stay free of floating-point sums.

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

/// What was read of a patient at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit {
    pub(super) time: i64,
    pub(super) readings: Readings,
    pub(super) counts: Counts,
}

/// What readings count for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// Each for itself, and together as the moment's set.
    Both,
    /// Each for itself: the moment has more of them, and a set of its own.
    Single,
    /// As the set of a moment: means of its single readings.
    Set,
}

impl Counts {
    pub(super) const ALL: [Self; 3] = [Self::Both, Self::Single, Self::Set];
}

/// What of it is analysed.
pub(super) type Analysed = [Option<Fixed>; Vital::COUNT];

/// What is kept of one patient.
#[derive(Clone)]
pub struct PatientCells {
    life: Life,
    /// From when on the patient is surely an adult, in civil seconds; none if
    /// the age is unknown.
    pub adult_from: Option<i64>,
    /// One cell per vital, by [`Vital::index`].
    pub cells: [Cell; Vital::COUNT],
    /// NEWS2 of the complete sets.
    pub news2: news2::Course,
    /// Derived measures, by [`Derived::ALL`].
    pub derived: [DerivedSums; Derived::COUNT],
    /// Of objects that have columns of effects.
    pub effects: Option<Box<PatientEffects>>,
}

/// It knows when the patient was born.
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

    /// Takes a complete set in; true if it is scored.
    fn take_set(&mut self, time: i64, score: news2::Score) -> bool {
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
pub(super) struct Known {
    pub(super) name: String,
    /// What is kept of the patient, if that began and is not yet handed on.
    pub(super) kept: Option<Box<PatientCells>>,
}

impl Known {
    pub(super) const fn new(name: String) -> Self {
        Self { name, kept: None }
    }

    /// Begins to keep what is read of the patient.
    pub(super) fn keep(&mut self, people: &People) {
        self.kept = Some(Box::new(PatientCells::of(people.of(&self.name))));
    }
}

/// Statistics of one object, or of what of it is not yet handed on.
#[derive(Debug)]
pub struct ObjectStatistics {
    pub(super) ranges: PlausibleRanges,
    pub(super) measured: [bool; Vital::COUNT],
    pub(super) patients: Vec<Known>,
    /// Those of which something is kept.
    pub(super) live: Vec<u32>,
    quality: [QualityCounts; Vital::COUNT],
    equal: EqualColumns,
    /// NEWS2 bands of the complete sets, by [`calendar::month`].
    months: FxHashMap<i64, news2::BandCounts>,
    pub(super) left_out: LeftOutCounts,
    /// There, if the object has columns of effects.
    pub(super) effects: Option<Box<ObjectEffects>>,
    references: [ReferenceRange; Vital::COUNT],
    /// Values kept one by one, in all timelines.
    moments: u64,
    /// They were too many.
    are_pieces: bool,
}

impl ObjectStatistics {
    pub(super) fn new(ranges: PlausibleRanges) -> Self {
        Self {
            ranges,
            measured: [false; Vital::COUNT],
            patients: Vec::new(),
            live: Vec::new(),
            quality: [QualityCounts::default(); Vital::COUNT],
            equal: EqualColumns::default(),
            months: FxHashMap::default(),
            left_out: LeftOutCounts::default(),
            effects: None,
            references: Vital::ALL.map(ReferenceRange::usual),
            moments: 0,
            are_pieces: false,
        }
    }

    /// Takes a patient's waiting moments in, in order: vital by vital first,
    /// then what needs several vitals of one moment.
    #[inline(never)]
    pub(super) fn take_in(
        &mut self,
        patient: usize,
        moments: &mut Vec<Visit>,
        scratch: &mut Vec<Analysed>,
    ) {
        let Some(patient) = self.patients[patient].kept.as_deref_mut() else { return };
        scratch.clear();
        scratch.resize(moments.len(), [None; Vital::COUNT]);
        for vital in Vital::ALL {
            let mut taker = Taker {
                vital,
                cell: &mut patient.cells[vital.index()],
                quality: &mut self.quality[vital.index()],
                ranges: &self.ranges,
                reference: &self.references[vital.index()],
                life: patient.life,
            };
            if self.are_pieces {
                taker.cell.timeline.collapse(taker.reference);
            }
            let before = taker.cell.sums.n;
            for (visit, analysed) in moments.iter().zip(scratch.iter_mut()) {
                analysed[vital.index()] = match visit.readings.get(vital) {
                    Some(Reading::Value(mean)) if visit.counts == Counts::Set => {
                        Fixed::from_units(mean)
                    }
                    Some(reading) => taker.take(visit.time, reading),
                    None => None,
                };
            }
            self.moments += taker.cell.sums.n - before;
        }
        for (visit, analysed) in moments.iter().zip(scratch.iter()) {
            if visit.counts == Counts::Single {
                continue;
            }
            let time = visit.time;
            if let Some(five) = Five::of(analysed) {
                let score = news2::score(&five);
                if patient.take_set(time, score) {
                    self.months.entry(calendar::month(time)).or_default().add(news2::band(score));
                }
            }
            if quality::is_dbp_not_below_sbp(analysed) {
                self.quality[Vital::DiastolicBp.index()].dbp_not_below_sbp += 1;
            }
            if quality::bmi_differs(analysed) {
                self.quality[Vital::Bmi.index()].bmi_differs += 1;
            }
            self.equal.take_in(analysed);
            DerivedSums::take_in(&mut patient.derived, analysed);
        }
        moments.clear();
    }

    /// Takes the effects of the same moments in, after [`Self::take_in`].
    pub(super) fn take_effects_in(
        &mut self,
        patient: usize,
        effects: &mut Vec<EffectValues>,
        analysed: &[Analysed],
    ) {
        let Some(object) = &mut self.effects else { return };
        let Some(patient) = self.patients[patient].kept.as_deref_mut() else { return };
        let patient = patient.effects.get_or_insert_default();
        for (values, effects) in analysed.iter().zip(effects.iter()) {
            object.take_in(patient, values, effects);
        }
        effects.clear();
    }

    /// NEWS2 bands by [`calendar::month`], in the order of time.
    #[must_use]
    pub fn months(&self) -> Vec<(i64, news2::BandCounts)> {
        let mut months: Vec<_> =
            self.months.iter().map(|(month, counts)| (*month, *counts)).collect();
        months.sort_unstable_by_key(|(month, _)| *month);
        months
    }

    /// What is kept of the effects beside the patients' part.
    #[must_use]
    pub fn effects(&self) -> Option<&ObjectEffects> {
        self.effects.as_deref()
    }

    /// Keeps pieces instead of moments, if there are too many of those.
    pub(super) fn limit_moments(&mut self) {
        if self.moments <= MOMENTS_MAX || self.are_pieces {
            return;
        }
        self.are_pieces = true;
        for patient in self.patients.iter_mut().filter_map(|known| known.kept.as_deref_mut()) {
            for (cell, reference) in patient.cells.iter_mut().zip(&self.references) {
                cell.timeline.collapse(reference);
            }
        }
    }

    /// The reference range of a vital.
    #[must_use]
    pub const fn reference(&self, vital: Vital) -> &ReferenceRange {
        &self.references[vital.index()]
    }

    /// The vitals that outputs name even without a value: those the format
    /// has a column for.
    #[must_use]
    pub const fn measures(&self, vital: Vital) -> bool {
        self.measured[vital.index()]
    }

    /// The rows left out.
    #[must_use]
    pub const fn left_out(&self) -> &LeftOutCounts {
        &self.left_out
    }

    /// The patients of whom something is kept, and what.
    pub fn patients(&self) -> impl Iterator<Item = (&str, &PatientCells)> {
        let known = self.live.iter().filter_map(|at| self.patients.get(*at as usize));
        known.filter_map(|known| Some((known.name.as_str(), known.kept.as_deref()?)))
    }

    /// Forgets the patients' part, which was handed on; what concerns the
    /// object stays.
    pub(super) fn forget_patients(&mut self) {
        for (vital, counts) in Vital::ALL.into_iter().zip(self.kept_quality()) {
            let quality = &mut self.quality[vital.index()];
            quality.values += counts.values;
            quality.missing += counts.missing;
            quality.implausible += counts.implausible;
        }
        for at in std::mem::take(&mut self.live) {
            self.patients[at as usize].kept = None;
        }
    }

    /// What the patients' cells count of each vital.
    fn kept_quality(&self) -> [QualityCounts; Vital::COUNT] {
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

    /// The quality counts of each vital, over all patients of the object.
    #[must_use]
    pub fn quality(&self) -> [QualityCounts; Vital::COUNT] {
        let kept = self.kept_quality();
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

/// What the readings of one vital of one patient go into.
struct Taker<'a> {
    vital: Vital,
    cell: &'a mut Cell,
    quality: &'a mut QualityCounts,
    ranges: &'a PlausibleRanges,
    reference: &'a ReferenceRange,
    life: Life,
}

impl Taker<'_> {
    /// Takes one reading in; the answer is the value if it is analysed.
    #[inline]
    fn take(&mut self, time: i64, reading: Reading) -> Option<Fixed> {
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
