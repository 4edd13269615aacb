//! The few parts of a URL that judging needs. Never fails: text without a part gives the empty string.

/// `http`, `https`, .. in lower case as written; empty without `://`.
pub(crate) fn scheme(url: &str) -> &str {
    url.split_once("://").map_or("", |(scheme, _)| scheme)
}

/// What stands between the scheme and the path: user, host and port.
pub(crate) fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or("")
}

/// Host name or address, without user, port and brackets.
pub(crate) fn hostname(url: &str) -> &str {
    let authority = authority(url);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(v6) = host.strip_prefix('[') {
        return v6.split(']').next().unwrap_or("");
    }
    host.rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(host, _)| host)
}

/// True where two host names belong to the same site: one is the other's, or both hang under the same registered name.
///
/// Without a public suffix list: the last two labels must agree, and where the last but one is short (`co.uk`,
/// `com.pk`), the last three.
pub(crate) fn same_site(a: &str, b: &str) -> bool {
    let (a, b) = (a.trim_end_matches('.'), b.trim_end_matches('.'));
    !a.is_empty() && (a.eq_ignore_ascii_case(b) || site(a).eq_ignore_ascii_case(site(b)))
}

fn site(host: &str) -> &str {
    if host.parse::<std::net::IpAddr>().is_ok() {
        return host;
    }
    let dots: Vec<usize> = host.match_indices('.').map(|(at, _)| at).collect();
    let second_level = match dots.as_slice() {
        [.., a, b] => host.get(a + 1..*b),
        [b] => host.get(..*b),
        [] => None,
    };
    let labels = if second_level.is_some_and(|label| label.len() <= 3) { 3 } else { 2 };
    dots.len()
        .checked_sub(labels)
        .and_then(|n| dots.get(n))
        .and_then(|at| host.get(at + 1..))
        .unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (url, expected) in [
            ("http://www.example.com/", "www.example.com"),
            ("https://user:pw@www.example.com:444/a?b=http://c/", "www.example.com"),
            ("http://[2001:db8::1]:80/", "2001:db8::1"),
            ("www.example.com/x", "www.example.com"),
            ("http://", ""),
            ("/redirect/4", ""),
            ("", ""),
        ] {
            assert_eq!(hostname(url), expected, "{url}");
        }
        assert_eq!(scheme("https://x"), "https");
    }

    #[test]
    fn sites() {
        assert!(same_site("www.example.com", "example.com"));
        assert!(same_site("a.b.example.com", "c.example.com"));
        assert!(!same_site("example.com", "example.org"));
        assert!(!same_site("a.co.uk", "b.co.uk"));
        assert!(same_site("www.a.co.uk", "a.co.uk"));
        assert!(!same_site("10.0.0.1", "11.0.0.1"));
        assert!(!same_site("", ""));
    }
}
