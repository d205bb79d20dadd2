//! Writes pseudo-data as objects.
//!
//! Used by `sce synth`. Rows go directly from the study into the open object.
//! Must never keep more than one row and one file buffer in memory.

use anyhow::Result;

use super::SynthSettings;
use super::place::{self, Draft};
use super::row::{HEADER, RowWriter};
use super::study::Study;
use super::tables;

/// Rows between two calls of the progress function.
const PROGRESS_ROWS: u64 = 1 << 16;

/// The amounts written, without the tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Objects.
    pub objects: u32,
    /// Rows of all objects, without headers.
    pub rows: u64,
    /// Bytes of all objects, with headers.
    pub bytes: u64,
}

/// Writes the pseudo-data that `settings` describes. Calls `progress` with the
/// number of rows written so far, every 65,536 rows and at the end of each
/// object.
///
/// Refuses, before anything is written, sizes out of range, an `out` that
/// contains objects, and `tables` inside `out` or already present. After a
/// failure, `out` contains the objects that were completed.
pub fn write_study(settings: &SynthSettings, progress: &mut dyn FnMut(u64)) -> Result<Written> {
    settings.check()?;
    // The tables are checked before `out` is created, so that a refusal leaves no empty directory.
    if let Some(directory) = &settings.tables {
        place::refuse_nested(&settings.out, directory)?;
        tables::prepare(directory)?;
    }
    place::prepare_out(&settings.out)?;

    let mut study = Study::new(settings)?;
    let mut rows = RowWriter::new();
    let mut written = Written::default();
    for number in 1..=settings.objects {
        let mut object = Draft::new(&settings.out, &place::object_name(number))?;
        object.write(HEADER.as_bytes())?;
        written.bytes += HEADER.len() as u64;
        for _ in 0..share(settings.visits, settings.objects, number) {
            let row = rows.row(&study.next_visit())?;
            object.write(row)?;
            written.bytes += row.len() as u64;
            written.rows += 1;
            if written.rows % PROGRESS_ROWS == 0 {
                progress(written.rows);
            }
        }
        object.finish()?;
        written.objects = number;
        progress(written.rows);
    }
    // Last, because the tables contain the totals after the last visit.
    if let Some(directory) = &settings.tables {
        tables::write(directory, settings.seed, study.patients())?;
    }
    Ok(written)
}

