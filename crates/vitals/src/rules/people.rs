//! Births and deaths: which readings are within a life, and at which age.
//!
//! Made from a table of people, queried once for each patient of an object. If only the year or
//! the month of a date is known, the answer is the cautious one: an age is reached when the
//! latest possible day of birth allows it, and a reading is before birth if it is before the
//! earliest. What is not in the table is unknown, never a default. It holds dates of birth: no
//! Debug output and no error may show one.

use std::fmt;

use rustc_hash::FxHashMap;

use sce_core::calendar::{self, DAY_SECONDS};

/// NEWS2 is not for patients under this age (Royal College of Physicians, 2017).
pub const NEWS2_AGE: i64 = 16;
/// Categories of adults are for this age and above.
pub const ADULT_AGE: i64 = 18;
/// The most people of all tables: some 150 bytes each are held.
pub const PEOPLE_MAX: usize = 10_000_000;

/// A date as far as it is known: its first and its last possible day, counted from 1970-01-01.
///
/// ```
/// use sce_vitals::rules::people::PartialDate;
///
/// let year = PartialDate::parse(b"1950");
/// assert!(year.is_some() && year == PartialDate::of(1950, None, None));
/// assert!(PartialDate::parse(b"1950-03-05") == PartialDate::of(1950, Some(3), Some(5)));
/// assert!(PartialDate::parse(b"03/05/1950").is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PartialDate {
    first: i32,
    last: i32,
}

impl PartialDate {
    /// Parses `YYYY`, `YYYY-MM`, or anything that [`calendar::parse`] reads, of which the day is
    /// kept as written, in any zone.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if calendar::parse(text).is_some() {
            // The date alone: with its zone, a time may be on another day.
            let written = if text.get(4) == Some(&b'-') { 10 } else { 8 };
            let time = calendar::parse(text.get(..written)?)?;
            let day = i32::try_from(time.div_euclid(DAY_SECONDS)).ok()?;
            return Some(Self { first: day, last: day });
        }
        let year = text.get(..4)?;
        let month = match &text[4..] {
            [] => &b""[..],
            [b'-', month @ ..] if month.len() == 2 => month,
            _ => return None,
        };
        let number = |digits: &[u8]| -> Option<i64> {
            // `parse` alone would accept a sign.
            let is_number = digits.iter().all(u8::is_ascii_digit);
            std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
        };
        let month = if month.is_empty() { None } else { Some(number(month)?) };
        Self::of(number(year)?, month, None)
    }

    /// Returns the date of these parts; `None` if it does not exist, or if a day lacks its month.
    #[must_use]
    pub fn of(year: i64, month: Option<i64>, day: Option<i64>) -> Option<Self> {
        let (first, last) = match (month, day) {
            (None, None) => (calendar::day(year, 1, 1)?, calendar::day(year, 12, 31)?),
            (Some(month), None) => {
                let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                let first = calendar::day(year, month, 1)?;
                // The last month of the calendar has no next one.
                (first, calendar::day(next.0, next.1, 1).map_or(first + 30, |next| next - 1))
            }
            (Some(month), Some(day)) => {
                let day = calendar::day(year, month, day)?;
                (day, day)
            }
            (None, Some(_)) => return None,
        };
        Some(Self { first: i32::try_from(first).ok()?, last: i32::try_from(last).ok()? })
    }

    /// Returns the days that both allow; `None` if they contradict each other.
    fn combine(self, other: Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (first <= last).then_some(Self { first, last })
    }
}

/// What is known about a person.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Person {
    /// The day of birth.
    pub birth: Option<PartialDate>,
    /// The day of death.
    pub death: Option<PartialDate>,
}

impl Person {
    /// Returns the time from which the person certainly has this age, in civil seconds; `None` if
    /// the birth is unknown. The anniversary of a leap day is 1 March in other years.
    #[must_use]
    pub fn surely_from(&self, age: i64) -> Option<i64> {
        Some(calendar::years_after(i64::from(self.birth?.last), age) * DAY_SECONDS)
    }

