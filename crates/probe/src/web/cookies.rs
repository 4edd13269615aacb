//! Cookies within one measurement (RFC 6265, as far as a redirect chain needs it).

use url::Url;

/// The cookies that servers have set so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cookies(Vec<Cookie>);

#[derive(Debug, Clone)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    scope: Scope,
    path: String,
    channel: Channel,
}

/// Who gets a cookie back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The host that set it.
    Host,
    /// And all below its domain.
    Below,
}

/// Over what a cookie may go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    /// Whatever there is.
    Any,
    /// TLS only.
    Tls,
}

impl Cookies {
    /// Takes a Set-Cookie field in. One for a domain that the host is not in is refused.
    pub(crate) fn set(&mut self, url: &Url, field: &[u8]) {
        let Ok(field) = std::str::from_utf8(field) else { return };
        let Some(cookie) = Cookie::parse(url, field) else { return };
        self.0.retain(|it| {
            (&it.name, &it.domain, &it.path) != (&cookie.name, &cookie.domain, &cookie.path)
        });
        if self.0.len() < MAX_COOKIES && field.len() <= MAX_BYTES {
            self.0.push(cookie);
        }
    }

    /// The Cookie field for a request; none without cookies.
    pub(crate) fn field(&self, url: &Url) -> Option<String> {
        let fits: Vec<_> = self.0.iter().filter(|it| it.fits(url)).collect();
        let pairs = fits.iter().map(|it| format!("{}={}", it.name, it.value));
        (!fits.is_empty()).then(|| pairs.collect::<Vec<_>>().join("; "))
    }
}

impl Cookie {
    fn parse(url: &Url, field: &str) -> Option<Self> {
        let host = url.host_str()?.to_owned();
        let mut parts = field.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let mut cookie = Self {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            domain: host.clone(),
            scope: Scope::Host,
            path: "/".to_owned(),
            channel: Channel::Any,
        };
        for attribute in parts {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            match key.to_ascii_lowercase().as_str() {
                "domain" => {
                    let domain = value.trim_start_matches('.').to_ascii_lowercase();
                    // A bare top-level domain is nobody's.
                    if !is_below(&host, &domain) || !domain.contains('.') {
                        return None;
                    }
                    (cookie.domain, cookie.scope) = (domain, Scope::Below);
                }
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.channel = Channel::Tls,
                _ => {}
            }
        }
        (!cookie.name.is_empty()).then_some(cookie)
    }

    fn fits(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let host_fits = match self.scope {
            Scope::Host => host == self.domain,
            Scope::Below => is_below(host, &self.domain),
        };
        let path = self.path.trim_end_matches('/');
        let path_fits =
            url.path().strip_prefix(path).is_some_and(|it| it.is_empty() || it.starts_with('/'));
        host_fits && path_fits && (self.channel == Channel::Any || url.scheme() == "https")
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|it| it.ends_with('.'))
}

const MAX_COOKIES: usize = 64;
const MAX_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn cookies_go_back_to_where_they_came_from() {
        let mut cookies = Cookies::default();
        let origin = url("https://www.site.example/a");
        cookies.set(&origin, b"own=1");
        cookies.set(&origin, b"all=2; Domain=.site.example; Path=/; Secure");
        cookies.set(&origin, b"deep=3; Path=/x");
        cookies.set(&origin, b"stolen=4; Domain=other.example");
        cookies.set(&origin, b"top=5; Domain=example");
        assert_eq!(cookies.field(&origin).unwrap(), "own=1; all=2");
        assert_eq!(cookies.field(&url("https://m.site.example/x/y")).unwrap(), "all=2");
        assert_eq!(
            cookies.field(&url("https://www.site.example/x/y")).unwrap(),
            "own=1; all=2; deep=3"
        );
        assert_eq!(cookies.field(&url("http://m.site.example/")), None);
        assert_eq!(cookies.field(&url("https://evilsite.example/")), None);
        cookies.set(&origin, b"own=9");
        assert_eq!(cookies.field(&origin).unwrap(), "all=2; own=9");
    }
}
