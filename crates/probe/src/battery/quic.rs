//! QUIC Initials that ask for a name: which of them a device reads (P26, table 12; Zohaib et al., USENIX Security 2025).
//!
//! The Initial itself often passes, and what follows it on the same ports does not. So a few datagrams follow, and a trial is a
//! hit where most of these do not arrive. The far end answers nothing; it is asked.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use wirewitness_model::battery::rows::{LENGTH_ROWS, row_of};
use wirewitness_model::battery::{Behaviour, Controls, Counts, Probe, ProbeTest};
use wirewitness_model::hex::hex;
use wirewitness_net::Datagrams;
use wirewitness_net::raw::Raw;

use super::google;
use super::hello::Hello;
use super::initial::{Sealing, crypto, seal};
use super::run::{Running, Stop};

/// How many probes there are.
pub(super) const COUNT: usize = LENGTH_ROWS.len() - 1 + OTHERS.len();

/// A version of each row, and the features.
const OTHERS: [&str; 11] = [
    "quic_ver:Q043",
    "quic_ver:Q044",
    "quic_ver:Q046",
    "quic_ver:T051",
    "quic_ver:draft27",
    "quic_ver:draft29",
    "quic_ver:v2",
    "quic_feat:fragmentation",
    "quic_feat:below_1200",
    "quic_feat:forced_negotiation",
    "quic_feat:multi_packet_initial",
];

/// Runs the test.
pub(super) async fn run<N: Raw>(running: &mut Running<'_, N>) -> Result<(), Stop> {
    if running.line.token().udp.is_empty() {
        running.skip("quic", "the far end takes no datagrams");
        return Ok(());
    }
    let mut sweep = Sweep { rests: true, controls: Controls::default(), probes: Vec::new() };
    let ended = sweep.all(running).await;
    let Sweep { controls, probes, .. } = sweep;
    if running.is_again() {
        for test in &mut running.battery.quic {
            test.controls.positive = test.controls.positive.plus(controls.positive);
            test.controls.baseline = test.controls.baseline.plus(controls.baseline);
            for tried in &probes {
                let probe = test.probes.iter_mut().find(|it| it.vector == tried.vector);
                probe.into_iter().for_each(|it| it.runs.extend(&tried.runs));
            }
        }
        return ended;
    }
    if controls.baseline.trials > 0 {
        let (behaviour, substring) = (Behaviour::DropToServer, Vec::new());
        running.battery.quic.push(ProbeTest { behaviour, controls, substring, probes });
    }
    ended
}

struct Sweep {
    /// Whether a port rests after a trigger.
    rests: bool,
    controls: Controls,
    probes: Vec<Probe>,
}

/// A trial whose end the far end knows.
struct Sent {
    censored: bool,
    initial: Vec<String>,
    after: Vec<String>,
}

/// What trials came to.
struct Came {
    /// Hits of the censored name.
    censored: Counts,
    /// Hits of the harmless one.
    harmless: Counts,
    /// How often that did not arrive whole.
    lost: Counts,
    /// The harmless ones in order: whether what followed arrived.
    got_through: Vec<bool>,
}

impl Sweep {
    async fn all<N: Raw>(&mut self, running: &mut Running<'_, N>) -> Result<(), Stop> {
        let trials = if running.is_again() { 1 } else { running.plan.trials };
        for so_far in (0..trials).step_by(LOOK) {
            self.control(running, (trials - so_far).min(LOOK as u32)).await?;
        }
        if self.controls.baseline.hits * 2 > self.controls.baseline.trials {
            running.skip("quic", "harmless datagrams do not arrive at the far end");
            return Ok(());
        }
        self.rests = running.is_again() || self.controls.positive.hits > 0;
        let mut order = vectors();
        running.chance.shuffle(&mut order);
        for (number, vector) in order.iter().enumerate() {
            let any_came = self.probe(running, vector).await?;
            // Where nothing of a probe came, it may be the probe or the line.
            if !any_came || number % RECHECK == RECHECK - 1 {
                self.control(running, 1).await?;
                while running.is_failing() {
                    self.control(running, 1).await?;
                }
            }
        }
        Ok(())
    }

