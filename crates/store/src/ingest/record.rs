//! One condensed measurement as rows.

use aws_lc_rs::digest;
use url::Url;
use wirewitness_analysis::judge::address::AsnTable;
use wirewitness_analysis::judge::ooni::Blocking;
use wirewitness_analysis::judge::{Context, Judgement, judge};
use wirewitness_model::civil;
use wirewitness_model::ooni::body::{Body, Digest};
use wirewitness_model::ooni::control::Control;
use wirewitness_model::ooni::dns::Query;
use wirewitness_model::ooni::http::Transaction;
use wirewitness_model::ooni::tcp::TcpConnect;
use wirewitness_model::ooni::tls::Handshake;
use wirewitness_model::ooni::{Measurement, TestKeys, asn_number};
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::verdict::Verdict;

use super::columns::Rows;
use crate::schema::{MEASUREMENT, OBSERVATION, VERDICT};
use crate::table::{Partition, hex};

/// The first 128 bits of the SHA-256 of a record.
pub(crate) type Id = [u8; 16];

/// Name of a record: what makes the same one the same wherever it is read.
pub(crate) fn id_of(text: &str) -> Id {
    let mut id = [0; 16];
    let hash = digest::digest(&digest::SHA256, text.trim().as_bytes());
    id.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    id
}

/// The rows of several measurements.
pub(crate) struct Tables {
    pub(crate) measurement: Rows,
    pub(crate) observation: Rows,
    pub(crate) verdict: Rows,
    /// Of each measurement, in order.
    pub(crate) heads: Vec<Head>,
}

/// What is known of a measurement without its rows.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) id: Id,
    pub(crate) partition: Partition,
    /// Rows that it has in `observation`.
    pub(crate) steps: u32,
}

/// What the rows of one measurement have in common.
struct Common<'m> {
    id: String,
    at: i64,
    origin: &'m str,
    test: &'m str,
    target: String,
    domain: Option<String>,
    asn: Option<i64>,
    resolver: Option<i64>,
    vantage: i64,
}

/// Where a record comes from, and what judges it.
pub(crate) struct Taking<'c> {
    /// Name of the file.
    pub(crate) source: &'c str,
    /// Hash of what the judge uses.
    pub(crate) judged_with: &'c str,
    pub(crate) context: &'c Context<'c>,
}

impl Tables {
    pub(crate) fn new() -> Self {
        Self {
            measurement: Rows::of(&MEASUREMENT),
            observation: Rows::of(&OBSERVATION),
            verdict: Rows::of(&VERDICT),
            heads: Vec::new(),
        }
    }

