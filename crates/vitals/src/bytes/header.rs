//! Where the columns that a format needs lie in a file.
//!
//! Used by every format with a header. Names are compared in any case; what
//! is wrong is told by our name of the column, never by the file's.

use crate::defect::Defect;

/// Longest patient id accepted, in bytes; anything longer is not an id.
pub const PATIENT_LIMIT_BYTES: usize = 256;
/// Most columns accepted.
const COLUMN_LIMIT: usize = 1024;

/// True of a header's field that means this column: in any case, and with a
/// point or a low line for a blank, which R does not allow in names.
pub fn is_same(name: &[u8], column: &str) -> bool {
    let plain = |byte: &u8| match byte {
        b'.' | b'_' => b' ',
        other => other.to_ascii_lowercase(),
    };
    name.trim_ascii().iter().map(plain).eq(column.as_bytes().iter().map(plain))
}

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
        let named = |at: &usize| is_same(names[*at], column);
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
