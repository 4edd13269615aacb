//! A router: takes one off the TTL, knows the way, and carries the middleboxes of its hop.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::fabric::LinkIndex;
use crate::frame::{Frame, IcmpKind, build};
use crate::middlebox::{Direction, Fate, Hop, Middlebox, Placement};
use crate::rng::Rng;

/// What a router does with a packet for which it knows no way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NoRoute {
    /// Says so: ICMP network unreachable.
    #[default]
    Unreachable,
    /// Drops it.
    Silent,
}

/// A router.
pub(crate) struct Router {
    pub(crate) name: String,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) no_route: NoRoute,
    pub(crate) routes: BTreeMap<IpAddr, LinkIndex>,
    /// Links that lead to subscribers; all others lead to the world.
    pub(crate) inside: Vec<LinkIndex>,
    boxes: Vec<Attached>,
    rng: Rng,
}

struct Attached {
    placement: Placement,
    middlebox: Box<dyn Middlebox>,
}

/// What comes out of a router.
pub(crate) enum Departure {
    /// A packet goes out on a link, now.
    Send(LinkIndex, Frame),
    /// A packet made by a middlebox of this hop leaves after a while.
    Emit(Duration, Frame),
    /// A packet held back by middlebox number `.2` goes on to the next one after a while.
    Resume(Duration, LinkIndex, usize, Frame),
}

impl Router {
    pub(crate) fn new(name: &str, addresses: Vec<IpAddr>, rng: Rng) -> Self {
        Self {
            name: name.to_owned(),
            addresses,
            no_route: NoRoute::default(),
            routes: BTreeMap::new(),
            inside: Vec::new(),
            boxes: Vec::new(),
            rng,
        }
    }

    pub(crate) fn attach(&mut self, placement: Placement, middlebox: Box<dyn Middlebox>) {
        self.boxes.push(Attached { placement, middlebox });
    }

    /// Takes in a packet that came over `from`; `first_box` is where its inspection begins.
    pub(crate) fn receive(
        &mut self,
        now: Duration,
        from: LinkIndex,
        first_box: usize,
        frame: Frame,
    ) -> Vec<Departure> {
        let mut out = Vec::new();
        let direction =
            if self.inside.contains(&from) { Direction::Outbound } else { Direction::Inbound };
        for (index, attached) in self.boxes.iter_mut().enumerate().skip(first_box) {
            let mut hop = Hop::new(now, direction, &self.addresses, &mut self.rng);
            let fate = attached.middlebox.see(&frame, &mut hop);
            out.extend(
                hop.into_emitted().into_iter().map(|(after, it)| Departure::Emit(after, it)),
            );
            match (attached.placement, fate) {
                (Placement::OnPath, _) | (_, Fate::Forward) => {}
                (Placement::InPath, Fate::Drop) => return out,
                (Placement::InPath, Fate::Delay(wait)) => {
                    out.push(Departure::Resume(wait, from, index + 1, frame));
                    return out;
                }
            }
        }
        out.extend(self.hop(frame));
        out
    }

    /// Sends on a packet that came from elsewhere.
    fn hop(&mut self, mut frame: Frame) -> Option<Departure> {
        if frame.decrement_ttl() {
            return self.forward(frame);
        }
        self.report(IcmpKind::TimeExceeded, &frame)
    }

    /// Sends on a packet as it is.
    pub(crate) fn forward(&self, frame: Frame) -> Option<Departure> {
        let destination = frame.packet()?.destination;
        if let Some(&link) = self.routes.get(&destination) {
            return Some(Departure::Send(link, frame));
        }
        match self.no_route {
            // A packet for the router itself ends here: it runs nothing.
            _ if self.addresses.contains(&destination) => None,
            NoRoute::Silent => None,
            NoRoute::Unreachable => self.report(IcmpKind::NetworkUnreachable, &frame),
        }
    }

    /// An ICMP error from this router, on its way to the sender. No error about a packet without a way back.
    fn report(&self, kind: IcmpKind, about: &Frame) -> Option<Departure> {
        let source = about.packet()?.source;
        let own = self.addresses.iter().find(|own| own.is_ipv4() == source.is_ipv4())?;
        let &link = self.routes.get(&source)?;
        Some(Departure::Send(link, build::icmp_error(kind, *own, about)?))
    }
}
