//! Listening, and what every answer has in common.
//!
//! A connection has a place among a bounded number; who has not asked for anything gives it up first. Heads, bodies and answers
//! that do not move are cut off. Nothing of who asked is kept: there is no log of requests, and counters know no address. In reading order:
//!
//! - [`Limits`], [`Settings`], [`Served`], [`serve`].
//! - [`listen`]: sockets and certificates. `places`, `connection`, `paced`: one connection.
//! - `answering`: one request: limits, conditional requests, compression, headers. `cache`: answers that were asked for before.
//! - [`problem`]: why there is no answer, as RFC 9457 or as a page. [`metrics`]: counters. [`token`]: who may do more.

mod answering;
mod cache;
pub(crate) mod connection;
mod headers;
pub mod listen;
pub mod metrics;
mod paced;
mod places;
pub mod problem;
pub mod token;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use answering::Answering;
use connection::Connection;
use listen::Listener;
use metrics::Metrics;
use places::Places;
use token::Token;

/// What a server spends on strangers. The defaults are for a machine with 1 GB of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections held at once. A further one takes the place of whoever has waited longest without asking, or is closed.
    pub connections: usize,
    /// Time for TLS, and for a request's head; also how long a connection may rest between requests.
    pub patience: Duration,
    /// Time in which some of an answer must be taken.
    pub write_patience: Duration,
    /// Time for a request's body.
    pub body_patience: Duration,
    /// How long a connection is held at most; what runs then is finished.
    pub connection_age: Duration,
    /// Time for an answer to be made.
    pub request: Duration,
    /// Bytes of path and query.
    pub uri_bytes: usize,
    /// Bytes of answers that are kept for who asks the same.
    pub cache_bytes: usize,
    /// Time for what runs to be finished when the server is to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 800,
            patience: Duration::from_secs(10),
            write_patience: Duration::from_secs(30),
            body_patience: Duration::from_secs(60),
            connection_age: Duration::from_secs(30 * 60),
            request: Duration::from_secs(30),
            uri_bytes: 8 * 1024,
            cache_bytes: 64 << 20,
            grace: Duration::from_secs(10),
        }
    }
}

/// Where and how to serve.
#[derive(Clone)]
pub struct Settings {
    /// Limits.
    pub limits: Limits,
    /// Over TLS only, with this.
    pub tls: Option<TlsAcceptor>,
    /// What who may see counters from elsewhere, and ask in SQL, has to say.
    pub admin: Option<Token>,
    /// Seconds since 1970: answers may speak of today.
    pub now: fn() -> i64,
}

/// What answers are made of: when it changes, all answers do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edition {
    /// Commit of the archive.
    pub commit: u64,
    /// When its newest measurement began, seconds since 1970. None for an empty archive.
    pub newest: Option<i64>,
    /// What else makes answers differ: the archive's place, a version.
    pub salt: u64,
}

/// What answers.
#[derive(Clone)]
pub struct Served {
    /// Pages and programs' answers.
    pub router: Router,
    /// What they are made of now.
    pub edition: Arc<dyn Fn() -> Edition + Send + Sync>,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

/// Serves whoever connects until `stop` is done; then finishes what runs, within [`Limits::grace`].
pub async fn serve(
    listeners: Vec<Listener>,
    served: Served,
    settings: Settings,
    stop: impl Future<Output = ()>,
) {
    let (tell, told) = watch::channel(false);
    let places = Arc::new(Places::new(settings.limits.connections));
    let answering = Arc::new(Answering::new(served, &settings));
    let mut accepting = JoinSet::new();
    let (hold, mut all_gone) = tokio::sync::mpsc::channel::<()>(1);
    for listener in listeners {
        let connection = Connection {
            answering: Arc::clone(&answering),
            places: Arc::clone(&places),
            limits: settings.limits.clone(),
            tls: settings.tls.clone(),
            told: told.clone(),
            hold: hold.clone(),
        };
        accepting.spawn(accept(listener, connection));
    }
    drop((hold, told));
    stop.await;
    accepting.shutdown().await;
    let _ = tell.send(true);
    // Every connection holds a sender: the channel ends with the last of them.
    let _ = tokio::time::timeout(settings.limits.grace, all_gone.recv()).await;
}

async fn accept(listener: Listener, connection: Connection) {
    loop {
        match listener.accept().await {
            Ok(stream) => {
                let metrics = &connection.answering.metrics;
                match connection.places.take().await {
                    Some(place) => {
                        tokio::spawn(connection.clone().hold(stream, place));
                    }
                    None => metrics.shed(),
                }
            }
            Err(_) => {
                // Out of files, most likely: somebody who does not ask gives one back.
                connection.places.give_up_one();
                tokio::time::sleep(AFTER_A_FAILED_ACCEPT).await;
            }
        }
    }
}

const AFTER_A_FAILED_ACCEPT: Duration = Duration::from_millis(20);
