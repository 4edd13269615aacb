//! Headers of TCP by the kernel: a raw socket that only receives.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "beside `kernel`, the one place where a socket is meant"
)]

use wirewitness_net::Failure;
use wirewitness_net::raw::{Raw, Segment, Segments};

use super::KernelNet;

/// Segments that come to this machine.
#[derive(Debug)]
pub struct KernelSegments {
    #[cfg(target_os = "linux")]
    socket: tokio::net::UdpSocket,
    #[cfg_attr(not(unix), allow(dead_code, reason = "nobody looks there"))]
    ports: Vec<u16>,
}

impl Raw for KernelNet {
    type Segments = KernelSegments;

    #[cfg(target_os = "linux")]
    fn segments(&self, ports: &[u16]) -> Result<KernelSegments, Failure> {
        use socket2::{Domain, Protocol, Socket, Type};
        let named = |error: std::io::Error| Failure::of_io(&error);
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::TCP)).map_err(named)?;
        socket.set_nonblocking(true).map_err(named)?;
        // What it is called does not matter to the kernel: a socket of datagrams, of which each is a packet.
        let socket = tokio::net::UdpSocket::from_std(socket.into()).map_err(named)?;
        Ok(KernelSegments { socket, ports: ports.to_vec() })
    }

    #[cfg(not(target_os = "linux"))]
    fn segments(&self, _: &[u16]) -> Result<KernelSegments, Failure> {
        Err(Failure::PermissionDenied)
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
            if let Some(segment) = Segment::read(packet).filter(|it| self.is_ours(it)) {
                return Ok(segment);
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    async fn next(&self) -> Result<Segment, Failure> {
        Err(Failure::PermissionDenied)
    }
}

#[cfg(target_os = "linux")]
impl KernelSegments {
    fn is_ours(&self, segment: &Segment) -> bool {
        self.ports.contains(&segment.destination.port())
    }
}
