//! Lists of what to measure: Citizen Lab CSV and plain text, with the risk of each site weighed.
//!
//! A list is read line by line and never held. What cannot be read, and what is not visited, comes with file and line
//! beside the targets, and the rest is read on.

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, Read};
use std::net::IpAddr;
use std::sync::Arc;

use url::{Host, Url};

use crate::helper::address::is_public;

pub mod csv;
mod risk;

pub use risk::{Allow, NeverAllowed, Risks, Tier};

/// What is to be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The text of the list: what goes into a measurement's `input`. A bare name stands as an HTTPS address.
    pub input: String,
    /// The same, parsed: HTTP or HTTPS, with a host.
    pub url: Url,
    /// The category's code, where the list has one.
    pub category: Option<String>,
    /// The line that it stands on.
    pub place: Place,
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The list, as it was named.
    pub list: Arc<str>,
    /// The line, from 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.list, self.line)
    }
}

/// A line that gives no target.
#[derive(Debug, thiserror::Error)]
pub enum NotListed {
    /// It cannot be read.
    #[error("{place}: {reason}")]
    Unreadable {
        /// Where.
        place: Place,
        /// What is wrong with it.
        reason: LineError,
    },
    /// Its category is of the highest risk.
    #[error("{place}: category {category} is never visited from a person's line")]
    Refused {
        /// Where.
        place: Place,
        /// The category's code.
        category: String,
    },
    /// Its category is of high risk and was not named.
    #[error("{place}: category {category} is of high risk; name it to visit its sites")]
    LeftOut {
        /// Where.
        place: Place,
        /// The category's code.
        category: String,
    },
    /// An earlier line has the same.
    #[error("{place}: listed before")]
    Again {
        /// Where.
        place: Place,
    },
    /// The list itself cannot be read on; nothing follows.
    #[error("{place}: cannot read the list: {error}")]
    Broken {
        /// Where.
        place: Place,
        /// Why.
        error: io::Error,
    },
    /// The list is longer than one run can bear; nothing follows.
    #[error("{place}: a list has at most {MOST_LINES} lines; divide it")]
    TooLong {
        /// Where.
        place: Place,
    },
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// It is too long.
    #[error("longer than {LONGEST_LINE_BYTES} bytes")]
    Long,
    /// It is no text.
    #[error("not UTF-8")]
    NotText,
    /// Its quotes do not match.
    #[error("a quote is not closed on its line, or stands inside a field")]
    Quotes,
    /// It has no address.
    #[error("no address to visit")]
    Empty,
    /// Its address cannot be parsed.
    #[error("not an address to visit: {0}")]
    Url(#[from] url::ParseError),
    /// Its address is neither HTTP nor HTTPS.
    #[error("scheme {0} is not measured; only http and https are")]
    Scheme(String),
    /// Its address carries a name and password.
    #[error("an address with a user's name or password in it")]
    Credentials,
    /// Its host is an address of no public network.
    #[error("{0} is of no public network; a list has no business there")]
    NotPublic(String),
}

/// The targets of a list, in its order, each once.
pub struct Targets<R> {
    reader: R,
    policy: Policy,
    place: Place,
    form: Option<Form>,
    seen: HashSet<u64>,
    over: bool,
}

/// Which categories are visited.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The tier of each category.
    pub risks: Risks,
    /// The categories of high risk that were named.
    pub allow: Allow,
}

impl Default for Policy {
    fn default() -> Self {
        Self { risks: Risks::shipped(), allow: Allow::default() }
    }
}

/// How a list is written. Its first line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Citizen Lab's CSV; which column has the address, and which the category.
    Csv { url: usize, category: Option<usize> },
    /// One address or name a line, `#` before a comment.
    Plain,
}

impl<R: BufRead> Targets<R> {
    /// Reads the list that `reader` gives and that is named `list`.
    pub fn new(reader: R, list: &str, policy: Policy) -> Self {
        let place = Place { list: list.into(), line: 0 };
        Self { reader, policy, place, form: None, seen: HashSet::new(), over: false }
    }

    /// The next line that says something, or the end.
    fn step(&mut self) -> Option<Result<Listed, NotListed>> {
        while !self.over {
            let line = match self.next_line()? {
                Ok(line) => line,
                Err(not) => return Some(Err(not)),
            };
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let form = match self.form {
                Some(form) => form,
                None => {
                    let form = Form::of_first(line);
                    self.form = Some(form);
                    if form != Form::Plain {
                        continue;
                    }
                    form
                }
            };
            return Some(self.line_of(form, line));
        }
        None
    }

