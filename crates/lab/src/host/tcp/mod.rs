//! A host's TCP: smoltcp's, with the bookkeeping that a socket interface needs around it.
//!
//! Every connection has a smoltcp interface of its own, because one interface looks at all its sockets for every
//! packet: with a thousand connections on a host that is all the time there is. Here a packet finds its connection by
//! its ends, and only connections whose time has come are polled.
//!
//! How a connection ended is worked out here too, since smoltcp only says that it did: an RST that closed it, an ICMP
//! error before it opened, or silence.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::task::{Poll, Waker};
use std::time::Duration;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{RecvError, Socket, State};
use wirewitness_net::Failure;

mod engine;
mod listen;

use crate::frame::{Frame, flags};
use crate::rng::Rng;
use engine::{Engine, listening, new_socket};
use listen::Listener;

/// A host's TCP stack.
pub(crate) struct Stack {
    rng: Rng,
    /// Answers what no connection is for: with an RST.
    nobody: Engine,
    connections: BTreeMap<ConnectionId, Connection>,
    by_ends: BTreeMap<Ends, ConnectionId>,
    listeners: BTreeMap<u16, Listener>,
    /// When each connection wants to be polled.
    timers: BTreeSet<(Duration, ConnectionId)>,
    /// Connections that a program has acted on since the last poll.
    touched: BTreeSet<ConnectionId>,
    /// Closed by whoever held them, the oldest first.
    released: VecDeque<ConnectionId>,
    sent: Vec<Vec<u8>>,
    next_id: u64,
    next_port: u16,
}

/// A connection of a stack. Never used twice, so that a stale one finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionId(u64);

/// Local and remote.
type Ends = (SocketAddr, SocketAddr);

struct Connection {
    engine: Engine,
    handle: SocketHandle,
    ends: Ends,
    failure: Option<Failure>,
    holder: Holder,
    timer: Option<Duration>,
}

/// Who has a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// A SYN came to this port; the handshake goes on.
    HalfOpen(u16),
    /// A listener's queue, or a program.
    Program,
    /// Nobody any more.
    Nobody,
}

/// A connection as its holder knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opened {
    pub(crate) id: ConnectionId,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

