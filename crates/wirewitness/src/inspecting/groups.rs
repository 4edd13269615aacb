//! Findings alike, put together, worst first. Bounded, whatever a capture holds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use wirewitness_analysis::tamper::Finding;

use super::words::{self, Severity};
use crate::output::clean;

/// All findings of a capture, in groups.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    groups: BTreeMap<Key, Group>,
    /// Findings that found no place, since there are too many groups.
    left_out: u64,
    signatures: BTreeMap<(&'static str, &'static str), u64>,
}

/// What findings of one group have in common. Ordered worst first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    severity: std::cmp::Reverse<Severity>,
    grade: &'static str,
    what: String,
    consistent_with: String,
}

#[derive(Debug, Default)]
struct Group {
    connections: u64,
    names: BTreeMap<String, u64>,
    servers: BTreeMap<String, u64>,
    evidence: BTreeMap<&'static str, (u64, String)>,
    against: BTreeMap<&'static str, u64>,
    hops: BTreeMap<u8, u64>,
    packets: Vec<u64>,
    says: Option<String>,
}

/// How much to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// What was found.
    Plain,
    /// Each observation, what else can explain it, and a filter.
    Explained,
}

impl Groups {
    /// Takes in a finding.
    pub(crate) fn put(&mut self, finding: &Finding) {
        if let Finding::Flow(flow) = finding
            && let Some(signature) = &flow.signature
        {
            *self.signatures.entry((signature.stage, signature.name)).or_default() += 1;
        }
        let (Some((severity, grade)), Some(common)) =
            (words::severity(finding), words::common(finding))
        else {
            return;
        };
        let consistent_with =
            common.injectors.first().map_or_else(String::new, |it| it.consistent_with.clone());
        let key = Key {
            severity: std::cmp::Reverse(severity),
            grade,
            what: words::what(finding),
            consistent_with,
        };
        if self.groups.len() >= MOST_GROUPS && !self.groups.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        let group = self.groups.entry(key).or_default();
        group.connections += 1;
        let name =
            common.trigger.map_or_else(|| "no name that can be read".to_owned(), words::trigger);
        count(&mut group.names, name);
        count(&mut group.servers, common.connection.server.to_string());
        for evidence in common.evidence {
            group.evidence.entry(evidence.kind).or_insert_with(|| (0, evidence.says.clone())).0 +=
                1;
        }
        for against in common.against {
            *group.against.entry(against).or_default() += 1;
        }
        for hops in common.injectors.iter().filter_map(|it| it.hops) {
            *group.hops.entry(hops).or_default() += 1;
        }
        let room = MOST_PACKETS.saturating_sub(group.packets.len());
        group.packets.extend(common.packets.iter().take(room));
        if group.says.is_none() {
            group.says = sentence(finding);
        }
    }

    /// How many connections have findings of this severity or worse.
    pub(crate) fn connections(&self, severity: Severity) -> u64 {
        self.groups
            .iter()
            .filter(|(key, _)| key.severity.0 >= severity)
            .map(|(_, group)| group.connections)
            .sum()
    }

    /// In words. What is undecided is only counted, unless explained.
    pub(crate) fn words(&self, telling: Telling) -> String {
        let mut text = String::new();
        let mut undecided = 0;
        for (key, group) in &self.groups {
            if key.severity.0 == Severity::Undecided && telling == Telling::Plain {
                undecided += group.connections;
                continue;
            }
            group.write(&mut text, key, telling);
        }
        if undecided > 0 {
            let _ = writeln!(
                text,
                "  undecided  {} with something odd that has common harmless causes (--explain shows them)",
                connections(undecided)
            );
        }
        if self.left_out > 0 {
            let _ = writeln!(text, "  {} more findings in too many kinds to list", self.left_out);
        }
        if !self.signatures.is_empty() {
            let _ = writeln!(
                text,
                "  How connections ended that did not end well (each has harmless causes too):"
            );
            for ((stage, name), n) in &self.signatures {
                let _ = writeln!(text, "    {n:>7}  {stage:<9}  {name}");
            }
        }
        text
    }
}

impl Group {
    fn write(&self, text: &mut String, key: &Key, telling: Telling) {
        let _ = writeln!(
            text,
            "  {:<10} {}: {}",
            key.grade.to_uppercase(),
            connections(self.connections),
            clean(&key.what, 200)
        );
        if !key.consistent_with.is_empty() {
            let hops = match most(&self.hops) {
                Some(hops) => format!(", {hops} hops from where this was captured"),
                None => String::new(),
            };
            let _ = writeln!(
                text,
                "             consistent with {}{hops}",
                clean(&key.consistent_with, 120)
            );
        }
        if let Some(says) = &self.says {
            let _ = writeln!(text, "             {}", clean(says, 200));
        }
        let _ = writeln!(text, "             names: {}", list(&self.names));
        let _ = writeln!(text, "             servers: {}", list(&self.servers));
        match telling {
            Telling::Plain => {
                let kinds: Vec<&str> = self.evidence.keys().copied().collect();
                let _ = writeln!(text, "             because: {}", kinds.join(", "));
            }
            Telling::Explained => {
                for (kind, (n, says)) in &self.evidence {
                    let _ = writeln!(text, "             seen {n}x {kind}: {}", clean(says, 300));
                }
                for (against, n) in &self.against {
                    let _ = writeln!(text, "             against ({n}x): {}", clean(against, 300));
                }
                let _ = writeln!(
                    text,
                    "             Wireshark: {}",
                    words::display_filter(&self.packets)
                );
            }
        }
    }
}

/// What only this kind of finding says.
fn sentence(finding: &Finding) -> Option<String> {
    match finding {
        Finding::Throttle(it) => {
            let rate = it
                .rate_bps
                .map_or_else(String::new, |rate| format!(", set to about {} kbit/s", rate / 1000));
            Some(format!("{} kbit/s got through{rate}", it.goodput_bps / 1000))
        }
        Finding::Blockpage(it) => Some(it.says.clone()),
        Finding::Drop(it) => it
            .control
            .as_ref()
            .map(|control| format!("while {} got through", words::trigger(control))),
        _ => None,
    }
}

fn connections(n: u64) -> String {
    format!("{n} connection{}", if n == 1 { "" } else { "s" })
}

fn count(counts: &mut BTreeMap<String, u64>, name: String) {
    if counts.len() < MOST_NAMES || counts.contains_key(&name) {
        *counts.entry(name).or_default() += 1;
    } else {
        *counts.entry(OTHERS.to_owned()).or_default() += 1;
    }
}

fn most(counts: &BTreeMap<u8, u64>) -> Option<u8> {
    counts.iter().max_by_key(|(_, n)| **n).map(|(hops, _)| *hops)
}

/// The most frequent first.
fn list(counts: &BTreeMap<String, u64>) -> String {
    let mut sorted: Vec<(&String, &u64)> = counts.iter().collect();
    sorted.sort_by_key(|(name, n)| (name.as_str() == OTHERS, std::cmp::Reverse(**n)));
    let mut words: Vec<String> = sorted
        .iter()
        .take(TOLD_NAMES)
        .map(|(name, n)| match n {
            1 => clean(name, 120),
            _ => format!("{} ({n}x)", clean(name, 120)),
        })
        .collect();
    if sorted.len() > TOLD_NAMES {
        words.push(format!("and {} more", sorted.len() - TOLD_NAMES));
    }
    words.join(", ")
}

const MOST_GROUPS: usize = 200;
const MOST_NAMES: usize = 1_000;
const TOLD_NAMES: usize = 8;
const MOST_PACKETS: usize = 64;
const OTHERS: &str = "others";
