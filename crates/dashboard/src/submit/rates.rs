//! How often one may post, and all together.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Buckets that fill in a minute, by a number of the sender that tells nothing else: of a token, or of a connection.
#[derive(Debug)]
pub(super) struct Rates {
    of_one: u32,
    of_all: u32,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// When each bucket is full again.
    full_at: BTreeMap<u64, Instant>,
    all_full_at: Option<Instant>,
}

impl Rates {
    pub(super) fn new(of_one: u32, of_all: u32) -> Self {
        Self { of_one: of_one.max(1), of_all: of_all.max(1), inner: Mutex::default() }
    }

    pub(super) fn allow(&self, sender: u64) -> bool {
        let now = Instant::now();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.full_at.len() >= MOST_SENDERS {
            inner.full_at.retain(|_, at| *at > now);
        }
        let next = |at: Option<Instant>, of: u32| at.map_or(now, |at| at.max(now)) + MINUTE / of;
        let own = next(inner.full_at.get(&sender).copied(), self.of_one);
        let all = next(inner.all_full_at, self.of_all);
        let allowed =
            own <= now + MINUTE && all <= now + MINUTE && inner.full_at.len() < MOST_SENDERS;
        if allowed {
            inner.full_at.insert(sender, own);
            inner.all_full_at = Some(all);
        }
        allowed
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const MOST_SENDERS: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_may_not_post_for_all_and_all_not_without_end() {
        let rates = Rates::new(3, 5);
        assert_eq!((0..9).filter(|_| rates.allow(1)).count(), 3);
        assert_eq!((0..9).filter(|_| rates.allow(2)).count(), 2, "all together");
        tokio::time::advance(MINUTE / 3).await;
        assert_eq!((0..9).filter(|_| rates.allow(1)).count(), 1);
        tokio::time::advance(MINUTE).await;
        assert_eq!((0..9).filter(|_| rates.allow(3)).count(), 3);
    }
}
