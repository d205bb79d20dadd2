//! `patients.csv` and `patients.parquet`: one row per patient and vital.
//!
//! Written by [`crate::outputs::patient_files`]. Both are byte for byte the same however
//! the rows were split into objects and units, so nothing of the run may enter.

use crate::outputs::csv_text::number;
use crate::results::patient_rows::PatientRow;
use crate::results::summed::Measures;
use crate::rules::people::UnderAge;
use crate::rules::series::Piece;
use crate::rules::timeline::Overlapping;
use crate::tables::column::{counts, numbers, texts, times};
use polars::prelude::*;
use sce_core::calendar;

/// What stands in `patients.csv` (in Parquet: nothing) for what depends on an
/// order of time that is not known.
pub const NOT_COMPUTED: &str = "not computed: overlapping ranges";

/// The same, for what is only of adults, and for NEWS2.
const NOT_ADULT: &str = "not computed: under 18";
const NOT_SCORED: &str = "not computed: under 16";

/// The columns of both files, in order.
pub const COLUMNS: [&str; 29] = [
    "patient",
    "vital",
    "unit",
    "n",
    "missing",
    "implausible",
    "mean",
    "sd",
    "min",
    "q1",
    "median",
    "q3",
    "max",
    "first_time",
    "first_value",
    "last_time",
    "last_value",
    "cv",
    "arv",
    "slope_per_year",
    "slope_se",
    "slope_p",
    "slope_q",
    "abnormal_runs",
    "longest_run",
    "bp_category",
    "bmi_class",
    "news2_max",
    "news2_last",
];

/// A line of `patients.csv`, as [`COLUMNS`].
pub fn fields(row: &PatientRow) -> [String; COLUMNS.len()] {
    let m = &row.measures;
    let [q1, median, q3] = m.quartiles.map(number);
    let time =
        |moment: Option<(i64, f64)>| moment.map_or_else(String::new, |m| calendar::format(m.0));
    [
        row.patient.clone(),
        row.vital.name().to_owned(),
        row.vital.unit().to_owned(),
        m.n.to_string(),
        m.missing.to_string(),
        m.implausible.to_string(),
        number(m.mean),
        number(m.sd),
        number(m.min),
        q1,
        median,
        q3,
        number(m.max),
        time(m.first),
        number(m.first.map(|m| m.1)),
        time(m.last),
        number(m.last.map(|m| m.1)),
        number(m.cv),
        in_order(m, |piece| piece.arv().map(|arv| arv.to_string())),
        number(m.trend.map(|fit| fit.slope_per_year)),
        number(m.trend.map(|fit| fit.standard_error)),
        number(m.trend.map(|fit| fit.p)),
        number(row.trend_q),
        in_order(m, |piece| Some(piece.runs().0.to_string())),
        in_order(m, |piece| Some(piece.runs().1.map_or(0, |run| run.length).to_string())),
        of_age(row.whole.blood_pressure, NOT_ADULT, |one| one.name().to_owned()),
        of_age(row.whole.body_mass, NOT_ADULT, |one| one.name().to_owned()),
        of_age(row.whole.news2, NOT_SCORED, |(max, _)| max.to_string()),
        of_age(row.whole.news2, NOT_SCORED, |(_, last)| last.to_string()),
    ]
}

/// What depends on the age, or why it is not computed.
fn of_age<T>(known: Result<Option<T>, UnderAge>, not: &str, write: impl Fn(T) -> String) -> String {
    known.map_or_else(|_| not.to_owned(), |known| known.map(write).unwrap_or_default())
}

/// What depends on the order of time, or why it is not known.
fn in_order(m: &Measures, of: impl Fn(&Piece) -> Option<String>) -> String {
    match &m.course {
        Ok(piece) => piece.as_ref().and_then(of).unwrap_or_default(),
        Err(Overlapping) => NOT_COMPUTED.to_owned(),
    }
}

/// Rows of `patients.parquet`: the same columns, typed; times as datetimes.
pub fn table(rows: &[PatientRow]) -> PolarsResult<DataFrame> {
    let m = || rows.iter().map(|row| &row.measures);
    let whole = || rows.iter().map(|row| &row.whole);
    let course = || m().map(|m| m.course.as_ref().ok()?.as_ref());
    let quartile = |name, at: usize| numbers(name, m().map(|m| m.quartiles[at]));
    let moment = |name, of: fn(&Measures) -> Option<(i64, f64)>| {
        times(name, m().map(|m| of(m).map(|(time, _)| time * 1_000_000)))
            .cast(&DataType::Datetime(TimeUnit::Microseconds, None))
    };
    DataFrame::new_infer_height(vec![
        texts(COLUMNS[0], rows.iter().map(|row| row.patient.as_str())),
        texts(COLUMNS[1], rows.iter().map(|row| row.vital.name())),
        texts(COLUMNS[2], rows.iter().map(|row| row.vital.unit())),
        counts(COLUMNS[3], m().map(|m| m.n)),
        counts(COLUMNS[4], m().map(|m| m.missing)),
        counts(COLUMNS[5], m().map(|m| m.implausible)),
        numbers(COLUMNS[6], m().map(|m| m.mean)),
        numbers(COLUMNS[7], m().map(|m| m.sd)),
        numbers(COLUMNS[8], m().map(|m| m.min)),
        quartile(COLUMNS[9], 0),
        quartile(COLUMNS[10], 1),
        quartile(COLUMNS[11], 2),
        numbers(COLUMNS[12], m().map(|m| m.max)),
        moment(COLUMNS[13], |m| m.first)?,
        numbers(COLUMNS[14], m().map(|m| m.first.map(|m| m.1))),
        moment(COLUMNS[15], |m| m.last)?,
        numbers(COLUMNS[16], m().map(|m| m.last.map(|m| m.1))),
        numbers(COLUMNS[17], m().map(|m| m.cv)),
        numbers(COLUMNS[18], course().map(|piece| piece?.arv())),
        numbers(COLUMNS[19], m().map(|m| m.trend.map(|fit| fit.slope_per_year))),
        numbers(COLUMNS[20], m().map(|m| m.trend.map(|fit| fit.standard_error))),
        numbers(COLUMNS[21], m().map(|m| m.trend.map(|fit| fit.p))),
        numbers(COLUMNS[22], rows.iter().map(|row| row.trend_q)),
        scores(COLUMNS[23], course().map(|piece| Some(piece?.runs().0))),
        scores(
            COLUMNS[24],
            course().map(|piece| Some(piece?.runs().1.map_or(0, |run| run.length))),
        ),
        words(COLUMNS[25], whole().map(|whole| Some(whole.blood_pressure.ok()??.name()))),
        words(COLUMNS[26], whole().map(|whole| Some(whole.body_mass.ok()??.name()))),
        scores(COLUMNS[27], whole().map(|whole| Some(whole.news2.ok()??.0))),
        scores(COLUMNS[28], whole().map(|whole| Some(whole.news2.ok()??.1))),
    ])
}

fn words(name: &str, values: impl Iterator<Item = Option<&'static str>>) -> Column {
    StringChunked::from_iter_options(name.into(), values).into_column()
}

fn scores(name: &str, values: impl Iterator<Item = Option<u64>>) -> Column {
    UInt64Chunked::from_iter_options(name.into(), values).into_column()
}
