//! The pseudo-data generator behind `sce synth`.
//!
//! For trying or testing the environment without health data. The patients, all
//! named John, live in a town with one doctor. Their vital signs follow a
//! procedure of 2017 (100 patients, 10,000 visits, 41 years), at any size, from a
//! seed. Must never write names into the directory of the objects: the tables
//! that contain them go to another directory.
//!
//! `draw` draws numbers → `model` makes patients of them → `study` makes visits
//! (timed by `clock`) → `row` formats them → `write` writes objects; `tables`
//! follows.

mod clock;
mod draw;
mod model;
mod place;
mod row;
mod study;
mod tables;
pub mod write;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use anyhow::{bail, ensure};

use crate::plural::plural;

pub use write::write_study;

/// Range of the number of patients; each takes about 80 bytes of memory.
pub const PATIENTS: RangeInclusive<u32> = 1..=100_000_000;
/// Range of the number of visits. At about 140 bytes a row, disk space runs out
/// first.
pub const VISITS: RangeInclusive<u64> = 0..=1_000_000_000_000;
/// Range of the number of objects.
pub const OBJECTS: RangeInclusive<u32> = 1..=1_000_000;

/// The two variants of the procedure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Variant {
    /// Does what the procedure's comments intend.
    #[default]
    Repaired,
    /// Does what its code does, including its mistakes.
    AsPrinted,
}

/// The pseudo-data to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthSettings {
    /// Directory of the objects: `part-000001.csv` and so on.
    pub out: PathBuf,
    /// Number of patients, within [`PATIENTS`].
    pub patients: u32,
    /// Number of visits, that is rows, within [`VISITS`].
    pub visits: u64,
    /// Number of objects, within [`OBJECTS`] and not more than visits (without
    /// visits, every object consists of a header).
    pub objects: u32,
    /// The same seed, patients, visits and variant give the same rows.
    pub seed: u64,
    /// The variant of the procedure.
    pub variant: Variant,
    /// Directory of the tables with names, outside `out`; `None` to write none.
    pub tables: Option<PathBuf>,
}

impl Default for SynthSettings {
    /// The sizes of the procedure, in 20 objects, in the current directory.
    fn default() -> Self {
        Self {
            out: PathBuf::from("."),
            patients: 100,
            visits: 10_000,
            objects: 20,
            seed: 1938,
            variant: Variant::Repaired,
            tables: None,
        }
    }
}

impl SynthSettings {
    /// Checks that the numbers are within their ranges. A caller may do this
    /// first, to distinguish a wrong setting from a failing disk.
    pub fn check(&self) -> anyhow::Result<()> {
        within(
            "patients",
            self.patients.into(),
            (*PATIENTS.start()).into(),
            (*PATIENTS.end()).into(),
        )?;
        within("visits", self.visits, *VISITS.start(), *VISITS.end())?;
        within("objects", self.objects.into(), (*OBJECTS.start()).into(), (*OBJECTS.end()).into())?;
        let (objects, visits) = (u64::from(self.objects), self.visits);
        ensure!(
            visits == 0 || objects <= visits,
            "{} for {}: choose at most {}",
            plural(objects, "object"),
            plural(visits, "visit"),
            plural(visits, "object")
        );
        Ok(())
    }
}

fn within(what: &str, asked: u64, least: u64, most: u64) -> anyhow::Result<()> {
    if !(least..=most).contains(&asked) {
        bail!("{asked} {what} are out of range: choose {least} to {most}");
    }
    Ok(())
}

/// Write pseudo-data: vital signs of invented patients, as CSV objects
///
/// The patients, all named John, share one doctor from 1938-10-30 on. At each
/// visit, the vital signs of one of them, chosen at random, are taken. Three
/// outcome columns depend on them: BaseE, TPain and DK. Objects contain
/// consecutive visits and no names. The same seed, patients, visits and variant
/// give the same rows on any machine, however many objects they are split into.
#[derive(clap::Args, Clone, Debug)]
pub struct SynthArgs {
    /// Directory for the objects, part-000001.csv and so on [created if absent;
    /// refused if it already contains some]
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Number of patients, ids from 0; 1 to 100000000, about 80 bytes of memory
    /// each
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub patients: u32,