    /// One line, held only as far as a line may be long; the rest of a longer one is read past.
    fn next_line(&mut self) -> Option<Result<String, NotListed>> {
        self.place.line += 1;
        if self.place.line > MOST_LINES {
            self.over = true;
            return Some(Err(NotListed::TooLong { place: self.place.clone() }));
        }
        let mut bytes = Vec::new();
        match (&mut self.reader).take(LONGEST_LINE_BYTES + 1).read_until(b'\n', &mut bytes) {
            Ok(0) => None,
            Ok(read) if read as u64 > LONGEST_LINE_BYTES && !bytes.ends_with(b"\n") => {
                Some(Err(match self.reader.skip_until(b'\n') {
                    Ok(_) => self.unreadable(LineError::Long),
                    Err(error) => self.broken(error),
                }))
            }
            Ok(_) => {
                Some(String::from_utf8(bytes).map_err(|_| self.unreadable(LineError::NotText)))
            }
            Err(error) => Some(Err(self.broken(error))),
        }
    }

    fn line_of(&mut self, form: Form, line: &str) -> Result<Listed, NotListed> {
        let (text, category) = form.split(line).map_err(|reason| self.unreadable(reason))?;
        let (input, url) = parse(&text).map_err(|reason| self.unreadable(reason))?;
        if let Some(category) = &category {
            self.weigh(category)?;
        }
        // Once in 10^5 lists of the greatest length a target is taken for another by its hash and not measured.
        let mut hasher = DefaultHasher::new();
        url.as_str().hash(&mut hasher);
        if !self.seen.insert(hasher.finish()) {
            return Err(NotListed::Again { place: self.place.clone() });
        }
        Ok(Listed { input, url, category, place: self.place.clone() })
    }

    fn weigh(&self, category: &str) -> Result<(), NotListed> {
        let (place, category) = (self.place.clone(), category.to_owned());
        match self.policy.risks.tier(&category) {
            Tier::Highest => Err(NotListed::Refused { place, category }),
            Tier::High if !self.policy.allow.names(&category) => {
                Err(NotListed::LeftOut { place, category })
            }
            Tier::High | Tier::Ordinary => Ok(()),
        }
    }

    fn unreadable(&self, reason: LineError) -> NotListed {
        NotListed::Unreadable { place: self.place.clone(), reason }
    }

    fn broken(&mut self, error: io::Error) -> NotListed {
        self.over = true;
        NotListed::Broken { place: self.place.clone(), error }
    }
}

impl<R: BufRead> Iterator for Targets<R> {
    type Item = Result<Listed, NotListed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step()
    }
}

impl Form {
    /// A first line that names a column `url` is the head of a CSV file; any other is a target already.
    fn of_first(line: &str) -> Self {
        let head = csv::fields(line).unwrap_or_default();
        let column = |name| head.iter().position(|it| it.trim().eq_ignore_ascii_case(name));
        match column("url") {
            Some(url) => Self::Csv { url, category: column("category_code") },
            None => Self::Plain,
        }
    }

    /// The address of a line, and its category.
    fn split(self, line: &str) -> Result<(String, Option<String>), LineError> {
        match self {
            Self::Plain => {
                let text = line.split_once(" #").map_or(line, |(text, _comment)| text);
                Ok((text.trim().to_owned(), None))
            }
            Self::Csv { url, category } => {
                let mut fields = csv::fields(line).ok_or(LineError::Quotes)?;
                let mut take = |at: usize| fields.get_mut(at).map(std::mem::take);
                let text = take(url).map(|it| it.trim().to_owned()).unwrap_or_default();
                // A row without category in a list that has them was weighed by nobody.
                let category =
                    category.map(|at| take(at).unwrap_or_default().trim().to_uppercase());
                Ok((text, category))
            }
        }
    }
}

/// Reads one address or bare name: the text for `input`, and what it leads to.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<(String, Url), LineError> {
    if text.is_empty() {
        return Err(LineError::Empty);
    }
    let input = match text {
        _ if text.contains("://") => text.to_owned(),
        _ if text.contains('/') => format!("https://{text}"),
        _ => format!("https://{text}/"),
    };
    let url = Url::parse(&input)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(LineError::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(LineError::Credentials);
    }
    match url.host() {
        None => Err(LineError::Empty),
        Some(host) if is_elsewhere(&host) => Ok((input, url)),
        Some(host) => Err(LineError::NotPublic(host.to_string())),
    }
}

