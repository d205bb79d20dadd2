//! The same readings in every format give the same results; a faulty row is counted under its
//! rule; compressed objects and settings.

use std::io::Write;

use polars::prelude::*;
use polars_io::prelude::ParquetWriter;
use sce_study::{TypedAnalysis, TypedObject};
use sce_vitals::Defect;
use sce_vitals::VitalsAnalysis;
use sce_vitals::rules::vital::Vital;
use sce_vitals::settings::{Format, VitalsSettings};

use crate::driver::{Files, analysis_of, analyzed, field, files, table, text};

const SYNTHEA: &str = "\
DATE,PATIENT,ENCOUNTER,CATEGORY,CODE,DESCRIPTION,VALUE,UNITS,TYPE
2020-01-31T10:20:30Z,7,e,vital-signs,8480-6,Systolic,121,mm[Hg],numeric
2020-01-31T10:20:30Z,7,e,vital-signs,8462-4,Diastolic,80.5,mm[Hg],numeric
2020-01-31T10:20:30Z,7,e,vital-signs,8867-4,Heart rate,70,{beats}/min,numeric
2020-01-31T10:20:30Z,7,e,vital-signs,9279-1,Resp,15,/min,numeric
2020-01-31T10:20:30Z,7,e,vital-signs,59408-5,SpO2,97,%,numeric
2020-01-31T10:20:30Z,7,e,vital-signs,8310-5,Temp,98.6,[degF],numeric
2020-02-01,7,e,vital-signs,29463-7,Weight,154,[lb_av],numeric
2020-02-01,7,e,vital-signs,8302-2,Height,69,[in_i],numeric
2020-02-01,7,e,vital-signs,39156-5,BMI,22.7,kg/m2,numeric
2020-02-01,-8,e,vital-signs,8867-4,Heart rate,,/min,numeric
";

const OMOP: &str = "\
MEASUREMENT_ID,PERSON_ID,MEASUREMENT_CONCEPT_ID,MEASUREMENT_DATE,MEASUREMENT_DATETIME,MEASUREMENT_TYPE_CONCEPT_ID,OPERATOR_CONCEPT_ID,VALUE_AS_NUMBER,UNIT_CONCEPT_ID,UNIT_SOURCE_VALUE
1,7,3004249,2020-01-31,2020-01-31 10:20:30,1,4172703,121,8876,
2,7,3012888,2020-01-31,2020-01-31T10:20:30.5,1,,80.5,8876,
3,7,3027018,2020-01-31,2020-01-31 05:20:30-05:00,1,0,70,8483,
4,7,3024171,2020-01-31,2020-01-31 10:20:30,1,,15,0,/min
5,7,40762499,2020-01-31,20200131 10:20:30,1,,97,8554,
6,7,3020891.0,2020-01-31,2020-01-31 10:20:30,1,,98.6,9289,
7,7,3025315,2020-02-01,,1,,154,8739,
8,7.0,3036277,2020-02-01,,1,,69,9330,
9,7,3038553,2020-02-01,,1,,22.7,9531,
10,-8,3027018,2020-02-01,,1,,,8541,
";

/// An Observation of one quantity.
fn observation(patient: &str, time: &str, code: &str, value: &str) -> String {
    format!(
        "{{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{{\"coding\":[\
         {{\"system\":\"http://loinc.org\",\"code\":\"{code}\"}}]}},\"subject\":{{\"reference\":\
         \"Patient/{patient}\"}},\"effectiveDateTime\":\"{time}\"{value}}}"
    )
}

fn quantity(value: &str, unit: &str) -> String {
    format!(",\"valueQuantity\":{{\"value\":{value},\"unit\":\"as shown\",\"code\":\"{unit}\"}}")
}

