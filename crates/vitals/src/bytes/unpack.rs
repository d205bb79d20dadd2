//! Decompresses stored bytes as they arrive.
//!
//! Used for objects and for tables of people. The first bytes show whether they are compressed
//! with gzip or zstd. Memory must stay bounded whatever the decompressed size; a stream that
//! expands without end is refused.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use zstd::stream::raw;
use zstd::stream::zio;

use crate::defect::Defect;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// The most that an object may decompress to, as a multiple of its size: measurements as text
/// decompress to some 10 to 30 times, text of a single repeated row to 1,000.
const EXPANSION_MAX: u64 = 2000;
/// The size that any object may decompress to, in bytes.
const EXPANSION_FREE_BYTES: u64 = 64 << 20;

/// Receives the decompressed bytes.
pub trait ByteSink {
    /// Receives the next bytes.
    fn consume(&mut self, bytes: &[u8]) -> Result<(), Defect>;
}

/// Decompresses stored bytes and passes them to `T`.
pub struct Unpack<T: ByteSink>(Compression<T>);

enum Compression<T: ByteSink> {
    /// Too few bytes so far to recognize the compression.
    Unknown(Vec<u8>, Box<Plain<T>>),
    None(Box<Plain<T>>),
    Gzip(Box<MultiGzDecoder<Plain<T>>>),
    Zstd(Box<zio::Writer<Plain<T>, raw::Decoder<'static>>>),
    /// Decompression failed; no more bytes are accepted.
    Failed,
}

impl<T: ByteSink> Unpack<T> {
    pub fn new(into: T) -> Self {
        let plain = Plain { into, defect: None, compressed: 0, decompressed: 0 };
        Self(Compression::Unknown(Vec::new(), Box::new(plain)))
    }

    /// Reads the next bytes as they are stored.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Defect> {
        if let Compression::Unknown(start, _) = &mut self.0 {
            start.extend_from_slice(bytes);
            // Too few to recognize zstd, which has the longest mark.
            return if start.len() < ZSTD.len() { Ok(()) } else { self.begin() };
        }
        self.unpack(bytes)
    }

    /// Ends the stream; returns the receiver.
    pub fn finish(mut self) -> Result<T, Defect> {
        if let Compression::Unknown(..) = self.0 {
            self.begin()?;
        }
        let plain = match self.0 {
            Compression::None(plain) => *plain,
            Compression::Gzip(mut compressed) => {
                // Finished in two steps: the second consumes the decoder, and with it the defect.
                let ended = compressed.try_finish();
                map_write_error(ended, compressed.get_mut())?;
                compressed.finish().map_err(|_| Defect::BadPacking)?
            }
            Compression::Zstd(mut compressed) => {
                let ended = compressed.finish();
                map_write_error(ended, compressed.writer_mut())?;
                compressed.into_inner().0
            }
            Compression::Unknown(..) | Compression::Failed => return Err(Defect::BadPacking),
        };
        Ok(plain.into)
    }

    fn begin(&mut self) -> Result<(), Defect> {
        // If anything below fails, the stream stays failed.
        let Compression::Unknown(start, plain) =
            std::mem::replace(&mut self.0, Compression::Failed)
        else {
            return Err(Defect::BadPacking);
        };
        self.0 = if start.starts_with(GZIP) {
            Compression::Gzip(Box::new(MultiGzDecoder::new(*plain)))
        } else if start.starts_with(ZSTD) {
            let unpacker = raw::Decoder::new().map_err(|_| Defect::BadPacking)?;
            Compression::Zstd(Box::new(zio::Writer::new(*plain, unpacker)))
        } else {
            Compression::None(plain)
        };
        self.unpack(&start)
    }

    fn unpack(&mut self, bytes: &[u8]) -> Result<(), Defect> {
        match &mut self.0 {
            Compression::None(plain) => plain.into.consume(bytes),
            Compression::Gzip(compressed) => {
                // Counted first, because the limit grows with the bytes received.
                compressed.get_mut().count_compressed(bytes.len());
                let written = compressed.write_all(bytes);
                map_write_error(written, compressed.get_mut())
            }
            Compression::Zstd(compressed) => {
                compressed.writer_mut().count_compressed(bytes.len());
                let written = compressed.write_all(bytes);
                map_write_error(written, compressed.writer_mut())
            }
            Compression::Unknown(..) | Compression::Failed => Err(Defect::BadPacking),
        }
    }
}

/// Maps a failed write to the defect that the receiver reported, or else to damaged compression.
fn map_write_error<T>(written: io::Result<()>, plain: &mut Plain<T>) -> Result<(), Defect> {
    written.map_err(|_| plain.defect.take().unwrap_or(Defect::BadPacking))
}

/// The receiver of the bytes, and their counts.
struct Plain<T> {
    into: T,
    /// The defect that stopped a write: an I/O error cannot carry it.
    defect: Option<Defect>,
    compressed: u64,
    decompressed: u64,
}

impl<T> Plain<T> {
    /// Counts compressed bytes that are about to be decompressed.
    const fn count_compressed(&mut self, compressed: usize) {
        self.compressed += compressed as u64;
    }
}

impl<T: ByteSink> Write for Plain<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.decompressed += bytes.len() as u64;
        // Checked at every write, before the receiver stores anything.
        let limit = EXPANSION_FREE_BYTES.max(self.compressed.saturating_mul(EXPANSION_MAX));
        let taken = if self.decompressed > limit {
            Err(Defect::UnpacksTooFar { times: EXPANSION_MAX })
        } else {
            self.into.consume(bytes)
        };
        match taken {
            Ok(()) => Ok(bytes.len()),
            Err(defect) => {
                self.defect = Some(defect);
                Err(io::Error::other("the decompressed bytes have a defect"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
