//! OONI's web connectivity suite, each case measured by our own prober in a lab scenario, and not read from a file.

use std::collections::BTreeMap;

use serde_json::Value;
use wirewitness_probe::FollowUp;

use crate::field::{self, Manner, judged, qa, verdict};

/// A row of the table: the case, its input, and what each of the fourteen keys must be.
struct Row {
    case: String,
    input: String,
    keys: BTreeMap<String, Value>,
}

fn table() -> Vec<Row> {
    let mut lines = include_str!("qa_keys.tsv").lines().skip(1);
    let names: Vec<_> = lines.next().unwrap().split('\t').collect();
    let row = |line: &str| {
        let fields: Vec<_> = line.split('\t').collect();
        let keys = names.iter().zip(&fields).skip(2);
        Row {
            case: fields[0].to_owned(),
            input: fields[1].to_owned(),
            keys: keys.map(|(name, text)| ((*name).to_owned(), value(text))).collect(),
        }
    };
    lines.map(row).collect()
}

fn value(text: &str) -> Value {
    match text {
        "null" => Value::Null,
        "true" => true.into(),
        "false" => false.into(),
        text => text.parse::<f64>().map_or_else(|_| text.into(), Value::from),
    }
}

/// The table has proportions to four or five digits.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours.as_f64(), theirs.as_f64()) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() < 0.000_05,
        _ => ours == theirs,
    }
}

fn measure(row: &Row, follow_up: FollowUp) -> Value {
    let target = ("client".to_owned(), row.input.clone());
    let manner = Manner { follow_up, ..Manner::default() };
    field::measure(&qa(&row.case), &[target], manner).remove(0)
}

#[test]
fn fourteen_keys_of_fifty_cases() {
    let table = table();
    assert_eq!((table.len(), table[0].keys.len()), (50, 14));
    let mut wrong = Vec::new();
    for row in &table {
        let measurement = measure(row, FollowUp::Never);
        let ours = judged(&measurement, |it| serde_json::to_value(it.ooni.as_ref()).unwrap());
        for (key, theirs) in &row.keys {
            if !same(&ours[key], theirs) {
                wrong.push(format!("{}.{key}: {} instead of {theirs}", row.case, ours[key]));
            }
        }
        if std::env::var_os("WW_SHOW").is_some() {
            std::fs::write(
                std::env::temp_dir().join(format!("qa-{}.json", row.case)),
                serde_json::to_string_pretty(&measurement).unwrap(),
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What the document says of each case, with failures looked into and without.
#[test]
fn verdicts_of_fifty_cases() {
    let mut wrong = Vec::new();
    for row in &table() {
        let truth = qa(&row.case).truths()[0].clone();
        let expected = field::words(truth.status.word(), truth.mechanism.map(|it| it.word()));
        for follow_up in [FollowUp::Never, FollowUp::Failures] {
            let ours = verdict(&measure(row, follow_up));
            // Looked into, the slow transfer is shown to hang on the name, or on the address: more than the suite's
            // measurement can say.
            let expected = match (row.case.as_str(), follow_up) {
                ("throttlingWithHTTPS", FollowUp::Failures) => "blocked tls.throttle.sni",
                ("throttlingWithHTTP", FollowUp::Failures) => "blocked ip.throttle.endpoint",
                _ => &expected,
            };
            if ours != expected {
                wrong.push(format!("{} {follow_up:?}: {ours} instead of {expected}", row.case));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
