//! Headers of TCP by the kernel: a raw socket that only receives. Fragments: a packet socket that only receives, and a raw socket that sends
//! for one connection.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "beside `kernel`, the one place where a socket is meant"
)]

use std::net::IpAddr;
#[cfg(target_os = "linux")]
use std::net::SocketAddr;

use wirewitness_net::Failure;
use wirewitness_net::raw::{Filter, Raw, Segment, Segments};

use super::{KernelNet, KernelStream};

mod fragment;

pub use fragment::{KernelCutter, KernelPieces};

/// Segments that come to this machine.
#[derive(Debug)]
pub struct KernelSegments {
    #[cfg(target_os = "linux")]
    socket: tokio::net::UdpSocket,
    #[cfg_attr(not(unix), allow(dead_code, reason = "nobody looks there"))]
    filter: Filter,
}

impl Raw for KernelNet {
    type Segments = KernelSegments;
    type Pieces = KernelPieces;
    type Cutter = KernelCutter;

    #[cfg(target_os = "linux")]
    fn segments(&self, ports: &[u16]) -> Result<KernelSegments, Failure> {
        KernelSegments::open(Filter::to(ports))
    }

    #[cfg(target_os = "linux")]
    fn segments_from(&self, sender: IpAddr, ports: &[u16]) -> Result<KernelSegments, Failure> {
        KernelSegments::open(Filter::from(sender, ports))
    }

    #[cfg(target_os = "linux")]
    fn pieces(&self) -> Result<KernelPieces, Failure> {
        KernelPieces::open()
    }

    #[cfg(target_os = "linux")]
    fn cutter(&self, connection: &KernelStream) -> Result<KernelCutter, Failure> {
        use wirewitness_net::Stream as _;
        match (connection.local_addr(), connection.remote_addr()) {
            (SocketAddr::V4(local), SocketAddr::V4(remote)) => KernelCutter::open(local, remote),
            _ => Err(Failure::AddressUnavailable),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn pieces(&self) -> Result<KernelPieces, Failure> {
        Err(Failure::PermissionDenied)
    }

    #[cfg(not(target_os = "linux"))]
    fn cutter(&self, _: &KernelStream) -> Result<KernelCutter, Failure> {
        Err(Failure::PermissionDenied)
    }

    #[cfg(not(target_os = "linux"))]
    fn segments(&self, _: &[u16]) -> Result<KernelSegments, Failure> {
        Err(Failure::PermissionDenied)
    }

    #[cfg(not(target_os = "linux"))]
    fn segments_from(&self, _: IpAddr, _: &[u16]) -> Result<KernelSegments, Failure> {
        Err(Failure::PermissionDenied)
    }
}

#[cfg(target_os = "linux")]
impl KernelSegments {
    fn open(filter: Filter) -> Result<Self, Failure> {
        use socket2::{Domain, Protocol, Socket, Type};
        let named = |error: std::io::Error| Failure::of_io(&error);
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::TCP)).map_err(named)?;
        socket.set_nonblocking(true).map_err(named)?;
        // What it is called does not matter to the kernel: a socket of datagrams, of which each is a packet.
        let socket = tokio::net::UdpSocket::from_std(socket.into()).map_err(named)?;
        Ok(Self { socket, filter })
    }
}

impl Segments for KernelSegments {
    #[cfg(target_os = "linux")]
    async fn next(&self) -> Result<Segment, Failure> {
        // Headers at their longest, and the payload that is kept; the rest of a packet is cut off.
        let mut buffer = [0; 60 + 60 + Segment::PAYLOAD];
        loop {
            let read =
                self.socket.recv(&mut buffer).await.map_err(|error| Failure::of_io(&error))?;
            let packet = buffer.get(..read).unwrap_or_default();
            if let Some(segment) = Segment::read(packet).filter(|it| self.filter.takes(it)) {
                return Ok(segment);
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    async fn next(&self) -> Result<Segment, Failure> {
        Err(Failure::PermissionDenied)
    }
}
