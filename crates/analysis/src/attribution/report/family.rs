//! One family as it is told, and what of it is withheld.

use super::super::arithmetic::seed::SeedKey;
use super::super::arithmetic::trials::{Counts, State};
use super::super::evidence::{Seen, Value, What};
use super::super::ladder::Rung;
use super::super::likelihood::fits;
use super::super::profile::Catalogue;
use super::super::score::{FamilyScore, Hypothesis, Row, TSG, Who};
use super::{CellReport, FamilyReport, Predicted, RankedReport, rounded, without_addresses};

pub(super) fn family(score: &FamilyScore<'_>, catalogue: &Catalogue) -> FamilyReport {
    let knows_tsg = score.of(TSG).is_some();
    let of_tsg = score.contradictions.get(TSG).map_or(0, Vec::len);
    FamilyReport {
        family: score.evidence.family,
        behaviour: score.evidence.behaviour,
        n_vec: score.rows.len(),
        decided: score.decided,
        informative: score.informative,
        saturated: score.saturated,
        void: score.void.clone(),
        ranked: ranked(score, catalogue),
        ln_lr_next: score.ln_lr_next().map(rounded),
        contradictions: score.contradictions.clone(),
        contradictions_vs_tsg: knows_tsg.then_some(of_tsg),
        excluded: score.excluded.clone(),
        unmeasured: score.unmeasured.clone(),
        hidden: score.hidden.clone(),
        cells: score.rows.iter().flat_map(|row| cells(row, score, catalogue)).collect(),
        notes: score.evidence.notes.clone(),
        verdict: verdict(score, catalogue),
    }
}

fn ranked(score: &FamilyScore<'_>, catalogue: &Catalogue) -> Vec<RankedReport> {
    let likely = score.ranked.iter().filter(|it| it.post >= 0.005);
    let dates = |id: &str| {
        let profile = catalogue.profile(id)?;
        let cells = score.rows.iter().filter_map(|row| profile.cell(row.section, row.key, 0));
        let mut dates: Vec<&str> = cells.map(|cell| cell.date.as_str()).collect();
        dates.sort_unstable();
        Some([dates.first()?.to_string(), dates.last()?.to_string()])
    };
    let one = |it: &Hypothesis| RankedReport {
        id: it.who.word(),
        post: rounded(it.post),
        ln_lr: rounded(it.ln_lr),
        configuration: it.configuration.clone(),
        dates: it.who.device().and_then(dates),
    };
    likely.map(one).collect()
}

/// The verdict of one family, in words.
fn verdict(score: &FamilyScore<'_>, catalogue: &Catalogue) -> String {
    if let Some(why) = &score.void {
        return format!("inconclusive: {why}");
    }
    if score.evidence.is_substring {
        return "inconclusive: the name is found where no parser looks for it".to_owned();
    }
    if score.saturated {
        return "inconclusive: saturated".to_owned();
    }
    let mut consistent = score.consistent();
    if score.evidence.is_partial {
        consistent.retain(|id| catalogue.profile(id).is_some_and(|it| score.is_marked(it)));
        if consistent.is_empty() && !score.rows.is_empty() {
            return "inconclusive: no mark of a device of the catalogue".to_owned();
        }
    }
    match score.ranked.first().map(|it| &it.who) {
        _ if !score.tells() => "inconclusive: no decided cell tells devices apart".to_owned(),
        _ if !consistent.is_empty() => Rung::Consistent.words(&consistent.join(", ")),
        Some(Who::None) => "no interference seen".to_owned(),
        Some(Who::Two(one, other)) => format!("inconclusive: {one} and {other} together fit best"),
        Some(Who::One(id)) => format!("inconclusive: {id} fits best and is contradicted"),
        _ => "inconclusive: no device of the catalogue fits".to_owned(),
    }
}

/// Devices that a table shows beside what was seen: those that explain it best.
const SHOWN: usize = 4;

fn cells(row: &Row<'_>, score: &FamilyScore<'_>, catalogue: &Catalogue) -> Vec<CellReport> {
    let shown: Vec<&str> =
        score.ranked.iter().filter_map(|it| it.who.device()).take(SHOWN).collect();
    let of = |seen: &&Seen| CellReport {
        cell: row.key,
        probe: seen.probe.clone(),
        seen: seen_words(&seen.what, row.key),
        counts: counts(&seen.what),
        wilson: counts(&seen.what).map(|it| it.wilson().map(rounded)),
        predicted: shown
            .iter()
            .filter_map(|id| {
                Some(((*id).to_owned(), predicted(id, row, (score, catalogue), seen)?))
            })
            .collect(),
    };
    row.seen.iter().map(of).collect()
}

fn counts(what: &What) -> Option<Counts> {
    match what {
        What::Trials { counts, .. } => Some(*counts),
        What::Value(_) => None,
    }
}

fn predicted(
    id: &str,
    row: &Row<'_>,
    (score, catalogue): (&FamilyScore<'_>, &Catalogue),
    seen: &Seen,
) -> Option<Predicted> {
    let profile = catalogue.profile(id)?;
    let names = profile.configurations_of(row.section);
    let best = score.of(id).and_then(|it| it.configuration.as_deref());
    let number = names.iter().position(|name| Some(*name) == best).unwrap_or(0);
    let cell = profile.cell(row.section, row.key, number)?;
    let fits = match &seen.what {
        What::Trials { state, .. } => match state {
            State::Inconclusive => None,
            state => Some(cell.is.words() == state.word()),
        },
        What::Value(value) => fits(&cell.is, value),
    };
    Some(Predicted { is: cell.is.words(), fits })
}

/// Cells whose values betray addresses, alone or together.
const WITHHELD: [&str; 8] =
    ["observed_ttl", "ipid", "window", "answers", "body", "location", "server", "via"];

fn seen_words(what: &What, key: &str) -> String {
    let value = match what {
        What::Trials { state, .. } => return state.word().to_owned(),
        What::Value(value) => value,
    };
    if WITHHELD.contains(&key) {
        return "withheld".to_owned();
    }
    match value {
        Value::Flag(set) => if *set { "yes" } else { "no" }.to_owned(),
        Value::Numbers(numbers) => match (numbers.first(), numbers.last()) {
            (Some(low), Some(high)) if low == high => low.to_string(),
            (Some(low), Some(high)) => format!("{low}-{high}"),
            _ => "none".to_owned(),
        },
        Value::Span(low, high) => format!("{low}-{high}"),
        // A page in a forged packet may name its reader.
        Value::Words(words) if key == "payload" && words.iter().any(|it| it != "none") => {
            "withheld".to_owned()
        }
        Value::Words(words) | Value::Texts(words) => without_addresses(&words.join(" and ")),
        Value::Hex(words) => {
            words.iter().map(|it| format!("{it:#06x}")).collect::<Vec<_>>().join(" and ")
        }
        Value::Addresses(_) => "withheld".to_owned(),
        Value::Boundary { at, next: Some(next) } if *next == at + 1 => at.to_string(),
        Value::Boundary { at, next: Some(next) } => format!("{at} to {}", next.saturating_sub(1)),
        Value::Boundary { at, next: None } => format!(">={at}"),
        Value::SeedKey(key) => key_words(key),
    }
}

fn key_words(key: &SeedKey) -> String {
    match key {
        SeedKey::TooFew => "too few packets".to_owned(),
        SeedKey::Undefined => "undefined (window constant)".to_owned(),
        SeedKey::Inconsistent => "none fits".to_owned(),
        SeedKey::Stable(found) => format!("k={} over {} packets", found.k, found.packets),
    }
}
