//! Where resets come from: requests with ever more life, the harmless one until it arrives and the censored one until it is answered
//! (after `CenTrace`, as far as it goes without privilege). Silence cannot be told from too short a life, and is left out.

use std::time::Duration;

use wirewitness_model::battery::Trace;
use wirewitness_net::raw::Raw;

use super::exchange::Outcome;
use super::run::{Running, Stop};
use super::tls;

/// Runs the test.
pub(super) async fn run<N: Raw>(running: &mut Running<'_, N>) -> Result<(), Stop> {
    let mut traces = Vec::new();
    for _ in 0..RUNS {
        running.harmless_gets_through(&tls::plain()).await?;
        let Some(control_hops) = first(running, (1, MOST_HOPS), false).await? else {
            running.harmless_gets_through(&tls::plain()).await?;
            running.skip("location", "the harmless request does not arrive, whatever its life");
            return Ok(());
        };
        let Some(test_hops) = first(running, (1, MOST_HOPS), true).await? else {
            running.skip("location", "no reset came: silence has no place that this could find");
            return Ok(());
        };
        let payload_arrived = arrives(running).await?.then_some(true);
        let (icmp_at_onset, injected) = (None, true);
        traces.push(Trace { test_hops, control_hops, icmp_at_onset, payload_arrived, injected });
    }
    running.battery.location.get_or_insert_default().traces = traces;
    Ok(())
}

/// The fewest hops after which the request is answered: by the far end, or, with the censored name, by anybody else.
async fn first<N: Raw>(
    running: &mut Running<'_, N>,
    (from, to): (u8, u8),
    censored: bool,
) -> Result<Option<u8>, Stop> {
    for ttl in from..=to {
        let (outcome, _) = running.trial_with_life(&tls::plain(), censored, ttl).await?;
        running.line.net().sleep(REST).await;
        match outcome {
            Outcome::Through if censored => return Ok(None),
            Outcome::Through => return Ok(Some(ttl)),
            Outcome::Reset | Outcome::Fin | Outcome::Foreign(_) if censored => {
                return Ok(Some(ttl));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Whether the censored request reaches the far end all the same. A "no" may be a reset that was faster than a read.
async fn arrives<N: Raw>(running: &mut Running<'_, N>) -> Result<bool, Stop> {
    let (_, sent) = running.trial_with_life(&tls::plain(), true, MOST_HOPS).await?;
    running.line.net().sleep(REST).await;
    let hash = super::tally::hash(&sent);
    Ok(running.arrived().await?.contains(&hash))
}

/// Runs that are to agree.
const RUNS: usize = 3;
const MOST_HOPS: u8 = 40;
/// With the second that a connection has anyway, three between two probes.
const REST: Duration = Duration::from_secs(2);
