//! How a test of one application is judged: its main ways, its side ways, and whether the line works.
//!
//! | main ways | side ways | line | verdict |
//! |---|---|---|---|
//! | one reached | none denied in a specific way | | the application's `ok` |
//! | one reached | one denied in a specific way | | its `part`: blocked, by that step's mechanism |
//! | all denied | | shown to work | its `endpoints`: blocked, `app.blocked` |
//! | all denied, names lead to the device itself | | | `line.device` |
//! | all denied or not tried | | shown to work, but too few failures | `line.unclear` |
//! | all denied | | unknown | `line.silent` |
//!
//! Ways that failed here and from elsewhere alike (`elsewhere`) are set aside first; where nothing main is left, the
//! application is `app.down`. What failed here and works from elsewhere contradicts itself, however few the failures are.
//!
//! "Specific" is what neither an outage nor a failing server does by itself ([`Step::is_specific`]).

use wirewitness_model::ooni::{Measurement, TestKeys};
use wirewitness_model::outcome::Layer;
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Mechanism, Status, Verdict};

use super::elsewhere::{down, fails_elsewhere, works_elsewhere};
use super::evidence::capped;
use super::line::{DEVICE, Line, SILENT, UNCLEAR, bare, device_answered};
use super::step::{Oddity, Step, Way};
use crate::judge::rule::Rule;

/// The rules of one application.
pub(super) struct AppRules {
    pub(super) ok: &'static Rule,
    pub(super) endpoints: &'static Rule,
    pub(super) part: &'static Rule,
}

/// What a test tried of an application.
pub(super) struct App<'m> {
    pub(super) keys: &'m TestKeys<'m>,
    pub(super) rules: AppRules,
    /// What the application cannot do without: any one of them is enough.
    pub(super) main: Vec<Way<'m>>,
    /// What it does beside that.
    pub(super) side: Vec<Way<'m>>,
    /// Whether one route filter could close all endpoints at once.
    pub(super) operators: Operators,
}

/// Who runs the endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operators {
    /// One operator, in networks of its own.
    One,
    /// Several clouds, which do not fail together unless the line does.
    Several,
}

