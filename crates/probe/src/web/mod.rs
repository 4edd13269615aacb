//! The web connectivity experiment: what becomes of a URL on this line, beside a control that sees it from elsewhere.
//!
//! It takes the steps that OONI's `web_connectivity` 0.5 takes, and writes the same keys, so that whatever reads OONI's
//! measurements reads ours: lookups by the system's resolver, over UDP and over HTTPS at once; a connection to every
//! address found, with TLS where the scheme has it; one of them fetches the page; redirects likewise, up to ten; and a
//! test helper is asked for the same at the first step. In reading order:
//!
//! - `hop`: one URL on the way. `select`: who gets to fetch it. `cookies`: what a redirect chain needs of them.
//! - `flow`: one connection.
//! - `h3`: HTTP/3 beside it, where the site offers it.
//! - `ech`: the hello with its name encrypted, where the name offers it.
//! - `follow_up`: failed steps again, with one thing changed. `attempt`: one such step.
//! - `keys`: the measurement as it is written.
//!
//! Nothing is judged here: a reset is written down as a reset.

mod attempt;
pub(crate) mod cookies;
mod ech;
mod flow;
mod follow_up;
mod h3;
mod hop;
mod keys;
mod select;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use url::Url;
use wirewitness_net::Net;

use crate::connection::page_headers;
use crate::control::{self, Control, ControlRequest};
use crate::dns::udp::Asked;
use crate::dns::{doh, system, udp};
use crate::record::{Mark, Recorder};
use crate::session::Session;
use flow::Flow;
use hop::{Hop, Scheme};
use select::Origin;

/// Why a target cannot be measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no URL.
    #[error("{target:?} is no URL: {reason}")]
    NoUrl {
        /// The target.
        target: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is no http or https URL.
    #[error("{target:?} is neither http nor https")]
    Scheme {
        /// The target.
        target: String,
    },
}

/// Measures one URL, which takes as long as its steps; each is bounded.
///
/// # Errors
/// A target that is no http or https URL. What the network does is no error but in the measurement.
pub async fn measure<N: Net + Unpin>(
    session: &Session<N>,
    input: &str,
) -> Result<Value, TargetError> {
    let url = parse(input)?;
    let recorder = Recorder::new(session.net.clone());
    let started = session.net.now();
    let mut run = Run {
        session,
        recorder: &recorder,
        numbers: Numbers::default(),
        connected: Vec::new(),
        control: Control::default(),
        request: None,
    };
    run.all(Hop::first(url.clone())).await;
    let (control, request) = (run.control, run.request);
    let offer = h3::offer(&recorder.records(), &control, &url);
    if let Some(remote) = offer {
        h3::fetch(session, &recorder, remote, &url).await;
    }
    let ech = ech::run(session, &recorder, &url).await;
    let follow_ups = follow_up::run(session, &recorder, &control).await;
    let taken =
        keys::Taken { input, started, recorder: &recorder, control, request, ech, follow_ups };
    Ok(keys::measurement(session, &taken))
}

fn parse(input: &str) -> Result<Url, TargetError> {
    let url = Url::parse(input).map_err(|error| TargetError::NoUrl {
        target: input.to_owned(),
        reason: error.to_string(),
    })?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        return Ok(url);
    }
    Err(TargetError::Scheme { target: input.to_owned() })
}

/// A measurement going on.
struct Run<'s, N> {
    session: &'s Session<N>,
    recorder: &'s Recorder<N>,
    numbers: Numbers,
    /// Endpoints of the first step that are tried.
    connected: Vec<SocketAddr>,
    control: Control,
    request: Option<ControlRequest>,
}

/// Numbers of lookups and connections, in OONI's ranges.
#[derive(Default)]
struct Numbers {
    lookups: i64,
    clear: i64,
    secure: i64,
}

/// What has come about.
enum Step<N: Net> {
    /// The addresses of a hop.
    Resolved(Hop, Addresses<N>),
    /// No further answer is waited for.
    Listened,
    /// A connection is done, and leads on or not.
    Connected(Option<Hop>),
    /// The control has answered, or not.
    Controlled(Hop, Control),
}

type Steps<'s, N> = FuturesUnordered<Pin<Box<dyn Future<Output = Step<N>> + Send + 's>>>;

/// The addresses of a name, each with the best origin, and questions whose further answers are still to come.
struct Addresses<N: Net> {
    found: Vec<(IpAddr, Origin)>,
    asked: Option<Box<(Mark, [Asked<N>; 2])>>,
}

impl<'s, N: Net + Unpin> Run<'s, N> {
    async fn all(&mut self, first: Hop) {
        let mut steps: Steps<'s, N> = FuturesUnordered::new();
        self.resolve(first, &mut steps);
        while let Some(step) = steps.next().await {
            match step {
                Step::Resolved(hop, addresses) => {
                    self.resolved(&hop, &addresses.found, &mut steps);
                    self.listen_on(addresses, &mut steps);
                }
                Step::Listened => {}
                Step::Connected(Some(next)) => self.resolve(next, &mut steps),
                Step::Connected(None) => {}
                Step::Controlled(hop, control) => self.controlled(&hop, control, &mut steps),
            }
        }
    }

    fn resolve(&mut self, hop: Hop, steps: &mut Steps<'s, N>) {
        self.numbers.lookups += 1;
        let (session, recorder, number) = (self.session, self.recorder, self.numbers.lookups);
        steps.push(Box::pin(async move {
            let addresses = addresses_of(session, recorder, &hop, number).await;
            Step::Resolved(hop, addresses)
        }));
    }

