//! HTTPS to services that help to measure: DNS over HTTPS and test helpers. Connections are kept where HTTP/2 allows.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio_rustls::client::TlsStream;
use wirewitness_net::{Failure, Net, Stream};

use crate::failure;
use crate::http::{self, Asking, Came, HttpFailure, Kept, Version};
use crate::tls::{self, Seen, Trust};

/// A client of such services.
pub struct Services<N> {
    net: N,
    trust: Trust,
    /// Services whose addresses are known, so that no lookup can lead astray.
    known: BTreeMap<String, Vec<std::net::IpAddr>>,
    kept: Mutex<BTreeMap<String, Kept>>,
    /// How many connections to each service may be opening: a burst of requests shall not open one each.
    opening: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

impl<N: Net> Services<N> {
    /// A client over `net`; `known` are addresses of service names that need no lookup.
    pub fn new(net: N, trust: Trust, known: BTreeMap<String, Vec<std::net::IpAddr>>) -> Self {
        Self { net, trust, known, kept: Mutex::default(), opening: Mutex::default() }
    }

    /// Asks a service.
    ///
    /// # Errors
    /// OONI's word for what happened instead. Takes as long as it takes: bound it.
    pub async fn ask(&self, asking: &Asking) -> Result<Came, String> {
        let authority = asking.authority();
        if let Some(came) = self.ask_kept(asking, &authority).await {
            return Ok(came);
        }
        // It may have been closed for want of use: a new one decides. Another may be opening it just now.
        let gate = self.gate(&authority);
        let permit = gate.acquire().await;
        if let Some(came) = self.ask_kept(asking, &authority).await {
            return Ok(came);
        }
        let opened = self.open(asking).await?;
        if let Open::Kept(kept) = &opened {
            let mut table = self.table();
            if table.len() < MAX_KEPT {
                table.insert(authority.clone(), kept.clone());
            }
        }
        drop(permit);
        let doubt = Doubt { services: self, authority: &authority };
        let came = opened.ask(asking).await?;
        doubt.settle();
        Ok(came)
    }

    async fn ask_kept(&self, asking: &Asking, authority: &str) -> Option<Came> {
        let mut kept = self.kept(authority)?;
        let mut came = Came::default();
        let doubt = Doubt { services: self, authority };
        http::ask_kept(&mut kept, asking, &mut came).await.ok()?;
        doubt.settle();
        Some(came)
    }

    fn gate(&self, authority: &str) -> Arc<Semaphore> {
        let mut gates = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry(authority.to_owned());
        Arc::clone(gate.or_insert_with(|| Arc::new(Semaphore::new(MAX_OPENING))))
    }

    fn table(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, authority: &str) -> Option<Kept> {
        self.table().get(authority).filter(|kept| !kept.is_closed()).cloned()
    }

    async fn open(&self, asking: &Asking) -> Result<Open<N::Stream>, String> {
        let host = asking.url.host_str().unwrap_or_default();
        let port = asking.url.port_or_known_default().unwrap_or(443);
        let stream = self.connect(host, port).await?;
        if asking.url.scheme() == "http" {
            return Ok(Open::Clear(stream));
        }
        let config = self.trust.config(&["h2", "http/1.1"], &Seen::default());
        let name = host.trim_matches(['[', ']']);
        let (stream, agreed) = tls::handshake(config, name, stream).await?;
        if Version::of_alpn(&agreed.protocol) == Version::Http1 {
            return Ok(Open::Secure(Box::new(stream)));
        }
        let (kept, connection) = http::keep(stream).await.map_err(|failure| failure.word())?;
        tokio::spawn(connection);
        Ok(Open::Kept(kept))
    }

    /// The first address that answers.
    async fn connect(&self, host: &str, port: u16) -> Result<N::Stream, String> {
        let looked_up;
        let addresses = match self.known.get(host) {
            Some(known) => known,
            None => {
                let lookup = self.net.lookup(host.trim_matches(['[', ']'])).await;
                looked_up = lookup.map_err(|failure| failure::of_lookup(&failure))?.addresses;
                &looked_up
            }
        };
        let mut last = Failure::HostUnreachable;
        for &address in addresses.iter().take(MAX_ADDRESSES) {
            match self.net.connect(SocketAddr::new(address, port)).await {
                Ok(stream) => return Ok(stream),
                Err(failure) => last = failure,
            }
        }
        Err(failure::of_network(&last))
    }
}

/// An open connection to a service.
enum Open<S> {
    /// HTTP/1.1 without TLS.
    Clear(S),
    /// HTTP/1.1 over TLS.
    Secure(Box<TlsStream<S>>),
    /// HTTP/2, for several requests.
    Kept(Kept),
}

impl<S: Stream> Open<S> {
    async fn ask(self, asking: &Asking) -> Result<Came, String> {
        let mut came = Came::default();
        let asked = match self {
            Self::Clear(stream) => http::ask(stream, Version::Http1, asking, &mut came).await,
            Self::Secure(stream) => http::ask(*stream, Version::Http1, asking, &mut came).await,
            Self::Kept(mut kept) => http::ask_kept(&mut kept, asking, &mut came).await,
        };
        asked.map(|()| came).map_err(|failure: HttpFailure| failure.word())
    }
}

/// A kept connection that was asked and has not answered. Where whoever asks gives up before it does, it is not used
/// again: a path that forgot it says nothing, for ever.
struct Doubt<'s, N: Net> {
    services: &'s Services<N>,
    authority: &'s str,
}

impl<N: Net> Doubt<'_, N> {
    /// It has answered.
    fn settle(self) {
        std::mem::forget(self);
    }
}

impl<N: Net> Drop for Doubt<'_, N> {
    fn drop(&mut self) {
        self.services.table().remove(self.authority);
    }
}

const MAX_ADDRESSES: usize = 4;
const MAX_KEPT: usize = 16;
/// Connections to one service that may be opening at once.
const MAX_OPENING: usize = 8;
