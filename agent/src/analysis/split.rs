//! Cuts one record of comma-separated text into its fields.
//!
//! Used by [`super::records`]. A record without quotes is cut eight bytes at
//! a time; one with a quoted field goes to `csv-core`. It must not know rows,
//! columns or UTF-8.

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};

/// Longest record accepted.
pub const RECORD_LIMIT_BYTES: usize = 1 << 20;

/// The fields of one record.
#[derive(Debug)]
pub struct Record<'a> {
    bytes: &'a [u8],
    ends: &'a [u32],
    /// Bytes between fields: the comma, or nothing once unquoted.
    gap: usize,
}

impl<'a> Record<'a> {
    /// How many fields there are.
    #[inline]
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field's bytes, unquoted; empty beyond the last.
    #[inline]
    pub fn field(&self, at: usize) -> &'a [u8] {
        let start = match at {
            0 => 0,
            _ => self
                .ends
                .get(at - 1)
                .map_or(usize::MAX, |end| *end as usize + self.gap),
        };
        let end = self.ends.get(at).map_or(0, |end| *end as usize);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Every field in order.
    pub fn fields(&self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).map(|at| self.field(at))
    }
}

/// What was found at the start of some bytes.
pub enum Cut<'a> {
    /// A whole record and how many bytes it took, its line end included.
    Record(Record<'a>, usize),
    /// A quoted field that the bytes end in.
    Open,
    /// A record beyond [`RECORD_LIMIT_BYTES`].
    TooLong,
}

/// The cutter and its buffers.
pub struct Splitter {
    ends: Vec<u32>,
    quoted: csv_core::Reader,
    text: Vec<u8>,
    quoted_ends: Vec<usize>,
}

impl Splitter {
    pub fn new() -> Self {
        Self {
            ends: Vec::with_capacity(64),
            // Only a line feed ends a record, as in the unquoted path; the
            // carriage return before it is dropped with the line end.
            quoted: ReaderBuilder::new()
                .terminator(Terminator::Any(b'\n'))
                .build(),
            text: Vec::new(),
            quoted_ends: Vec::new(),
        }
    }

    /// Cuts the record at the start of `bytes`, which must end with a line
    /// feed (perhaps inside a quoted field).
    #[inline]
    pub fn cut<'a>(&'a mut self, bytes: &'a [u8]) -> Cut<'a> {
        match plain_ends(bytes, &mut self.ends) {
            Some(used) if used <= RECORD_LIMIT_BYTES => Cut::Record(
                Record {
                    bytes,
                    ends: &self.ends,
                    gap: 1,
                },
                used,
            ),
            Some(_) => Cut::TooLong,
            None => self.cut_quoted(bytes),
        }
    }

