//! Questions of programs: OONI's in OONI's shape, our own in every format, paging, refusals.

use std::collections::BTreeSet;

use serde_json::Value;
use wirewitness_dashboard::server::Limits;

use crate::served::{ADMIN, Running};

/// Parameters as OONI's own pages and published scripts combine them.
const COMBINATIONS: [&str; 16] = [
    "probe_cc=PK&since=2025-11-01&until=2025-11-30&axis_x=measurement_start_day&test_name=web_connectivity",
    "probe_cc=PK&since=2025-11-01&until=2025-11-30&time_grain=day&axis_x=measurement_start_day&axis_y=domain&test_name=web_connectivity",
    "test_name=web_connectivity&since=2025-10-24&until=2025-11-24&axis_x=probe_cc",
    "probe_asn=AS64501&since=2025-11-01&until=2025-11-30&axis_x=measurement_start_day",
    "probe_asn=64501,64502&axis_x=probe_asn",
    "domain=site-1.example&since=2025-11-01&until=2025-12-01&axis_x=measurement_start_day&axis_y=probe_cc",
    "domain=site-1.example,site-2.example&axis_x=domain",
    "input=https://site-1.example/&axis_x=input&axis_y=probe_asn",
    "category_code=NEWS&axis_x=category_code",
    "axis_x=blocking_type&axis_y=probe_cc",
    "axis_x=test_name&time_grain=month",
    "axis_x=measurement_start_day&time_grain=week&since=2025-11-01T00:00:00",
    "axis_x=measurement_start_day&time_grain=auto",
    "probe_cc=PK,IR&axis_y=probe_cc",
    "ooni_run_link_id=10001&software_name=ooniprobe&axis_x=probe_cc",
    "since=2025-11-01&until=2025-11-30&format=JSON",
];

const COUNTS: [&str; 5] =
    ["anomaly_count", "confirmed_count", "failure_count", "measurement_count", "ok_count"];