/// Whether a host may be of the public internet. A list must not lead into the person's own network.
fn is_elsewhere(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => is_public(IpAddr::V4(*address)),
        Host::Ipv6(address) => is_public(IpAddr::V6(*address)),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let last = name.rsplit('.').next().unwrap_or(name);
            // Names of one label, and those that never leave the local network (RFC 6761, RFC 6762, RFC 8375).
            last != name && !LOCAL_NAMES.contains(&last)
        }
    }
}

const LOCAL_NAMES: &[&str] = &["localhost", "local", "internal", "lan", "home", "arpa", "corp"];

/// Lines of one list. The set of those seen takes some 200 MB then.
const MOST_LINES: u64 = 10_000_000;

/// Addresses longer than 2,000 bytes are rare; a CSV line has notes besides.
const LONGEST_LINE_BYTES: u64 = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str, policy: Policy) -> (Vec<String>, Vec<String>) {
        let (mut targets, mut rest) = (Vec::new(), Vec::new());
        for item in Targets::new(list.as_bytes(), "list", policy) {
            match item {
                Ok(target) => targets.push(target.input),
                Err(not) => rest.push(not.to_string()),
            }
        }
        (targets, rest)
    }

    #[test]
    fn plain_text_keeps_its_order_and_names_what_is_wrong() {
        let list = "\u{feff}# ours\nexample.org\nhttp://example.com/a#b # why\n\nftp://example.com/\n\
            https://example.org/\nhttp://me:pw@example.com/\nhttp://[::1\n  example.net/path  \r\n";
        let (targets, rest) = read(list, Policy::default());
        assert_eq!(
            targets,
            ["https://example.org/", "http://example.com/a#b", "https://example.net/path"]
        );
        let places: Vec<_> = rest.iter().map(|it| it.split(' ').next().unwrap()).collect();
        assert_eq!(places, ["list:5:", "list:6:", "list:7:", "list:8:"], "{rest:?}");
        assert!(rest[1].ends_with("listed before"), "{rest:?}");
    }

    #[test]
    fn risk_decides_what_of_a_csv_list_is_visited() {
        let list = "url,category_code,category_description,date_added,source,notes\n\
            https://news.example/,NEWS,News Media,2026-01-01,a,\"said \"\"b\"\", c\"\n\
            https://vpn.example/,ANON,,,,\nhttps://holy.example/,REL,,,,\n\
            https://none.example/,,,,,\nhttps://new.example/,ZZZ,,,,\n\"https://open.example/,NEWS\n\
            http://news.example/,NEWS,,,,\n";
        let (targets, rest) = read(list, Policy::default());
        assert_eq!(targets, ["https://news.example/", "http://news.example/"]);
        assert_eq!(rest.len(), 5, "{rest:?}");
        assert!(rest[1].contains("never"), "{rest:?}");

        let risks = Risks::shipped();
        let allow = Allow::new(&risks, ["ANON".to_owned()]).unwrap();
        let (targets, _) = read(list, Policy { risks, allow });
        assert_eq!(
            targets,
            ["https://news.example/", "https://vpn.example/", "http://news.example/"]
        );
    }

    #[test]
    fn a_list_does_not_lead_into_the_persons_own_network() {
        let list = "http://192.168.1.1/\nhttp://router/\nhttp://[::1]/\nhttp://0x7f.1/\nprinter.local\n\
            http://2130706433/\nlocalhost\nhttp://[::ffff:10.0.0.1]/\nmetadata.google.internal.\n\
            http://1.1.1.1/\n";
        let (targets, rest) = read(list, Policy::default());
        assert_eq!(targets, ["http://1.1.1.1/"]);
        assert_eq!(rest.len(), 9, "{rest:?}");
    }

    #[test]
    fn a_long_line_is_passed_over_without_being_held() {
        let long = "a".repeat(1 << 20);
        let list = format!("example.org\n{long}\n\u{0}\nexample.com\n");
        let (targets, rest) = read(&list, Policy::default());
        assert_eq!(targets, ["https://example.org/", "https://example.com/"]);
        assert!(rest[0].starts_with("list:2: longer"), "{rest:?}");
        assert!(rest[1].starts_with("list:3:"), "{rest:?}");
    }

    #[test]
    fn our_own_list_is_read_whole_and_is_of_ordinary_risk() {
        let list = include_str!("../../../lists/small.csv");
        let (targets, rest) = read(list, Policy::default());
        assert_eq!((targets.len(), rest), (list.lines().count() - 1, vec![]));
        assert!(targets.len() >= 30);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..2_000)) {
            let lines = bytes.split(|&it| it == b'\n').count();
            let items = Targets::new(&bytes[..], "list", Policy::default()).count();
            proptest::prop_assert!(items <= lines);
        }
    }
}