fn fhir() -> Vec<String> {
    let (first, second) = ("2020-01-31T10:20:30+00:00", "2020-02-01");
    let component = |code: &str, value: &str| {
        format!(
            "{{\"code\":{{\"coding\":[{{\"system\":\"x\",\"code\":\"y\"}},{{\"system\":\
             \"http:\\/\\/loinc.org\",\"code\":\"{code}\"}}]}}{value}}}"
        )
    };
    let panel = format!(
        ",\"component\":[{},{}]",
        component("8480-6", &quantity("121", "mm[Hg]")),
        component("8462-4", &quantity("80.5", "mm[Hg]"))
    );
    vec![
        observation("7", first, "85354-9", &panel),
        observation("7", first, "8867-4", &quantity("70", "/min")),
        observation("7", first, "9279-1", &quantity("15", "/min")),
        observation("7", first, "2708-6", &quantity("97", "%")),
        observation("7", first, "8310-5", &quantity("98.6", "[degF]")),
        observation("7", second, "29463-7", &quantity("154", "[lb_av]")),
        observation("7", second, "8302-2", &quantity("69", "[in_i]")),
        observation("7", second, "39156-5", &quantity("22.7", "kg/m2")),
        observation("-8", second, "8867-4", ",\"dataAbsentReason\":{\"text\":\"gone\"}"),
    ]
}

fn read(analysis: &VitalsAnalysis, bytes: &[u8], chunk: usize) -> Result<Files, Defect> {
    let mut reader = analysis.begin("a");
    for piece in bytes.chunks(chunk) {
        reader.push(piece)?;
    }
    Ok(files(analysis.deliver(&analyzed(&["a"]), reader.finish()?.0).unwrap()))
}

/// The results under the default settings, which are the same for all chunk sizes.
fn results(bytes: &[u8]) -> Files {
    let analysis = analysis_of(&VitalsSettings::default());
    let whole = read(&analysis, bytes, usize::MAX).unwrap();
    for chunk in [1, 5, 100] {
        assert_eq!(read(&analysis, bytes, chunk).unwrap(), whole);
    }
    whole
}

fn defect(bytes: &[u8]) -> Defect {
    read(&analysis_of(&VitalsSettings::default()), bytes, 7).unwrap_err()
}

/// The row of objects.csv: format, rows, and rows left out by reason.
fn object_row(results: &Files) -> Vec<String> {
    table(&text(results, "objects.csv"))[1][2..9].to_vec()
}

/// One quality count of a vital.
fn quality(results: &Files, vital: &str, check: &str) -> String {
    let rows = table(&text(results, "quality.csv"));
    let at = rows[0].iter().position(|name| name == check).unwrap();
    let row = rows.iter().find(|row| row[1] == vital).unwrap();
    row[at].clone()
}

