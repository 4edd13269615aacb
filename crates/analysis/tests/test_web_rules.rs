//! Every rule of web connectivity in three situations: one it is for, one that looks like it, and an outage.
//!
//! What each situation must be called is written here from the situation, by hand, before any judge sees it. The three
//! of a rule: in the first, the rule gives the verdict; in the second, something similar happened that must be called
//! something else; in the third the symptom is the same and nobody interferes, so the verdict is never `blocked`.
//! `false_alarms` holds further situations that are often mistaken for censorship.

mod connect;
mod content;
mod dns;
mod exchange;
mod false_alarms;
mod follow_up;
mod handshake;
pub(crate) mod situations;
mod vantage;

use serde_json::Value;
use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::judge::rule::Rule;
use wirewitness_analysis::judge::{Context, judge, rules};
use wirewitness_model::ooni::Measurement;
use wirewitness_model::verdict::{Confidence, Locus, Mechanism, Status, Verdict};

use crate::world::World;

/// A rule and its three situations.
struct Row {
    rule: &'static str,
    /// Positive, negative, outage.
    cases: [Case; 3],
}

/// A situation, and what must be said of it.
struct Case {
    name: &'static str,
    json: Value,
    says: Says,
}

/// What must be said.
#[derive(Debug, PartialEq)]
struct Says {
    rule: &'static str,
    status: Status,
    mechanism: Option<Mechanism>,
    locus: Option<Locus>,
    confidence: Confidence,
}

fn case(name: &'static str, world: World, says: Says) -> Case {
    Case { name, json: world.measure(), says }
}

fn blocked(rule: &'static str, mechanism: Mechanism, locus: Locus, confidence: Confidence) -> Says {
    let (mechanism, locus) = (Some(mechanism), Some(locus));
    Says { rule, status: Status::Blocked, mechanism, locus, confidence }
}

fn down(rule: &'static str, mechanism: Mechanism, confidence: Confidence) -> Says {
    let (mechanism, locus) = (Some(mechanism), Some(Locus::Endpoint));
    Says { rule, status: Status::Down, mechanism, locus, confidence }
}

fn ok(rule: &'static str, confidence: Confidence) -> Says {
    Says { rule, status: Status::Ok, mechanism: None, locus: None, confidence }
}

fn ok_though(
    rule: &'static str,
    mechanism: Mechanism,
    locus: Locus,
    confidence: Confidence,
) -> Says {
    Says { status: Status::Ok, ..blocked(rule, mechanism, locus, confidence) }
}

/// Nothing can be said.
fn unknown(rule: &'static str) -> Says {
    let confidence = Confidence::Low;
    Says { rule, status: Status::Insufficient, mechanism: None, locus: None, confidence }
}

/// Nothing can be said, because of the line itself.
fn own_line(rule: &'static str, mechanism: Mechanism) -> Says {
    let (mechanism, locus) = (Some(mechanism), Some(Locus::Vantage));
    let status = Status::Insufficient;
    Says { rule, status, mechanism, locus, confidence: Confidence::Medium }
}

/// The page came over TLS.
fn proven() -> Says {
    ok("web.ok.proven", Confidence::High)
}

/// The page came, as the control has it.
fn same_page() -> Says {
    ok("web.ok.match", Confidence::Medium)
}

fn table() -> Vec<Row> {
    let mut rows = vantage::rows();
    rows.extend(dns::rows());
    rows.extend(handshake::rows());
    rows.extend(connect::rows());
    rows.extend(exchange::rows());
    rows.extend(content::rows());
    rows.extend(follow_up::rows());
    rows
}

/// The rules that must have their three.
fn due() -> impl Iterator<Item = &'static Rule> {
    rules().filter(|rule| rule.id.starts_with("web.") || rule.id == "unsupported.empty")
}

#[test]
fn every_rule_has_its_three() {
    let table = table();
    for rule in due() {
        let rows = table.iter().filter(|row| row.rule == rule.id).count();
        assert_eq!(rows, 1, "{} has {rows} rows", rule.id);
    }
    for row in &table {
        assert!(due().any(|rule| rule.id == row.rule), "{} is no rule", row.rule);
        let [positive, negative, outage] = &row.cases;
        assert_eq!(positive.says.rule, row.rule, "{}", positive.name);
        assert_ne!(negative.says.rule, row.rule, "{}", negative.name);
        assert_ne!(outage.says.status, Status::Blocked, "{}", outage.name);
    }
}

#[test]
fn every_situation_is_called_what_it_is() {
    let fingerprints = Fingerprints::shipped();
    let table = table();
    let of_rules = table.iter().flat_map(|row| &row.cases);
    let more = false_alarms::cases();
    let mut wrong = Vec::new();
    for case in of_rules.chain(&more) {
        let text = case.json.to_string();
        let measurement = Measurement::from_json(&text).unwrap();
        let verdict = judge(&measurement, &Context::new(&fingerprints)).verdict;
        if let Err(why) = check(case, &verdict) {
            wrong.push(format!("{}\n    {why}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn check(case: &Case, verdict: &Verdict) -> Result<(), String> {
    let ours = Says {
        rule: verdict.rule.id,
        status: verdict.status,
        mechanism: verdict.mechanism,
        locus: verdict.locus,
        confidence: verdict.confidence,
    };
    if ours != case.says {
        return Err(format!("{ours:?}\n    instead of\n    {:?}", case.says));
    }
    let may_be_bare = ["web.nothing", "unsupported.empty"].contains(&verdict.rule.id);
    if verdict.evidence.is_empty() && !may_be_bare {
        return Err("no evidence".to_owned());
    }
    for evidence in &verdict.evidence {
        if look_up(&case.json, &evidence.at).is_none_or(Value::is_null) {
            return Err(format!("nothing is at {}: {}", evidence.at, evidence.seen));
        }
    }
    let rule = rules().find(|rule| rule.id == verdict.rule.id).unwrap();
    let missing =
        rule.cannot_tell.iter().find(|text| !verdict.cannot_tell.iter().any(|t| t == *text));
    missing.map_or(Ok(()), |text| Err(format!("it does not say what it cannot tell: {text}")))
}

/// The value at `test_keys.queries[3]`.
fn look_up<'v>(json: &'v Value, at: &str) -> Option<&'v Value> {
    at.split('.').try_fold(json, |value, part| {
        let (name, indices) = part.split_once('[').unwrap_or((part, ""));
        let indices = indices.split(['[', ']']).filter(|index| !index.is_empty());
        indices
            .map(|index| index.parse::<usize>().ok())
            .try_fold(value.get(name)?, |value, index| value.get(index?))
    })
}

#[test]
fn places_are_looked_up() {
    let json = serde_json::json!({"a": {"b": [1, {"c": 2}]}});
    assert_eq!(look_up(&json, "a.b[1].c"), Some(&Value::from(2)));
    assert_eq!(look_up(&json, "a.b[2]"), None);
    assert_eq!(look_up(&json, "a.x"), None);
}
