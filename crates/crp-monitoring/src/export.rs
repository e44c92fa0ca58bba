//! Every file for Prometheus, Alertmanager and Grafana, and writing them into a folder without harming what an operator changed there.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::{ALERTS, Settings, dashboards, rules, templates};

/// The first line of generated files that may carry a comment.
pub(crate) const MADE: &str =
    "Made by `crpipeline monitoring export`; a later export does not overwrite what you change here unless told to.";

/// What follows the name of a file that is being written.
const UNFINISHED: &str = ".unfinished";

/// One file of the export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    /// Where it stands below the folder, with `/`.
    pub path: String,
    /// What it says.
    pub contents: String,
}

/// Every file, ordered by path.
pub fn files(settings: &Settings) -> Vec<ExportedFile> {
    let mut files: BTreeMap<String, String> = templates::rendered(settings).into_iter().collect();
    files.insert("rules/crpipeline.yml".to_owned(), rules::file(settings));
    files.insert("runbooks/README.md".to_owned(), include_str!("../../../monitoring/runbooks/README.md").to_owned());
    for alert in ALERTS {
        files.insert(format!("runbooks/{}.md", alert.name), alert.runbook.to_owned());
        files.insert(format!("tests/{}.yml", alert.name), alert.test.to_owned());
    }
    for dashboard in dashboards::DASHBOARDS {
        files.insert(format!("grafana/dashboards/{}", dashboard.file), dashboard.json());
    }
    files.into_iter().map(|(path, contents)| ExportedFile { path, contents }).collect()
}

/// What writing did, as paths below the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files that were not there.
    pub new: Vec<String>,
    /// Files that said something else; only with `force`.
    pub replaced: Vec<String>,
    /// Files that said the same already.
    pub unchanged: Vec<String>,
}

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Files are there that say something else. Nothing was written.
    #[error("nothing was written, since {} from the export: {}", count(.paths.len()), .paths.join(", "))]
    Differ {
        /// Their paths below the folder.
        paths: Vec<String>,
    },
    /// The folder or a file in it cannot be read or written.
    #[error("{} cannot be written: {error}", .path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

fn count(files: usize) -> String {
    if files == 1 { "one file differs".to_owned() } else { format!("{files} files differ") }
}

/// Writes the files below `folder`, which is made when it is missing. A file that is there and says something else is somebody's
/// work: it is replaced only with `force`, and without it nothing at all is written.
///
/// # Errors
/// Files differ, or the system refuses; with a refusal part of the files may be written.
pub fn write(folder: &Path, files: &[ExportedFile], force: bool) -> Result<Written, ExportError> {
    let written = compared(folder, files)?;
    if !force && !written.replaced.is_empty() {
        return Err(ExportError::Differ { paths: written.replaced });
    }
    for file in files.iter().filter(|file| !written.unchanged.contains(&file.path)) {
        let path = folder.join(&file.path);
        let unwritable = |error| ExportError::Unwritable { path: path.clone(), error };
        path.parent().map_or(Ok(()), make_folder).map_err(unwritable)?;
        put(&path, &file.contents).map_err(unwritable)?;
    }
    Ok(written)
}

/// Writes a file that is there whole or not at all: half of one would be taken for somebody's work by the next export. What stood there
/// may be a link: what is written stays in the folder.
fn put(path: &Path, contents: &str) -> io::Result<()> {
    let mut unfinished = path.to_owned().into_os_string();
    unfinished.push(UNFINISHED);
    // Left by an export that was killed.
    fs::remove_file(&unfinished).or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    let written = fs::write(&unfinished, contents)
        .and_then(|()| fs::set_permissions(&unfinished, Permissions::from_mode(0o644)))
        .and_then(|()| fs::rename(&unfinished, path));
    written.inspect_err(|_| drop(fs::remove_file(&unfinished)))
}

/// Makes a folder and those above it. Files and folders can be read by all, whatever the umask: none holds a secret, and Prometheus
/// takes rules that it may not read for rules that are not there.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    folder.parent().map_or(Ok(()), make_folder)?;
    fs::create_dir(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o755))
}

/// What writing with `force` would do.
fn compared(folder: &Path, files: &[ExportedFile]) -> Result<Written, ExportError> {
    let mut written = Written::default();
    for file in files {
        let path = folder.join(&file.path);
        // A link, a pipe or a device is somebody's work too, and is not read.
        if fs::symlink_metadata(&path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            written.replaced.push(file.path.clone());
            continue;
        }
        match fs::read(&path) {
            Ok(there) if there == file.contents.as_bytes() => written.unchanged.push(file.path.clone()),
            Ok(_) => written.replaced.push(file.path.clone()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => written.new.push(file.path.clone()),
            Err(error) => return Err(ExportError::Unwritable { path, error }),
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_files_are_what_the_export_writes() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../monitoring");
        let written = compared(&folder, &files(&Settings::default())).unwrap();
        assert_eq!((written.new, written.replaced), (vec![], vec![]), "run `cargo xtask docs`");
    }

    #[test]
    fn an_export_over_an_export_changes_nothing_and_an_edited_file_is_somebodys_work() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&Settings::default());
        let first = write(folder.path(), &files, false).unwrap();
        assert_eq!((first.new.len(), first.replaced.len()), (files.len(), 0));
        assert_eq!(write(folder.path(), &files, false).unwrap().unchanged.len(), files.len());

        let edited = folder.path().join("prometheus.yml");
        fs::write(&edited, "mine").unwrap();
        fs::remove_file(folder.path().join("alertmanager.yml")).unwrap();
        let error = write(folder.path(), &files, false).unwrap_err();
        assert_eq!(error.to_string(), "nothing was written, since one file differs from the export: prometheus.yml");
        assert_eq!(fs::read_to_string(&edited).unwrap(), "mine");
        assert!(!folder.path().join("alertmanager.yml").exists(), "nothing at all was written");

        let forced = write(folder.path(), &files, true).unwrap();
        assert_eq!((forced.new, forced.replaced), (vec!["alertmanager.yml".to_owned()], vec!["prometheus.yml".to_owned()]));
    }

    #[test]
    fn a_link_is_somebodys_work_and_nothing_is_ever_written_through_it() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("monitoring"), folder.path().join("outside.yml"));
        fs::create_dir(&inside).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("prometheus.yml")).unwrap();
        let files = files(&Settings::default());
        assert!(matches!(write(&inside, &files, false), Err(ExportError::Differ { paths }) if paths == ["prometheus.yml"]));
        write(&inside, &files, true).unwrap();
        assert!(!outside.exists() && !inside.join("prometheus.yml").is_symlink());
        let mode = |path: &str| fs::metadata(inside.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("rules"), mode("rules/crpipeline.yml")), (0o755, 0o644), "whatever the umask");
    }

    #[test]
    fn a_folder_that_is_a_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = write(&file, &files(&Settings::default()), true).unwrap_err();
        assert!(matches!(error, ExportError::Unwritable { .. }), "{error}");
    }
}
