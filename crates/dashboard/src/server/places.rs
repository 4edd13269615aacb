//! Places for connections.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// A bounded number of places. Who rests gives theirs up to who comes: first those that never asked for anything.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    resting: Mutex<BTreeMap<(Manner, u64), Resting>>,
    next: AtomicU64,
}

/// Those that never asked come first in the order of giving up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Manner {
    NeverAsked,
    Asked,
}

#[derive(Debug)]
struct Resting {
    since: Instant,
    leave: Arc<Notify>,
}

/// A place that is taken. Given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    key: Mutex<Option<(Manner, u64)>>,
    /// Told when it is to be given up.
    pub(super) leave: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(most.max(1))),
            resting: Mutex::default(),
            next: AtomicU64::new(0),
        }
    }

    /// A place; none where all are taken by who is being answered.
    pub(super) async fn take(self: &Arc<Self>) -> Option<Arc<Place>> {
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                if !self.give_up_one() {
                    return None;
                }
                let waiting = Arc::clone(&self.free).acquire_owned();
                tokio::time::timeout(UNTIL_IT_IS_GIVEN_UP, waiting).await.ok()?.ok()?
            }
        };
        let leave = Arc::new(Notify::new());
        let place =
            Place { places: Arc::clone(self), key: Mutex::new(None), leave, _permit: permit };
        place.rest(Manner::NeverAsked);
        Some(Arc::new(place))
    }

    /// Tells who has rested longest to leave. False where nobody rests.
    pub(super) fn give_up_one(&self) -> bool {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(first) = resting.first_entry() else { return false };
        // Who has just been answered may still be reading.
        if first.key().0 == Manner::Asked && first.get().since.elapsed() < STILL_READING {
            return false;
        }
        first.remove().leave.notify_one();
        true
    }
}

impl Place {
    /// A request has come: it is not given up now.
    pub(super) fn works(&self) {
        let key = self.key.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(key) = key {
            self.resting().remove(&key);
        }
    }

    /// An answer was made.
    pub(super) fn rests(&self) {
        self.works();
        self.rest(Manner::Asked);
    }

    /// Whether nothing was asked for yet.
    pub(super) fn never_asked(&self) -> bool {
        let key = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        key.is_some_and(|(manner, _)| manner == Manner::NeverAsked)
    }

    fn rest(&self, manner: Manner) {
        let key = (manner, self.places.next.fetch_add(1, Ordering::Relaxed));
        let resting = Resting { since: Instant::now(), leave: Arc::clone(&self.leave) };
        self.resting().insert(key, resting);
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, BTreeMap<(Manner, u64), Resting>> {
        self.places.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.works();
    }
}

const UNTIL_IT_IS_GIVEN_UP: Duration = Duration::from_millis(250);
const STILL_READING: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_never_asked_leaves_first() {
        let places = Arc::new(Places::new(2));
        let busy = places.take().await.unwrap();
        busy.works();
        let silent = places.take().await.unwrap();
        assert!(silent.never_asked() && !busy.never_asked());
        let leaving = tokio::spawn(async move {
            silent.leave.notified().await;
            drop(silent);
        });
        let third = places.take().await.unwrap();
        leaving.await.unwrap();
        third.works();
        assert!(places.take().await.is_none(), "all are being answered");
        busy.rests();
        assert!(!places.give_up_one(), "who was just answered may be reading");
        tokio::time::advance(STILL_READING).await;
        assert!(places.give_up_one());
        drop((busy, third));
        assert_eq!(places.free.available_permits(), 2);
        assert!(places.resting.lock().unwrap().is_empty());
    }
}
