//! The defects that quarantine an object, whose text never quotes the object.

use crate::driver::{HEADER, read};
use sce_vitals::Defect;

const ROW: &str = "1938-10-30 00:00:00,55,118,77,15,87,97.3,98.61,170,24.39,0,18.4,0,0,0,0\n";

fn defect(bytes: &[u8]) -> Defect {
    let whole = read("a.csv", bytes, bytes.len().max(1)).unwrap_err();
    for chunk in [1, 7, 64] {
        assert_eq!(read("a.csv", bytes, chunk).unwrap_err(), whole);
    }
    whole
}

fn with_row(row: &str) -> Defect {
    defect(format!("{HEADER}{ROW}{row}\n{ROW}").as_bytes())
}

#[test]
fn every_defect_is_found_whatever_the_chunks() {
    assert_eq!(defect(b""), Defect::Empty);
    assert_eq!(defect(b"\n\r\n"), Defect::Empty);
    assert_eq!(defect(HEADER.as_bytes()), Defect::NoRows);
    assert_eq!(defect(HEADER.trim_end().as_bytes()), Defect::NoRows);
    let without = HEADER.replace(",temp,", ",Temp2,").replace("BMI", "BMI2");
    assert_eq!(
        defect(format!("{without}{ROW}").as_bytes()),
        Defect::MissingColumns { columns: vec!["temp", "BMI"] }
    );
    let repeated = HEADER.replace("DK,", "temp,");
    assert_eq!(
        defect(format!("{repeated}{ROW}").as_bytes()),
        Defect::RepeatedColumn { column: "temp" }
    );
    let wide = "x,".repeat(1024) + HEADER + ROW;
    assert_eq!(defect(wide.as_bytes()), Defect::TooManyColumns { limit: 1024 });
    assert_eq!(
        with_row("1938-10-30 00:00:00,55,118"),
        Defect::Ragged { row: 2, found: 3, expected: 16 }
    );
    assert_eq!(
        with_row(&format!("{},7", ROW.trim_end())),
        Defect::Ragged { row: 2, found: 17, expected: 16 }
    );
    let unclosed = ROW.replace("55", "\"55");
    assert_eq!(with_row(unclosed.trim_end()), Defect::UnclosedQuote { row: 2 });
    let mut latin = format!("{HEADER}{ROW}{ROW}").into_bytes();
    let at = latin.len() - 3;
    latin[at] = 0xe9;
    assert_eq!(defect(&latin), Defect::NotUtf8 { row: 2 });
    latin[2] = 0xe9;
    assert_eq!(defect(&latin), Defect::NotUtf8 { row: 0 });
}

#[test]
fn a_row_without_date_or_patient_is_a_defect() {
    for date in ["", "NA", "30/10/1938", "1938-02-30 00:00:00", "1938-10-30 25:00:00"] {
        let row = ROW.replace("1938-10-30 00:00:00", date);
        assert_eq!(with_row(row.trim_end()), Defect::Unreadable { row: 2, column: "date" });
    }
    let long = "7".repeat(257);
    for patient in ["", "  ", "NA", "nan", &long] {
        let row = ROW.replace(",55,", &format!(",{patient},"));
        assert_eq!(with_row(row.trim_end()), Defect::Unreadable { row: 2, column: "ID" });
    }
}

#[test]
fn a_record_beyond_a_mebibyte_is_a_defect() {
    let limit_bytes = 1 << 20;
    for text in [
        format!("{HEADER}{ROW}{}\n", "7".repeat(limit_bytes + 9)),
        format!("{HEADER}{ROW}\"{}", ROW.repeat(20_000)),
    ] {
        for chunk in [1 << 12, 1 << 20, 1 << 24] {
            let found = read("a.csv", text.as_bytes(), chunk).unwrap_err();
            assert_eq!(found, Defect::RecordTooLong { row: 2, limit_bytes });
        }
    }
}

#[test]
fn reasons_are_one_line_and_never_quote_the_object() {
    let secret = "SECRET7";
    let row = ROW.replace("55", secret);
    let defects = [
        with_row(&format!("{secret},{secret}")),
        with_row(&row.replace("1938-10-30", secret)),
        with_row(&row.replace(secret, &secret.repeat(90))),
        with_row(&row.replace(secret, &format!("\"{secret}"))),
        defect(format!("date,{secret}\n{ROW}").as_bytes()),
        defect(format!("{}{ROW}", HEADER.replace("DK", "temp")).as_bytes()),
        Defect::Empty,
        Defect::NoRows,
        Defect::NotUtf8 { row: 0 },
        Defect::RecordTooLong { row: 3, limit_bytes: 9 },
        Defect::TooManyRows { limit: 9 },
    ];
    for defect in defects {
        let line = defect.to_string();
        assert!(
            !line.contains("SECRET") && !line.contains("1938") && !line.contains('\n'),
            "{line}"
        );
        assert!(line.contains(": ") && !line.ends_with('.'), "{line}");
        assert!(line.chars().count() < 300, "{line}");
    }
    let ragged = Defect::Ragged { row: 41, found: 15, expected: 16 };
    assert_eq!(
        ragged.to_string(),
        "row 41 has 15 fields where the header has 16: correct the file, put it again and retry"
    );
}
