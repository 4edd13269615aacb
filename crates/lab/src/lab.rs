//! Running a lab: virtual time, and whoever acts in it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep_until;

use crate::capture::{Record, pcapng};
use crate::fabric::topology::{HostId, LinkId, Topology};
use crate::host::socket::{HostNet, Shared};

/// A network in virtual time, running.
///
/// Time stands still while anybody can act, and jumps to the next event when nobody can: a wait of ten seconds takes
/// microseconds. Packets move to the nanosecond; programs on hosts wake on the millisecond at or after what they wait
/// for, which is tokio's resolution.
#[derive(Clone)]
pub struct Lab {
    shared: Arc<Shared>,
}

/// Why a run gave no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Virtual time ran past the limit: somebody waits for what never comes.
    #[error("the run did not end within {0:?} of virtual time")]
    Endless(Duration),
    /// The runtime could not be made.
    #[error("no runtime: {0}")]
    Runtime(std::io::ErrorKind),
}

impl Lab {
    /// Runs `program` in a new network. Ends when it does, whatever else still goes on.
    ///
    /// # Errors
    /// [`RunError::Endless`] after a day of virtual time.
    ///
    /// # Panics
    /// If called from within another runtime, as tokio does.
    pub fn run<F, R>(topology: Topology, program: impl FnOnce(Self) -> F) -> Result<R, RunError>
    where
        F: Future<Output = R>,
    {
        // No I/O driver: the runtime has no way to a socket.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|error| RunError::Runtime(error.kind()))?;
        runtime.block_on(async {
            let shared = Arc::new(Shared::new(topology.build(), DEFAULT_EPOCH));
            tokio::spawn(drive(Arc::clone(&shared)));
            let result = tokio::time::timeout(LIMIT, program(Self { shared })).await;
            result.map_err(|_| RunError::Endless(LIMIT))
        })
    }

    /// The network as a host sees it.
    pub fn net(&self, host: HostId) -> HostNet {
        HostNet::new(Arc::clone(&self.shared), host.0)
    }

    /// Virtual time since the lab began.
    pub fn elapsed(&self) -> Duration {
        self.shared.elapsed()
    }

    /// Records from now on what passes the first end of a link.
    pub fn tap(&self, link: LinkId) {
        self.shared.world().tap(link.0);
    }

    /// What was recorded of a link so far.
    pub fn records(&self, link: LinkId) -> Vec<Record> {
        self.shared.world().records(link.0).to_vec()
    }

    /// What was recorded of a link so far, as a pcapng file.
    pub fn pcapng(&self, link: LinkId) -> Vec<u8> {
        let world = self.shared.world();
        let name = world.links.get(link.0.0).map_or("", |it| &it.name);
        pcapng(world.records(link.0), DEFAULT_EPOCH, name)
    }

    /// Packets put on links so far.
    pub fn packets(&self) -> u64 {
        self.shared.world().packets
    }
}

/// Keeps the world moving: wakes at its next event, or when somebody has caused an earlier one.
async fn drive(shared: Arc<Shared>) {
    loop {
        let next = {
            let mut world = shared.world();
            world.alarm = world.next_event();
            world.alarm
        };
        let rest = async {
            match next {
                Some(at) => sleep_until(shared.instant(at)).await,
                None => std::future::pending().await,
            }
        };
        // Biased: a run must not depend on tokio's dice.
        tokio::select! {
            biased;
            () = shared.doorbell.notified() => {}
            () = rest => {}
        }
    }
}

/// Far beyond any measurement; near enough to end a test that hangs.
const LIMIT: Duration = Duration::from_secs(24 * 60 * 60);
/// 2025-01-01T00:00:00Z, the time of day at which every lab begins.
pub(crate) const DEFAULT_EPOCH: Duration = Duration::from_secs(1_735_689_600);
