//! Situations that are often mistaken for censorship, and some that are censorship of another kind than they look.

use wirewitness_model::verdict::{Confidence, Locus, Mechanism};

use super::situations::{challenge, not_in_your_country};
use super::{Case, Says, blocked, case, down, ok_though, own_line, proven, same_page, unknown};
use crate::certificates::SIGNED_BY_ANOTHER;
use crate::world::{
    CDN, CDN_TOO, ELSEWHERE, INSIDE, PRIVATE, Page, SITE, SITE_TOO, SITE_V6, World,
};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = names();
    cases.extend(lines());
    cases.extend(controls());
    cases.extend(servers());
    cases.extend(mechanisms());
    cases
}

/// Geo-DNS, caches, resolvers with ideas of their own.
fn names() -> Vec<Case> {
    vec![
        case(
            "geo-DNS: plain HTTP from another network of the CDN, the same page",
            World::http("news.example").system(&[CDN]).public(&[CDN_TOO]),
            same_page(),
        ),
        case(
            "a CDN's cache inside the operator, of which the system resolver alone is told",
            World::https("video.example").system(&[INSIDE]),
            ok_though(
                "web.dns.own_network",
                Mechanism::DnsInjectionOther,
                Locus::Resolver,
                Confidence::Medium,
            ),
        ),
        case(
            "geo-DNS: one edge is dropped here alone, and the control proves that it is the site's",
            World::https("news.example").system(&[CDN]).public(&[CDN]).connect(
                CDN,
                443,
                "generic_timeout_error",
            ),
            blocked("web.tcp.timeout", Mechanism::TcpTimeout, Locus::Unknown, Confidence::Medium),
        ),
        case(
            "geo-DNS: a filter's page put in on the way to an edge that every resolver names",
            World::http("news.example").at(&[CDN]).control_finds(&[SITE]).gets(Page::of_a_filter()),
            blocked("web.http.blockpage", Mechanism::HttpBlockpage, Locus::Path, Confidence::High),
        ),
        case(
            "geo-DNS: an edge of a CDN refuses with the CDN's usual words",
            World::http("shop.example")
                .system(&[CDN])
                .gets(Page::titled("Access Denied").status(403)),
            unknown("web.http.differs"),
        ),
        case(
            "a public resolver that filters malware denies the name, the page loads",
            World::https("news.example").public_fails("dns_nxdomain_error"),
            ok_though("web.dns.path_only", Mechanism::DnsNxdomain, Locus::Path, Confidence::Medium),
        ),
        case(
            "every name leads to the network's login page, over TLS too, and there is no control",
            World::https("news.example")
                .system(&[PRIVATE])
                .public(&[PRIVATE])
                .encrypted_fails("ssl_unknown_authority")
                .certificate(PRIVATE, "ssl_unknown_authority", SIGNED_BY_ANOTHER)
                .no_control("ssl_unknown_authority"),
            unknown("web.connect.no_control"),
        ),
        case(
            "a resolver that maps IPv4 into IPv6 on a line without IPv4",
            World::https("news.example")
                .system(&["64:ff9b::c01f:c40a"])
                .public_fails("network_unreachable")
                .encrypted(&["64:ff9b::c01f:c40a"]),
            proven(),
        ),
        case(
            "a signed zone whose signatures ran out: resolvers that check fail, others do not",
            World::https("broken.example")
                .system_fails("dns_servfail_error")
                .public_fails("dns_servfail_error")
                .encrypted_fails("dns_servfail_error"),
            unknown("web.dns.resolver_fails"),
        ),
        case(
            "an old probe's first lookup fails, and its request finds the name after all",
            World::https("news.example")
                .system_fails("dns_server_failure")
                .gets(Page::of_the_site())
                .old(),
            proven(),
        ),
        case(
            "the system resolver is silent for every name",
            World::https("news.example")
                .system_fails("generic_timeout_error")
                .without_client_resolver(),
            unknown("web.dns.resolver_fails"),
        ),
        case(
            "a phone without IPv6 reports no address for a site with IPv6 alone",
            World::https("six.example")
                .at(&[SITE_V6])
                .system_fails("android_dns_cache_no_data")
                .connect(SITE_V6, 443, "network_unreachable"),
            own_line("web.vantage.ipv6", Mechanism::VantageIpv6Broken),
        ),
    ]
}

