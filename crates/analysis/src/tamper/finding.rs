//! What an inspection finds: facts about connections, each with the packets it stands on.
//!
//! No field here holds an IP identification or a window of a forged packet, except [`Forged`], which is not serialised:
//! the two together can betray addresses, and whoever prints them must have been asked to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::Serialize;
use serde::ser::SerializeStruct as _;
use wirewitness_model::battery::PageTest;

/// A finding. In JSON the `type` names the kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Finding {
    /// A connection: how it went and where it ended.
    Flow(Box<Flow>),
    /// A question to a resolver and its answers.
    Dns(Box<Dns>),
    /// A QUIC connection attempt.
    Quic(Box<Quic>),
    /// A packet that neither end sent.
    Injection(Box<Injection>),
    /// Packets that did not arrive.
    Drop(Box<Drop>),
    /// A transfer that was slowed.
    Throttle(Box<Throttle>),
    /// A page that says that something is blocked.
    Blockpage(Box<Blockpage>),
}

/// The two ends, as the connection was opened. Serialised, the client is the network that its address is in and its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection {
    /// Transport.
    pub protocol: Protocol,
    /// Who opened it.
    pub client: SocketAddr,
    /// Who was asked.
    pub server: SocketAddr,
}

impl Connection {
    /// The network that the client is in: what may be told of where it is.
    pub fn client_network(&self) -> Network {
        Network::of(self.client.ip())
    }

    /// The network that the server is in.
    pub fn server_network(&self) -> Network {
        Network::of(self.server.ip())
    }
}

impl Serialize for Connection {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Connection", 5)?;
        fields.serialize_field("protocol", &self.protocol)?;
        fields.serialize_field("client_network", &self.client_network())?;
        fields.serialize_field("client_port", &self.client.port())?;
        fields.serialize_field("server", &self.server.ip())?;
        fields.serialize_field("server_port", &self.server.port())?;
        fields.end()
    }
}

/// An address without its last part: a /24 of IPv4, a /48 of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network that an address is in.
    pub fn of(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(it) => Ipv4Addr::from(u32::from(it) & (u32::MAX << 8)).into(),
            IpAddr::V6(it) => Ipv6Addr::from(u128::from(it) & (u128::MAX << 80)).into(),
        })
    }

    /// Its first address.
    pub fn address(self) -> IpAddr {
        self.0
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, if self.0.is_ipv4() { 24 } else { 48 })
    }
}

impl Serialize for Network {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
}

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Who opened the connection.
    Client,
    /// Who was asked.
    Server,
}

/// Where the capture was taken, as far as its packets tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenFrom {
    /// At the client, or so near that its packets still have the hop count they began with.
    Client,
    /// At the server.
    Server,
    /// Between them.
    Middle,
    /// The packets do not tell.
    #[default]
    Unknown,
}

/// What a device may have reacted to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Trigger {
    /// Where it stood.
    pub kind: TriggerKind,
    /// The name, Host or path.
    pub value: String,
    /// Number of the packet with its first byte.
    pub packet: u64,
}

/// Where a trigger stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// Server name of a TLS `ClientHello`.
    Sni,
    /// Server name in a QUIC Initial.
    QuicSni,
    /// `Host` of a plain HTTP request.
    Host,
    /// Path of a plain HTTP request.
    Path,
    /// Name in a DNS question.
    Qname,
    /// Nothing that was read; the port.
    Port,
}

/// How a TCP connection went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flow {
    /// Its ends.
    pub connection: Connection,
    /// Number of its first packet.
    pub packet: u64,
    /// Time of its first packet, ns since 1970.
    pub first_ns: i64,
    /// Time of its last packet, ns since 1970.
    pub last_ns: i64,
    /// Packets from the client, and from the server.
    pub packets: [u64; 2],
    /// Bytes of payload from the client, and from the server.
    pub bytes: [u64; 2],
    /// Where the capture was taken.
    pub seen_from: SeenFrom,
    /// The name that the client asked for, where it can be read.
    pub trigger: Option<Trigger>,
    /// How it ended, in the words of the global study of 2023; none where it ended well or cannot be said.
    pub signature: Option<Signature>,
    /// What the capture does not show of it (begun before, cut, packets not captured).
    pub gaps: Vec<&'static str>,
    /// App of the person's device, where the capture says so.
    pub app: Option<String>,
}

