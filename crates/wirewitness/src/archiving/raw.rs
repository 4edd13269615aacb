//! A file's bytes as they are read: counted, hashed, and what they may unpack to.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use wirewitness_model::hex::hex;

use super::meter::Meter;

/// A file as it is on disk. Clones read the same bytes: what one has read, no other reads.
#[derive(Clone)]
pub(crate) struct Raw {
    state: Arc<Mutex<State>>,
    tally: Arc<Tally>,
}

struct State {
    inner: Box<dyn Read + Send>,
    hash: digest::Context,
    failure: Option<String>,
    meter: Meter,
}

/// Bytes of a file, packed and unpacked.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    read: AtomicU64,
    unpacked: AtomicU64,
}

/// What was read, once that is done.
pub(crate) struct Ended {
    /// Of all bytes, hexadecimal.
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    /// Why it could not be read to its end, where that is so.
    pub(crate) failure: Option<String>,
}

impl Raw {
    /// Over a file that was opened.
    pub(crate) fn new(inner: Box<dyn Read + Send>, meter: Meter) -> Self {
        let hash = digest::Context::new(&digest::SHA256);
        let state = Arc::new(Mutex::new(State { inner, hash, failure: None, meter }));
        Self { state, tally: Arc::default() }
    }

    /// Its bytes, counted.
    pub(crate) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Reads what nobody wanted, so that the hash is that of the whole file.
    pub(crate) fn end(mut self) -> Ended {
        let mut buffer = vec![0; DRAINED_AT_ONCE];
        while self.read(&mut buffer).is_ok_and(|got| got > 0) {}
        let bytes = self.tally.read.load(Ordering::Relaxed);
        let state = self.state.lock();
        let (hash, failure) = match &state {
            Ok(state) => (state.hash.clone().finish(), state.failure.clone()),
            Err(_) => (digest::digest(&digest::SHA256, b""), Some("no longer there".to_owned())),
        };
        Ended { sha256: hex(hash.as_ref()), bytes, failure }
    }
}

/// Bytes read at once where nobody looks at them.
const DRAINED_AT_ONCE: usize = 256 << 10;

impl Read for Raw {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state.lock().map_err(|_| io::Error::other("no longer there"))?;
        let got = loop {
            match state.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        match got {
            Ok(got) => {
                state.hash.update(buffer.get(..got).unwrap_or_default());
                state.meter.read(got as u64);
                self.tally.read.fetch_add(got as u64, Ordering::Relaxed);
                Ok(got)
            }
            Err(error) => {
                state.failure = Some(error.to_string());
                Err(error)
            }
        }
    }
}

/// Unpacked bytes of a file, as long as they are not out of all proportion to the packed ones.
///
/// A few kilobytes can unpack to terabytes, also in several steps (a packed file in a packed tar): so all that comes out of
/// a file, in all its steps, is held against the bytes on disk.
pub(crate) struct Held<R> {
    inner: R,
    tally: Arc<Tally>,
}

/// Bytes that any file may unpack to.
const UNPACKED_ANYWAY: u64 = 256 << 20;
/// Beyond that, so many times its own bytes. Real files of measurements: 5 to 30 times.
const UNPACKED_RATIO: u64 = 400;

impl<R> Held<R> {
    pub(crate) fn new(inner: R, tally: Arc<Tally>) -> Self {
        Self { inner, tally }
    }
}

impl<R: Read> Read for Held<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        let unpacked = self.tally.unpacked.fetch_add(got as u64, Ordering::Relaxed);
        let read = self.tally.read.load(Ordering::Relaxed);
        if unpacked > UNPACKED_ANYWAY + read.saturating_mul(UNPACKED_RATIO) {
            return Err(io::Error::other(format!(
                "{read} bytes unpack to {unpacked} and more: more than {UNPACKED_RATIO} times as much is not read"
            )));
        }
        Ok(got)
    }
}
