//! The measurement as it is written: OONI's envelope and the keys of `web_connectivity` 0.5, without its conclusions.

use serde_json::{Value, json};
use wirewitness_net::{Moment, Net};

use crate::control::{Control, ControlRequest};
use crate::envelope::{self, Content};
use crate::record::{Recorder, Records};
use crate::session::Session;
use crate::web::attempt::Attempt;
use crate::web::ech::Offer;

/// What a run has come to.
pub(super) struct Taken<'r, N> {
    pub(super) input: &'r str,
    pub(super) started: Moment,
    pub(super) recorder: &'r Recorder<N>,
    pub(super) control: Control,
    pub(super) request: Option<ControlRequest>,
    pub(super) ech: Option<Offer>,
    pub(super) follow_ups: Vec<Attempt>,
}

/// The whole measurement.
pub(super) fn measurement<N: Net>(session: &Session<N>, taken: &Taken<'_, N>) -> Value {
    let runtime = taken.recorder.t();
    let mut records = taken.recorder.take();
    records.sort();
    let helper = taken
        .control
        .helper
        .as_ref()
        .map(|url| json!({"backend": {"address": url.as_str(), "type": "https"}}));
    envelope::measurement(
        session,
        &Content {
            test_name: "web_connectivity",
            test_version: TEST_VERSION,
            input: taken.input.into(),
            started: taken.started,
            runtime,
            test_helpers: helper.unwrap_or_else(|| json!({})),
            test_keys: test_keys(session, &records, taken),
        },
    )
}

fn test_keys<N>(session: &Session<N>, records: &Records, taken: &Taken<'_, N>) -> Value {
    let resolver = session.vantage.resolver.map_or_else(String::new, |it| it.to_string());
    json!({
        "agent": "redirect",
        "client_resolver": resolver,
        "retries": null,
        "socksproxy": null,
        "network_events": records.network_events,
        "x_dns_whoami": null,
        "x_doh": null,
        "x_do53": null,
        "x_dns_duplicate_responses": records.duplicate_answers,
        "queries": records.queries,
        "requests": records.requests,
        "tcp_connect": records.tcp_connect,
        "tls_handshakes": records.tls_handshakes,
        "quic_handshakes": records.quic_handshakes,
        "x_h3_requests": records.h3_requests,
        "x_control_request": taken.request,
        "control": taken.control.answer,
        "control_failure": taken.control.failure,
        "x_ech": taken.ech,
        "x_ech_handshakes": records.ech_handshakes,
        "x_follow_ups": taken.follow_ups,
    })
}

/// The version of OONI's experiment whose steps and keys these are.
const TEST_VERSION: &str = "0.5.28";
