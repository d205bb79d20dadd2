//! Splits comma-separated text into records; chunk boundaries may be anywhere.
//!
//! Used by the CSV format modules. Memory is one chunk and one record, whatever the size of the
//! object, and the result must not depend on the chunks. A line feed ends a record, a carriage
//! return before it is dropped, blank lines are skipped and a byte-order mark is tolerated.
//!
//! Measured on wide CSV (82 bytes per row): if `csv-core` splits every record, decoding and
//! accumulating take 1.55 times as long as if the format module reads records without quotes in
//! one pass ([`Sink::take_plain`]). Only the other records are split here.

use crate::bytes::split::{Cut, RECORD_LIMIT_BYTES, Record, Splitter};
use crate::defect::Defect;

/// The byte-order mark that some programs write before UTF-8.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Receives the records of a file. Record 0 is the header.
pub trait Sink {
    /// Reads the record at the start of `lines` if it has no quoted field; returns its length
    /// including the line end, or `None` if it must be split. `lines` is UTF-8 and ends with a
    /// line feed.
    fn take_plain(&mut self, number: u64, lines: &[u8]) -> Result<Option<usize>, Defect>;

    /// Receives a record that was split.
    fn take(&mut self, number: u64, record: &Record<'_>) -> Result<(), Defect>;
}

/// Splits a stream into records.
pub struct Records {
    splitter: Splitter,
    /// The start of the record that the last chunk did not complete.
    carry: Vec<u8>,
    /// Records passed on so far.
    count: u64,
}

impl Records {
    pub fn new() -> Self {
        Self { splitter: Splitter::new(), carry: Vec::new(), count: 0 }
    }

    /// Returns the number of records after the header, once the stream has ended.
    pub const fn rows(&self) -> Result<u64, Defect> {
        match self.count {
            0 => Err(Defect::Empty),
            1 => Err(Defect::NoRows),
            count => Ok(count - 1),
        }
    }

    /// Reads a chunk and passes each complete record on.
    pub fn push(&mut self, chunk: &[u8], sink: &mut impl Sink) -> Result<(), Defect> {
        let mut rest = chunk;
        if !self.carry.is_empty() {
            // One line usually completes the record; a quoted field with line ends may need all
            // of them.
            let one = rest.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1);
            rest = self.push_carried(rest, one, sink)?;
            if !self.carry.is_empty() {
                rest = self.push_carried(rest, after_last_line(rest), sink)?;
            }
        }
        if self.carry.is_empty() {
            // Whole lines only: the rest is carried to the next chunk.
            let lines = after_last_line(rest);
            let used = self.cut_all(&rest[..lines], sink)?;
            rest = &rest[used..];
        }
        self.carry.extend_from_slice(rest);
        self.check_carry()
    }

    /// Ends the stream; a last line without a line end is a record.
    pub fn finish(&mut self, sink: &mut impl Sink) -> Result<(), Defect> {
        // Completes a last record without a line end; otherwise, it is a blank line.
        self.push(b"\n", sink)?;
        if self.carry.is_empty() { Ok(()) } else { Err(Defect::UnclosedQuote { row: self.count }) }
    }

    /// Appends `lines` bytes of whole lines to the carried record, passes complete records on,
    /// and returns the remainder of `rest`.
    fn push_carried<'a>(
        &mut self,
        rest: &'a [u8],
        lines: usize,
        sink: &mut impl Sink,
    ) -> Result<&'a [u8], Defect> {
        if lines > 0 {
            let mut carry = std::mem::take(&mut self.carry);
            carry.extend_from_slice(&rest[..lines]);
            let used = self.cut_all(&carry, sink)?;
            carry.drain(..used);
            self.carry = carry;
            self.check_carry()?;
        }
        Ok(&rest[lines..])
    }

    fn check_carry(&self) -> Result<(), Defect> {
        // Without a limit, an unclosed quote would collect the whole object in memory.
        if self.carry.len() > RECORD_LIMIT_BYTES {
            return Err(self.too_long());
        }
        Ok(())
    }

    const fn too_long(&self) -> Defect {
        Defect::RecordTooLong { row: self.count, limit_bytes: RECORD_LIMIT_BYTES }
    }

    /// Passes on every record in `lines` (empty, or ending with a line feed) and returns how many
    /// bytes they took; the remainder is an open quote.
    fn cut_all(&mut self, lines: &[u8], sink: &mut impl Sink) -> Result<usize, Defect> {
        // Validated once per call, not once per record. The position of the first invalid byte
        // gives the row at fault.
        let bad = std::str::from_utf8(lines).map_or_else(|e| e.valid_up_to(), |_| usize::MAX);
        let is_text = bad == usize::MAX;
        let mut at = 0;
        while at < lines.len() {
            // A mark anywhere else is content.
            if self.count == 0 && lines[at..].starts_with(BYTE_ORDER_MARK) {
                at += BYTE_ORDER_MARK.len();
            }
            if let Some(blank) = blank_line(&lines[at..]) {
                at += blank;
                continue;
            }
            // Lines that are not UTF-8 are split, to find the row at fault.
            if is_text && let Some(used) = sink.take_plain(self.count, &lines[at..])? {
                if used > RECORD_LIMIT_BYTES {
                    return Err(self.too_long());
                }
                at += used;
                self.count += 1;
                continue;
            }
            match self.splitter.cut(&lines[at..]) {
                Cut::Record(record, used) => {
                    at += used;
                    if at > bad {
                        return Err(Defect::NotUtf8 { row: self.count });
                    }
                    sink.take(self.count, &record)?;
                    self.count += 1;
                }
                Cut::Open => break,
                Cut::TooLong => return Err(self.too_long()),
            }
        }
        Ok(at)
    }
}

