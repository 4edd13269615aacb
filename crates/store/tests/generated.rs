//! An archive of made-up rows, and the same rows as plain values to compare with.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, lexsort_to_indices, take_record_batch};
use arrow::json::ReaderBuilder;
use serde_json::{Map, Value, json};
use wirewitness_store::archive::{Changes, Writer};
use wirewitness_store::schema::{EVENT, Kind, MEASUREMENT, OBSERVATION, SOURCE, Table, VERDICT};
use wirewitness_store::table::Partition;

use crate::filled::at;

/// One measurement.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) country: &'static str,
    pub(crate) day: u32,
    pub(crate) at: String,
    pub(crate) asn: Option<i64>,
    pub(crate) domain: String,
    pub(crate) vantage: i64,
    pub(crate) status: &'static str,
    pub(crate) fingerprint: Option<&'static str>,
    pub(crate) mechanism: Option<&'static str>,
    pub(crate) ooni: Option<&'static str>,
    pub(crate) answers: Vec<String>,
    pub(crate) control: Option<Vec<String>>,
    pub(crate) certificate: Option<String>,
}

impl Made {
    pub(crate) fn date(&self) -> String {
        format!("2026-03-{:02}", self.day)
    }

    fn rule(&self) -> String {
        format!("made.{}", self.mechanism.unwrap_or(self.status))
    }
}

/// Numbers that only look like chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// So many measurements a country and day, over 18 days of March 2026 and three countries.
pub(crate) fn made(each: u32) -> Vec<Made> {
    let mut chance = Chance(7);
    let mut all = Vec::new();
    for country in ["XA", "XB", "XC"] {
        for day in 1..=18 {
            for n in 0..each {
                all.push(one(&mut chance, (country, day, n)));
            }
        }
    }
    all
}

fn one(chance: &mut Chance, (country, day, n): (&'static str, u32, u32)) -> Made {
    let site = chance.below(8);
    let (status, mechanism, fingerprint) = match (chance.below(10), site % 3) {
        (0, _) => ("insufficient", None, None),
        (1, _) => ("down", Some("server.down"), None),
        (2..=4, 0) => ("blocked", Some("dns.injection.blockpage"), Some("made page")),
        (2..=6, 1) => ("blocked", Some("tls.reset.sni"), None),
        _ => ("ok", None, None),
    };
    let right = format!("192.0.2.{site}");
    let answer = if fingerprint.is_some() { "198.51.100.1".to_owned() } else { right.clone() };
    Made {
        id: format!(
            "{:032x}",
            u128::from(chance.below(1 << 30)) << 64 | u128::from(day * 1000 + n)
        ),
        country,
        day,
        at: format!(
            "2026-03-{day:02}T{:02}:{:02}:{:02}Z",
            chance.below(24),
            chance.below(60),
            chance.below(60)
        ),
        asn: (chance.below(20) > 0).then(|| 64496 + chance.below(3) as i64),
        domain: format!("www.site{site}.example"),
        vantage: chance.below(12) as i64 - 6,
        status,
        fingerprint,
        mechanism,
        ooni: match status {
            "blocked" if chance.below(4) > 0 => Some("dns"),
            "insufficient" => None,
            _ => Some("false"),
        },
        answers: vec![answer, "cdn.example".to_owned()],
        control: (chance.below(5) > 0).then(|| vec![right]),
        certificate: (status == "ok").then(|| format!("{:064x}", site * 2 + chance.below(20) / 19)),
    }
}

/// Writes an archive of these measurements, two files a partition, and of some events.
pub(crate) fn write(folder: &Path, rows: &[Made]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut writer = Writer::open(&at(folder)).await.unwrap();
        let mut parts: BTreeMap<(Partition, usize), Vec<&Made>> = BTreeMap::new();
        for (number, row) in rows.iter().enumerate() {
            let partition = Partition { country: row.country.to_owned(), day: row.date() };
            parts.entry((partition, number % 2)).or_default().push(row);
        }
        let mut changes = Changes::new();
        for ((partition, _), rows) in &parts {
            for (table, lines) in [
                (&MEASUREMENT, rows.iter().map(|row| common(row)).collect::<Vec<_>>()),
                (&VERDICT, rows.iter().map(|row| verdict(row)).collect()),
                (&OBSERVATION, rows.iter().flat_map(|row| observations(row)).collect()),
            ] {
                let batch = batch(table, &lines);
                let file = writer.table(table).unwrap().write(partition, &batch).await.unwrap();
                changes.entry(table.name).or_default().added.push(file);
            }
        }
        for (table, lines) in [(&EVENT, events()), (&SOURCE, vec![Map::new()])] {
            let batch = batch(table, &lines);
            let none = Partition::default();
            let file = writer.table(table).unwrap().write(&none, &batch).await.unwrap();
            changes.entry(table.name).or_default().added.push(file);
        }
        writer.commit(changes).await.unwrap();
    });
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other}"),
    }
}

