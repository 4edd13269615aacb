//! A host's TCP: smoltcp's, with the bookkeeping that a socket interface needs around it.
//!
//! Listeners keep one socket waiting, and replace it the moment a SYN takes it. How a connection ended is worked out
//! here, because smoltcp only says that it did: an RST that closed it, an ICMP error before it opened, or silence.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::task::{Poll, Waker};
use std::time::Duration;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{CongestionControl, RecvError, Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr, IpListenEndpoint};
use wirewitness_net::Failure;

use crate::frame::{Frame, flags};

/// A host's TCP stack.
pub(crate) struct Stack {
    interface: Interface,
    device: Queues,
    sockets: SocketSet<'static>,
    connections: BTreeMap<SocketHandle, Connection>,
    by_endpoints: BTreeMap<(SocketAddr, SocketAddr), SocketHandle>,
    listeners: BTreeMap<u16, Listener>,
    /// Closed by whoever held them, not yet done with the far end.
    orphans: Vec<SocketHandle>,
    next_port: u16,
}

struct Connection {
    local: SocketAddr,
    remote: SocketAddr,
    failure: Option<Failure>,
}

struct Listener {
    waiting: SocketHandle,
    half_open: Vec<SocketHandle>,
    ready: VecDeque<SocketHandle>,
    waker: Option<Waker>,
}

/// A connection as its holder knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opened {
    pub(crate) handle: SocketHandle,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

