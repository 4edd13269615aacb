//! One TCP trial whose request goes out in fragments of IPv4. The system opens the connection and knows no more of it: what is sent is written
//! by us, and what comes is read from headers.
//!
//! A packet of which one fragment is lost is lost as a whole, and nobody sends it again but we do: under a number of its own each time, so that
//! whoever counts fragments has no more of one packet than it was cut into.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use wirewitness_net::raw::{Cut, Cutter, Raw, Segment, Segments, What};
use wirewitness_net::{Failure, Stream as _};

use super::exchange::{AFTERWARDS, OPENING, Outcome, PATIENCE, is_of_far_end};
use super::protocol::{ACK_BYTES, acknowledgement};
use crate::clock::within;

/// Opens a connection, sends the bytes in so many fragments, and waits for the far end's word.
pub(super) async fn exchange_cut<N: Raw>(
    net: &N,
    to: SocketAddr,
    (bytes, fragments): (&[u8], u16),
) -> Outcome {
    match Connection::open(net, to).await {
        Ok(mut connection) => {
            let outcome = connection.run(bytes, fragments).await;
            connection.close().await;
            outcome
        }
        Err(failure) => Outcome::NotOpened(failure),
    }
}

struct Connection<'a, N: Raw> {
    net: &'a N,
    /// Held as long as there is anything to send: the system would answer for a connection that it does not know.
    _stream: N::Stream,
    segments: N::Segments,
    cutter: N::Cutter,
    local: SocketAddr,
    sequence: u32,
    acknowledgement: u32,
    identification: u16,
    /// All bytes of the stream so far.
    sent: Vec<u8>,
}

impl<'a, N: Raw> Connection<'a, N> {
    async fn open(net: &'a N, to: SocketAddr) -> Result<Self, Failure> {
        // Before anything comes.
        let segments = net.segments_from(to.ip(), &[to.port()])?;
        let opened = within(net, OPENING, net.connect(to)).await;
        let stream = opened.unwrap_or(Err(Failure::Timeout))?;
        let cutter = net.cutter(&stream)?;
        let local = stream.local_addr();
        let accepting = within(net, OPENING, accepting(&segments, local)).await;
        let accepting = accepting.unwrap_or(Err(Failure::Timeout))?;
        Ok(Self {
            net,
            _stream: stream,
            segments,
            cutter,
            local,
            sequence: accepting.acknowledgement,
            acknowledgement: accepting.sequence.wrapping_add(1),
            identification: accepting.acknowledgement as u16,
            sent: Vec::new(),
        })
    }

    async fn run(&mut self, bytes: &[u8], fragments: u16) -> Outcome {
        if let Some(outcome) = self.ask(bytes, fragments).await {
            return outcome;
        }
        // What a device has caught may be stopped only from the next packet on.
        match self.ask(AFTERWARDS, 1).await {
            None => Outcome::Through,
            Some(Outcome::Silent) => Outcome::SilentAfterwards,
            Some(outcome) => outcome,
        }
    }

    /// Sends until the far end says that it has all of it. None where it does.
    async fn ask(&mut self, bytes: &[u8], pieces: u16) -> Option<Outcome> {
        self.sent.extend(bytes);
        let hash = digest(&SHA256, &self.sent);
        let word = acknowledgement(self.sent.len() as u64, hash.as_ref());
        for attempt in 1..=ATTEMPTS {
            let what = What::Bytes(bytes.to_vec());
            if let Err(failure) = self.send(pieces, what).await {
                return Some(Outcome::NotOpened(failure));
            }
            let patience = if attempt < ATTEMPTS { AGAIN } else { PATIENCE };
            match within(self.net, patience, self.word(&word)).await {
                Some(Some(outcome)) => return Some(outcome),
                Some(None) => {
                    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                    self.sequence = self.sequence.wrapping_add(len);
                    return None;
                }
                None => {}
            }
        }
        Some(Outcome::Silent)
    }

    async fn send(&mut self, pieces: u16, what: What) -> Result<(), Failure> {
        self.identification = self.identification.wrapping_add(1).max(1);
        let segment = Cut {
            sequence: self.sequence,
            acknowledgement: self.acknowledgement,
            identification: self.identification,
            pieces,
            what,
        };
        self.cutter.send(&segment).await
    }

    /// Waits for the far end's word. None where it comes.
    async fn word(&mut self, word: &[u8]) -> Option<Outcome> {
        loop {
            let segment = match next(&self.segments, self.local).await {
                Ok(segment) => segment,
                Err(failure) => return Some(Outcome::NotOpened(failure)),
            };
            if segment.is_reset() {
                return Some(Outcome::Reset);
            }
            if !is_of_far_end(&segment.payload) {
                return Some(Outcome::Foreign(segment.payload));
            }
            // Words that were not acknowledged may come together, and again.
            let mut words = segment.payload.chunks(ACK_BYTES);
            if let Some(place) = words.position(|it| it == word) {
                let len = u32::try_from((place + 1) * ACK_BYTES).unwrap_or(0);
                self.acknowledgement = segment.sequence.wrapping_add(len);
                return None;
            }
            if segment.flags & FIN != 0 {
                return Some(Outcome::Fin);
            }
        }
    }

    /// Lets the far end's side go; the system's own has lost the thread.
    async fn close(&mut self) {
        let _ = self.send(1, What::Reset).await;
    }
}

async fn accepting<S: Segments>(segments: &S, local: SocketAddr) -> Result<Segment, Failure> {
    loop {
        let segment = next(segments, local).await?;
        if segment.is_accepting() {
            return Ok(segment);
        }
    }
}

/// The next that comes to this port.
async fn next<S: Segments>(segments: &S, local: SocketAddr) -> Result<Segment, Failure> {
    loop {
        let segment = segments.next().await?;
        if segment.destination.port() == local.port() {
            return Ok(segment);
        }
    }
}

const FIN: u16 = 0x01;
/// At one lost packet in a hundred, a segment of a hundred fragments comes whole in eight attempts 97 times of 100.
const ATTEMPTS: u32 = 8;
const AGAIN: Duration = Duration::from_secs(1);
