//! Every page over a real archive: its numbers, its language, and nothing in it that somebody else could use.

use std::path::Path;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use wirewitness_dashboard::facts::{self, EventFilter, Filter};
use wirewitness_lab::population::{Population, Settings};
use wirewitness_store::archive::Writer;
use wirewitness_store::events::{self, insert_points, population, state_events};
use wirewitness_store::ingest::{FileEnd, Ingest, Piece};

use crate::loopback::Server;
use crate::made::{address, ingest_at_once, judging, wait};
use crate::test_facts::sql;

/// Pages that need no name.
const PLAIN: [&str; 11] = [
    "/",
    "/events",
    "/measurements",
    "/compare",
    "/compare?a=PK&b=IR",
    "/lists",
    "/captures",
    "/devices",
    "/search",
    "/status",
    "/method",
];

/// Addresses of every kind of page of an archive.
pub(crate) fn addresses(server: &Server) -> Vec<String> {
    let facts = server.state.facts();
    let mut all: Vec<String> = PLAIN.iter().map(|it| (*it).to_owned()).collect();
    let network = facts.networks(&Filter::default()).remove(0);
    all.push(format!("/country/{}", network.country));
    all.push(format!("/network/{}/{}", network.country, network.asn));
    let name = &facts.names(&Filter::default())[0].domain;
    all.push(format!("/target?name={name}"));
    all.push(format!("/search?q={}", name.chars().take(5).collect::<String>()));
    all.push(format!("/compare?a={}&b={}/{}", network.country, network.country, network.asn));
    if let Some(event) = facts.events(&EventFilter::default()).next() {
        all.push(format!("/event/{}", event.event_id));
    }
    let list = server.runtime.block_on(facts.measurements(&Filter::default(), None, 1)).unwrap();
    let row = &list.rows[0];
    all.push(format!("/measurement/{}/{}/{}", row.country, row.day, row.measurement_id));
    all
}

/// A table as Parquet has the rows that it has as JSON.
fn same_in_parquet(server: &Server, table: &str, rows: &[serde_json::Value]) {
    let (head, body) = server.bytes(&format!("{table}&as=parquet"));
    assert!(head.contains("content-type: application/vnd.apache.parquet"), "{head}");
    let reader = SerializedFileReader::new(bytes::Bytes::from(body)).unwrap();
    let read: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(read.len(), rows.len());
    assert!(!read.is_empty());
    for (ours, row) in read.iter().zip(rows) {
        assert_eq!(ours.len(), row.as_object().unwrap().len());
        for (name, field) in ours.get_column_iter() {
            let value = match field {
                Field::Null => serde_json::Value::Null,
                Field::Long(number) => (*number).into(),
                Field::Double(number) => (*number).into(),
                Field::Str(text) => text.as_str().into(),
                other => panic!("{name}: {other}"),
            };
            assert_eq!(value, row[name], "{name}");
        }
    }
}

#[test]
fn names_of_files_are_shown_where_the_operator_says_so() {
    let folder = tempfile::tempdir().unwrap();
    ingest_at_once(folder.path(), 0..2);
    let hidden = Server::over(folder.path());
    let name = "SELECT name, sha256 FROM source ORDER BY name LIMIT 1";
    let source = hidden.runtime.block_on(sql(&hidden.state.facts(), name)).remove(0);
    assert!(source[0].len() > 5, "{source:?}");
    for path in addresses(&hidden) {
        assert!(!hidden.page(&path).contains(&source[0]), "{path}");
    }
    let status = hidden.page("/status");
    assert!(status.contains(&source[1]) && !status.contains(&source[0]));
    let settings = facts::Settings { shows_file_names: true, ..facts::Settings::default() };
    let shown = Server::with(folder.path(), settings);
    assert!(shown.page("/status").contains(&source[0]));
    let measurement = addresses(&shown).pop().unwrap();
    let measured = shown.page(&measurement);
    assert!(measured.contains("<dt>Read from</dt><dd><bdi>file-"), "{measured}");
}

/// An archive of a made-up country, with events.
pub(crate) fn populate(folder: &Path, (days, networks, targets): (u32, u32, u32)) {
    let settings = Settings::sized(days, networks, targets);
    let made = Population::new(&settings).unwrap();
    let source = population("made".to_owned(), "0".repeat(64), 1);
    wait(async {
        let mut writer = Writer::open(&address(folder)).await.unwrap();
        let points = made.rows().map(|row| row.point);
        insert_points(&mut writer, points, Population::target_name, &source).await.unwrap();
        state_events(&mut writer, &events::Settings::default()).await.unwrap();
    });
}

