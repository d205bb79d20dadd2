//! FHIR R4 Observations: Bulk Data (ndjson) and Bundles.
//!
//! A reading is an Observation, or a component of one (blood pressure). Withdrawn ones are
//! counted and left out; every coding of a code is read; a panel that only has members has no
//! reading of its own. Other resources are skipped.

use std::borrow::Cow;

use crate::rules::accumulator::ObjectAccumulator;
use crate::rules::quality::LeftOut;
use crate::rules::reading::Reading;
use crate::rules::vital::Vital;
use sce_core::calendar;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::bytes::json::Resources;
use crate::bytes::number;
use crate::defect::Defect;
use crate::formats::decoder::Decoder;
use crate::formats::long::{Codes, Long, Measurement};

/// Decoder of one object.
pub struct Fhir {
    resources: Resources,
    observations: Observations,
}

struct Observations {
    long: Long,
    /// Resources of any kind.
    seen: u64,
    /// Observations, and resources that cannot be read.
    rows: u64,
}

impl Fhir {
    pub fn new(long: Long) -> Self {
        let observations = Observations { long, seen: 0, rows: 0 };
        Self { resources: Resources::default(), observations }
    }
}

impl Decoder for Fhir {
    fn push(&mut self, bytes: &[u8], into: &mut ObjectAccumulator) -> Result<(), Defect> {
        let observations = &mut self.observations;
        self.resources.push(bytes, &mut |json| observations.add_json(json, into))
    }

    fn finish(&mut self, into: &mut ObjectAccumulator) -> Result<u64, Defect> {
        let observations = &mut self.observations;
        self.resources.finish(&mut |json| observations.add_json(json, into))?;
        observations.long.finish(into);
        match (observations.seen, observations.rows) {
            (0, _) => Err(Defect::Empty),
            (_, 0) => Err(Defect::NoObservations),
            (_, rows) => Ok(rows),
        }
    }
}

/// An Observation; a component of one, which has the same fields; an entry of a Bundle, or a
/// Bundle within one. Other fields are not read.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Resource<'a> {
    #[serde(borrow)]
    resource_type: Cow<'a, str>,
    resource: Option<Box<Self>>,
    entry: Option<Vec<Self>>,
    component: Option<Vec<Self>>,
    status: Option<Cow<'a, str>>,
    code: Option<Concept<'a>>,
    subject: Option<Reference<'a>>,
    effective_date_time: Option<Cow<'a, str>>,
    effective_instant: Option<Cow<'a, str>>,
    effective_period: Option<Period<'a>>,
    value_quantity: Option<Quantity<'a>>,
    value_integer: Option<IgnoredAny>,
    #[serde(
        rename = "valueString",
        alias = "valueCodeableConcept",
        alias = "valueBoolean",
        alias = "valueRange",
        alias = "valueRatio",
        alias = "valueSampledData",
        alias = "valueTime",
        alias = "valueDateTime",
        alias = "valuePeriod"
    )]
    other_value: Option<IgnoredAny>,
    data_absent_reason: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Concept<'a> {
    #[serde(borrow, default)]
    coding: Option<Vec<Coding<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Coding<'a> {
    #[serde(borrow)]
    system: Option<Cow<'a, str>>,
    code: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(borrow, default)]
    reference: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Period<'a> {
    #[serde(borrow, default)]
    start: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Quantity<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    comparator: Option<IgnoredAny>,
    code: Option<Cow<'a, str>>,
    unit: Option<Cow<'a, str>>,
}

impl Observations {
    fn add_json(
        &mut self,
        json: Option<&[u8]>,
        into: &mut ObjectAccumulator,
    ) -> Result<(), Defect> {
        self.seen += 1;
        let read = json.and_then(|json| serde_json::from_slice::<Resource<'_>>(json).ok());
        match read {
            Some(resource) => self.add_resource(&resource, into),
            // In other resources, a field of the same name may have another form.
            None if json.is_some_and(is_other_resource) => Ok(()),
            None => {
                self.rows += 1;
                into.leave_out(LeftOut::Malformed);
                Ok(())
            }
        }
    }

    fn add_resource(
        &mut self,
        resource: &Resource<'_>,
        into: &mut ObjectAccumulator,
    ) -> Result<(), Defect> {
        if let Some(inner) = &resource.resource {
            return self.add_resource(inner, into);
        }
        // Only of a Bundle within a Bundle: the entries of the outer one were split already.
        for entry in resource.entry.iter().flatten() {
            self.add_resource(entry, into)?;
        }
        if resource.resource_type == "Observation" {
            self.rows += 1;
            self.add_observation(resource, into)?;
        }
        Ok(())
    }

    fn add_observation(
        &mut self,
        observation: &Resource<'_>,
        into: &mut ObjectAccumulator,
    ) -> Result<(), Defect> {
        if let Some("entered-in-error" | "cancelled") = observation.status.as_deref() {
            into.leave_out(LeftOut::Withdrawn);
            return Ok(());
        }
        let codes = &self.long.codes;
        let components = observation.component.iter().flatten();
        let mut readings: Vec<(Vital, &Resource<'_>)> = components
            .filter_map(|component| component.vital(codes).map(|vital| (vital, component)))
            .collect();
        // A panel without a value of its own has the readings of its components only.
        if let Some(vital) = observation.vital(codes)
            && (observation.has_value() || readings.is_empty())
        {
            readings.insert(0, (vital, observation));
        }
        if readings.is_empty() {
            into.leave_out(LeftOut::OtherCode);
        }
        for (vital, of) in readings {
            let (reading, unit) = of.reading();
            let measurement = Measurement {
                patient: observation.patient().as_bytes(),
                time: observation.time(),
                vital,
                reading,
                conversion: self.long.codes.units.by_name(vital, unit),
            };
            self.long.add(&measurement, into)?;
        }
        Ok(())
    }
}

/// True if a resource names its type, and it is neither an Observation nor a Bundle.
fn is_other_resource(json: &[u8]) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Named<'a> {
        #[serde(borrow)]
        resource_type: Cow<'a, str>,
    }
    let named = serde_json::from_slice::<Named<'_>>(json);
    named.is_ok_and(|named| !matches!(&*named.resource_type, "Observation" | "Bundle"))
}

