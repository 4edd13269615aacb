//! Rules about the page that came.

use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Locus, Mechanism, Status, Verdict};

use super::super::rule::{Draft, Rule};
use super::facts::Facts;
use super::page::{Look, ServerSays};

fn describe(look: &Look<'_>) -> String {
    format!("{} answers {}", look.exchange.url, look.exchange.code())
}

/// How the page compares with the control's, in words.
fn compared(look: &Look<'_>) -> String {
    let Some(comparison) = &look.comparison else { return "no control to compare with".to_owned() };
    let word = |yes: Option<bool>, what: &str| {
        yes.map(|yes| format!("{what} {}", if yes { "alike" } else { "different" }))
    };
    let parts = [
        word(comparison.status_code_match, "status"),
        word(comparison.body_length_match(), "length"),
        word(comparison.headers_match, "headers"),
        word(comparison.title_match, "title"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!(
        "beside the control's page: {}",
        if parts.is_empty() { "not comparable".to_owned() } else { parts.join(", ") }
    )
}

fn page(look: &Look<'_>, draft: Draft, outcome: Outcome) -> Draft {
    draft.saw_instead(look.exchange.place(), outcome, describe(look), compared(look))
}

pub(super) const CAPTIVE_PORTAL: Rule = Rule {
    id: "web.vantage.captive_portal",
    version: 1,
    says: "The vantage is behind a login page that answers for every site.",
    stands_on: "Status 511 (RFC 6585), or, without any control, a redirect of a plain request to a private address.",
    cannot_tell: &["a hotel's or operator's login page from a filter that answers in the same way"],
    false_positives: &[],
};

/// A login page of the vantage's own network.
pub(super) fn captive_portal(facts: &Facts<'_>) -> Option<Verdict> {
    let last = facts.last()?;
    let first = facts.exchanges.last()?;
    let location = first.location().unwrap_or_default();
    let target = super::super::url::hostname(&location);
    let is_private =
        target.parse::<std::net::IpAddr>().is_ok() && super::super::address::is_bogon(target);
    // What the control got too, or a certificate proves, the site said itself.
    let is_portals_511 =
        last.code() == 511 && facts.look().is_some_and(|look| !look.is_proven && !look.matches());
    let is_portal = is_portals_511
        || (facts.control.is_none() && first.is_redirect() && !first.is_https() && is_private);
    if !is_portal {
        return None;
    }
    let seen = if is_portals_511 {
        format!("{} answers 511 Network Authentication Required", last.url)
    } else {
        format!("{} redirects to {location}", first.url)
    };
    let draft = CAPTIVE_PORTAL
        .verdict(Status::Insufficient, Confidence::Medium)
        .by(Mechanism::VantageCaptivePortal, Locus::Vantage);
    Some(draft.saw(last.place(), Outcome::HttpResponse, seen).done())
}

pub(super) const BLOCKPAGE: Rule = Rule {
    id: "web.http.blockpage",
    version: 2,
    says: "A block page came in place of the page.",
    stands_on: "The mark of a block page on a page that no certificate proves; where the mark is vague, also a page unlike the \
                control's.",
    cannot_tell: &[
        "a block page put in by the path from one that the site shows to this network",
        "a filter that the person or their employer subscribed to",
    ],
    false_positives: &[
        "a fingerprint that also marks a page of the site's own",
        "news sites that quote block pages",
    ],
};

/// A block page.
pub(super) fn blockpage(facts: &Facts<'_>) -> Option<Verdict> {
    let look = facts.look()?;
    let (hop, found) = look.mark()?;
    if look.is_proven || look.matches() || matches!(look.server_says, Some(ServerSays::Captcha(_)))
    {
        return None;
    }
    let is_confirmed = look.confirmed().is_some();
    if !is_confirmed && (!look.differs() || look.false_positive.is_some()) {
        return None;
    }
    let confidence = match (is_confirmed, look.differs()) {
        (true, true) => Confidence::High,
        _ => Confidence::Medium,
    };
    // A redirect to it that the control was not sent came before it.
    let first = if look.detour.is_some() && look.differs() {
        Mechanism::HttpRedirect
    } else {
        Mechanism::HttpBlockpage
    };
    let mut draft = BLOCKPAGE.verdict(Status::Blocked, confidence).by(first, Locus::Path);
    draft = draft.also(Mechanism::HttpBlockpage);
    if look.comparison.is_none() {
        draft = draft.cannot_tell(
            "what the control would have seen: there is none, so this rests on the mark alone",
        );
    }
    let seen = format!("the mark of a block page: {}", found.fingerprint.name);
    let draft = page(look, draft, Outcome::HttpDiffer).saw(
        format!("test_keys.requests[{hop}]"),
        Outcome::HttpDiffer,
        seen,
    );
    Some(draft.fingerprint(&found.fingerprint.name).done())
}

pub(super) const CAPTCHA: Rule = Rule {
    id: "web.server.captcha",
    version: 1,
    says: "The site, or the service in front of it, asks this vantage for a proof of humanity.",
    stands_on: "The mark of a challenge page, with a status that is not success or unlike the control's page.",
    cannot_tell: &["a challenge for this network from one for this kind of client"],
    false_positives: &["on an unencrypted connection, a forged challenge page"],
};

/// A challenge page.
pub(super) fn captcha(facts: &Facts<'_>) -> Option<Verdict> {
    let look = facts.look()?;
    let Some(ServerSays::Captcha(mark)) = look.server_says else { return None };
    // The control may be asked too; with another status, a page like the control's only embeds a challenge somewhere.
    if look.matches() && !matches!(look.exchange.code(), 403 | 429 | 503) {
        return None;
    }
    let confidence = if look.is_proven { Confidence::High } else { Confidence::Medium };
    let draft =
        CAPTCHA.verdict(Status::Down, confidence).by(Mechanism::ServerCaptcha, Locus::Endpoint);
    let draft = unproven(look, page(look, draft, Outcome::HttpDiffer));
    Some(
        draft
            .saw(
                look.exchange.place(),
                Outcome::HttpDiffer,
                format!("the mark of a challenge page: {mark}"),
            )
            .done(),
    )
}

pub(super) const GEOBLOCK: Rule = Rule {
    id: "web.server.geoblock",
    version: 1,
    says: "The site turns this country or network away.",
    stands_on: "Status 451 (RFC 7725) or a service's own words about the country; or, on a connection that proves the site, 403 \
                where the control is served.",
    cannot_tell: &["turned away by country from turned away by network, client or reputation"],
    false_positives: &["on an unencrypted connection, a forged refusal"],
};

/// A refusal by place.
pub(super) fn geoblock(facts: &Facts<'_>) -> Option<Verdict> {
    let look = facts.look()?;
    let says = match look.server_says {
        Some(ServerSays::NotHere(mark)) => Some(mark),
        _ => None,
    };
    let refuses = look.is_proven && look.exchange.code() == 403 && status_differs(look);
    if look.matches() || !(says.is_some() || refuses) {
        return None;
    }
    let confidence =
        if look.is_proven && says.is_some() { Confidence::High } else { Confidence::Medium };
    let draft =
        GEOBLOCK.verdict(Status::Down, confidence).by(Mechanism::ServerGeoblock, Locus::Endpoint);
    let draft = unproven(look, page(look, draft, Outcome::HttpDiffer));
    Some(match says {
        Some(mark) => draft
            .saw(look.exchange.place(), Outcome::HttpDiffer, format!("the page says so: {mark}"))
            .done(),
        None => draft.done(),
    })
}

fn status_differs(look: &Look<'_>) -> bool {
    look.comparison.as_ref().is_some_and(|comparison| comparison.status_code_match == Some(false))
}

/// On an unencrypted connection, whoever sent the page may have been on the path.
fn unproven(look: &Look<'_>, draft: Draft) -> Draft {
    if look.is_proven {
        return draft;
    }
    draft.cannot_tell("the site's own page from one put in on the path: nothing proves the sender")
}

pub(super) const ERROR: Rule = Rule {
    id: "web.server.error",
    version: 1,
    says: "The site answers with an error of its own.",
    stands_on: "A 5xx or 429 status on a connection whose certificate verified, and a control that was served; or a 5xx status \
                for both.",
    cannot_tell: &["overloaded or broken for the moment from refusing this network in this way"],
    false_positives: &[],
};

/// An authenticated error.
pub(super) fn server_error(facts: &Facts<'_>) -> Option<Verdict> {
    let look = facts.look()?;
    let is_error = look.exchange.code() >= 500 || look.exchange.code() == 429;
    let is_ours = look.is_proven && is_error && status_differs(look);
    let theirs = facts.control.and_then(|control| control.http_request.status_code.0);
    let is_everybodys = look.exchange.code() >= 500 && theirs.is_some_and(|code| code >= 500);
    if !is_ours && !is_everybodys {
        return None;
    }
    let draft =
        ERROR.verdict(Status::Down, Confidence::Medium).by(Mechanism::ServerDown, Locus::Endpoint);
    if is_ours {
        return Some(page(look, draft, Outcome::HttpDiffer).done());
    }
    let expected = theirs.map_or_else(String::new, |code| format!("the control gets {code} too"));
    let draft =
        draft.saw_instead(look.exchange.place(), Outcome::HttpResponse, describe(look), expected);
    Some(unproven(look, draft).done())
}

pub(super) const REDIRECT: Rule = Rule {
    id: "web.http.redirect",
    version: 1,
    says: "A plain request was redirected to another site, to a page unlike the one that the control got.",
    stands_on: "A redirect on an unencrypted connection to another site, and a final page unlike the control's; the target is a \
                bare address or lies in the probe's own network.",
    cannot_tell: &["a redirect forged on the path from one that the site sends to this network"],
    false_positives: &["a site that sends some countries to a different page on a bare address"],
};

/// A redirect that the site did not send.
pub(super) fn redirect(facts: &Facts<'_>) -> Option<Verdict> {
    let look = facts.look()?;
    let detour = look.detour.as_ref().filter(|detour| detour.leads_inside)?;
    if !look.differs() {
        return None;
    }
    let draft = REDIRECT
        .verdict(Status::Blocked, Confidence::Medium)
        .by(Mechanism::HttpRedirect, Locus::Path);
    let seen = format!("an unencrypted redirect to {}", detour.location);
    let draft =
        draft.saw(format!("test_keys.requests[{}]", detour.at), Outcome::HttpResponse, seen);
    Some(page(look, draft, Outcome::HttpDiffer).done())
}

pub(super) const PROVEN: Rule = Rule {
    id: "web.ok.proven",
    version: 1,
    says: "The page came over a connection whose certificate proves the site.",
    stands_on: "A verified handshake for the site's name and a final response on it. No control is needed.",
    cannot_tell: &["a page that the site itself changed for this country"],
    false_positives: &["an interceptor whose authority this device trusts"],
};

/// A page that needs no control.
pub(super) fn proven(facts: &Facts<'_>) -> Option<Verdict> {
    let look = facts.look().filter(|look| look.is_proven)?;
    let draft = PROVEN.verdict(Status::Ok, Confidence::High);
    let draft = match look.comparison {
        Some(_) => {
            page(look, draft, if look.differs() { Outcome::HttpDiffer } else { Outcome::HttpMatch })
        }
        None => draft.saw(look.exchange.place(), Outcome::HttpResponse, describe(look)),
    };
    Some(notes(facts, draft).done())
}

pub(super) const MATCH: Rule = Rule {
    id: "web.ok.match",
    version: 2,
    says: "The page is like the one that the control got.",
    stands_on: "Equal status codes, and a like length, an uncommon header in common, or like titles.",
    cannot_tell: &["a page changed in small ways, on an unencrypted connection"],
    false_positives: &["a block page with the status and about the length of the page"],
};

/// A page like the control's.
pub(super) fn matches(facts: &Facts<'_>) -> Option<Verdict> {
    let look = facts.look().filter(|look| look.matches())?;
    let draft = page(look, MATCH.verdict(Status::Ok, Confidence::Medium), Outcome::HttpMatch);
    Some(notes(facts, draft).done())
}

/// Interference with this name that did not keep the page away: plain HTTP works and TLS is reset, or one address of
/// several is.
fn beside(facts: &Facts<'_>, draft: Draft) -> Draft {
    let resets = super::connect::resets_beside_the_page(facts);
    let Some((first, _)) = resets.first() else { return draft };
    let draft = draft.by(*first, Locus::Path);
    let draft = resets.iter().fold(draft, |draft, (mechanism, _)| draft.also(*mechanism));
    draft.with(resets.into_iter().map(|(_, evidence)| evidence))
}

/// What else the measurement shows beside a page that came.
fn notes(facts: &Facts<'_>, draft: Draft) -> Draft {
    let mut draft = beside(facts, draft);
    if facts.control.is_none() {
        let why = facts.keys.control_failure.as_str().unwrap_or("not in the file");
        draft =
            draft.cannot_tell(format!("whether the test helpers are blocked: no control ({why})"));
    }
    if facts.names.system.addresses.iter().any(|a| facts.is_in_own_network(a)) {
        draft = draft.cannot_tell("a cache of the site's CDN inside the operator's network from a proxy of the operator's");
    }
    if facts.connections.iter().any(super::facts::Connection::is_broken_v6) {
        draft = draft.cannot_tell("anything about IPv6: this line has none that works");
    }
    draft
}

pub(super) const NO_CONTROL: Rule = Rule {
    id: "web.control.missing",
    version: 1,
    says: "A page came unencrypted, and there is no control to compare it with.",
    stands_on: "A final response that no certificate proves, and no control.",
    cannot_tell: &["the site's page from any other page"],
    false_positives: &[],
};

/// An unauthenticated page without a control.
pub(super) fn no_control(facts: &Facts<'_>) -> Option<Verdict> {
    let look = facts.look().filter(|look| look.comparison.is_none())?;
    let draft = NO_CONTROL.verdict(Status::Insufficient, Confidence::Low);
    let draft = draft.saw(look.exchange.place(), Outcome::HttpResponse, describe(look));
    Some(match facts.keys.control_failure.as_str() {
        Some(failure) => {
            let seen = format!("the test helper could not be reached: {failure}");
            draft.saw("test_keys.control_failure", Outcome::HttpFailed, seen).done()
        }
        None => draft.done(),
    })
}

pub(super) const DIFFERS: Rule = Rule {
    id: "web.http.differs",
    version: 1,
    says: "A page came that is unlike the control's, and nothing says who sent it.",
    stands_on: "A final response that no certificate proves and that differs from the control's, without the mark of a block page, \
                a challenge or a refusal.",
    cannot_tell: &[
        "an unknown block page, a page by country or language, a page that changes all the time, and an error of the site's",
    ],
    false_positives: &[],
};

/// A page that differs, and no more.
pub(super) fn differs(facts: &Facts<'_>) -> Option<Verdict> {
    let look = facts.look()?;
    let draft =
        page(look, DIFFERS.verdict(Status::Insufficient, Confidence::Low), Outcome::HttpDiffer);
    Some(match look.false_positive {
        Some(name) => draft
            .fingerprint(name)
            .cannot_tell(format!("the page carries a mark known for false alarms: {name}"))
            .done(),
        None => draft.done(),
    })
}
