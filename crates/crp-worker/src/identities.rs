//! What reads pages on this machine, asked for now and then: an engine may be updated while the worker runs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crp_model::Sha256Hash;
use crp_pipeline::{ChildPool, ReadSettings};

/// How long an answer holds.
const FRESH: Duration = Duration::from_secs(60);
/// Most settings that are remembered; organizations have few.
const MOST: usize = 256;

/// The identities by the settings that they are for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identities(Arc<Mutex<HashMap<String, Known>>>);

#[derive(Clone, Copy, Debug)]
struct Known {
    identity: Option<Sha256Hash>,
    asked: Instant,
}

impl Identities {
    /// What reads pages with these settings; `None` where nobody can tell, so that nothing is reused.
    pub(crate) async fn of(&self, children: &ChildPool, settings: &ReadSettings) -> Option<Sha256Hash> {
        let name = format!("{settings:?}");
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&name).copied();
        if let Some(known) = known.filter(|known| known.asked.elapsed() < FRESH) {
            return known.identity;
        }
        let identity = children.identity(settings).await;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(name, Known { identity, asked: Instant::now() });
        identity
    }
}
