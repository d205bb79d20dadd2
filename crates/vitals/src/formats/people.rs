//! Tables of people: births and deaths, which measurements do not contain.
//!
//! Read by `sce-agent analyze` and by the work loop before the objects, for ages and for readings
//! outside a life. CSV (plain, Synthea's `patients.csv`, OMOP PERSON and DEATH) or FHIR Patients,
//! compressed or not. Unlike an object, a table with an unreadable row must be refused as a
//! whole: an age would be missing, and no result would show it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::bytes::header;
use crate::bytes::header::PATIENT_LIMIT_BYTES;
use crate::bytes::json::Resources;
use crate::bytes::number;
use crate::bytes::records::{BYTE_ORDER_MARK, Records, Sink};
use crate::bytes::split::Record;
use crate::bytes::unpack::{ByteSink, Unpack};
use crate::defect::Defect;
use crate::formats::omop_id::{self, Id};
use crate::rules::people::{NotAdded, PEOPLE_MAX, PartialDate, People, Person};

/// The names of the id column, in lower case; the first one that a file has is used.
const PATIENT: [&str; 3] = ["patient", PERSON, "id"];
/// The names of the other columns; if a file has several, the first one that is not empty in a
/// row counts.
const BIRTH: [&str; 5] = ["birth", "birthdate", "birth_date", "birth_datetime", YEAR];
const DEATH: [&str; 4] = ["death", "deathdate", "death_date", "death_datetime"];
/// OMOP's: a numeric id, and a birth in parts.
const PERSON: &str = "person_id";
const YEAR: &str = "year_of_birth";
const MONTH: &str = "month_of_birth";
const DAY: &str = "day_of_birth";

/// True if a header with these names (in lower case) is that of a table of people.
pub fn is_people_header(has: impl Fn(&str) -> bool) -> bool {
    let any = |names: &[&str]| names.iter().any(|name| has(name));
    any(&PATIENT) && (any(&BIRTH) || any(&DEATH))
}

/// Reads one table.
pub struct PeopleReader {
    digest: Sha256,
    table: Unpack<Table>,
}

impl PeopleReader {
    /// Creates a reader that adds to the known people.
    pub fn new(known: People) -> Self {
        let table = Table { form: Form::Unknown(Vec::new()), people: known };
        Self { digest: Sha256::new(), table: Unpack::new(table) }
    }

    /// Reads the next bytes as they are stored.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Defect> {
        self.digest.update(bytes);
        self.table.push(bytes)
    }

    /// Ends the table; returns all people known now.
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
    /// Only blanks so far.
    Unknown(Vec<u8>),
    Csv(Box<Records>, Columns),
    Fhir(Box<Resources>, Counts),
}

/// How deep resources may be nested: an entry in a Bundle in an entry in a Bundle, and some.
const NESTED_MAX: usize = 8;

/// The numbers of resources of any kind, and of Patients.
#[derive(Default)]
struct Counts {
    resources: u64,
    patients: u64,
}

impl ByteSink for Table {
    fn consume(&mut self, bytes: &[u8]) -> Result<(), Defect> {
        let people = &mut self.people;
        match &mut self.form {
            Form::Unknown(start) => {
                // Leading blanks carry no information, and there may be many.
                let content = if start.is_empty() { bytes.trim_ascii_start() } else { bytes };
                start.extend_from_slice(content);
                // A byte-order mark may arrive in parts.
                if BYTE_ORDER_MARK.starts_with(start) {
                    return Ok(());
                }
                let start = std::mem::take(start);
                let text = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&start);
                self.form = if matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) {
                    Form::Fhir(Box::default(), Counts::default())
                } else {
                    Form::Csv(Box::new(Records::new()), Columns::default())
                };
                self.consume(&start)
            }
            Form::Csv(records, columns) => records.push(bytes, &mut Rows { columns, people }),
            Form::Fhir(resources, counts) => {
                resources.push(bytes, &mut |json| add_json(json, counts, people))
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
                // A table of deaths may be without rows.
                match records.rows() {
                    Ok(_) | Err(Defect::NoRows) => {}
                    Err(defect) => return Err(defect),
                }
            }
            Form::Fhir(resources, counts) => {
                resources.finish(&mut |json| add_json(json, counts, people))?;
                if counts.patients == 0 {
                    return Err(Defect::NotPeople);
                }
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

/// The positions of the columns; the width is 0 before the header.
#[derive(Default)]
struct Columns {
    width: usize,
    patient: (&'static str, usize),
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
            let places = header::find(wanted.iter().map(|name| (*name, false)), &names)?;
            Ok(wanted.iter().copied().zip(places).filter_map(|(n, at)| Some((n, at?))).collect())
        };
        let parts = header::find([(MONTH, false), (DAY, false)].into_iter(), &names)?;
        let columns = Self {
            width: names.len(),
            patient: find(&PATIENT)?.into_iter().next().ok_or(Defect::NotPeople)?,
            birth: find(&BIRTH)?,
            death: find(&DEATH)?,
            parts: [parts[0], parts[1]],
        };
        if columns.birth.is_empty() && columns.death.is_empty() {
            return Err(Defect::NotPeople);
        }
        Ok(columns)
    }

    fn read<'a>(&self, row: u64, record: &Record<'a>) -> Result<(Cow<'a, str>, Person), Defect> {
        let unreadable = |column| Defect::Unreadable { row, column };
        let (column, place) = self.patient;
        let id = cell(record, place);
        let text = std::str::from_utf8(id).map_err(|_| Defect::NotUtf8 { row })?;
        let id = match omop_id::id(id) {
            Id::Is(person) if column == PERSON => Cow::Owned(person.to_string()),
            _ if column == PERSON || text.is_empty() || text.len() > PATIENT_LIMIT_BYTES => {
                return Err(unreadable(column));
            }
            _ => Cow::Borrowed(text),
        };
        let birth = match first_nonempty(record, &self.birth) {
            (_, b"") => None,
            (YEAR, year) => Some(self.birth_in_parts(year, record).map_err(unreadable)?),
            (column, text) => Some(PartialDate::parse(text).ok_or(unreadable(column))?),
        };
        let death = match first_nonempty(record, &self.death) {
            (_, b"") => None,
            (column, text) => Some(PartialDate::parse(text).ok_or(unreadable(column))?),
        };
        Ok((id, Person { birth, death }))
    }