    /// Takes one measurement: its condensed text and the same, read.
    ///
    /// # Errors
    /// It has no time that can be read, so that it belongs to no day.
    pub(crate) fn take(
        &mut self,
        id: Id,
        (document, measurement): (&str, &Measurement<'_>),
        taking: &Taking<'_>,
    ) -> Result<(), String> {
        let common = Common::of(id, measurement)?;
        let partition = partition(measurement, common.at);
        self.measurement(&common, (document, measurement), taking.source);
        let before = self.observation.len();
        if let Some(keys) = &measurement.test_keys {
            Steps {
                rows: &mut self.observation,
                common: &common,
                step: 0,
                asns: taking.context.asns,
            }
            .all(keys);
        }
        let steps = self.observation.len() - before;
        self.verdict(&common, &judge(measurement, taking.context), taking.judged_with);
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.heads.push(Head { id, partition, steps });
        Ok(())
    }

    fn measurement(
        &mut self,
        c: &Common<'_>,
        (document, m): (&str, &Measurement<'_>),
        source: &str,
    ) {
        let note = |name: &str| {
            let found = m.annotations.entries().iter().find(|(key, _)| key == name);
            found.and_then(|(_, value)| value.as_str()).map(str::to_owned)
        };
        let software = [m.software_name.as_str(), m.software_version.as_str()];
        let software = software.into_iter().flatten().collect::<Vec<_>>().join(" ");
        self.measurement
            .text(Some(&c.id))
            .time(Some(c.at))
            .text(Some(c.origin))
            .text(Some(c.test))
            .text(m.test_version.as_str())
            .text(Some(&c.target))
            .text(c.domain.as_deref())
            .long(c.asn)
            .text(m.probe_network_name.as_str())
            .long(c.resolver)
            .long(Some(c.vantage))
            .text(note("network_type").as_deref())
            .text(note("platform").as_deref())
            .text(Some(software.as_str()).filter(|text| !text.is_empty()))
            .text(m.report_id.as_str())
            .text(m.measurement_uid.as_str())
            .text(Some(source))
            .text(Some(document))
            .end();
    }

    fn verdict(&mut self, c: &Common<'_>, judgement: &Judgement<'_>, judged_with: &str) {
        let verdict = &judgement.verdict;
        let ooni = judgement.ooni.as_ref();
        self.verdict
            .text(Some(&c.id))
            .time(Some(c.at))
            .text(Some(c.origin))
            .text(Some(c.test))
            .text(Some(&c.target))
            .text(c.domain.as_deref())
            .long(c.asn)
            .long(c.resolver)
            .long(Some(c.vantage));
        self.verdict_words(verdict);
        self.verdict
            .text(ooni.and_then(|keys| blocking(&keys.blocking)))
            .flag(ooni.and_then(|keys| keys.accessible))
            .text(Some(judged_with))
            .end();
    }
}

impl Tables {
    /// The columns from `status` to `cannot_tell`.
    pub(super) fn verdict_words(&mut self, verdict: &Verdict) {
        let evidence = serde_json::to_string(&verdict.evidence).ok();
        self.verdict
            .text(Some(verdict.status.word()))
            .text(verdict.mechanism.map(|mechanism| mechanism.word()))
            .texts(
                Some(verdict.also.iter().map(|mechanism| mechanism.word()))
                    .filter(|_| !verdict.also.is_empty()),
            )
            .text(verdict.locus.map(|locus| locus.word()))
            .text(Some(verdict.confidence.word()))
            .text(Some(verdict.rule.id))
            .int(Some(i32::from(verdict.rule.version)))
            .text(evidence.as_deref())
            .text(verdict.fingerprint.as_deref())
            .texts(Some(verdict.cannot_tell.iter().map(String::as_str)));
    }
}

impl<'m> Common<'m> {
    fn of(id: Id, m: &'m Measurement<'_>) -> Result<Self, String> {
        let times = [&m.measurement_start_time, &m.test_start_time];
        let at = times.into_iter().find_map(|text| civil::micros(text.as_str()?));
        let at = at.ok_or("no time that can be read, so it belongs to no day")?;
        let test = m.test_name.as_str().unwrap_or("unknown");
        let target = m.input().map_or_else(|| test.to_owned(), std::borrow::Cow::into_owned);
        let is_ours = m.software_name.as_str() == Some("wirewitness");
        Ok(Self {
            id: hex(&id),
            at,
            origin: if is_ours { "wirewitness" } else { "ooni" },
            test,
            domain: domain(&target),
            target,
            asn: m.probe_asn_number().map(i64::from),
            resolver: m.resolver_asn.as_str().and_then(asn_number).map(i64::from),
            vantage: vantage(m),
        })
    }
}

fn blocking(blocking: &Blocking) -> Option<&'static str> {
    match blocking {
        Blocking::Unknown => None,
        Blocking::No => Some("false"),
        Blocking::By(word) => Some(word),
    }
}

/// Host name of a target: of its URL, or the target itself where it is a name.
pub(crate) fn domain(target: &str) -> Option<String> {
    if let Ok(url) = Url::parse(target)
        && let Some(host) = url.host_str()
    {
        return Some(host.to_ascii_lowercase());
    }
    let name = target.split([':', '/']).next().unwrap_or_default();
    let is_name = name.contains('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    is_name.then(|| name.to_ascii_lowercase())
}

fn partition(m: &Measurement<'_>, at: i64) -> Partition {
    let code = m.probe_cc.as_str().unwrap_or("ZZ");
    let is_code = code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    let country = if is_code { code.to_ascii_uppercase() } else { "ZZ".to_owned() };
    Partition { country, day: day(at) }
}

/// `2025-11-23` of microseconds since 1970.
pub(crate) fn day(at: i64) -> String {
    let (year, month, day) = civil::date(at.div_euclid(86_400_000_000));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Who measured, as a number: see the column `vantage`.
fn vantage(m: &Measurement<'_>) -> i64 {
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut add = |text: &str| {
        hash.update(text.as_bytes());
        hash.update(&[0]);
    };
    let notes = m.annotations.entries();
    let note = |name: &str| {
        let found = notes.iter().find(|(key, _)| key == name);
        found.and_then(|(_, value)| value.as_str()).unwrap_or_default()
    };
    match m.probe_id.as_str().filter(|id| !id.is_empty()) {
        Some(id) => add(id),
        None => {
            let texts =
                [&m.probe_asn, &m.probe_cc, &m.software_name, &m.software_version, &m.resolver_asn];
            texts.into_iter().for_each(|text| add(text.as_str().unwrap_or_default()));
            ["platform", "network_type", "architecture"]
                .into_iter()
                .for_each(|name| add(note(name)));
        }
    }
    let hash = hash.finish();
    let first = hash.as_ref().first_chunk::<8>().copied().unwrap_or_default();
    i64::from_le_bytes(first)
}

/// The rows of one measurement's steps.
struct Steps<'a> {
    rows: &'a mut Rows,
    common: &'a Common<'a>,
    step: i32,
    asns: &'a dyn AsnTable,
}

/// What the steps of all layers say.
#[derive(Default)]
struct Step<'s> {
    is_control: bool,
    failure: Option<&'s str>,
    name: Option<&'s str>,
    address: Option<&'s str>,
    port: Option<i64>,
    asn: Option<i64>,
    dns: Option<Dns<'s>>,
    tls: Option<Tls<'s>>,
    http: Option<Http<'s>>,
    t_ms: Option<f64>,
    transaction: Option<i64>,
}

struct Dns<'s> {
    engine: Option<&'s str>,
    query_type: Option<&'s str>,
    answers: Vec<&'s str>,
    rcode: Option<i64>,
}

