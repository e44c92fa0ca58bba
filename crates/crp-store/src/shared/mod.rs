//! What the processes on one PostgreSQL share besides its rows: its clock, and word of one another's commits.
//!
//! Word goes out after the commit and not in it: a notification inside of a transaction makes PostgreSQL let commits through one by
//! one. It may be lost with its process or its connection, so everybody who waits for word also looks by himself now and then.

mod clock;
mod word;

use std::{sync::Arc, time::Duration};

use crp_model::Ambient;
use sqlx::{PgPool, postgres::PgListener};
use tokio::task::JoinHandle;

use self::word::{Outbox, Word};
use crate::{StoreError, error::judge, store::Listeners};

pub(crate) use clock::DatabaseClock;

/// The channel of PostgreSQL on which word goes round.
const CHANNEL: &str = "crpipeline";
/// How often the time of the database is asked for.
const CLOCK_PERIOD: Duration = Duration::from_secs(10);
/// The pause before the database is asked again that did not answer.
const AGAIN: Duration = Duration::from_millis(500);

/// A process among others; dropped, it neither speaks nor listens any more.
pub(crate) struct Neighbours {
    outbox: Arc<Outbox>,
    pool: PgPool,
    running: Vec<JoinHandle<()>>,
}

impl Neighbours {
    /// Begins to speak and to listen: what others tell wakes `listeners`. `clock` is kept with the database's.
    pub(crate) fn meet(pool: &PgPool, ambient: &Ambient, listeners: Listeners, clock: Arc<DatabaseClock>) -> Self {
        let outbox = Arc::new(Outbox::new(ambient.new_uuid()));
        let running = vec![
            tokio::spawn(speak(pool.clone(), outbox.clone())),
            tokio::spawn(listen(pool.clone(), outbox.clone(), listeners)),
            tokio::spawn(follow_clock(pool.clone(), clock)),
        ];
        Self { outbox, pool: pool.clone(), running }
    }

    /// Word for the others, which goes out at once, together with what else waits.
    pub(crate) fn tell(&self, wakes_workers: bool, changes: &[crate::JobChange]) {
        self.outbox.add(wakes_workers, changes);
    }

    /// Says what is still to be said, and stops.
    pub(crate) async fn part(&self) {
        // Nobody has to hear it: the others look by themselves, too.
        let _ = tokio::time::timeout(AGAIN, self.outbox.send(&self.pool, CHANNEL)).await;
        self.running.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        self.running.iter().for_each(JoinHandle::abort);
    }
}

/// The clock of the database, asked once; [`Neighbours`] keeps it with the database's from then on.
pub(crate) async fn ask_clock(pool: &PgPool) -> Result<Arc<DatabaseClock>, StoreError> {
    DatabaseClock::ask(pool).await.map(Arc::new).map_err(|error| judge(&error).0)
}

async fn speak(pool: PgPool, outbox: Arc<Outbox>) {
    loop {
        outbox.filled().await;
        if let Err(error) = outbox.send(&pool, CHANNEL).await {
            // Whoever waits looks by himself soon; when the database is back there will be other word.
            tracing::debug!(%error, "other processes could not be told of a commit");
            tokio::time::sleep(AGAIN).await;
        }
    }
}

async fn listen(pool: PgPool, outbox: Arc<Outbox>, listeners: Listeners) {
    loop {
        if let Err(error) = listen_on(&pool, &outbox, &listeners).await {
            tracing::debug!(%error, "word of other processes is not heard for the moment");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Listens until the connection is lost.
async fn listen_on(pool: &PgPool, outbox: &Outbox, listeners: &Listeners) -> Result<(), sqlx::Error> {
    let mut line = PgListener::connect_with(pool).await?;
    // Otherwise it would wait for the database without telling that word may have been missed.
    line.eager_reconnect(false);
    line.listen(CHANNEL).await?;
    // While nobody listened anything may have happened.
    listeners.wake_workers();
    while let Some(heard) = line.try_recv().await? {
        match Word::heard(heard.payload(), outbox.sender()) {
            Some(Word::Work) => listeners.wake_workers(),
            Some(Word::Job(change)) => listeners.tell_change(change),
            // Our own word comes back as well; what a newer version says is none of our business.
            None => {}
        }
    }
    Ok(())
}

async fn follow_clock(pool: PgPool, clock: Arc<DatabaseClock>) {
    loop {
        tokio::time::sleep(CLOCK_PERIOD).await;
        if let Err(error) = clock.ask_again(&pool).await {
            tracing::debug!(%error, "the database's time could not be asked for");
        }
    }
}
