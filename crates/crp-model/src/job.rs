//! Jobs, their states, tasks, warnings and artifacts. One enum each feeds database, API, metrics and UI.

use serde::{Deserialize, Serialize};

use crate::{
    PageNo,
    labels::{FinalStatus, Label, WarningKind},
};

/// Which of an organization's jobs are worked on first; between organizations it decides only where both have as much running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Many that nobody waits for, such as an import.
    Low,
    /// The usual one.
    #[default]
    Normal,
    /// Somebody stands at the counter.
    High,
}

impl Priority {
    /// Every priority, the lowest first.
    pub const ALL: [Priority; 3] = [Priority::Low, Priority::Normal, Priority::High];

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Priority::Low => "low",
            Priority::Normal => "normal",
            Priority::High => "high",
        }
    }

    /// The priority with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.as_str() == text)
    }

    /// The number in the database, which sorts; there is room between them.
    pub const fn as_number(self) -> i64 {
        match self {
            Priority::Low => -10,
            Priority::Normal => 0,
            Priority::High => 10,
        }
    }

    /// The priority of a number: the nearest one below it, or the lowest.
    pub fn of_number(number: i64) -> Self {
        Self::ALL.into_iter().rev().find(|priority| priority.as_number() <= number).unwrap_or(Priority::Low)
    }
}

/// `queued → running → succeeded | failed | cancelled`. A final state never reverts; a retry is a new job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Waits for a worker.
    Queued,
    /// A worker has claimed one of its tasks.
    Running,
    /// Everything exists, perhaps with warnings.
    Succeeded,
    /// Something is missing; the failure says what.
    Failed,
    /// Someone stopped it.
    Cancelled,
}

impl JobStatus {
    /// Every state.
    pub const ALL: [JobStatus; 5] = [JobStatus::Queued, JobStatus::Running, JobStatus::Succeeded, JobStatus::Failed, JobStatus::Cancelled];

    /// The name in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            JobStatus::Queued => "queued",
            JobStatus::Running => "running",
            JobStatus::Succeeded => "succeeded",
            JobStatus::Failed => "failed",
            JobStatus::Cancelled => "cancelled",
        }
    }

    /// The state with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// The label of a final state; `None` while the job goes on.
    pub const fn as_final(self) -> Option<FinalStatus> {
        match self {
            JobStatus::Succeeded => Some(FinalStatus::Succeeded),
            JobStatus::Failed => Some(FinalStatus::Failed),
            JobStatus::Cancelled => Some(FinalStatus::Cancelled),
            JobStatus::Queued | JobStatus::Running => None,
        }
    }

    /// Whether it is final.
    pub const fn is_final(self) -> bool {
        self.as_final().is_some()
    }
}

/// The unit that a worker leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Open the document: pages, sizes, encryption.
    Inspect,
    /// Read a range of pages; each is saved as it is done.
    Pages,
    /// Put the pages together: searchable PDF, text, layout, thumbnails.
    Assemble,
    /// A whole stage (parse and those to come).
    Stage,
}

impl TaskKind {
    /// Every kind.
    pub const ALL: [TaskKind; 4] = [TaskKind::Inspect, TaskKind::Pages, TaskKind::Assemble, TaskKind::Stage];

    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            TaskKind::Inspect => "inspect",
            TaskKind::Pages => "pages",
            TaskKind::Assemble => "assemble",
            TaskKind::Stage => "stage",
        }
    }

    /// The kind with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Pages saved.
    pub pages_done: u32,
    /// Pages of the document; unknown until it was opened.
    pub pages_total: Option<u32>,
}

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WarningCode(pub WarningKind);

impl Serialize for WarningCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.label())
    }
}

impl<'de> Deserialize<'de> for WarningCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        WarningKind::VALUES
            .iter()
            .find(|kind| kind.label() == text)
            .map(|kind| WarningCode(*kind))
            .ok_or_else(|| serde::de::Error::custom(format!("unknown warning \"{text}\"")))
    }
}

/// Something that a person should know about a result that is otherwise good.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Warning {
    /// The code.
    pub code: WarningCode,
    /// The page, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PageNo>,
    /// What it is, in a sentence.
    pub message: String,
}

impl Warning {
    /// A warning about `page`, or about the whole document.
    pub fn new(kind: WarningKind, page: Option<PageNo>, message: impl Into<String>) -> Self {
        Self { code: WarningCode(kind), page, message: message.into() }
    }
}

/// What a stage leaves for download.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// The original pages with an invisible text layer.
    SearchablePdf,
    /// Plain text, pages separated by form feeds.
    Text,
    /// Pages, lines and words with boxes, as JSON.
    Layout,
    /// Small pictures of the pages: a ZIP of JPEG files named by page number (`000001.jpg`).
    Thumbnails,
    /// Extracted fields, as JSON.
    Fields,
    /// A report.
    Report,
}

impl ArtifactKind {
    /// Every kind.
    pub const ALL: [ArtifactKind; 6] = [
        ArtifactKind::SearchablePdf,
        ArtifactKind::Text,
        ArtifactKind::Layout,
        ArtifactKind::Thumbnails,
        ArtifactKind::Fields,
        ArtifactKind::Report,
    ];

    /// The name in database, key and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            ArtifactKind::SearchablePdf => "searchable_pdf",
            ArtifactKind::Text => "text",
            ArtifactKind::Layout => "layout",
            ArtifactKind::Thumbnails => "thumbnails",
            ArtifactKind::Fields => "fields",
            ArtifactKind::Report => "report",
        }
    }

    /// The kind with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == text)
    }

    /// File extension, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            ArtifactKind::SearchablePdf | ArtifactKind::Report => "pdf",
            ArtifactKind::Text => "txt",
            ArtifactKind::Layout | ArtifactKind::Fields => "json",
            ArtifactKind::Thumbnails => "zip",
        }
    }

    /// MIME type of the bytes.
    pub const fn mime(self) -> &'static str {
        match self {
            ArtifactKind::SearchablePdf | ArtifactKind::Report => "application/pdf",
            ArtifactKind::Text => "text/plain; charset=utf-8",
            ArtifactKind::Layout | ArtifactKind::Fields => "application/json",
            ArtifactKind::Thumbnails => "application/zip",
        }
    }
}
