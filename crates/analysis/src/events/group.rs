//! Bouts of single targets into events: what began together, in the same networks, by the same means, is one.
//!
//! Two targets belong together where their starts can have been the same moment (each lies between the last measurement
//! before it and the first after it; [`Settings::at_once_h`] is added), most of the evidence names the same mechanism, the networks of
//! which both say something agree, and neither was seen blocked long after the other was over. The most exact starts come first;
//! a target with a vague start joins the event that has most targets of those it fits.
//!
//! Cannot tell apart: two orders that were carried out in the same hours, in the same networks, by the same means.

use std::collections::{BTreeMap, BTreeSet};

use wirewitness_model::verdict::{Confidence, Mechanism};

use super::report::{Basis, Country, Counts, Event, Kind, Span, Spell, Turn};
use super::settings::Settings;
use super::spell::{most, steps};
use super::target::Bout;

/// Targets that belong together.
struct Group {
    bouts: Vec<Bout>,
    start: Span,
    features: Features,
}

/// What a bout must share with others.
struct Features {
    country: Country,
    mechanism: Option<Mechanism>,
    networks: BTreeSet<u32>,
    against: BTreeSet<u32>,
    /// When it was over, as far as that is known.
    end: Option<Span>,
    last_blocked_s: i64,
    /// Times after that at which it could be used.
    tail: Vec<i64>,
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
struct Groups {
    all: Vec<Group>,
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
        let first = span.from.saturating_sub(near).div_euclid(DAY_S) - 1;
        let last = span.to.saturating_add(near).div_euclid(DAY_S) + 1;
        let country = features.country;
        let numbers =
            self.days.range((country, first)..=(country, last)).flat_map(|(_, all)| all).copied();
        numbers.filter(move |at| {
            self.all.get(*at).is_some_and(|group| {
                group.start.gap(span) <= near && group.features.fits(features, ends_near)
            })
        })
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
        let mut order: Vec<usize> = (0..self.all.len()).collect();
        order.sort_by_key(|at| (self.size(*at), *at));
        for at in order {
            let Some(into) = self.larger(at, settings).or_else(|| self.whole(at, &of_target))
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
        // Those that joined others are left empty.
        self.all.retain(|group| !group.bouts.is_empty());
        self.days.clear();
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
            let is_near =
                self.all.get(*other).is_some_and(|other| other.start.gap(group.start) <= near);
            let is_list = size >= 2 * A_LIST && group.features.networks.len() == 1;
            *other != at && size >= 2 * self.size(at) && (is_near || is_list)
        });
        larger.max_by_key(|other| (self.size(*other), usize::MAX - other))
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
                && whole.features.mechanism == group.features.mechanism
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

/// How many hints can have begun at any one moment, on average, by network and mechanism.
struct Density {
    covered: BTreeMap<(Country, u32, Option<Mechanism>), f64>,
    days: f64,
}

impl Density {
    fn new(hints: &[Bout]) -> Self {
        let hints: Vec<&Spell> = hints.iter().flat_map(|bout| &bout.spells).collect();
        let mut covered: BTreeMap<_, f64> = BTreeMap::new();
        for hint in &hints {
            *covered.entry((hint.country, hint.asn, hint.mechanism)).or_default() +=
                hint.began.days();
        }
        let first = hints.iter().map(|hint| hint.began.to).min().unwrap_or(0);
        let last = hints.iter().map(|hint| hint.began.to).max().unwrap_or(0);
        Self { covered, days: (last.saturating_sub(first) as f64 / DAY_S as f64).max(14.0) }
    }

