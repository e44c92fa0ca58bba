//! The originals of an organization: each row has its bytes, and all bytes have a row.

use std::collections::HashMap;

use crp_model::{Failure, ObjectKey, OrganizationId};
use crp_objects::Listed;
use crp_store::{
    inventory::{self, OriginalObject},
    transfer::Owner,
};

use super::{
    Finding, Kind, Named, Report, Subject,
    part::{State, whole},
    repair,
};
use crate::{
    Step, Watch,
    listing::{self, scope},
};

/// What comes after every key of originals.
const END: &str = "organizations~";

pub(super) async fn check(
    subject: &Subject<'_>,
    organization: OrganizationId,
    report: &mut Report,
    watch: Watch<'_>,
) -> Result<(), Failure> {
    let mut pieces = listing::originals(subject.objects, organization);
    let mut after = ObjectKey::originals_prefix(organization);
    loop {
        let piece = pieces.next().await?;
        let listed = piece.as_ref().map(|piece| piece.objects.as_slice()).unwrap_or_default();
        let last = listed.iter().map(|object| object.key.as_str()).max().unwrap_or(END).to_owned();
        // Rows after the listing: what was uploaded meanwhile has both.
        let rows = inventory::originals_between(subject.store, &scope(organization), &after, &last).await.map_err(|e| e.failure())?;
        let mut unnamed: HashMap<&ObjectKey, &Listed> = listed.iter().map(|object| (&object.key, object)).collect();
        for row in rows {
            report.named += 1;
            let size = unnamed.remove(&row.key).map(|object| object.size_bytes);
            judge(subject, organization, &row, size, report).await?;
            watch(Step { what: "documents", done: report.named, total: None });
        }
        for object in unnamed.into_values() {
            unnamed_original(subject, organization, object, report).await?;
        }
        if piece.is_none() {
            return Ok(());
        }
        after = last;
    }
}

async fn judge(
    subject: &Subject<'_>,
    organization: OrganizationId,
    row: &OriginalObject,
    listed: Option<u64>,
    report: &mut Report,
) -> Result<(), Failure> {
    let expected = (row.size_bytes, row.sha256);
    let state = whole(subject.objects, &row.key, expected, listed, subject.hashes).await?;
    let (kind, what) = match state {
        State::Fine => return Ok(()),
        State::Missing => (Kind::MissingOriginal, "The document's bytes are not in the storage".to_owned()),
        State::Damaged(what) => (Kind::DamagedOriginal, what),
    };
    let owner = Owner::Original { organization, sha256: row.sha256 };
    if !inventory::still_has(subject.store, owner, &row.key).await.map_err(|e| e.failure())? {
        return Ok(());
    }
    let documents = inventory::documents_of(subject.store, &scope(organization), row.sha256).await.map_err(|e| e.failure())?;
    report.add(Finding {
        kind,
        key: row.key.clone(),
        organization,
        documents: documents.into_iter().map(|(id, name)| Named { id, name }).collect(),
        job: None,
        what,
        remedy: "It cannot be made again: put the object back from a backup, or delete the document and upload it once more.".to_owned(),
        is_mended: false,
    });
    Ok(())
}

async fn unnamed_original(
    subject: &Subject<'_>,
    organization: OrganizationId,
    object: &Listed,
    report: &mut Report,
) -> Result<(), Failure> {
    if inventory::is_original(subject.store, &scope(organization), &object.key).await.map_err(|e| e.failure())? {
        return Ok(());
    }
    repair::orphan(subject, organization, None, object, report).await
}
