//! Running a battery: the order, the controls, the rests between, and when to stop.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wirewitness_model::battery::{Battery, Counts, FORMAT, Probe, Run, Skipped};
use wirewitness_net::Listen;
use wirewitness_net::raw::Raw;

use super::chance::Chance;
use super::exchange::{AFTERWARDS, Outcome, Sending};
use super::line::{FarEnd, Line, LineError};
use super::plan::{Plan, PlanError, Test};
use super::protocol::Ending;
use super::tally::{Tally, behaviour, hash};
use super::{direction, dns, fragments, location, pieces, quic, resets, residual, tls, web};

mod probes;

/// Why there is no battery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatteryFailure {
    /// The plan makes no sense.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// No consent, or no way to the far end.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The controls failed before anything was counted.
    #[error("{0}")]
    Controls(#[from] ControlsFailed),
}

/// The harmless request did not get through, three times in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the harmless request failed three times in a row: the line itself may be blocked; let it rest for 24 hours"
)]
pub struct ControlsFailed;

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The test.
    pub test: Test,
    /// Connections so far.
    pub connections: u32,
}

/// Tells whoever waits.
pub type Watch<'a> = &'a (dyn Fn(Step) + Sync);

/// Runs a battery against a far end that has consented, and gives what it counted.
///
/// # Errors
/// A plan that makes no sense, or a far end that does not consent. A run that had to stop in the middle gives what it has, and says so.
pub async fn run<N: Listen + Raw>(
    net: &N,
    far_end: &FarEnd,
    plan: &Plan,
    watch: Watch<'_>,
) -> Result<Battery, BatteryFailure> {
    plan.check()?;
    // Whose consent it is comes before what it suffices for.
    Line::granted(net, far_end).await?;
    plan.fits(&far_end.token)?;
    let line = Line::open(net, far_end, (plan.caps, plan.residual_wait)).await?;
    let begun = net.now().elapsed;
    let mut running = Running {
        chance: Chance::new(plan.seed),
        plan,
        line: &line,
        watch,
        test: Test::Residual,
        trial: 0,
        failed: 0,
        arrived: BTreeSet::new(),
        from: BTreeMap::new(),
        pieces: BTreeMap::new(),
        told: 0,
        battery: Battery {
            format: FORMAT.to_owned(),
            event: plan.event.clone(),
            ..Battery::default()
        },
        facts: Run { seed: plan.seed, ..Run::default() },
        substring: Vec::new(),
        tallies: BTreeMap::new(),
        run: 0,
    };
    let ended = running.all().await;
    running.keep();
    line.close().await;
    let Running { mut battery, mut facts, .. } = running;
    facts.ended = ended.err().map(|stop| stop.to_string());
    let spent = line.spent().await;
    (facts.connections, facts.bytes) = (spent.connections, spent.bytes);
    facts.seconds = net.now().elapsed.saturating_sub(begun).as_secs();
    facts.residual_wait_seconds = line.wait().await.as_secs();
    battery.run = Some(facts);
    Ok(battery)
}

/// Why a run stops.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    /// The controls failed.
    #[error(transparent)]
    Controls(#[from] ControlsFailed),
    /// The line.
    #[error(transparent)]
    Line(#[from] LineError),
}

/// A run.
pub(super) struct Running<'a, N: Raw> {
    pub(super) plan: &'a Plan,
    pub(super) line: &'a Line<N>,
    pub(super) chance: Chance,
    pub(super) battery: Battery,
    pub(super) facts: Run,
    /// The censored name where no parser looks for it.
    pub(super) substring: Vec<Probe>,
    tallies: BTreeMap<Test, Tally>,
    /// The number of the run, from 0 on.
    run: u32,
    watch: Watch<'a>,
    test: Test,
    trial: u32,
    /// Controls that failed in a row.
    failed: u32,
    /// What arrived, as far as it was told.
    arrived: BTreeSet<String>,
    /// Between which ports it came.
    from: BTreeMap<String, (u16, u16)>,
    /// In how many fragments.
    pieces: BTreeMap<String, u32>,
    told: usize,
}

/// Makes a request for a name and a mark.
type Build = Box<dyn Fn(&str, [u8; 32]) -> Sending + Send + Sync>;

/// A request that can be made for any name; it carries the mark somewhere.
pub(super) struct Request {
    /// Its name.
    pub(super) vector: String,
    /// Its bytes, for a name and a mark.
    pub(super) build: Build,
}

