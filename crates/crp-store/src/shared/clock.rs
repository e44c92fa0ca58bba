//! The database's clock in this process: leases that several machines judge are measured by one clock, whatever theirs say.

use std::{
    sync::{PoisonError, RwLock},
    time::{Duration, Instant},
};

use crp_model::{Clock, Timestamp};
use sqlx::{PgConnection, PgPool};

/// An answer that took longer says too little about now.
const QUICK: Duration = Duration::from_millis(250);

const NOW: &str = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";

/// The time that the database told, and what has passed since by this machine's monotonic clock. Between two answers it can only
/// lag behind (a machine that was suspended), and a lease that is measured too early harms nobody.
#[derive(Debug)]
pub(crate) struct DatabaseClock(RwLock<Told>);

#[derive(Clone, Copy, Debug)]
struct Told {
    micros: i64,
    at: Instant,
    took: Duration,
}

impl DatabaseClock {
    /// Asks for the time.
    pub(crate) async fn ask(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let mut connection = pool.acquire().await?;
        // The first question on a connection is prepared, and slow.
        told(&mut connection).await?;
        Ok(Self(RwLock::new(told(&mut connection).await?)))
    }

    /// Asks for the time once more.
    pub(crate) async fn ask_again(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let mut connection = pool.acquire().await?;
        let told = told(&mut connection).await?;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if told.took <= QUICK.max(known.took) {
            *known = told;
        }
        Ok(())
    }
}

/// The answer stands for the middle between question and answer.
async fn told(connection: &mut PgConnection) -> Result<Told, sqlx::Error> {
    let asked = Instant::now();
    let micros = sqlx::query_scalar(NOW).fetch_one(connection).await?;
    let took = asked.elapsed();
    Ok(Told { micros, at: asked + took / 2, took })
}

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        let told = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        Timestamp(told.micros).plus(told.at.elapsed())
    }
}
