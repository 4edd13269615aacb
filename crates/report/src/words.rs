//! What is said to people, in their language: a catalogue that others can translate.
//!
//! Texts are Fluent messages (<https://projectfluent.org>) in `catalogues/<language>/<part>.ftl`, compiled in. Code names a message
//! and gives it arguments; the catalogue decides on order, plural and wording. A test holds that each language has the
//! same messages with the same arguments. Names from measurements are never translated.

use std::borrow::Cow;
use std::sync::OnceLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::types::FluentNumber;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::{LanguageIdentifier, langid};

use crate::html::harmless;

/// A language that pages and reports are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// English.
    English,
    /// Urdu: written from right to left, with its own numerals.
    Urdu,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Urdu];

    /// By its code (BCP 47), the first part of it: `ur-PK` is Urdu. None where there is no catalogue.
    pub fn of(code: &str) -> Option<Self> {
        let first = code.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(first))
    }

    /// Its code: `en`, `ur`.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Urdu => "ur",
        }
    }

    /// For `dir` of HTML: `ltr` or `rtl`.
    pub fn direction(self) -> &'static str {
        match self {
            Self::English => "ltr",
            Self::Urdu => "rtl",
        }
    }

    /// Its own name for itself.
    pub fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Urdu => "اردو",
        }
    }

    /// The catalogue.
    pub fn words(self) -> &'static Words {
        static ALL: [OnceLock<Words>; 2] = [const { OnceLock::new() }; 2];
        let [english, urdu] = &ALL;
        let slot = match self {
            Self::English => english,
            Self::Urdu => urdu,
        };
        slot.get_or_init(|| Words::read(self))
    }

    fn identifier(self) -> LanguageIdentifier {
        match self {
            Self::English => langid!("en"),
            Self::Urdu => langid!("ur"),
        }
    }

    fn parts(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::English => &ENGLISH,
            Self::Urdu => &URDU,
        }
    }
}

/// Parts of the catalogue: name of the file, and its text.
const ENGLISH: [(&str, &str); 4] = [
    ("common", include_str!("../catalogues/en/common.ftl")),
    ("dashboard", include_str!("../catalogues/en/dashboard.ftl")),
    ("report", include_str!("../catalogues/en/report.ftl")),
    ("systems", include_str!("../catalogues/en/systems.ftl")),
];
const URDU: [(&str, &str); 4] = [
    ("common", include_str!("../catalogues/ur/common.ftl")),
    ("dashboard", include_str!("../catalogues/ur/dashboard.ftl")),
    ("report", include_str!("../catalogues/ur/report.ftl")),
    ("systems", include_str!("../catalogues/ur/systems.ftl")),
];

/// What goes into a message.
#[derive(Debug, Clone)]
pub enum Said<'a> {
    /// A count. Chooses the plural, and is written in the language's numerals.
    Count(u64),
    /// A number with a fraction, to one place.
    Real(f64),
    /// Text that is not ours: marks that turn the direction of writing and control characters are replaced.
    Text(Cow<'a, str>),
}

impl From<u64> for Said<'_> {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl<'a> From<&'a str> for Said<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Said<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

/// The catalogue of one language.
pub struct Words {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words").field("language", &self.language).finish_non_exhaustive()
    }
}

impl Words {
    fn read(language: Language) -> Self {
        let mut bundle = FluentBundle::new_concurrent(vec![language.identifier()]);
        // What is put into a line that runs the other way is set apart; English lines stay plain.
        bundle.set_use_isolating(language.direction() == "rtl");
        bundle.set_formatter(Some(match language {
            Language::English => |value, _| written(value, Language::English),
            Language::Urdu => |value, _| written(value, Language::Urdu),
        }));
        for (_, text) in language.parts() {
            // What is damaged is left out; a test holds that nothing is.
            let resource = match FluentResource::try_new((*text).to_owned()) {
                Ok(resource) | Err((resource, _)) => resource,
            };
            bundle.add_resource_overriding(resource);
        }
        Self { language, bundle }
    }