    /// Without those that cover so many days themselves.
    fn at_once(&self, features: &Features, own: f64) -> f64 {
        let of = |asn: &u32| self.covered.get(&(features.country, *asn, features.mechanism));
        let all = features.networks.iter().filter_map(of).sum::<f64>();
        ((all - own) / self.days).max(0.5)
    }
}

/// Hints of one network and mechanism of which so many can have begun at one moment that chance does not explain it.
fn lists(hints: Vec<Bout>, settings: &Settings) -> Vec<Vec<Bout>> {
    let mut series: BTreeMap<(Country, u32, Option<Mechanism>), Vec<Bout>> = BTreeMap::new();
    for bout in hints {
        if let Some(spell) = bout.spells.first() {
            series.entry((spell.country, spell.asn, spell.mechanism)).or_default().push(bout);
        }
    }
    let mut lists = Vec::new();
    for (_, mut bouts) in series {
        bouts.sort_by_key(|bout| (start(bout), bout.spells.first().map(|spell| spell.target)));
        let days = days(&bouts);
        while let Some((span, n)) = fullest(&bouts) {
            // Hints of chance are spread over all the time; each covers some of it.
            let covered: f64 = bouts.iter().map(|bout| start(bout).days()).sum();
            let expected = (covered / days).max(1.0);
            if !is_beyond_chance(n, expected, days / settings.false_changes.max(f64::MIN_POSITIVE))
            {
                break;
            }
            let (list, rest) = bouts.into_iter().partition(|bout| start(bout).holds(span.from));
            let list: Vec<Bout> = list;
            lists.push(list);
            bouts = rest;
        }
    }
    lists
}

/// Days from the first to the last.
fn days(bouts: &[Bout]) -> f64 {
    let first = bouts.iter().map(|bout| start(bout).to).min().unwrap_or(0);
    let last = bouts.iter().map(|bout| start(bout).to).max().unwrap_or(0);
    ((last - first) as f64 / DAY_S as f64).max(14.0)
}

/// When most of them can have begun, and how many.
fn fullest(bouts: &[Bout]) -> Option<(Span, usize)> {
    let mut edges: Vec<(i64, i64)> = Vec::new();
    for bout in bouts {
        let span = start(bout);
        edges.extend([(span.from, 1), (span.to.max(span.from + 1), -1)]);
    }
    // At one moment ends come first.
    edges.sort_unstable();
    let (mut open, mut most, mut best) = (0_i64, 0, None);
    for (index, (from, step)) in edges.iter().enumerate() {
        open += step;
        if open > most {
            let to = edges.get(index + 1).map_or(*from, |(to, _)| *to);
            (most, best) = (open, Some(Span { from: *from, to }));
        }
    }
    best.map(|span| (span, most as usize))
}

/// Whether a Poisson variable of this mean is so large less than once in so many times (Chernoff's bound).
fn is_beyond_chance(n: usize, mean: f64, times: f64) -> bool {
    let n = n as f64;
    n >= 4.0 && n > mean && n * (n / mean).ln() - (n - mean) > times.ln()
}

impl Features {
    fn new(bout: &Bout, settings: &Settings) -> Self {
        let country = bout.spells.first().map_or(Country([0; 2]), |spell| spell.country);
        let last_blocked_s = nine_tenths_last(&bout.spells).unwrap_or(0);
        let tails = bout.spells.iter().flat_map(|spell| spell.tail.iter().copied());
        let tail = tails.filter(|at_s| *at_s > last_blocked_s).collect();
        let end = end(&bout.spells, settings).map(|turn| {
            let known =
                Span { from: turn.after_s.unwrap_or(turn.at_s).min(turn.at_s), to: turn.at_s };
            let ends = bout.spells.iter().filter_map(|spell| spell.over);
            ends.fold(known, |all, over| if all.gap(over) == 0 { all.both(over) } else { all })
        });
        Self {
            country,
            mechanism: most(&named(&bout.spells)),
            networks: bout.spells.iter().map(|spell| spell.asn).collect(),
            against: bout.against.iter().copied().collect(),
            end,
            last_blocked_s,
            tail,
        }
    }

    /// Of all targets of a group.
    fn of_all(bouts: &[Bout], settings: &Settings) -> Self {
        let spells = bouts.iter().flat_map(|bout| bout.spells.iter().cloned()).collect();
        let against = bouts.iter().flat_map(|bout| bout.against.iter().copied()).collect();
        Self::new(&Bout { spells, against }, settings)
    }

    /// Whether another bout can be of the same event. Near is in seconds.
    fn fits(&self, other: &Self, near: i64) -> bool {
        let ends = match (self.end, other.end) {
            (Some(ours), Some(theirs)) => ours.gap(theirs) <= 2 * near,
            (Some(ours), None) => other.lasts_until(ours, near),
            (None, Some(theirs)) => self.lasts_until(theirs, near),
            (None, None) => self.lasts_with(other) && other.lasts_with(self),
        };
        ends && self.mechanism == other.mechanism && self.agrees(other) && other.agrees(self)
    }

    /// Whether it can have ended then, though its end was not seen.
    fn lasts_until(&self, end: Span, near: i64) -> bool {
        let used = self.tail.iter().filter(|at_s| **at_s < end.from).count();
        self.last_blocked_s <= end.to + 2 * near && used < USED
    }

    /// Whether it can have lasted as long as another was seen blocked.
    fn lasts_with(&self, other: &Self) -> bool {
        self.tail.iter().filter(|at_s| **at_s < other.last_blocked_s).count() < USED
    }