/// Lines that lack something.
fn lines() -> Vec<Case> {
    vec![
        case(
            "IPv6 is broken and IPv4 delivers",
            World::https("news.example").at(&[SITE, SITE_V6]).connect(
                SITE_V6,
                443,
                "network_unreachable",
            ),
            proven(),
        ),
        case(
            "IPv6 is silent, and is all that the site has: the line may have none",
            World::https("six.example").at(&[SITE_V6]).connect(
                SITE_V6,
                443,
                "generic_timeout_error",
            ),
            unknown("web.connect.no_control"),
        ),
        case(
            "IPv6 is silent and IPv4 delivers",
            World::https("news.example").at(&[SITE, SITE_V6]).connect(
                SITE_V6,
                443,
                "generic_timeout_error",
            ),
            proven(),
        ),
        case(
            "a line with IPv6 alone, and a site with IPv4 alone: even the public resolver's IPv4 is out of reach",
            World::https("news.example").public_fails("network_unreachable").connect(
                SITE,
                443,
                "network_unreachable",
            ),
            unknown("web.connect.no_control"),
        ),
        case(
            "the network changed under the probe",
            World::https("news.example").connect(SITE, 443, "network_down"),
            unknown("web.connect.no_control"),
        ),
        case(
            "a login page by redirect to a private address, and no control",
            World::http("news.example")
                .redirects_to(
                    World::http("10.0.0.1").at(&["10.0.0.1"]).gets(Page::titled("Log in here")),
                )
                .no_control("ssl_unknown_authority"),
            own_line("web.vantage.captive_portal", Mechanism::VantageCaptivePortal),
        ),
        case(
            "a slow line: a large page does not end in time, and nothing beside it is faster",
            World::https("video.example")
                .pace(100_000, 40)
                .request_fails_after(Page::of_the_site(), "generic_timeout_error")
                .beside(30_000, 10),
            blocked("web.http.timeout", Mechanism::HttpTimeout, Locus::Path, Confidence::Medium),
        ),
    ]
}

/// Controls that see less than the probe.
fn controls() -> Vec<Case> {
    vec![
        case(
            "the control is answered 502, the probe gets the page over TLS",
            World::https("news.example").control_gets(Page::titled("Bad Gateway").status(502)),
            proven(),
        ),
        case(
            "the control is answered 502, the probe gets a plain page",
            World::http("news.example").control_gets(Page::titled("Bad Gateway").status(502)),
            unknown("web.http.differs"),
        ),
        case(
            "the control is asked for a proof of humanity, the probe gets the page",
            World::https("news.example").control_gets(Page::titled("Just a moment...").status(403)),
            proven(),
        ),
        case(
            "the site drops data centres, where the control runs",
            World::https("news.example")
                .control_connect(SITE, 443, "generic_timeout_error")
                .control_cannot_find("dns_server_failure"),
            proven(),
        ),
        case(
            "the control connects and is led in circles; here the connect is silent",
            World::https("news.example")
                .connect(SITE, 443, "generic_timeout_error")
                .control_request_fails("unknown_error"),
            blocked("web.tcp.timeout", Mechanism::TcpTimeout, Locus::Unknown, Confidence::Medium),
        ),
        case(
            "an old probe: refused here, and for the control, which has no page",
            World::https("news.example")
                .connect(SITE, 443, "connection_refused")
                .control_connect(SITE, 443, "connection_refused_error")
                .old(),
            down("web.tcp.down", Mechanism::ServerDown, Confidence::Medium),
        ),
        case(
            "an old probe: a handshake that says nothing, and a control without a page",
            World::https("news.example")
                .handshake(SITE, "ssl_failed_handshake")
                .control_request_fails("unknown_error")
                .old(),
            down("web.http.down", Mechanism::ServerDown, Confidence::Medium),
        ),
    ]
}

/// Sites that turn visitors away, move, or are half broken.
fn servers() -> Vec<Case> {
    vec![
        case(
            "451 with its usual words, unencrypted",
            World::http("video.example")
                .gets(Page::titled("Unavailable For Legal Reasons").status(451)),
            down("web.server.geoblock", Mechanism::ServerGeoblock, Confidence::Medium),
        ),
        case(
            "a country turned away in a service's own words, unencrypted",
            World::http("video.example").gets(not_in_your_country()),
            down("web.server.geoblock", Mechanism::ServerGeoblock, Confidence::Medium),
        ),
        case(
            "a CDN refuses with its usual words, unencrypted",
            World::http("shop.example").gets(Page::titled("Access Denied").status(403)),
            unknown("web.http.differs"),
        ),
        case(
            "403 over TLS, where the control is served",
            World::https("shop.example").gets(Page::titled("Access Denied").status(403)),
            down("web.server.geoblock", Mechanism::ServerGeoblock, Confidence::Medium),
        ),
        case(
            "an unencrypted challenge",
            World::http("news.example").gets(challenge()),
            down("web.server.captcha", Mechanism::ServerCaptcha, Confidence::Medium),
        ),
        case(
            "404 for both, over TLS",
            World::https("news.example")
                .path("/gone")
                .serves(Page::titled("Not Found").status(404)),
            proven(),
        ),
        case(
            "from plain to TLS, and from the bare name to www",
            World::http("news.example").redirects_to(
                World::https("news.example").redirects_to(World::https("www.news.example")),
            ),
            proven(),
        ),
        case(
            "a plain redirect to a partner's site, for both",
            World::http("news.example")
                .redirects_to(World::http("partner.example").at(&[ELSEWHERE])),
            same_page(),
        ),
        case(
            "one server shows a stale certificate, the other the right one",
            World::https("news.example").at(&[SITE, SITE_TOO]).certificate(
                SITE,
                "ssl_invalid_certificate",
                SIGNED_BY_ANOTHER,
            ),
            proven(),
        ),
        case(
            "a site of the operator's redirects to another name in the operator's network",
            World::http("operator.example").at(&[INSIDE]).redirects_to(
                World::http("welcome.example")
                    .at(&[INSIDE])
                    .gets(Page::titled("Welcome customers")),
            ),
            unknown("web.http.differs"),
        ),
    ]
}

