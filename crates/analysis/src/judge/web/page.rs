//! The page at the end of the redirects: what it is like, and who can have sent it.

use crate::fingerprints::{Match, Strength};

use super::super::body::{CAPTCHA_MARKS, COUNTRY_MARKS, first_mark};
use super::super::ooni::{Comparison, ControlPage, Page, compare};
use super::super::url::{hostname, same_site};
use super::facts::{Exchange, Facts};

/// A look at the final page.
pub(super) struct Look<'m> {
    pub(super) exchange: Exchange<'m>,
    /// The comparison with the control's page; none without one.
    pub(super) comparison: Option<Comparison>,

    /// True where a certificate proved the page's host, and that host is of the measured site.
    pub(super) is_proven: bool,
    /// The best fingerprint on any page of the chain, with the place of that page in `requests`.
    pub(super) fingerprint: Option<(usize, Match<'m>)>,
    /// Name of a known false positive on the final page.
    pub(super) false_positive: Option<&'m str>,
    /// What the server itself says, where a known mark of that is in the page.
    pub(super) server_says: Option<ServerSays>,
    /// The redirect, sent unencrypted, that leads to another site.
    pub(super) detour: Option<Detour>,
}

/// What a server tells this vantage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerSays {
    /// Prove that you are human. The mark that says so.
    Captcha(&'static str),
    /// Not in your country. The mark that says so.
    NotHere(&'static str),
}

/// A redirect to another site that nobody vouched for.
pub(super) struct Detour {
    pub(super) at: usize,
    pub(super) location: String,
    /// True for an address instead of a name, or one in the probe's own network.
    pub(super) leads_inside: bool,
}

impl<'m> Look<'m> {
    /// Looks; none where no page came.
    pub(super) fn at(facts: &Facts<'m>) -> Option<Self> {
        let exchange = *facts.page()?;
        let control = facts.control.filter(|_| facts.control_got_page());
        let comparison = control.map(|control| {
            compare(
                &Page { response: exchange.response },
                &ControlPage { http: &control.http_request },
            )
        });
        let final_matches = facts.fingerprints.match_response(exchange.response, facts.country);
        let mut fingerprint = final_matches.best().map(|best| (exchange.at, best));
        for hop in facts.exchanges.iter().filter(|hop| hop.at != exchange.at) {
            let best = facts.fingerprints.match_response(hop.response, facts.country).best();
            let is_better = best
                .is_some_and(|new| fingerprint.is_none_or(|(_, old)| new.strength < old.strength));
            if let (Some(best), true) = (best, is_better) {
                fingerprint = Some((hop.at, best));
            }
        }
        Some(Self {
            comparison,

            is_proven: facts.is_authenticated(&exchange)
                && same_site(exchange.host(), measured_host(facts)),
            fingerprint,
            false_positive: final_matches.false_positive.map(|row| row.name.as_str()),
            server_says: server_says(&exchange),
            detour: detour(facts, &exchange),
            exchange,
        })
    }

    /// True where the page is unlike the control's; false without a control.
    pub(super) fn differs(&self) -> bool {
        self.comparison.is_some() && !self.matches()
    }

    /// True where the page is like the control's. Stricter than OONI's keys: two pages without any long word in their
    /// titles have alike titles there, and nothing in common here; and a header that nearly every page has
    /// (`Content-Length`) makes two pages alike there, and not here.
    pub(super) fn matches(&self) -> bool {
        let Some(comparison) = &self.comparison else { return false };
        let title = comparison.title_match == Some(true) && comparison.has_telling_title;
        let any =
            comparison.body_length_match() == Some(true) || comparison.has_telling_header || title;
        comparison.status_code_match == Some(true) && any
    }

    /// The fingerprint, where it says more than the page's other words: not a vague one on a page that turns this
    /// country away or asks for a proof of humanity, nor one whose list itself thinks next to nothing of it.
    pub(super) fn mark(&self) -> Option<(usize, Match<'m>)> {
        let says_little = |found: &Match<'m>| {
            self.server_says.is_some() || found.fingerprint.confidence == LEAST_CONFIDENCE
        };
        self.fingerprint
            .filter(|(_, found)| found.strength == Strength::Confirms || !says_little(found))
    }

    /// A fingerprint that is enough by itself.
    pub(super) fn confirmed(&self) -> Option<(usize, Match<'m>)> {
        self.fingerprint.filter(|(_, found)| found.strength == Strength::Confirms)
    }
}

/// The host that the chain began with.
fn measured_host<'m>(facts: &Facts<'m>) -> &'m str {
    facts.exchanges.last().map_or(facts.host, Exchange::host)
}

/// The first redirect that came unencrypted and leads to another site, unless the chain came back.
fn detour(facts: &Facts<'_>, last: &Exchange<'_>) -> Option<Detour> {
    if same_site(last.host(), measured_host(facts)) {
        return None;
    }
    facts.exchanges.iter().rev().find_map(|hop| {
        let location = hop.location()?;
        let target = hostname(&location);
        let leaves = hop.is_redirect() && !target.is_empty() && !same_site(target, hop.host());
        (leaves && !hop.is_https()).then(|| Detour {
            at: hop.at,
            leads_inside: leads_inside(facts, target),
            location: location.clone(),
        })
    })
}

/// The lowest grade that lists give: words that content delivery networks and servers use as well.
const LEAST_CONFIDENCE: u8 = 1;

/// True for a target that is an address instead of a name, or in the probe's own network where the site is not.
pub(super) fn leads_inside(facts: &Facts<'_>, target: &str) -> bool {
    let is_inside = |address: &str| facts.is_in_own_network(address);
    let queries = facts.keys.queries.iter().filter(|query| query.hostname.or_empty() == target);
    let mut answers = queries.flat_map(|query| query.answers.iter());
    target.parse::<std::net::IpAddr>().is_ok()
        || (!facts.names.control_addresses.iter().any(|address| is_inside(address))
            && answers.any(|answer| answer.address().is_some_and(is_inside)))
}

fn server_says(exchange: &Exchange<'_>) -> Option<ServerSays> {
    if exchange.code() == 451 {
        return Some(ServerSays::NotHere("status 451 (RFC 7725)"));
    }
    if exchange.response.header("cf-mitigated").is_some_and(|value| value == b"challenge") {
        return Some(ServerSays::Captcha("header cf-mitigated: challenge"));
    }
    if !matches!(exchange.code(), 202 | 401..=499 | 503) {
        return None;
    }
    let body = &exchange.response.body;
    if let Some(mark) = first_mark(body, CAPTCHA_MARKS) {
        return Some(ServerSays::Captcha(mark));
    }
    first_mark(body, COUNTRY_MARKS).map(ServerSays::NotHere)
}
