//! What leaves the machine, told before it does: how much, and what of it could tell who measured.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use wirewitness_model::ooni::Measurement;

use super::receiver::Receiver;
use crate::output::clean;

/// What is to be sent.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Measurements.
    pub(crate) measurements: u64,
    /// Bytes of them, not packed.
    pub(crate) bytes: u64,
    /// Records that stay here: damaged, or telling an address.
    pub(crate) withheld: u64,
    /// Values of fields that could tell who measured, the first few of each.
    telling: BTreeMap<&'static str, Values>,
    /// First and last time.
    times: Option<(String, String)>,
}

/// Values of one field.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Values {
    shown: BTreeSet<String>,
    has_more: bool,
}

impl Survey {
    /// Takes one measurement in.
    pub(crate) fn count(&mut self, it: &Measurement<'_>, bytes: usize) {
        self.measurements += 1;
        self.bytes += bytes as u64 + 1;
        let fields = [
            ("probe_cc", it.probe_cc.as_str()),
            ("probe_asn", it.probe_asn.as_str()),
            ("probe_network_name", it.probe_network_name.as_str()),
            ("resolver_asn", it.resolver_asn.as_str()),
            ("resolver_ip", it.resolver_ip.as_str()),
            ("probe_id", it.probe_id.as_str()),
            ("report_id", it.report_id.as_str()),
            ("software_name", it.software_name.as_str()),
            ("software_version", it.software_version.as_str()),
        ];
        for (name, value) in fields {
            if let Some(value) = value.filter(|it| !it.is_empty()) {
                self.telling.entry(name).or_default().add(value);
            }
        }
        for (name, _) in it.annotations.entries() {
            self.telling.entry("annotations").or_default().add(name);
        }
        let times = [&it.measurement_start_time, &it.test_start_time];
        if let Some(time) = times.iter().find_map(|it| it.as_str()) {
            let time = clean(time, 40);
            match &mut self.times {
                None => self.times = Some((time.clone(), time)),
                Some((first, _)) if time < *first => *first = time,
                Some((_, last)) if time > *last => *last = time,
                Some(_) => {}
            }
        }
    }

    /// What is said before anything is sent.
    pub(crate) fn words(&self, receiver: &Receiver) -> String {
        let plural = if self.measurements == 1 { "" } else { "s" };
        let mut text = format!(
            "to be sent: {} measurement{plural}, {} bytes before packing, to {}{}\n",
            self.measurements,
            self.bytes,
            clean(receiver.url().as_str(), 300),
            if receiver.has_token() { ", with a token" } else { ", without a token" },
        );
        let _ = writeln!(
            text,
            "the receiver sees the address of this machine; whether it keeps it is its own matter"
        );
        if let Some((first, last)) = &self.times {
            let _ = writeln!(text, "what could tell who measured:\n  times: {first} to {last}");
        }
        for (name, values) in &self.telling {
            let shown: Vec<&str> = values.shown.iter().map(String::as_str).collect();
            let more = if values.has_more { ", .." } else { "" };
            let _ = writeln!(text, "  {name}: {}{more}", shown.join(", "));
        }
        let _ = writeln!(text, "  inputs and pages: what was visited, and what came back");
        if receiver.url().scheme() == "http" {
            let _ =
                writeln!(text, "it is sent in the clear: on the way it can be read and changed");
        }
        if self.withheld > 0 {
            let _ = writeln!(text, "not sent: {} records, as told above", self.withheld);
        }
        text
    }
}

impl Values {
    fn add(&mut self, value: &str) {
        let value = clean(value, 60);
        if self.shown.contains(&value) {
            return;
        }
        if self.shown.len() < MOST_VALUES {
            self.shown.insert(value);
        } else {
            self.has_more = true;
        }
    }
}

const MOST_VALUES: usize = 4;
