//! Many documents as one ZIP: streamed entry by entry, with a list of what is missing.

use std::{collections::HashSet, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use crp_model::{ArtifactKind, DocumentId, ObjectKey, Scope};
use crp_store::{StoreError, artifacts, documents};
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    download::{NOTHING_RUNS, content_disposition},
    zip_stream::{self, ZipEntry},
};
use crate::{
    Web,
    auth::principal::Caller,
    extract::QueryOf,
    problem::{Problem, Refusal},
};

/// Most documents of one archive.
const MAX_DOCUMENTS: usize = 200;
/// The list inside the archive.
const MANIFEST: &str = "manifest.json";

/// Which documents, and what of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArchiveQuery {
    /// Ids of 1 to 200 documents, separated by commas.
    ids: String,
    /// What of each document; without it, the original.
    #[param(inline)]
    content: Option<ArchiveContent>,
}

/// What of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ArchiveContent {
    /// The bytes as they were uploaded.
    #[default]
    Original,
    /// The searchable PDF of the newest job that succeeded.
    SearchablePdf,
    /// The text of the newest job that succeeded.
    Text,
}

/// What the archive holds, and what it does not.
#[derive(Serialize)]
struct Manifest {
    files: Vec<ManifestFile>,
    missing: Vec<ManifestMissing>,
}

#[derive(Serialize)]
struct ManifestFile {
    document: Uuid,
    file: String,
}

#[derive(Serialize)]
struct ManifestMissing {
    document: Uuid,
    code: &'static str,
    reason: String,
}

/// Download many documents
///
/// As one ZIP. `manifest.json` inside lists its files, and which documents are missing and why: a document without a job that succeeded
/// has no searchable PDF, for example. If bytes cannot be read to their end, the connection breaks.
#[utoipa::path(get, path = "/api/v1/documents/archive", tag = "documents", params(ArchiveQuery),
    responses((status = 200, description = "The archive", body = Vec<u8>, content_type = "application/zip")))]
pub(crate) async fn get_archive(
    State(web): State<Arc<Web>>,
    caller: Caller,
    QueryOf(query): QueryOf<ArchiveQuery>,
) -> Result<Response, Problem> {
    let ids = query.ids()?;
    let entries = entries(&web, &caller.scope(), &ids, query.content.unwrap_or_default()).await?;
    let body = Body::from_stream(zip_stream::zip(web.objects.clone(), entries));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/zip")),
        (header::CONTENT_DISPOSITION, content_disposition("documents.zip")),
        (header::CONTENT_SECURITY_POLICY, NOTHING_RUNS),
    ];
    Ok((headers, body).into_response())
}

impl ArchiveQuery {
    fn ids(&self) -> Result<Vec<DocumentId>, Problem> {
        let refused = || Problem::new(Refusal::InvalidRequest, format!("\"ids\" takes 1 to {MAX_DOCUMENTS} ids, separated by commas"));
        let mut ids: Vec<DocumentId> = Vec::new();
        for text in self.ids.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let id = DocumentId(text.parse().map_err(|_| refused())?);
            if !ids.contains(&id) {
                ids.push(id);
            }
            if ids.len() > MAX_DOCUMENTS {
                return Err(refused());
            }
        }
        if ids.is_empty() { Err(refused()) } else { Ok(ids) }
    }
}

/// Every entry before the first byte goes out: rows are small, bytes come later. The manifest is the last one.
async fn entries(web: &Web, scope: &Scope, ids: &[DocumentId], content: ArchiveContent) -> Result<Vec<ZipEntry>, Problem> {
    let mut names = Names::default();
    let mut entries = Vec::with_capacity(ids.len() + 1);
    let mut manifest = Manifest { files: Vec::new(), missing: Vec::new() };
    for id in ids {
        match stored(web, scope, *id, content).await? {
            Ok((name, key, size_bytes)) => {
                let name = names.unique(&name);
                manifest.files.push(ManifestFile { document: id.0, file: name.clone() });
                entries.push(ZipEntry::Object { name, key, size_bytes });
            }
            Err((code, reason)) => manifest.missing.push(ManifestMissing { document: id.0, code, reason }),
        }
    }
    let bytes =
        serde_json::to_vec_pretty(&manifest).map_err(|error| Problem::internal(format!("The manifest cannot be written: {error}")))?;
    entries.push(ZipEntry::Bytes { name: MANIFEST.to_owned(), bytes: bytes.into() });
    Ok(entries)
}

type Missing = (&'static str, String);

/// Name, key and size of what is wanted of a document, or why there is none.
async fn stored(
    web: &Web,
    scope: &Scope,
    document: DocumentId,
    content: ArchiveContent,
) -> Result<Result<(String, ObjectKey, u64), Missing>, Problem> {
    let original = match documents::content(&web.store, scope, document).await {
        Err(StoreError::NotFound) => return Ok(Err(("not_found", "There is no such document".to_owned()))),
        found => found?,
    };
    let kind = match content {
        ArchiveContent::Original => return present(web, original.name.as_str().to_owned(), original.object_key, original.size_bytes).await,
        ArchiveContent::SearchablePdf => ArtifactKind::SearchablePdf,
        ArchiveContent::Text => ArtifactKind::Text,
    };
    match artifacts::newest_of_document(&web.store, scope, document, kind).await {
        Err(StoreError::NotFound) => {
            let reason = format!("No job of this document has succeeded with an artifact of the kind {}", kind.as_str());
            Ok(Err(("not_found", reason)))
        }
        found => {
            let artifact = found?;
            present(web, format!("{}.{}", original.name.stem(), kind.extension()), artifact.object_key, artifact.size_bytes).await
        }
    }
}

/// An object whose row is there and whose bytes are not is missing, too.
async fn present(web: &Web, name: String, key: ObjectKey, size_bytes: u64) -> Result<Result<(String, ObjectKey, u64), Missing>, Problem> {
    match web.objects.head(&key).await? {
        Some(_) => Ok(Ok((name, key, size_bytes))),
        None => Ok(Err((crp_model::Code::ObjectDamaged.as_str(), "The stored bytes are not there any more".to_owned()))),
    }
}

/// Names that no two entries share, also where the case of letters does not count.
#[derive(Default)]
struct Names {
    taken: HashSet<String>,
}

impl Names {
    fn unique(&mut self, name: &str) -> String {
        let (stem, extension) = match name.rfind('.') {
            Some(at) if at > 0 => name.split_at(at),
            _ => (name, ""),
        };
        let mut unique = name.to_owned();
        let mut number = 1;
        while unique.to_lowercase() == MANIFEST || !self.taken.insert(unique.to_lowercase()) {
            number += 1;
            unique = format!("{stem} ({number}){extension}");
        }
        unique
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_entries_share_a_name() {
        let mut names = Names::default();
        let unique: Vec<String> =
            ["scan.pdf", "Scan.PDF", "scan.pdf", "scan (2).pdf", "manifest.json", "x"].iter().map(|name| names.unique(name)).collect();
        assert_eq!(unique, ["scan.pdf", "Scan (2).PDF", "scan (3).pdf", "scan (2) (2).pdf", "manifest (2).json", "x"]);
    }
}
