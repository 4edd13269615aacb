//! What was asked: path and parameters, the language, and the facts of the moment.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use maud::{Markup, html};
use url::form_urlencoded::{Serializer, parse};
use wirewitness_report::html::harmless;
use wirewitness_report::words::{Language, Said, Words};
use wirewitness_store::rollup::{MANY, day_number};

use super::world;
use crate::facts::{Facts, Filter};
use crate::state::Shared;

/// A request for a page.
pub(crate) struct Ask {
    /// The archive's facts, the same for all of the page.
    pub(crate) facts: Arc<Facts>,
    /// The reader's language.
    pub(crate) language: Language,
    path: String,
    params: Vec<(String, String)>,
}

impl FromRequestParts<Shared> for Ask {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let params = params(query);
        let accepted = parts.headers.get(ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok());
        let named = params.iter().find(|(name, _)| name == "lang");
        let language = named
            .and_then(|(_, code)| Language::of(code))
            .or_else(|| accepted.and_then(preferred))
            .unwrap_or(Language::English);
        Ok(Self { facts: state.facts(), language, path: parts.uri.path().to_owned(), params })
    }
}

/// The parameters of a query that say something, as far as they are read.
fn params(query: &str) -> Vec<(String, String)> {
    parse(query.as_bytes())
        .take(MOST_PARAMS)
        .map(|(name, value)| (name.into_owned(), cut(&value, MOST_LETTERS).to_owned()))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// The first language of the header that there is a catalogue of, by its order of preference.
fn preferred(header: &str) -> Option<Language> {
    let mut best: Option<(f32, Language)> = None;
    for part in header.split(',').take(20) {
        let mut pieces = part.split(';');
        let code = pieces.next().unwrap_or_default().trim();
        let weight = pieces.find_map(|it| it.trim().strip_prefix("q=")?.parse().ok());
        let weight: f32 = weight.unwrap_or(1.0);
        if let Some(language) = Language::of(code)
            && weight > best.map_or(0.0, |(best, _)| best)
        {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

impl Ask {
    /// The catalogue.
    pub(crate) fn words(&self) -> &'static Words {
        self.language.words()
    }

    /// A message.
    pub(crate) fn say(&self, message: &str) -> String {
        self.words().say(message)
    }

    /// A message with arguments.
    pub(crate) fn say_with(&self, message: &str, given: &[(&str, Said<'_>)]) -> String {
        self.words().say_with(message, given)
    }

    /// A message by a prefix and a word of the archive; the word itself where there is none.
    pub(crate) fn word(&self, prefix: &str, word: &str) -> String {
        let message = format!("{prefix}{}", word.replace(['.', '_'], "-"));
        if self.words().has(&message) { self.say(&message) } else { harmless(cut(word, SHOWN)) }
    }

    /// A count in the reader's numerals.
    pub(crate) fn count(&self, count: u64) -> String {
        self.words().count(count)
    }

    /// A day in words.
    pub(crate) fn day(&self, day: i32) -> String {
        let date = time::Date::from_julian_day(day.saturating_add(2_440_588));
        date.map_or_else(
            |_| "-".to_owned(),
            |date| self.words().day(date.year(), date.month().into(), date.day()),
        )
    }

    /// A moment in words.
    pub(crate) fn minute(&self, at_s: i64) -> String {
        self.words().minute(at_s)
    }

    /// How many vantages, as a roll-up knows it: about.
    pub(crate) fn vantages(&self, about: u32) -> String {
        let message = if about >= MANY { "dash-vantages-many" } else { "dash-vantages-about" };
        self.say_with(message, &[("count", u64::from(about).into())])
    }

    /// The name of a country.
    pub(crate) fn country(&self, code: &str) -> String {
        world::name(code, self.language).map_or_else(
            || self.say_with("dash-country-code", &[("code", code.into())]),
            str::to_owned,
        )
    }

    /// A network: its number, and its name where it is known.
    pub(crate) fn network(&self, asn: u32) -> Markup {
        html! {
            @if asn == 0 { (self.say("dash-network-unknown")) } @else {
                bdi { "AS" (asn) }
                @if let Some(name) = self.facts.network_name(asn) { " " (theirs(name)) }
            }
        }
    }

    /// A network with a link to its page.
    pub(crate) fn network_link(&self, country: &str, asn: u32) -> Markup {
        html! { a href=(self.link(&format!("/network/{country}/{asn}"), &[])) { (self.network(asn)) } }
    }

    /// A name with a link to its page.
    pub(crate) fn name_link(&self, name: &str) -> Markup {
        html! { a href=(self.link("/target", &[("name", name)])) { (theirs(name)) } }
    }

    /// A country with a link to its page.
    pub(crate) fn country_link(&self, code: &str) -> Markup {
        html! { a href=(self.link(&format!("/country/{code}"), &[])) { (self.country(code)) } }
    }

    /// A parameter; none where it is not there or empty.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(it, _)| it == name)
            .map(|(_, value)| value.trim())
            .filter(|it| !it.is_empty())
    }

    /// A parameter as a form shows it again; empty where it is not there.
    pub(crate) fn shown(&self, name: &str) -> String {
        self.one(name).map(harmless).unwrap_or_default()
    }

    /// The path that was asked for.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// A day of a parameter.
    pub(crate) fn day_of(&self, name: &str) -> Option<i32> {
        self.one(name).and_then(day_number)
    }

    /// Another page, with these parameters, in the same language.
    pub(crate) fn link(&self, path: &str, params: &[(&str, &str)]) -> String {
        let lang = self.one("lang").map(|lang| ("lang", lang));
        written(path, params.iter().copied().chain(lang))
    }

    /// This page with some parameters replaced; an empty value takes one away.
    pub(crate) fn again(&self, changed: &[(&str, &str)]) -> String {
        let is_kept = |name: &str| !changed.iter().any(|(it, _)| *it == name);
        let kept = self.params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let kept = kept.filter(|(name, _)| is_kept(name) && *name != "table" && *name != "as");
        written(&self.path, kept.chain(changed.iter().copied().filter(|(_, it)| !it.is_empty())))
    }

    /// The filter that the parameters say: `since`, `until` (days; the last one is part of it), `test`, `origin`.
    pub(crate) fn filter(&self) -> Filter {
        let list = |name| self.one(name).map(|it| vec![it.to_owned()]).unwrap_or_default();
        Filter {
            tests: list("test"),
            origins: list("origin"),
            since: self.day_of("since"),
            until: self.day_of("until").map(|day| day + 1),
            ..Filter::default()
        }
    }

    /// The form for that filter; `hidden` are parameters that it keeps.
    pub(crate) fn filter_form(&self, hidden: &[&str]) -> Markup {
        let facts = &self.facts;
        let kinds = facts.rollup().words.kinds();
        let mut tests: Vec<&str> = kinds.iter().map(|kind| &*kind.test).collect();
        tests.sort_unstable();
        tests.dedup();
        html! {
            form.filter method="get" action=(self.path) {
                @for name in hidden.iter().chain(&["lang"]) {
                    @if self.one(name).is_some() { input type="hidden" name=(name) value=(self.shown(name)); }
                }
                p { label for="since" { (self.say("dash-since")) }
                    input #since type="date" name="since" value=(self.shown("since")); }
                p { label for="until" { (self.say("dash-until")) }
                    input #until type="date" name="until" value=(self.shown("until")); }
                p { label for="test" { (self.say("dash-test")) }
                    select #test name="test" {
                        option value="" { (self.say("dash-all")) }
                        @for test in tests.iter().take(100) {
                            option value=(test) selected[self.one("test") == Some(test)] { (harmless(cut(test, 60))) }
                        }
                    }
                }
                p { button type="submit" { (self.say("dash-show")) } }
            }
        }
    }
}

fn written<'a>(path: &str, params: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(params);
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// Text that somebody else wrote: harmless, cut, and kept apart from the line around it.
pub(crate) fn theirs(text: &str) -> Markup {
    let short = cut(text, SHOWN);
    html! { bdi { (harmless(short)) @if short.len() < text.len() { "…" } } }
}

/// The first letters of a text.
pub(crate) fn cut(text: &str, letters: usize) -> &str {
    text.char_indices().nth(letters).map_or(text, |(at, _)| text.get(..at).unwrap_or(text))
}

/// Letters of somebody else's text that are shown.
pub(crate) const SHOWN: usize = 300;
/// Parameters that are read.
const MOST_PARAMS: usize = 40;
/// Letters of a parameter that are read.
const MOST_LETTERS: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_by_preference() {
        assert_eq!(preferred("ur-PK,en;q=0.8"), Some(Language::Urdu));
        assert_eq!(preferred("en;q=0.3, ur;q=0.5"), Some(Language::Urdu));
        assert_eq!(preferred("de, en;q=0.1"), Some(Language::English));
        assert_eq!(preferred("de"), None);
    }

    #[test]
    fn texts_are_cut_between_letters() {
        assert_eq!(cut("اردو", 2), "ار");
        assert_eq!(theirs(&"a".repeat(400)).0.matches('a').count(), 300);
        assert_eq!(theirs("<b>\u{202e}").0, "<bdi>&lt;b&gt;\u{fffd}</bdi>");
    }

    #[test]
    fn a_hundred_thousand_queries_and_headers_changed_by_chance() {
        let query = b"since=2025-11-01&until=2025-11-30&test=web_connectivity&origin=ooni&lang=ur&name=%D8%A7%D8%B1%D8%AF%D9%88&table=networks&as=csv";
        let header = b"ur-PK,ur;q=0.9,en-GB;q=0.8,en;q=0.7,*;q=0.1";
        let pieces: [&[u8]; 12] = [
            b"&",
            b"=",
            b"%00",
            b"%",
            b"%ff",
            b"+",
            b";q=",
            b"NaN",
            b"inf",
            b"-0",
            b"%E2%80%AE",
            b",,,,",
        ];
        let mut chance = crate::mutation::Mutation::new(0xbead);
        let mut with_language = 0;
        for _ in 0..100_000 {
            let query = chance.of(query, &pieces);
            let read = params(&String::from_utf8_lossy(&query));
            assert!(read.len() <= MOST_PARAMS);
            assert!(
                read.iter().all(|(_, it)| !it.is_empty() && it.chars().count() <= MOST_LETTERS)
            );
            // A link that repeats them says the same, and nothing in it ends an attribute.
            let link = written("/x", read.iter().map(|(name, value)| (&**name, &**value)));
            assert_eq!(params(link.split_once('?').map_or("", |it| it.1)), read);
            assert!(
                link.bytes().all(|it| it.is_ascii_graphic() && !b"\"<>'".contains(&it)),
                "{link}"
            );
            let header = chance.of(header, &pieces);
            with_language += u32::from(preferred(&String::from_utf8_lossy(&header)).is_some());
        }
        assert!(with_language > 50_000, "{with_language}");
    }
}
