//! Steps taken again by a prober of ours.

use wirewitness_model::verdict::{Confidence, Locus, Mechanism};

use super::{Row, blocked, case, down, ok_though, proven, unknown};
use crate::world::{SITE, World};

pub(super) fn rows() -> Vec<Row> {
    vec![intermittent(), tls_name(), http_name(), throttle(), quic(), slow(), endpoint()]
}

const RESET: Option<&str> = Some("connection_reset");
const TIMEOUT: Option<&str> = Some("generic_timeout_error");
const OTHER_NAME: Option<&str> = Some("ssl_invalid_hostname");

fn cut_handshake() -> World {
    World::https("news.example").handshake(SITE, "connection_reset")
}

fn intermittent() -> Row {
    Row {
        rule: "web.follow_up.intermittent",
        cases: [
            case(
                "a handshake that was reset once, and never again",
                cut_handshake().again(&[("tls", "name", OTHER_NAME), ("tls", "nothing", None)]),
                unknown("web.follow_up.intermittent"),
            ),
            case(
                "a handshake that is reset every time, but not with another name",
                cut_handshake().again(&[("tls", "name", OTHER_NAME), ("tls", "nothing", RESET)]),
                blocked("web.tls.reset", Mechanism::TlsResetSni, Locus::Path, Confidence::High),
            ),
            case(
                "a site that is down for the control too, and stays down",
                cut_handshake()
                    .control_handshake(SITE, "connection_reset")
                    .control_request_fails("unknown_error")
                    .again(&[("tls", "name", RESET), ("tls", "nothing", RESET)]),
                down("web.tls.down", Mechanism::ServerDown, Confidence::High),
            ),
        ],
    }
}

fn tls_name() -> Row {
    let alone = || cut_handshake().no_control("generic_timeout_error");
    Row {
        rule: "web.follow_up.tls_name",
        cases: [
            case(
                "no control; reset with the name only, every time",
                alone().again(&[("tls", "name", OTHER_NAME), ("tls", "nothing", RESET)]),
                blocked(
                    "web.follow_up.tls_name",
                    Mechanism::TlsResetSni,
                    Locus::Path,
                    Confidence::High,
                ),
            ),
            case(
                "a control that got the page settles it without",
                cut_handshake().again(&[("tls", "name", RESET), ("tls", "nothing", RESET)]),
                blocked("web.tls.reset", Mechanism::TlsResetOther, Locus::Path, Confidence::High),
            ),
            case(
                "no control; the server resets every handshake, whatever the name",
                alone().again(&[("tls", "name", RESET), ("tls", "nothing", RESET)]),
                unknown("web.connect.no_control"),
            ),
        ],
    }
}

fn http_name() -> Row {
    let alone = || {
        World::http("news.example")
            .request_fails("connection_reset")
            .no_control("generic_timeout_error")
    };
    Row {
        rule: "web.follow_up.http_name",
        cases: [
            case(
                "no control; reset with the host only, every time",
                alone().again(&[("http", "name", None), ("http", "nothing", RESET)]),
                blocked(
                    "web.follow_up.http_name",
                    Mechanism::HttpResetHost,
                    Locus::Path,
                    Confidence::High,
                ),
            ),
            case(
                "no control; reset once, and then not",
                alone().again(&[("http", "name", None), ("http", "nothing", None)]),
                unknown("web.http.unexplained"),
            ),
            case(
                "no control; the server resets whatever it is asked",
                alone().again(&[("http", "name", RESET), ("http", "nothing", RESET)]),
                unknown("web.http.unexplained"),
            ),
        ],
    }
}

