//! Tables of people: births and deaths, which measurements do not say.
//!
//! Read by `sce-agent analyze` and by the work loop before the objects, for
//! ages and for readings outside a life. CSV (plain, Synthea's `patients.csv`,
//! OMOP PERSON and DEATH) or FHIR Patients, packed or not. Unlike an object,
//! a table with a row that cannot be read is refused as a whole: somebody's
//! age would be missing, and nobody would know.

use std::borrow::Cow;

use sce_core::vitals::{NotAdded, PEOPLE_MAX, PartialDate, People, Person};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::PATIENT_LIMIT_BYTES;
use super::columns;
use super::json::Resources;
use super::number;
use super::omop::{self, Id};
use super::records::{Records, Sink};
use super::split::Record;
use super::unpack::{Take, Unpack};
use crate::study::Defect;

/// The names of the columns, in lower case; of several in a file the first
/// that is not empty in a row counts.
const PATIENT: [&str; 3] = ["patient", "id", PERSON];
const BIRTH: [&str; 5] = ["birth", "birthdate", "birth_date", "birth_datetime", YEAR];
const DEATH: [&str; 4] = ["death", "deathdate", "death_date", "death_datetime"];
/// OMOP's: an id that is a number, and a birth in parts.
const PERSON: &str = "person_id";
const YEAR: &str = "year_of_birth";
const MONTH: &str = "month_of_birth";
const DAY: &str = "day_of_birth";

/// True if a header with these names (in lower case) is one of people.
pub fn are_people(has: impl Fn(&str) -> bool) -> bool {
    let any = |names: &[&str]| names.iter().any(|name| has(name));
    any(&PATIENT) && (any(&BIRTH) || any(&DEATH))
}

/// Reads one table.
pub struct PeopleReader {
    digest: Sha256,
    table: Unpack<Table>,
}

impl PeopleReader {
    /// A reader that adds to who is known.
    pub fn new(known: People) -> Self {
        let table = Table { form: Form::Unknown(Vec::new()), people: known };
        Self { digest: Sha256::new(), table: Unpack::new(table) }
    }

    /// Takes the next bytes as they are stored.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Defect> {
        self.digest.update(bytes);
        self.table.push(bytes)
    }

    /// Ends the table, and answers everybody who is known now.
    pub fn finish(self) -> Result<People, Defect> {
        let mut people = self.table.finish()?.finish()?;
        people.add_source(hex::encode(self.digest.finalize()));
        Ok(people)
    }
}

struct Table {
    form: Form,
    people: People,
}

enum Form {
    /// Blanks, so far.
    Unknown(Vec<u8>),
    Csv(Box<Records>, Columns),
    Fhir(Box<Resources>, u64),
}

impl Take for Table {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Defect> {
        let people = &mut self.people;
        match &mut self.form {
            Form::Unknown(start) => {
                start.extend_from_slice(bytes);
                let start = start.trim_ascii_start();
                let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
                let form = match text.first() {
                    None => return Ok(()),
                    Some(b'{' | b'[') => Form::Fhir(Box::default(), 0),
                    Some(_) => Form::Csv(Box::new(Records::new()), Columns::default()),
                };
                let start = start.to_vec();
                self.form = form;
                self.take(&start)
            }
            Form::Csv(records, columns) => records.push(bytes, &mut Rows { columns, people }),
            Form::Fhir(resources, seen) => {
                resources.push(bytes, &mut |json| add_resource(json, seen, people))
            }
        }
    }
}

impl Table {
    fn finish(mut self) -> Result<People, Defect> {
        let people = &mut self.people;
        match &mut self.form {
            Form::Unknown(_) => return Err(Defect::Empty),
            Form::Csv(records, columns) => {
                records.finish(&mut Rows { columns, people })?;
                // A table of deaths may well have no rows.
                match records.rows() {
                    Ok(_) | Err(Defect::NoRows) => {}
                    Err(defect) => return Err(defect),
                }
            }
            Form::Fhir(resources, seen) => {
                resources.finish(&mut |json| add_resource(json, seen, people))?;
            }
        }
        Ok(self.people)
    }
}

fn add(people: &mut People, row: u64, id: &str, person: Person) -> Result<(), Defect> {
    people.add(id, person).map_err(|not| match not {
        NotAdded::Contradicted => Defect::Contradicted { row },
        NotAdded::TooMany => Defect::TooManyPeople { limit: PEOPLE_MAX },
    })
}

/// Where the columns lie; no width before the header.
#[derive(Default)]
struct Columns {
    width: usize,
    patient: Vec<(&'static str, usize)>,
    birth: Vec<(&'static str, usize)>,
    death: Vec<(&'static str, usize)>,
    parts: [Option<usize>; 2],
}

struct Rows<'a> {
    columns: &'a mut Columns,
    people: &'a mut People,
}

impl Sink for Rows<'_> {
    fn take_plain(&mut self, _: u64, _: &[u8]) -> Result<Option<usize>, Defect> {
        Ok(None)
    }

    fn take(&mut self, row: u64, record: &Record<'_>) -> Result<(), Defect> {
        if self.columns.width == 0 {
            *self.columns = Columns::of(record)?;
            return Ok(());
        }
        if record.len() != self.columns.width {
            let (found, expected) = (record.len(), self.columns.width);
            return Err(Defect::Ragged { row, found, expected });
        }
        let (id, person) = self.columns.read(row, record)?;
        add(self.people, row, &id, person)
    }
}

impl Columns {
    fn of(header: &Record<'_>) -> Result<Self, Defect> {
        let names: Vec<&[u8]> = header.fields().collect();
        let find = |wanted: &[&'static str]| -> Result<Vec<(&'static str, usize)>, Defect> {
            let places = columns::find(wanted.iter().map(|name| (*name, false)), &names)?;
            Ok(wanted.iter().copied().zip(places).filter_map(|(n, at)| Some((n, at?))).collect())
        };
        let parts = columns::find([(MONTH, false), (DAY, false)].into_iter(), &names)?;
        let columns = Self {
            width: names.len(),
            patient: find(&PATIENT)?,
            birth: find(&BIRTH)?,
            death: find(&DEATH)?,
            parts: [parts[0], parts[1]],
        };
        if columns.patient.is_empty() || (columns.birth.is_empty() && columns.death.is_empty()) {
            return Err(Defect::NotPeople);
        }
        Ok(columns)
    }

