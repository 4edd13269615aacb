//! Sessions of batteries, and what arrived in each. Everything is bounded: a client with a token may be as hostile as any.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wirewitness_model::hex::hex;

use crate::battery::caps::SHORTEST_INTERVAL;
use crate::battery::protocol::{
    About, Arrival, Call, END, Ending, Forged, LONGEST_SESSION, MOST_FORGED, Protocol, SEEN, START,
    Seen, Start, Started,
};
use crate::battery::token::{ConsentToken, Side};

/// What a far end spends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Sessions at once; one address has one.
    pub sessions: usize,
    /// How long a session lasts at most.
    pub age: Duration,
    /// How long one lasts in which nothing happens.
    pub idle: Duration,
    /// Arrivals that a session remembers; later ones are taken in and not remembered.
    pub arrivals: usize,
    /// Bytes that a session may send, of all its connections.
    pub bytes: u64,
    /// Connections of one client at once. A page forged beside the path leaves the server's end open until its patience ends: fifteen, at one a
    /// second.
    pub connections: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            sessions: 16,
            age: LONGEST_SESSION,
            idle: Duration::from_secs(20 * 60),
            arrivals: 16_384,
            bytes: 32 << 20,
            connections: 24,
        }
    }
}

/// Keeps the sessions of one far end.
#[derive(Debug)]
pub struct Desk {
    token: ConsentToken,
    bounds: Bounds,
    has_headers: AtomicBool,
    has_fragments: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sessions: BTreeMap<IpAddr, Session>,
    /// Numbers that were used, so that nobody who listened begins a session with them.
    nonces: VecDeque<String>,
}

#[derive(Debug)]
struct Session {
    name: String,
    begun: Duration,
    last: Duration,
    bytes: u64,
    open: usize,
    arrivals: Vec<Arrival>,
    forged: Vec<Forged>,
    /// By port and the client's port: how many fragments the last packet had that came in more than one.
    fragmented: BTreeMap<(u16, u16), u32>,
    calls: Calls,
}

/// Connections back to the client of a session.
#[derive(Debug, Default)]
struct Calls {
    /// How many there were.
    number: u32,
    /// When the last began.
    last: Option<Duration>,
    /// Whether one is open.
    is_open: bool,
    /// Ports at which the client has proved that it listens.
    proven: BTreeSet<u16>,
}

/// Why the desk does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declined {
    /// There is no such thing here.
    Unknown,
    /// It cannot be read.
    Malformed,
    /// No proof of the token, or another's session.
    NotAdmitted,
    /// As many sessions as there are places.
    Busy,
}

/// A place in a session's list of arrivals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    client: IpAddr,
    session: String,
    index: Option<usize>,
}

impl Desk {
    /// The desk of a far end whose operator hands out `token`.
    pub fn new(token: ConsentToken, bounds: Bounds) -> Self {
        let (has_headers, has_fragments) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { token, bounds, has_headers, has_fragments, state: Mutex::default() }
    }

    /// From now on, headers of resets are recorded too.
    pub fn records_headers(&self) {
        self.has_headers.store(true, Ordering::Relaxed);
    }

    /// From now on, fragments are counted too.
    pub fn counts_fragments(&self) {
        self.has_fragments.store(true, Ordering::Relaxed);
    }

    /// The token.
    pub fn token(&self) -> &ConsentToken {
        &self.token
    }

    /// Answers what came to `path` from `client`, at `now`.
    ///
    /// # Errors
    /// Why it is declined.
    pub fn answer(
        &self,
        (path, client): (&str, IpAddr),
        body: &[u8],
        now: Duration,
    ) -> Result<Vec<u8>, Declined> {
        let client = client.to_canonical();
        match path {
            START => json(&self.start(client, &read(body)?, now)?),
            SEEN => json(&self.seen(client, &read(body)?, now)?),
            END => {
                self.end(client, &read(body)?)?;
                json(&Seen::default())
            }
            _ => Err(Declined::Unknown),
        }
    }

