//! The folders that keys make: they come with their first file and go with their last one.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

/// Another process may prune a folder between its creation and the rename into it; it is created again this often.
const ATTEMPTS: u32 = 10;

/// Names and removes files below one root.
pub(super) struct Tree {
    root: PathBuf,
    /// Held shared while a file gets its name, alone while folders go: inside a process neither meets the other,
    /// however many of them there are.
    pruning: RwLock<()>,
}

impl Tree {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), pruning: RwLock::default() }
    }

    /// Runs `rename`, which gives a file the name `target`, with its folders in place; tells how many of them are new.
    ///
    /// # Errors
    ///
    /// What the file system or `rename` said; `rename` is tried again as long as a folder is missing.
    pub(super) fn name(&self, target: &Path, mut rename: impl FnMut(&Path) -> io::Result<()>) -> io::Result<usize> {
        let folder = target.parent().unwrap_or(&self.root);
        let mut created = 0;
        for attempt in 1.. {
            let _held = self.pruning.read().unwrap_or_else(PoisonError::into_inner);
            match self.make(folder, &mut created).and_then(|()| rename(target)) {
                Err(e) if e.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => {}
                Err(e) => return Err(e),
                Ok(()) => break,
            }
        }
        Ok(created)
    }

    /// Makes the name of a file durable: its entry, and those of the `created` folders above it.
    ///
    /// Not under the lock: this is what takes long, and a folder that holds a file is not pruned.
    ///
    /// # Errors
    ///
    /// What the file system said.
    pub(super) fn settle(&self, target: &Path, created: usize) -> io::Result<()> {
        let mut changed = target.ancestors().skip(1).take(1 + created).take_while(|folder| folder.starts_with(&self.root));
        changed.try_for_each(sync_folder)
    }

    /// Removes a file, durably, and the folders above it that are empty then.
    ///
    /// # Errors
    ///
    /// What the file system said; `NotFound` if there is no such file.
    pub(super) fn remove(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)?;
        match sync_folder(self.prune(file)) {
            // Another deletion pruned it meanwhile.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            synced => synced,
        }
    }

    /// Creates the folders down to `folder`, and counts them.
    fn make(&self, folder: &Path, created: &mut usize) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(above) = folder.parent().filter(|_| folder != self.root) {
            self.make(above, created)?;
        }
        match fs::create_dir(folder) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(e) => Err(e),
            Ok(()) => {
                *created += 1;
                Ok(())
            }
        }
    }

    /// Removes the folders above `removed` that are empty; returns the first that stays.
    fn prune<'a>(&'a self, removed: &'a Path) -> &'a Path {
        let _alone = self.pruning.write().unwrap_or_else(PoisonError::into_inner);
        // The usual end: the folder holds more. Whatever else stops it, an empty folder does no harm.
        let stays = |folder: &&Path| *folder == self.root || fs::remove_dir(folder).is_err();
        removed.ancestors().skip(1).find(stays).unwrap_or(&self.root)
    }
}

/// Writes the entries of a folder to disk: without it, a new name may be gone after the power fails.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}
