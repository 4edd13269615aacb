//! The only way out of a battery: to the far end that consented, at its ports, at its pace.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use aws_lc_rs::rand;
use tokio::sync::Mutex;
use url::{Host, Url};
use wirewitness_model::hex::hex;
use wirewitness_net::Net;
use wirewitness_net::raw::Raw;

use super::caps::{Caps, Empty, Purse, Spent};
use super::cutting::exchange_cut;
use super::exchange::{Outcome, Sending, exchange, exchange_with_life};
use super::protocol::{
    About, Arrival, CALL, Call, CallHello, Called, END, Forged, SEEN, START, Seen, Start, Started,
};
use super::token::{ConsentToken, Side};
use crate::clock::within;
use crate::http::Asking;
use crate::service::Services;
use crate::tls::Trust;

/// A far end: the helper's URL, what its operator handed out, and whom to trust for HTTPS.
#[derive(Debug, Clone)]
pub struct FarEnd {
    /// The helper.
    pub url: Url,
    /// Its consent.
    pub token: ConsentToken,
    /// Authorities.
    pub trust: Trust,
}

/// Why a battery is not run, or not on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The URL leads elsewhere than the token.
    #[error(
        "{url} is not at {granted}, the address that the token was issued for: nothing was sent there"
    )]
    OtherAddress {
        /// Where the URL leads.
        url: String,
        /// What the token grants.
        granted: IpAddr,
    },
    /// The URL leads to a port that is not that of the far end's own server.
    #[error(
        "{url} is not at port {granted}, where the token says that the far end is asked: nothing was sent there"
    )]
    OtherControl {
        /// Where the URL leads.
        url: String,
        /// What the token grants.
        granted: u16,
    },
    /// A port that the token does not have.
    #[error("port {port} is none of those that the token was issued for")]
    OtherPort {
        /// The port.
        port: u16,
    },
    /// The far end does not admit us.
    #[error(
        "the far end does not admit this token (it answers {status}): is it the one that it printed when it started?"
    )]
    NotAdmitted {
        /// Its status.
        status: u16,
    },
    /// The far end does not prove that it issued the token.
    #[error(
        "what answers does not prove that it issued the token: without consent, nothing is tested"
    )]
    NoConsent,
    /// The far end cannot be asked.
    #[error("the far end cannot be asked: {0}")]
    Unreachable(String),
    /// All is spent.
    #[error(transparent)]
    Spent(#[from] Empty),
}

/// The way to a far end that has consented.
pub struct Line<N: Net> {
    net: N,
    far_end: FarEnd,
    services: Services<N>,
    purse: Purse<N>,
    started: Started,
    rota: Mutex<Rota>,
    udp_rota: Mutex<Rota>,
}

impl<N: Net> Line<N> {
    /// Asks the far end for its consent, and begins a session.
    ///
    /// # Errors
    /// Without consent, nothing else is sent.
    pub async fn open(
        net: &N,
        far_end: &FarEnd,
        (caps, wait): (Caps, Duration),
    ) -> Result<Self, LineError> {
        let address = far_end.token.address;
        let known = Self::granted(net, far_end).await?;
        let services = Services::new(net.clone(), far_end.trust.clone(), known);
        let rota = Mutex::new(Rota::new(&far_end.token.tcp, wait));
        let udp_rota = Mutex::new(Rota::new(&far_end.token.udp, wait));
        let nothing = Started {
            session: String::new(),
            proof: String::new(),
            you: address,
            headers: false,
            fragments: false,
        };
        let purse = Purse::new(net.clone(), caps);
        let mut line = Self {
            net: net.clone(),
            far_end: far_end.clone(),
            services,
            purse,
            started: nothing,
            rota,
            udp_rota,
        };
        line.started = line.start().await?;
        Ok(line)
    }

    /// The names of the far end, where its URL leads to what the token was issued for. Sends nothing to it.
    pub(super) async fn granted(net: &N, far_end: &FarEnd) -> Result<Known, LineError> {
        let known = known(net, &far_end.url, far_end.token.address).await?;
        is_control(&far_end.url, far_end.token.control)?;
        Ok(known)
    }

    async fn start(&self) -> Result<Started, LineError> {
        let mut nonce = [0; 16];
        rand::fill(&mut nonce).map_err(|_| LineError::Unreachable("no randomness".to_owned()))?;
        let nonce = hex(&nonce);
        let proof = self.far_end.token.proof(Side::Client, &[&nonce]);
        let started: Started = self.ask(START, &Start { nonce: nonce.clone(), proof }).await?;
        let words = [nonce.as_str(), started.session.as_str()];
        let consents = self.far_end.token.is_proof(Side::FarEnd, &words, &started.proof);
        if consents { Ok(started) } else { Err(LineError::NoConsent) }
    }

    /// Opens a connection to a port of the far end, sends, and says what came of it.
    ///
    /// # Errors
    /// A port that was not granted, or no connection left.
    pub async fn exchange(&self, port: u16, sending: &Sending) -> Result<Outcome, LineError> {
        let to = self.granted_port(port)?;
        let bytes: usize = sending.pieces.iter().map(Vec::len).sum();
        self.purse.turn(bytes).await?;
        Ok(exchange(&self.net, to, sending).await)
    }

