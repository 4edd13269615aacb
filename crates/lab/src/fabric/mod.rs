//! The fabric: nodes, links, and one queue of events in virtual time.
//!
//! `World` is a state machine without a clock: `World::run_until` does all that happens up to a moment, in the
//! order of time and, at one moment, in the order in which it was caused. Nothing in it depends on how often it is
//! called. [`topology`] builds one, [`link`] and [`router`] are its parts.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

pub mod link;
pub mod router;
pub mod topology;

use crate::capture::{Record, Tap};
use crate::frame::Frame;
use crate::host::Host;
use link::{Lane, LinkSpec};
use router::{Departure, Router};

/// Index of a host in its [`World`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostIndex(pub(crate) usize);

/// Index of a router in its [`World`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RouterIndex(pub(crate) usize);

/// Index of a link in its [`World`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkIndex(pub(crate) usize);

/// One end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    Host(HostIndex),
    Router(RouterIndex),
}

/// Which end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    A,
    B,
}

impl End {
    fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// A link: two ends, a lane from each, and a tap at its first end where somebody listens.
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) ends: (Node, Node),
    pub(crate) spec: LinkSpec,
    from_a: Lane,
    from_b: Lane,
    tap: Option<Tap>,
}

impl Link {
    fn node(&self, end: End) -> Node {
        match end {
            End::A => self.ends.0,
            End::B => self.ends.1,
        }
    }

    fn end_of(&self, node: Node) -> End {
        if self.ends.0 == node { End::A } else { End::B }
    }
}

enum Event {
    Arrive { link: LinkIndex, end: End, frame: Frame },
    LoopBack { host: HostIndex, frame: Frame },
    Wake { host: HostIndex },
    Emit { router: RouterIndex, frame: Frame },
    Resume { router: RouterIndex, from: LinkIndex, next_box: usize, frame: Frame },
}

/// The whole network at one moment.
pub(crate) struct World {
    now: Duration,
    /// Counts events: what was caused first happens first, at one moment.
    order: u64,
    events: BTreeMap<(Duration, u64), Event>,
    pub(crate) hosts: Vec<Attachment>,
    pub(crate) routers: Vec<Router>,
    pub(crate) links: Vec<Link>,
    /// When whoever drives the world will look again; an earlier event must wake it.
    pub(crate) alarm: Option<Duration>,
    /// Packets put on links so far.
    pub(crate) packets: u64,
}

/// A host and how it hangs on the network.
pub(crate) struct Attachment {
    pub(crate) host: Host,
    link: Option<LinkIndex>,
    /// The earliest wake that is in the queue; others are stale.
    wake: Option<Duration>,
}

impl World {
    /// Does everything up to and including `moment`.
    pub(crate) fn run_until(&mut self, moment: Duration) {
        while let Some(entry) = self.events.first_entry() {
            let &(at, _) = entry.key();
            if at > moment {
                break;
            }
            let event = entry.remove();
            self.now = at;
            self.happen(event);
        }
        self.now = self.now.max(moment);
    }

    /// When something happens next.
    pub(crate) fn next_event(&self) -> Option<Duration> {
        self.events.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Lets a program on a host act, then sends what its stack wants sent.
    pub(crate) fn with_host<R>(
        &mut self,
        index: HostIndex,
        act: impl FnOnce(&mut Host, Duration) -> R,
    ) -> Option<R> {
        let now = self.now;
        let result = act(&mut self.hosts.get_mut(index.0)?.host, now);
        self.settle(index);
        Some(result)
    }

    /// Starts to record what passes the first end of a link.
    pub(crate) fn tap(&mut self, index: LinkIndex) {
        if let Some(link) = self.links.get_mut(index.0) {
            link.tap.get_or_insert_default();
        }
    }

    /// What a tap has recorded so far; empty for a link without one.
    pub(crate) fn records(&self, index: LinkIndex) -> &[Record] {
        let tap = self.links.get(index.0).and_then(|link| link.tap.as_ref());
        tap.map_or(&[], Tap::records)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive { link, end, frame } => self.arrive(link, end, frame),
            Event::LoopBack { host, frame } => self.receive(host, frame),
            Event::Wake { host } => self.wake(host),
            Event::Emit { router, frame } => {
                let departure = self.routers.get(router.0).and_then(|it| it.forward(frame));
                self.depart(router, departure);
            }
            Event::Resume { router, from, next_box, frame } => {
                self.route(router, from, next_box, frame);
            }
        }
    }

