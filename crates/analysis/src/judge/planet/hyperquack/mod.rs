//! Hyperquack: a server in the country reflects, or answers unknown hosts in a known way; a keyword changes that.
//!
//! The same server, address and port answer a harmless name as the template says, before and after, and do not answer the
//! keyword so: what differs is the name alone. A row is `blocked` only where every try with the keyword that was sent
//! failed, at least two of them, in a way that the server itself is not known for.

mod facts;
mod rules;
#[cfg(test)]
mod tests;

use wirewitness_model::ooni::failure::What;
use wirewitness_model::planet::hyperquack::Hyperquack;
use wirewitness_model::planet::source::Service;
use wirewitness_model::verdict::{Confidence, Locus, Mechanism, Status, Verdict};

use super::remote::{MAX_STEPS, Remote};
use super::{Scene, bare};
use crate::judge::rule::{Draft, Rule};
use facts::{Facts, Kind, Try};
pub(super) use rules::RULES;
use rules::{BLOCKPAGE, CONTROL, DENIED, INJECTED, OK, UNCLEAR, UNSENT};

/// Reads and judges one row.
pub(super) fn remote(row: &Hyperquack<'_>, scene: &Scene<'_>) -> Remote {
    let mut remote = scene.begin(row.vantage(), row.target(), &row.location);
    let facts = Facts::of(row, scene.source, remote.country, scene.context);
    remote.test = test(facts.service);
    let began = row.trials().iter().find_map(|trial| trial.started_us());
    remote.started_us = began.or(scene.source.started_us);
    remote.verdict = judge(&facts);
    remote.steps = facts.tries.into_iter().map(|one| one.step).take(MAX_STEPS).collect();
    remote.steps_left_out = row.trials_left_out();
    remote
}

fn test(service: Option<Service>) -> &'static str {
    match service {
        Some(Service::Echo) => "hyperquack.echo",
        Some(Service::Discard) => "hyperquack.discard",
        Some(Service::Http) => "hyperquack.http",
        Some(Service::Https) => "hyperquack.https",
        None => "hyperquack",
    }
}

fn judge(facts: &Facts<'_>) -> Verdict {
    if facts.tries.is_empty() {
        return bare("trial");
    }
    let with =
        |rule: &Rule, status, confidence| rule.verdict(status, confidence).with(facts.evidence());
    let insufficient = |rule: &Rule| with(rule, Status::Insufficient, Confidence::Low);
    if let Some(works) = facts.keyword().find(|one| one.kind == Kind::Match) {
        return OK.verdict(Status::Ok, Confidence::Medium).with([works.evidence()]).done();
    }
    let recovery = Recovery::of(facts);
    if recovery == Recovery::Never {
        return insufficient(&CONTROL).located(Locus::Vantage).done();
    }
    let sent: Vec<&Try<'_>> = facts.keyword().filter(|one| one.kind != Kind::Unsent).collect();
    if sent.is_empty() {
        return insufficient(&UNSENT).done();
    }
    if recovery == Recovery::Late && !sent.iter().all(|one| is_specific(one)) {
        return insufficient(&CONTROL).located(Locus::Vantage).done();
    }
    let denied =
        blockpage(&sent).or_else(|| injected(facts, &sent)).or_else(|| denied(facts, &sent));
    match denied {
        Some(draft) => {
            let draft = draft.with(facts.evidence());
            if recovery == Recovery::Late { draft.cannot_tell(RESIDUAL) } else { draft }.done()
        }
        None if sent.len() < MIN_TRIES => {
            insufficient(&UNCLEAR).cannot_tell("a single failure from a lasting one").done()
        }
        None => insufficient(&UNCLEAR).done(),
    }
}

/// Whether the server answered a harmless name as the template says, once the keyword had failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recovery {
    /// At once.
    AtOnce,
    /// Not at first, but later.
    Late,
    /// Not at all, or it never did before, or nobody asked.
    Never,
}

impl Recovery {
    fn of(facts: &Facts<'_>) -> Self {
        let (before, after) = facts.controls();
        let works = |one: &Try<'_>| one.kind == Kind::Match;
        let never_worked = !before.is_empty() && !before.iter().any(works);
        let has_keyword = facts.keyword().next().is_some();
        if facts.says_controls_failed || never_worked || !has_keyword {
            return Self::Never;
        }
        match after.iter().position(works) {
            Some(0) => Self::AtOnce,
            Some(_) => Self::Late,
            None => Self::Never,
        }
    }
}

/// True for what a server that is down for a while does not do.
fn is_specific(one: &Try<'_>) -> bool {
    match &one.kind {
        Kind::Fault(what) => *what == What::Reset,
        Kind::Other(look) => look.is_page,
        _ => false,
    }
}

fn blockpage(sent: &[&Try<'_>]) -> Option<Draft> {
    let look = sent.iter().find_map(|one| match &one.kind {
        Kind::Other(look) if look.is_confirmed() => Some(look),
        _ => None,
    })?;
    let (name, _) = look.mark?;
    let draft = BLOCKPAGE
        .verdict(Status::Blocked, Confidence::High)
        .by(Mechanism::HttpBlockpage, Locus::Path)
        .fingerprint(name);
    Some(draft)
}

/// A page from a service that has none to give.
fn injected(facts: &Facts<'_>, sent: &[&Try<'_>]) -> Option<Draft> {
    let has_no_pages = matches!(facts.service, Some(Service::Echo | Service::Discard));
    let mut looks = sent.iter().filter_map(|one| match &one.kind {
        Kind::Other(look) => Some(look),
        _ => None,
    });
    let is_known_false = looks.clone().any(|look| look.false_positive.is_some());
    let page = looks.find(|look| look.is_page)?;
    if !has_no_pages || is_known_false || sent.len() < MIN_TRIES {
        return None;
    }
    let mechanism = match page.status {
        Some(300..400) => Mechanism::HttpRedirect,
        Some(400..) => Mechanism::HttpError,
        _ => Mechanism::HttpBlockpage,
    };
    let draft = INJECTED.verdict(Status::Blocked, Confidence::Medium).by(mechanism, Locus::Path);
    Some(match page.mark {
        Some((name, _)) => draft.fingerprint(name),
        None => draft,
    })
}

fn denied(facts: &Facts<'_>, sent: &[&Try<'_>]) -> Option<Draft> {
    let mechanisms: Option<Vec<Mechanism>> =
        sent.iter().map(|one| one.mechanism(facts.service)).collect();
    let mechanisms = mechanisms?;
    if mechanisms.len() < MIN_TRIES {
        return None;
    }
    let first = *mechanisms.first()?;
    let draft = DENIED.verdict(Status::Blocked, Confidence::Medium).by(first, Locus::Path);
    Some(mechanisms.into_iter().fold(draft, Draft::also))
}

/// So many tries with the keyword must have failed: one failure happens on any line.
const MIN_TRIES: usize = 2;

const RESIDUAL: &str = "a block that outlives its trigger from a device that needed time to recover: the harmless name \
                        failed too, right after the keyword";
