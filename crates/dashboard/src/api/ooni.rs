//! OONI's parameters, answered in OONI's shape.
//!
//! Source: the handlers of <https://github.com/ooni/backend>, `ooniapi/services/oonimeasurements`. OONI's words are used here only, since scripts
//! read them; what they stand for is in [`Mapped`].

use std::collections::{BTreeMap, BTreeSet};

use hyper::StatusCode;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};
use url::form_urlencoded;
use wirewitness_store::rollup::day_number;

use super::asked::Asked;
use super::limits::{Bounded, TOO_LONG, groups};
use super::own::{cursor, time_text, word};
use super::problem_of_facts;
use super::rows::{Column, Holds, Rows};
use crate::facts::{Axis, Facts, Filter, MeasurementRow, Tally, Whole};
use crate::server::problem::Problem;

/// Mechanisms that are named by the mark of a known block page.
const MARKED: [&str; 2] = ["dns.injection.blockpage", "http.blockpage"];

/// Counts in OONI's words.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Mapped {
    /// Blocked, without the mark of a known block page.
    anomaly: u64,
    /// Blocked, with it.
    confirmed: u64,
    /// Tells nothing.
    failure: u64,
    /// Could be used, or down by itself.
    ok: u64,
}

impl Mapped {
    fn add(&mut self, tally: &Tally, mechanism: &str) {
        let blocked =
            if MARKED.contains(&mechanism) { &mut self.confirmed } else { &mut self.anomaly };
        *blocked += tally.blocked;
        self.failure += tally.insufficient;
        self.ok += tally.ok + tally.down;
    }

    fn cells(self) -> [(&'static str, u64); 5] {
        [
            ("anomaly_count", self.anomaly),
            ("confirmed_count", self.confirmed),
            ("failure_count", self.failure),
            ("measurement_count", self.anomaly + self.confirmed + self.failure + self.ok),
            ("ok_count", self.ok),
        ]
    }
}

/// What [`aggregation`] found.
pub(super) struct Aggregated {
    axes: Vec<String>,
    /// Of each axis the words, in order.
    words: Vec<Vec<String>>,
    /// By the places of the words.
    rows: BTreeMap<[usize; 2], Mapped>,
}

pub(super) fn aggregation(facts: &Facts, asked: &Asked) -> Result<Aggregated, Problem> {
    let grain = match asked.text("time_grain").unwrap_or("day") {
        "hour" => {
            let detail =
                "time_grain: days are the finest that is counted; ask for day, week, month or year";
            return Err(Problem::parameter("time_grain", detail));
        }
        "week" => Axis::Week,
        "month" => Axis::Month,
        "year" => Axis::Year,
        _ => Axis::Day,
    };
    let names: Vec<&str> =
        ["axis_x", "axis_y"].iter().filter_map(|name| asked.text(name)).collect();
    if names.len() == 2 && names.first() == names.last() {
        return Err(Problem::parameter("axis_y", "axis_x and axis_y have to be different"));
    }
    let along: Vec<Axis> = names.iter().map(|name| axis(name, grain)).collect();
    let all: Vec<Axis> = along.iter().copied().chain([Axis::Mechanism]).collect();
    let found = groups(facts, &asked.filter(), &all)?;
    let (mut words, mut places) = (Vec::new(), Vec::new());
    for (at, (axis, name)) in along.iter().zip(&names).enumerate() {
        let said = found.values(at).iter().map(|value| match *name {
            "blocking_type" => blocking_type(value.text()).to_owned(),
            "probe_asn" => format!("AS{}", value.network()),
            _ => word(value, *axis),
        });
        let said: Vec<String> = said.collect();
        let each: BTreeSet<String> = said.iter().cloned().collect();
        let each: Vec<String> = each.into_iter().collect();
        places.push(said.iter().map(|it| each.partition_point(|one| one < it)).collect::<Vec<_>>());
        words.push(each);
    }
    let mechanisms = found.values(along.len());
    let mut rows: BTreeMap<[usize; 2], Mapped> = BTreeMap::new();
    for (at, tally) in found.placed() {
        let place = |values: &Vec<usize>, at: &u32| values.get(*at as usize).copied();
        let mut key = [0; 2];
        for ((slot, places), at) in key.iter_mut().zip(&places).zip(at) {
            *slot = place(places, at).unwrap_or_default();
        }
        let mechanism = at.last().and_then(|at| mechanisms.get(*at as usize));
        let mechanism = mechanism.map(crate::facts::Value::text).unwrap_or_default();
        rows.entry(key).or_default().add(tally, mechanism);
    }
    let axes = names.iter().map(|name| (*name).to_owned()).collect();
    Ok(Aggregated { axes, words, rows })
}

impl Aggregated {
    /// Version 0 of OONI's answer: an object without axes, else a list.
    pub(super) fn json(&self) -> Result<Vec<u8>, Problem> {
        let count = self.rows.len();
        let answer = Answer {
            v: 0,
            dimension_count: self.axes.len(),
            result: Results(self),
            db_stats: json!({ "row_count": count, "bytes": 0, "total_row_count": count, "elapsed_seconds": 0.0 }),
        };
        let mut out = Bounded::default();
        let written = serde_json::to_writer(&mut out, &answer);
        written.map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, TOO_LONG))?;
        Ok(out.into_bytes())
    }

    pub(super) fn csv(&self) -> String {
        let column = |name| Column { name, kind: Holds::Text, says: "" };
        let mut columns: Vec<Column> =
            Mapped::default().cells().map(|(name, _)| column(name)).to_vec();
        // The axes' names are words of the parameter.
        let axes = self
            .axes
            .iter()
            .filter_map(|name| super::routes::OONI_NAMES.iter().find(|it| *it == name));
        columns.splice(0..0, axes.map(|name| column(name)));
        let rows = self.rows.iter().map(|(key, mapped)| {
            let counts = mapped.cells().map(|(_, count)| json!(count));
            self.said(key).map(|it| json!(it)).chain(counts).collect()
        });
        Rows { rows: rows.collect(), ..Rows::default() }.csv(&columns)
    }

    /// The words of a row.
    fn said(&self, key: &[usize; 2]) -> impl Iterator<Item = &str> {
        let words = self.words.iter().zip(key);
        words.map(|(words, at)| words.get(*at).map_or("", String::as_str))
    }
}