impl<N: Listen + Raw> Running<'_, N> {
    async fn all(&mut self) -> Result<(), Stop> {
        let plan = self.plan;
        let tests = || Test::ALL.into_iter().filter(|it| plan.tests.contains(it));
        for test in tests() {
            self.test = test;
            self.first(test).await?;
        }
        for _ in 1..plan.runs {
            self.run += 1;
            for test in tests().filter(|it| it.has_probes()) {
                self.test = test;
                match self.probes_of(test).await {
                    Err(Stop::Line(LineError::Spent(_))) => {
                        let note = "the connections of a run ended before its second run of all probes did: those that it came to have two";
                        self.facts.notes.push(note.to_owned());
                        return Ok(());
                    }
                    ended => ended?,
                }
            }
        }
        Ok(())
    }

    async fn first(&mut self, test: Test) -> Result<(), Stop> {
        match test {
            Test::Residual => residual::run(self).await,
            Test::Substring => pieces::substring(self).await,
            Test::Resets => resets::run(self).await,
            Test::Location => location::run(self).await,
            Test::Direction => direction::run(self).await,
            _ => self.probes_of(test).await,
        }
    }

    /// Tests of probes, which a further run tries again.
    async fn probes_of(&mut self, test: Test) -> Result<(), Stop> {
        match test {
            Test::Tls => tls::run(self).await,
            Test::Pieces => pieces::run(self).await,
            Test::Http => web::run(self).await,
            Test::Dns => dns::run(self).await,
            Test::Quic => quic::run(self).await,
            Test::Fragments => fragments::run(self).await,
            _ => Ok(()),
        }
    }
}

