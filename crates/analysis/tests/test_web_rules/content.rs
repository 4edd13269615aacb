//! Pages that came.

use wirewitness_model::verdict::{Confidence, Locus, Mechanism};

use super::situations::{challenge, not_in_your_country};
use super::{Row, blocked, case, down, proven, same_page, unknown};
use crate::world::{CDN, ELSEWHERE, PRIVATE, Page, SITE, World};

pub(super) fn rows() -> Vec<Row> {
    vec![
        blockpage(),
        captcha(),
        geoblock(),
        server_error(),
        redirect(),
        ok_proven(),
        ok_match(),
        control_missing(),
        differs(),
    ]
}

fn blockpage() -> Row {
    Row {
        rule: "web.http.blockpage",
        cases: [
            case(
                "a filter's page from the true address",
                World::http("news.example").gets(Page::of_a_filter()),
                blocked(
                    "web.http.blockpage",
                    Mechanism::HttpBlockpage,
                    Locus::Path,
                    Confidence::High,
                ),
            ),
            case(
                "a report about censorship that quotes a filter's page",
                World::https("news.example").serves(
                    Page::titled("What readers saw").text("FortiGuard Intrusion Prevention"),
                ),
                proven(),
            ),
            case(
                "the site was taken down, its notice is the same for everybody",
                World::http("news.example").serves(Page::of_a_vague_filter()),
                same_page(),
            ),
        ],
    }
}

fn captcha() -> Row {
    Row {
        rule: "web.server.captcha",
        cases: [
            case(
                "the site's front asks for a proof of humanity, and serves the control",
                World::https("news.example").gets(challenge()),
                down("web.server.captcha", Mechanism::ServerCaptcha, Confidence::High),
            ),
            case(
                "a front page with a form that uses a CAPTCHA",
                World::https("news.example").serves(
                    Page::titled("Write to the editors").text("<div class=\"g-recaptcha\">"),
                ),
                proven(),
            ),
            case(
                "the control is asked as well",
                World::http("news.example").serves(challenge()),
                down("web.server.captcha", Mechanism::ServerCaptcha, Confidence::Medium),
            ),
        ],
    }
}

fn geoblock() -> Row {
    Row {
        rule: "web.server.geoblock",
        cases: [
            case(
                "the site says that it does not serve this country",
                World::https("video.example").gets(not_in_your_country()),
                down("web.server.geoblock", Mechanism::ServerGeoblock, Confidence::High),
            ),
            case(
                "a plain refusal without a word about why",
                World::http("video.example").gets(Page::titled("Forbidden").status(403)),
                unknown("web.http.differs"),
            ),
            case(
                "the site refuses everybody",
                World::https("video.example").serves(Page::titled("Forbidden").status(403)),
                proven(),
            ),
        ],
    }
}

fn server_error() -> Row {
    let overloaded = Page::titled("Service Unavailable").status(503);
    Row {
        rule: "web.server.error",
        cases: [
            case(
                "the site's own 503, and the control is served",
                World::https("news.example").gets(overloaded.clone()),
                down("web.server.error", Mechanism::ServerDown, Confidence::Medium),
            ),
            case(
                "a 503 that nobody vouches for",
                World::http("news.example").gets(overloaded.clone()),
                unknown("web.http.differs"),
            ),
            case(
                "the site answers 503 to everybody",
                World::https("news.example").serves(overloaded),
                down("web.server.error", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn redirect() -> Row {
    let notice = Page::titled("Notice").text("<p>Ask your operator.</p>");
    let to = |target: World| World::http("news.example").redirects_to(target);
    Row {
        rule: "web.http.redirect",
        cases: [
            case(
                "a plain request is sent to a bare address, where another page waits",
                to(World::http(ELSEWHERE).at(&[ELSEWHERE]).gets(notice.clone())),
                blocked(
                    "web.http.redirect",
                    Mechanism::HttpRedirect,
                    Locus::Path,
                    Confidence::Medium,
                ),
            ),
            case(
                "a plain request is sent to the site's other name, to the same page",
                to(World::http("chronicle.example").at(&[CDN])),
                same_page(),
            ),
            case(
                "the site moved to a bare address, for everybody",
                to(World::http(SITE).serves(notice)),
                same_page(),
            ),
        ],
    }
}

fn ok_proven() -> Row {
    Row {
        rule: "web.ok.proven",
        cases: [
            case("the page comes over TLS", World::https("news.example"), proven()),
            case(
                "the chain ends at another site with another page: that one proves itself only",
                World::http("news.example").redirects_to(
                    World::https("portal.example").gets(Page::titled("Something different")),
                ),
                unknown("web.http.differs"),
            ),
            case(
                "the server is off",
                World::https("news.example")
                    .connect(SITE, 443, "connection_refused")
                    .control_connect(SITE, 443, "connection_refused_error"),
                down("web.tcp.down", Mechanism::ServerDown, Confidence::Medium),
            ),
        ],
    }
}

fn ok_match() -> Row {
    Row {
        rule: "web.ok.match",
        cases: [
            case("the page is the control's", World::http("news.example"), same_page()),
            case(
                "the page is another than the control's",
                World::http("news.example").gets(Page::titled("Bonjour lecteurs")),
                unknown("web.http.differs"),
            ),
            case(
                "the same page is missing for both",
                World::http("news.example")
                    .path("/gone")
                    .serves(Page::titled("Not Found").status(404)),
                same_page(),
            ),
        ],
    }
}

fn control_missing() -> Row {
    Row {
        rule: "web.control.missing",
        cases: [
            case(
                "a page came unencrypted, and no test helper answered",
                World::http("news.example").no_control("connection_reset"),
                unknown("web.control.missing"),
            ),
            case(
                "a page came over TLS, and no test helper answered",
                World::https("news.example").no_control("connection_reset"),
                proven(),
            ),
            case(
                "every name leads to the login page of the network, and no test helper answered",
                World::http("news.example")
                    .system(&[PRIVATE])
                    .public(&[PRIVATE])
                    .encrypted_fails("ssl_unknown_authority")
                    .connect(PRIVATE, 443, "connection_refused")
                    .gets(Page::titled("Log in to the network"))
                    .no_control("ssl_unknown_authority"),
                unknown("web.control.missing"),
            ),
        ],
    }
}

fn differs() -> Row {
    Row {
        rule: "web.http.differs",
        cases: [
            case(
                "a page in the language of the country",
                World::http("news.example").gets(Page::titled("Bonjour lecteurs")),
                unknown("web.http.differs"),
            ),
            case(
                "the same over TLS",
                World::https("news.example").gets(Page::titled("Bonjour lecteurs")),
                proven(),
            ),
            case(
                "the site shows a page of maintenance to everybody",
                World::http("news.example").serves(Page::titled("Maintenance tonight")),
                same_page(),
            ),
        ],
    }
}
