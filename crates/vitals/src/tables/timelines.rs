//! The two tables of a partial that keep the order of time.
//!
//! `moments` has the values of a patient, vital and time of one object; once a partial holds more
//! than `MOMENTS_MAX` of them, those of each object become a row of `pieces`. This must depend on
//! their number only, never on how objects were packed. Neither table merges: rows are stacked.

use sce_study::AnalysisError;
use sha2::{Digest, Sha256};

use crate::rules::fixed::Fixed;
use crate::rules::range::ReferenceRange;
use crate::rules::series::{Moment, Piece, Streak};
use crate::rules::timeline::{Timeline, moments_of, piece_of};
use crate::rules::vital::Vital;
use crate::tables::rows::rows;

rows! {
    /// The values of one time; `cell` is a row of `cells`, `object` the number
    /// of an object ([`object_number`]).
    struct MomentRow[] in "moments" {
        cell: u64 = Once,
        object: u64 = Once,
        time: i64 = Once,
        sum: i128 = Once,
        count: u64 = Once,
    }
}

rows! {
    /// The values of one object as a piece; `cell` is a row of `cells`.
    struct PieceRow[] in "pieces" {
        cell: u64 = Once,
        first_time: i64 = Once,
        last_time: i64 = Once,
        first_value: i64 = Once,
        last_value: i64 = Once,
        count: u64 = Once,
        path: i128 = Once,
        inner: u64 = Once,
        head: Streak = Once,
        tail: Streak = Once,
        longest: Streak = Once,
    }
}

impl MomentRow {
    /// Returns the moment.
    pub const fn moment(&self) -> Moment {
        Moment { time: self.time, sum: self.sum, count: self.count }
    }

    /// True if values within the limits could have this sum.
    pub fn is_possible(&self, cells: u64) -> bool {
        let limit = i128::from(Fixed::LIMIT_STEPS);
        self.cell < cells
            && self.count > 0
            && self.sum.unsigned_abs() <= u128::from(self.count) * limit.unsigned_abs()
    }
}

impl PieceRow {
    /// Creates the row of a piece, which belongs to a row of `cells`.
    pub const fn new(cell: u64, piece: &Piece) -> Self {
        Self {
            cell,
            first_time: piece.times.0,
            last_time: piece.times.1,
            first_value: piece.values.0,
            last_value: piece.values.1,
            count: piece.count,
            path: piece.path,
            inner: piece.inner,
            head: piece.head,
            tail: piece.tail,
            longest: piece.longest,
        }
    }

    /// Returns the piece.
    pub const fn piece(&self) -> Piece {
        Piece {
            times: (self.first_time, self.last_time),
            values: (self.first_value, self.last_value),
            count: self.count,
            path: self.path,
            head: self.head,
            tail: self.tail,
            inner: self.inner,
            longest: self.longest,
        }
    }

    /// True if values within the limits could make this piece.
    pub fn is_possible(&self, cells: u64) -> bool {
        let limit = i128::from(Fixed::LIMIT_STEPS);
        // The distance of two values, each within the limit, is at most twice the limit.
        let streak =
            |of: &Streak| of.length <= self.count && i128::from(of.worst).abs() <= 2 * limit;
        let steps = i128::from(self.count) * 2 * limit;
        self.cell < cells
            && self.count > 0
            && self.first_time <= self.last_time
            && (0..=steps).contains(&self.path)
            && self.inner <= self.count
            && [self.head, self.tail, self.longest].iter().all(streak)
            && [self.first_value, self.last_value].iter().all(|v| i128::from(*v).abs() <= limit)
    }
}

/// Returns the number that identifies an object by its name.
pub fn object_number(name: &str) -> u64 {
    // 64 bits of a SHA-256: names of a run do not collide.
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Returns the rows of the object of this number, whose timelines are in the order of `cells`.
pub fn timeline_rows<'a>(
    object: u64,
    timelines: impl Iterator<Item = (Vital, &'a Timeline)>,
) -> (Vec<MomentRow>, Vec<PieceRow>) {
    let (mut moments, mut pieces) = (Vec::new(), Vec::new());
    for (cell, (vital, timeline)) in (0_u64..).zip(timelines) {
        match timeline {
            Timeline::Moments(values) => {
                let found = moments_of(values).into_iter();
                moments.extend(found.map(|Moment { time, sum, count }| MomentRow {
                    cell,
                    object,
                    time,
                    sum,
                    count,
                }));
            }
            Timeline::Pieces(series) => {
                let found = series.clone().finish(&ReferenceRange::usual(vital));
                pieces.extend(found.iter().map(|piece| PieceRow::new(cell, piece)));
            }
        }
    }
    (moments, pieces)
}

/// Returns the pieces of the moments of each object. `vitals` are those of the rows of `cells`.
///
/// # Errors
/// A moment refers to no row of `cells`.
pub fn pieces_of(
    mut moments: Vec<MomentRow>,
    vitals: &[Vital],
) -> Result<Vec<PieceRow>, AnalysisError> {
    // Sorted, so that the moments of one object are adjacent.
    moments.sort_unstable_by_key(|row| (row.cell, row.object, row.time));
    let mut found = Vec::new();
    for of_object in moments.chunk_by(|a, b| (a.cell, a.object) == (b.cell, b.object)) {
        let cell = of_object[0].cell;
        let vital = usize::try_from(cell).ok().and_then(|cell| vitals.get(cell));
        let vital = vital.ok_or_else(|| {
            AnalysisError::damaged("table moments, column cell: a row refers to no row of cells")
        })?;
        let values = of_object.iter().map(MomentRow::moment).collect();
        let piece = piece_of(values, &ReferenceRange::usual(*vital));
        found.extend(piece.iter().map(|piece| PieceRow::new(cell, piece)));
    }
    Ok(found)
}
