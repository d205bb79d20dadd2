//! What all long formats share: a row is one reading of one patient.
//!
//! Used by the modules of OMOP, FHIR and Synthea. Decides what becomes of a
//! reading, in one order for all of them: whose it is, when, whether it is a
//! number, whether its unit is known. It must not know any format.

use std::sync::Arc;

use crate::rules::accumulator::ObjectAccumulator;
use crate::rules::codes::CodeMap;
use crate::rules::gather::Gather;
use crate::rules::moments::MAX_COUNT;
use crate::rules::quality::LeftOut;
use crate::rules::reading::Reading;
use crate::rules::unit::{Conversion, UnitMap};
use crate::rules::vital::Vital;
use crate::settings::VitalsSettings;

use crate::bytes::header::PATIENT_LIMIT_BYTES;
use crate::defect::Defect;

/// Codes and units that are read.
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

/// A reading of a vital, as its row says it.
pub struct Measurement<'a> {
    pub patient: &'a [u8],
    /// Civil seconds; `None` if absent or not understood.
    pub time: Option<i64>,
    pub vital: Vital,
    /// The number as it stands.
    pub reading: Reading,
    /// From its unit; `None` if this vital has no such unit.
    pub conversion: Option<Conversion>,
}

/// Readings on their way into moments.
pub struct Long {
    pub codes: Arc<Codes>,
    gather: Gather,
    taken: u64,
}

impl Long {
    pub fn new(codes: Arc<Codes>) -> Self {
        Self { codes, gather: Gather::default(), taken: 0 }
    }

    /// Takes one reading in.
    pub fn take(
        &mut self,
        measurement: &Measurement<'_>,
        into: &mut ObjectAccumulator,
    ) -> Result<(), Defect> {
        let Measurement { patient, time, vital, reading, conversion } = measurement;
        self.taken += 1;
        if self.taken > MAX_COUNT {
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
