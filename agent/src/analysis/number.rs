//! Reads a cell as a number.
//!
//! Used by format modules for every vital cell, so the common case (a short
//! plain decimal) is decided here without a library call. A cell that is not
//! a number is reported as such, never guessed at.

use sce_core::vitals::Reading;

/// Powers of ten that `f64` holds exactly.
const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The number in a cell; blanks around it do not matter. Empty, `NA` and
/// `NaN` (in any case) are missing; infinities are not numbers.
#[inline]
pub fn read(cell: &[u8]) -> Reading {
    plain_decimal(cell).map_or_else(|| read_any(cell), Reading::Value)
}

/// Digits with at most one point, at most 15 digits in all: then digits and
/// power of ten are exact in `f64`, and one division rounds correctly
/// (Clinger's fast path).
#[inline]
fn plain_decimal(cell: &[u8]) -> Option<f64> {
    if cell.len() > 16 {
        return None;
    }
    let (mut digits, mut count, mut point) = (0_i64, 0_usize, None);
    for byte in cell {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            digits = digits * 10 + i64::from(digit);
            count += 1;
        } else if *byte == b'.' && point.is_none() {
            point = Some(count);
        } else {
            return None;
        }
    }
    if count == 0 || count > 15 {
        return None;
    }
    #[allow(clippy::cast_precision_loss)] // below 1e15
    let value = digits as f64;
    Some(match point {
        Some(point) => value / POWERS[count - point],
        None => value,
    })
}

#[cold]
fn read_any(cell: &[u8]) -> Reading {
    let cell = cell.trim_ascii();
    if cell.is_empty() || cell.eq_ignore_ascii_case(b"na") || cell.eq_ignore_ascii_case(b"nan") {
        return Reading::Missing;
    }
    match fast_float2::parse::<f64, _>(cell) {
        Ok(value) if value.is_finite() => Reading::Value(value),
        _ => Reading::Unparsable,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_as_the_standard_library_reads_them() {
        for text in [
            "0",
            "118",
            "97.30412543",
            "24.39",
            "1.",
            ".5",
            "-3.25",
            "+4",
            "1e2",
            "5.4e-79",
            "97.30412543000001",
            "123456789012345",
            "1234567890123456",
            "0.1234567890123456789",
            "9007199254740993",
            "00012.50",
        ] {
            assert_eq!(read(text.as_bytes()), Reading::Value(text.parse().unwrap()), "{text}");
        }
        assert_eq!(read(b" 98.6 "), Reading::Value(98.6));
    }

    #[test]
    fn missing_is_not_unparsable() {
        for text in ["", "  ", "NA", "na", "NaN", "nan", " NaN "] {
            assert_eq!(read(text.as_bytes()), Reading::Missing, "{text}");
        }
        for text in [
            ".", "-", "abc", "36,6", "1.2.3", "12a", "inf", "-inf", "1e999", "0x1f", "1 2", "N/A",
            "\u{ff11}", "--1", "98.6F",
        ] {
            assert_eq!(read(text.as_bytes()), Reading::Unparsable, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_decimal_is_read_as_the_standard_library_does(text in "[0-9]{0,12}\\.?[0-9]{0,12}") {
            let expected = text.parse::<f64>().map_or(
                if text.is_empty() { Reading::Missing } else { Reading::Unparsable },
                Reading::Value,
            );
            prop_assert_eq!(read(text.as_bytes()), expected);
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(&bytes);
        }
    }
}
