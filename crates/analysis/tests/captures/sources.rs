//! What was found, by who made the captures: figures of a source whose captures were looked at are no independent ones.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Got;

/// Figures of each source, by the word that its files' names begin with.
#[derive(Debug, Default)]
pub(crate) struct Sources<'n> {
    by_name: BTreeMap<&'n str, Source>,
}

#[derive(Debug, Default)]
struct Source {
    forged: Got,
    due: usize,
    found: usize,
    benign: Got,
    claims: usize,
}

impl<'n> Sources<'n> {
    /// Takes in a file with interference: how many connections were due, as far as its label says.
    pub(crate) fn interference(&mut self, name: &'n str, due: Option<usize>, got: Got) {
        let source = self.of(name);
        let Some(due) = due else { return };
        source.due += due;
        source.found += (got.injected + got.likely).min(due);
        source.forged.add(got);
    }

    /// Takes in a file without: what else was claimed of it, beside injections.
    pub(crate) fn benign(&mut self, name: &'n str, got: Got, claims: usize) {
        let source = self.of(name);
        source.benign.add(got);
        source.claims += claims;
    }

    fn of(&mut self, name: &'n str) -> &mut Source {
        let word = name.split_once('_').map_or(name, |(word, _)| word);
        self.by_name.entry(word).or_default()
    }

    /// The table.
    pub(crate) fn table(&self) -> String {
        let mut text = String::from(
            "| source | its captures and the rules | with forged packets | found | injected | likely | benign | injected | likely | undecided | other claims |\n\
             |---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for (name, it) in &self.by_name {
            let (forged, benign) = (it.forged, it.benign);
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                full_name(name),
                seen(name),
                it.due,
                it.found,
                forged.injected,
                forged.likely,
                benign.flows,
                benign.injected,
                benign.likely,
                benign.undecided,
                it.claims,
            );
        }
        text
    }
}

fn full_name(word: &str) -> &str {
    let names = [
        ("centrace", "CenTrace"),
        ("foxit", "Fox-IT"),
        ("gfwquic", "GFW QUIC"),
        ("ja4", "JA4"),
        ("mercury", "Mercury"),
        ("ndpi", "nDPI"),
        ("retina", "Retina"),
        ("sv", "Suricata"),
        ("tripwire", "Tripwire"),
        ("upb", "UPB"),
        ("usc", "USC"),
        ("zeek", "Zeek"),
    ];
    names.iter().find(|(it, _)| *it == word).map_or(word, |(_, name)| *name)
}

/// What was known of a source when the rules were written.
fn seen(word: &str) -> &'static str {
    match word {
        "tripwire" | "centrace" | "foxit" | "mercury" | "usc" => "in view",
        "upb" | "zeek" => "some headers in view",
        "gfwquic" => "its labels in view",
        _ => "only the test for false alarms",
    }
}
