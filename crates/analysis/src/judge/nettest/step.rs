//! The steps on the way to one host or endpoint, in whatever list of the file each stands.
//!
//! A [`Way`] holds them in the order in which a connection takes them: lookup, connect, handshake, round trip.
//! It says how far the way was open and, where it was not, at which step it was denied and how specific that is.

use std::borrow::Cow;
use std::collections::BTreeSet;

use wirewitness_model::ooni::TestKeys;
use wirewitness_model::ooni::dns::Query;
use wirewitness_model::ooni::failure::What;
use wirewitness_model::ooni::http::Transaction;
use wirewitness_model::ooni::tcp::TcpConnect;
use wirewitness_model::ooni::tls::Handshake;
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::verdict::{Evidence, Mechanism};

use super::super::certificate::{Certificate, Signer};
use crate::judge::address::is_bogon;
use crate::judge::url::{self, hostname, same_site, scheme};

/// One observation on the way.
#[derive(Debug, Clone)]
pub(super) struct Step<'m> {
    /// Where it stands in the file.
    pub(super) at: String,
    pub(super) layer: Layer,
    /// What it was a step to: a name, or `address:port`.
    pub(super) to: String,
    pub(super) failure: Option<&'m str>,
    /// What makes a step wrong that did not fail.
    pub(super) oddity: Option<Oddity>,
    /// The leaf that a failed handshake was shown.
    pub(super) certificate: Option<Certificate>,
    /// What a step that worked came back with, in words.
    pub(super) note: Option<String>,
}

/// What can be wrong with a step that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Oddity {
    /// Every address of the answer is private or reserved.
    Bogon(String),
    /// Every address of the answer is that of the asking device itself.
    Device(String),
    /// The answer leads to another site.
    Elsewhere(String),
}

impl<'m> Step<'m> {
    /// A step that ended with this failure, or well.
    pub(super) fn new(at: String, layer: Layer, to: String, failure: Option<&'m str>) -> Self {
        Self { at, layer, to, failure, oddity: None, certificate: None, note: None }
    }

    /// A lookup.
    pub(super) fn lookup(at: String, query: &'m Query<'_>) -> Self {
        let to = query.hostname.or_empty().to_owned();
        let oddity = query.failure.is_none().then(|| false_answer(query)).flatten();
        let answers = query.answers.iter().filter_map(|answer| answer.address()).take(3);
        let answers = answers.map(short).collect::<Vec<_>>().join(", ");
        let note = (!answers.is_empty()).then_some(answers);
        Self { oddity, note, ..Self::new(at, Layer::Dns, to, query.failure.as_str()) }
    }

    /// A TCP connect.
    pub(super) fn connect(at: String, connect: &'m TcpConnect<'_>) -> Self {
        Self::new(at, Layer::Tcp, tcp_endpoint(connect), connect.status.failure())
    }

    /// A TLS handshake.
    pub(super) fn handshake(at: String, handshake: &'m Handshake<'_>) -> Self {
        let to = handshake.server_name.or_empty().to_owned();
        let failure = handshake.failure.as_str();
        let certificate = failure.and_then(|_| Certificate::leaf(&handshake.peer_certificates));
        Self { certificate, ..Self::new(at, Layer::Tls, to, failure) }
    }

    /// An HTTP round trip. A failure that older probes report here but that arose below goes to its own layer.
    pub(super) fn round_trip(at: String, trip: &'m Transaction<'_>) -> Self {
        let failure = trip.failure.as_str();
        let layer = match failure.map(What::of) {
            Some(what) if what.is_dns() => Layer::Dns,
            Some(What::Handshake) => Layer::Tls,
            Some(what) if what.is_certificate() => Layer::Tls,
            _ => Layer::Http,
        };
        let to = host(trip).into_owned();
        let oddity = failure.is_none().then(|| elsewhere(trip, &to)).flatten();
        let note = trip.response.code.0.map(|code| format!("status {code}"));
        Self { oddity, note, ..Self::new(at, layer, to, failure) }
    }

