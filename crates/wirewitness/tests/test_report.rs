//! `wirewitness report`: what it says is what the archive says, whoever wrote the archive's texts, and each time the same.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::program::{Outcome, example, root, run, run_in};
use crate::test_ingest::Place;

/// The examples that the project ships, twice more with names that wish harm.
fn filled() -> Place {
    let place = Place::new();
    let examples = root().join("examples/measurements");
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        place.put(&name, std::fs::read(&path).unwrap());
    }
    place.put("hostile-1.json", hostile(HOSTILE, "2026-12-20 11:22:33"));
    place.put("hostile-2.json", hostile(&"x".repeat(1 << 20), "2026-12-28 11:22:33"));
    let outcome = place.ingest(&place.sources());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    place
}

const HOSTILE: &str = "</td><script>alert(1)</script>\u{202e}moc\u{1b}[31m\u{7}";

/// A measurement whose names, title and target are this text, by a probe that could be known.
fn hostile(text: &str, at: &str) -> String {
    let mut record: Value = serde_json::from_str(&example("http.blockpage.json")).unwrap();
    record["probe_network_name"] = text.into();
    record["input"] = format!("http://news.example/{text}").into();
    record["measurement_start_time"] = at.into();
    record["probe_ip"] = "203.0.113.77".into();
    record["report_id"] = "20261220T112233Z_secret_report".into();
    record["probe_id"] = "feedfacefeedface".into();
    for request in record["test_keys"]["requests"].as_array_mut().unwrap() {
        if let Some(body) = request["response"]["body"].as_str() {
            let body = format!("<title>{text}</title>{body}");
            request["response"]["body"] = body.into();
        }
    }
    record.to_string()
}

fn report(archive: &str, to: &Path, more: &[&str]) -> Outcome {
    let [html, pdf] = ["r.html", "r.pdf"].map(|it| to.join(it).to_str().unwrap().to_owned());
    let mut arguments = vec!["report", "--archive", archive, "--html", &html, "--pdf", &pdf];
    arguments.extend(more);
    run(&arguments)
}

fn read(to: &Path) -> (String, Vec<u8>) {
    let html = std::fs::read_to_string(to.join("r.html")).unwrap();
    (html, std::fs::read(to.join("r.pdf")).unwrap())
}