    async fn control<N: Raw>(
        &mut self,
        running: &mut Running<'_, N>,
        trials: u32,
    ) -> Result<(), Stop> {
        let came = self.trials(running, PLAIN, (trials, trials)).await?;
        self.controls.positive = self.controls.positive.plus(came.censored);
        self.controls.baseline = self.controls.baseline.plus(came.harmless);
        for got_through in came.got_through {
            running.harmless(got_through)?;
        }
        Ok(())
    }

    /// Tries a probe; false if of its harmless trials, where it has some, none came through.
    async fn probe<N: Raw>(
        &mut self,
        running: &mut Running<'_, N>,
        vector: &str,
    ) -> Result<bool, Stop> {
        let trials = running.plan.trials;
        // A further run has the controls between its probes only.
        let harmless = if running.is_again() { 0 } else { trials };
        let came = self.trials(running, vector, (trials, harmless)).await?;
        let bytes = datagrams(vector, &running.plan.trigger, [0; 32]).unwrap_or_default().concat();
        self.probes.push(Probe {
            vector: vector.to_owned(),
            runs: vec![came.censored],
            negative: Some(came.lost),
            sent_sha256: Some(hash(&bytes)),
            ..Probe::default()
        });
        Ok(came.got_through.is_empty() || came.got_through.contains(&true))
    }

    /// So many trials with the censored name, and so many with the harmless one.
    async fn trials<N: Raw>(
        &self,
        running: &mut Running<'_, N>,
        vector: &str,
        (censored, harmless): (u32, u32),
    ) -> Result<Came, Stop> {
        let mut sent = Vec::new();
        for censored in running.mixed(censored, harmless) {
            sent.extend(self.trial(running, vector, censored).await?);
        }
        running.line.net().sleep(LAST).await;
        let arrived = running.arrived().await?;
        let missing = |hashes: &[String]| hashes.iter().filter(|it| !arrived.contains(*it)).count();
        let count = |of: &dyn Fn(&Sent) -> bool, censored: bool| {
            let all = sent.iter().filter(|it| it.censored == censored);
            Counts::new(all.clone().filter(|it| of(it)).count() as u32, all.count() as u32)
        };
        let is_hit = |it: &Sent| missing(&it.after) * 2 > it.after.len();
        let is_lost = |it: &Sent| missing(&it.initial) > 0 || is_hit(it);
        let harmless = sent.iter().filter(|it| !it.censored);
        Ok(Came {
            censored: count(&is_hit, true),
            harmless: count(&is_hit, false),
            lost: count(&is_lost, false),
            got_through: harmless.map(|it| !is_hit(it)).collect(),
        })
    }

    async fn trial<N: Raw>(
        &self,
        running: &mut Running<'_, N>,
        vector: &str,
        censored: bool,
    ) -> Result<Option<Sent>, Stop> {
        let plan = running.plan;
        let name = if censored { &plan.trigger } else { &plan.neutral };
        let trial = running.next_trial();
        let mark = running.chance.mark(trial);
        let Some(initial) = datagrams(vector, name, mark) else { return Ok(None) };
        let port = running.line.rested_udp_port().await;
        let to = SocketAddr::new(running.line.token().address, port);
        running.line.turn(initial.iter().map(Vec::len).sum::<usize>() + FOLLOW_UPS * 48).await?;
        let net = running.line.net();
        let Ok(socket) = net.bind_udp(to).await else { return Ok(None) };
        for datagram in &initial {
            let _ = socket.send_to(datagram, to);
        }
        net.sleep(BEFORE).await;
        let mut after = Vec::new();
        for number in 0..FOLLOW_UPS as u8 {
            // A short header (RFC 9000 §17.3), and bytes that nobody can open.
            let bytes = [&[0x40], mark.as_slice(), &[number; 15]].concat();
            let _ = socket.send_to(&bytes, to);
            after.push(hash(&bytes));
            net.sleep(BETWEEN).await;
        }
        if censored && self.rests {
            running.line.rest_udp(port).await;
        }
        let initial = initial.iter().map(|it| hash(it)).collect();
        Ok(Some(Sent { censored, initial, after }))
    }
}

