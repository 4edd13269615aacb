//! OONI's test helper protocol: what is asked and what is answered (ooni/spec th-007, probe-cli `model/th.go`).

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use url::Url;

/// The answer to a GET: that somebody is here.
pub const GREETING: &str = r#"{"message":"Hello OONItarian!"}"#;

/// A request, as far as it is understood. Everything else in it is passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlRequest {
    /// The URL to visit.
    pub url: Url,
    /// Header fields to visit it with; only those that a helper passes on.
    pub headers: Vec<(String, String)>,
    /// Addresses that the probe found for it, in the order given, each once.
    pub addresses: Vec<IpAddr>,
}

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It is no JSON of that form.
    #[error("not a request: {0}")]
    Form(String),
    /// There is no URL in it.
    #[error("no URL to visit: {0}")]
    Url(#[from] url::ParseError),
    /// Its URL has no host, or is neither HTTP nor HTTPS.
    #[error("only http and https URLs with a host are visited")]
    Scheme,
}

impl ControlRequest {
    /// Reads a request's body; the caller has bounded its length.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let written: Written =
            serde_json::from_slice(body).map_err(|error| RequestError::Form(error.to_string()))?;
        let url = Url::parse(&written.http_request)?;
        let visited = matches!(url.scheme(), "http" | "https") && url.has_host();
        if !visited {
            return Err(RequestError::Scheme);
        }
        let mut addresses = Vec::new();
        for endpoint in written.tcp_connect.unwrap_or_default() {
            // Ports are the URL's own: a probe cannot have others tried.
            if let Ok(endpoint) = endpoint.parse::<SocketAddr>()
                && !addresses.contains(&endpoint.ip())
                && addresses.len() < MOST_ADDRESSES
            {
                addresses.push(endpoint.ip());
            }
        }
        let headers = passed_on(written.http_request_headers.unwrap_or_default());
        Ok(Self { url, headers, addresses })
    }
}

/// A request as it is written.
#[derive(Deserialize)]
struct Written {
    http_request: String,
    #[serde(default)]
    http_request_headers: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    tcp_connect: Option<Vec<String>>,
}

fn passed_on(headers: BTreeMap<String, Vec<String>>) -> Vec<(String, String)> {
    let known = |name: &str| PASSED_ON.iter().any(|it| it.eq_ignore_ascii_case(name));
    let headers = headers.into_iter().filter(|(name, _)| known(name));
    let fields = headers.flat_map(|(name, values)| {
        values.into_iter().take(1).map(move |value| (name.clone(), value))
    });
    fields.filter(|(_, value)| value.len() <= LONGEST_HEADER_BYTES).collect()
}

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ControlResponse {
    /// Connects, by `address:port`.
    pub tcp_connect: BTreeMap<String, TcpConnect>,
    /// Handshakes, by `address:port`.
    pub tls_handshake: BTreeMap<String, TlsHandshake>,
    /// Always empty: QUIC is not measured.
    pub quic_handshake: BTreeMap<String, TlsHandshake>,
    /// The page.
    pub http_request: HttpRequest,
    /// Always null: HTTP/3 is not measured.
    pub http3_request: Option<HttpRequest>,
    /// The lookup.
    pub dns: Dns,
    /// What is known of each address.
    pub ip_info: BTreeMap<IpAddr, IpInfo>,
}

/// One connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TcpConnect {
    /// Whether it connected.
    pub status: bool,
    /// Why not.
    pub failure: Option<String>,
}

/// One handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TlsHandshake {
    /// The name that was asked for.
    pub server_name: String,
    /// Whether it came about, with a certificate for the name.
    pub status: bool,
    /// Why not.
    pub failure: Option<String>,
}

/// The page, after redirects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpRequest {
    /// Bytes of the body that were read; -1 if there was no answer.
    pub body_length: i64,
    /// `host:port` where the first answer says that HTTP/3 is spoken.
    pub discovered_h3_endpoint: String,
    /// Why there is no page.
    pub failure: Option<String>,
    /// The page's title.
    pub title: String,
    /// Header fields, the first of each name.
    pub headers: BTreeMap<String, String>,
    /// Status; -1 if there was no answer.
    pub status_code: i64,
}

impl HttpRequest {
    /// No answer.
    pub fn failed(failure: &str) -> Self {
        Self {
            body_length: -1,
            discovered_h3_endpoint: String::new(),
            failure: Some(failure.to_owned()),
            title: String::new(),
            headers: BTreeMap::new(),
            status_code: -1,
        }
    }
}

