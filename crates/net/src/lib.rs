//! The network and the clock, as arguments.
//!
//! Whoever measures takes `&impl Net` and never asks the operating system: the kernel is one implementation (in the
//! prober), the lab's simulated hosts are another, and the same code runs over both. There is no implementation in
//! this crate. In reading order:
//!
//! - [`Clock`]: what time it is and how to wait, real or virtual.
//! - [`Net`]: connect TCP, bind UDP, ask the system's resolver.
//! - [`Stream`] and [`Datagrams`]: what those calls give.
//! - [`Listen`], [`Accept`] and [`BindUdp`]: the server's side, for a helper that runs over either.
//! - [`hyper_io`]: those streams as hyper wants them.
//! - [`quic`]: quinn over those datagrams and tokio's clock.
//! - [`raw`]: headers of TCP, where a host may look at them.
//! - [`failure`]: what can happen instead, by what happened ([`Failure`], [`LookupFailure`]).
//!
//! Interference is data: a reset or a timeout is a [`Failure`] that the prober writes down, not a fault of ours.

use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub mod failure;
pub mod hyper_io;
pub mod quic;
pub mod raw;

pub use failure::{Failure, LookupFailure};

/// A point in time, as both clocks tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Time since the clock's own zero; never goes back. Differences of it are what a measurement reports.
    pub elapsed: Duration,
    /// Time of day, for dating a measurement; may jump.
    pub wall: SystemTime,
}

/// Tells the time and waits. In the lab both are virtual.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Moment;

    /// Waits for `duration`. Resolution is that of the implementation, at worst one millisecond, never early.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// A host's view of the network: TCP, UDP and the resolver that the system is configured with.
///
/// Nothing here has a timeout of its own below two minutes; whoever calls bounds the wait with [`Clock::sleep`].
pub trait Net: Clock {
    /// An open TCP connection.
    type Stream: Stream;
    /// A bound UDP socket.
    type Datagrams: Datagrams;

    /// Opens a TCP connection.
    ///
    /// # Errors
    /// What the network did instead: refused, reset, unreachable, or nothing for a very long time.
    fn connect(
        &self,
        remote: SocketAddr,
    ) -> impl Future<Output = Result<Self::Stream, Failure>> + Send;

    /// Binds a UDP socket on a free local port, able to reach addresses of the family of `towards`.
    ///
    /// # Errors
    /// [`Failure::NetworkUnreachable`] where the host has no address of that family.
    fn bind_udp(
        &self,
        towards: SocketAddr,
    ) -> impl Future<Output = Result<Self::Datagrams, Failure>> + Send;

    /// Asks the system's resolver for the addresses of `name`, IPv4 and IPv6, as `getaddrinfo` does.
    ///
    /// # Errors
    /// The resolver's word for why there are none.
    fn lookup(&self, name: &str) -> impl Future<Output = Result<Lookup, LookupFailure>> + Send;
}

/// An open TCP connection. Errors of its reads and writes are [`std::io::Error`], which [`Failure::of_io`] names.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The address and port on this side.
    fn local_addr(&self) -> SocketAddr;

    /// The address and port on the far side.
    fn remote_addr(&self) -> SocketAddr;

    /// Sets the TTL (hop limit) of packets sent from now on; from 1 to 255.
    ///
    /// # Errors
    /// Where the system does not allow it.
    fn set_ttl(&self, ttl: u8) -> Result<(), Failure>;
}

/// A bound UDP socket. One task receives; any may send.
pub trait Datagrams: Send + Sync + 'static {
    /// The address and port on this side.
    fn local_addr(&self) -> SocketAddr;

    /// Sets the TTL (hop limit) of datagrams sent from now on; from 1 to 255.
    ///
    /// # Errors
    /// Where the system does not allow it.
    fn set_ttl(&self, ttl: u8) -> Result<(), Failure>;

    /// Sends one datagram now, or drops it as a full interface queue would.
    ///
    /// # Errors
    /// No route, no address of that family, or a payload beyond what a datagram holds.
    fn send_to(&self, payload: &[u8], remote: SocketAddr) -> Result<(), Failure>;

    /// Polls for one datagram; what does not fit `buffer` is cut off. Only the last task that polled is woken.
    ///
    /// An ICMP error about an earlier datagram comes as a [`Failure`], once.
    fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<SocketAddr, Failure>>;

    /// Waits for one datagram: its length and sender. What does not fit `buffer` is cut off.
    ///
    /// # Errors
    /// An ICMP error about an earlier datagram, where the system reports it.
    fn recv_from(
        &self,
        buffer: &mut [u8],
    ) -> impl Future<Output = Result<(usize, SocketAddr), Failure>> + Send {
        poll_fn(move |context| {
            let mut read = ReadBuf::new(buffer);
            let sender = std::task::ready!(self.poll_recv_from(context, &mut read))?;
            Poll::Ready(Ok((read.filled().len(), sender)))
        })
    }
}

/// A host that can also serve.
pub trait Listen: Net {
    /// A listening TCP port.
    type Listener: Accept<Stream = Self::Stream>;

    /// Listens on a TCP port; port 0 takes a free one. A lab host listens at every address of its own.
    ///
    /// # Errors
    /// [`Failure::AddressUnavailable`] where somebody has the port.
    fn listen(
        &self,
        local: SocketAddr,
    ) -> impl Future<Output = Result<Self::Listener, Failure>> + Send;
}

/// A host that can also take datagrams on a port of its choice.
pub trait BindUdp: Net {
    /// Binds a UDP port. A lab host takes what comes to any address of its own.
    ///
    /// # Errors
    /// [`Failure::AddressUnavailable`] where somebody has the port.
    fn bind_udp_at(
        &self,
        local: SocketAddr,
    ) -> impl Future<Output = Result<Self::Datagrams, Failure>> + Send;
}

/// A listening TCP port. Dropping it stops listening.
pub trait Accept: Send + Sync + 'static {
    /// An accepted connection.
    type Stream: Stream;

    /// Where it listens.
    fn local_addr(&self) -> SocketAddr;

    /// Waits for the next connection.
    ///
    /// # Errors
    /// What went wrong with one connection, or with the port; the next call may succeed.
    fn accept(&self) -> impl Future<Output = Result<Self::Stream, Failure>> + Send;
}

/// What the system's resolver answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lookup {
    /// The addresses, in the order given; never empty.
    pub addresses: Vec<IpAddr>,
    /// The canonical name, where the resolver followed an alias.
    pub canonical_name: Option<String>,
}
