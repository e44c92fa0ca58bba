//! How failures of the document's libraries become failures with a code.

use std::{
    io::ErrorKind,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crp_model::{Code, Failure, PageNo};

/// Runs `work` and answers a library's panic with `code`: a defect that a document provokes is that document's failure.
pub(crate) fn guarded<T>(code: Code, what: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let why = panic
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "for an unknown reason".to_owned());
        let why: String = why.chars().take(200).collect();
        Err(Failure::new(code, format!("{what} stopped the reader ({why})")).never_retry())
    })
}

/// A page that cannot be read, now or later.
pub(crate) fn page_failed(page: PageNo, why: impl std::fmt::Display) -> Failure {
    Failure::new(Code::PageFailed, format!("Page {page} cannot be read: {why}")).never_retry()
}

/// How the message of a file begins whose structure cannot be read.
const UNREADABLE: &str = "The file cannot be read: ";

/// A file whose structure cannot be read.
pub(crate) fn damaged(why: impl std::fmt::Display) -> Failure {
    Failure::new(Code::DamagedFile, format!("{UNREADABLE}{why}"))
}

/// Why a file that was read all the same could not be changed: the failure's message without the claim that it cannot be read.
pub(crate) fn reason(failure: &Failure) -> &str {
    failure.message.strip_prefix(UNREADABLE).unwrap_or(&failure.message)
}

/// A file that lacks its end.
pub(crate) fn broken_off(what: impl std::fmt::Display) -> Failure {
    Failure::new(Code::DamagedFile, format!("The file is broken off: {what}"))
        .with_remedy("Send the file again; if its original is broken off too, scan or export it again.")
}

/// A result that cannot be written.
pub(crate) fn unwritable(error: &std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Failure::new(Code::DiskFull, "There is no room for the searchable PDF"),
        ErrorKind::FileTooLarge => Failure::new(Code::FileAccess, "The searchable PDF passes max_output_mebibytes")
            .with_remedy("Split the document, or ask the operator to raise max_output_mebibytes."),
        _ => Failure::new(Code::FileAccess, format!("The searchable PDF cannot be written: {error}")),
    }
}

/// A page number that the document does not have.
pub(crate) fn no_such_page(page: PageNo, pages: usize) -> Failure {
    Failure::new(Code::Internal, format!("Page {page} was asked for, but the document has {pages}"))
}