    /// True where nothing was wrong.
    pub(super) fn works(&self) -> bool {
        self.failure.is_none() && self.oddity.is_none()
    }

    /// What the step came to.
    pub(super) fn outcome(&self) -> Outcome {
        match self.oddity {
            Some(Oddity::Bogon(_) | Oddity::Device(_)) => Outcome::DnsBogon,
            Some(Oddity::Elsewhere(_)) => Outcome::HttpDiffer,
            None => Outcome::of(self.layer, self.failure),
        }
    }

    /// What was seen, as evidence.
    pub(super) fn evidence(&self) -> Evidence {
        let what = match (&self.oddity, self.failure) {
            (Some(Oddity::Bogon(a) | Oddity::Device(a)), _) => format!("leads to {a}"),
            (Some(Oddity::Elsewhere(host)), _) => format!("sent on to {host}"),
            (None, Some(failure)) => format!("{}{}", short(failure), self.shown()),
            (None, None) => self.note.clone().unwrap_or_else(|| "worked".to_owned()),
        };
        let seen = format!("{}: {what}", short(&self.to));
        Evidence { at: self.at.clone(), outcome: self.outcome(), seen, expected: None }
    }

    /// The certificate that a failed handshake was shown, in words.
    fn shown(&self) -> String {
        let Some(certificate) = &self.certificate else { return String::new() };
        let signer = match certificate.signer {
            Signer::Itself => "itself",
            Signer::Another => "another name",
        };
        let day = certificate.not_after.get(..8).unwrap_or_default();
        format!(", shown a certificate valid until {day} and signed by {signer}")
    }

    /// What was done, by this step alone. None for a step that worked and for failures that name no mechanism.
    pub(super) fn mechanism(&self) -> Option<Mechanism> {
        Some(match self.outcome() {
            Outcome::DnsBogon => Mechanism::DnsInjectionBogon,
            Outcome::DnsNxdomain => Mechanism::DnsNxdomain,
            Outcome::DnsRefused => Mechanism::DnsRefused,
            Outcome::DnsTimeout => Mechanism::DnsTimeout,
            Outcome::TcpReset => Mechanism::TcpReset,
            Outcome::TcpTimeout => Mechanism::TcpTimeout,
            Outcome::TcpRefused => Mechanism::TcpRefused,
            Outcome::TcpUnreachable => Mechanism::IpUnreachable,
            Outcome::TlsReset => Mechanism::TlsResetOther,
            Outcome::TlsTimeout => Mechanism::TlsTimeout,
            Outcome::TlsClose => Mechanism::TlsClose,
            Outcome::TlsBadCertificate => self.certificate.as_ref()?.signer.mechanism(),
            Outcome::HttpReset => Mechanism::HttpResetHost,
            Outcome::HttpTimeout => Mechanism::HttpTimeout,
            Outcome::HttpClose => Mechanism::HttpClose,
            Outcome::HttpDiffer => Mechanism::HttpRedirect,
            _ => return None,
        })
    }

    /// True for what a line or a server that is down does not do by itself: a false answer, a reset in the middle of a
    /// handshake, somebody else's certificate.
    pub(super) fn is_specific(&self) -> bool {
        match self.outcome() {
            Outcome::DnsBogon
            | Outcome::DnsNxdomain
            | Outcome::DnsRefused
            | Outcome::TlsReset
            | Outcome::HttpReset
            | Outcome::TcpReset => true,
            Outcome::TlsBadCertificate => self.certificate.is_some(),
            _ => false,
        }
    }
}

/// The steps to one host or endpoint, in the order of a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Way<'m> {
    pub(super) name: String,
    pub(super) steps: Vec<Step<'m>>,
}

