//! A program on a simulated host that looks at headers and fragments: fields come out of it. What goes in are segments of connections that the
//! host has opened.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll, Waker};

use wirewitness_net::raw::{Cut, Cutter, Filter, Piece, Pieces, Raw, Segment, Segments, sizes};
use wirewitness_net::{Failure, Stream as _};

use super::socket::{HostNet, TcpStream};
use super::{DEFAULT_TTL, Host};
use crate::frame::fragment::cut_at;
use crate::frame::{Frame, TcpSpec, build};

/// What one program sees of the segments that come to a host.
pub(crate) struct Looking {
    filter: Filter,
    seen: VecDeque<Segment>,
    waker: Option<Waker>,
}

impl Looking {
    /// Looks at what the filter takes.
    fn at(filter: Filter) -> Self {
        Self { filter, seen: VecDeque::new(), waker: None }
    }

    /// One more. A full queue drops, as a kernel's does.
    pub(crate) fn see(&mut self, frame: &Frame) {
        let Some(segment) = Segment::read(frame.bytes()) else { return };
        if self.filter.takes(&segment) && self.seen.len() < QUEUE {
            self.seen.push_back(segment);
            self.waker.take().into_iter().for_each(Waker::wake);
        }
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Segment> {
        match self.seen.pop_front() {
            Some(segment) => Poll::Ready(segment),
            None => {
                self.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Segments that come to a simulated host. One program of a host looks at a time.
pub struct HostSegments(HostNet);

impl Raw for HostNet {
    type Segments = HostSegments;
    type Pieces = HostPieces;
    type Cutter = HostCutter;

    fn segments(&self, ports: &[u16]) -> Result<HostSegments, Failure> {
        self.look(Filter::to(ports))
    }

    fn segments_from(&self, sender: IpAddr, ports: &[u16]) -> Result<HostSegments, Failure> {
        self.look(Filter::from(sender, ports))
    }

    fn pieces(&self) -> Result<HostPieces, Failure> {
        self.act(|host, _| host.looking_at_pieces = Some(Gathering::default()))?;
        Ok(HostPieces(self.clone()))
    }

    fn cutter(&self, connection: &TcpStream) -> Result<HostCutter, Failure> {
        let ends = (connection.local_addr(), connection.remote_addr());
        if !ends.0.is_ipv4() {
            return Err(Failure::AddressUnavailable);
        }
        Ok(HostCutter { net: self.clone(), ends })
    }
}

/// What one program sees of the fragments that come to a host.
#[derive(Default)]
pub(crate) struct Gathering {
    seen: VecDeque<Piece>,
    waker: Option<Waker>,
}

impl Gathering {
    /// One more. A full queue drops.
    pub(crate) fn see(&mut self, frame: &Frame) {
        let Some(piece) = Piece::read(frame.bytes()) else { return };
        if self.seen.len() < PIECES {
            self.seen.push_back(piece);
            self.waker.take().into_iter().for_each(Waker::wake);
        }
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Piece> {
        match self.seen.pop_front() {
            Some(piece) => Poll::Ready(piece),
            None => {
                self.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Fragments that come to a simulated host. One program of a host looks at a time.
pub struct HostPieces(HostNet);

impl Pieces for HostPieces {
    async fn next(&self) -> Result<Piece, Failure> {
        poll_fn(|context| {
            self.0.poll_act(|host| match host.looking_at_pieces.as_mut() {
                Some(gathering) => gathering.poll(context).map(Ok),
                None => Poll::Ready(Err(Failure::Aborted)),
            })
        })
        .await
    }
}

impl Drop for HostPieces {
    fn drop(&mut self) {
        let _ = self.0.act(|host, _| host.looking_at_pieces = None);
    }
}

/// Sends segments of one connection of a simulated host, in fragments.
pub struct HostCutter {
    net: HostNet,
    ends: (SocketAddr, SocketAddr),
}

impl Cutter for HostCutter {
    async fn send(&self, segment: &Cut) -> Result<(), Failure> {
        let sent = self.net.act(|host, _| host.send_cut(self.ends, segment))?;
        sent.ok_or(Failure::MessageSize)
    }
}

impl Host {
    /// Sends a segment that the host's TCP does not know of, in pieces that are as they are.
    fn send_cut(&mut self, ends: (SocketAddr, SocketAddr), segment: &Cut) -> Option<()> {
        let whole = build::tcp(&TcpSpec {
            source: ends.0,
            destination: ends.1,
            sequence: segment.sequence,
            acknowledgement: segment.acknowledgement,
            flags: segment.flags(),
            reserved: 0,
            window: WINDOW,
            ttl: DEFAULT_TTL,
            identification: segment.identification,
            dont_fragment: false,
            payload: segment.payload().to_vec(),
        })?;
        let sizes = sizes(TCP_HEADER + segment.payload().len(), segment.pieces)?;
        self.cut_outbox.extend(cut_at(&whole, &sizes)?);
        Some(())
    }
}

impl HostNet {
    fn look(&self, filter: Filter) -> Result<HostSegments, Failure> {
        self.act(|host, _| host.looking = Some(Looking::at(filter)))?;
        Ok(HostSegments(self.clone()))
    }
}

impl Segments for HostSegments {
    async fn next(&self) -> Result<Segment, Failure> {
        poll_fn(|context| {
            self.0.poll_act(|host| match host.looking.as_mut() {
                Some(looking) => looking.poll(context).map(Ok),
                None => Poll::Ready(Err(Failure::Aborted)),
            })
        })
        .await
    }
}

impl Drop for HostSegments {
    fn drop(&mut self) {
        let _ = self.0.act(|host, _| host.looking = None);
    }
}

const QUEUE: usize = 1_024;
const PIECES: usize = 16_384;
const TCP_HEADER: usize = 20;
/// As a kernel's that has scaled it.
const WINDOW: u16 = 502;