impl Stack {
    pub(crate) fn new(seed: u64, addresses: &[IpAddr]) -> Self {
        let mut device = Queues::default();
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut device, Instant::ZERO);
        configure(&mut interface, addresses);
        Self {
            interface,
            device,
            sockets: SocketSet::new(Vec::new()),
            connections: BTreeMap::new(),
            by_endpoints: BTreeMap::new(),
            listeners: BTreeMap::new(),
            orphans: Vec::new(),
            // Two hosts of one lab should not look alike.
            next_port: FIRST_PORT + (seed % 10_000) as u16,
        }
    }

    /// Takes in a packet that carries TCP.
    pub(crate) fn receive(&mut self, now: Duration, frame: Frame) {
        let reset = self.reset_target(&frame);
        self.device.received.push_back(frame.into_bytes());
        self.poll(now);
        let Some((handle, before)) = reset else { return };
        // Polling forgets connections that nobody holds.
        let Some(connection) = self.connections.get_mut(&handle) else { return };
        if self.sockets.get::<Socket<'_>>(handle).state() == State::Closed {
            let failure = if before == State::SynSent { Failure::Refused } else { Failure::Reset };
            connection.failure.get_or_insert(failure);
        }
    }

    /// The open connection that an RST is for, and its state before.
    fn reset_target(&self, frame: &Frame) -> Option<(SocketHandle, State)> {
        let packet = frame.packet()?;
        packet.tcp().filter(|tcp| tcp.has(flags::RST))?;
        let (remote, local) = packet.endpoints()?;
        let handle = *self.by_endpoints.get(&(local, remote))?;
        let state = self.sockets.get::<Socket<'_>>(handle).state();
        (state != State::Closed).then_some((handle, state))
    }

    /// Lets time pass: retransmits, acknowledges, moves listeners on.
    pub(crate) fn poll(&mut self, now: Duration) {
        self.interface.poll(instant(now), &mut self.device, &mut self.sockets);
        self.serve_listeners();
        self.reap();
    }

    /// Packets that the stack wants sent, in order.
    pub(crate) fn take_sent(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.device.sent)
    }

    /// When [`Stack::poll`] has something to do next.
    pub(crate) fn poll_at(&mut self, now: Duration) -> Option<Duration> {
        let at = self.interface.poll_at(instant(now), &self.sockets)?;
        Some(Duration::from_micros(u64::try_from(at.total_micros()).unwrap_or(0)))
    }

    /// Begins to open a connection.
    pub(crate) fn connect(
        &mut self,
        source: IpAddr,
        remote: SocketAddr,
    ) -> Result<Opened, Failure> {
        let local = self.free_endpoint(source, remote).ok_or(Failure::AddressUnavailable)?;
        let mut socket = new_socket();
        socket
            .connect(self.interface.context(), remote, local)
            .map_err(|_| Failure::NetworkUnreachable)?;
        let handle = self.sockets.add(socket);
        self.remember(handle, local, remote);
        Ok(Opened { handle, local, remote })
    }

    /// Waits for a connection to open.
    pub(crate) fn poll_connected(
        &mut self,
        handle: SocketHandle,
        waker: &Waker,
    ) -> Poll<Result<(), Failure>> {
        let failure = self.failure(handle);
        let socket = self.sockets.get_mut::<Socket<'_>>(handle);
        match socket.state() {
            State::SynSent | State::SynReceived => {
                socket.register_send_waker(waker);
                Poll::Pending
            }
            State::Closed => Poll::Ready(Err(failure)),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Reads what has come; 0 bytes are the end.
    pub(crate) fn poll_read(
        &mut self,
        handle: SocketHandle,
        buffer: &mut [u8],
        waker: &Waker,
    ) -> Poll<Result<usize, Failure>> {
        let failure = self.failure(handle);
        let socket = self.sockets.get_mut::<Socket<'_>>(handle);
        match socket.recv_slice(buffer) {
            Ok(0) if !buffer.is_empty() => {
                socket.register_recv_waker(waker);
                Poll::Pending
            }
            Ok(read) => Poll::Ready(Ok(read)),
            Err(RecvError::Finished) => Poll::Ready(Ok(0)),
            Err(RecvError::InvalidState) => Poll::Ready(Err(failure)),
        }
    }

    /// Hands over what there is room for.
    pub(crate) fn poll_write(
        &mut self,
        handle: SocketHandle,
        payload: &[u8],
        waker: &Waker,
    ) -> Poll<Result<usize, Failure>> {
        let failure = self.failure(handle);
        let socket = self.sockets.get_mut::<Socket<'_>>(handle);
        match socket.send_slice(payload) {
            Ok(0) if !payload.is_empty() => {
                socket.register_send_waker(waker);
                Poll::Pending
            }
            Ok(written) => Poll::Ready(Ok(written)),
            Err(_) if socket.state() == State::Closed => Poll::Ready(Err(failure)),
            Err(_) => Poll::Ready(Err(Failure::Aborted)),
        }
    }

    /// Sends FIN after what is still to be sent.
    pub(crate) fn shutdown(&mut self, handle: SocketHandle) {
        self.sockets.get_mut::<Socket<'_>>(handle).close();
    }

    /// Sets the TTL of what is sent from now on.
    pub(crate) fn set_ttl(&mut self, handle: SocketHandle, ttl: u8) {
        self.sockets.get_mut::<Socket<'_>>(handle).set_hop_limit(Some(ttl.max(1)));
    }

    /// Nobody holds the connection any more. As in Linux, unread data turns the FIN into an RST.
    pub(crate) fn release(&mut self, handle: SocketHandle) {
        let socket = self.sockets.get_mut::<Socket<'_>>(handle);
        if socket.can_recv() || socket.state() == State::SynSent {
            socket.abort();
        } else {
            socket.close();
        }
        self.orphans.push(handle);
    }

    /// An ICMP error came about a packet of ours. Only before a connection is open does it end it (RFC 5461 §4).
    pub(crate) fn icmp(&mut self, local: SocketAddr, remote: SocketAddr, failure: Failure) {
        let Some(handle) = self.by_endpoints.get(&(local, remote)) else { return };
        let socket = self.sockets.get_mut::<Socket<'_>>(*handle);
        if socket.state() != State::SynSent {
            return;
        }
        socket.abort();
        if let Some(connection) = self.connections.get_mut(handle) {
            connection.failure.get_or_insert(failure);
        }
    }

    /// Listens on a port, at every address of the host. False if somebody does already.
    pub(crate) fn listen(&mut self, port: u16) -> bool {
        if self.listeners.contains_key(&port) {
            return false;
        }
        let waiting = self.sockets.add(listening(port));
        let listener =
            Listener { waiting, half_open: Vec::new(), ready: VecDeque::new(), waker: None };
        self.listeners.insert(port, listener);
        true
    }

    /// Stops listening; connections not yet taken are reset.
    pub(crate) fn unlisten(&mut self, port: u16) {
        let Some(listener) = self.listeners.remove(&port) else { return };
        self.sockets.remove(listener.waiting);
        for handle in listener.half_open.into_iter().chain(listener.ready) {
            self.sockets.get_mut::<Socket<'_>>(handle).abort();
            self.orphans.push(handle);
        }
    }

    /// Takes the next connection to a port.
    pub(crate) fn poll_accept(&mut self, port: u16, waker: &Waker) -> Poll<Opened> {
        let Some(listener) = self.listeners.get_mut(&port) else { return Poll::Pending };
        match listener.ready.pop_front().and_then(|handle| self.connections.get_key_value(&handle))
        {
            Some((&handle, &Connection { local, remote, .. })) => {
                Poll::Ready(Opened { handle, local, remote })
            }
            None => {
                listener.waker = Some(waker.clone());
                Poll::Pending
            }
        }
    }

    /// Moves what SYNs have taken towards `accept`, and puts a new socket in the place of each.
    fn serve_listeners(&mut self) {
        let mut taken = Vec::new();
        for (&port, listener) in &mut self.listeners {
            let socket = self.sockets.get::<Socket<'_>>(listener.waiting);
            if socket.state() != State::Listen {
                let ends = socket.local_endpoint().zip(socket.remote_endpoint());
                let fresh = self.sockets.add(listening(port));
                let handle = std::mem::replace(&mut listener.waiting, fresh);
                listener.half_open.push(handle);
                taken.extend(ends.map(|(local, remote)| (handle, local.into(), remote.into())));
            }
            listener.sort_half_open(&self.sockets, &mut self.orphans);
        }
        for (handle, local, remote) in taken {
            self.remember(handle, local, remote);
        }
    }

    fn remember(&mut self, handle: SocketHandle, local: SocketAddr, remote: SocketAddr) {
        self.connections.insert(handle, Connection { local, remote, failure: None });
        self.by_endpoints.insert((local, remote), handle);
    }

    fn failure(&self, handle: SocketHandle) -> Failure {
        let known = self.connections.get(&handle).and_then(|it| it.failure.clone());
        known.unwrap_or(Failure::Timeout)
    }

    /// Forgets orphans that are done. Past a number, also those that only wait out TIME-WAIT: their ports are not
    /// used again for thousands of connections.
    fn reap(&mut self) {
        let mut patience = MAX_TIME_WAIT;
        let orphans = std::mem::take(&mut self.orphans);
        for &handle in orphans.iter().rev() {
            let done = match self.sockets.get::<Socket<'_>>(handle).state() {
                // A SYN's RST sends an accepted socket back to LISTEN.
                State::Closed | State::Listen => true,
                State::TimeWait if patience == 0 => true,
                State::TimeWait => {
                    patience -= 1;
                    false
                }
                _ => false,
            };
            if done {
                self.forget(handle);
            } else {
                self.orphans.push(handle);
            }
        }
        self.orphans.reverse();
    }

    fn forget(&mut self, handle: SocketHandle) {
        self.sockets.remove(handle);
        if let Some(connection) = self.connections.remove(&handle) {
            let ends = (connection.local, connection.remote);
            // A newer connection may have the same ends by now.
            if self.by_endpoints.get(&ends) == Some(&handle) {
                self.by_endpoints.remove(&ends);
            }
        }
    }

    fn free_endpoint(&mut self, source: IpAddr, remote: SocketAddr) -> Option<SocketAddr> {
        for _ in FIRST_PORT..u16::MAX {
            let local = SocketAddr::new(source, self.next_port);
            self.next_port =
                if self.next_port == u16::MAX { FIRST_PORT } else { self.next_port + 1 };
            if !self.by_endpoints.contains_key(&(local, remote)) {
                return Some(local);
            }
        }
        None
    }
}

