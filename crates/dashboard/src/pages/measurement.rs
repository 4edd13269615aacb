//! Measurements: lists of them, and every step of one against its control.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use wirewitness_analysis::judge::rules;
use wirewitness_store::rollup::day_number;

use super::ask::{Ask, theirs};
use super::draw::status;
use super::events::theirs_long;
use super::table::{Cell, Table};
use super::{Made, NoPage, Page, answer};
use crate::facts::{Cursor, Filter, MeasurementRow, Step, Whole};

/// `/measurements`: filters `country`, `asn`, `name`, `status`, `mechanism`, `test`, `since`, `until`.
pub(super) async fn handle_list(ask: Ask) -> Response {
    let made = list(&ask).await;
    answer(&ask, made)
}

async fn list(ask: &Ask) -> Made {
    let some = |name| ask.one(name).map(|it| vec![it.to_owned()]).unwrap_or_default();
    let named = ask.one("name").map(|name| ask.facts.named(name)).unwrap_or_default();
    let asns = ask.one("asn").and_then(|it| it.trim_start_matches("AS").parse().ok());
    let filter = Filter {
        countries: some("country"),
        asns: asns.into_iter().collect(),
        domains: named.domains,
        targets: named.targets,
        statuses: some("status"),
        mechanisms: some("mechanism"),
        ..ask.filter()
    };
    let after = ask.one("after").and_then(Cursor::parse);
    let page = ask.facts.measurements(&filter, after.as_ref(), ROWS).await?;
    let table = rows(ask, &page.rows);
    let body = html! {
        (form(ask))
        @if table.is_empty() { p { (ask.say("dash-nothing")) } } @else { (table.shown(ask)) }
        @if let Some(next) = page.next { p { a href=(ask.again(&[("after", &next.text())])) rel="next" { (ask.say("dash-older")) } } }
    };
    Ok(Page::new(ask.say("dash-nav-measurements"), body, vec![table]))
}

/// A table of measurements.
pub(super) fn rows(ask: &Ask, rows: &[MeasurementRow]) -> Table {
    let head = [
        ("measured_at", "dash-measured-at"),
        ("measurement_id", "dash-measurement"),
        ("target", "dash-target"),
        ("country", "dash-country"),
        ("asn", "dash-network"),
        ("status", "dash-status"),
        ("mechanism", "dash-mechanism"),
        ("confidence", "dash-confidence"),
    ];
    let mut table = Table::new(ask, "measurements", ask.say("dash-nav-measurements"), &head);
    for row in rows {
        let path = format!("/measurement/{}/{}/{}", row.country, row.day, row.measurement_id);
        let short = row.measurement_id.get(..8).unwrap_or(&row.measurement_id);
        let words = row.mechanism.as_deref().map(|it| ask.word("dash-mechanism-", it));
        table.push(vec![
            Cell::new(row.at_s, html! { (ask.minute(row.at_s)) }),
            Cell::new(
                &*row.measurement_id,
                html! { a href=(ask.link(&path, &[])) { bdi { (short) } } },
            ),
            Cell::new(&*row.target, theirs(&row.target)),
            Cell::new(&*row.country, html! { (ask.country(&row.country)) }),
            Cell::new(row.probe_asn, ask.network(row.probe_asn.unwrap_or(0))),
            Cell::new(&*row.status, status(ask, &row.status)),
            Cell::new(
                row.mechanism.as_deref(),
                html! { @if let Some(words) = words { (words) } @else { "–" } },
            ),
            Cell::new(&*row.confidence, html! { (ask.word("confidence-", &row.confidence)) }),
        ]);
    }
    table
}

fn form(ask: &Ask) -> Markup {
    let field = |name: &str, message: &str, kind: &str| {
        html! {
            p { label for=(name) { (ask.say(message)) } input id=(name) type=(kind) name=(name) maxlength="300" value=(ask.shown(name)); }
        }
    };
    html! {
        form.filter method="get" action="/measurements" {
            @if ask.one("lang").is_some() { input type="hidden" name="lang" value=(ask.language.code()); }
            (field("country", "dash-country-two", "text")) (field("asn", "dash-network-number", "text")) (field("name", "dash-name-of", "text"))
            (field("since", "dash-since", "date")) (field("until", "dash-until", "date"))
            p { label for="status" { (ask.say("dash-status")) } select #status name="status" {
                option value="" { (ask.say("dash-all")) }
                @for word in ["blocked", "down", "ok", "insufficient"] { option value=(word) selected[ask.one("status") == Some(word)] { (ask.say(&format!("status-{word}"))) } }
            } }
            p { button type="submit" { (ask.say("dash-show")) } }
        }
    }
}