#[derive(serde::Serialize)]
struct Answer<'a> {
    v: u8,
    dimension_count: usize,
    result: Results<'a>,
    db_stats: Value,
}

/// Rows that are written one after the other: as values, they would take a kilobyte each.
struct Results<'a>(&'a Aggregated);

struct Row<'a> {
    of: &'a Aggregated,
    key: &'a [usize; 2],
    mapped: Mapped,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = self.0;
        if of.axes.is_empty() {
            let mapped = of.rows.values().next().copied().unwrap_or_default();
            return Row { of, key: &[0; 2], mapped }.serialize(serializer);
        }
        serializer.collect_seq(of.rows.iter().map(|(key, mapped)| Row { of, key, mapped: *mapped }))
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = self.mapped.cells();
        let mut map = serializer.serialize_map(Some(self.of.axes.len() + counts.len()))?;
        for (name, place) in self.of.axes.iter().zip(self.of.said(self.key)) {
            map.serialize_entry(name, place)?;
        }
        for (name, count) in counts {
            map.serialize_entry(name, &count)?;
        }
        map.end()
    }
}

fn axis(name: &str, grain: Axis) -> Axis {
    match name {
        "measurement_start_day" => grain,
        "probe_cc" => Axis::Country,
        "probe_asn" => Axis::Network,
        "domain" => Axis::Domain,
        "input" => Axis::Target,
        "category_code" => Axis::Category,
        "blocking_type" => Axis::Mechanism,
        _ => Axis::Test,
    }
}

/// OONI's kinds of blocking.
fn blocking_type(mechanism: &str) -> &'static str {
    match mechanism.split('.').next().unwrap_or_default() {
        "" | "server" | "vantage" => "",
        "dns" => "dns",
        "tcp" | "ip" => "tcp_ip",
        _ if matches!(mechanism, "http.blockpage" | "http.redirect") => "http-diff",
        _ => "http-failure",
    }
}

/// A list in OONI's shape.
pub(super) async fn measurements(
    facts: &Facts,
    asked: &Asked,
    query: &str,
) -> Result<Value, Problem> {
    let limit = (asked.count("limit", 100) as usize).clamp(1, MOST_ROWS);
    let offset = asked.count("offset", 0) as usize;
    if offset + limit > MOST_ROWS && offset > 0 {
        let detail = format!(
            "offset: offset and limit are {MOST_ROWS} at most together, here {}; follow metadata.next_url instead",
            offset + limit
        );
        return Err(Problem::parameter("offset", detail));
    }
    let filter = Filter { statuses: statuses(asked), mechanisms: marks(asked), ..asked.filter() };
    let page = facts.measurements(&filter, cursor(asked)?.as_ref(), offset + limit).await;
    let page = page.map_err(|error| problem_of_facts(&error))?;
    let wants_marked = asked.flag("confirmed");
    let wanted = |row: &&MeasurementRow| wants_marked != Some(false) || !is_marked(row);
    let results: Vec<Value> = page.rows.iter().skip(offset).filter(wanted).map(result).collect();
    let next = page.next.map(|next| next_url(query, &next.text()));
    Ok(json!({
        "metadata": {
            "count": -1, "pages": -1, "current_page": offset / limit + 1, "limit": limit, "offset": offset,
            "next_url": next, "query_time": 0.0,
        },
        "results": results,
    }))
}

