//! Whole numbers that identify something in OMOP tables.
//!
//! Used by the OMOP decoders and by tables of people.

/// Below this, `f64` represents every whole number.
pub const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// An id, which is a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Id {
    Absent,
    Is(i64),
    /// Present but unreadable, which is not the same as absent.
    Odd,
}

/// Parses a whole number, even if a program wrote it as a float (`8876.0`).
pub fn id(field: &[u8]) -> Id {
    let Ok(text) = std::str::from_utf8(field) else { return Id::Odd };
    if text.is_empty() {
        return Id::Absent;
    }
    // `8876.0` is whole; `8876.5` keeps its point and fails below.
    let digits = text.split_once('.').map_or(text, |(digits, zeros)| {
        if zeros.bytes().all(|b| b == b'0') { digits } else { text }
    });
    digits.parse().map_or_else(|_| round_id(text), Id::Is)
}

/// Parses an id as R writes a round number (`1e+05`).
#[allow(clippy::cast_possible_truncation)] // whole and exact
fn round_id(text: &str) -> Id {
    match text.parse::<f64>() {
        Ok(id) if id.fract() == 0.0 && id.abs() < WHOLE_MAX => Id::Is(id as i64),
        _ => Id::Odd,
    }
}
