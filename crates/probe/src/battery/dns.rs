//! DNS questions to a far end that runs no resolver: whatever answers was forged on the way (P26, table 5).
//!
//! The name of a question is a chain of pointers, longer and longer; how long a chain an injector follows, and what its answers look
//! like, is its own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use wirewitness_model::battery::pointer::{SWEEP, question};
use wirewitness_model::battery::{Controls, Counts, DnsTest, Probe, Response};
use wirewitness_model::hex::hex;
use wirewitness_net::Datagrams;
use wirewitness_net::raw::Raw;
use wirewitness_wire::app::dns::{Message, shape::Shape};

use super::run::{Running, Stop};
use crate::clock::within;

/// Runs the test.
pub(super) async fn run<N: Raw>(running: &mut Running<'_, N>) -> Result<(), Stop> {
    let ports = &running.line.token().udp;
    let Some(&port) = ports.iter().find(|port| **port == 53).or(ports.first()) else {
        running.skip("dns", "the far end takes no datagrams");
        return Ok(());
    };
    if port != 53 && !running.is_again() {
        let note = format!("DNS was asked on port {port}: most injectors look at port 53 only");
        running.facts.notes.push(note);
    }
    let is_again = running.is_again();
    let mut sweep = Sweep { port, chains: Vec::new(), seen: BTreeMap::new(), answered: 0 };
    let ended = sweep.all(running).await;
    if is_again {
        let trials = running.plan.trials;
        sweep.add_to(&mut running.battery.dns, trials);
        return ended;
    }
    let tests = sweep.tests();
    running.battery.dns.extend(tests);
    ended
}

/// What answers to one chain looked like, and what arrived of it.
#[derive(Debug, Default)]
struct Chain {
    pointers: u8,
    trials: u32,
    /// Trials that were answered, by the look of the answer.
    answered: BTreeMap<Look, u32>,
    /// Trials of the harmless name: all, those that were answered, those that did not arrive.
    harmless: [u32; 3],
    sha256: String,
}

/// By what injectors are told apart: flags, and whether the name is a pointer.
type Look = (u16, bool);

struct Sweep {
    port: u16,
    chains: Vec<Chain>,
    /// Answers, by look: how many, and the addresses in them.
    seen: BTreeMap<Look, (u32, BTreeSet<Ipv4Addr>)>,
    /// Harmless questions without a pointer in a row that were answered.
    answered: u32,
}

/// What became of a harmless question.
struct Harmless {
    is_answered: bool,
    sha256: String,
}

impl Sweep {
    async fn all<N: Raw>(&mut self, running: &mut Running<'_, N>) -> Result<(), Stop> {
        // The question without a pointer is the control of the others.
        let mut order: Vec<u8> = SWEEP.into_iter().filter(|it| *it > 0).collect();
        running.chance.shuffle(&mut order);
        for (number, pointers) in std::iter::once(0).chain(order).enumerate() {
            let trigger = question(0, &running.plan.trigger, pointers).unwrap_or_default();
            let sha256 = hex(digest(&SHA256, &trigger).as_ref());
            let mut chain = Chain { pointers, sha256, ..Chain::default() };
            let ended = self.chain(running, &mut chain).await;
            self.chains.extend((chain.trials > 0).then_some(chain));
            ended?;
            if number % RECHECK == RECHECK - 1 {
                self.recheck(running).await?;
            }
            if self.answered >= super::run::FAILED_CONTROLS {
                let why = "harmless questions are answered too, as by a proxy of the operator's";
                running.skip("dns", why);
                break;
            }
        }
        self.chains.sort_by_key(|it| it.pointers);
        Ok(())
    }