    /// Returns the birth, or the column that cannot be read.
    fn birth_in_parts(
        &self,
        year: &[u8],
        record: &Record<'_>,
    ) -> Result<PartialDate, &'static str> {
        let number = |text: &[u8]| match omop_id::id(text) {
            Id::Is(number) => Ok(Some(number)),
            Id::Absent => Ok(None),
            Id::Odd => Err(()),
        };
        let part = |column, place: Option<usize>| {
            number(place.map_or(&[][..], |place| cell(record, place))).map_err(|()| column)
        };
        let year = number(year).ok().flatten().ok_or(YEAR)?;
        let month = part(MONTH, self.parts[0])?;
        let day = part(DAY, self.parts[1])?;
        // As far as it is known: a day without its month is ignored.
        let date = PartialDate::of(year, None, None).ok_or(YEAR)?;
        let Some(month) = month else { return Ok(date) };
        let date = PartialDate::of(year, Some(month), None).ok_or(MONTH)?;
        let Some(day) = day else { return Ok(date) };
        PartialDate::of(year, Some(month), Some(day)).ok_or(DAY)
    }
}

/// Returns a cell; empty if it is missing.
fn cell<'a>(record: &Record<'a>, place: usize) -> &'a [u8] {
    let cell = record.field(place).trim_ascii();
    if number::is_missing(cell) { &[] } else { cell }
}

/// Returns the first of these columns that is not empty in a record, and its cell.
fn first_nonempty<'a>(
    record: &Record<'a>,
    columns: &[(&'static str, usize)],
) -> (&'static str, &'a [u8]) {
    let mut cells = columns.iter().map(|(name, place)| (*name, cell(record, *place)));
    cells.find(|(_, cell)| !cell.is_empty()).unwrap_or(("", &[]))
}

/// Any resource, or an entry of a Bundle.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Resource<'a> {
    #[serde(borrow)]
    resource_type: Cow<'a, str>,
    /// Of an entry: the name by which others refer to the resource, such as `urn:uuid:1`.
    full_url: Option<Cow<'a, str>>,
    resource: Option<&'a RawValue>,
    entry: Option<Vec<&'a RawValue>>,
}

/// A Patient. Other fields are not read.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Patient<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    birth_date: Option<Cow<'a, str>>,
    deceased_date_time: Option<Cow<'a, str>>,
}

/// Adds the next resource.
fn add_json(json: Option<&[u8]>, counts: &mut Counts, people: &mut People) -> Result<(), Defect> {
    counts.resources += 1;
    let row = counts.resources;
    let json = json.ok_or(Defect::Unreadable { row, column: "the resource" })?;
    add_resource(json, None, NESTED_MAX, counts, people)
}

/// Adds a resource, if it is a Patient or a Bundle of some.
fn add_resource(
    json: &[u8],
    url: Option<&str>,
    depth: usize,
    counts: &mut Counts,
    people: &mut People,
) -> Result<(), Defect> {
    let row = counts.resources;
    let refused = Defect::Unreadable { row, column: "the resource" };
    let unreadable = |_| refused.clone();
    let found: Resource<'_> = serde_json::from_slice(json).map_err(unreadable)?;
    // Before going deeper: the recursion must not exhaust the stack.
    let deeper = depth.checked_sub(1).ok_or_else(|| refused.clone())?;
    if let Some(inner) = found.resource {
        let (inner, url) = (inner.get().as_bytes(), found.full_url.as_deref());
        return add_resource(inner, url, deeper, counts, people);
    }
    if found.resource_type == "Bundle" {
        let mut one =
            |json: &&RawValue| add_resource(json.get().as_bytes(), None, deeper, counts, people);
        return found.entry.iter().flatten().try_for_each(&mut one);
    }
    if found.resource_type != "Patient" {
        return Ok(());
    }
    counts.patients += 1;
    let patient: Patient<'_> = serde_json::from_slice(json).map_err(unreadable)?;
    patient.add(row, url.and_then(|url| url.strip_prefix("urn:uuid:")), people)
}

impl Patient<'_> {
    /// Adds the person under its own id, and under the name that its Bundle uses.
    fn add(&self, row: u64, alias: Option<&str>, people: &mut People) -> Result<(), Defect> {
        let unreadable = |column| Defect::Unreadable { row, column };
        let fits = |id: &&str| (1..=PATIENT_LIMIT_BYTES).contains(&id.len());
        let ids = [Some(&*self.id), alias.filter(|alias| *alias != self.id)];
        let ids: Vec<&str> = ids.into_iter().flatten().filter(fits).collect();
        if ids.is_empty() {
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
        ids.into_iter().try_for_each(|id| add(people, row, id, person))
    }
}

#[cfg(test)]
#[path = "people_tests.rs"]
mod tests;
