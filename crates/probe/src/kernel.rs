//! The kernel's network: the only file of this crate that opens a socket, beside [`raw`], whose socket only receives.
//!
//! What the kernel reports, and what it does not:
//! - A UDP socket here is not connected, and Linux tells such a socket of no ICMP error: a port that nobody listens
//!   on is silence. Other systems may report one, and then it is passed on.
//! - `getaddrinfo` says `EAI_AGAIN` both for SERVFAIL and for a resolver that never answers; both are
//!   [`LookupFailure::ServFail`], and the time that it took is the caller's to see.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this is the one place where sockets and the system's clocks are meant"
)]

pub mod raw;

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use dns_lookup::{AddrInfoHints, LookupError, LookupErrorKind, getaddrinfo};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use wirewitness_net::{
    Accept, BindUdp, Clock, Datagrams, Failure, Listen, Lookup, LookupFailure, Moment, Net, Stream,
};

/// This machine's network and clocks. Needs a tokio runtime with I/O and time. Clones share their zero of time.
#[derive(Debug, Clone)]
pub struct KernelNet {
    zero: Instant,
    lookups: Arc<Semaphore>,
}

impl KernelNet {
    /// The network as it is, time counted from now.
    pub fn new() -> Self {
        Self { zero: Instant::now(), lookups: Arc::new(Semaphore::new(LOOKUPS_AT_ONCE)) }
    }
}