    async fn chain<N: Raw>(
        &mut self,
        running: &mut Running<'_, N>,
        chain: &mut Chain,
    ) -> Result<(), Stop> {
        let trials = running.plan.trials;
        let mut harmless: Vec<Harmless> = Vec::new();
        // A further run has the controls between its chains only.
        let harmless_trials = if running.is_again() { 0 } else { trials };
        for censored in running.mixed(trials, harmless_trials) {
            let name = if censored { &running.plan.trigger } else { &running.plan.neutral };
            let id = running.next_trial() as u16;
            let Some(sent) = question(id, name, chain.pointers) else { continue };
            let answers = self.ask(running, id, &sent).await?;
            let looks: BTreeSet<Look> = answers.iter().map(|it| it.0).collect();
            if !censored {
                chain.harmless[0] += 1;
                chain.harmless[1] += u32::from(!looks.is_empty());
                let sha256 = hex(digest(&SHA256, &sent).as_ref());
                harmless.push(Harmless { is_answered: !looks.is_empty(), sha256 });
                if chain.pointers == 0 && harmless.len().is_multiple_of(LOOK) {
                    self.look_back(running, harmless.get(harmless.len() - LOOK..)).await?;
                }
                continue;
            }
            chain.trials += 1;
            looks.iter().for_each(|look| *chain.answered.entry(*look).or_default() += 1);
            for (look, addresses) in answers {
                let (times, all) = self.seen.entry(look).or_default();
                *times += 1;
                all.extend(addresses.into_iter().take(MOST_ADDRESSES.saturating_sub(all.len())));
            }
        }
        let arrived = running.arrived().await?;
        chain.harmless[2] =
            harmless.iter().filter(|it| !arrived.contains(&it.sha256)).count() as u32;
        Ok(())
    }

    /// The harmless question without a pointer, until it arrives; three times at most.
    async fn recheck<N: Raw>(&mut self, running: &mut Running<'_, N>) -> Result<(), Stop> {
        loop {
            let id = running.next_trial() as u16;
            let sent = question(id, &running.plan.neutral, 0).unwrap_or_default();
            let is_answered = !self.ask(running, id, &sent).await?.is_empty();
            let sha256 = hex(digest(&SHA256, &sent).as_ref());
            self.look_back(running, Some(&[Harmless { is_answered, sha256 }])).await?;
            if !running.is_failing() {
                return Ok(());
            }
        }
    }

    /// Harmless questions without a pointer, in order. One that came to nothing has failed: it did not arrive, and nobody answered it in
    /// the far end's place.
    async fn look_back<N: Raw>(
        &mut self,
        running: &mut Running<'_, N>,
        harmless: Option<&[Harmless]>,
    ) -> Result<(), Stop> {
        running.arrived().await?;
        for it in harmless.unwrap_or_default() {
            let got_through = running.has_arrived(&it.sha256) || it.is_answered;
            self.answered = if it.is_answered { self.answered + 1 } else { 0 };
            running.harmless(got_through)?;
        }
        Ok(())
    }

    /// Asks once, and takes in every answer that comes in time.
    async fn ask<N: Raw>(
        &self,
        running: &Running<'_, N>,
        id: u16,
        sent: &[u8],
    ) -> Result<Vec<(Look, Vec<Ipv4Addr>)>, Stop> {
        running.line.turn(sent.len()).await?;
        let to = SocketAddr::new(running.line.token().address, self.port);
        let net = running.line.net();
        let mut answers = Vec::new();
        let Ok(socket) = net.bind_udp(to).await else { return Ok(answers) };
        let _ = socket.send_to(sent, to);
        let mut buffer = [0; 1500];
        let listening = async {
            while answers.len() < MOST_ANSWERS {
                let Ok((len, from)) = socket.recv_from(&mut buffer).await else { continue };
                if from == to {
                    answers.extend(read(id, buffer.get(..len).unwrap_or_default()));
                }
            }
        };
        within(net, LISTENING, listening).await;
        Ok(answers)
    }

