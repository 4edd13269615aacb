//! Reading a battery, and refusing what cannot be.

use super::pointer::MAX_POINTERS;
use super::rows::{DIRECTIONS, FLAGS, TUPLES, row_of};
use super::trials::{Counts, MAX_TRIALS};
use super::{Battery, Controls, FORMAT, Packet, Probe, ProbeTest};

/// Why a battery cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatteryError {
    /// Longer than a battery is.
    #[error("{file}: has {have} bytes, a battery has at most {most}")]
    TooLong {
        /// The file.
        file: String,
        /// Its length.
        have: usize,
        /// The most there may be.
        most: usize,
    },
    /// Not JSON of this shape.
    #[error("{file}: line {line} column {column}: {says}")]
    NotJson {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What was expected.
        says: String,
    },
    /// Says what cannot be.
    #[error("{file}: {path}: {says}")]
    Value {
        /// The file.
        file: String,
        /// The way to the value.
        path: String,
        /// What is wrong.
        says: String,
    },
}

/// Bytes of a file, at most.
const MAX_BYTES: usize = 8 << 20;
/// Tests of one kind, at most.
const MAX_TESTS: usize = 16;
/// Probes of a test, responses, events, packets of an event, at most.
const MAX_ITEMS: usize = 512;
/// Bytes of a short text, and of a page.
const MAX_TEXT: [usize; 2] = [1024, 65_536];

struct Checking<'a>(&'a str);

type Checked = Result<(), BatteryError>;

/// Reads a battery.
pub(super) fn read(file: &str, text: &[u8]) -> Result<Battery, BatteryError> {
    if text.len() > MAX_BYTES {
        let (file, have) = (file.to_owned(), text.len());
        return Err(BatteryError::TooLong { file, have, most: MAX_BYTES });
    }
    let battery: Battery = serde_json::from_slice(text).map_err(|error| {
        let says = error.to_string();
        let says = says.rsplit_once(" at line ").map_or(says.as_str(), |(says, _)| says).to_owned();
        let (line, column) = (error.line(), error.column());
        BatteryError::NotJson { file: file.to_owned(), line, column, says }
    })?;
    let checking = Checking(file);
    checking.head(&battery)?;
    checking.tests(&battery)?;
    checking.others(&battery)?;
    Ok(battery)
}

