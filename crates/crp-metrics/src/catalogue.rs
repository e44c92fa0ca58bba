//! Every metric of the product, declared once: documentation, dashboards, rules and checks are made from this list.
//!
//! The first five are the names that monitoring of crPipeline has always used; whatever came later has the prefix `crpipeline_`
//! (`job_duration_seconds` belongs to `jobs_total`). Labels are closed sets of values: no tenant, user, file, id, address or error
//! text is ever one.

use std::sync::LazyLock;

use crp_model::{
    Cause, StageType,
    labels::{
        CodeClass, DatabaseErrorKind, DenialKind, EngineKind, FinalStatus, HttpMethod, IntakeResult, LoginFailure, LoginMethod,
        OcrErrorKind, PageSource, PanicPlace, PoolState, QueueState, RateLimitScope, SandboxLayer, StageOutcome, StorageOperation,
        UploadResult, Volume, WarningKind, WorkerState,
    },
};
use prometheus_client::registry::Registry;

use crate::{
    declare::{Birth, Entry, Given, Instrument, Scope, catalogue, exported, help_of, values},
    durations::{AttemptHistogram1, Durations},
    http::{Http, HttpDurations, HttpRequests},
    info::{BuildGauge, ConfigGauge, DatabaseKind, ProcessRole, StorageKind},
    instruments::{Counter, Counter1, Counter2, Gauge, Gauge1, Histogram, Histogram1},
    process::PROCESS,
};

/// Buckets for work on documents, in seconds: 0.1 s … 6 h.
pub const DUR: [f64; 16] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0];

/// Buckets for answers that somebody waits for, in seconds: 5 ms … 10 s.
pub const WEB: [f64; 8] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

impl Catalogue {
    /// Every metric that this product exposes, those about the process included, in the order of the exposition.
    pub fn entries() -> &'static [Entry] {
        static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| DECLARED.iter().chain(&PROCESS).copied().collect());
        &ENTRIES
    }
}