    /// Number of visits, one row of about 140 bytes each; 0 to 1000000000000
    ///
    /// Up to 10000 visits are one or two whole days apart. More visits are
    /// closer, by whole seconds, so that the study still lasts about 41 years.
    /// With more than 1296000000, neighboring visits may share a second.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub visits: u64,

    /// Number of objects into which the visits are split evenly; 1 to 1000000,
    /// at most one per visit (with 0 visits, each consists of a header)
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub objects: u32,

    /// Seed of the random draws, any whole number of 64 bits
    #[arg(long, value_name = "NUMBER", default_value_t = 1938)]
    pub seed: u64,

    /// Do what the procedure's comments intend [the default]
    ///
    /// Temperatures start at 97.0 to 99.1 degrees F, DK depends on the weight,
    /// sums are cumulative and include their own row, heights are rounded to the
    /// inch and TPain uses them exactly (inches times 2.54).
    #[arg(long, conflicts_with = "as_printed")]
    pub repaired: bool,

    /// Do what the procedure's code does, including its mistakes
    ///
    /// Temperatures are 90 to 149 degrees F (drawn from the bounds of the
    /// systolic pressure), DK depends on the BMI instead of the weight, sums stay
    /// 0, heights are truncated to the inch and TPain uses them truncated to the
    /// centimeter.
    #[arg(long)]
    pub as_printed: bool,

    /// Also write patients.csv and patientParameters.csv, into this directory
    /// [default: they are not written]
    ///
    /// They contain names and dates of birth, although invented ones, so this
    /// must not be the directory of the objects or a directory inside it.
    #[arg(long, value_name = "DIR")]
    pub tables: Option<PathBuf>,
}

impl From<SynthArgs> for SynthSettings {
    fn from(args: SynthArgs) -> Self {
        // clap refuses both flags together, so the second one decides nothing.
        let variant = match (args.as_printed, args.repaired) {
            (true, false) => Variant::AsPrinted,
            _ => Variant::Repaired,
        };
        Self {
            out: args.out,
            patients: args.patients,
            visits: args.visits,
            objects: args.objects,
            seed: args.seed,
            variant,
            tables: args.tables,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        synth: SynthArgs,
    }

    fn parse(rest: &[&str]) -> Result<SynthSettings, clap::Error> {
        let line = ["sce", "--out", "here"].iter().chain(rest);
        Line::try_parse_from(line).map(|line| line.synth.into())
    }

    #[test]
    fn the_defaults_of_the_line_are_those_of_the_settings() {
        let expected = SynthSettings { out: "here".into(), ..SynthSettings::default() };
        assert_eq!(parse(&[]).unwrap(), expected);
        assert_eq!(parse(&["--repaired"]).unwrap(), expected);
    }

    #[test]
    fn the_line_chooses_one_variant() {
        assert_eq!(parse(&["--as-printed"]).unwrap().variant, Variant::AsPrinted);
        assert!(parse(&["--as-printed", "--repaired"]).is_err());
    }

    #[test]
    fn sizes_out_of_range_are_refused_with_the_range() {
        let refusal = |settings: SynthSettings| settings.check().unwrap_err().to_string();
        let base = SynthSettings::default;
        assert_eq!(
            refusal(SynthSettings { patients: 0, ..base() }),
            "0 patients are out of range: choose 1 to 100000000"
        );
        let patients = 100_000_001;
        assert!(refusal(SynthSettings { patients, ..base() }).contains("out of range"));
        let visits = 1_000_000_000_001;
        assert!(refusal(SynthSettings { visits, ..base() }).contains("0 to 1000000000000"));
        for objects in [0, 1_000_001] {
            let text = refusal(SynthSettings { objects, ..base() });
            assert!(text.contains("choose 1 to 1000000"), "{text}");
        }
        assert_eq!(
            refusal(SynthSettings { visits: 19, ..base() }),
            "20 objects for 19 visits: choose at most 19 objects"
        );
    }

    #[test]
    fn no_visits_and_the_largest_study_are_accepted() {
        let empty = SynthSettings { visits: 0, ..SynthSettings::default() };
        empty.check().unwrap();
        let largest = SynthSettings {
            patients: *PATIENTS.end(),
            visits: *VISITS.end(),
            objects: *OBJECTS.end(),
            ..SynthSettings::default()
        };
        largest.check().unwrap();
    }
}
