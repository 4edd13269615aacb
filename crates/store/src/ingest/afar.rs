//! Measurements made from afar (Censored Planet) as rows.

use wirewitness_analysis::judge::planet::remote::{Remote, Step};

use super::record::{Head, Id, Tables, day, id_of};
use crate::table::{Partition, hex};

/// One row of a scan, judged.
#[derive(Debug, Clone)]
pub struct Afar {
    id: Id,
    /// Its line in the file, from 1.
    line: u64,
    remote: Remote,
}

impl Afar {
    /// A row that was judged, with its text, by which it is known again, and its line in the file, from 1.
    pub fn new(text: &str, line: u64, remote: Remote) -> Self {
        Self { id: id_of(text), line, remote }
    }

    pub(super) fn line(&self) -> u64 {
        self.line
    }
}

impl Tables {
    /// Takes a row of a scan. No document is kept of it: judging it again needs the side files of its scan.
    ///
    /// # Errors
    /// It has no time, so that it belongs to no day.
    pub(super) fn take_afar(
        &mut self,
        afar: &Afar,
        (source, judged_with): (&str, &str),
    ) -> Result<(), String> {
        let Afar { id, remote, .. } = afar;
        let at = remote.started_us.filter(|at| *at >= 0);
        let at = at.ok_or("no time that can be read, so it belongs to no day")?;
        let country = remote.country.map(|code| String::from_utf8_lossy(&code).into_owned());
        let country = country.filter(|c| c.bytes().all(|b| b.is_ascii_alphanumeric()));
        let partition = Partition { country: country.unwrap_or("ZZ".to_owned()), day: day(at) };
        let common = Common { id: hex(id), at, remote };
        self.afar_measurement(&common, source);
        for (number, step) in remote.steps.iter().enumerate() {
            self.afar_step(&common, (number, step));
        }
        self.afar_verdict(&common, judged_with);
        let steps = u32::try_from(remote.steps.len()).unwrap_or(u32::MAX);
        self.heads.push(Head { id: *id, partition, steps });
        Ok(())
    }

    fn afar_measurement(&mut self, c: &Common<'_>, source: &str) {
        let remote = c.remote;
        self.measurement
            .text(Some(&c.id))
            .time(Some(c.at))
            .text(Some(c.origin()))
            .text(Some(remote.test))
            .text(None)
            .text(Some(&remote.target))
            .text(c.domain())
            .long(c.asn())
            .text(remote.network_name.as_deref())
            .long(None)
            .long(Some(remote.vantage_id.cast_signed()))
            .text(None)
            .text(None)
            .text(Some("Censored Planet"))
            .text(None)
            .text(None)
            .text(Some(source))
            .text(Some(""))
            .end();
    }

    fn afar_step(&mut self, c: &Common<'_>, (number, step): (usize, &Step)) {
        let remote = c.remote;
        let sha256 = step.body_sha256.map(|hash| hex(&hash));
        // What was answered to a lookup is its answer; of other steps, the vantage is the far end.
        let is_lookup = step.layer.word() == "dns";
        self.observation
            .text(Some(&c.id))
            .int(i32::try_from(number).ok())
            .time(Some(c.at))
            .text(Some(remote.test))
            .text(Some(&remote.target))
            .text(c.domain())
            .long(c.asn())
            .flag(Some(step.is_control || remote.is_control))
            .text(Some(step.layer.word()))
            .text(Some(step.outcome.word()))
            .text(step.failure.as_deref())
            .text(Some(step.name.as_str()).filter(|name| !name.is_empty()))
            .text(Some(&remote.vantage))
            .int(None)
            .long(step.answer_asn.map(i64::from))
            .text(None)
            .text(None)
            .texts(is_lookup.then(|| step.answer.as_deref()))
            .int(None)
            .text(None)
            .text(None)
            .text(None)
            .int(step.status.map(i32::from))
            .long(step.body_bytes.and_then(|bytes| i64::try_from(bytes).ok()))
            .text(sha256.as_deref())
            .text(None)
            .text(None)
            .real(step.t_ms.map(|t| t + step.took_ms.unwrap_or(0.0)))
            .long(None)
            .text(None)
            .end();
    }

    fn afar_verdict(&mut self, c: &Common<'_>, judged_with: &str) {
        let remote = c.remote;
        self.verdict
            .text(Some(&c.id))
            .time(Some(c.at))
            .text(Some(c.origin()))
            .text(Some(remote.test))
            .text(Some(&remote.target))
            .text(c.domain())
            .long(c.asn())
            .long(None)
            .long(Some(remote.vantage_id.cast_signed()));
        self.verdict_words(&remote.verdict);
        self.verdict.text(None).flag(None).text(Some(judged_with)).end();
    }
}

/// What the rows of one row of a scan have in common.
struct Common<'r> {
    id: String,
    at: i64,
    remote: &'r Remote,
}

impl Common<'_> {
    fn origin(&self) -> &'static str {
        if self.remote.test == "satellite" { "satellite" } else { "hyperquack" }
    }

    fn domain(&self) -> Option<&str> {
        Some(self.remote.domain.as_str()).filter(|domain| !domain.is_empty())
    }

    fn asn(&self) -> Option<i64> {
        self.remote.asn.map(i64::from)
    }
}
