//! Which way a device looks: the plain hello on connections that the client opens, and on connections that the far end opens to the client
//! (Pakistan's devices and others act on both, Henan's on those out of the network only; SP25).
//!
//! The far end connects to nobody but the client, to ports at which the client has proved that it listens. Behind address translation it does not come
//! through, and the test is skipped.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use wirewitness_model::battery::{Controls, Counts, State};
use wirewitness_model::hex::hex;
use wirewitness_net::raw::Raw;
use wirewitness_net::{Accept as _, Listen, Net, Stream as _};

use super::line::{Line, Prover};
use super::protocol::{CallHello, Called, PROVE, PROVE_NUMBER, acknowledgement};
use super::run::{ControlsFailed, FAILED_CONTROLS, Running, Stop};
use super::tally::Tally;
use super::tls;
use crate::clock::within;

/// Runs the test.
pub(super) async fn run<N: Listen + Raw>(running: &mut Running<'_, N>) -> Result<(), Stop> {
    let mut doors = Doors::open(running.line).await;
    doors.keep_proven(running).await?;
    if doors.all.is_empty() {
        let why = "the far end cannot open a connection to this end: address translation, a firewall, or taken ports";
        running.skip("direction", why);
        return Ok(());
    }
    let trials = running.plan.trials;
    let (plain, mut tally) = (tls::plain(), Tally::default());
    for censored in running.mixed(trials, trials) {
        running.control(&plain, censored, &mut tally).await?;
    }
    let outward = Controls { baseline: tally.baseline.any(), positive: tally.positive.any() };
    let inward = doors.inward(running, trials).await?;
    let location = running.battery.location.get_or_insert_default();
    (location.outward, location.inward) = (Some(outward), Some(inward));
    location.direction = direction(outward, inward).map(str::to_owned);
    if location.direction.is_none() {
        running.skip("direction", "the censored name was not acted upon reliably, either way");
    }
    Ok(())
}

/// The word for it, where both ways are clear.
fn direction(outward: Controls, inward: Controls) -> Option<&'static str> {
    if [outward, inward].iter().any(|it| it.baseline.state() != State::Bypass) {
        return None;
    }
    match (outward.positive.state(), inward.positive.state()) {
        (State::Censored, State::Censored) => Some("both"),
        (State::Censored, State::Bypass) => Some("inside_out"),
        (State::Bypass, State::Censored) => Some("outside_in"),
        _ => None,
    }
}

/// Ports of this end at which the far end may knock, each as long at rest as a block may outlive its trigger.
struct Doors<N: Listen> {
    all: VecDeque<(u16, Duration)>,
    /// Takes connections in until dropped.
    _open: JoinSet<()>,
    net: N,
}