impl Listener {
    fn sort_half_open(&mut self, sockets: &SocketSet<'_>, orphans: &mut Vec<SocketHandle>) {
        let half_open = std::mem::take(&mut self.half_open);
        for handle in half_open {
            match sockets.get::<Socket<'_>>(handle).state() {
                State::SynReceived => self.half_open.push(handle),
                State::Closed | State::Listen => orphans.push(handle),
                _ => {
                    self.ready.push_back(handle);
                    if let Some(waker) = self.waker.take() {
                        waker.wake();
                    }
                }
            }
        }
    }
}

/// The stack's side of the link: packets in, packets out.
#[derive(Default)]
struct Queues {
    received: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

struct Received(Vec<u8>);

struct Sending<'a>(&'a mut Vec<Vec<u8>>);

impl Device for Queues {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        let packet = self.received.pop_front()?;
        Some((Received(packet), Sending(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = super::MTU;
        capabilities
    }
}

impl smoltcp::phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl smoltcp::phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push(packet);
        result
    }
}

/// One address of each family is the source; the rest is taken in because the fabric routes it here.
fn configure(interface: &mut Interface, addresses: &[IpAddr]) {
    interface.set_any_ip(true);
    for pick in [IpAddr::is_ipv4, IpAddr::is_ipv6] {
        let Some(&address) = addresses.iter().find(|address| pick(address)) else { continue };
        let prefix_len = if address.is_ipv4() { 32 } else { 128 };
        interface.update_ip_addrs(|list| {
            // Two fit: smoltcp's table is never smaller than that.
            let _ = list.push(IpCidr::new(address.into(), prefix_len));
        });
        let _ = match address {
            IpAddr::V4(own) => interface.routes_mut().add_default_ipv4_route(own),
            IpAddr::V6(own) => interface.routes_mut().add_default_ipv6_route(own),
        };
    }
}

fn new_socket() -> Socket<'static> {
    let receive = SocketBuffer::new(vec![0; RECEIVE_BUFFER]);
    let send = SocketBuffer::new(vec![0; SEND_BUFFER]);
    let mut socket = Socket::new(receive, send);
    socket.set_congestion_control(CongestionControl::Reno);
    socket.set_nagle_enabled(false);
    socket.set_timeout(Some(smoltcp::time::Duration::from_secs(GIVE_UP_SECS)));
    socket.set_hop_limit(Some(super::DEFAULT_TTL));
    socket
}

fn listening(port: u16) -> Socket<'static> {
    let mut socket = new_socket();
    // Port 0 is the only thing it refuses, and nobody listens on it here.
    let _ = socket.listen(IpListenEndpoint { addr: None, port });
    socket
}

fn instant(now: Duration) -> Instant {
    Instant::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
}

const FIRST_PORT: u16 = 49_152;
/// Enough for 14 Mbit/s over 150 ms.
const RECEIVE_BUFFER: usize = 256 * 1024;
const SEND_BUFFER: usize = 128 * 1024;
/// About what Linux takes to give a SYN up.
const GIVE_UP_SECS: u64 = 127;
const MAX_TIME_WAIT: usize = 64;
