//! How verdicts come about: the rules as the code has them.

use maud::html;
use wirewitness_analysis::judge::rules;
use wirewitness_model::verdict::Mechanism;

use super::Page;
use super::ask::Ask;
use super::draw::legend;
use super::table::{Cell, Table};

/// `/method`. Rules are written in English, as `wirewitness rules` prints them.
pub(super) fn page(ask: &Ask) -> Page {
    let mut mechanisms = Table::new(
        ask,
        "words",
        ask.say("dash-mechanisms"),
        &[("mechanism", "dash-mechanism"), ("name", "dash-in-words"), ("says", "dash-says")],
    );
    for (_, word, says) in Mechanism::ALL {
        mechanisms.push(vec![
            Cell::new(*word, html! { code { bdi { (word) } } }),
            Cell::new(
                ask.word("dash-mechanism-", word),
                html! { (ask.word("dash-mechanism-", word)) },
            ),
            Cell::new(says.trim(), html! { span lang="en" dir="ltr" { (says.trim()) } }),
        ]);
    }
    let body = html! {
        p { (ask.say("dash-method-lead")) }
        section aria-labelledby="colours" { h2 #colours { (ask.say("dash-legend")) } (legend(ask)) p { (ask.say("dash-method-states")) } p { (ask.say("dash-method-vantages")) } p { (ask.say("dash-method-confidence")) } }
        section aria-labelledby="limits" { h2 #limits { (ask.say("dash-limits")) }
            ul { @for message in ["dash-limit-interception", "dash-limit-where", "dash-limit-who", "dash-limit-vantage"] { li { (ask.say(message)) } } } }
        section aria-labelledby="mechanisms" { h2 #mechanisms { (ask.say("dash-mechanisms")) } (mechanisms.shown(ask)) }
        section aria-labelledby="rules" { h2 #rules { (ask.say("dash-rules")) } p { (ask.say("dash-rules-lead")) }
            div lang="en" dir="ltr" {
                @for rule in rules() {
                    details.rule id=(rule.id) {
                        summary { code { (rule.id) "@" (rule.version) } " " (rule.says) }
                        dl {
                            dt lang=(ask.language.code()) { (ask.say("dash-stands-on")) } dd { (rule.stands_on) }
                            @if !rule.cannot_tell.is_empty() { dt lang=(ask.language.code()) { (ask.say("dash-cannot-tell")) } dd { ul { @for it in rule.cannot_tell { li { (it) } } } } }
                            @if !rule.false_positives.is_empty() { dt lang=(ask.language.code()) { (ask.say("dash-false-positives")) } dd { ul { @for it in rule.false_positives { li { (it) } } } } }
                        }
                    }
                }
            }
        }
    };
    Page::new(ask.say("dash-nav-method"), body, vec![mechanisms])
}
