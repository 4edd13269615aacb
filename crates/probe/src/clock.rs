//! Bounding a step in time.

use std::future::Future;
use std::time::Duration;

use wirewitness_net::Clock;

/// Runs `step` for at most `limit`; none when the time is up, and the step is dropped.
pub async fn within<C: Clock, F: Future>(clock: &C, limit: Duration, step: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        done = step => Some(done),
        () = clock.sleep(limit) => None,
    }
}
