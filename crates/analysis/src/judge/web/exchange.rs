//! Rules about exchanges that failed after the connection stood.

use wirewitness_model::ooni::failure::What;
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::verdict::{Confidence, Locus, Mechanism, Status, Verdict};

use super::super::rule::{Draft, Rule};
use super::connect::{interception, note_missing_control};
use super::facts::{Exchange, Facts};
use super::throttle;

/// The last exchange, where it failed.
fn failed<'a, 'm>(facts: &'a Facts<'m>) -> Option<(&'a Exchange<'m>, &'m str, What)> {
    let last = facts.last()?;
    let failure = last.failure?;
    Some((last, failure, What::of(failure)))
}

fn saw(draft: Draft, exchange: &Exchange<'_>, failure: &str, expected: &str) -> Draft {
    let seen = format!("{}: {failure}", exchange.url);
    draft.saw_instead(exchange.place(), Outcome::of(Layer::Http, Some(failure)), seen, expected)
}

const GOT_PAGE: &str = "the control got the page";

pub(super) const REDIRECT_LOOP: Rule = Rule {
    id: "web.http.redirect_loop",
    version: 1,
    says: "The site redirects without end.",
    stands_on: "More redirects than the probe follows (ten), over TLS or where the control got no page either.",
    cannot_tell: &["a loop for everybody from one for this network or this client"],
    false_positives: &["a site that needs more than ten redirects and gets there"],
};

/// Redirects without end.
pub(super) fn redirect_loop(facts: &Facts<'_>) -> Option<Verdict> {
    let (last, failure, what) = failed(facts)?;
    // In the clear, and with a control that got the page, the loop may be anybody's.
    let may_be_forged = !last.is_https() && facts.control_got_page();
    if what != What::RedirectLoop || may_be_forged {
        return None;
    }
    let hosts_stay =
        facts.exchanges.iter().all(|hop| super::super::url::same_site(hop.host(), last.host()));
    let confidence = if hosts_stay { Confidence::Medium } else { Confidence::Low };
    let draft = REDIRECT_LOOP
        .verdict(Status::Down, confidence)
        .by(Mechanism::ServerRedirectLoop, Locus::Endpoint);
    let seen = format!("{}: {failure}", last.url);
    Some(draft.saw(last.place(), Outcome::HttpBadRedirect, seen).done())
}

pub(super) const BAD_REDIRECT: Rule = Rule {
    id: "web.http.bad_redirect",
    version: 1,
    says: "The site redirects to an address without a host.",
    stands_on: "A redirect whose Location has no host.",
    cannot_tell: &["a broken redirect of the site from one forged on an unencrypted connection"],
    false_positives: &[],
};

/// A redirect that leads nowhere.
pub(super) fn bad_redirect(facts: &Facts<'_>) -> Option<Verdict> {
    let (last, failure, what) = failed(facts)?;
    if what != What::BadRedirect {
        return None;
    }
    let confidence = if last.is_https() { Confidence::High } else { Confidence::Medium };
    let draft =
        BAD_REDIRECT.verdict(Status::Down, confidence).by(Mechanism::ServerDown, Locus::Endpoint);
    let location = last.location().unwrap_or_default();
    let seen = format!("{}: {failure} (Location: {location:?})", last.url);
    Some(draft.saw(last.place(), Outcome::HttpBadRedirect, seen).done())
}

pub(super) const FORGED_REDIRECT: Rule = Rule {
    id: "web.http.forged_redirect",
    version: 1,
    says: "A plain request was redirected to an address inside this network, where the control got the page.",
    stands_on: "A redirect on an unencrypted connection to a bare address or into the probe's own network, no page at its \
                end, and the control's page.",
    cannot_tell: &[
        "a filter of the operator's from one of the person's employer, school or hotel",
        "a login page of the network",
    ],
    false_positives: &["a site that redirects to a bare address of its own, wrongly written"],
};

/// A redirect into this network that leads no further.
pub(super) fn forged_redirect(facts: &Facts<'_>) -> Option<Verdict> {
    if !facts.control_got_page() || facts.last().is_some_and(Exchange::is_final) {
        return None;
    }
    // From the first request on: what follows a forged redirect is forged as well.
    let (hop, location) = facts.exchanges.iter().rev().find_map(|hop| {
        let is_refused = hop.failure.is_some_and(|failure| What::of(failure) == What::BadRedirect);
        let is_hop = is_refused || (hop.failure.is_none() && hop.is_redirect());
        let location = hop.location().filter(|_| is_hop && !hop.is_https())?;
        let target = super::super::url::hostname(&location);
        let is_other = !target.is_empty() && !super::super::url::same_site(target, hop.host());
        (is_other && super::page::leads_inside(facts, target)).then_some((hop, location))
    })?;
    let draft = FORGED_REDIRECT
        .verdict(Status::Blocked, Confidence::Medium)
        .by(Mechanism::HttpRedirect, Locus::Path);
    let shown: String = location.chars().take(120).collect();
    let seen = match hop.failure {
        Some(failure) => format!("{}: redirected to {shown:?} ({failure})", hop.url),
        None => format!("{}: redirected to {shown:?}, where no page came", hop.url),
    };
    let outcome = match hop.failure {
        Some(_) => Outcome::HttpBadRedirect,
        None => Outcome::HttpResponse,
    };
    Some(draft.saw_instead(hop.place(), outcome, seen, GOT_PAGE).done())
}

