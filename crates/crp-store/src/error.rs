//! What a store function answers when it cannot do what it was asked, and what a database's error means.

use crp_model::{Code, Failure, labels::DatabaseErrorKind};

/// Why a store function did not do what it was asked. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such row in this organization.
    #[error("there is no such thing in this organization")]
    NotFound,
    /// The rows are in a state that forbids it; the sentence is fit for the user.
    #[error("{0}")]
    Conflict(String),
    /// The lease of the task is no longer the caller's; whatever it did is void.
    #[error("the task's lease is no longer held by this worker")]
    Fenced,
    /// A row holds what this version cannot read.
    #[error("the database holds what this version cannot read: {0}")]
    Unreadable(String),
    /// The database failed, or holds what it should not.
    #[error("{0}")]
    Failure(Failure),
}

impl StoreError {
    /// The error as a failure that can be shown. Callers answer `NotFound` and `Conflict` in their own words where they can.
    pub fn failure(&self) -> Failure {
        match self {
            StoreError::Failure(failure) => failure.clone(),
            other => Failure::new(Code::Internal, other.to_string()),
        }
    }

    /// The same error, where the row that is missing means that the task is gone.
    pub(crate) fn missing_means_fenced(self) -> Self {
        if self == StoreError::NotFound { StoreError::Fenced } else { self }
    }

    /// The same error, with a better sentence if it is a conflict.
    pub(crate) fn or_conflict(self, sentence: &str) -> Self {
        if matches!(self, StoreError::Conflict(_)) { StoreError::Conflict(sentence.to_owned()) } else { self }
    }
}

/// Rows that cannot be as they are, or a call that cannot be meant: a defect.
pub(crate) fn broken(what: impl Into<String>) -> StoreError {
    StoreError::Failure(Failure::new(Code::Internal, what))
}

/// A row that this version cannot read, though the database itself works.
pub(crate) fn unreadable(what: impl Into<String>) -> StoreError {
    StoreError::Unreadable(what.into())
}

/// A database error: what it means for the caller, and how it is counted (a broken constraint is an answer, not an error).
pub(crate) fn judge(error: &sqlx::Error) -> (StoreError, Option<DatabaseErrorKind>) {
    if let sqlx::Error::Database(database) = error {
        if database.is_unique_violation() {
            return (StoreError::Conflict("It exists already.".to_owned()), None);
        }
        if database.is_foreign_key_violation() {
            return (StoreError::NotFound, None);
        }
    }
    let kind = kind_of(error);
    let failure = match kind {
        DatabaseErrorKind::Full => Failure::new(Code::DiskFull, "There is no room left on the database's disk"),
        DatabaseErrorKind::Busy => Failure::new(Code::DatabaseUnavailable, format!("The database is busy with other writers: {error}")),
        DatabaseErrorKind::PoolTimeout => Failure::new(Code::DatabaseUnavailable, "No connection to the database became free in time"),
        DatabaseErrorKind::Connection => Failure::new(Code::DatabaseUnavailable, format!("The database cannot be reached: {error}")),
        DatabaseErrorKind::Other => Failure::new(Code::Internal, format!("The database refused a statement: {error}")),
    };
    (StoreError::Failure(failure), Some(kind))
}

fn kind_of(error: &sqlx::Error) -> DatabaseErrorKind {
    match error {
        sqlx::Error::PoolTimedOut => DatabaseErrorKind::PoolTimeout,
        sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::StorageFull => DatabaseErrorKind::Full,
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed
        | sqlx::Error::InvalidSavePointStatement => DatabaseErrorKind::Connection,
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            if database.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() { of_sqlite(&code) } else { of_postgres(&code) }
        }
        _ => DatabaseErrorKind::Other,
    }
}

/// SQLite's result codes; the low byte is the primary one.
fn of_sqlite(code: &str) -> DatabaseErrorKind {
    let code = code.parse::<i32>().unwrap_or(1);
    // IOERR_SHMSIZE: the shared-memory file beside the WAL could not grow.
    if code == 4874 {
        return DatabaseErrorKind::Full;
    }
    match code & 0xff {
        5 | 6 => DatabaseErrorKind::Busy,
        13 => DatabaseErrorKind::Full,
        // READONLY, IOERR, CANTOPEN, NOTADB: the file or its disk is not what it was.
        8 | 10 | 14 | 26 => DatabaseErrorKind::Connection,
        _ => DatabaseErrorKind::Other,
    }
}

/// PostgreSQL's SQLSTATE, appendix A of its manual.
fn of_postgres(code: &str) -> DatabaseErrorKind {
    match code {
        "53100" => DatabaseErrorKind::Full,
        "40001" | "40P01" | "55P03" => DatabaseErrorKind::Busy,
        "53300" | "57P01" | "57P02" | "57P03" | "25006" => DatabaseErrorKind::Connection,
        _ if code.starts_with("08") || code.starts_with("28") || code == "3D000" => DatabaseErrorKind::Connection,
        _ => DatabaseErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_both_engines_are_told_apart() {
        assert_eq!(of_sqlite("13"), DatabaseErrorKind::Full);
        assert_eq!(of_sqlite("4874"), DatabaseErrorKind::Full);
        assert_eq!(of_sqlite("517"), DatabaseErrorKind::Busy);
        assert_eq!(of_sqlite("1"), DatabaseErrorKind::Other);
        assert_eq!(of_postgres("53100"), DatabaseErrorKind::Full);
        assert_eq!(of_postgres("08006"), DatabaseErrorKind::Connection);
        assert_eq!(of_postgres("40P01"), DatabaseErrorKind::Busy);
        assert_eq!(of_postgres("42601"), DatabaseErrorKind::Other);
    }
}