    fn start(&self, client: IpAddr, asked: &Start, now: Duration) -> Result<Started, Declined> {
        let is_fresh_number = (16..=128).contains(&asked.nonce.len());
        if !is_fresh_number || !self.token.is_proof(Side::Client, &[&asked.nonce], &asked.proof) {
            return Err(Declined::NotAdmitted);
        }
        let mut name = [0; 16];
        rand::fill(&mut name).map_err(|_| Declined::Busy)?;
        let name = hex(&name);
        let mut state = self.state(now);
        if state.nonces.contains(&asked.nonce) {
            return Err(Declined::NotAdmitted);
        }
        let is_new = !state.sessions.contains_key(&client);
        if is_new && state.sessions.len() >= self.bounds.sessions {
            return Err(Declined::Busy);
        }
        state.nonces.push_back(asked.nonce.clone());
        if state.nonces.len() > MOST_NONCES {
            state.nonces.pop_front();
        }
        state.sessions.insert(client, Session::new(name.clone(), now));
        let proof = self.token.proof(Side::FarEnd, &[&asked.nonce, &name]);
        Ok(Started {
            session: name,
            proof,
            you: client,
            headers: self.has_headers.load(Ordering::Relaxed),
            fragments: self.has_fragments.load(Ordering::Relaxed),
        })
    }

    fn seen(&self, client: IpAddr, about: &About, now: Duration) -> Result<Seen, Declined> {
        let mut state = self.state(now);
        let session = state.own(client, &about.session)?;
        session.last = now;
        let told = session.arrivals.iter().skip(about.from).take(MOST_TOLD);
        // A connection is written down when it is taken in, which may be after its fragments have come.
        let with_fragments = |it: &Arrival| Arrival {
            fragments: session.fragmented.get(&(it.port, it.client_port)).copied(),
            ..it.clone()
        };
        let arrivals = told.map(with_fragments).collect();
        let forged = if about.from == 0 { session.forged.clone() } else { Vec::new() };
        Ok(Seen { arrivals, total: session.arrivals.len(), forged })
    }

