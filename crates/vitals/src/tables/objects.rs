//! Per-object tables of a partial. Their size does not depend on the number of patients.

use polars::prelude::*;
use sce_study::AnalysisError;

use crate::rules::news2::BandCounts;
use crate::rules::quality::{LeftOutCounts, QualityCounts};
use crate::rules::statistics::ObjectStatistics;
use crate::rules::vital::Vital;
use crate::tables::column::engine;
use crate::tables::effects::{self, ExtremeRow, RuleRow};
use crate::tables::groups::merged;
use crate::tables::rows::{Row, rows};

rows! {
    /// NEWS2 sets of a month (see `calendar::month`) per band.
    struct MonthRow[] in "months" {
        month: i64 = Key,
        bands: BandCounts = Sum,
    }
}

rows! {
    /// Data quality of a vital in an object.
    struct QualityRow['t] in "quality" {
        object: &'t str = Once,
        vital: Vital = Once,
        counts: QualityCounts = Once,
    }
}

rows! {
    /// The content of an object.
    struct InputRow['t] in "inputs" {
        object: &'t str = Once,
        digest: &'t str = Once,
        people: &'t str = Once,
        format: &'t str = Once,
        rows: u64 = Once,
        left_out: LeftOutCounts = Once,
    }
}

/// Facts about an object that are not in its statistics.
pub struct InputFacts<'a> {
    pub object: &'a str,
    /// Hex SHA-256 of its plaintext.
    pub digest: &'a str,
    /// Hex SHA-256 of each table of people, separated by blanks.
    pub people: &'a str,
    /// The name of its format.
    pub format: &'a str,
    pub rows: u64,
}

/// The tables about objects.
#[derive(Clone)]
pub struct ObjectTables {
    pub months: DataFrame,
    pub quality: DataFrame,
    pub inputs: DataFrame,
    pub rules: DataFrame,
    pub extremes: DataFrame,
}

impl ObjectTables {
    /// The number of tables.
    pub const COUNT: usize = 5;

    /// Returns the tables of no object.
    pub fn empty() -> Self {
        Self {
            months: MonthRow::empty(),
            quality: QualityRow::empty(),
            inputs: InputRow::empty(),
            rules: RuleRow::empty(),
            extremes: ExtremeRow::empty(),
        }
    }

    /// Returns the tables of one object.
    pub fn of(input: &InputFacts<'_>, statistics: &ObjectStatistics) -> Self {
        let InputFacts { object, digest, people, format, rows } = *input;
        let months = statistics.months().into_iter();
        let months: Vec<_> = months.map(|(month, bands)| MonthRow { month, bands }).collect();
        let quality = Vital::ALL.into_iter().zip(statistics.quality());
        // A vital without a column gets a row only if something was counted.
        let is_seen = |(vital, counts): &(Vital, QualityCounts)| {
            statistics.measures(*vital) || *counts != QualityCounts::default()
        };
        let quality = quality.filter(is_seen);
        let quality: Vec<_> =
            quality.map(|(vital, counts)| QualityRow { object, vital, counts }).collect();
        let left_out = *statistics.left_out();
        let (rules, extremes) = effects::of_object(statistics.effects());
        Self {
            months: MonthRow::write(&months),
            quality: QualityRow::write(&quality),
            inputs: InputRow::write(&[InputRow { object, digest, people, format, rows, left_out }]),
            rules: RuleRow::write(&rules),
            extremes: ExtremeRow::write(&extremes),
        }
    }

    /// Returns the tables, in the order in which they are stored.
    pub const fn all(&self) -> [&DataFrame; Self::COUNT] {
        [&self.months, &self.quality, &self.inputs, &self.rules, &self.extremes]
    }

    /// Returns the tables, in that order.
    pub fn into_all(self) -> [DataFrame; Self::COUNT] {
        let Self { months, quality, inputs, rules, extremes } = self;
        [months, quality, inputs, rules, extremes]
    }

    /// Creates the tables, from that order.
    pub fn from_all([months, quality, inputs, rules, extremes]: [DataFrame; Self::COUNT]) -> Self {
        Self { months, quality, inputs, rules, extremes }
    }

    /// Refuses tables that [`ObjectTables::of`] and merges could not have made.
    ///
    /// # Errors
    /// [`AnalysisError::Damaged`], naming table and column.
    pub fn check(&self) -> Result<(), AnalysisError> {
        MonthRow::check_columns(&self.months)?;
        QualityRow::check_columns(&self.quality)?;
        InputRow::check_columns(&self.inputs)?;
        RuleRow::check_columns(&self.rules)?;
        ExtremeRow::check_columns(&self.extremes)?;
        MonthRow::read(&self.months)?;
        QualityRow::read(&self.quality)?;
        InputRow::read(&self.inputs)?;
        ExtremeRow::read(&self.extremes)?;
        effects::rule_counts(&RuleRow::read(&self.rules)?).map(drop)
    }

    /// Merges the tables of disjoint objects.
    ///
    /// # Errors
    /// [`AnalysisError::ObjectTwice`] if they are not disjoint.
    pub fn merge(mut parts: Vec<Self>) -> Result<Self, AnalysisError> {
        match parts.len() {
            0 => return Ok(Self::empty()),
            1 => return Ok(parts.remove(0)),
            _ => {}
        }
        let merge = || -> PolarsResult<Self> {
            let all = stack(parts.into_iter().map(Self::into_all))?;
            let all = Self::from_all(all);
            Ok(Self {
                months: merged::<MonthRow>(&all.months)?,
                quality: all.quality.sort(["object", "vital"], SortMultipleOptions::default())?,
                inputs: all.inputs.sort(["object"], SortMultipleOptions::default())?,
                rules: merged::<RuleRow>(&all.rules)?,
                extremes: merged::<ExtremeRow>(&all.extremes)?,
            })
        };
        let merged = merge().map_err(engine("merge partials"))?;
        refuse_repeats(&InputRow::read(&merged.inputs)?)?;
        Ok(merged)
    }
}

/// Refuses an object that occurs twice; `inputs` must ascend by object.
fn refuse_repeats(inputs: &[InputRow<'_>]) -> Result<(), AnalysisError> {
    match inputs.windows(2).find(|pair| pair[0].object == pair[1].object) {
        Some(pair) => Err(AnalysisError::ObjectTwice { object: pair[0].object.to_owned() }),
        None => Ok(()),
    }
}

/// Stacks the rows of many tables, table by table.
///
/// # Errors
/// Tables at the same position have different columns.
pub fn stack<const N: usize>(
    mut parts: impl Iterator<Item = [DataFrame; N]>,
) -> PolarsResult<[DataFrame; N]> {
    let Some(mut all) = parts.next() else {
        return Ok([(); N].map(|()| DataFrame::default()));
    };
    for part in parts {
        for (table, more) in all.iter_mut().zip(part) {
            table.vstack_mut(&more)?;
        }
    }
    // One chunk per column: the merges read each column as a whole.
    for table in &mut all {
        table.rechunk_mut();
    }
    Ok(all)
}
