//! What a battery and its far end say to each other, in JSON over the helper's HTTP server. Both sides bound what they read.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where a session is begun.
pub const START: &str = "/battery/start";
/// Where it is told what arrived.
pub const SEEN: &str = "/battery/seen";
/// Where a session is ended.
pub const END: &str = "/battery/end";

/// Where the far end is asked to open a connection back to the client.
pub const CALL: &str = "/battery/call";

/// How long a session lasts at most.
pub const LONGEST_SESSION: Duration = Duration::from_secs(12 * 60 * 60);

/// Asks for a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// A fresh number, in hexadecimal.
    pub nonce: String,
    /// The client's proof over it.
    pub proof: String,
}

/// Grants a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The session's name, which only its client knows.
    pub session: String,
    /// The far end's proof over the client's number and the session's name.
    pub proof: String,
    /// The client's address as the far end sees it.
    pub you: IpAddr,
    /// Whether headers of packets are recorded: that takes a raw socket.
    pub headers: bool,
    /// Whether fragments are counted: that takes a packet socket.
    #[serde(default)]
    pub fragments: bool,
}

/// Asks what arrived, or ends the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The session.
    pub session: String,
    /// The first arrival to tell, counted from 0.
    #[serde(default)]
    pub from: usize,
}

/// What arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Arrivals, in order; a part of them where there are many.
    pub arrivals: Vec<Arrival>,
    /// How many there are in all.
    pub total: usize,
    /// Forged packets of TCP, as far as headers are recorded.
    #[serde(default)]
    pub forged: Vec<Forged>,
}

/// Something that arrived at a port of the far end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// The port that it came from, as the far end sees it.
    #[serde(default)]
    pub client_port: u16,
    /// When, milliseconds since the session began.
    pub at_ms: u64,
    /// Bytes so far.
    pub bytes: u64,
    /// SHA-256 of them, in hexadecimal.
    pub sha256: String,
    /// How it ended.
    pub end: Ending,
    /// In how many fragments a packet of it came, if one did and fragments are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fragments: Option<u32>,
}

/// Which protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// A connection.
    Tcp,
    /// A datagram.
    Udp,
}

/// How an arrival ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// It is still open.
    Open,
    /// The client closed it, or somebody in its name.
    Closed,
    /// A reset came.
    Reset,
    /// Nothing came for long, or too much.
    Given,
}

/// Headers of packets that the client did not send which a session of the far end remembers: all of them are one answer.
pub const MOST_FORGED: usize = 1_024;

/// The header of a packet that the client did not send, as the far end saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forged {
    /// The far end's port.
    pub port: u16,
    /// The port that it claims to be from.
    pub client_port: u16,
    /// When, milliseconds since the session began.
    pub at_ms: u64,
    /// Flags of TCP, twelve bits.
    pub flags: u16,
    /// Time to live, as observed.
    pub ttl: u8,
    /// Flag against fragments.
    pub df: bool,
    /// Identification of IPv4.
    pub ipid: u16,
    /// Window.
    pub window: u16,
    /// Sequence number, relative to the first byte of the stream.
    pub sequence: u32,
    /// Time to live of the packet that opened the connection, which the client did send.
    #[serde(default)]
    pub client_ttl: Option<u8>,
    /// The flag against fragments of that packet.
    #[serde(default)]
    pub client_df: Option<bool>,
    /// Payload in hexadecimal, as much as was kept.
    #[serde(default)]
    pub payload: String,
}

/// Asks for a connection back, to the client's own address alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The session.
    pub session: String,
    /// The client's port.
    pub port: u16,
    /// The name that a `ClientHello` is to ask for; without one, whoever listens there is asked to prove that it is the client.
    #[serde(default)]
    pub hello: Option<CallHello>,
}

/// What the far end is to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallHello {
    /// The name.
    pub name: String,
    /// The mark of the trial, 32 bytes in hexadecimal.
    pub mark: String,
}

/// What came of a connection back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Called {
    /// Whoever listens there has proved to be the client.
    Proven,
    /// All arrived and was confirmed.
    Through,
    /// A reset.
    Reset,
    /// The stream was ended.
    Fin,
    /// Nothing came.
    Silent,
    /// Something came that the client does not say.
    Foreign,
    /// There was no connection.
    NotOpened,
    /// Whoever listens there has proved nothing. Nothing was said to it.
    NotProven,
}

/// What the far end says to have proved who listens; a number in hexadecimal follows.
pub const PROVE: &[u8] = b"wirewitness: who is there? ";
/// Characters of that number.
pub const PROVE_NUMBER: usize = 32;
/// Characters of a proof.
pub const PROOF: usize = 64;

/// What a TCP port of the far end answers after everything that it read: a word, how many bytes it has, and the first eight bytes
/// of their SHA-256. It proves that all arrived and that answers pass, and has nothing in it of what was sent.
pub fn acknowledgement(bytes: u64, hash: &[u8]) -> [u8; ACK_BYTES] {
    let mut ack = [0; ACK_BYTES];
    let parts =
        b"WWAK".iter().copied().chain(bytes.to_be_bytes()).chain(hash.iter().copied().take(8));
    ack.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    ack
}

/// Bytes of an acknowledgement.
pub const ACK_BYTES: usize = 20;
