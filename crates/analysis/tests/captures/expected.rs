//! What the labels of the captures say: how many connections have forged packets. From the index and the reference that come
//! with the captures, not from what was found.

/// What is expected of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// So many connections with forged packets.
    Flows(usize),
    /// The label claims nothing.
    NoClaim,
}

/// What is expected of a file of `interference/`, by its name.
pub(crate) fn expected(name: &str) -> Expected {
    let row = ROWS.iter().find(|(start, _)| name.starts_with(start));
    row.map_or(Expected::Flows(0), |(_, expected)| *expected)
}

use Expected::{Flows, NoClaim};

const ROWS: &[(&str, Expected)] = &[
    // Two pages in a FIN; the resets that follow them are in the same connections.
    ("centrace_103.93.208.20_bisexual", Flows(2)),
    ("centrace_116.223.148.197", NoClaim),
    ("centrace_118.215.97.75", NoClaim),
    ("centrace_200.115.176.142", NoClaim),
    ("centrace_221.120.163.243", NoClaim),
    ("centrace_188.65.24.82", Flows(1)),
    ("centrace_195.64.201.42_psiphon.ca_psiphon.ca_0", Flows(22)),
    ("centrace_195.64.201.42_psiphon.ca_psiphon.ca_1", Flows(21)),
    ("centrace_195.64.201.42_psiphon.ca_psiphon.ca_2", Flows(21)),
    ("centrace_222.138.4.221", Flows(6)),
    ("foxit_bro.org", Flows(1)),
    ("foxit_id1.cn", Flows(1)),
    ("foxit_qi_local_GET", Flows(1)),
    ("foxit_qi_local_SYNACK", Flows(1)),
    // 25 of 26 streams have the pair of resets; one has a single.
    ("mercury_capture2_sandvine", Flows(26)),
    ("tripwire_airtel_http", Flows(3)),
    ("tripwire_gfw_2020_smtp", Flows(1)),
    ("tripwire_gfw_2020", Flows(60)),
    ("upb_comprehensive_china_cf_single_ip", Flows(5)),
    ("upb_comprehensive_china_vps", Flows(4)),
    ("upb_comprehensive_iran", Flows(4)),
    ("upb_detailed_china_encrypted_dns", Flows(1)),
    // Two resets on names, one page over plain HTTP, two answers over DNS.
    ("upb_detailed_iran_encrypted_dns", Flows(5)),
    ("zeek_rst-inject-rae", Flows(1)),
];
