//! What one question may cost.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::facts::{Axis, Facts, Filter, Groups};
use crate::server::metrics::Metrics;
use crate::server::problem::Problem;

/// Bytes of an answer.
pub(crate) const ANSWER_BYTES: usize = 32 << 20;

/// Questions at once: those that read files, and those that count in memory.
#[derive(Debug)]
pub(crate) struct Places {
    reading: Arc<Semaphore>,
    counting: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

impl Places {
    pub(crate) fn new(reading: usize, metrics: Arc<Metrics>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            reading: Arc::new(Semaphore::new(reading.max(1))),
            counting: Arc::new(Semaphore::new(cores)),
            metrics,
        }
    }

    /// A place for a question that reads files.
    pub(crate) async fn to_read(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.within(&self.reading, PATIENCE_TO_READ).await
    }

    /// A place for one that counts.
    pub(crate) async fn to_count(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.within(&self.counting, PATIENCE_TO_COUNT).await
    }

    async fn within(
        &self,
        places: &Arc<Semaphore>,
        patience: Duration,
    ) -> Result<OwnedSemaphorePermit, Problem> {
        let taken = tokio::time::timeout(patience, Arc::clone(places).acquire_owned()).await;
        taken.ok().and_then(Result::ok).ok_or_else(|| {
            self.metrics.query_busy();
            let words = "others are being answered; ask again in a few seconds";
            Problem::busy(StatusCode::SERVICE_UNAVAILABLE, words, 5)
        })
    }
}

/// Bytes in memory, up to [`ANSWER_BYTES`].
#[derive(Debug, Default)]
pub(crate) struct Bounded(Vec<u8>);

impl Bounded {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > ANSWER_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, TOO_LONG));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Groups that are counted for one answer.
pub(crate) const GROUPS: usize = 200_000;

/// Counts along axes, at most [`GROUPS`].
pub(crate) fn groups(facts: &Facts, filter: &Filter, axes: &[Axis]) -> Result<Groups, Problem> {
    facts.aggregate_most(filter, axes, GROUPS).ok_or_else(|| {
        let detail = format!(
            "an answer is made of at most {GROUPS} groups; ask for fewer days, names or networks, or along fewer axes"
        );
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    })
}

/// How such an error is known when it comes back.
pub(crate) const TOO_LONG: &str = "an answer has at most 32 MiB; ask for fewer rows or columns";
const PATIENCE_TO_READ: Duration = Duration::from_secs(5);
const PATIENCE_TO_COUNT: Duration = Duration::from_secs(10);
