//! Where the columns that a format needs lie in a file.
//!
//! Used by every format with a header. Names are compared in any case; what
//! is wrong is told by our name of the column, never by the file's.

use crate::study::Defect;

/// Most columns accepted.
const COLUMN_LIMIT: usize = 1024;

/// The place of each wanted column (and whether a file must have it) among
/// the names of a file; none for one that it need not have and has not.
pub fn find(
    wanted: impl Iterator<Item = (&'static str, bool)>,
    names: &[&[u8]],
) -> Result<Vec<Option<usize>>, Defect> {
    if names.len() > COLUMN_LIMIT {
        return Err(Defect::TooManyColumns { limit: COLUMN_LIMIT });
    }
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for (column, needed) in wanted {
        let named = |at: &usize| names[*at].trim_ascii().eq_ignore_ascii_case(column.as_bytes());
        let mut places = (0..names.len()).filter(named);
        let place = places.next();
        if places.next().is_some() {
            return Err(Defect::RepeatedColumn { column });
        }
        if place.is_none() && needed {
            missing.push(column);
        }
        found.push(place);
    }
    if missing.is_empty() { Ok(found) } else { Err(Defect::MissingColumns { columns: missing }) }
}
