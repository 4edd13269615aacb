//! Which of the connections to a host gets to fetch the page: exactly one does.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use wirewitness_net::Clock;

/// How an address was learnt, the most trusted as what people get first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// From the system's resolver.
    System,
    /// From a public resolver over UDP.
    Udp,
    /// Over HTTPS.
    Doh,
    /// From the control.
    Control,
}

/// Hands out one permission to fetch.
///
/// The first connection to an address of the system's resolver gets it at once; others wait for a better one first, as
/// in OONI's prober.
#[derive(Debug, Default)]
pub(super) struct Selector {
    state: Mutex<State>,
    decided: Notify,
}

#[derive(Debug, Default)]
struct State {
    winner: Option<i64>,
    waiting: Vec<(Origin, i64)>,
    since: Option<Duration>,
}

impl Selector {
    /// Whether connection number `id` may fetch.
    pub(super) async fn may_fetch<C: Clock>(&self, clock: &C, origin: Origin, id: i64) -> bool {
        let until = {
            let mut state = self.state();
            if state.winner.is_some() {
                return false;
            }
            if origin == Origin::System {
                state.winner = Some(id);
                self.decided.notify_waiters();
                return true;
            }
            state.waiting.push((origin, id));
            let now = clock.now().elapsed;
            *state.since.get_or_insert(now) + PATIENCE
        };
        loop {
            let decided = self.decided.notified();
            if let Some(winner) = self.state().winner {
                return winner == id;
            }
            let rest = until.saturating_sub(clock.now().elapsed);
            if rest.is_zero() {
                let mut state = self.state();
                let best = state.waiting.iter().min().map(|(_, id)| *id);
                state.winner = best;
                self.decided.notify_waiters();
                return best == Some(id);
            }
            tokio::select! {
                biased;
                () = decided => {}
                () = clock.sleep(rest) => {}
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a connection waits for a better one.
const PATIENCE: Duration = Duration::from_millis(500);
