//! Our own tables: counts, events, measurements, rules.

use std::sync::Arc;

use serde_json::{Value, json};
use wirewitness_analysis::judge::rules;

use super::asked::Asked;
use super::limits::groups;
use super::problem_of_facts;
use super::rows::{Rows, offset_cursor, offset_of};
use crate::facts::{
    Axis, Cursor, EventFilter, EventRow, Facts, Filter, Group, MeasurementRow, Tally, day_text,
};
use crate::server::problem::Problem;

/// Words of axes, in the order of [`axis`].
pub(crate) const AXES: [&str; 12] = [
    "day",
    "week",
    "month",
    "year",
    "country",
    "network",
    "target",
    "domain",
    "category",
    "test_name",
    "mechanism",
    "origin",
];

fn axis(word: &str) -> Option<Axis> {
    let all = [
        Axis::Day,
        Axis::Week,
        Axis::Month,
        Axis::Year,
        Axis::Country,
        Axis::Network,
        Axis::Target,
        Axis::Domain,
        Axis::Category,
        Axis::Test,
        Axis::Mechanism,
        Axis::Origin,
    ];
    AXES.iter().zip(all).find(|(known, _)| **known == word).map(|(_, axis)| axis)
}

/// Cells of [`super::routes::COUNTS`].
fn counts(tally: &Tally) -> [Value; 9] {
    let [low, medium, high] = tally.confidence;
    [
        json!(tally.ok),
        json!(tally.down),
        json!(tally.blocked),
        json!(tally.insufficient),
        json!(low),
        json!(medium),
        json!(high),
        json!(tally.vantages()),
        json!(tally.blocked_vantages()),
    ]
}

fn counted(own: impl IntoIterator<Item = Value>, tally: &Tally) -> Vec<Value> {
    own.into_iter().chain(counts(tally)).collect()
}

/// Where a table goes on, and how far.
fn page(asked: &Asked, facts: &Facts) -> Result<(usize, usize), Problem> {
    let from = asked.text("cursor").map_or(Ok(0), |cursor| offset_of(cursor, facts.commit()))?;
    Ok((from, asked.count("limit", 1_000) as usize))
}

/// A part of a table. Only its rows are made.
fn table<T>(
    facts: &Facts,
    all: impl IntoIterator<Item = T>,
    row: impl Fn(T) -> Vec<Value>,
    (from, limit): (usize, usize),
) -> Rows {
    let mut rest = all.into_iter().skip(from);
    let rows = rest.by_ref().take(limit).map(row).collect();
    let commit = facts.commit();
    let next = rest.next().map(|_| offset_cursor(from + limit, commit));
    Rows { rows, next, commit }
}

pub(super) fn countries(facts: &Facts, asked: &Asked) -> Result<Rows, Problem> {
    let found = facts.countries(&asked.filter());
    let row = |(code, tally): &(Arc<str>, Tally)| counted([json!(code)], tally);
    Ok(table(facts, &found, row, page(asked, facts)?))
}

pub(super) fn networks(facts: &Facts, asked: &Asked) -> Result<Rows, Problem> {
    let found = facts.networks(&asked.filter());
    let row = |row: &crate::facts::NetworkRow| {
        counted([json!(row.country), json!(row.asn), json!(row.name)], &row.tally)
    };
    Ok(table(facts, &found, row, page(asked, facts)?))
}

pub(super) fn targets(facts: &Facts, asked: &Asked) -> Result<Rows, Problem> {
    let found = facts.names(&asked.filter());
    let row = |row: &crate::facts::TargetRow| counted([json!(row.domain)], &row.tally);
    Ok(table(facts, &found, row, page(asked, facts)?))
}

pub(super) fn along(facts: &Facts, asked: &Asked) -> Result<Rows, Problem> {
    let axes: Vec<Axis> = asked.list("axes").iter().filter_map(|word| axis(word)).collect();
    if axes.len() > 4 {
        let detail = format!("axes: {} are asked for; at most four can be", axes.len());
        return Err(Problem::parameter("axes", detail));
    }
    let found = groups(facts, &asked.filter(), &axes)?;
    let row = |group: Group| {
        let keys = group.key.iter().zip(&axes).map(|(value, axis)| json!(word(value, *axis)));
        let none = std::iter::repeat(Value::Null);
        counted(keys.chain(none).take(4), &group.tally)
    };
    Ok(table(facts, found.iter(), row, page(asked, facts)?))
}