fn hash(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// One probe of each row.
fn vectors() -> Vec<String> {
    let hello = Hello::quic("a.example", [0; 32]);
    let mut rows = BTreeSet::new();
    let lies = hello.lies().map(|(_, (vector, _))| vector);
    let first_of_row = lies.filter(|it| row_of("quic", it).is_some_and(|row| rows.insert(row)));
    first_of_row.chain(OTHERS.map(str::to_owned)).collect()
}

/// The datagrams of a probe, for a name.
fn datagrams(vector: &str, name: &str, mark: [u8; 32]) -> Option<Vec<Vec<u8>>> {
    let hello = Hello::quic(name, mark);
    let (kind, what) = vector.split_once(':')?;
    let id = mark.get(..8)?;
    let one =
        |version: &str, frames: &[u8], whole| seal(Sealing::of(version)?, id, 0, frames, whole);
    let message = hello.message();
    // In the name, as the message counts.
    let (before, behind) = message.split_at_checked(hello.name_at().checked_sub(5)? + 3)?;
    let plain = crypto(0, message);
    let datagram = match (kind, what) {
        ("quic_ver", _) if what.starts_with('Q') => {
            Some(google::datagram(what.get(1..)?.parse().ok()?, name, mark))
        }
        ("quic_ver", version) => one(version, &plain, WHOLE),
        ("quic_feat", "fragmentation") => {
            one("v1", &[crypto(0, before), crypto(before.len(), behind)].concat(), WHOLE)
        }
        ("quic_feat", "below_1200") => one("v1", &plain, 0),
        ("quic_feat", "forced_negotiation") => one("forced_negotiation", &plain, WHOLE),
        ("quic_feat", "multi_packet_initial") => {
            let first = one("v1", &crypto(0, before), WHOLE)?;
            let second = seal(Sealing::of("v1")?, id, 1, &crypto(before.len(), behind), WHOLE)?;
            return Some(vec![first, second]);
        }
        _ => one("v1", &crypto(0, hello.lying(vector)?.message()), WHOLE),
    };
    Some(vec![datagram?])
}

const PLAIN: &str = "quic_ver:v1";
/// Bytes of a client's Initial, at least (RFC 9000 §14.1).
const WHOLE: usize = 1_200;
const FOLLOW_UPS: usize = 3;
const BEFORE: Duration = Duration::from_millis(300);
const BETWEEN: Duration = Duration::from_millis(150);
const LAST: Duration = Duration::from_secs(1);
/// Probes between two looks at the controls.
const RECHECK: usize = 4;
/// Harmless controls after which the far end is asked what became of them: so many in a row that fail end a run.
const LOOK: usize = super::run::FAILED_CONTROLS as usize;

#[cfg(test)]
mod tests {
    use super::*;
    use wirewitness_model::battery::rows::QUIC_ROWS;
    use wirewitness_wire::app::quic::ClientFlight;

    #[test]
    fn every_row_has_a_probe() {
        let vectors = vectors();
        let rows: BTreeSet<_> = vectors.iter().map(|it| row_of("quic", it).unwrap()).collect();
        assert_eq!((vectors.len(), rows.len()), (COUNT, LENGTH_ROWS.len() - 1 + QUIC_ROWS.len()));
        for vector in vectors {
            let sent = datagrams(&vector, "blocked.example", [3; 32]).unwrap();
            let least = if vector.ends_with("below_1200") { 200..1_200 } else { 1_200..1_201 };
            assert!(sent.iter().all(|it| least.contains(&it.len())), "{vector}");
        }
    }

    #[test]
    fn a_reader_of_quic_finds_the_name_where_nothing_lies() {
        for vector in [
            PLAIN,
            "quic_ver:v2",
            "quic_ver:draft27",
            "quic_feat:fragmentation",
            "quic_feat:multi_packet_initial",
        ] {
            let mut flight = ClientFlight::default();
            for datagram in datagrams(vector, "blocked.example", [3; 32]).unwrap() {
                flight.take_in(&datagram);
            }
            let hello = flight.client_hello().unwrap_or_else(|error| panic!("{vector}: {error}"));
            assert_eq!(hello.server_name(), Some(b"blocked.example".as_slice()), "{vector}");
        }
    }
}
