//! Splits a JSON stream into resources; chunk boundaries may be anywhere.
//!
//! Used by [`crate::formats::fhir`] and [`crate::formats::people`]. A file has one resource per
//! line (ndjson), or resources in sequence in any layout, or a Bundle, whose entries are split
//! one by one: memory is one resource, however long the Bundle. It must not interpret a resource;
//! it looks only at brackets, strings and the name `entry`.

use crate::defect::Defect;

/// The longest resource that is kept; a longer one is malformed.
pub const RESOURCE_LIMIT_BYTES: usize = 16 << 20;

/// The name of the list of a Bundle's entries.
const ENTRY: &[u8] = b"entry";

/// Receives each resource; `None` is a malformed one.
pub type Sink<'a> = dyn FnMut(Option<&[u8]>) -> Result<(), Defect> + 'a;

/// The splitter of one stream.
#[derive(Default)]
pub struct Resources {
    /// Open brackets; a list around all resources of a file does not count.
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The last string directly in the outermost object, or its beginning: before a bracket it is
    /// the name of what the bracket opens.
    name: Vec<u8>,
    /// The outermost object is a Bundle: its entries are passed on instead of it.
    is_bundle: bool,
    in_entries: bool,
    /// The object being collected.
    object: Vec<u8>,
    is_too_long: bool,
    /// Something outside every object was seen in this line.
    has_stray: bool,
    /// The outermost object contains a line end.
    is_broken: bool,
    /// Each resource is on one line: a line end ends a damaged one.
    by_line: bool,
}

impl Resources {
    /// Reads a chunk and passes each complete resource on.
    pub fn push(&mut self, chunk: &[u8], sink: &mut Sink<'_>) -> Result<(), Defect> {
        chunk.iter().try_for_each(|byte| self.step(*byte, sink))
    }

    /// Ends the stream.
    pub fn finish(&mut self, sink: &mut Sink<'_>) -> Result<(), Defect> {
        if self.depth > 0 && !self.by_line {
            return Err(Defect::UnclosedJson);
        }
        self.end_line(sink)
    }

    fn step(&mut self, byte: u8, sink: &mut Sink<'_>) -> Result<(), Defect> {
        match byte {
            // Even within a string: a line end also ends a damaged line with an open quote.
            b'\n' => return self.end_line(sink),
            _ if self.in_string => self.step_in_string(byte),
            b'"' => {
                self.in_string = true;
                // This string may be the name of the next value.
                self.name.clear();
                self.keep(byte);
            }
            b'[' if self.depth == 0 => {}
            b'{' | b'[' => self.open(byte),
            b']' if self.depth == 0 => {}
            b'}' | b']' if self.depth > 0 => return self.close(byte, sink),
            _ if self.depth > 0 => self.keep(byte),
            // Blanks, commas of a list, and a byte-order mark.
            b' ' | b'\t' | b'\r' | b',' | 0xef | 0xbb | 0xbf => {}
            _ => self.has_stray = true,
        }
        Ok(())
    }