/// How a connection ended, of the nineteen signatures (Sundara Raman et al., SIGCOMM 2023).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signature {
    /// `post_syn`, `post_ack`, `post_psh`, `post_data`.
    pub stage: &'static str,
    /// In the study's notation, as `PSH+ACK → RST;RST+ACK`.
    pub name: &'static str,
    /// Whose packets it is about: the study's are the client's.
    pub of: End,
    /// Packets that it stands on.
    pub packets: Vec<u64>,
    /// What else ends in this way.
    pub benign_causes: &'static [&'static str],
}

/// How sure it is that a packet was injected. Words for people; the rule that gives them is [`super::grade`]'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Something speaks for it, too little to say so.
    Undecided,
    /// Probably.
    Likely,
    /// By evidence that no end and no fault of the capture explains.
    Injected,
}

/// One observation about a packet, with its numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// A stable word, as `ttl_step`.
    pub kind: &'static str,
    /// In words, with the numbers. Never an IP identification or window of a forged packet.
    pub says: String,
    /// Packets that it compares.
    pub packets: Vec<u64>,
}

/// What is known to send such packets. "Consistent with", never "is".
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Injector {
    /// Name in the table.
    pub consistent_with: String,
    /// How many of the packets fit it.
    pub fits: u32,
    /// Hops from the injector to where the capture was taken, where the packets tell.
    pub hops: Option<u8>,
    /// Where the table has it from.
    pub source: String,
}

/// Headers of a forged packet, for those who asked for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forged {
    /// Number of the packet.
    pub packet: u64,
    /// Its time, ns since 1970.
    pub at_ns: i64,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// IPv4's flag against fragments.
    pub dont_fragment: bool,
    /// Bytes that it carries; zeros that only fill up the frame do not count.
    pub payload_len: u32,
    /// IPv4's identification.
    pub identification: Option<u16>,
    /// TCP's window.
    pub window: u16,
    /// TCP's flags; 0 where it is not TCP.
    pub flags: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
}

/// What a forged DNS answer looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgedAnswer {
    /// Number of the packet.
    pub packet: u64,
    /// The second word of the message.
    pub flags: u16,
    /// Whether the first answer points back to the question's name; none where there is no answer.
    pub name_compressed: Option<bool>,
    /// Addresses in it.
    pub addresses: Vec<IpAddr>,
}

/// Packets that neither end sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Injection {
    /// The connection into which.
    pub connection: Connection,
    /// How sure.
    pub grade: Grade,
    /// What was injected: `rst`, `rst_ack`, `syn_ack`, `fin`, `data`, `dns_answer`, `icmp`.
    pub what: Vec<&'static str>,
    /// Whom the packets claim to be from.
    pub claims: End,
    /// Where the capture was taken.
    pub seen_from: SeenFrom,
    /// The packets.
    pub packets: Vec<u64>,
    /// Time of the first, ns since 1970.
    pub at_ns: i64,
    /// Each observation that speaks for it.
    pub evidence: Vec<Evidence>,
    /// What speaks against it, or could explain it otherwise.
    pub against: Vec<&'static str>,
    /// What it may have reacted to.
    pub trigger: Option<Trigger>,
    /// Known devices that send such packets.
    pub injectors: Vec<Injector>,
    /// Raw headers.
    #[serde(skip)]
    pub forged: Vec<Forged>,
    /// Of forged DNS answers, what they look like.
    #[serde(skip)]
    pub answers: Vec<ForgedAnswer>,
    /// App of the person's device, where the capture says so.
    pub app: Option<String>,
}

/// A question to a resolver.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dns {
    /// Who asked whom.
    pub connection: Connection,
    /// Number of the question's packet, or of the first answer where the question is not there.
    pub packet: u64,
    /// The name.
    pub name: String,
    /// Type of the question (IANA).
    pub kind: u16,
    /// Answers, in the order in which they came.
    pub answers: Vec<DnsAnswer>,
    /// App of the person's device, where the capture says so.
    pub app: Option<String>,
}

/// An answer of a resolver.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DnsAnswer {
    /// Number of its packet.
    pub packet: u64,
    /// Time since the question, ms; none where the question is not there.
    pub after_ms: Option<f64>,
    /// Response code.
    pub rcode: u8,
    /// Addresses, and other values in words.
    pub values: Vec<String>,
}

