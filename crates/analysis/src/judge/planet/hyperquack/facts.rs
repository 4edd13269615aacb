//! The trials of a row, each as one step and one kind.

use std::fmt::Write as _;

use wirewitness_model::ooni::failure::What;
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::planet::hyperquack::{Hyperquack, Trial};
use wirewitness_model::planet::page::Received;
use wirewitness_model::planet::source::{Service, Source};
use wirewitness_model::verdict::{Evidence, Mechanism};

use crate::judge::planet::fault::Fault;
use crate::judge::planet::look::Look;
use crate::judge::planet::remote::{Step, cut};
use crate::judge::url::hostname;
use crate::judge::{Context, planet::letters_text};

/// A row as the rules see it.
pub(super) struct Facts<'f> {
    pub(super) service: Option<Service>,
    pub(super) tries: Vec<Try<'f>>,
    pub(super) says_controls_failed: bool,
}

/// One trial.
pub(super) struct Try<'f> {
    /// Where it stands in the row.
    pub(super) at: String,
    pub(super) is_control: bool,
    pub(super) kind: Kind<'f>,
    pub(super) step: Step,
}

/// What a trial came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind<'f> {
    /// The answer of the template.
    Match,
    /// No connection, so nothing was sent.
    Unsent,
    /// The connection failed after something was sent.
    Fault(What),
    /// Something else came back.
    Other(Look<'f>),
    /// It did not match, and the row does not say how.
    Unsaid,
}

impl<'f> Facts<'f> {
    pub(super) fn of(
        row: &Hyperquack<'_>,
        source: &Source,
        country: Option<[u8; 2]>,
        context: &Context<'f>,
    ) -> Self {
        let service = service(row, source);
        let began = row.trials().iter().find_map(Trial::started_us);
        let list = if row.response.is_empty() { "Results" } else { "response" };
        let read = |(at, trial): (usize, &Trial<'_>)| {
            let is_control = row.is_control(at);
            let mut step =
                Step::new(Layer::Http, Outcome::HttpMatch, &name(row, trial, is_control));
            let kind = kind(trial, context, country, &mut step);
            finish(&mut step, &kind, service);
            step.is_control = is_control;
            step.t_ms = began.zip(trial.started_us()).map(|(began, start)| after(began, start));
            step.took_ms = trial.took_ms();
            Try { at: format!("{list}[{at}]"), is_control, kind, step }
        };
        Self {
            service,
            tries: row.trials().iter().enumerate().map(read).collect(),
            says_controls_failed: row.says_controls_failed(),
        }
    }

    /// The tries with the keyword.
    pub(super) fn keyword(&self) -> impl Iterator<Item = &Try<'f>> {
        self.tries.iter().filter(|one| !one.is_control)
    }

    /// The controls before the first try with the keyword, and those after the last.
    pub(super) fn controls(&self) -> (&[Try<'f>], &[Try<'f>]) {
        let first = self.tries.iter().position(|one| !one.is_control).unwrap_or(0);
        let last = self.tries.iter().rposition(|one| !one.is_control).map_or(0, |last| last + 1);
        (self.tries.get(..first).unwrap_or(&[]), self.tries.get(last..).unwrap_or(&[]))
    }

    /// The row in a few pieces: the control before, the first tries, how many more, the control after.
    pub(super) fn evidence(&self) -> Vec<Evidence> {
        let (before, after) = self.controls();
        let mut pieces: Vec<Evidence> = before.last().into_iter().map(Try::evidence).collect();
        pieces.extend(self.keyword().take(SHOWN).map(Try::evidence));
        let more = self.keyword().count().saturating_sub(SHOWN);
        if let (true, Some(last)) = (more > 0, pieces.last_mut()) {
            let _ = write!(last.seen, " ({more} more tries)");
        }
        let failed = after.iter().find(|one| one.kind != Kind::Match);
        let matched = after.iter().find(|one| one.kind == Kind::Match);
        pieces.extend(failed.into_iter().chain(matched).map(Try::evidence));
        pieces
    }
}

/// Tries with the keyword that are shown one by one.
const SHOWN: usize = 5;

