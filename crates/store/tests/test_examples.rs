//! The questions in `examples/queries`: the same answers however the work is split, and the right ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use wirewitness_store::Archive;
use wirewitness_store::ingest::Settings;
use wirewitness_store::query::output::{Format, Formulas, Look, write};
use wirewitness_store::query::{Options, Session};

use crate::filled::{at, examples, ingest, shared, texts};
use crate::generated::{self, Made, made};

/// The questions, by name.
pub(crate) fn questions() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/queries");
    let mut found: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "sql"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    found.sort();
    found
}

/// Lines of the answer as CSV, the head first and the rest sorted.
pub(crate) async fn lines(session: &Session, sql: &str) -> Vec<String> {
    let look = Look { width: 100, clean: |text, _| text.to_owned(), formulas: Formulas::Kept };
    let mut out = Vec::new();
    let answer = session.query(sql).await.unwrap_or_else(|error| panic!("{sql}\n{error}"));
    if let Err(error) = write(answer, (Format::Csv, &look), &mut out).await {
        panic!("{sql}\n{error}");
    }
    let mut lines: Vec<String> =
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
    lines[1..].sort();
    lines
}

/// An archive of real measurements and our own examples.
pub(crate) fn real(folder: &Path) -> Archive {
    let mut files = examples();
    for part in ["ooni/qa", "ooni/real"] {
        files.extend(shared(part).map(|folder| texts(&folder)).unwrap_or_default());
    }
    ingest(&at(folder), &files, Settings { commit_bytes: 1 << 20, ..Settings::default() });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(Archive::open(&at(folder))).unwrap()
}

/// An archive of made-up rows.
pub(crate) fn made_up(folder: &Path, rows: &[Made]) -> Archive {
    generated::write(folder, rows);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(Archive::open(&at(folder))).unwrap()
}

#[test]
fn answers_are_the_same_however_the_work_is_split() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let few: Vec<Made> =
        made(30).into_iter().filter(|row| row.country == "XA" && row.day <= 3).collect();
    let archives = [
        real(&place("real")),
        made_up(&place("made"), &made(30)),
        // Fewer files than parts: then it is made use of that files are sorted.
        made_up(&place("few"), &few),
    ];
    let questions = questions();
    assert_eq!(questions.len(), 10);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for archive in &archives {
            let with = |n| Options { partitions: Some(n), ..Options::default() };
            let one = Session::new(archive, with(1)).await.unwrap();
            let several = [
                Session::new(archive, with(2)).await.unwrap(),
                Session::new(archive, with(7)).await.unwrap(),
            ];
            for (name, sql) in &questions {
                assert!(sql.starts_with("-- "), "{name} does not say what it answers");
                let expected = lines(&one, sql).await;
                let is_of_events = name == "events-now";
                assert!(expected.len() > 1 || is_of_events, "{name} has no rows");
                for session in &several {
                    assert_eq!(lines(session, sql).await, expected, "{name}");
                }
            }
        }
    });
}

/// Asks one of the examples over made-up rows.
fn asked(name: &str) -> (Vec<Made>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let rows = made(30);
    let archive = made_up(folder.path(), &rows);
    let (_, sql) = questions().into_iter().find(|(found, _)| found == name).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let found = runtime.block_on(async {
        let options = Options { partitions: Some(3), ..Options::default() };
        let session = Session::new(&archive, options).await.unwrap();
        lines(&session, &sql).await
    });
    (rows, found[1..].to_vec())
}

fn sorted(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.into_iter().collect();
    lines.sort();
    lines
}

fn number(asn: Option<i64>) -> String {
    asn.map(|asn| asn.to_string()).unwrap_or_default()
}

#[test]
fn aggregation_counts_what_is_there() {
    let (rows, found) = asked("aggregation");
    let mut counts: BTreeMap<String, [u32; 6]> = BTreeMap::new();
    for row in &rows {
        let key = format!("{},{},{},{}", row.date(), row.country, number(row.asn), row.domain);
        let count = counts.entry(key).or_default();
        count[0] += 1;
        let column = match (row.status, row.fingerprint) {
            ("ok", _) => 1,
            ("blocked", Some(_)) => 2,
            ("blocked", None) => 3,
            ("insufficient", _) => 4,
            _ => 5,
        };
        count[column] += 1;
    }
    let line = |(key, counts): (String, [u32; 6])| {
        format!("{key},{}", counts.map(|n| n.to_string()).join(","))
    };
    assert_eq!(found, sorted(counts.into_iter().map(line)));
}