impl<'m> Way<'m> {
    /// The way to a host: its lookups, connects to what it resolved to on this port, handshakes and round trips.
    pub(super) fn to_host(keys: &'m TestKeys<'_>, name: &str, port: i64) -> Self {
        let mut steps = Vec::new();
        for (n, query) in named(&keys.queries, |q| q.hostname.or_empty() == name) {
            if !is_void(query) {
                steps.push(Step::lookup(format!("test_keys.queries[{n}]"), query));
            }
        }
        steps.extend(connects_to(keys, name, port));
        for (n, handshake) in named(&keys.tls_handshakes, |h| h.server_name.or_empty() == name) {
            steps.push(Step::handshake(format!("test_keys.tls_handshakes[{n}]"), handshake));
        }
        steps.extend(round_trips(keys, name));
        Self { name: name.to_owned(), steps }
    }

    /// True where the highest layer that was tried worked at least once. A lookup alone reaches nothing.
    pub(super) fn is_reached(&self) -> bool {
        let highest = [Layer::Http, Layer::Tls, Layer::Tcp]
            .into_iter()
            .find(|layer| self.steps.iter().any(|step| step.layer == *layer));
        self.denial().is_none()
            && highest.is_some_and(|layer| self.steps.iter().any(|s| s.layer == layer && s.works()))
    }

    /// The first step of the lowest layer at which nothing worked.
    pub(super) fn denial(&self) -> Option<&Step<'m>> {
        [Layer::Dns, Layer::Tcp, Layer::Tls, Layer::Http].into_iter().find_map(|layer| {
            let mut steps = self.steps.iter().filter(|step| step.layer == layer).peekable();
            let first = *steps.peek()?;
            steps.all(|step| !step.works()).then_some(first)
        })
    }

    /// The step that says most of this way: where it was denied, or the last that worked.
    pub(super) fn telling(&self) -> Option<&Step<'m>> {
        self.denial().or_else(|| self.steps.iter().rev().find(|step| step.works()))
    }

    /// True where the lookup led to the asking device itself.
    pub(super) fn is_kept_on_the_device(&self) -> bool {
        self.denial().is_some_and(|step| matches!(step.oddity, Some(Oddity::Device(_))))
    }
}

/// Items of a list with their place in it.
pub(super) fn named<T>(
    list: &[T],
    is_it: impl Fn(&T) -> bool,
) -> impl Iterator<Item = (usize, &T)> {
    list.iter().enumerate().filter(move |(_, item)| is_it(item))
}

/// Every lookup of the list that stands at `at`.
pub(super) fn lookups<'m>(keys: &'m TestKeys<'_>, at: &str) -> impl Iterator<Item = Step<'m>> {
    let list = keys.queries.iter().enumerate();
    list.map(move |(n, query)| Step::lookup(format!("{at}.queries[{n}]"), query))
}

/// Every connect of the list that stands at `at`.
pub(super) fn connects<'m>(keys: &'m TestKeys<'_>, at: &str) -> impl Iterator<Item = Step<'m>> {
    let list = keys.tcp_connect.iter().enumerate();
    list.map(move |(n, connect)| Step::connect(format!("{at}.tcp_connect[{n}]"), connect))
}

/// Every handshake of the list that stands at `at`.
pub(super) fn handshakes<'m>(keys: &'m TestKeys<'_>, at: &str) -> impl Iterator<Item = Step<'m>> {
    let list = keys.tls_handshakes.iter().enumerate();
    list.map(move |(n, shake)| Step::handshake(format!("{at}.tls_handshakes[{n}]"), shake))
}

/// Every round trip of the list that stands at `at`.
pub(super) fn trips<'m>(keys: &'m TestKeys<'_>, at: &str) -> impl Iterator<Item = Step<'m>> {
    let list = keys.requests.iter().enumerate();
    list.map(move |(n, trip)| Step::round_trip(format!("{at}.requests[{n}]"), trip))
}