    /// Combines what is known; `None` if it is contradictory.
    fn combine(self, other: Self) -> Option<Self> {
        let both = |a: Option<PartialDate>, b: Option<PartialDate>| match (a, b) {
            (Some(a), Some(b)) => a.combine(b).map(Some),
            (one, other) => Some(one.or(other)),
        };
        Some(Self { birth: both(self.birth, other.birth)?, death: both(self.death, other.death)? })
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person(..)")
    }
}

/// Not computed, because the patient is a child: categories are for adults, NEWS2 is not for
/// patients under 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnderAge;

/// Returns a category of adults, unless readings of a child contributed to it: `first` are the
/// times of the earliest readings. At an unknown age, the category is returned.
///
/// # Errors
/// [`UnderAge`].
pub fn of_adult<T>(
    category: Option<T>,
    first: &[Option<i64>],
    adult_from: Option<i64>,
) -> Result<Option<T>, UnderAge> {
    let is_of_child = |time: &i64| adult_from.is_some_and(|from| *time < from);
    match category {
        Some(_) if first.iter().flatten().any(is_of_child) => Err(UnderAge),
        known => Ok(known),
    }
}

/// Why a person cannot be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAdded {
    /// The tables contradict each other about this person.
    Contradicted,
    /// There are [`PEOPLE_MAX`] people already.
    TooMany,
}

/// The known people, by the patient id of the measurements.
#[derive(Default, Clone)]
pub struct People {
    persons: FxHashMap<Box<str>, Person>,
    sources: Vec<String>,
}

impl People {
    /// Adds a person; several tables may each contribute a part.
    ///
    /// # Errors
    /// [`NotAdded`]; the people are then as before.
    pub fn add(&mut self, id: &str, person: Person) -> Result<(), NotAdded> {
        if let Some(known) = self.persons.get_mut(id) {
            *known = known.combine(person).ok_or(NotAdded::Contradicted)?;
            return Ok(());
        }
        if self.persons.len() >= PEOPLE_MAX {
            return Err(NotAdded::TooMany);
        }
        self.persons.insert(id.into(), person);
        Ok(())
    }

    /// Records the hex SHA-256 of a table that was read to its end.
    pub fn add_source(&mut self, digest: String) {
        self.sources.push(digest);
    }

    /// Returns the digests of the tables, in the order they were read; empty without a table.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// Returns what is known about a person: nothing, if the id is unknown.
    #[must_use]
    pub fn of(&self, id: &str) -> Person {
        self.persons.get(id).copied().unwrap_or_default()
    }
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "People({})", self.persons.len())
    }
}

/// The times that a reading's time is compared with, in civil seconds.
#[derive(Clone, Copy)]
pub(super) struct Life {
    /// No earlier reading can be right.
    pub(super) born: i64,
    /// The first second after the day of death.
    pub(super) ended: i64,
    /// NEWS2 may be scored from here on; `None` if the age is unknown.
    pub(super) news2_from: Option<i64>,
}

