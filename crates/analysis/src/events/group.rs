//! Bouts of single targets into events: what began together, in the same networks, by the same means, is one.
//!
//! Two targets belong together where their starts can have been the same moment (each lies between the last measurement
//! before it and the first after it; [`Settings::at_once_h`] is added), most of the evidence names the same mechanism, the networks of
//! which both say something agree, and neither was seen blocked long after the other was over. The most exact starts come first;
//! a target with a vague start joins the event that has most targets of those it fits.
//!
//! Cannot tell apart: two orders that were carried out in the same hours, in the same networks, by the same means.

use std::collections::BTreeMap;

use super::event::event;
use super::features::{Features, by_network, could, roll_out, start};
use super::lists::{Density, is_beyond_chance, lists};
use super::report::{Country, Event, Span};
use super::settings::Settings;
use super::target::{Bout, NETWORKS_NEEDED};

/// Targets that belong together.
pub(super) struct Group {
    pub(super) bouts: Vec<Bout>,
    pub(super) start: Span,
    pub(super) features: Features,
}

/// Groups bouts, and lets hints join what they fit.
pub(super) fn group(bouts: Vec<Bout>, hints: Vec<Bout>, settings: &Settings) -> Vec<Event> {
    let mut sorted: Vec<(Span, Bout)> =
        bouts.into_iter().map(|bout| (start(&bout), bout)).collect();
    sorted.sort_by_key(|(span, bout)| {
        let first = bout.spells.first().map(|spell| (spell.target, spell.country, spell.asn));
        (span.to.saturating_sub(span.from), *span, first)
    });
    let mut groups = Groups::default();
    for (span, bout) in sorted {
        let features = Features::new(&bout, settings);
        match groups.fit(span, &features, settings) {
            Some(at) => groups.join(at, span, (bout, features)),
            None => groups.open(span, bout, features),
        }
    }
    groups.hints(hints, settings);
    groups.merge(settings);
    let mut events: Vec<Event> =
        groups.all.into_iter().map(|group| event(group.bouts, group.start, settings)).collect();
    events.sort_by(|a, b| (a.start.at_s, a.country, &a.id).cmp(&(b.start.at_s, b.country, &b.id)));
    events
}

/// Groups, and which of them began on which day.
#[derive(Default)]
pub(super) struct Groups {
    pub(super) all: Vec<Group>,
    days: BTreeMap<(Country, i64), Vec<usize>>,
}

impl Groups {
    /// The group with most targets that a bout fits.
    fn fit(&self, span: Span, features: &Features, settings: &Settings) -> Option<usize> {
        let near = settings.at_once_h * 3_600;
        self.near((span, near), features, near).max_by_key(|at| (self.size(*at), usize::MAX - at))
    }

