//! The side files of a satellite scan: read first, joined to every row.
//!
//! The tables are bounded: so many entries each ([`Limits`]), and nothing of unbounded length in an entry. Pages are
//! looked at once, when they are fed; no body is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use wirewitness_model::planet::Row;
use wirewitness_model::planet::page::{Received, Response};
use wirewitness_model::planet::satellite::{Answer, Satellite};
use wirewitness_model::planet::side::{Page, Profile, Resolver, TaggedAddress};

use super::habits::{Habit, Shares};
use super::remote::sha256;
use super::{country, country_of, domain};
use crate::fingerprints::{Fingerprint, Fingerprints, Scope};

/// How much is kept. Some 100 bytes an entry, and up to 2 KiB for a name that a control has many addresses for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries of each table: resolvers, profiles, habits, tags, controls, pages.
    pub entries: usize,
    /// Addresses kept of the control's answers to one name.
    pub addresses: usize,
}

impl Default for Limits {
    /// A million entries a table and 64 addresses a name: the scans of 2021 have some 50,000 resolvers, 3,000 names and
    /// 200,000 addresses.
    fn default() -> Self {
        Self { entries: 1 << 20, addresses: 64 }
    }
}

/// I am what the side files of one scan say.
#[derive(Debug)]
pub struct Companions<'f> {
    fingerprints: &'f Fingerprints,
    limits: Limits,
    resolvers: BTreeMap<IpAddr, Known>,
    profiles: BTreeMap<IpAddr, Shares>,
    habits: BTreeMap<IpAddr, Habit>,
    tags: BTreeMap<IpAddr, Tags>,
    controls: BTreeMap<String, Control>,
    pages: BTreeMap<(IpAddr, String), Seen<'f>>,
    left_out: u64,
}

/// What is known of a resolver.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// Its country, two capital letters.
    pub country: Option<[u8; 2]>,
    /// True for one whose answers are the reference.
    pub is_control: bool,
}

/// What is known of an address. Digests are cut to 128 bits: they are compared with each other only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tags {
    pub(super) asn: Option<u32>,
    as_name: Option<u128>,
    cert: Option<u128>,
    http: Option<u128>,
}

/// What control resolvers say of a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Control {
    pub(super) addresses: BTreeSet<IpAddr>,
    /// True where a page fetched from one of these addresses came with a trusted certificate for the name.
    pub(super) is_proven: bool,
}

/// What was served for a name at an address.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Seen<'f> {
    /// Marks of block pages, the best first.
    marks: Vec<&'f Fingerprint>,
    is_known_false: bool,
    /// True for a trusted certificate for the name, false for one that is for other names.
    pub(super) proves: Option<bool>,
}

impl<'f> Companions<'f> {
    /// Nothing is known yet. Pages are compared with `fingerprints`.
    pub fn new(fingerprints: &'f Fingerprints) -> Self {
        Self::with_limits(fingerprints, Limits::default())
    }

    /// As [`Companions::new`], with other limits.
    pub fn with_limits(fingerprints: &'f Fingerprints, limits: Limits) -> Self {
        Self {
            fingerprints,
            limits,
            resolvers: BTreeMap::new(),
            profiles: BTreeMap::new(),
            habits: BTreeMap::new(),
            tags: BTreeMap::new(),
            controls: BTreeMap::new(),
            pages: BTreeMap::new(),
            left_out: 0,
        }
    }

    /// Takes one row of a side file, in any order of files. Of two rows about the same thing, the later adds to the
    /// earlier.
    ///
    /// Rows of ordinary resolvers may be fed too, in a pass before they are judged: how a resolver answers in general
    /// is then counted, for scans that have no profile of it. Rows of hyperquack change nothing.
    pub fn feed(&mut self, row: &Row<'_>) {
        match row {
            Row::Resolver(row) => self.resolver_row(row),
            Row::Profile(row) => self.profile_row(row),
            Row::Tagged(row) => self.tagged_row(row),
            Row::Control(row) => self.control_row(row),
            Row::Page(row) => self.page_row(row),
            Row::ControlPage(row) => self.control_page_row(row),
            Row::Satellite(row) => self.habit_row(row),
            Row::Hyperquack(_) => {}
        }
    }

    /// Rows and addresses that were not kept: beyond the limits, or without a readable address or name.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Number of entries in all tables.
    pub fn entries(&self) -> usize {
        self.resolvers.len()
            + self.profiles.len()
            + self.habits.len()
            + self.tags.len()
            + self.controls.len()
            + self.pages.len()
    }