#[test]
fn first_and_last_are_the_first_and_the_last() {
    let (rows, found) = asked("first-last-blocked");
    let mut names: BTreeMap<(&str, &str), Vec<&Made>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.status == "blocked") {
        names.entry((row.country, &row.domain)).or_default().push(row);
    }
    let line = |((country, domain), rows): ((&str, &str), Vec<&Made>)| {
        let times: BTreeSet<&str> = rows.iter().map(|row| row.at.as_str()).collect();
        let days: BTreeSet<u32> = rows.iter().map(|row| row.day).collect();
        let networks: BTreeSet<i64> = rows.iter().filter_map(|row| row.asn).collect();
        let (first, last) = (times.first().unwrap(), times.last().unwrap());
        let counts = [days.len(), rows.len(), networks.len()].map(|n| n.to_string()).join(",");
        format!("{country},{domain},{first},{last},{counts}")
    };
    assert_eq!(found, sorted(names.into_iter().map(line)));
}

#[test]
fn disagreement_is_where_two_words_differ() {
    let (rows, found) = asked("disagreement");
    let says = |row: &Made| row.ooni.is_some_and(|word| word != "false");
    let differing = rows.iter().filter(|row| (row.status == "blocked") != says(row)).count();
    let total: usize =
        found.iter().map(|line| line.split(',').nth(3).unwrap().parse::<usize>().unwrap()).sum();
    assert!(differing > 0);
    assert_eq!(total, differing);
}

#[test]
fn foreign_answers_are_those_that_the_control_has_not() {
    let (rows, found) = asked("dns-differs");
    let mut foreign: BTreeMap<(&str, Option<i64>, &str), Vec<&Made>> = BTreeMap::new();
    for row in &rows {
        let Some(control) = &row.control else { continue };
        let is_foreign = |a: &&String| a.as_str() != "cdn.example" && !control.contains(a);
        for answer in row.answers.iter().filter(is_foreign) {
            foreign.entry((row.country, row.asn, answer)).or_default().push(row);
        }
    }
    let line = |((country, asn, answer), rows): ((&str, Option<i64>, &str), Vec<&Made>)| {
        let names: BTreeSet<&str> = rows.iter().map(|row| row.domain.as_str()).collect();
        let first = names.first().unwrap();
        format!("{country},{},{answer},{},{first},{}", number(asn), names.len(), rows.len())
    };
    assert_eq!(found, sorted(foreign.into_iter().map(line)));
}

#[test]
fn coverage_counts_networks_vantages_and_hours() {
    let (rows, found) = asked("coverage");
    // 2026-03-02 was a Monday.
    let monday = |day: u32| match day {
        1 => "2026-02-23",
        2..=8 => "2026-03-02",
        9..=15 => "2026-03-09",
        _ => "2026-03-16",
    };
    let mut weeks: BTreeMap<(&str, &str), Vec<&Made>> = BTreeMap::new();
    for row in &rows {
        weeks.entry((monday(row.day), row.country)).or_default().push(row);
    }
    let line = |((week, country), rows): ((&str, &str), Vec<&Made>)| {
        let networks: BTreeSet<_> = rows.iter().filter_map(|row| row.asn).collect();
        let vantages: BTreeSet<_> = rows.iter().map(|row| row.vantage).collect();
        let targets: BTreeSet<_> = rows.iter().map(|row| &row.domain).collect();
        let days: BTreeSet<_> = rows.iter().map(|row| row.day).collect();
        let hours: BTreeSet<_> = rows.iter().map(|row| &row.at[..13]).collect();
        let sizes = [networks.len(), vantages.len(), targets.len(), days.len(), hours.len()];
        format!("{week},{country},{},{}", rows.len(), sizes.map(|n| n.to_string()).join(","))
    };
    assert_eq!(found, sorted(weeks.into_iter().map(line)));
}

#[test]
fn only_events_that_last_are_events_now() {
    let (_, found) = asked("events-now");
    let names: Vec<&str> = found.iter().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(names, ["lasting", "later"]);
}
