//! Live events of a job: from the event table, numbered, so that a reader goes on where it stopped.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event as SseEvent, KeepAlive},
    },
};
use crp_model::{JobId, Scope};
use crp_store::{
    JobChanges,
    events::{self, Event},
    jobs,
};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    Web,
    auth::{principal::Caller, still_signed_in::StillSignedIn},
    extract::{PathOf, QueryOf},
    problem::{Problem, Refusal},
    serve::Stopping,
};

/// A comment so often, so that proxies and browsers see that the line is alive.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);
/// Another process may have committed the event; the table is asked at least so often.
pub(super) const POLL: Duration = Duration::from_secs(2);
/// Events read at once.
const BATCH: u32 = 200;

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventQuery {
    /// The number of the last event that is known; the header `Last-Event-ID` says the same and wins.
    #[param(minimum = 0)]
    pub(super) last_event_id: Option<i64>,
}

/// One event of the stream, as its lines say it.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the stream; axum writes it")]
pub(crate) struct JobEvent {
    /// The number of the event, rising; send the last one back as `Last-Event-ID`.
    id: String,
    /// What happened: `queued`, `started`, `progress`, `stage_started`, `stage_finished`, `warning`, `retrying`,
    /// `succeeded`, `failed`, `cancel_requested` or `cancelled`.
    event: String,
    /// JSON: `kind`, `at` and the facts, such as `pages_done` and `pages_total`.
    data: String,
}

/// Watch a job
///
/// Server-sent events, each with its number, from the first one or from the one after `Last-Event-ID`; a comment every
/// 15 seconds; the stream ends after the final event. 204 when the final event is already known: browsers stop asking then.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/events", tag = "jobs",
    params(("id" = Uuid, Path, description = "Id of the job"), EventQuery,
        ("Last-Event-ID" = Option<i64>, Header, description = "The number of the last event that is known", minimum = 0)),
    responses(
        (status = 200, description = "The events", body = JobEvent, content_type = "text/event-stream"),
        (status = 204, description = "The job has ended and every event is known"),
    ))]
pub(crate) async fn watch_job(
    State(web): State<Arc<Web>>,
    caller: Caller,
    stopping: Option<axum::Extension<Stopping>>,
    headers: HeaderMap,
    PathOf(id): PathOf<Uuid>,
    QueryOf(query): QueryOf<EventQuery>,
) -> Result<Response, Problem> {
    let (scope, job) = (caller.scope(), JobId(id));
    let last = last_event_id(&headers, query.last_event_id)?.unwrap_or(0);
    let row = jobs::get(&web.store, &scope, job).await?;
    if row.status.is_final() && last >= row.last_event_id {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let changes = web.store.job_changes(job);
    let stopping = stopping.map_or_else(Stopping::never, |extension| extension.0);
    let session = StillSignedIn::of(&caller, &web);
    let watch = Watch { web, scope, job, session, last, changes, ended: false };
    let events = watch.into_stream().take_until(stopping.stopped_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("")).into_response())
}

/// The number after which the reader wants to go on; the header wins.
pub(super) fn last_event_id(headers: &HeaderMap, in_query: Option<i64>) -> Result<Option<i64>, Problem> {
    let bad = || Problem::new(Refusal::InvalidRequest, "\"Last-Event-ID\" is not the number of an event");
    let last = match headers.get("last-event-id") {
        Some(value) => Some(value.to_str().ok().and_then(|text| text.trim().parse().ok()).ok_or_else(bad)?),
        None => in_query,
    };
    if last.is_some_and(|last| last < 0) { Err(bad()) } else { Ok(last) }
}

struct Watch {
    web: Arc<Web>,
    scope: Scope,
    job: JobId,
    session: StillSignedIn,
    last: i64,
    changes: JobChanges,
    ended: bool,
}

impl Watch {
    fn into_stream(self) -> impl Stream<Item = Result<SseEvent, Infallible>> {
        stream::unfold(self, |mut watch| async move {
            let batch = watch.next_batch().await?;
            Some((stream::iter(batch.into_iter().map(|event| Ok(show(&event)))), watch))
        })
        .flatten()
    }

    /// The next events; `None` after the final one, when the session has ended or the database fails (the reader comes back).
    async fn next_batch(&mut self) -> Option<Vec<Event>> {
        while !self.ended && self.session.check(&self.web).await {
            let batch = events::list_after(&self.web.store, &self.scope, self.job, self.last, BATCH).await.ok()?;
            if let Some(newest) = batch.last() {
                self.last = newest.id;
                self.ended = batch.iter().any(|event| event.kind.is_final());
                return Some(batch);
            }
            // A missed wake-up costs two seconds, never an event.
            if let Ok(false) = tokio::time::timeout(POLL, self.changes.changed()).await {
                return None;
            }
        }
        None
    }
}

fn show(event: &Event) -> SseEvent {
    let mut data = match &event.payload {
        serde_json::Value::Object(facts) => facts.clone(),
        _ => serde_json::Map::new(),
    };
    data.insert("kind".to_owned(), event.kind.as_str().into());
    data.insert("at".to_owned(), event.at.rfc3339().into());
    SseEvent::default().id(event.id.to_string()).event(event.kind.as_str()).data(serde_json::Value::Object(data).to_string())
}
