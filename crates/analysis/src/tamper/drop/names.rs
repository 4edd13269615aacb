//! How the connections of one client, server and port went, by the name asked for.

use std::collections::BTreeMap;

use super::Ended;
use crate::tamper::finding::Trigger;

/// Names, at most [`MAX_NAMES`], each with a few of its connections.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) all: BTreeMap<String, Name>,
}

/// What is remembered of a name.
#[derive(Debug, Default)]
pub(super) struct Name {
    /// Connections that were answered.
    pub(super) answered: u32,
    /// First packet of one that was answered, with its time: the last one.
    pub(super) control: Option<(Trigger, i64)>,
    /// Connections that had silence, the first few.
    pub(super) silent: Vec<Ended>,
    /// Connections whose request was not repeated.
    pub(super) alone: Vec<Ended>,
    /// Connections that were silent after an injected reset.
    pub(super) after_reset: Vec<Ended>,
    /// SYNs without an answer.
    pub(super) syn: Option<Ended>,
}

impl Names {
    pub(super) fn put(&mut self, ended: Ended) {
        let name = ended.trigger.as_ref().map_or("", |trigger| &trigger.value);
        if !self.all.contains_key(name) {
            if self.all.len() >= MAX_NAMES {
                return;
            }
            self.all.insert(name.to_owned(), Name::default());
        }
        if let Some(entry) = self.all.get_mut(name) {
            entry.put(ended);
        }
    }

    pub(super) fn memory(&self) -> usize {
        let names = self.all.values();
        let kept =
            names.map(|it| it.silent.capacity() + it.alone.capacity() + it.after_reset.capacity());
        kept.sum::<usize>() * size_of::<Ended>() + self.all.len() * (size_of::<Name>() + 64)
    }
}

impl Name {
    fn put(&mut self, ended: Ended) {
        let keep = |list: &mut Vec<Ended>, mut ended: Ended| {
            if list.len() < MAX_KEPT {
                ended.unanswered.truncate(MAX_PACKETS);
                list.push(ended);
            }
        };
        if ended.injected_reset && ended.repeated > 0 {
            keep(&mut self.after_reset, ended);
        } else if ended.server_payload > 0 {
            self.answered += 1;
            if let Some(trigger) = ended.trigger {
                self.control = Some((trigger, ended.first.1));
            }
        } else if ended.is_silent() {
            keep(&mut self.silent, ended);
        } else if ended.is_unanswered() {
            keep(&mut self.alone, ended);
        } else if !ended.handshake && !ended.reset && ended.repeated >= 2 && self.syn.is_none() {
            self.syn = Some(ended);
        }
    }
}

const MAX_NAMES: usize = 64;
const MAX_KEPT: usize = 8;
const MAX_PACKETS: usize = 8;
