//! The wide CSV: one row per visit, one column per vital.
//!
//! `date,ID,systol,diastol,resp.rate,heart rate,OSat,temp,weight,BMI,…`, in any order, found by
//! header name in any case; the outcome columns (`BaseE`, `TPain`, `DK`) may be missing, other
//! columns are ignored. Temperatures are in °F and weights in lb; height is not measured. A row
//! whose date or ID cannot be read quarantines the object, because it would silently belong to no
//! patient; a vital that cannot be read is counted and left out.

use crate::bytes::header;
use crate::bytes::header::PATIENT_LIMIT_BYTES;
use crate::bytes::number::{self, end_of_cell, rest_of_line};
use crate::bytes::records::{Records, Sink};
use crate::bytes::split::Record;
use crate::defect::Defect;
use crate::formats::decoder::Decoder;
use crate::rules::accumulator::ObjectAccumulator;
use crate::rules::conversion::Conversion;
use crate::rules::effects::{Effect, EffectValues};
use crate::rules::moments::MAX_COUNT;
use crate::rules::reading::{Reading, Readings};
use crate::rules::vital::Vital;
use sce_core::calendar;

const DATE: &str = "date";
const PATIENT: &str = "ID";

/// Header name, vital and conversion of each required column.
const COLUMNS: [(&str, Vital, Conversion); 8] = [
    ("systol", Vital::SystolicBp, Conversion::None),
    ("diastol", Vital::DiastolicBp, Conversion::None),
    ("resp.rate", Vital::RespiratoryRate, Conversion::None),
    ("heart rate", Vital::HeartRate, Conversion::None),
    ("OSat", Vital::Spo2, Conversion::None),
    ("temp", Vital::Temperature, Conversion::FahrenheitToCelsius),
    ("weight", Vital::Weight, Conversion::PoundsToKilograms),
    ("BMI", Vital::Bmi, Conversion::None),
];

/// The meaning of a column of this object.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Other,
    Date,
    Patient,
    Vital(Vital, Conversion),
    Effect(Effect),
}

impl Role {
    const fn is_effect(&self) -> bool {
        matches!(self, Self::Effect(_))
    }
}

/// One row, before it is checked as a whole.
#[derive(Default)]
struct Row<'a> {
    date: &'a [u8],
    patient: &'a [u8],
    readings: Readings,
    effects: EffectValues,
}

/// Decoder of one object.
pub struct WideCsv {
    records: Records,
    rows: Rows,
}

/// The state that is needed to read rows.
#[derive(Default)]
struct Rows {
    /// The meaning of each column; empty before the header.
    roles: Vec<Role>,
    /// The number of columns up to the last one that is needed.
    needed: usize,
    /// True if some of the columns are outcome columns.
    has_effects: bool,
    /// The last date read and its time: most files are sorted by date.
    last_date: (Vec<u8>, i64),
}

impl WideCsv {
    /// The vitals that this format has a column for.
    pub const VITALS: &'static [Vital] = &[
        Vital::SystolicBp,
        Vital::DiastolicBp,
        Vital::HeartRate,
        Vital::RespiratoryRate,
        Vital::Spo2,
        Vital::Temperature,
        Vital::Weight,
        Vital::Bmi,
    ];

    /// Returns the names of the required columns.
    pub fn column_names() -> impl Iterator<Item = &'static str> {
        [DATE, PATIENT].into_iter().chain(COLUMNS.iter().map(|(column, ..)| *column))
    }

    pub fn new() -> Self {
        Self { records: Records::new(), rows: Rows::default() }
    }
}

impl Decoder for WideCsv {
    fn push(&mut self, bytes: &[u8], into: &mut ObjectAccumulator) -> Result<(), Defect> {
        self.records.push(bytes, &mut Reader { rows: &mut self.rows, into })
    }

    fn finish(&mut self, into: &mut ObjectAccumulator) -> Result<u64, Defect> {
        self.records.finish(&mut Reader { rows: &mut self.rows, into })?;
        self.records.rows()
    }
}

/// The rows and their destination.
struct Reader<'a> {
    rows: &'a mut Rows,
    into: &'a mut ObjectAccumulator,
}

impl Sink for Reader<'_> {
    #[inline]
    fn take_plain(&mut self, number: u64, lines: &[u8]) -> Result<Option<usize>, Defect> {
        match self.rows.read_plain(lines) {
            Some((row, used)) => self.rows.observe(number, &row, self.into).map(|()| Some(used)),
            None => Ok(None),
        }
    }

    fn take(&mut self, number: u64, record: &Record<'_>) -> Result<(), Defect> {
        if self.rows.roles.is_empty() {
            self.rows.roles = assign_roles(record)?;
            // Columns after the last needed one are only counted.
            let last = self.rows.roles.iter().rposition(|role| *role != Role::Other);
            self.rows.needed = last.map_or(0, |last| last + 1);
            self.rows.has_effects = self.rows.roles.iter().any(Role::is_effect);
            if self.rows.has_effects {
                self.into.measure_effects();
            }
            return Ok(());
        }
        let (found, expected) = (record.len(), self.rows.roles.len());
        if found != expected {
            return Err(Defect::Ragged { row: number, found, expected });
        }
        let mut row = Row::default();
        for (role, field) in self.rows.roles.iter().zip(record.fields()) {
            match role {
                Role::Other => {}
                Role::Date => row.date = field,
                Role::Patient => row.patient = field,
                Role::Vital(vital, conversion) => {
                    row.readings.set(*vital, convert(*conversion, number::read(field)));
                }
                Role::Effect(effect) => {
                    row.effects[*effect as usize] = effect.value(number::read(field));
                }
            }
        }
        self.rows.observe(number, &row, self.into)
    }
}