    /// The same with a request of so much life.
    ///
    /// # Errors
    /// A port that was not granted, or no connection left.
    pub async fn exchange_with_life(
        &self,
        port: u16,
        (sending, ttl): (&Sending, u8),
    ) -> Result<Outcome, LineError> {
        let to = self.granted_port(port)?;
        self.purse.turn(sending.pieces.iter().map(Vec::len).sum()).await?;
        Ok(exchange_with_life(&self.net, to, (sending, ttl)).await)
    }

    /// Where a TCP port of the far end is: every trial goes through here.
    fn granted_port(&self, port: u16) -> Result<SocketAddr, LineError> {
        let token = &self.far_end.token;
        if !token.tcp.contains(&port) {
            return Err(LineError::OtherPort { port });
        }
        Ok(SocketAddr::new(token.address, port))
    }

    /// The TCP port whose turn it is, once it has rested.
    pub async fn rested_port(&self) -> u16 {
        self.rested(&self.rota).await
    }

    /// The UDP port whose turn it is, once it has rested.
    pub async fn rested_udp_port(&self) -> u16 {
        self.rested(&self.udp_rota).await
    }

    async fn rested(&self, rota: &Mutex<Rota>) -> u16 {
        let (port, free_at) = rota.lock().await.next();
        let early = free_at.saturating_sub(self.net.now().elapsed);
        if !early.is_zero() {
            self.net.sleep(early).await;
        }
        port
    }

    /// Lets a UDP port rest, after a trigger. What was found of TCP says nothing of how long.
    pub async fn rest_udp(&self, port: u16) {
        self.udp_rota.lock().await.rest(port, self.net.now().elapsed);
    }

    /// Lets a port rest, after a trigger.
    pub async fn rest(&self, port: u16) {
        self.rota.lock().await.rest(port, self.net.now().elapsed);
    }

    /// How long a port rests from now on.
    pub async fn set_wait(&self, wait: Duration) {
        self.rota.lock().await.wait = wait;
    }

    /// How long a port rests.
    pub async fn wait(&self) -> Duration {
        self.rota.lock().await.wait
    }

    /// What arrived so far, from the `from`th on.
    ///
    /// # Errors
    /// Where the far end cannot be asked.
    pub async fn arrivals(&self, from: usize) -> Result<Vec<Arrival>, LineError> {
        let mut arrivals = Vec::new();
        loop {
            let about =
                About { session: self.started.session.clone(), from: from + arrivals.len() };
            let seen: Seen = self.ask(SEEN, &about).await?;
            let is_last =
                seen.arrivals.is_empty() || seen.arrivals.len() + about.from >= seen.total;
            arrivals.extend(seen.arrivals);
            if is_last || arrivals.len() > MOST_ARRIVALS {
                return Ok(arrivals);
            }
        }
    }

    /// Headers of resets that came to the far end so far.
    ///
    /// # Errors
    /// Where the far end cannot be asked.
    pub async fn forged(&self) -> Result<Vec<Forged>, LineError> {
        let about = About { session: self.started.session.clone(), from: 0 };
        let seen: Seen = self.ask(SEEN, &about).await?;
        Ok(seen.forged)
    }