macro_rules! blocked_exchange {
    ($name:ident, $id:literal, $version:literal, $says:literal, $cannot:expr, $false:expr) => {
        pub(super) const $name: Rule = Rule {
            id: $id,
            version: $version,
            says: $says,
            stands_on: "The connection stood, the exchange on it failed, and the control got the page.",
            cannot_tell: $cannot,
            false_positives: $false,
        };
    };
}

blocked_exchange!(
    HTTP_RESET,
    "web.http.reset",
    2,
    "The connection is reset on the plain request, which carries the host in the clear.",
    &[
        "a reset because of the host from one because of the path or the endpoint: no other request was tried on it",
        "a reset forged on the path from one that the endpoint sends to this network only",
    ],
    &["an overloaded server that resets under load"]
);
blocked_exchange!(
    HTTP_CLOSE,
    "web.http.close",
    1,
    "The connection is closed on the request, before an answer.",
    &["a FIN forged on the path from one that the endpoint sends to this network only"],
    &["a server that closes under load"]
);
blocked_exchange!(
    HTTP_TIMEOUT,
    "web.http.timeout",
    2,
    "The answer does not come, or does not end, in time.",
    &[
        "packets dropped after the request, a transfer slowed down below use, and a server that is slow for this network"
    ],
    &["large pages on slow lines"]
);
blocked_exchange!(
    TLS_LATE_RESET,
    "web.tls.late_reset",
    1,
    "An encrypted connection is reset, where the file does not show whether before or after the handshake.",
    &[
        "a reset because of the name from one because of anything else about the connection",
        "a reset forged on the path from one that the endpoint sends to this network only",
    ],
    &["an overloaded server that resets under load"]
);

/// Exchanges that fail here only.
pub(super) fn blocked(facts: &Facts<'_>) -> Option<Verdict> {
    let (last, failure, what) = failed(facts)?;
    if !facts.control_got_page() {
        return None;
    }
    let (rule, mechanism) = match (what, last.is_https()) {
        (What::Reset, false) => (&HTTP_RESET, Mechanism::HttpResetHost),
        (What::Reset, true) => (&TLS_LATE_RESET, Mechanism::TlsResetOther),
        (What::Close, _) => (&HTTP_CLOSE, Mechanism::HttpClose),
        (What::Timeout, _) => (&HTTP_TIMEOUT, Mechanism::HttpTimeout),
        _ => return None,
    };
    let sibling = sibling(facts, last);
    let confidence = if sibling.is_some() { Confidence::High } else { Confidence::Medium };
    let mut draft = rule.verdict(Status::Blocked, confidence).by(mechanism, Locus::Path);
    draft = saw(draft, last, failure, GOT_PAGE);
    if let Some((at, endpoint)) = sibling {
        let seen = format!("{endpoint}: an encrypted connection to the same address stands");
        draft = draft.saw(format!("test_keys.tls_handshakes[{at}]"), Outcome::TlsOk, seen);
    }
    for mechanism in resets_beside(facts, last) {
        draft = draft.also(mechanism);
    }
    Some(draft.done())
}

/// A verified handshake with the same address: the endpoint works from here, so the exchange is what failed.
fn sibling(facts: &Facts<'_>, last: &Exchange<'_>) -> Option<(usize, String)> {
    let own = facts.carrier(last)?;
    let other = facts.connections.iter().find(|c| {
        c.depth == last.depth
            && c.ip == own.ip
            && c.transaction != own.transaction
            && c.proves_name()
    })?;
    let (step, _) = other.tls.as_ref()?;
    Some((step.at, other.endpoint()))
}

/// Handshakes at the same hop that were reset beside a failed plain request.
fn resets_beside(facts: &Facts<'_>, last: &Exchange<'_>) -> Vec<Mechanism> {
    let at_hop = facts.connections.iter().filter(|c| c.depth == last.depth && c.tcp.is_ok());
    at_hop
        .filter_map(|connection| match connection.tls.as_ref()?.0.what()? {
            What::Reset => Some(Mechanism::TlsResetSni),
            What::Timeout => Some(Mechanism::TlsTimeout),
            What::Close => Some(Mechanism::TlsClose),
            _ => None,
        })
        .collect()
}

