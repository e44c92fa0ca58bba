//! Documents that were read before there was a search: their text goes into the index from the artifact that their job left.

use crp_model::{Failure, ObjectKey, Scope};
use crp_objects::Objects;
use crp_store::{
    Store, StoreError,
    search::{self, Unindexed},
};

/// Largest text, in bytes, that is taken; of a larger one only name, title and tags can be searched.
const MAX_TEXT_BYTES: u64 = 64 * 1024 * 1024;
/// Documents that are asked for at a time.
const BATCH: u32 = 100;

/// Puts every document that is not in the index into it; how many. Running it twice changes nothing.
///
/// # Errors
/// When database or storage do not answer. What was done until then stays done.
pub async fn index_older_documents(store: &Store, objects: &Objects) -> Result<u64, Failure> {
    let (mut indexed, mut after) = (0, None);
    loop {
        let batch = search::unindexed(store, after, BATCH).await.map_err(|error| error.failure())?;
        let Some(last) = batch.last() else { return Ok(indexed) };
        after = Some(last.document);
        for one in batch {
            indexed += u64::from(index(store, objects, one).await?);
        }
    }
}

async fn index(store: &Store, objects: &Objects, one: Unindexed) -> Result<bool, Failure> {
    let text = match one.text {
        Some((job, key)) => pages(objects, &key).await?.map(|pages| (job, pages)),
        None => None,
    };
    match search::index_document(store, &Scope::system(one.organization), one.document, text).await {
        Ok(()) => Ok(true),
        // Deleted meanwhile.
        Err(StoreError::NotFound) => Ok(false),
        Err(error) => Err(error.failure()),
    }
}

/// The pages of a text; form feeds stand between them. A text that is gone or cannot be read is no reason to stop.
async fn pages(objects: &Objects, key: &ObjectKey) -> Result<Option<Vec<String>>, Failure> {
    match objects.get_bytes(key, MAX_TEXT_BYTES).await {
        Ok(Some(bytes)) => Ok(Some(String::from_utf8_lossy(&bytes).split('\u{c}').map(str::to_owned).collect())),
        Ok(None) => Ok(None),
        Err(failure) if failure.code == crp_model::Code::ObjectDamaged => {
            tracing::warn!(object.key = %key, "The text of an older document cannot be searched: {failure}");
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}