    /// Of the networks of which the other says something, whether seven in ten are blocked there too.
    fn agrees(&self, other: &Self) -> bool {
        let both = self.networks.intersection(&other.networks).count();
        let not = self.networks.intersection(&other.against).count();
        both > 0 && 7 * not <= 3 * both
    }
}

/// Between which moments a bout began: what its first spells have in common.
fn start(bout: &Bout) -> Span {
    common(bout.spells.iter().map(|spell| spell.began)).unwrap_or_default()
}

/// What the first of some spans has in common with those that meet it.
fn common(spans: impl Iterator<Item = Span>) -> Option<Span> {
    let mut spans: Vec<Span> = spans.collect();
    spans.sort_by_key(|span| (span.to, span.from));
    let first = *spans.first()?;
    Some(
        spans
            .into_iter()
            .fold(first, |all, span| if all.gap(span) == 0 { all.both(span) } else { all }),
    )
}

/// When a set of spells was over: when most of them were, each by itself; else when all that could be used after nine
/// tenths of them were last seen blocked are together enough.
fn end(spells: &[Spell], settings: &Settings) -> Option<Turn> {
    let mut ends: Vec<Turn> = spells.iter().filter_map(|spell| spell.end).collect();
    ends.sort_by_key(|turn| (turn.at_s, turn.seen_s));
    let going_on = |at_s: i64| spells.iter().filter(|spell| spell.last_blocked_s > at_s).count();
    // The one in the middle: late ones are cells that are seldom measured.
    let middle = ends.get(ends.len() / 2).copied();
    if let Some(middle) = middle.filter(|_| 2 * ends.len() >= spells.len()) {
        let last_s = ends.last().map_or(middle.at_s, |turn| turn.at_s);
        if 5 * going_on(last_s) > spells.len() {
            return None;
        }
        let seen_s = ends.iter().map(|turn| turn.seen_s).min().unwrap_or(middle.seen_s);
        return Some(Turn { seen_s: seen_s.max(middle.at_s), ..middle });
    }
    let after_s = nine_tenths_last(spells)?;
    let mut said: Vec<(i64, f64)> = Vec::new();
    for spell in spells {
        let weight = -steps(spell, settings).1;
        let times =
            spell.tail.iter().copied().chain(spell.end.map(|end| end.at_s.max(after_s + 1)));
        said.extend(times.filter(|at_s| *at_s > after_s).map(|at_s| (at_s, weight)));
    }
    said.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let at_s = said.first()?.0;
    let mut sum = 0.0;
    let enough = settings.threshold(LEAST_A_YEAR * spells.len() as f64);
    let seen = said.into_iter().find(|(_, weight)| {
        sum += weight;
        sum >= enough
    });
    seen.map(|(seen_s, _)| Turn { after_s: Some(after_s), at_s, seen_s })
}

/// When the last of nine tenths of some spells was last seen blocked: one verdict in some is wrong.
fn nine_tenths_last(spells: &[Spell]) -> Option<i64> {
    let mut lasts: Vec<i64> = spells.iter().map(|spell| spell.last_blocked_s).collect();
    lasts.sort_unstable();
    lasts.get((9 * lasts.len()).div_ceil(10).saturating_sub(1)).copied()
}

fn named(spells: &[Spell]) -> Vec<(Mechanism, u32)> {
    let mut all: BTreeMap<Mechanism, u32> = BTreeMap::new();
    for (mechanism, n) in spells.iter().flat_map(|spell| &spell.named) {
        *all.entry(*mechanism).or_default() += n;
    }
    let mut named: Vec<(Mechanism, u32)> = all.into_iter().collect();
    named.sort_by_key(|(mechanism, n)| (u32::MAX - n, *mechanism));
    named
}

/// One event of what belongs together.
fn event(bouts: Vec<Bout>, start: Span, settings: &Settings) -> Event {
    // Of a list, where most of its starts meet; of a few, where the most exact ones do.
    let start = fullest(&bouts).filter(|_| bouts.len() >= A_LIST).map_or(start, |(span, _)| span);
    let against: BTreeSet<u32> =
        bouts.iter().flat_map(|bout| bout.against.iter().copied()).collect();
    let mut spells: Vec<Spell> = bouts.into_iter().flat_map(|bout| bout.spells).collect();
    spells.sort_by_key(|spell| (spell.target, spell.asn, spell.start));
    let mut counts = Counts::default();
    spells.iter().for_each(|spell| counts.add(spell.counts));
    let networks: BTreeSet<u32> = spells.iter().map(|spell| spell.asn).collect();
    let targets: BTreeSet<u32> = spells.iter().map(|spell| spell.target).collect();
    let voices = voices(&spells);
    let against: Vec<u32> = against.difference(&networks).copied().collect();
    let country = spells.first().map_or(Country([0; 2]), |spell| spell.country);
    let vantages = voices.len() as u32;
    Event {
        id: id(Kind::Block, country, seed(&spells)),
        kind: Kind::Block,
        country,
        start: began(&spells, start),
        end: end(&spells, settings),
        targets: targets.into_iter().collect(),
        country_wide: networks.len() >= 3
            && 5 * networks.len() >= 4 * (networks.len() + against.len()),
        mechanisms: named(&spells),
        confidence: confidence(counts, vantages, networks.len()),
        networks: networks.into_iter().collect(),
        networks_against: against,
        counts,
        vantages,
        spells,
    }
}

/// Its start, as exactly as all that began with it say, and the first alarm.
fn began(spells: &[Spell], span: Span) -> Turn {
    let firsts: Vec<&Spell> = spells.iter().filter(|spell| spell.began.gap(span) == 0).collect();
    // The likeliest moments of those of one start lie around it.
    let mut moments: Vec<i64> = firsts.iter().map(|spell| spell.start.at_s).collect();
    moments.sort_unstable();
    let likely = moments.get(moments.len() / 2).copied().unwrap_or(span.to);
    let at_s = likely.clamp(span.from.min(span.to), span.to);
    let afters = firsts.iter().filter_map(|spell| spell.start.after_s);
    let after_s = afters.filter(|after| *after <= at_s).max();
    let strong = spells.iter().filter(|spell| spell.basis <= Basis::Networks);
    let seen_s = strong.map(|spell| spell.start.seen_s).min();
    let seen_s =
        seen_s.or_else(|| spells.iter().map(|spell| spell.start.seen_s).max()).unwrap_or(at_s);
    Turn { after_s, at_s, seen_s }
}

/// Those who saw it. Hints count only where there is nothing else.
fn voices(spells: &[Spell]) -> BTreeSet<u64> {
    let of = |hints: bool| {
        let spells = spells.iter().filter(move |spell| (spell.basis == Basis::Targets) == hints);
        spells.flat_map(|spell| spell.voices.iter().copied()).collect::<BTreeSet<u64>>()
    };
    let voices = of(false);
    if voices.is_empty() { of(true) } else { voices }
}

/// The spell whose alarm came first.
fn seed(spells: &[Spell]) -> (i64, u32) {
    let order = |spell: &&Spell| (spell.basis, spell.start.seen_s, spell.target, spell.asn);
    spells.iter().min_by_key(order).map_or((0, 0), |spell| (spell.start.at_s, spell.target))
}

fn confidence(counts: Counts, vantages: u32, networks: usize) -> Confidence {
    let nine_tenths = 10 * counts.blocked >= 9 * (counts.blocked + counts.ok + counts.down);
    match vantages {
        0 | 1 => Confidence::Low,
        2 => Confidence::Medium,
        _ if networks >= 3 || nine_tenths => Confidence::High,
        _ => Confidence::Medium,
    }
}

/// Name of an event: a function of what later data do not change.
pub(super) fn id(kind: Kind, country: Country, (at_s, seed): (i64, u32)) -> String {
    let day = at_s.div_euclid(DAY_S);
    let word = match kind {
        Kind::Block => "block",
        Kind::Shutdown => "shutdown",
    };
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in word.bytes().chain(country.0).chain(day.to_le_bytes()).chain(seed.to_le_bytes()) {
        // FNV-1a: a name, not a proof.
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let (year, month, day) = civil(day);
    format!("{country}-{year:04}{month:02}{day:02}-{:08x}", hash >> 32)
}

/// Year, month and day of a number of days since 1970 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

const DAY_S: i64 = 86_400;
/// Times at which a target could be used that say that its block was over.
const USED: usize = 3;
/// Targets from which a group is a list.
const A_LIST: usize = 5;
/// Units a year that a series is taken to have.
const LEAST_A_YEAR: f64 = 1_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(-1), (1969, 12, 31));
    }

    #[test]
    fn chance_explains_few_and_not_many() {
        assert!(!is_beyond_chance(3, 0.1, 1e3));
        assert!(!is_beyond_chance(12, 8.0, 1e5));
        assert!(is_beyond_chance(60, 8.0, 1e5));
    }
}
