//! The audit for a terminal.

use std::fmt::Write as _;

use wirewitness_analysis::exposure::channel::{ALWAYS, LIMITS};
use wirewitness_analysis::exposure::report::{ChannelFound, ReadingFound, Report, State};

use super::{Told, coverage, headline};
use crate::when::{minute, size, span};

/// The whole of it.
pub fn text(told: &Told<'_>) -> String {
    let (report, mut out) = (told.report, String::new());
    let [first, last] = report.span_ns;
    let _ = writeln!(out, "What an operator can read of this device\n{}\n", headline(report));
    let _ = writeln!(
        out,
        "{}: {} to {} UTC, {} device(s), {} packets",
        told.file,
        minute(first),
        minute(last),
        report.devices,
        report.counters.packets
    );
    let masked = if told.shows_values {
        "your own values are shown"
    } else {
        "values are masked (--show-values shows your own)"
    };
    let _ = writeln!(out, "{masked}; those of correspondents are always masked\n");
    out.push_str("This shows what can be read. It does not show that anyone reads it, and no program can: a copy leaves no trace.\n\n");
    changes(&mut out, told);
    for channel in report.channels.iter().filter(|it| it.state == State::Found) {
        found(&mut out, channel);
    }
    rest(&mut out, report);
    tunnels(&mut out, report);
    out.push_str("How much of it\n");
    for [label, words] in coverage(report) {
        let _ = writeln!(out, "  {label}: {words}");
    }
    hours(&mut out, report);
    out.push_str("\nReadable by the operator in any case, whatever the capture holds\n");
    for line in ALWAYS {
        let _ = writeln!(out, "  - {line}");
    }
    out.push_str("\nWhat this cannot say\n");
    for line in LIMITS {
        let _ = writeln!(out, "  - {line}");
    }
    out
}

fn found(out: &mut String, channel: &ChannelFound) {
    let severity = channel.severity.map_or("", |it| it.words());
    let _ = writeln!(
        out,
        "{}. {} [{severity}]\n   {}",
        channel.number, channel.title, channel.readable
    );
    for reading in &channel.readings {
        reading_line(out, reading);
    }
    let _ = writeln!(out, "   What would close it: {}\n", channel.close);
}

fn reading_line(out: &mut String, reading: &ReadingFound) {
    let when = span(reading.first_ns, reading.last_ns);
    let _ = write!(out, "   - {}: {} time(s), {when}", reading.words, reading.count);
    if !reading.apps.is_empty() {
        let _ = write!(out, "; apps: {}", reading.apps.join(", "));
    }
    out.push('\n');
    let values: Vec<&str> =
        reading.values.iter().take(VALUES).map(|it| it.value.as_str()).collect();
    if !values.is_empty() {
        let more = (reading.values.len() - values.len()) as u64 + reading.other_values;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(out, "       {}{more}", values.join(", "));
    }
}

fn rest(out: &mut String, report: &Report) {
    let of = |state| report.channels.iter().filter(move |it| it.state == state);
    for channel in of(State::NotInCaptures) {
        let _ = writeln!(
            out,
            "{}. {} [not in any capture]\n   {}\n   What would close it: {}\n",
            channel.number, channel.title, channel.readable, channel.close
        );
    }
    let names: Vec<String> =
        of(State::NotSeen).map(|it| format!("{} ({})", it.title, it.number)).collect();
    if !names.is_empty() {
        let _ = writeln!(out, "Not seen in this capture: {}\n", names.join(", "));
    }
}

fn tunnels(out: &mut String, report: &Report) {
    for tunnel in &report.tunnels {
        let [sent, received] = tunnel.bytes;
        let _ = writeln!(
            out,
            "Tunnel: {} to {}, {} to {} UTC, {} packets, {} sent, {} received\n  beside it while it ran: {} plain DNS questions, {} IPv6 connections, {} other connections\n",
            tunnel.protocol,
            tunnel.endpoint,
            minute(tunnel.first_ns),
            minute(tunnel.last_ns),
            tunnel.packets,
            size(sent),
            size(received),
            tunnel.dns_beside,
            tunnel.ipv6_beside,
            tunnel.others_beside
        );
    }
}

fn hours(out: &mut String, report: &Report) {
    out.push_str("\nThe day as the interceptor sees it (UTC)\n");
    for hour in report.hours.iter().take(HOURS) {
        let names: Vec<&str> = hour.names.iter().take(6).map(|it| it.value.as_str()).collect();
        let _ = writeln!(
            out,
            "  {}  {} connections, {}; {}{}{}",
            minute(hour.begins_ns),
            hour.connections,
            size(hour.bytes),
            hour.services.join(", "),
            if hour.services.is_empty() { "" } else { "; " },
            names.join(", ")
        );
    }
    if report.hours.len() > HOURS {
        let _ = writeln!(out, "  and {} more hours", report.hours.len() - HOURS);
    }
}

fn changes(out: &mut String, told: &Told<'_>) {
    let Some(comparison) = told.comparison else { return };
    out.push_str("Before and after\n");
    for change in &comparison.changes {
        let _ = writeln!(
            out,
            "  {:>5} -> {:<5} {:<8} {} ({})",
            change.before,
            change.after,
            change.verdict.words(),
            change.words,
            change.id
        );
    }
    out.push_str("What is gone here may only not have happened while the second capture ran.\n\n");
}

const VALUES: usize = 8;
const HOURS: usize = 72;
