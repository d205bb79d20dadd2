//! OMOP CDM MEASUREMENT: what a row means, and its CSV.
//!
//! Version 5.4; of 5.3, which lacks three columns, nothing is missed. The
//! Parquet form is in [`super::omop_parquet`].

use sce_core::vitals::{LeftOut, ObjectAccumulator, Reading, by_unit_concept, civil};

use super::long::{Long, Measurement};
use super::long_csv::{Fields, Layout};
use super::number;
use crate::study::Defect;

/// Concept of the operator "=": the value is exact.
const EQUALS: i64 = 4_172_703;

/// The columns that are read, in the order of [`Row`]; also those of Parquet.
pub const COLUMNS: [(&str, bool); 9] = [
    ("person_id", true),
    ("measurement_concept_id", true),
    ("measurement_date", true),
    ("measurement_datetime", false),
    ("operator_concept_id", false),
    ("value_as_number", true),
    ("unit_concept_id", false),
    ("unit_source_value", false),
    ("measurement_source_value", false),
];

/// The CSV form.
pub const LAYOUT: Layout = Layout { columns: &COLUMNS, take: take_fields };

/// A row of the table.
pub struct Row<'a> {
    pub person: Option<i64>,
    pub concept: Option<i64>,
    /// From `measurement_datetime`, or from the date where that is empty.
    pub time: Option<i64>,
    pub operator: Option<i64>,
    pub value: Reading,
    pub unit_concept: Option<i64>,
    pub unit_name: &'a str,
    pub source_code: &'a str,
}

fn take_fields(
    fields: &Fields<'_>,
    long: &mut Long,
    into: &mut ObjectAccumulator,
) -> Result<(), Defect> {
    let [person, concept, date, datetime, operator, value, unit, unit_name, source, ..] = *fields;
    let text = |field| std::str::from_utf8(field).unwrap_or_default();
    let row = Row {
        person: whole(person),
        concept: whole(concept),
        time: civil::parse(if datetime.is_empty() { date } else { datetime }),
        operator: whole(operator),
        value: number::read(value),
        unit_concept: whole(unit),
        unit_name: text(unit_name),
        source_code: text(source),
    };
    take(&row, long, into)
}

/// A whole number; one that a program wrote as a float (`8876.0`) is one too.
pub fn whole(field: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.split_once('.').map_or(text, |(digits, zeros)| {
        if zeros.bytes().all(|b| b == b'0') { digits } else { text }
    });
    digits.parse().ok()
}

/// Takes a row in.
pub fn take(row: &Row<'_>, long: &mut Long, into: &mut ObjectAccumulator) -> Result<(), Defect> {
    let map = &long.codes.map;
    let vital = row.concept.and_then(|concept| map.by_concept(concept));
    let Some(vital) = vital.or_else(|| map.by_local(row.source_code)) else {
        into.leave_out(LeftOut::OtherCode);
        return Ok(());
    };
    // Concept 0 is OMOP's "no matching concept": the source's words remain.
    let conversion = match row.unit_concept {
        Some(concept) if concept != 0 => by_unit_concept(vital, concept),
        _ => long.codes.units.by_name(vital, row.unit_name),
    };
    let exact = matches!(row.operator, None | Some(0 | EQUALS));
    let reading = match row.value {
        Reading::Value(_) if !exact => Reading::Unparsable,
        value => value,
    };
    let patient = row.person.map(|person| person.to_string()).unwrap_or_default();
    let measurement =
        Measurement { patient: patient.as_bytes(), time: row.time, vital, reading, conversion };
    long.take(&measurement, into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        for (text, expected) in [
            ("8876", Some(8876)),
            ("-17", Some(-17)),
            ("8876.0", Some(8876)),
            ("8876.", Some(8876)),
            ("8876.5", None),
            ("", None),
            ("9e3", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(whole(text.as_bytes()), expected, "{text}");
        }
    }
}
