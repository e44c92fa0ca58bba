//! The watched folder: there, writable, and with `done` and `failed` on the same file system as the files that are moved into them.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{Check, folders::try_to_write};
use crate::intake::{DONE, FAILED};

const NAME: &str = "watched_folder";
const CHOOSE: &str = "Make the folder, let this user write to it and to every folder in it, or choose another with CRPIPELINE_INTAKE_DIR.";

pub(super) fn check(root: &Path) -> Check {
    if !root.is_dir() {
        return Check::fail(NAME, format!("{} is no folder, or cannot be reached", root.display()), CHOOSE);
    }
    let folders = match folders(root, 2) {
        Ok(folders) => folders,
        Err(error) => return Check::fail(NAME, format!("{} cannot be read: {error}", root.display()), CHOOSE),
    };
    for folder in &folders {
        if let Err(error) = try_to_write(folder) {
            return Check::fail(NAME, format!("Nothing can be written in {}: {error}", folder.display()), CHOOSE);
        }
    }
    for folder in folders.iter().skip(1) {
        for aside in [DONE, FAILED].map(|name| folder.join(name)) {
            let device = |path: &Path| fs::symlink_metadata(path).map(|metadata| (metadata.is_dir(), metadata.dev()));
            let (Ok((_, here)), Ok((is_folder, there))) = (device(folder), device(&aside)) else { continue };
            if !is_folder || here != there {
                let found = format!("{} is no folder on the file system of {}", aside.display(), folder.display());
                return Check::fail(
                    NAME,
                    found,
                    "Files are moved there by renaming them: make it an ordinary folder, not a link or a mount.",
                );
            }
            if let Err(error) = try_to_write(&aside) {
                return Check::fail(NAME, format!("Nothing can be written in {}: {error}", aside.display()), CHOOSE);
            }
        }
    }
    Check::ok(NAME, format!("{} is writable, with {} folders that are watched", root.display(), folders.len() - 1))
}

/// The folder and those in it, so many levels down, without `done`, `failed` and hidden ones.
fn folders(folder: &Path, levels: u32) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![folder.to_owned()];
    if levels > 0 {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if entry.file_type()?.is_dir() && name != DONE && name != FAILED && !name.as_encoded_bytes().starts_with(b".") {
                found.extend(folders(&entry.path(), levels - 1)?);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn a_folder_that_is_there_and_writable_is_fine_and_one_that_is_not_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let missing = check(&folder.path().join("missing"));
        assert_eq!(missing.outcome, Outcome::Fail);
        assert!(missing.remedy.unwrap().contains("CRPIPELINE_INTAKE_DIR"));
        fs::create_dir_all(folder.path().join("one/invoices/done")).unwrap();
        let fine = check(folder.path());
        assert_eq!((fine.outcome, fine.found.contains("2 folders")), (Outcome::Ok, true), "{fine:?}");
        std::os::unix::fs::symlink("/", folder.path().join("one/failed")).unwrap();
        assert_eq!(check(folder.path()).outcome, Outcome::Fail, "a link leads elsewhere");
    }
}
