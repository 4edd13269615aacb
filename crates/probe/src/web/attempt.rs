//! One step by itself, as it is repeated to find out what a failure hangs on.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;
use url::Url;
use wirewitness_net::Net;
use wirewitness_wire::app::dns::kind;

use super::h3::MAX_HEAD_BYTES;
use super::hop::Scheme;
use crate::clock::within;
use crate::connection::{BODY_CAP, CONNECT, FETCH, HANDSHAKE, page_headers};
use crate::control::{self, TestHelper};
use crate::dns::udp::{Asked, Question};
use crate::dns::{self, doh, system};
use crate::failure;
use crate::http::{self, Asking, Came, Version};
use crate::observed::Observed;
use crate::quic::{self, Dial};
use crate::record::{Mark, Recorder};
use crate::session::Session;
use crate::tls::{self, Seen};

/// One repeated step and what came of it (key `x_follow_ups`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Attempt {
    /// Which repetition, from 1.
    pub(super) round: u32,
    /// `dns`, `tcp`, `tls`, `http` or `quic`: the step that is repeated.
    pub(super) layer: &'static str,
    /// What is not as it was: [`Changed::word`].
    pub(super) changed: &'static str,
    /// `address:port`; empty for the system's resolver.
    pub(super) endpoint: String,
    /// The name asked for: in DNS, in TLS and in Host.
    pub(super) name: String,
    /// OONI's word for what happened instead.
    pub(super) failure: Option<String>,
    /// Addresses, from DNS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) answers: Option<Vec<IpAddr>>,
    /// Status, from HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// Bytes of the body, from HTTP: of the answer, or of what was sent to a test helper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body_bytes: Option<usize>,
    /// Start, in seconds.
    pub(super) t0: f64,
    /// End, in seconds.
    pub(super) t: f64,
}

/// The one thing that is not as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    /// Nothing: the same again.
    Nothing,
    /// Another, harmless name.
    Name,
    /// Another resolver.
    Resolver,
    /// The same name to a host that is no resolver: whatever answers, it is not that host.
    NoResolver,
    /// The same name to a test helper's address instead of the site's.
    Helper,
}

impl Changed {
    fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Name => "name",
            Self::Resolver => "resolver",
            Self::NoResolver => "no_resolver",
            Self::Helper => "helper",
        }
    }
}

/// Takes single steps.
pub(super) struct Bench<'s, N> {
    pub(super) session: &'s Session<N>,
    pub(super) recorder: &'s Recorder<N>,
    pub(super) round: u32,
}

