//! Enumerates the files of the folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use crp_model::{Failure, ObjectKey, Timestamp, labels::StorageOperation};
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};

use super::{Folder, PARTIAL, is_absent, of_io};
use crate::Listed;

impl Folder {
    /// Every object whose key begins with `prefix`, folder by folder.
    pub(crate) fn list(&self, prefix: &str) -> BoxStream<'static, Result<Listed, Failure>> {
        let begin = (self.clone(), vec![prefix.to_owned()]);
        futures_util::stream::try_unfold(begin, |(folder, mut todo)| async move {
            let Some(prefix) = todo.pop() else { return Ok(None) };
            let root = folder.0.root.clone();
            let (files, folders) = folder.timed(StorageOperation::List, move || read_folder(&root, &prefix)).await?;
            // Taken from the end, so that the first comes first.
            todo.extend(folders.into_iter().rev());
            Ok(Some((futures_util::stream::iter(files.into_iter().map(Ok)), (folder, todo))))
        })
        .try_flatten()
        .boxed()
    }
}

/// The objects right under `prefix`, and the prefixes below it, both in order.
fn read_folder(root: &Path, prefix: &str) -> Result<(Vec<Listed>, Vec<String>), Failure> {
    let path = root.join(prefix);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(e) if is_absent(&e) => return Ok((Vec::new(), Vec::new())),
        Err(e) => return Err(of_io("be listed", &path, &e)),
    };
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in entries {
        let found = entry.and_then(|entry| describe(&entry)).map_err(|e| of_io("be listed", &path, &e))?;
        match found {
            // Someone else's file, or one that was removed meanwhile.
            None => {}
            Some((name, _)) if prefix.is_empty() && name == PARTIAL => {}
            Some((name, meta)) if meta.is_dir() => folders.push(format!("{prefix}{name}/")),
            Some((name, meta)) if meta.is_file() => files.push(Listed {
                key: ObjectKey::from_store(format!("{prefix}{name}")),
                size_bytes: meta.len(),
                last_modified: meta.modified().map_or(Timestamp(0), since_1970),
            }),
            Some(_) => {}
        }
    }
    files.sort_by(|a, b| a.key.cmp(&b.key));
    folders.sort();
    Ok((files, folders))
}

fn describe(entry: &fs::DirEntry) -> io::Result<Option<(String, fs::Metadata)>> {
    let Ok(name) = entry.file_name().into_string() else { return Ok(None) };
    match entry.metadata() {
        Ok(meta) => Ok(Some((name, meta))),
        Err(e) if is_absent(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Removes the files of `partial` that were last written before `older_than`; tells how many.
pub(super) fn sweep(partial: &PathBuf, older_than: Timestamp) -> io::Result<u64> {
    let mut swept = 0;
    for entry in fs::read_dir(partial)? {
        let entry = entry?;
        let Some((_, meta)) = describe(&entry)? else { continue };
        if meta.is_file() && since_1970(meta.modified()?) < older_than {
            match fs::remove_file(entry.path()) {
                Ok(()) => swept += 1,
                Err(e) if is_absent(&e) => {}
                Err(e) => return Err(e),
            }
        }
    }
    Ok(swept)
}

fn since_1970(time: SystemTime) -> Timestamp {
    let micros = time.duration_since(UNIX_EPOCH).map_or(0, |span| span.as_micros());
    Timestamp(i64::try_from(micros).unwrap_or(i64::MAX))
}