/// `/measurement/PK/2025-11-23/ID`; `?as=document` is the record as it is kept.
pub(super) async fn handle(
    Path((code, day, id)): Path<(String, String, String)>,
    ask: Ask,
) -> Response {
    let Some(day) = day_number(&day) else { return answer(&ask, Err(NoPage::NotFound)) };
    let whole = match ask.facts.measurement((&code, day), &id).await {
        Ok(Some(whole)) => whole,
        Ok(None) => return answer(&ask, Err(NoPage::NotFound)),
        Err(error) => return answer(&ask, Err(error.into())),
    };
    if ask.one("as") == Some("document") && !whole.document.is_empty() {
        let headers = [
            ("content-type", "application/json".to_owned()),
            (
                "content-disposition",
                format!("attachment; filename=\"{}.json\"", whole.verdict.measurement_id),
            ),
        ];
        return (headers, whole.document).into_response();
    }
    answer(&ask, Ok(page(&ask, &whole)))
}

fn page(ask: &Ask, whole: &Whole) -> Page {
    let verdict = &whole.verdict;
    let steps = steps_table(ask, &whole.steps);
    let cannot_tell: Vec<&str> = verdict.cannot_tell.iter().flatten().map(String::as_str).collect();
    let says = rules().find(|rule| rule.id == verdict.rule).map(|rule| rule.says);
    let name = verdict.domain.as_deref().unwrap_or(&verdict.target);
    let body = html! {
        p.lead { (status(ask, &verdict.status))
            @if let Some(mechanism) = &verdict.mechanism { " · " (ask.word("dash-mechanism-", mechanism)) " " code { (theirs(mechanism)) } }
            " · " (ask.say_with("dash-confidence-is", &[("confidence", ask.word("confidence-", &verdict.confidence).into())]))
            " · " (ask.say("dash-one-vantage")) }
        dl {
            dt { (ask.say("dash-target")) } dd { (ask.name_link(name)) " " span.soft { (theirs(&verdict.target)) } }
            dt { (ask.say("dash-measured-at")) } dd { (ask.minute(verdict.at_s)) }
            dt { (ask.say("dash-network")) } dd { (ask.network_link(&verdict.country, verdict.probe_asn.unwrap_or(0))) " (" (ask.country_link(&verdict.country)) ")" }
            @if let Some(resolver) = verdict.resolver_asn { dt { (ask.say("dash-resolver")) } dd { (ask.network(resolver)) } }
            dt { (ask.say("dash-test")) } dd { (theirs(&verdict.test_name)) }
            dt { (ask.say("dash-origin")) } dd { (ask.word("dash-origin-", &verdict.origin)) }
            @if let Some(locus) = &verdict.locus { dt { (ask.say("dash-locus")) } dd { (ask.word("dash-locus-", locus)) } }
            dt { (ask.say("dash-rule")) } dd { a href=(format!("{}#{}", ask.link("/method", &[]), verdict.rule)) { code { (theirs(&verdict.rule)) "@" (verdict.rule_version) } } @if let Some(says) = says { br; span lang="en" dir="ltr" { (says) } } }
            @if let Some(fingerprint) = &verdict.fingerprint { dt { (ask.say("dash-fingerprint")) } dd { code { (theirs(fingerprint)) } } }
            @if let Some(source) = &whole.source { dt { (ask.say("dash-source")) } dd { (theirs(source)) } }
        }
        section aria-labelledby="not" { h2 #not { (ask.say("dash-cannot-tell")) }
            @if cannot_tell.is_empty() { p { (ask.say("dash-cannot-tell-none")) } }
            ul lang="en" dir="ltr" { @for text in cannot_tell { li { (theirs(text)) } } }
            p { (ask.say("dash-one-measurement")) } }
        section aria-labelledby="steps" { h2 #steps { (ask.say("dash-steps")) }
            @if whole.steps.is_empty() { p { (ask.say("dash-no-steps")) } } @else { p { (ask.say("dash-steps-lead")) } (against(ask, &whole.steps)) (steps.behind(ask)) } }
        section aria-labelledby="raw" { h2 #raw { (ask.say("dash-raw")) }
            @if let Some(evidence) = &verdict.evidence { details { summary { (ask.say("dash-evidence")) } pre tabindex="0" { (theirs_long(evidence)) } } }
            @if whole.document.is_empty() { p { (ask.say("dash-no-document")) } } @else {
                details { summary { (ask.say("dash-document")) } pre tabindex="0" { (theirs_long(&whole.document)) } }
                p { a href=(ask.again(&[("as", "document")])) { (ask.say("dash-download")) } " " span.soft { "SHA-256/128: " bdi { (verdict.measurement_id) } } }
            } }
    };
    let title = ask.say_with("dash-measurement-of", &[("name", super::ask::cut(name, 100).into())]);
    Page::new(title, body, vec![steps])
}

