//! Failed steps again, with one thing changed, so that what they hang on can be proven rather than guessed.
//!
//! Each failed step is repeated at least three times as it was, and in turn with a harmless name, with another resolver,
//! or to a test helper's address. The harmless one goes first in each round: a device that goes on blocking for a while
//! after a trigger (residual blocking) would spoil it otherwise. Where it fails all the same, the round waits.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use url::Url;
use wirewitness_net::Net;

use super::attempt::{Attempt, Bench, Changed};
use crate::control::Control;
use crate::failure;
use crate::record::{Exchange, Query, Recorder, Records};
use crate::session::{FollowUp, Session};

/// Repeats what failed.
pub(super) async fn run<N: Net + Unpin>(
    session: &Session<N>,
    recorder: &Recorder<N>,
    control: &Control,
) -> Vec<Attempt> {
    if session.follow_up == FollowUp::Never {
        return Vec::new();
    }
    let subjects = subjects(&recorder.records(), control);
    let mut attempts = Vec::new();
    if subjects.is_empty() {
        return attempts;
    }
    let helper = helper_address(session).await;
    for round in 1..=ROUNDS {
        for subject in &subjects {
            let bench = Bench { session, recorder, round };
            subject.repeat(&bench, helper, &mut attempts).await;
        }
    }
    attempts
}

/// What failed, or is not as the control has it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    Dns { name: String, resolver: Option<SocketAddr> },
    Tcp { remote: SocketAddr, name: String },
    Tls { remote: SocketAddr, name: String },
    Http { remote: SocketAddr, url: Url, rest: Duration },
    Quic { remote: SocketAddr, name: String },
}

/// One of each kind at most, the first that failed: a measurement stays bounded.
fn subjects(records: &Records, control: &Control) -> Vec<Subject> {
    let found = [dns(records, control), tcp(records, control), tls(records, control)];
    found.into_iter().flatten().chain(http(records, control)).chain(quic(records)).collect()
}

fn dns(records: &Records, control: &Control) -> Option<Subject> {
    let told = |query: &Query| -> BTreeSet<IpAddr> {
        let answers = query.answers.iter().flatten();
        answers.filter_map(|it| it.ipv4.as_ref().or(it.ipv6.as_ref())?.parse().ok()).collect()
    };
    let suspect = records.queries.iter().find(|query| {
        let elsewhere = records.queries.iter().filter(|it| {
            it.engine == "doh" && it.hostname == query.hostname && it.failure.is_none()
        });
        let mut elsewhere: BTreeSet<IpAddr> = elsewhere.flat_map(told).collect();
        if query.mark.tags.iter().any(|tag| tag == "depth=0") {
            elsewhere.extend(control.addresses());
        }
        let clear = matches!(query.engine, "getaddrinfo" | "udp");
        // That a name has no IPv6 address is no failure.
        let failed = query.failure.is_some() && query.query_type != "AAAA";
        let differs =
            !elsewhere.is_empty() && query.failure.is_none() && told(query).is_disjoint(&elsewhere);
        clear && (failed && !(control.answer.is_some() && elsewhere.is_empty()) || differs)
    })?;
    let udp = records.queries.iter().find(|it| it.engine == "udp");
    Some(Subject::Dns {
        name: suspect.hostname.clone(),
        resolver: udp.and_then(|it| it.resolver_address.parse().ok()),
    })
}

fn tcp(records: &Records, control: &Control) -> Option<Subject> {
    let failed = records.tcp_connect.iter().find(|it| {
        let unroutable = it.ip.is_ipv6()
            && matches!(
                it.status.failure.as_deref(),
                Some("network_unreachable" | "host_unreachable")
            );
        let remote = SocketAddr::new(it.ip, it.port);
        !it.status.success && !unroutable && !control_failed(control, "tcp_connect", remote)
    })?;
    let remote = SocketAddr::new(failed.ip, failed.port);
    let name = records.queries.first().map(|it| it.hostname.clone()).unwrap_or_default();
    Some(Subject::Tcp { remote, name })
}

fn tls(records: &Records, control: &Control) -> Option<Subject> {
    let failed = records
        .tls_handshakes
        .iter()
        .find(|it| it.failure.is_some() && !control_failed(control, "tls_handshake", it.address))?;
    Some(Subject::Tls { remote: failed.address, name: failed.server_name.clone() })
}

