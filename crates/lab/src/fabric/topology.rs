//! Building a network: nodes, links between them, and the ways that routers know.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::link::{Lane, LinkSpec};
use super::router::{NoRoute, Router};
use super::{Attachment, HostIndex, Link, LinkIndex, Node, RouterIndex, World};
use crate::host::{Host, Mood, System};
use crate::middlebox::{Middlebox, Placement};
use crate::rng::Rng;

/// A host of the network being built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostId(pub(crate) HostIndex);

/// A router of the network being built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouterId(pub(crate) RouterIndex);

/// A link of the network being built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkId(pub(crate) LinkIndex);

/// One end of a link to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeId {
    /// A host.
    Host(HostId),
    /// A router.
    Router(RouterId),
}

impl From<HostId> for NodeId {
    fn from(host: HostId) -> Self {
        Self::Host(host)
    }
}

impl From<RouterId> for NodeId {
    fn from(router: RouterId) -> Self {
        Self::Router(router)
    }
}

/// Builds the network of a lab.
pub struct Topology {
    hosts: Vec<Host>,
    routers: Vec<Router>,
    links: Vec<Link>,
    rng: Rng,
}

impl Topology {
    /// An empty network; `seed` is all the randomness that a run of it has.
    pub fn new(seed: u64) -> Self {
        Self { hosts: Vec::new(), routers: Vec::new(), links: Vec::new(), rng: Rng::new(seed) }
    }