impl Stack {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        Self {
            nobody: Engine::new(rng.next_u64(), &[]),
            // Two hosts of one lab should not look alike.
            next_port: FIRST_PORT + rng.next_u16() % 10_000,
            rng,
            connections: BTreeMap::new(),
            by_ends: BTreeMap::new(),
            listeners: BTreeMap::new(),
            timers: BTreeSet::new(),
            touched: BTreeSet::new(),
            released: VecDeque::new(),
            sent: Vec::new(),
            next_id: 0,
        }
    }

    /// Takes in a packet that carries TCP.
    pub(crate) fn receive(&mut self, now: Duration, frame: Frame) {
        let Some(packet) = frame.packet() else { return };
        let (Some(tcp), Some((remote, local))) = (packet.tcp(), packet.endpoints()) else { return };
        let (ends, flags) = ((local, remote), tcp.flags);
        let opens = flags & (flags::SYN | flags::ACK | flags::RST) == flags::SYN;
        if let Some(&id) = self.by_ends.get(&ends) {
            self.receive_for(id, now, frame, flags);
        } else if opens && self.listeners.contains_key(&local.port()) {
            let mut engine = self.engine(local.ip());
            let handle = engine.sockets.add(listening(local.port()));
            let id = self.add(engine, handle, ends, Holder::HalfOpen(local.port()));
            self.receive_for(id, now, frame, flags);
        } else {
            self.nobody.receive(frame);
            self.nobody.poll(now);
            self.sent.extend(self.nobody.take_sent());
        }
    }

    fn receive_for(&mut self, id: ConnectionId, now: Duration, frame: Frame, flags: u8) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let before = connection.state();
        connection.engine.receive(frame);
        connection.engine.poll(now);
        let reset = flags & flags::RST != 0 && before != State::Closed;
        if reset && connection.state() == State::Closed {
            let failure = if before == State::SynSent { Failure::Refused } else { Failure::Reset };
            connection.failure.get_or_insert(failure);
        }
        self.touched.insert(id);
    }

    /// Lets time pass: retransmits, acknowledges, moves what is opened and closed on.
    pub(crate) fn poll(&mut self, now: Duration) {
        for id in std::mem::take(&mut self.touched) {
            self.poll_one(now, id);
        }
        while let Some(&(at, id)) = self.timers.first() {
            if at > now {
                break;
            }
            self.timers.pop_first();
            self.poll_one(now, id);
        }
    }

    fn poll_one(&mut self, now: Duration, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.engine.poll(now);
        self.sent.extend(connection.engine.take_sent());
        if let Some(timer) = connection.timer.take() {
            self.timers.remove(&(timer, id));
        }
        // It has just been polled: what it still wants "now" it wants a moment later.
        connection.timer = connection.engine.poll_at(now).map(|at| at.max(now + TICK));
        self.timers.extend(connection.timer.map(|timer| (timer, id)));
        let over = matches!(connection.state(), State::Closed | State::Listen);
        match connection.holder {
            // A SYN that was taken back leaves the socket listening.
            Holder::HalfOpen(_) | Holder::Nobody if over => self.forget(id),
            Holder::HalfOpen(port) if connection.state() != State::SynReceived => {
                connection.holder = Holder::Program;
                self.hand_over(id, port);
            }
            _ => {}
        }
    }

    /// Packets that the stack wants sent, in order.
    pub(crate) fn take_sent(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.sent)
    }

    /// When [`Stack::poll`] has something to do next.
    pub(crate) fn poll_at(&self) -> Option<Duration> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Begins to open a connection.
    pub(crate) fn connect(
        &mut self,
        source: IpAddr,
        remote: SocketAddr,
    ) -> Result<Opened, Failure> {
        let local = self.free_end(source, remote).ok_or(Failure::AddressUnavailable)?;
        let mut engine = self.engine(source);
        let mut socket = new_socket();
        socket
            .connect(engine.interface.context(), remote, local)
            .map_err(|_| Failure::NetworkUnreachable)?;
        let handle = engine.sockets.add(socket);
        let id = self.add(engine, handle, (local, remote), Holder::Program);
        self.touched.insert(id);
        Ok(Opened { id, local, remote })
    }

    /// Waits for a connection to open.
    pub(crate) fn poll_connected(
        &mut self,
        id: ConnectionId,
        waker: &Waker,
    ) -> Poll<Result<(), Failure>> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Poll::Ready(Err(Failure::Aborted));
        };
        match connection.state() {
            State::SynSent | State::SynReceived => {
                connection.socket().register_send_waker(waker);
                Poll::Pending
            }
            State::Closed => Poll::Ready(Err(connection.failure())),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Reads what has come; 0 bytes are the end.
    pub(crate) fn poll_read(
        &mut self,
        id: ConnectionId,
        buffer: &mut [u8],
        waker: &Waker,
    ) -> Poll<Result<usize, Failure>> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Poll::Ready(Err(Failure::Aborted));
        };
        match connection.socket().recv_slice(buffer) {
            Ok(0) if !buffer.is_empty() => {
                connection.socket().register_recv_waker(waker);
                Poll::Pending
            }
            Ok(read) => {
                self.touched.insert(id);
                Poll::Ready(Ok(read))
            }
            Err(RecvError::Finished) => Poll::Ready(Ok(0)),
            Err(RecvError::InvalidState) => Poll::Ready(Err(connection.failure())),
        }
    }

    /// Hands over what there is room for.
    pub(crate) fn poll_write(
        &mut self,
        id: ConnectionId,
        payload: &[u8],
        waker: &Waker,
    ) -> Poll<Result<usize, Failure>> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Poll::Ready(Err(Failure::Aborted));
        };
        match connection.socket().send_slice(payload) {
            Ok(0) if !payload.is_empty() => {
                connection.socket().register_send_waker(waker);
                Poll::Pending
            }
            Ok(written) => {
                self.touched.insert(id);
                Poll::Ready(Ok(written))
            }
            Err(_) if connection.state() == State::Closed => Poll::Ready(Err(connection.failure())),
            Err(_) => Poll::Ready(Err(Failure::Aborted)),
        }
    }

    /// Sends FIN after what is still to be sent.
    pub(crate) fn shutdown(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.socket().close();
            self.touched.insert(id);
        }
    }

    /// Sets the TTL of what is sent from now on.
    pub(crate) fn set_ttl(&mut self, id: ConnectionId, ttl: u8) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.socket().set_hop_limit(Some(ttl.max(1)));
        }
    }

    /// Nobody holds the connection any more. As in Linux, unread data turns the FIN into an RST.
    pub(crate) fn release(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.holder = Holder::Nobody;
        let abandoned = connection.state() == State::SynSent;
        let socket = connection.socket();
        if abandoned || socket.can_recv() {
            socket.abort();
        } else {
            socket.close();
        }
        self.touched.insert(id);
        self.released.push_back(id);
        self.trim();
    }

    /// An ICMP error came about a packet of ours. Only before a connection is open does it end it (RFC 5461 §4).
    pub(crate) fn icmp(&mut self, local: SocketAddr, remote: SocketAddr, failure: Failure) {
        let Some(&id) = self.by_ends.get(&(local, remote)) else { return };
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.state() == State::SynSent {
            connection.failure.get_or_insert(failure);
            connection.socket().abort();
            self.touched.insert(id);
        }
    }

    fn engine(&mut self, address: IpAddr) -> Engine {
        Engine::new(self.rng.next_u64(), &[address])
    }

    fn add(
        &mut self,
        engine: Engine,
        handle: SocketHandle,
        ends: Ends,
        holder: Holder,
    ) -> ConnectionId {
        self.next_id += 1;
        let id = ConnectionId(self.next_id);
        let connection = Connection { engine, handle, ends, failure: None, holder, timer: None };
        self.connections.insert(id, connection);
        self.by_ends.insert(ends, id);
        id
    }

    /// Past a number, connections that only wait out TIME-WAIT are forgotten: their ports are not used again for
    /// thousands of connections.
    fn trim(&mut self) {
        while self.released.len() > MAX_RELEASED
            && let Some(id) = self.released.pop_front()
        {
            if self.connections.get(&id).is_some_and(|it| it.state() == State::TimeWait) {
                self.forget(id);
            }
        }
    }

    fn forget(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else { return };
        self.by_ends.remove(&connection.ends);
        if let Some(timer) = connection.timer {
            self.timers.remove(&(timer, id));
        }
    }

    fn free_end(&mut self, source: IpAddr, remote: SocketAddr) -> Option<SocketAddr> {
        for _ in FIRST_PORT..u16::MAX {
            let local = SocketAddr::new(source, self.next_port);
            self.next_port =
                if self.next_port == u16::MAX { FIRST_PORT } else { self.next_port + 1 };
            if !self.by_ends.contains_key(&(local, remote)) {
                return Some(local);
            }
        }
        None
    }
}

impl Connection {
    fn state(&self) -> State {
        self.engine.sockets.get::<Socket<'_>>(self.handle).state()
    }

    fn socket(&mut self) -> &mut Socket<'static> {
        self.engine.sockets.get_mut(self.handle)
    }

    /// Why it is closed: silence, where nothing else was seen.
    fn failure(&self) -> Failure {
        self.failure.clone().unwrap_or(Failure::Timeout)
    }
}

const FIRST_PORT: u16 = 49_152;
/// Each holds 384 KiB of buffers.
const MAX_RELEASED: usize = 128;
/// smoltcp counts microseconds.
const TICK: Duration = Duration::from_micros(1);
