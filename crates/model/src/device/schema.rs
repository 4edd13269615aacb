//! Every cell that a profile may have: its section, its key, what a value of it looks like, and the family of evidence it belongs to.

use std::fmt;

pub use crate::battery::rows::{DIRECTIONS, FLAGS, LENGTH_ROWS, QUIC_ROWS, TUPLES, row_of};
use serde::Serialize;

/// A family of evidence: cells that come from one part of a device and are not independent of one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// How a name in a DNS question is read.
    DnsParser,
    /// What a forged DNS answer looks like.
    DnsResponse,
    /// Whether IPv4 fragments are joined, and how many.
    IpFragments,
    /// Headers of forged resets.
    RstStatic,
    /// The arithmetic between fields of forged resets.
    RstPrng,
    /// How a TLS `ClientHello` is read.
    TlsParser,
    /// How a QUIC Initial is read.
    QuicParser,
    /// How long a block outlives its trigger.
    Residual,
    /// The page that is shown instead.
    Blockpage,
    /// Where the device stands, and which way it looks.
    Location,
}

impl Family {
    /// The word, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::DnsParser => "dns_parser",
            Self::DnsResponse => "dns_response",
            Self::IpFragments => "ip_fragments",
            Self::RstStatic => "rst_static",
            Self::RstPrng => "rst_prng",
            Self::TlsParser => "tls_parser",
            Self::QuicParser => "quic_parser",
            Self::Residual => "residual",
            Self::Blockpage => "blockpage",
            Self::Location => "location",
        }
    }

    /// True where cells say whether a probe was censored, so that devices on one path add up.
    pub fn composes(self) -> bool {
        matches!(self, Self::DnsParser | Self::IpFragments | Self::TlsParser | Self::QuicParser)
    }

    /// True where what a device does to TCP connections (reset, drop) tells whether it can be the one.
    pub fn is_of_tcp(self) -> bool {
        matches!(self, Self::IpFragments | Self::RstStatic | Self::RstPrng | Self::TlsParser)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `"censored"` or `"bypass"`: what becomes of a probe.
    Vector,
    /// `true` or `false`.
    Flag,
    /// A list of ranges `[low, high]`, up to this number.
    Ranges(u64),
    /// A list of words out of these.
    Words(&'static [&'static str]),
    /// A list of texts of which a page holds one.
    Texts,
    /// A list of 16-bit words, as `"0x8180"`.
    Hex,
    /// A list of `"none"` or the bytes in hexadecimal.
    Bytes,
    /// A list of networks, as `"10.0.0.0/8"`.
    Networks,
    /// A number of fragments, or `">=N"`.
    Boundary,
    /// A number, or `"none"`.
    SeedKey,
}

/// One cell of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Feature {
    /// Section of the file: a plug-in of the device.
    pub section: &'static str,
    /// Key in the section.
    pub key: &'static str,
    /// Family; none for what only excludes.
    pub family: Option<Family>,
    /// What a value looks like.
    pub kind: Kind,
}

/// Sections, in the order of the files.
pub const SECTIONS: [&str; 8] =
    ["dns", "ip", "tcp_injection", "tls", "quic", "http", "residual", "position"];

/// What a device may do to a connection.
pub const BEHAVIOURS: &[&str] =
    &["rst", "fin", "drop", "dns_inject", "http_inject", "redirect", "throttle"];

/// The schema.
pub const FEATURES: &[Feature] = &[
    cell("dns", "pointer_17", Some(Family::DnsParser), Kind::Vector),
    cell("dns", "pointer_18", Some(Family::DnsParser), Kind::Vector),
    cell("dns", "flags", Some(Family::DnsResponse), Kind::Hex),
    cell("dns", "answer_name_compressed", Some(Family::DnsResponse), Kind::Flag),
    cell("dns", "answers", Some(Family::DnsResponse), Kind::Networks),
    cell("ip", "fragment_boundary", Some(Family::IpFragments), Kind::Boundary),
    reset("df", Kind::Flag),
    reset("flags", Kind::Words(FLAGS)),
    reset("count_per_side", Kind::Ranges(64)),
    reset("identical", Kind::Flag),
    reset("observed_ttl", Kind::Ranges(255)),
    reset("ipid", Kind::Ranges(65_535)),
    reset("window", Kind::Ranges(65_535)),
    reset("window_step", Kind::Ranges(65_535)),
    reset("payload", Kind::Bytes),
    reset("sides", Kind::Words(&["client", "server", "both"])),
    cell("tcp_injection", "initial_ttl", None, Kind::Ranges(255)),
    cell("tcp_injection", "stable_k", Some(Family::RstPrng), Kind::SeedKey),
    cell("tcp_injection", "ttl_tied", Some(Family::RstPrng), Kind::Flag),
    cell("http", "status", Some(Family::Blockpage), Kind::Texts),
    cell("http", "body", Some(Family::Blockpage), Kind::Texts),
    cell("http", "location", Some(Family::Blockpage), Kind::Texts),
    cell("http", "server", Some(Family::Blockpage), Kind::Texts),
    cell("http", "via", Some(Family::Blockpage), Kind::Texts),
    cell("residual", "tuple", Some(Family::Residual), Kind::Words(TUPLES)),
    cell("residual", "seconds", Some(Family::Residual), Kind::Ranges(86_400)),
    cell("position", "behaviours", None, Kind::Words(BEHAVIOURS)),
    cell("position", "mode", Some(Family::Location), Kind::Words(&["in_path", "on_path"])),
    cell("position", "direction", Some(Family::Location), Kind::Words(DIRECTIONS)),
];

const fn cell(
    section: &'static str,
    key: &'static str,
    family: Option<Family>,
    kind: Kind,
) -> Feature {
    Feature { section, key, family, kind }
}

const fn reset(key: &'static str, kind: Kind) -> Feature {
    cell("tcp_injection", key, Some(Family::RstStatic), kind)
}

/// The cell of this section and key.
pub fn feature(section: &str, key: &str) -> Option<Feature> {
    let rows = |key: &str| match section {
        "tls" => LENGTH_ROWS.iter().find(|row| **row == key),
        "quic" => LENGTH_ROWS.iter().skip(1).chain(&QUIC_ROWS).find(|row| **row == key),
        _ => None,
    };
    if let Some(row) = rows(key) {
        return Some(match section {
            "tls" => cell("tls", row, Some(Family::TlsParser), Kind::Vector),
            _ => cell("quic", row, Some(Family::QuicParser), Kind::Vector),
        });
    }
    FEATURES.iter().copied().find(|it| it.section == section && it.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_24_rows_of_tls_and_34_of_quic() {
        let quic = LENGTH_ROWS.iter().skip(1).chain(&QUIC_ROWS);
        assert!(quic.clone().all(|row| feature("quic", row).is_some()));
        assert_eq!((LENGTH_ROWS.len(), quic.count()), (24, 34));
        assert!(feature("quic", LENGTH_ROWS[0]).is_none(), "QUIC has no TLS records");
    }
}
