//! The two tables of a partial that keep the order of time.
//!
//! Used by [`crate::tables::patients`], [`crate::partial::merge`], [`crate::partial::codec`] and
//! [`crate::results::summed`]. `moments` has the values of a patient, vital and time of
//! one object; once a partial holds more than `MOMENTS_MAX` of them, each
//! object's become a row of `pieces`. Whether they do depends on how many
//! there are, never on how objects were packed.

use crate::rules::fixed::Fixed;
use crate::rules::range::ReferenceRange;
use crate::rules::series::Moment;
use crate::rules::series::{Piece, Run};
use crate::rules::timeline::{Timeline, moments_of, piece_of};
use crate::rules::vital::Vital;
use polars::prelude::*;
use sha2::{Digest, Sha256};

use crate::tables::column::{counts, sums, table, whole_numbers};

/// The parts of a run, in the order of their columns.
const RUNS: [[&str; 3]; 3] = [
    ["head_start", "head_length", "head_worst"],
    ["tail_start", "tail_length", "tail_worst"],
    ["longest_start", "longest_length", "longest_worst"],
];

/// A row of either table: the row of `cells` it belongs to, and what it says.
pub type OfCell<T> = (u64, T);

/// A number that stands for an object's name.
pub fn object_number(name: &str) -> u64 {
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Both tables of the object of this number, whose timelines are in the order
/// of `cells`.
pub fn tables<'a>(
    object: u64,
    timelines: impl Iterator<Item = (Vital, &'a Timeline)>,
) -> (DataFrame, DataFrame) {
    let (mut moments, mut pieces) = (Vec::new(), Vec::new());
    for (cell, (vital, timeline)) in (0_u64..).zip(timelines) {
        match timeline {
            Timeline::Moments(values) => {
                moments.extend(moments_of(values).into_iter().map(|moment| (cell, moment)));
            }
            Timeline::Pieces(series) => {
                let reference = ReferenceRange::usual(vital);
                let found = series.clone().finish(&reference);
                pieces.extend(found.into_iter().map(|piece| (cell, piece)));
            }
        }
    }
    (moments_table(object, &moments), pieces_table(&pieces))
}

fn moments_table(object: u64, rows: &[OfCell<Moment>]) -> DataFrame {
    table(vec![
        counts("cell", rows.iter().map(|(cell, _)| *cell)),
        counts("object", rows.iter().map(|_| object)),
        whole_numbers("time", rows.iter().map(|(_, moment)| moment.0)),
        sums("sum", rows.iter().map(|(_, moment)| moment.1)),
        counts("count", rows.iter().map(|(_, moment)| moment.2)),
    ])
}

fn pieces_table(rows: &[OfCell<Piece>]) -> DataFrame {
    let all = || rows.iter().map(|(_, piece)| piece);
    let mut columns = vec![
        counts("cell", rows.iter().map(|(cell, _)| *cell)),
        whole_numbers("first_time", all().map(|p| p.times.0)),
        whole_numbers("last_time", all().map(|p| p.times.1)),
        whole_numbers("first_value", all().map(|p| p.values.0)),
        whole_numbers("last_value", all().map(|p| p.values.1)),
        counts("count", all().map(|p| p.count)),
        sums("path", all().map(|p| p.path)),
        counts("inner", all().map(|p| p.inner)),
    ];
    let runs: [fn(&Piece) -> Run; 3] = [|p| p.head, |p| p.tail, |p| p.longest];
    for ([start, length, worst], run) in RUNS.into_iter().zip(runs) {
        columns.push(whole_numbers(start, all().map(|p| run(p).start)));
        columns.push(counts(length, all().map(|p| run(p).length)));
        columns.push(whole_numbers(worst, all().map(|p| run(p).worst)));
    }
    table(columns)
}

/// The moments in a table.
pub fn moments(table: &DataFrame) -> PolarsResult<Vec<OfCell<Moment>>> {
    let (cell, time) = (table.column("cell")?.u64()?, table.column("time")?.i64()?);
    let (sum, count) = (table.column("sum")?.i128()?, table.column("count")?.u64()?);
    let moments = time.iter().flatten().zip(sum.iter().flatten()).zip(count.iter().flatten());
    let moments = moments.map(|((time, sum), count)| (time, sum, count));
    Ok(cell.iter().flatten().zip(moments).collect())
}

/// The pieces in a table.
pub fn pieces(table: &DataFrame) -> PolarsResult<Vec<OfCell<Piece>>> {
    let whole = |name: &str| -> PolarsResult<Vec<i64>> {
        Ok(table.column(name)?.i64()?.iter().flatten().collect())
    };
    let count = |name: &str| -> PolarsResult<Vec<u64>> {
        Ok(table.column(name)?.u64()?.iter().flatten().collect())
    };
    let path: Vec<i128> = table.column("path")?.i128()?.iter().flatten().collect();
    let times = (whole("first_time")?, whole("last_time")?);
    let values = (whole("first_value")?, whole("last_value")?);
    let (cell, number, inner) = (count("cell")?, count("count")?, count("inner")?);
    let mut runs = Vec::new();
    for [start, length, worst] in RUNS {
        runs.push((whole(start)?, count(length)?, whole(worst)?));
    }
    let run = |which: usize, at: usize| {
        let (start, length, worst) = &runs[which];
        Run { start: start[at], length: length[at], worst: worst[at] }
    };
    let piece = |at: usize| Piece {
        times: (times.0[at], times.1[at]),
        values: (values.0[at], values.1[at]),
        count: number[at],
        path: path[at],
        head: run(0, at),
        tail: run(1, at),
        inner: inner[at],
        longest: run(2, at),
    };
    Ok((0..table.height()).map(|at| (cell[at], piece(at))).collect())
}

/// No moments.
pub fn no_moments() -> DataFrame {
    moments_table(0, &[])
}

/// The pieces, with those that the moments of each object make. `vitals` are
/// those of the rows of `cells`.
pub fn collapsed(
    moments: &DataFrame,
    pieces: &DataFrame,
    vitals: &[Option<Vital>],
) -> PolarsResult<DataFrame> {
    let sorted = moments.sort(["cell", "object", "time"], SortMultipleOptions::default())?;
    let objects: Vec<u64> = sorted.column("object")?.u64()?.iter().flatten().collect();
    let rows: Vec<(u64, OfCell<Moment>)> =
        objects.into_iter().zip(self::moments(&sorted)?).collect();
    let mut found = Vec::new();
    for group in rows.chunk_by(|a, b| (a.0, a.1.0) == (b.0, b.1.0)) {
        let cell = group[0].1.0;
        let vital = usize::try_from(cell).ok().and_then(|cell| *vitals.get(cell)?);
        let Some(vital) = vital else { continue };
        let of_object = group.iter().map(|(_, (_, moment))| *moment).collect();
        let piece = piece_of(of_object, &ReferenceRange::usual(vital));
        found.extend(piece.map(|piece| (cell, piece)));
    }
    pieces.vstack(&pieces_table(&found))
}

/// True if both tables could be what some values amount to; `cells` is how
/// many rows there are for them.
pub fn are_possible(
    moments_of: &DataFrame,
    pieces_of: &DataFrame,
    cells: u64,
) -> PolarsResult<bool> {
    let limit = i128::from(Fixed::LIMIT_STEPS);
    let moment = |(cell, (_, sum, count)): &OfCell<Moment>| {
        *cell < cells
            && *count > 0
            && sum.unsigned_abs() <= u128::from(*count) * limit.unsigned_abs()
    };
    let run =
        |run: &Run, count: u64| run.length <= count && i128::from(run.worst).abs() <= 2 * limit;
    let piece = |(cell, p): &OfCell<Piece>| {
        let steps = i128::from(p.count) * 2 * limit;
        *cell < cells
            && p.count > 0
            && p.times.0 <= p.times.1
            && (0..=steps).contains(&p.path)
            && p.inner <= p.count
            && [p.head, p.tail, p.longest].iter().all(|r| run(r, p.count))
            && [p.values.0, p.values.1].iter().all(|v| i128::from(*v).abs() <= limit)
    };
    Ok(moments(moments_of)?.iter().all(moment) && pieces(pieces_of)?.iter().all(piece))
}
