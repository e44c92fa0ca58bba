//! Word from process to process: that there is work, or that a job changed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crp_model::{JobId, OrganizationId};
use sqlx::PgPool;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::JobChange;

/// Most words of one statement.
const AT_ONCE: usize = 500;

/// What one process tells the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A task can be claimed, or a lease's owner has to look.
    Work,
    /// A job has a new event.
    Job(JobChange),
}

impl Word {
    fn said(self, sender: Uuid) -> String {
        let sender = sender.simple();
        match self {
            Word::Work => format!("{sender} work"),
            Word::Job(change) => format!("{sender} job {} {} {}", change.organization, change.job, change.event),
        }
    }

    /// What another process said; `None` for one's own word, and for what this version does not know.
    pub(super) fn heard(text: &str, own: Uuid) -> Option<Self> {
        let mut parts = text.split(' ');
        let sender: Uuid = parts.next()?.parse().ok()?;
        let word = match parts.next()? {
            "work" => Word::Work,
            "job" => {
                let (organization, job): (Uuid, Uuid) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
                let event = parts.next()?.parse().ok()?;
                Word::Job(JobChange { organization: OrganizationId(organization), job: JobId(job), event })
            }
            _ => return None,
        };
        (sender != own).then_some(word)
    }
}

/// Word that waits to be sent. The same word waits once, of a job the newest.
#[derive(Debug)]
pub(super) struct Outbox {
    sender: Uuid,
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    work: bool,
    jobs: HashMap<JobId, JobChange>,
}

impl Outbox {
    pub(super) fn new(sender: Uuid) -> Self {
        Self { sender, waiting: Mutex::default(), filled: Notify::new() }
    }

    /// Under which name this process speaks.
    pub(super) fn sender(&self) -> Uuid {
        self.sender
    }

    pub(super) fn add(&self, work: bool, changes: &[JobChange]) {
        if !work && changes.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.work |= work;
        waiting.jobs.extend(changes.iter().map(|change| (change.job, *change)));
        self.filled.notify_one();
    }

    /// Waits until there is something to send.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Sends everything that waits; what could not be sent is dropped.
    pub(super) async fn send(&self, pool: &PgPool, channel: &str) -> Result<(), sqlx::Error> {
        for words in self.take().chunks(AT_ONCE) {
            sqlx::query("SELECT pg_notify($1, word) FROM unnest($2) AS word").bind(channel).bind(words).execute(pool).await?;
        }
        Ok(())
    }

    fn take(&self) -> Vec<String> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let work = waiting.work.then_some(Word::Work);
        work.into_iter().chain(waiting.jobs.into_values().map(Word::Job)).map(|word| word.said(self.sender)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crp_model::Ambient;

    use super::*;

    fn change(n: u128, event: i64) -> JobChange {
        JobChange { organization: OrganizationId(Uuid::from_u128(7)), job: JobId(Uuid::from_u128(n)), event }
    }

    #[test]
    fn others_hear_what_was_said_and_nobody_hears_himself() {
        let (own, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for word in [Word::Work, Word::Job(change(3, 12))] {
            assert_eq!(Word::heard(&word.said(own), other), Some(word));
            assert_eq!(Word::heard(&word.said(own), own), None);
        }
        for unknown in ["", "work", "x work", &format!("{} later", own.simple()), &format!("{} job 1 2 3", own.simple())] {
            assert_eq!(Word::heard(unknown, other), None, "{unknown}");
        }
    }

    #[test]
    fn what_waits_is_said_once() {
        let outbox = Outbox::new(Ambient::system().new_uuid());
        outbox.add(true, &[change(1, 1)]);
        outbox.add(true, &[change(1, 2), change(2, 1)]);
        outbox.add(false, &[]);
        let mut heard: Vec<_> = outbox.take().iter().filter_map(|text| Word::heard(text, Uuid::nil())).collect();
        heard.sort_by_key(|word| match word {
            Word::Work => (0, 0),
            Word::Job(change) => (change.job.0.as_u128(), change.event),
        });
        assert_eq!(heard, [Word::Work, Word::Job(change(1, 2)), Word::Job(change(2, 1))]);
        assert!(outbox.take().is_empty());
    }
}