fn http(records: &Records, control: &Control) -> Option<Subject> {
    let interrupted = |it: &&Exchange| {
        let word = it.failure.as_deref();
        let ours =
            [failure::INVALID_REDIRECT, failure::TOO_MANY_REDIRECTS, failure::SLOW_REDIRECTS];
        let network = word.is_some_and(|it| !ours.contains(&it));
        network || is_slow(it) || differs(it, control)
    };
    let suspect = records.requests.iter().find(interrupted)?;
    let url = Url::parse(&suspect.request.url).ok()?;
    let has_begun = suspect.response.code > 0;
    let rest = if has_begun && suspect.failure.is_some() { REST } else { Duration::ZERO };
    Some(Subject::Http { remote: suspect.address, url, rest })
}

fn quic(records: &Records) -> Option<Subject> {
    // A device may let the handshake's end pass, or what looks like it from here, and nothing that follows.
    let silent =
        records.h3_requests.iter().any(|it| it.failure.as_deref() == Some(failure::TIMEOUT));
    let failed = records.quic_handshakes.iter().find(|it| it.failure.is_some() || silent)?;
    Some(Subject::Quic { remote: failed.address, name: failed.server_name.clone() })
}

/// A page in the clear that is not the control's, as far as status and length tell.
fn differs(exchange: &Exchange, control: &Control) -> bool {
    let Some(answer) = &control.answer else { return false };
    let field = |name: &str| answer.pointer(name).and_then(serde_json::Value::as_i64);
    let (Some(status), Some(length)) =
        (field("/http_request/status_code"), field("/http_request/body_length"))
    else {
        return false;
    };
    let code = exchange.response.code;
    let leads_on = (300..400).contains(&code);
    let own = exchange.response.body.0.len() as i64;
    // As OONI's comparison: less than 70 % of each other.
    let lengths = own.min(length) * 10 < own.max(length) * 7;
    exchange.alpn.is_none() && code > 0 && !leads_on && (i64::from(code) != status || lengths)
}

/// A transfer that took its time for what it brought.
fn is_slow(exchange: &Exchange) -> bool {
    let seconds = exchange.t - exchange.t0;
    let bytes = u32::try_from(exchange.response.body.0.len()).map_or(f64::MAX, f64::from);
    seconds > SLOW_SECS && bytes > SLOW_BYTES && bytes / seconds < SLOW_BYTES_PER_SECOND
}

fn control_failed(control: &Control, key: &str, remote: SocketAddr) -> bool {
    let entry = control.answer.as_ref().and_then(|it| it.get(key)?.get(remote.to_string()));
    entry.is_some_and(|it| it.get("status") == Some(&serde_json::Value::Bool(false)))
}

/// An address of the first test helper: what is asked of it is not the site's.
async fn helper_address<N: Net>(session: &Session<N>) -> Option<SocketAddr> {
    let helper = session.helpers.test_helpers.first()?;
    let host = helper.url.host_str()?.trim_matches(['[', ']']);
    let port = helper.url.port_or_known_default()?;
    let known = session.helpers.known.get(host).and_then(|it| it.first().copied());
    let address = match known.or_else(|| host.parse().ok()) {
        Some(address) => address,
        None => *session.net.lookup(host).await.ok()?.addresses.first()?,
    };
    Some(SocketAddr::new(address, port))
}