/// What another program reads in a PDF; none where that is not here.
fn text(pdf: &Path) -> Option<String> {
    let Ok(output) = Command::new("pdftotext").arg("-layout").arg(pdf).arg("-").output() else {
        eprintln!("SKIPPED: no pdftotext here (poppler-utils)");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

fn sql(archive: &str, question: &str) -> Vec<Value> {
    let outcome = run(&["query", "--archive", archive, "--format", "json", question]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.lines()
}

#[test]
fn page_and_paper_have_the_numbers_of_the_archive() {
    let (place, to) = (filled(), tempfile::tempdir().unwrap());
    let outcome = report(&place.archive(), to.path(), &["--json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let told = &outcome.lines()[0];
    let counted = "SELECT status, count(*) AS n FROM verdict GROUP BY status";
    for row in sql(&place.archive(), counted) {
        assert_eq!(told[row["status"].as_str().unwrap()], row["n"], "{row}");
    }
    let (html, _) = read(to.path());
    let pdf = text(&to.path().join("r.pdf"));
    let rules =
        "SELECT concat(rule, '@', rule_version) AS rule, count(*) AS n FROM verdict GROUP BY 1";
    let names = "SELECT coalesce(domain, target) AS rule, count(*) FILTER (WHERE status = 'blocked') AS n FROM verdict GROUP BY 1";
    for row in sql(&place.archive(), rules).iter().chain(&sql(&place.archive(), names)) {
        let (name, n) = (row["rule"].as_str().unwrap(), row["n"].as_u64().unwrap());
        assert!(html.contains(name), "{name}");
        let Some(pdf) = &pdf else { continue };
        // The name may be broken over lines; its first piece and its number are in one.
        let start: String = name.chars().take(8).collect();
        let is_told = |line: &str| {
            line.contains(&start) && line.split_whitespace().any(|word| word == n.to_string())
        };
        assert!(pdf.lines().any(is_told), "{name} {n} not in {pdf}");
    }
    for row in sql(&place.archive(), "SELECT measurement_id AS id FROM verdict") {
        let id = row["id"].as_str().unwrap();
        assert!(html.contains(id), "{id}");
        // Broken after every eighth digit.
        let pieces: Vec<&str> = (0..4).map(|at| &id[at * 8..at * 8 + 8]).collect();
        assert!(pdf.as_ref().is_none_or(|pdf| pieces.iter().all(|it| pdf.contains(it))), "{id}");
    }
    for row in sql(&place.archive(), "SELECT sha256 FROM source") {
        assert!(html.contains(row["sha256"].as_str().unwrap()));
    }
}

#[test]
fn the_same_archive_gives_the_same_bytes_also_elsewhere() {
    let place = filled();
    let copy = tempfile::tempdir().unwrap();
    let elsewhere = copy.path().join("other/name");
    std::fs::create_dir_all(elsewhere.parent().unwrap()).unwrap();
    let status = Command::new("cp").arg("-r").arg(place.archive()).arg(&elsewhere).status();
    assert!(status.unwrap().success());
    for lang in ["en", "ur"] {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let outcome = report(&place.archive(), first.path(), &["--lang", lang]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        let [html, pdf] = ["r.html", "r.pdf"].map(|it| second.path().join(it));
        let (html, pdf) = (html.to_str().unwrap(), pdf.to_str().unwrap());
        let environment = [("TZ", "Asia/Karachi"), ("LC_ALL", "ur_PK.UTF-8"), ("LANG", "ur_PK")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let archive = elsewhere.to_str().unwrap();
        let arguments =
            ["report", "--archive", archive, "--html", html, "--pdf", pdf, "--lang", lang];
        let outcome = run_in(&environment, &arguments);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert!(read(first.path()) == read(second.path()), "{lang}");
    }
}

#[test]
fn hostile_names_are_harmless_and_nobody_is_betrayed() {
    let (place, to) = (filled(), tempfile::tempdir().unwrap());
    for lang in ["en", "ur"] {
        let outcome = report(&place.archive(), to.path(), &["--lang", lang, "--question", HOSTILE]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        for told in [&outcome.stdout, &outcome.stderr] {
            assert!(!told.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{told:?}");
        }
        let (html, pdf) = read(to.path());
        assert!(html.contains("&lt;script&gt;alert(1)"), "it is there");
        for bad in ["<script", "\u{202e}", "\u{1b}", "\u{7}"] {
            assert!(!html.contains(bad), "{bad:?}");
        }
        assert!(html.len() < 600_000 && pdf.len() < 1_500_000, "{} {}", html.len(), pdf.len());
        assert!(html.contains(&format!("dir=\"{}\"", if lang == "ur" { "rtl" } else { "ltr" })));
        let text = text(&to.path().join("r.pdf")).unwrap_or_default();
        assert!(!text.contains(['\u{1b}', '\u{7}']));
        let vantages = sql(&place.archive(), "SELECT DISTINCT vantage FROM verdict");
        let vantages = vantages.iter().map(|row| row["vantage"].to_string());
        let others = ["203.0.113.77", "secret_report", "feedface", "11:22", "hostile-1.json"];
        for secret in vantages.chain(others.map(str::to_owned)) {
            assert!(!html.contains(&secret), "{secret}");
            assert!(!text.contains(&secret), "{secret}");
        }
    }
}

#[test]
fn a_question_is_answered_from_its_own_rows() {
    let (place, to) = (filled(), tempfile::tempdir().unwrap());
    let ask = |more: &[&str]| {
        let more: Vec<&str> = more.iter().copied().chain(["--json"]).collect();
        let outcome = report(&place.archive(), to.path(), &more);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        outcome.lines()[0]["measurements"].as_u64().unwrap()
    };
    let count = |filter: &str| {
        let rows =
            sql(&place.archive(), &format!("SELECT count(*) AS n FROM verdict WHERE {filter}"));
        rows[0]["n"].as_u64().unwrap()
    };
    assert_eq!(ask(&["--name", "video.example"]), count("domain = 'video.example'"));
    assert!(count("domain = 'video.example'") > 0);
    assert_eq!(ask(&["--name", "example"]), count("domain LIKE '%.example'"));
    assert_eq!(ask(&["--name", "o.example"]), 0, "no part of a label");
    assert_eq!(ask(&["--network", "AS64500"]), count("probe_asn = 64500"));
    assert_eq!(ask(&["--network", "AS1"]), 0);
    assert_eq!(ask(&["--country", "pk"]), 0);
    assert_eq!(ask(&["--since", "2026-12-16"]), 2);
    assert_eq!(ask(&["--since", "2026-12-16", "--until", "2026-12-28"]), 1);
    let (html, _) = read(to.path());
    assert!(html.contains("from 16 December 2026 before 28 December 2026"), "{html}");
}

#[test]
fn lists_are_bounded_and_say_how_many_more_there_are() {
    let (place, to) = (filled(), tempfile::tempdir().unwrap());
    let outcome = report(&place.archive(), to.path(), &["--measurements", "3"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let (html, _) = read(to.path());
    let all = sql(&place.archive(), "SELECT count(*) AS n FROM verdict")[0]["n"].as_u64().unwrap();
    assert!(html.contains(&format!("{} more are not shown", all - 3)));
    let ids = sql(&place.archive(), "SELECT measurement_id AS id FROM verdict");
    // The hash of a file with one record begins with that of the record, so only the list is looked at.
    let (_, html) = html.split_once("id=\"measurements\"").unwrap();
    assert_eq!(ids.iter().filter(|row| html.contains(row["id"].as_str().unwrap())).count(), 3);
}

#[test]
fn what_cannot_be_asked_is_told() {
    let place = filled();
    let archive = place.archive();
    for (arguments, told) in [
        (&["--name", "a' OR 'x"][..], "no host name"),
        (&["--country", "P'"], "no country"),
        (&["--since", "2026-13-01"], "not a day"),
        (&["--network", "ASx"], "not a network"),
        (&["--measurements", "10001"], "10001"),
        (&["--lang", "tlh"], "tlh"),
    ] {
        let to = tempfile::tempdir().unwrap();
        let outcome = report(&archive, to.path(), arguments);
        assert_ne!(outcome.code, 0, "{arguments:?}");
        assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
        assert_eq!(std::fs::read_dir(to.path()).unwrap().count(), 0, "whole or absent");
    }
    assert_eq!(run(&["report", "--archive", &archive]).code, 2, "nothing to write");
}
