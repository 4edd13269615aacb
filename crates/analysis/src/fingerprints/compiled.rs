//! A compiled list, and what it says of an answer.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use wirewitness_model::lenient::{Headers, MaybeBinary};
use wirewitness_model::ooni::body::Body;
use wirewitness_model::ooni::http::Response;

use super::matcher::Matcher;
use super::pattern::{self, Pattern};
use super::stored::Keys;
use super::{Fingerprint, Location, RowError, Scope, parse};

/// I am a list of fingerprints, compiled once and shared by reference.
///
/// Cost with both OONI lists (1,955 rows), on one core at 2.6 GHz: 1.4 GB/s over response bodies of real measurements,
/// some 8 µs for an answer of 7 kB with a dozen headers. Measured by `benches/fingerprints.rs`.
pub struct Fingerprints {
    pub(super) rows: Vec<Fingerprint>,
    pub(super) keys: Keys,
    body: Matcher,
    header_block: Option<Matcher>,
    headers: Vec<(String, Matcher)>,
    dns: Matcher,
}

/// What an answer matched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches<'f> {
    /// The best known false positive. Where there is one, no match confirms.
    pub false_positive: Option<&'f Fingerprint>,
    /// Every other row that matched, the best first: by strength, then the list's confidence, then the length of the
    /// pattern, then the name, then the order of the lists.
    pub all: Vec<Match<'f>>,
}

impl<'f> Matches<'f> {
    /// The best match.
    pub fn best(&self) -> Option<Match<'f>> {
        self.all.first().copied()
    }
}

/// A row that matched, with its scope and the countries it is expected in, and what that is worth here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match<'f> {
    /// The row.
    pub fingerprint: &'f Fingerprint,
    /// What the match is worth.
    pub strength: Strength,
}

/// What a match is worth. The weaker is the greater, so that the best sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// The mark is enough to say whose page this is.
    Confirms,
    /// The mark fits, and something speaks against it: its wording is vague, it is expected in other countries only
    /// (a foreign block page, seen through a tunnel), or a known false positive matched too.
    Supports,
}

impl Fingerprints {
    /// Compiles rows, of one list or of several in a row. Rows whose pattern cannot be used are left out and
    /// returned as errors. Takes some 10 ms for OONI's lists.
    pub fn compile(rows: Vec<Fingerprint>) -> (Self, Vec<RowError>) {
        let mut errors = Vec::new();
        let mut kept = Vec::with_capacity(rows.len());
        let mut places = Places::default();
        for row in rows {
            match Pattern::new(&row) {
                Ok(pattern) => {
                    places.add(&row.location, pattern, kept.len() as u32);
                    kept.push(row);
                }
                Err(reason) => errors.push(RowError { place: row.place, reason }),
            }
        }
        (places.compile(kept), errors)
    }

    /// The short list that comes with Wirewitness: vague wording in several languages and names of products, all
    /// written for it. It is a start where no list is at hand, not a replacement for one.
    pub fn shipped() -> Self {
        Self::compile(Self::shipped_rows()).0
    }

    /// The rows of the short list, to be compiled together with others.
    pub fn shipped_rows() -> Vec<Fingerprint> {
        parse("shipped.csv", include_bytes!("shipped.csv")).rows
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows, in the order they were given.
    pub fn iter(&self) -> std::slice::Iter<'_, Fingerprint> {
        self.rows.iter()
    }

    /// How many expressions run on every answer because no fixed text in them can be asked for first. Each costs
    /// about as much as all other rows together.
    pub fn unfiltered(&self) -> usize {
        let headers = self.headers.iter().map(|(_, matcher)| matcher);
        let all = [&self.body, &self.dns].into_iter().chain(&self.header_block).chain(headers);
        all.map(Matcher::unfiltered).sum()
    }

    /// Matches an HTTP response that was seen from `country` (ISO 3166, upper case; none where not known).
    ///
    /// Headers are taken from the map, or from the ordered list where there is no map. Of a digest of a body, the rows
    /// that it names are taken, where the list still has them.
    pub fn match_response(&self, response: &Response<'_>, country: Option<&str>) -> Matches<'_> {
        self.weigh(self.find_answer(&response.all_headers(), &response.body), country)
    }

    /// Matches headers and a body; as [`match_response`](Self::match_response).
    pub fn match_page(
        &self,
        headers: &Headers<'_>,
        body: &[u8],
        country: Option<&str>,
    ) -> Matches<'_> {
        self.weigh(self.find_page(headers, body), country)
    }

