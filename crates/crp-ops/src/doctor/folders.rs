//! Data directory and folder for temporary files: there, writable, with room.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::Check;

const MEBIBYTE: u64 = 1024 * 1024;
/// With less the server refuses uploads.
const NEEDED_BYTES: u64 = 64 * MEBIBYTE;
/// With less one large document may fill the disk.
const WANTED_BYTES: u64 = 2048 * MEBIBYTE;

pub(super) fn data_dir(path: &Path) -> Check {
    const NAME: &str = "data_directory";
    let choose = "Make the folder writable for this user, or choose another with CRPIPELINE_DATA_DIR.";
    if path.exists() && !path.is_dir() {
        return Check::fail(NAME, format!("{} is no folder", path.display()), choose);
    }
    if path.is_dir() {
        if let Err(error) = try_to_write(path) {
            return Check::fail(NAME, format!("Nothing can be written in {}: {error}", path.display()), choose);
        }
        let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode() & 0o777);
        if mode & 0o077 != 0 {
            let found = format!("{} can be entered by other users of this machine (mode {mode:03o})", path.display());
            return Check::warn(NAME, found, format!("chmod 700 {}", path.display()));
        }
        return room(NAME, path, "CRPIPELINE_DATA_DIR");
    }
    // It will be made at the first start: in the nearest folder that is there.
    let there = |p: &&Path| !p.as_os_str().is_empty() && p.exists();
    let parent = path.ancestors().skip(1).find(there).map_or_else(|| PathBuf::from("."), Path::to_owned);
    match try_to_write(&parent) {
        Ok(()) => Check::ok(NAME, format!("{} will be made at the first start", path.display())),
        Err(error) => Check::fail(NAME, format!("{} cannot be made in {}: {error}", path.display(), parent.display()), choose),
    }
}

pub(super) fn temp_dir(path: &Path) -> Check {
    const NAME: &str = "temp_directory";
    match try_to_write(path) {
        Ok(()) => room(NAME, path, "TMPDIR"),
        Err(error) => {
            let found = format!("Nothing can be written in {}, the folder for temporary files: {error}", path.display());
            Check::fail(NAME, found, "Make it writable for this user, or choose another with TMPDIR.")
        }
    }
}

/// Makes a file without a name and forgets it.
pub(super) fn try_to_write(folder: &Path) -> std::io::Result<()> {
    tempfile::tempfile_in(folder).map(drop)
}

fn room(name: &'static str, path: &Path, setting: &str) -> Check {
    match fs4::available_space(path) {
        Ok(bytes) => judge_room(name, path, setting, bytes),
        Err(error) => Check::warn(name, format!("The free space of {} cannot be told: {error}", path.display()), "Look with: df -h"),
    }
}

fn judge_room(name: &'static str, path: &Path, setting: &str, bytes: u64) -> Check {
    let found = format!("{} is writable, {} MiB are free", path.display(), bytes / MEBIBYTE);
    let remedy = format!("Free some space there, or choose a folder on another disk with {setting}.");
    match bytes {
        0..NEEDED_BYTES => Check::fail(name, found, remedy),
        NEEDED_BYTES..WANTED_BYTES => Check::warn(name, found, remedy),
        _ => Check::ok(name, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn a_missing_data_directory_is_fine_where_it_can_be_made_and_is_not_made() {
        let folder = tempfile::TempDir::new().unwrap();
        let missing = folder.path().join("a/b");
        let check = data_dir(&missing);
        assert_eq!(check.outcome, Outcome::Ok, "{check:?}");
        assert!(!folder.path().join("a").exists());
    }

    #[test]
    fn a_file_in_the_place_of_the_data_directory_is_a_failure_with_a_remedy() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let check = data_dir(&file);
        assert_eq!(check.outcome, Outcome::Fail);
        assert!(check.remedy.unwrap().contains("CRPIPELINE_DATA_DIR"));
        assert_eq!(temp_dir(&file).outcome, Outcome::Fail);
        assert_eq!(data_dir(&file.join("below")).outcome, Outcome::Fail);
    }

    #[test]
    fn a_data_directory_open_to_others_is_a_warning() {
        let folder = tempfile::TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let check = data_dir(folder.path());
        assert_eq!(check.outcome, Outcome::Warn);
        assert!(check.remedy.unwrap().starts_with("chmod 700"));
    }

    #[test]
    fn little_room_is_a_warning_and_too_little_a_failure() {
        let judge = |mebibytes: u64| judge_room("x", Path::new("/"), "TMPDIR", mebibytes * MEBIBYTE).outcome;
        assert_eq!([judge(63), judge(64), judge(2047), judge(2048)], [Outcome::Fail, Outcome::Warn, Outcome::Warn, Outcome::Ok]);
    }
}
