//! A page loaded by a browser (ts-036): the browser says `ok` or `error`, and nothing more.

use wirewitness_model::lenient::Text;
use wirewitness_model::ooni::TestKeys;
use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Status, Verdict};

use super::line::bare;
use super::step::short;
use crate::judge::rule::Rule;

/// Judges a `browser_web` measurement.
pub(super) fn judge(keys: &TestKeys<'_>) -> Verdict {
    let result: Text<'_> = keys.read("result");
    let (rule, status, outcome) = match result.as_str() {
        None => return bare("result"),
        Some("ok") => (&OK, Status::Ok, Outcome::AppOk),
        Some(_) => (&UNCLEAR, Status::Insufficient, Outcome::AppFailed),
    };
    let seen = format!("the browser says {:?}", short(result.or_empty()));
    rule.verdict(status, Confidence::Low).saw("test_keys.result", outcome, seen).done()
}

/// The rules of this file.
pub(super) const RULES: [&Rule; 2] = [&OK, &UNCLEAR];

const OK: Rule = Rule {
    id: "browser_web.ok",
    version: 1,
    says: "The browser loaded the page, by its own word.",
    stands_on: "`result`, a conclusion: the test keeps no observation.",
    cannot_tell: &["the page from a block page: a browser loads both"],
    false_positives: &[],
};

const UNCLEAR: Rule = Rule {
    id: "browser_web.unclear",
    version: 1,
    says: "The browser did not load the page and does not say why.",
    stands_on: "`result`, a conclusion: the test keeps no observation.",
    cannot_tell: &[
        "a block from a site or a line that is down, or a site that refuses to be loaded so",
    ],
    false_positives: &[],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, verdict};

    #[test]
    fn positive_browser_web_ok() {
        check(&verdict("browser_web", r#""result":"ok""#, ""), "ok", "browser_web.ok", None);
    }

    #[test]
    fn negative_browser_web_ok() {
        let found = verdict("browser_web", r#""result":"error""#, "");
        check(&found, "insufficient", "browser_web.unclear", None);
    }

    #[test]
    fn outage_browser_web_ok() {
        check(&verdict("browser_web", r#""result":null"#, ""), "insufficient", "record.bare", None);
    }

    #[test]
    fn positive_browser_web_unclear() {
        let found = verdict("browser_web", r#""result":"timeout""#, "");
        check(&found, "insufficient", "browser_web.unclear", None);
    }

    #[test]
    fn negative_browser_web_unclear() {
        check(&verdict("browser_web", r#""result":"ok""#, ""), "ok", "browser_web.ok", None);
    }

    #[test]
    fn outage_browser_web_unclear() {
        let found = verdict("browser_web", r#""result":"error","load_time_ms":60000"#, "");
        check(&found, "insufficient", "browser_web.unclear", None);
    }
}
