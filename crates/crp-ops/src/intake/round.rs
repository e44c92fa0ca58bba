//! One look at every folder of every organization, then turns: some files of each, until nothing is ready.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ffi::{OsStr, OsString},
    path::Path,
    time::Instant,
};

use crp_model::{Failure, OrganizationId, Plan, Scope};
use crp_store::{plans, setup, watched::TakenFile};

use super::{
    Intake, Watched,
    file::{After, One},
    memory::Memory,
    off_thread,
    place::{Kind, Place},
    ready::{Gathering, MAX_LISTED, Queue},
    unusable,
};

/// How many files of an organization are dealt with before the next one has its turn.
const FILES_PER_TURN: usize = 50;

/// What a look left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing that is ready.
    Nothing,
    /// Files that are ready; the time to look again has come.
    Ready,
}

/// Deals with the files that are ready; tells how many were left.
///
/// # Errors
/// What every other file would meet, too: storage or database that are away, a full disk.
pub(super) async fn deal_with_all(intake: &Intake, watched: &Watched, memory: &mut Memory) -> Result<Left, Failure> {
    let organizations = setup::organizations(&intake.store).await.map_err(|error| error.failure())?;
    let mut by_folder: BTreeMap<&str, Vec<OrganizationId>> = BTreeMap::new();
    for (organization, name) in &organizations {
        by_folder.entry(name.as_str()).or_default().push(*organization);
    }
    let postponed = memory.waiting();
    let mut gathering = Gathering { intake, watched, memory, postponed, waiting: 0 };
    let mut queues = Vec::new();
    for (name, organizations) in &by_folder {
        let path = watched.root.path().join(name);
        match (organizations.as_slice(), is_folder_name(name)) {
            ([organization], true) => queues.push(gathering.organization(Scope::system(*organization), name).await?),
            (_, true) => tell(gathering.memory, &path, "Several organizations have this name; its files stay where they are"),
            _ => tell(gathering.memory, &path, &nameless(name)),
        }
    }
    let waiting = gathering.waiting + tell_strays(watched, memory, &by_folder).await?;
    let mut turns = Turns { intake, watched, memory, waiting };
    let dealt = turns.go_round(&mut queues).await;
    intake.metrics.intake_files_waiting.set(turns.waiting as f64);
    dealt
}

/// What lies beside the folders of the organizations; answers how many files that are.
async fn tell_strays(watched: &Watched, memory: &mut Memory, by_folder: &BTreeMap<&str, Vec<OrganizationId>>) -> Result<u64, Failure> {
    let root = watched.root.clone();
    let listed = off_thread(move || root.listing(MAX_LISTED, &HashSet::new())).await;
    let listing = listed.map_err(|error| unusable(watched.root.path(), &error))?;
    let mut files = listing.files_left_out;
    let is_stray = |name: &OsStr| !name.to_str().is_some_and(|name| by_folder.contains_key(name));
    for stray in listing.files.iter().chain(&listing.folders).filter(|entry| is_stray(&entry.name)) {
        files += u64::from(stray.kind != Kind::Folder);
        tell(memory, &watched.root.path().join(&stray.name), "It is in the folder of no organization and stays where it is");
    }
    Ok(files)
}

/// Whether a folder can have the name of the organization.
fn is_folder_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && !name.contains(['/', '\0'])
}

fn nameless(name: &str) -> String {
    format!(
        "The organization {name:?} has no folder, since a folder cannot have this name. Files for it can be uploaded or imported; an \
         organization gets a folder when its name has no slash, does not begin with a dot, and has at most 255 bytes"
    )
}

pub(super) fn tell(memory: &mut Memory, path: &Path, sentence: &str) {
    if memory.is_news(path, sentence) {
        tracing::warn!(path = ?path, "Watched folder: {sentence}");
    }
}

/// The organizations, one after the other, again and again.
struct Turns<'a> {
    intake: &'a Intake,
    watched: &'a Watched,
    memory: &'a mut Memory,
    /// Files that were left.
    waiting: u64,
}

