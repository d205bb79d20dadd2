//! The results with rows of patients, written range by range.
//!
//! Used by delivery. A million patients are gigabytes: the rows must be written to unnamed files
//! of the scratch directory, never held.

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
use crate::outputs::patients::{fields, header, table};
use crate::results::patient_rows::PatientRow;
use crate::tables::column::engine;
use crate::tables::derived::DerivedRow;
use sce_study::{AnalysisError, Content, Deliverable, Release};

/// Rows per row group of `patients.parquet`.
const GROUP_ROWS: usize = 1 << 17;

const STEP: &str = "write patients table";

/// The files, while they are written.
pub struct PatientFiles {
    patients: csv::Writer<File>,
    parquet: BatchedWriter<File>,
    /// Rows of `patients.parquet` that do not fill a group yet.
    pending: DataFrame,
    typed: File,
    streaks: csv::Writer<File>,
    derived: csv::Writer<File>,
}

impl PatientFiles {
    pub fn new(scratch: &Path) -> Result<Self, AnalysisError> {
        let file = || tempfile::tempfile_in(scratch).map_err(no_space);
        let typed = file()?;
        let pending = table(&[]).map_err(engine(STEP))?;
        // A second handle: the writer consumes its own.
        let parquet = ParquetWriter::new(typed.try_clone().map_err(no_space)?)
            .with_statistics(StatisticsOptions::empty())
            .batched(pending.schema())
            .map_err(engine(STEP))?;
        let started = |header: &[&str]| -> Result<_, AnalysisError> {
            let mut writer = csv::Writer::from_writer(file()?);
            writer.write_record(header).map_err(csv_error)?;
            Ok(writer)
        };
        Ok(Self {
            patients: started(&header())?,
            parquet,
            pending,
            typed,
            streaks: started(&["patient", "vital", "unit", "streaks", "start", "length", "worst"])?,
            derived: started(&[
                "patient", "measure", "unit", "n", "mean", "sd", "min", "max", "flag", "flagged",
            ])?,
        })
    }

    /// Writes the next patients.
    pub fn write(
        &mut self,
        rows: &[PatientRow],
        derived: &[DerivedRow<'_>],
    ) -> Result<(), AnalysisError> {
        for row in rows {
            self.patients.write_record(fields(row)).map_err(csv_error)?;
            self.write_streaks(row)?;
        }
        for row in derived {
            self.write_derived(row)?;
        }
        self.pending.vstack_mut(&table(rows).map_err(engine(STEP))?).map_err(engine(STEP))?;
        // Whole groups only: the last one, which may be smaller, is left to `finish`.
        while self.pending.height() >= GROUP_ROWS {
            self.write_group()?;
        }
        Ok(())
    }

    /// Writes one group: its size must not depend on how many rows come at a time.
    fn write_group(&mut self) -> Result<(), AnalysisError> {
        let mut group = self.pending.head(Some(GROUP_ROWS));
        self.pending = self.pending.slice(GROUP_ROWS as i64, usize::MAX);
        self.parquet.write_batch(group.rechunk_mut()).map_err(parquet_error)
    }

    /// Writes the patient's longest streak: at least three consecutive times outside the
    /// reference range.
    fn write_streaks(&mut self, row: &PatientRow) -> Result<(), AnalysisError> {
        let Ok(Some(piece)) = &row.measures.course else { return Ok(()) };
        let (streaks, Some(longest)) = piece.streaks() else { return Ok(()) };
        let worst = ReferenceRange::usual(row.vital).beyond(longest.worst);
        self.streaks
            .write_record([
                &row.patient,
                row.vital.name(),
                row.vital.unit(),
                &streaks.to_string(),
                &calendar::format(longest.start),
                &longest.length.to_string(),
                &worst.to_string(),
            ])
            .map_err(csv_error)
    }

    fn write_derived(&mut self, row: &DerivedRow<'_>) -> Result<(), AnalysisError> {
        let (kept, flag) = (row.kept(), row.measure.flag());
        let units = |steps: i64| number(Some(mean_units(i128::from(steps), 1)));
        let flagged = if flag.is_empty() { String::new() } else { kept.flagged.to_string() };
        self.derived
            .write_record([
                row.patient,
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
            .map_err(csv_error)
    }

    /// Finishes the files.
    pub fn finish(mut self) -> Result<[Deliverable; 4], AnalysisError> {
        self.write_group()?;
        self.parquet.finish().map_err(parquet_error)?;
        let written = |name, writer: csv::Writer<File>| -> Result<_, AnalysisError> {
            let file = writer.into_inner().map_err(|e| no_space(e.into_error()))?;
            Ok(file_of(name, file))
        };
        Ok([
            file_of("patients.parquet", self.typed),
            written("patients.csv", self.patients)?,
            written("streaks.csv", self.streaks)?,
            written("derived.csv", self.derived)?,
        ])
    }
}

fn file_of(name: &str, file: File) -> Deliverable {
    let (release, content) = (Release::Stays, Content::File(file));
    Deliverable { name: name.to_owned(), release, content }
}

fn no_space(_: io::Error) -> AnalysisError {
    AnalysisError::NoScratch
}

fn csv_error(_: csv::Error) -> AnalysisError {
    // Every record has as many fields as the header: only the disk can fail.
    AnalysisError::NoScratch
}

fn parquet_error(error: PolarsError) -> AnalysisError {
    match error {
        PolarsError::IO { .. } => AnalysisError::NoScratch,
        other => engine(STEP)(other),
    }
}
