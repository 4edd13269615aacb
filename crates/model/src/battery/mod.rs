//! A battery: what a set of tests saw on one path, as a JSON file that can be stored and read again without loss.
//!
//! Every count says in how many trials *blocking* was seen, of controls too: the censored request should be blocked every time (positive
//! control), the harmless one never (baseline), and the harmless one with the same change must arrive (negative control of a probe).
//! States and intervals are computed from counts; where a file has them, they are compared.

mod check;
mod claim;
pub mod lengths;
pub mod pointer;
pub mod rows;
mod run;
pub mod trace;
pub mod trials;

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

pub use check::BatteryError;

pub use claim::{Claim, Grade};
pub use run::{Run, Skipped};
pub use trace::Trace;
pub use trials::{Counts, State, agreed};

/// The name of the format, with its version.
pub const FORMAT: &str = "wirewitness battery 1";

/// A battery.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Battery {
    /// [`FORMAT`].
    pub format: String,
    /// A name for what was measured.
    pub event: String,
    /// What the file is, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Network of the vantage. Never part of a score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<String>,
    /// Country of the vantage. Never part of a score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Network behind which the vantage reaches the world. Never part of a score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// First and last hour, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<[String; 2]>,
    /// The same battery on a path without a censor: probes blocked, of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null_run: Option<Counts>,
    /// DNS questions to a host that runs no resolver; one entry an injector.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<DnsTest>,
    /// A request cut into fragments of IPv4.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fragments: Vec<ProbeTest>,
    /// Forged resets; one entry a kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resets: Vec<ResetTest>,
    /// Lies about lengths of a TLS `ClientHello`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tls: Vec<ProbeTest>,
    /// The same inside QUIC, and versions and features of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quic: Vec<ProbeTest>,
    /// What outlived its trigger.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub residual: Vec<ResidualTest>,
    /// Pages that came instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<PageTest>,
    /// Where on the path it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationTest>,
    /// A request cut into pieces of TCP or records of TLS. Told, and not part of a score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<ProbeTest>,
    /// Requests of HTTP, written in other ways. Told, and not part of a score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<ProbeTest>,
    /// How it was run, if this program did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// What documents say. Never part of a score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documentary: Vec<Claim>,
}

/// How a block shows itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Forged resets.
    Rst,
    /// Forged ends of the stream.
    Fin,
    /// What goes to the server is dropped.
    DropToServer,
    /// What comes from the server is dropped.
    DropToClient,
    /// Both.
    DropBoth,
    /// Forged DNS answers.
    DnsInject,
    /// A forged page.
    HttpInject,
    /// A forged redirect.
    Redirect,
    /// Slowed.
    Throttle,
}

impl Behaviour {
    /// The word that profiles have for it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Rst => "rst",
            Self::Fin => "fin",
            Self::DropToServer | Self::DropToClient | Self::DropBoth => "drop",
            Self::DnsInject => "dns_inject",
            Self::HttpInject => "http_inject",
            Self::Redirect => "redirect",
            Self::Throttle => "throttle",
        }
    }
}

/// The controls of a test.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controls {
    /// The harmless request, unchanged.
    pub baseline: Counts,
    /// The censored request, unchanged.
    pub positive: Counts,
}

/// Probes of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeTest {
    /// How the block shows itself; of several kinds, each has its test.
    pub behaviour: Behaviour,
    /// Its controls.
    pub controls: Controls,
    /// The censored name where no parser would look for it (ALPN, padding, plain bytes).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub substring: Vec<Probe>,
    /// The probes.
    pub probes: Vec<Probe>,
}

/// One probe: a request with one change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Its name: `message_len:half`, `quic_ver:v2`, `fragments:101`, `pointers:17`.
    pub vector: String,
    /// Trials in which the block was seen, run by run.
    pub runs: Vec<Counts>,
    /// The same change with a harmless name: trials in which it did not arrive whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative: Option<Counts>,
    /// SHA-256 of the bytes that were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_sha256: Option<String>,
    /// The state, if the file has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Wilson's interval of all runs, if the file has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wilson: Option<[f64; 2]>,
}

impl Probe {
    /// All runs together.
    pub fn counts(&self) -> Counts {
        self.runs.iter().fold(Counts::default(), |sum, run| sum.plus(*run))
    }