    /// Whose catalogue it is.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Whether there is such a message: for names that are made while running, such as those of mechanisms.
    pub fn has(&self, message: &str) -> bool {
        self.bundle.has_message(message)
    }

    /// A message without arguments. One that is not there is shown by its name.
    pub fn say(&self, message: &str) -> String {
        self.say_with(message, &[])
    }

    /// A message with arguments, by name.
    pub fn say_with(&self, message: &str, given: &[(&str, Said<'_>)]) -> String {
        let pattern = self.bundle.get_message(message).and_then(|it| it.value());
        let Some(pattern) = pattern else { return message.to_owned() };
        let mut args = FluentArgs::with_capacity(given.len());
        for (name, value) in given {
            match value {
                // Fluent counts in doubles: exact up to 2^53.
                Said::Count(count) => args.set(*name, FluentValue::from(*count)),
                Said::Real(real) => args.set(*name, FluentValue::from(*real)),
                // Said in a message before, it may be set apart already: here that is done anew.
                Said::Text(text) => {
                    let text = harmless(&text.replace(['\u{2068}', '\u{2069}'], ""));
                    args.set(*name, FluentValue::from(text));
                }
            }
        }
        self.bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
    }

    /// A count: `12,345`, `۱۲٬۳۴۵`.
    pub fn count(&self, count: u64) -> String {
        let digits = count.to_string();
        let mut grouped = String::with_capacity(digits.len() * 2);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push(match self.language {
                    Language::English => ',',
                    Language::Urdu => '٬',
                });
            }
            grouped.push(digit);
        }
        self.numerals(&grouped)
    }

    /// A number to one place: `0.5`, `۰٫۵`.
    pub fn real(&self, real: f64) -> String {
        let text = format!("{real:.1}");
        match self.language {
            Language::English => text,
            Language::Urdu => self.numerals(&text.replace('.', "٫")),
        }
    }

    /// A share of one in per cent, without fraction: `12 %`, `۱۲٪`.
    pub fn percent(&self, share: f64) -> String {
        let text = format!("{:.0}", share * 100.0);
        match self.language {
            Language::English => format!("{text} %"),
            Language::Urdu => format!("{}٪", self.numerals(&text)),
        }
    }

    /// A day: `23 November 2025`, `۲۳ نومبر ۲۰۲۵`.
    pub fn day(&self, year: i32, month: u8, day: u8) -> String {
        let name = self.say(&format!("month-{month}"));
        self.numerals(&format!("{day} {name} {year}"))
    }

    /// A time in UTC, seconds since 1970: the day as above, hour and minute. `-` for one that no calendar has.
    pub fn minute(&self, at_s: i64) -> String {
        let Ok(at) = time::OffsetDateTime::from_unix_timestamp(at_s) else { return "-".to_owned() };
        let day = self.day(at.year(), at.month().into(), at.day());
        let time = self.numerals(&format!("{:02}:{:02}", at.hour(), at.minute()));
        self.say_with("day-and-time", &[("day", day.into()), ("time", time.into())])
    }

    /// The digits of a text in the language's numerals. Only for numbers, never for names.
    pub fn numerals(&self, text: &str) -> String {
        match self.language {
            Language::English => text.to_owned(),
            Language::Urdu => text.chars().map(urdu_digit).collect(),
        }
    }
}

/// The digits of Urdu are the extended Arabic-Indic ones (U+06F0 to U+06F9).
fn urdu_digit(letter: char) -> char {
    match letter.to_digit(10) {
        Some(digit) => char::from_u32(0x06f0 + digit).unwrap_or(letter),
        None => letter,
    }
}

