//! Tables of people: every form, and every reason to refuse one.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::rules::people::ADULT_AGE;
use sce_core::calendar;

fn read(text: &[u8]) -> Result<People, Defect> {
    let mut ways = [1, 7, text.len().max(1)].map(|chunk| {
        let mut reader = PeopleReader::new(People::default());
        text.chunks(chunk).try_for_each(|bytes| reader.push(bytes))?;
        reader.finish()
    });
    let [one, other, whole] = &mut ways;
    assert_eq!(one.as_ref().err(), whole.as_ref().err());
    assert_eq!(other.as_ref().err(), whole.as_ref().err());
    ways.into_iter().last().unwrap()
}

/// Returns when the person comes of age.
fn adult_from(people: &People, id: &str) -> Option<String> {
    people.of(id).surely_from(ADULT_AGE).map(calendar::format)
}

#[test]
fn every_form_of_the_table_says_the_same() {
    for text in [
        "patient,birth,death\n55,1950-03-05,2001-02-03\n56,,\n",
        "\u{feff}\n\"Death\",PATIENT,other,Birth\r\n2001-02-03,55,,19500305\r\n,56,x,NA",
        "Id,BIRTHDATE,DEATHDATE,SSN\n55,1950-03-05,2001-02-03,1\n56,,,2\n",
        "person_id,year_of_birth,month_of_birth,day_of_birth,birth_datetime,death_date\n\
         55.0,1950,3,5.0,,2001-02-03\n56,,,,,\n",
        "person_id,year_of_birth,birth_datetime,death_date,death_datetime\n\
         55,1950,1950-03-05 00:00:00,,2001-02-03 10:00:00\n56,,,,\n",
        r#"{"resourceType":"Patient","id":"55","birthDate":"1950-03-05","name":[{"family":"x"}],
            "deceasedDateTime":"2001-02-03T10:00:00Z"}
           {"resourceType":"Patient","id":"56","deceasedBoolean":true}"#,
        r#"{"resourceType":"Bundle","entry":[{"fullUrl":"urn:uuid:55","resource":
            {"resourceType":"Patient","id":"55","birthDate":"1950-03-05","deceasedDateTime":"2001-02-03"}},
            {"resource":{"resourceType":"Observation","id":"57","birthDate":7}}]}"#,
        r#"{"resourceType":"Bundle","entry":[{"fullUrl":"urn:uuid:55","resource":
            {"resourceType":"Patient","birthDate":"1950-03-05","deceasedDateTime":"2001-02-03"}}]}"#,
    ] {
        let people = read(text.as_bytes()).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(adult_from(&people, "55").as_deref(), Some("1968-03-05 00:00:00"), "{text}");
        let death = PartialDate::parse(b"2001-02-03");
        assert!(people.of("55").death == death, "{text}");
        assert!(people.of("56") == Person::default() && people.of("57") == Person::default());
        assert_eq!(people.sources(), [hex::encode(Sha256::digest(text))]);
    }
}

#[test]
fn a_patient_is_known_by_every_name_in_its_bundle() {
    let text = r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Bundle","entry":[
        {"fullUrl":"urn:uuid:abc","resource":{"resourceType":"Patient","id":"7","birthDate":"1950"}}]}}]}"#;
    let people = read(text.as_bytes()).unwrap();
    assert!(people.of("7").birth.is_some() && people.of("abc") == people.of("7"));
    let both = read(b"id,person_id,birth\n55,77.0,1950\n").unwrap();
    assert!(both.of("77").birth.is_some() && both.of("55") == Person::default());
}

#[test]
fn endlessly_nested_resources_are_refused() {
    let nested = |depth: usize| {
        let patient = r#"{"resourceType":"Patient","id":"1","birthDate":"1950"}"#;
        format!("{}{patient}{}", "{\"resource\":".repeat(depth), "}".repeat(depth))
    };
    assert!(read(nested(3).as_bytes()).is_ok());
    for depth in [NESTED_MAX + 1, 100_000] {
        let mut reader = PeopleReader::new(People::default());
        let refused = reader.push(nested(depth).as_bytes());
        assert_eq!(refused, Err(Defect::Unreadable { row: 1, column: "the resource" }));
    }
}

