//! What the labels of the captures say: how many connections have forged packets, what was dropped, which pages say that
//! something is blocked, what a transfer went through. From the index and the reference that come with the captures, not from
//! what was found.

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

/// A drop that a label tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DueDrop {
    /// What the file's name begins with.
    pub(crate) file: &'static str,
    /// What had no answer, in the words of findings.
    pub(crate) what: &'static str,
    /// The name that was asked for.
    pub(crate) name: &'static str,
    /// True if another name was answered at the same place in the same capture.
    pub(crate) has_control: bool,
}

/// The drops of a file of `interference/`, by its name.
pub(crate) fn drops(name: &str) -> impl Iterator<Item = &'static DueDrop> {
    DROPS.iter().filter(move |due| name.starts_with(due.file))
}

const fn due(
    file: &'static str,
    what: &'static str,
    name: &'static str,
    control: Control,
) -> DueDrop {
    DueDrop { file, what, name, has_control: matches!(control, Control::Here) }
}

#[derive(Clone, Copy)]
enum Control {
    Here,
    No,
}

const DROPS: &[DueDrop] = &[
    due("centrace_123.30.89.9", "http_request", "youtube.com", Control::No),
    due("centrace_185.236.34.4", "http_request", "store.steampowered.com", Control::No),
    // "In-path; drop+RST on FIN": the ClientHello goes unanswered as well.
    due(
        "centrace_195.64.201.42_psiphon.ca_psiphon.ca_0",
        "client_hello",
        "psiphon.ca",
        Control::No,
    ),
    due(
        "centrace_195.64.201.42_psiphon.ca_psiphon.ca_1",
        "client_hello",
        "psiphon.ca",
        Control::No,
    ),
    due(
        "centrace_195.64.201.42_psiphon.ca_psiphon.ca_2",
        "client_hello",
        "psiphon.ca",
        Control::No,
    ),
    due("gfwquic_quic_server_anon", "residual", "google.com", Control::No),
    due("gfwquic_quic_victim_client", "quic_initial", "http3check.net", Control::No),
    // Three connections of these names have no byte of the server's; all others are answered.
    due("upb_comprehensive_russia_vps", "client_hello", "matrix.to", Control::Here),
    due("upb_comprehensive_russia_vps", "client_hello", "usersporn.com", Control::Here),
    due("upb_detailed_iran_encrypted_dns", "http_request", "firefox.dns.nextdns.io", Control::Here),
    due("upb_detailed_russia_ech_cloudflare.", "client_hello", "cloudflare-ech.com", Control::No),
    // Five connections have no byte of the server's; the others, of the same name, are answered.
    due(
        "upb_detailed_russia_ech_cloudflare_fragmentation",
        "client_hello",
        "cloudflare-ech.com",
        Control::No,
    ),
];

/// Files whose label says that something was dropped, of which nothing shows in the file by itself.
pub(crate) const DROPS_ELSEWHERE: &[&str] = &[
    "gfwquic_beijing-ttl",
    "gfwquic_shanghai-ttl",
    "gfwquic_flow-tracking-time",
    "gfwquic_server_during",
    "upb_comprehensive_russia_cf_single_ip_fragmentation",
];

/// How many connections of a file of `interference/` were given a page that says that something is blocked.
pub(crate) fn pages(name: &str) -> usize {
    PAGES.iter().find(|(start, _)| name.starts_with(start)).map_or(0, |(_, pages)| *pages)
}

const PAGES: &[(&str, usize)] = &[
    ("centrace_103.93.208.20_bisexual", 2),
    // One connection is given the same page twelve times.
    ("centrace_91.199.201.114", 1),
    ("foxit_id1.cn", 1),
    ("upb_detailed_iran_encrypted_dns", 1),
];

/// What a transfer of the router laboratory went through, as its file's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setting {
    /// `policer`, `shaper`, or with losses by chance `loss`.
    pub(crate) kind: &'static str,
    /// Bits a second.
    pub(crate) rate_bps: u64,
    /// Bytes; none where the router's default was left.
    pub(crate) burst_bytes: Option<u64>,
}

/// What a file's name says. None for other files than the laboratory's.
pub(crate) fn setting(name: &str) -> Option<Setting> {
    let number = |word: &str| -> Option<u64> {
        let from = name.find(word)? + word.len();
        let digits = name[from..].split(|it: char| !it.is_ascii_digit()).next()?;
        digits.parse().ok()
    };
    let lossy = number("-LOSS=").is_some_and(|percent| percent > 0);
    Some(Setting {
        kind: if name.contains("-PCIR=") {
            "policer"
        } else if lossy {
            "loss"
        } else {
            "shaper"
        },
        rate_bps: number("CIR=").filter(|_| name.starts_with("usc_"))?,
        burst_bytes: number("BC="),
    })
}