    fn read<'a>(&self, row: u64, record: &Record<'a>) -> Result<(Cow<'a, str>, Person), Defect> {
        let unreadable = |column| Defect::Unreadable { row, column };
        let (column, id) = first(record, &self.patient);
        let text = std::str::from_utf8(id).map_err(|_| Defect::NotUtf8 { row })?;
        let id = match omop::id(id) {
            Id::Is(person) if column == PERSON => Cow::Owned(person.to_string()),
            _ if column == PERSON || text.is_empty() || text.len() > PATIENT_LIMIT_BYTES => {
                return Err(unreadable(column));
            }
            _ => Cow::Borrowed(text),
        };
        let birth = match first(record, &self.birth) {
            (_, b"") => None,
            (YEAR, year) => Some(self.birth_in_parts(year, record).ok_or(unreadable(YEAR))?),
            (column, text) => Some(PartialDate::parse(text).ok_or(unreadable(column))?),
        };
        let death = match first(record, &self.death) {
            (_, b"") => None,
            (column, text) => Some(PartialDate::parse(text).ok_or(unreadable(column))?),
        };
        Ok((id, Person { birth, death }))
    }

    fn birth_in_parts(&self, year: &[u8], record: &Record<'_>) -> Option<PartialDate> {
        let number = |text: &[u8]| match omop::id(text) {
            Id::Is(number) => Some(Some(number)),
            Id::Absent => Some(None),
            Id::Odd => None,
        };
        let part =
            |place: Option<usize>| number(place.map_or(&[][..], |place| cell(record, place)));
        let (month, day) = (part(self.parts[0])?, part(self.parts[1])?);
        PartialDate::of(number(year)??, month, month.and(day))
    }
}

/// A cell; empty if it says that nothing is there.
fn cell<'a>(record: &Record<'a>, place: usize) -> &'a [u8] {
    let cell = record.field(place).trim_ascii();
    if number::is_missing(cell) { &[] } else { cell }
}

/// The first of these columns that is not empty in a record, and its cell.
fn first<'a>(record: &Record<'a>, columns: &[(&'static str, usize)]) -> (&'static str, &'a [u8]) {
    let mut cells = columns.iter().map(|(name, place)| (*name, cell(record, *place)));
    let found = cells.find(|(_, cell)| !cell.is_empty());
    found.unwrap_or_else(|| (columns.first().map_or("", |(name, _)| *name), &[]))
}

/// Any resource, or an entry of a Bundle.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Resource<'a> {
    #[serde(borrow)]
    resource_type: Cow<'a, str>,
    /// Of an entry: the id of what is not stored yet, as `urn:uuid:1`.
    full_url: Option<Cow<'a, str>>,
    resource: Option<&'a RawValue>,
}

/// A Patient. What is not named is not read.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Patient<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    birth_date: Option<Cow<'a, str>>,
    deceased_date_time: Option<Cow<'a, str>>,
}

/// Takes the next resource in; one that is no Patient says nothing.
fn add_resource(json: Option<&[u8]>, seen: &mut u64, people: &mut People) -> Result<(), Defect> {
    *seen += 1;
    let unreadable = Defect::Unreadable { row: *seen, column: "the resource" };
    let json = json.ok_or_else(|| unreadable.clone())?;
    let outer: Resource<'_> = serde_json::from_slice(json).map_err(|_| unreadable.clone())?;
    let json = outer.resource.map_or(json, |inner| inner.get().as_bytes());
    let inner: Resource<'_> = serde_json::from_slice(json).map_err(|_| unreadable.clone())?;
    if inner.resource_type != "Patient" {
        return Ok(());
    }
    let mut patient: Patient<'_> = serde_json::from_slice(json).map_err(|_| unreadable)?;
    if let Some(id) = outer.full_url.as_deref().and_then(|url| url.strip_prefix("urn:uuid:"))
        && patient.id.is_empty()
    {
        patient.id = Cow::Borrowed(id);
    }
    patient.add(*seen, people)
}

impl Patient<'_> {
    fn add(&self, row: u64, people: &mut People) -> Result<(), Defect> {
        let unreadable = |column| Defect::Unreadable { row, column };
        if self.id.is_empty() || self.id.len() > PATIENT_LIMIT_BYTES {
            return Err(unreadable("id"));
        }
        let date = |column, text: &Option<Cow<'_, str>>| match text.as_deref() {
            None => Ok(None),
            Some(text) => PartialDate::parse(text.as_bytes()).map(Some).ok_or(unreadable(column)),
        };
        let person = Person {
            birth: date("birthDate", &self.birth_date)?,
            death: date("deceasedDateTime", &self.deceased_date_time)?,
        };
        add(people, row, &self.id, person)
    }
}

#[cfg(test)]
#[path = "people_tests.rs"]
mod tests;