    fn listen_on(&self, addresses: Addresses<N>, steps: &mut Steps<'s, N>) {
        let Some(asked) = addresses.asked else { return };
        let (mark, asked) = *asked;
        for asked in asked {
            let place = (self.recorder, self.session.networks.as_ref());
            let mark = mark.clone();
            steps.push(Box::pin(async move {
                asked.others(&mark, place).await;
                Step::Listened
            }));
        }
    }

    fn resolved(&mut self, hop: &Hop, addresses: &[(IpAddr, Origin)], steps: &mut Steps<'s, N>) {
        for &(address, origin) in addresses {
            self.connect(hop, address, origin, steps);
        }
        if hop.depth > 0 {
            return;
        }
        // The helper is asked for both ports of every address, tried or not.
        let ports = match hop.url.port() {
            Some(port) => vec![port],
            None => vec![443, 80],
        };
        let endpoints = addresses
            .iter()
            .flat_map(|(address, _)| ports.iter().map(|port| SocketAddr::new(*address, *port)));
        let request = ControlRequest::new(&hop.url, &page_headers(), endpoints.collect());
        self.request = Some(request.clone());
        let (session, hop) = (self.session, hop.clone());
        steps.push(Box::pin(async move {
            let helpers = &session.helpers.test_helpers;
            let asked = control::ask(&session.services, &session.net, helpers, &request);
            Step::Controlled(hop, asked.await)
        }));
    }

    /// Addresses that only the control knows are tried too: what a lying resolver hides may be reachable.
    fn controlled(&mut self, hop: &Hop, control: Control, steps: &mut Steps<'s, N>) {
        for address in control.addresses() {
            self.connect(hop, address, Origin::Control, steps);
        }
        self.control = control;
    }

    fn connect(&mut self, hop: &Hop, address: IpAddr, origin: Origin, steps: &mut Steps<'s, N>) {
        // Loopback is this machine: nothing there is the target's.
        if address.is_loopback() {
            return;
        }
        for (scheme, port) in hop.ports() {
            let remote = SocketAddr::new(address, port);
            if hop.depth == 0 {
                if self.connected.contains(&remote) || self.connected.len() >= MAX_ENDPOINTS {
                    continue;
                }
                self.connected.push(remote);
            }
            let mark = Mark {
                transaction_id: self.numbers.connection(scheme),
                tags: hop.tags(origin, scheme),
            };
            let (session, recorder, hop) = (self.session, self.recorder, hop.clone());
            let flow = Flow { session, recorder, hop, remote, scheme, origin, mark };
            steps.push(Box::pin(async move { Step::Connected(flow.run().await) }));
        }
    }
}

impl Numbers {
    fn connection(&mut self, scheme: Scheme) -> i64 {
        let (number, base) = match scheme {
            Scheme::Http => (&mut self.clear, 40_000),
            Scheme::Https => (&mut self.secure, 50_000),
        };
        *number += 1;
        base + *number
    }
}

/// Asks all resolvers at once; each address counts as learnt from the best of them.
async fn addresses_of<N: Net>(
    session: &Session<N>,
    recorder: &Recorder<N>,
    hop: &Hop,
    number: i64,
) -> Addresses<N> {
    if let Some(literal) = hop.literal() {
        return Addresses { found: vec![(literal, Origin::System)], asked: None };
    }
    let place = (recorder, session.networks.as_ref());
    let mark = |base: i64, classic: Option<&str>| Mark {
        transaction_id: base + number,
        tags: classic
            .map(str::to_owned)
            .into_iter()
            .chain([format!("depth={}", hop.depth)])
            .collect(),
    };
    let name = hop.host();
    let by_system = system::lookup(&session.net, name, mark(10_000, Some("classic")), place);
    let by_udp = async {
        match pick(&session.helpers.resolvers, name) {
            Some(resolver) => {
                let mark = mark(20_000, None);
                let asking = udp::lookup(&session.net, (*resolver, name), mark.clone(), place);
                let (addresses, asked) = asking.await;
                (addresses, Some(Box::new((mark, asked))))
            }
            None => (Vec::new(), None),
        }
    };
    let by_doh = async {
        // OONI's prober asks over HTTPS so seldom that it never does for the target of a redirect; the keys that follow
        // from its measurements suppose that. A redirect's lookup that fails is asked over HTTPS when it is repeated.
        match pick(&session.helpers.doh, name).filter(|_| hop.depth == 0) {
            Some(url) => {
                doh::lookup(&session.services, (url, name), mark(30_000, None), place).await
            }
            None => Vec::new(),
        }
    };
    let (by_system, (by_udp, asked), by_doh) = tokio::join!(by_system, by_udp, by_doh);
    let mut merged: Vec<(IpAddr, Origin)> = Vec::new();
    for (addresses, origin) in
        [(by_system, Origin::System), (by_udp, Origin::Udp), (by_doh, Origin::Doh)]
    {
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            if !merged.iter().any(|(known, _)| *known == address) {
                merged.push((address, origin));
            }
        }
    }
    Addresses { found: merged, asked }
}

/// One of several, by the name: the same one every time, whatever is measured beside it.
fn pick<'l, T>(list: &'l [T], name: &str) -> Option<&'l T> {
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let sum = name.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    let index = (sum >> 16).checked_rem(list.len() as u64)?;
    list.get(usize::try_from(index).ok()?)
}

/// Addresses of one resolver that are tried.
const MAX_ADDRESSES: usize = 8;
/// Endpoints of the first step that are tried in all.
const MAX_ENDPOINTS: usize = 48;
