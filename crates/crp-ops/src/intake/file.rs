//! The way of one file: judged, stored, added, moved aside. Each step is durable before the next begins.

use std::io;

use crp_model::{Code, DocumentName, Failure, MediaType, Plan, Scope, Sha256Hash, labels::IntakeResult, labels::UploadResult};
use crp_store::{
    StoreError,
    watched::{self, TakenFile, WatchedFile},
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    DONE, FAILED, Intake, aside, off_thread,
    place::{Entry, Identity, Kind, Place},
};
use crate::taking::{self, CHUNK_BYTES, Doors};

/// One file.
pub(super) struct One<'a> {
    pub(super) intake: &'a Intake,
    /// The id of the watched folder.
    pub(super) folder: Uuid,
    pub(super) scope: Scope,
    pub(super) place: &'a Place,
    pub(super) entry: &'a Entry,
    /// Its path below the watched folder.
    pub(super) relative: &'a str,
    pub(super) plan: &'a Plan,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It lies in `done` or `failed`.
    Moved,
    /// It is another file by now, or none; a later look sees.
    Changed,
}

/// Why a file is not taken now.
enum Refusal {
    /// It is no document.
    File(Failure),
    /// Something else is in the way; it stays.
    Now(Failure),
    /// It is another file by now.
    Changed,
}

