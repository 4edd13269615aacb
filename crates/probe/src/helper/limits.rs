//! What a helper spends on strangers, and on one of them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Digest, SHA256, digest};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Limits of a helper. The default is for a machine with 1 GB of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests worked on at once; further ones get 503. OONI's helper has 50.
    pub in_flight: usize,
    /// Requests of one client worked on at once; further ones get 429. Slow sites would let it take all places.
    pub in_flight_per_client: usize,
    /// Connections held at once; further ones are closed.
    pub connections: usize,
    /// Connections held at once for one client.
    pub connections_per_client: usize,
    /// Requests of one client in a minute; further ones get 429.
    pub requests_per_minute: u32,
    /// Connections to sites at once; further ones wait.
    pub outgoing: usize,
    /// Bytes of a request.
    pub request_bytes: usize,
    /// Bytes of a page that are read. OONI's helper reads 16 MiB; probes read 512 KiB.
    pub page_bytes: usize,
    /// Redirects that are followed.
    pub redirects: usize,
    /// Ports that are contacted.
    pub ports: Vec<u16>,
    /// Time for a client to say what it wants (head, and body again), and for its TLS.
    pub patience: Duration,
    /// Time for the lookup.
    pub lookup: Duration,
    /// Time for a connection with its handshake, and for the page with its redirects.
    pub step: Duration,
    /// How long a client's connection is held at most.
    pub connection_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 50,
            in_flight_per_client: 16,
            connections: 1_024,
            connections_per_client: 64,
            requests_per_minute: 240,
            outgoing: 512,
            request_bytes: 64 * 1024,
            page_bytes: 2 << 20,
            redirects: 10,
            ports: vec![80, 443],
            patience: Duration::from_secs(10),
            lookup: Duration::from_secs(4),
            step: Duration::from_secs(15),
            connection_age: Duration::from_secs(120),
        }
    }
}

/// Who may ask.
#[derive(Clone)]
pub enum Access {
    /// Whoever wants to.
    Public,
    /// Who knows the token.
    Bearer(Token),
}

/// A secret that a client has to say. Only its fingerprint is kept.
#[derive(Clone)]
pub struct Token(Digest);

impl Token {
    /// A token of at least sixteen bytes.
    ///
    /// # Errors
    /// It is shorter, and could be guessed.
    pub fn new(token: &str) -> Result<Self, ShortToken> {
        match token.len() >= SHORTEST_TOKEN {
            true => Ok(Self(digest(&SHA256, token.as_bytes()))),
            false => Err(ShortToken),
        }
    }
}

/// A token that could be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token needs at least {SHORTEST_TOKEN} bytes")]
pub struct ShortToken;

impl Access {
    /// Whether an Authorization field lets its sender in. Takes the same time for every wrong token.
    pub fn admits(&self, authorization: Option<&[u8]>) -> bool {
        let Self::Bearer(token) = self else { return true };
        let said = authorization.and_then(|it| it.strip_prefix(b"Bearer ")).unwrap_or_default();
        verify_slices_are_equal(digest(&SHA256, said).as_ref(), token.0.as_ref()).is_ok()
    }
}

/// What became of requests and connections so far.
#[derive(Debug, Default)]
pub struct Counts {
    /// Requests answered with a measurement.
    pub measured: AtomicU64,
    /// Requests that came while too many were worked on (503).
    pub busy: AtomicU64,
    /// Requests beyond a client's rate (429).
    pub too_fast: AtomicU64,
    /// Requests without the token (401).
    pub not_admitted: AtomicU64,
    /// Requests that are none (400, 405, 413) or came too slowly (408).
    pub malformed: AtomicU64,
    /// Connections taken.
    pub connections: AtomicU64,
    /// Connections closed at once for want of room.
    pub shed: AtomicU64,
}

impl Counts {
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Room for requests that are worked on.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    pub(super) fn new(places: usize) -> Self {
        Self(Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))))
    }

    /// A place, if there is one now.
    pub(super) fn take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }

    /// A place, when there is one.
    pub(super) async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).acquire_owned().await.ok()
    }
}

/// How fast each client asks: a bucket that holds a minute's requests and fills evenly.
#[derive(Debug)]
pub(super) struct Rates {
    per_minute: u32,
    full_at: Mutex<BTreeMap<Client, Duration>>,
}

