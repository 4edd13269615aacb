//! What a battery may spend, of the far end's patience and of the person's own line. Nothing lifts these caps.

use std::time::Duration;

use tokio::sync::Mutex;
use wirewitness_net::Clock;

/// Connections and UDP exchanges of one run, at most. Those with the far end's own server count.
pub const MOST_CONNECTIONS: u32 = 1_500;
/// The shortest time between two of them.
pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// Bits a second, at most.
pub const MOST_BITS_PER_SECOND: u64 = 1_000_000;

/// Caps of a run: those above, or tighter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    interval: Duration,
    connections: u32,
}

/// A cap that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CapsError {
    /// Faster than allowed.
    #[error(
        "{asked:?} between two connections is too short: at most one connection a second is opened"
    )]
    Interval {
        /// What was asked for.
        asked: Duration,
    },
    /// More than allowed.
    #[error("{asked} connections are too many: a run opens 1 to {MOST_CONNECTIONS}")]
    Connections {
        /// What was asked for.
        asked: u32,
    },
}

impl Default for Caps {
    fn default() -> Self {
        Self { interval: SHORTEST_INTERVAL, connections: MOST_CONNECTIONS }
    }
}

impl Caps {
    /// Caps of a run.
    ///
    /// # Errors
    /// Where they are wider than what is allowed.
    pub fn new(interval: Duration, connections: u32) -> Result<Self, CapsError> {
        if interval < SHORTEST_INTERVAL {
            return Err(CapsError::Interval { asked: interval });
        }
        if connections == 0 || connections > MOST_CONNECTIONS {
            return Err(CapsError::Connections { asked: connections });
        }
        Ok(Self { interval, connections })
    }

    /// Connections of a run.
    pub fn connections(&self) -> u32 {
        self.connections
    }

    /// Time between two of them.
    pub fn interval(&self) -> Duration {
        self.interval
    }
}

/// What a run has spent, and when it may go on.
#[derive(Debug)]
pub struct Purse<C> {
    clock: C,
    caps: Caps,
    spent: Mutex<Spent>,
}

/// What was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Connections and UDP exchanges.
    pub connections: u32,
    /// Bytes of probes.
    pub bytes: u64,
    /// When the next may start.
    free_at: Duration,
}

/// The run has opened as many connections as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all connections of a run are spent")]
pub struct Empty;

impl<C: Clock> Purse<C> {
    /// A full purse.
    pub fn new(clock: C, caps: Caps) -> Self {
        Self { clock, caps, spent: Mutex::default() }
    }

    /// Waits until another connection of so many bytes may be opened.
    ///
    /// # Errors
    /// Where none is left.
    pub async fn turn(&self, bytes: usize) -> Result<(), Empty> {
        let mut spent = self.spent.lock().await;
        if spent.connections >= self.caps.connections {
            return Err(Empty);
        }
        let early = spent.free_at.saturating_sub(self.clock.now().elapsed);
        if !early.is_zero() {
            self.clock.sleep(early).await;
        }
        let on_the_wire =
            Duration::from_micros(bytes as u64 * 8 * 1_000_000 / MOST_BITS_PER_SECOND);
        spent.connections += 1;
        spent.bytes = spent.bytes.saturating_add(bytes as u64);
        spent.free_at = self.clock.now().elapsed + self.caps.interval.max(on_the_wire);
        Ok(())
    }

    /// What was spent so far.
    pub async fn spent(&self) -> Spent {
        *self.spent.lock().await
    }

    /// How many connections are left.
    pub async fn left(&self) -> u32 {
        self.caps.connections - self.spent.lock().await.connections
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;
    use wirewitness_net::Moment;

    #[test]
    fn no_caps_are_wider_than_the_rules() {
        let asked = Duration::from_millis(999);
        assert_eq!(Caps::new(asked, 10), Err(CapsError::Interval { asked }));
        assert_eq!(Caps::new(SHORTEST_INTERVAL, 1501), Err(CapsError::Connections { asked: 1501 }));
        assert!(Caps::new(SHORTEST_INTERVAL, 0).is_err());
        assert_eq!(Caps::new(SHORTEST_INTERVAL, 1500), Ok(Caps::default()));
        let error = Caps::new(Duration::ZERO, 1).unwrap_err().to_string();
        assert!(error.contains("at most one connection a second"), "{error}");
    }

    #[derive(Clone)]
    struct Virtual(tokio::time::Instant);

    impl Clock for Virtual {
        fn now(&self) -> Moment {
            Moment { elapsed: self.0.elapsed(), wall: SystemTime::UNIX_EPOCH }
        }

        async fn sleep(&self, duration: Duration) {
            tokio::time::sleep(duration).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn connections_and_bits_have_their_time() {
        let clock = Virtual(tokio::time::Instant::now());
        let purse = Purse::new(clock.clone(), Caps::new(SHORTEST_INTERVAL, 4).unwrap());
        for (bytes, at) in [(100, 0), (250_000, 1), (100, 3), (100, 4)] {
            purse.turn(bytes).await.unwrap();
            assert_eq!(clock.now().elapsed.as_secs(), at);
        }
        assert_eq!(purse.turn(1).await, Err(Empty));
        assert_eq!(purse.left().await, 0);
    }
}