    /// Adds this sweep, of chains that were tried in whole, to what an earlier one came to.
    fn add_to(&self, tests: &mut [DnsTest], trials: u32) {
        for test in tests {
            let look = test.responses.first().map(|it| (it.flags, it.name_compressed));
            let answered = |it: &Chain| look.and_then(|look| it.answered.get(&look)).copied();
            for chain in self.chains.iter().filter(|it| it.trials == trials) {
                let vector = format!("pointers:{}", chain.pointers);
                let counts = Counts::new(answered(chain).unwrap_or(0), trials);
                let probe = test.probes.iter_mut().find(|it| it.vector == vector);
                probe.into_iter().for_each(|it| it.runs.push(counts));
                if chain.pointers == 0 {
                    test.controls.positive = test.controls.positive.plus(counts);
                }
            }
            for response in &mut test.responses {
                let (flags, compressed) = (response.flags, response.name_compressed);
                let (seen, _) = self.seen.get(&(flags, compressed)).cloned().unwrap_or_default();
                response.seen = response.seen.saturating_add(seen);
            }
        }
    }

    /// One test an injector; where nobody answered, one that says so.
    fn tests(&self) -> Vec<DnsTest> {
        let mut looks: Vec<Option<Look>> = self.seen.keys().copied().map(Some).collect();
        looks.truncate(MOST_INJECTORS);
        if looks.is_empty() && !self.chains.is_empty() {
            looks.push(None);
        }
        looks.into_iter().map(|it| self.test(it)).collect()
    }

    fn test(&self, look: Option<Look>) -> DnsTest {
        let answered = |it: &Chain| look.and_then(|look| it.answered.get(&look)).copied();
        let probe = |it: &Chain| Probe {
            vector: format!("pointers:{}", it.pointers),
            runs: vec![Counts::new(answered(it).unwrap_or(0), it.trials)],
            negative: Some(Counts::new(it.harmless[2], it.harmless[0])),
            sent_sha256: Some(it.sha256.clone()),
            ..Probe::default()
        };
        let plain = self.chains.iter().find(|it| it.pointers == 0);
        let controls = plain.map_or_else(Controls::default, |it| Controls {
            baseline: Counts::new(it.harmless[1], it.harmless[0]),
            positive: Counts::new(answered(it).unwrap_or(0), it.trials),
        });
        let response = look.and_then(|look| {
            let (seen, answers) = self.seen.get(&look)?;
            let (flags, name_compressed) = look;
            Some(Response {
                flags,
                name_compressed,
                answers: answers.iter().copied().collect(),
                seen: *seen,
            })
        });
        let probes = self.chains.iter().map(probe).collect();
        DnsTest { controls, probes, responses: response.into_iter().collect() }
    }
}

/// An answer to the question of this number: how it looks, and its addresses of IPv4.
fn read(id: u16, bytes: &[u8]) -> Option<(Look, Vec<Ipv4Addr>)> {
    let shape = Shape::read(bytes).ok()?;
    let is_answer = shape.id == id && shape.flags & 0x8000 != 0;
    let addresses = Message::parse(bytes).map(|it| it.addresses().collect::<Vec<_>>());
    let v4 = addresses.unwrap_or_default().into_iter().filter_map(|it| match it {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    });
    is_answer.then(|| ((shape.flags, shape.pointers > 0), v4.collect()))
}

/// Chains between two looks at the control.
const RECHECK: usize = 2;
/// Harmless questions after which the far end is asked what became of them.
const LOOK: usize = super::run::FAILED_CONTROLS as usize;
/// How long answers are listened for. Forged ones come before a true one could.
const LISTENING: Duration = Duration::from_millis(1_500);
/// Answers to one question, addresses of one injector, and injectors, that are kept.
const MOST_ANSWERS: usize = 16;
const MOST_ADDRESSES: usize = 256;
const MOST_INJECTORS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_to_our_question() {
        let asked = question(7, "blocked.example", 0).unwrap();
        assert_eq!(read(7, &asked), None, "a question is none");
        let mut answer = asked;
        answer[2] = 0x81;
        answer[3] = 0x80;
        answer[7] = 1;
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 9]);
        assert_eq!(read(7, &answer), Some(((0x8180, true), vec![[192, 0, 2, 9].into()])));
        assert_eq!(read(8, &answer), None);
        for end in 0..12 {
            assert_eq!(read(7, &answer[..end]), None);
        }
    }
}