impl<N: Listen + Raw> Doors<N> {
    async fn open(line: &Line<N>) -> Self {
        let (net, far) = (line.net(), line.token().address);
        let any = match far {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let (mut all, mut open) = (VecDeque::new(), JoinSet::new());
        for port in PORTS {
            let Ok(listener) = net.listen(SocketAddr::new(any, port)).await else { continue };
            all.push_back((port, Duration::ZERO));
            open.spawn(take_in(net.clone(), listener, (far, line.prover())));
        }
        Self { all, _open: open, net: net.clone() }
    }

    /// Keeps those at which the far end finds us.
    async fn keep_proven(&mut self, running: &Running<'_, N>) -> Result<(), Stop> {
        let mut proven = VecDeque::new();
        for door in std::mem::take(&mut self.all) {
            let called = running.line.call(door.0, None).await?;
            proven.extend((called == Some(Called::Proven)).then_some(door));
            // Where the far end finds nobody twice, it finds nobody.
            if proven.is_empty() && door.0 > *PORTS.start() {
                break;
            }
        }
        self.all = proven;
        Ok(())
    }

    async fn inward(
        &mut self,
        running: &mut Running<'_, N>,
        trials: u32,
    ) -> Result<Controls, Stop> {
        let mut controls = Controls::default();
        for censored in running.mixed(trials, trials) {
            let hit = self.trial(running, censored).await?;
            let of = if censored { &mut controls.positive } else { &mut controls.baseline };
            *of = of.plus(Counts::new(u32::from(hit), 1));
            if !censored {
                running.harmless(!hit)?;
            }
        }
        Ok(controls)
    }

    /// One trial at a rested door: whether it was acted upon. One that could not be opened counts for nothing and is tried again, at another.
    async fn trial(&mut self, running: &mut Running<'_, N>, censored: bool) -> Result<bool, Stop> {
        for _ in 0..FAILED_CONTROLS {
            let Some((port, free_at)) = self.all.pop_front() else { break };
            self.net.sleep(free_at.saturating_sub(self.net.now().elapsed)).await;
            let plan = running.plan;
            let name = if censored { &plan.trigger } else { &plan.neutral };
            let trial = running.next_trial();
            let mark = hex(&running.chance.mark(trial));
            let hello = CallHello { name: name.clone(), mark };
            let called = running.line.call(port, Some(hello)).await?;
            let is_hit = called != Some(Called::Through);
            let rest = if is_hit { running.line.wait().await } else { Duration::ZERO };
            self.all.push_back((port, self.net.now().elapsed + rest));
            self.all.make_contiguous().sort_by_key(|(_, free_at)| *free_at);
            if !matches!(called, None | Some(Called::NotOpened | Called::NotProven)) {
                return Ok(is_hit);
            }
        }
        Err(ControlsFailed.into())
    }
}

/// Takes in what the far end sends, and nobody else's.
async fn take_in<N: Listen>(net: N, listener: N::Listener, (far, prover): (IpAddr, Prover)) {
    loop {
        let Ok(stream) = listener.accept().await else {
            net.sleep(AFTER_A_FAILED_ACCEPT).await;
            continue;
        };
        if stream.remote_addr().ip().to_canonical() != far.to_canonical() {
            continue;
        }
        let port = stream.local_addr().port();
        within(&net, MOST_AGE, take::<N>(stream, port, &prover)).await;
    }
}

/// Says who is here where that is asked, and otherwise what came.
async fn take<N: Net>(mut stream: N::Stream, port: u16, prover: &Prover) {
    let mut hash = Context::new(&SHA256);
    let (mut buffer, mut bytes) = ([0; 4096], 0_u64);
    for _ in 0..MOST_READS {
        let Ok(len @ 1..) = stream.read(&mut buffer).await else { return };
        let read = buffer.get(..len).unwrap_or_default();
        let number = read.strip_prefix(PROVE).filter(|it| bytes == 0 && it.len() == PROVE_NUMBER);
        let word = match number.and_then(|it| std::str::from_utf8(it).ok()) {
            Some(number) => prover(number, port).into_bytes(),
            None => {
                bytes += read.len() as u64;
                hash.update(read);
                acknowledgement(bytes, hash.clone().finish().as_ref()).to_vec()
            }
        };
        if stream.write_all(&word).await.is_err() {
            return;
        }
    }
}

/// At which this end listens. A firewall has to let them in.
const PORTS: std::ops::RangeInclusive<u16> = 20_100..=20_107;
const MOST_READS: usize = 16;
const MOST_AGE: Duration = Duration::from_secs(20);
const AFTER_A_FAILED_ACCEPT: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direction_takes_two_clear_ways() {
        let way = |baseline, positive| Controls {
            baseline: Counts::new(baseline, 20),
            positive: Counts::new(positive, 20),
        };
        for (outward, inward, expected) in [
            (way(0, 20), way(0, 20), Some("both")),
            (way(0, 20), way(0, 0), Some("inside_out")),
            (way(0, 1), way(1, 19), Some("outside_in")),
            (way(0, 0), way(0, 0), None),
            (way(0, 20), way(0, 8), None),
            (way(9, 20), way(0, 0), None),
            (way(0, 20), way(9, 20), None),
        ] {
            assert_eq!(direction(outward, inward), expected, "{outward:?} {inward:?}");
            let known = wirewitness_model::battery::rows::DIRECTIONS;
            assert!(expected.is_none_or(|it| known.contains(&it)));
        }
    }
}
