//! Censored Planet's lists: one JSON object a line, `{"fingerprint": NAME, "pattern": REGEXP}`.
//!
//! Names carry what OONI's list has columns for: `b_nat_sa_national` is a national mark of Saudi Arabia. Patterns are
//! regular expressions, most of them fixed texts with their dots escaped; those become [`PatternKind::Contains`]. The
//! others get `(?s)`, since their pipeline lets `.` match line ends, and are searched in headers and body, as there.

use memchr::memchr;
use serde::Deserialize;

use super::load::Loading;
use super::{Fingerprint, Location, PatternKind, Place, Reason, Scope, country, pattern};

/// Reads every line of `text` into `loading`.
pub(super) fn read(text: &[u8], loading: &mut Loading) {
    let listed_false = loading.file().to_ascii_lowercase().contains("false_positive");
    let (mut at, mut line) = (0_usize, 1_u64);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = memchr(b'\n', rest).map_or(rest.len(), |end| end.saturating_add(1));
        let object = rest.get(..length).unwrap_or(rest).trim_ascii();
        let place = loading.place(line, at);
        if !object.is_empty() && !loading.take(place.clone(), row(object, place, listed_false)) {
            return;
        }
        at = at.saturating_add(length);
        line = line.saturating_add(1);
    }
}

#[derive(Deserialize)]
struct Signature {
    fingerprint: String,
    pattern: String,
}

// A list that is all false positives says so once, in its file name, so this is not an option of the row.
fn row(object: &[u8], place: Place, listed_false: bool) -> Result<Fingerprint, Reason> {
    let object = std::str::from_utf8(object).map_err(|_| Reason::NotUtf8("pattern"))?;
    let signature: Signature =
        serde_json::from_str(object).map_err(|error| Reason::Json(error.to_string()))?;
    let scope = if listed_false { Scope::FalsePositive } else { scope(&signature.fingerprint) };
    let (kind, pattern) = match pattern::literal(&signature.pattern) {
        Some(literal) => (PatternKind::Contains, literal),
        None => (PatternKind::Regexp, dotted(signature.pattern)),
    };
    Ok(Fingerprint {
        expected_countries: expected(scope, &signature.fingerprint),
        name: signature.fingerprint,
        scope,
        location: Location::HeadersAndBody,
        kind,
        pattern,
        confidence: UNGRADED,
        source: "censoredplanet".to_owned(),
        exp_url: String::new(),
        notes: String::new(),
        place,
    })
}

/// An empty pattern stays empty, to be refused.
fn dotted(pattern: String) -> String {
    if pattern.is_empty() { pattern } else { format!("(?s){pattern}") }
}

fn scope(name: &str) -> Scope {
    match name.split('_').next().unwrap_or_default() {
        "a" => Scope::Product,
        "b" => Scope::National,
        "c" => Scope::Isp,
        "d" => Scope::Institution,
        "f" => Scope::Vague,
        "x" => Scope::FalsePositive,
        _ => Scope::Unknown,
    }
}

/// The country in the third part of a name. `e_` and `f_` names are phrases, in which "no" and "do" are words.
fn expected(scope: Scope, name: &str) -> Vec<String> {
    let word = name.split('_').nth(2).unwrap_or_default();
    let placed = matches!(scope, Scope::National | Scope::Isp | Scope::Institution);
    let phrase = matches!(scope, Scope::Unknown | Scope::Vague) && !matches!(word, "no" | "do");
    let code = if placed || phrase { country::code(word) } else { None };
    code.into_iter().map(str::to_owned).collect()
}

/// Their lists give no grade; this is what OONI gives the same rows.
const UNGRADED: u8 = 5;
