//! What is held of many connections at once: found by key, and let go by age and by number, each in constant time.

use hashbrown::HashTable;

use std::net::SocketAddr;

use super::key::{Key, Place};

/// Connections that are open, those that are over, and those that linger.
#[derive(Debug)]
pub struct Table<T> {
    index: HashTable<u32>,
    nodes: Nodes<T>,
    /// Neighbours in the queues, by place. Apart from the nodes: a packet of one connection changes those of two others, whose nodes
    /// have left the caches.
    links: Vec<Link>,
    free: u32,
    held: usize,
    limit: usize,
    seed: u64,
    queues: [Queue; 3],
}

/// A connection that is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Sought {
    /// Its ends.
    pub key: Key,
    /// Which of them the packet is from that it is looked for with.
    pub from: Place,
    hash: u64,
    /// Where it was when it was looked for.
    at: Option<u32>,
}

/// Which queue a connection waits in. In each, the one that was quiet longest is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Something can still come.
    Open,
    /// It is over; kept a little for what comes late.
    Over,
    /// It is over, and nothing came since for a while.
    Settled,
}

#[derive(Debug, Clone, Copy)]
struct Queue {
    first: u32,
    last: u32,
}

/// A connection's neighbours in its queue; of a free place only the next free one.
#[derive(Debug, Clone, Copy)]
struct Link {
    before: u32,
    after: u32,
}

#[derive(Debug)]
struct Node<T> {
    key: Key,
    stage: Stage,
    /// When it was last touched, ns.
    at_ns: i64,
    value: Option<T>,
}

const NONE: u32 = u32::MAX;

impl<T> Table<T> {
    /// Bytes of a connection that is held, its place in the index aside.
    pub const NODE_BYTES: usize = size_of::<Node<T>>() + size_of::<Link>();

    /// For at most `limit` connections; the seed keeps those who choose addresses from choosing places.
    pub fn new(limit: usize, seed: u64) -> Self {
        let queue = Queue { first: NONE, last: NONE };
        Self {
            index: HashTable::new(),
            nodes: Nodes { blocks: Vec::new() },
            links: Vec::new(),
            free: NONE,
            held: 0,
            limit: limit.clamp(1, NONE as usize - 1),
            seed,
            queues: [queue; 3],
        }
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.held
    }

    /// True if none is held.
    pub fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// True if another one fits only if one goes.
    pub fn is_full(&self) -> bool {
        self.held >= self.limit
    }

    /// The connection of a packet, to look for.
    #[inline(always)]
    pub fn sought(&self, source: SocketAddr, destination: SocketAddr) -> Sought {
        let (key, from) = Key::of(source, destination);
        Sought { key, from, hash: key.hash(self.seed), at: None }
    }

    /// Looks for a connection ahead of [`Self::find`], which then need not search.
    #[inline]
    pub fn look_for(&self, sought: &mut Sought) {
        sought.at = self.search(sought);
    }

    /// What is held of a connection that was looked for, to look at; what is there by now may be another's.
    #[inline]
    pub fn glance(&self, sought: &Sought) -> Option<&T> {
        self.peek(sought.at?)
    }

    /// The place of a connection.
    #[inline]
    pub fn find(&self, sought: &Sought) -> Option<u32> {
        match sought.at {
            // It may be gone by now.
            Some(at) if self.is_at(at, &sought.key) => Some(at),
            _ => self.search(sought),
        }
    }

    #[inline]
    fn search(&self, sought: &Sought) -> Option<u32> {
        let nodes = &self.nodes;
        let same = |place: &u32| nodes.get(*place).is_some_and(|node| node.key == sought.key);
        self.index.find(sought.hash, same).copied()
    }

    #[inline]
    fn is_at(&self, place: u32, key: &Key) -> bool {
        self.nodes.get(place).is_some_and(|node| node.key == *key && node.value.is_some())
    }

    /// What is held at a place, to look at.
    #[inline]
    pub fn peek(&self, place: u32) -> Option<&T> {
        self.nodes.get(place)?.value.as_ref()
    }

    /// What is held at a place.
    #[inline]
    pub fn value(&mut self, place: u32) -> Option<&mut T> {
        self.nodes.get_mut(place)?.value.as_mut()
    }

    /// Takes in a connection that is not held. The caller has made room.
    pub fn insert(&mut self, sought: &Sought, value: T, at_ns: i64) -> u32 {
        let (key, hash) = (sought.key, sought.hash);
        let new = Node { key, stage: Stage::Open, at_ns, value: Some(value) };
        let place = self.free;
        if let (Some(node), Some(link)) =
            (self.nodes.get_mut(place), self.links.get(place as usize))
        {
            self.free = link.after;
            *node = new;
            self.link(place, Stage::Open);
            self.enter(place, hash);
            return place;
        }
        let place = self.nodes.push(new);
        self.links.push(Link { before: NONE, after: NONE });
        self.link(place, Stage::Open);
        self.enter(place, hash);
        place
    }

