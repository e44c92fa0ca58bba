//! What a commit ended becomes metrics, after the commit and in the process that made it.

use crp_metrics::Metrics;
use crp_model::{Cause, StageType, labels::FinalStatus};

use super::{Committed, JobEnded, StageEnded};

impl Committed {
    /// Counts it. Call this once, after the function that gave it has returned: a rolled-back transaction counts nothing.
    pub fn count(&self, metrics: &Metrics) {
        if let Some(stage) = &self.stage_ended {
            count_stage(stage, metrics);
        }
        // Of two tasks of one stage that fail at the same time, only the first ends the attempt; both are tried again.
        if let Some(stage) = self.retried {
            metrics.job_retries_total.inc(stage);
        }
        if let Some(job) = &self.job_ended {
            count_job(job, metrics);
        }
    }
}

fn count_stage(ended: &StageEnded, metrics: &Metrics) {
    metrics.stage_duration.observe(ended.stage, ended.seconds);
    metrics.stage_attempts_total.inc2(ended.stage, ended.outcome);
    if let Some(engine) = ended.engine {
        metrics.ocr_duration.observe(engine, ended.seconds);
    }
}

fn count_job(ended: &JobEnded, metrics: &Metrics) {
    metrics.jobs_total.inc(ended.status);
    // A job that nobody ever claimed has no duration.
    if let Some(seconds) = ended.seconds_since_start {
        metrics.job_duration_seconds.observe(ended.status, seconds);
    }
    match ended.status {
        FinalStatus::Succeeded => {
            metrics.job_turnaround_seconds.observe(ended.seconds_since_created);
            // A warning is about a result that is otherwise good.
            for warning in &ended.warnings {
                metrics.job_warnings_total.inc(warning.code.0);
            }
        }
        FinalStatus::Failed => {
            let stage = ended.failure_stage.unwrap_or(StageType::Ocr);
            metrics.job_failures_total.inc2(stage, ended.failure_cause.unwrap_or(Cause::Internal));
        }
        FinalStatus::Cancelled => {}
    }
}
