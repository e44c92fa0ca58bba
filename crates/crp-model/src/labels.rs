//! Closed sets of label values. A label of a metric is always one of these enums, so every series exists from the start.

use crate::{Cause, Code, StageType};

/// A closed set of label values.
pub trait Label: Copy + 'static {
    /// Every value, in the order of the catalogue.
    const VALUES: &'static [Self];

    /// The label value.
    fn label(self) -> &'static str;
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl Label for $name {
            const VALUES: &'static [Self] = &[$($name::$variant),*];
            fn label(self) -> &'static str { match self { $($name::$variant => $text),* } }
        }
    )* };
}

labels! {
    /// The three final states of a job, as `jobs_total{status}` counts them.
    FinalStatus {
        /// Everything exists.
        Succeeded = "succeeded",
        /// Something is missing; the failure says what.
        Failed = "failed",
        /// Someone stopped it.
        Cancelled = "cancelled",
    }
    /// Operations on the object storage.
    StorageOperation {
        /// Read.
        Get = "get",
        /// Write in one request.
        Put = "put",
        /// Ask for size and existence.
        Head = "head",
        /// Remove.
        Delete = "delete",
        /// Enumerate.
        List = "list",
        /// Sign an address.
        Presign = "presign",
        /// Write in parts.
        Multipart = "multipart",
    }
    /// Why a login was refused.
    LoginFailure {
        /// No account has this address.
        UserNotFound = "user_not_found",
        /// The password is another.
        InvalidPassword = "invalid_password",
        /// The account was switched off.
        Inactive = "inactive",
        /// The account was never confirmed.
        Unconfirmed = "unconfirmed",
        /// An administrator locked the account.
        Locked = "locked",
        /// Too many refusals before; this one was not looked at.
        RateLimited = "rate_limited",
        /// The second factor is missing or wrong.
        SecondFactor = "second_factor",
        /// The identity provider refused.
        SsoError = "sso_error",
    }
    /// How a login succeeded.
    LoginMethod {
        /// E-mail and password.
        Password = "password",
        /// An identity provider.
        Sso = "sso",
        /// An API token.
        Token = "token",
    }
    /// Implementations behind the OCR stage; the name is also that of the pipeline file.
    #[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    EngineKind {
        /// Tesseract in the document's own process.
        #[default]
        Tesseract = "tesseract",
        /// An endpoint that the operator named.
        Http = "http",
    }
    /// Tasks by what they wait for.
    QueueState {
        /// May be claimed now.
        Queued = "queued",
        /// A worker holds its lease.
        Running = "running",
        /// Waits for its backoff to pass.
        Retry = "retry",
        /// Given up.
        Dead = "dead",
    }
    /// How a stage attempt ended.
    StageOutcome {
        /// Done.
        Ok = "ok",
        /// Failed.
        Error = "error",
        /// Over its time.
        Timeout = "timeout",
        /// Nothing to do.
        Skipped = "skipped",
    }
    /// What became of a file of a watched folder.
    IntakeResult {
        /// It is a document now.
        Taken = "taken",
        /// It is none and was put aside.
        Failed = "failed",
    }
    /// What became of an upload.
    UploadResult {
        /// Taken.
        Accepted = "accepted",
        /// First bytes of no known format.
        RejectedType = "rejected_type",
        /// Over the size limit.
        RejectedSize = "rejected_size",
        /// Over a quota.
        RejectedQuota = "rejected_quota",
        /// Taken; the same bytes were there already.
        Duplicate = "duplicate",
        /// A scanner found something.
        Infected = "infected",
    }
    /// Where the text of a page came from.
    PageSource {
        /// The page carried it.
        TextLayer = "text_layer",
        /// It was recognised.
        Ocr = "ocr",
    }
    /// How recognition failed.
    OcrErrorKind {
        /// Over its time.
        Timeout = "timeout",
        /// The process died.
        Crash = "crash",
        /// The page could not be drawn or decoded.
        BadImage = "bad_image",
        /// The endpoint answered badly.
        Http = "http",
        /// Anything else.
        Other = "other",
    }
    /// What a refusal of authorization was about.
    DenialKind {
        /// The role may not.
        Role = "role",
        /// Another organization's row.
        Tenant = "tenant",
        /// A request from another site.
        Csrf = "csrf",
    }
    /// What was limited.
    RateLimitScope {
        /// Sign-in.
        Login = "login",
        /// The API.
        Api = "api",
        /// Uploads.
        Upload = "upload",
    }
    /// HTTP methods we route; anything else is `other`.
    HttpMethod {
        /// GET.
        Get = "GET",
        /// HEAD.
        Head = "HEAD",
        /// POST.
        Post = "POST",
        /// PUT.
        Put = "PUT",
        /// PATCH.
        Patch = "PATCH",
        /// DELETE.
        Delete = "DELETE",
        /// OPTIONS.
        Options = "OPTIONS",
        /// Any other.
        Other = "other",
    }
    /// Classes of HTTP status codes.
    CodeClass {
        /// 1xx and 2xx.
        Ok = "2xx",
        /// 3xx.
        Redirect = "3xx",
        /// 4xx.
        Client = "4xx",
        /// 5xx.
        Server = "5xx",
    }
    /// Connections of the database pool.
    PoolState {
        /// Waiting for work.
        Idle = "idle",
        /// At work.
        Used = "used",
    }
    /// Kinds of database errors.
    DatabaseErrorKind {
        /// No connection could be had in time.
        PoolTimeout = "pool_timeout",
        /// The database cannot be reached.
        Connection = "connection",
        /// Another writer held the lock too long.
        Busy = "busy",
        /// No room on its disk.
        Full = "full",
        /// Anything else.
        Other = "other",
    }
    /// Where we keep files.
    Volume {
        /// The data directory.
        Data = "data",
        /// The folder for temporary files.
        Temp = "temp",
    }
    /// Workers by what they do.
    WorkerState {
        /// Take work.
        Alive = "alive",
        /// Finish what they have.
        Draining = "draining",
    }
    /// What locks in the processes that read documents.
    SandboxLayer {
        /// Landlock: files, network, signals.
        Landlock = "landlock",
        /// The filter of system calls.
        Seccomp = "seccomp",
    }
    /// Which kind of task panicked.
    PanicPlace {
        /// A request handler.
        Http = "http",
        /// A worker.
        Worker = "worker",
        /// Background work.
        Scheduler = "scheduler",
    }
    /// Warnings that a finished job carries.
    WarningKind {
        /// A page was scaled down to the pixel limit.
        PageScaled = "page_scaled",
        /// The words of a page are unsure.
        LowConfidence = "low_confidence",
        /// A language of the pipeline is not installed.
        LanguageMissing = "language_missing",
        /// A page failed and the stage goes on.
        PageFailed = "page_failed",
        /// A signature is no longer valid in the result.
        SignatureInvalidated = "signature_invalidated",
        /// A signed original was returned unchanged, without a text layer.
        SignatureKept = "signature_kept",
        /// The result is a PDF of images, since the input cannot be edited safely.
        RebuiltFromImages = "rebuilt_from_images",
        /// Invisible text that the page already had could not be replaced.
        OldTextKept = "old_text_kept",
        /// A picture on the page could not be decoded.
        PictureUnreadable = "picture_unreadable",
    }
}

impl Label for StageType {
    const VALUES: &'static [Self] = &StageType::ALL;

    fn label(self) -> &'static str {
        self.as_str()
    }
}

impl Label for Cause {
    const VALUES: &'static [Self] = &Cause::ALL;

    fn label(self) -> &'static str {
        self.as_str()
    }
}

impl UploadResult {
    /// How a file counts that was refused with this code before it became a document; `None` when that says nothing about the file.
    pub const fn of_refusal(code: Code) -> Option<Self> {
        match code {
            Code::UnsupportedType | Code::AmbiguousType | Code::EmptyFile => Some(Self::RejectedType),
            Code::TooLarge => Some(Self::RejectedSize),
            _ => None,
        }
    }
}
