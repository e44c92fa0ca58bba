//! The place of a queued job among those of its organization: after all of a higher priority and the older ones of its own.

use crp_model::{JobId, Priority, Scope};

use crate::{
    StoreError,
    sql::{args, sql},
    transaction::Tx,
};

sql! {
    QUEUED_ABOVE = "SELECT count(*) AS n FROM jobs WHERE organization = $1 AND status = 'queued' AND priority > $2";
    QUEUED_BETWEEN =
        "SELECT count(*) AS n FROM jobs WHERE organization = $1 AND status = 'queued' AND priority = $2 AND id >= $3 AND id < $4";
}

/// A queue that is counted through once; ask for the jobs of each priority oldest first.
pub(super) struct Queue<'a> {
    scope: &'a Scope,
    counted: [Option<Counted>; Priority::ALL.len()],
}

/// How far one priority is counted.
#[derive(Clone, Copy)]
struct Counted {
    up_to: JobId,
    before: u64,
}

impl<'a> Queue<'a> {
    pub(super) fn new(scope: &'a Scope) -> Self {
        Self { scope, counted: [None; Priority::ALL.len()] }
    }

    /// How many jobs stand before this one.
    pub(super) async fn before(&mut self, tx: &mut Tx, priority: Priority, job: JobId) -> Result<u64, StoreError> {
        let (organization, number) = (self.scope.organization, priority.as_number());
        let counted = &mut self.counted[priority as usize];
        let from = match *counted {
            Some(counted) => counted,
            None => {
                let row = tx.one(&QUEUED_ABOVE, args![organization, number]).await?;
                Counted { up_to: JobId(uuid::Uuid::nil()), before: row.map_or(Ok(0), |row| row.get("n"))? }
            }
        };
        let row = tx.one(&QUEUED_BETWEEN, args![organization, number, from.up_to, job]).await?;
        let before = from.before + row.map_or(Ok(0), |row| row.get::<u64>("n"))?;
        *counted = Some(Counted { up_to: job, before });
        Ok(before)
    }
}
