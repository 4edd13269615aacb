//! One TCP trial: open, send, and see what comes. What it means is not for here.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wirewitness_net::{Failure, Net, Stream as _};

use super::protocol::{ACK_BYTES, acknowledgement};
use crate::clock::within;

/// What is sent, piece by piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// Each piece goes out as soon as it is written, and so in a segment of its own.
    pub pieces: Vec<Vec<u8>>,
    /// Rest between two pieces.
    pub rest: Duration,
    /// All in one segment that goes out as so many fragments of IPv4; as the system sends it if not said.
    pub fragments: Option<u16>,
}

impl Sending {
    /// All at once.
    pub fn whole(bytes: &[u8]) -> Self {
        Self { pieces: vec![bytes.to_vec()], rest: Duration::ZERO, fragments: None }
    }

    /// All in one segment, in so many fragments.
    pub fn in_fragments(bytes: &[u8], fragments: u16) -> Self {
        Self { fragments: Some(fragments), ..Self::whole(bytes) }
    }

    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

/// What became of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All arrived, the far end said so, and a few bytes more went through after it.
    Through,
    /// A reset.
    Reset,
    /// The stream was ended, and not by us.
    Fin,
    /// Nothing came within the time.
    Silent,
    /// All of it arrived and the far end said so; to what was sent after it nothing came.
    SilentAfterwards,
    /// Something came that the far end does not say.
    Foreign(Vec<u8>),
    /// The connection was not opened at all.
    NotOpened(Failure),
}

/// Opens a connection, sends, and waits for the far end's word.
pub async fn exchange<N: Net>(net: &N, to: SocketAddr, sending: &Sending) -> Outcome {
    let stream = match within(net, OPENING, net.connect(to)).await {
        Some(Ok(stream)) => stream,
        Some(Err(failure)) => return Outcome::NotOpened(failure),
        None => return Outcome::NotOpened(Failure::Timeout),
    };
    let talk = Talk { net, stream };
    talk.run(sending).await
}

/// The same with a request of so much life, and nothing after it: who answers, the far end or somebody before it.
pub async fn exchange_with_life<N: Net>(
    net: &N,
    to: SocketAddr,
    (sending, ttl): (&Sending, u8),
) -> Outcome {
    let stream = match within(net, OPENING, net.connect(to)).await {
        Some(Ok(stream)) => stream,
        Some(Err(failure)) => return Outcome::NotOpened(failure),
        None => return Outcome::NotOpened(Failure::Timeout),
    };
    if let Err(failure) = stream.set_ttl(ttl) {
        return Outcome::NotOpened(failure);
    }
    let mut talk = Talk { net, stream };
    let bytes = sending.bytes();
    if let Err(outcome) = talk.write(&bytes).await {
        return outcome;
    }
    let outcome = talk.await_word(&bytes).await.unwrap_or(Outcome::Through);
    // The end of the stream is for the far end.
    let _ = talk.stream.set_ttl(USUAL_LIFE);
    let _ = within(net, CLOSING, talk.stream.shutdown()).await;
    outcome
}

struct Talk<'a, N: Net> {
    net: &'a N,
    stream: N::Stream,
}

impl<N: Net> Talk<'_, N> {
    async fn run(mut self, sending: &Sending) -> Outcome {
        for (number, piece) in sending.pieces.iter().enumerate() {
            if number > 0 && !sending.rest.is_zero() {
                self.net.sleep(sending.rest).await;
            }
            if let Err(outcome) = self.write(piece).await {
                return outcome;
            }
        }
        let mut all = sending.bytes();
        if let Some(outcome) = self.await_word(&all).await {
            return outcome;
        }
        // What a device has caught may be stopped only from the next packet on.
        if let Err(outcome) = self.write(AFTERWARDS).await {
            return outcome;
        }
        all.extend(AFTERWARDS);
        match self.await_word(&all).await {
            None => {}
            Some(Outcome::Silent) => return Outcome::SilentAfterwards,
            Some(outcome) => return outcome,
        }
        let _ = within(self.net, CLOSING, self.stream.shutdown()).await;
        Outcome::Through
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Outcome> {
        match within(self.net, PATIENCE, self.stream.write_all(bytes)).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(ended(&error)),
            None => Err(Outcome::Silent),
        }
    }

    /// None where the far end says that it has all of `sent`.
    async fn await_word(&mut self, sent: &[u8]) -> Option<Outcome> {
        let word = acknowledgement(sent.len() as u64, digest(&SHA256, sent).as_ref());
        let mut came = Vec::new();
        let reading = read_until(&mut self.stream, &word, &mut came);
        match within(self.net, PATIENCE, reading).await {
            Some(outcome) => outcome,
            None if is_of_far_end(&came) => Some(Outcome::Silent),
            None => Some(Outcome::Foreign(came)),
        }
    }
}

async fn read_until<S: tokio::io::AsyncRead + Unpin>(
    stream: &mut S,
    word: &[u8],
    came: &mut Vec<u8>,
) -> Option<Outcome> {
    let mut buffer = [0; 4096];
    loop {
        let outcome = match stream.read(&mut buffer).await {
            Ok(0) => Outcome::Fin,
            Ok(len) => {
                came.extend(buffer.iter().take(len));
                if came.len().is_multiple_of(ACK_BYTES)
                    && came.ends_with(word)
                    && is_of_far_end(came)
                {
                    return None;
                }
                if came.len() < MOST_READ {
                    continue;
                }
                Outcome::Foreign(std::mem::take(came))
            }
            Err(error) => ended(&error),
        };
        return Some(if is_of_far_end(came) {
            outcome
        } else {
            Outcome::Foreign(std::mem::take(came))
        });
    }
}

/// Whether all that came is words of the far end, the last perhaps cut.
pub(super) fn is_of_far_end(came: &[u8]) -> bool {
    came.chunks(ACK_BYTES).all(|word| word.iter().zip(b"WWAK").all(|(came, own)| came == own))
}

fn ended(error: &std::io::Error) -> Outcome {
    match Failure::of_io(error) {
        Failure::Eof => Outcome::Fin,
        Failure::Timeout => Outcome::Silent,
        _ => Outcome::Reset,
    }
}

/// What follows once the far end has confirmed; no protocol's.
pub(super) const AFTERWARDS: &[u8] = b"wirewitness: and this much after it";
/// What most systems send with.
const USUAL_LIFE: u8 = 64;
/// Time to open a connection, and for an answer. A lost packet has time to be sent again.
pub(super) const OPENING: Duration = Duration::from_secs(8);
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
const CLOSING: Duration = Duration::from_secs(1);
/// Bytes that are read of what comes in an answer's place.
const MOST_READ: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_far_end_are_told_from_others() {
        let word = acknowledgement(300, &[1; 32]);
        assert!(is_of_far_end(&[]));
        assert!(is_of_far_end(&word));
        assert!(is_of_far_end(&[word.as_slice(), &word[..3]].concat()));
        assert!(!is_of_far_end(b"HTTP/1.1 403 Forbidden\r\n\r\n"));
        assert!(!is_of_far_end(&[word.as_slice(), b"HTTP"].concat()));
    }
}
