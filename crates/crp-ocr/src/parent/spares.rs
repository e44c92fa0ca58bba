//! Spares: processes that have loaded their engine and wait for a document. They have seen none, so any organization may get them.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crp_model::Failure;
use tokio::{runtime::Handle, sync::oneshot};

use super::{ChildPool, budget::Place, patience, process::ChildProcess};
use crate::protocol::{Answer, Request};

/// Loading an engine gets this long.
const WARM_SECONDS: u64 = 60;
/// Without a document for this long, all spares go: their memory is wanted elsewhere.
const IDLE: Duration = Duration::from_secs(5 * 60);
/// Older ones go, because languages may have been installed or replaced meanwhile.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);
/// How often somebody looks for those that should go.
const LOOK: Duration = Duration::from_secs(30);

/// The spares of a pool.
#[derive(Default)]
pub(super) struct Spares {
    wanted: usize,
    waiting: VecDeque<Spare>,
    last_needed: Option<Instant>,
    is_watched: bool,
}

/// A process that has loaded its engine or is loading it. Dropping this ends it.
struct Spare {
    languages: Vec<String>,
    since: Instant,
    process: oneshot::Receiver<ChildProcess>,
}

impl Spares {
    /// Keeps up to `wanted` from now on.
    pub(super) fn keep(&mut self, wanted: usize) {
        self.wanted = wanted;
        self.waiting.truncate(wanted);
    }

    /// The one with these languages that has waited longest.
    fn take(&mut self, languages: &[String], now: Instant) -> Option<Spare> {
        self.last_needed = Some(now);
        let at = self.waiting.iter().position(|spare| spare.languages == languages)?;
        self.waiting.remove(at)
    }

    /// Lets the oldest go, since its memory is wanted for a document.
    pub(super) fn give_way(&mut self) {
        self.waiting.pop_front();
    }

    /// How many are to be made for these languages. If every place is taken by others, the oldest makes room for one.
    fn missing(&mut self, languages: &[String]) -> usize {
        if self.waiting.len() >= self.wanted && self.wanted > 0 && self.waiting.iter().all(|spare| spare.languages != languages) {
            self.waiting.pop_front();
        }
        self.wanted.saturating_sub(self.waiting.len())
    }

    /// Lets go of those that nobody needs; false when none is left.
    fn tidy(&mut self, now: Instant) -> bool {
        let is_idle = self.last_needed.is_none_or(|then| now.saturating_duration_since(then) >= IDLE);
        self.waiting.retain(|spare| !is_idle && now.saturating_duration_since(spare.since) < MAX_AGE);
        !self.waiting.is_empty()
    }
}

impl ChildPool {
    /// A process with these languages loaded, if one waits or is about to.
    pub(super) async fn spare(&self, languages: &[String]) -> Option<ChildProcess> {
        loop {
            let spare = self.spares().take(languages, Instant::now())?;
            // One that is still loading began before a new process could.
            if let Ok(mut process) = spare.process.await
                && spare.since.elapsed() < MAX_AGE
                && process.is_alive()
            {
                return Some(process);
            }
            // It could not be loaded, has died while it waited, or is old: nothing that a document has to know.
        }
    }

    /// Makes one spare now, for a document that is about to come; not where it would take the only place for processes.
    pub fn warm_up(&self, languages: &[String]) {
        if self.most_processes() > 1 {
            self.make(languages, |_| 1);
        }
    }

    /// Makes the spares that are missing.
    fn refill(&self, languages: &[String]) {
        self.make(languages, |spares| spares.missing(languages));
    }

