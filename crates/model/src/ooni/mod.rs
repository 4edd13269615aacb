//! OONI's measurement envelope (df-000) and archival formats, as borrowed views.
//!
//! One pass over the JSON text gives a [`Measurement`] whose strings point into the text. Every key may be null,
//! missing or of an odd type. Keys that nobody here knows, `x_` keys among them, are kept as raw JSON in
//! [`TestKeys::other`], so that rules for other nettests read them without a second parse of the whole.
//!
//! | module | format | spec |
//! |---|---|---|
//! | this one | envelope, annotations | df-000-base |
//! | [`http`] | `requests` | df-001-httpt |
//! | [`body`] | `requests[].response.body` | df-001-httpt, and our archive's digests |
//! | [`dns`] | `queries` | df-002-dnst |
//! | [`packet`] | `sent_packets`, `answered_packets` | df-003-scapypackett |
//! | [`tcp`] | `tcp_connect` | df-004-tcpt, df-005-tcpconnect |
//! | [`tls`] | `tls_handshakes`, `quic_handshakes` | df-006-tlshandshake |
//! | [`failure`] | failure strings | df-007-errors |
//! | [`follow_up`] | `x_follow_ups` | our own prober's |
//! | [`app`] | `x_app`, `x_elsewhere` | our own prober's |
//! | [`network_event`] | `network_events` | df-008-netevents |
//! | this one | `tunnel` | df-009-tunnel |
//! | [`analysis_web`] | rows of `analysis_web_measurement` | OONI's detector |
//! | [`control`] | `x_control_request`, `control` | the test helper's protocol (th-004) |
//!
//! Source: the data formats of <https://github.com/ooni/spec>, and the bytes of real files where they differ.

pub(crate) mod record;

pub mod analysis_web;
pub mod app;
pub mod body;
pub mod control;
pub mod dns;
pub mod failure;
pub mod follow_up;
pub mod http;
pub mod network_event;
pub mod packet;
pub mod tcp;
pub mod tls;
mod weight;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::lenient::{Failure, Int, List, Map, Raw, Real, Text};
use app::{Described, Elsewhere};
use control::{Control, ControlRequest};
use dns::Query;
use follow_up::FollowUp;
use http::Transaction;
use network_event::NetworkEvent;
use record::record;
use tcp::TcpConnect;
use tls::Handshake;

record! {
    /// I am one measurement: one experiment, one target, one vantage, one time (df-000).
    pub struct Measurement {
        /// What was measured, where it is one string. OONI's older tests put a list here: see [`Measurement::input`].
        input_raw: Raw<'a> = "input",
        /// `AS137`, or `AS0` where unknown.
        probe_asn: Text<'a> = "probe_asn",
        /// Two letters, `ZZ` where unknown.
        probe_cc: Text<'a> = "probe_cc",
        /// The probe's address; `127.0.0.1` stands for "scrubbed".
        probe_ip: Text<'a> = "probe_ip",
        /// Name of the probe's network.
        probe_network_name: Text<'a> = "probe_network_name",
        /// The resolver's network.
        resolver_asn: Text<'a> = "resolver_asn",
        /// The resolver's address.
        resolver_ip: Text<'a> = "resolver_ip",
        /// Identifier of the report that this measurement belongs to.
        report_id: Text<'a> = "report_id",
        /// Pseudonym of the probe within its network and country, where it authenticated itself.
        probe_id: Text<'a> = "probe_id",
        /// Unique name, added by OONI's backend.
        measurement_uid: Text<'a> = "measurement_uid",
        /// `YYYY-MM-DD HH:MM:SS`, UTC.
        measurement_start_time: Text<'a> = "measurement_start_time",
        /// `YYYY-MM-DD HH:MM:SS`, UTC.
        test_start_time: Text<'a> = "test_start_time",
        /// Name of the experiment, `web_connectivity` say.
        test_name: Text<'a> = "test_name",
        /// Version of the experiment.
        test_version: Text<'a> = "test_version",
        /// Run time in seconds.
        test_runtime: Real = "test_runtime",
        /// Program that measured.
        software_name: Text<'a> = "software_name",
        /// Its version.
        software_version: Text<'a> = "software_version",
        /// Version of the envelope, `0.2.0` today.
        data_format_version: Text<'a> = "data_format_version",
        /// Free strings, by name.
        annotations: Map<'a, Text<'a>> = "annotations",
        /// The experiment's own keys; absent where the file has null.
        test_keys: Option<TestKeys<'a>> = "test_keys",
    }
}

