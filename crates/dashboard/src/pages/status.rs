//! What the archive stands on: files, versions, days with and without measurements.

use maud::html;

use super::Page;
use super::ask::{Ask, theirs};
use super::draw::{bars, over_time};
use super::table::{Cell, Table};
use crate::facts::{Filter, day_text};

/// `/status`.
pub(super) fn page(ask: &Ask) -> Page {
    let coverage = ask.facts.coverage();
    let number = |column: u64| Cell::count(ask, column);
    let mut formats = Table::new(
        ask,
        "formats",
        ask.say("dash-formats"),
        &[
            ("format", "dash-format"),
            ("files", "dash-files"),
            ("bytes", "dash-bytes"),
            ("records", "dash-records"),
            ("refused", "dash-refused"),
        ],
    );
    for (format, [files, bytes, records, refused]) in &coverage.formats {
        formats.push(vec![
            Cell::new(&**format, theirs(format)),
            number(*files),
            number(*bytes),
            number(*records),
            number(*refused),
        ]);
    }
    let mut sources = Table::new(
        ask,
        "sources",
        ask.say("dash-sources"),
        &[
            ("sha256", "dash-sha256"),
            ("name", "dash-file"),
            ("format", "dash-format"),
            ("records", "dash-records"),
            ("refused", "dash-refused"),
            ("bytes", "dash-bytes"),
        ],
    );
    for source in &coverage.sources {
        let name = source.name.as_deref().unwrap_or("–");
        sources.push(vec![
            Cell::new(&*source.sha256, html! { code { (theirs(&source.sha256)) } }),
            Cell::new(source.name.as_deref(), theirs(name)),
            Cell::new(&*source.format, theirs(&source.format)),
            number(source.records),
            number(source.refused),
            number(source.bytes),
        ]);
    }
    let mut versions = Table::new(
        ask,
        "versions",
        ask.say("dash-versions"),
        &[("judged_with", "dash-judged-with"), ("files", "dash-files")],
    );
    for (with, files) in &coverage.judged_with {
        versions.push(vec![Cell::new(&**with, html! { code { (theirs(with)) } }), number(*files)]);
    }
    let mut gaps = Table::new(
        ask,
        "gaps",
        ask.say("dash-gaps"),
        &[("first_day", "dash-first-day"), ("last_day", "dash-last-day"), ("days", "dash-days")],
    );
    for (first, last) in coverage.gaps() {
        gaps.push(vec![
            Cell::new(day_text(first), html! { (ask.day(first)) }),
            Cell::new(day_text(last), html! { (ask.day(last)) }),
            number(u64::from((last - first + 1).unsigned_abs())),
        ]);
    }
    let (axis, bins) = over_time(&ask.facts, &Filter::default());
    let (chart, time) = bars(ask, (axis, &bins), &ask.say("dash-verdicts-over-time"));
    let uncounted = ask.facts.rollup().uncounted;
    let body = html! {
        p { (ask.say("dash-status-lead")) }
        @if uncounted > 0 { p.note { (ask.say_with("dash-uncounted", &[("count", uncounted.into())])) } }
        section aria-labelledby="when" { h2 #when { (ask.say("dash-when")) } (chart) }
        section aria-labelledby="gaps" { h2 #gaps { (ask.say("dash-gaps")) } @if gaps.is_empty() { p { (ask.say("dash-no-gaps")) } } @else { (gaps.shown(ask)) } }
        section aria-labelledby="formats" { h2 #formats { (ask.say("dash-formats")) } (formats.shown(ask)) }
        section aria-labelledby="versions" { h2 #versions { (ask.say("dash-versions")) } (versions.shown(ask)) }
        section aria-labelledby="sources" { h2 #sources { (ask.say("dash-sources")) } (sources.shown(ask)) }
    };
    Page::new(ask.say("dash-nav-status"), body, vec![time, gaps, formats, versions, sources])
}
