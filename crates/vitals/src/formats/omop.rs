//! OMOP CDM MEASUREMENT: the meaning of a row, and its CSV.
//!
//! Version 5.4, and 5.3, which lacks three columns that are not needed. The Parquet form is in
//! [`crate::formats::omop_parquet`].

use crate::rules::accumulator::ObjectAccumulator;
use crate::rules::conversion::by_unit_concept;
use crate::rules::quality::LeftOut;
use crate::rules::reading::Reading;
use crate::rules::vital::Vital;
use sce_core::calendar;

use crate::bytes::number;
use crate::defect::Defect;
use crate::formats::long::{Long, Measurement};
use crate::formats::long_csv::{Fields, Layout};
use crate::formats::omop_id::{Id, id};

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
pub const LAYOUT: Layout = Layout { columns: &COLUMNS, add_row: add_fields };

/// A row of the table.
pub struct Row<'a> {
    pub person: Id,
    pub concept: Id,
    /// From `measurement_datetime`, or from the date if that is empty.
    pub time: Option<i64>,
    pub operator: Id,
    pub value: Reading,
    pub unit_concept: Id,
    pub unit_name: &'a str,
    pub source_code: &'a str,
}

fn add_fields(
    fields: &Fields<'_>,
    long: &mut Long,
    into: &mut ObjectAccumulator,
) -> Result<(), Defect> {
    let [person, concept, date, datetime, operator, value, unit, unit_name, source, ..] = *fields;
    let text = |field| std::str::from_utf8(field).unwrap_or_default();
    let row = Row {
        person: id(person),
        concept: id(concept),
        time: calendar::parse(if datetime.is_empty() { date } else { datetime }),
        operator: id(operator),
        value: number::read(value),
        unit_concept: id(unit),
        unit_name: text(unit_name),
        source_code: text(source),
    };
    add_row(&row, long, into)
}

/// Adds a row.
pub fn add_row(row: &Row<'_>, long: &mut Long, into: &mut ObjectAccumulator) -> Result<(), Defect> {
    let map = &long.codes.map;
    let vital = match row.concept {
        Id::Is(concept) => map.by_concept(concept),
        Id::Absent | Id::Odd => None,
    };
    let Some(vital) = vital.or_else(|| map.by_local(row.source_code)) else {
        into.leave_out(LeftOut::OtherCode);
        return Ok(());
    };
    // Concept 0 is OMOP's "no matching concept": the name in the source remains.
    let conversion = match row.unit_concept {
        Id::Absent | Id::Is(0) => long.codes.units.by_name(vital, row.unit_name),
        // A unit of another vital is known, but not a unit of this one, whatever its name.
        Id::Is(concept)
            if Vital::ALL.into_iter().any(|v| by_unit_concept(v, concept).is_some()) =>
        {
            by_unit_concept(vital, concept)
        }
        // The name must not be used to guess an unknown concept: only the site's settings define
        // either of them.
        Id::Is(concept) => {
            let units = &long.codes.units;
            let named = units.by_local(vital, &concept.to_string());
            named.or_else(|| units.by_local(vital, row.unit_name))
        }
        Id::Odd => None,
    };
    // With an operator such as `<`, the number is only a bound.
    let exact = matches!(row.operator, Id::Absent | Id::Is(0 | EQUALS));
    let reading = match row.value {
        Reading::Value(_) if !exact => Reading::Unparsable,
        value => value,
    };
    let patient = match row.person {
        Id::Is(person) => person.to_string(),
        Id::Absent | Id::Odd => String::new(),
    };
    let measurement =
        Measurement { patient: patient.as_bytes(), time: row.time, vital, reading, conversion };
    long.add(&measurement, into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        for (text, expected) in [
            ("8876", Id::Is(8876)),
            ("-17", Id::Is(-17)),
            ("8876.0", Id::Is(8876)),
            ("8876.", Id::Is(8876)),
            ("8876.5", Id::Odd),
            ("", Id::Absent),
            ("9e3", Id::Is(9000)),
            ("9e-3", Id::Odd),
            ("9e300", Id::Odd),
            ("<", Id::Odd),
            ("99999999999999999999", Id::Odd),
        ] {
            assert_eq!(id(text.as_bytes()), expected, "{text}");
        }
    }
}
