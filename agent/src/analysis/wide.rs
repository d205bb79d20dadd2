//! The wide CSV: one row per visit, one column per vital.
//!
//! `date,ID,systol,diastol,resp.rate,heart rate,OSat,temp,weight,BMI,…`, in
//! any order, found by header name; other columns are ignored. Temperatures
//! are °F and weights lb; height is not measured. A row whose date or ID
//! cannot be read sets the object aside, for it would silently belong to no
//! one; a vital that cannot be read is counted and left out.

use super::format::Decoder;
use super::number;
use super::records::Records;
use super::split::Record;
use crate::study::Defect;
use sce_core::vitals::{Conversion, MAX_COUNT, ObjectAccumulator, Reading, Readings, Vital, civil};

const DATE: &str = "date";
const PATIENT: &str = "ID";

/// Longest patient id accepted; anything longer is not an id.
const PATIENT_LIMIT_BYTES: usize = 256;

/// Most columns accepted.
const COLUMN_LIMIT: usize = 1024;

/// Header name, vital and unit of each needed column.
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

/// Where the needed columns are in this object.
struct Layout {
    width: usize,
    date: usize,
    patient: usize,
    /// Position of each of [`COLUMNS`].
    vitals: [usize; COLUMNS.len()],
}

/// Decoder of one object.
pub struct WideCsv {
    records: Records,
    layout: Option<Layout>,
}

impl WideCsv {
    /// The vitals this format has a column for.
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

    pub fn new() -> Self {
        Self { records: Records::new(), layout: None }
    }
}

impl Decoder for WideCsv {
    fn push(&mut self, bytes: &[u8], into: &mut ObjectAccumulator) -> Result<(), Defect> {
        let layout = &mut self.layout;
        self.records.push(bytes, |row, record| take(layout, row, record, into))
    }

    fn finish(&mut self, into: &mut ObjectAccumulator) -> Result<u64, Defect> {
        let layout = &mut self.layout;
        self.records.finish(|row, record| take(layout, row, record, into))?;
        match self.records.count() {
            0 => Err(Defect::Empty),
            1 => Err(Defect::NoRows),
            count => Ok(count - 1),
        }
    }
}

#[inline]
fn take(
    layout: &mut Option<Layout>,
    row: u64,
    record: &Record<'_>,
    into: &mut ObjectAccumulator,
) -> Result<(), Defect> {
    match layout {
        Some(layout) => observe_row(layout, row, record, into),
        None => {
            *layout = Some(Layout::of(record)?);
            Ok(())
        }
    }
}

impl Layout {
    fn of(header: &Record<'_>) -> Result<Self, Defect> {
        if header.len() > COLUMN_LIMIT {
            return Err(Defect::TooManyColumns { limit: COLUMN_LIMIT });
        }
        let mut missing = Vec::new();
        let mut find = |column: &'static str| {
            let mut places = header
                .fields()
                .enumerate()
                .filter(|(_, name)| name.trim_ascii() == column.as_bytes())
                .map(|(place, _)| place);
            match (places.next(), places.next()) {
                (Some(place), None) => Ok(place),
                (Some(_), Some(_)) => Err(Defect::RepeatedColumn { column }),
                (None, _) => {
                    missing.push(column);
                    Ok(0)
                }
            }
        };
        let (date, patient) = (find(DATE)?, find(PATIENT)?);
        let mut vitals = [0; COLUMNS.len()];
        for (place, (column, _, _)) in vitals.iter_mut().zip(COLUMNS) {
            *place = find(column)?;
        }
        if missing.is_empty() {
            Ok(Self { width: header.len(), date, patient, vitals })
        } else {
            Err(Defect::MissingColumns { columns: missing })
        }
    }
}

#[inline]
fn observe_row(
    layout: &Layout,
    row: u64,
    record: &Record<'_>,
    into: &mut ObjectAccumulator,
) -> Result<(), Defect> {
    if record.len() != layout.width {
        return Err(Defect::Ragged { row, found: record.len(), expected: layout.width });
    }
    if row > MAX_COUNT {
        return Err(Defect::TooManyRows { limit: MAX_COUNT });
    }
    let time = civil::parse(record.field(layout.date).trim_ascii())
        .ok_or(Defect::Unreadable { row, column: DATE })?;
    let patient = patient_id(record.field(layout.patient))
        .and_then(|id| into.patient(id))
        .ok_or(Defect::Unreadable { row, column: PATIENT })?;
    let mut readings = Readings::default();
    for (place, (_, vital, conversion)) in layout.vitals.iter().zip(COLUMNS) {
        let reading = match number::read(record.field(*place)) {
            Reading::Value(value) => Reading::Value(conversion.apply(value)),
            other => other,
        };
        readings.set(vital, reading);
    }
    into.observe(patient, time, readings);
    Ok(())
}

/// The id without blanks around it; `None` if there is none.
#[inline]
fn patient_id(field: &[u8]) -> Option<&[u8]> {
    let id = field.trim_ascii();
    let missing = id.eq_ignore_ascii_case(b"na") || id.eq_ignore_ascii_case(b"nan");
    (!id.is_empty() && !missing && id.len() <= PATIENT_LIMIT_BYTES).then_some(id)
}
