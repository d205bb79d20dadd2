//! The results with rows of patients, written range by range.
//!
//! Used by delivery. Of a million patients they are gigabytes: they are
//! written to unnamed files of the scratch directory, never held.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::rules::fixed::mean_units;
use crate::rules::range::ReferenceRange;
use polars::prelude::*;
use polars_io::parquet::write::{BatchedWriter, ParquetWriter};
use polars_io::prelude::StatisticsOptions;
use sce_core::calendar;

use crate::outputs::csv_text::number;
use crate::outputs::patients::{COLUMNS, fields, table};
use crate::results::patient_rows::PatientRow;
use crate::tables::column::engine;
use crate::tables::derived::DerivedRow;
use sce_study::{AnalysisError, Content, Deliverable, Release};

/// Rows of a row group of `patients.parquet`.
const GROUP_ROWS: usize = 1 << 17;

const STEP: &str = "write patients table";

/// The files in the making.
pub struct PatientFiles {
    patients: csv::Writer<File>,
    parquet: BatchedWriter<File>,
    /// Rows of it that do not make a group yet.
    pending: DataFrame,
    typed: File,
    runs: csv::Writer<File>,
    derived: csv::Writer<File>,
}

impl PatientFiles {
    pub fn new(scratch: &Path) -> Result<Self, AnalysisError> {
        let file = || tempfile::tempfile_in(scratch).map_err(no_room);
        let typed = file()?;
        let pending = table(&[]).map_err(engine(STEP))?;
        let parquet = ParquetWriter::new(typed.try_clone().map_err(no_room)?)
            .with_statistics(StatisticsOptions::empty())
            .batched(pending.schema())
            .map_err(engine(STEP))?;
        let started = |header: &[&str]| -> Result<_, AnalysisError> {
            let mut writer = csv::Writer::from_writer(file()?);
            writer.write_record(header).map_err(failed)?;
            Ok(writer)
        };
        Ok(Self {
            patients: started(&COLUMNS)?,
            parquet,
            pending,
            typed,
            runs: started(&["patient", "vital", "unit", "runs", "start", "length", "worst"])?,
            derived: started(&[
                "patient", "measure", "unit", "n", "mean", "sd", "min", "max", "flag", "flagged",
            ])?,
        })
    }

    /// Writes the next patients.
    pub fn write(
        &mut self,
        rows: &[PatientRow],
        derived: &[DerivedRow],
    ) -> Result<(), AnalysisError> {
        for row in rows {
            self.patients.write_record(fields(row)).map_err(failed)?;
            self.write_runs(row)?;
        }
        for row in derived {
            self.write_derived(row)?;
        }
        self.pending.vstack_mut(&table(rows).map_err(engine(STEP))?).map_err(engine(STEP))?;
        while self.pending.height() >= GROUP_ROWS {
            self.write_group()?;
        }
        Ok(())
    }

    /// Groups do not depend on how many rows came at a time.
    fn write_group(&mut self) -> Result<(), AnalysisError> {
        let mut group = self.pending.head(Some(GROUP_ROWS));
        self.pending = self.pending.slice(GROUP_ROWS as i64, usize::MAX);
        self.parquet.write_batch(group.rechunk_mut()).map_err(not_written)
    }

    /// Where the vital was outside the reference range at three times in a row
    /// at least: the longest.
    fn write_runs(&mut self, row: &PatientRow) -> Result<(), AnalysisError> {
        let Ok(Some(piece)) = &row.measures.course else { return Ok(()) };
        let (runs, Some(longest)) = piece.runs() else { return Ok(()) };
        let worst = ReferenceRange::usual(row.vital).beyond(longest.worst);
        self.runs
            .write_record([
                &row.patient,
                row.vital.name(),
                row.vital.unit(),
                &runs.to_string(),
                &calendar::format(longest.start),
                &longest.length.to_string(),
                &worst.to_string(),
            ])
            .map_err(failed)
    }

    fn write_derived(&mut self, row: &DerivedRow) -> Result<(), AnalysisError> {
        let (kept, flag) = (&row.kept, row.measure.flag());
        let units = |steps: i64| number(Some(mean_units(i128::from(steps), 1)));
        let flagged = if flag.is_empty() { String::new() } else { kept.flagged.to_string() };
        self.derived
            .write_record([
                &row.patient,
                row.measure.name(),
                row.measure.unit(),
                &kept.sums.n.to_string(),
                &number(kept.sums.mean()),
                &number(kept.sums.sd()),
                &units(kept.extremes.0),
                &units(kept.extremes.1),
                flag,
                &flagged,
            ])
            .map_err(failed)
    }

    /// The files.
    pub fn finish(mut self) -> Result<[Deliverable; 4], AnalysisError> {
        self.write_group()?;
        self.parquet.finish().map_err(not_written)?;
        let written = |name, writer: csv::Writer<File>| -> Result<_, AnalysisError> {
            let file = writer.into_inner().map_err(|e| no_room(e.into_error()))?;
            Ok(file_of(name, file))
        };
        Ok([
            file_of("patients.parquet", self.typed),
            written("patients.csv", self.patients)?,
            written("runs.csv", self.runs)?,
            written("derived.csv", self.derived)?,
        ])
    }
}

fn file_of(name: &str, file: File) -> Deliverable {
    let (release, content) = (Release::Stays, Content::File(file));
    Deliverable { name: name.to_owned(), release, content }
}

fn no_room(_: io::Error) -> AnalysisError {
    AnalysisError::NoScratch
}

fn failed(_: csv::Error) -> AnalysisError {
    // Fields are as many as the header's: only the disk can fail.
    AnalysisError::NoScratch
}

fn not_written(error: PolarsError) -> AnalysisError {
    match error {
        PolarsError::IO { .. } => AnalysisError::NoScratch,
        other => engine(STEP)(other),
    }
}