    /// Has the far end open a connection to this port of ours, and says what came of it; none where it declines.
    ///
    /// # Errors
    /// Where the far end cannot be asked.
    pub async fn call(
        &self,
        port: u16,
        hello: Option<CallHello>,
    ) -> Result<Option<Called>, LineError> {
        // The connection that follows has a turn of its own.
        self.purse.turn(HELLO_BYTES).await?;
        let call = Call { session: self.started.session.clone(), port, hello };
        match self.ask(CALL, &call).await {
            Ok(called) => Ok(Some(called)),
            Err(LineError::NotAdmitted { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Says to a far end that asks who listens at a port of ours: who has the token of this session.
    pub fn prover(&self) -> Prover {
        let (token, session) = (self.far_end.token.clone(), self.started.session.clone());
        Box::new(move |number, port| {
            let port = port.to_string();
            token.proof(Side::Client, &["call", session.as_str(), number, port.as_str()])
        })
    }

    /// Ends the session.
    pub async fn close(&self) {
        let about = About { session: self.started.session.clone(), from: 0 };
        let _: Result<Seen, LineError> = self.ask(END, &about).await;
    }

    /// What the far end said when it consented.
    pub fn started(&self) -> &Started {
        &self.started
    }

    /// The ports that were granted.
    pub fn token(&self) -> &ConsentToken {
        &self.far_end.token
    }

    /// The network.
    pub fn net(&self) -> &N {
        &self.net
    }

    /// Waits for a turn for so many bytes that do not go over TCP.
    ///
    /// # Errors
    /// Where no connection is left.
    pub async fn turn(&self, bytes: usize) -> Result<(), LineError> {
        Ok(self.purse.turn(bytes).await?)
    }

    /// What was spent.
    pub async fn spent(&self) -> Spent {
        self.purse.spent().await
    }

    async fn ask<Q, A>(&self, path: &str, question: &Q) -> Result<A, LineError>
    where
        Q: serde::Serialize,
        A: serde::de::DeserializeOwned,
    {
        let unreachable = |why: &str| LineError::Unreachable(why.to_owned());
        let body = serde_json::to_vec(question).map_err(|error| unreachable(&error.to_string()))?;
        self.purse.turn(body.len()).await?;
        let mut url = self.far_end.url.clone();
        url.set_path(path);
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        let asking = Asking { method: "POST", url, headers, body, body_cap: LONGEST_ANSWER };
        let came = within(&self.net, PATIENCE, self.services.ask(&asking)).await;
        let came = came.ok_or_else(|| unreachable("no answer in time"))?;
        let came = came.map_err(|word| unreachable(&word))?;
        if came.status != 200 {
            return Err(LineError::NotAdmitted { status: came.status });
        }
        serde_json::from_slice(&came.body).map_err(|_| LineError::NoConsent)
    }
}

impl<N: Raw> Line<N> {
    /// The same with all bytes in one segment that goes out as so many fragments.
    ///
    /// # Errors
    /// A port that was not granted, or no connection left.
    pub async fn exchange_cut(
        &self,
        port: u16,
        (bytes, fragments): (&[u8], u16),
    ) -> Result<Outcome, LineError> {
        let to = self.granted_port(port)?;
        // Each fragment has a header of its own.
        self.purse.turn(bytes.len() + IP_HEADER * usize::from(fragments)).await?;
        Ok(exchange_cut(&self.net, to, (bytes, fragments)).await)
    }
}

/// The far end's own server is asked at the port that was granted for it, and at no other.
fn is_control(url: &Url, granted: u16) -> Result<(), LineError> {
    if url.port_or_known_default() == Some(granted) {
        return Ok(());
    }
    Err(LineError::OtherControl { url: url.to_string(), granted })
}

/// Proves who listens, by the far end's number and the port.
pub type Prover = Box<dyn Fn(&str, u16) -> String + Send + Sync>;

type Known = std::collections::BTreeMap<String, Vec<IpAddr>>;

/// The URL's host, as the one address that was granted. One that leads elsewhere is refused.
async fn known<N: Net>(net: &N, url: &Url, granted: IpAddr) -> Result<Known, LineError> {
    let other = || LineError::OtherAddress { url: url.to_string(), granted };
    let found = match url.host() {
        Some(Host::Ipv4(address)) => vec![IpAddr::from(address)],
        Some(Host::Ipv6(address)) => vec![IpAddr::from(address)],
        Some(Host::Domain(name)) => {
            let looked_up = within(net, PATIENCE, net.lookup(name)).await;
            looked_up.and_then(Result::ok).map(|it| it.addresses).unwrap_or_default()
        }
        None => Vec::new(),
    };
    let canonical = |it: &IpAddr| it.to_canonical() == granted.to_canonical();
    if !found.iter().any(canonical) || !matches!(url.scheme(), "http" | "https") {
        return Err(other());
    }
    let host = url.host_str().ok_or_else(other)?;
    Ok([(host.to_owned(), vec![granted])].into())
}

/// Ports in turn, each as long at rest as a block may outlive its trigger.
#[derive(Debug)]
struct Rota {
    /// Port, and when it has rested. The first is the next.
    ports: std::collections::VecDeque<(u16, Duration)>,
    wait: Duration,
}

impl Rota {
    fn new(ports: &[u16], wait: Duration) -> Self {
        Self { ports: ports.iter().map(|port| (*port, Duration::ZERO)).collect(), wait }
    }

    fn next(&mut self) -> (u16, Duration) {
        // Of all, the one that has rested longest; of equals, the one that was not used longest.
        let best = self.ports.iter().enumerate().min_by_key(|(_, (_, free_at))| *free_at);
        let place = best.map_or(0, |(place, _)| place);
        match self.ports.remove(place) {
            Some(chosen) => {
                self.ports.push_back(chosen);
                chosen
            }
            None => (0, Duration::ZERO),
        }
    }

    fn rest(&mut self, port: u16, now: Duration) {
        let wait = self.wait;
        let found = self.ports.iter_mut().find(|(it, _)| *it == port);
        found.into_iter().for_each(|(_, free_at)| *free_at = now + wait);
    }
}

const IP_HEADER: usize = 20;
/// What a hello has at most.
const HELLO_BYTES: usize = 600;
/// A connection back takes the far end some 20 s at most.
const PATIENCE: Duration = Duration::from_secs(25);
const LONGEST_ANSWER: usize = 1 << 20;
const MOST_ARRIVALS: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_rests_after_a_trigger() {
        let mut rota = Rota::new(&[1, 2, 3], Duration::from_secs(100));
        assert_eq!(rota.next().0, 1);
        rota.rest(1, Duration::from_secs(5));
        assert_eq!((rota.next().0, rota.next().0, rota.next().0), (2, 3, 2));
        rota.rest(2, Duration::from_secs(6));
        rota.rest(3, Duration::from_secs(7));
        assert_eq!(rota.next(), (1, Duration::from_secs(105)));
    }
}
