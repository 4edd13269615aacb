//! Files as they are packed: gzip, zstd, xz, lz4 or not at all, as their first bytes say.

use std::io::{self, BufReader, Chain, Cursor, Read};

use lz4_flex::frame::FrameDecoder;

/// What a file holds, unpacked while it is read.
pub(crate) enum Unpacked<R: Read> {
    /// It is not packed.
    Plain(Whole<R>),
    /// RFC 1952, several members too.
    Gzip(Box<flate2::read::MultiGzDecoder<Whole<R>>>),
    /// RFC 8878.
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Whole<R>>>>),
    /// The .xz format, several streams too.
    Xz(Box<lzma_rust2::XzReader<Whole<R>>>),
    /// LZ4's frame format, several frames too.
    Lz4(Box<Frames<Whole<R>>>),
}

/// The first bytes, put back before the rest.
pub(crate) type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// Looks at the first bytes.
///
/// # Errors
/// They cannot be read.
pub(crate) fn unpacked<R: Read>(mut raw: R) -> io::Result<Unpacked<R>> {
    let head = head(&mut raw, 6)?;
    let whole = Cursor::new(head.clone()).chain(raw);
    Ok(match head.as_slice() {
        [0x1f, 0x8b, ..] => Unpacked::Gzip(Box::new(flate2::read::MultiGzDecoder::new(whole))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let mut decoder = zstd::stream::read::Decoder::new(whole)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Unpacked::Zstd(Box::new(decoder))
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            let decoder = lzma_rust2::XzReader::new_mem_limit(whole, true, XZ_MEMORY_MAX_KIB);
            Unpacked::Xz(Box::new(decoder))
        }
        [0x04, 0x22, 0x4d, 0x18, ..] => Unpacked::Lz4(Box::new(Frames::new(whole))),
        _ => Unpacked::Plain(whole),
    })
}

impl<R: Read> Unpacked<R> {
    /// Whether what it holds is not what is on disk.
    #[cfg(feature = "archive")]
    pub(crate) fn is_packed(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }
}

/// So many of the next bytes, or all there are.
pub(crate) fn head(source: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(length);
    source.by_ref().take(length as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// An xz file may ask for this much memory at most, KiB: what its strongest preset (9) needs, and a little more.
const XZ_MEMORY_MAX_KIB: u32 = 80 << 10;

/// A frame may ask for this much memory at most: 2 to the power of, bytes. 27 is zstd's own default limit.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(it) => it.read(buffer),
            Self::Gzip(it) => it.read(buffer),
            Self::Zstd(it) => it.read(buffer),
            Self::Xz(it) => it.read(buffer),
            Self::Lz4(it) => it.read(buffer),
        }
    }
}

/// LZ4 frames, one behind the other: their decoder stops at the end of each. Each gets a new one, as the crate's own does not
/// bear a frame of larger blocks behind one of smaller ones.
pub(crate) struct Frames<R: Read> {
    /// None once that has failed.
    decoder: Option<FrameDecoder<Counted<R>>>,
}

struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.count += got as u64;
        Ok(got)
    }
}

impl<R: Read> Frames<R> {
    fn new(inner: R) -> Self {
        Self { decoder: Some(FrameDecoder::new(Counted { inner, count: 0 })) }
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.decoder {
            let got = decoder.read(buffer)?;
            // Nothing came, and the frame has not a single byte: that is the end.
            if got > 0 || buffer.is_empty() || decoder.get_ref().count == 0 {
                return Ok(got);
            }
            let behind = self.decoder.take().map(FrameDecoder::into_inner);
            self.decoder = behind.map(|behind| FrameDecoder::new(Counted { count: 0, ..behind }));
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn lz4(text: &[u8]) -> Vec<u8> {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn all(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        unpacked(bytes)?.read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn frames_of_lz4_follow_each_other_also_empty_ones() {
        let text = b"one line\n".repeat(50_000);
        let bytes = [lz4(&text), lz4(b""), lz4(b""), lz4(b"end")].concat();
        assert_eq!(all(&bytes).unwrap(), [&text[..], b"end"].concat());
    }

    #[test]
    fn a_cut_or_flipped_frame_is_an_error() {
        let bytes = lz4(&b"one line\n".repeat(50_000));
        assert!(all(&bytes[..bytes.len() / 2]).is_err());
        let mut flipped = bytes.clone();
        flipped[10] ^= 0x40;
        assert!(all(&flipped).is_err());
    }

    #[test]
    fn short_files_are_what_they_are() {
        for bytes in [&b""[..], b"\x1f", b"{}", b"\x04\x22\x4d"] {
            assert_eq!(all(bytes).unwrap(), bytes);
        }
    }
}