/// A place on an axis as text.
pub(super) fn word(value: &crate::facts::Value, axis: Axis) -> String {
    match axis {
        Axis::Day | Axis::Week | Axis::Month | Axis::Year => day_text(value.day()),
        Axis::Network => value.network().to_string(),
        _ => value.text().to_owned(),
    }
}

pub(super) fn overview(facts: &Facts) -> Value {
    let tally = facts.tally(&Filter::default());
    let all = EventFilter::default();
    let events: Vec<&EventRow> = facts.events(&all).collect();
    let last = events.iter().filter(|event| event.ended_at.is_none()).count();
    let names = super::routes::COUNTS.iter().map(|column| column.name.to_owned());
    let counts: serde_json::Map<String, Value> = names.zip(counts(&tally)).collect();
    json!({
        "commit": facts.commit(),
        "counts": counts,
        "events": { "all": events.len(), "lasting": last },
        "days": facts.days().map(|(first, last)| [day_text(first), day_text(last)]),
        "origins": facts.origins().iter().map(|it| it.to_string()).collect::<Vec<_>>(),
        "is_made_up": facts.is_made_up(),
    })
}

pub(super) fn coverage(facts: &Facts) -> Value {
    let coverage = facts.coverage();
    let formats: serde_json::Map<String, Value> = coverage
        .formats
        .iter()
        .map(|(format, [files, bytes, records, refused])| {
            let counts =
                json!({ "files": files, "bytes": bytes, "records": records, "refused": refused });
            (format.clone(), counts)
        })
        .collect();
    let judged: Vec<Value> = coverage
        .judged_with
        .iter()
        .map(|(with, files)| {
            let with: Value = serde_json::from_str(with).unwrap_or_else(|_| json!(with));
            json!({ "with": with, "files": files })
        })
        .collect();
    let days: serde_json::Map<String, Value> =
        coverage.days.iter().map(|(day, count)| (day_text(*day), json!(count))).collect();
    let gaps: Vec<[String; 2]> =
        coverage.gaps().iter().map(|(a, b)| [day_text(*a), day_text(*b)]).collect();
    json!({ "commit": facts.commit(), "formats": formats, "judged_with": judged, "days": days, "gaps": gaps })
}

pub(super) fn event_filter(asked: &Asked) -> EventFilter {
    EventFilter {
        country: asked.text("country").map(str::to_owned),
        asn: asked.networks("network").first().copied(),
        name: asked.text("name").map(str::to_owned),
        category: asked.text("category").map(str::to_owned),
        kind: asked.text("kind").map(str::to_owned),
        certainty: asked.text("certainty").map(str::to_owned),
        is_over: asked.flag("is_over"),
        since: asked.day("since"),
        until: asked.day("until"),
    }
}

pub(super) fn events(facts: &Facts, asked: &Asked) -> Result<Rows, Problem> {
    let filter = event_filter(asked);
    Ok(table(facts, facts.events(&filter), event_row, page(asked, facts)?))
}

pub(super) async fn event(facts: &Facts, asked: &Asked) -> Result<Rows, Problem> {
    let id = asked.text("id").unwrap_or_default();
    let history = facts.history(id).await.map_err(|error| problem_of_facts(&error))?;
    if history.is_empty() {
        return Err(Problem::not_found("there is no event of this name"));
    }
    Ok(Rows { rows: history.iter().map(event_row).collect(), next: None, commit: facts.commit() })
}