/// Connects on a port to what a name resolved to.
pub(super) fn connects_to<'m>(keys: &'m TestKeys<'_>, name: &str, port: i64) -> Vec<Step<'m>> {
    let queries = named(&keys.queries, |query| query.hostname.or_empty() == name);
    let answers = queries.flat_map(|(_, query)| query.answers.iter());
    let addresses: BTreeSet<&str> = answers.filter_map(|answer| answer.address()).collect();
    let here = |c: &TcpConnect<'_>| c.port.0 == Some(port) && addresses.contains(c.ip.or_empty());
    named(&keys.tcp_connect, here)
        .map(|(n, connect)| Step::connect(format!("test_keys.tcp_connect[{n}]"), connect))
        .collect()
}

/// Round trips with a host; those over TLS alone, where there are any.
fn round_trips<'m>(keys: &'m TestKeys<'_>, name: &str) -> Vec<Step<'m>> {
    let mut found: Vec<_> = named(&keys.requests, |trip| host(trip) == name).collect();
    let is_tls =
        |(_, trip): &(usize, &Transaction<'_>)| scheme(trip.request.url.or_empty()) == "https";
    if found.iter().any(is_tls) {
        found.retain(is_tls);
    }
    found
        .into_iter()
        .map(|(n, trip)| Step::round_trip(format!("test_keys.requests[{n}]"), trip))
        .collect()
}

/// The host of a request: of its URL or, where older files lack that, of its `Host` header.
pub(super) fn host<'m>(trip: &'m Transaction<'_>) -> Cow<'m, str> {
    match trip.request.url.as_str() {
        Some(url) => Cow::Borrowed(hostname(url)),
        None => Cow::Owned(hostname(&authority(trip)).to_owned()),
    }
}

/// `host:port` of a request.
pub(super) fn endpoint(trip: &Transaction<'_>) -> String {
    let authority = authority(trip);
    let host = hostname(&authority);
    if authority.len() > host.len() && authority.ends_with(|c: char| c.is_ascii_digit()) {
        return authority;
    }
    let is_tls = scheme(trip.request.url.or_empty()) == "https";
    format!("{host}:{}", if is_tls { 443 } else { 80 })
}

fn authority(trip: &Transaction<'_>) -> String {
    if let Some(url) = trip.request.url.as_str() {
        return url::authority(url).to_owned();
    }
    let headers = trip.request.headers.read();
    let host =
        headers.find("host").map(|value| String::from_utf8_lossy(&value.bytes()).into_owned());
    host.unwrap_or_default()
}

/// `address:port` of a connect.
pub(super) fn tcp_endpoint(connect: &TcpConnect<'_>) -> String {
    let port = connect.port.0.map_or_else(|| "?".to_owned(), |port| port.to_string());
    format!("{}:{port}", connect.ip.or_empty())
}

/// True for an empty answer to a question for AAAA: most names have no such record.
fn is_void(query: &Query<'_>) -> bool {
    query.query_type.or_empty() == "AAAA"
        && query.failure.as_str().is_some_and(|failure| {
            matches!(What::of(failure), What::DnsNoAnswer | What::DnsAndroidNoData)
        })
}

fn false_answer(query: &Query<'_>) -> Option<Oddity> {
    let mut addresses = query.answers.iter().filter_map(|answer| answer.address()).peekable();
    let first = (*addresses.peek()?).to_owned();
    let all: Vec<&str> = addresses.collect();
    if all.iter().all(|address| is_own(address)) {
        return Some(Oddity::Device(first));
    }
    all.iter().all(|address| is_bogon(address)).then_some(Oddity::Bogon(first))
}

/// True for loopback and for the unspecified address, to which a connect also ends on the device itself.
pub(super) fn is_own(address: &str) -> bool {
    let parsed = address.parse::<std::net::IpAddr>();
    parsed.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

fn elsewhere(trip: &Transaction<'_>, host: &str) -> Option<Oddity> {
    if !matches!(trip.response.code.0, Some(300..=399)) {
        return None;
    }
    let location = trip.response.header("location")?;
    let location = String::from_utf8_lossy(&location);
    let to = hostname(&location);
    let leaves = location.contains("://") && !same_site(to, host);
    leaves.then(|| Oddity::Elsewhere(short(to).into_owned()))
}

/// Text for people, cut where a file overdoes it.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}..", text.get(..end).unwrap_or(""))),
        None => Cow::Borrowed(text),
    }
}