fn throttle() -> Row {
    let slow = || World::https("news.example").request_fails("generic_timeout_error");
    let rounds = |bytes, seconds| [(bytes, seconds); 3];
    Row {
        rule: "web.follow_up.throttle",
        cases: [
            case(
                "100 kbit/s with the name, and 4 Mbit/s with another, in turn",
                slow()
                    .again_with(&[("http", "nothing", TIMEOUT)], &rounds(125_000, 10))
                    .again_with(&[("http", "name", None)], &rounds(500_000, 1)),
                blocked(
                    "web.follow_up.throttle",
                    Mechanism::TlsThrottleSni,
                    Locus::Path,
                    Confidence::High,
                ),
            ),
            case(
                "slow with the name, and another gets a small error page: no speed to compare",
                slow()
                    .again_with(&[("http", "nothing", TIMEOUT)], &rounds(125_000, 10))
                    .again_with(&[("http", "name", None)], &rounds(900, 1)),
                unknown("web.follow_up.slow"),
            ),
            case(
                "a slow server: slow whatever the name, for the control too",
                slow()
                    .control_request_fails("generic_timeout_error")
                    .again_with(&[("http", "nothing", TIMEOUT)], &rounds(125_000, 10))
                    .again_with(&[("http", "name", TIMEOUT)], &rounds(125_000, 10)),
                down("web.http.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn quic() -> Row {
    let page = || World::https("news.example");
    Row {
        rule: "web.follow_up.quic_name",
        cases: [
            case(
                "the page comes over TLS; QUIC is silent with the name only",
                page().again(&[("quic", "name", OTHER_NAME), ("quic", "nothing", TIMEOUT)]),
                ok_though(
                    "web.follow_up.quic_name",
                    Mechanism::QuicTimeoutSni,
                    Locus::Path,
                    Confidence::High,
                ),
            ),
            case(
                "QUIC is silent whatever the name: UDP does not pass, or the server has none",
                page().again(&[("quic", "name", TIMEOUT), ("quic", "nothing", TIMEOUT)]),
                proven(),
            ),
            case(
                "QUIC was silent once",
                page().again(&[("quic", "name", OTHER_NAME), ("quic", "nothing", None)]),
                proven(),
            ),
        ],
    }
}

fn slow() -> Row {
    let cut = || World::https("news.example").request_fails("generic_timeout_error");
    let crawls = |changed| [("http", changed, TIMEOUT)];
    let rounds = [(125_000, 10); 3];
    Row {
        rule: "web.follow_up.slow",
        cases: [
            case(
                "100 kbit/s, whatever the name",
                cut().again_with(&crawls("nothing"), &rounds).again_with(&crawls("name"), &rounds),
                unknown("web.follow_up.slow"),
            ),
            case(
                "no byte of an answer, whatever the name",
                cut().again(&[("http", "name", TIMEOUT), ("http", "nothing", TIMEOUT)]),
                blocked(
                    "web.http.timeout",
                    Mechanism::HttpTimeout,
                    Locus::Path,
                    Confidence::Medium,
                ),
            ),
            case(
                "a slow server: the control gets no page in time either",
                cut()
                    .control_request_fails("generic_timeout_error")
                    .again_with(&crawls("nothing"), &rounds)
                    .again_with(&crawls("name"), &rounds),
                down("web.http.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn endpoint() -> Row {
    let crawls = || {
        let world = World::https("news.example").request_fails("generic_timeout_error");
        let world = world.again_with(&[("http", "nothing", TIMEOUT)], &[(125_000, 10); 3]);
        world.again_with(&[("http", "name", TIMEOUT)], &[(125_000, 10); 3])
    };
    let load = |seconds| [(61_440, seconds); 3];
    Row {
        rule: "web.follow_up.endpoint",
        cases: [
            case(
                "100 kbit/s, whatever the name, and 4.9 Mbit/s to the test helper",
                crawls().sends_to_helper(&[(614_400, 1); 3], 400),
                blocked(
                    "web.follow_up.endpoint",
                    Mechanism::IpThrottleEndpoint,
                    Locus::Path,
                    Confidence::Medium,
                ),
            ),
            case(
                "the test helper answers at once, without reading",
                crawls().sends_to_helper(&[(614_400, 1); 3], 413),
                unknown("web.follow_up.slow"),
            ),
            case(
                "the line is slow",
                crawls().sends_to_helper(&load(5), 400),
                unknown("web.follow_up.slow"),
            ),
        ],
    }
}