impl Default for KernelNet {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for KernelNet {
    fn now(&self) -> Moment {
        Moment { elapsed: self.zero.elapsed(), wall: SystemTime::now() }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Net for KernelNet {
    type Stream = KernelStream;
    type Datagrams = KernelDatagrams;

    async fn connect(&self, remote: SocketAddr) -> Result<KernelStream, Failure> {
        let stream = TcpStream::connect(remote).await.map_err(|error| failure(&error))?;
        KernelStream::new(stream, remote)
    }

    async fn bind_udp(&self, towards: SocketAddr) -> Result<KernelDatagrams, Failure> {
        let any = match towards.ip() {
            IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind((any, 0)).await.map_err(|error| unusable_family(&error))?;
        let local = socket.local_addr().map_err(|error| failure(&error))?;
        Ok(KernelDatagrams { socket, local })
    }

    async fn lookup(&self, name: &str) -> Result<Lookup, LookupFailure> {
        let permit = Arc::clone(&self.lookups).acquire_owned().await;
        let name = name.to_owned();
        let asked = tokio::task::spawn_blocking(move || {
            // Held until the system answers, also when whoever asked has long gone: threads are what is scarce.
            let _permit = permit;
            ask_system(&name)
        });
        // The library panics on a canonical name that is not UTF-8. That is an answer that cannot be read.
        asked.await.unwrap_or(Err(LookupFailure::NonRecoverable))
    }
}

impl Listen for KernelNet {
    type Listener = KernelListener;

    async fn listen(&self, local: SocketAddr) -> Result<KernelListener, Failure> {
        let listener = TcpListener::bind(local).await.map_err(|error| failure(&error))?;
        let local = listener.local_addr().map_err(|error| failure(&error))?;
        Ok(KernelListener { listener, local })
    }
}

impl BindUdp for KernelNet {
    async fn bind_udp_at(&self, local: SocketAddr) -> Result<KernelDatagrams, Failure> {
        let socket = UdpSocket::bind(local).await.map_err(|error| failure(&error))?;
        let local = socket.local_addr().map_err(|error| failure(&error))?;
        Ok(KernelDatagrams { socket, local })
    }
}

/// A TCP connection of the kernel, without Nagle's delay.
#[derive(Debug)]
pub struct KernelStream {
    stream: TcpStream,
    local: SocketAddr,
    remote: SocketAddr,
}

impl KernelStream {
    /// The far end's address is given: the kernel forgets it when a reset follows the handshake at once, and that is the reset's
    /// to tell, at the first read.
    fn new(stream: TcpStream, remote: SocketAddr) -> Result<Self, Failure> {
        let local = stream.local_addr().map_err(|error| failure(&error))?;
        stream.set_nodelay(true).map_err(|error| failure(&error))?;
        Ok(Self { stream, local, remote })
    }
}

impl Stream for KernelStream {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn remote_addr(&self) -> SocketAddr {
        self.remote
    }

    fn set_ttl(&self, ttl: u8) -> Result<(), Failure> {
        set_ttl(&SockRef::from(&self.stream), self.local, ttl)
    }
}

impl AsyncRead for KernelStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for KernelStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A UDP socket of the kernel, not connected.
#[derive(Debug)]
pub struct KernelDatagrams {
    socket: UdpSocket,
    local: SocketAddr,
}

impl Datagrams for KernelDatagrams {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn set_ttl(&self, ttl: u8) -> Result<(), Failure> {
        set_ttl(&SockRef::from(&self.socket), self.local, ttl)
    }

    fn send_to(&self, payload: &[u8], remote: SocketAddr) -> Result<(), Failure> {
        // Not tokio's `try_send_to`: it drops what is sent before the reactor first saw the socket writable.
        match SockRef::from(&self.socket).send_to(payload, &remote.into()) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(failure(&error)),
        }
    }

    fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<SocketAddr, Failure>> {
        self.socket.poll_recv_from(context, buffer).map_err(|error| failure(&error))
    }
}

/// A listening TCP port of the kernel.
#[derive(Debug)]
pub struct KernelListener {
    listener: TcpListener,
    local: SocketAddr,
}

impl Accept for KernelListener {
    type Stream = KernelStream;

    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    async fn accept(&self) -> Result<KernelStream, Failure> {
        let (stream, remote) = self.listener.accept().await.map_err(|error| failure(&error))?;
        KernelStream::new(stream, remote)
    }
}

fn set_ttl(socket: &SockRef<'_>, local: SocketAddr, ttl: u8) -> Result<(), Failure> {
    let done = match local {
        SocketAddr::V4(_) => socket.set_ttl_v4(u32::from(ttl)),
        SocketAddr::V6(_) => socket.set_unicast_hops_v6(u32::from(ttl)),
    };
    done.map_err(|error| failure(&error))
}

fn ask_system(name: &str) -> Result<Lookup, LookupFailure> {
    let hints = AddrInfoHints {
        flags: CANONICAL_NAME,
        socktype: ONE_OF_EACH_ADDRESS,
        ..AddrInfoHints::default()
    };
    let found = getaddrinfo(Some(name), None, Some(hints)).map_err(|it| lookup_failure(&it))?;
    let mut lookup = Lookup::default();
    for entry in found.flatten().take(ADDRESSES) {
        let address = entry.sockaddr.ip();
        if !lookup.addresses.contains(&address) {
            lookup.addresses.push(address);
        }
        lookup.canonical_name = lookup.canonical_name.or(entry.canonname);
    }
    // Systems give the name that was asked for where there is no alias.
    lookup.canonical_name = lookup.canonical_name.filter(|it| !it.eq_ignore_ascii_case(name));
    if lookup.addresses.is_empty() { Err(LookupFailure::NoAnswer) } else { Ok(lookup) }
}

/// The word for a code of `getaddrinfo` (RFC 3493 §6.1 and what systems make of it).
fn lookup_failure(error: &LookupError) -> LookupFailure {
    match error.kind() {
        LookupErrorKind::NoName => LookupFailure::NxDomain,
        LookupErrorKind::NoData if cfg!(target_os = "android") => LookupFailure::AndroidNoData,
        LookupErrorKind::NoData | LookupErrorKind::Family => LookupFailure::NoAnswer,
        LookupErrorKind::Again => LookupFailure::ServFail,
        LookupErrorKind::Fail => LookupFailure::NonRecoverable,
        _ if error.error_num() == NO_ADDRESS_OF_FAMILY => LookupFailure::NoAnswer,
        _ => LookupFailure::Other(format!("getaddrinfo failed with code {}", error.error_num())),
    }
}

fn failure(error: &io::Error) -> Failure {
    match error.raw_os_error() {
        Some(MESSAGE_SIZE) => Failure::MessageSize,
        _ => Failure::of_io(error),
    }
}

/// A family that cannot be bound at all is one that this host has no address of.
fn unusable_family(error: &io::Error) -> Failure {
    match (error.raw_os_error(), error.kind()) {
        (Some(FAMILY_NOT_SUPPORTED), _)
        | (_, ErrorKind::Unsupported | ErrorKind::AddrNotAvailable) => Failure::NetworkUnreachable,
        _ => failure(error),
    }
}

/// Each may hold a thread for as long as the system's resolver takes (30 s by default with two resolvers).
const LOOKUPS_AT_ONCE: usize = 128;

/// Most addresses taken from one answer; a resolver may be hostile.
const ADDRESSES: usize = 256;

/// `AI_CANONNAME`, the same number on Linux, Android, the BSDs, macOS and Windows.
const CANONICAL_NAME: i32 = 0x2;

/// `SOCK_STREAM`: without it each address comes once for every type of socket.
const ONE_OF_EACH_ADDRESS: i32 = 1;

/// `EAI_ADDRFAMILY` of Linux, which the library does not know: the name has no address of a family in use.
const NO_ADDRESS_OF_FAMILY: i32 = -9;

/// `EMSGSIZE`, for which std has no kind.
const MESSAGE_SIZE: i32 = if cfg!(any(target_os = "linux", target_os = "android")) {
    90
} else if cfg!(windows) {
    10040
} else {
    40
};

/// `EAFNOSUPPORT`, for which std has no kind.
const FAMILY_NOT_SUPPORTED: i32 = if cfg!(any(target_os = "linux", target_os = "android")) {
    97
} else if cfg!(windows) {
    10047
} else {
    47
};
