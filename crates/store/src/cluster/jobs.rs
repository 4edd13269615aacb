//! Jobs whose work was done again are failed.
//!
//! When an executor dies, Ballista 55.0 does its work again, and may then count rows twice (a test of ours found it). The
//! scheduler remembers of each stage of a job whether any of its work was done again, however soon the executor was
//! replaced: an answer that stands on such work is not given. The client asks again.

use std::collections::HashSet;
use std::sync::Arc;

use ballista_core::error::Result;
use ballista_core::serde::protobuf::{JobStatus, job_status, task_status};
use ballista_core::{JobId, JobStatusSubscriber};
use ballista_scheduler::cluster::memory::InMemoryJobState;
use ballista_scheduler::cluster::{JobState, JobStateEventStream};
use ballista_scheduler::state::execution_graph::ExecutionGraphBox;
use ballista_scheduler::state::execution_stage::{ExecutionStage, TaskInfo};
use datafusion::prelude::{SessionConfig, SessionContext};

/// Why such a job failed.
pub(crate) const DONE_AGAIN: &str = "an executor was lost, and work was done again";

/// The scheduler's memory of jobs.
pub(super) struct Jobs {
    memory: InMemoryJobState,
}

impl Jobs {
    pub(super) fn new(memory: InMemoryJobState) -> Self {
        Self { memory }
    }
}

/// Whether any work was done again.
fn is_done_again(graph: &ExecutionGraphBox) -> bool {
    let is_whole = |task: &TaskInfo| matches!(task.task_status, task_status::Status::Successful(_));
    graph.stages().values().any(|stage| {
        let attempt = match stage {
            ExecutionStage::UnResolved(stage) => stage.stage_attempt_num,
            ExecutionStage::Resolved(stage) => stage.stage_attempt_num,
            ExecutionStage::Running(stage) => stage.stage_attempt_num,
            ExecutionStage::Successful(stage) => stage.stage_attempt_num,
            ExecutionStage::Failed(stage) => stage.stage_attempt_num,
        };
        attempt > 0 || !stage.task_infos().unwrap_or_default().iter().all(is_whole)
    })
}

#[async_trait::async_trait]
impl JobState for Jobs {
    async fn save_job(&self, job_id: &JobId, graph: &ExecutionGraphBox) -> Result<()> {
        let is_successful =
            matches!(graph.status().status, Some(job_status::Status::Successful(_)));
        if is_successful && is_done_again(graph) {
            let mut failed = graph.cloned();
            failed.fail_job(DONE_AGAIN.to_owned());
            return self.memory.save_job(job_id, &failed).await;
        }
        self.memory.save_job(job_id, graph).await
    }

    fn accept_job(&self, job_id: &JobId, job_name: &str, queued_at: u64) -> Result<()> {
        self.memory.accept_job(job_id, job_name, queued_at)
    }

    fn pending_job_number(&self) -> usize {
        self.memory.pending_job_number()
    }

    async fn submit_job(
        &self,
        job_id: JobId,
        graph: &ExecutionGraphBox,
        subscriber: Option<JobStatusSubscriber>,
    ) -> Result<()> {
        self.memory.submit_job(job_id, graph, subscriber).await
    }

    async fn get_jobs(&self) -> Result<HashSet<JobId>> {
        self.memory.get_jobs().await
    }

    async fn get_all_jobs(&self) -> Result<HashSet<JobId>> {
        self.memory.get_all_jobs().await
    }

    async fn get_job_status(&self, job_id: &JobId) -> Result<Option<JobStatus>> {
        self.memory.get_job_status(job_id).await
    }

    async fn get_execution_graph(&self, job_id: &JobId) -> Result<Option<ExecutionGraphBox>> {
        self.memory.get_execution_graph(job_id).await
    }

    async fn fail_unscheduled_job(&self, job_id: &JobId, reason: String) -> Result<()> {
        self.memory.fail_unscheduled_job(job_id, reason).await
    }

    async fn remove_job(&self, job_id: &JobId) -> Result<()> {
        self.memory.remove_job(job_id).await
    }

    async fn try_acquire_job(&self, job_id: &JobId) -> Result<Option<ExecutionGraphBox>> {
        self.memory.try_acquire_job(job_id).await
    }

    async fn job_state_events(&self) -> Result<JobStateEventStream> {
        self.memory.job_state_events().await
    }

    async fn create_or_update_session(
        &self,
        session_id: &str,
        config: &SessionConfig,
    ) -> Result<Arc<SessionContext>> {
        self.memory.create_or_update_session(session_id, config).await
    }

    async fn remove_session(&self, session_id: &str) -> Result<()> {
        self.memory.remove_session(session_id).await
    }

    fn produce_config(&self) -> SessionConfig {
        self.memory.produce_config()
    }
}
