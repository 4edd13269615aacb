//! A connection that is watched: bytes, failures and pace, as network events (ooni/spec df-008).

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wirewitness_net::{Clock, Failure};

use crate::failure;
use crate::record::{Mark, NetworkEvent, Recorder};

/// A stream whose reads and writes are written down.
///
/// At most [`MAX_EVENTS`] reads and writes a connection are, as in OONI's own prober; beyond them only how many bytes
/// have come, every [`SAMPLE_SECS`]. After [`MAX_BYTES`] reading fails: no page that is read needs them, and a server
/// that sends for ever would be listened to as long as the step may take.
pub struct Observed<S, C> {
    stream: S,
    tap: Tap<C>,
}

/// What is known of an [`Observed`] stream, also after it is gone.
#[derive(Clone)]
pub struct Tap<C> {
    recorder: Recorder<C>,
    mark: Mark,
    remote: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    events: usize,
    received: u64,
    sampled_at: f64,
    ended: Option<Failure>,
}

impl<S, C: Clock> Observed<S, C> {
    /// Watches a connection to `remote`.
    pub fn new(stream: S, remote: SocketAddr, recorder: &Recorder<C>, mark: &Mark) -> Self {
        let state = State { sampled_at: recorder.t(), ..State::default() };
        let tap = Tap {
            recorder: recorder.clone(),
            mark: mark.clone(),
            remote,
            state: Arc::new(Mutex::new(state)),
        };
        Self { stream, tap }
    }

    /// What is known of it.
    pub fn tap(&self) -> Tap<C> {
        self.tap.clone()
    }
}

impl<C: Clock> Tap<C> {
    /// How the connection ended, if it did: whatever a library above makes of it, this is what came.
    pub fn ended(&self) -> Option<Failure> {
        self.state().ended.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, result: &io::Result<u64>) {
        let t = self.recorder.t();
        self.recorder.records().bytes_received += result.as_ref().map_or(0, |bytes| *bytes);
        let mut state = self.state();
        match result {
            Ok(0) => {
                state.ended.get_or_insert(Failure::Eof);
            }
            Ok(bytes) => state.received += bytes,
            Err(error) => {
                state.ended.get_or_insert(Failure::of_io(error));
            }
        }
        let sample = (t - state.sampled_at >= SAMPLE_SECS).then_some(state.received);
        if sample.is_some() {
            state.sampled_at = t;
        }
        drop(state);
        if let Some(received) = sample {
            self.write_down("bytes_received_cumulative", t, &Ok(received));
        }
        let eof = matches!(result, Ok(0)).then(|| io::Error::from(Failure::Eof));
        self.event("read", t, &eof.map_or_else(|| copy(result), Err));
    }

    fn written(&self, result: &io::Result<u64>) {
        self.recorder.records().bytes_sent += result.as_ref().map_or(0, |bytes| *bytes);
        if let Err(error) = result {
            self.state().ended.get_or_insert(Failure::of_io(error));
        }
        self.event("write", self.recorder.t(), result);
    }

    fn event(&self, operation: &'static str, t: f64, result: &io::Result<u64>) {
        let mut state = self.state();
        if state.events < MAX_EVENTS {
            state.events += 1;
            drop(state);
            self.write_down(operation, t, result);
        }
    }

    fn write_down(&self, operation: &'static str, t: f64, result: &io::Result<u64>) {
        let event = NetworkEvent {
            address: Some(self.remote),
            failure: result.as_ref().err().map(failure::of_io),
            num_bytes: result.as_ref().ok().copied(),
            operation,
            proto: Some("tcp"),
            t0: t,
            t,
            mark: self.mark.clone(),
        };
        self.recorder.records().network_events.push(event);
    }
}

/// More has come than is read of one connection.
#[derive(Debug, thiserror::Error)]
#[error("more than {MAX_BYTES} bytes came")]
struct TooMuch;

fn copy(result: &io::Result<u64>) -> io::Result<u64> {
    match result {
        Ok(bytes) => Ok(*bytes),
        Err(error) => Err(Failure::of_io(error).into()),
    }
}

impl<S: AsyncRead + Unpin, C: Clock + Unpin> AsyncRead for Observed<S, C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.tap.state().received > MAX_BYTES {
            let result = Err(io::Error::other(TooMuch));
            self.tap.read(&result);
            return Poll::Ready(result.map(|_| ()));
        }
        let before = buffer.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        let read = (buffer.filled().len() - before) as u64;
        let result = result.map(|()| read);
        self.tap.read(&result);
        Poll::Ready(result.map(|_| ()))
    }
}

impl<S: AsyncWrite + Unpin, C: Clock + Unpin> AsyncWrite for Observed<S, C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        let result = result.map(|written| written as u64);
        self.tap.written(&result);
        Poll::Ready(result.map(|written| written as usize))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Bytes that are read of one connection, TLS and all: many times the page's cap.
pub const MAX_BYTES: u64 = 8 << 20;
/// Reads and writes that are written down of one connection (as OONI's prober).
pub const MAX_EVENTS: usize = 64;
/// How often at most the number of bytes received is, in seconds (OONI's prober: about 0.25 s on average).
pub const SAMPLE_SECS: f64 = 0.25;