impl Checking<'_> {
    fn wrong(&self, path: &str, says: impl Into<String>) -> Checked {
        let (file, path) = (self.0.to_owned(), path.to_owned());
        Err(BatteryError::Value { file, path, says: says.into() })
    }

    fn most(&self, path: &str, have: usize, most: usize) -> Checked {
        if have > most {
            return self.wrong(path, format!("has {have}, at most {most} are read"));
        }
        Ok(())
    }

    fn word(&self, path: &str, word: &str, known: &[&str]) -> Checked {
        if known.contains(&word) {
            return Ok(());
        }
        self.wrong(path, format!("expected one of {}", known.join(", ")))
    }

    fn head(&self, battery: &Battery) -> Checked {
        if battery.format != FORMAT {
            return self.wrong("format", format!("expected {FORMAT:?}"));
        }
        let texts = [&battery.about, &battery.asn, &battery.country, &battery.upstream];
        let window = battery.window.iter().flatten();
        for text in std::iter::once(&battery.event).chain(texts.into_iter().flatten()).chain(window)
        {
            self.most("event, about, asn, country, upstream, window", text.len(), MAX_TEXT[0])?;
        }
        for (path, have) in [
            ("dns", battery.dns.len()),
            ("fragments", battery.fragments.len()),
            ("resets", battery.resets.len()),
            ("tls", battery.tls.len()),
            ("quic", battery.quic.len()),
            ("residual", battery.residual.len()),
            ("pages", battery.pages.len()),
            ("pieces", battery.pieces.len()),
            ("http", battery.http.len()),
            ("documentary", battery.documentary.len()),
        ] {
            self.most(path, have, MAX_TESTS)?;
        }
        battery.null_run.map_or(Ok(()), |counts| self.counts("null_run", counts))
    }

    fn tests(&self, battery: &Battery) -> Checked {
        for (number, test) in battery.dns.iter().enumerate() {
            let path = format!("dns[{number}]");
            self.controls(&path, &test.controls)?;
            self.probes(&path, &test.probes, &|vector| {
                numbered(vector, "pointers:", MAX_POINTERS.into())
            })?;
            self.most(&format!("{path}.responses"), test.responses.len(), MAX_ITEMS)?;
            for (number, response) in test.responses.iter().enumerate() {
                let path = format!("{path}.responses[{number}]");
                self.most(&format!("{path}.answers"), response.answers.len(), MAX_ITEMS)?;
                if response.seen == 0 || response.seen > MAX_TRIALS {
                    self.wrong(&format!("{path}.seen"), format!("expected 1 to {MAX_TRIALS}"))?;
                }
            }
        }
        let row = |section| move |vector: &str| row_of(section, vector).is_some();
        self.probe_tests("fragments", &battery.fragments, &|it| numbered(it, "fragments:", 8192))?;
        self.probe_tests("tls", &battery.tls, &row("tls"))?;
        self.probe_tests("quic", &battery.quic, &row("quic"))?;
        self.probe_tests("pieces", &battery.pieces, &|_| true)?;
        self.probe_tests("http", &battery.http, &|_| true)
    }

    fn probe_tests(
        &self,
        kind: &str,
        tests: &[ProbeTest],
        is_known: &dyn Fn(&str) -> bool,
    ) -> Checked {
        for (number, test) in tests.iter().enumerate() {
            let path = format!("{kind}[{number}]");
            self.controls(&path, &test.controls)?;
            self.probes(&path, &test.probes, is_known)?;
            self.probes(&format!("{path}.substring"), &test.substring, &|_| true)?;
        }
        Ok(())
    }

    fn probes(&self, path: &str, probes: &[Probe], is_known: &dyn Fn(&str) -> bool) -> Checked {
        self.most(&format!("{path}.probes"), probes.len(), MAX_ITEMS)?;
        let mut names = std::collections::BTreeSet::new();
        for (number, probe) in probes.iter().enumerate() {
            let path = format!("{path}.probes[{number}]");
            self.most(&format!("{path}.vector"), probe.vector.len(), MAX_TEXT[0])?;
            if !is_known(&probe.vector) {
                self.wrong(&format!("{path}.vector"), format!("unknown: {:?}", probe.vector))?;
            }
            if !names.insert(probe.vector.as_str()) {
                self.wrong(&format!("{path}.vector"), format!("twice: {:?}", probe.vector))?;
            }
            self.probe(&path, probe)?;
        }
        Ok(())
    }

    fn probe(&self, path: &str, probe: &Probe) -> Checked {
        self.most(&format!("{path}.runs"), probe.runs.len(), MAX_TESTS)?;
        for (number, run) in probe.runs.iter().enumerate() {
            self.counts(&format!("{path}.runs[{number}]"), *run)?;
        }
        probe.negative.map_or(Ok(()), |it| self.counts(&format!("{path}.negative"), it))?;
        let is_hash =
            |text: &String| text.len() == 64 && text.bytes().all(|it| it.is_ascii_hexdigit());
        if probe.sent_sha256.as_ref().is_some_and(|text| !is_hash(text)) {
            self.wrong(&format!("{path}.sent_sha256"), "expected 64 hexadecimal digits")?;
        }
        let state = probe.decided();
        if probe.state.is_some_and(|it| it != state) {
            let says = format!("the counts say {}", state.word());
            self.wrong(&format!("{path}.state"), says)?;
        }
        let [low, high] = probe.counts().wilson();
        let off = |[from, to]: [f64; 2]| !((from - low).abs() < 0.006 && (to - high).abs() < 0.006);
        if probe.wilson.is_some_and(off) {
            let says = format!("the counts say [{low:.4}, {high:.4}]");
            self.wrong(&format!("{path}.wilson"), says)?;
        }
        Ok(())
    }

    fn controls(&self, path: &str, controls: &Controls) -> Checked {
        self.counts(&format!("{path}.controls.baseline"), controls.baseline)?;
        self.counts(&format!("{path}.controls.positive"), controls.positive)
    }

    fn counts(&self, path: &str, counts: Counts) -> Checked {
        if counts.trials > MAX_TRIALS {
            return self.wrong(path, format!("over {MAX_TRIALS} trials"));
        }
        if counts.hits > counts.trials {
            let says = format!("{} hits in {} trials", counts.hits, counts.trials);
            return self.wrong(path, says);
        }
        Ok(())
    }

    fn others(&self, battery: &Battery) -> Checked {
        for (number, test) in battery.resets.iter().enumerate() {
            let path = format!("resets[{number}]");
            self.controls(&path, &test.controls)?;
            self.most(&format!("{path}.events"), test.events.len(), MAX_ITEMS)?;
            for (number, packets) in test.events.iter().enumerate() {
                self.packets(&format!("{path}.events[{number}]"), packets)?;
            }
        }
        for (number, test) in battery.residual.iter().enumerate() {
            self.word(&format!("residual[{number}].tuple"), &test.tuple, TUPLES)?;
        }
        for (number, page) in battery.pages.iter().enumerate() {
            let path = format!("pages[{number}]");
            self.most(&path, page.body.len(), MAX_TEXT[1])?;
            for text in [&page.location, &page.server, &page.via] {
                self.most(&path, text.len(), MAX_TEXT[0])?;
            }
        }
        if let Some(location) = &battery.location {
            self.most("location.traces", location.traces.len(), MAX_ITEMS)?;
            if let Some(direction) = &location.direction {
                self.word("location.direction", direction, DIRECTIONS)?;
            }
            for (way, controls) in [("outward", location.outward), ("inward", location.inward)] {
                let Some(controls) = controls else { continue };
                self.counts(&format!("location.{way}.baseline"), controls.baseline)?;
                self.counts(&format!("location.{way}.positive"), controls.positive)?;
            }
        }
        if let Some(run) = &battery.run {
            self.most("run.skipped", run.skipped.len(), MAX_ITEMS)?;
            self.most("run.notes", run.notes.len(), MAX_ITEMS)?;
            let skipped = run.skipped.iter().flat_map(|it| [&it.test, &it.why]);
            for text in skipped.chain(&run.notes).chain(&run.ended) {
                self.most("run", text.len(), MAX_TEXT[0])?;
            }
        }
        for (number, claim) in battery.documentary.iter().enumerate() {
            let len = claim.claim.len().max(claim.src.len()).max(claim.date.len());
            self.most(&format!("documentary[{number}]"), len, MAX_TEXT[0])?;
        }
        Ok(())
    }

    fn packets(&self, path: &str, packets: &[Packet]) -> Checked {
        self.most(path, packets.len(), 64)?;
        for (number, packet) in packets.iter().enumerate() {
            self.word(&format!("{path}[{number}].flags"), &packet.flags, FLAGS)?;
            let payload = &packet.payload;
            let is_hex =
                payload.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it));
            if !is_hex || payload.len() > MAX_TEXT[0] || !payload.len().is_multiple_of(2) {
                let says = "expected bytes in lower-case hexadecimal, 512 at most";
                self.wrong(&format!("{path}[{number}].payload"), says)?;
            }
        }
        Ok(())
    }
}

