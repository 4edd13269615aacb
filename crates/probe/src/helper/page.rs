//! What is told of a page: where it leads, its title, its header fields, and whether HTTP/3 is offered.

use std::collections::BTreeMap;

use url::Url;

use super::protocol::HttpRequest;
use crate::http::Came;

/// Where a response leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// It is the last one.
    None,
    /// There.
    Url(Url),
    /// To something that is no web page.
    Nowhere,
}

/// Where a response leads (RFC 9110 §15.4, as Go's client follows it: only with a Location).
pub(super) fn next(url: &Url, came: &Came) -> Next {
    let redirects = matches!(came.status, 301 | 302 | 303 | 307 | 308);
    let Some(location) = came.header("location").filter(|_| redirects) else { return Next::None };
    let location = std::str::from_utf8(location).ok();
    match location.and_then(|it| url.join(it.trim()).ok()) {
        Some(next) if matches!(next.scheme(), "http" | "https") && next.has_host() => {
            Next::Url(next)
        }
        _ => Next::Nowhere,
    }
}

/// The last response as it is told. `failure` is what ended its body, if anything did.
pub(super) fn summary(
    came: Came,
    failure: Option<&'static str>,
    discovered_h3_endpoint: String,
) -> HttpRequest {
    let mut headers = BTreeMap::new();
    for (name, value) in came.headers {
        let value = String::from_utf8_lossy(&value).into_owned();
        headers.entry(name).or_insert(value);
    }
    HttpRequest {
        body_length: i64::try_from(came.body.len()).unwrap_or(i64::MAX),
        discovered_h3_endpoint,
        failure: failure.map(str::to_owned),
        title: title(&came.body),
        headers,
        status_code: came.status.into(),
    }
}

/// The title as OONI's tools find it: the first `<title ..>` that holds 1 to 128 characters and no other tag.
pub(super) fn title(body: &[u8]) -> String {
    let lower = body.to_ascii_lowercase();
    let mut at = 0;
    for _ in 0..MOST_TITLES {
        let Some(found) = lower.get(at..).and_then(|rest| find(rest, OPENING)) else { break };
        at += found + OPENING.len();
        if let Some(title) = title_at(body, &lower, at) {
            return title;
        }
    }
    String::new()
}

/// The title whose opening tag's name ends at `at`.
fn title_at(body: &[u8], lower: &[u8], at: usize) -> Option<String> {
    let tag = lower.get(at..)?;
    let start = at + tag.iter().take(LONGEST_TAG).position(|it| *it == b'>')? + 1;
    let rest = lower.get(start..)?;
    let end = start + rest.iter().take(4 * LONGEST_TITLE + 1).position(|it| *it == b'<')?;
    let closed = lower.get(end..)?.starts_with(b"</title>");
    let text = String::from_utf8_lossy(body.get(start..end)?).into_owned();
    let fits = (1..=LONGEST_TITLE).contains(&text.chars().count());
    (closed && fits).then_some(text)
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|it| it == needle)
}

/// `host:port` of the first `h3` in Alt-Svc (RFC 7838); empty without.
pub(super) fn h3_endpoint(url: &Url, came: &Came) -> String {
    let field = came.header("alt-svc").and_then(|it| std::str::from_utf8(it).ok());
    let offers = field.unwrap_or_default().split(',');
    let mut h3 = offers.filter_map(|it| it.split(';').next()?.trim().strip_prefix("h3="));
    let Some(authority) = h3.next().map(|it| it.trim_matches('"')) else { return String::new() };
    match authority.strip_prefix(':') {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => authority.to_owned(),
    }
}

const OPENING: &[u8] = b"<title";
const LONGEST_TITLE: usize = 128;
const LONGEST_TAG: usize = 1_024;

/// Beginnings of a title that are tried; a page of nothing else would cost a second.
const MOST_TITLES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn with(status: u16, name: &str, value: &str) -> Came {
        let headers = vec![(name.to_owned(), value.as_bytes().to_vec())];
        Came { status, headers, ..Came::default() }
    }

    #[test]
    fn titles_are_found_as_oonis_tools_find_them() {
        for (page, expected) in [
            ("<html><title>A page</title>", "A page"),
            ("<TITLE lang=\"en\">\u{e9}t\u{e9}</Title>", "\u{e9}t\u{e9}"),
            ("<title></title><title>second</title>", "second"),
            ("<title>no <b>tags</b></title>", ""),
            ("<title>never closed", ""),
            ("no title", ""),
            ("<titles>of a kind</title>", "of a kind"),
        ] {
            assert_eq!(title(page.as_bytes()), expected, "{page}");
        }
        let longest = "\u{e9}".repeat(128);
        assert_eq!(title(format!("<title>{longest}</title>").as_bytes()), longest);
        assert_eq!(title(format!("<title>{longest}x</title>").as_bytes()), "");
    }

    #[test]
    fn redirects_lead_to_pages_only() {
        let url = Url::parse("https://a.example/b/c").unwrap();
        let to = |status, location| next(&url, &with(status, "Location", location));
        let at = |url| Next::Url(Url::parse(url).unwrap());
        assert_eq!(to(302, "/d"), at("https://a.example/d"));
        assert_eq!(to(308, "//b.example"), at("https://b.example/"));
        assert_eq!(to(301, "http://127.0.0.1/"), at("http://127.0.0.1/"));
        assert_eq!(to(200, "/d"), Next::None);
        for location in ["ftp://a.example/", "http://", "javascript:alert(1)", "file:///etc/passwd"]
        {
            assert_eq!(to(302, location), Next::Nowhere, "{location}");
        }
        assert_eq!(next(&url, &with(302, "Server", "x")), Next::None);
    }

    #[test]
    fn http_3_is_found_where_it_is_offered() {
        let url = Url::parse("https://a.example/").unwrap();
        let of = |value| h3_endpoint(&url, &with(200, "Alt-Svc", value));
        assert_eq!(of("h3=\":443\"; ma=86400, h3-29=\":443\""), "a.example:443");
        assert_eq!(of("h2=\":443\", h3=\"b.example:8443\""), "b.example:8443");
        assert_eq!(of("clear"), "");
    }
}
