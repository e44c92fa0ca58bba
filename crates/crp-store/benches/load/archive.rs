//! Questions to a large archive: how long the first page of a list of found documents takes.

use std::sync::Arc;

use crp_model::{DocumentId, JobId, OrganizationId};
use crp_store::{
    Store,
    documents::{self, DocumentFilter, DocumentSort},
    search::{self, SearchQuery},
};
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::Semaphore, time::Instant};

use crate::{Outcome, Target, fill, raw::Raw, spread::spread, tell, text};

/// How many documents, of five pages each, and how many questions of each kind.
#[derive(Deserialize)]
pub(crate) struct Plan {
    documents: u64,
    questions: u64,
    /// Transactions that fill the index at the same time.
    callers: u32,
    /// The organization of an archive that an earlier run left; nothing is filled then, only asked.
    asked_again: Option<uuid::Uuid>,
}

/// Rows of a page of the list, as the web app asks for them.
const ROWS: u32 = 50;

pub(crate) async fn measure(target: &Target, plan: &Plan) -> Outcome<()> {
    let store = target.open(plan.callers).await?;
    let organization = match plan.asked_again {
        Some(id) => OrganizationId(id),
        None => filled(target, &store, plan).await?,
    };
    for (kind, question) in QUESTIONS {
        for sort in [DocumentSort::Relevance, DocumentSort::Newest] {
            ask(target, &store, organization, plan, (kind, *question), sort).await?;
        }
    }
    store.close().await;
    Ok(())
}

/// Makes the archive; whose it is.
async fn filled(target: &Target, store: &Store, plan: &Plan) -> Outcome<OrganizationId> {
    let mut raw = Raw::connect(target).await?;
    let organization = fill::organizations(store, 1).await?[0];
    let mut made = 0;
    let started = Instant::now();
    while made < plan.documents {
        let next = plan.documents.min(made + 10_000);
        fill::archive(&mut raw, 1, made + 1, next).await?;
        index(store, organization, made + 1, next, plan.callers).await?;
        made = next;
        eprintln!(
            "{}: {made} of {} documents in the index after {:.0} s",
            target.engine(),
            plan.documents,
            started.elapsed().as_secs_f64()
        );
    }
    raw.settle().await?;
    tell(&json!({
        "measure": "archive", "engine": target.engine(), "documents": made, "pages": made * fill::ARCHIVE_PAGES,
        "filling_seconds": started.elapsed().as_secs_f64(), "sizes": raw.sizes().await?,
    }));
    Ok(organization)
}

type Question = fn(u64) -> String;

/// Kinds of questions; `n` changes the words, so that nothing is answered from the one before.
const QUESTIONS: &[(&str, Question)] = &[
    ("a rare word", |n| text::word(50_000 + n * 613)),
    ("a word of every tenth page", |n| text::word(1_000 + n)),
    ("a word of nearly all documents", |n| text::word(3 + n % 20)),
    ("two words", |n| format!("{} {}", text::word(200 + n), text::word(2_000 + n))),
    ("five words", |n| (0..5).map(|at| text::word(20 + n + at * 31)).collect::<Vec<_>>().join(" ")),
    ("the beginning of a word", |n| text::word(3_000 + n * 17).chars().take(5).collect::<String>() + "*"),
    ("a word that nobody wrote", |n| format!("qqx{n}")),
];

async fn ask(
    target: &Target,
    store: &Store,
    organization: OrganizationId,
    plan: &Plan,
    (kind, question): (&str, Question),
    sort: DocumentSort,
) -> Outcome<()> {
    let (mut times, mut found) = (Vec::new(), 0);
    for n in 0..plan.questions {
        let filter = DocumentFilter { words: SearchQuery::parse(&question(n)).expect("a short question"), ..DocumentFilter::default() };
        let started = Instant::now();
        let rows = documents::list(store, &fill::scope(organization), &filter, sort, None, ROWS).await;
        times.push(started.elapsed());
        found += rows.map_err(|error| error.failure().to_string())?.items.len();
    }
    tell(&json!({
        "measure": "search", "engine": target.engine(), "documents": plan.documents, "question": kind, "order": sort.as_str(),
        "mean_rows": found as f64 / plan.questions as f64, "ms": spread(&mut times),
    }));
    Ok(())
}

/// Puts documents into the index, by the same way as those of older versions.
async fn index(store: &Store, organization: OrganizationId, from: u64, to: u64, callers: u32) -> Outcome<()> {
    let numbers = Arc::new(Semaphore::new(callers as usize));
    let mut running = Vec::new();
    for n in from..=to {
        let permit = numbers.clone().acquire_owned().await?;
        let store = store.clone();
        running.push(tokio::spawn(async move {
            let _permit = permit;
            let pages = (1..=fill::ARCHIVE_PAGES as u32).map(|page| text::page(n, page)).collect();
            let text = Some((JobId(fill::id('3', n)), pages));
            search::index_document(&store, &fill::scope(organization), DocumentId(fill::id('2', n)), text).await
        }));
    }
    for one in running {
        one.await?.map_err(|error| error.failure().to_string())?;
    }
    Ok(())
}
