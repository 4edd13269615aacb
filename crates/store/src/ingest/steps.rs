//! The steps of a measurement as rows of `observation`.

use wirewitness_analysis::judge::address::AsnTable;
use wirewitness_model::ooni::TestKeys;
use wirewitness_model::ooni::body::{Body, Digest};
use wirewitness_model::ooni::control::Control;
use wirewitness_model::ooni::dns::Query;
use wirewitness_model::ooni::http::Transaction;
use wirewitness_model::ooni::tcp::TcpConnect;
use wirewitness_model::ooni::tls::Handshake;
use wirewitness_model::outcome::{Layer, Outcome};

use super::columns::Rows;
use super::subject::{Subject, domain};

/// The rows of one measurement's steps.
pub(super) struct Steps<'a> {
    rows: &'a mut Rows,
    subject: &'a Subject<'a>,
    asns: &'a dyn AsnTable,
    /// Rows so far.
    count: i32,
}

/// What the steps of all layers say.
#[derive(Default)]
pub(super) struct Step<'s> {
    pub(super) is_control: bool,
    pub(super) failure: Option<&'s str>,
    pub(super) name: Option<&'s str>,
    pub(super) address: Option<&'s str>,
    pub(super) port: Option<i64>,
    pub(super) asn: Option<i64>,
    pub(super) dns: Option<Dns<'s>>,
    pub(super) tls: Option<Tls<'s>>,
    pub(super) http: Option<Http<'s>>,
    pub(super) t_ms: Option<f64>,
    pub(super) transaction: Option<i64>,
    pub(super) detail: Option<&'s str>,
}

#[derive(Default)]
pub(super) struct Dns<'s> {
    pub(super) engine: Option<&'s str>,
    pub(super) query_type: Option<&'s str>,
    pub(super) answers: Vec<&'s str>,
    pub(super) rcode: Option<i64>,
}

pub(super) struct Tls<'s> {
    version: Option<&'s str>,
    certificate: Option<String>,
}

#[derive(Default)]
pub(super) struct Http<'s> {
    pub(super) url: Option<&'s str>,
    pub(super) status: Option<i64>,
    pub(super) length: Option<i64>,
    pub(super) sha256: Option<String>,
    pub(super) title: Option<String>,
    pub(super) server: Option<String>,
}

impl<'a> Steps<'a> {
    /// No row yet. Networks of addresses that the record does not tell are looked up in `asns`.
    pub(super) fn of(rows: &'a mut Rows, subject: &'a Subject<'a>, asns: &'a dyn AsnTable) -> Self {
        Self { rows, subject, asns, count: 0 }
    }

    /// Rows made.
    pub(super) fn count(&self) -> u32 {
        self.count.unsigned_abs()
    }

    pub(super) fn all(&mut self, keys: &TestKeys<'_>) {
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
        let subject = self.subject;
        let domain = subject.domain.as_deref();
        let addresses: Vec<&str> =
            control.dns.addrs.iter().filter_map(|text| text.as_str()).collect();
        self.push(
            Layer::Dns,
            Step {
                is_control: true,
                failure: control.dns.failure.as_str(),
                name: domain,
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
                name: domain,
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
        self.row((layer, outcome), step);
    }

    /// One row.
    pub(super) fn row(&mut self, (layer, outcome): (Layer, Outcome), step: Step<'_>) {
        let known = |address: &str| self.asns.asn(address.parse().ok()?).map(i64::from);
        let asn = step.asn.or_else(|| step.address.and_then(known));
        let subject = self.subject;
        let rows = &mut *self.rows;
        rows.text(Some(&subject.id))
            .int(Some(self.count))
            .time(Some(subject.at))
            .text(Some(subject.test))
            .text(Some(&subject.target))
            .text(subject.domain.as_deref())
            .long(subject.asn)
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
        rows.real(step.t_ms).long(step.transaction).text(step.detail).end();
        self.count += 1;
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
