//! The folder of a backup: whose it is, who works on it, and how files come into it whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use crp_model::{Code, Failure, Sha256Hash};
use fs4::TryLockError;
use sha2::{Digest as _, Sha256};

use super::manifest;

/// A folder in which a backup was begun has this file. It stays there; its lock says that somebody works on it.
const MARK: &str = "crpipeline-backup";
/// What stands in it, for people.
const MARK_TEXT: &str = "A backup of crPipeline. It is whole once manifest.json is there; `crpipeline restore --check` tells.\n";
/// How much is written at once.
const WRITE_BYTES: usize = 1024 * 1024;

/// The folder, held by this process.
pub(super) struct Folder {
    pub(super) root: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes a folder for a backup: a new one, an empty one, or one that holds a backup, finished or not.
    pub(super) fn take(root: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(root).map_err(|e| of_io("The folder", root, &e))?;
        let is_empty = fs::read_dir(root).map_err(|e| of_io("The folder", root, &e))?.next().is_none();
        if !is_empty && !is_begun(root) {
            let message = format!("The folder {} is not empty and holds no backup", root.display());
            return Err(
                Failure::new(Code::TargetNotEmpty, message).with_remedy("Name a new or an empty folder, or one with an earlier backup.")
            );
        }
        let mark = root.join(MARK);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&mark).map_err(|e| of_io("The file", &mark, &e))?;
        match fs4::FileExt::try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("Another backup into {} is being made", root.display());
                return Err(Failure::new(Code::FileAccess, message).with_remedy("Wait for it to end, or name another folder."));
            }
            Err(TryLockError::Error(e)) => return Err(of_io("The file", &mark, &e)),
        }
        file.write_all(MARK_TEXT.as_bytes()).and_then(|()| file.sync_all()).map_err(|e| of_io("The file", &mark, &e))?;
        sync_folder(root)?;
        if let Some(above) = root.parent().filter(|above| !above.as_os_str().is_empty()) {
            sync_folder(above)?;
        }
        Ok(Self { root: root.to_owned(), _lock: file })
    }

    /// Makes the folder of a new backup's rows.
    pub(super) fn begin_rows(&self, id: uuid::Uuid) -> Result<PathBuf, Failure> {
        let folder = rows_folder(&self.root, id);
        fs::create_dir_all(&folder).map_err(|e| of_io("The folder", &folder, &e))?;
        sync_folder(&self.root.join("rows"))?;
        Ok(folder)
    }

    /// Makes the folders of objects, and the one in which they grow.
    pub(super) fn begin_objects(&self) -> Result<PathBuf, Failure> {
        let objects = self.root.join("objects");
        let growing = objects.join(".growing");
        // What a broken-off backup left is made again.
        if growing.exists() {
            fs::remove_dir_all(&growing).map_err(|e| of_io("The folder", &growing, &e))?;
        }
        for folder in (0..=255u8).map(|byte| objects.join(format!("{byte:02x}"))).chain([growing.clone()]) {
            fs::create_dir_all(&folder).map_err(|e| of_io("The folder", &folder, &e))?;
        }
        sync_folder(&objects)?;
        sync_folder(&self.root)?;
        Ok(growing)
    }

    /// Makes the names of all objects durable.
    pub(super) fn sync_objects(&self) -> Result<(), Failure> {
        (0..=255u8).try_for_each(|byte| sync_folder(&self.root.join("objects").join(format!("{byte:02x}"))))
    }

    /// Puts the manifest into its place: from now on the backup is this one.
    pub(super) fn publish(&self, manifest: &manifest::Manifest) -> Result<(), Failure> {
        let text = manifest.sealed()?;
        let path = self.root.join(manifest::FILE);
        let partial = self.root.join("manifest.partial");
        let written = File::create(&partial).and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()));
        written.and_then(|()| fs::rename(&partial, &path)).map_err(|e| of_io("The file", &path, &e))?;
        sync_folder(&self.root)
    }
}

/// Whether a backup was begun in a folder.
pub(super) fn is_begun(root: &Path) -> bool {
    root.join(MARK).is_file() || root.join(manifest::FILE).is_file()
}

/// Where the rows of a backup lie.
pub(super) fn rows_folder(root: &Path, id: uuid::Uuid) -> PathBuf {
    root.join("rows").join(id.to_string())
}

/// Where the bytes with this hash lie.
pub(super) fn object_file(root: &Path, sha256: Sha256Hash) -> PathBuf {
    let name = sha256.to_string();
    root.join("objects").join(&name[..2]).join(&name)
}

/// A file that is written line by line and hashed on the way.
pub(super) struct Lines {
    path: PathBuf,
    file: BufWriter<File>,
    hash: Sha256,
    pub(super) count: u64,
    pub(super) size_bytes: u64,
}

impl Lines {
    pub(super) fn create(path: PathBuf) -> Result<Self, Failure> {
        let file = File::create_new(&path).map_err(|e| of_io("The file", &path, &e))?;
        Ok(Self { path, file: BufWriter::with_capacity(WRITE_BYTES, file), hash: Sha256::new(), count: 0, size_bytes: 0 })
    }

    pub(super) fn add(&mut self, line: &str) -> Result<(), Failure> {
        for part in [line.as_bytes(), b"\n"] {
            self.file.write_all(part).map_err(|e| of_io("The file", &self.path, &e))?;
            self.hash.update(part);
            self.size_bytes += part.len() as u64;
        }
        self.count += 1;
        Ok(())
    }

    /// Makes it durable; its hash.
    pub(super) fn finish(mut self) -> Result<Sha256Hash, Failure> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(|e| of_io("The file", &self.path, &e))?;
        sync_folder(self.path.parent().unwrap_or(Path::new(".")))?;
        Ok(Sha256Hash(self.hash.finalize().into()))
    }
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), Failure> {
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(|e| of_io("The folder", folder, &e))
}

pub(super) fn of_io(thing: &str, path: &Path, error: &io::Error) -> Failure {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::FileAccess,
    };
    Failure::new(code, format!("{thing} {} cannot be used: {error}", path.display()))
}
