//! One process per data directory: a lock that the operating system releases when its holder dies.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    path::Path,
};

use crp_model::{Code, Failure};
use fs4::{FileExt, TryLockError};

/// Held while this process serves a data directory.
#[derive(Debug)]
pub struct DataDirectoryLock {
    _file: File,
}

/// The file in the data directory. It stays there; only its lock counts.
const FILE: &str = "crpipeline.lock";

impl DataDirectoryLock {
    /// Takes the directory for this process, until the value is dropped or the process dies.
    ///
    /// # Errors
    /// `data_directory_in_use` with the holder's process id; `file_access`.
    pub fn acquire(directory: &Path) -> Result<Self, Failure> {
        let path = directory.join(FILE);
        let unusable = |error: io::Error| Failure::new(Code::FileAccess, format!("The lock {} cannot be taken: {error}", path.display()));
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(unusable)?;
        match FileExt::try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(directory, &mut file)),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        note_holder(&mut file).map_err(unusable)?;
        Ok(Self { _file: file })
    }
}

fn note_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn in_use(directory: &Path, file: &mut File) -> Failure {
    let mut holder = String::new();
    let known = file.read_to_string(&mut holder).is_ok_and(|_| holder.trim().parse::<u32>().is_ok());
    let who = if known { format!("process {}", holder.trim()) } else { "another process".to_owned() };
    Failure::new(Code::DataDirectoryInUse, format!("The data directory {} is in use by {who}", directory.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_is_refused_and_told_who_holds_the_directory() {
        let folder = tempfile::tempdir().unwrap();
        let held = DataDirectoryLock::acquire(folder.path()).unwrap();
        let refused = DataDirectoryLock::acquire(folder.path()).unwrap_err();
        assert_eq!(refused.code, Code::DataDirectoryInUse);
        assert!(refused.message.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(held);
        DataDirectoryLock::acquire(folder.path()).unwrap();
    }

    #[test]
    fn a_directory_that_is_not_there_is_a_clear_failure() {
        let folder = tempfile::tempdir().unwrap();
        let failure = DataDirectoryLock::acquire(&folder.path().join("missing")).unwrap_err();
        assert_eq!(failure.code, Code::FileAccess);
    }
}
