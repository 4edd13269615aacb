//! Rules about connects and handshakes, at the hop where the chain broke.

use wirewitness_model::ooni::failure::What;
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Mechanism, Status, Verdict};

use super::super::address::is_v6;
use super::super::certificate::{Certificate, Signer};
use super::super::rule::{Draft, Rule};
use super::facts::{Connection, Facts};
use super::reference::{Reference, evidence, reference, same_endpoint_works};

/// The hop where the chain broke below HTTP: its connections, all failed.
struct Break<'a, 'm> {
    depth: i64,
    connections: Vec<&'a Connection<'m>>,
}

impl<'a, 'm> Break<'a, 'm> {
    /// The deepest hop that was tried, where no connection there served.
    fn of(facts: &'a Facts<'m>) -> Option<Self> {
        let deepest = facts.connections.iter().filter(|c| c.is_fetch).map(|c| c.depth).max()?;
        let served = facts.last().map(|exchange| exchange.depth);
        // A page that only came from addresses the system resolver did not give is no page for a browser.
        let system_failed =
            served == Some(0) && !facts.names.system.addresses.is_empty() && deepest == 0;
        if served.is_some_and(|depth| depth >= deepest) && !system_failed {
            return None;
        }
        let connections = facts.fetches(deepest);
        let all_failed = !connections.is_empty() && connections.iter().all(|c| !c.is_ok());
        all_failed.then_some(Self { depth: deepest, connections })
    }

    /// Connections that failed at this layer in this way.
    fn failed(&self, layer: Layer, wanted: impl Fn(What) -> bool) -> Vec<&'a Connection<'m>> {
        self.connections
            .iter()
            .copied()
            .filter(|c| !c.is_broken_v6() && c.what(layer).is_some_and(&wanted))
            .collect()
    }
}

/// Which failures a rule is about.
type Wanted = fn(What) -> bool;

/// What cannot be known for want of a control.
pub(super) fn note_missing_control(facts: &Facts<'_>, draft: Draft) -> Draft {
    if facts.control.is_some() {
        return draft;
    }
    let why = facts.keys.control_failure.as_str().unwrap_or("not in the file");
    draft.cannot_tell(format!("what the control would have seen: there is none ({why})"))
}

macro_rules! blocked_connect {
    ($name:ident, $id:literal, $version:literal, $says:literal, $cannot:expr, $false:expr) => {
        pub(super) const $name: Rule = Rule {
            id: $id,
            version: $version,
            says: $says,
            stands_on: "Every connect to the addresses that the system resolver gave, and the control's connect to the same \
                        endpoint, or its page where the endpoint came after a redirect.",
            cannot_tell: $cannot,
            false_positives: $false,
        };
    };
}

blocked_connect!(
    TCP_TIMEOUT,
    "web.tcp.timeout",
    2,
    "Connects get no answer from here, and do from the control.",
    &["packets dropped on the path from an endpoint that ignores this network"],
    &[
        "an endpoint that was down for the seconds between the two",
        "a line that loses every packet for some seconds"
    ]
);
blocked_connect!(
    TCP_REFUSED,
    "web.tcp.refused",
    1,
    "Connects are refused here, and accepted from the control.",
    &[
        "a reset forged on the path from an endpoint, or a firewall in front of it, that refuses this network"
    ],
    &["an endpoint that restarted between the two"]
);
blocked_connect!(
    TCP_RESET,
    "web.tcp.reset",
    1,
    "Connects are reset here, and accepted from the control.",
    &["a reset forged on the path from an endpoint that resets this network"],
    &["an endpoint that restarted between the two"]
);
blocked_connect!(
    IP_UNREACHABLE,
    "web.ip.unreachable",
    1,
    "The address cannot be reached from here (IPv4), and can from the control.",
    &["a null route of the operator from a routing fault", "a vantage without any IPv4"],
    &["a vantage that lost its line in the middle"]
);

/// Connects that fail here only.
pub(super) fn tcp_blocked(facts: &Facts<'_>) -> Option<Verdict> {
    let broken = Break::of(facts)?;
    let kinds: [(&Rule, Mechanism, Wanted); 4] = [
        (&TCP_TIMEOUT, Mechanism::TcpTimeout, |what| what == What::Timeout),
        (&TCP_REFUSED, Mechanism::TcpRefused, |what| what == What::Refused),
        (&TCP_RESET, Mechanism::TcpReset, |what| what == What::Reset),
        (&IP_UNREACHABLE, Mechanism::IpUnreachable, |what| {
            matches!(what, What::HostUnreachable | What::NetworkUnreachable)
        }),
    ];
    kinds.into_iter().find_map(|(rule, mechanism, wanted)| {
        let failed = broken.failed(Layer::Tcp, wanted);
        if reference(facts, Layer::Tcp, &failed) != Reference::Works {
            return None;
        }
        let is_own = match mechanism {
            Mechanism::IpUnreachable => lacks_ipv4(facts),
            Mechanism::TcpTimeout => may_lack_ipv6(facts, &failed),
            _ => false,
        };
        if failed.is_empty() || is_own || !line_works(facts) {
            return None;
        }
        let draft = rule.verdict(Status::Blocked, Confidence::Medium).by(mechanism, Locus::Unknown);
        Some(draft.with(evidence(facts, Layer::Tcp, &failed)).done())
    })
}

