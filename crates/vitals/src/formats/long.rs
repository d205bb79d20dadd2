//! The common part of long formats: a row is one reading of one patient.
//!
//! Used by the modules of OMOP, FHIR and Synthea. Checks a reading in the same order for all of
//! them: its patient, its time, whether it is a number, whether its unit of measurement is known.
//! It must not know any format.

use std::sync::Arc;

use crate::rules::accumulator::ObjectAccumulator;
use crate::rules::codes::CodeMap;
use crate::rules::conversion::{Conversion, UnitMap};
use crate::rules::gather::Gather;
use crate::rules::moments::MAX_COUNT;
use crate::rules::quality::LeftOut;
use crate::rules::reading::Reading;
use crate::rules::vital::Vital;
use crate::settings::VitalsSettings;

use crate::bytes::header::PATIENT_LIMIT_BYTES;
use crate::defect::Defect;

/// The codes and units of measurement that are read.
#[derive(Debug)]
pub struct Codes {
    pub map: CodeMap,
    pub units: UnitMap,
}

impl Codes {
    pub fn of(settings: &VitalsSettings) -> Self {
        Self { map: settings.code_map(), units: settings.unit_map() }
    }
}

/// A reading of a vital, as written in its row.
pub struct Measurement<'a> {
    pub patient: &'a [u8],
    /// Civil seconds; `None` if absent or not understood.
    pub time: Option<i64>,
    pub vital: Vital,
    /// The number as written.
    pub reading: Reading,
    /// From its unit of measurement; `None` if this vital does not have the unit.
    pub conversion: Option<Conversion>,
}

/// Collects readings into moments.
pub struct Long {
    pub codes: Arc<Codes>,
    gather: Gather,
    readings: u64,
}

impl Long {
    pub fn new(codes: Arc<Codes>) -> Self {
        Self { codes, gather: Gather::default(), readings: 0 }
    }

    /// Adds one reading.
    pub fn add(
        &mut self,
        measurement: &Measurement<'_>,
        into: &mut ObjectAccumulator,
    ) -> Result<(), Defect> {
        let Measurement { patient, time, vital, reading, conversion } = measurement;
        self.readings += 1;
        // Exact sums hold no more values.
        if self.readings > MAX_COUNT {
            return Err(Defect::TooManyRows { limit: MAX_COUNT });
        }
        if patient.is_empty() || patient.len() > PATIENT_LIMIT_BYTES {
            into.leave_out(LeftOut::NoPatient);
            return Ok(());
        }
        let Some(time) = *time else {
            into.leave_out(LeftOut::NoTime);
            return Ok(());
        };
        // Only now: a row that is left out must not create a patient.
        let Some(patient) = into.patient(patient) else {
            into.leave_out(LeftOut::NoPatient);
            return Ok(());
        };
        let reading = match (*reading, conversion) {
            (Reading::Value(value), Some(conversion)) => Reading::Value(conversion.apply(value)),
            (Reading::Value(_), None) => Reading::UnknownUnit,
            (other, _) => other,
        };
        self.gather.add(patient, time, *vital, reading, into);
        Ok(())
    }

    /// Ends the object.
    pub fn finish(&mut self, into: &mut ObjectAccumulator) {
        self.gather.finish(into);
    }
}
