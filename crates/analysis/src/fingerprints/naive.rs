//! The matcher one would write first, to hold the fast one against.

use std::collections::BTreeSet;

use proptest::prelude::*;
use regex::bytes::Regex;
use wirewitness_model::lenient::{Headers, MaybeBinary};

use super::*;

/// The places of the rows that match, by going through all of them.
fn naive(rows: &[Fingerprint], headers: &[(String, String)], body: &[u8]) -> BTreeSet<u64> {
    let block: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let matching = rows.iter().filter(|row| match &row.location {
        Location::Body => fits(row, body),
        Location::HeadersAndBody => fits(row, body) || fits(row, block.as_bytes()),
        Location::Dns => false,
        Location::Header(wanted) => {
            let named = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
            named.into_iter().any(|(_, value)| fits(row, value.as_bytes()))
        }
    });
    matching.map(|row| row.place.line).collect()
}

fn fits(row: &Fingerprint, text: &[u8]) -> bool {
    let pattern = row.pattern.as_bytes();
    match row.kind {
        PatternKind::Full => text == pattern,
        PatternKind::Prefix => text.starts_with(pattern),
        PatternKind::Contains => memchr::memmem::find(text, pattern).is_some(),
        PatternKind::Regexp => match pattern::Pattern::new(row) {
            Ok(pattern::Pattern::Regexp { regex, .. }) => regex.is_match(text),
            _ => false,
        },
    }
}

fn fast(fingerprints: &Fingerprints, headers: &[(String, String)], body: &[u8]) -> BTreeSet<u64> {
    let pair = |(n, v): &(String, String)| (n.clone().into(), MaybeBinary::Text(v.clone().into()));
    let headers = Headers(headers.iter().map(pair).collect());
    fingerprints.match_lines(&headers, body)
}

impl Fingerprints {
    /// The lines of all rows that match, false positives too.
    fn match_lines(&self, headers: &Headers<'_>, body: &[u8]) -> BTreeSet<u64> {
        self.find_page(headers, body)
            .into_iter()
            .map(|row| self.iter().nth(row as usize).unwrap().place.line)
            .collect()
    }
}

/// Rows numbered by their lines, whatever files they are from.
fn numbered(rows: Vec<Fingerprint>) -> Vec<Fingerprint> {
    let number = |(i, mut row): (usize, Fingerprint)| {
        row.place.line = i as u64;
        row
    };
    rows.into_iter().enumerate().map(number).collect()
}

fn row(line: u64, location: Location, kind: PatternKind, pattern: &str) -> Fingerprint {
    Fingerprint {
        name: format!("row{line}"),
        scope: Scope::Isp,
        location,
        kind,
        pattern: pattern.to_owned(),
        confidence: 5,
        expected_countries: Vec::new(),
        source: String::new(),
        exp_url: String::new(),
        notes: String::new(),
        place: Place { file: "test".into(), line, offset: 0 },
    }
}

const FRAGMENTS: &[&str] = &[
    "a",
    "b",
    "ab",
    "block",
    "blocked",
    "blocked by",
    "http://",
    "Доступ",
    "ограничен",
    "<title>",
    "\u{FFFD}",
    "Server",
    ": ",
    "x",
    "\n",
    "?dpid=",
    "0123456789",
];

fn text(parts: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(FRAGMENTS), parts).prop_map(|parts| parts.concat())
}

fn any_location() -> impl Strategy<Value = Location> {
    prop::sample::select(vec![
        Location::Body,
        Location::HeadersAndBody,
        Location::Header("server".to_owned()),
        Location::Header("location".to_owned()),
    ])
}

fn any_pattern() -> impl Strategy<Value = (PatternKind, String)> {
    let fixed =
        prop::sample::select(vec![PatternKind::Full, PatternKind::Prefix, PatternKind::Contains]);
    let regexp = (text(1..3), text(1..3)).prop_map(|(a, b)| {
        (PatternKind::Regexp, format!("{}.*{}", regex::escape(&a), regex::escape(&b)))
    });
    prop_oneof![4 => (fixed, text(1..5)), 1 => regexp]
}

fn any_rows() -> impl Strategy<Value = Vec<Fingerprint>> {
    prop::collection::vec((any_location(), any_pattern()), 1..40).prop_map(|rows| {
        let new = |(i, (location, (kind, pattern))): (usize, (Location, (PatternKind, String)))| {
            row(i as u64, location, kind, &pattern)
        };
        rows.into_iter().enumerate().map(new).collect()
    })
}

