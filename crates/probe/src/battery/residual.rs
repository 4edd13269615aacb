//! What outlives its trigger: after one, the harmless request is sent again and again until it gets through.

use std::time::Duration;

use wirewitness_model::battery::{Behaviour, ResidualTest};
use wirewitness_net::raw::Raw;

use super::exchange::Outcome;
use super::run::{Running, Stop};
use super::tally::behaviour;
use super::tls;

/// Runs the test. What it finds is also how long ports rest from then on.
pub(super) async fn run<N: Raw>(running: &mut Running<'_, N>) -> Result<(), Stop> {
    let plain = tls::plain();
    for _ in 0..TRIGGERS {
        let port = running.line.rested_port().await;
        let (outcome, _) = running.trial_at(port, &plain, true).await?;
        let is_opened = !matches!(outcome, Outcome::NotOpened(_));
        if let Some(kind) = behaviour(&outcome).filter(|_| is_opened) {
            return watch(running, port, kind).await;
        }
    }
    running.skip("residual", "the censored name was not acted upon, so nothing can outlive it");
    Ok(())
}

/// Looks at the port of a trigger until twice in a row nothing is held against it; once at another.
async fn watch<N: Raw>(
    running: &mut Running<'_, N>,
    port: u16,
    kind: Behaviour,
) -> Result<(), Stop> {
    let plain = tls::plain();
    let clock = running.line.net().clone();
    let triggered = clock.now().elapsed;
    let mut free = 0;
    let mut last_blocked = None;
    let mut looked_elsewhere = false;
    while free < TWICE {
        let (outcome, _) = running.trial_at(port, &plain, false).await?;
        let now = clock.now().elapsed.saturating_sub(triggered);
        if outcome == Outcome::Through {
            free += 1;
        } else {
            (free, last_blocked) = (0, Some(now));
        }
        if last_blocked.is_some() && !looked_elsewhere {
            looked_elsewhere = true;
            elsewhere(running, port).await?;
        }
        if now >= LONGEST {
            break;
        }
        clock.sleep(STEP).await;
    }
    conclude(running, kind, last_blocked).await;
    Ok(())
}

/// Whether the block holds for another port of the same address too. Then the far end is lost, and the run with it.
async fn elsewhere<N: Raw>(running: &mut Running<'_, N>, port: u16) -> Result<(), Stop> {
    running.line.rest(port).await;
    for _ in 0..super::run::FAILED_CONTROLS {
        let other = running.line.rested_port().await;
        let (outcome, _) = running.trial_at(other, &tls::plain(), false).await?;
        running.harmless_came_to(&outcome)?;
        if outcome == Outcome::Through {
            return Ok(());
        }
    }
    Ok(())
}

async fn conclude<N: Raw>(running: &mut Running<'_, N>, kind: Behaviour, last: Option<Duration>) {
    let Some(last) = last else {
        let note = "nothing outlives its trigger at a fresh source port: no residual block, or one of the 4-tuple";
        running.facts.notes.push(note.to_owned());
        running.learn_wait(Duration::ZERO).await;
        return;
    };
    let seconds = u32::try_from(last.as_secs()).ok();
    let (tuple, step_seconds) = ("3-tuple".to_owned(), STEP.as_secs() as u32);
    running.battery.residual.push(ResidualTest { behaviour: kind, tuple, seconds, step_seconds });
    let known = last + STEP;
    running.learn_wait(known + known / 4).await;
}

/// Triggers until one is acted upon.
const TRIGGERS: u32 = 3;
const TWICE: u32 = 2;
const STEP: Duration = Duration::from_secs(5);
/// The longest block that is waited for.
const LONGEST: Duration = Duration::from_secs(600);
/// The longest rest of a port that may follow from it.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs((600 + 5) * 5 / 4);