impl Resource<'_> {
    /// Returns the vital that its codings name; `None` if they name two.
    fn vital(&self, codes: &Codes) -> Option<Vital> {
        let codings = self.code.iter().flat_map(|code| code.coding.iter().flatten());
        let mut vitals = codings.filter_map(|coding| {
            let system = coding.system.as_deref().unwrap_or_default();
            codes.map.by_coding(system, coding.code.as_deref()?)
        });
        let first = vitals.next()?;
        // Two different vitals: it is unknown which one is meant.
        vitals.all(|other| other == first).then_some(first)
    }

    const fn has_value(&self) -> bool {
        self.value_quantity.is_some() || self.value_integer.is_some() || self.other_value.is_some()
    }

    /// Returns the number as written, and the name of its unit of measurement.
    fn reading(&self) -> (Reading, &str) {
        let Some(quantity) = &self.value_quantity else {
            let reading = match (&self.value_integer, &self.other_value) {
                _ if self.data_absent_reason.is_some() => Reading::Missing,
                (Some(_), _) => Reading::UnknownUnit,
                (None, Some(_)) => Reading::Unparsable,
                (None, None) => Reading::Missing,
            };
            return (reading, "");
        };
        let unit = quantity.code.as_deref().or(quantity.unit.as_deref()).unwrap_or_default();
        let reading = match quantity.value {
            // A stated reason for the absence overrides any value.
            _ if self.data_absent_reason.is_some() => Reading::Missing,
            None => Reading::Missing,
            Some(_) if quantity.comparator.is_some() => Reading::Unparsable,
            Some(value) => number::read(value.get().as_bytes()),
        };
        (reading, unit)
    }

    fn time(&self) -> Option<i64> {
        let start = || self.effective_period.as_ref()?.start.as_deref();
        let text = self.effective_date_time.as_deref().or(self.effective_instant.as_deref());
        calendar::parse(text.or_else(start)?.as_bytes())
    }

    /// Returns the patient's id from `Patient/1`, from its URL, or from `urn:uuid:1`.
    fn patient(&self) -> &str {
        let reference = self.subject.as_ref().and_then(|subject| subject.reference.as_deref());
        let reference = reference.unwrap_or_default();
        if let Some(id) = reference.strip_prefix("urn:uuid:") {
            return id;
        }
        let id = match reference.rsplit_once("Patient/") {
            Some((before, id)) if before.is_empty() || before.ends_with('/') => id,
            _ => "",
        };
        // A reference may also name a version, after the id.
        id.split('/').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn patient(reference: &str) -> String {
        let json = format!("{{\"subject\":{{\"reference\":\"{reference}\"}}}}");
        let resource: Resource<'_> = serde_json::from_str(&json).unwrap();
        resource.patient().to_owned()
    }

    #[test]
    fn a_patient_has_one_id_in_every_form_of_reference() {
        for same in [
            "Patient/a-1",
            "urn:uuid:a-1",
            "https://ehr.example/fhir/Patient/a-1",
            "Patient/a-1/_history/3",
        ] {
            assert_eq!(patient(same), "a-1", "{same}");
        }
        for other in ["", "Group/a-1", "#p", "SomePatient/a-1", "Device/Patient"] {
            assert_eq!(patient(other), "", "{other}");
        }
    }

    #[test]
    fn null_and_unknown_fields_do_not_matter() {
        let json = r#"{"resourceType":"Observation","component":null,"code":{"coding":null},
            "status":"final","extension":[{"deep":{"er":1}}],"valueQuantity":{"value":null}}"#;
        let resource: Resource<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(resource.reading(), (Reading::Missing, ""));
        assert!(resource.has_value());
    }
}
