//! TCP connects.

use wirewitness_model::verdict::{Confidence, Locus, Mechanism};

use super::{Row, blocked, case, down, own_line, proven, same_page, unknown};
use crate::world::{SITE, SITE_TOO, SITE_V6, World};

pub(super) fn rows() -> Vec<Row> {
    vec![timeout(), refused(), reset(), unreachable(), down_for_all(), no_control()]
}

fn timeout() -> Row {
    Row {
        rule: "web.tcp.timeout",
        cases: [
            case(
                "no answer here, and the control connects",
                World::https("news.example").connect(SITE, 443, "generic_timeout_error"),
                blocked(
                    "web.tcp.timeout",
                    Mechanism::TcpTimeout,
                    Locus::Unknown,
                    Confidence::Medium,
                ),
            ),
            case(
                "one of two addresses is silent, the page comes from the other",
                World::https("news.example").at(&[SITE, SITE_TOO]).connect(
                    SITE,
                    443,
                    "generic_timeout_error",
                ),
                proven(),
            ),
            case(
                "no answer for anybody",
                World::https("news.example")
                    .connect(SITE, 443, "generic_timeout_error")
                    .control_connect(SITE, 443, "generic_timeout_error"),
                down("web.tcp.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn refused() -> Row {
    Row {
        rule: "web.tcp.refused",
        cases: [
            case(
                "refused here, and the control connects",
                World::https("news.example").connect(SITE, 443, "connection_refused"),
                blocked(
                    "web.tcp.refused",
                    Mechanism::TcpRefused,
                    Locus::Unknown,
                    Confidence::Medium,
                ),
            ),
            case(
                "a plain site whose port for TLS refuses; the page comes",
                World::http("news.example").connect(SITE, 443, "connection_refused"),
                same_page(),
            ),
            case(
                "the server was stopped: it refuses everybody",
                World::http("news.example")
                    .connect(SITE, 80, "connection_refused")
                    .connect(SITE, 443, "connection_refused")
                    .control_connect(SITE, 80, "connection_refused_error")
                    .control_connect(SITE, 443, "connection_refused_error"),
                down("web.tcp.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn reset() -> Row {
    Row {
        rule: "web.tcp.reset",
        cases: [
            case(
                "reset in the connect, and the control connects",
                World::https("news.example").connect(SITE, 443, "connection_reset"),
                blocked("web.tcp.reset", Mechanism::TcpReset, Locus::Unknown, Confidence::Medium),
            ),
            case(
                "reset one step later, on the ClientHello",
                World::https("news.example").handshake(SITE, "connection_reset"),
                blocked("web.tls.reset", Mechanism::TlsResetSni, Locus::Path, Confidence::High),
            ),
            case(
                "the server resets everybody's connects",
                World::https("news.example")
                    .connect(SITE, 443, "connection_reset")
                    .control_connect(SITE, 443, "connection_reset"),
                down("web.tcp.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn unreachable() -> Row {
    Row {
        rule: "web.ip.unreachable",
        cases: [
            case(
                "no route to the host from here, and the control connects",
                World::https("news.example").connect(SITE, 443, "host_unreachable"),
                blocked(
                    "web.ip.unreachable",
                    Mechanism::IpUnreachable,
                    Locus::Unknown,
                    Confidence::Medium,
                ),
            ),
            case(
                "no route to the host over IPv6, which is all it has",
                World::https("six.example").at(&[SITE_V6]).connect(
                    SITE_V6,
                    443,
                    "host_unreachable",
                ),
                own_line("web.vantage.ipv6", Mechanism::VantageIpv6Broken),
            ),
            case(
                "the line lost its route after the lookup; nothing else passes",
                World::https("news.example")
                    .public_fails("network_unreachable")
                    .encrypted_fails("network_unreachable")
                    .connect(SITE, 443, "network_unreachable")
                    .no_control("network_unreachable"),
                unknown("web.connect.no_control"),
            ),
        ],
    }
}

fn down_for_all() -> Row {
    Row {
        rule: "web.tcp.down",
        cases: [
            case(
                "the machine is off: silence for everybody",
                World::http("news.example")
                    .connect(SITE, 80, "generic_timeout_error")
                    .connect(SITE, 443, "generic_timeout_error")
                    .control_connect(SITE, 80, "generic_timeout_error")
                    .control_connect(SITE, 443, "generic_timeout_error"),
                down("web.tcp.down", Mechanism::ServerDown, Confidence::Medium),
            ),
            case(
                "the control's connect fails, the probe gets the page",
                World::https("news.example").control_connect(SITE, 443, "generic_timeout_error"),
                proven(),
            ),
            case(
                "the connect is refused, and there is no control",
                World::https("news.example")
                    .connect(SITE, 443, "connection_refused")
                    .no_control("generic_timeout_error"),
                unknown("web.connect.no_control"),
            ),
        ],
    }
}

fn no_control() -> Row {
    Row {
        rule: "web.connect.no_control",
        cases: [
            case(
                "reset on the ClientHello, and no test helper answered",
                World::https("news.example")
                    .handshake(SITE, "connection_reset")
                    .no_control("connection_reset"),
                unknown("web.connect.no_control"),
            ),
            case(
                "no test helper answered, and the page came with its certificate",
                World::https("news.example").no_control("connection_reset"),
                proven(),
            ),
            case(
                "the line was down from the start",
                World::https("news.example")
                    .names_fail("network_down")
                    .without_client_resolver()
                    .no_control("network_down"),
                unknown("web.dns.resolver_fails"),
            ),
        ],
    }
}