impl Measurement<'_> {
    /// Reads one measurement from one JSON object.
    ///
    /// # Errors
    /// Text that is not JSON, is not an object, nests deeper than 128 levels, or holds more than 200,000 objects and lists. The error carries line and column
    /// of the text given; [`byte_offset`] turns them into an offset.
    pub fn from_json(json: &str) -> Result<Measurement<'_>, serde_json::Error> {
        if Self::is_too_much(json) {
            let [brackets, commas] = [weight::BRACKETS_MAX, weight::COMMAS_MAX];
            let words = format!("more than {brackets} objects and lists, or {commas} commas");
            return Err(serde::de::Error::custom(words));
        }
        // A record of another type reads as empty inside a file, but a file that is not an object is no measurement.
        if !json.trim_ascii_start().starts_with('{') {
            serde_json::from_str::<std::collections::BTreeMap<String, serde::de::IgnoredAny>>(
                json,
            )?;
        }
        serde_json::from_str(json)
    }

    /// Whether a text holds more objects, lists and commas than [`Measurement::from_json`] takes.
    pub fn is_too_much(json: &str) -> bool {
        weight::is_too_much(json)
    }

    /// What was measured: the string, or the first of a list (with the others behind it, separated by a space).
    pub fn input(&self) -> Option<Cow<'_, str>> {
        let text = self.input_raw.text()?;
        if let Ok(Text(Some(one))) = serde_json::from_str::<Text<'_>>(text) {
            return Some(one);
        }
        let many: List<Text<'_>> = self.input_raw.read();
        let words: Vec<&str> = many.iter().filter_map(Text::as_str).collect();
        (!words.is_empty()).then(|| Cow::Owned(words.join(" ")))
    }

    /// The number of `probe_asn`; 0 and unreadable text are none.
    pub fn probe_asn_number(&self) -> Option<u32> {
        asn_number(self.probe_asn.as_str()?)
    }
}

/// `AS137` or `137` to 137. AS0 is none: it stands for "not known" (df-000).
pub fn asn_number(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text);
    digits.parse().ok().filter(|&asn| asn != 0)
}

/// Offset in `text` of the place a `serde_json` error names.
///
/// Lines and columns count from 1, columns in bytes. Out of range gives the length of the text.
pub fn byte_offset(text: &[u8], line: usize, column: usize) -> usize {
    let start = match line {
        0 | 1 => 0,
        _ => text
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .nth(line - 2)
            .map_or(text.len(), |(at, _)| at + 1),
    };
    (start + column.saturating_sub(1)).min(text.len())
}