/// Steps of the vantage, each with the control's of the same layer and name beside it.
fn against(ask: &Ask, steps: &[Step]) -> Markup {
    let ours = steps.iter().filter(|step| !step.is_control);
    let control = |step: &Step| -> Vec<&Step> {
        let same = |it: &&Step| it.is_control && it.layer == step.layer;
        let near = |it: &&Step| same(it) && (it.address == step.address || it.name == step.name);
        let found: Vec<&Step> = steps.iter().filter(near).take(3).collect();
        if found.is_empty() { steps.iter().filter(same).take(3).collect() } else { found }
    };
    html! {
        ol.steps {
            @for step in ours.take(MOST_SHOWN) {
                @let controls = control(step);
                li {
                    h3 { (ask.word("dash-layer-", &step.layer)) @if let Some(name) = step.name.as_deref().or(step.url.as_deref()) { ": " (theirs(name)) } }
                    div.pair {
                        div { h4 { (ask.say("dash-vantage-side")) } (said(ask, step)) }
                        div { h4 { (ask.say("dash-control-side")) }
                            @if controls.is_empty() { p.soft { (ask.say("dash-no-control")) } }
                            @for control in controls { (said(ask, control)) } }
                    }
                }
            }
        }
    }
}

/// One step in words.
fn said(ask: &Ask, step: &Step) -> Markup {
    let is_bad = step.failure.is_some();
    let (class, mark) = if is_bad { ("is-blocked", "■") } else { ("is-ok", "○") };
    html! {
        p { span class=(format!("state {class}")) { span.mark aria-hidden="true" { (mark) } " " (ask.say(if is_bad { "dash-failed-step" } else { "dash-done-step" })) } " " code { (theirs(&step.outcome)) }
            @if let Some(failure) = &step.failure { " " (theirs(failure)) } }
        ul.soft {
            @if let Some(address) = &step.address { li { (ask.say("dash-address")) ": " bdi { (wirewitness_report::html::harmless(address)) @if let Some(port) = step.port { " : " (port) } } @if let Some(asn) = step.address_asn { " (AS" (asn) ")" } } }
            @if let Some(answers) = &step.answers { li { (ask.say("dash-answers")) ": " @for (at, it) in answers.iter().flatten().take(12).enumerate() { @if at > 0 { (ask.say("dash-comma")) } (theirs(it)) } } }
            @if let Some(code) = step.status { li { (ask.say("dash-http-status")) ": " bdi { (code) } } }
            @if let Some(title) = &step.title { li { (ask.say("dash-title")) ": " (theirs(title)) } }
            @if let Some(length) = step.body_length { li { (ask.say("dash-length")) ": " (ask.count(length.unsigned_abs())) } }
            @if let Some(server) = &step.server { li { (ask.say("dash-server")) ": " (theirs(server)) } }
            @if let Some(t) = step.t_ms { li { (ask.say_with("dash-after-ms", &[("ms", wirewitness_report::words::Said::Real(t))])) } }
        }
    }
}

fn steps_table(ask: &Ask, steps: &[Step]) -> Table {
    let head = [
        ("step", "dash-step"),
        ("side", "dash-side"),
        ("layer", "dash-layer"),
        ("outcome", "dash-outcome"),
        ("failure", "dash-failure"),
        ("name", "dash-name-of"),
        ("address", "dash-address"),
        ("t_ms", "dash-time-ms"),
    ];
    let mut table = Table::new(ask, "steps", ask.say("dash-steps"), &head);
    let text = |text: &Option<String>| {
        Cell::new(
            text.as_deref(),
            html! { @if let Some(text) = text { (theirs(text)) } @else { "–" } },
        )
    };
    for step in steps {
        let side = if step.is_control { "control" } else { "vantage" };
        table.push(vec![
            Cell::new(step.step, html! { (ask.count(u64::from(step.step.unsigned_abs()))) }),
            Cell::new(side, html! { (ask.say(&format!("dash-{side}-side"))) }),
            Cell::new(&*step.layer, html! { (ask.word("dash-layer-", &step.layer)) }),
            Cell::new(&*step.outcome, html! { code { (theirs(&step.outcome)) } }),
            text(&step.failure),
            text(&step.name),
            text(&step.address),
            Cell::new(
                step.t_ms,
                html! { @if let Some(t) = step.t_ms { (ask.words().real(t)) } @else { "–" } },
            ),
        ]);
    }
    table
}

/// Measurements of one list.
const ROWS: usize = 50;
/// Steps that are shown side by side; the table has all.
const MOST_SHOWN: usize = 60;
