//! Parses a cell as a number.
//!
//! Used by format modules for every vital cell, so the common case (a short plain decimal) is
//! parsed here without a library call. A cell that is not a number must be reported as such,
//! never guessed.

use crate::rules::reading::Reading;

/// Powers of ten that `f64` holds exactly.
const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Reads the cell that starts at `at` and ends before the next comma or line feed (or with the
/// text); returns its reading and its end. Blanks around the number are ignored. A cell is
/// missing if [`is_missing`] says so; infinities are not numbers.
#[inline(always)]
pub fn read_cell(text: &[u8], at: usize) -> (Reading, usize) {
    // `at` may be the end of the text, after a last comma.
    let rest = text.get(at..).unwrap_or_default();
    let (mut digits, whole) = leading_digits(0, rest);
    let (mut length, mut decimals) = (whole, 0);
    if rest.get(whole) == Some(&b'.') {
        (digits, decimals) = leading_digits(digits, &rest[whole + 1..]);
        length += 1 + decimals;
    }
    // At most 15 digits: they and the power of ten are exact in `f64`, and
    // one division rounds correctly (Clinger's fast path).
    let ends = matches!(rest.get(length), None | Some(b',' | b'\n'));
    if ends && (1..=15).contains(&(whole + decimals)) {
        // The cast is exact: below 1e15.
        let value = digits as f64;
        let value = if decimals == 0 { value } else { value / POWERS[decimals] };
        return (Reading::Value(value), at + length);
    }
    read_odd_cell(text, at)
}

/// Appends the digits at the start of `text` to a number; returns it and their count. The number
/// overflows beyond 18 digits; no caller uses such a number.
#[inline(always)]
fn leading_digits(mut number: i64, text: &[u8]) -> (i64, usize) {
    let mut count = 0;
    for byte in text {
        // Wraps for bytes below `0`, so that one comparison checks both bounds.
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
        count += 1;
    }
    (number, count)
}

#[cold]
fn read_odd_cell(text: &[u8], at: usize) -> (Reading, usize) {
    let end = end_of_cell(text, at);
    (read_any(&text[at..end]), end)
}

/// Returns the end of the cell that starts at `at`.
#[inline]
pub fn end_of_cell(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(|b| matches!(b, b',' | b'\n')).unwrap_or(rest.len())
}

/// Counts the cells from `at` to the end of the line; returns the count and the start of the next
/// line. `None` if there is no line end, or a quote before it.
#[inline]
pub fn rest_of_line(text: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut cells = 1;
    // Eight bytes at a time: this runs for every row.
    while let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*word);
        let (commas, ends) = (matching_bytes(word, b','), matching_bytes(word, b'\n'));
        if matching_bytes(word, b'"') != 0 {
            return None;
        }
        // The lowest set bit less one: everything before the line end.
        let before = if ends == 0 { u64::MAX } else { (ends & ends.wrapping_neg()) - 1 };
        // One bit per comma; the multiplication adds them up in the highest byte.
        cells += ((commas & before) >> 7).wrapping_mul(ONES) as usize >> 56;
        if ends != 0 {
            return Some((cells, at + ends.trailing_zeros() as usize / 8 + 1));
        }
        at += 8;
    }
    // The last bytes, fewer than a word.
    for byte in text.get(at..)? {
        at += 1;
        match byte {
            b',' => cells += 1,
            b'\n' => return Some((cells, at)),
            b'"' => return None,
            _ => {}
        }
    }
    None
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// Sets the top bit of every byte that equals `wanted`, and no other bit.
#[inline]
const fn matching_bytes(word: u64, wanted: u8) -> u64 {
    let differs = word ^ (ONES * wanted as u64);
    // Adding 0x7f to the low seven bits sets the top bit unless they are 0, and never carries
    // into the next byte.
    !(((differs & (ONES * 0x7f)) + ONES * 0x7f) | differs | (ONES * 0x7f))
}

/// Reads a whole cell, which may hold anything if it was quoted.
pub fn read(cell: &[u8]) -> Reading {
    // A quoted cell may contain a comma, where `read_cell` stops.
    let (reading, end) = read_cell(cell, 0);
    if end == cell.len() { reading } else { read_any(cell) }
}

#[cold]
fn read_any(cell: &[u8]) -> Reading {
    let cell = cell.trim_ascii();
    if is_missing(cell) {
        return Reading::Missing;
    }
    match fast_float2::parse::<f64, _>(cell) {
        // The parser accepts infinities.
        Ok(value) if value.is_finite() => Reading::Value(value),
        _ => Reading::Unparsable,
    }
}

/// True if a cell is missing, as R, pandas and databases write it: empty, `NA`, `NaN`, `NULL` in
/// any case, `\N`.
pub fn is_missing(cell: &[u8]) -> bool {
    let words = [&b"na"[..], b"nan", b"null", b"\\n"];
    cell.is_empty() || words.iter().any(|word| cell.eq_ignore_ascii_case(word))
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
        for text in ["", "  ", "NA", "na", "NaN", "nan", " NaN ", "NULL", "null", "\\N"] {
            assert_eq!(read(text.as_bytes()), Reading::Missing, "{text}");
        }
        for text in [
            ".", "-", "abc", "36,6", "1.2.3", "12a", "inf", "-inf", "1e999", "0x1f", "1 2", "N/A",
            "\u{ff11}", "--1", "98.6F",
        ] {
            assert_eq!(read(text.as_bytes()), Reading::Unparsable, "{text}");
        }
    }

    #[test]
    fn cells_are_counted_to_the_line_end() {
        for line in ["", "a", ",", "0,18.4,0,0,0,0", "0,18.40,0,0,0,0\r", "a,b,c,d,e,f,g,h,i,j,k"] {
            for after in ["", "1", "1,2,3,4,5,6,7,8,9,10\n"] {
                let text = format!("{line}\n{after}");
                let expected = Some((line.split(',').count(), line.len() + 1));
                assert_eq!(rest_of_line(text.as_bytes(), 0), expected, "{text}");
            }
            assert_eq!(rest_of_line(line.as_bytes(), 0), None);
            assert_eq!(rest_of_line(format!("{line}\"\n").as_bytes(), 0), None);
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
        fn any_bytes_give_a_result(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(&bytes);
        }
    }
}
