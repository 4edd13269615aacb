//! One connection of a measurement: TCP, TLS where the scheme has it, and the page where it gets to fetch it.

use std::net::SocketAddr;

use wirewitness_net::Net;

use super::hop::{Hop, Scheme};
use super::select::Origin;
use crate::connection::{BODY_CAP, Connection, page_headers};
use crate::failure;
use crate::http::Asking;
use crate::observed::Tap;
use crate::record::{Mark, Recorder};
use crate::session::Session;

/// One connection of a measurement.
pub(super) struct Flow<'s, N> {
    pub(super) session: &'s Session<N>,
    pub(super) recorder: &'s Recorder<N>,
    pub(super) hop: Hop,
    pub(super) remote: SocketAddr,
    pub(super) scheme: Scheme,
    pub(super) origin: Origin,
    pub(super) mark: Mark,
}

impl<N: Net + Unpin> Flow<'_, N> {
    /// Goes as far as it gets, and writes it down. Gives where the page leads, if it does.
    pub(super) async fn run(self) -> Option<Hop> {
        let stream = self.connection().connect().await?;
        let tap = stream.tap();
        match self.scheme {
            Scheme::Http => {
                if !self.may_fetch().await {
                    return None;
                }
                self.fetch(stream, &tap, None).await
            }
            Scheme::Https => {
                let asked_for = (self.hop.host(), &self.session.trust);
                let (stream, agreed) = self.connection().handshake(stream, asked_for).await?;
                if !self.may_fetch().await {
                    return None;
                }
                self.fetch(stream, &tap, Some(agreed.protocol)).await
            }
        }
    }

    async fn may_fetch(&self) -> bool {
        self.hop.fetches(self.scheme)
            && self
                .hop
                .selector
                .may_fetch(self.recorder.clock(), self.origin, self.mark.transaction_id)
                .await
    }

    fn connection(&self) -> Connection<'_, N> {
        let Self { session, recorder, remote, mark, .. } = self;
        Connection { session, recorder, remote: *remote, mark }
    }

    async fn fetch<S>(&self, stream: S, tap: &Tap<N>, alpn: Option<String>) -> Option<Hop>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (asking, connection) = (self.asking(), self.connection());
        let mut asked = connection.ask(stream, &asking, (alpn.as_deref(), tap)).await;
        let next = match asked.failure {
            Some(_) => None,
            None => match self.hop.next(&asked.came) {
                Ok(Some(_)) if self.recorder.t() > LONGEST_CHAIN_SECS => {
                    asked.failure = Some(failure::SLOW_REDIRECTS.to_owned());
                    None
                }
                Ok(next) => next,
                Err(failure) => {
                    asked.failure = Some(failure);
                    None
                }
            },
        };
        connection.write_down(&asking, alpn, asked);
        next
    }

    fn asking(&self) -> Asking {
        let mut headers = page_headers();
        headers.push(("Referer".to_owned(), self.hop.referer.clone()));
        headers.retain(|(_, value)| !value.is_empty());
        headers.extend(self.hop.cookies.field(&self.hop.url).map(|it| ("Cookie".to_owned(), it)));
        Asking::get(self.hop.url.clone(), headers, BODY_CAP)
    }
}

/// No redirect is followed later than this: with the steps of the last hop, a measurement is done in two minutes.
const LONGEST_CHAIN_SECS: f64 = 75.0;
