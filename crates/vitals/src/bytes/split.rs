//! Splits one record of comma-separated text into its fields, quoted or not.
//!
//! Used by [`crate::bytes::records`] for the records that a format module does not read itself.
//! It must not know rows, columns or UTF-8.

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};

/// The longest record accepted, in bytes.
pub const RECORD_LIMIT_BYTES: usize = 1 << 20;

/// The fields of one record.
#[derive(Debug)]
pub struct Record<'a> {
    text: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Record<'a> {
    /// Returns the number of fields.
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the unquoted bytes of a field; `place` must be below [`Record::len`].
    pub fn field(&self, place: usize) -> &'a [u8] {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.text[start..self.ends[place]]
    }

    /// Returns the unquoted bytes of every field, in order.
    pub fn fields(&self) -> impl Iterator<Item = &'a [u8]> {
        let (text, mut start) = (self.text, 0);
        self.ends.iter().map(move |end| &text[std::mem::replace(&mut start, *end)..*end])
    }
}

/// The result of splitting the start of some bytes.
pub enum Cut<'a> {
    /// A whole record and its length, including the line end.
    Record(Record<'a>, usize),
    /// The bytes end within a quoted field.
    Open,
    /// A record beyond [`RECORD_LIMIT_BYTES`].
    TooLong,
}

/// The splitter and its buffers.
pub struct Splitter {
    reader: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Splitter {
    pub fn new() -> Self {
        // Only a line feed ends a record; the carriage return before it is dropped below.
        let reader = ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build();
        Self { reader, text: Vec::new(), ends: Vec::new() }
    }

    /// Splits the record at the start of `bytes`, which must end with a line feed (perhaps within
    /// a quoted field).
    pub fn cut(&mut self, bytes: &[u8]) -> Cut<'_> {
        // The call before may have ended within a quoted field.
        self.reader.reset();
        // `csv-core` never writes more than it reads, nor more ends than bytes.
        let input = &bytes[..bytes.len().min(RECORD_LIMIT_BYTES)];
        self.text.resize(self.text.len().max(input.len()), 0);
        self.ends.resize(self.ends.len().max(input.len() + 1), 0);
        let (result, used, _, count) =
            self.reader.read_record(input, &mut self.text, &mut self.ends);
        match result {
            ReadRecordResult::Record => {}
            _ if bytes.len() > RECORD_LIMIT_BYTES => return Cut::TooLong,
            _ => return Cut::Open,
        }
        let ends = &mut self.ends[..count];
        // The carriage return of the line end is in the last field, even if that was quoted.
        let start = if count < 2 { 0 } else { ends[count - 2] };
        if let Some(end) = ends.last_mut()
            && self.text[start..*end].ends_with(b"\r")
        {
            *end -= 1;
        }
        Cut::Record(Record { text: &self.text, ends: &self.ends[..count] }, used)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fields(text: &str) -> Option<(Vec<String>, usize)> {
        match Splitter::new().cut(text.as_bytes()) {
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
    fn long_records_are_refused() {
        let long = "x".repeat(RECORD_LIMIT_BYTES) + "\n";
        assert!(matches!(Splitter::new().cut(long.as_bytes()), Cut::TooLong));
        assert!(matches!(Splitter::new().cut(format!("\"{long}").as_bytes()), Cut::TooLong));
    }
}
