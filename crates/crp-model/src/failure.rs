//! Failure: a code, what happened, what to do, and whether trying again helps. One list feeds API, CLI, metrics and manual.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whose fault a failure is; the `cause` label of the failure metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The document or the request itself.
    Input,
    /// A limit on time was passed.
    Timeout,
    /// The recognition engine.
    Ocr,
    /// An AI endpoint.
    Ai,
    /// The object storage.
    Storage,
    /// The database.
    Database,
    /// A defect of ours.
    Internal,
}

impl Cause {
    /// Every cause, in the order of the catalogue.
    pub const ALL: [Cause; 7] = [Cause::Input, Cause::Timeout, Cause::Ocr, Cause::Ai, Cause::Storage, Cause::Database, Cause::Internal];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Cause::Input => "input",
            Cause::Timeout => "timeout",
            Cause::Ocr => "ocr",
            Cause::Ai => "ai",
            Cause::Storage => "storage",
            Cause::Database => "database",
            Cause::Internal => "internal",
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal, $cause:ident, exit $exit:literal, $retry:ident, $remedy:literal;)*) => {
        /// The closed set of failure codes. Names are contract: scripts compare them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $($(#[doc = $doc])+ $variant,)* }

        impl Code {
            /// Every code, in the order of the manual.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The code as API and scripts see it.
            pub const fn as_str(self) -> &'static str { match self { $(Code::$variant => $text),* } }

            /// The code with this text.
            pub fn parse(text: &str) -> Option<Code> { Self::ALL.iter().copied().find(|c| c.as_str() == text) }

            /// Whose fault it is.
            pub const fn cause(self) -> Cause { match self { $(Code::$variant => Cause::$cause),* } }

            /// Exit code of the command line: 1 internal, 2 arguments or configuration, 3 unusable input, 4 something missing, 5 a stage failed.
            pub const fn exit_code(self) -> u8 { match self { $(Code::$variant => $exit),* } }

            /// Whether trying the same again can help.
            pub const fn retryable(self) -> bool { match self { $(Code::$variant => $retry),* } }

            /// What the user can do about it.
            pub const fn remedy(self) -> &'static str { match self { $(Code::$variant => $remedy),* } }

            /// What the code means, for the manual.
            pub const fn meaning(self) -> &'static str { match self { $(Code::$variant => concat!($($doc),+).trim_ascii()),* } }
        }
    };
}