impl<N: Net + Unpin> Bench<'_, N> {
    fn begin(&self, layer: &'static str, changed: Changed, to: (String, &str)) -> Attempt {
        let t0 = self.recorder.t();
        Attempt {
            round: self.round,
            layer,
            changed: changed.word(),
            endpoint: to.0,
            name: to.1.to_owned(),
            failure: None,
            answers: None,
            status: None,
            body_bytes: None,
            t0,
            t: t0,
        }
    }

    fn end(&self, attempt: Attempt, failure: Option<String>) -> Attempt {
        Attempt { failure, t: self.recorder.t(), ..attempt }
    }

    /// The system's resolver.
    pub(super) async fn system(&self, changed: Changed, name: &str) -> Attempt {
        let attempt = self.begin("dns", changed, (String::new(), name));
        let looked_up = within(&self.session.net, system::PATIENCE, self.session.net.lookup(name));
        let (answers, failure) = match looked_up.await {
            Some(Ok(lookup)) => (Some(lookup.addresses), None),
            Some(Err(error)) => (None, Some(failure::of_lookup(&error))),
            None => (None, Some(failure::TIMEOUT.to_owned())),
        };
        self.end(Attempt { answers, ..attempt }, failure)
    }

    /// A resolver over UDP, or what is none.
    pub(super) async fn udp(&self, changed: Changed, resolver: SocketAddr, name: &str) -> Attempt {
        let attempt = self.begin("dns", changed, (resolver.to_string(), name));
        let question = Question { resolver, name: name.to_owned(), kind: kind::A };
        let asked = Asked::ask(&self.session.net, question, self.recorder).await;
        let addresses: Vec<_> = asked.addresses().collect();
        let answers = (!addresses.is_empty()).then_some(addresses);
        self.end(Attempt { answers, ..attempt }, asked.failure())
    }

    /// A resolver over HTTPS.
    pub(super) async fn doh(&self, changed: Changed, url: &Url, name: &str) -> Attempt {
        let attempt = self.begin("dns", changed, (url.to_string(), name));
        let asking = doh::ask(&self.session.services, url, name, kind::A);
        let asked = within(&self.session.net, system::PATIENCE, asking).await;
        let asked = asked.unwrap_or_else(|| Err(failure::TIMEOUT.to_owned()));
        let (answers, failure) = match asked {
            Ok((message, _)) => {
                let addresses: Vec<_> = message.addresses().collect();
                ((!addresses.is_empty()).then_some(addresses), dns::failure_of(&message))
            }
            Err(failure) => (None, Some(failure)),
        };
        self.end(Attempt { answers, ..attempt }, failure)
    }

    /// A TCP connection.
    pub(super) async fn tcp(&self, changed: Changed, remote: SocketAddr, name: &str) -> Attempt {
        let attempt = self.begin("tcp", changed, (remote.to_string(), name));
        let failure = self.connect(remote).await.err();
        self.end(attempt, failure)
    }

    /// A TLS handshake. One that fails for the certificate has been answered.
    pub(super) async fn tls(&self, changed: Changed, remote: SocketAddr, name: &str) -> Attempt {
        let attempt = self.begin("tls", changed, (remote.to_string(), name));
        let shaken = async {
            let stream = self.connect(remote).await?;
            self.handshake(stream, name).await.map(|_| ())
        };
        let failure = shaken.await.err();
        self.end(attempt, failure)
    }

    /// A page over the scheme of `url`, from `remote`, with `name` in TLS and Host.
    pub(super) async fn http(
        &self,
        changed: Changed,
        remote: SocketAddr,
        (url, name): (&Url, &str),
    ) -> Attempt {
        let attempt = self.begin("http", changed, (remote.to_string(), name));
        let mut came = Came::default();
        let failure = self.fetch(remote, (url, name), &mut came).await.err();
        let attempt = Attempt {
            status: (came.status > 0).then_some(came.status),
            body_bytes: Some(came.body.len()),
            ..attempt
        };
        self.end(attempt, failure)
    }

    /// Bytes to a test helper, which reads all of them before it says that they are no request (status 400): how fast this
    /// line is at least.
    pub(super) async fn load(&self, helper: &TestHelper) -> Attempt {
        let host = helper.url.host_str().unwrap_or_default();
        let attempt = self.begin("http", Changed::Helper, (helper.url.to_string(), host));
        let asking = control::asking(helper, vec![b' '; LOAD_BYTES]);
        let asked = within(&self.session.net, FETCH, self.session.services.ask(&asking)).await;
        match asked.unwrap_or_else(|| Err(failure::TIMEOUT.to_owned())) {
            Ok(came) => {
                let status = Some(came.status);
                self.end(Attempt { status, body_bytes: Some(LOAD_BYTES), ..attempt }, None)
            }
            Err(failure) => self.end(attempt, Some(failure)),
        }
    }

    /// A QUIC handshake and a request, which shows that both ends are through with it. A handshake that fails for the
    /// certificate has been answered.
    pub(super) async fn quic(&self, changed: Changed, remote: SocketAddr, name: &str) -> Attempt {
        let attempt = self.begin("quic", changed, (remote.to_string(), name));
        let session = self.session;
        session.pace.address(remote.ip()).await;
        let tls = session.trust.config(&["h3"], &Seen::default());
        let dial = Dial { remote, server_name: name, tls, seed: super::h3::seed(name) };
        let request = quic::Request {
            authority: name.to_owned(),
            path: "/".to_owned(),
            headers: page_headers(),
            max_body_bytes: BODY_CAP,
            max_head_bytes: MAX_HEAD_BYTES,
        };
        let exchange = async {
            let mut connection = quic::handshake(&session.net, &dial).await?;
            quic::get(&mut connection, &request).await.map(|_| ())
        };
        let failure = match within(&session.net, HANDSHAKE, exchange).await {
            Some(done) => done.err().map(|error| failure::of_quic(&error)),
            None => Some(failure::TIMEOUT.to_owned()),
        };
        self.end(attempt, failure)
    }

    async fn fetch(
        &self,
        remote: SocketAddr,
        (url, name): (&Url, &str),
        came: &mut Came,
    ) -> Result<(), String> {
        let mut url = url.clone();
        url.set_host(Some(name)).map_err(|error| failure::unknown(&error.to_string()))?;
        let scheme = if url.scheme() == "http" { Scheme::Http } else { Scheme::Https };
        let asking = Asking::get(url, page_headers(), BODY_CAP);
        let stream = self.connect(remote).await?;
        // The events of repeated steps are nobody's: a recorder of their own takes them.
        let aside = Recorder::new(self.session.net.clone());
        let stream = Observed::new(stream, remote, &aside, &Mark::default());
        let tap = stream.tap();
        let asked = match scheme {
            Scheme::Http => {
                let asked = http::ask(stream, Version::Http1, &asking, came);
                within(&self.session.net, FETCH, asked).await
            }
            Scheme::Https => {
                let seen = Seen::default();
                // Whatever the certificate says: the page of another name is what is wanted here.
                let config =
                    self.session.trust.config_without_verifying(&["h2", "http/1.1"], &seen);
                let shaken =
                    within(&self.session.net, HANDSHAKE, tls::handshake(config, name, stream));
                let shaken = shaken.await.unwrap_or_else(|| Err(failure::TIMEOUT.to_owned()));
                let (stream, agreed) = shaken?;
                let version = Version::of_alpn(&agreed.protocol);
                within(&self.session.net, FETCH, http::ask(stream, version, &asking, came)).await
            }
        };
        match asked {
            Some(Ok(())) => Ok(()),
            Some(Err(failure)) => Err(crate::connection::word(&failure, &tap)),
            None => Err(failure::TIMEOUT.to_owned()),
        }
    }

    async fn connect(&self, remote: SocketAddr) -> Result<N::Stream, String> {
        self.session.pace.address(remote.ip()).await;
        match within(&self.session.net, CONNECT, self.session.net.connect(remote)).await {
            Some(connected) => connected.map_err(|error| failure::of_network(&error)),
            None => Err(failure::TIMEOUT.to_owned()),
        }
    }

    async fn handshake(&self, stream: N::Stream, name: &str) -> Result<(), String> {
        let config = self.session.trust.config(&["h2", "http/1.1"], &Seen::default());
        let shaken = within(&self.session.net, HANDSHAKE, tls::handshake(config, name, stream));
        let shaken = shaken.await.unwrap_or_else(|| Err(failure::TIMEOUT.to_owned()));
        shaken.map(|_| ())
    }
}

/// What OONI's helpers and ours read of a request, with room.
const LOAD_BYTES: usize = 60 * 1024;
