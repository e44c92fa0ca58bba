//! What a page costs the database: whole jobs from the upload to the index of words, with nothing to recognise; and what they leave there.

use std::time::Duration;

use crp_model::{
    ArtifactKind, DocumentId, DocumentName, MediaType, ObjectKey, OrganizationId, PageNo, PageRange, PipelineFile, Priority, Sha256Hash,
    StageType, TaskKind, TextSource, WorkerId,
};
use crp_store::{
    Store, StoreError,
    artifacts::NewArtifact,
    documents::{self, NewDocument},
    tasks::{self, ClaimedTask, SavedPage},
};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::{Outcome, Target, fill, raw::Raw, spread::spread, tell, text};

/// How many jobs, of how many pages; growth is told after each part.
#[derive(Deserialize)]
pub(crate) struct Plan {
    parts: Vec<u64>,
    pages: u32,
    pages_per_task: u32,
    callers: u32,
}

const LEASE: Duration = Duration::from_secs(60);

pub(crate) async fn measure(target: &Target, plan: &Plan) -> Outcome<()> {
    let store = target.open(plan.callers).await?;
    let mut raw = Raw::connect(target).await?;
    let organization = fill::organizations(&store, 1).await?[0];
    let mut uploaded = 0;
    for &documents in &plan.parts {
        eprintln!("{}: {documents} jobs of {} pages from upload to end …", target.engine(), plan.pages);
        let started = Instant::now();
        upload(&store, organization, uploaded, documents, plan.callers).await?;
        let uploading = started.elapsed();
        uploaded += documents;
        let started = Instant::now();
        let mut callers = Vec::new();
        for _ in 0..plan.callers {
            callers.push(tokio::spawn(work(store.clone(), plan.pages, plan.pages_per_task)));
        }
        let mut steps = Vec::new();
        for caller in callers {
            steps.extend(caller.await?.map_err(|error| error.failure().to_string())?);
        }
        let working = started.elapsed();
        raw.settle().await?;
        let pages = documents * u64::from(plan.pages);
        tell(&json!({
            "measure": "cost", "engine": target.engine(), "documents": documents, "documents_in_all": uploaded, "pages": plan.pages,
            "callers": plan.callers, "uploads_per_second": documents as f64 / uploading.as_secs_f64(),
            "pages_per_second": pages as f64 / working.as_secs_f64(), "steps_per_page": steps.len() as f64 / pages as f64,
            "step_ms": spread(&mut steps), "sizes": raw.sizes().await?,
        }));
    }
    store.close().await;
    Ok(())
}

async fn upload(store: &Store, organization: OrganizationId, from: u64, number: u64, callers: u32) -> Outcome<()> {
    let mut running = Vec::new();
    for caller in 0..u64::from(callers) {
        let store = store.clone();
        running.push(tokio::spawn(async move {
            for n in (from..from + number).filter(|n| n % u64::from(callers) == caller) {
                documents::add_with_job(&store, &fill::scope(organization), new_document(&store, organization, n)).await?;
            }
            Ok::<_, StoreError>(())
        }));
    }
    for one in running {
        one.await?.map_err(|error| error.failure().to_string())?;
    }
    Ok(())
}

fn new_document(store: &Store, organization: OrganizationId, n: u64) -> NewDocument {
    let ambient = store.ambient();
    NewDocument {
        document: DocumentId::new(ambient),
        name: DocumentName::from_client(&format!("scan {n}.pdf")).expect("a name"),
        media_type: MediaType::Pdf,
        size_bytes: 500_000,
        sha256: Sha256Hash::of(&n.to_le_bytes()),
        object_key: ObjectKey::original(organization, ambient.new_uuid()),
        plan: PipelineFile::parse(PipelineFile::BUILT_IN[0]).expect("a built-in pipeline").plan(0, &["eng".to_owned()]),
        priority: Priority::Normal,
        idempotency_key: None,
    }
}

/// Works until nothing is left; the time of each transaction.
async fn work(store: Store, pages: u32, pages_per_task: u32) -> Result<Vec<Duration>, StoreError> {
    let worker = WorkerId::new(store.ambient());
    let mut steps = Vec::new();
    loop {
        let mut started = Instant::now();
        let mut step = || steps.push(std::mem::replace(&mut started, Instant::now()).elapsed());
        let Some(task) = tasks::claim(&store, worker, LEASE).await? else { return Ok(steps) };
        step();
        match task.kind {
            TaskKind::Inspect => {
                tasks::finish_inspect(&store, &task, pages, &PageRange::split(pages, pages_per_task), &[]).await?;
            }
            TaskKind::Pages => {
                for page in task.range.expect("a range").pages() {
                    let number = u64::from_le_bytes(task.document.sha256.0[..8].try_into().expect("eight bytes"));
                    tasks::save_page(&store, &task, &saved(&task, page), &text::page(number, page.get())).await?;
                    step();
                }
                tasks::finish_pages(&store, &task).await?;
            }
            TaskKind::Assemble | TaskKind::Stage => {
                let kinds = [ArtifactKind::SearchablePdf, ArtifactKind::Text, ArtifactKind::Layout];
                let artifacts: Vec<NewArtifact> = kinds.into_iter().map(|kind| artifact(&task, kind)).collect();
                tasks::finish_stage(&store, &task, &artifacts, &[]).await?;
            }
        }
        step();
    }
}

fn saved(task: &ClaimedTask, page: PageNo) -> SavedPage {
    SavedPage {
        page,
        object_key: Some(ObjectKey::page(task.scope.organization, task.job, StageType::Ocr, page)),
        thumbnail_key: Some(ObjectKey::thumbnail(task.scope.organization, task.job, page)),
        source: TextSource::Ocr,
        mean_confidence: Some(0.93),
        seconds: 1.5,
        warnings: Vec::new(),
        failure: None,
        identity: Some(Sha256Hash::of(b"engine")),
        reused_from: None,
    }
}

fn artifact(task: &ClaimedTask, kind: ArtifactKind) -> NewArtifact {
    NewArtifact {
        kind,
        object_key: ObjectKey::artifact(task.scope.organization, task.job, kind),
        media_type: kind.mime().to_owned(),
        size_bytes: 100_000,
        sha256: Sha256Hash::of(kind.as_str().as_bytes()),
    }
}
