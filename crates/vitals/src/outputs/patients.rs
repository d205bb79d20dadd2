//! `patients.csv` and `patients.parquet`: one row per patient and vital.
//!
//! Written by [`crate::outputs::patient_files`]. Both must be the same, byte for byte, however
//! the rows were split into objects and units, so nothing about the run may enter. [`COLUMNS`] is
//! the only place that names a column.

use polars::prelude::*;
use sce_core::calendar;

use crate::outputs::csv_text::number;
use crate::results::patient_rows::PatientRow;
use crate::results::summed::Measures;
use crate::rules::category::{BloodPressure, BodyMass};
use crate::rules::people::UnderAge;
use crate::rules::series::Piece;
use crate::rules::timeline::Overlapping;
use crate::tables::column::Value;

/// In `patients.csv`, in place of a value that depends on an order of time that is not known; in
/// Parquet, the value is null.
const NOT_ORDERED: &str = "not computed: overlapping ranges";
/// The same for categories of adults, and for NEWS2.
const NOT_ADULT: &str = "not computed: under 18";
const NOT_SCORED: &str = "not computed: under 16";

/// A value, none, or the reason why it is not computed.
type Computed<T> = Result<Option<T>, &'static str>;

/// How the values of a column are read.
#[derive(Clone, Copy)]
enum Get {
    Text(fn(&PatientRow) -> &str),
    Word(fn(&PatientRow) -> Computed<&'static str>),
    Count(fn(&PatientRow) -> Computed<u64>),
    Number(fn(&PatientRow) -> Computed<f64>),
    /// In civil seconds.
    Time(fn(&PatientRow) -> Option<i64>),
}

/// The columns of both files, in order.
const COLUMNS: [(&str, Get); 29] = [
    ("patient", Get::Text(|row| &row.patient)),
    ("vital", Get::Text(|row| row.vital.name())),
    ("unit", Get::Text(|row| row.vital.unit())),
    ("n", Get::Count(|row| Ok(Some(row.measures.n)))),
    ("missing", Get::Count(|row| Ok(Some(row.measures.missing)))),
    ("implausible", Get::Count(|row| Ok(Some(row.measures.implausible)))),
    ("mean", Get::Number(|row| Ok(row.measures.mean))),
    ("sd", Get::Number(|row| Ok(row.measures.sd))),
    ("min", Get::Number(|row| Ok(row.measures.min))),
    ("q1", Get::Number(|row| Ok(row.measures.quartiles[0]))),
    ("median", Get::Number(|row| Ok(row.measures.quartiles[1]))),
    ("q3", Get::Number(|row| Ok(row.measures.quartiles[2]))),
    ("max", Get::Number(|row| Ok(row.measures.max))),
    ("first_time", Get::Time(|row| row.measures.first.map(|first| first.0))),
    ("first_value", Get::Number(|row| Ok(row.measures.first.map(|first| first.1)))),
    ("last_time", Get::Time(|row| row.measures.last.map(|last| last.0))),
    ("last_value", Get::Number(|row| Ok(row.measures.last.map(|last| last.1)))),
    ("cv", Get::Number(|row| Ok(row.measures.cv))),
    ("arv", Get::Number(|row| Ok(course(&row.measures)?.and_then(Piece::arv)))),
    ("slope_per_year", Get::Number(|row| Ok(row.measures.trend.map(|fit| fit.slope_per_year)))),
    ("slope_se", Get::Number(|row| Ok(row.measures.trend.map(|fit| fit.standard_error)))),
    ("slope_p", Get::Number(|row| Ok(row.measures.trend.map(|fit| fit.p)))),
    ("slope_q", Get::Number(|row| Ok(row.trend_q))),
    (
        "abnormal_streaks",
        Get::Count(|row| Ok(course(&row.measures)?.map(|piece| piece.streaks().0))),
    ),
    (
        "longest_streak",
        Get::Count(|row| {
            let longest = |piece: &Piece| piece.streaks().1.map_or(0, |streak| streak.length);
            Ok(course(&row.measures)?.map(longest))
        }),
    ),
    (
        "bp_category",
        Get::Word(|row| of_age(row.whole.blood_pressure, NOT_ADULT, BloodPressure::name)),
    ),
    ("bmi_class", Get::Word(|row| of_age(row.whole.body_mass, NOT_ADULT, BodyMass::name))),
    ("news2_max", Get::Count(|row| of_age(row.whole.news2, NOT_SCORED, |(max, _)| max))),
    ("news2_last", Get::Count(|row| of_age(row.whole.news2, NOT_SCORED, |(_, last)| last))),
];

/// Returns the values in order of time, if that is known.
fn course(measures: &Measures) -> Computed<&Piece> {
    measures.course.as_ref().map(Option::as_ref).map_err(|Overlapping| NOT_ORDERED)
}

/// Returns a value that depends on the age.
fn of_age<T, U>(
    known: Result<Option<T>, UnderAge>,
    not: &'static str,
    of: impl Fn(T) -> U,
) -> Computed<U> {
    known.map(|known| known.map(of)).map_err(|UnderAge| not)
}

/// Returns the names of the columns.
pub fn header() -> [&'static str; COLUMNS.len()] {
    COLUMNS.map(|(name, _)| name)
}

/// Returns a row of `patients.csv`.
pub fn fields(row: &PatientRow) -> [String; COLUMNS.len()] {
    COLUMNS.map(|(_, of)| match of {
        Get::Text(of) => of(row).to_owned(),
        Get::Word(of) => to_text(of(row), str::to_owned),
        Get::Count(of) => to_text(of(row), |count| count.to_string()),
        Get::Number(of) => to_text(of(row), |value| number(Some(value))),
        Get::Time(of) => of(row).map_or_else(String::new, calendar::format),
    })
}

/// Returns a value as text; empty if there is none.
fn to_text<T>(known: Computed<T>, write: impl Fn(T) -> String) -> String {
    known.map_or_else(str::to_owned, |known| known.map_or_else(String::new, write))
}

/// Returns rows of `patients.parquet`: the same columns, typed; times as datetimes.
pub fn table(rows: &[PatientRow]) -> PolarsResult<DataFrame> {
    let column = |(name, of): &(&str, Get)| {
        Ok(match of {
            Get::Text(of) => <&str>::write_column(name, rows.iter().map(of).collect()),
            Get::Word(of) => {
                // A reason is text: in a typed column it becomes null.
                let words = rows.iter().map(|row| of(row).ok().flatten());
                StringChunked::from_iter_options((*name).into(), words).into_column()
            }
            Get::Count(of) => {
                let counts = rows.iter().map(|row| of(row).ok().flatten());
                Option::<u64>::write_column(name, counts.collect())
            }
            Get::Number(of) => {
                let numbers = rows.iter().map(|row| of(row).ok().flatten());
                Option::<f64>::write_column(name, numbers.collect())
            }
            Get::Time(of) => {
                // The type of the column counts microseconds.
                let times = rows.iter().map(|row| of(row).map(|time| time * 1_000_000));
                Option::<i64>::write_column(name, times.collect())
                    .cast(&DataType::Datetime(TimeUnit::Microseconds, None))?
            }
        })
    };
    DataFrame::new(rows.len(), COLUMNS.iter().map(column).collect::<PolarsResult<_>>()?)
}