proptest! {
    #[test]
    fn fast_and_naive_agree(
        rows in any_rows(),
        body in text(0..30),
        server in text(0..5),
        location in text(0..5),
    ) {
        let headers = [("Server".to_owned(), server), ("Location".to_owned(), location)];
        let (fingerprints, errors) = Fingerprints::compile(rows.clone());
        prop_assert!(errors.is_empty());
        prop_assert_eq!(
            fast(&fingerprints, &headers, body.as_bytes()),
            naive(&rows, &headers, body.as_bytes())
        );
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        exercise(&bytes);
    }

    #[test]
    fn any_csv_and_json_is_read(
        csv in r#"([a-c,"\n]|dns|body|full|regexp|[*(.\[]){0,80}"#,
        json in r#"(\{"fingerprint":"[a-z_]{0,9}","pattern":"[a-z.*()\[{}?|+]{0,12}"\}\n?){0,6}"#,
    ) {
        exercise(format!("name,location_found,pattern_type,pattern\n{csv}").as_bytes());
        exercise(json.as_bytes());
    }
}

/// Rows and errors of one of the shared lists; none where there is no shared data.
fn shared(file: &str) -> Option<Parsed> {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/fingerprints");
    match std::fs::read(folder.join(file)) {
        Ok(bytes) => Some(parse(file, &bytes)),
        Err(error) => {
            println!("SKIPPED: {file}: {error}");
            None
        }
    }
}

/// Every shared list with its number of rows, of lines that are regular expressions, and of false positives.
const SHARED: [(&str, usize, usize, usize); 4] = [
    ("fingerprints_http.csv", 1729, 14, 475),
    ("fingerprints_dns.csv", 226, 0, 0),
    ("censoredplanet-blockpage_signatures.json", 622, 16, 0),
    ("censoredplanet-false_positive_signatures.json", 460, 21, 460),
];

#[test]
fn all_rows_of_real_lists_load() {
    for (file, rows, regexps, false_positives) in SHARED {
        let Some(parsed) = shared(file) else { return };
        assert_eq!(parsed.errors, [], "{file}");
        assert_eq!(parsed.rows.len(), rows, "{file}");
        let count = |f: &dyn Fn(&&Fingerprint) -> bool| parsed.rows.iter().filter(f).count();
        assert_eq!(count(&|row| row.kind == PatternKind::Regexp), regexps, "{file}");
        assert_eq!(count(&|row| row.scope == Scope::FalsePositive), false_positives, "{file}");
        let (_, errors) = Fingerprints::compile(parsed.rows);
        assert_eq!(errors, [], "{file}");
    }
}

/// Each row is given its own pattern at its own place, between other text.
#[test]
fn real_rows_match_their_own_text() {
    let rows = SHARED.iter().filter_map(|(file, ..)| shared(file)).flat_map(|parsed| parsed.rows);
    let rows = numbered(rows.collect());
    let (fingerprints, _) = Fingerprints::compile(rows.clone());
    for row in rows.iter().filter(|row| row.kind != PatternKind::Regexp) {
        let text = match row.kind {
            PatternKind::Full => row.pattern.clone(),
            PatternKind::Prefix => format!("{} and more", row.pattern),
            _ => format!("before {} after", row.pattern),
        };
        let (headers, body) = match &row.location {
            Location::Dns => {
                let hit = fingerprints.match_dns(&text, None).expect("its own address");
                assert_eq!(hit.fingerprint.pattern, row.pattern);
                continue;
            }
            Location::Header(name) => (vec![(canonical(name), text)], String::new()),
            _ => (Vec::new(), text),
        };
        let found = fast(&fingerprints, &headers, body.as_bytes());
        assert!(found.contains(&row.place.line), "{row:?}");
    }
}

fn canonical(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_ascii_uppercase() + rest
}

/// All patterns in one page, and each shared page whole, against the naive matcher.
#[test]
fn real_lists_agree_with_naive_on_long_pages() {
    let rows = SHARED.iter().filter_map(|(file, ..)| shared(file)).flat_map(|parsed| parsed.rows);
    let rows = numbered(rows.collect());
    let (fingerprints, _) = Fingerprints::compile(rows.clone());
    let headers = [("Server".to_owned(), "Barracuda/NGFirewall".to_owned())];
    for step in [1, 7, 31] {
        let parts: Vec<&str> = rows.iter().step_by(step).map(|row| row.pattern.as_str()).collect();
        let page = parts.join(".");
        let page = page.as_bytes();
        assert_eq!(fast(&fingerprints, &headers, page), naive(&rows, &headers, page));
    }
}

#[test]
fn the_expressions_of_real_lists_are_the_crates_own() {
    // `Pattern::new` is used on both sides above; here the crate alone says what OONI's expressions match.
    let Some(parsed) = shared("fingerprints_http.csv") else { return };
    let row = parsed
        .rows
        .iter()
        .find(|row| row.kind == PatternKind::Regexp && row.pattern.starts_with("URL "))
        .expect("a regexp row");
    let regex = Regex::new(&row.pattern).unwrap();
    let page = b"<p>URL is one that Spider Gate does not like</p>";
    assert_eq!(regex.is_match(page), fits(row, page));
    let (fingerprints, _) = Fingerprints::compile(vec![row.clone()]);
    assert_eq!(fast(&fingerprints, &[], page).len(), 1);
}