    /// What is known of the resolver at this address.
    pub fn resolver(&self, address: &str) -> Option<&Known> {
        self.resolvers.get(&address.parse().ok()?)
    }

    /// How a resolver answers in general: by its profile, else as counted.
    pub(super) fn shares(&self, address: &str) -> Shares {
        let Ok(address) = address.parse() else { return Shares::default() };
        let profile = self.profiles.get(&address).copied().unwrap_or_default();
        profile.or(self.habits.get(&address).map(Habit::shares).unwrap_or_default())
    }

    pub(super) fn tags(&self, address: IpAddr) -> Option<Tags> {
        self.tags.get(&address).copied()
    }

    pub(super) fn control(&self, domain: &str) -> Option<&Control> {
        self.controls.get(domain)
    }

    pub(super) fn page(&self, address: IpAddr, domain: &str) -> Option<&Seen<'f>> {
        self.pages.get(&(address, domain.to_owned()))
    }

    fn resolver_row(&mut self, row: &Resolver<'_>) {
        let by_name = row.country.as_str().and_then(country::code);
        let country = country_of(&row.location).or(by_name);
        let entries = self.limits.entries;
        match place(&mut self.resolvers, row.address().parse().ok(), entries) {
            Some(known) => {
                known.country = country.or(known.country);
                known.is_control |= row.is_control();
            }
            None => self.left_out += 1,
        }
    }

    fn profile_row(&mut self, row: &Profile<'_>) {
        let entries = self.limits.entries;
        match place(&mut self.profiles, row.address().parse().ok(), entries) {
            Some(shares) => {
                let bogons = [row.private_ip.0, row.zero_ip.0].into_iter().flatten();
                let bogons = bogons.reduce(f64::max);
                let told = Shares { errors: row.non_zero_rcode.0, bogons, own: None };
                *shares = told.or(*shares);
            }
            None => self.left_out += 1,
        }
    }

    fn habit_row(&mut self, row: &Satellite<'_>) {
        let address = row.vantage().parse().ok();
        match (place(&mut self.habits, address, self.limits.entries), address) {
            (Some(habit), Some(address)) => habit.count(row, address),
            _ => self.left_out += 1,
        }
    }

    fn tagged_row(&mut self, row: &TaggedAddress<'_>) {
        let tags = Tags::of(row.asnum.0, [&row.asname, &row.cert, &row.http].map(|t| t.or_empty()));
        self.tag(row.ip.or_empty().parse().ok(), tags);
    }

    fn tag(&mut self, address: Option<IpAddr>, tags: Tags) {
        match place(&mut self.tags, address, self.limits.entries) {
            Some(known) => *known = tags.or(*known),
            None => self.left_out += 1,
        }
    }

    fn control_row(&mut self, row: &Satellite<'_>) {
        let name = domain(row.target());
        let of_name = row.response().lookups.iter().filter(|l| domain(l.url.or_empty()) == name);
        let answers = of_name.flat_map(|lookup| lookup.response.items.iter());
        let answers: Vec<&Answer<'_>> = answers.chain(row.response().flat.items.iter()).collect();
        let resolver = row.vantage().parse().ok();
        match place(&mut self.resolvers, resolver, self.limits.entries) {
            Some(known) => known.is_control = true,
            None => self.left_out += 1,
        }
        for answer in answers {
            let address = answer.address.parse().ok();
            if answer.detail.has_tags() {
                self.tag(address, Tags::in_row(answer));
            }
            self.control_address(&name, address);
        }
    }

    fn control_address(&mut self, name: &str, address: Option<IpAddr>) {
        let limits = self.limits;
        let control = place(&mut self.controls, named(name), limits.entries);
        match control.zip(address) {
            Some((control, address))
                if control.addresses.len() < limits.addresses
                    || control.addresses.contains(&address) =>
            {
                control.addresses.insert(address);
            }
            _ => self.left_out += 1,
        }
    }

    fn page_row(&mut self, row: &Page<'_>) {
        let seen = Seen::of(row, self.fingerprints);
        let key = row.ip.or_empty().parse().ok().zip(named(&domain(row.keyword.or_empty())));
        let Some(key) = key else {
            self.left_out += 1;
            return;
        };
        // Most pages say nothing, and need no place.
        if seen == Seen::default() {
            return;
        }
        match place(&mut self.pages, Some(key), self.limits.entries) {
            Some(known) => *known = seen,
            None => self.left_out += 1,
        }
    }

    fn control_page_row(&mut self, row: &Page<'_>) {
        if proves(row) != Some(true) {
            return;
        }
        let name = domain(row.keyword.or_empty());
        match place(&mut self.controls, named(&name), self.limits.entries) {
            Some(control) => control.is_proven = true,
            None => self.left_out += 1,
        }
    }
}