impl From<Person> for Life {
    fn from(person: Person) -> Self {
        let start = |day: i32| i64::from(day) * DAY_SECONDS;
        // The longest life that the dates allow.
        Self {
            born: person.birth.map_or(i64::MIN, |birth| start(birth.first)),
            ended: person.death.map_or(i64::MAX, |death| start(death.last) + DAY_SECONDS),
            news2_from: person.surely_from(NEWS2_AGE),
        }
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Life(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> PartialDate {
        PartialDate::parse(text.as_bytes()).expect("a date")
    }

    fn time(text: &str) -> i64 {
        calendar::parse(text.as_bytes()).expect("a time")
    }

    fn born(text: &str) -> Person {
        Person { birth: Some(date(text)), death: None }
    }

    #[test]
    fn a_date_is_read_as_far_as_it_is_known() {
        for (text, first, last) in [
            ("1950", "1950-01-01", "1950-12-31"),
            ("1950-02", "1950-02-01", "1950-02-28"),
            ("1952-02", "1952-02-01", "1952-02-29"),
            ("1950-12", "1950-12-01", "1950-12-31"),
            ("9999-12", "9999-12-01", "9999-12-31"),
            ("1950-03-05", "1950-03-05", "1950-03-05"),
            ("19500305", "1950-03-05", "1950-03-05"),
            ("1950-03-05T23:59:59Z", "1950-03-05", "1950-03-05"),
            ("1950-03-05T23:59:59-05:00", "1950-03-05", "1950-03-05"),
            ("19500305 00:30:00+02", "1950-03-05", "1950-03-05"),
        ] {
            let found = date(text);
            assert!(found.first == date(first).first && found.last == date(last).last, "{text}");
        }
        for text in ["", "195", "19500", "1950-", "1950-1", "1950-13", "1950-00", "0000", "+950"] {
            assert!(PartialDate::parse(text.as_bytes()).is_none(), "{text}");
        }
        assert!(PartialDate::of(1950, None, Some(1)).is_none());
        assert!(PartialDate::of(1950, Some(2), Some(30)).is_none());
    }

    #[test]
    fn an_age_is_reached_on_the_latest_possible_day() {
        for (birth, from) in [
            ("2000-06-15", "2016-06-15"),
            ("2000-02-29", "2016-02-29"),
            ("2001-02-28", "2017-02-28"),
            ("2000-06", "2016-06-30"),
            ("2000", "2016-12-31"),
        ] {
            assert_eq!(born(birth).surely_from(NEWS2_AGE), Some(time(from)), "{birth}");
        }
        assert_eq!(born("2004-02-29").surely_from(ADULT_AGE), Some(time("2022-03-01")));
        assert_eq!(Person::default().surely_from(NEWS2_AGE), None);
    }

    #[test]
    fn a_category_of_adults_is_not_given_to_children() {
        let of = |first: &[Option<i64>], from| of_adult(Some("normal"), first, from);
        assert_eq!(of(&[Some(10), Some(12)], Some(10)), Ok(Some("normal")));
        assert_eq!(of(&[Some(10), Some(9)], Some(10)), Err(UnderAge));
        assert_eq!(of(&[None, Some(9)], None), Ok(Some("normal")));
        assert_eq!(of_adult::<&str>(None, &[Some(9)], Some(10)), Ok(None));
    }

    #[test]
    fn a_life_spans_all_possible_days() {
        let of = |birth, death| {
            Life::from(Person { birth: Some(date(birth)), death: Some(date(death)) })
        };
        let exact = of("1950-03-05", "1999-01-01 10:00");
        assert_eq!(exact.born, time("1950-03-05"));
        assert_eq!(exact.ended, time("1999-01-02"), "the day of death is one of life");
        let vague = of("1950", "1999");
        assert_eq!((vague.born, vague.ended), (time("1950-01-01"), time("2000-01-01")));
        let unknown = Life::from(Person::default());
        assert!(unknown.born == i64::MIN && unknown.ended == i64::MAX);
        assert_eq!(unknown.news2_from, None);
    }

    #[test]
    fn several_tables_contribute_and_must_agree() {
        let mut people = People::default();
        let dead = Person { birth: None, death: Some(date("1999-01-01")) };
        assert_eq!(people.add("55", born("1950")), Ok(()));
        assert_eq!(people.add("55", dead), Ok(()));
        assert_eq!(people.add("55", born("1950-03-05")), Ok(()));
        assert_eq!(people.add("55", born("1951")), Err(NotAdded::Contradicted));
        let both = Person { birth: Some(date("1950-03-05")), ..dead };
        assert!(people.of("55") == both);
        assert!(people.of("56") == Person::default());
        let shown = format!("{people:?} {both:?} {:?}", Life::from(both));
        assert_eq!(shown, "People(1) Person(..) Life(..)");
    }
}
