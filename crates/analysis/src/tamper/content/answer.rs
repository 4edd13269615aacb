//! A server's answer to a plain HTTP request, as far as it was captured.

use std::borrow::Cow;
use std::net::IpAddr;

use wirewitness_model::battery::PageTest;
use wirewitness_model::lenient::{Headers, MaybeBinary};

use crate::judge::title::title;

/// An answer. One without a status line is nothing but a body (HTTP/0.9, or a page put there by a simple device).
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) status: Option<u16>,
    fields: Vec<(&'a str, &'a [u8])>,
    pub(super) body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// None for what begins neither as HTTP/1 nor as a page.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        if !bytes.starts_with(b"HTTP/1.") {
            let begins = bytes.trim_ascii_start().get(..5)?;
            let is_page =
                begins.eq_ignore_ascii_case(b"<html") || begins.eq_ignore_ascii_case(b"<!doc");
            return is_page.then(|| Self { status: None, fields: Vec::new(), body: bytes });
        }
        let status = bytes.get(9..12)?;
        let status: u16 = std::str::from_utf8(status).ok()?.parse().ok()?;
        let mut fields = Vec::new();
        let mut at = 0;
        for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            at += line.len();
            let line = line.trim_ascii();
            if line.is_empty() {
                break;
            }
            if number > 0
                && fields.len() < MAX_FIELDS
                && let Some(colon) = line.iter().position(|byte| *byte == b':')
                && let (name, value) = line.split_at_checked(colon)?
                && let Ok(name) = std::str::from_utf8(name)
            {
                fields.push((name, value.get(1..).unwrap_or_default().trim_ascii()));
            }
        }
        Some(Self { status: Some(status), fields, body: bytes.get(at..).unwrap_or_default() })
    }

    fn field(&self, name: &str) -> Option<&'a [u8]> {
        let right = |(it, _): &&(&str, &[u8])| it.eq_ignore_ascii_case(name);
        self.fields.iter().find(right).map(|(_, value)| *value)
    }

    pub(super) fn headers(&self) -> Headers<'_> {
        let header = |(name, value): &(&'a str, &'a [u8])| {
            let value = MaybeBinary::Text(String::from_utf8_lossy(value));
            (Cow::Borrowed(*name), value)
        };
        Headers(self.fields.iter().map(header).collect())
    }

    /// True for statuses that refuse.
    pub(super) fn refuses(&self) -> bool {
        matches!(self.status, Some(403 | 451))
    }

    /// True if it says neither who answers nor when.
    pub(super) fn is_nameless(&self) -> bool {
        ["server", "date", "via", "x-powered-by"].iter().all(|name| self.field(name).is_none())
    }

    /// Status and title, or where it leads to.
    pub(super) fn summary(&self) -> String {
        let status = self.status.map_or("no status line".to_owned(), |it| it.to_string());
        let says = match self.field("location") {
            Some(location) => format!("leads to {}", text(location)),
            None => text(title(self.searched()).as_bytes()),
        };
        format!("{status} {says}").trim_end().to_owned()
    }

    /// As much of it as makers of pages are told by.
    pub(super) fn kept(&self) -> PageTest {
        let kept = |bytes: &[u8], most: usize| {
            String::from_utf8_lossy(bytes.get(..bytes.len().min(most)).unwrap_or_default())
                .into_owned()
        };
        let field = |name: &str| kept(self.field(name).unwrap_or_default(), MAX_FIELD);
        PageTest {
            status: self.status,
            body: kept(self.body, MAX_SEARCH),
            location: field("location"),
            server: field("server"),
            via: field("via"),
        }
    }

    /// What its shape alone says, if it is that of a block page.
    ///
    /// `asked` is the name in the request.
    pub(super) fn shape(&self, asked: &str) -> Option<(&'static str, String)> {
        let status = self.status?;
        if status == 451 {
            let says = "status 451: unavailable for legal reasons (RFC 7725)";
            return Some(("status_451", says.to_owned()));
        }
        if !self.is_nameless() {
            return None;
        }
        if let Some(to) = self.leads_to_bare_address(status) {
            let says = format!("names neither server nor date, and leads to the bare address {to}");
            return Some(("bare_address", says));
        }
        if let Some(to) = self.leads_to_filter(status, asked) {
            let says = format!("names neither server nor date, and leads to a page of {to}");
            return Some(("filter_page", says));
        }
        // Pages about filters say that, too; those that put themselves in another's place say what was done.
        let is_clear = |word: &&str| match status {
            403 | 503 => true,
            200 => matches!(*word, "blocked" | "prohibited"),
            _ => false,
        };
        let word = refusal(&title(self.searched())).filter(is_clear)?;
        let says =
            format!("status {status}, names neither server nor date, and its title says {word:?}");
        Some(("nameless_refusal", says))
    }

    /// As much of the body as shapes are looked for in.
    fn searched(&self) -> &'a [u8] {
        self.body.get(..self.body.len().min(MAX_SEARCH)).unwrap_or_default()
    }

    /// Another site's name, where a redirect leads to what its address calls a page of a filter.
    fn leads_to_filter(&self, status: u16, asked: &str) -> Option<String> {
        let location = self.field("location").filter(|_| (300..400).contains(&status))?;
        let location = String::from_utf8_lossy(location).to_ascii_lowercase();
        let (_, rest) = location.split_once("://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = host.split(':').next()?;
        // Of the same site, as far as two labels tell.
        let site = |name: &str| name.rsplit('.').take(2).map(str::to_owned).collect::<Vec<_>>();
        let says = FILTER_PAGES.iter().any(|word| path.contains(word));
        (says && site(host) != site(asked)).then(|| host.to_owned())
    }

    /// The address to which a redirect, a refresh or a frame that fills the page leads, where it stands in place of a name.
    fn leads_to_bare_address(&self, status: u16) -> Option<IpAddr> {
        if let Some(location) = self.field("location").filter(|_| (300..400).contains(&status)) {
            return bare_address(location);
        }
        let body = self.searched();
        for tag in [&b"<iframe"[..], b"http-equiv=\"refresh\""] {
            if let Some(at) = find(body, tag) {
                let rest = body.get(at..).unwrap_or_default();
                let at = find(rest, b"http://").or_else(|| find(rest, b"https://"))?;
                return bare_address(rest.get(at..).unwrap_or_default());
            }
        }
        None
    }
}

