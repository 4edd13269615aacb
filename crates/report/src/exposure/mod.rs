//! What can be read of a person's device: as text, as lines of JSON, and as one page.

mod page;
mod style;
mod text;

use serde_json::{Value, json};
use wirewitness_analysis::exposure::Report;
use wirewitness_analysis::exposure::channel::{ALWAYS, LIMITS, Severity};
use wirewitness_analysis::exposure::compare::Comparison;

pub use page::page;
pub use text::text;

/// What is told.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The capture, or the later one of two.
    pub report: &'a Report,
    /// Where there are two.
    pub comparison: Option<&'a Comparison>,
    /// Name of the file, for people.
    pub file: &'a str,
    /// True if the person's own values are in it.
    pub shows_values: bool,
}

/// Lines of JSON: one of type `exposure` for each channel, `exposure_hour`, `exposure_tunnel` and `exposure_change` where there are
/// any, and a `summary` at the end.
pub fn lines(told: &Told<'_>) -> Vec<Value> {
    let report = told.report;
    let of = |kind: &str, value: Value| {
        let mut line = json!({ "type": kind, "file": told.file });
        if let (Value::Object(line), Value::Object(fields)) = (&mut line, value) {
            line.extend(fields);
        }
        line
    };
    let mut lines: Vec<Value> =
        report.channels.iter().map(|it| of("exposure", json!(it))).collect();
    lines.extend(report.hours.iter().map(|it| of("exposure_hour", json!(it))));
    lines.extend(report.tunnels.iter().map(|it| of("exposure_tunnel", json!(it))));
    let changes = told.comparison.map(|it| it.changes.as_slice()).unwrap_or_default();
    lines.extend(changes.iter().map(|it| of("exposure_change", json!(it))));
    lines.push(of(
        "summary",
        json!({
            "devices": report.devices,
            "span_ns": report.span_ns,
            "coverage": report.coverage,
            "coverage_before": told.comparison.map(|it| it.coverage[0]),
            "counters": report.counters,
            "names": report.names,
            "names_left_out": report.names_left_out,
            "critical": report.with(Severity::Critical),
            // Codes by SMS are in no capture.
            "high": report.with(Severity::High) - 1,
            "medium": report.with(Severity::Medium),
            "low": report.with(Severity::Low),
            "always_readable": ALWAYS,
            "limits": LIMITS,
            "values": if told.shows_values { "shown" } else { "masked" },
        }),
    ));
    lines
}

/// The first sentence.
fn headline(report: &Report) -> String {
    let worst = report
        .channels
        .iter()
        .filter(|it| it.state == wirewitness_analysis::exposure::report::State::Found);
    match worst.filter_map(|it| it.severity).max() {
        None => "Nothing was read in this capture.".to_owned(),
        Some(Severity::Critical) => "Content or passwords of this device can be read.".to_owned(),
        Some(Severity::High) => {
            "Who you are or with whom you are in contact can be read.".to_owned()
        }
        Some(Severity::Medium) => {
            "Which services you use, and when, can be read; no content.".to_owned()
        }
        Some(Severity::Low) => "Little more can be read than that the device is on.".to_owned(),
    }
}

/// A share in words.
fn share(part: u64, whole: u64) -> String {
    match (part * 100).checked_div(whole) {
        Some(percent) => format!("{part} of {whole} ({percent} %)"),
        None => "none".to_owned(),
    }
}

/// What is said of coverage: label and words.
fn coverage(report: &Report) -> Vec<[String; 2]> {
    let it = &report.coverage;
    let row = |label: &str, words: String| [label.to_owned(), words];
    vec![
        row("Connections with a readable name", share(it.named, it.connections)),
        row("More whose address plain DNS told", it.named_by_dns.to_string()),
        row(
            "Greetings with the ECH extension (true or GREASE: they look the same)",
            share(it.with_ech_extension, it.greetings),
        ),
        row("Of these, with an outer name of true ECH only", it.surely_ech.to_string()),
        row("Plain DNS questions", it.dns_plain.to_string()),
        row(
            "Connections to encrypted resolvers (how many questions each holds cannot be seen)",
            it.dns_encrypted.to_string(),
        ),
        row(
            "Sent and received in the clear",
            format!("{} of {}", crate::when::size(it.clear_bytes), crate::when::size(it.bytes)),
        ),
    ]
}
