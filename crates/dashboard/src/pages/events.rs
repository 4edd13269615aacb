//! Events: what changed, and all that is said of one.

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};

use super::ask::{Ask, theirs};
use super::table::{Cell, Table};
use super::{Made, NoPage, Page, answer};
use crate::facts::{EventFilter, EventRow};

/// Events in a few lines each, the newest change first.
pub(super) fn items<'e>(ask: &Ask, events: impl Iterator<Item = &'e EventRow>) -> Markup {
    let mut events = events.peekable();
    if events.peek().is_none() {
        return html! { p { (ask.say("dash-no-events")) } };
    }
    html! { ul.events { @for event in events { li { (item(ask, event)) } } } }
}

fn item(ask: &Ask, event: &EventRow) -> Markup {
    html! {
        p {
            a href=(ask.link(&format!("/event/{}", encoded(&event.event_id)), &[])) { strong { (title(ask, event)) } }
            " · " (ask.country(&event.country)) " · "
            (ask.say_with("dash-in-networks", &[("count", (event.networks.len() as u64).into())]))
        }
        p.soft { (times(ask, event)) " · " (certainty(ask, event)) " · " (ask.say_with("vantages", &[("count", event.vantages.into())])) " · "
            (ask.say_with("dash-confidence-is", &[("confidence", ask.say(&format!("confidence-{}", event.confidence)).into())])) }
    }
}

/// `Blocked: a.example and 3 others`.
fn title(ask: &Ask, event: &EventRow) -> Markup {
    let rest = event.targets.len().saturating_sub(1) as u64;
    let over = if event.ended_at.is_some() { "-over" } else { "" };
    html! {
        (ask.say(&format!("dash-event-{}{over}", event.kind)))
        @if let Some(first) = event.targets.first() { ": " (theirs(first)) }
        @if rest > 0 { " " (ask.say_with("dash-and-others", &[("count", rest.into())])) }
    }
}

fn times(ask: &Ask, event: &EventRow) -> Markup {
    html! {
        @match event.ended_at {
            Some(end) => (ask.say_with("dash-from-to", &[("from", ask.minute(event.started_at).into()), ("to", ask.minute(end).into())])),
            None => (ask.say_with("dash-since-when", &[("from", ask.minute(event.started_at).into())])),
        }
    }
}

fn certainty(ask: &Ask, event: &EventRow) -> String {
    ask.word("dash-certainty-", &event.certainty)
}

/// `/events`.
pub(super) fn list(ask: &Ask) -> Page {
    let text = |name| ask.one(name).map(str::to_owned);
    let filter = EventFilter {
        country: text("country"),
        asn: ask.one("asn").and_then(|it| it.trim_start_matches("AS").parse().ok()),
        name: text("name"),
        category: text("category"),
        kind: text("kind"),
        certainty: text("certainty"),
        is_over: ask.one("over").map(|it| it == "yes"),
        since: ask.day_of("since"),
        until: ask.day_of("until").map(|day| day + 1),
    };
    let head = [
        ("event", "dash-event"),
        ("kind", "dash-kind"),
        ("country", "dash-country"),
        ("started_at", "dash-began"),
        ("ended_at", "dash-ended"),
        ("networks", "dash-networks"),
        ("vantages", "dash-vantages"),
        ("confidence", "dash-confidence"),
        ("certainty", "dash-certainty"),
    ];
    let mut table = Table::new(ask, "events", ask.say("dash-nav-events"), &head);
    for event in ask.facts.events(&filter) {
        table.push(vec![
            Cell::new(&*event.event_id, html! { a href=(ask.link(&format!("/event/{}", encoded(&event.event_id)), &[])) { (title(ask, event)) } }),
            Cell::new(&*event.kind, html! { (ask.word("dash-kind-", &event.kind)) }),
            Cell::new(&*event.country, ask.country_link(&event.country)),
            Cell::new(event.started_at, html! { (ask.minute(event.started_at)) }),
            Cell::new(event.ended_at, html! { @match event.ended_at { Some(at) => (ask.minute(at)), None => (ask.say("dash-lasts")) } }),
            Cell::count(ask, event.networks.len() as u64),
            Cell::count(ask, event.vantages),
            Cell::new(&*event.confidence, html! { (ask.word("confidence-", &event.confidence)) }),
            Cell::new(&*event.certainty, html! { (certainty(ask, event)) }),
        ]);
    }
    let body = html! {
        p { (ask.say("dash-events-lead")) }
        (form(ask))
        @if table.is_empty() { p { (ask.say("dash-no-events")) } } @else { (table.shown(ask)) }
    };
    Page::new(ask.say("dash-nav-events"), body, vec![table])
}