impl Subject {
    async fn repeat<N: Net + Unpin>(
        &self,
        bench: &Bench<'_, N>,
        helper: Option<SocketAddr>,
        attempts: &mut Vec<Attempt>,
    ) {
        let harmless = bench.session.helpers.harmless.0.as_str();
        match self {
            Self::Dns { name, resolver } => {
                attempts.push(bench.system(Changed::Name, harmless).await);
                attempts.push(bench.system(Changed::Nothing, name).await);
                if let Some(resolver) = resolver {
                    attempts.push(bench.udp(Changed::Resolver, *resolver, name).await);
                }
                if let Some(url) = bench.session.helpers.doh.first() {
                    attempts.push(bench.doh(Changed::Resolver, url, name).await);
                }
                if let Some(helper) = helper {
                    let remote = SocketAddr::new(helper.ip(), 53);
                    attempts.push(bench.udp(Changed::NoResolver, remote, name).await);
                }
            }
            Self::Tcp { remote, name } => {
                attempts.push(bench.tcp(Changed::Nothing, *remote, name).await);
                if let Some(helper) = helper {
                    attempts.push(bench.tcp(Changed::Helper, helper, name).await);
                }
            }
            Self::Tls { remote, name } => {
                let other = || bench.tls(Changed::Name, *remote, harmless);
                let first = other().await;
                let lingers = is_interruption(&first);
                settle(bench, first, attempts, other).await;
                attempts.push(bench.tls(Changed::Nothing, *remote, name).await);
                // A block that lingers between two addresses would cut the helper off, and with it every control to come.
                if let (Some(helper), false) = (helper, lingers) {
                    attempts.push(bench.tls(Changed::Helper, helper, name).await);
                }
            }
            Self::Quic { remote, name } => {
                let other = || bench.quic(Changed::Name, *remote, harmless);
                let first = other().await;
                settle(bench, first, attempts, other).await;
                attempts.push(bench.quic(Changed::Nothing, *remote, name).await);
            }
            Self::Http { remote, url, rest } => {
                let name = url.host_str().unwrap_or_default();
                let other = || bench.http(Changed::Name, *remote, (url, harmless));
                bench.session.net.sleep(*rest).await;
                let first = other().await;
                settle(bench, first, attempts, other).await;
                bench.session.net.sleep(*rest).await;
                attempts.push(bench.http(Changed::Nothing, *remote, (url, name)).await);
                let helper = bench.session.helpers.test_helpers.first();
                if let Some(helper) = helper.filter(|_| !rest.is_zero()) {
                    bench.session.net.sleep(*rest).await;
                    attempts.push(bench.load(helper).await);
                }
            }
        }
    }
}

/// Waits residual blocking out: where the harmless exchange is interrupted, it is tried again later.
async fn settle<N, F>(
    bench: &Bench<'_, N>,
    first: Attempt,
    attempts: &mut Vec<Attempt>,
    again: impl Fn() -> F,
) where
    N: Net + Unpin,
    F: Future<Output = Attempt>,
{
    let mut interrupted = is_interruption(&first);
    attempts.push(first);
    for wait in RESIDUAL_WAITS {
        // Where waiting was of no use in the first round, it is of none in the next.
        if !interrupted || is_hopeless(attempts, bench.round) {
            return;
        }
        bench.session.net.sleep(wait).await;
        let attempt = again().await;
        interrupted = is_interruption(&attempt);
        attempts.push(attempt);
    }
}

/// True where the first round's last harmless exchange of this kind was cut off, for all its waiting.
fn is_hopeless(attempts: &[Attempt], round: u32) -> bool {
    let Some(last) = attempts.last() else { return false };
    let before = attempts
        .iter()
        .rfind(|it| it.round == 1 && (it.layer, it.changed) == (last.layer, last.changed));
    round > 1 && before.is_some_and(is_interruption)
}

/// Cut off before any answer, and not answered badly: where an answer has begun, nothing is left of an earlier trigger.
fn is_interruption(attempt: &Attempt) -> bool {
    let word = attempt.failure.as_deref();
    let is_cut = matches!(
        word,
        Some("connection_reset" | "connection_refused" | failure::EOF | failure::TIMEOUT)
    );
    is_cut && attempt.status.is_none()
}

/// How often each failed step is repeated.
const ROUNDS: u32 = 3;
/// Longer than the residual blocking times that are published (90 s, 180 s), in all.
const RESIDUAL_WAITS: [Duration; 3] =
    [Duration::from_secs(30), Duration::from_secs(65), Duration::from_secs(100)];
/// What a transfer that was given up had on its way still fills a slow line's queue, and would make the next one slower
/// than it is: 64 KiB at 64 kbit/s take 8 s.
const REST: Duration = Duration::from_secs(10);
/// A transfer is looked into when it took longer than this, in seconds,
const SLOW_SECS: f64 = 5.0;
/// had begun (bytes),
const SLOW_BYTES: f64 = 4096.0;
/// and was slower than this: 256 kbit/s.
const SLOW_BYTES_PER_SECOND: f64 = 32_000.0;