/// True where something in the measurement shows that this line carries anything at all: an answer to a lookup, a
/// connect, or the control itself.
fn line_works(facts: &Facts<'_>) -> bool {
    facts.control.is_some()
        || facts.connections.iter().any(|c| c.tcp.is_ok())
        || !facts.names.public.addresses.is_empty()
        || !facts.names.encrypted.addresses.is_empty()
}

/// True where only IPv6 met silence, and nothing of it is seen to work: many lines have addresses of it and no way out.
fn may_lack_ipv6(facts: &Facts<'_>, failed: &[&Connection<'_>]) -> bool {
    let works = facts.connections.iter().any(|c| c.tcp.is_ok() && is_v6(c.ip));
    !works && failed.iter().all(|connection| is_v6(connection.ip))
}

/// True where not even a public resolver's IPv4 address can be reached: the line has none.
fn lacks_ipv4(facts: &Facts<'_>) -> bool {
    let public = &facts.names.public;
    let query = public.failure.and_then(|(at, _)| facts.keys.queries.get(at));
    let is_v4 = query.is_some_and(|query| !query.resolver_address.or_empty().starts_with('['));
    is_v4 && matches!(public.what(), Some(What::HostUnreachable | What::NetworkUnreachable))
}

pub(super) const TCP_DOWN: Rule = Rule {
    id: "web.tcp.down",
    version: 1,
    says: "Nothing listens, or nothing answers, for the control either.",
    stands_on: "Failed connects here, and a failed connect of the control to the same endpoint.",
    cannot_tell: &[
        "a site that is down from one that turns away both this network and the control's",
    ],
    false_positives: &[
        "a site that blocks data centres, where the control runs, and is blocked here too",
    ],
};

/// Connects that fail for the control too.
pub(super) fn tcp_down(facts: &Facts<'_>) -> Option<Verdict> {
    let broken = Break::of(facts)?;
    let failed = broken.failed(Layer::Tcp, |_| true);
    if failed.is_empty() || reference(facts, Layer::Tcp, &failed) != Reference::Fails {
        return None;
    }
    let draft = TCP_DOWN
        .verdict(Status::Down, Confidence::Medium)
        .by(Mechanism::ServerDown, Locus::Endpoint);
    Some(draft.with(evidence(facts, Layer::Tcp, &failed)).done())
}

pub(super) const IPV6_BROKEN: Rule = Rule {
    id: "web.vantage.ipv6",
    version: 1,
    says: "The only failures are those of an IPv6 that this line does not have.",
    stands_on: "Network or host unreachable on IPv6 addresses, and no other failed step.",
    cannot_tell: &["a missing IPv6 from an operator that withdraws routes to this address only"],
    false_positives: &[],
};

/// Failures that are this line's own.
pub(super) fn ipv6_broken(facts: &Facts<'_>) -> Option<Verdict> {
    let broken = Break::of(facts)?;
    if !broken.connections.iter().all(|connection| connection.is_broken_v6()) {
        return None;
    }
    let draft = IPV6_BROKEN
        .verdict(Status::Insufficient, Confidence::Medium)
        .by(Mechanism::VantageIpv6Broken, Locus::Vantage);
    Some(draft.with(evidence(facts, Layer::Tcp, &broken.connections)).done())
}

macro_rules! blocked_handshake {
    ($name:ident, $id:literal, $version:literal, $says:literal, $cannot:expr, $false:expr) => {
        pub(super) const $name: Rule = Rule {
            id: $id,
            version: $version,
            says: $says,
            stands_on: "The connect succeeded, the handshake did not; the control's handshake with the same endpoint and name \
                        succeeded, or its page came where the endpoint was reached after a redirect.",
            cannot_tell: $cannot,
            false_positives: $false,
        };
    };
}