impl<N: Raw> Running<'_, N> {
    /// Whether this is not the first run.
    pub(super) fn is_again(&self) -> bool {
        self.run > 0
    }

    /// Writes down that a test was not run.
    pub(super) fn skip(&mut self, test: &str, why: &str) {
        self.facts.skipped.push(Skipped { test: test.to_owned(), why: why.to_owned() });
    }

    /// So many trials of a request with the censored name, each on a rested port.
    pub(super) async fn count(&mut self, request: &Request, trials: u32) -> Result<Counts, Stop> {
        let mut counts = Counts::default();
        for _ in 0..trials {
            let (outcome, _) = self.trial(request, true).await?;
            let hit = u32::from(behaviour(&outcome).is_some());
            counts = counts.plus(Counts::new(hit, 1));
        }
        Ok(counts)
    }

    /// So many trials with the censored name and so many with the harmless one, in any order.
    pub(super) fn mixed(&mut self, censored: u32, harmless: u32) -> Vec<bool> {
        let mut order = vec![true; censored as usize];
        order.extend(std::iter::repeat_n(false, harmless as usize));
        self.chance.shuffle(&mut order);
        order
    }

    pub(super) async fn control(
        &mut self,
        plain: &Request,
        censored: bool,
        tally: &mut Tally,
    ) -> Result<(), Stop> {
        let (outcome, sent) = self.trial(plain, censored).await?;
        if censored {
            tally.positive.add(&outcome, &sent);
            return Ok(());
        }
        tally.baseline.add(&outcome, &sent);
        tally.harmless.push(hash(&[sent.as_slice(), AFTERWARDS].concat()));
        Ok(self.harmless_came_to(&outcome)?)
    }

    pub(super) fn harmless_came_to(&mut self, outcome: &Outcome) -> Result<(), ControlsFailed> {
        self.harmless(*outcome == Outcome::Through)
    }

    /// One more harmless control, of any test: whether it got through. Three in a row that do not end the run.
    pub(super) fn harmless(&mut self, got_through: bool) -> Result<(), ControlsFailed> {
        self.failed = if got_through { 0 } else { self.failed + 1 };
        if self.failed >= FAILED_CONTROLS { Err(ControlsFailed) } else { Ok(()) }
    }

    /// Whether the last harmless control failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failed > 0
    }

    /// The harmless request, until it gets through; three times at most.
    pub(super) async fn harmless_gets_through(&mut self, plain: &Request) -> Result<(), Stop> {
        loop {
            let (outcome, _) = self.trial(plain, false).await?;
            self.harmless_came_to(&outcome)?;
            if !self.is_failing() {
                return Ok(());
            }
        }
    }

    /// One trial on a rested port. One that could not be opened counts for nothing and is tried again, on other ports.
    async fn trial(
        &mut self,
        request: &Request,
        censored: bool,
    ) -> Result<(Outcome, Vec<u8>), Stop> {
        for _ in 0..FAILED_CONTROLS {
            let port = self.line.rested_port().await;
            let (outcome, sent) = self.trial_at(port, request, censored).await?;
            if !matches!(outcome, Outcome::NotOpened(_)) {
                return Ok((outcome, sent));
            }
            self.line.rest(port).await;
        }
        Err(ControlsFailed.into())
    }

    /// One trial on this port.
    pub(super) async fn trial_at(
        &mut self,
        port: u16,
        request: &Request,
        censored: bool,
    ) -> Result<(Outcome, Vec<u8>), Stop> {
        let sending = self.sending(request, censored);
        let outcome = match sending.fragments {
            None => self.line.exchange(port, &sending).await?,
            Some(fragments) => self.line.exchange_cut(port, (&sending.bytes(), fragments)).await?,
        };
        if censored && behaviour(&outcome).is_some() {
            self.line.rest(port).await;
            self.page(&outcome);
        }
        let connections = self.line.spent().await.connections;
        (self.watch)(Step { test: self.test, connections });
        Ok((outcome, sending.bytes()))
    }

    fn sending(&mut self, request: &Request, censored: bool) -> Sending {
        let plan = self.plan;
        let name = if censored { &plan.trigger } else { &plan.neutral };
        let trial = self.next_trial();
        (request.build)(name, self.chance.mark(trial))
    }

    /// One trial of a request with so much life, on a rested port.
    pub(super) async fn trial_with_life(
        &mut self,
        request: &Request,
        censored: bool,
        ttl: u8,
    ) -> Result<(Outcome, Vec<u8>), Stop> {
        let port = self.line.rested_port().await;
        let sending = self.sending(request, censored);
        let outcome = self.line.exchange_with_life(port, (&sending, ttl)).await?;
        if censored {
            self.line.rest(port).await;
        }
        Ok((outcome, sending.bytes()))
    }

    /// Keeps a forged page, each once.
    fn page(&mut self, outcome: &Outcome) {
        let Outcome::Foreign(bytes) = outcome else { return };
        let pages = &mut self.battery.pages;
        let page =
            web::page(bytes).filter(|page| !pages.contains(page) && pages.len() < MOST_PAGES);
        pages.extend(page);
    }

    /// The number of a new trial.
    pub(super) fn next_trial(&mut self) -> u32 {
        self.trial += 1;
        self.trial
    }

    /// Hashes of all that arrived whole so far. What was told is not asked for again.
    pub(super) async fn arrived(&mut self) -> Result<&BTreeSet<String>, Stop> {
        let told = self.line.arrivals(self.told).await?;
        // One that was open when it was told is asked for again: more of it may come.
        self.told += told.iter().take_while(|it| it.end != Ending::Open).count();
        for arrival in told {
            self.from.insert(arrival.sha256.clone(), (arrival.port, arrival.client_port));
            self.pieces.extend(arrival.fragments.map(|count| (arrival.sha256.clone(), count)));
            self.arrived.insert(arrival.sha256);
        }
        Ok(&self.arrived)
    }

    /// Whether what has this hash had arrived when the far end was last asked.
    pub(super) fn has_arrived(&self, sha256: &str) -> bool {
        self.arrived.contains(sha256)
    }

    /// In how many fragments what has this hash had come when the far end was last asked.
    pub(super) fn pieces_of(&self, sha256: &str) -> Option<u32> {
        self.pieces.get(sha256).copied()
    }

    /// Ports of the far end and of the client, as the far end has it, of what arrived whole with these hashes.
    pub(super) fn ports_of(&self, hashes: &[String]) -> BTreeSet<(u16, u16)> {
        hashes.iter().filter_map(|it| self.from.get(it).copied()).collect()
    }

    /// Rests ports no longer than blocks were found to last.
    pub(super) async fn learn_wait(&mut self, wait: Duration) {
        self.line.set_wait(wait).await;
    }
}

/// Different pages that are kept.
const MOST_PAGES: usize = 8;
/// So many controls that fail in a row end a run.
pub(super) const FAILED_CONTROLS: u32 = 3;