/// Interference whose kind is easily mistaken.
fn mechanisms() -> Vec<Case> {
    let reset = Some("connection_reset");
    let on_host =
        blocked("web.http.reset", Mechanism::HttpResetHost, Locus::Path, Confidence::High);
    vec![
        case(
            "a plain request is reset whatever the host: for something else that it says",
            World::http("news.example")
                .request_fails("connection_reset")
                .again(&[("http", "name", reset), ("http", "nothing", reset)]),
            Says { mechanism: None, ..on_host },
        ),
        case(
            "a plain request stayed without an answer once, and never again: a lossy line",
            World::http("news.example")
                .request_fails("generic_timeout_error")
                .again(&[("http", "name", None), ("http", "nothing", None)]),
            unknown("web.follow_up.intermittent"),
        ),
        case(
            "a plain request is sent to a filter's address, which does not answer",
            World::http("news.example").redirects_to(
                World::http("10.10.34.36").at(&["10.10.34.36"]).connect(
                    "10.10.34.36",
                    80,
                    "generic_timeout_error",
                ),
            ),
            blocked(
                "web.http.forged_redirect",
                Mechanism::HttpRedirect,
                Locus::Path,
                Confidence::Medium,
            ),
        ),
        case(
            "a plain request is sent to a filter's address, where the request is reset",
            World::http("news.example").redirects_to(
                World::http("10.10.34.36").at(&["10.10.34.36"]).request_fails("connection_reset"),
            ),
            blocked(
                "web.http.forged_redirect",
                Mechanism::HttpRedirect,
                Locus::Path,
                Confidence::Medium,
            ),
        ),
        case(
            "plain lookups lead to the operator's proxy, and the name is reset there and at the true address",
            World::https("news.example")
                .system(&[INSIDE])
                .public(&[INSIDE])
                .handshake(INSIDE, "connection_reset")
                .handshake(SITE, "connection_reset"),
            blocked("web.dns.forged", Mechanism::DnsInjectionOther, Locus::Path, Confidence::High),
        ),
        case(
            "plain lookups lead to the operator's proxy, which passes TLS on and puts a block page into HTTP",
            World::http("news.example")
                .system(&[INSIDE])
                .public(&[INSIDE])
                .gets_from(INSIDE, Page::of_a_filter()),
            blocked(
                "web.dns.blockpage",
                Mechanism::DnsInjectionBlockpage,
                Locus::Path,
                Confidence::High,
            ),
        ),
        case(
            "a certificate that some other authority signed",
            World::https("news.example").certificate(
                SITE,
                "ssl_unknown_authority",
                SIGNED_BY_ANOTHER,
            ),
            blocked(
                "web.tls.certificate",
                Mechanism::TlsMitmCaSigned,
                Locus::Path,
                Confidence::High,
            ),
        ),
        case(
            "reset after the server was heard",
            World::https("news.example").handshake_after_hello(SITE, "connection_reset"),
            blocked("web.tls.reset", Mechanism::TlsResetOther, Locus::Path, Confidence::High),
        ),
        case(
            "a plain request is sent to a name inside the operator's network",
            World::http("news.example").redirects_to(
                World::http("notice.example")
                    .at(&[INSIDE])
                    .serves(Page::of_the_site())
                    .gets(Page::titled("Notice").text("<p>Ask your operator.</p>")),
            ),
            blocked("web.http.redirect", Mechanism::HttpRedirect, Locus::Path, Confidence::Medium),
        ),
        case(
            "a plain transfer slowed beside a fast one",
            World::http("video.example").pace(100_000, 40).beside(500_000, 2),
            blocked("web.throttle", Mechanism::HttpThrottleHost, Locus::Path, Confidence::Medium),
        ),
        case(
            "the system resolver is silent for this name, and answers others",
            World::https("news.example").system_fails("generic_timeout_error"),
            blocked("web.dns.failure", Mechanism::DnsTimeout, Locus::Resolver, Confidence::High),
        ),
        case(
            "one of two addresses is refused to everybody, the other is dropped here alone",
            World::https("news.example")
                .at(&[SITE, SITE_TOO])
                .connect(SITE, 443, "connection_refused")
                .control_connect(SITE, 443, "connection_refused_error")
                .connect(SITE_TOO, 443, "generic_timeout_error"),
            blocked("web.tcp.timeout", Mechanism::TcpTimeout, Locus::Unknown, Confidence::Medium),
        ),
    ]
}
