//! One process per data directory.
use std::path::Path;
use crp_model::Failure;
/// Held while this process serves a data directory.
#[derive(Debug)]
pub struct DataDirectoryLock {}
impl DataDirectoryLock {
    /// Takes the directory for this process.
    ///
    /// # Errors
    /// `data_directory_in_use` with the holder's process id; `file_access`.
    pub fn acquire(_directory: &Path) -> Result<Self, Failure> { todo!() }
}