blocked_handshake!(
    TLS_RESET,
    "web.tls.reset",
    2,
    "The connection is reset on the ClientHello, which carries the name in the clear.",
    &[
        "a reset because of the name from one because of the client's fingerprint or of this endpoint: no other name was \
         tried on it",
        "a reset forged on the path from one that the endpoint sends to this network only",
    ],
    &["an overloaded server that resets under load"]
);
blocked_handshake!(
    TLS_TIMEOUT,
    "web.tls.timeout",
    1,
    "Silence after the ClientHello, on a connection that opened.",
    &["packets dropped because of the name from a path that loses large packets (MTU)"],
    &["a server that stalls under load"]
);
blocked_handshake!(
    TLS_CLOSE,
    "web.tls.close",
    1,
    "The connection is closed on the ClientHello, which carries the name in the clear.",
    &["a FIN forged on the path from one that the endpoint sends to this network only"],
    &["a server that closes under load"]
);
blocked_handshake!(
    TLS_CERTIFICATE,
    "web.tls.certificate",
    1,
    "Somebody else's certificate comes from an address that shows the control the right one.",
    &[
        "an interceptor on the path from a program on this device (antivirus, parental control) or a company's proxy",
        "interception from a false DNS answer, where the control was not asked for the same address",
    ],
    &[
        "a site that renews a broken certificate between the two",
        "a captive portal that answers for every site",
        "a device whose clock is wrong: every certificate looks expired to it"
    ]
);

/// Handshakes that fail here only.
pub(super) fn tls_blocked(facts: &Facts<'_>) -> Option<Verdict> {
    let broken = Break::of(facts)?;
    let kinds: [(&Rule, Wanted); 4] = [
        (&TLS_RESET, |what| what == What::Reset),
        (&TLS_TIMEOUT, |what| what == What::Timeout),
        (&TLS_CLOSE, |what| what == What::Close),
        (&TLS_CERTIFICATE, What::is_certificate),
    ];
    kinds.into_iter().find_map(|(rule, wanted)| {
        let failed = broken.failed(Layer::Tls, wanted);
        let first = failed.first()?;
        if reference(facts, Layer::Tls, &failed) != Reference::Works {
            return None;
        }
        let mechanism = tls_mechanism(facts, first)?;
        let is_known =
            same_endpoint_works(facts, Layer::Tls, &failed) && !lacks_certificate(facts, first);
        let confidence = if is_known { Confidence::High } else { Confidence::Medium };
        let draft = rule.verdict(Status::Blocked, confidence).by(mechanism, Locus::Path);
        let draft =
            draft.with(opened(first, broken.depth)).with(evidence(facts, Layer::Tls, &failed));
        Some(note_missing_certificate(facts, first, draft).done())
    })
}

/// True for a certificate that was refused and is not in the file.
fn lacks_certificate(facts: &Facts<'_>, connection: &Connection<'_>) -> bool {
    let Some((step, _)) = &connection.tls else { return false };
    step.what().is_some_and(What::is_certificate) && signer(facts, step.at).is_none()
}

fn note_missing_certificate(facts: &Facts<'_>, connection: &Connection<'_>, draft: Draft) -> Draft {
    if !lacks_certificate(facts, connection) {
        return draft;
    }
    draft
        .cannot_tell("whether an authority signed it: the file does not hold the certificate")
        .cannot_tell("an interceptor from a device whose clock is wrong")
}

fn opened(connection: &Connection<'_>, depth: i64) -> Option<Evidence> {
    connection.tcp.is_ok().then(|| Evidence {
        at: format!("test_keys.tcp_connect[{}]", connection.tcp.at),
        outcome: Outcome::TcpOk,
        seen: match depth {
            0 => format!("{} accepts the connection", connection.endpoint()),
            _ => format!("{} (redirect {depth}) accepts the connection", connection.endpoint()),
        },
        expected: None,
    })
}

/// The mechanism of one failed handshake.
fn tls_mechanism(facts: &Facts<'_>, connection: &Connection<'_>) -> Option<Mechanism> {
    let (step, name) = connection.tls.as_ref()?;
    Some(match step.what()? {
        What::Reset if reset_is_for_the_name(facts, connection, name) => Mechanism::TlsResetSni,
        What::Reset => Mechanism::TlsResetOther,
        What::Timeout => Mechanism::TlsTimeout,
        What::Close => Mechanism::TlsClose,
        what if what.is_certificate() => interception(what, signer(facts, step.at)),
        _ => return None,
    })
}

/// The mechanism of a refused certificate; where it is not in the file, by the word for why it was refused.
pub(super) fn interception(what: What, signer: Option<Signer>) -> Mechanism {
    let by_word = if what == What::CertificateAuthority { Signer::Itself } else { Signer::Another };
    signer.unwrap_or(by_word).mechanism()
}

/// Who signed the certificate that came; none where the file does not hold it.
fn signer(facts: &Facts<'_>, handshake: usize) -> Option<Signer> {
    let handshake = facts.keys.tls_handshakes.get(handshake)?;
    Some(Certificate::leaf(&handshake.peer_certificates)?.signer)
}

