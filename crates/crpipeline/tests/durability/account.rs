//! What an installation says about a job when all is over, read through the API alone: rows, bytes, events.

use std::collections::BTreeMap;

use crp_testkit::{Api, Ids, poll};
use serde_json::Value;

use super::load::hex;

/// What a job left, as far as it must be the same each time the same document is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Number, source and SHA-256 of the thumbnail, page by page.
    pub(crate) pages: Vec<(u64, String, String)>,
    /// SHA-256 by kind of artifact.
    pub(crate) artifacts: BTreeMap<String, String>,
    /// Kind, first page and state of each task.
    pub(crate) tasks: Vec<(String, u64, String)>,
    /// Type, state, tasks and tasks that are done of each stage.
    pub(crate) stages: Vec<(String, String, u64, u64)>,
}

/// A job with its document as the API shows them.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) ids: Ids,
    /// SHA-256 of the document's bytes; `None` if it is not there.
    pub(crate) content: Option<String>,
    /// The state of the job; empty if it is not there.
    pub(crate) status: String,
    pub(crate) outcome: Outcome,
    /// Attempts of each stage.
    pub(crate) attempts: Vec<u64>,
    /// Number and name of each event.
    pub(crate) events: Vec<(i64, String)>,
    /// Rows whose bytes cannot be had or are others.
    pub(crate) damage: Vec<String>,
}

/// Reads everything about a job.
pub(crate) async fn look_at(api: &Api, ids: &Ids) -> Seen {
    let content = api.get(&format!("/api/v1/documents/{}/content", ids.document)).await;
    let answer = api.get(&format!("/api/v1/jobs/{}", ids.job)).await;
    let nothing = Outcome { pages: Vec::new(), artifacts: BTreeMap::new(), tasks: Vec::new(), stages: Vec::new() };
    let mut seen = Seen {
        ids: ids.clone(),
        content: (content.status == 200).then(|| hex(&content.body)),
        status: String::new(),
        outcome: nothing,
        attempts: Vec::new(),
        events: Vec::new(),
        damage: Vec::new(),
    };
    if answer.status != 200 {
        return seen;
    }
    let job = answer.json();
    seen.status = text(&job["status"]);
    for stage in list(&job["stages"]) {
        seen.attempts.push(number(&stage["attempts"]));
        let row = (text(&stage["type"]), text(&stage["status"]), number(&stage["tasks_total"]), number(&stage["tasks_done"]));
        seen.outcome.stages.push(row);
    }
    for artifact in list(&job["artifacts"]) {
        let (kind, sha256) = (text(&artifact["kind"]), text(&artifact["sha256"]));
        let bytes = api.get(artifact["href"].as_str().unwrap_or_default()).await;
        if bytes.status != 200 || hex(&bytes.body) != sha256 {
            seen.damage.push(format!("{kind}: status {}, {} bytes, not those of its row", bytes.status, bytes.body.len()));
        }
        seen.outcome.artifacts.insert(kind, sha256);
    }
    look_at_pages(api, &mut seen).await;
    for task in items(api, &format!("/api/v1/jobs/{}/tasks", ids.job)).await {
        seen.outcome.tasks.push((text(&task["kind"]), number(&task["first_page"]), text(&task["state"])));
    }
    seen.outcome.tasks.sort();
    if ["succeeded", "failed", "cancelled"].contains(&seen.status.as_str()) {
        let events = api.events(&ids.job, None).await.rest(poll::PATIENCE).await;
        seen.events = events.into_iter().map(|event| (event.id.unwrap_or_default(), event.name)).collect();
    }
    seen
}

async fn look_at_pages(api: &Api, seen: &mut Seen) {
    for page in items(api, &format!("/api/v1/jobs/{}/pages", seen.ids.job)).await {
        let number = number(&page["page"]);
        let mut sha256 = String::new();
        if let Some(address) = page["thumbnail"].as_str() {
            let bytes = api.get(address).await;
            if bytes.status != 200 {
                seen.damage.push(format!("thumbnail of page {number}: status {}", bytes.status));
            }
            sha256 = hex(&bytes.body);
        }
        seen.outcome.pages.push((number, text(&page["source"]), sha256));
    }
}

/// Every item of a list, whatever the size of its parts.
async fn items(api: &Api, path: &str) -> Vec<Value> {
    let (mut all, mut query) = (Vec::new(), String::new());
    loop {
        let answer = api.get(&format!("{path}?limit=100{query}")).await;
        if answer.status != 200 {
            return all;
        }
        let part = answer.json();
        all.extend(list(&part["items"]).cloned());
        match part["next_cursor"].as_str() {
            Some(cursor) => query = format!("&cursor={cursor}"),
            None => return all,
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}
