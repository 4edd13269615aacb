//! The audit as one page that needs nothing else: no script, nothing fetched.

use std::fmt::Write as _;

use wirewitness_analysis::exposure::channel::{ALWAYS, LIMITS, Severity};
use wirewitness_analysis::exposure::report::{ChannelFound, Counted, ReadingFound, Report, State};

use super::{Told, coverage, headline, style};
use crate::html::escape;
use crate::when::{minute, size, span};

/// The page.
pub fn page(told: &Told<'_>) -> String {
    let mut out = String::with_capacity(64 << 10);
    let report = told.report;
    // No network at all, also where the page is opened from a file.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>What an operator can read of this device</title>\n<style>{}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#found\">To what was found</a>\n",
        style::sheet()
    );
    head(&mut out, told);
    out.push_str("<main>\n");
    changes(&mut out, told);
    out.push_str("<section aria-labelledby=\"found\">\n<h2 id=\"found\">What can be read</h2>\n");
    for channel in by_severity(report) {
        found(&mut out, channel);
    }
    out.push_str("</section>\n");
    rest(&mut out, report);
    tunnels(&mut out, report);
    numbers(&mut out, report);
    hours(&mut out, report);
    names(&mut out, report);
    list(&mut out, ("always", "What the operator has in any case"), &ALWAYS);
    list(&mut out, ("limits", "What this cannot say"), &LIMITS);
    out.push_str("</main>\n<footer><p>Made by Wirewitness on this machine. Nothing was sent anywhere. This page names what you do online: keep it as you keep the capture.</p></footer>\n</body>\n</html>\n");
    out
}

fn head(out: &mut String, told: &Told<'_>) {
    let (report, [first, last]) = (told.report, told.report.span_ns);
    let devices = if report.devices == 1 {
        "one device".to_owned()
    } else {
        format!("{} devices", report.devices)
    };
    let values = if told.shows_values {
        "Your own values are shown as they are."
    } else {
        "Values are masked: their first characters, and a mark that tells equal from different on this page only."
    };
    let _ = write!(
        out,
        "<header>\n<h1>What an operator can read of this device</h1>\n<p class=\"lead\">{}</p>\n\
         <p class=\"soft\">{}: {} to {} UTC, {devices}, {} packets.</p>\n\
         <p class=\"note\">This shows what can be read. It does not show that anyone reads it. Interception itself cannot be detected: a copy of the traffic leaves no trace on the device.</p>\n\
         <p class=\"soft\">{values} Correspondents are always masked.</p>\n</header>\n",
        headline(report),
        escape(told.file),
        minute(first),
        minute(last),
        report.counters.packets
    );
    out.push_str("<nav aria-label=\"On this page\"><p><a href=\"#found\">What can be read</a> · <a href=\"#numbers\">How much</a> · <a href=\"#hours\">The day</a> · <a href=\"#limits\">Limits</a></p></nav>\n");
}

fn by_severity(report: &Report) -> Vec<&ChannelFound> {
    let mut found: Vec<_> = report.channels.iter().filter(|it| it.state == State::Found).collect();
    found.sort_by_key(|it| std::cmp::Reverse(it.severity));
    found
}

fn class(severity: Option<Severity>) -> &'static str {
    match severity {
        Some(Severity::Critical) => "critical",
        Some(Severity::High) => "high",
        Some(Severity::Medium) => "medium",
        Some(Severity::Low) | None => "low",
    }
}

fn found(out: &mut String, channel: &ChannelFound) {
    let words = channel.severity.map_or("", Severity::words);
    let _ = write!(
        out,
        "<article class=\"card {}\">\n<h3>{}</h3>\n<p class=\"mark\">{}</p>\n<p>{}</p>\n<ul>\n",
        class(channel.severity),
        escape(channel.title),
        capital(words),
        escape(channel.readable)
    );
    for reading in &channel.readings {
        item(out, reading);
    }
    let _ = write!(
        out,
        "</ul>\n<p><strong>What would close it:</strong> {}</p>\n</article>\n",
        escape(channel.close)
    );
}

fn item(out: &mut String, reading: &ReadingFound) {
    let _ = write!(
        out,
        "<li>{}: {} time{}, {}",
        capital(reading.words),
        reading.count,
        if reading.count == 1 { "" } else { "s" },
        span(reading.first_ns, reading.last_ns)
    );
    if !reading.apps.is_empty() {
        let _ = write!(
            out,
            "<br><span class=\"soft\">Apps: {}</span>",
            escape(&reading.apps.join(", "))
        );
    }
    let shown = values(&reading.values, VALUES);
    if !shown.is_empty() {
        let more = reading.values.len().saturating_sub(VALUES) as u64 + reading.other_values;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = write!(out, "<br><span class=\"values\">{shown}</span>{more}");
    }
    out.push_str("</li>\n");
}

fn values(counted: &[Counted], most: usize) -> String {
    let shown: Vec<String> = counted.iter().take(most).map(|it| escape(&it.value)).collect();
    shown.join(", ")
}

fn rest(out: &mut String, report: &Report) {
    out.push_str("<section aria-labelledby=\"rest\">\n<h2 id=\"rest\">What this capture does not show</h2>\n");
    for channel in report.channels.iter().filter(|it| it.state == State::NotInCaptures) {
        let _ = write!(
            out,
            "<article class=\"card high\">\n<h3>{}</h3>\n<p>{}</p>\n<p><strong>What would close it:</strong> {}</p>\n</article>\n",
            escape(channel.title),
            escape(channel.readable),
            escape(channel.close)
        );
    }
    let names: Vec<String> = report
        .channels
        .iter()
        .filter(|it| it.state == State::NotSeen)
        .map(|it| escape(it.title))
        .collect();
    if !names.is_empty() {
        let _ = writeln!(out, "<p>Not seen while it ran: {}.</p>", names.join("; "));
    }
    out.push_str("</section>\n");
}

