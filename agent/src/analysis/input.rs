//! One object on its way to its decoder: unpacked, and its format found out.
//!
//! Used by the study's reader. An object may be packed by gzip or zstd (its
//! first bytes say so). It is unpacked as it comes, so memory stays bounded
//! whatever it unpacks to; one that unpacks without end is refused.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use flate2::write::MultiGzDecoder;
use sce_core::study::Format;
use sce_core::vitals::{LeftOut, ObjectAccumulator, ObjectStatistics, PlausibleRanges};
use zstd::stream::raw;
use zstd::stream::zio;

use super::detect::{self, Kind};
use super::format::{Decoder, decoder};
use super::long::Codes;
use crate::study::Defect;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// How many times its size an object may unpack to; measurements as text
/// unpack to some 10 to 30 times, text of a single repeated row to 1,000.
const EXPANSION_MAX: u64 = 2000;
/// What any object may unpack to, in bytes.
const EXPANSION_FREE_BYTES: u64 = 64 << 20;

/// How objects are read.
#[derive(Debug, Clone)]
pub struct ReadRules {
    pub format: Format,
    pub ranges: PlausibleRanges,
    pub codes: Arc<Codes>,
    /// Where an object may wait on disk.
    pub scratch: PathBuf,
}

/// What was found in an object.
pub struct Found {
    pub kind: Kind,
    pub rows: u64,
    pub statistics: ObjectStatistics,
}

/// One object.
pub struct Input(Packing);

enum Packing {
    /// Too few bytes came to tell.
    Unknown(Vec<u8>, Box<Plain>),
    None(Box<Plain>),
    Gzip(Box<MultiGzDecoder<Plain>>),
    Zstd(Box<zio::Writer<Plain, raw::Decoder<'static>>>),
    /// A packing that failed; no more is taken.
    Failed,
}

impl Input {
    pub fn new(rules: ReadRules) -> Self {
        Self(Packing::Unknown(Vec::new(), Box::new(Plain::new(rules))))
    }

    /// Takes the next bytes as they are stored.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Defect> {
        if let Packing::Unknown(start, _) = &mut self.0 {
            start.extend_from_slice(bytes);
            return if start.len() < ZSTD.len() { Ok(()) } else { self.begin() };
        }
        self.unpack(bytes)
    }

    /// Ends the object.
    pub fn finish(mut self) -> Result<Found, Defect> {
        if let Packing::Unknown(..) = self.0 {
            self.begin()?;
        }
        let plain = match self.0 {
            Packing::None(plain) => *plain,
            Packing::Gzip(mut packed) => {
                let ended = packed.try_finish();
                settled(ended, packed.get_mut())?;
                packed.finish().map_err(|_| Defect::BadPacking)?
            }
            Packing::Zstd(mut packed) => {
                let ended = packed.finish();
                settled(ended, packed.writer_mut())?;
                packed.into_inner().0
            }
            Packing::Unknown(..) | Packing::Failed => return Err(Defect::BadPacking),
        };
        plain.finish()
    }

    fn begin(&mut self) -> Result<(), Defect> {
        let Packing::Unknown(start, plain) = std::mem::replace(&mut self.0, Packing::Failed) else {
            return Err(Defect::BadPacking);
        };
        self.0 = if start.starts_with(GZIP) {
            Packing::Gzip(Box::new(MultiGzDecoder::new(*plain)))
        } else if start.starts_with(ZSTD) {
            let unpacker = raw::Decoder::new().map_err(|_| Defect::BadPacking)?;
            Packing::Zstd(Box::new(zio::Writer::new(*plain, unpacker)))
        } else {
            Packing::None(plain)
        };
        self.unpack(&start)
    }

    fn unpack(&mut self, bytes: &[u8]) -> Result<(), Defect> {
        match &mut self.0 {
            Packing::None(plain) => plain.take(bytes),
            Packing::Gzip(packed) => {
                packed.get_mut().allow(bytes.len());
                let written = packed.write_all(bytes);
                settled(written, packed.get_mut())
            }
            Packing::Zstd(packed) => {
                packed.writer_mut().allow(bytes.len());
                let written = packed.write_all(bytes);
                settled(written, packed.writer_mut())
            }
            Packing::Unknown(..) | Packing::Failed => Err(Defect::BadPacking),
        }
    }
}

/// What stopped the unpacking: a defect of what was unpacked, or of the
/// packing itself.
fn settled(written: io::Result<()>, plain: &mut Plain) -> Result<(), Defect> {
    written.map_err(|_| plain.defect.take().unwrap_or(Defect::BadPacking))
}

/// The unpacked bytes.
struct Plain {
    rules: ReadRules,
    /// What came before the format was known.
    start: Vec<u8>,
    decoder: Option<(Kind, Box<dyn Decoder>)>,
    accumulator: ObjectAccumulator,
    /// What stopped a write, which can only say that something did.
    defect: Option<Defect>,
    packed: u64,
    unpacked: u64,
}

impl Plain {
    fn new(rules: ReadRules) -> Self {
        let accumulator = ObjectAccumulator::new(rules.ranges);
        let (start, decoder, defect) = (Vec::new(), None, None);
        Self { rules, start, decoder, accumulator, defect, packed: 0, unpacked: 0 }
    }

    /// As many more packed bytes come.
    const fn allow(&mut self, packed: usize) {
        self.packed += packed as u64;
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Defect> {
        if let Some((_, decoder)) = &mut self.decoder {
            return decoder.push(bytes, &mut self.accumulator);
        }
        // Blanks at the start say nothing, and may be many.
        let said = if self.start.is_empty() { bytes.trim_ascii_start() } else { bytes };
        self.start.extend_from_slice(said);
        match detect::kind(self.rules.format, &self.start, false)? {
            Some(kind) => self.begin(kind),
            None => Ok(()),
        }
    }

    fn begin(&mut self, kind: Kind) -> Result<(), Defect> {
        let mut decoder = decoder(kind, &self.rules, &mut self.accumulator);
        let start = std::mem::take(&mut self.start);
        decoder.push(&start, &mut self.accumulator)?;
        self.decoder = Some((kind, decoder));
        Ok(())
    }

    fn finish(mut self) -> Result<Found, Defect> {
        if self.decoder.is_none() {
            let kind = detect::kind(self.rules.format, &self.start, true)?;
            self.begin(kind.ok_or(Defect::UnknownFormat)?)?;
        }
        let Some((kind, mut decoder)) = self.decoder else { return Err(Defect::UnknownFormat) };
        let rows = decoder.finish(&mut self.accumulator)?;
        let count = |reason: LeftOut| self.accumulator.left_out()[reason as usize];
        let [no_patient, no_time, malformed] =
            [LeftOut::NoPatient, LeftOut::NoTime, LeftOut::Malformed].map(count);
        let counted = no_patient + no_time + malformed;
        if counted > 0
            && counted == self.accumulator.left_out().iter().sum::<u64>()
            && self.accumulator.is_empty()
        {
            return Err(Defect::NothingReadable { no_patient, no_time, malformed });
        }
        Ok(Found { kind, rows, statistics: self.accumulator.finish() })
    }
}

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unpacked += bytes.len() as u64;
        let limit = EXPANSION_FREE_BYTES.max(self.packed.saturating_mul(EXPANSION_MAX));
        let taken = if self.unpacked > limit {
            Err(Defect::UnpacksTooFar { times: EXPANSION_MAX })
        } else {
            self.take(bytes)
        };
        match taken {
            Ok(()) => Ok(bytes.len()),
            Err(defect) => {
                self.defect = Some(defect);
                Err(io::Error::other("the unpacked bytes have a defect"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