/// Cells of [`super::routes::EVENT`].
fn event_row(event: &EventRow) -> Vec<Value> {
    vec![
        json!(event.event_id),
        json!(event.revision),
        json!(event.kind),
        json!(event.certainty),
        json!(event.confidence),
        json!(event.country),
        json!(event.country_wide),
        json!(time_text(event.started_at)),
        json!(time_text(event.seen_at)),
        json!(event.ended_at.map(time_text)),
        json!(event.targets),
        json!(event.networks),
        json!(event.networks_against),
        json!(event.mechanisms),
        json!(event.units_blocked),
        json!(event.units_ok),
        json!(event.units_down),
        json!(event.vantages),
        json!(event.holds),
    ]
}

pub(super) async fn measurements(facts: &Facts, asked: &Asked) -> Result<Rows, Problem> {
    let after = cursor(asked)?;
    let limit = asked.count("limit", 100) as usize;
    let page = facts.measurements(&asked.filter(), after.as_ref(), limit).await;
    let page = page.map_err(|error| problem_of_facts(&error))?;
    Ok(Rows {
        rows: page.rows.iter().map(measurement_row).collect(),
        next: page.next.map(|next| next.text()),
        commit: facts.commit(),
    })
}

/// Where a list of measurements goes on.
pub(super) fn cursor(asked: &Asked) -> Result<Option<Cursor>, Problem> {
    let wrong = || Problem::parameter("cursor", "cursor is none that was given here");
    asked.text("cursor").map(|text| Cursor::parse(text).ok_or_else(wrong)).transpose()
}

/// Cells of [`super::routes::MEASUREMENT`].
fn measurement_row(row: &MeasurementRow) -> Vec<Value> {
    vec![
        json!(row.measurement_id),
        json!(time_text(row.at_s)),
        json!(row.country),
        json!(row.day),
        json!(row.origin),
        json!(row.test_name),
        json!(row.target),
        json!(row.domain),
        json!(row.probe_asn),
        json!(row.resolver_asn),
        json!(row.status),
        json!(row.mechanism),
        json!(row.locus),
        json!(row.confidence),
        json!(row.rule),
        json!(row.rule_version),
        json!(row.cannot_tell.clone().unwrap_or_default()),
    ]
}

pub(super) async fn measurement(facts: &Facts, asked: &Asked) -> Result<Value, Problem> {
    let country = asked.text("country").unwrap_or_default();
    let place = (country, asked.day("day").unwrap_or(0));
    let id = asked.text("id").unwrap_or_default();
    let whole = facts.measurement(place, id).await.map_err(|error| problem_of_facts(&error))?;
    let whole = whole.ok_or_else(|| Problem::not_found("there is no such measurement"))?;
    let document: Value = serde_json::from_str(&whole.document).unwrap_or(Value::Null);
    let evidence =
        whole.verdict.evidence.as_deref().and_then(|it| serde_json::from_str::<Value>(it).ok());
    let mut verdict = json!(whole.verdict);
    if let Some(verdict) = verdict.as_object_mut() {
        verdict.insert("evidence".to_owned(), json!(evidence));
    }
    Ok(json!({
        "verdict": verdict, "steps": whole.steps, "document": document, "source": whole.source, "measurement_uid": whole.uid,
    }))
}

pub(super) fn all_rules(facts: &Facts, asked: &Asked) -> Result<Rows, Problem> {
    let row = |rule: &wirewitness_analysis::judge::rule::Rule| {
        vec![
            json!(rule.id),
            json!(rule.version),
            json!(rule.says),
            json!(rule.stands_on),
            json!(rule.cannot_tell),
            json!(rule.false_positives),
        ]
    };
    Ok(table(facts, rules(), row, page(asked, facts)?))
}

/// `2025-11-23T12:00:00Z` of seconds since 1970 (RFC 3339).
pub(super) fn time_text(seconds: i64) -> String {
    let day = i32::try_from(seconds.div_euclid(86_400)).unwrap_or(0);
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", day_text(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_an_axis_and_times_are_of_the_standard() {
        assert!(AXES.iter().all(|word| axis(word).is_some()));
        assert_eq!(time_text(1_763_856_000), "2025-11-23T00:00:00Z");
        assert_eq!(time_text(951_868_799), "2000-02-29T23:59:59Z");
    }
}
