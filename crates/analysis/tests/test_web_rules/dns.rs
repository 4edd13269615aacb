//! Answers to the name.

use wirewitness_model::verdict::{Confidence, Locus, Mechanism};

use super::{Row, blocked, case, down, ok_though, proven, same_page, unknown};
use crate::world::{CDN, ELSEWHERE, INSIDE, PRIVATE, Page, SITE, World};

pub(super) fn rows() -> Vec<Row> {
    vec![
        bogon(),
        ghost(),
        blockpage(),
        own_network(),
        forged(),
        failure(),
        down_for_all(),
        path_only(),
        redirect_target(),
        resolver_fails(),
    ]
}

fn bogon() -> Row {
    Row {
        rule: "web.dns.bogon",
        cases: [
            case(
                "the system resolver gives a private address, other resolvers the site's",
                World::https("news.example").system(&[PRIVATE]).connect(
                    PRIVATE,
                    443,
                    "generic_timeout_error",
                ),
                blocked(
                    "web.dns.bogon",
                    Mechanism::DnsInjectionBogon,
                    Locus::Resolver,
                    Confidence::High,
                ),
            ),
            case(
                "a private address beside the true one, from which the page comes",
                World::https("news.example").system(&[PRIVATE, SITE]).connect(
                    PRIVATE,
                    443,
                    "generic_timeout_error",
                ),
                proven(),
            ),
            case(
                "the name leads to loopback for everybody",
                World::http("test.example")
                    .at(&["127.0.0.1"])
                    .connect("127.0.0.1", 80, "connection_refused")
                    .connect("127.0.0.1", 443, "connection_refused")
                    .control_request_fails("connection_refused_error"),
                down("web.dns.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn ghost() -> Row {
    let gone = World::http("gone.example").control_cannot_find("dns_name_error");
    Row {
        rule: "web.dns.ghost",
        cases: [
            case(
                "the name is gone, plain lookups still lead to a block page",
                gone.clone()
                    .system(&[ELSEWHERE])
                    .public(&[ELSEWHERE])
                    .encrypted_fails("dns_nxdomain_error")
                    .gets(Page::of_a_vague_filter()),
                blocked(
                    "web.dns.ghost",
                    Mechanism::DnsInjectionBlockpage,
                    Locus::Path,
                    Confidence::High,
                ),
            ),
            case(
                "the operator's resolver leads unknown names to a search page of its own",
                gone.clone()
                    .system(&[ELSEWHERE])
                    .public_fails("dns_nxdomain_error")
                    .encrypted_fails("dns_nxdomain_error")
                    .gets(Page::titled("Did you mean").text("Sponsored results")),
                down("web.dns.down", Mechanism::ServerDown, Confidence::Medium),
            ),
            case(
                "the name is gone, and every resolver says so",
                gone.names_fail("dns_nxdomain_error"),
                down("web.dns.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn blockpage() -> Row {
    Row {
        rule: "web.dns.blockpage",
        cases: [
            case(
                "the system resolver leads to another network, where a filter's page waits",
                World::http("news.example")
                    .system(&[ELSEWHERE])
                    .gets_from(ELSEWHERE, Page::of_a_filter()),
                blocked(
                    "web.dns.blockpage",
                    Mechanism::DnsInjectionBlockpage,
                    Locus::Resolver,
                    Confidence::High,
                ),
            ),
            case(
                "every resolver tells the truth, and a filter's page comes from the true address",
                World::http("news.example").gets(Page::of_a_filter()),
                blocked(
                    "web.http.blockpage",
                    Mechanism::HttpBlockpage,
                    Locus::Path,
                    Confidence::High,
                ),
            ),
            case(
                "the site was seized: everybody gets the same address and the same notice",
                World::http("news.example").at(&[ELSEWHERE]).serves(Page::of_a_filter()),
                same_page(),
            ),
        ],
    }
}

fn own_network() -> Row {
    Row {
        rule: "web.dns.own_network",
        cases: [
            case(
                "plain lookups lead into the probe's network, and the page loads through it",
                World::https("news.example").system(&[INSIDE]).public(&[INSIDE]),
                ok_though(
                    "web.dns.own_network",
                    Mechanism::DnsInjectionOther,
                    Locus::Path,
                    Confidence::High,
                ),
            ),
            case(
                "a CDN's cache inside the operator, of which an encrypted resolver knows as well",
                World::https("video.example").at(&[INSIDE]).control_finds(&[SITE]),
                proven(),
            ),
            case(
                "that cache does not answer, neither here nor for the control",
                World::https("video.example")
                    .at(&[INSIDE])
                    .control_finds(&[SITE])
                    .connect(INSIDE, 443, "generic_timeout_error")
                    .control_connect(INSIDE, 443, "generic_timeout_error"),
                down("web.tcp.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn forged() -> Row {
    Row {
        rule: "web.dns.forged",
        cases: [
            case(
                "plain lookups lead to a third network where nothing listens",
                World::https("news.example").system(&[ELSEWHERE]).public(&[ELSEWHERE]),
                blocked(
                    "web.dns.forged",
                    Mechanism::DnsInjectionOther,
                    Locus::Path,
                    Confidence::High,
                ),
            ),
            case(
                "a CDN in another network than the control's, which proves the name",
                World::https("news.example").system(&[CDN]).public(&[CDN]),
                proven(),
            ),
            case(
                "the nearest servers of a CDN are down for everybody",
                World::https("news.example")
                    .at(&[CDN])
                    .control_finds(&[SITE])
                    .connect(CDN, 443, "connection_refused")
                    .control_connect(CDN, 443, "connection_refused_error"),
                down("web.tcp.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn failure() -> Row {
    Row {
        rule: "web.dns.failure",
        cases: [
            case(
                "the system resolver alone says that there is no such name",
                World::https("news.example").system_fails("dns_nxdomain_error"),
                blocked(
                    "web.dns.failure",
                    Mechanism::DnsNxdomain,
                    Locus::Resolver,
                    Confidence::High,
                ),
            ),
            case(
                "the name has a private address, and the resolver does not pass such answers on",
                World::http("router.example")
                    .at(&["10.0.0.5"])
                    .system_fails("dns_nxdomain_error")
                    .connect("10.0.0.5", 80, "generic_timeout_error")
                    .connect("10.0.0.5", 443, "generic_timeout_error")
                    .control_request_fails("generic_timeout_error"),
                down("web.dns.down", Mechanism::ServerDown, Confidence::Medium),
            ),
            case(
                "the name was deleted: the control does not find it either",
                World::https("gone.example")
                    .names_fail("dns_nxdomain_error")
                    .control_cannot_find("dns_name_error"),
                down("web.dns.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn down_for_all() -> Row {
    Row {
        rule: "web.dns.down",
        cases: [
            case(
                "the name exists and has no address, for anybody",
                World::https("empty.example").names_fail("dns_no_answer").control_finds(&[]),
                down("web.dns.down", Mechanism::ServerDown, Confidence::Medium),
            ),
            case(
                "the control alone does not find the name; the site proves itself here",
                World::https("fresh.example").control_cannot_find("dns_name_error"),
                proven(),
            ),
            case(
                "the line is down: no resolver answers, no control",
                World::https("news.example")
                    .names_fail("generic_timeout_error")
                    .without_client_resolver()
                    .no_control("generic_timeout_error"),
                unknown("web.dns.resolver_fails"),
            ),
        ],
    }
}

fn path_only() -> Row {
    Row {
        rule: "web.dns.path_only",
        cases: [
            case(
                "plain lookups elsewhere are answered with a private address, the page loads",
                World::https("news.example").public(&[PRIVATE]).connect(
                    PRIVATE,
                    443,
                    "generic_timeout_error",
                ),
                ok_though(
                    "web.dns.path_only",
                    Mechanism::DnsInjectionBogon,
                    Locus::Path,
                    Confidence::Medium,
                ),
            ),
            case(
                "a public resolver is led to another network of the CDN",
                World::https("news.example").public(&[CDN]),
                proven(),
            ),
            case(
                "the public resolver does not answer in time, the page loads",
                World::https("news.example").public_fails("generic_timeout_error"),
                proven(),
            ),
        ],
    }
}

fn redirect_target() -> Row {
    let www = World::https("www.news.example");
    Row {
        rule: "web.dns.redirect_target",
        cases: [
            case(
                "a short link leads to a name that this line's resolvers deny",
                World::http("short.example").redirects_to(
                    World::https("news.example")
                        .system_fails("dns_nxdomain_error")
                        .public_fails("dns_nxdomain_error"),
                ),
                blocked(
                    "web.dns.redirect_target",
                    Mechanism::DnsNxdomain,
                    Locus::Path,
                    Confidence::Medium,
                ),
            ),
            case(
                "after the redirect to www, only the public resolver denies the name",
                World::https("news.example").redirects_to(www.public_fails("dns_nxdomain_error")),
                proven(),
            ),
            case(
                "a short link leads to a name that is gone, and the control gets no page either",
                World::http("short.example")
                    .redirects_to(
                        World::https("gone.example")
                            .system_fails("dns_nxdomain_error")
                            .public_fails("dns_nxdomain_error"),
                    )
                    .control_request_fails("dns_lookup_error"),
                unknown("web.nothing"),
            ),
        ],
    }
}

fn resolver_fails() -> Row {
    Row {
        rule: "web.dns.resolver_fails",
        cases: [
            case(
                "the system resolver fails; what others find would have led to the page",
                World::https("news.example").system_fails("dns_server_misbehaving"),
                unknown("web.dns.resolver_fails"),
            ),
            case(
                "the system resolver refuses this name, and answers others",
                World::https("news.example").system_fails("dns_refused_error"),
                blocked(
                    "web.dns.failure",
                    Mechanism::DnsRefused,
                    Locus::Resolver,
                    Confidence::High,
                ),
            ),
            case(
                "the zone is broken: no resolver can answer, the control's neither",
                World::https("broken.example")
                    .names_fail("dns_servfail_error")
                    .control_cannot_find("dns_server_failure"),
                down("web.dns.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}
