//! What would tell the remaining candidates apart: cells that they differ in and that were not decided.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::arithmetic::trials::State;
use super::super::ladder::Attribution;
use super::super::profile::schema::{FEATURES, Family, Feature, LENGTH_ROWS, QUIC_ROWS, feature};
use super::super::profile::{Catalogue, Profile};

/// A cell that tells devices apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Apart {
    /// Its family.
    pub family: Family,
    /// Its key.
    pub cell: &'static str,
    /// What each candidate predicts, where that is known.
    pub predicts: BTreeMap<String, String>,
}

/// Cells that are told, at most.
const MOST: usize = 8;
/// Of one family, at most.
const MOST_OF_FAMILY: usize = 3;

/// Cells that split the remaining candidates, those that split most pairs first.
pub(super) fn apart(attribution: &Attribution<'_>, catalogue: &Catalogue) -> Vec<Apart> {
    let ids = attribution.remaining();
    let profiles: Vec<&Profile> = ids.iter().filter_map(|id| catalogue.profile(id)).collect();
    let mut found: Vec<(usize, Apart)> = features()
        .filter(|feature| !is_decided(attribution, feature))
        .filter_map(|feature| splits(&feature, &profiles))
        .collect();
    found.sort_by_key(|(pairs, _)| std::cmp::Reverse(*pairs));
    let mut told: Vec<Apart> = Vec::new();
    for (_, it) in found {
        let of_family = told.iter().filter(|other| other.family == it.family).count();
        if of_family < MOST_OF_FAMILY && told.len() < MOST {
            told.push(it);
        }
    }
    told
}

fn features() -> impl Iterator<Item = Feature> {
    let tls = LENGTH_ROWS.iter().filter_map(|row| feature("tls", row));
    let quic = LENGTH_ROWS.iter().chain(&QUIC_ROWS).filter_map(|row| feature("quic", row));
    FEATURES.iter().copied().chain(tls).chain(quic)
}

fn is_decided(attribution: &Attribution<'_>, feature: &Feature) -> bool {
    attribution.families.iter().filter(|it| it.void.is_none()).any(|family| {
        family.rows.iter().any(|row| {
            (row.section, row.key) == (feature.section, feature.key)
                && row.state().is_some_and(|it| it != State::Inconclusive)
        })
    })
}

fn splits(feature: &Feature, profiles: &[&Profile]) -> Option<(usize, Apart)> {
    let family = feature.family?;
    let predicts: BTreeMap<String, String> = profiles
        .iter()
        .filter_map(|it| {
            let cell = it.cell(feature.section, feature.key, 0)?;
            Some((it.id.clone(), cell.is.words()))
        })
        .collect();
    let words: Vec<&String> = predicts.values().collect();
    let pairs = words
        .iter()
        .enumerate()
        .map(|(number, one)| words.iter().skip(number + 1).filter(|it| *it != one).count())
        .sum::<usize>();
    (pairs > 0).then_some((pairs, Apart { family, cell: feature.key, predicts }))
}
