//! One event of what belongs together: its start, end, scope, confidence and name.

use std::collections::BTreeSet;

use wirewitness_model::civil;
use wirewitness_model::verdict::Confidence;

use super::features::{end, named};
use super::group::A_LIST;
use super::lists::fullest;
use super::report::{Basis, Country, Counts, Event, Kind, Span, Spell, Turn};
use super::settings::Settings;
use super::target::Bout;

/// One event of what belongs together.
pub(super) fn event(bouts: Vec<Bout>, start: Span, settings: &Settings) -> Event {
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
    // A part that was put elsewhere by itself is no alarm of the whole.
    let seen_s = strong.map(|spell| spell.start.seen_s).filter(|seen_s| *seen_s >= at_s).min();
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
    let (year, month, day) = civil::date(day);
    format!("{country}-{year:04}{month:02}{day:02}-{:08x}", hash >> 32)
}

const DAY_S: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        assert_eq!(civil::date(0), (1970, 1, 1));
        assert_eq!(civil::date(19_782), (2024, 2, 29));
        assert_eq!(civil::date(-1), (1969, 12, 31));
    }
}
