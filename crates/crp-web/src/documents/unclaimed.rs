//! Bytes that are stored and that no row names yet: whatever goes wrong before the row is there, they are removed again.

use crp_model::ObjectKey;
use crp_objects::Objects;
use futures_util::TryStreamExt as _;

/// An object without a row. Dropping it (the client went away) removes it in the background.
#[derive(Debug)]
pub(crate) struct Unclaimed {
    objects: Objects,
    key: Option<ObjectKey>,
}

impl Unclaimed {
    pub(crate) fn new(objects: &Objects, key: ObjectKey) -> Self {
        Self { objects: objects.clone(), key: Some(key) }
    }

    /// A row names the object now, or it is not known whether one does: it stays.
    pub(crate) fn keep(mut self) {
        self.key = None;
    }

    /// Removes the object before the answer goes out.
    pub(crate) async fn discard(mut self) {
        if let Some(key) = self.key.take() {
            discard(&self.objects, &key).await;
        }
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let objects = self.objects.clone();
            tokio::spawn(async move { discard(&objects, &key).await });
        }
    }
}

/// Removes an object that no row names. What cannot be removed is only waste; the storage counts the error.
pub(crate) async fn discard(objects: &Objects, key: &ObjectKey) {
    if let Err(failure) = objects.delete(key).await {
        tracing::warn!(object.key = %key, "An object that no row names could not be removed: {failure}");
    }
}

/// Removes whatever lies under a prefix that no row names any more, such as pages of a job that a crash cut off from their rows.
pub(crate) async fn discard_all(objects: &Objects, prefix: &str) {
    // Listed to the end first: what is removed must not move what is still to be listed.
    match objects.list(prefix).map_ok(|listed| listed.key).try_collect::<Vec<_>>().await {
        Ok(keys) => {
            for key in keys {
                discard(objects, &key).await;
            }
        }
        Err(failure) => tracing::warn!(prefix, "Objects that no row names could not be listed: {failure}"),
    }
}
