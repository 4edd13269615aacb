//! Captures into the archive: inspected as they are read, one measurement a connection in which something was found.

use std::collections::BTreeMap;
use std::io::{self, Read};

use aws_lc_rs::digest::{Context, SHA256};
use wirewitness_analysis::tamper::finding::Connection;
use wirewitness_analysis::tamper::{Finding, Wants};
use wirewitness_model::hex::hex;
use wirewitness_store::StoreError;
use wirewitness_store::ingest::{Captured, Counted};

use super::reading::{Place, Reading};
use crate::input::captures::Capture;
use crate::inspecting::lanes::{Inspected, Inspecting};
use crate::inspecting::words;

impl Reading<'_> {
    /// Reads a capture. It is named by the hash of all its bytes, so what was found waits until then.
    pub(super) fn capture(
        &mut self,
        place: &Place,
        whole: &mut dyn Read,
    ) -> Result<(), StoreError> {
        let mut hashed = Hashed { inner: whole, hash: Context::new(&SHA256) };
        let mut found = Found::default();
        let inspecting = Inspecting {
            fingerprints: self.judging.context().fingerprints,
            threads: 1,
            wants: Wants::Done,
        };
        let capture = Capture::over(Box::new(&mut hashed));
        let inspected = inspecting.stream(capture, &mut |finding| found.put(finding));
        if let Some(failure) = &inspected.told.failure {
            let reason = format!(
                "byte {}: cannot be read on: {failure}; nothing of it is taken",
                inspected.told.bytes
            );
            return self.refuse(place, 0, reason);
        }
        self.tell(place, &inspected, found.left_out)?;
        let hash = hashed.hash.finish();
        self.counted.get_or_insert_default().add(Counted {
            capture: Some(hex(hash.as_ref())),
            captures: 1,
            packets: inspected.packets,
            tcp_connections: inspected.counters.tcp_flows,
            quic_connections: inspected.counters.quic_flows,
            dns_questions: inspected.counters.dns_questions,
        });
        for findings in found.by_connection.into_values() {
            if let Some(captured) = Captured::new(hash.as_ref(), findings) {
                self.captured(place, captured)?;
            }
        }
        Ok(())
    }

    /// What could not be used of it.
    fn tell(
        &mut self,
        place: &Place,
        inspected: &Inspected,
        left_out: u64,
    ) -> Result<(), StoreError> {
        let told = &inspected.told;
        for damage in &told.damage {
            self.refuse(place, 0, damage.to_string())?;
        }
        let more = told.damages - told.damage.len() as u64;
        let link = inspected.unknown_link.map_or(0, |link| link.0);
        for (is_so, reason) in [
            (more > 0, format!("{more} more places are damaged")),
            (left_out > 0, format!("{left_out} findings are left out: more than {MOST_FINDINGS}")),
            (inspected.unknown_link.is_some(), format!("packets of link type {link} are not read")),
            (inspected.packets == 0, "holds no packet that could be read".to_owned()),
        ] {
            if is_so {
                self.refuse(place, 0, reason)?;
            }
        }
        Ok(())
    }
}

/// What was found, by connection.
#[derive(Default)]
struct Found {
    by_connection: BTreeMap<Connection, Vec<Finding>>,
    endings: usize,
    others: usize,
    left_out: u64,
}

/// Findings of one capture that are kept: so many endings, and so many others. Some 100 MB of memory.
const MOST_FINDINGS: usize = 32_768;

impl Found {
    fn put(&mut self, finding: Finding) {
        let (connection, counter) = match (&finding, words::common(&finding)) {
            (Finding::Flow(flow), _) if flow.signature.is_some() => {
                (flow.connection, &mut self.endings)
            }
            (_, Some(common)) => (*common.connection, &mut self.others),
            _ => return,
        };
        if *counter >= MOST_FINDINGS {
            self.left_out += 1;
            return;
        }
        *counter += 1;
        self.by_connection.entry(connection).or_default().push(finding);
    }
}

/// Bytes and their hash.
struct Hashed<'r> {
    inner: &'r mut dyn Read,
    hash: Context,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..got).unwrap_or_default());
        Ok(got)
    }
}