fn form(ask: &Ask) -> Markup {
    let field = |name: &str, message: &str, kind: &str| {
        html! {
            p { label for=(name) { (ask.say(message)) } input id=(name) type=(kind) name=(name) maxlength="300" value=(ask.shown(name)); }
        }
    };
    let choice = |name: &str, message: &str, options: &[(&str, &str)]| {
        html! {
            p { label for=(name) { (ask.say(message)) } select id=(name) name=(name) {
                option value="" { (ask.say("dash-all")) }
                @for (value, message) in options { option value=(value) selected[ask.one(name) == Some(value)] { (ask.say(message)) } }
            } }
        }
    };
    html! {
        form.filter method="get" action="/events" {
            @if ask.one("lang").is_some() { input type="hidden" name="lang" value=(ask.language.code()); }
            (field("country", "dash-country-two", "text")) (field("asn", "dash-network-number", "text")) (field("name", "dash-name-of", "text"))
            (field("since", "dash-since", "date")) (field("until", "dash-until", "date"))
            (choice("kind", "dash-kind", &[("block", "dash-kind-block"), ("shutdown", "dash-kind-shutdown")]))
            (choice("over", "dash-over", &[("no", "dash-over-no"), ("yes", "dash-over-yes")]))
            p { button type="submit" { (ask.say("dash-show")) } }
        }
    }
}

/// `/event/ID`.
pub(super) async fn handle(Path(id): Path<String>, ask: Ask) -> Response {
    let made = single(&ask, &id).await;
    answer(&ask, made)
}