/// True where the ClientHello is all that can have caused the reset: it carried a name, nothing came back before the
/// reset, and the same endpoint was not seen to reset another name.
fn reset_is_for_the_name(facts: &Facts<'_>, connection: &Connection<'_>, name: &str) -> bool {
    let carries_name = !name.is_empty() && name.parse::<std::net::IpAddr>().is_err();
    let other_name_reset = facts.connections.iter().any(|other| {
        other.ip == connection.ip
            && other
                .tls
                .as_ref()
                .is_some_and(|(step, n)| *n != name && step.what() == Some(What::Reset))
    });
    carries_name && !other_name_reset && !heard_before_failing(facts, connection)
}

/// True where the network events show bytes from the server on this connection.
fn heard_before_failing(facts: &Facts<'_>, connection: &Connection<'_>) -> bool {
    connection.transaction != 0
        && facts.keys.network_events.iter().any(|event| {
            event.transaction_id.0 == Some(connection.transaction)
                && event.operation.as_str() == Some("read")
                && event.num_bytes.0.is_some_and(|bytes| bytes > 0)
        })
}

pub(super) const TLS_DOWN: Rule = Rule {
    id: "web.tls.down",
    version: 1,
    says: "The handshake fails for the control too: the site's certificate or its TLS is broken.",
    stands_on: "Failed handshakes here, and a failed handshake of the control with the same endpoint and name.",
    cannot_tell: &["one broken server of several from all of them"],
    false_positives: &["an interceptor that also sits before the control"],
};

/// Handshakes that fail for the control too.
pub(super) fn tls_down(facts: &Facts<'_>) -> Option<Verdict> {
    let broken = Break::of(facts)?;
    let failed = broken.failed(Layer::Tls, |_| true);
    if failed.is_empty() || reference(facts, Layer::Tls, &failed) != Reference::Fails {
        return None;
    }
    let is_certificate =
        failed.iter().any(|c| c.what(Layer::Tls).is_some_and(What::is_certificate));
    let mechanism =
        if is_certificate { Mechanism::ServerBadCertificate } else { Mechanism::ServerDown };
    let same_endpoint = failed.iter().any(|connection| facts.control_tls(connection).is_some());
    let is_sure = same_endpoint && !facts.control_got_page();
    let confidence = if is_sure { Confidence::High } else { Confidence::Medium };
    let draft = TLS_DOWN.verdict(Status::Down, confidence).by(mechanism, Locus::Endpoint);
    Some(draft.with(evidence(facts, Layer::Tls, &failed)).done())
}

pub(super) const NO_REFERENCE: Rule = Rule {
    id: "web.connect.no_control",
    version: 1,
    says: "The connection failed, and nothing says whether that is interference.",
    stands_on: "Failed connects or handshakes, and no control for them, one that failed in its own way, or a failure that \
                says too little.",
    cannot_tell: &["blocked from down", "a line that is down"],
    false_positives: &[],
};

/// Failures without a control.
pub(super) fn no_reference(facts: &Facts<'_>) -> Option<Verdict> {
    let broken = Break::of(facts)?;
    let layer =
        if broken.connections.iter().any(|c| c.tls.is_some()) { Layer::Tls } else { Layer::Tcp };
    let draft = NO_REFERENCE.verdict(Status::Insufficient, Confidence::Low);
    Some(
        note_missing_control(facts, draft.with(evidence(facts, layer, &broken.connections))).done(),
    )
}

/// Mechanisms of handshakes that failed on addresses other than the system resolver's: what stands behind false DNS.
pub(super) fn seen_elsewhere(facts: &Facts<'_>) -> Vec<Mechanism> {
    let system = &facts.names.system.addresses;
    let mut found = Vec::new();
    for connection in facts.connections.iter().filter(|c| !system.contains(c.ip) && c.tcp.is_ok()) {
        if facts.control_tls(connection) == Some(None) {
            found.extend(tls_mechanism(facts, connection));
        }
    }
    found
}

/// So many resets beside a page are told one by one.
const MAX_BESIDE: usize = 4;

/// Handshakes for the measured name that were reset here and succeeded for the control, though a page came.
pub(super) fn resets_beside_the_page(facts: &Facts<'_>) -> Vec<(Mechanism, Evidence)> {
    let is_reset = |c: &&Connection<'_>| {
        c.depth == 0
            && c.tcp.is_ok()
            && c.what(Layer::Tls) == Some(What::Reset)
            && facts.control_tls(c) == Some(None)
    };
    let resets = facts.connections.iter().filter(is_reset).take(MAX_BESIDE);
    resets
        .filter_map(|connection| {
            let (step, name) = connection.tls.as_ref()?;
            let evidence = Evidence {
                at: format!("test_keys.tls_handshakes[{}]", step.at),
                outcome: Outcome::TlsReset,
                seen: format!("{}: the handshake for {name} is reset", connection.endpoint()),
                expected: Some("the control's handshake succeeds".to_owned()),
            };
            Some((tls_mechanism(facts, connection)?, evidence))
        })
        .collect()
}