impl Try<'_> {
    pub(super) fn evidence(&self) -> Evidence {
        let what = match &self.kind {
            Kind::Match => "as the template".to_owned(),
            Kind::Other(look) => look.words(),
            Kind::Unsaid => "not as the template".to_owned(),
            Kind::Unsent | Kind::Fault(_) => {
                self.step.failure.clone().unwrap_or_else(|| "failed".to_owned())
            }
        };
        let role = if self.is_control { "the harmless name" } else { "the keyword" };
        Evidence {
            at: self.at.clone(),
            outcome: self.step.outcome,
            seen: format!("{role} {}: {what}", self.step.name),
            expected: None,
        }
    }

    /// What was done, by this try alone.
    pub(super) fn mechanism(&self, service: Option<Service>) -> Option<Mechanism> {
        let is_tls = service == Some(Service::Https);
        let Kind::Fault(what) = self.kind else { return None };
        Some(match (what, is_tls) {
            (What::Reset, true) => Mechanism::TlsResetSni,
            (What::Reset, false) => Mechanism::HttpResetHost,
            (What::Timeout, true) => Mechanism::TlsTimeout,
            (What::Timeout, false) => Mechanism::HttpTimeout,
            (What::Close, true) => Mechanism::TlsClose,
            (What::Close, false) => Mechanism::HttpClose,
            _ => return None,
        })
    }
}

fn kind<'f>(
    trial: &Trial<'_>,
    context: &Context<'f>,
    country: Option<[u8; 2]>,
    step: &mut Step,
) -> Kind<'f> {
    if trial.matches() {
        return Kind::Match;
    }
    let country = letters_text(country);
    let look = Look::at(trial.received(), context.fingerprints, country.as_deref(), step);
    let error = trial.error();
    let fault = error.and_then(|error| Some((Fault::of(error)?, error)));
    step.failure = fault.map(|(fault, error)| fault.words(error));
    match (look, fault) {
        (Some(look), None) => Kind::Other(look),
        // A page that was cut off is still a page; a few bytes before a reset are not.
        (Some(look), Some((fault, _))) if look.is_page && !fault.is_unsent => Kind::Other(look),
        (_, Some((fault, _))) if fault.is_unsent => Kind::Unsent,
        (_, Some((fault, _))) => Kind::Fault(fault.what),
        (None, None) => Kind::Unsaid,
    }
}

fn finish(step: &mut Step, kind: &Kind<'_>, service: Option<Service>) {
    let failure = step.failure.as_deref();
    (step.layer, step.outcome) = match kind {
        Kind::Match => (Layer::Http, Outcome::HttpMatch),
        Kind::Other(_) | Kind::Unsaid => (Layer::Http, Outcome::HttpDiffer),
        Kind::Unsent => (Layer::Tcp, Outcome::of(Layer::Tcp, failure)),
        Kind::Fault(_) if service == Some(Service::Https) => {
            (Layer::Tls, Outcome::of(Layer::Tls, failure))
        }
        Kind::Fault(_) => (Layer::Http, Outcome::of(Layer::Http, failure)),
    };
}

fn name(row: &Hyperquack<'_>, trial: &Trial<'_>, is_control: bool) -> String {
    if !is_control {
        return cut(row.target());
    }
    let sent = trial.sent_host().map(cut);
    trial.control_url.as_str().map(cut).or(sent).unwrap_or_default()
}

#[allow(clippy::cast_precision_loss, reason = "differences of times of the years 1970 to 9999")]
fn after(began: i64, start: i64) -> f64 {
    start.saturating_sub(began) as f64 / 1000.0
}

/// The service: as the row says, as the path says, or as the tries betray it.
fn service(row: &Hyperquack<'_>, source: &Source) -> Option<Service> {
    let told = Service::of(row.service.or_empty()).or(source.service);
    told.or_else(|| row.trials().iter().find_map(betrayed))
}

fn betrayed(trial: &Trial<'_>) -> Option<Service> {
    let error = trial.error().unwrap_or_default();
    match error.to_ascii_lowercase().as_str() {
        "received response" => return Some(Service::Discard),
        "incorrect echo response" => return Some(Service::Echo),
        _ => {}
    }
    if let Received::Response(response) = trial.received() {
        let is_tls = response.certificate().is_some() || response.tls_version.0.is_some();
        return Some(if is_tls { Service::Https } else { Service::Http });
    }
    // `read tcp 192.0.2.9:38547->192.0.2.1:9: i/o timeout`
    let (_, far) = error.split_once("->")?;
    let port = hostname_and_port(far.split(": ").next()?)?;
    Service::on_port(port)
}

fn hostname_and_port(endpoint: &str) -> Option<u16> {
    let host = hostname(endpoint);
    endpoint.get(host.len()..)?.trim_start_matches([':', ']', '[']).parse().ok()
}
