//! The rules and words as Markdown: what `docs/rules.md` and `docs/outcomes.md` hold.

use std::fmt::Write as _;

use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::Mechanism;

use super::rule::Rule;

/// The handbook of all rules.
pub fn rules() -> String {
    let mut text = String::from(RULES_HEAD);
    for rule in super::rules() {
        text.push_str(&self::rule(rule));
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// One rule.
pub fn rule(rule: &Rule) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "## {}\n\nVersion {}. {}\n", rule.id, rule.version, rule.says);
    let _ = writeln!(text, "**Stands on:** {}\n", rule.stands_on);
    list(&mut text, "Cannot tell apart", rule.cannot_tell, "nothing that is known");
    list(&mut text, "Known false positives", rule.false_positives, "none known");
    text
}

fn list(text: &mut String, title: &str, items: &[&str], none: &str) {
    match items {
        [] => {
            let _ = writeln!(text, "**{title}:** {none}\n");
        }
        [one] => {
            let _ = writeln!(text, "**{title}:** {one}\n");
        }
        many => {
            let _ = writeln!(text, "**{title}:**\n");
            for item in many {
                let _ = writeln!(text, "- {item}");
            }
            text.push('\n');
        }
    }
    text.truncate(text.trim_end().len());
    text.push_str("\n\n");
}

/// The tables of mechanisms and outcomes.
pub fn words() -> String {
    let mut text = String::from(WORDS_HEAD);
    for (_, word, says) in Mechanism::ALL {
        let _ = writeln!(text, "| `{word}` | {} |", says.trim());
    }
    text.push_str(OUTCOMES_HEAD);
    for (_, word, says) in Outcome::ALL {
        let _ = writeln!(text, "| `{word}` | {} |", says.trim());
    }
    text
}

const RULES_HEAD: &str = "\
# The rules of the judge

Generated from the code (`wirewitness rules`); a test compares the two. A verdict names the rule that gave it, with its
version: the version grows when what the rule says of some measurement can change. Rules for one kind of test are tried in the
order in which they stand here, and the first that applies gives the verdict. Rules of captures weigh all that was found in one
connection: a block page goes first, then the surest.

";

const WORDS_HEAD: &str = "\
# Statuses, mechanisms and outcomes

Generated from the code (`wirewitness rules --words`); a test compares the two.

## Status

| word | says |
|---|---|
| `ok` | The target could be used from here. Interference that does not deny access is `ok` with its mechanism. |
| `down` | It could not, and the reason is the target's own (`server.*`). |
| `blocked` | It could not, or not usably, and something between here and there is why. |
| `insufficient` | The measurement does not carry an answer. `vantage.*` is always so. |

## Confidence

| word | says |
|---|---|
| `low` | One observation, with nothing to compare it with. Never given to `blocked`. |
| `medium` | One observation that the control contradicts or confirms. |
| `high` | Two independent lines of evidence, or a proof (a certificate that verifies for the name). |

## Locus

| word | says |
|---|---|
| `resolver` | The resolver that was asked. |
| `path` | Something between the vantage and the far end. |
| `endpoint` | The far end itself. |
| `vantage` | The vantage's own line or device. |
| `unknown` | Not known. |

## Mechanisms

| word | says |
|---|---|
";

const OUTCOMES_HEAD: &str = "
## Outcomes of one step

An outcome says what happened at one step, never what it means.

| word | says |
|---|---|
";