    /// Matches an address (or other text) of a DNS answer, and gives the best row. As with responses, a false
    /// positive leaves only [`Strength::Supports`].
    pub fn match_dns(&self, address: &str, country: Option<&str>) -> Option<Match<'_>> {
        let mut found = Vec::new();
        self.dns.find(pattern::address(address).as_bytes(), &mut found);
        self.weigh(found, country).best()
    }

    /// The rows that match, by position, some more than once.
    pub(super) fn find_page(&self, headers: &Headers<'_>, body: &[u8]) -> Vec<u32> {
        let mut found = self.find_headers(headers);
        self.body.find(body, &mut found);
        found
    }

    /// As [`find_page`](Self::find_page), of a body or its digest.
    pub(super) fn find_answer(&self, headers: &Headers<'_>, body: &Body<'_>) -> Vec<u32> {
        match body {
            Body::Whole(body) => self.find_page(headers, &body.bytes()),
            Body::Digest(digest) => {
                let mut found = self.find_headers(headers);
                found.extend(self.keys.rows_of(&digest.fingerprints));
                found
            }
        }
    }

    /// The rows that match by headers alone.
    pub(super) fn find_headers(&self, headers: &Headers<'_>) -> Vec<u32> {
        let mut found = Vec::new();
        for (name, value) in &headers.0 {
            self.find_in_header(name, value, &mut found);
        }
        if let Some(matcher) = &self.header_block {
            matcher.find(&block(headers), &mut found);
        }
        found
    }

    fn find_in_header(&self, name: &str, value: &MaybeBinary<'_>, found: &mut Vec<u32>) {
        let matcher = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some((_, matcher)) = matcher {
            matcher.find(&value.bytes(), found);
        }
    }

    fn weigh(&self, mut found: Vec<u32>, country: Option<&str>) -> Matches<'_> {
        if found.is_empty() {
            return Matches::default();
        }
        found.sort_unstable();
        found.dedup();
        let rows = found.iter().filter_map(|row| self.rows.get(*row as usize));
        let (false_positives, marks): (Vec<_>, Vec<_>) =
            rows.partition(|row| row.scope == Scope::FalsePositive);
        let false_positive = false_positives.into_iter().min_by_key(|row| rank(row));
        let weigh = |fingerprint| {
            let strength = match false_positive {
                Some(_) => Strength::Supports,
                None => strength(fingerprint, country),
            };
            Match { fingerprint, strength }
        };
        let mut all: Vec<_> = marks.into_iter().map(weigh).collect();
        all.sort_by_key(|hit| (hit.strength, rank(hit.fingerprint)));
        Matches { false_positive, all }
    }
}

impl std::fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fingerprints").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

/// The better row has the lesser rank.
fn rank(row: &Fingerprint) -> (Reverse<u8>, Reverse<usize>, &str) {
    (Reverse(row.confidence), Reverse(row.pattern.len()), &row.name)
}

fn strength(row: &Fingerprint, country: Option<&str>) -> Strength {
    let here = |expected: &String| country.is_some_and(|c| c.eq_ignore_ascii_case(expected));
    let expected = row.expected_countries.is_empty() || row.expected_countries.iter().any(here);
    if expected && row.scope != Scope::Vague { Strength::Confirms } else { Strength::Supports }
}

/// The header block as text, names written as HTTP/1 servers mostly do (`content-type` as `Content-Type`): the
/// patterns expect it, and HTTP/2 has only lower case.
fn block(headers: &Headers<'_>) -> Vec<u8> {
    let mut block = Vec::with_capacity(1024);
    for (name, value) in &headers.0 {
        let mut first = true;
        for byte in name.bytes() {
            block.push(if first { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() });
            first = byte == b'-';
        }
        block.extend_from_slice(b": ");
        let value: Cow<'_, [u8]> = value.bytes();
        block.extend_from_slice(&value);
        block.extend_from_slice(b"\r\n");
    }
    block
}

/// The patterns of a list by where they are looked for.
#[derive(Default)]
struct Places {
    body: Vec<(Pattern, u32)>,
    header_block: Vec<(Pattern, u32)>,
    headers: BTreeMap<String, Vec<(Pattern, u32)>>,
    dns: Vec<(Pattern, u32)>,
}

impl Places {
    fn add(&mut self, location: &Location, pattern: Pattern, row: u32) {
        match location {
            Location::Body => self.body.push((pattern, row)),
            Location::Dns => self.dns.push((pattern, row)),
            Location::Header(name) => {
                self.headers.entry(name.to_ascii_lowercase()).or_default().push((pattern, row));
            }
            Location::HeadersAndBody => {
                self.header_block.push((pattern.clone(), row));
                self.body.push((pattern, row));
            }
        }
    }

