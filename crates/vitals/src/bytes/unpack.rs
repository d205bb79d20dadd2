//! Bytes as they are stored, unpacked as they come.
//!
//! Used for objects and for tables of people. What is packed by gzip or zstd
//! says so in its first bytes. Memory stays bounded whatever it unpacks to;
//! what unpacks without end is refused.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use zstd::stream::raw;
use zstd::stream::zio;

use crate::defect::Defect;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// How many times its size an object may unpack to; measurements as text
/// unpack to some 10 to 30 times, text of a single repeated row to 1,000.
const EXPANSION_MAX: u64 = 2000;
/// What any object may unpack to, in bytes.
const EXPANSION_FREE_BYTES: u64 = 64 << 20;

/// What takes the unpacked bytes.
pub trait Take {
    /// Takes the next bytes.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Defect>;
}

/// Stored bytes on their way to what takes them unpacked.
pub struct Unpack<T: Take>(Packing<T>);

enum Packing<T: Take> {
    /// Too few bytes came to tell.
    Unknown(Vec<u8>, Box<Plain<T>>),
    None(Box<Plain<T>>),
    Gzip(Box<MultiGzDecoder<Plain<T>>>),
    Zstd(Box<zio::Writer<Plain<T>, raw::Decoder<'static>>>),
    /// A packing that failed; no more is taken.
    Failed,
}

impl<T: Take> Unpack<T> {
    pub fn new(into: T) -> Self {
        let plain = Plain { into, defect: None, packed: 0, unpacked: 0 };
        Self(Packing::Unknown(Vec::new(), Box::new(plain)))
    }

    /// Takes the next bytes as they are stored.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Defect> {
        if let Packing::Unknown(start, _) = &mut self.0 {
            start.extend_from_slice(bytes);
            return if start.len() < ZSTD.len() { Ok(()) } else { self.begin() };
        }
        self.unpack(bytes)
    }

    /// Ends the stream, and answers what took it.
    pub fn finish(mut self) -> Result<T, Defect> {
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
        Ok(plain.into)
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
            Packing::None(plain) => plain.into.take(bytes),
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
fn settled<T>(written: io::Result<()>, plain: &mut Plain<T>) -> Result<(), Defect> {
    written.map_err(|_| plain.defect.take().unwrap_or(Defect::BadPacking))
}

/// What takes the bytes, and how many there were.
struct Plain<T> {
    into: T,
    /// What stopped a write, which can only say that something did.
    defect: Option<Defect>,
    packed: u64,
    unpacked: u64,
}

impl<T> Plain<T> {
    /// As many more packed bytes come.
    const fn allow(&mut self, packed: usize) {
        self.packed += packed as u64;
    }
}

impl<T: Take> Write for Plain<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unpacked += bytes.len() as u64;
        let limit = EXPANSION_FREE_BYTES.max(self.packed.saturating_mul(EXPANSION_MAX));
        let taken = if self.unpacked > limit {
            Err(Defect::UnpacksTooFar { times: EXPANSION_MAX })
        } else {
            self.into.take(bytes)
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
