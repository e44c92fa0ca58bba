//! Typed names of stored bytes. The only place that knows how keys look; they come from ids and hashes, never from names.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ArtifactKind, JobId, OrganizationId, PageNo, StageType};

/// The name of an object. Keys say what, not when: writing the same thing twice writes the same key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// An uploaded original. `upload` is drawn for each upload: the hash is known only when the last byte is stored,
    /// and a duplicate is removed again in favour of the object that is already there.
    pub fn original(organization: OrganizationId, upload: uuid::Uuid) -> Self {
        Self(format!("organizations/{organization}/originals/{upload}"))
    }

    /// The layout of one page.
    pub fn page(organization: OrganizationId, job: JobId, stage: StageType, page: PageNo) -> Self {
        Self(format!("organizations/{organization}/jobs/{job}/{}/pages/{:06}.json", stage.as_str(), page.get()))
    }

    /// What a stage left.
    pub fn artifact(organization: OrganizationId, job: JobId, kind: ArtifactKind) -> Self {
        Self(format!("organizations/{organization}/jobs/{job}/{}.{}", kind.as_str(), kind.extension()))
    }

    /// A small picture of one page (JPEG).
    pub fn thumbnail(organization: OrganizationId, job: JobId, page: PageNo) -> Self {
        Self(format!("organizations/{organization}/jobs/{job}/thumbnails/{:06}.jpg", page.get()))
    }

    /// The prefix of everything that a job left.
    pub fn job_prefix(organization: OrganizationId, job: JobId) -> String {
        format!("organizations/{organization}/jobs/{job}/")
    }

    /// The prefix of everything that an organization's jobs left.
    pub fn jobs_prefix(organization: OrganizationId) -> String {
        format!("organizations/{organization}/jobs/")
    }

    /// The prefix of everything that an organization uploaded.
    pub fn originals_prefix(organization: OrganizationId) -> String {
        format!("organizations/{organization}/originals/")
    }

    /// The probe that tells whether storage answers.
    pub fn probe() -> Self {
        Self("probe/answers".to_owned())
    }

    /// A key read back from the database or from a listing.
    pub fn from_store(stored: String) -> Self {
        Self(stored)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