/// A QUIC connection attempt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quic {
    /// Its ends.
    pub connection: Connection,
    /// Number of its first packet.
    pub packet: u64,
    /// Version, as on the wire.
    pub version: u32,
    /// Server name, where it can be read.
    pub trigger: Option<Trigger>,
    /// Datagrams from the client, and from the server.
    pub packets: [u64; 2],
    /// App of the person's device, where the capture says so.
    pub app: Option<String>,
}

/// Packets that left and had no answer, while others had.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drop {
    /// The connection.
    pub connection: Connection,
    /// [`Grade::Likely`] at most where no control is in the capture; never [`Grade::Injected`], which is said of packets.
    pub grade: DropGrade,
    /// `client_hello`, `http_request`, `quic_initial`, `syn`, `after_reset`, `residual`.
    pub what: &'static str,
    /// The packets that had no answer.
    pub packets: Vec<u64>,
    /// Time of the first, ns since 1970.
    pub at_ns: i64,
    /// What it stands on.
    pub evidence: Vec<Evidence>,
    /// What was asked for.
    pub trigger: Option<Trigger>,
    /// First packet of another connection of the same ends that worked, and what it asked for.
    pub control: Option<Trigger>,
    /// What else can explain it.
    pub cannot_tell: Vec<&'static str>,
    /// App of the person's device, where the capture says so.
    pub app: Option<String>,
}

/// How sure it is that something dropped packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DropGrade {
    /// Silence, which has other causes.
    Undecided,
    /// Silence where an answer was due, without a control in the capture.
    Likely,
    /// With a control in the capture.
    Dropped,
}

/// A transfer that was slowed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Throttle {
    /// The connection.
    pub connection: Connection,
    /// From whom the slowed bytes came.
    pub from: End,
    /// `policer`, `shaper`, `plateau`, `differs_from_control`.
    pub kind: &'static str,
    /// `low`, `medium`, `high`.
    pub confidence: &'static str,
    /// Bits per second of payload that got through.
    pub goodput_bps: u64,
    /// Bits per second, on the wire (IP), that the device seems to be set to.
    pub rate_bps: Option<u64>,
    /// Bytes that pass before it.
    pub burst_bytes: Option<u64>,
    /// Bytes of payload seen, and bytes that a judgement of this kind needs.
    pub volume: [u64; 2],
    /// First and last packet it stands on.
    pub packets: Vec<u64>,
    /// Time of the first, ns since 1970.
    pub at_ns: i64,
    /// What it stands on.
    pub evidence: Vec<Evidence>,
    /// What was asked for.
    pub trigger: Option<Trigger>,
    /// App of the person's device, where the capture says so.
    pub app: Option<String>,
}

/// A page that says that something is blocked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Blockpage {
    /// The connection.
    pub connection: Connection,
    /// `known` by a fingerprint; `likely` by its shape only.
    pub grade: &'static str,
    /// Name of the fingerprint.
    pub fingerprint: Option<String>,
    /// Status, title, or where it leads to.
    pub says: String,
    /// As much of the page as makers are told by. Not told: it may name its reader.
    #[serde(skip)]
    pub page: PageTest,
    /// The packets.
    pub packets: Vec<u64>,
    /// Time of the first, ns since 1970.
    pub at_ns: i64,
    /// What it stands on.
    pub evidence: Vec<Evidence>,
    /// What was asked for.
    pub trigger: Option<Trigger>,
    /// App of the person's device, where the capture says so.
    pub app: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_by_its_network_only() {
        let of = |client: &str| Connection {
            protocol: Protocol::Tcp,
            client: client.parse().unwrap(),
            server: "198.51.100.7:443".parse().unwrap(),
        };
        let written = serde_json::to_value(of("192.0.2.77:50123")).unwrap();
        let expected = serde_json::json!({"protocol": "tcp", "client_network": "192.0.2.0/24",
            "client_port": 50123, "server": "198.51.100.7", "server_port": 443});
        assert_eq!(written, expected);
        let written = serde_json::to_string(&of("[2001:db8:1:2:3:4:5:6]:9")).unwrap();
        assert!(written.contains("2001:db8:1::/48") && !written.contains("2:3:4"), "{written}");
    }
}
