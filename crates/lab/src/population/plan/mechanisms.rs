//! What is done, whom it meets, and as what a judge sees it.

use wirewitness_model::verdict::Mechanism;

use crate::population::draw::Draw;
use crate::population::truth::Reach;

/// What censors do, by weight. Invented: an even mix of the techniques that OONI's and our own rules know.
pub(super) const OF_BLOCKS: [(Mechanism, u32); 13] = [
    (Mechanism::DnsInjectionBlockpage, 3),
    (Mechanism::DnsInjectionBogon, 2),
    (Mechanism::DnsInjectionOther, 2),
    (Mechanism::DnsNxdomain, 3),
    (Mechanism::DnsRefused, 1),
    (Mechanism::DnsTimeout, 1),
    (Mechanism::TcpReset, 1),
    (Mechanism::TcpTimeout, 3),
    (Mechanism::TlsResetSni, 4),
    (Mechanism::TlsTimeout, 3),
    (Mechanism::TlsMitmSelfSigned, 1),
    (Mechanism::HttpBlockpage, 3),
    (Mechanism::HttpResetHost, 1),
];

/// What slows transfers, by weight.
pub(super) const OF_THROTTLING: [(Mechanism, u32); 3] = [
    (Mechanism::TlsThrottleSni, 5),
    (Mechanism::HttpThrottleHost, 1),
    (Mechanism::IpThrottleEndpoint, 3),
];

/// One of [`OF_BLOCKS`] on another layer than this.
pub(super) fn on_another_layer(draw: &mut Draw, than: Mechanism) -> Mechanism {
    let layer = |it: Mechanism| it.word().split('.').next();
    let others: Vec<(Mechanism, u32)> =
        OF_BLOCKS.into_iter().filter(|(it, _)| layer(*it) != layer(than)).collect();
    draw.weighted(&others).copied().unwrap_or(Mechanism::TcpTimeout)
}

/// Whom it meets. What a resolver says, only those who ask it; forged answers of the path
/// (`dns.injection.other`) and all that is not DNS, everybody.
pub(in crate::population) fn reach_of(mechanism: Mechanism) -> Reach {
    match mechanism {
        Mechanism::DnsInjectionBlockpage
        | Mechanism::DnsInjectionBogon
        | Mechanism::DnsNxdomain
        | Mechanism::DnsRefused
        | Mechanism::DnsTimeout => Reach::OwnResolver,
        _ => Reach::All,
    }
}

/// As what a judge sees one measurement of it: nine of ten times as itself, else as a neighbour of its layer, because
/// evidence differs (the control has no SNI to compare with, a reset comes late).
pub(in crate::population) fn seen_as(draw: &mut Draw, mechanism: Mechanism) -> Mechanism {
    if draw.chance(900_000) {
        return mechanism;
    }
    match mechanism {
        Mechanism::DnsInjectionBlockpage | Mechanism::DnsInjectionBogon => {
            Mechanism::DnsInjectionOther
        }
        Mechanism::DnsNxdomain | Mechanism::DnsRefused => Mechanism::DnsTimeout,
        Mechanism::TlsResetSni => Mechanism::TlsResetOther,
        Mechanism::TlsTimeout => Mechanism::TlsResetOther,
        Mechanism::TcpReset => Mechanism::TcpRefused,
        Mechanism::HttpResetHost => Mechanism::HttpClose,
        other => other,
    }
}