/// Returns how many of `visits` go into object `number` of `objects`, counted
/// from 1: an equal share, and one more in the first objects if there is a
/// remainder.
fn share(visits: u64, objects: u32, number: u32) -> u64 {
    let objects = u64::from(objects);
    visits / objects + u64::from(u64::from(number) <= visits % objects)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Variant;
    use super::*;
    use std::fs;
    use std::path::Path;

    fn small(directory: &Path) -> SynthSettings {
        SynthSettings {
            out: directory.join("out"),
            patients: 5,
            visits: 100,
            objects: 3,
            ..SynthSettings::default()
        }
    }

    fn written(settings: &SynthSettings) -> (Written, Vec<String>) {
        let written = write_study(settings, &mut |_| {}).unwrap();
        let read = |number| {
            let path = settings.out.join(place::object_name(number));
            fs::read_to_string(path).unwrap()
        };
        (written, (1..=settings.objects).map(read).collect())
    }

    /// All rows of a study in `objects` objects, each checked for its header.
    fn rows(visits: u64, objects: u32, variant: Variant) -> String {
        let directory = tempfile::tempdir().unwrap();
        let settings = SynthSettings { visits, objects, variant, ..small(directory.path()) };
        let (_, texts) = written(&settings);
        texts.iter().map(|text| text.strip_prefix(HEADER).unwrap()).collect()
    }

    /// FNV-1a, 64 bits.
    fn digest(text: &str) -> u64 {
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    #[test]
    fn a_seed_always_gives_the_same_study() {
        let digests = [
            digest(&rows(1_000, 1, Variant::Repaired)),
            digest(&rows(1_000, 1, Variant::AsPrinted)),
            digest(&rows(20_000, 1, Variant::Repaired)),
        ];
        assert_eq!(
            digests.map(|d| format!("{d:016x}")),
            ["f58ebdf9b4616038", "ce1377b4fc0c3c96", "cf25248cd5363781"]
        );
    }

    #[test]
    fn splitting_changes_nothing_but_the_headers() {
        let whole = rows(100, 1, Variant::Repaired);
        assert_eq!(whole.lines().count(), 100);
        for objects in [2, 7, 100] {
            assert_eq!(rows(100, objects, Variant::Repaired), whole);
        }
    }

    #[test]
    fn the_first_objects_take_the_remainder() {
        let shares = |visits, objects| -> Vec<u64> {
            (1..=objects).map(|number| share(visits, objects, number)).collect()
        };
        assert_eq!(shares(100, 7), [15, 15, 14, 14, 14, 14, 14]);
        assert_eq!(shares(6, 3), [2, 2, 2]);
        assert_eq!(shares(0, 2), [0, 0]);
    }

    #[test]
    fn counts_and_progress_match_the_files() {
        let directory = tempfile::tempdir().unwrap();
        let settings = small(directory.path());
        let mut reported = Vec::new();
        let counts = write_study(&settings, &mut |rows| reported.push(rows)).unwrap();
        assert_eq!(reported, [34, 67, 100]);
        let sizes = fs::read_dir(&settings.out).unwrap();
        let bytes = sizes.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        let expected = Written { objects: 3, rows: 100, bytes };
        assert_eq!(counts, expected);
    }

    #[test]
    fn without_visits_objects_are_headers() {
        let directory = tempfile::tempdir().unwrap();
        let settings = SynthSettings {
            visits: 0,
            tables: Some(directory.path().join("tables")),
            ..small(directory.path())
        };
        let (counts, texts) = written(&settings);
        assert_eq!((counts.objects, counts.rows), (3, 0));
        assert!(texts.iter().all(|text| text == HEADER));
    }

    #[test]
    fn tables_contain_the_same_patients_and_their_last_totals() {
        let directory = tempfile::tempdir().unwrap();
        let tables = directory.path().join("tables");
        let mut settings = small(directory.path());
        let plain = written(&settings);
        settings.out = directory.path().join("again");
        settings.tables = Some(tables.clone());
        assert_eq!(written(&settings), plain, "tables do not change the study");

        let patients = fs::read_to_string(tables.join("patients.csv")).unwrap();
        assert_eq!(patients.lines().count(), 6);
        for (id, line) in patients.lines().skip(1).enumerate() {
            let rest = line.split_once(",John,1920-08-26 08:30:12,").unwrap().1;
            assert!(rest.starts_with("5 ft ") || rest.starts_with("6 ft "), "{line}");
            assert!(rest.ends_with(&format!(" in,{id}")), "{line}");
        }
        let last = |text: &str, count: usize| -> Vec<String> {
            let cells: Vec<String> = text.split(',').map(str::to_owned).collect();
            cells[cells.len() - count..].to_vec()
        };
        let parameters = fs::read_to_string(tables.join("patientParameters.csv")).unwrap();
        for (id, line) in parameters.lines().skip(1).enumerate() {
            let of_id = |row: &&str| row.split(',').nth(1) == Some(&id.to_string());
            let row = plain.1.iter().flat_map(|text| text.lines()).rfind(of_id);
            assert_eq!(last(line, 3), last(row.unwrap(), 3));
        }
    }

    #[test]
    fn refusals_leave_everything_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let settings = small(directory.path());
        let refusal =
            |settings: &SynthSettings| write_study(settings, &mut |_| {}).unwrap_err().to_string();
        let nested =
            SynthSettings { tables: Some(settings.out.join("tables")), ..settings.clone() };
        assert!(refusal(&nested).contains("contain names"));
        assert!(refusal(&SynthSettings { patients: 0, ..settings.clone() }).contains("0 patients"));
        assert!(!settings.out.exists());

        let first = written(&settings).1;
        assert!(refusal(&settings).contains("already contains part-00000"));
        let tables = directory.path().join("tables");
        fs::create_dir(&tables).unwrap();
        fs::write(tables.join("patients.csv"), "mine").unwrap();
        let taken = SynthSettings {
            out: directory.path().join("other"),
            tables: Some(tables),
            ..settings.clone()
        };
        assert!(refusal(&taken).contains("already contains patients.csv"));
        assert!(!taken.out.exists());
        let still = (1..=3).map(|n| fs::read_to_string(settings.out.join(place::object_name(n))));
        assert!(still.map(Result::unwrap).eq(first));
    }
}
