//! What is true of a scenario: for a client and a URL, what a verdict must be.

use url::{Host, Url};
use wirewitness_model::verdict::{Mechanism, Status};

use super::spec::TruthSpec;

/// What the verdict on a URL must be, as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// The client; none for every client that no other truth about the URL names.
    pub client: Option<String>,
    /// The URL, as it is given to a prober.
    pub url: String,
    /// Whether it can be used.
    pub status: Status,
    /// What was done; none where nothing is, or nothing can be known.
    pub mechanism: Option<Mechanism>,
    /// Why, in a few words.
    pub why: String,
    /// Where the behaviour is documented, or `invented`.
    pub source: String,
}

impl Truth {
    pub(super) fn new(spec: &TruthSpec) -> Self {
        let client = spec.client.get_ref();
        Self {
            client: (client != EVERY).then(|| client.clone()),
            url: spec.url.get_ref().clone(),
            status: *spec.status.get_ref(),
            mechanism: spec.mechanism.as_ref().map(|it| *it.get_ref()),
            why: spec.why.get_ref().clone(),
            source: spec.source.get_ref().clone(),
        }
    }
}

/// The name (as DNS has it) or address of an HTTP URL; none for any other text.
pub(super) fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    match url.host()? {
        Host::Domain(name) => Some(name.trim_end_matches('.').to_ascii_lowercase()),
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

/// In the place of a client: every one.
pub(super) const EVERY: &str = "*";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_urls() {
        for (url, host) in [
            ("https://www.Example.com/a?b", Some("www.example.com")),
            ("http://www.example.com:444/", Some("www.example.com")),
            ("http://Яндекс.рф/", Some("xn--d1acpjx3f.xn--p1ai")),
            ("http://192.0.2.1/", Some("192.0.2.1")),
            ("ftp://example.com/", None),
            ("example.com", None),
            ("", None),
        ] {
            assert_eq!(host_of(url).as_deref(), host, "{url}");
        }
    }
}
