//! How the connections of one client, server and port went, by the name asked for.

use super::Ended;
use crate::tamper::finding::{Trigger, TriggerKind};

/// Names, at most [`MAX_NAMES`], each with a few of its connections.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// In the order of the names.
    all: Vec<(Box<str>, Name)>,
}

/// What is remembered of a name.
#[derive(Debug, Default)]
pub(super) struct Name {
    /// Connections that were answered.
    pub(super) answered: u32,
    /// Of those the last one that asked for a name.
    pub(super) control: Option<Control>,
    /// Those that were not: most names have none.
    pub(super) odd: Option<Box<Odd>>,
}

/// A connection that was answered, without the name, which it is kept under.
#[derive(Debug, Clone, Copy)]
pub(super) struct Control {
    kind: TriggerKind,
    /// Packet that asked for the name.
    packet: u64,
    /// Time of its first packet, ns since 1970.
    pub(super) at_ns: i64,
}

impl Control {
    /// What it asked for.
    pub(super) fn trigger(&self, name: &str) -> Trigger {
        Trigger { kind: self.kind, value: name.to_owned(), packet: self.packet }
    }
}

/// What is remembered of connections that had no answer.
#[derive(Debug, Default)]
pub(super) struct Odd {
    /// Connections that had silence, the first few, and how many there were.
    pub(super) silent: Vec<Ended>,
    pub(super) silent_count: u32,
    /// Connections whose request was not repeated, the first few, and how many there were.
    pub(super) alone: Vec<Ended>,
    pub(super) alone_count: u32,
    /// When the last of both ended, ns since 1970.
    pub(super) last_ns: i64,
    /// Connections that were silent after an injected reset.
    pub(super) after_reset: Vec<Ended>,
    /// Connections whose answer ended after so much as some filters let pass, the first few.
    pub(super) stalled: Vec<Ended>,
    /// SYNs without an answer.
    pub(super) syn: Option<Ended>,
}

impl Names {
    pub(super) fn put(&mut self, ended: Ended) {
        let name = ended.trigger.as_ref().map_or("", |trigger| &trigger.value);
        let at = match self.all.binary_search_by(|(other, _)| (**other).cmp(name)) {
            Ok(at) => at,
            Err(_) if self.all.len() >= MAX_NAMES => return,
            Err(at) => {
                if self.all.len() == self.all.capacity() {
                    // Most have one name.
                    self.all.reserve_exact(self.all.len().max(1));
                }
                self.all.insert(at, (name.into(), Name::default()));
                at
            }
        };
        if let Some((_, entry)) = self.all.get_mut(at) {
            entry.put(ended);
        }
    }

    /// The names, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Name)> {
        self.all.iter().map(|(name, entry)| (&**name, entry))
    }

    /// True if any connection had no answer.
    pub(super) fn has_odd(&self) -> bool {
        self.all.iter().any(|(_, entry)| entry.odd.is_some())
    }

    pub(super) fn memory(&self) -> usize {
        let odd = self.all.iter().filter_map(|(_, entry)| entry.odd.as_ref());
        let kept = odd.map(|it| {
            let ended = it.silent.capacity()
                + it.alone.capacity()
                + it.after_reset.capacity()
                + it.stalled.capacity();
            ended * size_of::<Ended>() + size_of::<Odd>()
        });
        kept.sum::<usize>() + self.all.capacity() * (size_of::<(Box<str>, Name)>() + 64)
    }
}

impl Name {
    fn put(&mut self, ended: Ended) {
        let is_odd =
            ended.injected_reset && ended.repeated >= MIN_AFTER_RESET || ended.is_stalled();
        if !is_odd && ended.server_payload > 0 {
            self.answered += 1;
            if let Some(Trigger { kind, packet, .. }) = ended.trigger {
                self.control = Some(Control { kind, packet, at_ns: ended.first.1 });
            }
        } else {
            self.odd.get_or_insert_default().put(ended);
        }
    }
}

impl Odd {
    fn put(&mut self, ended: Ended) {
        let keep = |list: &mut Vec<Ended>, mut ended: Ended| {
            if list.len() < MAX_KEPT {
                ended.unanswered.truncate(MAX_PACKETS);
                list.reserve_exact(1);
                list.push(ended);
            }
        };
        if ended.injected_reset && ended.repeated >= MIN_AFTER_RESET {
            keep(&mut self.after_reset, ended);
        } else if ended.is_stalled() {
            keep(&mut self.stalled, ended);
        } else if ended.is_silent() {
            self.silent_count += 1;
            self.last_ns = self.last_ns.max(ended.last_ns);
            keep(&mut self.silent, ended);
        } else if ended.is_unanswered() && !ended.server_fin {
            self.alone_count += 1;
            self.last_ns = self.last_ns.max(ended.last_ns);
            keep(&mut self.alone, ended);
        } else if !ended.handshake && !ended.reset && ended.repeated >= 2 && self.syn.is_none() {
            self.syn = Some(ended);
        }
    }
}

/// Repeats after a reset: the first may have crossed it.
const MIN_AFTER_RESET: u32 = 2;
const MAX_NAMES: usize = 64;
const MAX_KEPT: usize = 8;
const MAX_PACKETS: usize = 8;
