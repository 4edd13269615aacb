//! Threads on which questions are worked on, apart from the threads that ask.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use futures_util::StreamExt as _;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// Threads for questions. A server that talks and works on the same threads answers nobody while one question keeps them.
///
/// A question whose asker has gone ends when it next yields: after 128 batches of rows at most, in joins too.
/// One that makes no rows for long, such as a join whose condition is hardly ever true, keeps a thread until it makes some.
pub struct Workers(Option<Runtime>);

/// Threads that read files, beside those that work.
const MOST_READERS: usize = 4;
const READERS_STAY: Duration = Duration::from_secs(3_600);
/// Batches of rows that are ready before somebody reads them.
const AHEAD: usize = 2;

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workers")
    }
}

impl Workers {
    /// So many threads, at least one.
    ///
    /// # Errors
    /// The system gives none.
    pub fn new(threads: usize) -> std::io::Result<Arc<Self>> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("question")
            // For reading files. By default there can be 512, and each holds memory.
            .max_blocking_threads(MOST_READERS)
            .thread_keep_alive(READERS_STAY)
            .enable_all()
            .build()?;
        Ok(Arc::new(Self(Some(runtime))))
    }

    /// Work that is given up when this is dropped. None where it broke off.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let mut task = JoinSet::new();
        task.spawn_on(work, self.0.as_ref()?.handle());
        task.join_next().await?.ok()
    }

    /// Rows that are made on these threads, a few batches ahead of who reads.
    pub(super) fn rows(&self, mut from: SendableRecordBatchStream) -> SendableRecordBatchStream {
        let Some(runtime) = &self.0 else { return from };
        let mut made = RecordBatchReceiverStreamBuilder::new(from.schema(), AHEAD);
        let give = made.tx();
        let work = async move {
            while let Some(batch) = from.next().await {
                if give.send(batch).await.is_err() {
                    break;
                }
            }
            Ok::<_, DataFusionError>(())
        };
        made.spawn_on(work, runtime.handle());
        made.build()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // The threads that talk may not wait for them.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
