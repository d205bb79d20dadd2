//! Synthea's `observations.csv`: one row per observation, LOINC and UCUM.

use crate::rules::accumulator::ObjectAccumulator;
use crate::rules::quality::LeftOut;
use sce_core::calendar;

use crate::bytes::number;
use crate::defect::Defect;
use crate::formats::long::{Long, Measurement};
use crate::formats::long_csv::{Fields, Layout};

/// The columns that are read.
pub const LAYOUT: Layout = Layout {
    columns: &[("date", true), ("patient", true), ("code", true), ("value", true), ("units", true)],
    add_row,
};

fn add_row(
    fields: &Fields<'_>,
    long: &mut Long,
    into: &mut ObjectAccumulator,
) -> Result<(), Defect> {
    let [date, patient, code, value, units, ..] = *fields;
    let text = |field| std::str::from_utf8(field).unwrap_or_default();
    let Some(vital) = long.codes.map.by_loinc(text(code)) else {
        into.leave_out(LeftOut::OtherCode);
        return Ok(());
    };
    let measurement = Measurement {
        patient,
        time: calendar::parse(date),
        vital,
        reading: number::read(value),
        conversion: long.codes.units.by_name(vital, text(units)),
    };
    long.add(&measurement, into)
}
