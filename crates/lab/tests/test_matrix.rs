//! Every technique of the lab and every harmless failure, measured and judged: the rows are in `matrix/`.

use serde_json::Value;

use crate::field::{Manner, measure, verdict};
use crate::matrix::{self, ACCESS, Row};

/// Measures and judges each row; says what is not as expected.
fn check(rows: &[Row]) {
    let wanted = std::env::var("WW_ROW").unwrap_or_default();
    let rows: Vec<_> = rows.iter().filter(|row| row.name.contains(&wanted)).collect();
    let wrong: Vec<_> = rows.iter().filter_map(|row| wrong(row)).collect();
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

fn wrong(row: &Row) -> Option<String> {
    let target = (row.client.to_owned(), row.url.to_owned());
    let measurement = measure(&row.scenario(ACCESS), &[target], Manner::default()).remove(0);
    let (list, word) = row.outcome.split_once(' ').unwrap();
    let (seen, said) = (outcomes(&measurement, list), verdict(&measurement));
    if std::env::var_os("WW_SHOW").is_some() {
        let path = std::env::temp_dir().join(format!("matrix-{}.json", row.name.replace(' ', "-")));
        std::fs::write(path, serde_json::to_string_pretty(&measurement).unwrap()).unwrap();
    }
    let is_seen = |it: &String| match word.strip_suffix('*') {
        Some(beginning) => it.starts_with(beginning),
        None => it == word,
    };
    let is_right = seen.iter().any(is_seen) && said == row.said;
    (!is_right).then(|| {
        format!("{} ({}): {said} instead of {}; {list}: {seen:?}", row.name, row.url, row.said)
    })
}

/// What a list of the measurement came to: failures, addresses and status codes.
fn outcomes(measurement: &Value, list: &str) -> Vec<String> {
    let entries = measurement["test_keys"][list].as_array().into_iter().flatten();
    let own = entries.filter(|it| list != "queries" || it["engine"] == "getaddrinfo");
    own.flat_map(|entry| {
        let failures = [&entry["failure"], &entry["status"]["failure"]];
        let answers = entry["answers"].as_array().into_iter().flatten();
        let addresses = answers.flat_map(|it| [&it["ipv4"], &it["ipv6"]]);
        let texts = failures.into_iter().chain(addresses).filter_map(Value::as_str);
        let code = entry["response"]["code"].as_u64().map(|code| code.to_string());
        texts.map(str::to_owned).chain(code).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn interference() {
    check(&matrix::interference());
}

/// What is said in place of the truth claims less than it.
#[test]
fn what_cannot_be_shown_is_left_open() {
    let rows = [matrix::interference(), matrix::harmless()].concat();
    let other: Vec<_> = rows.iter().filter(|row| row.said != row.verdict).collect();
    assert!(other.iter().all(|row| row.said == "insufficient -"), "{other:?}");
}

/// Each target of a row of interference, with nobody interfering, and down.
#[test]
fn twins() {
    check(&matrix::twins(&matrix::interference()));
}

#[test]
fn harmless() {
    check(&matrix::harmless());
}