/// Returns the length of a blank line at the start of `bytes`, if there is one.
#[inline]
fn blank_line(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}

fn after_last_line(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    type Rows = Vec<Vec<String>>;

    /// Keeps the fields; if `plain`, reads records without quotes itself.
    #[derive(Default)]
    struct Kept {
        rows: Rows,
        plain: bool,
    }

    fn owned(fields: &mut dyn Iterator<Item = &[u8]>) -> Vec<String> {
        fields.map(|field| String::from_utf8(field.to_vec()).unwrap()).collect()
    }

    impl Sink for Kept {
        fn take_plain(&mut self, number: u64, lines: &[u8]) -> Result<Option<usize>, Defect> {
            assert_eq!(number, self.rows.len() as u64);
            let end = lines.iter().position(|b| *b == b'\n').unwrap();
            let line = lines[..end].strip_suffix(b"\r").unwrap_or(&lines[..end]);
            if !self.plain || line.contains(&b'"') {
                return Ok(None);
            }
            self.rows.push(owned(&mut line.split(|b| *b == b',')));
            Ok(Some(end + 1))
        }

        fn take(&mut self, number: u64, record: &Record<'_>) -> Result<(), Defect> {
            assert_eq!(number, self.rows.len() as u64);
            self.rows.push(owned(&mut record.fields()));
            Ok(())
        }
    }

    fn read(text: &[u8], chunk: usize) -> Result<Rows, Defect> {
        let [split, plain] = [false, true].map(|plain| {
            let mut kept = Kept { plain, ..Kept::default() };
            let mut records = Records::new();
            for piece in text.chunks(chunk.max(1)) {
                records.push(piece, &mut kept)?;
            }
            records.finish(&mut kept)?;
            assert_eq!(records.count, kept.rows.len() as u64);
            Ok(kept.rows)
        });
        assert_eq!(split, plain);
        split
    }

    #[test]
    fn blank_lines_marks_and_line_ends_do_not_matter() {
        let plain = read(b"a,b\n1,2\n3,4\n", 99).unwrap();
        for same in [
            &b"a,b\n1,2\n3,4"[..],
            b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n",
            b"\n\na,b\n\n1,2\r\n\r\n3,4\n\n\n",
            b"\xef\xbb\xbf\"a\",\"b\"\n\"1\",2\n3,\"4\"",
        ] {
            for chunk in 1..same.len() {
                assert_eq!(read(same, chunk).unwrap(), plain);
            }
        }
        assert_eq!(read(b"\n\r\n", 1).unwrap(), Rows::new());
        assert_eq!(read(b"", 1).unwrap(), Rows::new());
    }

    #[test]
    fn defects_name_the_row() {
        for chunk in [1, 2, 3, 1000] {
            let unclosed = read(b"a,b\n1,\"2\n3,4\n", chunk);
            assert_eq!(unclosed, Err(Defect::UnclosedQuote { row: 1 }));
            for (row, text) in [
                (0, &b"a,\xff\n1,2\n"[..]),
                (2, b"a,b\n1,2\n\xc3,2\n3,4\n"),
                (2, b"a,b\n1,2\n3,4\xe2\x82"),
                (1, b"a,b\n1,\"\xff\n\"\n3,4\n"),
            ] {
                assert_eq!(read(text, chunk), Err(Defect::NotUtf8 { row }));
            }
        }
    }

    #[test]
    fn an_open_quote_fails_at_the_limit() {
        let mut text = b"a,b\n1,\"".to_vec();
        text.extend(b"2,3\n".repeat(RECORD_LIMIT_BYTES));
        for chunk in [1 << 14, 1 << 20, 1 << 23] {
            let limit_bytes = RECORD_LIMIT_BYTES;
            assert_eq!(read(&text, chunk), Err(Defect::RecordTooLong { row: 1, limit_bytes }));
        }
        let endless = vec![b'x'; RECORD_LIMIT_BYTES + 2];
        assert!(matches!(read(&endless, 4096), Err(Defect::RecordTooLong { row: 0, .. })));
    }

    proptest! {
        #[test]
        fn chunk_boundaries_do_not_matter(
            text in "([a-c0-9 .]{0,4}(,|\n|\r\n|\"|\"\"|,\"|\",|é)){0,30}",
            chunk in 1_usize..12,
        ) {
            let whole = read(text.as_bytes(), usize::MAX);
            prop_assert_eq!(read(text.as_bytes(), chunk), whole.clone());
            prop_assert_eq!(read(text.as_bytes(), 1), whole);
        }

        #[test]
        fn any_bytes_give_a_result(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b','), Just(b'\n')], 0..200),
            chunk in 1_usize..50,
        ) {
            let _ = read(&bytes, chunk).is_ok();
        }
    }
}
