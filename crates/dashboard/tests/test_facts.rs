//! What pages are made of equals what SQL says of the same archive.

use std::collections::BTreeMap;

use wirewitness_dashboard::facts::{Axis, Facts, Filter, Live, Settings};
use wirewitness_store::query::output::{Format, Formulas, Look, write};

use crate::made::{address, ingest, ingest_at_once, wait};

/// Rows of an answer, as CSV without the head.
pub(crate) async fn sql(facts: &Facts, question: &str) -> Vec<Vec<String>> {
    let look = Look { width: 100, clean: |text, _| text.to_owned(), formulas: Formulas::Kept };
    let mut out = Vec::new();
    let answer = facts.session().query(question).await.unwrap();
    write(answer, (Format::Csv, &look), &mut out).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn word(value: &wirewitness_dashboard::facts::Value) -> String {
    use wirewitness_dashboard::facts::Value;
    match value {
        Value::Day(day) => day.to_string(),
        Value::Network(asn) => asn.to_string(),
        Value::Text(text) => text.to_string(),
    }
}

#[test]
fn counts_along_every_axis_equal_sql() {
    let folder = tempfile::tempdir().unwrap();
    ingest(folder.path(), 0..4);
    wait(async {
        let facts = Facts::open(&address(folder.path()), &Settings::default()).await.unwrap();
        let columns = [
            (Axis::Day, "date_part('epoch', day) / 86400"),
            (Axis::Country, "country"),
            (Axis::Network, "probe_asn"),
            (Axis::Target, "target"),
            (Axis::Domain, "domain"),
            (Axis::Test, "test_name"),
            (Axis::Mechanism, "coalesce(mechanism, '')"),
            (Axis::Origin, "origin"),
        ];
        let filters = [
            (Filter::default(), "true"),
            (Filter { countries: vec!["pk".into()], ..Filter::default() }, "country = 'PK'"),
            (
                Filter { asns: vec![64_501, 64_502], ..Filter::default() },
                "probe_asn IN (64501, 64502)",
            ),
            (
                Filter { domains: vec!["site-3.example".into()], ..Filter::default() },
                "domain = 'site-3.example'",
            ),
            (
                Filter { statuses: vec!["blocked".into()], ..Filter::default() },
                "status = 'blocked'",
            ),
            (Filter { since: Some(20_394), ..Filter::default() }, "day >= DATE '2025-11-02'"),
            (Filter { until: Some(20_394), ..Filter::default() }, "day < DATE '2025-11-02'"),
        ];
        for (filter, condition) in &filters {
            for (axis, column) in columns {
                let rows = sql(&facts, &format!("SELECT CAST({column} AS VARCHAR) AS k, sum(CASE WHEN status = 'ok' THEN 1 ELSE 0 END), sum(CASE WHEN status = 'down' THEN 1 ELSE 0 END), sum(CASE WHEN status = 'blocked' THEN 1 ELSE 0 END), sum(CASE WHEN status = 'insufficient' THEN 1 ELSE 0 END) FROM verdict WHERE {condition} GROUP BY k")).await;
                let theirs: BTreeMap<String, Vec<String>> = rows
                    .into_iter()
                    .map(|row| (row[0].trim_end_matches(".0").to_owned(), row[1..].to_vec()))
                    .collect();
                let ours: BTreeMap<String, Vec<String>> = facts
                    .aggregate(filter, &[axis])
                    .iter()
                    .map(|group| {
                        let it = group.tally;
                        let counts = [it.ok, it.down, it.blocked, it.insufficient];
                        (word(&group.key[0]), counts.map(|it| it.to_string()).to_vec())
                    })
                    .collect();
                assert!(!theirs.is_empty(), "{condition} {axis:?}");
                assert_eq!(ours, theirs, "{condition} {axis:?}");
            }
        }
        // Two axes with a span of days: the way that reads every cell.
        let filter = Filter { since: Some(20_394), ..Filter::default() };
        let groups = facts.aggregate(&filter, &[Axis::Domain, Axis::Network]);
        let total: u64 = groups.iter().map(|group| group.tally.all()).sum();
        let rows = sql(&facts, "SELECT count(*), count(DISTINCT domain || CAST(probe_asn AS VARCHAR)) FROM verdict WHERE day >= DATE '2025-11-02'").await;
        assert_eq!(rows[0], [total.to_string(), groups.len().to_string()]);
        // No more than was said. Each domain has one place, so there are as many places as groups.
        let groups = facts.aggregate(&filter, &[Axis::Domain]);
        let most = |most| facts.aggregate_most(&filter, &[Axis::Domain], most);
        assert!(most(groups.len()).unwrap().iter().eq(groups.iter().cloned()));
        assert!(most(groups.len() - 1).is_none());
    });
}

#[test]
fn a_new_commit_is_seen_and_old_facts_stay() {
    let folder = tempfile::tempdir().unwrap();
    ingest_at_once(folder.path(), 0..1);
    wait(async {
        let live = Live::open(address(folder.path()), Settings::default()).await.unwrap();
        let before = live.now();
        assert!(!live.renew().await.unwrap(), "nothing is new");
        assert_eq!(before.tally(&Filter::default()).all(), 30);
        let place = folder.path().to_owned();
        tokio::task::spawn_blocking(move || ingest_at_once(&place, 0..3)).await.unwrap();
        assert!(live.renew().await.unwrap());
        assert_eq!(live.now().tally(&Filter::default()).all(), 90);
        assert_eq!(before.tally(&Filter::default()).all(), 30);
        // As gathered anew, so as renewed.
        let anew = Facts::open(&address(folder.path()), &Settings::default()).await.unwrap();
        let axes = [Axis::Day, Axis::Network, Axis::Target, Axis::Mechanism];
        let all = Filter::default();
        assert_eq!(live.now().aggregate(&all, &axes), anew.aggregate(&all, &axes));
    });
}

#[test]
fn older_days_are_left_out_and_told() {
    let folder = tempfile::tempdir().unwrap();
    ingest_at_once(folder.path(), 0..4);
    wait(async {
        let settings = Settings { most_cells: 1, ..Settings::default() };
        let facts = Facts::open(&address(folder.path()), &settings).await.unwrap();
        let (days, verdicts) = facts.rollup().left_out;
        assert_eq!(days, 1);
        assert_eq!(facts.tally(&Filter::default()).all() + verdicts, 120);
        assert_eq!(facts.days(), Some((20_394, 20_394)));
    });
}

#[test]
fn lists_of_measurements_go_on_where_they_ended() {
    let folder = tempfile::tempdir().unwrap();
    ingest_at_once(folder.path(), 0..4);
    wait(async {
        let facts = Facts::open(&address(folder.path()), &Settings::default()).await.unwrap();
        let filter = Filter { countries: vec!["PK".into()], ..Filter::default() };
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = facts.measurements(&filter, after.as_ref(), 7).await.unwrap();
            ids.extend(page.rows.iter().map(|row| row.measurement_id.clone()));
            assert!(page.rows.len() <= 7);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let rows = sql(&facts, "SELECT measurement_id FROM verdict WHERE country = 'PK' ORDER BY measured_at DESC, measurement_id").await;
        assert_eq!(ids, rows.into_iter().map(|row| row[0].clone()).collect::<Vec<_>>());
        assert_eq!(ids.len(), 40);
        // All of one of them.
        let page = facts.measurements(&filter, None, 1).await.unwrap();
        let row = &page.rows[0];
        let whole = facts.measurement(("PK", 20_394), &row.measurement_id).await.unwrap().unwrap();
        assert_eq!(&whole.verdict, row);
        assert!(whole.steps.iter().any(|step| step.is_control));
        assert!(whole.document.contains("web_connectivity"));
        assert!(facts.measurement(("IR", 20_394), &row.measurement_id).await.unwrap().is_none());
        assert!(facts.measurement(("PK", 20_394), "' OR true --").await.unwrap().is_none());
    });
}