fn statuses(asked: &Asked) -> Vec<String> {
    let (anomaly, failure) = (asked.flag("anomaly"), asked.flag("failure"));
    let is_blocked_only = anomaly == Some(true) || asked.flag("confirmed") == Some(true);
    let wanted = |status: &str| match status {
        "blocked" => anomaly != Some(false) && failure != Some(true),
        "insufficient" => !is_blocked_only && failure != Some(false),
        _ => !is_blocked_only && failure != Some(true),
    };
    let found: Vec<String> = ["ok", "down", "blocked", "insufficient"]
        .iter()
        .filter(|it| wanted(it))
        .map(|it| (*it).to_owned())
        .collect();
    // Nothing can be both: a status that no verdict has.
    if found.is_empty() { vec!["none".to_owned()] } else { found }
}

fn marks(asked: &Asked) -> Vec<String> {
    match asked.flag("confirmed") {
        Some(true) => MARKED.map(str::to_owned).to_vec(),
        _ => Vec::new(),
    }
}

fn is_marked(row: &MeasurementRow) -> bool {
    row.status == "blocked" && row.mechanism.as_deref().is_some_and(|it| MARKED.contains(&it))
}

fn result(row: &MeasurementRow) -> Value {
    let uid = uid(row);
    json!({
        "anomaly": row.status == "blocked",
        "confirmed": is_marked(row),
        "failure": row.status == "insufficient",
        "input": (row.target != row.test_name).then_some(&row.target),
        "measurement_start_time": time_text(row.at_s),
        "measurement_url": format!("/api/v1/raw_measurement?measurement_uid={uid}"),
        "measurement_uid": uid,
        "probe_asn": row.probe_asn.map_or_else(|| "AS0".to_owned(), |asn| format!("AS{asn}")),
        "probe_cc": row.country,
        "report_id": Value::Null,
        "scores": {},
        "test_name": row.test_name,
    })
}

/// A name in the shape of OONI's, `20251123120000.000000_PK_webconnectivity_..`, which says where the measurement is kept.
fn uid(row: &MeasurementRow) -> String {
    let digits: String = time_text(row.at_s).chars().filter(char::is_ascii_digit).collect();
    let test: String = row.test_name.chars().filter(char::is_ascii_alphanumeric).collect();
    let micros = row.at_us.rem_euclid(1_000_000);
    format!("{digits}.{micros:06}_{}_{test}_{}", row.country, row.measurement_id)
}

/// One measurement, found by its name in OONI's shape.
pub(super) async fn whole(facts: &Facts, asked: &Asked) -> Result<Whole, Problem> {
    let uid = asked.text("measurement_uid").ok_or_else(|| {
        Problem::parameter(
            "measurement_uid",
            "measurement_uid is needed, as the list of measurements has it",
        )
    })?;
    let none = || Problem::not_found("there is no measurement of this name");
    let mut parts = uid.split('_');
    let time = parts.next().unwrap_or_default();
    let (Some(country), Some(_), Some(id)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(none());
    };
    let date = |from, to| time.get(from..to);
    let day = match (date(0, 4), date(4, 6), date(6, 8)) {
        (Some(y), Some(m), Some(d)) => day_number(&format!("{y}-{m}-{d}")),
        _ => None,
    };
    let found = facts.measurement((country, day.ok_or_else(none)?), id).await;
    found.map_err(|error| problem_of_facts(&error))?.ok_or_else(none)
}

pub(super) fn raw(whole: &Whole) -> Result<Value, Problem> {
    let gone = || {
        Problem::not_found(
            "no record of this measurement is kept: it came as a verdict, or from a capture",
        )
    };
    serde_json::from_str(&whole.document).map_err(|_| gone())
}

pub(super) fn meta(whole: &Whole) -> Value {
    let mut meta = result(&whole.verdict);
    if let Some(meta) = meta.as_object_mut() {
        meta.insert("category_code".to_owned(), Value::Null);
        meta.insert("raw_measurement".to_owned(), json!(""));
    }
    meta
}

fn next_url(query: &str, cursor: &str) -> String {
    let given = form_urlencoded::parse(query.as_bytes());
    let rest = given.filter(|(name, _)| name != "cursor" && name != "offset");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(rest)
        .append_pair("cursor", cursor)
        .finish();
    format!("/api/v1/measurements?{query}")
}

const MOST_ROWS: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_is_counted_once() {
        let tally = Tally { ok: 1, down: 2, blocked: 4, insufficient: 8, ..Tally::default() };
        let mut mapped = Mapped::default();
        mapped.add(&tally, "http.blockpage");
        mapped.add(&tally, "tls.reset.sni");
        let cells: BTreeMap<_, _> = mapped.cells().into_iter().collect();
        assert_eq!((cells["anomaly_count"], cells["confirmed_count"]), (4, 4));
        assert_eq!(
            (cells["failure_count"], cells["ok_count"], cells["measurement_count"]),
            (16, 6, 30)
        );
    }

    #[test]
    fn a_list_goes_on_where_it_ended() {
        assert_eq!(
            next_url("probe_cc=PK&offset=5&cursor=old&input=a%26b", "1-ab"),
            "/api/v1/measurements?probe_cc=PK&input=a%26b&cursor=1-ab"
        );
    }
}
