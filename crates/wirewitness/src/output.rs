//! What people see: rows, explanations, the summary at the end. The only place that writes to the terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use wirewitness_analysis::judge::{Judgement, rules};
use wirewitness_model::ooni::Measurement;
use wirewitness_model::vantage::{Target, Vantage};
use wirewitness_model::verdict::{Status, Verdict};

/// Writes to stderr. A stderr that cannot be written to is nobody's to tell.
pub(crate) fn complain(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// The head of the table.
pub(crate) fn table_head() -> String {
    format!(
        "{:<12} {:<23} {:<6} {:<15} {}\n",
        "VERDICT", "MECHANISM", "SURE", "SEEN FROM", "TARGET"
    )
}

/// One row of the table.
pub(crate) fn table_row(measurement: &Measurement<'_>, judgement: &Judgement<'_>) -> String {
    let verdict = &judgement.verdict;
    let mechanism = verdict.mechanism.map_or("-", |mechanism| mechanism.word());
    let target = Target::of(measurement).map_or_else(|| "-".to_owned(), |target| target.0);
    format!(
        "{:<12} {:<23} {:<6} {:<15} {}\n",
        verdict.status,
        mechanism,
        verdict.confidence,
        vantage_words(measurement),
        clean(&target, 120),
    )
}

/// Widths of the table of what was measured just now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    /// Characters of the longest target.
    pub(crate) target: usize,
    /// Characters of the longest client's name, in a lab; there the truth is shown too.
    pub(crate) client: Option<usize>,
}

impl Columns {
    /// The head of the table.
    pub(crate) fn head(&self) -> String {
        let verdict = ["VERDICT", "MECHANISM", "BY", "SURE"];
        self.line("TARGET", verdict, (Some("CLIENT"), Some("TRUTH")))
    }

    /// One row: a verdict, in a lab with the client and what to say of the truth.
    pub(crate) fn row(
        &self,
        measurement: &Measurement<'_>,
        verdict: &Verdict,
        (client, truth): (Option<&str>, Option<String>),
    ) -> String {
        let target = Target::of(measurement).map_or_else(|| "-".to_owned(), |target| target.0);
        let said = [
            verdict.status.word(),
            verdict.mechanism.map_or("-", |mechanism| mechanism.word()),
            verdict.locus.map_or("-", |locus| locus.word()),
            verdict.confidence.word(),
        ];
        self.line(&clean(&target, 120), said, (client, truth.as_deref()))
    }

    fn line(
        &self,
        target: &str,
        [status, mechanism, by, sure]: [&str; 4],
        (client, truth): (Option<&str>, Option<&str>),
    ) -> String {
        let mut line = format!("{target:<width$} ", width = self.target.clamp(6, 60));
        if let Some(width) = self.client {
            let client = clean(client.unwrap_or("-"), 40);
            let _ = write!(line, "{client:<width$} ", width = width.clamp(6, 40));
        }
        let _ = write!(line, "{status:<12} {mechanism:<23} {by:<8} {sure:<6}");
        if self.client.is_some() {
            let _ = write!(line, " {}", truth.unwrap_or("-"));
        }
        format!("{}\n", line.trim_end())
    }
}

fn vantage_words(measurement: &Measurement<'_>) -> String {
    let vantage = Vantage::of(measurement);
    let country = vantage.country.as_deref().unwrap_or("??");
    match vantage.asn {
        Some(asn) => clean(&format!("{country} AS{asn}"), 15),
        None => clean(country, 15),
    }
}

