//! Rules for web connectivity, of every age.
//!
//! [`facts`] joins and compares what is in the file; the rules are tried in the order of [`RULES`], and the first that
//! applies gives the verdict. The order follows the connection: what the vantage does itself, then the answers to the
//! name, connects and handshakes, the exchange, and at last the page that came. Within a layer, rules that explain a
//! failure by the target come after those that need more evidence, so that neither hides the other.
//!
//! What was repeated with one thing changed is looked at last, in `follow_up`: it can prove, sharpen or take back.

mod connect;
mod content;
mod dns;
mod exchange;
mod facts;
mod follow_up;
mod names;
mod page;
mod reference;
mod throttle;

use wirewitness_model::ooni::{Measurement, TestKeys};
use wirewitness_model::verdict::{Confidence, Status, Verdict};

use super::Context;
use super::address::Asns;
use super::rule::Rule;
use facts::Facts;

/// Judges a web connectivity measurement.
pub(super) fn judge(
    measurement: &Measurement<'_>,
    keys: &TestKeys<'_>,
    asns: &Asns<'_>,
    context: &Context<'_>,
) -> Verdict {
    let facts = Facts::of(measurement, keys, asns, context.fingerprints);
    let verdict = RULES.iter().find_map(|(_, apply)| apply(&facts));
    let verdict = verdict.unwrap_or_else(|| nothing(&facts));
    follow_up::refine(&facts, verdict)
}

/// Every rule of this floor, in the order in which they are tried.
pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().flat_map(|(rules, _)| rules.iter().copied()).chain([&NOTHING]).chain([
        &follow_up::INTERMITTENT,
        &follow_up::TLS_NAME,
        &follow_up::HTTP_NAME,
        &follow_up::THROTTLE_NAME,
        &follow_up::QUIC_NAME,
        &follow_up::SLOW,
        &follow_up::ENDPOINT,
    ])
}

type Apply = fn(&Facts<'_>) -> Option<Verdict>;

/// The rules that a function may give, and the function, in order.
const RULES: &[(&[&Rule], Apply)] = &[
    (&[&content::CAPTIVE_PORTAL], content::captive_portal),
    (&[&dns::BOGON], dns::bogon),
    (&[&dns::GHOST], dns::ghost),
    (&[&dns::BLOCKPAGE], dns::blockpage_behind),
    (&[&dns::OWN_NETWORK], dns::own_network),
    (&[&dns::FORGED], dns::forged),
    (&[&dns::FAILURE], dns::failure),
    (&[&dns::DOWN], dns::down),
    (&[&dns::PATH_ONLY], dns::path_only),
    (&[&exchange::FORGED_REDIRECT], exchange::forged_redirect),
    (&[&connect::IPV6_BROKEN], connect::ipv6_broken),
    (
        &[
            &connect::TLS_RESET,
            &connect::TLS_TIMEOUT,
            &connect::TLS_CLOSE,
            &connect::TLS_CERTIFICATE,
        ],
        connect::tls_blocked,
    ),
    (&[&connect::TLS_DOWN], connect::tls_down),
    (
        &[
            &connect::TCP_TIMEOUT,
            &connect::TCP_REFUSED,
            &connect::TCP_RESET,
            &connect::IP_UNREACHABLE,
        ],
        connect::tcp_blocked,
    ),
    (&[&connect::TCP_DOWN], connect::tcp_down),
    (&[&connect::NO_REFERENCE], connect::no_reference),
    (&[&dns::LATER], dns::redirect_target),
    (&[&exchange::REDIRECT_LOOP], exchange::redirect_loop),
    (&[&exchange::BAD_REDIRECT], exchange::bad_redirect),
    (&[&exchange::THROTTLED], exchange::throttled),
    (
        &[
            &exchange::HTTP_RESET,
            &exchange::HTTP_CLOSE,
            &exchange::HTTP_TIMEOUT,
            &exchange::TLS_LATE_RESET,
        ],
        exchange::blocked,
    ),
    (&[&exchange::INTERCEPTED], exchange::intercepted),
    (&[&exchange::DOWN], exchange::down),
    (&[&exchange::UNEXPLAINED], exchange::unexplained),
    (&[&content::BLOCKPAGE], content::blockpage),
    (&[&content::CAPTCHA], content::captcha),
    (&[&content::GEOBLOCK], content::geoblock),
    (&[&content::ERROR], content::server_error),
    (&[&content::REDIRECT], content::redirect),
    (&[&dns::RESOLVER_FAILS], dns::resolver_fails),
    (&[&content::PROVEN], content::proven),
    (&[&content::MATCH], content::matches),
    (&[&content::NO_CONTROL], content::no_control),
    (&[&content::DIFFERS], content::differs),
];

const NOTHING: Rule = Rule {
    id: "web.nothing",
    version: 1,
    says: "No step of the measurement allows a conclusion.",
    stands_on: "Every step, and that no other rule applied.",
    cannot_tell: &["blocked, down and ok"],
    false_positives: &[],
};

fn nothing(facts: &Facts<'_>) -> Verdict {
    let draft = NOTHING.verdict(Status::Insufficient, Confidence::Low);
    let what = match (facts.exchanges.is_empty(), facts.connections.is_empty()) {
        (true, true) => "the file holds no connection and no request",
        (true, false) => "the file holds connections, but no request on them",
        _ => "the last request led to a redirect that was not followed",
    };
    draft.cannot_tell(format!("how it went on: {what}")).done()
}
