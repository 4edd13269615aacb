//! Matches that are written down in place of a body, and found again later.
//!
//! Lists change: rows are renamed, graded anew, moved to another file. Whether a row matches depends only on what it looks
//! for and where. So a stored match says that, as a hash, and finds whatever rows look for the same thing in the lists in
//! use. Where none does any more, the match is dropped; a row that is new since then is not found in a body that is gone.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use wirewitness_model::lenient::{Headers, Text};
use wirewitness_model::ooni::body::{Body, StoredMatch};

use super::{Fingerprint, Fingerprints};

impl Fingerprints {
    /// What an answer matches and would not match with these headers and no body, in the order of [`pattern_key`].
    ///
    /// Where the body is a digest already, its matches are among them, those of rows that are gone too.
    pub(crate) fn lost(
        &self,
        headers: &Headers<'_>,
        body: &Body<'_>,
        kept: Option<&Headers<'_>>,
    ) -> Vec<StoredMatch<'static>> {
        let mut lost = BTreeMap::new();
        if let Body::Digest(digest) = body {
            let known = digest.fingerprints.iter().filter_map(|it| Some((key_of(it)?, owned(it))));
            lost.extend(known);
        }
        let mut found = self.find_answer(headers, body);
        if !found.is_empty() {
            found.sort_unstable();
            let mut still = self.find_headers(kept.unwrap_or(headers));
            still.sort_unstable();
            found.retain(|row| still.binary_search(row).is_err());
        }
        for row in found.into_iter().filter_map(|row| self.rows.get(row as usize)) {
            let key = pattern_key(row);
            lost.entry(key).or_insert_with(|| stored(row, key));
        }
        lost.into_values().collect()
    }
}

/// Rows by what they look for.
pub(super) struct Keys(Vec<(u64, u32)>);

impl Keys {
    pub(super) fn of(rows: &[Fingerprint]) -> Self {
        let keys = rows.iter().enumerate().map(|(at, row)| (pattern_key(row), at as u32));
        let mut keys: Vec<_> = keys.collect();
        keys.sort_unstable();
        Self(keys)
    }

    /// The rows that look for what these did, some more than once.
    pub(super) fn rows_of(&self, stored: &[StoredMatch<'_>]) -> Vec<u32> {
        let keys = stored.iter().filter_map(key_of);
        let rows = keys.flat_map(|key| {
            let from = self.0.partition_point(|(other, _)| *other < key);
            let rest = self.0.get(from..).unwrap_or_default();
            rest.iter().take_while(move |(other, _)| *other == key).map(|(_, row)| *row)
        });
        rows.collect()
    }
}

/// What a row looks for and where: the first 64 bits of SHA-256 over location, kind and pattern, each ended by a zero.
fn pattern_key(row: &Fingerprint) -> u64 {
    let text = format!("{}\0{}\0{}\0", row.location, row.kind, row.pattern);
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

fn key_of(stored: &StoredMatch<'_>) -> Option<u64> {
    u64::from_str_radix(stored.pattern.as_str().filter(|hex| hex.len() == 16)?, 16).ok()
}

fn stored(row: &Fingerprint, key: u64) -> StoredMatch<'static> {
    StoredMatch {
        list: text(&row.place.file),
        name: text(&row.name),
        pattern: text(&format!("{key:016x}")),
        ..StoredMatch::default()
    }
}

fn owned(stored: &StoredMatch<'_>) -> StoredMatch<'static> {
    StoredMatch {
        list: text(stored.list.or_empty()),
        name: text(stored.name.or_empty()),
        pattern: text(&stored.pattern.or_empty().to_ascii_lowercase()),
        ..StoredMatch::default()
    }
}

fn text(text: &str) -> Text<'static> {
    Text(Some(text.to_owned().into()))
}

#[cfg(test)]
mod tests {
    use wirewitness_model::lenient::MaybeBinary;
    use wirewitness_model::ooni::body::Digest;

    use super::*;
    use crate::fingerprints::parse;

    fn compiled(rows: &str) -> Fingerprints {
        let header = "name,scope,location_found,pattern_type,pattern,confidence_no_fp\n";
        Fingerprints::compile(parse("list.csv", format!("{header}{rows}").as_bytes()).rows).0
    }

    fn whole(text: &'static str) -> Body<'static> {
        Body::Whole(MaybeBinary::Text(text.into()))
    }

    fn digest_of(stored: Vec<StoredMatch<'static>>) -> Body<'static> {
        Body::Digest(Box::new(Digest { fingerprints: stored, ..Digest::default() }))
    }

    fn names(fingerprints: &Fingerprints, body: &Body<'_>) -> Vec<String> {
        let mut rows = fingerprints.find_answer(&Headers::default(), body);
        rows.sort_unstable();
        rows.iter().map(|row| fingerprints.rows[*row as usize].name.clone()).collect()
    }

    #[test]
    fn a_match_is_found_again_in_another_version_of_the_list() {
        let old = compiled("a,isp,body,contains,blocked,5\nb,isp,body,prefix,bloc,5\n");
        let stored = old.lost(&Headers::default(), &whole("blocked"), None);
        assert_eq!(stored.len(), 2);
        assert_eq!(stored[0].list.as_str(), Some("list.csv"));
        let body = digest_of(stored);
        assert_eq!(names(&old, &body), ["a", "b"]);
        // Renamed and graded anew, twice in the list, and with other kinds and places of the same text.
        let new = compiled(
            "x,nat,body,contains,blocked,9\ny,nat,body,contains,blocked,1\n\
             z,isp,body,full,blocked,5\nd,isp,dns,contains,blocked,5\n",
        );
        assert_eq!(names(&new, &body), ["x", "y"]);
        // What is gone is still kept, for a list that has it again.
        assert_eq!(new.lost(&Headers::default(), &body, None).len(), 2);
    }

    #[test]
    fn only_what_the_kept_headers_do_not_show_is_stored() {
        let list = compiled("a,isp,header.server,full,box,5\nb,isp,header.cookie,full,id,5\n");
        let text = |value: &'static str| MaybeBinary::Text(value.into());
        let of =
            |cookie| Headers(vec![("Server".into(), text("box")), ("Cookie".into(), text(cookie))]);
        let stored = list.lost(&of("id"), &whole(""), Some(&of("")));
        let stored: Vec<_> = stored.iter().filter_map(|it| it.name.as_str()).collect();
        assert_eq!(stored, ["b"]);
        assert!(list.lost(&of("id"), &whole(""), None).is_empty());
    }

    #[test]
    fn what_is_no_hash_finds_nothing() {
        let list = compiled("a,isp,body,contains,blocked,5\n");
        for pattern in ["", "0", "zzzzzzzzzzzzzzzz", "+123456789abcdef", "00000000000000000"] {
            let odd = StoredMatch { pattern: text(pattern), ..StoredMatch::default() };
            assert_eq!(names(&list, &digest_of(vec![odd])), [] as [String; 0], "{pattern}");
        }
    }
}
