//! Requests on connections that stood.

use wirewitness_model::verdict::{Confidence, Locus, Mechanism};

use super::situations::going_in_circles;
use super::{Row, blocked, case, down, proven, same_page, unknown};
use crate::world::{PRIVATE, SITE, World};

pub(super) fn rows() -> Vec<Row> {
    vec![
        redirect_loop(),
        forged_redirect(),
        bad_redirect(),
        throttle(),
        reset(),
        close(),
        timeout(),
        late_reset(),
        certificate(),
        down_for_all(),
        unexplained(),
    ]
}

fn redirect_loop() -> Row {
    let path = |path| World::https("news.example").path(path);
    Row {
        rule: "web.http.redirect_loop",
        cases: [
            case(
                "the site redirects more often than anybody follows",
                going_in_circles(),
                down("web.http.redirect_loop", Mechanism::ServerRedirectLoop, Confidence::Medium),
            ),
            case(
                "four redirects, by scheme, host and language, and then the page",
                World::http("news.example").redirects_to(
                    path("/").redirects_to(
                        World::https("www.news.example")
                            .redirects_to(World::https("www.news.example").path("/en/")),
                    ),
                ),
                proven(),
            ),
            case(
                "the site redirects, and its next page never comes, for the control neither",
                World::http("news.example")
                    .redirects_to(
                        World::http("news.example")
                            .path("/start")
                            .request_fails("generic_timeout_error"),
                    )
                    .control_request_fails("generic_timeout_error"),
                down("web.http.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn forged_redirect() -> Row {
    let inward = World::http("news.example").redirects_badly("http://10.10.34.36/?u=news.example");
    Row {
        rule: "web.http.forged_redirect",
        cases: [
            case(
                "a plain request is sent to a private address, the control gets the page",
                inward.clone(),
                blocked(
                    "web.http.forged_redirect",
                    Mechanism::HttpRedirect,
                    Locus::Path,
                    Confidence::Medium,
                ),
            ),
            case(
                "the site's own redirect names no host",
                World::http("news.example").redirects_badly("http://"),
                down("web.http.bad_redirect", Mechanism::ServerDown, Confidence::Medium),
            ),
            case(
                "the site sends everybody to a private address of its own",
                inward.control_request_fails("unknown_error"),
                down("web.http.bad_redirect", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn bad_redirect() -> Row {
    Row {
        rule: "web.http.bad_redirect",
        cases: [
            case(
                "a redirect without a host, over TLS",
                World::https("news.example").redirects_badly("https://"),
                down("web.http.bad_redirect", Mechanism::ServerDown, Confidence::High),
            ),
            case(
                "a redirect to www, which is followed",
                World::https("news.example").redirects_to(World::https("www.news.example")),
                proven(),
            ),
            case(
                "the line was lost after a redirect",
                World::https("news.example")
                    .redirects_to(World::https("www.news.example").connect(
                        SITE,
                        443,
                        "network_unreachable",
                    ))
                    .no_control("network_unreachable"),
                unknown("web.connect.no_control"),
            ),
        ],
    }
}

fn throttle() -> Row {
    // 100 kB in 40 seconds: 20 kbit/s.
    let slow = World::https("video.example").pace(100_000, 40);
    Row {
        rule: "web.throttle",
        cases: [
            case(
                "the page creeps at 20 kbit/s beside a transfer at 2 Mbit/s",
                slow.clone().beside(500_000, 2),
                blocked("web.throttle", Mechanism::TlsThrottleSni, Locus::Path, Confidence::Medium),
            ),
            case("the page creeps, and so does everything else", slow.beside(30_000, 10), proven()),
            case(
                "the page creeps until the time is up, for the control as well",
                World::https("video.example")
                    .pace(100_000, 40)
                    .request_fails("generic_timeout_error")
                    .control_request_fails("generic_timeout_error")
                    .beside(30_000, 10),
                down("web.http.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn reset() -> Row {
    let world = World::http("news.example").request_fails("connection_reset");
    Row {
        rule: "web.http.reset",
        cases: [
            case(
                "reset on the plain request, while TLS with the same address stands",
                world.clone(),
                blocked("web.http.reset", Mechanism::HttpResetHost, Locus::Path, Confidence::High),
            ),
            case(
                "reset on a request inside TLS, which shows no host",
                World::https("news.example").request_fails("connection_reset"),
                blocked(
                    "web.tls.late_reset",
                    Mechanism::TlsResetOther,
                    Locus::Path,
                    Confidence::Medium,
                ),
            ),
            case(
                "the server resets the control's request too",
                world.control_request_fails("connection_reset"),
                down("web.http.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn close() -> Row {
    let world = World::http("news.example").request_fails("eof_error");
    Row {
        rule: "web.http.close",
        cases: [
            case(
                "closed on the plain request, while TLS with the same address stands",
                world.clone(),
                blocked("web.http.close", Mechanism::HttpClose, Locus::Path, Confidence::High),
            ),
            case(
                "closed on the ClientHello",
                World::https("news.example").handshake(SITE, "eof_error"),
                blocked("web.tls.close", Mechanism::TlsClose, Locus::Path, Confidence::High),
            ),
            case(
                "the server closes on the control too",
                world.control_request_fails("response_never_received"),
                down("web.http.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn timeout() -> Row {
    let world = World::http("news.example").request_fails("generic_timeout_error");
    Row {
        rule: "web.http.timeout",
        cases: [
            case(
                "silence after the plain request, while TLS with the same address stands",
                world.clone(),
                blocked("web.http.timeout", Mechanism::HttpTimeout, Locus::Path, Confidence::High),
            ),
            case(
                "the page is slow, and it is whole at last",
                World::http("news.example").pace(40_000, 20),
                same_page(),
            ),
            case(
                "the server says nothing to the control either",
                world.control_request_fails("generic_timeout_error"),
                down("web.http.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn late_reset() -> Row {
    let world = World::https("news.example").handshake(SITE, "connection_reset");
    Row {
        rule: "web.tls.late_reset",
        cases: [
            case(
                "an old probe says that the request was reset, and not when",
                world.clone().old(),
                blocked(
                    "web.tls.late_reset",
                    Mechanism::TlsResetOther,
                    Locus::Path,
                    Confidence::Medium,
                ),
            ),
            case(
                "the same, by a probe that says when",
                world.clone(),
                blocked("web.tls.reset", Mechanism::TlsResetSni, Locus::Path, Confidence::High),
            ),
            case(
                "an old probe, and the control is reset as well",
                world.old().control_request_fails("connection_reset"),
                down("web.http.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn certificate() -> Row {
    let world = World::https("news.example").handshake(SITE, "ssl_unknown_authority");
    Row {
        rule: "web.http.certificate",
        cases: [
            case(
                "an old probe was shown a certificate of no known authority",
                world.clone().old(),
                blocked(
                    "web.http.certificate",
                    Mechanism::TlsMitmSelfSigned,
                    Locus::Path,
                    Confidence::Medium,
                ),
            ),
            case(
                "the same, by a probe that records the handshake",
                world.clone(),
                blocked(
                    "web.tls.certificate",
                    Mechanism::TlsMitmSelfSigned,
                    Locus::Path,
                    Confidence::Medium,
                ),
            ),
            case(
                "an old probe, and the control gets no page either",
                world.old().control_request_fails("unknown_error"),
                down("web.http.down", Mechanism::ServerBadCertificate, Confidence::Medium),
            ),
        ],
    }
}

fn down_for_all() -> Row {
    Row {
        rule: "web.http.down",
        cases: [
            case(
                "the server accepts connections and closes on every request",
                World::https("news.example")
                    .request_fails("eof_error")
                    .control_request_fails("response_never_received"),
                down("web.http.down", Mechanism::ServerDown, Confidence::Medium),
            ),
            case(
                "the control's request fails, the probe's does not",
                World::https("news.example").control_request_fails("response_never_received"),
                proven(),
            ),
            case(
                "the request failed, and so did every way to the control",
                World::http("news.example")
                    .request_fails("generic_timeout_error")
                    .no_control("generic_timeout_error"),
                unknown("web.http.unexplained"),
            ),
        ],
    }
}

fn unexplained() -> Row {
    let world = World::http("news.example").request_fails("eof_error");
    Row {
        rule: "web.http.unexplained",
        cases: [
            case(
                "closed on the request, and no control",
                world.clone().no_control("eof_error"),
                unknown("web.http.unexplained"),
            ),
            case(
                "closed on the request, and the control got the page",
                world.connect(SITE, 443, "connection_refused"),
                blocked("web.http.close", Mechanism::HttpClose, Locus::Path, Confidence::Medium),
            ),
            case(
                "a redirect inward, on a line whose control was swallowed too",
                World::http("news.example")
                    .redirects_badly(concat!("http://", "10.10.34.36", "/login"))
                    .system(&[SITE])
                    .public(&[PRIVATE])
                    .connect(PRIVATE, 80, "connection_refused")
                    .connect(PRIVATE, 443, "connection_refused")
                    .no_control("ssl_unknown_authority"),
                super::own_line("web.vantage.captive_portal", Mechanism::VantageCaptivePortal),
            ),
        ],
    }
}
