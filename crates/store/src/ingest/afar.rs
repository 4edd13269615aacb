//! Measurements made from afar (Censored Planet) as rows.

use std::borrow::Cow;

use wirewitness_analysis::judge::address::NoTable;
use wirewitness_analysis::judge::planet::remote::{self, Remote};
use wirewitness_model::hex::hex;
use wirewitness_model::outcome::Layer;

use super::record::{Head, Id, Tables, id_of};
use super::steps::{Dns, Http, Step, Steps};
use super::subject::{About, Subject};
use crate::table::Partition;

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
        let country = remote.country.unwrap_or_default();
        let partition = Partition::of(&String::from_utf8_lossy(&country), at);
        let subject = subject(id, at, remote);
        let about = About {
            network_name: remote.network_name.as_deref(),
            software: Some("Censored Planet"),
            source,
            ..About::default()
        };
        subject.measurement(&mut self.measurement, &about);
        let mut steps = Steps::of(&mut self.observation, &subject, &NoTable);
        for step in &remote.steps {
            let sha256 = step.body_sha256.map(|hash| hex(&hash));
            steps.row((step.layer, step.outcome), row(remote, step, sha256));
        }
        let steps = steps.count();
        let rows = subject.judged(&mut self.verdict, &remote.verdict);
        rows.text(None).flag(None).text(Some(judged_with)).end();
        self.heads.push(Head { id: *id, partition, steps });
        Ok(())
    }
}

fn subject<'r>(id: &Id, at: i64, remote: &'r Remote) -> Subject<'r> {
    let domain = Some(remote.domain.as_str()).filter(|domain| !domain.is_empty());
    Subject {
        id: hex(id),
        at,
        origin: if remote.test == "satellite" { "satellite" } else { "hyperquack" },
        test: remote.test,
        target: Cow::Borrowed(&remote.target),
        domain: domain.map(Cow::Borrowed),
        asn: remote.asn.map(i64::from),
        resolver: None,
        vantage: remote.vantage_id.cast_signed(),
    }
}

fn row<'s>(remote: &'s Remote, step: &'s remote::Step, sha256: Option<String>) -> Step<'s> {
    // What was answered to a lookup is its answer; of other steps, the vantage is the far end.
    let answers = || step.answer.as_deref().into_iter().collect();
    let dns = (step.layer == Layer::Dns).then(|| Dns { answers: answers(), ..Dns::default() });
    Step {
        is_control: step.is_control || remote.is_control,
        failure: step.failure.as_deref(),
        name: Some(step.name.as_str()).filter(|name| !name.is_empty()),
        address: Some(&remote.vantage),
        asn: step.answer_asn.map(i64::from),
        dns,
        http: Some(Http {
            status: step.status.map(i64::from),
            length: step.body_bytes.and_then(|bytes| i64::try_from(bytes).ok()),
            sha256,
            ..Http::default()
        }),
        t_ms: step.t_ms.map(|t| t + step.took_ms.unwrap_or(0.0)),
        ..Step::default()
    }
}
