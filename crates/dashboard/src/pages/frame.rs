//! What is around every page.

use maud::{DOCTYPE, Markup, html};
use wirewitness_report::words::Language;

use super::Page;
use super::ask::Ask;

/// The whole page.
pub(super) fn frame(ask: &Ask, page: &Page) -> Markup {
    let language = ask.language;
    html! {
        (DOCTYPE)
        html lang=(language.code()) dir=(language.direction()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (page.title) " · " (ask.say("dash-name")) }
                link rel="stylesheet" href="/style.css";
                link rel="icon" type="image/svg+xml" href="/icon.svg";
            }
            body {
                a.skip href="#main" { (ask.say("dash-skip")) }
                header {
                    p.brand { a href=(ask.link("/", &[])) { (ask.say("dash-name")) } }
                    form.find method="get" action="/search" role="search" {
                        @if ask.one("lang").is_some() { input type="hidden" name="lang" value=(ask.language.code()); }
                        label for="q" { (ask.say("dash-find")) }
                        input #q type="search" name="q" maxlength="300" value=[(ask.path() == "/search").then(|| ask.shown("q"))];
                        button type="submit" { (ask.say("dash-find-do")) }
                    }
                }
                (navigation(ask))
                main #main tabindex="-1" {
                    h1 { (page.title) }
                    @if ask.facts.is_made_up() { p.note { strong { (ask.say("dash-made-up")) } } }
                    (page.body)
                }
                (footer(ask))
            }
        }
    }
}

fn navigation(ask: &Ask) -> Markup {
    html! {
        nav aria-label=(ask.say("dash-nav")) {
            ul {
                @for (path, message) in NAVIGATION {
                    @let is_here = ask.path() == path;
                    li { a href=(ask.link(path, &[])) aria-current=[is_here.then_some("page")] { (ask.say(message)) } }
                }
            }
            ul.languages aria-label=(ask.say("dash-languages")) {
                @for language in Language::ALL {
                    @if language != ask.language {
                        li { a href=(ask.again(&[("lang", language.code())])) lang=(language.code()) hreflang=(language.code()) { (language.own_name()) } }
                    }
                }
            }
        }
    }
}

fn footer(ask: &Ask) -> Markup {
    let facts = &ask.facts;
    html! {
        footer {
            p { (ask.say_with("dash-commit", &[("commit", facts.commit().into())]))
                @if let Some(at) = facts.latest_s() { " " (ask.say_with("dash-latest", &[("time", ask.minute(at).into())])) } }
            @if facts.rollup().left_out.0 > 0 {
                @let (days, verdicts) = facts.rollup().left_out;
                p { (ask.say_with("dash-left-out", &[("days", (days as u64).into()), ("verdicts", verdicts.into())])) }
            }
            p { (ask.say("dash-footer")) }
        }
    }
}

const NAVIGATION: [(&str, &str); 10] = [
    ("/", "dash-nav-overview"),
    ("/events", "dash-nav-events"),
    ("/measurements", "dash-nav-measurements"),
    ("/compare", "dash-nav-compare"),
    ("/lists", "dash-nav-lists"),
    ("/captures", "dash-nav-captures"),
    ("/devices", "dash-nav-devices"),
    ("/search", "dash-nav-search"),
    ("/status", "dash-nav-status"),
    ("/method", "dash-nav-method"),
];