fn ingest_text(folder: &Path, text: String) {
    let writer = wait(Writer::open(&address(folder))).unwrap();
    let mut ingest = Ingest::start(
        writer,
        judging("a"),
        wirewitness_store::ingest::Settings::default(),
        Box::new(|_| {}),
    );
    let ends = vec![(text.len(), 1)];
    let end = FileEnd { sha256: "f".repeat(64), bytes: 1, format: "ooni", captured: None };
    let file = "<script>alert(7)</script>\u{202e}.jsonl".into();
    ingest.push(Piece { file, text, ends, end: Some(end), ..Piece::default() }).unwrap();
    let (_, summary) = ingest.finish().unwrap();
    assert_eq!(summary.added, 1);
}

#[test]
fn every_page_is_there_in_both_languages_with_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    ingest_at_once(folder.path(), 0..4);
    let server = Server::over(folder.path());
    for path in addresses(&server) {
        for (code, direction) in [("en", "ltr"), ("ur", "rtl")] {
            let with = format!("{path}{}lang={code}", if path.contains('?') { "&" } else { "?" });
            let page = server.page(&with);
            assert!(
                page.contains(&format!("<html lang=\"{code}\" dir=\"{direction}\">")),
                "{with}"
            );
            assert_eq!(page.matches("<h1>").count(), 1, "{with}");
            assert_eq!(page.matches("<main").count(), 1, "{with}");
            assert!(page.contains("class=\"skip\" href=\"#main\""), "{with}");
            // Nothing that a policy without `unsafe-*` forbids, and nothing from elsewhere.
            for forbidden in [
                "<script",
                " style=",
                "<style",
                " onclick",
                "javascript:",
                "http-equiv",
                "<iframe",
                "<img",
            ] {
                assert!(!page.contains(forbidden), "{with}: {forbidden}");
            }
            for attribute in ["src=\"", "href=\"http", "action=\"http", "url("] {
                assert!(!page.contains(attribute), "{with}: {attribute}");
            }
            // A message that is not in the catalogue is shown by its name.
            assert!(!page.contains(">dash-") && !page.contains(" dash-"), "{with}");
            assert!(page.len() < 100_000, "{with}: {} bytes", page.len());
        }
    }
}

#[test]
fn the_first_page_of_a_large_archive_is_small() {
    let folder = tempfile::tempdir().unwrap();
    populate(folder.path(), (10, 12, 2_000));
    let server = Server::over(folder.path());
    for path in addresses(&server) {
        let page = server.page(&path);
        assert!(page.len() < if path == "/" { 100_000 } else { 300_000 }, "{path}: {}", page.len());
        assert!(page.contains("These measurements are made up"), "{path}");
    }
}

#[test]
fn numbers_on_pages_equal_sql() {
    let folder = tempfile::tempdir().unwrap();
    ingest_at_once(folder.path(), 0..4);
    let server = Server::over(folder.path());
    let facts = server.state.facts();
    let ask = |question: &str| server.runtime.block_on(sql(&facts, question));
    // Of the files that stand behind tables.
    let csv = server.page("/?table=countries&as=csv");
    let ours: Vec<Vec<String>> =
        csv.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect();
    let theirs = ask(
        "SELECT country, sum(CASE WHEN status = 'blocked' THEN 1 ELSE 0 END) AS b, sum(CASE WHEN status = 'ok' THEN 1 ELSE 0 END) FROM verdict GROUP BY country ORDER BY b DESC, count(*) DESC, country",
    );
    assert_eq!(ours.len(), 3);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!([&ours[0], &ours[2], &ours[3]], [&theirs[0], &theirs[1], &theirs[2]]);
    }
    let json = server.page("/country/PK?table=networks&as=json");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    same_in_parquet(&server, "/country/PK?table=networks", &rows);
    for row in rows {
        let asn = row["asn"].as_u64().unwrap();
        let of = ask(&format!(
            "SELECT count(*) FROM verdict WHERE country = 'PK' AND probe_asn = {asn} AND status = 'blocked'"
        ));
        assert_eq!(of[0][0], row["blocked"].to_string());
    }
    // In words, in each language's numerals.
    let all = &ask("SELECT count(*), count(DISTINCT country) FROM verdict")[0];
    assert_eq!(all[0], "120");
    assert!(
        server
            .page("/")
            .contains("120 verdicts from 1 November 2025 to 2 November 2025. Countries: 3.")
    );
    let urdu = server.page("/?lang=ur");
    assert!(urdu.contains("۱۲۰") && urdu.contains("نومبر ۲۰۲۵"), "numerals and months");
    // A filter in the address.
    let one = &ask("SELECT count(*) FROM verdict WHERE day = DATE '2025-11-01'")[0][0];
    assert!(
        server.page("/?since=2025-11-01&until=2025-11-01").contains(&format!("{one} verdicts"))
    );
}

