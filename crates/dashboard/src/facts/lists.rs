//! Countries, networks and names: all of them, or those that somebody looks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use wirewitness_store::query::Session;

use super::{Axis, Facts, FactsError, Filter, Tally};

/// A network and its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkRow {
    /// Two letters.
    pub country: Arc<str>,
    /// Its number; 0 where not known.
    pub asn: u32,
    /// Its name, where known.
    pub name: Option<String>,
    /// Its verdicts.
    pub tally: Tally,
}

/// A target, or all targets of a host name, and the counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRow {
    /// The host name, or the target where it has none.
    pub domain: Arc<str>,
    /// Its verdicts.
    pub tally: Tally,
}

/// What a search finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    /// Host names, or targets without one.
    pub names: Vec<Arc<str>>,
    /// Networks: country, number, name.
    pub networks: Vec<(String, u32, Option<String>)>,
    /// Countries, by code.
    pub countries: Vec<String>,
    /// Whether there are more than these.
    pub has_more: bool,
}

impl Facts {
    /// The name of a network, where it is known.
    pub fn network_name(&self, asn: u32) -> Option<&str> {
        self.network_names.get(&asn).map(String::as_str)
    }

    /// Countries with their counts, by code.
    pub fn countries(&self, filter: &Filter) -> Vec<(Arc<str>, Tally)> {
        let groups = self.aggregate(filter, &[Axis::Country]);
        groups.into_iter().map(|group| (text(&group.key), group.tally)).collect()
    }

    /// Networks with their counts, the most measured first.
    pub fn networks(&self, filter: &Filter) -> Vec<NetworkRow> {
        let groups = self.aggregate(filter, &[Axis::Country, Axis::Network]);
        let mut found: Vec<NetworkRow> = groups
            .into_iter()
            .map(|group| {
                let asn = group.key.get(1).map_or(0, super::Value::network);
                let name = self.network_name(asn).map(str::to_owned);
                NetworkRow { country: text(&group.key), asn, name, tally: group.tally }
            })
            .collect();
        found.sort_by_key(|row| std::cmp::Reverse(row.tally.all()));
        found
    }

    /// Host names with their counts, those blocked the most often first.
    pub fn names(&self, filter: &Filter) -> Vec<TargetRow> {
        let groups = self.aggregate(filter, &[Axis::Domain]);
        let mut found: Vec<TargetRow> = groups
            .into_iter()
            .map(|group| TargetRow { domain: text(&group.key), tally: group.tally })
            .collect();
        found.sort_by_key(|row| {
            std::cmp::Reverse((row.tally.blocked, row.tally.telling(), row.tally.all()))
        });
        found
    }

    /// Whether there is a verdict of such a host name or target.
    pub fn has_name(&self, name: &str) -> bool {
        self.by_domain.contains_key(name) || self.rollup.words.target(name).is_some()
    }

    /// A filter for all verdicts of a name: a host name, or a target without one.
    pub fn named(&self, name: &str) -> Filter {
        let name = vec![name.to_owned()];
        match self.by_domain.contains_key(name.first().map_or("", String::as_str)) {
            true => Filter { domains: name, ..Filter::default() },
            false => Filter { targets: name, ..Filter::default() },
        }
    }

    /// Names, networks and countries that have such a text in them, without regard to case; at most so many of each.
    pub fn search(&self, text: &str, limit: usize) -> Hits {
        let text = text.trim().to_lowercase();
        let mut hits = Hits::default();
        if text.is_empty() {
            return hits;
        }
        let is_in = |it: &str| it.to_lowercase().contains(&text);
        // Those that begin with it are first.
        let (mut begin, mut rest) = (Vec::new(), Vec::new());
        let words = &self.rollup.words;
        let without = words.domains().iter().zip(words.targets()).filter(|(it, _)| it.is_none());
        let names = self.by_domain.keys().chain(without.map(|(_, target)| target));
        for name in names.filter(|it| is_in(it)) {
            let list = if name.starts_with(text.as_str()) { &mut begin } else { &mut rest };
            if list.len() > limit {
                hits.has_more = true;
                continue;
            }
            list.push(Arc::clone(name));
        }
        begin.extend(rest);
        hits.has_more |= begin.len() > limit;
        begin.truncate(limit);
        hits.names = begin;
        let number = text.strip_prefix("as").unwrap_or(&text).parse::<u32>().ok();
        for network in words.networks() {
            let name = self.network_name(network.asn);
            if Some(network.asn) == number || name.is_some_and(is_in) {
                let name = name.map(str::to_owned);
                hits.networks.push((network.country().to_owned(), network.asn, name));
            }
            if network.country().eq_ignore_ascii_case(&text) {
                hits.countries.push(network.country().to_owned());
            }
        }
        hits.networks.sort();
        hits.networks.dedup();
        hits.has_more |= hits.networks.len() > limit;
        hits.networks.truncate(limit);
        hits.countries.sort();
        hits.countries.dedup();
        hits
    }
}

fn text(key: &[super::Value]) -> Arc<str> {
    key.first().map_or("", super::Value::text).into()
}

pub(super) async fn network_names(session: &Session) -> Result<BTreeMap<u32, String>, FactsError> {
    #[derive(Deserialize)]
    struct Row {
        asn: Option<i64>,
        name: Option<String>,
    }
    let sql = "SELECT probe_asn AS asn, coalesce(asn_name(probe_asn), max(network_name)) AS name FROM measurement GROUP BY probe_asn";
    let rows: Vec<Row> = session.structs(sql).await?;
    let named = rows.into_iter().filter_map(|row| {
        let asn = u32::try_from(row.asn?).ok()?;
        Some((asn, row.name.filter(|name| !name.is_empty())?))
    });
    Ok(named.collect())
}
