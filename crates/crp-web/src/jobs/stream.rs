//! Live changes of every job of the organization, so that a page needs one stream and no polling.

use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event as SseEvent, KeepAlive},
    },
};
use crp_model::{JobId, Scope, Timestamp};
use crp_store::{
    OrganizationChanges, Store, StoreError,
    jobs::{self, ChangedJob},
};
use futures_util::{Stream, StreamExt, stream};
use http::HeaderMap;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{
    events::{EventQuery, HEARTBEAT, POLL, last_event_id},
    view::JobSummaryView,
};
use crate::{
    Web,
    auth::{principal::Caller, still_signed_in::StillSignedIn},
    extract::QueryOf,
    problem::Problem,
    serve::Stopping,
};

/// A change may be committed later than it says, and clocks of processes differ: so far is looked back.
const OVERLAP: Duration = Duration::from_secs(10);
/// Changes that follow one another faster are told together.
const PAUSE: Duration = Duration::from_millis(250);
/// Jobs read at once.
const BATCH: u32 = 200;

/// One event of the stream, as its lines say it.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the stream; axum writes it")]
pub(crate) struct OrganizationEvent {
    /// Where the stream is; send the last one back as `Last-Event-ID`.
    id: String,
    /// `job`. The first block has an id alone, which browsers note and show to nobody.
    event: String,
    /// JSON: the job as lists show it, a `JobSummaryView`.
    data: String,
}

/// Watch all jobs
///
/// Server-sent events: an event `job` for every job that changed, with the job as lists show it, from now on or since
/// `Last-Event-ID`. A job may come again with the same `last_event_id`; a comment every 15 seconds. Changes of several events may
/// come as one. A deleted document's jobs are not told. The stream ends with the session.
#[utoipa::path(get, path = "/api/v1/events", tag = "jobs",
    params(EventQuery, ("Last-Event-ID" = Option<i64>, Header, description = "The last `id` that was received", minimum = 0)),
    responses((status = 200, description = "The changes", body = OrganizationEvent, content_type = "text/event-stream")))]
pub(crate) async fn watch_jobs(
    State(web): State<Arc<Web>>,
    caller: Caller,
    stopping: Option<axum::Extension<Stopping>>,
    headers: HeaderMap,
    QueryOf(query): QueryOf<EventQuery>,
) -> Result<Response, Problem> {
    let last = last_event_id(&headers, query.last_event_id)?;
    let changes = web.store.organization_changes(caller.scope().organization);
    let newest = last.map_or_else(|| web.ambient.now(), Timestamp);
    let mut watch = Watch {
        reading: Reading { scope: caller.scope(), newest, after: Some(before(newest)), told: HashMap::new() },
        session: StillSignedIn::of(&caller, &web),
        changes,
        looked: Instant::now(),
        has_begun: false,
        web,
    };
    while last.is_none() && watch.reading.after.is_some() {
        // What is there already is known to who begins now.
        watch.reading.next(&watch.web.store).await?;
    }
    let stopping = stopping.map_or_else(Stopping::never, |extension| extension.0);
    let events = watch.into_stream().take_until(stopping.stopped_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("")).into_response())
}

struct Watch {
    web: Arc<Web>,
    reading: Reading,
    session: StillSignedIn,
    changes: OrganizationChanges,
    looked: Instant,
    has_begun: bool,
}

impl Watch {
    fn into_stream(self) -> impl Stream<Item = Result<SseEvent, Infallible>> {
        stream::unfold(self, |mut watch| async move {
            let events = watch.next_events().await?;
            Some((stream::iter(events.into_iter().map(Ok)), watch))
        })
        .flatten()
    }

    /// The next events; `None` when the session has ended or the database fails (the reader comes back).
    async fn next_events(&mut self) -> Option<Vec<SseEvent>> {
        if !self.has_begun {
            self.has_begun = true;
            // The reader who loses the line before the first change goes on from here.
            return Some(vec![SseEvent::default().id(self.reading.newest.0.to_string())]);
        }
        loop {
            if self.reading.after.is_none() {
                self.wait().await?;
            }
            if !self.session.check(&self.web).await {
                return None;
            }
            self.looked = Instant::now();
            let new = self.reading.next(&self.web.store).await.ok()?;
            if !new.is_empty() {
                return Some(new.into_iter().map(|(changed, id)| show(changed, id)).collect());
            }
        }
    }

    /// Until there may be something new; `None` once the store is gone.
    async fn wait(&mut self) -> Option<()> {
        // A missed wake-up costs two seconds, never a change.
        if let Ok(false) = tokio::time::timeout(POLL, self.changes.changed()).await {
            return None;
        }
        tokio::time::sleep_until(self.looked + PAUSE).await;
        self.reading.after = Some(before(self.reading.newest));
        Some(())
    }
}

/// What tells one state of a job from the next: its newest event, and whether it was dismissed, which makes no event.
type Known = (i64, bool);

/// Where a reader is.
struct Reading {
    scope: Scope,
    /// When the newest change happened that was told.
    newest: Timestamp,
    /// Where the present look goes on; `None` when it is at its end.
    after: Option<(Timestamp, JobId)>,
    /// What was told of the jobs that changed within the overlap, and when they changed.
    told: HashMap<JobId, (Known, Timestamp)>,
}

/// Where a look begins that goes on after `newest`.
fn before(newest: Timestamp) -> (Timestamp, JobId) {
    (newest.minus(OVERLAP), JobId(uuid::Uuid::nil()))
}

impl Reading {
    /// The next jobs of the look whose present state was not told yet, each with the id of the stream after it.
    async fn next(&mut self, store: &Store) -> Result<Vec<(ChangedJob, Timestamp)>, StoreError> {
        let Some(after) = self.after else { return Ok(Vec::new()) };
        let batch = jobs::changed(store, &self.scope, after, BATCH).await?;
        self.after = batch.last().filter(|_| batch.len() == BATCH as usize).map(|last| (last.changed_at, last.job.id));
        let mut new = Vec::new();
        for changed in batch {
            let known = (changed.job.last_event_id, changed.job.dismissed_at.is_some());
            let before = self.told.insert(changed.job.id, (known, changed.changed_at));
            self.newest = self.newest.max(changed.changed_at);
            if before.is_none_or(|(before, _)| before != known) {
                new.push((changed, self.newest));
            }
        }
        let horizon = self.newest.minus(OVERLAP);
        self.told.retain(|_, (_, changed_at)| *changed_at >= horizon);
        Ok(new)
    }
}

fn show(changed: ChangedJob, id: Timestamp) -> SseEvent {
    let data = serde_json::to_string(&JobSummaryView::of(changed.job)).unwrap_or_default();
    SseEvent::default().id(id.0.to_string()).event("job").data(data)
}
