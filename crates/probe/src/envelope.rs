//! The envelope of every measurement (ooni/spec df-000): who measured, where, when, with what.

use std::time::SystemTime;

use serde_json::{Value, json};
use time::OffsetDateTime;
use wirewitness_net::Moment;

use crate::session::Session;

/// What an experiment puts into the envelope.
pub(crate) struct Content {
    /// Name of the test, in OONI's words where OONI has it.
    pub(crate) test_name: &'static str,
    /// The version of the test whose steps and keys these are.
    pub(crate) test_version: &'static str,
    /// The target; null where the test is its own.
    pub(crate) input: Value,
    /// When it began.
    pub(crate) started: Moment,
    /// How long it took, in seconds.
    pub(crate) runtime: f64,
    /// Whoever was asked to look from elsewhere; an empty object if nobody.
    pub(crate) test_helpers: Value,
    /// What happened.
    pub(crate) test_keys: Value,
}

/// The whole measurement.
pub(crate) fn measurement<N>(session: &Session<N>, content: &Content) -> Value {
    let vantage = &session.vantage;
    let started = day_and_time(content.started.wall);
    json!({
        "annotations": {"engine_name": "wirewitness", "engine_version": VERSION},
        "data_format_version": "0.2.0",
        "extensions": {
            "dnst": 0, "httpt": 0, "netevents": 0, "tcpconnect": 0, "tlshandshake": 0, "tunnel": 0,
        },
        "input": content.input,
        "measurement_start_time": started,
        "probe_asn": format!("AS{}", vantage.asn),
        "probe_cc": vantage.country,
        // The line's own address is never written down.
        "probe_ip": "127.0.0.1",
        "probe_network_name": vantage.network,
        "report_id": "",
        "resolver_asn": format!("AS{}", vantage.resolver_asn),
        "resolver_ip": vantage.resolver.map_or_else(String::new, |it| it.to_string()),
        "resolver_network_name": vantage.resolver_network,
        "software_name": "wirewitness",
        "software_version": VERSION,
        "test_helpers": content.test_helpers,
        "test_keys": content.test_keys,
        "test_name": content.test_name,
        "test_runtime": content.runtime,
        "test_start_time": started,
        "test_version": content.test_version,
    })
}

/// `2025-01-01 00:00:00`, in UTC.
fn day_and_time(wall: SystemTime) -> String {
    let wall = OffsetDateTime::from(wall);
    let (hour, minute, second) = wall.to_hms();
    let (year, month, day) = (wall.year(), u8::from(wall.month()), wall.day());
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