fn written(value: &FluentValue<'_>, language: Language) -> Option<String> {
    let FluentValue::Number(FluentNumber { value, .. }) = value else { return None };
    let words = language.words();
    let is_count = value.fract() == 0.0 && (0.0..9e15).contains(value);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let said = if is_count { words.count(*value as u64) } else { words.real(*value) };
    Some(said)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use fluent_bundle::FluentResource;

    use super::*;

    /// Each message, with the names of the arguments in it.
    fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let mut found = BTreeMap::new();
        for (part, text) in language.parts() {
            let read = FluentResource::try_new((*text).to_owned());
            let read =
                read.unwrap_or_else(|(_, why)| panic!("{} {part}: {why:?}", language.code()));
            let mut name = String::new();
            for line in read.source().lines().filter(|line| !line.starts_with('#')) {
                if let Some((id, _)) = line.split_once('=')
                    && line.starts_with(|first: char| first.is_ascii_lowercase())
                {
                    name = id.trim().to_owned();
                    let before = found.insert(name.clone(), BTreeSet::new());
                    assert!(before.is_none(), "{} {part}: {name} is there twice", language.code());
                }
                for piece in line.split("{ $").skip(1) {
                    let argument: String =
                        piece.chars().take_while(|&it| it.is_alphanumeric() || it == '-').collect();
                    found.get_mut(&name).unwrap().insert(argument);
                }
            }
        }
        found
    }

    #[test]
    fn every_language_has_the_same_messages_with_the_same_arguments() {
        let english = messages(Language::English);
        assert!(english.len() > 20, "{}", english.len());
        for language in Language::ALL {
            let theirs = messages(language);
            let ids: BTreeSet<_> = english.keys().collect();
            assert_eq!(theirs.keys().collect::<BTreeSet<_>>(), ids, "{}", language.code());
            for (id, arguments) in &theirs {
                assert_eq!(arguments, &english[id], "{} {id}", language.code());
            }
        }
    }

    #[test]
    fn numbers_and_days_are_in_the_languages_numerals() {
        let (english, urdu) = (Language::English.words(), Language::Urdu.words());
        assert_eq!(english.count(1_234_567), "1,234,567");
        assert_eq!(urdu.count(1_234_567), "۱٬۲۳۴٬۵۶۷");
        assert_eq!((english.count(0), urdu.count(999)), ("0".to_owned(), "۹۹۹".to_owned()));
        assert_eq!((english.real(0.25), urdu.real(12.5)), ("0.2".to_owned(), "۱۲٫۵".to_owned()));
        assert_eq!(
            (english.percent(0.5), urdu.percent(0.5)),
            ("50 %".to_owned(), "۵۰٪".to_owned())
        );
        assert_eq!(english.day(2025, 11, 23), "23 November 2025");
        assert_eq!(urdu.day(2025, 11, 23), "۲۳ نومبر ۲۰۲۵");
        assert_eq!(english.minute(1_780_300_800), "1 June 2026, 08:00 UTC");
        assert_eq!(english.minute(i64::MAX), "-");
    }

    #[test]
    fn what_is_not_ours_cannot_turn_the_line() {
        let said = Language::Urdu.words().say_with(
            "day-and-time",
            &[("day", "a\u{202e}b".into()), ("time", "\u{1b}[31m".into())],
        );
        assert!(!said.contains(['\u{202e}', '\u{1b}']), "{said:?}");
        // Set apart from the line around it.
        assert!(said.contains("\u{2068}a\u{fffd}b\u{2069}"), "{said:?}");
    }

    #[test]
    fn what_was_said_goes_into_another_message() {
        let words = Language::Urdu.words();
        let minute = words.minute(1_780_300_800);
        let said = words.say_with("day-and-time", &[("day", minute.into()), ("time", "x".into())]);
        assert!(!said.contains('\u{fffd}'), "{said:?}");
        // Set apart once, and ended as often as begun.
        let count = |mark: char| said.matches(mark).count();
        assert_eq!((count('\u{2068}'), count('\u{2069}')), (2, 2), "{said:?}");
    }

    #[test]
    fn a_language_by_its_code() {
        assert_eq!(Language::of("ur-PK"), Some(Language::Urdu));
        assert_eq!(Language::of("EN"), Some(Language::English));
        assert_eq!(Language::of("tlh"), None);
        assert_eq!(Language::English.words().say("no-such-message"), "no-such-message");
    }
}