struct Tls<'s> {
    version: Option<&'s str>,
    certificate: Option<String>,
}

#[derive(Default)]
struct Http<'s> {
    url: Option<&'s str>,
    status: Option<i64>,
    length: Option<i64>,
    sha256: Option<String>,
    title: Option<String>,
    server: Option<String>,
}

impl Steps<'_> {
    fn all(&mut self, keys: &TestKeys<'_>) {
        keys.queries.iter().for_each(|query| self.query(query));
        keys.x_dns_duplicate_responses.iter().for_each(|query| self.query(query));
        keys.tcp_connect.iter().for_each(|connect| self.connect(connect));
        keys.tls_handshakes.iter().for_each(|h| self.handshake(Layer::Tls, h));
        keys.quic_handshakes.iter().for_each(|h| self.handshake(Layer::Quic, h));
        // The list runs from the newest to the oldest.
        keys.requests.iter().rev().for_each(|trip| self.trip(trip));
        if let Some(control) = keys.control.as_ref().filter(|control| control.is_present()) {
            self.control(control);
        }
    }

    fn query(&mut self, query: &Query<'_>) {
        let answers: Vec<&str> = query
            .answers
            .iter()
            .filter_map(|answer| answer.address().or_else(|| answer.hostname.as_str()))
            .collect();
        let numbers = query.answers.iter().filter_map(|answer| answer.asn.0);
        self.push(
            Layer::Dns,
            Step {
                failure: query.failure.as_str(),
                name: query.hostname.as_str(),
                asn: numbers.into_iter().find(|asn| *asn > 0),
                dns: Some(Dns {
                    engine: query.engine.as_str(),
                    query_type: query.query_type.as_str(),
                    answers,
                    rcode: query.rcode.0,
                }),
                t_ms: query.t.0.map(|t| t * 1000.0),
                transaction: query.transaction_id.0,
                ..Step::default()
            },
        );
    }

    fn connect(&mut self, connect: &TcpConnect<'_>) {
        self.push(
            Layer::Tcp,
            Step {
                failure: connect.status.failure(),
                address: connect.ip.as_str(),
                port: connect.port.0,
                t_ms: connect.t.0.map(|t| t * 1000.0),
                transaction: connect.transaction_id.0,
                ..Step::default()
            },
        );
    }

    fn handshake(&mut self, layer: Layer, handshake: &Handshake<'_>) {
        let (address, port) = endpoint(handshake.address.as_str());
        let leaf = handshake.peer_certificates.iter().next();
        let leaf = leaf.filter(|leaf| leaf.is_present());
        self.push(
            layer,
            Step {
                failure: handshake.failure.as_str(),
                name: handshake.server_name.as_str(),
                address,
                port,
                tls: Some(Tls {
                    version: handshake.tls_version.as_str().filter(|version| !version.is_empty()),
                    certificate: leaf.map(|leaf| crate::table::sha256(&leaf.bytes())),
                }),
                t_ms: handshake.t.0.map(|t| t * 1000.0),
                transaction: handshake.transaction_id.0,
                ..Step::default()
            },
        );
    }

    fn trip(&mut self, trip: &Transaction<'_>) {
        let (address, port) = endpoint(trip.address.as_str());
        let response = &trip.response;
        let url = trip.request.url.as_str();
        let host = url.and_then(domain);
        let headers = response.all_headers();
        let server = headers
            .find("server")
            .map(|value| String::from_utf8_lossy(&value.bytes()).into_owned());
        let digest = digest(&response.body);
        let status = response.code.0.filter(|code| *code > 0);
        self.push(
            Layer::Http,
            Step {
                failure: trip.failure.as_str(),
                name: host.as_deref(),
                address,
                port,
                http: Some(Http {
                    url,
                    status,
                    length: digest.as_ref().and_then(|d| i64::try_from(d.length).ok()),
                    sha256: digest.as_ref().map(|d| d.sha256.to_string()),
                    title: digest.as_ref().map(|d| d.title.to_string()).filter(|t| !t.is_empty()),
                    server,
                }),
                t_ms: trip.t.0.map(|t| t * 1000.0),
                transaction: trip.transaction_id.0,
                ..Step::default()
            },
        );
    }

    fn control(&mut self, control: &Control<'_>) {
        let addresses: Vec<&str> =
            control.dns.addrs.iter().filter_map(|text| text.as_str()).collect();
        self.push(
            Layer::Dns,
            Step {
                is_control: true,
                failure: control.dns.failure.as_str(),
                name: self.common.domain.clone().as_deref(),
                dns: Some(Dns { engine: None, query_type: None, answers: addresses, rcode: None }),
                ..Step::default()
            },
        );
        for (at, connect) in control.tcp_connect.entries() {
            let (address, port) = endpoint(Some(at.as_ref()));
            let failed = (connect.status.0 == Some(false)).then_some("unknown_failure");
            let failure = connect.failure.as_str().or(failed);
            self.push(
                Layer::Tcp,
                Step { is_control: true, failure, address, port, ..Step::default() },
            );
        }
        for (at, handshake) in control.tls_handshake.entries() {
            let (address, port) = endpoint(Some(at.as_ref()));
            let failed = (handshake.status.0 == Some(false)).then_some("unknown_failure");
            let failure = handshake.failure.as_str().or(failed);
            let name = handshake.server_name.as_str();
            let step = Step { is_control: true, failure, name, address, port, ..Step::default() };
            self.push(Layer::Tls, step);
        }
        let http = &control.http_request;
        self.push(
            Layer::Http,
            Step {
                is_control: true,
                failure: http.failure.as_str(),
                name: self.common.domain.clone().as_deref(),
                http: Some(Http {
                    status: http.status_code.0.filter(|code| *code > 0),
                    length: http.body_length.0.filter(|length| *length >= 0),
                    title: http.title.as_str().map(str::to_owned).filter(|title| !title.is_empty()),
                    ..Http::default()
                }),
                ..Step::default()
            },
        );
    }

    fn push(&mut self, layer: Layer, step: Step<'_>) {
        let outcome = Outcome::of(layer, step.failure);
        let known = |address: &str| self.asns.asn(address.parse().ok()?).map(i64::from);
        let asn = step.asn.or_else(|| step.address.and_then(known));
        let c = self.common;
        let rows = &mut *self.rows;
        rows.text(Some(&c.id))
            .int(Some(self.step))
            .time(Some(c.at))
            .text(Some(c.test))
            .text(Some(&c.target))
            .text(c.domain.as_deref())
            .long(c.asn)
            .flag(Some(step.is_control))
            .text(Some(layer.word()))
            .text(Some(outcome.word()))
            .text(step.failure)
            .text(step.name)
            .text(step.address)
            .int(step.port.and_then(|port| i32::try_from(port).ok()))
            .long(asn);
        dns_columns(rows, step.dns);
        let tls = step.tls.as_ref();
        rows.text(tls.and_then(|tls| tls.version))
            .text(tls.and_then(|tls| tls.certificate.as_deref()));
        http_columns(rows, &step.http.unwrap_or_default());
        rows.real(step.t_ms).long(step.transaction).text(None).end();
        self.step += 1;
    }
}