    /// A packet came: it goes to the end of its queue, or of another.
    #[inline]
    pub fn touch(&mut self, place: u32, stage: Stage, at_ns: i64) {
        let Some(node) = self.nodes.get_mut(place) else { return };
        node.at_ns = node.at_ns.max(at_ns);
        let before = std::mem::replace(&mut node.stage, stage);
        if before == stage && self.queue(stage).last == place {
            return;
        }
        self.unlink(place, before);
        self.link(place, stage);
    }

    /// Takes out a connection.
    pub fn remove(&mut self, place: u32) -> Option<(Key, T)> {
        let node = self.nodes.get_mut(place)?;
        let (key, stage) = (node.key, node.stage);
        let value = node.value.take()?;
        self.unlink(place, stage);
        if let Ok(entry) = self.index.find_entry(key.hash(self.seed), |held| *held == place) {
            entry.remove();
        }
        if let Some(link) = self.links.get_mut(place as usize) {
            link.after = self.free;
        }
        self.free = place;
        self.held -= 1;
        Some((key, value))
    }

    /// Takes out the connection of a queue that was quiet longest, if that was before `until_ns`.
    pub fn pop(&mut self, stage: Stage, until_ns: i64) -> Option<(Key, T)> {
        let first = self.quietest(stage, until_ns)?;
        self.remove(first)
    }

    /// What is held of the connection of a queue that was quiet longest, if that was before `until_ns`. It goes to the end of
    /// another queue, whose connections were quiet longer.
    pub fn pass_on(&mut self, from: Stage, until_ns: i64, to: Stage) -> Option<(&Key, &mut T)> {
        let first = self.quietest(from, until_ns)?;
        self.unlink(first, from);
        self.nodes.get_mut(first)?.stage = to;
        self.link(first, to);
        let node = self.nodes.get_mut(first)?;
        Some((&node.key, node.value.as_mut()?))
    }

    /// Takes out one to make room: one that is over, if there is any.
    pub fn evict(&mut self) -> Option<(Key, T)> {
        [Stage::Settled, Stage::Over, Stage::Open]
            .into_iter()
            .find_map(|stage| self.pop(stage, i64::MAX))
    }

    fn quietest(&self, stage: Stage, until_ns: i64) -> Option<u32> {
        let [open, over, settled] = self.queues;
        let first = match stage {
            Stage::Open => open.first,
            Stage::Over => over.first,
            Stage::Settled => settled.first,
        };
        self.nodes.get(first).filter(|node| node.at_ns < until_ns)?;
        Some(first)
    }

    fn enter(&mut self, place: u32, hash: u64) {
        let (nodes, seed) = (&self.nodes, self.seed);
        let rehash = |place: &u32| nodes.get(*place).map_or(0, |node| node.key.hash(seed));
        self.index.insert_unique(hash, place, rehash);
        self.held += 1;
    }

    #[inline]
    fn queue(&mut self, stage: Stage) -> &mut Queue {
        let [open, over, settled] = &mut self.queues;
        match stage {
            Stage::Open => open,
            Stage::Over => over,
            Stage::Settled => settled,
        }
    }

    /// Puts a place at the end of a queue.
    #[inline]
    fn link(&mut self, place: u32, stage: Stage) {
        let last = std::mem::replace(&mut self.queue(stage).last, place);
        match self.links.get_mut(last as usize) {
            Some(before) => before.after = place,
            None => self.queue(stage).first = place,
        }
        if let Some(link) = self.links.get_mut(place as usize) {
            *link = Link { before: last, after: NONE };
        }
    }

    /// Takes a place out of the queue that it is in.
    #[inline]
    fn unlink(&mut self, place: u32, stage: Stage) {
        let Some(Link { before, after }) = self.links.get(place as usize).copied() else { return };
        match self.links.get_mut(before as usize) {
            Some(link) => link.after = after,
            None => self.queue(stage).first = after,
        }
        match self.links.get_mut(after as usize) {
            Some(link) => link.before = before,
            None => self.queue(stage).last = before,
        }
    }
}

/// Nodes in blocks, so that nothing is copied when more are needed, and no more is held than is used.
#[derive(Debug)]
struct Nodes<T> {
    blocks: Vec<Vec<Node<T>>>,
}

impl<T> Nodes<T> {
    /// As many as fit 64 KiB, which allocators hand out without loss.
    const BLOCK: usize = (64 << 10) / size_of::<Node<T>>();

    #[inline]
    fn get(&self, place: u32) -> Option<&Node<T>> {
        self.blocks.get(place as usize / Self::BLOCK)?.get(place as usize % Self::BLOCK)
    }