#[test]
fn endless_blanks_take_no_memory() {
    let mut reader = PeopleReader::new(People::default());
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..200 {
        reader.push(&blanks).unwrap();
    }
    reader.push(b"\xef\xbb\xbf\n{\"resourceType\":\"Patient\",\"id\":\"1\"}").unwrap();
    assert!(reader.finish().is_ok());
}

#[test]
fn a_table_without_rows_adds_nothing() {
    let people = read(b"PERSON_ID,DEATH_DATE,DEATH_DATETIME\n").unwrap();
    assert!(people.of("1") == Person::default() && people.sources().len() == 1);
}

#[test]
fn a_compressed_table_is_read() {
    let text = b"patient,birth\n55,1950\n";
    let people = read(&zstd::encode_all(&text[..], 0).unwrap()).unwrap();
    assert_eq!(adult_from(&people, "55").as_deref(), Some("1968-12-31 00:00:00"));
}

#[test]
fn parts_of_a_birth_are_used_as_far_as_they_are_known() {
    let text = "person_id,year_of_birth,month_of_birth,day_of_birth\n1,1950,,\n2,1950,2,\n3,1950,,5\n-4,1950,2,5\n";
    let people = read(text.as_bytes()).unwrap();
    let adult = ["1", "2", "3", "-4"].map(|id| adult_from(&people, id).unwrap());
    let dates = ["1968-12-31", "1968-02-28", "1968-12-31", "1968-02-05"];
    assert_eq!(adult, dates.map(|date| format!("{date} 00:00:00")));
}

#[test]
fn several_tables_are_one() {
    let mut people = People::default();
    for text in ["person_id,year_of_birth\n7,1950\n", "person_id,death_date\n7,1999-01-01\n"] {
        let mut reader = PeopleReader::new(people);
        reader.push(text.as_bytes()).unwrap();
        people = reader.finish().unwrap();
    }
    assert!(people.of("7").birth.is_some() && people.of("7").death.is_some());
    assert_eq!(people.sources().len(), 2);
}

#[test]
fn a_table_with_a_row_that_cannot_be_read_is_refused() {
    let unreadable = |row, column| Defect::Unreadable { row, column };
    for (text, expected) in [
        ("", Defect::Empty),
        (" \n\n", Defect::Empty),
        ("patient,weight\n55,70\n", Defect::NotPeople),
        ("birth,death\n1950,2000\n", Defect::NotPeople),
        ("patient,birth\n55,1950\n56,03/04/1950\n", unreadable(2, "birth")),
        ("patient,birth,death\n55,1950,dead\n", unreadable(1, "death")),
        ("patient,birth\n,1950\n", unreadable(1, "patient")),
        ("person_id,birth\nx,1950\n", unreadable(1, "person_id")),
        ("person_id,year_of_birth,month_of_birth\n1,1950,13\n", unreadable(1, "month_of_birth")),
        (
            "person_id,year_of_birth,month_of_birth,day_of_birth\n1,1950,2,30\n",
            unreadable(1, "day_of_birth"),
        ),
        ("id,patient,birth\n55,,2010-01-01\n", unreadable(1, "patient")),
        ("{\"foo\":1}", Defect::NotPeople),
        ("[]", Defect::NotPeople),
        (r#"{"resourceType":"Observation","id":"1"}"#, Defect::NotPeople),
        ("person_id,year_of_birth\n1,soon\n", unreadable(1, "year_of_birth")),
        ("patient,birth\n55\n", Defect::Ragged { row: 1, found: 1, expected: 2 }),
        ("patient,birth\n55,1950\n55,1951\n", Defect::Contradicted { row: 2 }),
        ("patient,birth,birth\n55,1950,1950\n", Defect::RepeatedColumn { column: "birth" }),
        ("patient,birth\n55,\"1950\n", Defect::UnclosedQuote { row: 1 }),
        (r#"{"resourceType":"Patient","birthDate":"1950"}"#, unreadable(1, "id")),
        (r#"{"resourceType":"Patient","id":"1","birthDate":"soon"}"#, unreadable(1, "birthDate")),
        ("{\"resourceType\":\"Patient\",\"id\":\"1\",}", unreadable(1, "the resource")),
        (r#"{"resourceType":"Patient","id":"1""#, Defect::UnclosedJson),
    ] {
        assert_eq!(read(text.as_bytes()).map(drop), Err(expected), "{text}");
    }
}
