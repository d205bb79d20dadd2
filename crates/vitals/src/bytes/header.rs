//! Finds the columns of a format in the header of a file.
//!
//! Used by every format with a header. Names match in any case. An error must give our name of a
//! column, never the file's.

use crate::defect::Defect;

/// The longest patient id, in bytes; anything longer is not an id.
pub const PATIENT_LIMIT_BYTES: usize = 256;
/// The most columns accepted.
const COLUMN_LIMIT: usize = 1024;

/// True if a header field names this column: in any case, and with a period or an underscore in
/// place of a blank, which R does not allow in names.
pub fn is_same(name: &[u8], column: &str) -> bool {
    let plain = |byte: &u8| match byte {
        b'.' | b'_' => b' ',
        other => other.to_ascii_lowercase(),
    };
    name.trim_ascii().iter().map(plain).eq(column.as_bytes().iter().map(plain))
}

/// Finds the wanted columns, each with whether it is required, among the names of a file. Returns
/// their positions; `None` for an optional column that the file lacks.
pub fn find(
    wanted: impl Iterator<Item = (&'static str, bool)>,
    names: &[&[u8]],
) -> Result<Vec<Option<usize>>, Defect> {
    // Bounds the work below: every wanted column is compared with every name.
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
        // Collected, so that one error names all missing columns.
        if place.is_none() && needed {
            missing.push(column);
        }
        found.push(place);
    }
    if missing.is_empty() { Ok(found) } else { Err(Defect::MissingColumns { columns: missing }) }
}
