//! Probes and their controls: so many trials of each in an order that nobody chose, and what was counted.

use aws_lc_rs::digest::{SHA256, digest};
use wirewitness_model::battery::{Probe, State};
use wirewitness_model::hex::hex;
use wirewitness_net::raw::Raw;

use super::{Request, Running, Stop};
use crate::battery::exchange::{AFTERWARDS, Outcome};
use crate::battery::plan::Test;
use crate::battery::tally::{Cell, Tally, Tried, hash};

impl<N: Raw> Running<'_, N> {
    /// Tries every probe with both names, and the plain request with both as controls; in a further run, every probe with the censored name.
    pub(in crate::battery) async fn probe(
        &mut self,
        plain: &Request,
        requests: &[Request],
    ) -> Result<(), Stop> {
        let mut tally = self.tallies.remove(&self.test).unwrap_or_default();
        let ended = match tally.trials {
            0 => self.tally(plain, requests, &mut tally).await,
            trials => self.once_more(plain, requests, (trials, &mut tally)).await,
        };
        if tally.has_silence() {
            let _ = self.arrived().await;
            tally.settle(&self.arrived);
        }
        // What was counted is kept, also where it ended early.
        self.tallies.insert(self.test, tally);
        ended
    }

    /// Whether a test has counted anything.
    pub(in crate::battery) fn was_tried(&self, test: Test) -> bool {
        self.tallies.contains_key(&test)
    }

    /// Takes for not arrived what did not come in as many fragments as its probe's name says, by what the far end has told. A whole packet is one.
    pub(in crate::battery) fn spoil_what_was_rejoined(
        &mut self,
        test: Test,
        count: &dyn Fn(&str) -> Option<u32>,
    ) {
        let Some(tally) = self.tallies.get_mut(&test) else { return };
        for tried in &mut tally.probes {
            let Some(sent) = count(&tried.vector) else { continue };
            let came = |it: &String| self.pieces.get(it).copied().unwrap_or(1) == sent;
            let spoiled = tried.whole.iter().filter(|it| !came(it)).count();
            tried.negative.spoil(u32::try_from(spoiled).unwrap_or(u32::MAX));
        }
    }

    /// Puts what was counted where it belongs.
    pub(super) fn keep(&mut self) {
        for (test, tally) in std::mem::take(&mut self.tallies) {
            let tests = tally.tests();
            match test {
                Test::Pieces => self.battery.pieces.extend(tests),
                Test::Http => self.battery.http.extend(tests),
                Test::Fragments => self.battery.fragments.extend(tests),
                _ => self.battery.tls.extend(tests),
            }
        }
        let is_found = |it: &Probe| it.decided() == State::Censored;
        if self.battery.tls.is_empty() && self.substring.iter().any(is_found) {
            let note = "the name is acted upon where no parser looks for it";
            self.facts.notes.push(note.to_owned());
        }
        for test in &mut self.battery.tls {
            test.substring.clone_from(&self.substring);
        }
    }

    /// One more run of a test whose first is counted. Of a probe whose trials were cut short, the run does not count.
    async fn once_more(
        &mut self,
        plain: &Request,
        requests: &[Request],
        (trials, tally): (u32, &mut Tally),
    ) -> Result<(), Stop> {
        // Between two runs the ground is looked at.
        self.recheck(plain, tally).await?;
        let mut order: Vec<&Request> = requests.iter().collect();
        self.chance.shuffle(&mut order);
        for (number, request) in order.into_iter().enumerate() {
            let mut cell = Cell::default();
            for _ in 0..trials {
                let (outcome, sent) = self.trial(request, true).await?;
                cell.add(&outcome, &sent);
            }
            let tried = tally.probes.iter_mut().find(|it| it.vector == request.vector);
            tried.into_iter().for_each(|it| it.again.push(std::mem::take(&mut cell)));
            if number % RECHECK == RECHECK - 1 {
                self.recheck(plain, tally).await?;
            }
        }
        Ok(())
    }

    async fn tally(
        &mut self,
        plain: &Request,
        requests: &[Request],
        tally: &mut Tally,
    ) -> Result<(), Stop> {
        let trials = self.controls(plain, tally).await?;
        tally.trials = trials;
        let mut order: Vec<&Request> = requests.iter().collect();
        self.chance.shuffle(&mut order);
        for (number, request) in order.into_iter().enumerate() {
            let mut tried = Tried { vector: request.vector.clone(), ..Tried::default() };
            tried.sha256 = hex(digest(
                &SHA256,
                &(request.build)(&self.plan.trigger, [0; 32]).bytes(),
            )
            .as_ref());
            let ended = self.one(request, trials, &mut tried).await;
            let any = tried.censored.any().trials > 0;
            tally.probes.extend(any.then_some(tried));
            ended?;
            if number % RECHECK == RECHECK - 1 {
                self.recheck(plain, tally).await?;
            }
        }
        Ok(())
    }

    /// The controls; gives how many trials a probe needs.
    async fn controls(&mut self, plain: &Request, tally: &mut Tally) -> Result<u32, Stop> {
        let trials = self.plan.trials;
        for censored in self.mixed(trials, trials) {
            self.control(plain, censored, tally).await?;
        }
        let positive = tally.positive.any();
        let is_unreliable = positive.hits * 10 > trials && positive.hits * 10 < trials * 9;
        if !is_unreliable || trials >= WIDE {
            return Ok(trials);
        }
        for _ in trials..WIDE {
            self.control(plain, true, tally).await?;
        }
        Ok(WIDE)
    }

    async fn one(&mut self, request: &Request, trials: u32, tried: &mut Tried) -> Result<(), Stop> {
        for censored in self.mixed(trials, self.plan.trials) {
            let (outcome, sent) = self.trial(request, censored).await?;
            let cell = if censored { &mut tried.censored } else { &mut tried.negative };
            cell.add(&outcome, &sent);
            if !censored && outcome == Outcome::Through {
                tried.whole.push(hash(&[sent.as_slice(), AFTERWARDS].concat()));
            }
        }
        Ok(())
    }

    /// Both controls once more, between two probes; the harmless one until it gets through, three times at most.
    async fn recheck(&mut self, plain: &Request, tally: &mut Tally) -> Result<(), Stop> {
        self.control(plain, true, tally).await?;
        self.control(plain, false, tally).await?;
        while self.failed > 0 {
            self.control(plain, false, tally).await?;
        }
        Ok(())
    }
}

/// Trials where the positive control is unreliable.
const WIDE: u32 = 60;
/// Probes between two looks at the controls.
const RECHECK: usize = 2;
