//! What the vantage does itself, and records that hold nothing.

use serde_json::{Value, json};
use wirewitness_model::verdict::{Confidence, Locus, Mechanism};

use super::{Case, Row, blocked, case, down, own_line, proven, unknown};
use crate::world::{ELSEWHERE, Page, SITE, SITE_V6, World};

pub(super) fn rows() -> Vec<Row> {
    vec![captive_portal(), ipv6_broken(), nothing(), empty()]
}

fn captive_portal() -> Row {
    let login = Page::titled("Log in to the network").status(511);
    Row {
        rule: "web.vantage.captive_portal",
        cases: [
            case(
                "a hotel's network answers 511 in place of every site",
                World::http("news.example").gets(login.clone()),
                own_line("web.vantage.captive_portal", Mechanism::VantageCaptivePortal),
            ),
            case(
                "a redirect to a private address, on a line whose other traffic reaches the control",
                World::http("news.example").redirects_to(
                    World::http("10.1.1.1")
                        .at(&["10.1.1.1"])
                        .serves(Page::of_the_site())
                        .gets(Page::titled("Notice").text("not here")),
                ),
                blocked(
                    "web.http.redirect",
                    Mechanism::HttpRedirect,
                    Locus::Path,
                    Confidence::Medium,
                ),
            ),
            case(
                "the site itself answers 511, to the control as well",
                World::http("news.example").serves(login),
                down("web.server.error", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn ipv6_broken() -> Row {
    Row {
        rule: "web.vantage.ipv6",
        cases: [
            case(
                "a site with IPv6 alone, on a line without any",
                World::https("six.example").at(&[SITE_V6]).connect(
                    SITE_V6,
                    443,
                    "network_unreachable",
                ),
                own_line("web.vantage.ipv6", Mechanism::VantageIpv6Broken),
            ),
            case(
                "IPv6 cannot be reached, and IPv4 is dropped here alone",
                World::https("news.example")
                    .at(&[SITE, SITE_V6])
                    .connect(SITE_V6, 443, "network_unreachable")
                    .connect(SITE, 443, "generic_timeout_error"),
                blocked(
                    "web.tcp.timeout",
                    Mechanism::TcpTimeout,
                    Locus::Unknown,
                    Confidence::Medium,
                ),
            ),
            case(
                "IPv6 cannot be reached, and the site's IPv4 refuses everybody",
                World::https("news.example")
                    .at(&[SITE, SITE_V6])
                    .connect(SITE_V6, 443, "network_unreachable")
                    .connect(SITE, 443, "connection_refused")
                    .control_connect(SITE, 443, "connection_refused_error")
                    .control_connect(SITE_V6, 443, "connection_refused_error"),
                down("web.tcp.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn nothing() -> Row {
    Row {
        rule: "web.nothing",
        cases: [
            case(
                "the probe was stopped after the lookups",
                World::https("news.example").stops_after_names(),
                unknown("web.nothing"),
            ),
            case(
                "the lookups are the same, and the page came",
                World::https("news.example"),
                proven(),
            ),
            case(
                "the line was lost during the lookups",
                World::https("news.example")
                    .names_fail("generic_timeout_error")
                    .without_client_resolver()
                    .no_control("generic_timeout_error"),
                unknown("web.dns.resolver_fails"),
            ),
        ],
    }
}

fn empty() -> Row {
    let with_keys = |keys: Value| {
        let mut json = World::https("news.example").measure();
        json["test_keys"] = keys;
        json
    };
    Row {
        rule: "unsupported.empty",
        cases: [
            Case {
                name: "a record without test keys",
                json: with_keys(Value::Null),
                says: unknown("unsupported.empty"),
            },
            Case {
                name: "a record whose test keys hold nothing",
                json: with_keys(json!({})),
                says: unknown("web.nothing"),
            },
            case(
                "a record of a line that carries nothing",
                World::https("news.example")
                    .at(&[ELSEWHERE])
                    .names_fail("network_unreachable")
                    .without_client_resolver()
                    .no_control("network_unreachable"),
                unknown("web.dns.resolver_fails"),
            ),
        ],
    }
}
