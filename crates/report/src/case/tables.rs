//! Networks, targets, mechanisms, events, measurements.

use wirewitness_model::case::{Event, Measured, Network, Tally};
use wirewitness_model::verdict;

use super::blocks::{Block, Cell, Column, Mark, Span, Table, foreign};
use super::{Told, network as network_name, short_day};
use crate::words::Words;

pub(super) fn networks(told: &Told<'_>) -> Vec<Block> {
    let words = told.words;
    let head = counted(words, "report-col-network", "report-col-confidence");
    let table = Table {
        caption: words.say("report-networks-says"),
        head: head.into(),
        rows: told.case.networks.rows.iter().map(|it| network(words, it)).collect(),
        after: more(words, told.case.networks.more()),
    };
    vec![Block::Heading("networks", words.say("report-networks")), Block::Table(table)]
}

fn network(words: &Words, network: &Network) -> Vec<Cell> {
    let mut name =
        vec![foreign(&format!("{} {}", network.country, network_name(words, network.asn)))];
    if let Some(own) = &network.name {
        name.extend([Span::Words(" ".to_owned()), foreign(own)]);
    }
    let tally = network.tally;
    let confidence = network.confidence.map(|count| words.count(count));
    let mut row = vec![Cell { mark: None, spans: name }, finding(words, tally)];
    row.extend(counts(words, tally));
    row.push(Cell::words(words.say_with(
        "report-counts",
        &[("witnesses", network.witnesses.into()), ("vantages", tally.vantages.into())],
    )));
    row.push(Cell::words(confidence.join(" / ")));
    row
}

/// What may be said of these measurements in few words: shares, because single verdicts can be wrong. "Not enough" is no kind of "usable".
fn finding(words: &Words, tally: Tally) -> Cell {
    let of = |mark: Mark, id: &str| Cell::words(words.say(id)).marked(mark);
    match tally {
        Tally { blocked: 1.., .. } => {
            #[expect(clippy::cast_precision_loss, reason = "a share in whole per cent")]
            let share = tally.blocked as f64 / tally.decided() as f64;
            let says = if share < 0.01 {
                words.say("report-found-rarely")
            } else {
                words.say_with("report-found-blocked", &[("share", words.percent(share).into())])
            };
            Cell::words(says).marked(Mark::Blocked)
        }
        Tally { ok: 1.., .. } => of(Mark::Ok, "report-found-ok"),
        Tally { down: 1.., .. } => of(Mark::Down, "report-found-down"),
        _ => of(Mark::Insufficient, "report-found-insufficient"),
    }
}

fn counts(words: &Words, tally: Tally) -> [Cell; 4] {
    [tally.blocked, tally.down, tally.ok, tally.insufficient].map(|it| Cell::words(words.count(it)))
}

pub(super) fn targets(told: &Told<'_>) -> Vec<Block> {
    let words = told.words;
    let head = counted(words, "report-col-target", "report-col-networks-blocking");
    let rows = told.case.targets.rows.iter().map(|target| {
        let tally = target.tally;
        let of = |one: u64, all: u64| {
            let said = [("witnesses", one.into()), ("vantages", all.into())];
            Cell::words(words.say_with("report-counts", &said))
        };
        let mut row = vec![Cell::foreign(&target.name), finding(words, tally)];
        row.extend(counts(words, tally));
        row.push(of(target.witnesses, tally.vantages));
        row.push(of(target.networks_blocked, tally.networks));
        row
    });
    let table = Table {
        caption: words.say("report-targets-says"),
        head: head.into(),
        rows: rows.collect(),
        after: more(words, told.case.targets.more()),
    };
    vec![Block::Heading("targets", words.say("report-targets")), Block::Table(table)]
}

pub(super) fn mechanisms(told: &Told<'_>) -> Vec<Block> {
    let words = told.words;
    if told.case.mechanisms.is_empty() {
        return Vec::new();
    }
    let head = [
        text(words, "report-col-mechanism"),
        text(words, "report-col-meaning"),
        text(words, "report-col-status"),
        number(words, "report-col-measurements"),
        number(words, "report-col-networks"),
        number(words, "report-col-vantages"),
    ];
    let rows = told.case.mechanisms.iter().map(|mechanism| {
        let known = verdict::Mechanism::ALL.iter().find(|(_, word, _)| *word == mechanism.word);
        let meaning = known.map_or("", |(_, _, says)| says.trim());
        vec![
            Cell::foreign(&mechanism.word),
            Cell { mark: None, spans: vec![Span::English(meaning.to_owned())] },
            status(words, &mechanism.status),
            Cell::words(words.count(mechanism.count)),
            Cell::words(words.count(mechanism.networks)),
            Cell::words(words.count(mechanism.vantages)),
        ]
    });
    let table = Table {
        caption: words.say("report-mechanisms-says"),
        head: head.into(),
        rows: rows.collect(),
        after: None,
    };
    vec![Block::Heading("mechanisms", words.say("report-mechanisms")), Block::Table(table)]
}