impl Turns<'_> {
    /// First what nobody tried before, so that a file that stops everything again has stopped only others of its kind. Each has a round
    /// at least, however late it is.
    async fn go_round(&mut self, queues: &mut [Queue]) -> Result<Left, Failure> {
        let begun = Instant::now();
        for is_tried in [false, true] {
            while queues.iter().any(|queue| queue.has(is_tried)) {
                for queue in queues.iter_mut().filter(|queue| queue.has(is_tried)) {
                    self.turn(queue, is_tried).await?;
                }
                if begun.elapsed() >= self.intake.settings.interval {
                    break;
                }
            }
        }
        let is_left = queues.iter().any(|queue| queue.has(false) || queue.has(true));
        Ok(if is_left { Left::Ready } else { Left::Nothing })
    }

    /// Some files of one organization.
    async fn turn(&mut self, queue: &mut Queue, is_tried: bool) -> Result<(), Failure> {
        let mut opened: HashMap<Option<OsString>, Option<(Place, Plan)>> = HashMap::new();
        for _ in 0..FILES_PER_TURN {
            let Some(ready) = queue.next(is_tried) else { break };
            if !opened.contains_key(&ready.pipeline) {
                let folder = self.open(queue, ready.pipeline.as_deref()).await?;
                opened.insert(ready.pipeline.clone(), folder);
            }
            let Some(Some((place, plan))) = opened.get(&ready.pipeline) else { continue };
            let (folder, scope, relative) = (self.watched.id, queue.scope, ready.relative.as_str());
            let one = One { intake: self.intake, folder, scope, place, entry: &ready.entry, relative, plan };
            self.deal_with(&one, queue.taken.get(relative)).await?;
        }
        Ok(())
    }

    /// A folder and the plan for what lies in it; `None` when its files have to wait.
    async fn open(&mut self, queue: &Queue, pipeline: Option<&OsStr>) -> Result<Option<(Place, Plan)>, Failure> {
        let (root, name, below) = (self.watched.root.clone(), queue.name.clone(), pipeline.map(OsStr::to_owned));
        let path = root.path().join(&name).join(pipeline.unwrap_or_default());
        let opened = off_thread(move || {
            let own = root.below(OsStr::new(&name))?;
            below.map_or(Ok(own.clone()), |below| own.below(&below))
        });
        let place = match opened.await {
            Ok(place) => place,
            Err(error) => {
                tell(self.memory, &path, &unusable(&path, &error).message);
                return Ok(None);
            }
        };
        let pipeline = pipeline.map(OsStr::to_string_lossy);
        match plans::plan_for(&self.intake.store, &queue.scope, pipeline.as_deref()).await.map_err(|error| error.failure()) {
            Ok(plan) => Ok(Some((place, plan))),
            Err(failure) if stops_everything(&failure) => Err(failure),
            Err(failure) => {
                tell(self.memory, &path, &failure.message);
                Ok(None)
            }
        }
    }

    async fn deal_with(&mut self, one: &One<'_>, taken: Option<&TakenFile>) -> Result<(), Failure> {
        let path = one.place.path().join(&one.entry.name);
        match one.deal_with(taken).await {
            Ok(After::Moved) => {
                self.waiting -= 1;
                self.memory.forget(&path);
            }
            // It is being written, or its size and time never agree: not at each look again.
            Ok(After::Changed) => self.memory.postpone(&path),
            Err(failure) => {
                // The next look begins with another one, which may be small enough.
                self.memory.postpone(&path);
                if stops_everything(&failure) {
                    return Err(failure);
                }
                tell(self.memory, &path, &failure.message);
            }
        }
        Ok(())
    }
}

/// Every other file would meet the same.
fn stops_everything(failure: &Failure) -> bool {
    use crp_model::Code::{DatabaseUnavailable, DiskFull, StorageUnavailable};
    matches!(failure.code, StorageUnavailable | DatabaseUnavailable | DiskFull)
}