/// Text from a file, made safe for a terminal: control characters shown as escapes, cut at `max` characters.
pub(crate) fn clean(text: &str, max: usize) -> String {
    let mut out = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == max {
            out.push('…');
            break;
        }
        // Bidirectional overrides can make a name read as another one.
        let is_override = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || is_override {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

/// The verdict in words: what the rule says, what was seen, what was expected, what cannot be told apart.
pub(crate) fn explanation(
    place: &str,
    measurement: &Measurement<'_>,
    judgement: &Judgement<'_>,
) -> String {
    let verdict = &judgement.verdict;
    let mut text = String::new();
    let _ = writeln!(text, "    {}", says(verdict));
    if let Some(locus) = verdict.locus {
        let _ = writeln!(text, "    by: {locus}");
    }
    for evidence in &verdict.evidence {
        let _ = writeln!(text, "    seen: [{}] {}", evidence.outcome, clean(&evidence.seen, 300));
        if let Some(expected) = &evidence.expected {
            let _ = writeln!(text, "          instead of: {}", clean(expected, 300));
        }
        let _ = writeln!(text, "          at {}", evidence.at);
    }
    if !verdict.also.is_empty() {
        let words: Vec<&str> = verdict.also.iter().map(|mechanism| mechanism.word()).collect();
        let _ = writeln!(text, "    also seen: {}", words.join(", "));
    }
    if let Some(name) = &verdict.fingerprint {
        let _ = writeln!(text, "    fingerprint: {}", clean(name, 120));
    }
    for alternative in &verdict.cannot_tell {
        let _ = writeln!(text, "    cannot tell: {}", clean(alternative, 300));
    }
    let _ = writeln!(text, "    rule {}, {}", verdict.rule, clean(place, 300));
    let _ = writeln!(text, "    {}\n", ooni_words(measurement, judgement));
    text
}

fn says(verdict: &Verdict) -> &'static str {
    rules().find(|rule| rule.id == verdict.rule.id).map_or("", |rule| rule.says)
}

fn ooni_words(measurement: &Measurement<'_>, judgement: &Judgement<'_>) -> String {
    let Some(keys) = &judgement.ooni else {
        return format!(
            "OONI's keys: none for {}",
            clean(measurement.test_name.as_str().unwrap_or("this"), 60)
        );
    };
    let blocking = serde_json::to_string(&keys.blocking).unwrap_or_default();
    let accessible = keys.accessible.map_or("null".to_owned(), |accessible| accessible.to_string());
    format!("OONI's engine says: blocking = {blocking}, accessible = {accessible}")
}

/// Counts of what was said.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    by_status: BTreeMap<Status, u64>,
    by_mechanism: BTreeMap<&'static str, u64>,
    /// Records that could not be read.
    pub(crate) refused: u64,
    /// Files that could not be read.
    pub(crate) unreadable: u64,
}

impl Summary {
    /// Counts one verdict.
    pub(crate) fn count(&mut self, verdict: &Verdict) {
        *self.by_status.entry(verdict.status).or_default() += 1;
        if let Some(mechanism) = verdict.mechanism {
            *self.by_mechanism.entry(mechanism.word()).or_default() += 1;
        }
    }

    /// How many verdicts of this status there were.
    pub(crate) fn of(&self, status: Status) -> u64 {
        self.by_status.get(&status).copied().unwrap_or(0)
    }

    /// True where nothing was judged.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_status.is_empty()
    }

    /// The summary in words; `done` is what was done to each.
    pub(crate) fn words(&self, done: &str) -> String {
        let total: u64 = self.by_status.values().sum();
        let counts: Vec<String> =
            self.by_status.iter().map(|(status, n)| format!("{n} {status}")).collect();
        let number = |n: u64, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
        let mut text = format!("{total} {done}");
        if !counts.is_empty() {
            let _ = write!(text, ": {}", counts.join(", "));
        }
        if self.refused > 0 {
            let _ = write!(text, "; {} refused", number(self.refused, "record"));
        }
        if self.unreadable > 0 {
            let _ = write!(text, "; {} unreadable", number(self.unreadable, "file"));
        }
        text.push('\n');
        for (mechanism, n) in &self.by_mechanism {
            let _ = writeln!(text, "  {n:>6} {mechanism}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_files_cannot_steer_a_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\u{202e}c", 99), "a\\u{1b}[31mb\\u{202e}c");
        assert_eq!(clean("abcdef", 3), "abc…");
    }
}