    fn make(&self, languages: &[String], how_many: impl FnOnce(&mut Spares) -> usize) {
        // Outside of a runtime nothing can be started, and nobody will ask.
        let Ok(runtime) = Handle::try_current() else { return };
        let mut spares = self.spares();
        for _ in 0..how_many(&mut spares) {
            // Where memory is short, it is for those that read.
            let Some(place) = self.budget().place_now() else { break };
            let (ready, process) = oneshot::channel();
            spares.waiting.push_back(Spare { languages: languages.to_vec(), since: Instant::now(), process });
            let (pool, languages) = (self.clone(), languages.to_vec());
            runtime.spawn(async move {
                match pool.warm(languages, place).await {
                    // If nobody wants it any more, it goes.
                    Ok(process) => drop(ready.send(process)),
                    Err(failure) => tracing::debug!(code = failure.code.as_str(), "A spare process is not available: {}", failure.message),
                }
            });
        }
        if !spares.is_watched && !spares.waiting.is_empty() {
            spares.is_watched = true;
            runtime.spawn(watch(self.downgrade()));
        }
    }

    async fn warm(&self, languages: Vec<String>, place: Place) -> Result<ChildProcess, Failure> {
        let mut process = self.process_in(place).await?;
        let patience = patience(WARM_SECONDS, "loading the engine");
        match process.ask(&Request::Warm { languages, limits: self.limits().clone() }, &patience).await?.message {
            Answer::Warm => Ok(process),
            _ => Err(process.answer_invalid("another answer than to the warming", &patience).await),
        }
    }
}

/// Lets go of spares that nobody needs, until there is none.
async fn watch(pool: std::sync::Weak<super::pool::Shared>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(pool) = ChildPool::upgrade(&pool) else { return };
        let mut spares = pool.spares();
        if !spares.tidy(Instant::now()) {
            spares.is_watched = false;
            return;
        }
    }
}

/// Makes a spare in place of a process that was taken, when it is dropped.
pub(super) struct Replacement {
    pool: ChildPool,
    languages: Vec<String>,
}

impl Replacement {
    pub(super) fn new(pool: &ChildPool, languages: &[String]) -> Self {
        Self { pool: pool.clone(), languages: languages.to_vec() }
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        self.pool.refill(&self.languages);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spare(language: &str, since: Instant) -> Spare {
        Spare { languages: vec![language.to_owned()], since, process: oneshot::channel().1 }
    }

    fn with(wanted: usize, languages: &[&str]) -> Spares {
        let now = Instant::now();
        let waiting = languages.iter().map(|language| spare(language, now)).collect();
        Spares { wanted, waiting, last_needed: Some(now), is_watched: false }
    }

    fn waiting(spares: &Spares) -> Vec<&str> {
        spares.waiting.iter().map(|spare| spare.languages[0].as_str()).collect()
    }

    #[test]
    fn a_document_gets_a_spare_of_its_languages_or_none() {
        let mut spares = with(3, &["eng", "deu", "eng"]);
        assert!(spares.take(&["fra".to_owned()], Instant::now()).is_none());
        assert!(spares.take(&["eng".to_owned()], Instant::now()).is_some());
        assert_eq!(waiting(&spares), ["deu", "eng"]);
    }

    #[test]
    fn other_languages_give_way_for_one_and_no_more_than_wanted_wait() {
        let mut spares = with(2, &["eng", "eng"]);
        assert_eq!(spares.missing(&["eng".to_owned()]), 0);
        assert_eq!(spares.missing(&["deu".to_owned()]), 1);
        assert_eq!(waiting(&spares), ["eng"]);
        assert_eq!(with(4, &["eng"]).missing(&["eng".to_owned()]), 3);
        assert_eq!(with(0, &[]).missing(&["eng".to_owned()]), 0);
        spares.keep(0);
        assert!(waiting(&spares).is_empty());
    }

    #[test]
    fn spares_go_when_nobody_needs_one_and_when_they_are_old() {
        let mut spares = with(2, &["eng", "eng"]);
        let now = Instant::now();
        assert!(spares.tidy(now + Duration::from_secs(60)));
        assert!(!spares.tidy(now + IDLE));
        let mut spares = with(2, &["eng"]);
        let now = Instant::now();
        spares.last_needed = Some(now + MAX_AGE);
        spares.waiting.push_back(spare("eng", now + MAX_AGE));
        assert!(spares.tidy(now + MAX_AGE));
        assert_eq!(waiting(&spares).len(), 1);
    }
}
