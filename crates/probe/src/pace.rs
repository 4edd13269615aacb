//! How fast the prober may go: a courtesy to the far ends and to the person's own line.
//!
//! Never more than one connection a second to one address, and a set number of targets a second over all. Whoever
//! waits is let through in the order of asking; whoever stops waiting takes no turn. Times are measured between the
//! starts themselves, so that a late wake-up cannot bring two of them closer together.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;
use wirewitness_net::Clock;

/// Lets targets and connections start, each when its time has come.
#[derive(Debug)]
pub struct Pace<C> {
    clock: C,
    gates: Option<Gates>,
}

impl<C: Clock> Pace<C> {
    /// A pace of `rate` targets a second, and of one connection a second to each address.
    pub fn new(clock: C, rate: TargetRate) -> Self {
        let targets = Mutex::new(Gate { interval: rate.interval(), free_at: Duration::ZERO });
        Self { clock, gates: Some(Gates { targets, addresses: StdMutex::default() }) }
    }

    /// No limit at all: for the lab, where nobody is there to be disturbed.
    pub fn unlimited(clock: C) -> Self {
        Self { clock, gates: None }
    }

    /// Waits until the next target may start.
    pub async fn target(&self) {
        if let Some(gates) = &self.gates {
            gates.targets.lock().await.pass(&self.clock).await;
        }
    }

    /// Waits until a connection to `address`, on whatever port, may start.
    pub async fn address(&self, address: IpAddr) {
        let Some(gates) = &self.gates else { return };
        loop {
            // An address has one gate, however it is written.
            match gates.of(address.to_canonical(), self.clock.now().elapsed) {
                Some(gate) => return gate.lock().await.pass(&self.clock).await,
                None => self.clock.sleep(ADDRESS_INTERVAL).await,
            }
        }
    }
}

/// How many targets may start in a second: 2 unless told otherwise, at most 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetRate(NonZeroU32);

impl TargetRate {
    /// A rate of `per_second` targets.
    ///
    /// # Errors
    /// None at all, or more than a person's line and the sites on it should bear.
    pub fn new(per_second: u32) -> Result<Self, RateError> {
        match NonZeroU32::new(per_second) {
            Some(rate) if per_second <= MOST_TARGETS_PER_SECOND => Ok(Self(rate)),
            _ => Err(RateError { per_second }),
        }
    }

    /// The time from the start of one target to that of the next, never rounded down.
    fn interval(self) -> Duration {
        Duration::from_nanos(NANOS_PER_SECOND.div_ceil(u64::from(self.0.get())))
    }
}

impl Default for TargetRate {
    fn default() -> Self {
        Self(NonZeroU32::MIN.saturating_add(1))
    }
}

/// A rate of targets that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{per_second} targets a second are not allowed; give 1 to {MOST_TARGETS_PER_SECOND} (2 is usual)"
)]
pub struct RateError {
    /// What was asked for.
    pub per_second: u32,
}

#[derive(Debug)]
struct Gates {
    targets: Mutex<Gate>,
    addresses: StdMutex<Addresses>,
}

impl Gates {
    fn of(&self, address: IpAddr, now: Duration) -> Option<Arc<Mutex<Gate>>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).gate(address, now)
    }
}

/// One gate for each address of the last second.
#[derive(Debug, Default)]
struct Addresses {
    gates: BTreeMap<IpAddr, Arc<Mutex<Gate>>>,
    /// So many gates at which the old ones are looked for again.
    sweep_at: usize,
}

impl Addresses {
    /// The gate of `address`; none where too many others are in use.
    fn gate(&mut self, address: IpAddr, now: Duration) -> Option<Arc<Mutex<Gate>>> {
        if self.gates.len() >= self.sweep_at {
            self.gates.retain(|_, gate| in_use(gate, now));
            self.sweep_at = (2 * self.gates.len()).clamp(SWEEP_FROM, MOST_ADDRESSES);
        }
        if self.gates.len() >= MOST_ADDRESSES && !self.gates.contains_key(&address) {
            return None;
        }
        let fresh = || Arc::new(Mutex::new(Gate::of_address()));
        Some(Arc::clone(self.gates.entry(address).or_insert_with(fresh)))
    }
}

/// Whether forgetting the gate would let somebody through too early.
fn in_use(gate: &Arc<Mutex<Gate>>, now: Duration) -> bool {
    let somebody_waits = Arc::strong_count(gate) > 1;
    somebody_waits || gate.try_lock().is_ok_and(|gate| gate.free_at > now)
}

/// Lets one through, then nobody for the interval. Tokio's lock around it keeps the order of asking.
#[derive(Debug)]
struct Gate {
    interval: Duration,
    free_at: Duration,
}

impl Gate {
    fn of_address() -> Self {
        Self { interval: ADDRESS_INTERVAL, free_at: Duration::ZERO }
    }

    async fn pass(&mut self, clock: &impl Clock) {
        let early = self.free_at.saturating_sub(clock.now().elapsed);
        if !early.is_zero() {
            clock.sleep(early).await;
        }
        self.free_at = clock.now().elapsed + self.interval;
    }
}

const ADDRESS_INTERVAL: Duration = Duration::from_secs(1);
const MOST_TARGETS_PER_SECOND: u32 = 100;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Addresses remembered at once; about 8 MB. At a hundred targets a second a second's worth is far below it.
const MOST_ADDRESSES: usize = 65_536;
const SWEEP_FROM: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_beyond_reason_are_refused() {
        assert!(TargetRate::new(0).is_err());
        assert!(TargetRate::new(100).is_ok());
        assert_eq!(TargetRate::new(101), Err(RateError { per_second: 101 }));
        assert_eq!(TargetRate::default().interval(), Duration::from_millis(500));
        // A third of a second does not divide; three targets must not fit into less than one.
        assert!(TargetRate::new(3).unwrap().interval() * 3 >= Duration::from_secs(1));
    }

    #[test]
    fn old_addresses_are_forgotten_and_fresh_ones_are_not() {
        let mut addresses = Addresses::default();
        for number in 0..200_000_u32 {
            let now = Duration::from_millis(u64::from(number));
            let gate = addresses.gate(IpAddr::from(number.to_be_bytes()), now).unwrap();
            gate.try_lock().unwrap().free_at = now + ADDRESS_INTERVAL;
        }
        // A thousand addresses are a second's worth here; twice that, and the sweep comes.
        assert!(addresses.gates.len() <= 2_048, "{}", addresses.gates.len());
        let last = IpAddr::from(199_999_u32.to_be_bytes());
        let gate = addresses.gate(last, Duration::from_millis(200_000)).unwrap();
        assert_eq!(gate.try_lock().unwrap().free_at, Duration::from_millis(200_999));
    }

    #[test]
    fn a_full_table_makes_strangers_wait() {
        let mut addresses = Addresses::default();
        let address = |number: usize| IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
        for number in 0..MOST_ADDRESSES {
            let gate = addresses.gate(address(number), Duration::ZERO).unwrap();
            gate.try_lock().unwrap().free_at = ADDRESS_INTERVAL;
        }
        assert!(addresses.gate(address(MOST_ADDRESSES), Duration::ZERO).is_none());
        assert!(addresses.gate(address(7), Duration::ZERO).is_some());
        assert!(addresses.gate(address(MOST_ADDRESSES), ADDRESS_INTERVAL).is_some());
    }
}
