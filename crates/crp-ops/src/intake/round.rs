//! One look at every folder of every organization.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

use crp_model::{Failure, OrganizationId, Plan, Scope};
use crp_store::{
    plans, setup,
    watched::{self, TakenFile},
};

use super::{
    DONE, FAILED, Intake, Watched,
    file::{After, One},
    memory::Memory,
    off_thread,
    place::{Entry, Kind, Place},
    unusable,
};

/// Deals with every file that is ready; tells how many were left.
///
/// # Errors
/// What every other file would meet, too: storage or database that are away, a full disk.
pub(super) async fn deal_with_all(intake: &Intake, watched: &Watched, memory: &mut Memory) -> Result<(), Failure> {
    let organizations = setup::organizations(&intake.store).await.map_err(|error| error.failure())?;
    let mut by_folder: BTreeMap<&str, Vec<OrganizationId>> = BTreeMap::new();
    for (organization, name) in &organizations {
        by_folder.entry(name.as_str()).or_default().push(*organization);
    }
    let mut waiting = 0;
    for (name, organizations) in &by_folder {
        match (organizations.as_slice(), is_folder_name(name)) {
            ([organization], true) => {
                let mut turn = Turn { intake, watched, memory, scope: Scope::system(*organization), waiting: 0 };
                let dealt = turn.organization(name).await;
                waiting += turn.waiting;
                dealt.inspect_err(|_| intake.metrics.intake_files_waiting.set(waiting as f64))?;
            }
            (_, true) => {
                tell(memory, &watched.root.path().join(name), "Several organizations have this name; its files stay where they are")
            }
            _ => tell(memory, watched.root.path(), "An organization has no folder, since its name cannot be the name of one"),
        }
    }
    let root = watched.root.clone();
    let entries = off_thread(move || root.entries()).await.map_err(|error| unusable(watched.root.path(), &error))?;
    for stray in entries.iter().filter(|entry| !entry.name.to_str().is_some_and(|name| by_folder.contains_key(name))) {
        waiting += u64::from(stray.kind != Kind::Folder);
        tell(memory, &watched.root.path().join(&stray.name), "It is in the folder of no organization and stays where it is");
    }
    intake.metrics.intake_files_waiting.set(waiting as f64);
    Ok(())
}

/// Whether a folder can have the name of the organization.
fn is_folder_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && !name.contains(['/', '\0'])
}

fn tell(memory: &mut Memory, path: &Path, sentence: &str) {
    if memory.is_news(path, sentence) {
        tracing::warn!(path = ?path, "Watched folder: {sentence}");
    }
}

/// The folder of one organization.
struct Turn<'a> {
    intake: &'a Intake,
    watched: &'a Watched,
    memory: &'a mut Memory,
    scope: Scope,
    /// Files that were left.
    waiting: u64,
}

impl Turn<'_> {
    async fn organization(&mut self, name: &str) -> Result<(), Failure> {
        let store = &self.intake.store;
        let taken = watched::taken(store, &self.scope, self.watched.id).await.map_err(|error| error.failure())?;
        let mut taken: HashMap<String, TakenFile> = taken.into_iter().map(|file| (file.path.clone(), file)).collect();
        let (root, own) = (self.watched.root.clone(), name.to_owned());
        let opened = off_thread(move || root.make(OsStr::new(&own)).and_then(|place| Ok((place.entries()?, place)))).await;
        let (entries, place) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let path = self.watched.root.path().join(name);
                tell(self.memory, &path, &unusable(&path, &error).message);
                return Ok(());
            }
        };
        let (folders, files): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| entry.kind == Kind::Folder);
        let mut there = HashSet::new();
        self.folder(&place, &files, None, &mut taken, &mut there).await?;
        for folder in folders.iter().filter(|folder| folder.name != DONE && folder.name != FAILED) {
            let (above, own) = (place.clone(), folder.name.clone());
            match off_thread(move || above.below(&own).and_then(|place| Ok((place.entries()?, place)))).await {
                Ok((entries, below)) => {
                    let files: Vec<Entry> = entries.into_iter().filter(|entry| entry.kind != Kind::Folder).collect();
                    self.folder(&below, &files, Some(&folder.name.to_string_lossy()), &mut taken, &mut there).await?;
                }
                Err(error) => {
                    let path = place.path().join(&folder.name);
                    tell(self.memory, &path, &unusable(&path, &error).message);
                    // Nothing is known about what lies in it.
                    return Ok(());
                }
            }
        }
        // Moved away by a process that ended before it could forget them, or by a person.
        for gone in taken.values().filter(|file| !there.contains(&file.path)) {
            watched::forget(store, &self.scope, self.watched.id, gone).await.map_err(|error| error.failure())?;
        }
        Ok(())
    }

    /// The files of one folder; `there` gets the path of each below the watched folder.
    async fn folder(
        &mut self,
        place: &Place,
        files: &[Entry],
        pipeline: Option<&str>,
        taken: &mut HashMap<String, TakenFile>,
        there: &mut HashSet<String>,
    ) -> Result<(), Failure> {
        let mut plan = None;
        let relative: Vec<String> = files.iter().map(|entry| self.relative(place, &entry.name)).collect();
        there.extend(relative.iter().cloned());
        for (entry, relative) in files.iter().zip(&relative) {
            self.waiting += 1;
            let path = place.path().join(&entry.name);
            if entry.kind == Kind::Unknown || !self.memory.is_ready(&path, entry.identity) {
                continue;
            }
            if plan.is_none() {
                plan = Some(plans::plan_for(&self.intake.store, &self.scope, pipeline).await.map_err(|error| error.failure()));
            }
            let plan: &Plan = match &plan {
                Some(Ok(plan)) => plan,
                Some(Err(failure)) if stops_everything(failure) => return Err(failure.clone()),
                Some(Err(failure)) => {
                    tell(self.memory, place.path(), &failure.message);
                    continue;
                }
                None => continue,
            };
            let one = One { intake: self.intake, folder: self.watched.id, scope: self.scope, place, entry, relative, plan };
            match one.deal_with(taken.get(relative)).await {
                Ok(After::Moved) => self.waiting -= 1,
                Ok(After::Changed) => {}
                Err(failure) if stops_everything(&failure) => return Err(failure),
                Err(failure) => {
                    self.memory.postpone(&path);
                    tell(self.memory, &path, &failure.message);
                }
            }
        }
        Ok(())
    }

    /// The path of a file below the watched folder. One that is no text is told by its bytes.
    fn relative(&self, place: &Place, name: &OsStr) -> String {
        let path = place.path().join(name);
        let path = path.strip_prefix(self.watched.root.path()).unwrap_or(&path).as_os_str();
        path.to_str().map_or_else(|| format!("bytes {:?}", path.as_bytes()), str::to_owned)
    }
}

/// Every other file would meet the same.
fn stops_everything(failure: &Failure) -> bool {
    use crp_model::Code::{DatabaseUnavailable, DiskFull, StorageUnavailable};
    matches!(failure.code, StorageUnavailable | DatabaseUnavailable | DiskFull)
}
