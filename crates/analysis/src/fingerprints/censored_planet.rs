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

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn one(file: &str, name: &str, pattern: &str) -> Fingerprint {
        let line = serde_json::json!({ "fingerprint": name, "pattern": pattern }).to_string();
        let parsed = parse(file, line.as_bytes());
        assert_eq!(parsed.errors, []);
        parsed.rows[0].clone()
    }

    #[test]
    fn names_carry_scope_and_country() {
        let read = |name| {
            let row = one("signatures.json", name, "x");
            (row.scope, row.expected_countries.concat())
        };
        assert_eq!(read("a_prod_in_1"), (Scope::Product, String::new()));
        assert_eq!(read("b_nat_sa_national"), (Scope::National, "SA".to_owned()));
        assert_eq!(read("b_nat_uk_1"), (Scope::National, "GB".to_owned()));
        assert_eq!(read("b_nat_siberia_1"), (Scope::National, String::new()));
        assert_eq!(read("c_isp_no_x"), (Scope::Isp, "NO".to_owned()));
        assert_eq!(read("d_corp_nyu"), (Scope::Institution, String::new()));
        assert_eq!(read("e_unk_ru_blocked"), (Scope::Unknown, "RU".to_owned()));
        assert_eq!(read("e_unk_no_match"), (Scope::Unknown, String::new()));
        assert_eq!(read("f_gen_tr"), (Scope::Vague, "TR".to_owned()));
        assert_eq!(read("x_fpru_nginx"), (Scope::FalsePositive, String::new()));
        assert_eq!(read(""), (Scope::Unknown, String::new()));
        let listed = one("cp-false_positive_signatures.json", "c_dotster", "x");
        assert_eq!(listed.scope, Scope::FalsePositive);
    }

    #[test]
    fn fixed_texts_become_contains() {
        let row = one("s", "a_prod_x", r"fortinet\.net \(it\'s\)");
        assert_eq!(
            (row.kind, row.pattern.as_str()),
            (PatternKind::Contains, "fortinet.net (it's)")
        );
        let row = one("s", "a_prod_x", "URL .* Gate");
        assert_eq!((row.kind, row.pattern.as_str()), (PatternKind::Regexp, "(?s)URL .* Gate"));
        assert_eq!(row.location, Location::HeadersAndBody);
    }

    #[test]
    fn bad_lines_have_a_place_and_empty_ones_are_none() {
        let text = b"\n{\"fingerprint\":\"a\",\"pattern\":\"x\"}\n\n{\"fingerprint\":1}\r\n\
            {\"fingerprint\":\"b\",\"pattern\":\"\"}\n{\"\xFF\n{\"fingerprint\":\"c\",\"pattern\":\"y\"}";
        let parsed = parse("s", text);
        let names: Vec<&str> = parsed.rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["a", "c"]);
        let places: Vec<_> = parsed.errors.iter().map(|e| (e.place.line, e.place.offset)).collect();
        assert_eq!(places, [(4, 36), (5, 55), (6, 88)]);
        assert!(matches!(parsed.errors[0].reason, Reason::Json(_)));
        assert_eq!(parsed.errors[1].reason, Reason::EmptyPattern);
        assert_eq!(parsed.errors[2].reason, Reason::NotUtf8("pattern"));
    }
}