impl Rates {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_minute: per_minute.max(1), full_at: Mutex::default() }
    }

    /// Whether a client may ask now; if so, it has.
    pub(super) fn allow(&self, client: IpAddr, now: Duration) -> bool {
        let one = MINUTE / self.per_minute;
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= MOST_CLIENTS {
            full_at.retain(|_, at| *at > now);
        }
        let client = Client::of(client);
        let known = full_at.get(&client).copied();
        if known.is_none() && full_at.len() >= MOST_CLIENTS {
            return false;
        }
        let next = known.map_or(now, |at| at.max(now)) + one;
        let allowed = next <= now + MINUTE;
        if allowed {
            full_at.insert(client, next);
        }
        allowed
    }
}

/// How many connections, or requests that are worked on, each client holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Held(Arc<Mutex<BTreeMap<Client, usize>>>);

impl Held {
    /// Takes one more for a client, as long as it has fewer than `most`. Given back when dropped.
    pub(super) fn take(&self, client: IpAddr, most: usize) -> Option<HeldOne> {
        let client = Client::of(client);
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(client).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(HeldOne { held: self.clone(), client })
    }
}

#[derive(Debug)]
pub(super) struct HeldOne {
    held: Held,
    client: Client,
}

impl Drop for HeldOne {
    fn drop(&mut self) {
        let mut held = self.held.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.client);
            }
        }
    }
}

/// Whoever has an IPv4 address, or a /64 of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Client(IpAddr);

impl Client {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        })
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// Clients remembered; about 4 MB. Beyond them strangers are turned away until others are forgotten, in a minute.
const MOST_CLIENTS: usize = 65_536;
const SHORTEST_TOKEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_a_minutes_requests_and_then_its_rate() {
        let rates = Rates::new(60);
        let client = IpAddr::from([192, 0, 2, 1]);
        let at = Duration::from_secs;
        assert_eq!((0..100).filter(|_| rates.allow(client, at(10))).count(), 60);
        assert!(rates.allow(client, at(11)) && !rates.allow(client, at(11)));
        assert!(rates.allow(IpAddr::from([192, 0, 2, 2]), at(11)));
        assert_eq!((0..100).filter(|_| rates.allow(client, at(500))).count(), 60);
    }

    #[test]
    fn neighbours_in_a_64_are_one_client() {
        let rates = Rates::new(1);
        assert!(rates.allow("2001:db8::1".parse().unwrap(), Duration::ZERO));
        assert!(!rates.allow("2001:db8::ffff:2".parse().unwrap(), Duration::ZERO));
        assert!(rates.allow("2001:db8:0:1::1".parse().unwrap(), Duration::ZERO));
    }

    #[test]
    fn the_table_of_clients_is_bounded() {
        let rates = Rates::new(1);
        let client = |number: usize| IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
        assert!((0..MOST_CLIENTS).all(|it| rates.allow(client(it), Duration::ZERO)));
        assert!(!rates.allow(client(MOST_CLIENTS), Duration::ZERO));
        assert!(rates.allow(client(MOST_CLIENTS), MINUTE));
        assert_eq!(rates.full_at.lock().unwrap().len(), 1);
    }

    #[test]
    fn held_connections_are_given_back() {
        let held = Held::default();
        let client = IpAddr::from([192, 0, 2, 1]);
        let one = held.take(client, 2).unwrap();
        let _two = held.take(client, 2).unwrap();
        assert!(held.take(client, 2).is_none());
        drop(one);
        assert!(held.take(client, 2).is_some());
    }

    #[test]
    fn only_the_token_admits() {
        let access = Access::Bearer(Token::new("0123456789abcdef").unwrap());
        assert!(access.admits(Some(b"Bearer 0123456789abcdef")));
        for wrong in [None, Some(&b""[..]), Some(b"Bearer "), Some(b"0123456789abcdef")] {
            assert!(!access.admits(wrong), "{wrong:?}");
        }
        assert!(!access.admits(Some(b"Bearer 0123456789abcdeg")));
        assert!(Access::Public.admits(None));
        assert!(Token::new("short").is_err());
    }
}
