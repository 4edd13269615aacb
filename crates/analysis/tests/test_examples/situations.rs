//! One situation for each mechanism that the rules of web connectivity can find, and a few where there is none.

use super::Example;
use crate::certificates::{SELF_SIGNED, SIGNED_BY_ANOTHER};
use crate::test_web_rules::situations::{challenge, going_in_circles, not_in_your_country};
use crate::world::{ELSEWHERE, INSIDE, PRIVATE, Page, SITE, SITE_V6, World};

/// All examples, in the order of the connection's steps.
pub(super) fn all() -> Vec<Example> {
    let parts = [no_interference(), names(), connects(), handshakes(), exchanges(), servers()];
    parts.into_iter().flatten().collect()
}

fn example(name: &'static str, world: World, explanation: &'static str) -> Example {
    Example { name, world, explanation }
}

fn news() -> World {
    World::https("news.example")
}

fn plain_news() -> World {
    World::http("news.example")
}

fn no_interference() -> Vec<Example> {
    vec![
        example(
            "ok",
            news(),
            "Every resolver gives the site's address and the page comes over TLS. The certificate proves who sent it.",
        ),
        example(
            "ok.dns.injection.other",
            news().system(&[INSIDE]).public(&[INSIDE]),
            "Unencrypted lookups lead to an address in the probe's own network, where the encrypted lookup does not \
             lead, and the page loads through it all the same. Nobody was kept from the site, but what stands there \
             sees, or can see, the traffic.",
        ),
        example(
            "insufficient.no_control",
            plain_news().no_control("connection_reset"),
            "A page came unencrypted and no test helper could be reached. Without a control nothing says whether it is \
             the site's page.",
        ),
        example(
            "vantage.ipv6_broken",
            World::https("six.example").at(&[SITE_V6]).connect(SITE_V6, 443, "network_unreachable"),
            "The site has IPv6 alone and the line has none. That says nothing about the site.",
        ),
        example(
            "vantage.captive_portal",
            plain_news().gets(Page::titled("Log in to the network").status(511)),
            "The network answers 511 Network Authentication Required in place of the site, as hotels and trains do \
             before one has logged in. What lies behind was not measured.",
        ),
    ]
}

fn names() -> Vec<Example> {
    vec![
        example(
            "dns.injection.blockpage",
            plain_news().system(&[ELSEWHERE]).gets_from(ELSEWHERE, Page::of_a_filter()),
            "The system resolver gives an address of a network that is not the site's, and a filter's page waits there. \
             A public resolver and an encrypted one on the same line give the true address.",
        ),
        example(
            "dns.injection.bogon",
            news().system(&[PRIVATE]).connect(PRIVATE, 443, "generic_timeout_error"),
            "The system resolver gives a private address for a public name. Every other resolver and the control give \
             the true one.",
        ),
        example(
            "dns.injection.other",
            news().system(&[ELSEWHERE]).public(&[ELSEWHERE]),
            "Unencrypted lookups, even those sent to a public resolver, lead to a network that is not the site's, where \
             TLS is refused. The encrypted lookup leads to the site, so the answers are forged on the path.",
        ),
        example(
            "dns.nxdomain",
            news().system_fails("dns_nxdomain_error"),
            "The system resolver says that there is no such name. A public resolver, an encrypted one and the control \
             all find it.",
        ),
        example(
            "dns.refused",
            news().system_fails("dns_refused_error"),
            "The system resolver refuses to answer for this name, while it answers for others. A public resolver, an \
             encrypted one and the control find it.",
        ),
        example(
            "dns.timeout",
            news().system_fails("generic_timeout_error"),
            "The system resolver stays silent for this name, while it answers for others. A public resolver, an \
             encrypted one and the control find it.",
        ),
    ]
}

fn connects() -> Vec<Example> {
    vec![
        example(
            "tcp.reset",
            news().connect(SITE, 443, "connection_reset"),
            "The connect to the true address is reset, and the control connects to the same endpoint.",
        ),
        example(
            "tcp.timeout",
            news().connect(SITE, 443, "generic_timeout_error"),
            "The connect to the true address gets no answer, and the control connects to the same endpoint.",
        ),
        example(
            "tcp.refused",
            news().connect(SITE, 443, "connection_refused"),
            "The connect to the true address is refused, and the control connects to the same endpoint.",
        ),
        example(
            "ip.unreachable",
            news().connect(SITE, 443, "host_unreachable"),
            "A router says that the true address cannot be reached, and the control connects to the same endpoint. \
             The line itself works: other addresses answer.",
        ),
    ]
}