fn dns_columns(rows: &mut Rows, dns: Option<Dns<'_>>) {
    let (engine, query_type, rcode) =
        dns.as_ref().map_or((None, None, None), |dns| (dns.engine, dns.query_type, dns.rcode));
    rows.text(engine)
        .text(query_type)
        .texts(dns.map(|dns| dns.answers))
        .int(rcode.and_then(|code| i32::try_from(code).ok()));
}

fn http_columns(rows: &mut Rows, http: &Http<'_>) {
    rows.text(http.url)
        .int(http.status.and_then(|code| i32::try_from(code).ok()))
        .long(http.length)
        .text(http.sha256.as_deref())
        .text(http.title.as_deref())
        .text(http.server.as_deref());
}

/// What was kept of a body; a body that was kept whole is none.
fn digest<'b>(body: &'b Body<'_>) -> Option<&'b Digest<'b>> {
    match body {
        Body::Digest(digest) => Some(digest),
        Body::Whole(_) => None,
    }
}

/// `address:port`, IPv6 in brackets.
fn endpoint(text: Option<&str>) -> (Option<&str>, Option<i64>) {
    let Some((address, port)) = text.and_then(|text| text.rsplit_once(':')) else {
        return (text.filter(|text| !text.is_empty()), None);
    };
    let address = address.trim_start_matches('[').trim_end_matches(']');
    (Some(address).filter(|a| !a.is_empty()), port.parse().ok())
}
