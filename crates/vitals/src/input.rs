//! One object on its way to its decoder: its format is found out.
//!
//! Used by the study's reader, behind [`crate::bytes::unpack`].

use crate::rules::accumulator::ObjectAccumulator;
use crate::rules::quality::LeftOut;
use crate::rules::statistics::ObjectStatistics;

use crate::bytes::unpack::Take;
use crate::defect::Defect;
use crate::formats::choose::decoder;
use crate::formats::decoder::Decoder;
use crate::formats::detect::{self, Kind};
use crate::formats::read_rules::ReadRules;
use crate::spill::chunk::Chunk;
use crate::spill::visits::Waiting;

/// What was found in an object.
pub struct Found {
    pub kind: Kind,
    pub rows: u64,
    pub statistics: ObjectStatistics,
    /// Of many patients, those that are not in `statistics` any more.
    pub whole: Vec<Chunk>,
}

/// One object, unpacked.
pub struct Input {
    rules: ReadRules,
    /// What came before the format was known.
    start: Vec<u8>,
    decoder: Option<(Kind, Box<dyn Decoder>)>,
    accumulator: ObjectAccumulator,
    waiting: Waiting,
}

impl Take for Input {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Defect> {
        if let Some((_, decoder)) = &mut self.decoder {
            decoder.push(bytes, &mut self.accumulator)?;
            return self.waiting.have_room();
        }
        // Blanks at the start say nothing, and may be many.
        let said = if self.start.is_empty() { bytes.trim_ascii_start() } else { bytes };
        self.start.extend_from_slice(said);
        match detect::kind(self.rules.format, &self.start, false)? {
            Some(kind) => self.begin(kind),
            None => Ok(()),
        }
    }
}

impl Input {
    pub fn new(object: &str, rules: ReadRules) -> Self {
        let waiting = Waiting::new(object, &rules.scratch);
        let overflow = Box::new(waiting.clone());
        let accumulator = ObjectAccumulator::new(rules.ranges, rules.people.clone(), overflow);
        Self { rules, start: Vec::new(), decoder: None, accumulator, waiting }
    }

    fn begin(&mut self, kind: Kind) -> Result<(), Defect> {
        let mut decoder = decoder(kind, &self.rules, &mut self.accumulator);
        let start = std::mem::take(&mut self.start);
        decoder.push(&start, &mut self.accumulator)?;
        self.decoder = Some((kind, decoder));
        self.waiting.have_room()
    }

    /// Ends the object.
    pub fn finish(mut self) -> Result<Found, Defect> {
        if self.decoder.is_none() {
            let kind = detect::kind(self.rules.format, &self.start, true)?;
            self.begin(kind.ok_or(Defect::UnknownFormat)?)?;
        }
        let Some((kind, mut decoder)) = self.decoder else { return Err(Defect::UnknownFormat) };
        let rows = decoder.finish(&mut self.accumulator)?;
        self.waiting.have_room()?;
        let count = |reason: LeftOut| self.accumulator.left_out()[reason as usize];
        let [no_patient, no_time, malformed] =
            [LeftOut::NoPatient, LeftOut::NoTime, LeftOut::Malformed].map(count);
        // Rows of other codes are no readings; malformed ones may be such.
        let all_malformed = malformed == self.accumulator.left_out().iter().sum::<u64>();
        let lost = no_patient + no_time + if all_malformed { malformed } else { 0 };
        if lost > 0 && self.accumulator.is_empty() {
            return Err(Defect::NothingReadable { no_patient, no_time, malformed });
        }
        let statistics = self.accumulator.finish();
        Ok(Found { kind, rows, statistics, whole: self.waiting.whole()? })
    }
}
