//! Rows of the archive as evidence: pages and answers of DNS that the judge found to be forged, of one network.
//!
//! What the archive keeps of a page is its status, title and `Server`; of an answer its addresses. Two families can come of that. All others
//! cannot, ever: headers of forged packets are refused by the archive, since they give addresses of people away; how a parser reads, how many
//! fragments are joined and where a device stands were never measured by what is archived.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::battery::{Battery, Behaviour, PageTest};
use super::evidence::{Evidence, Value, evidence};
use super::profile::Catalogue;
use super::profile::schema::Family;
use super::report::{Report, report};

/// Families that can come from an archive.
pub const FAMILIES: [Family; 2] = [Family::DnsResponse, Family::Blockpage];

/// What the archive holds of one network.
#[derive(Debug, Clone, Default)]
pub struct Archived {
    /// Pages, and how many measurements had each.
    pages: BTreeMap<(Option<u16>, String, String), u64>,
    /// Addresses of answers, and how many measurements had each.
    answers: BTreeMap<Vec<Ipv4Addr>, u64>,
}

/// Pages, and kinds of answers, that are looked at: those that most measurements had.
const MOST: usize = 16;

impl Archived {
    /// A page that the judge called one that says that something is blocked: its status, title and `Server`; so many had it.
    pub fn page(&mut self, status: Option<u16>, (title, server): (&str, &str), times: u64) {
        let page = (status, title.to_owned(), server.to_owned());
        let held = self.pages.entry(page).or_default();
        *held = held.saturating_add(times);
    }

    /// Addresses of an answer that the judge called forged; so many had it. Names and addresses of IPv6 are passed over.
    pub fn answer<'a>(&mut self, values: impl IntoIterator<Item = &'a str>, times: u64) {
        let addresses: Vec<Ipv4Addr> =
            values.into_iter().filter_map(|it| it.parse().ok()).collect();
        if !addresses.is_empty() {
            let held = self.answers.entry(addresses).or_default();
            *held = held.saturating_add(times);
        }
    }

    /// Measurements that it stands on.
    pub fn measurements(&self) -> u64 {
        self.pages.values().chain(self.answers.values()).sum()
    }

    /// Scores it. `network` is whose rows they are; it is no part of any score.
    pub fn report(&self, network: Option<String>, catalogue: &Catalogue) -> Report {
        let never = "headers of resets, parsers, fragments, residual blocks and places are not in an archive, and never can be";
        let about = format!(
            "{} archived measurements: pages and answers of DNS alone; {never}",
            self.measurements()
        );
        let battery = Battery {
            event: "archive".to_owned(),
            about: Some(about),
            asn: network,
            ..Battery::default()
        };
        report(&battery, &self.evidence(), catalogue)
    }

    /// What it says, one entry a page and one an answer.
    pub fn evidence(&self) -> Vec<Evidence> {
        let pages = most(&self.pages).into_iter().map(|(status, title, server)| PageTest {
            status: *status,
            // A title is a part of the page.
            body: title.clone(),
            server: server.clone(),
            ..PageTest::default()
        });
        let mut all = evidence(&Battery { pages: pages.collect(), ..Battery::default() });
        for (number, answers) in most(&self.answers).into_iter().enumerate() {
            let mut it = Evidence::of_answers(answers.iter().map(|it| u32::from(*it)).collect());
            it.number = number;
            all.push(it);
        }
        for it in &mut all {
            it.is_partial = true;
        }
        all
    }
}

impl Evidence {
    fn of_answers(answers: Vec<u32>) -> Self {
        let mut evidence = Self::new(Family::DnsResponse);
        evidence.behaviour = Some(Behaviour::DnsInject);
        evidence.forged = 1;
        evidence.value("dns", "answers", Value::Addresses(answers));
        evidence
    }
}

/// The keys with the highest counts.
fn most<K: Ord>(counts: &BTreeMap<K, u64>) -> Vec<&K> {
    let mut all: Vec<(&K, &u64)> = counts.iter().collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    all.truncate(MOST);
    all.into_iter().map(|(key, _)| key).collect()
}
