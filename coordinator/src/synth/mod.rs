//! The pseudo-data generator behind `sce synth`.
//!
//! For: anyone who wants to try or test the environment without a patient's
//! data. Some people all named John live in a town with one doctor, and their
//! vital signs follow a procedure of 2017 (100 people, 10,000 visits, 41
//! years), at any size, from a seed. Must never write names beside the objects:
//! the tables that carry them go to a directory of their own.
//!
//! `draw` numbers → `model` people → `study` visits (by the `clock`) → `row`
//! text → `write` objects; `tables` afterwards.

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

pub use write::write_study;

/// How many patients a study can have; each takes about 80 bytes of memory.
pub const PATIENTS: RangeInclusive<u32> = 1..=100_000_000;
/// How many visits a study can have. At about 140 bytes a row, disks end first.
pub const VISITS: RangeInclusive<u64> = 0..=1_000_000_000_000;
/// How many objects a study can be split into.
pub const OBJECTS: RangeInclusive<u32> = 1..=1_000_000;

/// Which of the procedure's two readings to follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Variant {
    /// What the procedure's comments intend.
    #[default]
    Repaired,
    /// What its code does, oddities included.
    AsPrinted,
}

/// A study to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthSettings {
    /// Where the objects go: `part-000001.csv` and so on.
    pub out: PathBuf,
    /// How many patients, within [`PATIENTS`].
    pub patients: u32,
    /// How many visits, that is rows, within [`VISITS`].
    pub visits: u64,
    /// How many objects, within [`OBJECTS`] and not more than visits (where
    /// there are no visits, every object is a header alone).
    pub objects: u32,
    /// The same seed, patients, visits and variant give the same rows.
    pub seed: u64,
    /// Which reading of the procedure.
    pub variant: Variant,
    /// Where the tables with names go, if anywhere; not in or under `out`.
    pub tables: Option<PathBuf>,
}

impl Default for SynthSettings {
    /// The procedure's own study, in 20 objects, into the current directory.
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
    /// Refuses numbers out of bounds, before anything is touched. A caller may
    /// ask first, to tell a wrong setting from a failing disk.
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
            "{objects} objects are more than the visits: ask for at most {visits} objects"
        );
        Ok(())
    }
}

fn within(what: &str, asked: u64, least: u64, most: u64) -> anyhow::Result<()> {
    if !(least..=most).contains(&asked) {
        bail!("{asked} {what} are out of bounds: ask for {least} to {most}");
    }
    Ok(())
}

/// Write pseudo-data: made-up vital signs of made-up people, as CSV objects
///
/// Some people, all named John, share one doctor from 1938-10-30 on; at each
/// visit one of them at random has his vital signs taken. Three effects hide in
/// them: BaseE, TPain and DK. Objects hold consecutive visits and no name. The
/// same seed, patients, visits and variant give the same rows on any machine,
/// however many objects they are split into.
#[derive(clap::Args, Clone, Debug)]
pub struct SynthArgs {
    /// Directory for the objects, part-000001.csv and on [created if absent;
    /// refused if it already holds some]
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// People, ids from 0; 1 to 100000000, about 80 bytes of memory each
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub patients: u32,

    /// Visits, one row of about 140 bytes each; 0 to 1000000000000
    ///
    /// Up to 10000 visits lie one or two whole days apart. Beyond, they lie
    /// closer, by whole seconds, so that the study still lasts about 41 years;
    /// beyond 1296000000 neighbouring visits may share a second.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub visits: u64,

    /// Objects to split the visits into evenly; 1 to 1000000, at most one per
    /// visit (with 0 visits each is a header alone)
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub objects: u32,

    /// Seed of the random draws, any whole number of 64 bits
    #[arg(long, value_name = "NUMBER", default_value_t = 1938)]
    pub seed: u64,

    /// Do what the procedure's comments intend [the default]
    ///
    /// Temperatures start at 97.0 to 99.1 degrees F, DK looks at the weight,
    /// sums run and include their own row, heights are rounded to the inch and
    /// TPain sees them exactly (inches times 2.54).
    #[arg(long, conflicts_with = "as_printed")]
    pub repaired: bool,

    /// Do what the procedure's code does, oddities included
    ///
    /// Temperatures are 90 to 149 degrees F (drawn from the bounds of the
    /// systolic pressure), DK looks at the BMI in place of the weight, sums stay
    /// 0, heights are cut to the inch and TPain sees them cut to the centimetre.
    #[arg(long)]
    pub as_printed: bool,

    /// Directory for patients.csv and patientParameters.csv as well [default:
    /// they are not written]
    ///
    /// They carry names and dates of birth, if invented ones, so this may not be
    /// the directory of the objects, nor lie inside it.
    #[arg(long, value_name = "DIR")]
    pub tables: Option<PathBuf>,
}

impl From<SynthArgs> for SynthSettings {
    fn from(args: SynthArgs) -> Self {
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
    fn sizes_out_of_bounds_are_refused_with_the_bounds() {
        let refusal = |settings: SynthSettings| settings.check().unwrap_err().to_string();
        let base = SynthSettings::default;
        assert_eq!(
            refusal(SynthSettings { patients: 0, ..base() }),
            "0 patients are out of bounds: ask for 1 to 100000000"
        );
        let patients = 100_000_001;
        assert!(refusal(SynthSettings { patients, ..base() }).contains("out of bounds"));
        let visits = 1_000_000_000_001;
        assert!(refusal(SynthSettings { visits, ..base() }).contains("0 to 1000000000000"));
        for objects in [0, 1_000_001] {
            let text = refusal(SynthSettings { objects, ..base() });
            assert!(text.contains("ask for 1 to 1000000"), "{text}");
        }
        assert_eq!(
            refusal(SynthSettings { visits: 19, ..base() }),
            "20 objects are more than the visits: ask for at most 19 objects"
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
