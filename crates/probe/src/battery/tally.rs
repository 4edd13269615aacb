//! Trials, counted: by probe, and by how a block showed itself.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use wirewitness_model::battery::{Behaviour, Controls, Counts, Probe, ProbeTest, State};
use wirewitness_model::hex::hex;

use super::exchange::{AFTERWARDS, Outcome};

/// Trials of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    trials: u32,
    seen: BTreeMap<Behaviour, u32>,
    /// Hashes of what was sent where nothing came back: the far end may have it.
    silent: Vec<String>,
    /// Trials that came through, and not as they were sent.
    spoiled: u32,
}

impl Cell {
    /// One more trial, in which `sent` was sent.
    pub fn add(&mut self, outcome: &Outcome, sent: &[u8]) {
        self.trials += 1;
        let Some(behaviour) = behaviour(outcome) else { return };
        *self.seen.entry(behaviour).or_default() += 1;
        if behaviour == Behaviour::DropToServer {
            let afterwards: &[u8] = match outcome {
                Outcome::SilentAfterwards => AFTERWARDS,
                _ => &[],
            };
            self.silent.push(hash(&[sent, afterwards].concat()));
        }
    }

    /// Trials in which anything was seen.
    pub fn any(&self) -> Counts {
        let seen: u32 = self.seen.values().sum();
        Counts::new((seen + self.spoiled).min(self.trials), self.trials)
    }

    /// So many of those that came through came otherwise than they were sent.
    pub fn spoil(&mut self, trials: u32) {
        self.spoiled = trials;
    }

    fn of(&self, behaviour: Behaviour) -> Counts {
        Counts::new(self.seen.get(&behaviour).copied().unwrap_or(0), self.trials)
    }
}

/// As the far end tells what arrived.
pub(super) fn hash(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// How a block shows itself in an outcome. Silence is taken for a loss on the way there, until the far end is asked.
pub fn behaviour(outcome: &Outcome) -> Option<Behaviour> {
    match outcome {
        Outcome::Through => None,
        Outcome::Reset => Some(Behaviour::Rst),
        Outcome::Fin => Some(Behaviour::Fin),
        Outcome::Silent | Outcome::SilentAfterwards | Outcome::NotOpened(_) => {
            Some(Behaviour::DropToServer)
        }
        Outcome::Foreign(bytes) => Some(of_foreign(bytes)),
    }
}

fn of_foreign(bytes: &[u8]) -> Behaviour {
    let is_redirect = bytes.starts_with(b"HTTP/1.") && bytes.get(8..10) == Some(b" 3");
    if is_redirect { Behaviour::Redirect } else { Behaviour::HttpInject }
}

/// All cells of a test.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// The harmless request, unchanged.
    pub baseline: Cell,
    /// The censored request, unchanged.
    pub positive: Cell,
    /// By the order of the probes.
    pub probes: Vec<Tried>,
    /// SHA-256 of all that connections of the harmless request carry, once it is through.
    pub harmless: Vec<String>,
    /// Trials that each probe takes, once its controls have said so.
    pub trials: u32,
    /// Whether silence was found to be of what comes back.
    is_of_answers: bool,
}

/// A probe that was tried.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    /// Its name.
    pub vector: String,
    /// With the censored name.
    pub censored: Cell,
    /// The same in further runs.
    pub again: Vec<Cell>,
    /// With the harmless name.
    pub negative: Cell,
    /// SHA-256 of all that connections of the harmless name carried, of those that came through.
    pub whole: Vec<String>,
    /// SHA-256 of its bytes, marks set to zero.
    pub sha256: String,
}

impl Tried {
    /// With the censored name, run by run.
    fn runs(&self) -> impl Iterator<Item = &Cell> {
        std::iter::once(&self.censored).chain(&self.again)
    }

    fn cells_mut(&mut self) -> impl Iterator<Item = &mut Cell> {
        let Self { censored, again, negative, .. } = self;
        [censored, negative].into_iter().chain(again)
    }
}

impl Tally {
    /// Whether anything went unanswered, so that the far end is to be asked.
    pub fn has_silence(&self) -> bool {
        self.cells().any(|cell| !cell.silent.is_empty())
    }

    /// Says which way silences were, by the hashes of what arrived whole. One test has one kind of silence: that of most.
    pub fn settle(&mut self, arrived: &BTreeSet<String>) {
        let silent: Vec<bool> =
            self.cells().flat_map(|it| &it.silent).map(|it| arrived.contains(it)).collect();
        let whole = silent.iter().filter(|it| **it).count();
        // What a first run found holds for a second, of which nothing may be told any more.
        self.is_of_answers |= whole * 2 > silent.len();
        if !self.is_of_answers {
            return;
        }
        for cell in self.cells_mut() {
            if let Some(count) = cell.seen.remove(&Behaviour::DropToServer) {
                *cell.seen.entry(Behaviour::DropToClient).or_default() += count;
            }
        }
    }