/// The address in a URL whose host is one.
fn bare_address(url: &[u8]) -> Option<IpAddr> {
    let rest = url.get(find(url, b"://")? + 3..)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'"' | b'\'' | b' '));
    let host = std::str::from_utf8(rest.get(..end.unwrap_or(rest.len()))?).ok()?;
    let host = host.split_once(']').map_or(host, |(host, _)| host).trim_start_matches('[');
    let is_v4 = host.bytes().filter(|byte| *byte == b':').count() == 1;
    let host = if is_v4 { host.split_once(':')?.0 } else { host };
    host.parse().ok()
}

/// The word of a title that says that something is refused.
fn refusal(title: &str) -> Option<&'static str> {
    let title = title.to_ascii_lowercase();
    REFUSALS.into_iter().find(|word| title.contains(word))
}

fn text(bytes: &[u8]) -> String {
    let bytes = bytes.get(..bytes.len().min(MAX_TITLE)).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, part)
}

/// Words in titles of block pages of the field. "Forbidden" is not among them: every web server says it.
const REFUSALS: [&str; 7] =
    ["violation", "blocked", "restricted", "filter", "prohibited", "censor", "denied by policy"];
/// What addresses of block pages have in their paths: the scripts of filters, and what they do.
const FILTER_PAGES: [&str; 8] =
    ["block", "deny", "denied", "filter", "restrict", "redirect.cgi?", "accessdenied", "censor"];
const MAX_FIELDS: usize = 64;
const MAX_FIELD: usize = 512;
const MAX_TITLE: usize = 200;
const MAX_SEARCH: usize = 4096;
