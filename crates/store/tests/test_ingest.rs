//! Measurements in: judged as the judge judges, each once.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray as _};
use wirewitness_analysis::judge::judge;
use wirewitness_model::ooni::Measurement;
use wirewitness_store::Archive;
use wirewitness_store::ingest::Settings;
use wirewitness_store::schema::{MEASUREMENT, OBSERVATION, Table, VERDICT};

use crate::filled::{at, examples, ingest, judging, shared, texts};

/// Columns of text of all rows of a table.
fn columns(archive: &Archive, table: &Table, names: &[&str]) -> Vec<Vec<Option<String>>> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let table = archive.table(table).unwrap();
    let mut rows = Vec::new();
    for file in table.files().unwrap() {
        for batch in runtime.block_on(table.read(&file)).unwrap() {
            let columns: Vec<_> = names
                .iter()
                .map(|name| batch.column_by_name(name).unwrap().as_string::<i32>())
                .collect();
            for at in 0..batch.num_rows() {
                let value =
                    |c: &&arrow::array::StringArray| c.is_valid(at).then(|| c.value(at).to_owned());
                rows.push(columns.iter().map(value).collect());
            }
        }
    }
    rows
}

fn open(folder: &std::path::Path) -> Archive {
    tokio::runtime::Runtime::new().unwrap().block_on(Archive::open(&at(folder))).unwrap()
}

#[test]
fn verdicts_are_those_of_the_judge() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = examples();
    if let Some(qa) = shared("ooni/qa") {
        files.extend(texts(&qa));
    }
    let (summary, refused) = ingest(&at(folder.path()), &files, Settings::default());
    assert_eq!(refused, []);
    assert_eq!((summary.added, summary.files), (files.len() as u64, files.len() as u64));

    let judging = judging();
    let mut expected = BTreeMap::new();
    for (_, text) in &files {
        let measurement = Measurement::from_json(text).unwrap();
        let verdict = judge(&measurement, &judging.context()).verdict;
        let key = vec![
            Some(verdict.status.word().to_owned()),
            verdict.mechanism.map(|mechanism| mechanism.word().to_owned()),
            Some(verdict.rule.id.to_owned()),
        ];
        *expected.entry(key).or_insert(0) += 1;
    }
    let mut got = BTreeMap::new();
    for row in columns(&open(folder.path()), &VERDICT, &["status", "mechanism", "rule"]) {
        *got.entry(row).or_insert(0) += 1;
    }
    assert_eq!(got, expected);
}

#[test]
fn the_same_records_twice_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let files = examples();
    let (first, _) = ingest(&at(folder.path()), &files, Settings::default());
    let (second, _) = ingest(&at(folder.path()), &files, Settings::default());
    assert_eq!((second.added, second.known), (0, first.added));
    assert_eq!(second.commit, first.commit, "no commit for nothing new");
    // Under another name, with white space around it, among others: still the same record.
    let (name, text) = &files[0];
    let again = [(format!("copy of {name}"), format!("\n {text}\n\n"))];
    let (third, _) = ingest(&at(folder.path()), &again, Settings::default());
    assert_eq!((third.added, third.known), (0, 1));
    assert_eq!(columns(&open(folder.path()), &MEASUREMENT, &["measurement_id"]).len(), files.len());
}

#[test]
fn small_commits_and_one_thread_give_the_same_rows() {
    let files = examples();
    let mut all = Vec::new();
    for settings in [
        Settings::default(),
        Settings { threads: 1, commit_bytes: 1 },
        Settings { threads: 3, commit_bytes: 100_000 },
    ] {
        let folder = tempfile::tempdir().unwrap();
        ingest(&at(folder.path()), &files, settings);
        let archive = open(folder.path());
        let mut rows = columns(
            &archive,
            &OBSERVATION,
            &["measurement_id", "layer", "outcome", "name", "address"],
        );
        rows.extend(columns(&archive, &MEASUREMENT, &["measurement_id", "document"]));
        rows.sort();
        all.push(rows);
    }
    assert!(all[0].len() > 100);
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn what_cannot_be_used_is_told_and_the_rest_is_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = examples();
    let good = files.len() as u64;
    files.insert(1, ("broken.json".to_owned(), "{\"test_name\": ".to_owned()));
    files.insert(3, ("timeless.json".to_owned(), "{\"test_name\":\"x\"}".to_owned()));
    let (summary, refused) = ingest(&at(folder.path()), &files, Settings::default());
    assert_eq!((summary.added, summary.refused), (good, 2));
    let names: Vec<&str> = refused.iter().map(|one| one.file.as_ref()).collect();
    assert_eq!(names, ["broken.json", "timeless.json"]);
    assert!(refused[1].reason.contains("no time"), "{}", refused[1].reason);
}

#[test]
fn no_body_and_no_address_of_a_probe_is_kept() {
    let secret = "the body of a page that nobody should find in the archive";
    let text = format!(
        r#"{{"test_name":"web_connectivity","measurement_start_time":"2025-01-02 03:04:05","probe_ip":"203.0.113.77","probe_cc":"PK","probe_asn":"AS1",
        "input":"http://example.org/","test_keys":{{"client_resolver":"203.0.113.53","requests":[{{"failure":null,"request":{{"url":"http://example.org/"}},
        "response":{{"code":200,"body":"<title>T</title>{secret} 203.0.113.77","headers":{{"X-Your-Address":"203.0.113.77"}}}}}}]}}}}"#
    );
    let folder = tempfile::tempdir().unwrap();
    ingest(&at(folder.path()), &[("one.json".to_owned(), text)], Settings::default());
    let archive = open(folder.path());
    let rows = columns(&archive, &MEASUREMENT, &["document", "target", "software", "report_id"]);
    assert_eq!(rows.len(), 1);
    let kept = format!("{rows:?}");
    for word in [secret, "203.0.113.77", "203.0.113.53"] {
        assert!(!kept.contains(word), "{word} in {kept}");
    }
    let http = columns(&archive, &OBSERVATION, &["layer", "title", "body_sha256"]);
    assert_eq!(http[0][..2], [Some("http".to_owned()), Some("T".to_owned())]);
    assert_eq!(http[0][2].as_ref().unwrap().len(), 64);
}