async fn single(ask: &Ask, id: &str) -> Made {
    let history = ask.facts.history(id).await?;
    let event = history.iter().find(|it| it.holds).or_else(|| history.first());
    let Some(event) = event else { return Err(NoPage::NotFound) };
    let detail = ask.facts.detail(&event.statement).await?;
    let mut statements = Table::new(
        ask,
        "statements",
        ask.say("dash-statements"),
        &[
            ("revision", "dash-revision"),
            ("holds", "dash-holds-still"),
            ("seen_at", "dash-stated-at"),
            ("networks", "dash-networks"),
            ("targets", "dash-targets"),
            ("confidence", "dash-confidence"),
        ],
    );
    for one in &history {
        let stands = if one.holds {
            "dash-yes"
        } else if one.withdrawn {
            "dash-withdrawn"
        } else {
            "dash-replaced"
        };
        statements.push(vec![
            Cell::new(one.revision, html! { (ask.count(u64::from(one.revision))) }),
            Cell::new(one.holds, html! { (ask.say(stands)) }),
            Cell::new(one.seen_at, html! { (ask.minute(one.seen_at)) }),
            Cell::count(ask, one.networks.len() as u64),
            Cell::count(ask, one.targets.len() as u64),
            Cell::new(&*one.confidence, html! { (ask.word("confidence-", &one.confidence)) }),
        ]);
    }
    let facts = [
        ("dash-country", ask.country_link(&event.country)),
        ("dash-certainty", html! { (certainty(ask, event)) }),
        ("dash-confidence", html! { (ask.word("confidence-", &event.confidence)) }),
        ("dash-began", moment(ask, event.started_after, Some(event.started_at))),
        ("dash-ended", moment(ask, event.ended_after, event.ended_at)),
        ("dash-stated-at", html! { (ask.minute(event.seen_at)) }),
        (
            "dash-evidence",
            html! { (ask.say_with("dash-units", &[("blocked", event.units_blocked.into()), ("ok", event.units_ok.into()), ("down", event.units_down.into())])) (ask.say("dash-and")) (ask.say_with("vantages", &[("count", event.vantages.into())])) },
        ),
        (
            "dash-how",
            html! { @for (at, it) in event.mechanisms.iter().enumerate() { @if at > 0 { (ask.say("dash-comma")) } (ask.word("dash-mechanism-", it)) " " code { (theirs(it)) } } @if event.mechanisms.is_empty() { "–" } },
        ),
    ];
    let body = html! {
        @if !event.holds { p.note { strong { (ask.say("dash-no-longer-held")) } } }
        p.lead { (ask.say(&format!("dash-certainty-{}-says", if ["stated", "unconfirmed", "standing"].contains(&event.certainty.as_str()) { event.certainty.as_str() } else { "unconfirmed" }))) }
        dl { @for (message, shown) in &facts { dt { (ask.say(message)) } dd { (shown) } } }
        @if event.country_wide { p { (ask.say("dash-country-wide")) } }
        section aria-labelledby="targets" { h2 #targets { (ask.say("dash-targets")) }
            ul.names { @for target in event.targets.iter().take(MOST) {
                li { (ask.name_link(ask.facts.domain_by_name(target).unwrap_or(target))) @if ask.facts.domain_by_name(target).is_some_and(|it| it != target) { " " span.soft { (theirs(target)) } } } } }
            (more(ask, event.targets.len())) }
        section aria-labelledby="networks" { h2 #networks { (ask.say("dash-seen-in")) } (networks(ask, &event.country, &event.networks)) }
        section aria-labelledby="against" { h2 #against { (ask.say("dash-not-seen-in")) } (networks(ask, &event.country, &event.networks_against)) }
        section aria-labelledby="said" { h2 #said { (ask.say("dash-statements")) } p { (ask.say("dash-statements-lead")) } (statements.shown(ask)) }
        @if let Some(detail) = &detail {
            details { summary { (ask.say("dash-raw")) } pre tabindex="0" { (theirs_long(detail)) } }
        }
    };
    let title = html! { (ask.say(&format!("dash-event-{}{}", event.kind, if event.ended_at.is_some() { "-over" } else { "" }))) };
    let first = event
        .targets
        .first()
        .map(|it| wirewitness_report::html::harmless(super::ask::cut(it, 100)));
    let title = match first {
        Some(first) => format!("{}: {first}", title.0),
        None => title.0,
    };
    Ok(Page::new(title, body, vec![statements]))
}

/// A turn, between the last measurement that says otherwise and the first that belongs to it.
fn moment(ask: &Ask, after: Option<i64>, at: Option<i64>) -> Markup {
    html! {
        @match (after, at) {
            (Some(after), Some(at)) => (ask.say_with("dash-between", &[("after", ask.minute(after).into()), ("at", ask.minute(at).into())])),
            (None, Some(at)) => (ask.minute(at)),
            (_, None) => (ask.say("dash-lasts")),
        }
    }
}

fn networks(ask: &Ask, country: &str, networks: &[u32]) -> Markup {
    html! {
        @if networks.is_empty() { p { (ask.say("dash-none")) } }
        ul.names { @for asn in networks.iter().take(MOST) { li { (ask.network_link(country, *asn)) } } }
        (more(ask, networks.len()))
    }
}

fn more(ask: &Ask, all: usize) -> Markup {
    html! { @if all > MOST { p.soft { (ask.say_with("dash-more-rows", &[("count", ((all - MOST) as u64).into())])) } } }
}

/// Raw data: harmless, and cut at a length that a phone can show.
pub(super) fn theirs_long(text: &str) -> Markup {
    let letters: String = text.chars().take(MOST_RAW).collect();
    let lines: Vec<String> = letters.lines().map(wirewitness_report::html::harmless).collect();
    html! { bdi { (lines.join("\n")) @if letters.len() < text.len() { "…" } } }
}

/// A part of a path.
pub(super) fn encoded(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Targets and networks that are listed.
const MOST: usize = 200;
/// Letters of raw data that are shown.
const MOST_RAW: usize = 40_000;