fn omop_parquet() -> Vec<u8> {
    let rows: Vec<Vec<&str>> = OMOP.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let whole = |name: &str, at: usize| {
        let values = rows.iter().map(|row| row[at].trim_end_matches(".0").parse::<i64>().ok());
        Int64Chunked::from_iter_options(name.into(), values).into_column()
    };
    let first = 1_580_466_030_000_i64;
    let times = rows.iter().map(|row| (!row[4].is_empty()).then_some(first));
    let values = rows.iter().map(|row| row[7].parse::<f64>().ok());
    let units = rows.iter().map(|row| (!row[9].is_empty()).then_some(row[9]));
    let dates = vec!["2020-02-01"; rows.len()];
    let mut table = DataFrame::new_infer_height(vec![
        whole("person_id", 1),
        whole("Measurement_Concept_Id", 2),
        StringChunked::from_slice("measurement_date".into(), &dates).into_column(),
        Int64Chunked::from_iter_options("measurement_datetime".into(), times)
            .into_column()
            .cast(&DataType::Datetime(TimeUnit::Milliseconds, None))
            .unwrap(),
        Float64Chunked::from_iter_options("value_as_number".into(), values).into_column(),
        whole("unit_concept_id", 8),
        StringChunked::from_iter_options("unit_source_value".into(), units).into_column(),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut table).unwrap();
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// Compresses with a checksum, as the command-line tool does.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut writer = zstd::Encoder::new(Vec::new(), 3).unwrap();
    writer.include_checksum(true).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

#[test]
fn the_same_readings_in_every_format_give_the_same_tables() {
    let ndjson = fhir().join("\n");
    let entries: Vec<String> = fhir().iter().map(|one| format!("{{\"resource\":{one}}}")).collect();
    let patient = "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"7\"}}";
    let bundle = format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\n\"entry\":[{patient},\n{}]}}",
        entries.join(",\n")
    );
    let header = OMOP.lines().next().unwrap();
    let lower = OMOP.replace(header, &header.to_lowercase());
    let old = SYNTHEA.replace("CATEGORY,", "").replace("vital-signs,", "");
    let old = old.replace(",TYPE", "").replace(",numeric", "");
    let expected = results(SYNTHEA.as_bytes());
    let patients = text(&expected, "patients.csv");
    let mean = |vital| field(&table(&patients), "7", vital, "mean");
    assert_eq!(
        (mean("temperature"), mean("weight")),
        ("36.99999999999999".into(), "69.85322498000001".into())
    );
    assert_eq!(mean("height"), "175.26");
    assert_eq!(field(&table(&patients), "-8", "heart_rate", "missing"), "1");
    for (format, bytes) in [
        ("synthea", old.into_bytes()),
        ("omop", format!("\u{feff}{OMOP}").into_bytes()),
        ("omop", lower.into_bytes()),
        ("omop", omop_parquet()),
        ("fhir", ndjson.into_bytes()),
        ("fhir", bundle.into_bytes()),
    ] {
        for packed in [bytes.clone(), gzip(&bytes), zstd(&bytes)] {
            let found = results(&packed);
            assert_eq!(text(&found, "patients.csv"), patients, "{format}");
            assert_eq!(text(&found, "cohort.csv"), text(&expected, "cohort.csv"), "{format}");
            assert_eq!(object_row(&found)[0], format);
        }
    }
}

#[test]
fn every_row_is_counted_under_one_rule() {
    let header = SYNTHEA.lines().next().unwrap();
    let row = |time, patient, code, value, unit| {
        format!("{time},{patient},e,c,{code},d,{value},{unit},t")
    };
    let rows = [
        row("2020-01-01", "7", "8867-4", "70", "/min"),
        row("2020-01-01", "7", "2339-0", "70", "mg/dL"),
        row("2020-01-01", "", "8867-4", "70", "/min"),
        row("01/02/2020", "7", "8867-4", "70", "/min"),
        row("", "7", "8867-4", "70", "/min"),
        "2020-01-01,7,8867-4,70".to_owned(),
        row("2020-01-02", "7", "8867-4", "70", "bpm"),
        row("2020-01-03", "7", "8867-4", "fast", "/min"),
        row("2020-01-04", "7", "8867-4", "9999", "/min"),
        row("2020-01-05", "7", "8867-4", "5.4e-79", "/min"),
        row("2020-01-06", "7", "8867-4", "NaN", "bpm"),
        row("2020-01-07", "7", "8867-4", "7777", "bpm"),
    ];
    let found = results(format!("{header}\n{}", rows.join("\n")).as_bytes());
    assert_eq!(object_row(&found), ["synthea", "12", "1", "0", "1", "2", "1"]);
    let counts = ["values", "missing", "implausible", "unparsable", "unknown_unit"]
        .map(|check| quality(&found, "heart_rate", check));
    assert_eq!(counts, ["1", "1", "2", "1", "2"]);
}

#[test]
fn an_observation_says_more_than_its_value() {
    let time = "2020-01-01T00:00:00Z";
    let pulse = |value: &str| observation("7", time, "8867-4", value);
    let local = pulse(&quantity("70", "/min")).replace("http://loinc.org", "http://site.example");
    let two = pulse(&quantity("70", "/min")).replace(
        "\"coding\":[",
        "\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"9279-1\"},",
    );
    let lines = [
        pulse(&quantity("70", "/min")),
        pulse(&quantity("70", "/min")).replace("final", "cancelled"),
        pulse(&quantity("70", "/min")).replace("final", "entered-in-error"),
        pulse(&quantity("70", "/min")).replace("T00:00:00Z", "").replace("2020-01-01", "2020-01"),
        pulse(&quantity("70", "/min")).replace("Patient/7", "Group/7"),
        local,
        two,
        observation("7", time, "85353-1", ",\"hasMember\":[{\"reference\":\"Observation/1\"}]"),
        pulse(",\"valueQuantity\":{\"value\":70,\"comparator\":\"<\",\"code\":\"/min\"}"),
        pulse(",\"valueQuantity\":{\"value\":\"70\",\"code\":\"/min\"}"),
        pulse(",\"valueString\":\"70\""),
        pulse(",\"valueInteger\":70"),
        pulse(""),
        "{\"resourceType\":\"Observation\",".to_owned(),
        "not json".to_owned(),
        "{\"resourceType\":\"Patient\",\"id\":\"7\"}".to_owned(),
    ];
    let found = results(lines.join("\n").as_bytes());
    assert_eq!(object_row(&found), ["fhir", "15", "3", "2", "1", "1", "2"]);
    let counts = ["values", "missing", "implausible", "unparsable", "unknown_unit"]
        .map(|check| quality(&found, "heart_rate", check));
    assert_eq!(counts, ["1", "1", "0", "3", "1"]);
}

#[test]
fn good_rows_are_kept_next_to_panels_without_a_time() {
    let part = |code: &str| {
        format!(
            "{{\"code\":{{\"coding\":[{{\"system\":\"http://loinc.org\",\"code\":\"{code}\"}}]}}{}}}",
            quantity("80", "mm[Hg]")
        )
    };
    let panel = format!(",\"component\":[{},{}]", part("8480-6"), part("8462-4"));
    let mut lines = vec![observation("7", "", "85354-9", &panel); 3];
    lines.push(observation("7", "2020-01-01", "8867-4", &quantity("70", "/min")));
    let found = results(lines.join("\n").as_bytes());
    assert_eq!(object_row(&found), ["fhir", "4", "0", "0", "0", "6", "0"]);
    assert_eq!(quality(&found, "heart_rate", "values"), "1");
    // A line end is a blank: never 70 from 7 and 0.
    let split = "{\n\"entry\":[".to_owned() + &lines[3].replace(":70,", ":7\n0,") + "]}";
    assert!(matches!(defect(split.as_bytes()), Defect::NothingReadable { malformed: 1, .. }));
    assert_eq!(defect(" \n".repeat(1 << 20).as_bytes()), Defect::Empty);
}

#[test]
fn a_number_that_is_not_understood_is_not_the_same_as_none() {
    let header = OMOP.lines().next().unwrap();
    let row = |person: &str, operator: &str, unit: &str| {
        format!("1,{person},3027018,2020-01-31,,1,{operator},70,{unit},/min\n")
    };
    let rows = [row("7", "", ""), row("7", "<", ""), row("7", "", "bpm"), row("x", "", "")];
    let found = results(format!("{header}\n{}", rows.concat()).as_bytes());
    let counts = ["values", "unparsable", "unknown_unit"];
    assert_eq!(counts.map(|check| quality(&found, "heart_rate", check)), ["1", "1", "1"]);
    assert_eq!(object_row(&found)[4], "1");
}

#[test]
fn a_site_names_its_codes_units_and_ranges() {
    let mut settings = VitalsSettings { format: Format::Synthea, ..VitalsSettings::default() };
    settings.codes.insert(Vital::HeartRate, vec!["PULSE".to_owned()]);
    settings.units.insert("bpm".to_owned(), "/min".to_owned());
    settings.range.insert(Vital::HeartRate, [60.0, 80.0]);
    let header = SYNTHEA.lines().next().unwrap();
    let text_of = |value| format!("{header}\n2020-01-01,7,e,c,PULSE,d,{value},bpm,t\n");
    let analysis = analysis_of(&settings);
    let found = read(&analysis, text_of(80).as_bytes(), 9).unwrap();
    assert_eq!(quality(&found, "heart_rate", "values"), "1");
    let found = read(&analysis, text_of(81).as_bytes(), 9).unwrap();
    assert_eq!(quality(&found, "heart_rate", "implausible"), "1");
    assert!(text(&found, "summary.json").contains("\"range_profile\": \"default, adjusted\""));
    let unknown =
        read(&analysis_of(&VitalsSettings::default()), text_of(80).as_bytes(), 9).unwrap();
    assert_eq!(object_row(&unknown)[2], "1");
}

#[test]
fn a_site_names_what_an_unknown_unit_concept_means() {
    let header = OMOP.lines().next().unwrap();
    let rows = format!("{header}\n1,7,3024171,2020-01-31,,1,,15,4141207,insp/min\n");
    for (name, expected) in [("4141207", "1"), ("insp/min", "1"), ("bpm", "0")] {
        let mut settings = VitalsSettings::default();
        settings.units.insert(name.to_owned(), "/min".to_owned());
        let found = read(&analysis_of(&settings), rows.as_bytes(), 9).unwrap();
        assert_eq!(quality(&found, "respiratory_rate", "values"), expected, "{name}");
    }
    // A concept that is known for another vital is not overridden.
    let mut settings = VitalsSettings::default();
    settings.units.insert("bpm".to_owned(), "/min".to_owned());
    let degrees = format!("{header}\n1,7,3024171,2020-01-31,,1,,15,9289,bpm\n");
    let found = read(&analysis_of(&settings), degrees.as_bytes(), 9).unwrap();
    assert_eq!(quality(&found, "respiratory_rate", "unknown_unit"), "1");
}

#[test]
fn an_unreadable_object_is_quarantined_with_its_reason() {
    assert_eq!(defect(b"a,b,c\n1,2,3\n"), Defect::UnknownFormat);
    let columns = vec!["value", "units"];
    let header = "date,patient,code\n";
    let analysis =
        analysis_of(&VitalsSettings { format: Format::Synthea, ..VitalsSettings::default() });
    let missing = read(&analysis, header.as_bytes(), 9).unwrap_err();
    assert_eq!(missing, Defect::MissingColumns { columns });
    let header = SYNTHEA.lines().next().unwrap();
    assert_eq!(defect(header.as_bytes()), Defect::NoRows);
    assert_eq!(
        defect(format!("{header}\n01/02/2020,7,e,c,8867-4,d,70,/min,t\n7\n").as_bytes()),
        Defect::NothingReadable { no_patient: 0, no_time: 1, malformed: 1 }
    );
    // Rows of other codes are not lost readings.
    let laboratory = "2020-01-01,7,e,c,2345-7,Glucose,90,mg/dL,t";
    let dated = format!("{header}\n{laboratory}\n01/02/2020,7,e,c,8867-4,d,70,/min,t\n");
    let expected = Defect::NothingReadable { no_patient: 0, no_time: 1, malformed: 0 };
    assert_eq!(defect(dated.as_bytes()), expected);
    let found = results(format!("{header}\n{laboratory}\n7\n").as_bytes());
    assert_eq!(object_row(&found)[2], "1");
    assert_eq!(defect(b"{\"resourceType\":\"Bundle\",\n\"entry\":["), Defect::UnclosedJson);
    let parquet = omop_parquet();
    assert_eq!(defect(&parquet[..parquet.len() / 2]), Defect::BadParquet);
    assert_eq!(defect(b"PAR1"), Defect::BadParquet);
}

#[test]
fn a_damaged_parquet_file_never_takes_the_worker_down() {
    let parquet = omop_parquet();
    let analysis = analysis_of(&VitalsSettings::default());
    for at in (0..parquet.len()).step_by(7) {
        let mut damaged = parquet.clone();
        damaged[at] ^= 0x55;
        match read(&analysis, &damaged, usize::MAX) {
            Ok(_) | Err(Defect::BadParquet | Defect::MissingColumns { .. }) => {}
            Err(Defect::NothingReadable { .. } | Defect::UnknownFormat) => {}
            Err(other) => panic!("byte {at}: {other:?}"),
        }
    }
}

#[test]
fn a_compressed_object_is_read_to_its_end_or_quarantined() {
    for pack in [gzip as fn(&[u8]) -> Vec<u8>, zstd] {
        let packed = pack(SYNTHEA.as_bytes());
        assert_eq!(defect(&packed[..packed.len() - 9]), Defect::BadPacking);
        let mut damaged = packed.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0xff;
        assert!(read(&analysis_of(&VitalsSettings::default()), &damaged, 50).is_err());
        // Two streams in a row are one object.
        let (head, tail) = SYNTHEA.split_at(300);
        let both = [pack(head.as_bytes()), pack(tail.as_bytes())].concat();
        assert_eq!(text(&results(&both), "patients.csv"), text(&results(&packed), "patients.csv"));
        assert_eq!(defect(&pack(b"a,b,c\n1,2,3\n")), Defect::UnknownFormat);
    }
    // A hundred mebibytes of blank lines in a few kilobytes.
    let header = SYNTHEA.lines().next().unwrap();
    let bomb = format!("{header}\n{}", "\n".repeat(100 << 20));
    assert_eq!(defect(&zstd(bomb.as_bytes())), Defect::UnpacksTooFar { times: 2000 });
}