    fn arrive(&mut self, index: LinkIndex, end: End, frame: Frame) {
        let Some(link) = self.links.get_mut(index.0) else { return };
        if let (End::A, Some(tap)) = (end, &mut link.tap) {
            tap.arrived(self.now, &frame);
        }
        match link.node(end) {
            Node::Host(host) => self.receive(host, frame),
            Node::Router(router) => self.route(router, index, 0, frame),
        }
    }

    fn receive(&mut self, index: HostIndex, frame: Frame) {
        let now = self.now;
        if let Some(attachment) = self.hosts.get_mut(index.0) {
            attachment.host.receive(now, frame);
            self.settle(index);
        }
    }

    fn wake(&mut self, index: HostIndex) {
        let Some(attachment) = self.hosts.get_mut(index.0) else { return };
        if attachment.wake != Some(self.now) {
            return;
        }
        attachment.wake = None;
        self.settle(index);
    }

    fn route(&mut self, index: RouterIndex, from: LinkIndex, first_box: usize, frame: Frame) {
        let Some(router) = self.routers.get_mut(index.0) else { return };
        let departures = router.receive(self.now, from, first_box, frame);
        self.depart(index, departures);
    }

    fn depart(&mut self, router: RouterIndex, departures: impl IntoIterator<Item = Departure>) {
        for departure in departures {
            match departure {
                Departure::Send(link, frame) => self.send(link, Node::Router(router), frame),
                Departure::Emit(after, frame) => {
                    self.schedule(self.now + after, Event::Emit { router, frame });
                }
                Departure::Resume(after, from, next_box, frame) => {
                    let event = Event::Resume { router, from, next_box, frame };
                    self.schedule(self.now + after, event);
                }
            }
        }
    }

    /// Polls a host's stack, sends what it has, and notes when it wants to be polled again.
    fn settle(&mut self, index: HostIndex) {
        let now = self.now;
        let Some(attachment) = self.hosts.get_mut(index.0) else { return };
        attachment.host.tcp.poll(now);
        let sent = attachment.host.take_sent();
        let (link, poll_at) = (attachment.link, attachment.host.tcp.poll_at());
        for frame in sent {
            self.send_from_host(index, link, frame);
        }
        let Some(at) = poll_at else { return };
        let Some(attachment) = self.hosts.get_mut(index.0) else { return };
        if attachment.wake.is_none_or(|wake| at < wake) {
            attachment.wake = Some(at);
            self.schedule(at, Event::Wake { host: index });
        }
    }

    fn send_from_host(&mut self, index: HostIndex, link: Option<LinkIndex>, frame: Frame) {
        let Some(destination) = frame.packet().map(|packet| packet.destination) else { return };
        let own = |it: &Attachment| it.host.addresses.contains(&destination);
        if self.hosts.get(index.0).is_some_and(own) {
            self.schedule(self.now, Event::LoopBack { host: index, frame });
        } else if let Some(link) = link {
            self.send(link, Node::Host(index), frame);
        }
    }

    fn send(&mut self, index: LinkIndex, from: Node, frame: Frame) {
        let Some(link) = self.links.get_mut(index.0) else { return };
        self.packets += 1;
        let end = link.end_of(from);
        let lane = match end {
            End::A => {
                if let Some(tap) = &mut link.tap {
                    tap.left(self.now, &frame);
                }
                &mut link.from_a
            }
            End::B => &mut link.from_b,
        };
        if let Some(at) = lane.send(self.now, frame.len()) {
            self.schedule(at, Event::Arrive { link: index, end: end.other(), frame });
        }
    }

    fn schedule(&mut self, at: Duration, event: Event) {
        self.order += 1;
        self.events.insert((at, self.order), event);
    }
}

/// True for an address that never leaves its host.
pub(crate) fn is_local(address: IpAddr) -> bool {
    address.is_loopback()
}