/// True for `prefix` and a number up to `most`.
fn numbered(text: &str, prefix: &str, most: u32) -> bool {
    let digits = text.strip_prefix(prefix);
    digits.and_then(|digits| digits.parse::<u32>().ok()).is_some_and(|number| number <= most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::battery::State;

    const GOOD: &str = r#"{
  "format": "wirewitness battery 1",
  "event": "made up",
  "asn": "AS64500",
  "window": ["2026-01-01T00", "2026-01-01T05"],
  "dns": [{
    "controls": {"baseline": {"hits": 0, "trials": 20}, "positive": {"hits": 20, "trials": 20}},
    "probes": [{"vector": "pointers:17", "runs": [{"hits": 20, "trials": 20}]}],
    "responses": [{"flags": 33152, "name_compressed": true, "answers": ["192.0.2.1"], "seen": 20}]
  }],
  "tls": [{
    "behaviour": "rst",
    "controls": {"baseline": {"hits": 0, "trials": 20}, "positive": {"hits": 19, "trials": 20}},
    "probes": [{
      "vector": "message_len:half",
      "runs": [{"hits": 20, "trials": 20}, {"hits": 19, "trials": 20}],
      "negative": {"hits": 0, "trials": 20},
      "state": "censored",
      "wilson": [0.8712, 0.9956]
    }]
  }],
  "resets": [{
    "behaviour": "rst",
    "controls": {"baseline": {"hits": 0, "trials": 20}, "positive": {"hits": 19, "trials": 20}},
    "ends": {"client": "192.0.2.10", "server": "198.51.100.20"},
    "events": [[{"to": "client", "flags": "rst_ack", "ttl": 60, "df": true, "ipid": 7, "window": 300}]]
  }],
  "location": {"traces": [{"test_hops": 6, "control_hops": 14, "injected": true}]}
}"#;

    fn read(text: &str) -> Result<Battery, String> {
        Battery::from_json("b.json", text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn it_can_be_stored_and_read_again() {
        let battery = read(GOOD).unwrap();
        let stored = battery.to_json();
        let again = read(&stored).unwrap();
        assert_eq!(again.to_json(), stored);
        assert_eq!(again.tls[0].probes[0], battery.tls[0].probes[0]);
        assert_eq!(again.dns[0].probes[0].state, Some(State::Censored));
        let as_given = serde_json::to_value(&battery).unwrap();
        let given: serde_json::Value = serde_json::from_str(GOOD).unwrap();
        let lost: Vec<&String> = given
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| as_given[*key] != given[*key] && *key != "location")
            .collect();
        assert!(lost.is_empty(), "{lost:?}");
    }

    #[test]
    fn a_probe_that_does_not_arrive_is_void() {
        let text = GOOD.replacen("\"negative\": {\"hits\": 0", "\"negative\": {\"hits\": 9", 1);
        let text = text.replace("\"state\": \"censored\",", "");
        let battery = read(&text).unwrap();
        assert!(battery.tls[0].probes[0].is_void());
        assert_eq!(battery.tls[0].probes[0].decided(), State::Inconclusive);
    }

    #[test]
    fn errors_name_file_and_position() {
        for (from, to, says) in [
            ("battery 1", "battery 2", "b.json: format: expected \"wirewitness battery 1\""),
            ("\"event\": \"made up\",", "", "b.json: line 29 column 1: missing field `event`"),
            ("\"asn\"", "\"isp\"", "b.json: line 4 column 7: unknown field `isp`"),
            ("\"rst\"", "\"reset\"", "b.json: line 12 column 24: unknown variant `reset`"),
            ("message_len:half", "message_len:third", "b.json: tls[0].probes[0].vector: unknown"),
            ("pointers:17", "pointers:64", "b.json: dns[0].probes[0].vector: unknown"),
            (
                "{\"hits\": 19, \"trials\": 20}]",
                "{\"hits\": 21, \"trials\": 20}]",
                "b.json: tls[0].probes[0].runs[1]: 21 hits in 20 trials",
            ),
            (
                "\"hits\": 20, \"trials\": 20}}",
                "\"hits\": 20, \"trials\": 20000}}",
                "b.json: dns[0].controls.positive: over 10000 trials",
            ),
            (
                "\"censored\"",
                "\"bypass\"",
                "b.json: tls[0].probes[0].state: the counts say censored",
            ),
            ("0.8712", "0.7", "b.json: tls[0].probes[0].wilson: the counts say [0.87"),
            ("\"seen\": 20", "\"seen\": 0", "b.json: dns[0].responses[0].seen: expected 1 to"),
            ("rst_ack", "syn", "b.json: resets[0].events[0][0].flags: expected one of rst"),
            ("\"ttl\": 60", "\"ttl\": 256", "b.json: line 26 column"),
            ("\"198.51.100.20\"", "\"198.51.100\"", "b.json: line 25 column"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from} is not there");
            let error = read(&text).unwrap_err();
            assert!(error.starts_with(says), "{error}\nexpected {says}");
        }
    }

    #[test]
    fn floods_are_refused() {
        let probe = "{\"vector\": \"pointers:1\", \"runs\": []}";
        let many = vec![probe; MAX_ITEMS + 1].join(",");
        let text = format!(
            "{{\"format\": {FORMAT:?}, \"event\": \"e\", \"dns\": [{{\"controls\": {{\"baseline\": \
             {{\"hits\": 0, \"trials\": 0}}, \"positive\": {{\"hits\": 0, \"trials\": 0}}}}, \
             \"probes\": [{many}]}}]}}"
        );
        assert!(read(&text).unwrap_err().contains("dns[0].probes: has 513"));
        let long = vec![b' '; MAX_BYTES + 1];
        let error = Battery::from_json("b.json", &long).unwrap_err();
        assert!(matches!(error, BatteryError::TooLong { .. }));
        let deep = "[".repeat(100_000);
        assert!(read(&deep).is_err());
    }

    #[test]
    fn any_cut_is_an_error_and_no_panic() {
        for end in 0..GOOD.len() - 1 {
            assert!(Battery::from_json("b.json", &GOOD.as_bytes()[..end]).is_err(), "{end}");
        }
    }
}
