//! Many captures as one table per name, network and signature.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use wirewitness_analysis::tamper::Finding;
use wirewitness_analysis::tamper::finding::Network;

use super::words;
use crate::output::clean;

/// Counts of connections over all captures.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: BTreeMap<(String, Network, String), Row>,
    left_out: u64,
}

#[derive(Debug, Default)]
struct Row {
    connections: u64,
    captures: u64,
    last_capture: usize,
}

impl Table {
    /// Takes in a finding of the capture with this number, from 1.
    pub(crate) fn put(&mut self, capture: usize, finding: &Finding) {
        let (trigger, connection, said) = match finding {
            Finding::Flow(flow) => match &flow.signature {
                Some(signature) => {
                    (flow.trigger.as_ref(), &flow.connection, signature.name.to_owned())
                }
                None => return,
            },
            other => match (words::common(other), words::severity(other)) {
                (Some(common), Some((_, grade))) => {
                    (common.trigger, common.connection, format!("{grade}: {}", words::what(other)))
                }
                _ => return,
            },
        };
        let name = trigger.map_or_else(|| "-".to_owned(), |it| it.value.clone());
        let key = (name, connection.server_network(), said);
        if self.rows.len() >= MOST_ROWS && !self.rows.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        let row = self.rows.entry(key).or_default();
        row.connections += 1;
        if row.last_capture != capture {
            row.captures += 1;
            row.last_capture = capture;
        }
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        let mut text = String::new();
        if self.rows.is_empty() {
            return text;
        }
        let _ = writeln!(
            text,
            "{:<32} {:<20} {:>8} {:>8}  WHAT",
            "NAME", "SERVER'S NETWORK", "CONNS", "CAPTURES"
        );
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.connections));
        for ((name, network, said), row) in rows.iter().take(TOLD_ROWS) {
            let _ = writeln!(
                text,
                "{:<32} {:<20} {:>8} {:>8}  {}",
                clean(name, 60),
                network.to_string(),
                row.connections,
                row.captures,
                clean(said, 120)
            );
        }
        let more = rows.len().saturating_sub(TOLD_ROWS) as u64 + self.left_out;
        if more > 0 {
            let _ = writeln!(text, "and {more} more");
        }
        text
    }
}

const MOST_ROWS: usize = 20_000;
const TOLD_ROWS: usize = 60;