fn common(row: &Made) -> Map<String, Value> {
    object(json!({
        "measurement_id": row.id, "measured_at": row.at, "origin": "population",
        "test_name": "web_connectivity", "target": format!("https://{}/", row.domain),
        "domain": row.domain, "probe_asn": row.asn, "vantage": row.vantage,
        "network_name": row.asn.map(|asn| format!("Network {asn}")), "document": "{}",
    }))
}

fn verdict(row: &Made) -> Map<String, Value> {
    let mut map = common(row);
    map.extend(object(json!({
        "status": row.status, "mechanism": row.mechanism, "fingerprint": row.fingerprint,
        "confidence": "high", "rule": row.rule(), "ooni_blocking": row.ooni,
    })));
    map
}

fn observations(row: &Made) -> Vec<Map<String, Value>> {
    let step = |more: Value| {
        let mut map = common(row);
        map.extend(object(more));
        map
    };
    let mut steps = vec![step(json!({
        "step": 0, "is_control": false, "layer": "dns", "outcome": "dns/ok", "answers": row.answers,
    }))];
    if let Some(control) = &row.control {
        steps.push(step(json!({
            "step": 1, "is_control": true, "layer": "dns", "outcome": "dns/ok", "answers": control,
        })));
    }
    if let Some(certificate) = &row.certificate {
        steps.push(step(json!({
            "step": 2, "is_control": false, "layer": "tls", "outcome": "tls/ok",
            "name": row.domain, "certificate": certificate,
        })));
    }
    steps
}

/// Five events: two that last, one that ended, one replaced, one withdrawn.
fn events() -> Vec<Map<String, Value>> {
    let event = |id: &str, day: u32, more: Value| {
        let mut map = object(json!({
            "statement": format!("{id}.1"), "event_id": id, "revision": 1, "holds": true,
            "kind": "block", "certainty": "stated", "country": "XA",
            "started_at": format!("2026-03-{day:02}T00:00:00Z"),
            "seen_at": format!("2026-03-{day:02}T06:00:00Z"),
            "targets": ["https://www.site0.example/", "https://www.site3.example/"],
            "networks": [64496, 64497], "mechanisms": ["dns.injection.blockpage"],
        }));
        map.extend(object(more));
        map
    };
    vec![
        event("lasting", 3, json!({})),
        event("later", 9, json!({"kind": "shutdown", "targets": []})),
        event("ended", 4, json!({"ended_at": "2026-03-05T00:00:00Z"})),
        event("replaced", 5, json!({"holds": false, "superseded_by": "later.1"})),
        event("withdrawn", 6, json!({"withdrawn": true})),
    ]
}

/// Rows as the table has them, sorted as its files are.
fn batch(table: &'static Table, rows: &[Map<String, Value>]) -> RecordBatch {
    let mut text = String::new();
    for row in rows {
        let mut full = Map::new();
        for column in table.columns {
            let value = row.get(column.name).cloned().filter(|value| !value.is_null());
            let value = match value {
                Some(value) => value,
                None if column.is_nullable => continue,
                None => nothing(column.kind),
            };
            full.insert(column.name.to_owned(), value);
        }
        text.push_str(&serde_json::to_string(&full).unwrap());
        text.push('\n');
    }
    let mut reader = ReaderBuilder::new(table.arrow())
        .with_batch_size(1 << 20)
        .build(Cursor::new(text.as_bytes()))
        .unwrap();
    let rows = reader.next().unwrap().unwrap();
    let by: Vec<SortColumn> = table
        .sorted_by
        .iter()
        .map(|name| SortColumn {
            values: rows.column_by_name(name).unwrap().clone(),
            options: None,
        })
        .collect();
    let indices: UInt32Array = lexsort_to_indices(&by, None).unwrap();
    take_record_batch(&rows, &indices).unwrap()
}

fn nothing(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!(""),
        Kind::Texts | Kind::Longs => json!([]),
        Kind::Int | Kind::Long | Kind::Real => json!(0),
        Kind::Flag => json!(false),
        Kind::Time => json!("2026-03-01T00:00:00Z"),
    }
}
