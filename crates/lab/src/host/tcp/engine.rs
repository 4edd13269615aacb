//! One smoltcp interface and its sockets: packets in, packets out.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr, IpListenEndpoint};

use crate::frame::Frame;

/// A smoltcp interface with what hangs on it.
pub(super) struct Engine {
    pub(super) interface: Interface,
    pub(super) sockets: SocketSet<'static>,
    device: Queues,
}

impl Engine {
    pub(super) fn new(seed: u64, addresses: &[IpAddr]) -> Self {
        let mut device = Queues::default();
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut device, Instant::ZERO);
        configure(&mut interface, addresses);
        Self { interface, device, sockets: SocketSet::new(Vec::new()) }
    }

    /// Takes a packet in, for the next poll.
    pub(super) fn receive(&mut self, frame: Frame) {
        self.device.received.push_back(frame.into_bytes());
    }

    /// Lets time pass up to `now`.
    pub(super) fn poll(&mut self, now: Duration) {
        self.interface.poll(instant(now), &mut self.device, &mut self.sockets);
    }

    /// Packets that it wants sent, in order.
    pub(super) fn take_sent(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.device.sent)
    }

    /// When it wants to be polled next.
    pub(super) fn poll_at(&mut self, now: Duration) -> Option<Duration> {
        let at = self.interface.poll_at(instant(now), &self.sockets)?;
        Some(Duration::from_micros(u64::try_from(at.total_micros()).unwrap_or(0)))
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
        capabilities.max_transmission_unit = crate::host::MTU;
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

/// Whatever is delivered is taken in: the fabric routes here only what is the host's. For that smoltcp wants a route
/// through an address of its own.
fn configure(interface: &mut Interface, addresses: &[IpAddr]) {
    interface.set_any_ip(true);
    for &address in addresses {
        let prefix_len = if address.is_ipv4() { 32 } else { 128 };
        interface.update_ip_addrs(|list| {
            // One fits: smoltcp's table is never smaller than that.
            let _ = list.push(IpCidr::new(address.into(), prefix_len));
        });
    }
    // Nor is the table of routes smaller than two.
    let _ = interface.routes_mut().add_default_ipv4_route(Ipv4Addr::LOCALHOST);
    let _ = interface.routes_mut().add_default_ipv6_route(Ipv6Addr::LOCALHOST);
}

pub(super) fn new_socket() -> Socket<'static> {
    let receive = SocketBuffer::new(vec![0; RECEIVE_BUFFER]);
    let send = SocketBuffer::new(vec![0; SEND_BUFFER]);
    let mut socket = Socket::new(receive, send);
    socket.set_congestion_control(CongestionControl::Reno);
    socket.set_nagle_enabled(false);
    socket.set_timeout(Some(smoltcp::time::Duration::from_secs(GIVE_UP_SECS)));
    socket.set_hop_limit(Some(crate::host::DEFAULT_TTL));
    socket
}

pub(super) fn listening(port: u16) -> Socket<'static> {
    let mut socket = new_socket();
    // Port 0 is the only thing it refuses, and nobody listens on it here.
    let _ = socket.listen(IpListenEndpoint { addr: None, port });
    socket
}

fn instant(now: Duration) -> Instant {
    Instant::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
}

/// Enough for 14 Mbit/s over 150 ms.
const RECEIVE_BUFFER: usize = 256 * 1024;
const SEND_BUFFER: usize = 128 * 1024;
/// About what Linux takes to give a SYN up.
const GIVE_UP_SECS: u64 = 127;