#[test]
fn what_others_wrote_is_harmless_on_every_page() {
    let folder = tempfile::tempdir().unwrap();
    let evil = "<script>alert(1)</script>\u{202e}\u{1b}[31m\"'><img src=x>";
    let title = format!("{evil}{}", "A".repeat(1 << 20));
    let text = |it: &str| serde_json::to_string(it).unwrap();
    let record = format!(
        r#"{{"test_name":{name},"test_version":"1","software_name":{name},"software_version":{name},"probe_cc":"PK","probe_asn":"AS64500","probe_network_name":{name},"resolver_asn":"AS64500","measurement_start_time":"2025-11-02 01:00:00","test_start_time":"2025-11-02 00:00:00","report_id":"r","input":{input},"test_keys":{{"queries":[],"requests":[{{"request":{{"url":{input}}},"failure":{name},"response":{{"code":200,"body":{body},"headers":{{"Server":{name}}}}}}}]}}}}"#,
        name = text(evil),
        input = text(&format!("https://evil.example/{evil}")),
        body = text(&format!("<title>{title}</title>")),
    );
    ingest_text(
        folder.path(),
        record.replace(
            &format!("\"test_name\":{}", text(evil)),
            "\"test_name\":\"web_connectivity\"",
        ) + "\n",
    );
    let server = Server::over(folder.path());
    let mut paths = addresses(&server);
    paths.push(format!("/search?q={}", "%3Cscript%3Ealert(1)%3C/script%3E%E2%80%AE"));
    paths.push("/target?name=evil.example".to_owned());
    paths.push("/events?name=%3Cscript%3E%22%27".to_owned());
    let mut seen = 0;
    for path in paths {
        let page = server.page(&path);
        for forbidden in ["<script", "<img", "\u{202e}", "\u{1b}"] {
            assert!(!page.contains(forbidden), "{path}: {forbidden:?}");
        }
        seen += usize::from(page.contains("&lt;script&gt;"));
        assert!(page.len() < 200_000, "{path}: {}", page.len());
    }
    // It is shown, as text.
    assert!(seen >= 3, "{seen}");
}

#[test]
fn a_list_is_looked_up_and_bounded() {
    let folder = tempfile::tempdir().unwrap();
    ingest_at_once(folder.path(), 0..4);
    let server = Server::over(folder.path());
    let post = |body: &str| {
        server.ask(&format!("POST /lists HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
    };
    let got = post("list=https%3A%2F%2Fsite-3.example%2F%0D%0Anever.example");
    assert_eq!(got.status, 200);
    assert!(
        got.body.contains("site-3.example")
            && got.body.contains("1 name of the list was never measured")
    );
    assert_eq!(post("other=1").status, 400);
    assert_eq!(post(&format!("list={}", "a".repeat(2 << 20))).status, 400);
}

#[test]
fn what_is_not_there_says_so() {
    let folder = tempfile::tempdir().unwrap();
    ingest_at_once(folder.path(), 0..1);
    let server = Server::over(folder.path());
    for path in [
        "/country/XX",
        "/network/PK/7",
        "/network/PK/x",
        "/target?name=never.example",
        "/event/none",
        "/measurement/PK/2025-11-01/00",
        "/measurement/PK/never/00",
        "/?table=none",
    ] {
        let got = server.get(path);
        assert_eq!(got.status, 404, "{path}");
        assert!(got.body.contains("<h1>No such page</h1>"), "{path}");
    }
    assert_eq!(server.get("/target").status, 400);
    let got = server.ask(
        "GET / HTTP/1.1\r\nhost: x\r\naccept-language: ur-PK,en;q=0.5\r\nconnection: close\r\n\r\n",
    );
    assert!(got.body.contains("lang=\"ur\"") && got.head.contains("vary: accept-language"));
}

/// For a browser to walk over: serves an archive of measurements with documents, and one of a made-up country, until a file is gone.
/// `WIREWITNESS_WALK` is not read here: the folder is the target's own.
#[test]
#[ignore = "waits for a browser (tests/walk/run)"]
fn pages_to_walk_over() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tmp/walk");
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(&root).unwrap();
    ingest_at_once(&root.join("real"), 0..8);
    populate(&root.join("made"), (30, 12, 2_000));
    let servers = [Server::over(&root.join("real")), Server::over(&root.join("made"))];
    let mut lines = String::new();
    for server in &servers {
        for path in addresses(server) {
            lines.push_str(&format!("http://{}{path}\n", server.at));
        }
    }
    let told = root.join("addresses.txt");
    std::fs::write(root.join("addresses.part"), lines).unwrap();
    std::fs::rename(root.join("addresses.part"), &told).unwrap();
    while told.exists() {
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}