    /// Groups that began so near a span and that something fits.
    fn near<'g>(
        &'g self,
        (span, near): (Span, i64),
        features: &'g Features,
        ends_near: i64,
    ) -> impl Iterator<Item = usize> + 'g {
        let days = (span.from.saturating_sub(near), span.to.saturating_add(near));
        self.began(features.country, days).filter(move |at| {
            self.all.get(*at).is_some_and(|group| {
                group.start.gap(span) <= near && group.features.fits(features, ends_near)
            })
        })
    }

    /// Groups of a country that were opened with a start between two moments, or on the days before and after.
    pub(super) fn began(
        &self,
        country: Country,
        (from_s, to_s): (i64, i64),
    ) -> impl Iterator<Item = usize> {
        let (first, last) = (from_s.div_euclid(DAY_S) - 1, to_s.div_euclid(DAY_S) + 1);
        self.days.range((country, first)..=(country, last)).flat_map(|(_, all)| all).copied()
    }

    fn size(&self, at: usize) -> usize {
        self.all.get(at).map_or(0, |group| group.bouts.len())
    }

    /// Lets small groups whose start is a little off join one of at least twice their size, and those that are a part of another
    /// join that: one start in twenty is not where its series puts it.
    fn merge(&mut self, settings: &Settings) {
        let mut of_target: BTreeMap<(Country, u32), Vec<usize>> = BTreeMap::new();
        for (at, group) in self.all.iter_mut().enumerate() {
            group.features = Features::of_all(&group.bouts, settings);
            for spell in group.bouts.iter().filter_map(|bout| bout.spells.first()) {
                of_target.entry((spell.country, spell.target)).or_default().push(at);
            }
        }
        self.fill_lists(settings);
        let mut order: Vec<usize> = (0..self.all.len()).collect();
        order.sort_by_key(|at| (self.size(*at), *at));
        for at in order {
            let Some(into) = self
                .larger(at, settings)
                .or_else(|| self.whole(at, &of_target))
                .or_else(|| self.list(at))
                .or_else(|| self.rolled_out(at))
            else {
                continue;
            };
            let group = self.all.get_mut(at);
            let bouts = group.map(|group| std::mem::take(&mut group.bouts)).unwrap_or_default();
            for bout in bouts {
                let features = Features::new(&bout, settings);
                self.join(into, start(&bout), (bout, features));
            }
        }
        self.hand_over(settings);
        // Those that joined others are left empty.
        self.all.retain(|group| !group.bouts.is_empty());
        self.days.clear();
    }

    /// Lets names of small groups join a list that they fit and can have begun with, though by themselves they began at another moment: of
    /// hundreds of starts, some are not where their series put them.
    fn fill_lists(&mut self, settings: &Settings) {
        let near = settings.at_once_h * 3_600;
        let lists: Vec<usize> =
            (0..self.all.len()).filter(|at| self.size(*at) >= 4 * A_LIST).collect();
        for at in 0..self.all.len() {
            let fitting: Vec<usize> = lists
                .iter()
                .copied()
                .filter(|list| *list != at && self.size(*list) >= 4 * self.size(at))
                .collect();
            let Some(group) = self.all.get_mut(at).filter(|_| !fitting.is_empty()) else {
                continue;
            };
            let bouts = std::mem::take(&mut group.bouts);
            let mut left = Vec::new();
            for bout in bouts {
                let features = Features::new(&bout, settings);
                let list = fitting.iter().copied().filter(|list| {
                    self.all.get(*list).is_some_and(|list| {
                        could(&bout, list.start, near) && list.features.fits(&features, 30 * DAY_S)
                    })
                });
                match list.max_by_key(|list| (self.size(*list), usize::MAX - list)) {
                    Some(list) => self.join(list, start(&bout), (bout, features)),
                    None => left.push(bout),
                }
            }
            if let Some(group) = self.all.get_mut(at) {
                group.bouts = left;
            }
        }
        for group in self.all.iter_mut().filter(|group| !group.bouts.is_empty()) {
            let first =
                group.bouts.iter().map(start).min_by_key(|span| (span.days() as i64, *span));
            group.start =
                group.bouts.iter().map(start).fold(first.unwrap_or(group.start), |all, span| {
                    if all.gap(span) == 0 { all.both(span) } else { all }
                });
            group.features = Features::of_all(&group.bouts, settings);
        }
    }

    /// A group that a smaller one fits but for its start.
    fn larger(&self, at: usize, settings: &Settings) -> Option<usize> {
        let group = self.all.get(at).filter(|group| !group.bouts.is_empty())?;
        let near = 4 * settings.at_once_h * 3_600;
        // Starts of names that are seldom measured are days wide, and long lists leave some behind.
        let early = 2 * settings.roll_out_h * 3_600;
        let others = self.near((group.start, early), &group.features, near);
        let larger = others.filter(|other| {
            let size = self.size(*other);
            let is_near = self.all.get(*other).is_some_and(|other| {
                other.start.gap(group.start) <= near
                    && group.bouts.iter().all(|bout| could(bout, other.start, near / 4))
            });
            let is_list = size >= 2 * A_LIST && group.features.networks.len() == 1;
            *other != at && size >= 2 * self.size(at) && (is_near || is_list)
        });
        larger.max_by_key(|other| (self.size(*other), usize::MAX - other))
    }

    /// A list of the same network and means, where neither start nor end of a few seldom measured names is known well.
    fn list(&self, at: usize) -> Option<usize> {
        let group = self.all.get(at).filter(|group| group.features.networks.len() == 1)?;
        let is_vague = group.start.days() >= 0.5 && group.bouts.len() < 2 * A_LIST;
        let others = self.near((group.start, 4 * DAY_S), &group.features, 30 * DAY_S);
        let lists = others.filter(|other| {
            let is_one =
                self.all.get(*other).is_some_and(|other| other.features.networks.len() == 1);
            *other != at && is_one && is_vague && self.size(*other) >= 2 * A_LIST
        });
        lists.max_by_key(|other| (self.size(*other), usize::MAX - other))
    }

    /// A group by the same means in many networks, with which this one can have begun in three in four of those of both: one order is carried out by each
    /// network for all of its names at once, whenever that is.
    fn rolled_out(&self, at: usize) -> Option<usize> {
        let rank = |at: usize| {
            let networks = self.all.get(at).map_or(0, |group| group.features.networks.len());
            (self.size(at), networks, usize::MAX - at)
        };
        let group = self.all.get(at).filter(|group| !group.bouts.is_empty())?;
        if group.features.networks.len() < NETWORKS_NEEDED {
            return None;
        }
        let ours = by_network(&group.bouts);
        let others = self.near((group.start, 4 * DAY_S), &group.features, DAY_S / 2);
        let same = others.filter(|other| *other != at && rank(*other) > rank(at)).filter(|other| {
            let Some(other) = self.all.get(*other) else { return false };
            // Another name's first sight is not before the roll-out, nor after it.
            let within = roll_out(&other.bouts).unwrap_or(other.start);
            if other.features.networks.len() < A_LIST || within.gap(group.start) > APART_S {
                return false;
            }
            let theirs = by_network(&other.bouts);
            let (mut both, mut apart) = (0, 0);
            for (asn, span) in &ours {
                let Some(their) = theirs.get(asn) else { continue };
                both += 1;
                apart += usize::from(span.gap(*their) > APART_S);
            }
            both >= NETWORKS_NEEDED && 4 * apart <= both
        });
        same.max_by_key(|other| rank(*other))
    }

    /// A group of the same target, networks and means that one target's group lies within.
    fn whole(&self, at: usize, of_target: &BTreeMap<(Country, u32), Vec<usize>>) -> Option<usize> {
        let group = self.all.get(at).filter(|group| group.bouts.len() == 1)?;
        let spell = group.bouts.first()?.spells.first()?;
        let same = of_target.get(&(spell.country, spell.target))?;
        same.iter().copied().find(|other| {
            let Some(whole) = self.all.get(*other).filter(|_| *other != at) else { return false };
            let over = whole.features.end.map_or(i64::MAX, |end| end.to);
            !whole.bouts.is_empty()
                && whole.features.is_by_the_means_of(&group.features)
                && whole.features.networks.is_superset(&group.features.networks)
                && whole.start.from <= group.start.from
                && group.start.to < over
        })
    }

    fn open(&mut self, span: Span, bout: Bout, features: Features) {
        let day = span.to.div_euclid(DAY_S);
        self.days.entry((features.country, day)).or_default().push(self.all.len());
        self.all.push(Group { bouts: vec![bout], start: span, features });
    }

    fn join(&mut self, at: usize, span: Span, (bout, theirs): (Bout, Features)) {
        let Some(group) = self.all.get_mut(at) else { return };
        if group.start.gap(span) == 0 {
            group.start = group.start.both(span);
        }
        group.features.networks.extend(theirs.networks);
        group.features.end = group.features.end.or(theirs.end);
        group.features.last_blocked_s = group.features.last_blocked_s.max(theirs.last_blocked_s);
        group.bouts.push(bout);
    }

    /// Cells with a little evidence of their own join an event of other targets that they fit, where more of them do than by
    /// chance. Where enough of them fit each other, they are an event without one.
    fn hints(&mut self, hints: Vec<Bout>, settings: &Settings) {
        let mut alone: Vec<Bout> = Vec::new();
        let mut joining: BTreeMap<usize, Vec<Bout>> = BTreeMap::new();
        let density = Density::new(&hints);
        let seen = |bout: &Bout| bout.spells.iter().any(|spell| spell.start.after_s.is_some());
        for bout in hints.into_iter().filter(seen) {
            match self.fit(start(&bout), &Features::new(&bout, settings), settings) {
                Some(at) => joining.entry(at).or_default().push(bout),
                None => alone.push(bout),
            }
        }
        for (at, bouts) in joining {
            let Some(group) = self.all.get(at) else { continue };
            let own: f64 = bouts.iter().map(|bout| start(bout).days()).sum();
            let expected = density.at_once(&group.features, own);
            // What is a list already may well be a longer one.
            let times =
                if group.bouts.len() >= A_LIST { 20.0 } else { 1.0 / settings.false_changes };
            if is_beyond_chance(bouts.len(), expected, times) {
                for bout in bouts {
                    let features = Features::new(&bout, settings);
                    self.join(at, start(&bout), (bout, features));
                }
            }
        }
        for bouts in lists(alone, settings) {
            let Some(first) = bouts.first() else { continue };
            let features = Features::new(first, settings);
            self.open(start(first), first.clone(), features);
            let at = self.all.len() - 1;
            for bout in bouts.into_iter().skip(1) {
                let features = Features::new(&bout, settings);
                self.join(at, start(&bout), (bout, features));
            }
        }
    }
}

const DAY_S: i64 = 86_400;
/// Seconds by which what one order did in a network is seen apart: six hours.
const APART_S: i64 = 21_600;
/// Targets from which a group is a list.
pub(super) const A_LIST: usize = 5;