    #[cold]
    fn cut_quoted(&mut self, bytes: &[u8]) -> Cut<'_> {
        self.quoted.reset();
        // csv-core never writes more than it reads, nor more ends than bytes.
        let input = &bytes[..bytes.len().min(RECORD_LIMIT_BYTES)];
        self.text.resize(self.text.len().max(input.len()), 0);
        self.quoted_ends
            .resize(self.quoted_ends.len().max(input.len() + 1), 0);
        let (result, used, _, count) =
            self.quoted
                .read_record(input, &mut self.text, &mut self.quoted_ends);
        match result {
            ReadRecordResult::Record => {}
            _ if bytes.len() > RECORD_LIMIT_BYTES => return Cut::TooLong,
            _ => return Cut::Open,
        }
        self.ends.clear();
        // A record is at most 2^20 bytes long.
        self.ends.extend(
            self.quoted_ends[..count]
                .iter()
                .filter_map(|e| u32::try_from(*e).ok()),
        );
        let start = count
            .checked_sub(2)
            .map_or(0, |before| self.quoted_ends[before]);
        if let Some(end) = self.ends.last_mut()
            && *end as usize > start
            && self.text[*end as usize - 1] == b'\r'
        {
            *end -= 1;
        }
        Cut::Record(
            Record {
                bytes: &self.text,
                ends: &self.ends,
                gap: 0,
            },
            used,
        )
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;

/// The field ends of the unquoted record at the start of `bytes`, and its
/// length with the line end; `None` if a field begins with a quote.
///
/// Comma, quote and line feed are all at most `,`, which digits, points,
/// dashes, colons and letters are not: one subtraction per eight bytes finds
/// the few that need a closer look.
#[inline]
fn plain_ends(bytes: &[u8], ends: &mut Vec<u32>) -> Option<usize> {
    ends.clear();
    let (mut base, mut field) = (0_usize, 0_usize);
    while let Some(word) = bytes.get(base..base + 8) {
        let word = u64::from_le_bytes(word.try_into().ok()?);
        let mut low = !((word | TOPS) - ONES * u64::from(b',' + 1)) & !word & TOPS;
        while low != 0 {
            let at = base + low.trailing_zeros() as usize / 8;
            low &= low - 1;
            if let Some(found) = delimit(bytes, at, &mut field, ends) {
                return found;
            }
        }
        base += 8;
    }
    for at in base..bytes.len() {
        if let Some(found) = delimit(bytes, at, &mut field, ends) {
            return found;
        }
    }
    None
}

/// Looks at one byte; answers once the record's fate is known.
#[inline]
#[allow(clippy::cast_possible_truncation)] // what is longer than the limit is refused by `cut`
fn delimit(
    bytes: &[u8],
    at: usize,
    field: &mut usize,
    ends: &mut Vec<u32>,
) -> Option<Option<usize>> {
    match bytes[at] {
        b',' => {
            ends.push(at as u32);
            *field = at + 1;
            None
        }
        b'\n' => {
            let end = if at > *field && bytes[at - 1] == b'\r' {
                at - 1
            } else {
                at
            };
            ends.push(end as u32);
            Some(Some(at + 1))
        }
        b'"' if at == *field => Some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn fields(text: &str) -> Option<(Vec<String>, usize)> {
        match Splitter::new().cut(text.as_bytes()) {
            Cut::Record(record, used) => Some((
                record
                    .fields()
                    .map(|f| String::from_utf8(f.to_vec()).unwrap())
                    .collect(),
                used,
            )),
            Cut::Open | Cut::TooLong => None,
        }
    }

    #[test]
    fn plain_and_quoted_records() {
        let table: &[(&str, &[&str])] = &[
            ("a,b,c\n", &["a", "b", "c"]),
            ("a,b,c\r\n", &["a", "b", "c"]),
            (",,\n", &["", "", ""]),
            ("a\n", &["a"]),
            (
                "1938-10-30 00:00:00,55,118.25,,x y\n",
                &["1938-10-30 00:00:00", "55", "118.25", "", "x y"],
            ),
            ("\"a\",b\n", &["a", "b"]),
            ("\"a,1\",b\r\n", &["a,1", "b"]),
            ("\"a\"\"b\",\"c\nd\"\r\n", &["a\"b", "c\nd"]),
            ("\"a\",\"\"\r\n", &["a", ""]),
            ("5\"7,b\n", &["5\"7", "b"]),
            ("é,ü+(\n", &["é", "ü+("]),
        ];
        for (text, expected) in table {
            let (found, used) = fields(&format!("{text}rest,of it\n")).unwrap();
            assert_eq!(
                (&found[..], used),
                (
                    &expected.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>()[..],
                    text.len()
                ),
                "{text}"
            );
        }
        assert!(fields("\"a\n").is_none() && fields("a,\"b,\n").is_none());
    }

    #[test]
    fn a_field_beyond_the_last_is_empty() {
        let mut splitter = Splitter::new();
        let Cut::Record(record, _) = splitter.cut(b"a,b\n") else {
            panic!("a record")
        };
        assert_eq!(
            (record.field(1), record.field(2), record.field(9)),
            (&b"b"[..], &b""[..], &b""[..])
        );
    }

    #[test]
    fn long_records_are_refused_by_either_path() {
        let long = "x".repeat(RECORD_LIMIT_BYTES) + "\n";
        assert!(matches!(Splitter::new().cut(long.as_bytes()), Cut::TooLong));
        assert!(matches!(
            Splitter::new().cut(format!("\"{long}").as_bytes()),
            Cut::TooLong
        ));
    }

    proptest! {
        /// The unquoted path and csv-core agree wherever both apply.
        #[test]
        fn both_paths_agree(text in "[a-z0-9.,:+ !\"\r-]{0,60}") {
            let line = text.clone() + "\n";
            prop_assume!(!line.trim_end_matches(['\r', '\n']).is_empty());
            let mut splitter = Splitter::new();
            let mut ends = Vec::new();
            if let Some(used) = plain_ends(line.as_bytes(), &mut ends) {
                let plain = Record { bytes: line.as_bytes(), ends: &ends, gap: 1 };
                let Cut::Record(quoted, quoted_used) = splitter.cut_quoted(line.as_bytes()) else {
                    panic!("a record")
                };
                prop_assert_eq!(used, quoted_used);
                prop_assert_eq!(plain.fields().collect::<Vec<_>>(), quoted.fields().collect::<Vec<_>>());
            }
        }
    }
}
