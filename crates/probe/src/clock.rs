//! Bounding a step in time.

use std::future::Future;
use std::time::Duration;

use tokio::task::unconstrained;
use wirewitness_net::Clock;

/// Runs `step` for at most `limit`; none when the time is up, and the step is dropped.
///
/// The time is up also for a step that always has something to do: tokio makes a task that has done much look as if it
/// were waiting, and its timers with it, unless they are told otherwise.
pub async fn within<C: Clock, F: Future>(clock: &C, limit: Duration, step: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        done = step => Some(done),
        () = unconstrained(clock.sleep(limit)) => None,
    }
}