pub(super) const THROTTLED: Rule = Rule {
    id: "web.throttle",
    version: 1,
    says: "Bytes of the page came far slower than this same line carried others at the same time.",
    stands_on: "Received bytes over time on the page's connection (at least 10 seconds, below 128 kbit/s), another \
                connection of the same measurement at least five times as fast over at least 16 KiB, and the control's page.",
    cannot_tell: &[
        "slowed because of the TLS name or host, because of the endpoint, or because of its network: nothing else was \
         transferred from there",
        "a server that is slow for everybody at that moment",
    ],
    false_positives: &["a congested path to this server only"],
};

/// A transfer slowed below use.
pub(super) fn throttled(facts: &Facts<'_>) -> Option<Verdict> {
    let last = facts.last()?;
    let is_whole = last.failure.is_none();
    if !facts.control_got_page() || (is_whole && !last.is_final()) {
        return None;
    }
    if last.failure.is_some_and(|failure| What::of(failure) != What::Timeout) {
        return None;
    }
    let found = throttle::find(facts.keys, last.transaction)?;
    let (mechanism, kind) = if last.is_https() {
        (Mechanism::TlsThrottleSni, "encrypted")
    } else {
        (Mechanism::HttpThrottleHost, "plain")
    };
    let draft = THROTTLED.verdict(Status::Blocked, Confidence::Medium).by(mechanism, Locus::Path);
    let seen = format!(
        "{} bytes in {:.1} s ({:.0} kbit/s) on the {kind} connection to {}",
        found.slow.bytes,
        found.slow.seconds,
        found.slow.kbit_per_second(),
        last.url,
    );
    let expected = format!(
        "{:.0} kbit/s, as connection {} of the same measurement",
        found.fast.kbit_per_second(),
        found.fast.transaction,
    );
    Some(draft.saw_instead(last.place(), Outcome::HttpSlow, seen, expected).done())
}

pub(super) const DOWN: Rule = Rule {
    id: "web.http.down",
    version: 1,
    says: "The exchange fails for the control too.",
    stands_on: "A failed exchange here, and a control that could not get the page either.",
    cannot_tell: &[
        "a site that is down from one that turns away both this network and the control's",
    ],
    false_positives: &[
        "a control that failed for reasons of its own: the helper says only that it failed",
    ],
};

/// Exchanges that fail for the control too.
pub(super) fn down(facts: &Facts<'_>) -> Option<Verdict> {
    let (last, failure, what) = failed(facts)?;
    let theirs = facts.control_failed_like(what)?;
    let is_certificate = what.is_certificate();
    let mechanism =
        if is_certificate { Mechanism::ServerBadCertificate } else { Mechanism::ServerDown };
    let draft = DOWN.verdict(Status::Down, Confidence::Medium).by(mechanism, Locus::Endpoint);
    Some(saw(draft, last, failure, &format!("the control fails too: {theirs}")).done())
}

pub(super) const INTERCEPTED: Rule = Rule {
    id: "web.http.certificate",
    version: 1,
    says: "The probe was shown a certificate that does not verify, where the control got the page.",
    stands_on: "A certificate failure reported for the request as a whole (probes before 0.5 do not say at which handshake), \
                and the control's page.",
    cannot_tell: &[
        "an interceptor on the path from a program on this device or a company's proxy",
        "interception from a false DNS answer",
        "whether an authority signed it: the file holds no certificate",
    ],
    false_positives: &["an old probe whose list of authorities is out of date"],
};

/// A certificate failure without a handshake record.
pub(super) fn intercepted(facts: &Facts<'_>) -> Option<Verdict> {
    let (last, failure, what) = failed(facts)?;
    if !what.is_certificate() || !facts.control_got_page() || !facts.keys.tls_handshakes.is_empty()
    {
        return None;
    }
    let mechanism = interception(what, None);
    let draft = INTERCEPTED.verdict(Status::Blocked, Confidence::Medium).by(mechanism, Locus::Path);
    Some(saw(draft, last, failure, GOT_PAGE).done())
}

pub(super) const UNEXPLAINED: Rule = Rule {
    id: "web.http.unexplained",
    version: 1,
    says: "The exchange failed, and the file does not show how or why.",
    stands_on: "A failed exchange, and either no control or a failure that says too little.",
    cannot_tell: &["blocked from down", "a failure of the probe itself"],
    false_positives: &[],
};

/// Failures that carry no answer.
pub(super) fn unexplained(facts: &Facts<'_>) -> Option<Verdict> {
    let (last, failure, _) = failed(facts)?;
    let draft = UNEXPLAINED.verdict(Status::Insufficient, Confidence::Low);
    let seen = format!("{}: {failure}", last.url);
    let draft = draft.saw(last.place(), Outcome::of(Layer::Http, Some(failure)), seen);
    Some(note_missing_control(facts, draft).done())
}