impl One<'_> {
    /// Takes the file, or refuses it. `taken`: a process took it that ended before it could move it.
    ///
    /// # Errors
    /// Why it stays where it is.
    pub(super) async fn deal_with(&self, taken: Option<&TakenFile>) -> Result<After, Failure> {
        if let Some(taken) = taken {
            let is_file = self.entry.kind == Kind::File;
            match self.hash().await {
                Ok(sha256) if sha256 == taken.sha256 => {
                    tracing::info!(path = %self.relative, document = %taken.document, "A file that was taken before is moved now");
                    return self.done(taken).await;
                }
                // Another file with the same name.
                Ok(_) => self.forget(taken).await?,
                Err(Refusal::File(_)) if !is_file => self.forget(taken).await?,
                Err(Refusal::Changed) => return Ok(After::Changed),
                Err(Refusal::File(failure) | Refusal::Now(failure)) => return Err(failure),
            }
        }
        match self.take().await {
            Ok(taken) => self.done(&taken).await,
            Err(Refusal::File(failure)) => self.refuse(&failure).await,
            Err(Refusal::Now(failure)) => Err(failure),
            Err(Refusal::Changed) => Ok(After::Changed),
        }
    }

    /// Opens it, if it is the file that was looked at.
    async fn open(&self) -> Result<tokio::fs::File, Refusal> {
        if self.entry.kind != Kind::File {
            let what = "It is a link, a pipe or a device, not a file";
            return Err(Refusal::File(
                Failure::new(Code::FileAccess, what).with_remedy("Put the file itself into the folder.").never_retry(),
            ));
        }
        let (place, name, looked_at) = (self.place.clone(), self.entry.name.clone(), self.entry.identity);
        let opened = off_thread(move || {
            let file = place.open(&name)?;
            let identity = Identity::of_file(&file)?;
            Ok((identity == Some(looked_at)).then_some(file))
        });
        match opened.await {
            Ok(Some(file)) => Ok(tokio::fs::File::from_std(file)),
            Ok(None) => Err(Refusal::Changed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Refusal::Changed),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Refusal::File(
                taking::unreadable(&error).with_remedy("Give the user that crPipeline runs as the right to read the file."),
            )),
            Err(error) => Err(Refusal::Now(taking::unreadable(&error))),
        }
    }

    async fn hash(&self) -> Result<Sha256Hash, Refusal> {
        let mut file = self.open().await?.into_std().await;
        let hashed = off_thread(move || {
            let (mut hasher, mut chunk) = (Sha256::new(), vec![0; CHUNK_BYTES]);
            loop {
                match io::Read::read(&mut file, &mut chunk)? {
                    0 => return Ok(Sha256Hash(hasher.finalize().into())),
                    read => hasher.update(&chunk[..read]),
                }
            }
        });
        hashed.await.map_err(|error| Refusal::Now(taking::unreadable(&error)))
    }

    /// Document, bytes and job are durable when it is taken.
    async fn take(&self) -> Result<TakenFile, Refusal> {
        let intake = self.intake;
        let doors = Doors { store: &intake.store, objects: &intake.objects, max_bytes: intake.settings.max_bytes };
        let (size_bytes, name) = (self.entry.identity.size_bytes, self.entry.name.to_string_lossy());
        let mut opened = self.open().await?;
        let name = DocumentName::from_client(&name).map_err(Refusal::File)?;
        let media_type = taking::judge(&mut opened, size_bytes, intake.settings.max_bytes).await.map_err(refusal)?;
        let settings = intake.settings.clone();
        let room = off_thread(move || Ok(settings.reserve.check(size_bytes))).await;
        room.unwrap_or_else(|error| Err(taking::unreadable(&error))).map_err(Refusal::Now)?;
        let (key, stored) = doors.store(&self.scope, opened).await.map_err(refusal)?;
        // Somebody wrote to it while it was read.
        if stored.size_bytes != size_bytes || !self.is_unchanged().await {
            doors.discard(&key).await;
            return Err(Refusal::Changed);
        }
        let new = doors.describe(name, media_type, (key.clone(), stored), self.plan);
        let document = new.document;
        let file = WatchedFile { folder: self.folder, watcher: intake.watcher, path: self.relative };
        let added = watched::take(&intake.store, &self.scope, new, file).await;
        doors.settle(&self.scope, document, &key, &added).await;
        let added = match added {
            Ok(added) => added,
            Err(StoreError::Fenced) => return Err(Refusal::Changed),
            Err(error) => return Err(Refusal::Now(error.failure())),
        };
        self.count_taken(added.duplicate_of.is_some(), stored.size_bytes, media_type, document.0);
        Ok(TakenFile { path: self.relative.to_owned(), sha256: stored.sha256, document: added.document })
    }

    async fn is_unchanged(&self) -> bool {
        let (place, name) = (self.place.clone(), self.entry.name.clone());
        off_thread(move || place.identity(&name)).await.is_ok_and(|identity| identity == Some(self.entry.identity))
    }

    fn count_taken(&self, is_duplicate: bool, size_bytes: u64, media_type: MediaType, document: Uuid) {
        let metrics = &self.intake.metrics;
        metrics.documents_total.inc(if is_duplicate { UploadResult::Duplicate } else { UploadResult::Accepted });
        metrics.upload_bytes_total.inc_by(size_bytes);
        metrics.intake_files_total.inc(IntakeResult::Taken);
        tracing::info!(path = %self.relative, document = %document, size_bytes, media_type = media_type.mime(), "A file of the watched folder was taken");
    }

    /// Moves a taken file away, then forgets it.
    async fn done(&self, taken: &TakenFile) -> Result<After, Failure> {
        let (place, name, identity) = (self.place.clone(), self.entry.name.clone(), self.entry.identity);
        let mark = taken.document.to_string();
        let moved = off_thread(move || aside::into_done(&place, &name, identity, &mark)).await;
        let moved = moved.map_err(|error| self.stays(DONE, &error))?;
        if !moved {
            return Ok(After::Changed);
        }
        self.forget(taken).await?;
        Ok(After::Moved)
    }

    async fn forget(&self, taken: &TakenFile) -> Result<(), Failure> {
        watched::forget(&self.intake.store, &self.scope, self.folder, taken).await.map_err(|error| error.failure())
    }

    async fn refuse(&self, failure: &Failure) -> Result<After, Failure> {
        let ambient = self.intake.store.ambient();
        let (place, name, identity) = (self.place.clone(), self.entry.name.clone(), self.entry.identity);
        let (text, mark) = (aside::note(&name, failure, ambient.now()), ambient.new_uuid().to_string());
        let moved = off_thread(move || aside::into_failed(&place, &name, identity, &mark, &text)).await;
        if !moved.map_err(|error| self.stays(FAILED, &error))? {
            return Ok(After::Changed);
        }
        let metrics = &self.intake.metrics;
        if let Some(result) = UploadResult::of_refusal(failure.code) {
            metrics.documents_total.inc(result);
        }
        metrics.intake_files_total.inc(IntakeResult::Failed);
        tracing::warn!(path = %self.relative, code = failure.code.as_str(), "A file of the watched folder was refused: {}", failure.message);
        Ok(After::Moved)
    }

    /// Never one that stops the other files: another folder may have room.
    fn stays(&self, into: &str, error: &io::Error) -> Failure {
        Failure::new(Code::FileAccess, format!("It cannot be moved into {into} and stays where it is: {error}"))
    }
}

/// A file that cannot be read to its end is another matter than one that is no document.
fn refusal(failure: Failure) -> Refusal {
    match UploadResult::of_refusal(failure.code) {
        Some(_) => Refusal::File(failure),
        None => Refusal::Now(failure),
    }
}