    fn end(&self, client: IpAddr, about: &About) -> Result<(), Declined> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.own(client, &about.session)?;
        state.sessions.remove(&client);
        Ok(())
    }

    /// A connection or datagram that came `from` a client to one of the ports: where to write it down. None where the client has no session, or
    /// too much of one.
    pub fn open(
        &self,
        (protocol, port): (Protocol, u16),
        from: SocketAddr,
        now: Duration,
    ) -> Option<Slot> {
        let (client, client_port) = (from.ip().to_canonical(), from.port());
        let bounds = self.bounds;
        let mut state = self.state(now);
        let session = state.sessions.get_mut(&client)?;
        if session.open >= bounds.connections || session.bytes >= bounds.bytes {
            return None;
        }
        session.last = now;
        session.open += 1;
        let room = session.arrivals.len() < bounds.arrivals;
        let index = room.then_some(session.arrivals.len());
        if room {
            let at_ms =
                u64::try_from(now.saturating_sub(session.begun).as_millis()).unwrap_or(u64::MAX);
            let (sha256, end) = (String::new(), Ending::Open);
            let arrival = Arrival {
                protocol,
                port,
                client_port,
                at_ms,
                bytes: 0,
                sha256,
                end,
                fragments: None,
            };
            session.arrivals.push(arrival);
        }
        Some(Slot { client, session: session.name.clone(), index })
    }

    /// So many bytes more have come; all of them have this hash. False where the session has had enough.
    pub fn came(&self, slot: &Slot, more: u64, hash: &[u8]) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(session) = state.own(slot.client, &slot.session) else { return false };
        session.bytes = session.bytes.saturating_add(more);
        if let Some(arrival) = slot.index.and_then(|it| session.arrivals.get_mut(it)) {
            arrival.bytes = arrival.bytes.saturating_add(more);
            arrival.sha256 = hex(hash);
        }
        session.bytes < self.bounds.bytes
    }

    /// It has ended.
    pub fn close(&self, slot: &Slot, end: Ending) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(session) = state.own(slot.client, &slot.session) else { return };
        session.open = session.open.saturating_sub(1);
        if let Some(arrival) = slot.index.and_then(|it| session.arrivals.get_mut(it)) {
            arrival.end = end;
        }
    }

    /// Writes down the header of a packet from `client` that it may not have sent.
    pub fn forged(&self, client: IpAddr, now: Duration, packet: impl FnOnce(u64) -> Forged) {
        let mut state = self.state(now);
        let Some(session) = state.sessions.get_mut(&client.to_canonical()) else { return };
        if session.forged.len() < MOST_FORGED {
            let at_ms =
                u64::try_from(now.saturating_sub(session.begun).as_millis()).unwrap_or(u64::MAX);
            session.forged.push(packet(at_ms));
        }
    }

    /// A packet of `client` to a port has come whole in so many fragments; `between` are the port and the client's.
    pub fn came_in_fragments(&self, client: IpAddr, between: (u16, u16), count: u32) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bounds = self.bounds;
        let Some(session) = state.sessions.get_mut(&client.to_canonical()) else { return };
        let fragmented = &mut session.fragmented;
        if fragmented.len() < bounds.arrivals || fragmented.contains_key(&between) {
            fragmented.insert(between, count);
        }
    }

    /// Whether a connection back to a client may be opened: how long it has to wait for its turn. One at a time, one a second, and words only to a
    /// port at which the client has proved that it listens.
    ///
    /// # Errors
    /// Why it is declined.
    pub fn call(&self, client: IpAddr, call: &Call, now: Duration) -> Result<Duration, Declined> {
        let mut state = self.state(now);
        let session = state.own(client, &call.session)?;
        let calls = &mut session.calls;
        if call.port < LOWEST_CALLED || (call.hello.is_some() && !calls.proven.contains(&call.port))
        {
            return Err(Declined::NotAdmitted);
        }
        if calls.is_open || calls.number >= MOST_CALLS {
            return Err(Declined::Busy);
        }
        let free_at = calls.last.map_or(now, |last| now.max(last + SHORTEST_INTERVAL));
        (calls.number, calls.last, calls.is_open) = (calls.number + 1, Some(free_at), true);
        session.last = now;
        Ok(free_at.saturating_sub(now))
    }

    /// The client has proved that it listens there.
    pub fn proven(&self, client: IpAddr, call: &Call) {
        self.of_calls(client, call, |calls| calls.proven.insert(call.port));
    }

    /// A connection back has ended.
    pub fn called(&self, client: IpAddr, call: &Call) {
        self.of_calls(client, call, |calls| std::mem::take(&mut calls.is_open));
    }

    fn of_calls(&self, client: IpAddr, call: &Call, act: impl FnOnce(&mut Calls) -> bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(session) = state.own(client, &call.session) {
            act(&mut session.calls);
        }
    }

    fn state(&self, now: Duration) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bounds = self.bounds;
        state.sessions.retain(|_, session| {
            now.saturating_sub(session.begun) < bounds.age
                && now.saturating_sub(session.last) < bounds.idle
        });
        state
    }
}

impl State {
    fn own(&mut self, client: IpAddr, name: &str) -> Result<&mut Session, Declined> {
        // In constant time: the name is all that a session's client has to know.
        let is_own = |session: &&mut Session| {
            verify_slices_are_equal(session.name.as_bytes(), name.as_bytes()).is_ok()
        };
        self.sessions.get_mut(&client).filter(is_own).ok_or(Declined::NotAdmitted)
    }
}

