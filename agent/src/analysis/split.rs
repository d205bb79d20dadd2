//! Cuts one record of comma-separated text into its fields.
//!
//! Used by [`super::records`]. A record without quotes is cut where
//! [`super::scan`] finds delimiters; one with a quoted field goes to
//! `csv-core`. It must not know rows, columns or UTF-8.

use super::scan::Scanner;
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
            _ => self.ends.get(at - 1).map_or(usize::MAX, |end| *end as usize + self.gap),
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
    scanner: Scanner,
    /// Where in the lines at hand the scanner stands.
    position: Option<usize>,
    /// Room for the fields' ends, as many as the widest record needed.
    ends: Vec<u32>,
    quoted: csv_core::Reader,
    text: Vec<u8>,
    quoted_ends: Vec<usize>,
}

impl Splitter {
    pub fn new() -> Self {
        Self {
            scanner: Scanner::default(),
            position: None,
            ends: vec![0; 64],
            // Only a line feed ends a record, as in the unquoted path; the
            // carriage return before it is dropped with the line end.
            quoted: ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build(),
            text: Vec::new(),
            quoted_ends: Vec::new(),
        }
    }

    /// Announces other lines than those at hand.
    pub const fn restart(&mut self) {
        self.position = None;
    }

    /// Cuts the record at a position of `lines`, which must end with a line
    /// feed (perhaps inside a quoted field).
    #[inline]
    pub fn cut<'a>(&'a mut self, lines: &'a [u8], at: usize) -> Cut<'a> {
        let Some((next, count)) = self.cut_plain(lines, at) else {
            self.position = None;
            return self.cut_quoted(&lines[at..]);
        };
        self.position = Some(next);
        if next - at > RECORD_LIMIT_BYTES {
            return Cut::TooLong;
        }
        let record = Record { bytes: &lines[at..next], ends: &self.ends[..count], gap: 1 };
        Cut::Record(record, next - at)
    }

    /// Where the record ends and how many fields it has, their ends being in
    /// `ends`; nothing if a field begins with a quote.
    ///
    /// State is in locals while it runs: a `Vec::push` per field would spend
    /// more time on waiting for the length than on anything else.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // what is longer than the limit is refused
    fn cut_plain(&mut self, lines: &[u8], at: usize) -> Option<(usize, usize)> {
        if self.position != Some(at) {
            self.scanner.seek(lines, at);
        }
        let (mut scanner, mut field, mut count) = (self.scanner, at, 0);
        let mut ends = self.ends.as_mut_slice();
        loop {
            let end = scanner.next(lines)?;
            let byte = lines[end];
            if byte == b'"' && end == field {
                return None;
            }
            if byte != b',' && byte != b'\n' {
                continue;
            }
            if count == ends.len() {
                self.ends.resize(2 * count, 0);
                ends = self.ends.as_mut_slice();
            }
            ends[count] = (end - at) as u32;
            count += 1;
            if byte == b'\n' {
                if end > field && lines[end - 1] == b'\r' {
                    ends[count - 1] -= 1;
                }
                self.scanner = scanner;
                return Some((end + 1, count));
            }
            field = end + 1;
        }
    }

    #[cold]
    fn cut_quoted(&mut self, bytes: &[u8]) -> Cut<'_> {
        self.quoted.reset();
        // csv-core never writes more than it reads, nor more ends than bytes.
        let input = &bytes[..bytes.len().min(RECORD_LIMIT_BYTES)];
        self.text.resize(self.text.len().max(input.len()), 0);
        self.quoted_ends.resize(self.quoted_ends.len().max(input.len() + 1), 0);
        let (result, used, _, count) =
            self.quoted.read_record(input, &mut self.text, &mut self.quoted_ends);
        match result {
            ReadRecordResult::Record => {}
            _ if bytes.len() > RECORD_LIMIT_BYTES => return Cut::TooLong,
            _ => return Cut::Open,
        }
        self.ends.resize(self.ends.len().max(count), 0);
        let ends = &mut self.ends[..count];
        for (end, wide) in ends.iter_mut().zip(&self.quoted_ends) {
            // A record is at most 2^20 bytes long.
            *end = u32::try_from(*wide).unwrap_or(u32::MAX);
        }
        let start = if count < 2 { 0 } else { ends[count - 2] as usize };
        if let Some(end) = ends.last_mut()
            && self.text[start..*end as usize].ends_with(b"\r")
        {
            *end -= 1;
        }
        Cut::Record(Record { bytes: &self.text, ends: &self.ends[..count], gap: 0 }, used)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn fields(text: &str) -> Option<(Vec<String>, usize)> {
        match Splitter::new().cut(text.as_bytes(), 0) {
            Cut::Record(record, used) => Some((
                record.fields().map(|f| String::from_utf8(f.to_vec()).unwrap()).collect(),
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
                (&expected.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>()[..], text.len()),
                "{text}"
            );
        }
        assert!(fields("\"a\n").is_none() && fields("a,\"b,\n").is_none());
    }

    #[test]
    fn a_field_beyond_the_last_is_empty() {
        let mut splitter = Splitter::new();
        let Cut::Record(record, _) = splitter.cut(b"a,b\n", 0) else { panic!("a record") };
        assert_eq!(
            (record.field(1), record.field(2), record.field(9)),
            (&b"b"[..], &b""[..], &b""[..])
        );
    }

    #[test]
    fn long_records_are_refused_by_either_path() {
        let long = "x".repeat(RECORD_LIMIT_BYTES) + "\n";
        assert!(matches!(Splitter::new().cut(long.as_bytes(), 0), Cut::TooLong));
        assert!(matches!(Splitter::new().cut(format!("\"{long}").as_bytes(), 0), Cut::TooLong));
    }

    proptest! {
        /// The unquoted path and csv-core agree wherever both apply.
        #[test]
        fn both_paths_agree(text in "[a-z0-9.,:+ !\"\r-]{0,60}") {
            let line = text.clone() + "\n";
            prop_assume!(!line.trim_end_matches(['\r', '\n']).is_empty());
            let mut plain = Splitter::new();
            if let Some((end, count)) = plain.cut_plain(line.as_bytes(), 0) {
                prop_assert_eq!(end, line.len());
                let mut splitter = Splitter::new();
                let Cut::Record(quoted, used) = splitter.cut_quoted(line.as_bytes()) else {
                    panic!("a record")
                };
                let plain = Record { bytes: line.as_bytes(), ends: &plain.ends[..count], gap: 1 };
                prop_assert_eq!(used, line.len());
                prop_assert_eq!(plain.fields().collect::<Vec<_>>(), quoted.fields().collect::<Vec<_>>());
            }
        }
    }
}
