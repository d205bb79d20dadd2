//! Feeds one object to its decoder, once its format is detected.
//!
//! Used by [`crate::analysis`], behind [`crate::bytes::unpack`].

use crate::rules::accumulator::ObjectAccumulator;
use crate::rules::quality::LeftOut;
use crate::rules::statistics::ObjectStatistics;

use crate::bytes::unpack::ByteSink;
use crate::defect::Defect;
use crate::formats::choose::decoder;
use crate::formats::decoder::Decoder;
use crate::formats::detect::{self, Kind};
use crate::formats::read_rules::ReadRules;
use crate::spill::patients::Patients;
use crate::spill::visits::ObjectSpill;

/// The content of an object.
pub struct ObjectContent {
    pub kind: Kind,
    pub rows: u64,
    pub statistics: ObjectStatistics,
    /// Complete patients that are no longer in `statistics`, if there were many.
    pub complete: Vec<Patients>,
}

/// One decompressed object.
pub struct Input {
    rules: ReadRules,
    /// The bytes that came before the format was known.
    start: Vec<u8>,
    decoder: Option<(Kind, Box<dyn Decoder>)>,
    accumulator: ObjectAccumulator,
    spill: ObjectSpill,
}

impl ByteSink for Input {
    fn consume(&mut self, bytes: &[u8]) -> Result<(), Defect> {
        if let Some((_, decoder)) = &mut self.decoder {
            decoder.push(bytes, &mut self.accumulator)?;
            // The accumulator cannot fail, so its spill is checked after each chunk.
            return self.spill.check();
        }
        // Leading blanks carry no information, and there may be many.
        let content = if self.start.is_empty() { bytes.trim_ascii_start() } else { bytes };
        self.start.extend_from_slice(content);
        match detect::kind(self.rules.format, &self.start, false)? {
            Some(kind) => self.begin(kind),
            None => Ok(()),
        }
    }
}

impl Input {
    pub fn new(object: &str, rules: ReadRules) -> Self {
        let spill = ObjectSpill::new(object, &rules.scratch);
        let shared = Box::new(spill.clone());
        let accumulator = ObjectAccumulator::new(rules.ranges, rules.people.clone(), shared);
        Self { rules, start: Vec::new(), decoder: None, accumulator, spill }
    }

    fn begin(&mut self, kind: Kind) -> Result<(), Defect> {
        let mut decoder = decoder(kind, &self.rules, &mut self.accumulator);
        let start = std::mem::take(&mut self.start);
        decoder.push(&start, &mut self.accumulator)?;
        self.decoder = Some((kind, decoder));
        self.spill.check()
    }

    /// Ends the object; returns its content.
    pub fn finish(mut self) -> Result<ObjectContent, Defect> {
        // A short object may end before its format was certain.
        if self.decoder.is_none() {
            let kind = detect::kind(self.rules.format, &self.start, true)?;
            self.begin(kind.ok_or(Defect::UnknownFormat)?)?;
        }
        let Some((kind, mut decoder)) = self.decoder else { return Err(Defect::UnknownFormat) };
        let rows = decoder.finish(&mut self.accumulator)?;
        // Moments that were open until the end may have been spilled.
        self.spill.check()?;
        let count = |reason: LeftOut| self.accumulator.left_out()[reason as usize];
        let [no_patient, no_time, malformed] =
            [LeftOut::NoPatient, LeftOut::NoTime, LeftOut::Malformed].map(count);
        // Rows of other codes are not lost readings. Malformed rows may be of other codes, so
        // they count only if nothing else was left out.
        let all_malformed = malformed == self.accumulator.left_out().iter().sum::<u64>();
        let lost = no_patient + no_time + if all_malformed { malformed } else { 0 };
        if lost > 0 && self.accumulator.is_empty() {
            return Err(Defect::NothingReadable { no_patient, no_time, malformed });
        }
        let statistics = self.accumulator.finish().map_err(|_| Defect::NoScratch)?;
        Ok(ObjectContent { kind, rows, statistics, complete: self.spill.take_complete()? })
    }
}