    /// Where its runs agree, and the same change arrives with a harmless name.
    pub fn decided(&self) -> State {
        if self.is_void() { State::Inconclusive } else { agreed(&self.runs) }
    }

    /// True if the change alone does not get through, so that nothing follows from the probe.
    pub fn is_void(&self) -> bool {
        self.negative.is_some_and(|counts| counts.state() != State::Bypass)
    }
}

/// Questions whose name is a chain of pointers, and what answers look like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsTest {
    /// Its controls.
    pub controls: Controls,
    /// By length of the chain: `pointers:0` to `pointers:63`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Probe>,
    /// Forged answers, alike ones together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub responses: Vec<Response>,
}

/// Forged answers that look alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The second word of the message.
    pub flags: u16,
    /// Whether the answer points back to the question's name.
    pub name_compressed: bool,
    /// Addresses in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Ipv4Addr>,
    /// How many there were.
    pub seen: u32,
}

/// Forged resets of one kind, and what set them off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetTest {
    /// How the block shows itself.
    pub behaviour: Behaviour,
    /// Its controls.
    pub controls: Controls,
    /// The ends, as far as they are what the device sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<EndsSeen>,
    /// Ends at which packets were captured; without both, nothing is said of which ends get resets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captured: Vec<End>,
    /// One entry a trigger.
    pub events: Vec<Vec<Packet>>,
}

/// Addresses of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndsSeen {
    /// Of the client, as the server sees it.
    pub client: Ipv4Addr,
    /// Of the server.
    pub server: Ipv4Addr,
}

/// A forged packet. Identification and window together betray addresses: they stay in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packet {
    /// Which end got it.
    pub to: End,
    /// Its flags, in a word of the schema (`rst`, `rst_ack`, `rst_ae_reserved`, `fin`, `data`, `other`).
    pub flags: String,
    /// Time to live, as observed.
    pub ttl: u8,
    /// Flag against fragments.
    pub df: bool,
    /// Identification of IPv4.
    pub ipid: u16,
    /// TCP window.
    pub window: u16,
    /// Payload in hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub payload: String,
}

/// One of the ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Who opened the connection.
    Client,
    /// Who was asked.
    Server,
}

/// What a block held on to after its trigger, and how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidualTest {
    /// How it shows itself.
    pub behaviour: Behaviour,
    /// `none`, `3-tuple` or `4-tuple`.
    pub tuple: String,
    /// How long, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// Seconds between two looks.
    pub step_seconds: u32,
}

/// A page that came instead of the site's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageTest {
    /// Status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Text of the page, as much as was kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// `Location` of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// `Server` of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// `Via` of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub via: String,
}

/// Where it happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocationTest {
    /// Runs that agree on the trace.
    #[serde(default)]
    pub traces: Vec<Trace>,
    /// `both`, `inside_out` or `outside_in`, if both were tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    /// Connections that the client opens to the far end, if both were tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outward: Option<Controls>,
    /// Connections that the far end opens to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inward: Option<Controls>,
}

impl Battery {
    /// Reads a battery. `file` is named in errors.
    ///
    /// # Errors
    /// Where it is too long, no JSON of this shape (with line and column), or says what cannot be (with the path to it).
    pub fn from_json(file: &str, text: &[u8]) -> Result<Self, BatteryError> {
        check::read(file, text)
    }

    /// The text of it, with states and intervals filled in.
    pub fn to_json(&self) -> String {
        let mut copy = self.clone();
        copy.probes_mut().for_each(|probe| {
            probe.state = Some(probe.decided());
            probe.wilson = Some(probe.counts().wilson().map(|it| (it * 1e4).round() / 1e4));
        });
        serde_json::to_string_pretty(&copy).unwrap_or_default() + "\n"
    }

    fn probes_mut(&mut self) -> impl Iterator<Item = &mut Probe> {
        let tests = self.fragments.iter_mut().chain(&mut self.tls).chain(&mut self.quic);
        let tests = tests.chain(&mut self.pieces).chain(&mut self.http);
        let of_tests = tests.flat_map(|it| it.probes.iter_mut().chain(&mut it.substring));
        self.dns.iter_mut().flat_map(|it| &mut it.probes).chain(of_tests)
    }
}
