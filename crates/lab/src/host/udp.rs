//! A host's UDP: ports, queues, and the ICMP errors that come back.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::task::{Poll, Waker};

use wirewitness_net::Failure;

/// A host's UDP ports.
pub(crate) struct Ports {
    ports: BTreeMap<u16, Port>,
    next_port: u16,
}

#[derive(Default)]
struct Port {
    received: VecDeque<Datagram>,
    failures: VecDeque<Failure>,
    waker: Option<Waker>,
}

/// A datagram that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Datagram {
    /// Who sent it, or whom it claims to be from.
    pub(crate) source: SocketAddr,
    /// Which of the host's addresses it was sent to.
    pub(crate) destination: IpAddr,
    pub(crate) payload: Vec<u8>,
}

impl Ports {
    pub(crate) fn new(seed: u64) -> Self {
        Self { ports: BTreeMap::new(), next_port: FIRST_PORT + (seed >> 32) as u16 % 20_000 }
    }

    /// Binds `port`, or a free one for 0.
    pub(crate) fn bind(&mut self, port: u16) -> Result<u16, Failure> {
        let port = if port == 0 { self.free_port()? } else { port };
        if self.ports.contains_key(&port) {
            return Err(Failure::AddressUnavailable);
        }
        self.ports.insert(port, Port::default());
        Ok(port)
    }

    pub(crate) fn release(&mut self, port: u16) {
        self.ports.remove(&port);
    }

    /// Takes a datagram in. False if nobody has the port. A full queue drops, as a kernel's does.
    pub(crate) fn receive(&mut self, port: u16, datagram: Datagram) -> bool {
        let Some(port) = self.ports.get_mut(&port) else { return false };
        if port.received.len() < QUEUE {
            port.received.push_back(datagram);
        }
        port.wake();
        true
    }

    pub(crate) fn fail(&mut self, port: u16, failure: Failure) {
        let Some(port) = self.ports.get_mut(&port) else { return };
        if port.failures.len() < QUEUE {
            port.failures.push_back(failure);
        }
        port.wake();
    }

    pub(crate) fn poll_receive(
        &mut self,
        port: u16,
        waker: &Waker,
    ) -> Poll<Result<Datagram, Failure>> {
        let Some(port) = self.ports.get_mut(&port) else {
            return Poll::Ready(Err(Failure::Aborted));
        };
        if let Some(datagram) = port.received.pop_front() {
            return Poll::Ready(Ok(datagram));
        }
        if let Some(failure) = port.failures.pop_front() {
            return Poll::Ready(Err(failure));
        }
        port.waker = Some(waker.clone());
        Poll::Pending
    }

    fn free_port(&mut self) -> Result<u16, Failure> {
        for _ in FIRST_PORT..u16::MAX {
            let port = self.next_port;
            self.next_port = if port == u16::MAX { FIRST_PORT } else { port + 1 };
            if !self.ports.contains_key(&port) {
                return Ok(port);
            }
        }
        Err(Failure::AddressUnavailable)
    }
}

impl Port {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

const FIRST_PORT: u16 = 32_768;
const QUEUE: usize = 1024;
