//! One URL on the way: the input, or where a redirect led.

use std::net::IpAddr;
use std::sync::Arc;

use url::Url;

use super::cookies::Cookies;
use super::select::Selector;
use crate::failure;
use crate::http::Came;

/// One URL on the way.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    /// How many redirects led here.
    pub(super) depth: usize,
    pub(super) url: Url,
    pub(super) cookies: Cookies,
    /// The URL before; empty at first.
    pub(super) referer: String,
    pub(super) selector: Arc<Selector>,
}

impl Hop {
    pub(super) fn first(url: Url) -> Self {
        Self {
            depth: 0,
            url,
            cookies: Cookies::default(),
            referer: String::new(),
            selector: Arc::default(),
        }
    }

    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// The address, where the URL names one.
    pub(super) fn literal(&self) -> Option<IpAddr> {
        self.host().parse().ok()
    }

    /// The ports that are tried with the first part, and the scheme of each.
    pub(super) fn ports(&self) -> Vec<(Scheme, u16)> {
        match (self.url.scheme(), self.url.port()) {
            ("http", None) => vec![(Scheme::Http, 80), (Scheme::Https, 443)],
            ("http", Some(port)) => vec![(Scheme::Http, port)],
            (_, port) => vec![(Scheme::Https, port.unwrap_or(443))],
        }
    }

    /// Whether a connection of this kind may fetch the URL.
    pub(super) fn fetches(&self, scheme: Scheme) -> bool {
        (self.url.scheme() == "http") == (scheme == Scheme::Http)
    }

    /// Tags of the records of a connection.
    pub(super) fn tags(&self, origin: super::select::Origin, scheme: Scheme) -> Vec<String> {
        let mut tags = Vec::new();
        if origin == super::select::Origin::System {
            tags.push("classic".to_owned());
        }
        if self.depth == 0 {
            tags.push("tcptls_experiment".to_owned());
        }
        tags.push(format!("depth={}", self.depth));
        tags.push(format!("fetch_body={}", self.fetches(scheme)));
        tags
    }

    /// Where a response leads; an error is OONI's word for why it leads nowhere.
    pub(super) fn next(&self, came: &Came) -> Result<Option<Self>, String> {
        let redirects = matches!(came.status, 301 | 302 | 303 | 307 | 308);
        let location = came.header("location").filter(|_| redirects);
        let Some(location) = location.and_then(|it| std::str::from_utf8(it).ok()) else {
            return Ok(None);
        };
        let url = self.url.join(location.trim());
        let url = url.map_err(|_| failure::INVALID_REDIRECT.to_owned())?;
        if url.host_str().is_none_or(str::is_empty) || !matches!(url.scheme(), "http" | "https") {
            return Err(failure::INVALID_REDIRECT.to_owned());
        }
        if self.depth >= MAX_REDIRECTS {
            return Err(failure::TOO_MANY_REDIRECTS.to_owned());
        }
        let mut cookies = self.cookies.clone();
        let set = came.headers.iter().filter(|(name, _)| name == "Set-Cookie");
        set.for_each(|(_, field)| cookies.set(&self.url, field));
        Ok(Some(Self {
            depth: self.depth + 1,
            url,
            cookies,
            referer: self.url.to_string(),
            selector: Arc::default(),
        }))
    }
}

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

/// Redirects that are followed (as OONI's prober).
const MAX_REDIRECTS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(location: &str) -> Result<Option<Hop>, String> {
        let hop = Hop::first(Url::parse("http://a.example/x?y").unwrap());
        let headers = vec![("Location".to_owned(), location.as_bytes().to_vec())];
        hop.next(&Came { status: 302, headers, ..Came::default() })
    }

    #[test]
    fn redirects_lead_on_or_nowhere() {
        for (location, url) in [
            ("/b", "http://a.example/b"),
            ("https://b.example", "https://b.example/"),
            ("//c.example/z", "http://c.example/z"),
            ("https://\u{44f}.example/", "https://xn--41a.example/"),
        ] {
            let next = redirect(location).unwrap().unwrap();
            assert_eq!((next.url.as_str(), next.depth), (url, 1));
            assert_eq!(next.referer, "http://a.example/x?y");
        }
        for location in ["http://", "https:///", "ftp://a.example/", "http://[bad"] {
            assert_eq!(redirect(location).unwrap_err(), failure::INVALID_REDIRECT, "{location}");
        }
    }

    #[test]
    fn ten_are_followed() {
        let mut hop = Hop::first(Url::parse("http://a.example/").unwrap());
        let headers = vec![("Location".to_owned(), b"/".to_vec())];
        let came = Came { status: 301, headers, ..Came::default() };
        for _ in 0..10 {
            hop = hop.next(&came).unwrap().unwrap();
        }
        assert_eq!(hop.next(&came).unwrap_err(), failure::TOO_MANY_REDIRECTS);
    }
}