    /// One test for each way in which blocking was seen often enough to be no accident; where none was, one of the likeliest.
    pub fn tests(&self) -> Vec<ProbeTest> {
        let seen: BTreeSet<Behaviour> =
            self.cells().flat_map(|it| it.seen.keys().copied()).collect();
        let is_kind = |behaviour: &Behaviour| {
            self.positive.of(*behaviour).state() != State::Bypass
                || self
                    .probes
                    .iter()
                    .any(|it| it.censored.of(*behaviour).state() == State::Censored)
        };
        let mut kinds: Vec<Behaviour> = seen.into_iter().filter(is_kind).collect();
        if kinds.is_empty() {
            kinds.push(Behaviour::Rst);
        }
        kinds.into_iter().map(|it| self.test(it)).collect()
    }

    fn test(&self, behaviour: Behaviour) -> ProbeTest {
        // The harmless request is blocked, however it is.
        let controls =
            Controls { baseline: self.baseline.any(), positive: self.positive.of(behaviour) };
        let probe = |tried: &Tried| {
            let negative = tried.negative.any();
            Probe {
                vector: tried.vector.clone(),
                runs: tried.runs().map(|it| it.of(behaviour)).collect(),
                negative: (negative.trials > 0).then_some(negative),
                sent_sha256: (!tried.sha256.is_empty()).then(|| tried.sha256.clone()),
                ..Probe::default()
            }
        };
        let probes = self.probes.iter().map(probe).collect();
        ProbeTest { behaviour, controls, substring: Vec::new(), probes }
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> {
        let probes = self.probes.iter().flat_map(|it| it.runs().chain([&it.negative]));
        [&self.baseline, &self.positive].into_iter().chain(probes)
    }

    fn cells_mut(&mut self) -> impl Iterator<Item = &mut Cell> {
        let probes = self.probes.iter_mut().flat_map(Tried::cells_mut);
        [&mut self.baseline, &mut self.positive].into_iter().chain(probes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(outcomes: &[(Outcome, usize)]) -> Cell {
        let mut cell = Cell::default();
        for (outcome, times) in outcomes {
            (0..*times).for_each(|_| cell.add(outcome, b"sent"));
        }
        cell
    }

    fn tally(positive: &[(Outcome, usize)], probe: &[(Outcome, usize)]) -> Tally {
        let tried = Tried { vector: "v".into(), censored: cell(probe), ..Tried::default() };
        let baseline = cell(&[(Outcome::Through, 20)]);
        Tally { baseline, positive: cell(positive), probes: vec![tried], ..Tally::default() }
    }

    #[test]
    fn kinds_are_told_apart() {
        let page = Outcome::Foreign(b"HTTP/1.1 302 Found\r\n".to_vec());
        let other = Outcome::Foreign(b"HTTP/1.1 200 OK\r\n".to_vec());
        for (outcome, expected) in [
            (Outcome::Through, None),
            (Outcome::Reset, Some(Behaviour::Rst)),
            (Outcome::Fin, Some(Behaviour::Fin)),
            (Outcome::Silent, Some(Behaviour::DropToServer)),
            (page, Some(Behaviour::Redirect)),
            (other, Some(Behaviour::HttpInject)),
        ] {
            assert_eq!(behaviour(&outcome), expected);
        }
    }

    #[test]
    fn two_devices_give_two_tests_and_an_accident_none() {
        let both = tally(&[(Outcome::Reset, 10), (Outcome::Silent, 10)], &[(Outcome::Silent, 20)]);
        let tests = both.tests();
        let kinds: Vec<Behaviour> = tests.iter().map(|it| it.behaviour).collect();
        assert_eq!(kinds, [Behaviour::Rst, Behaviour::DropToServer]);
        assert_eq!(tests[0].controls.positive, Counts::new(10, 20));
        assert_eq!(tests[0].probes[0].runs, [Counts::new(0, 20)]);
        assert_eq!(tests[1].probes[0].runs, [Counts::new(20, 20)]);
        let clean =
            tally(&[(Outcome::Through, 19), (Outcome::Silent, 1)], &[(Outcome::Through, 20)]);
        let tests = clean.tests();
        assert_eq!((tests.len(), tests[0].behaviour), (1, Behaviour::Rst));
        assert_eq!(tests[0].controls.positive, Counts::new(0, 20));
    }

    #[test]
    fn the_far_end_says_which_way_the_silence_was() {
        let mut arrived = tally(&[(Outcome::Silent, 20)], &[(Outcome::Silent, 20)]);
        let mut lost = arrived.clone();
        arrived.settle(&[hex(digest(&SHA256, b"sent").as_ref())].into());
        assert_eq!(arrived.tests()[0].behaviour, Behaviour::DropToClient);
        assert_eq!(arrived.tests()[0].probes[0].runs, [Counts::new(20, 20)]);
        lost.settle(&BTreeSet::new());
        assert_eq!(lost.tests()[0].behaviour, Behaviour::DropToServer);
    }
}