    #[inline]
    fn get_mut(&mut self, place: u32) -> Option<&mut Node<T>> {
        self.blocks.get_mut(place as usize / Self::BLOCK)?.get_mut(place as usize % Self::BLOCK)
    }

    fn push(&mut self, node: Node<T>) -> u32 {
        if self.blocks.last().is_none_or(|block| block.len() == Self::BLOCK) {
            // The first is small: most captures have few connections.
            let room = if self.blocks.is_empty() { 0 } else { Self::BLOCK };
            self.blocks.push(Vec::with_capacity(room));
        }
        let before = (self.blocks.len() - 1) * Self::BLOCK;
        let Some(last) = self.blocks.last_mut() else { return NONE };
        last.push(node);
        (before + last.len() - 1) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u16) -> Key {
        sought(&Table::<u16>::new(1, 0), n).key
    }

    fn sought(table: &Table<u16>, n: u16) -> Sought {
        let server = "192.0.2.1:80".parse().unwrap();
        table.sought(SocketAddr::new([10, 0, 0, 1].into(), n), server)
    }

    fn insert(table: &mut Table<u16>, n: u16, value: u16, at_ns: i64) -> u32 {
        let sought = sought(table, n);
        table.insert(&sought, value, at_ns)
    }

    fn find(table: &Table<u16>, n: u16) -> Option<u32> {
        table.find(&sought(table, n))
    }

    #[test]
    fn the_one_that_was_quiet_longest_goes_first() {
        let mut table = Table::new(3, 0);
        let places: Vec<u32> =
            (0..3).map(|n| insert(&mut table, n, n, i64::from(n) * 10)).collect();
        assert!(table.is_full());
        table.touch(places[0], Stage::Open, 30);
        assert_eq!(table.pop(Stage::Open, 10).map(|it| it.1), None);
        assert_eq!(table.pop(Stage::Open, 11).map(|it| it.1), Some(1));
        assert_eq!((find(&table, 1), table.len()), (None, 2));
        // Those that are over make room first.
        table.touch(places[0], Stage::Over, 40);
        assert_eq!(table.evict().map(|it| it.1), Some(0));
        assert_eq!(table.evict().map(|it| it.1), Some(2));
        assert!(table.evict().is_none() && table.is_empty());
    }

    #[test]
    fn what_is_over_settles_and_comes_back() {
        let mut table = Table::new(4, 0);
        let places: Vec<u32> =
            (0..4).map(|n| insert(&mut table, n, n, i64::from(n) * 10)).collect();
        for n in [0, 1, 2] {
            table.touch(places[n], Stage::Over, 100 + n as i64 * 10);
        }
        let mut settled = Vec::new();
        while let Some((of, value)) = table.pass_on(Stage::Over, 115, Stage::Settled) {
            settled.push((*of, *value));
        }
        assert_eq!(settled, [(key(0), 0), (key(1), 1)]);
        // A late packet: it is as over as those that are not settled.
        table.touch(places[0], Stage::Over, 130);
        assert_eq!(table.pop(Stage::Settled, i64::MAX).map(|it| it.1), Some(1));
        assert_eq!(table.pop(Stage::Settled, i64::MAX), None);
        assert_eq!(table.pop(Stage::Over, i64::MAX).map(|it| it.1), Some(2));
        assert_eq!(table.evict().map(|it| it.1), Some(0));
        assert_eq!(table.evict().map(|it| it.1), Some(3));
    }

    #[test]
    fn there_are_as_many_as_there_is_room_for() {
        let mut table = Table::new(5000, 3);
        let places: Vec<u32> = (0..5000).map(|n| insert(&mut table, n, n, i64::from(n))).collect();
        assert!(table.is_full());
        assert!(places.iter().enumerate().all(|(n, place)| *place == n as u32));
        for n in (0..5000_u16).step_by(499) {
            let place = find(&table, n).unwrap();
            assert_eq!(table.remove(place).map(|it| it.1), Some(n));
        }
        assert_eq!((table.len(), table.evict().map(|it| it.1)), (4989, Some(1)));
    }

    #[test]
    fn places_are_used_again_and_keys_found() {
        let mut table = Table::new(1000, 5);
        for round in 0..5_u16 {
            for n in 0..1000 {
                insert(&mut table, round * 1000 + n, n, i64::from(n));
            }
            for n in 0..1000 {
                let place = find(&table, round * 1000 + n).unwrap();
                assert_eq!(table.value(place), Some(&mut n.clone()));
                if n % 2 == 0 {
                    table.touch(place, Stage::Over, 0);
                }
            }
            while table.evict().is_some() {}
        }
        assert_eq!(table.nodes.blocks.iter().map(Vec::len).sum::<usize>(), 1000);
    }
}