impl App<'_> {
    /// Judges the application.
    pub(super) fn judge(mut self, measurement: &Measurement<'_>) -> Verdict {
        self.main.retain(|way| !way.steps.is_empty());
        self.side.retain(|way| !way.steps.is_empty());
        if self.main.is_empty() && self.side.is_empty() {
            return bare("step towards the application");
        }
        if self.main.iter().any(Way::is_reached) {
            return self.reached();
        }
        if !self.main.is_empty() && self.main.iter().all(|way| fails_elsewhere(self.keys, way)) {
            return down(&self.main);
        }
        self.not_reached(&Line::of(measurement, self.keys))
    }

    fn reached(&self) -> Verdict {
        let specific = |way: &&Way<'_>| {
            way.denial().is_some_and(|step| self.is_specific(step))
                && !fails_elsewhere(self.keys, way)
        };
        let denied: Vec<&Way<'_>> = self.side.iter().filter(specific).collect();
        match denied.first().and_then(|way| way.denial()) {
            Some(step) => self.part(step, &denied),
            None => self.ok(),
        }
    }

    fn ok(&self) -> Verdict {
        let rule = self.rules.ok;
        let reached = self.ways().filter(|way| way.is_reached()).count();
        let has_proof =
            self.ways().any(|way| way.steps.iter().any(|s| s.layer == Layer::Tls && s.works()));
        let confidence =
            if reached > 1 && has_proof { Confidence::High } else { Confidence::Medium };
        let failed: Vec<&Way<'_>> = self.ways().filter(|way| way.denial().is_some()).collect();
        let draft = rule.verdict(Status::Ok, confidence).with(self.evidence());
        match failed.as_slice() {
            [] => draft.done(),
            some => draft
                .cannot_tell(format!("why {} failed: a server may be at fault", names(some)))
                .done(),
        }
    }

    fn part(&self, step: &Step<'_>, denied: &[&Way<'_>]) -> Verdict {
        let Some(mechanism) = self.mechanism(step) else { return self.ok() };
        let locus = if step.layer == Layer::Dns { Locus::Resolver } else { Locus::Path };
        let mut draft =
            self.rules.part.verdict(Status::Blocked, Confidence::Medium).by(mechanism, locus);
        for other in denied.iter().filter_map(|way| self.mechanism(way.denial()?)) {
            draft = draft.also(other);
        }
        draft.with(self.evidence()).done()
    }

    fn not_reached(&self, line: &Line) -> Verdict {
        let denials: Vec<&Step<'_>> = self.main.iter().filter_map(Way::denial).collect();
        let on_device = self.main.iter().any(Way::is_kept_on_the_device);
        if let Some(server) = device_answered(self.keys).filter(|_| on_device) {
            let evidence = [server.evidence()].into_iter().chain(self.evidence());
            return DEVICE
                .verdict(Status::Insufficient, Confidence::Medium)
                .with(capped(evidence))
                .done();
        }
        if self.is_denied(&denials, line) {
            return self.denied(&denials, line);
        }
        let rule =
            if matches!(line, Line::Works(_)) || denials.is_empty() { &UNCLEAR } else { &SILENT };
        let draft = rule.verdict(Status::Insufficient, Confidence::Low).with(self.evidence());
        if denials.is_empty() {
            return draft
                .cannot_tell("whether the service accepts connections: none was tried")
                .done();
        }
        draft.done()
    }

    /// True for a step with a mark of interference, unless the device itself made that mark.
    fn is_specific(&self, step: &Step<'_>) -> bool {
        let on_device = matches!(step.oddity, Some(Oddity::Device(_)));
        step.is_specific() && !(on_device && device_answered(self.keys).is_some())
    }

    /// True where the failures and what is known of the line contradict each other.
    fn is_denied(&self, denials: &[&Step<'_>], line: &Line) -> bool {
        let specific = denials.iter().any(|step| self.is_specific(step));
        let all_denied = !denials.is_empty() && denials.len() == self.main.len();
        let every_way = self.ways().all(|way| way.denial().is_some());
        let many = denials.len() >= MANY || (every_way && self.ways().count() >= MANY);
        // A login page sends everything on to itself.
        let sent_on = denials.iter().any(|step| step.oddity.is_some() && step.layer == Layer::Http);
        let resolves = self
            .ways()
            .any(|way| way.steps.iter().any(|step| step.layer == Layer::Dns && step.works()));
        all_denied
            && !sent_on
            && match line {
                Line::Works(_) => specific || many || self.contradicted(),
                Line::Worked(_) if specific => true,
                Line::Worked(_) => many && resolves && self.operators == Operators::One,
                Line::Unknown => false,
            }
    }

    /// True where every main way that is not down for all works from elsewhere, and one does.
    fn contradicted(&self) -> bool {
        let mut rest = self.main.iter().filter(|way| !fails_elsewhere(self.keys, way)).peekable();
        rest.peek().is_some() && rest.all(|way| works_elsewhere(self.keys, way))
    }

    fn denied(&self, denials: &[&Step<'_>], line: &Line) -> Verdict {
        let specific = denials.iter().any(|step| self.is_specific(step));
        let sure = matches!(line, Line::Works(_)) && denials.len() >= MANY && specific;
        let confidence = if sure { Confidence::High } else { Confidence::Medium };
        let in_dns = denials.iter().all(|step| step.layer == Layer::Dns);
        let locus = if in_dns { Locus::Resolver } else { Locus::Path };
        let rule = self.rules.endpoints;
        let mut draft = rule.verdict(Status::Blocked, confidence).by(Mechanism::AppBlocked, locus);
        for mechanism in denials.iter().filter_map(|step| self.mechanism(step)) {
            draft = draft.also(mechanism);
        }
        draft.with(capped(line.evidence().into_iter().chain(self.pieces()))).done()
    }

    /// The mechanism of a step, with what the other steps say of it.
    ///
    /// A reset in a handshake is because of the name where the same client's handshake under another name worked, or
    /// plain HTTP with the same host did: then neither TLS nor the address is what is refused.
    fn mechanism(&self, step: &Step<'_>) -> Option<Mechanism> {
        let mechanism = step.mechanism()?;
        let other_name = || {
            self.keys
                .tls_handshakes
                .iter()
                .any(|h| h.failure.is_none() && h.server_name.or_empty() != step.to)
        };
        let plain = || {
            self.keys.requests.iter().any(|trip| {
                trip.failure.is_none()
                    && trip.request.url.or_empty().starts_with("http://")
                    && super::step::host(trip) == step.to.as_str()
            })
        };
        if mechanism == Mechanism::TlsResetOther && (other_name() || plain()) {
            return Some(Mechanism::TlsResetSni);
        }
        Some(mechanism)
    }

    fn ways(&self) -> impl Iterator<Item = &Way<'_>> {
        self.main.iter().chain(&self.side)
    }

    /// The telling step of every way, those that were denied first.
    fn pieces(&self) -> impl Iterator<Item = Evidence> {
        let (mut denied, mut open) = (Vec::new(), Vec::new());
        for way in self.ways() {
            let list = if way.denial().is_some() { &mut denied } else { &mut open };
            list.extend(way.telling().map(Step::evidence));
        }
        denied.into_iter().chain(open)
    }

    fn evidence(&self) -> Vec<Evidence> {
        capped(self.pieces())
    }
}

/// So many endpoints do not fail together by chance.
const MANY: usize = 3;

fn names(ways: &[&Way<'_>]) -> String {
    let shown: Vec<&str> = ways.iter().take(5).map(|way| way.name.as_str()).collect();
    let rest = ways.len().saturating_sub(shown.len());
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
