//! What a partial keeps of objects, whoever the patients are: small, whatever
//! the number of patients.
//!
//! Used by [`crate::partial::vitals_partial`], [`crate::partial::merge`], [`crate::partial::codec`] and
//! [`crate::results::cohort`].
//!
//! | table | one row per | columns besides the key |
//! |---|---|---|
//! | `months` | month | NEWS2 sets per band |
//! | `quality` | object, vital | data-quality counts |
//! | `inputs` | object | format, rows, rows left out, SHA-256 of the plaintext and of the tables of people |
//! | `rules`, `extremes` | see [`crate::tables::effects`] | |

use crate::rules::news2::BandCounts;
use crate::rules::quality::{LeftOut, QualityCounts};
use crate::rules::statistics::ObjectStatistics;
use crate::rules::vital::Vital;
use crate::tables::column::{band_columns, codes, counts, table, texts, whole_numbers};
use crate::tables::effects;
use polars::prelude::*;

/// The tables.
#[derive(Clone)]
pub struct ObjectTables {
    pub months: DataFrame,
    pub quality: DataFrame,
    pub inputs: DataFrame,
    pub rules: DataFrame,
    pub extremes: DataFrame,
}

/// Names of the quality counts, in the order of every output.
pub const QUALITY_CHECKS: [&str; 12] = [
    "values",
    "missing",
    "implausible",
    "unparsable",
    "unknown_unit",
    "duplicates",
    "out_of_order",
    LIFE_CHECKS[0],
    LIFE_CHECKS[1],
    DBP_CHECK,
    "equal_column",
    BMI_CHECK,
];

/// The checks that need a table of people.
pub const LIFE_CHECKS: [&str; 2] = ["before_birth", "after_death"];
/// The check that only the diastolic pressure has.
pub const DBP_CHECK: &str = "dbp_not_below_sbp";
/// The check that only the body mass index has.
pub const BMI_CHECK: &str = "bmi_differs";

/// What is said of an object beside what was found in it.
pub struct InputFacts<'a> {
    pub object: &'a str,
    /// Hex SHA-256 of its plaintext.
    pub digest: &'a str,
    /// Those of the tables of people, blanks between.
    pub people: &'a str,
    /// The name of its format.
    pub format: &'a str,
    pub rows: u64,
}

impl ObjectTables {
    /// How many there are.
    pub const COUNT: usize = 5;

    /// Those of no object.
    pub fn empty() -> Self {
        Self {
            months: months_table(&[]),
            quality: quality_table("", &[]),
            inputs: inputs_table(None),
            rules: effects::rules_table(&[]),
            extremes: effects::extremes_table(&[]),
        }
    }

    /// Those of one object.
    pub fn of(input: &InputFacts<'_>, statistics: &ObjectStatistics) -> Self {
        let quality = Vital::ALL.into_iter().zip(statistics.quality());
        let seen = |(vital, counts): &(Vital, QualityCounts)| {
            statistics.measures(*vital) || *counts != QualityCounts::default()
        };
        let quality: Vec<_> = quality.filter(seen).collect();
        let (rules, extremes) = effects::of_object(statistics);
        Self {
            months: months_table(&statistics.months()),
            quality: quality_table(input.object, &quality),
            inputs: inputs_table(Some((input, statistics))),
            rules,
            extremes,
        }
    }

    /// The tables in the order they are stored in.
    pub const fn all(&self) -> [&DataFrame; Self::COUNT] {
        [&self.months, &self.quality, &self.inputs, &self.rules, &self.extremes]
    }

    /// The tables in that order.
    pub fn into_all(self) -> [DataFrame; Self::COUNT] {
        let Self { months, quality, inputs, rules, extremes } = self;
        [months, quality, inputs, rules, extremes]
    }

    /// From tables in that order.
    pub fn from_all([months, quality, inputs, rules, extremes]: [DataFrame; Self::COUNT]) -> Self {
        Self { months, quality, inputs, rules, extremes }
    }
}

fn months_table(rows: &[(i64, BandCounts)]) -> DataFrame {
    let mut columns = vec![whole_numbers("month", rows.iter().map(|(month, _)| *month))];
    columns.extend(band_columns(|| rows.iter().map(|(_, bands)| bands)));
    table(columns)
}

fn inputs_table(input: Option<(&InputFacts<'_>, &ObjectStatistics)>) -> DataFrame {
    let one = || input.iter();
    let mut columns = vec![
        texts("object", one().map(|(facts, _)| facts.object)),
        texts("digest", one().map(|(facts, _)| facts.digest)),
        texts("people", one().map(|(facts, _)| facts.people)),
        texts("format", one().map(|(facts, _)| facts.format)),
        counts("rows", one().map(|(facts, _)| facts.rows)),
    ];
    for reason in LeftOut::ALL {
        let count = one().map(|(_, statistics)| statistics.left_out()[reason as usize]);
        columns.push(counts(reason.name(), count));
    }
    table(columns)
}

fn quality_table(object: &str, rows: &[(Vital, QualityCounts)]) -> DataFrame {
    let mut columns = vec![
        texts("object", rows.iter().map(|_| object)),
        codes("vital", rows.iter().map(|(vital, _)| *vital)),
    ];
    for (check, name) in QUALITY_CHECKS.iter().enumerate() {
        columns.push(counts(name, rows.iter().map(|(_, q)| quality_counts(q)[check])));
    }
    table(columns)
}

/// The counts in the order of [`QUALITY_CHECKS`].
const fn quality_counts(q: &QualityCounts) -> [u64; QUALITY_CHECKS.len()] {
    [
        q.values,
        q.missing,
        q.implausible,
        q.unparsable,
        q.unknown_unit,
        q.duplicates,
        q.out_of_order,
        q.before_birth,
        q.after_death,
        q.dbp_not_below_sbp,
        q.equal_column,
        q.bmi_differs,
    ]
}