codes! {
    /// The file has no bytes.
    EmptyFile = "empty_file", Input, exit 3, false, "Check that the scan or the copy was complete, then send the file again.";
    /// The first bytes are of no format that crPipeline reads.
    UnsupportedType = "unsupported_type", Input, exit 3, false, "Send a PDF, TIFF, PNG or JPEG; convert other formats first.";
    /// The file is larger than the upload limit.
    TooLarge = "too_large", Input, exit 3, false, "Split the file, or ask the operator to raise max_upload_mebibytes.";
    /// The file is readable by two formats at once, which is how attacks travel.
    AmbiguousType = "ambiguous_type", Input, exit 3, false, "Open the file in its program, save it anew in one format and send that.";
    /// The PDF is protected by a password.
    EncryptedPdf = "encrypted_pdf", Input, exit 3, false, "Remove the password, for example with: qpdf --decrypt --password=SECRET in.pdf out.pdf";
    /// The file is damaged beyond reading.
    DamagedFile = "damaged_file", Input, exit 3, false, "Scan or export the document again; a PDF can sometimes be mended with: qpdf in.pdf out.pdf";
    /// The document has no pages.
    NoPages = "no_pages", Input, exit 3, false, "Check the program that made the file; there is nothing to read in it.";
    /// The document has more pages than the limit.
    TooManyPages = "too_many_pages", Input, exit 3, false, "Split the document, or ask the operator to raise max_pages.";
    /// A page or an image cannot be decoded within the memory limit.
    PageTooLarge = "page_too_large", Input, exit 3, false, "Scan it at a lower resolution, or ask the operator to raise max_page_megapixels and the memory limit.";
    /// Reading the document takes more memory than the limit, as a decompression bomb does.
    MemoryLimit = "memory_limit", Input, exit 3, false, "Save the document anew from its program; if it is honest and merely large, ask the operator to raise max_child_memory_mebibytes.";
    /// The name of the file cannot be stored.
    BadName = "bad_name", Input, exit 2, false, "Give the file a shorter name of ordinary characters.";
    /// The pipeline file is not valid.
    InvalidPipeline = "invalid_pipeline", Input, exit 2, false, "Correct the line that the message names; the manual's pipeline page lists every key.";
    /// A pipeline uses a stage type that this version does not run yet.
    StageNotAvailable = "stage_not_available", Input, exit 2, false, "Remove that stage from the pipeline, or update crPipeline.";
    /// No pipeline has this name or id.
    PipelineNotFound = "pipeline_not_found", Input, exit 2, false, "List the pipelines with GET /api/v1/pipelines and use one of those names.";
    /// The document is on hold.
    DocumentOnHold = "document_on_hold", Input, exit 2, false, "It stays until an administrator of your organization lifts the hold: on the document's page, or with DELETE /api/v1/documents/{id}/hold.";
    /// Tesseract's library is not installed or cannot be used.
    TesseractMissing = "tesseract_missing", Ocr, exit 4, true, "Install it (Debian, Ubuntu: apt-get install tesseract-ocr; Fedora: dnf install tesseract; Alpine: apk add tesseract-ocr tesseract-ocr-data-eng; Arch: pacman -S tesseract tesseract-data-eng; macOS: brew install tesseract), then try again; `crpipeline doctor` checks it.";
    /// Tesseract has no data for any of the languages asked for.
    LanguageMissing = "language_missing", Ocr, exit 4, true, "Install the language XXX (Debian, Ubuntu: apt-get install tesseract-ocr-XXX; Fedora: dnf install tesseract-langpack-XXX; Alpine: apk add tesseract-ocr-data-XXX; Arch: pacman -S tesseract-data-XXX; macOS: brew install tesseract-lang), or choose another with -l or in the pipeline; `crpipeline doctor` lists what is installed.";
    /// The sandbox that the operator requires cannot be closed on this machine.
    SandboxMissing = "sandbox_missing", Ocr, exit 4, true, "Use a Linux kernel of 5.13 or newer with Landlock and seccomp switched on (`crpipeline doctor` shows what there is), or read only documents that you trust and set sandbox to best-effort.";
    /// The pipeline asks for an engine that the operator has not set up.
    EngineNotConfigured = "engine_not_configured", Ocr, exit 4, true, "Ask the operator to set the address of the engine (CRPIPELINE_HTTP_ENGINE_URL), or take `engine: tesseract` in the pipeline.";
    /// The engine that the operator has set up does not answer or refuses.
    EngineUnavailable = "engine_unavailable", Ocr, exit 4, true, "Nothing is lost; try again in a minute. The operator finds the cause in the log.";
    /// A page took longer than its time limit.
    PageTimeout = "page_timeout", Timeout, exit 5, true, "Try again when the machine is less busy, or ask the operator to raise page_timeout_seconds.";
    /// The engine's process died while it worked on the document.
    EngineCrashed = "engine_crashed", Ocr, exit 5, true, "Try again; if it fails on the same page each time, save the document anew from its program.";
    /// The engine answered something that cannot be true.
    EngineAnswerInvalid = "engine_answer_invalid", Ocr, exit 5, true, "Try again; if it stays, report it with the document's kind and the version.";
    /// A page could not be recognised.
    PageFailed = "page_failed", Ocr, exit 5, true, "Look at the page named in the message; the other pages' results stay downloadable.";
    /// A pattern took too long or found too much.
    PatternLimit = "pattern_limit", Input, exit 5, false, "Make the pattern narrower; anchors and bounded repetitions help.";
    /// The worker was lost, again and again, while it held this task.
    WorkerLost = "worker_lost", Internal, exit 5, true, "Try again once; if it stays, this document probably kills its worker: report it.";
    /// Someone cancelled the job.
    Cancelled = "cancelled", Input, exit 130, true, "Run it again whenever you like.";
    /// The object storage does not answer or refuses.
    StorageUnavailable = "storage_unavailable", Storage, exit 4, true, "Nothing is lost; try again in a minute. The operator finds the cause at /readyz and in the log.";
    /// Stored bytes are gone or not the ones that were stored.
    ObjectDamaged = "object_damaged", Storage, exit 5, false, "Upload the document again, and tell the operator: stored bytes have changed or vanished.";
    /// The database does not answer.
    DatabaseUnavailable = "database_unavailable", Database, exit 4, true, "Nothing is lost; try again in a minute. The operator finds the cause at /readyz and in the log.";
    /// There is no room left on the disk.
    DiskFull = "disk_full", Storage, exit 4, true, "Free some disk space (see the log for the folder), then try again; nothing that was accepted is lost.";
    /// A file cannot be read or written.
    FileAccess = "file_access", Input, exit 2, false, "Check that the path exists and that you may read or write it.";
    /// The configuration is not valid.
    InvalidConfiguration = "invalid_configuration", Input, exit 2, false, "Correct the setting that the message names; `crpipeline config check` tells where it comes from.";
    /// The port is in use.
    PortInUse = "port_in_use", Input, exit 2, true, "Stop the program that has the port, or choose another with the setting that the message names.";
    /// Another crPipeline serves this data directory.
    DataDirectoryInUse = "data_directory_in_use", Input, exit 2, true, "Stop the other process, or give this one a data directory of its own with CRPIPELINE_DATA_DIR.";
    /// A backup is unfinished or damaged, or it is none.
    BackupUnusable = "backup_unusable", Storage, exit 3, false, "Use another backup; `crpipeline restore SOURCE --check` tells whether one is whole.";
    /// What is to be filled holds something already.
    TargetNotEmpty = "target_not_empty", Input, exit 2, false, "Name an empty database and an empty folder or bucket; nothing that is there is ever overwritten.";
    /// The database was written by a newer version.
    NewerSchema = "newer_schema", Database, exit 2, false, "Use the newer crpipeline that wrote it, or restore the copy made before its migration.";
    /// A defect in crPipeline.
    Internal = "internal", Internal, exit 1, true, "Try again; if it stays, report it with the request id or the job's id.";
}

/// What went wrong, told so that a person can act. It never looks like success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The code; names are contract.
    pub code: Code,
    /// What happened, in a sentence, with the facts of this case.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// Whether trying the same again can help.
    pub retryable: bool,
}

impl Failure {
    /// A failure with the remedy and the retryability that belong to its code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), remedy: code.remedy().to_owned(), retryable: code.retryable() }
    }

    /// The same failure with a remedy that fits this case better.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// The same failure, marked as one that trying again cannot mend.
    #[must_use]
    pub fn never_retry(mut self) -> Self {
        self.retryable = false;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}). {}", self.message.trim_end_matches('.'), self.code.as_str(), self.remedy)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_name_a_remedy_and_an_exit_code_of_the_contract() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert!(code.remedy().len() > 20, "{code:?} says what to do");
            assert!(code.meaning().ends_with('.'), "{code:?} has a meaning");
            assert!([1, 2, 3, 4, 5, 130].contains(&code.exit_code()));
        }
    }
}