fn sum(rows: &Value, name: &str) -> u64 {
    match rows {
        Value::Array(rows) => rows.iter().map(|row| row[name].as_u64().unwrap()).sum(),
        row => row[name].as_u64().unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oonis_aggregation_is_answered_in_its_shape() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), Limits::default(), None).await;
    for query in COMBINATIONS {
        let answer = server.get(&format!("/api/v1/aggregation?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let whole = answer.json();
        let axes: Vec<&str> = query
            .split('&')
            .filter_map(|it| it.strip_prefix("axis_"))
            .map(|it| it.split_once('=').unwrap().1)
            .collect();
        assert_eq!(whole["dimension_count"].as_u64(), Some(axes.len() as u64), "{query}");
        assert_eq!(whole["result"].is_array(), !axes.is_empty(), "{query}");
        assert_eq!(whole["v"], 0);
        for row in whole["result"].as_array().into_iter().flatten() {
            let known: BTreeSet<&str> =
                row.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(known, COUNTS.into_iter().chain(axes.iter().copied()).collect(), "{query}");
        }
        let rows = &whole["result"];
        let parts = ["anomaly_count", "confirmed_count", "failure_count", "ok_count"];
        let all: u64 = parts.iter().map(|name| sum(rows, name)).sum();
        assert_eq!(all, sum(rows, "measurement_count"), "{query}");
    }
    // 120 measurements of three countries in turn, in November; every third one reset.
    let all = server.get("/api/v1/aggregation").await.json();
    assert_eq!(
        (sum(&all["result"], "measurement_count"), sum(&all["result"], "anomaly_count")),
        (120, 40)
    );
    let pk =
        server.get("/api/v1/aggregation?probe_cc=PK&axis_x=measurement_start_day").await.json();
    assert_eq!(
        (sum(&pk["result"], "measurement_count"), sum(&pk["result"], "anomaly_count")),
        (40, 40)
    );
    let csv = server.get("/api/v1/aggregation?axis_x=probe_cc&format=CSV").await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(csv.text().starts_with("probe_cc,anomaly_count,confirmed_count,failure_count,measurement_count,ok_count\r\nIR,0,0,"), "{}", csv.text());
    for (query, words) in [
        ("probe_cc=PAK", "two letters"),
        ("axis_x=probe_cc&axis_y=probe_cc", "different"),
        ("axis_x=odd", "one of"),
        ("time_grain=hour", "days are the finest"),
        ("since=yesterday", "a day"),
    ] {
        let refused = server.get(&format!("/api/v1/aggregation?{query}")).await;
        assert_eq!(refused.status, 400, "{query}");
        assert!(refused.text().contains(words), "{words} not in {}", refused.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oonis_list_goes_on_to_its_end_and_each_record_can_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), Limits::default(), None).await;
    let mut next =
        "/api/v1/measurements?probe_cc=PK&anomaly=true&order_by=measurement_start_time&limit=7"
            .to_owned();
    let (mut seen, mut pages) = (BTreeSet::new(), 0);
    let mut times = Vec::new();
    loop {
        let page = server.get(&next).await.json();
        for row in page["results"].as_array().unwrap() {
            assert_eq!(
                (row["probe_cc"].as_str(), row["anomaly"].as_bool()),
                (Some("PK"), Some(true))
            );
            assert!(seen.insert(row["measurement_uid"].as_str().unwrap().to_owned()));
            times.push(row["measurement_start_time"].as_str().unwrap().to_owned());
        }
        pages += 1;
        let Some(url) = page["metadata"]["next_url"].as_str() else { break };
        next = url.to_owned();
    }
    assert_eq!((seen.len(), pages), (40, 6));
    assert!(times.is_sorted_by(|a, b| a >= b), "the newest are first");
    let uid = seen.first().unwrap();
    let raw = server.get(&format!("/api/v1/raw_measurement?measurement_uid={uid}")).await.json();
    assert_eq!(
        (raw["probe_cc"].as_str(), raw["test_name"].as_str()),
        (Some("PK"), Some("web_connectivity"))
    );
    let meta = server.get(&format!("/api/v1/measurement_meta?measurement_uid={uid}")).await.json();
    assert_eq!(meta["measurement_uid"].as_str(), Some(uid.as_str()));
    for (path, status) in [
        ("/api/v1/raw_measurement", 400),
        ("/api/v1/raw_measurement?measurement_uid=x", 404),
        ("/api/v1/raw_measurement?measurement_uid=20251123100000.000000_PK_web_00", 404),
        ("/api/v1/measurements?cursor=x", 400),
        ("/api/v1/measurements?limit=0", 400),
        ("/api/v1/measurements?offset=999&limit=100", 400),
        ("/api/v1/measurements?anomaly=true&failure=true", 200),
    ] {
        assert_eq!(server.get(path).await.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_tables_come_in_every_format_and_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), Limits::default(), None).await;
    for table in [
        "events",
        "targets",
        "networks",
        "countries",
        "counts?axes=day,domain",
        "measurements",
        "rules",
    ] {
        let path = format!("/api/v1/ww/{table}{}", if table.contains('?') { "&" } else { "?" });
        let json = server.get(&format!("{path}limit=1000")).await.json();
        let rows = json["rows"].as_array().unwrap().len();
        assert!(rows > 0 || table == "events", "{table}");
        let csv = server.get(&format!("{path}limit=1000&format=csv")).await;
        assert_eq!(csv.text().lines().count(), rows + 1, "{table}");
        assert!(csv.header("content-disposition").unwrap().starts_with("attachment"));
        let parquet = server.get(&format!("{path}limit=1000&format=parquet")).await;
        assert_eq!((&parquet.body[..4], parquet.status), (b"PAR1".as_slice(), 200), "{table}");
        let arrow = server.get(&format!("{path}limit=1000&format=arrow")).await;
        assert_eq!((&arrow.body[..6], arrow.status), (b"ARROW1".as_slice(), 200), "{table}");
        let mut next = Some(String::new());
        let mut paged = Vec::new();
        while let Some(cursor) = next {
            let page = server.get(&format!("{path}limit=13{cursor}")).await.json();
            paged.extend(page["rows"].as_array().unwrap().clone());
            next = page["next"].as_str().map(|it| format!("&cursor={it}"));
        }
        assert_eq!(Value::Array(paged), json["rows"], "{table}");
    }
    let first = server.get("/api/v1/ww/measurements?limit=1").await.json();
    let row = &first["rows"][0];
    let place = ["country", "day", "measurement_id"].map(|it| row[it].as_str().unwrap().to_owned());
    let whole = server.get(&format!("/api/v1/ww/measurement/{}", place.join("/"))).await.json();
    assert_eq!(whole["verdict"]["measurement_id"], row["measurement_id"]);
    assert!(!whole["steps"].as_array().unwrap().is_empty());
    for (path, status, words) in [
        ("/api/v1/ww/rules?limit=10001", 400, "from 1 to 10000"),
        ("/api/v1/ww/rules?odd=1", 400, "no such parameter"),
        ("/api/v1/ww/rules?cursor=OTkuMQ", 410, "begin again"),
        ("/api/v1/ww/counts?axes=day,week,month,year,country", 400, "at most four"),
        ("/api/v1/ww/event/none", 404, "no event"),
        ("/api/v1/ww/measurement/PK/2025-11-01/00", 404, "no such measurement"),
        ("/api/v1/ww/measurement/PK/never/00", 400, "a day"),
    ] {
        let refused = server.get(path).await;
        assert_eq!(refused.status, status, "{path}: {}", refused.text());
        assert!(refused.text().contains(words), "{words} not in {}", refused.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_is_for_who_says_the_token_and_only_reads() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), Limits::default(), None).await;
    let post = "POST /api/v1/ww/sql?format=csv HTTP/1.1";
    let count = b"SELECT count(*) AS n FROM measurement";
    assert_eq!(server.ask(post, count).await.status, 401);
    let wrong = format!("{post}\r\nAuthorization: Bearer sixteen-bytes-at-leasT");
    assert_eq!(server.ask(&wrong, count).await.status, 401);
    let post = format!("{post}\r\nAuthorization: Bearer {ADMIN}");
    assert_eq!(server.ask(&post, count).await.text(), "n\r\n120\r\n");
    for (sql, status, words) in [
        ("DROP TABLE measurement", 400, "only reads"),
        ("INSERT INTO source SELECT * FROM source", 400, "only reads"),
        ("SELECT nothing FROM measurement", 400, "nothing"),
        ("SELECT * FROM '/etc/passwd'", 400, ""),
        ("SELECT repeat('x', 1000000) FROM generate_series(1, 1000)", 413, "32 MiB"),
    ] {
        let answer = server.ask(&post, sql.as_bytes()).await;
        assert_eq!(
            answer.status,
            status,
            "{sql}: {}",
            String::from_utf8_lossy(&answer.body[..200.min(answer.body.len())])
        );
        assert!(answer.text().contains(words), "{words} not in {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_has_every_route() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), Limits::default(), None).await;
    let description = server.get("/api/openapi.json").await.json();
    assert_eq!(description["openapi"], "3.1.0");
    let paths = description["paths"].as_object().unwrap();
    assert!(paths.len() >= 18);
    for (path, of) in paths {
        let filled =
            path.replace("{country}", "PK").replace("{day}", "2025-11-01").replace("{id}", "ab");
        let is_post = of.get("post").is_some();
        let head = format!("{} {filled} HTTP/1.1", if is_post { "POST" } else { "GET" });
        let answer = server.ask(&head, if is_post { b"{}" } else { b"" }).await;
        let said = &of[if is_post { "post" } else { "get" }]["responses"];
        let described = &said[answer.status.to_string()];
        assert!(described.is_object(), "{path}: {} is not described", answer.status);
        let kind = answer.header("content-type").unwrap().split(';').next().unwrap();
        assert!(described["content"].get(kind).is_some(), "{path}: {kind} is not described");
    }
}