/// The lookup. No address and no failure: the name has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Dns {
    /// Why there is no answer.
    pub failure: Option<String>,
    /// The addresses.
    pub addrs: Vec<IpAddr>,
}

/// What is known of an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct IpInfo {
    /// Number of its network; 0 if it is not known.
    pub asn: u32,
    /// The sum of [`flag`]s.
    pub flags: u32,
}

/// Flags of [`IpInfo`].
pub mod flag {
    /// The probe found the address.
    pub const RESOLVED_BY_PROBE: u32 = 1;
    /// The helper found it.
    pub const RESOLVED_BY_HELPER: u32 = 2;
    /// No public name should lead to it; it is not contacted.
    pub const BOGON: u32 = 4;
    /// It has a certificate for the name.
    pub const VALID_FOR_DOMAIN: u32 = 8;
}

/// What a visit is made with. Anything else could be used against the site.
const PASSED_ON: [&str; 3] = ["accept", "accept-language", "user-agent"];
const LONGEST_HEADER_BYTES: usize = 512;

/// Addresses of one request that are looked at. OONI's helper has no such limit; sites with more are not known.
pub(super) const MOST_ADDRESSES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_a_probe_is_read_and_the_rest_passed_over() {
        let body = br#"{"http_request":"https://Example.org/a","http_request_headers":{
            "Accept":["*/*","other"],"User-Agent":["probe"],"Cookie":["a=b"],"Host":["x"]},
            "tcp_connect":["93.184.216.34:443","93.184.216.34:80","[2001:db8::1]:22","name:443",""],
            "x_quic_enabled":true,"new":{"in":[2030]}}"#;
        let request = ControlRequest::parse(body).unwrap();
        assert_eq!(request.url.as_str(), "https://example.org/a");
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(request.headers, [field("Accept", "*/*"), field("User-Agent", "probe")]);
        let addresses = ["93.184.216.34", "2001:db8::1"].map(|it| it.parse::<IpAddr>().unwrap());
        assert_eq!(request.addresses, addresses);
    }

    #[test]
    fn nulls_are_as_good_as_nothing() {
        let body = br#"{"http_request":"http://a.example/","http_request_headers":null,"tcp_connect":null}"#;
        let request = ControlRequest::parse(body).unwrap();
        assert!(request.headers.is_empty() && request.addresses.is_empty());
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for body in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"http_request":1}"#,
            r#"{"http_request":""}"#,
            r#"{"http_request":"ftp://a.example/"}"#,
            r#"{"http_request":"file:///etc/passwd"}"#,
            r#"{"http_request":"data:,x"}"#,
            r#"{"http_request":"http://a.example/","tcp_connect":{}}"#,
        ] {
            assert!(ControlRequest::parse(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn an_answer_has_every_key_of_oonis() {
        let endpoint = "192.0.2.1:443".to_owned();
        let response = ControlResponse {
            tcp_connect: BTreeMap::from([(
                endpoint.clone(),
                TcpConnect { status: true, failure: None },
            )]),
            tls_handshake: BTreeMap::from([(
                endpoint,
                TlsHandshake { server_name: "a".to_owned(), status: true, failure: None },
            )]),
            quic_handshake: BTreeMap::new(),
            http_request: HttpRequest::failed("unknown_error"),
            http3_request: None,
            dns: Dns::default(),
            ip_info: BTreeMap::from([([192, 0, 2, 1].into(), IpInfo { asn: 1, flags: 4 })]),
        };
        let expected = serde_json::json!({
            "tcp_connect": {"192.0.2.1:443": {"status": true, "failure": null}},
            "tls_handshake": {"192.0.2.1:443": {"server_name": "a", "status": true, "failure": null}},
            "quic_handshake": {},
            "http_request": {"body_length": -1, "discovered_h3_endpoint": "", "failure": "unknown_error",
                "title": "", "headers": {}, "status_code": -1},
            "http3_request": null,
            "dns": {"failure": null, "addrs": []},
            "ip_info": {"192.0.2.1": {"asn": 1, "flags": 4}},
        });
        assert_eq!(serde_json::to_value(&response).unwrap(), expected);
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_read_or_refused(body in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = ControlRequest::parse(&body);
        }
    }
}