    /// Adds a host. It hangs on the first link that is given to it, and on that only.
    pub fn host(&mut self, name: &str, addresses: &[IpAddr]) -> HostId {
        let own = addresses.iter().copied();
        let all = own.chain([[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()]);
        self.hosts.push(Host::new(name, all.collect(), &mut self.rng));
        HostId(HostIndex(self.hosts.len() - 1))
    }

    /// Adds a router. Its addresses are what its ICMP messages come from.
    pub fn router(&mut self, name: &str, addresses: &[IpAddr]) -> RouterId {
        let rng = self.rng.fork();
        self.routers.push(Router::new(name, addresses.to_vec(), rng));
        RouterId(RouterIndex(self.routers.len() - 1))
    }

    /// Joins two nodes. A tap on the link records at `a`.
    pub fn link(&mut self, a: impl Into<NodeId>, b: impl Into<NodeId>, spec: LinkSpec) -> LinkId {
        let ends = (node(a.into()), node(b.into()));
        let name = format!("{}-{}", self.name(ends.0), self.name(ends.1));
        let (from_a, from_b) = (Lane::new(spec, self.rng.fork()), Lane::new(spec, self.rng.fork()));
        self.links.push(Link { name, ends, spec, from_a, from_b, tap: None });
        LinkId(LinkIndex(self.links.len() - 1))
    }

    /// Says which of a router's links lead to subscribers: what comes over them is outbound to its middleboxes.
    pub fn inside(&mut self, router: RouterId, links: &[LinkId]) {
        if let Some(router) = self.routers.get_mut(router.0.0) {
            router.inside.extend(links.iter().map(|link| link.0));
        }
    }

    /// Places a middlebox on a router's hop, after those that are there.
    pub fn middlebox(
        &mut self,
        router: RouterId,
        placement: Placement,
        middlebox: impl Middlebox + 'static,
    ) {
        if let Some(router) = self.routers.get_mut(router.0.0) {
            router.attach(placement, Box::new(middlebox));
        }
    }

    /// Sets the resolvers that a host's system asks, in order.
    pub fn resolvers(&mut self, host: HostId, resolvers: &[IpAddr]) {
        if let Some(host) = self.hosts.get_mut(host.0.0) {
            host.resolvers = resolvers.to_vec();
        }
    }

    /// Sets whose words a host's resolver library uses.
    pub fn system(&mut self, host: HostId, system: System) {
        if let Some(host) = self.hosts.get_mut(host.0.0) {
            host.system = system;
        }
    }

    /// Sets what a host does with what it gets.
    pub fn mood(&mut self, host: HostId, mood: Mood) {
        if let Some(host) = self.hosts.get_mut(host.0.0) {
            host.mood = mood;
        }
    }

    /// Makes a host's kernel number its own resets as it does its other packets. Linux gives none to one that answers what no connection
    /// takes; others do.
    pub fn numbers_resets(&mut self, host: HostId) {
        if let Some(host) = self.hosts.get_mut(host.0.0) {
            host.numbers_resets = true;
        }
    }

    /// Sets the bytes of the largest packet that leaves a host, by default 1500. It cuts larger ones of IPv4 into fragments, of
    /// no less than 68 bytes (RFC 791 §3.2).
    pub fn mtu(&mut self, host: HostId, bytes: u16) {
        if let Some(host) = self.hosts.get_mut(host.0.0) {
            host.mtu = usize::from(bytes.max(68));
        }
    }

    /// Sets what a router does with a packet for which it knows no way.
    pub fn no_route(&mut self, router: RouterId, no_route: NoRoute) {
        if let Some(router) = self.routers.get_mut(router.0.0) {
            router.no_route = no_route;
        }
    }

    /// Works out the ways and starts the world at time zero.
    pub(crate) fn build(mut self) -> World {
        self.route_all();
        let links = &self.links;
        let link_of = |index: usize| {
            let node = Node::Host(HostIndex(index));
            links.iter().position(|link| link.ends.0 == node || link.ends.1 == node).map(LinkIndex)
        };
        let host_links: Vec<_> = (0..self.hosts.len()).map(link_of).collect();
        let hosts = self.hosts.into_iter().zip(host_links);
        World {
            now: Duration::ZERO,
            order: 0,
            events: BTreeMap::new(),
            hosts: hosts.map(|(host, link)| Attachment { host, link, wake: None }).collect(),
            routers: self.routers,
            links: self.links,
            alarm: None,
            packets: 0,
        }
    }

    /// Tells every router, for every address of a host, over which link the shortest way (by delay) begins.
    fn route_all(&mut self) {
        for index in 0..self.hosts.len() {
            let towards = self.links_towards(Node::Host(HostIndex(index)));
            let Some(host) = self.hosts.get(index) else { continue };
            let addresses = host.addresses.iter().filter(|address| !super::is_local(**address));
            for (&router, &link) in &towards {
                let Some(router) = self.routers.get_mut(router) else { continue };
                router.routes.extend(addresses.clone().map(|address| (*address, link)));
            }
        }
    }

    /// For every router, the first link of the shortest way to `target`; ties go to the link that was made first.
    fn links_towards(&self, target: Node) -> BTreeMap<usize, LinkIndex> {
        let mut best: BTreeMap<usize, (Duration, LinkIndex)> = BTreeMap::new();
        let mut queue = VecDeque::from([(target, Duration::ZERO)]);
        while let Some((reached, so_far)) = queue.pop_front() {
            for (index, link) in self.links.iter().enumerate() {
                let next = match link.ends {
                    (a, b) if a == reached => b,
                    (a, b) if b == reached => a,
                    _ => continue,
                };
                let Node::Router(RouterIndex(router)) = next else { continue };
                let cost = so_far + link.spec.delay + PER_HOP;
                if best.get(&router).is_none_or(|(known, _)| cost < *known) {
                    best.insert(router, (cost, LinkIndex(index)));
                    queue.push_back((next, cost));
                }
            }
        }
        best.into_iter().map(|(router, (_, link))| (router, link)).collect()
    }

    fn name(&self, node: Node) -> &str {
        match node {
            Node::Host(HostIndex(index)) => self.hosts.get(index).map_or("", |it| &it.name),
            Node::Router(RouterIndex(index)) => self.routers.get(index).map_or("", |it| &it.name),
        }
    }
}

fn node(id: NodeId) -> Node {
    match id {
        NodeId::Host(host) => Node::Host(host.0),
        NodeId::Router(router) => Node::Router(router.0),
    }
}

/// Makes the way with fewer hops the shorter one where delays are equal.
const PER_HOP: Duration = Duration::from_nanos(1);
