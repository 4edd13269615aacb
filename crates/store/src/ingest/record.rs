//! One condensed measurement as rows.

use std::borrow::Cow;

use aws_lc_rs::digest;
use wirewitness_analysis::judge::ooni::Blocking;
use wirewitness_analysis::judge::{Context, judge};
use wirewitness_model::civil;
use wirewitness_model::hex::hex;
use wirewitness_model::ooni::{Measurement, asn_number};

use super::columns::{Expected, Rows};
use super::steps::Steps;
use super::subject::{About, Subject, domain};
use crate::schema::{MEASUREMENT, OBSERVATION, VERDICT};
use crate::table::Partition;

/// The first 128 bits of the SHA-256 of a record.
pub(crate) type Id = [u8; 16];

/// Name of a record: what makes the same one the same wherever it is read.
pub(crate) fn id_of(text: &str) -> Id {
    first(&digest::digest(&digest::SHA256, text.trim().as_bytes()))
}

/// The id that a hash makes.
pub(crate) fn first(hash: &digest::Digest) -> Id {
    hash.as_ref().first_chunk().copied().unwrap_or_default()
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

    /// With room for what so many bytes of records become.
    pub(super) fn expecting(expected: &[Expected; 3], bytes: usize) -> Self {
        let [measurement, observation, verdict] = expected;
        Self {
            measurement: Rows::expecting(&MEASUREMENT, measurement, bytes),
            observation: Rows::expecting(&OBSERVATION, observation, bytes),
            verdict: Rows::expecting(&VERDICT, verdict, bytes),
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
        let subject = subject(id, measurement)?;
        let country = measurement.probe_cc.as_str().unwrap_or_default();
        let partition = Partition::of(country, subject.at);
        about(document, measurement, taking.source, |about| {
            subject.measurement(&mut self.measurement, about);
        });
        let mut steps = Steps::of(&mut self.observation, &subject, taking.context.asns);
        if let Some(keys) = &measurement.test_keys {
            steps.all(keys);
        }
        let steps = steps.count();
        let judgement = judge(measurement, taking.context);
        let ooni = judgement.ooni.as_ref();
        let rows = subject.judged(&mut self.verdict, &judgement.verdict);
        rows.text(ooni.and_then(|keys| blocking(&keys.blocking)))
            .flag(ooni.and_then(|keys| keys.accessible))
            .text(Some(taking.judged_with))
            .end();
        self.heads.push(Head { id, partition, steps });
        Ok(())
    }
}

/// What the table `measurement` says beside who and what, handed on: some of it is put together here.
fn about(document: &str, m: &Measurement<'_>, source: &str, then: impl FnOnce(&About<'_>)) {
    let software = [m.software_name.as_str(), m.software_version.as_str()];
    let software = software.into_iter().flatten().collect::<Vec<_>>().join(" ");
    then(&About {
        test_version: m.test_version.as_str(),
        network_name: m.probe_network_name.as_str(),
        network_type: note(m, "network_type"),
        platform: note(m, "platform"),
        software: Some(software.as_str()).filter(|text| !text.is_empty()),
        report_id: m.report_id.as_str(),
        measurement_uid: m.measurement_uid.as_str(),
        source,
        document,
    });
}

/// An annotation.
fn note<'m>(m: &'m Measurement<'_>, name: &str) -> Option<&'m str> {
    let found = m.annotations.entries().iter().find(|(key, _)| key == name);
    found.and_then(|(_, value)| value.as_str())
}

fn subject<'m>(id: Id, m: &'m Measurement<'_>) -> Result<Subject<'m>, String> {
    let times = [&m.measurement_start_time, &m.test_start_time];
    let at = times.into_iter().find_map(|text| civil::micros(text.as_str()?));
    let at = at.ok_or("no time that can be read, so it belongs to no day")?;
    let test = m.test_name.as_str().unwrap_or("unknown");
    let target = m.input().unwrap_or(Cow::Borrowed(test));
    let is_ours = m.software_name.as_str() == Some("wirewitness");
    Ok(Subject {
        id: hex(&id),
        at,
        origin: if is_ours { "wirewitness" } else { "ooni" },
        test,
        domain: domain(&target).map(Cow::Owned),
        target,
        asn: m.probe_asn_number().map(i64::from),
        resolver: m.resolver_asn.as_str().and_then(asn_number).map(i64::from),
        vantage: vantage(m),
    })
}

fn blocking(blocking: &Blocking) -> Option<&'static str> {
    match blocking {
        Blocking::Unknown => None,
        Blocking::No => Some("false"),
        Blocking::By(word) => Some(word),
    }
}

/// Who measured, as a number: see the column `vantage`.
fn vantage(m: &Measurement<'_>) -> i64 {
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut add = |text: &str| {
        hash.update(text.as_bytes());
        hash.update(&[0]);
    };
    match m.probe_id.as_str().filter(|id| !id.is_empty()) {
        Some(id) => add(id),
        None => {
            let texts =
                [&m.probe_asn, &m.probe_cc, &m.software_name, &m.software_version, &m.resolver_asn];
            texts.into_iter().for_each(|text| add(text.as_str().unwrap_or_default()));
            ["platform", "network_type", "architecture"]
                .into_iter()
                .for_each(|name| add(note(m, name).unwrap_or_default()));
        }
    }
    let hash = hash.finish();
    let first = hash.as_ref().first_chunk::<8>().copied().unwrap_or_default();
    i64::from_le_bytes(first)
}