/// Returns the meaning of each column.
fn assign_roles(header: &Record<'_>) -> Result<Vec<Role>, Defect> {
    let names: Vec<&[u8]> = header.fields().collect();
    let vitals = COLUMNS.map(|(_, vital, conversion)| Role::Vital(vital, conversion));
    let effects = Effect::ALL.map(Role::Effect);
    let wanted = [Role::Date, Role::Patient].into_iter().chain(vitals).chain(effects);
    let needed = WideCsv::column_names().map(|name| (name, true));
    let optional = Effect::ALL.map(|effect| (effect.name(), false));
    let places = header::find(needed.chain(optional), &names)?;
    let mut roles = vec![Role::Other; names.len()];
    for (place, role) in places.into_iter().zip(wanted) {
        if let Some(place) = place {
            roles[place] = role;
        }
    }
    Ok(roles)
}

/// Returns the end of a date. Most rows have the date of the row before, which need not be
/// searched.
#[inline]
fn end_of_date(lines: &[u8], at: usize, last: &[u8]) -> usize {
    let end = at + last.len();
    // The date must end there: this one may be longer.
    let same = lines.get(at..end) == Some(last) && matches!(lines.get(end), Some(b',' | b'\n'));
    if same { end } else { end_of_cell(lines, at) }
}

#[inline]
fn convert(conversion: Conversion, reading: Reading) -> Reading {
    match reading {
        Reading::Value(value) => Reading::Value(conversion.apply(value)),
        other => other,
    }
}

impl Rows {
    /// Reads the row at the start of `lines` in one pass, without splitting it first; returns it
    /// and its length. `None` if a field may be quoted or there are more or fewer fields than
    /// columns. The result must be that of splitting: fields are trimmed, so the carriage return
    /// of a line end does not matter.
    #[inline]
    fn read_plain<'a>(&self, lines: &'a [u8]) -> Option<(Row<'a>, usize)> {
        if self.roles.is_empty() {
            return None; // the header
        }
        let (mut row, mut at) = (Row::default(), 0);
        for (column, role) in self.roles[..self.needed].iter().enumerate() {
            // A quoted field may contain commas and line ends.
            if lines.get(at) == Some(&b'"') {
                return None;
            }
            let end = match role {
                Role::Vital(vital, conversion) => {
                    let (reading, end) = number::read_cell(lines, at);
                    row.readings.set(*vital, convert(*conversion, reading));
                    end
                }
                Role::Effect(effect) => {
                    let (reading, end) = number::read_cell(lines, at);
                    row.effects[*effect as usize] = effect.value(reading);
                    end
                }
                Role::Other => end_of_cell(lines, at),
                Role::Date => {
                    let end = end_of_date(lines, at, &self.last_date.0);
                    row.date = &lines[at..end];
                    end
                }
                Role::Patient => {
                    let end = end_of_cell(lines, at);
                    row.patient = &lines[at..end];
                    end
                }
            };
            let is_last = column + 1 == self.roles.len();
            // More or fewer fields than columns: splitting reports the row.
            if *lines.get(end)? != if is_last { b'\n' } else { b',' } {
                return None;
            }
            at = end + 1;
        }
        if self.needed == self.roles.len() {
            return Some((row, at));
        }
        let (cells, next) = rest_of_line(lines, at)?;
        (self.needed + cells == self.roles.len()).then_some((row, next))
    }

    #[inline]
    fn observe(
        &mut self,
        number: u64,
        row: &Row<'_>,
        into: &mut ObjectAccumulator,
    ) -> Result<(), Defect> {
        if number > MAX_COUNT {
            return Err(Defect::TooManyRows { limit: MAX_COUNT });
        }
        // Before the first row, the last date is empty, which is not a date.
        if row.date.is_empty() || row.date != self.last_date.0 {
            let time = calendar::parse(row.date.trim_ascii())
                .ok_or(Defect::Unreadable { row: number, column: DATE })?;
            // Copied once per date, not once per row.
            self.last_date = (row.date.to_vec(), time);
        }
        let patient = patient_id(row.patient)
            .and_then(|id| into.patient(id))
            .ok_or(Defect::Unreadable { row: number, column: PATIENT })?;
        if self.has_effects {
            into.observe_visit(patient, self.last_date.1, row.readings, row.effects);
        } else {
            into.observe(patient, self.last_date.1, row.readings);
        }
        Ok(())
    }
}

/// Returns the id without blanks around it; `None` if there is none.
#[inline]
fn patient_id(field: &[u8]) -> Option<&[u8]> {
    let id = field.trim_ascii();
    let missing = id.eq_ignore_ascii_case(b"na") || id.eq_ignore_ascii_case(b"nan");
    (!id.is_empty() && !missing && id.len() <= PATIENT_LIMIT_BYTES).then_some(id)
}

#[cfg(test)]
mod tests;