catalogue! {
    together {
        /// Counts an answered HTTP request into everything about HTTP requests.
        http: Http = (http_requests_total, http_request_duration_seconds);
        /// Counts an ended stage attempt into everything about the durations of stages.
        stage_duration: Durations<StageType> = (stage_duration_seconds, stage_duration_recent_p95_seconds);
        /// Counts an ended recognition of a document into everything about the durations of recognition.
        ocr_duration: Durations<EngineKind> = (ocr_duration_seconds, ocr_duration_recent_p95_seconds);
    }

    /// Jobs that reached their final state, counted once by the process that committed it.
    jobs_total as "jobs_total": Counter1<status: FinalStatus>, Instance;
    /// Wall time of a stage attempt from its first claim to the commit that ended it, failures included.
    stage_duration_seconds as "stage_duration_seconds": AttemptHistogram1<stage: StageType> in DUR, Instance;
    /// Storage operations that failed after their retries, on the folder backend too; an expected absence is no failure.
    s3_errors_total as "s3_errors_total": Counter1<operation: StorageOperation>, Instance;
    /// Wall time of recognising one document, failures included.
    ocr_duration_seconds as "ocr_duration_seconds": AttemptHistogram1<engine: EngineKind> in DUR, Instance;
    /// Refused login attempts; an error of ours is none.
    login_failures_total as "login_failures_total": Counter1<reason: LoginFailure>, Instance;
    /// Wall time of a job from its first claim to its final state.
    job_duration_seconds as "job_duration_seconds": Histogram1<status: FinalStatus> in DUR, Instance;

    /// 95th percentile of the durations of the last 100 attempts of a stage in this process, 0 before the first.
    stage_duration_recent_p95_seconds as "crpipeline_stage_duration_recent_p95_seconds": Gauge1<stage: StageType>, Instance;
    /// 95th percentile of the durations of the last 100 recognitions of a document in this process, 0 before the first.
    ocr_duration_recent_p95_seconds as "crpipeline_ocr_duration_recent_p95_seconds": Gauge1<engine: EngineKind>, Instance;
    /// Time from the accepted upload to the ready result.
    job_turnaround_seconds as "crpipeline_job_turnaround_seconds": Histogram in DUR, Instance;
    /// Time from the creation of a job to its first claim.
    job_queue_wait_seconds as "crpipeline_job_queue_wait_seconds": Histogram in DUR, Instance;
    /// Tasks in the database by what they wait for.
    queue_jobs as "crpipeline_queue_jobs": Gauge1<state: QueueState>, Service;
    /// Age of the oldest task that may be claimed now, 0 if there is none.
    queue_oldest_age_seconds as "crpipeline_queue_oldest_age_seconds": Gauge, Service;
    /// Tasks that this process works on now.
    jobs_running as "crpipeline_jobs_running": Gauge, Instance;
    /// Tasks that this process may work on at once.
    worker_slots as "crpipeline_worker_slots": Gauge, Instance;
    /// Attempts that were repeated.
    job_retries_total as "crpipeline_job_retries_total": Counter1<stage: StageType>, Instance;
    /// Tasks taken back from a worker that stopped renewing its lease.
    job_lease_expired_total as "crpipeline_job_lease_expired_total": Counter, Instance;
    /// Failed jobs by the stage and the cause of their failure.
    job_failures_total as "crpipeline_job_failures_total": Counter2<stage: StageType, cause: Cause>, Instance;
    /// Warnings that succeeded jobs carry.
    job_warnings_total as "crpipeline_job_warnings_total": Counter1<kind: WarningKind>, Instance;
    /// Stage attempts by how they ended.
    stage_attempts_total as "crpipeline_stage_attempts_total": Counter2<stage: StageType, outcome: StageOutcome>, Instance;
    /// Uploads by what became of them.
    documents_total as "crpipeline_documents_total": Counter1<result: UploadResult>, Instance;
    /// Documents moved to the trash because their retention was over.
    documents_expired_total as "crpipeline_documents_expired_total": Counter, Instance;
    /// Bytes of accepted uploads.
    upload_bytes_total as "crpipeline_upload_bytes_total": Counter, Instance;
    /// Files of the watched folder by what became of them.
    intake_files_total as "crpipeline_intake_files_total": Counter1<result: IntakeResult>, Instance;
    /// Files that this process saw in the watched folder and left there, since they are still being written, or for a reason in the log.
    intake_files_waiting as "crpipeline_intake_files_waiting": Gauge, Instance;
    /// Finished pages by where their text came from.
    pages_total as "crpipeline_pages_total": Counter1<source: PageSource>, Instance;
    /// Pages that were not read since an earlier job had read them in the same way.
    pages_reused_total as "crpipeline_pages_reused_total": Counter, Instance;
    /// Wall time of recognising one page.
    ocr_page_duration_seconds as "crpipeline_ocr_page_duration_seconds": Histogram1<engine: EngineKind> in DUR, Instance;
    /// Pages whose recognition failed.
    ocr_errors_total as "crpipeline_ocr_errors_total": Counter2<engine: EngineKind, kind: OcrErrorKind>, Instance;
    /// Recognised pages whose words are unsure.
    ocr_low_confidence_pages_total as "crpipeline_ocr_low_confidence_pages_total": Counter1<engine: EngineKind>, Instance;

    /// Wall time of a storage operation, its retries included.
    s3_request_duration_seconds as "crpipeline_s3_request_duration_seconds": Histogram1<operation: StorageOperation> in WEB, Instance;
    /// Requests to the storage that were repeated.
    s3_retries_total as "crpipeline_s3_retries_total": Counter1<operation: StorageOperation>, Instance;
    /// Whether the storage takes and gives bytes (1) or not (0): set by a probe every 10 seconds, to 0 also by any operation that fails.
    storage_up as "crpipeline_storage_up": Gauge, Instance;
    /// Whether a bucket counts as away (1), so that operations are refused without being sent and tasks are not claimed, or not (0).
    storage_breaker_open as "crpipeline_storage_breaker_open": Gauge, Instance;

    /// Successful logins.
    logins_total as "crpipeline_logins_total": Counter1<method: LoginMethod>, Instance;
    /// Sessions that have not ended.
    sessions_active as "crpipeline_sessions_active": Gauge, Service;
    /// Requests refused because the caller may not do this.
    authorization_denied_total as "crpipeline_authorization_denied_total": Counter1<kind: DenialKind>, Instance;
    /// Requests refused because there were too many.
    rate_limited_total as "crpipeline_rate_limited_total": Counter1<scope: RateLimitScope>, Instance;

    /// Answered HTTP requests by route template.
    http_requests_total as "crpipeline_http_requests_total":
        HttpRequests [route: Given, method: HttpMethod, code_class: CodeClass], Instance;
    /// Time from the request to the headers of the answer by route template.
    http_request_duration_seconds as "crpipeline_http_request_duration_seconds": HttpDurations [route: Given] in WEB, Instance;
    /// HTTP requests being answered now.
    http_requests_in_flight as "crpipeline_http_requests_in_flight": Gauge, Instance;

    /// Connections of the database pool.
    db_pool_connections as "crpipeline_db_pool_connections": Gauge1<state: PoolState>, Instance;
    /// Connections that the database pool may have.
    db_pool_max as "crpipeline_db_pool_max": Gauge, Instance;
    /// Time until the pool gave a connection.
    db_acquire_duration_seconds as "crpipeline_db_acquire_duration_seconds": Histogram in WEB, Instance;
    /// Errors of the database.
    db_errors_total as "crpipeline_db_errors_total": Counter1<kind: DatabaseErrorKind>, Instance;
    /// Free space where we keep files.
    data_dir_free_bytes as "crpipeline_data_dir_free_bytes": Gauge1<volume: Volume>, Instance;
    /// Size of the file system where we keep files.
    data_dir_size_bytes as "crpipeline_data_dir_size_bytes": Gauge1<volume: Volume>, Instance;
    /// Workers that the database knows by what they do.
    workers as "crpipeline_workers": Gauge1<state: WorkerState>, Service;

    /// The running build; always 1.
    build_info as "crpipeline_build_info": BuildGauge [version: Given, revision: Given, rustc: Given], Instance;
    /// The configuration of this process; always 1.
    config_info as "crpipeline_config_info": ConfigGauge [storage: StorageKind, database: DatabaseKind, role: ProcessRole], Instance;
    /// How the processes that read documents are locked in, as found at the start: the version of Landlock, 1 for the filter of system
    /// calls, 0 for what is not in force.
    sandbox_level as "crpipeline_sandbox_level": Gauge1<layer: SandboxLayer>, Instance;
    /// Panics that were caught.
    panics_total as "crpipeline_panics_total": Counter1<task: PanicPlace>, Instance;
    /// Time that the previous exposition of these metrics took.
    metrics_scrape_duration_seconds as "crpipeline_metrics_scrape_duration_seconds": Gauge, Instance;
}
