//! One file of this machine on its way to a document: judged by its first bytes, streamed to storage, described for the database.
//! Imports and watched folders share it.

use crp_model::{Code, DocumentId, DocumentName, Failure, MediaType, ObjectKey, Plan, Priority, Scope, media::SNIFF_BYTES};
use crp_objects::{Objects, PutError, Stored};
use crp_store::{
    Store, StoreError,
    documents::{self, Added, NewDocument},
};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};
use tokio_util::io::ReaderStream;

/// How much of a file is read at once, in bytes.
pub(crate) const CHUNK_BYTES: usize = 1024 * 1024;

/// The doors that a document goes through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doors<'a> {
    pub(crate) store: &'a Store,
    pub(crate) objects: &'a Objects,
    pub(crate) max_bytes: u64,
}

/// What the size and the first bytes of an open file say; the file stands at its beginning again.
///
/// # Errors
/// `too_large`, `file_access`, and what [`MediaType::sniff`] answers.
pub(crate) async fn judge(file: &mut File, size_bytes: u64, max_bytes: u64) -> Result<MediaType, Failure> {
    if size_bytes > max_bytes {
        let message = format!("The file has {size_bytes} bytes; at most {max_bytes} are taken");
        return Err(Failure::new(Code::TooLarge, message));
    }
    let mut head = vec![0; SNIFF_BYTES];
    let mut filled = 0;
    while filled < head.len() {
        match file.read(&mut head[filled..]).await.map_err(|error| unreadable(&error))? {
            0 => break,
            read => filled += read,
        }
    }
    file.rewind().await.map_err(|error| unreadable(&error))?;
    MediaType::sniff(&head[..filled])
}

pub(crate) fn unreadable(error: &std::io::Error) -> Failure {
    Failure::new(Code::FileAccess, format!("The file cannot be read: {error}"))
}

impl Doors<'_> {
    /// Stores the bytes of an open file, durably, under a key of their own.
    ///
    /// # Errors
    /// `too_large`, `file_access`, and what the storage answers; nothing stays behind.
    pub(crate) async fn store(&self, scope: &Scope, file: File) -> Result<(ObjectKey, Stored), Failure> {
        let key = ObjectKey::original(scope.organization, self.store.ambient().new_uuid());
        let body = ReaderStream::with_capacity(file, CHUNK_BYTES);
        match self.objects.put_stream(&key, body, self.max_bytes).await {
            Ok(stored) => Ok((key, stored)),
            Err(PutError::Storage(failure)) => Err(failure),
            Err(PutError::TooLarge { limit_bytes }) => {
                Err(Failure::new(Code::TooLarge, format!("The file grew beyond {limit_bytes} bytes while it was read")))
            }
            Err(PutError::Body(what)) => Err(Failure::new(Code::FileAccess, format!("The file cannot be read to its end: {what}"))),
        }
    }

    /// What is to be added for stored bytes.
    pub(crate) fn describe(&self, name: DocumentName, media_type: MediaType, stored: (ObjectKey, Stored), plan: &Plan) -> NewDocument {
        let (object_key, stored) = stored;
        NewDocument {
            document: DocumentId::new(self.store.ambient()),
            name,
            media_type,
            size_bytes: stored.size_bytes,
            sha256: stored.sha256,
            object_key,
            plan: plan.clone(),
            priority: Priority::Normal,
            idempotency_key: None,
        }
    }

    /// Removes the bytes that nothing names after the transaction that was to add them.
    pub(crate) async fn settle(&self, scope: &Scope, document: DocumentId, key: &ObjectKey, added: &Result<Added, StoreError>) {
        match added {
            Ok(Added { unneeded_object: Some(unneeded), .. }) => self.discard(unneeded).await,
            Ok(_) => {}
            // A commit that broke off may have happened; then the row names the object.
            Err(_) if matches!(documents::get(self.store, scope, document).await, Err(StoreError::NotFound)) => self.discard(key).await,
            Err(_) => {}
        }
    }

    pub(crate) async fn discard(&self, key: &ObjectKey) {
        if let Err(failure) = self.objects.delete(key).await {
            tracing::warn!(object.key = %key, "An object that no row names could not be removed; the server's sweep does it later: {failure}");
        }
    }
}
