//! What is in force on a network and a target at a time: the plan, as the drawing of rows asks for it.

use std::collections::BTreeMap;

use wirewitness_model::verdict::Mechanism;

use super::truth::{Kind, NonEvent, NonEventKind, Planted, Truth};

/// The plan by target and by network. Its size is that of the plan.
#[derive(Debug)]
pub(super) struct Forces<'a> {
    events: Vec<Event<'a>>,
    /// Events on single targets, by target.
    few: BTreeMap<u32, Vec<usize>>,
    /// Events on wide ranges.
    wide: Vec<usize>,
    /// Shutdowns.
    cuts: Vec<usize>,
    /// CDN moves and server outages, by target.
    troubles: BTreeMap<u32, Vec<&'a NonEvent>>,
    controls: Vec<&'a NonEvent>,
    of_networks: BTreeMap<u32, Vec<&'a NonEvent>>,
}

/// An event, with the network's part of it at hand.
#[derive(Debug)]
struct Event<'a> {
    planted: &'a Planted,
    spells: BTreeMap<u32, usize>,
}

impl Event<'_> {
    fn in_force(&self, asn: u32, at_s: i64) -> Option<Mechanism> {
        let spell = self.planted.networks.get(*self.spells.get(&asn)?)?;
        self.planted.on(spell, at_s)
    }
}

impl<'a> Forces<'a> {
    pub(super) fn new(truth: &'a Truth) -> Self {
        let mut forces = Self {
            events: Vec::new(),
            few: BTreeMap::new(),
            wide: Vec::new(),
            cuts: Vec::new(),
            troubles: BTreeMap::new(),
            controls: Vec::new(),
            of_networks: BTreeMap::new(),
        };
        for planted in &truth.events {
            forces.event(planted);
        }
        for non_event in &truth.non_events {
            forces.non_event(non_event);
        }
        forces
    }

    fn event(&mut self, planted: &'a Planted) {
        let at = self.events.len();
        let spells = planted.asns().enumerate().map(|(at, asn)| (asn, at)).collect();
        self.events.push(Event { planted, spells });
        if planted.kind == Kind::Shutdown {
            self.cuts.push(at);
            return;
        }
        let mut is_wide = false;
        for &(first, last) in planted.targets.ranges() {
            if last - first >= FEW {
                is_wide = true;
                continue;
            }
            for target in first..=last {
                self.few.entry(target).or_default().push(at);
            }
        }
        if is_wide {
            self.wide.push(at);
        }
    }

    fn non_event(&mut self, non_event: &'a NonEvent) {
        match non_event.kind {
            NonEventKind::ControlOutage => self.controls.push(non_event),
            NonEventKind::CdnMove | NonEventKind::ServerOutage => {
                for &(first, last) in non_event.targets.ranges() {
                    for target in first..=last {
                        self.troubles.entry(target).or_default().push(non_event);
                    }
                }
            }
            NonEventKind::BrokenResolver | NonEventKind::VolumeDip => {
                for asn in &non_event.networks {
                    self.of_networks.entry(*asn).or_default().push(non_event);
                }
            }
            // These are faults of volunteers, who carry them.
            _ => {}
        }
    }

    /// The block that holds for a target there and then, and what it does. Where several lists have it, the first
    /// planted.
    pub(super) fn block(
        &self,
        (asn, target): (u32, u32),
        at_s: i64,
    ) -> Option<(&'a Planted, Mechanism)> {
        let few = self.few.get(&target).into_iter().flatten();
        let wide = self.wide.iter().filter(|at| {
            self.events.get(**at).is_some_and(|event| event.planted.targets.contains(target))
        });
        let mut held = few.chain(wide).filter_map(|at| {
            let event = self.events.get(*at)?;
            Some((event.planted, event.in_force(asn, at_s)?))
        });
        held.next()
    }

    /// How many of a hundred measurements are not made on that network because it is cut off.
    pub(super) fn cut_percent(&self, asn: u32, at_s: i64) -> Option<u32> {
        let mut cuts = self.cuts.iter().filter_map(|at| self.events.get(*at));
        let cut = cuts.find(|event| event.in_force(asn, at_s).is_some())?;
        Some(cut.planted.share_percent)
    }

    /// When the shutdown of that network that is on then is over.
    pub(super) fn cut_ends(&self, asn: u32, at_s: i64) -> Option<i64> {
        let mut cuts = self.cuts.iter().filter_map(|at| self.events.get(*at));
        let cut = cuts.find(|event| event.in_force(asn, at_s).is_some())?;
        cut.planted.networks.get(*cut.spells.get(&asn)?)?.end_s
    }

    /// A trouble of the target itself.
    pub(super) fn trouble(&self, target: u32, at_s: i64) -> Option<NonEventKind> {
        let mut on = self.troubles.get(&target)?.iter().filter(|it| covers(it, at_s));
        on.next().map(|it| it.kind)
    }

    /// True where nobody gets a control.
    pub(super) fn without_control(&self, at_s: i64) -> bool {
        self.controls.iter().any(|it| covers(it, at_s))
    }

    /// True where that trouble of the network is on.
    pub(super) fn of_network(&self, kind: NonEventKind, (asn, at_s): (u32, i64)) -> bool {
        let all = self.of_networks.get(&asn).into_iter().flatten();
        all.into_iter().any(|it| it.kind == kind && covers(it, at_s))
    }
}

fn covers(non_event: &NonEvent, at_s: i64) -> bool {
    (non_event.start_s..non_event.end_s).contains(&at_s)
}

/// Ranges of so many targets or more are asked for by search, not listed by target.
const FEW: u32 = 8;