    fn compile(self, rows: Vec<Fingerprint>) -> Fingerprints {
        Fingerprints {
            keys: Keys::of(&rows),
            rows,
            body: Matcher::new(self.body),
            header_block: (!self.header_block.is_empty()).then(|| Matcher::new(self.header_block)),
            headers: self
                .headers
                .into_iter()
                .map(|(name, rows)| (name, Matcher::new(rows)))
                .collect(),
            dns: Matcher::new(self.dns),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::fingerprints::Reason;

    const HEADER: &str =
        "name,scope,location_found,pattern_type,pattern,confidence_no_fp,expected_countries\n";

    fn compiled(rows: &str) -> Fingerprints {
        let parsed = parse("test.csv", format!("{HEADER}{rows}").as_bytes());
        assert_eq!(parsed.errors, []);
        let (fingerprints, errors) = Fingerprints::compile(parsed.rows);
        assert_eq!(errors, []);
        fingerprints
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> Headers<'static> {
        Headers(pairs.iter().map(|(n, v)| ((*n).into(), MaybeBinary::Text((*v).into()))).collect())
    }

    fn names(matches: &Matches<'_>) -> Vec<String> {
        matches.all.iter().map(|hit| hit.fingerprint.name.clone()).collect()
    }

    #[test]
    fn every_kind_at_every_location() {
        let fingerprints = compiled(
            "bf,isp,body,full,blocked,5,\n\
             bp,isp,body,prefix,block,5,\n\
             bc,isp,body,contains,lock,5,\n\
             br,isp,body,regexp,b.*ked,5,\n\
             hf,isp,header.Server,full,blocked,5,\n\
             hp,isp,header.server,prefix,block,5,\n\
             hc,isp,header.SERVER,contains,lock,5,\n\
             hr,isp,header.server,regexp,b.*ked,5,\n\
             df,isp,dns,full,blocked,5,\n\
             dp,isp,dns,prefix,block,6,\n",
        );
        let in_body = |body: &[u8]| names(&fingerprints.match_page(&headers(&[]), body, None));
        let in_header =
            |value| names(&fingerprints.match_page(&headers(&[("sERVER", value)]), b"", None));
        assert_eq!(in_body(b"blocked"), ["bf", "br", "bp", "bc"]);
        assert_eq!(in_body(b"blocked!"), ["br", "bp", "bc"]);
        assert_eq!(in_body(b"a lock"), ["bc"]);
        assert_eq!(in_header("blocked"), ["hf", "hr", "hp", "hc"]);
        assert_eq!(in_header("blocked!"), ["hr", "hp", "hc"]);
        assert_eq!(in_header("a lock"), ["hc"]);
        assert_eq!(in_body(b"BLOCKED"), [] as [&str; 0]);
        let dns =
            |text| fingerprints.match_dns(text, None).map(|hit| hit.fingerprint.name.as_str());
        assert_eq!(dns("blocked"), Some("dp"));
        assert_eq!(dns("bloc"), None);
    }

    #[test]
    fn a_response_is_matched_by_its_headers_in_either_form() {
        let fingerprints = compiled("x,isp,header.location,prefix,http://warn.,5,\n");
        let read = |json: &'static str| serde_json::from_str::<Response<'_>>(json).unwrap();
        let matched = |json| names(&fingerprints.match_response(&read(json), None)).len();
        assert_eq!(fingerprints.match_response(&Response::default(), None), Matches::default());
        assert_eq!(matched(r#"{"headers":{"Location":"http://warn.example/"}}"#), 1);
        assert_eq!(matched(r#"{"headers_list":[["location","http://warn.example/"]]}"#), 1);
        assert_eq!(matched(r#"{"headers":{"Location":"http://other.example/"}}"#), 0);
    }

    #[test]
    fn the_header_block_has_canonical_names() {
        let list = br#"{"fingerprint":"a_prod_x","pattern":"X-Block-Server: Acme/1\\.0"}"#;
        let (fingerprints, _) = Fingerprints::compile(parse("signatures.json", list).rows);
        let matches =
            fingerprints.match_page(&headers(&[("x-block-server", "Acme/1.0")]), b"", None);
        assert_eq!(names(&matches), ["a_prod_x"]);
        assert_eq!(matches.best().map(|hit| hit.strength), Some(Strength::Confirms));
    }

    #[test]
    fn a_false_positive_leaves_nothing_confirmed() {
        let fingerprints =
            compiled("mark,nat,body,contains,blocked,9,\nno,fp,body,contains,parked,0,\n");
        let matches = fingerprints.match_page(&headers(&[]), b"blocked, or parked", None);
        assert_eq!(matches.false_positive.map(|row| row.name.as_str()), Some("no"));
        assert_eq!(names(&matches), ["mark"]);
        assert_eq!(matches.best().map(|hit| hit.strength), Some(Strength::Supports));
        let only = fingerprints.match_page(&headers(&[]), b"parked", None);
        assert!(only.false_positive.is_some() && only.best().is_none());
    }

    #[test]
    fn vague_wording_and_other_countries_only_support() {
        let fingerprints =
            compiled("v,vbw,body,contains,vague,9,\nc,nat,body,contains,stop,5,\"IR,SY\"\n");
        let strength = |body: &[u8], country| {
            fingerprints.match_page(&headers(&[]), body, country).best().map(|hit| hit.strength)
        };
        assert_eq!(strength(b"vague", Some("IR")), Some(Strength::Supports));
        assert_eq!(strength(b"stop", Some("SY")), Some(Strength::Confirms));
        assert_eq!(strength(b"stop", Some("ir")), Some(Strength::Confirms));
        assert_eq!(strength(b"stop", Some("DE")), Some(Strength::Supports));
        assert_eq!(strength(b"stop", None), Some(Strength::Supports));
        // What confirms is better than what supports, whatever the grade.
        let both = fingerprints.match_page(&headers(&[]), b"vague stop", Some("IR"));
        assert_eq!(names(&both), ["c", "v"]);
    }

    #[test]
    fn the_best_match_does_not_depend_on_the_order_of_rows() {
        let rows = [
            "d,isp,body,contains,aa,5,",
            "c,isp,body,contains,bb,5,",
            "b,isp,body,contains,aabb,5,",
            "a,isp,body,contains,a,9,",
            "e,isp,body,contains,aabbc,5,XX",
        ];
        for turn in 0..rows.len() {
            let mut rows = rows;
            rows.rotate_left(turn);
            let fingerprints = compiled(&rows.join("\n"));
            let matches = fingerprints.match_page(&headers(&[]), b"aabbc", None);
            assert_eq!(names(&matches), ["a", "b", "c", "d", "e"]);
        }
    }

    #[test]
    fn bad_expressions_are_left_out_with_their_place() {
        let rows = "a,isp,body,regexp,(,5,\nb,isp,body,contains,ok,5,\nc,isp,body,regexp,.*,5,\n";
        let parsed = parse("test.csv", format!("{HEADER}{rows}").as_bytes());
        let (fingerprints, errors) = Fingerprints::compile(parsed.rows);
        assert_eq!(fingerprints.len(), 1);
        let lines: Vec<u64> = errors.iter().map(|error| error.place.line).collect();
        assert_eq!(lines, [2, 4]);
        assert_eq!(
            errors[0].to_string(),
            "test.csv:2 (byte 83): bad regular expression: unclosed group"
        );
        assert_eq!(errors[1].reason, Reason::EmptyMatch);
    }

    #[test]
    fn addresses_match_however_they_are_written() {
        let fingerprints = compiled("x,nat,dns,full,d0::11,5,\ny,nat,dns,full,1.2.3.4,5,\n");
        assert!(fingerprints.match_dns("00D0:0:0:0::11", None).is_some());
        assert!(fingerprints.match_dns("1.2.3.4", None).is_some());
        assert!(fingerprints.match_dns("1.2.3.40", None).is_none());
    }

    #[test]
    fn the_shipped_list_is_whole() {
        let parsed = parse("shipped.csv", include_bytes!("shipped.csv"));
        assert_eq!(parsed.errors, []);
        let shipped = Fingerprints::shipped();
        assert_eq!(shipped.len(), parsed.rows.len());
        assert_eq!(shipped.unfiltered(), 0);
        let names: BTreeSet<&str> = shipped.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names.len(), shipped.len());
        assert!(shipped.iter().all(|row| !row.source.is_empty() && row.scope != Scope::Unknown));
        let page = "<html><body>Surf Safely! This website is not accessible.</body></html>";
        let best = shipped.match_page(&headers(&[]), page.as_bytes(), Some("PK")).best();
        assert_eq!(best.map(|hit| hit.strength), Some(Strength::Confirms));
    }

    #[test]
    fn is_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Fingerprints>();
    }
}