fn handshakes() -> Vec<Example> {
    vec![
        example(
            "tls.reset.sni",
            news().handshake(SITE, "connection_reset"),
            "The connection opens and is reset on the ClientHello, which carries the name in the clear, before the \
             server said anything. The control shakes hands with the same endpoint under the same name.",
        ),
        example(
            "tls.reset.other",
            news().handshake_after_hello(SITE, "connection_reset"),
            "The handshake is reset after the server began to answer, so it does not follow that the name in the \
             ClientHello was the trigger. The control shakes hands with the same endpoint.",
        ),
        example(
            "tls.timeout",
            news().handshake(SITE, "generic_timeout_error"),
            "The connection opens and falls silent on the ClientHello. The control shakes hands with the same endpoint \
             under the same name.",
        ),
        example(
            "tls.close",
            news().handshake(SITE, "eof_error"),
            "The connection opens and is closed on the ClientHello. The control shakes hands with the same endpoint \
             under the same name.",
        ),
        example(
            "tls.mitm.self_signed",
            news().certificate(SITE, "ssl_unknown_authority", SELF_SIGNED),
            "A certificate comes that signs itself, from an address that shows the control the right one. Something \
             between the two answers for the site: on the path, or a program on the device.",
        ),
        example(
            "tls.mitm.ca_signed",
            news().certificate(SITE, "ssl_unknown_authority", SIGNED_BY_ANOTHER),
            "A certificate comes that an unknown authority signed, from an address that shows the control the right \
             one. Something between the two answers for the site: on the path, or a program on the device.",
        ),
        example(
            "tls.throttle.sni",
            World::https("video.example").pace(100_000, 40).beside(500_000, 2),
            "The page creeps at 20 kbit/s for 40 seconds, while another connection of the same measurement carries 2 \
             Mbit/s. The line is not the reason.",
        ),
    ]
}

fn exchanges() -> Vec<Example> {
    let notice = Page::titled("Notice").text("<p>Ask your operator.</p>\n");
    vec![
        example(
            "http.blockpage",
            plain_news().gets(Page::of_a_filter()),
            "Every resolver tells the truth, and a filter's page comes from the true address in place of the page that \
             the control got.",
        ),
        example(
            "http.redirect",
            plain_news().redirects_to(
                World::http(ELSEWHERE).at(&[ELSEWHERE]).serves(Page::of_the_site()).gets(notice),
            ),
            "A plain request is redirected to a bare address, where another page waits than the one the control got.",
        ),
        example(
            "http.close",
            plain_news().request_fails("eof_error"),
            "The connection is closed on the plain request, while TLS with the same address stands and the control \
             gets the page.",
        ),
        example(
            "http.timeout",
            plain_news().request_fails("generic_timeout_error"),
            "The plain request gets no answer, while TLS with the same address stands and the control gets the page.",
        ),
        example(
            "http.reset.host",
            plain_news().request_fails("connection_reset"),
            "The connection is reset on the plain request, which carries the host in the clear, while TLS with the \
             same address stands and the control gets the page.",
        ),
        example(
            "http.throttle.host",
            World::http("video.example").pace(100_000, 40).beside(500_000, 2),
            "The plain page creeps at 20 kbit/s for 40 seconds, while another connection of the same measurement \
             carries 2 Mbit/s. The line is not the reason.",
        ),
    ]
}

fn servers() -> Vec<Example> {
    vec![
        example(
            "server.down",
            news().connect(SITE, 443, "connection_refused").control_connect(
                SITE,
                443,
                "connection_refused_error",
            ),
            "The connect is refused, and the control is refused at the same endpoint: nothing listens there.",
        ),
        example(
            "server.geoblock",
            World::https("video.example").gets(not_in_your_country()),
            "The site's certificate is right, and the page says that the service is not for this country. The site \
             does that itself.",
        ),
        example(
            "server.captcha",
            news().gets(challenge()),
            "The site's certificate is right, and the service in front of it asks for a proof of humanity, which a \
             probe cannot give.",
        ),
        example(
            "server.bad_certificate",
            news()
                .certificate(SITE, "ssl_unknown_authority", SELF_SIGNED)
                .control_handshake(SITE, "ssl_unknown_authority"),
            "The site's certificate signs itself, and the control is shown one that it cannot accept either.",
        ),
        example(
            "server.redirect_loop",
            going_in_circles(),
            "The site redirects from page to page, more often than any browser follows, on a connection that proves \
             the site.",
        ),
    ]
}