/// The entry of this key, made where there is room; none where there is not, or no key.
fn place<K: Ord, V: Default>(
    table: &mut BTreeMap<K, V>,
    key: Option<K>,
    limit: usize,
) -> Option<&mut V> {
    let key = key?;
    if table.len() >= limit && !table.contains_key(&key) {
        return None;
    }
    Some(table.entry(key).or_default())
}

/// A name that can be one (RFC 1035 §2.3.4), as a key.
fn named(name: &str) -> Option<String> {
    (!name.is_empty() && name.len() <= 255).then(|| name.to_owned())
}

impl Tags {
    fn of(asn: Option<i64>, [as_name, cert, http]: [&str; 3]) -> Self {
        Self {
            asn: asn.and_then(|asn| u32::try_from(asn).ok()).filter(|asn| *asn != 0),
            as_name: digest(as_name),
            cert: digest(cert),
            http: digest(http),
        }
    }

    /// A network, and nothing else.
    pub(super) fn network(asn: Option<u32>) -> Self {
        Self { asn, ..Self::default() }
    }

    /// What a row says of an address itself.
    pub(super) fn in_row(answer: &Answer<'_>) -> Self {
        let detail = &answer.detail;
        let texts = [&detail.asname, &detail.cert, &detail.http];
        Self::of(detail.asnum.0, texts.map(|text| text.or_empty()))
    }

    /// These tags, and the other's where there is none.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            asn: self.asn.or(other.asn),
            as_name: self.as_name.or(other.as_name),
            cert: self.cert.or(other.cert),
            http: self.http.or(other.http),
        }
    }

    /// The first thing that both have in common, in words.
    pub(super) fn common(&self, other: &Self) -> Option<&'static str> {
        let same = |a: Option<u128>, b: Option<u128>| a.is_some() && a == b;
        if same(self.cert, other.cert) {
            Some("certificate")
        } else if same(self.http, other.http) {
            Some("page")
        } else if self.asn.is_some() && self.asn == other.asn {
            Some("network")
        } else if same(self.as_name, other.as_name) {
            Some("name of the network")
        } else {
            None
        }
    }

    /// True where nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The first half of a SHA-256 of a text; none of the empty one.
fn digest(text: &str) -> Option<u128> {
    let (half, _) =
        sha256(text.as_bytes()).split_first_chunk::<16>().map(|(a, b)| (*a, b.len()))?;
    (!text.is_empty()).then(|| u128::from_be_bytes(half))
}

impl<'f> Seen<'f> {
    fn of(row: &Page<'_>, fingerprints: &'f Fingerprints) -> Self {
        let mut seen = Self { proves: proves(row), ..Self::default() };
        for received in [&row.http, &row.https] {
            let Received::Response(response) = received else { continue };
            seen.look_at(response, fingerprints);
        }
        seen
    }

    fn look_at(&mut self, response: &Response<'_>, fingerprints: &'f Fingerprints) {
        let body = response.body.or_empty().as_bytes();
        let matches = fingerprints.match_page(&response.headers.headers, body, None);
        self.is_known_false |= matches.false_positive.is_some();
        for found in matches.all {
            if self.marks.len() < MAX_MARKS {
                self.marks.push(found.fingerprint);
            }
        }
    }

    /// The mark that is enough to say whose page it is, for someone in this country.
    pub(super) fn confirmed(&self, country: Option<&str>) -> Option<&'f Fingerprint> {
        let here = |row: &&&Fingerprint| {
            let expected = &row.expected_countries;
            expected.is_empty()
                || country.is_some_and(|c| expected.iter().any(|e| e.eq_ignore_ascii_case(c)))
        };
        if self.is_known_false {
            return None;
        }
        self.marks.iter().filter(|row| row.scope != Scope::Vague).find(here).copied()
    }
}

/// Whether the certificate that came proves the name. None where the scan does not say.
fn proves(row: &Page<'_>) -> Option<bool> {
    match (row.cert_hostname_match.0, row.trusted_cert.0) {
        (Some(true), Some(true)) => Some(true),
        (Some(false), _) => Some(false),
        _ => None,
    }
}

/// Marks kept of one page and address.
const MAX_MARKS: usize = 8;

#[cfg(test)]
mod tests;