/// A table: its caption, heads of its columns, and rows whose first cell is a head. On a phone, each row is a block.
fn table(
    out: &mut String,
    (caption, heads): (&str, &[&str]),
    rows: impl Iterator<Item = Vec<String>>,
) {
    let _ = write!(out, "<table>\n<caption>{caption}</caption>\n<thead><tr>");
    for head in heads {
        let _ = write!(out, "<th scope=\"col\">{head}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (at, cell) in row.iter().enumerate() {
            let label = heads.get(at).copied().unwrap_or_default();
            let _ = match at {
                0 => write!(out, "<th scope=\"row\">{cell}</th>"),
                _ => write!(out, "<td data-label=\"{label}\">{cell}</td>"),
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
}

fn tunnels(out: &mut String, report: &Report) {
    if report.tunnels.is_empty() {
        return;
    }
    out.push_str("<section aria-labelledby=\"tunnels\">\n<h2 id=\"tunnels\">Tunnels, and what went beside them</h2>\n");
    let rows = report.tunnels.iter().map(|it| {
        let [sent, received] = it.bytes;
        vec![
            format!("{} to {}", it.protocol, escape(&it.endpoint)),
            format!("{} to {}", minute(it.first_ns), minute(it.last_ns)),
            format!("{} sent, {} received", size(sent), size(received)),
            format!(
                "{} plain DNS questions, {} IPv6 connections, {} others",
                it.dns_beside, it.ipv6_beside, it.others_beside
            ),
        ]
    });
    table(
        out,
        ("What an operator sees of a tunnel", &["Tunnel", "When (UTC)", "How much", "Beside it"]),
        rows,
    );
    out.push_str("</section>\n");
}

fn numbers(out: &mut String, report: &Report) {
    out.push_str("<section aria-labelledby=\"numbers\">\n<h2 id=\"numbers\">How much of it</h2>\n<dl class=\"numbers\">\n");
    for [label, words] in coverage(report) {
        let _ = writeln!(out, "<div><dt>{}</dt><dd>{}</dd></div>", escape(&label), escape(&words));
    }
    out.push_str("</dl>\n</section>\n");
}

fn hours(out: &mut String, report: &Report) {
    out.push_str("<section aria-labelledby=\"hours\">\n<h2 id=\"hours\">The day as the interceptor sees it</h2>\n");
    let rows = report.hours.iter().take(HOURS).map(|it| {
        vec![
            minute(it.begins_ns),
            format!("{} connections, {}", it.connections, size(it.bytes)),
            if it.services.is_empty() {
                "none that is known".to_owned()
            } else {
                escape(&it.services.join(", "))
            },
            format!("<span class=\"values\">{}</span>", values(&it.names, 12)),
        ]
    });
    table(out, ("Hours in UTC", &["Hour", "Traffic", "Services", "Names"]), rows);
    if report.hours.len() > HOURS {
        let _ = writeln!(out, "<p>And {} more hours.</p>", report.hours.len() - HOURS);
    }
    out.push_str("</section>\n");
}

fn names(out: &mut String, report: &Report) {
    if report.names.is_empty() {
        return;
    }
    out.push_str("<section aria-labelledby=\"names\">\n<h2 id=\"names\">Names</h2>\n");
    let rows = report.names.iter().take(NAMES).map(|it| {
        vec![
            format!("<span class=\"values\">{}</span>", escape(&it.name)),
            it.service.map_or_else(|| "not known".to_owned(), escape),
            it.count.to_string(),
            it.ways.join(", "),
        ]
    });
    table(out, ("The most frequent first", &["Name", "Service", "Times", "Read in"]), rows);
    let more = report.names.len().saturating_sub(NAMES);
    if more > 0 || report.names_left_out > 0 {
        let _ = writeln!(
            out,
            "<p>{more} more names are not shown; {} sightings were of others still.</p>",
            report.names_left_out
        );
    }
    out.push_str("</section>\n");
}

fn changes(out: &mut String, told: &Told<'_>) {
    let Some(comparison) = told.comparison else { return };
    out.push_str(
        "<section aria-labelledby=\"changes\">\n<h2 id=\"changes\">Before and after</h2>\n",
    );
    let rows = comparison.changes.iter().map(|it| {
        vec![
            capital(it.words),
            it.before.to_string(),
            it.after.to_string(),
            it.verdict.words().to_owned(),
        ]
    });
    table(out, ("How often each was read", &["What", "Before", "After", "Change"]), rows);
    out.push_str("<p>What is gone here may only not have happened while the second capture ran. All below is of the second.</p>\n</section>\n");
}

fn list(out: &mut String, (id, title): (&str, &str), lines: &[&str]) {
    let _ = write!(out, "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n<ul>\n");
    for line in lines {
        let _ = writeln!(out, "<li>{}</li>", escape(line));
    }
    out.push_str("</ul>\n</section>\n");
}

/// With a capital letter, made safe.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase()).into_iter();
    escape(&first.chain(letters).collect::<String>())
}

const VALUES: usize = 12;
const HOURS: usize = 72;
const NAMES: usize = 100;