record! {
    /// I am the `test_keys` of a measurement.
    ///
    /// Only what experiments observe has a typed field here. The conclusions that probes write beside it
    /// (`blocking`, `accessible`, ..) stay unread in `other`.
    pub struct TestKeys {
        /// DNS lookups.
        queries: List<Query<'a>> = "queries",
        /// TCP connects.
        tcp_connect: List<TcpConnect<'a>> = "tcp_connect",
        /// TLS handshakes.
        tls_handshakes: List<Handshake<'a>> = "tls_handshakes",
        /// QUIC handshakes.
        quic_handshakes: List<Handshake<'a>> = "quic_handshakes",
        /// HTTP round trips, newest first.
        requests: List<Transaction<'a>> = "requests",
        /// Reads, writes and the like.
        network_events: List<NetworkEvent<'a>> = "network_events",
        /// What the probe asked its test helper.
        x_control_request: Option<ControlRequest<'a>> = "x_control_request",
        /// What the test helper answered; absent where it could not be reached.
        control: Option<Control<'a>> = "control",
        /// Why it could not be reached.
        control_failure: Failure<'a> = "control_failure",
        /// DNS answers that came after the first.
        x_dns_duplicate_responses: List<Query<'a>> = "x_dns_duplicate_responses",
        /// Failed steps again, with one thing changed.
        x_follow_ups: List<FollowUp<'a>> = "x_follow_ups",
        /// The application that was measured, function by function.
        x_app: Option<Described<'a>> = "x_app",
        /// Hosts of an application that failed, as a test helper saw them.
        x_elsewhere: List<Elsewhere<'a>> = "x_elsewhere",
        /// Address of the resolver that the probe's system uses.
        client_resolver: Text<'a> = "client_resolver",
        /// SOCKS proxy (df-009's older way).
        socksproxy: Text<'a> = "socksproxy",
        /// Tunnel in use: `psiphon`, `tor`, .. (df-009).
        tunnel: Text<'a> = "tunnel",
        /// Number of retries.
        retries: Int = "retries",
    }
    /// Every key not named above, in the order of the file, as JSON text.
    other
}

impl<'a> TestKeys<'a> {
    fn untyped(&self, key: &str) -> Raw<'a> {
        Raw(self.other.iter().rev().find(|(k, _)| k == key).map(|(_, raw)| *raw))
    }

    /// JSON text of an untyped key: the last of that name.
    pub fn raw(&self, key: &str) -> Option<&'a str> {
        self.untyped(key).text()
    }

    /// An untyped key read as `T`; missing or of another shape gives `T`'s default.
    pub fn read<T: Deserialize<'a> + Default>(&self, key: &str) -> T {
        self.untyped(key).read()
    }

    /// True where the key is there, be it null.
    pub fn has(&self, key: &str) -> bool {
        self.raw(key).is_some()
    }
}

/// Untyped keys with their JSON text.
pub type OtherKeys<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_read_and_odd_types_are_absent() {
        let m = Measurement::from_json(
            r#"{"input":["a","b"],"probe_asn":"AS30722","test_keys":{"queries":7,"tcp_connect":[null,3,{"ip":"1.2.3.4","port":"80"}],
            "x_new":{"deep":[1,2]},"blocking":"dns"},"unknown":[[[]]],"probe_cc":null}"#,
        )
        .unwrap();
        assert_eq!(m.input().unwrap(), "a b");
        assert_eq!(m.probe_asn_number(), Some(30722));
        let keys = m.test_keys.unwrap();
        assert!(keys.queries.is_empty());
        assert_eq!(keys.tcp_connect.len(), 3);
        assert_eq!(keys.tcp_connect[2].port.0, Some(80));
        assert_eq!(keys.raw("x_new"), Some(r#"{"deep":[1,2]}"#));
        assert!(keys.has("blocking"));
        assert!(m.probe_cc.as_str().is_none());
    }

    #[test]
    fn the_last_of_two_equal_keys_wins() {
        let m = Measurement::from_json(r#"{"test_name":"a","test_name":"b"}"#).unwrap();
        assert_eq!(m.test_name.as_str(), Some("b"));
    }

    #[test]
    fn what_is_no_object_is_an_error_with_its_place() {
        for (json, offset) in [("[1]", 0), ("{\"a\":1,}", 7), ("{\n\"a\": tru }", 10), ("", 0)] {
            let error = Measurement::from_json(json).unwrap_err();
            let at = byte_offset(json.as_bytes(), error.line(), error.column());
            assert!(at.abs_diff(offset) <= 1, "{json:?}: {error} at {at}");
        }
    }

    #[test]
    fn as_numbers() {
        assert_eq!(asn_number("AS0"), None);
        assert_eq!(asn_number("137"), Some(137));
        assert_eq!(asn_number("ASx"), None);
    }
}