impl Session {
    fn new(name: String, now: Duration) -> Self {
        let (arrivals, forged) = (Vec::new(), Vec::new());
        let calls = Calls::default();
        let fragmented = BTreeMap::new();
        Self { name, begun: now, last: now, bytes: 0, open: 0, arrivals, forged, fragmented, calls }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Declined> {
    serde_json::from_slice(body).map_err(|_| Declined::Malformed)
}

fn json<T: Serialize>(what: &T) -> Result<Vec<u8>, Declined> {
    serde_json::to_vec(what).map_err(|_| Declined::Malformed)
}

/// Numbers of begun sessions that are remembered.
const MOST_NONCES: usize = 4_096;
/// Connections back of a session, and the lowest port that they go to: below it are services that others run.
const MOST_CALLS: u32 = 256;
const LOWEST_CALLED: u16 = 1024;
/// Arrivals told at once.
const MOST_TOLD: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
    const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 8));

    fn desk(bounds: Bounds) -> Desk {
        let server = ([198, 51, 100, 1], 8080).into();
        let token = ConsentToken::issue(server, vec![443], vec![53], [3; 32]);
        Desk::new(token, bounds)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn start(desk: &Desk, client: IpAddr, nonce: &str, now: Duration) -> Result<Started, Declined> {
        let proof = desk.token.proof(Side::Client, &[nonce]);
        let body = serde_json::to_vec(&Start { nonce: nonce.to_owned(), proof }).unwrap();
        let answer = desk.answer((START, client), &body, now)?;
        Ok(serde_json::from_slice(&answer).unwrap())
    }

    fn from(client: IpAddr) -> SocketAddr {
        SocketAddr::new(client, 50_000)
    }

    const NONCE: &str = "00112233445566778899";

    #[test]
    fn a_session_takes_a_proof_of_the_token() {
        let desk = desk(Bounds::default());
        let started = start(&desk, CLIENT, NONCE, seconds(1)).unwrap();
        assert_eq!(started.you, CLIENT);
        assert!(desk.token.is_proof(Side::FarEnd, &[NONCE, &started.session], &started.proof));
        let wrong = Start { nonce: NONCE.to_owned() + "0", proof: "00".repeat(32) };
        let body = serde_json::to_vec(&wrong).unwrap();
        assert_eq!(desk.answer((START, CLIENT), &body, seconds(1)), Err(Declined::NotAdmitted));
        // Whoever listened has a proof, of a number that was used.
        assert_eq!(start(&desk, STRANGER, NONCE, seconds(2)), Err(Declined::NotAdmitted));
        assert_eq!(start(&desk, STRANGER, "short", seconds(2)), Err(Declined::NotAdmitted));
        for body in [b"".as_slice(), b"{", b"[]", b"{\"nonce\": 1}", &[0xff; 100]] {
            assert_eq!(desk.answer((START, CLIENT), body, seconds(3)), Err(Declined::Malformed));
        }
        assert_eq!(desk.answer(("/battery/x", CLIENT), b"{}", seconds(3)), Err(Declined::Unknown));
    }

    #[test]
    fn what_arrived_is_told_to_its_client_only() {
        let desk = desk(Bounds::default());
        let session = start(&desk, CLIENT, NONCE, seconds(1)).unwrap().session;
        assert!(desk.open((Protocol::Tcp, 443), from(STRANGER), seconds(2)).is_none());
        let slot = desk.open((Protocol::Tcp, 443), from(CLIENT), seconds(3)).unwrap();
        assert!(desk.came(&slot, 5, &[1; 32]));
        desk.close(&slot, Ending::Reset);
        desk.came_in_fragments(CLIENT, (443, 50_000), 3);
        desk.came_in_fragments(STRANGER, (443, 50_000), 9);
        let about = serde_json::to_vec(&About { session, from: 0 }).unwrap();
        let seen = desk.answer((SEEN, CLIENT), &about, seconds(4)).unwrap();
        let seen: Seen = serde_json::from_slice(&seen).unwrap();
        let sha256 = "01".repeat(32);
        let (protocol, end) = (Protocol::Tcp, Ending::Reset);
        let (port, client_port) = (443, 50_000);
        let arrival = Arrival {
            protocol,
            port,
            client_port,
            at_ms: 2_000,
            bytes: 5,
            sha256,
            end,
            fragments: Some(3),
        };
        assert_eq!(seen.arrivals, [arrival]);
        assert_eq!(desk.answer((SEEN, STRANGER), &about, seconds(4)), Err(Declined::NotAdmitted));
        let name = serde_json::from_slice::<About>(&about).unwrap().session;
        let last = if name.ends_with('0') { "1" } else { "0" };
        for session in [String::new(), name[1..].to_owned(), name[..31].to_owned() + last] {
            let other = serde_json::to_vec(&About { session, from: 0 }).unwrap();
            let told = desk.answer((SEEN, CLIENT), &other, seconds(4));
            assert_eq!(told, Err(Declined::NotAdmitted));
        }
        assert!(desk.answer((END, CLIENT), &about, seconds(5)).is_ok());
        assert_eq!(desk.answer((SEEN, CLIENT), &about, seconds(6)), Err(Declined::NotAdmitted));
        assert!(!desk.came(&slot, 5, &[1; 32]), "the session is over");
    }

    #[test]
    fn a_call_back_goes_to_who_has_proved_to_be_there_and_takes_its_time() {
        use crate::battery::protocol::CallHello;
        let desk = desk(Bounds::default());
        let session = start(&desk, CLIENT, NONCE, seconds(1)).unwrap().session;
        let prove = |port| Call { session: session.clone(), port, hello: None };
        let hello = Some(CallHello { name: "blocked.example".into(), mark: "00".repeat(32) });
        let say = Call { hello, ..prove(20_100) };
        assert_eq!(desk.call(CLIENT, &say, seconds(2)), Err(Declined::NotAdmitted), "not proven");
        assert_eq!(desk.call(STRANGER, &prove(20_100), seconds(2)), Err(Declined::NotAdmitted));
        let other = Call { session: "x".into(), ..prove(20_100) };
        assert_eq!(desk.call(CLIENT, &other, seconds(2)), Err(Declined::NotAdmitted));
        assert_eq!(desk.call(CLIENT, &prove(443), seconds(2)), Err(Declined::NotAdmitted));
        assert_eq!(desk.call(CLIENT, &prove(20_100), seconds(2)), Ok(Duration::ZERO));
        assert_eq!(
            desk.call(CLIENT, &prove(20_101), seconds(3)),
            Err(Declined::Busy),
            "one at a time"
        );
        desk.proven(CLIENT, &prove(20_100));
        desk.called(CLIENT, &prove(20_100));
        // One a second, however fast they are asked for.
        let half = Duration::from_millis(2_400);
        assert_eq!(desk.call(CLIENT, &say, half), Ok(Duration::from_millis(600)));
        desk.called(CLIENT, &say);
        let elsewhere = Call { port: 20_101, ..say.clone() };
        assert_eq!(desk.call(CLIENT, &elsewhere, seconds(9)), Err(Declined::NotAdmitted));
        for _ in 2..MOST_CALLS {
            assert!(desk.call(CLIENT, &say, seconds(900)).is_ok());
            desk.called(CLIENT, &say);
        }
        assert_eq!(desk.call(CLIENT, &say, seconds(900)), Err(Declined::Busy));
    }

    #[test]
    fn floods_end_at_the_bounds() {
        let bounds =
            Bounds { sessions: 2, arrivals: 3, bytes: 100, connections: 4, ..Bounds::default() };
        let desk = desk(bounds);
        for number in 0..5_u8 {
            let nonce = format!("{NONCE}{number}");
            let started = start(&desk, [10, 0, 0, number].into(), &nonce, seconds(1));
            assert_eq!(started.is_ok(), number < 2, "{started:?}");
        }
        let client = from([10, 0, 0, 1].into());
        let slots: Vec<Slot> =
            (0..9).filter_map(|_| desk.open((Protocol::Tcp, 443), client, seconds(2))).collect();
        assert_eq!(slots.len(), 4);
        assert!(slots[3].index.is_none(), "taken in, and not remembered");
        assert!(desk.came(&slots[0], 99, &[]));
        assert!(!desk.came(&slots[3], 1, &[]));
        slots.iter().for_each(|slot| desk.close(slot, Ending::Closed));
        assert!(desk.open((Protocol::Tcp, 443), client, seconds(3)).is_none(), "bytes are spent");
        // Idle ones make room.
        let nonce = format!("{NONCE}9");
        assert!(start(&desk, STRANGER, &nonce, seconds(3)).is_err());
        assert!(start(&desk, STRANGER, &nonce, seconds(3) + bounds.idle).is_ok());
    }
}