pub(super) fn events(told: &Told<'_>) -> Vec<Block> {
    let words = told.words;
    let heading = Block::Heading("events", words.say("report-events"));
    if told.case.events.rows.is_empty() {
        return vec![heading, Block::Text(vec![Span::Words(words.say("report-sum-no-events"))])];
    }
    let head = ["event", "when", "what", "where", "evidence"];
    let table = Table {
        caption: words.say("report-events-says"),
        head: head.map(|it| text(words, &format!("report-col-{it}"))).into(),
        rows: told.case.events.rows.iter().map(|it| event(words, it)).collect(),
        after: more(words, told.case.events.more()),
    };
    vec![heading, Block::Table(table)]
}

fn event(words: &Words, event: &Event) -> Vec<Cell> {
    // To the hour: a minute could tell who measured.
    let hour = |at_s: i64| words.minute(at_s.div_euclid(3_600) * 3_600);
    let start = hour(event.started_s);
    let when = match event.ended_s {
        Some(end) => words
            .say_with("report-event-over", &[("start", start.into()), ("end", hour(end).into())]),
        None => words.say_with("report-event-lasting", &[("start", start.into())]),
    };
    let kind = [&event.kind, &event.certainty].map(|it| named(words, "report-event-", it));
    let mut what = vec![Span::Words(format!("{}. ", kind.join(", ")))];
    what.extend(some(words, &event.targets.rows, event.targets.more()));
    what.extend(some(words, &event.mechanisms, 0));
    let networks: Vec<String> =
        event.networks.rows.iter().map(|asn| network_name(words, Some(*asn))).collect();
    let mut place = vec![foreign(&event.country), Span::Words(" ".to_owned())];
    place.extend(some(words, &networks, event.networks.more()));
    let [blocked, ok, down] = event.units;
    let evidence = words.say_with(
        "report-event-evidence",
        &[
            ("blocked", blocked.into()),
            ("ok", ok.into()),
            ("down", down.into()),
            ("vantages", event.vantages.into()),
            ("confidence", named(words, "confidence-", &event.confidence).into()),
        ],
    );
    vec![
        Cell::foreign(&event.statement),
        Cell::words(when),
        Cell { mark: None, spans: what },
        Cell { mark: None, spans: place },
        Cell::words(evidence),
    ]
}

/// Some texts, with blanks between them, and how many more there are.
fn some(words: &Words, texts: &[String], more: u64) -> Vec<Span> {
    let mut spans = Vec::new();
    for text in texts {
        spans.extend([foreign(text), Span::Words(" ".to_owned())]);
    }
    if more > 0 {
        let more = words.say_with("report-and-more", &[("count", more.into())]);
        spans.push(Span::Words(format!("{more} ")));
    }
    spans
}

pub(super) fn measurements(told: &Told<'_>) -> Vec<Block> {
    let words = told.words;
    let head = ["hash", "day", "target", "network", "status", "mechanism", "sure", "rule"];
    let table = Table {
        caption: words.say("report-list-says"),
        head: head.map(|it| text(words, &format!("report-col-{it}"))).into(),
        rows: told.case.measurements.rows.iter().map(|it| measured(words, it)).collect(),
        after: more(words, told.case.measurements.more()),
    };
    vec![Block::Heading("measurements", words.say("report-list")), Block::Table(table)]
}

fn measured(words: &Words, one: &Measured) -> Vec<Cell> {
    vec![
        Cell::foreign(&one.id),
        Cell::words(short_day(words, one.day)),
        Cell::foreign(&one.target),
        Cell::foreign(&format!("{} {}", one.country, network_name(words, one.asn))),
        status(words, &one.status),
        Cell::foreign(one.mechanism.as_deref().unwrap_or("–")),
        Cell::words(named(words, "confidence-", &one.confidence)),
        Cell::foreign(&one.rule),
    ]
}

/// A verdict's status with its mark.
fn status(words: &Words, status: &str) -> Cell {
    let mark = Mark::ALL.into_iter().find(|mark| mark.word() == status);
    Cell { mark, ..Cell::words(named(words, "status-", status)) }
}

/// A word of ours in the report's language; one that is not ours as it is.
fn named(words: &Words, family: &str, word: &str) -> String {
    let id = format!("{family}{word}");
    if words.has(&id) { words.say(&id) } else { foreign(word).text().to_owned() }
}

pub(super) fn more(words: &Words, count: u64) -> Option<String> {
    (count > 0).then(|| words.say_with("report-more", &[("count", count.into())]))
}

/// What, what was found of it and its counts, and one more number.
fn counted(words: &Words, what: &str, last: &str) -> [Column; 8] {
    [
        text(words, what),
        text(words, "report-col-finding"),
        number(words, "report-col-blocked"),
        number(words, "report-col-down"),
        number(words, "report-col-ok"),
        number(words, "report-col-insufficient"),
        number(words, "report-col-witnesses"),
        number(words, last),
    ]
}

pub(super) fn text(words: &Words, id: &str) -> Column {
    Column { title: words.say(id), is_number: false }
}

pub(super) fn number(words: &Words, id: &str) -> Column {
    Column { title: words.say(id), is_number: true }
}
