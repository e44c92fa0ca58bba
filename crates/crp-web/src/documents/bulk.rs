//! One action on many documents: each for itself, so that one refusal does not stop the others.

use std::{collections::HashSet, sync::Arc};

use axum::{Json, extract::State};
use crp_model::{DocumentId, Permission, Plan, Priority, Scope};
use crp_store::{
    StoreError,
    documents::{self, DocumentChange},
    jobs,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    delete::{delete_forever, move_to_trash},
    known,
};
use crate::{
    Web,
    auth::principal::Caller,
    extract::JsonBody,
    pipelines::resolve,
    problem::{Problem, Refusal},
};

/// Most documents of one request.
const MAX_DOCUMENTS: usize = 500;

/// What to do with which documents.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkRequest {
    /// Ids of 1 to 500 documents.
    #[schema(min_items = 1, max_items = 500)]
    ids: Vec<Uuid>,
    /// What to do.
    action: BulkAction,
    /// For `run`: name or id of the pipeline; without it, `searchable-pdf`.
    #[schema(max_length = 64)]
    pipeline: Option<String>,
    /// For `tag`: tags to add.
    #[schema(max_items = 50)]
    add_tags: Option<Vec<String>>,
    /// For `tag`: tags to remove.
    #[schema(max_items = 50)]
    remove_tags: Option<Vec<String>>,
}

/// An action on many documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BulkAction {
    /// Move them to the trash.
    Trash,
    /// Take them out of the trash.
    Restore,
    /// Delete them for good.
    Delete,
    /// Run a pipeline on them.
    Run,
    /// Add and remove tags.
    Tag,
}

/// What became of them.
#[derive(Serialize, ToSchema)]
pub(crate) struct BulkAnswer {
    /// The documents with which it was done, in the order of the request.
    done: Vec<Uuid>,
    /// Those with which it could not be done, and why.
    refused: Vec<Refused>,
}

/// A document with which it could not be done.
#[derive(Serialize, ToSchema)]
pub(crate) struct Refused {
    /// Its id.
    id: Uuid,
    /// Why.
    problem: RefusedProblem,
}

/// Why something was refused, as problems tell it.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefusedProblem {
    /// The code; scripts compare it.
    code: &'static str,
    /// What the kind of problem is.
    title: &'static str,
    /// The HTTP status that it would have alone.
    status: u16,
    /// What happened in this case.
    detail: String,
    /// What to do about it.
    remedy: String,
    /// Whether trying the same again can help.
    retryable: bool,
}

/// The action with what it needs.
enum Work {
    Trash,
    Restore,
    Delete,
    Run(Box<Plan>),
    Tag(Box<DocumentChange>),
}

/// Act on many documents
///
/// Each document for itself: what is refused for one does not stop the others.
#[utoipa::path(post, path = "/api/v1/documents/bulk", tag = "documents", request_body = BulkRequest,
    responses((status = 200, description = "What was done and what was not", body = BulkAnswer)))]
pub(crate) async fn act_on_documents(
    State(web): State<Arc<Web>>,
    caller: Caller,
    JsonBody(body): JsonBody<BulkRequest>,
) -> Result<Json<BulkAnswer>, Problem> {
    let scope = caller.scope();
    let ids = body.distinct_ids()?;
    if body.action == BulkAction::Run && !caller.principal().role.may(Permission::RunJobs) {
        return Err(Problem::new(Refusal::RoleMayNot, "Your role may not run pipelines"));
    }
    let work = body.work(&web, &scope).await?;
    // In a task of its own: a client that goes away must not leave bytes behind, nor jobs that are not counted.
    let task = tokio::spawn(async move {
        let mut answer = BulkAnswer { done: Vec::new(), refused: Vec::new() };
        for id in ids {
            match work.on(&web, &scope, DocumentId(id)).await {
                Ok(()) => answer.done.push(id),
                Err(error) => answer.refused.push(Refused { id, problem: RefusedProblem::of(error.into()) }),
            }
        }
        answer
    });
    task.await.map(Json).map_err(|_| Problem::internal("Acting on the documents panicked"))
}

impl BulkRequest {
    fn distinct_ids(&self) -> Result<Vec<Uuid>, Problem> {
        if self.ids.is_empty() || self.ids.len() > MAX_DOCUMENTS {
            return Err(invalid(format!("\"ids\" takes 1 to {MAX_DOCUMENTS} ids")));
        }
        let mut seen = HashSet::new();
        Ok(self.ids.iter().copied().filter(|id| seen.insert(*id)).collect())
    }

    async fn work(self, web: &Web, scope: &Scope) -> Result<Work, Problem> {
        if self.pipeline.is_some() && self.action != BulkAction::Run {
            return Err(invalid("\"pipeline\" belongs to the action \"run\""));
        }
        if (self.add_tags.is_some() || self.remove_tags.is_some()) != (self.action == BulkAction::Tag) {
            return Err(invalid("\"add_tags\" and \"remove_tags\" belong to the action \"tag\", which needs one of them"));
        }
        Ok(match self.action {
            BulkAction::Trash => Work::Trash,
            BulkAction::Restore => Work::Restore,
            BulkAction::Delete => Work::Delete,
            BulkAction::Run => Work::Run(Box::new(resolve::plan_for(web, scope, self.pipeline.as_deref()).await?)),
            BulkAction::Tag => Work::Tag(Box::new(DocumentChange {
                add_tags: known::tags("add_tags", self.add_tags.unwrap_or_default())?,
                remove_tags: known::tags("remove_tags", self.remove_tags.unwrap_or_default())?,
                ..DocumentChange::default()
            })),
        })
    }
}

impl Work {
    async fn on(&self, web: &Web, scope: &Scope, document: DocumentId) -> Result<(), StoreError> {
        match self {
            Work::Trash => move_to_trash(web, scope, document).await,
            Work::Restore => documents::restore(&web.store, scope, document).await.map(drop),
            Work::Delete => delete_forever(web, scope, document).await,
            Work::Run(plan) => jobs::add_job(&web.store, scope, document, plan, Priority::Normal).await.map(drop),
            Work::Tag(change) => documents::change(&web.store, scope, document, change).await.map(drop),
        }
    }
}

impl RefusedProblem {
    fn of(problem: Problem) -> Self {
        Self {
            code: problem.code,
            title: problem.title,
            status: problem.status.as_u16(),
            detail: problem.detail,
            remedy: problem.remedy,
            retryable: problem.retryable,
        }
    }
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Refusal::InvalidValue, detail)
}