const MAX_CHARS: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;
    use wirewitness_model::ooni::Measurement;

    fn way(json: &str, check: impl Fn(&Way<'_>)) {
        let json = format!(r#"{{"test_keys":{json}}}"#);
        let measurement = Measurement::from_json(&json).unwrap();
        check(&Way::to_host(measurement.test_keys.as_ref().unwrap(), "a.example", 443));
    }

    #[test]
    fn a_way_is_denied_at_its_lowest_closed_layer() {
        let name = r#""queries":[{"hostname":"a.example","query_type":"A","answers":[{"answer_type":"A","ipv4":"9.9.9.9"}]},
            {"hostname":"a.example","query_type":"AAAA","failure":"dns_no_answer"}]"#;
        let tcp = |f: &str| {
            format!(r#""tcp_connect":[{{"ip":"9.9.9.9","port":443,"status":{{"failure":{f}}}}}]"#)
        };
        let open = tcp("null");
        way(&format!("{{{name}}}"), |w| assert!(!w.is_reached() && w.denial().is_none()));
        way(&format!("{{{name},{open}}}"), |w| assert!(w.is_reached()));
        way(&format!("{{{name},{}}}", tcp("\"connection_refused\"")), |w| {
            assert_eq!(w.denial().unwrap().outcome(), Outcome::TcpRefused);
            assert!(!w.denial().unwrap().is_specific());
        });
        let tls = r#""tls_handshakes":[{"server_name":"a.example","failure":"connection_reset"}]"#;
        let http =
            r#""requests":[{"request":{"url":"https://a.example/"},"failure":"connection_reset"}]"#;
        way(&format!("{{{name},{open},{tls},{http}}}"), |w| {
            assert_eq!(w.denial().unwrap().at, "test_keys.tls_handshakes[0]");
            assert_eq!(w.denial().unwrap().mechanism(), Some(Mechanism::TlsResetOther));
        });
    }

    #[test]
    fn a_plain_round_trip_does_not_stand_for_one_over_tls() {
        let trips = r#"{"requests":[{"request":{"url":"http://a.example/"},"response":{"code":200}},
            {"request":{"url":"https://a.example/"},"failure":"generic_timeout_error"}]}"#;
        way(trips, |w| assert!(!w.is_reached()));
    }

    #[test]
    fn false_answers() {
        for (address, device) in [("10.10.34.35", false), ("0.0.0.0", true), ("127.0.0.1", true)] {
            let json = format!(
                r#"{{"queries":[{{"hostname":"a.example","answers":[{{"answer_type":"A","ipv4":"{address}"}}]}}]}}"#
            );
            way(&json, |w| {
                assert_eq!(w.is_kept_on_the_device(), device, "{address}");
                assert!(w.denial().unwrap().is_specific(), "{address}");
            });
        }
    }

    #[test]
    fn endpoints_of_requests() {
        let read = |json: &str| {
            let json = format!(r#"{{"test_keys":{{"requests":[{json}]}}}}"#);
            let measurement = Measurement::from_json(&json).unwrap();
            endpoint(&measurement.test_keys.as_ref().unwrap().requests[0])
        };
        assert_eq!(read(r#"{"request":{"url":"http://1.2.3.4:443/x"}}"#), "1.2.3.4:443");
        assert_eq!(read(r#"{"request":{"url":"http://1.2.3.4/"}}"#), "1.2.3.4:80");
        assert_eq!(read(r#"{"request":{"headers":{"Host":"1.2.3.4:443"}}}"#), "1.2.3.4:443");
        assert_eq!(read("{}"), ":80");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert!(short(&"й".repeat(1000)).chars().count() <= MAX_CHARS + 2);
    }
}