    fn step_in_string(&mut self, byte: u8) {
        self.keep(byte);
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.in_string = false,
            // One byte more than the name is enough to see that it differs.
            _ if self.depth == 1 && self.name.len() <= ENTRY.len() => self.name.push(byte),
            _ => {}
        }
    }

    fn open(&mut self, byte: u8) {
        self.depth += 1;
        // Only the list itself is dropped; its entries are collected one by one.
        if self.depth == 2 && byte == b'[' && self.name == ENTRY {
            (self.is_bundle, self.in_entries) = (true, true);
            self.object.clear();
        } else {
            self.keep(byte);
        }
    }

    fn close(&mut self, byte: u8, sink: &mut Sink<'_>) -> Result<(), Defect> {
        self.keep(byte);
        self.depth -= 1;
        match self.depth {
            2 if self.in_entries => self.emit(sink),
            1 => {
                self.in_entries = false;
                self.name.clear();
                Ok(())
            }
            0 => {
                // A whole resource on one line shows that the file is ndjson.
                self.by_line |= !self.is_broken;
                self.is_broken = false;
                if std::mem::take(&mut self.is_bundle) { Ok(()) } else { self.emit(sink) }
            }
            _ => Ok(()),
        }
    }

    /// Appends to the object being collected, if this position is within one.
    fn keep(&mut self, byte: u8) {
        if self.is_bundle && !(self.in_entries && self.depth >= 3) {
            return;
        }
        if self.object.len() < RESOURCE_LIMIT_BYTES {
            self.object.push(byte);
        } else {
            self.is_too_long = true;
        }
    }

    fn emit(&mut self, sink: &mut Sink<'_>) -> Result<(), Defect> {
        // A resource beyond the limit is passed on as malformed, never as its beginning.
        let whole = !std::mem::take(&mut self.is_too_long);
        let emitted = sink(whole.then_some(&self.object));
        self.object.clear();
        emitted
    }

    fn end_line(&mut self, sink: &mut Sink<'_>) -> Result<(), Defect> {
        if self.depth > 0 && self.by_line {
            // A damaged line may leave any state behind: start over.
            *self = Self { by_line: true, ..Self::default() };
            return sink(None);
        }
        if self.depth > 0 {
            // A blank between tokens; within a string it makes the JSON invalid.
            self.keep(b'\n');
            self.is_broken = true;
        }
        if std::mem::take(&mut self.has_stray) { sink(None) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Returns the resources, `-` for a malformed one; they are the same for every chunk size.
    fn cut(text: &str) -> Result<Vec<String>, Defect> {
        let by = |chunk: usize| {
            let mut found = Vec::new();
            let mut sink = |resource: Option<&[u8]>| {
                let text = resource.map_or("-".into(), |r| String::from_utf8(r.to_vec()).unwrap());
                found.push(text);
                Ok(())
            };
            let mut resources = Resources::default();
            for piece in text.as_bytes().chunks(chunk) {
                resources.push(piece, &mut sink)?;
            }
            resources.finish(&mut sink)?;
            Ok(found)
        };
        let whole = by(text.len().max(1));
        assert_eq!(by(1), whole);
        whole
    }

    #[test]
    fn resources_are_cut_from_lines_lists_and_bundles() {
        for (text, expected) in [
            ("{\"a\":1}\n{\"b\":[{}]}\n", &["{\"a\":1}", "{\"b\":[{}]}"][..]),
            ("\u{feff}{\"a\":\"}\\\"{\"}\r\n\r\n{\"b\":2}", &["{\"a\":\"}\\\"{\"}", "{\"b\":2}"]),
            ("[{\"a\":1},\n {\"b\":2}]", &["{\"a\":1}", "{\"b\":2}"]),
            (
                "{\"type\":\"x\",\"entry\":[{\"r\":{\"a\":[1]}},{\"r\":2}],\"z\":[]}",
                &["{\"r\":{\"a\":[1]}}", "{\"r\":2}"],
            ),
            ("{\"entry\":[]}\n{\"a\":1}\n", &["{\"a\":1}"]),
            // At a greater depth it is a name like any other.
            ("{\"x\":{\"entry\":[{\"a\":1}]}}", &["{\"x\":{\"entry\":[{\"a\":1}]}}"]),
            ("{\"x\":\"entry\",\"y\":[{\"a\":1}]}", &["{\"x\":\"entry\",\"y\":[{\"a\":1}]}"]),
            ("", &[]),
            (" \n\n", &[]),
        ] {
            assert_eq!(cut(text).unwrap(), expected, "{text}");
        }
        // As a program prints it.
        let printed = "{\n \"entry\": [\n  {\n   \"r\": 1\n  }\n ]\n}\n";
        assert_eq!(cut(printed).unwrap(), ["{\n   \"r\": 1\n  }"]);
    }

    #[test]
    fn a_damaged_line_is_one_malformed_resource() {
        for bad in ["not json", "{\"a\":", "{\"a\":\"", "{{{", "}", "{\"a\":[1}}"] {
            let text = format!("{{\"a\":1}}\n{bad}\n{{\"b\":2}}\n");
            let found = cut(&text).unwrap();
            assert_eq!(
                (found.first().unwrap().as_str(), found.last().unwrap().as_str()),
                ("{\"a\":1}", "{\"b\":2}"),
                "{bad}"
            );
            assert!(found.len() == 3, "{bad}");
        }
        assert_eq!(cut("{\"a\":1}\n{\"b\":").unwrap(), ["{\"a\":1}", "-"]);
    }

    #[test]
    fn a_document_that_ends_too_early_is_a_defect() {
        for text in ["{\n\"entry\":[{\"a\":1},\n", "{\"entry\":[{\"a\":1}", "{", "{\"a\":\"b"] {
            assert_eq!(cut(text), Err(Defect::UnclosedJson), "{text}");
        }
    }

    #[test]
    fn a_resource_beyond_the_limit_is_malformed_and_the_next_is_not() {
        let long = "x".repeat(RESOURCE_LIMIT_BYTES);
        let mut found = Vec::new();
        let mut sink = |resource: Option<&[u8]>| {
            found.push(resource.map(<[u8]>::len));
            Ok(())
        };
        let text = format!("{{\"entry\":[{{\"a\":\"{long}\"}},{{\"b\":2}}]}}");
        Resources::default().push(text.as_bytes(), &mut sink).unwrap();
        assert_eq!(found, [None, Some(7)]);
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_result(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(b'"'), Just(b'{'), Just(b'}'), Just(b'['), Just(b']'), Just(b'\n')],
                0..200,
            ),
        ) {
            let mut resources = Resources::default();
            let mut sink = |_: Option<&[u8]>| Ok(());
            let _ = resources.push(&bytes, &mut sink).and_then(|()| resources.finish(&mut sink));
        }
    }
}
