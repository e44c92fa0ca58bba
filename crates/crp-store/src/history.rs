//! What an organization's jobs did in a span of time: how many ended and waited, how long pages and stages took, why jobs failed.
//!
//! A job belongs to the bucket in which it ended, and so do its pages. How long things took is told from a bounded sample of those
//! jobs: a month may hold millions of pages.
use std::collections::BTreeMap;

use crp_model::{Code, Scope, StageType, Timestamp};

use crate::{
    Store, StoreError,
    sql::{args, sql},
    transaction::Tx,
    value::Value,
};

/// Jobs of one bucket whose stages and pages are looked at.
const SAMPLED_JOBS: u64 = 25;
/// Pages of one such job.
const SAMPLED_PAGES_OF_JOB: u32 = 4;

/// Equal parts of a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// Where the first one begins.
    pub from: Timestamp,
    /// Length of each, in seconds.
    pub bucket_seconds: u32,
    /// How many.
    pub count: u32,
}

/// What happened in one bucket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bucket {
    /// Jobs that succeeded.
    pub jobs_succeeded: u64,
    /// Jobs that failed.
    pub jobs_failed: u64,
    /// Jobs that were cancelled.
    pub jobs_cancelled: u64,
    /// Pages of all these.
    pub pages: u64,
    /// Jobs that waited for a worker when the bucket ended.
    pub waiting: u64,
    /// How long a page took that was recognised.
    pub ocr_page: Option<Percentiles>,
    /// How long the stages that succeeded took.
    pub stages: BTreeMap<StageType, Percentiles>,
}

/// What half of them, and 95 of 100, did not exceed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    /// The median, in seconds.
    pub p50_seconds: f64,
    /// The 95th percentile, in seconds.
    pub p95_seconds: f64,
}

/// The history of an organization.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// The buckets, in order.
    pub buckets: Vec<Bucket>,
    /// Why jobs failed, the most frequent cause first.
    pub failures: Vec<(Code, u64)>,
}

sql! {
    // One count for each bucket and column, all of them from indexes alone: grouping would sort every job.
    COUNTED =
        "WITH RECURSIVE numbers (bucket) AS (
             SELECT CAST(0 AS BIGINT) UNION ALL SELECT bucket + 1 FROM numbers WHERE bucket + 1 < $4
         ),
         buckets AS (SELECT bucket, $2 + bucket * $3 AS begins, $2 + (bucket + 1) * $3 AS ends FROM numbers)
         SELECT bucket,
             (SELECT count(*) FROM jobs
              WHERE organization = $1 AND status = 'succeeded' AND finished_at >= begins AND finished_at < ends) AS succeeded,
             (SELECT count(*) FROM jobs
              WHERE organization = $1 AND status = 'failed' AND finished_at >= begins AND finished_at < ends) AS failed,
             (SELECT count(*) FROM jobs
              WHERE organization = $1 AND status = 'cancelled' AND finished_at >= begins AND finished_at < ends) AS cancelled,
             (SELECT CAST(COALESCE(sum(pages_done), 0) AS BIGINT) FROM jobs
              WHERE organization = $1 AND status IN ('succeeded', 'failed', 'cancelled')
                AND finished_at >= begins AND finished_at < ends) AS pages,
             (SELECT count(*) FROM jobs WHERE organization = $1 AND created_at >= begins AND created_at < ends) AS created,
             (SELECT count(*) FROM jobs WHERE organization = $1 AND started_at >= begins AND started_at < ends) AS started,
             (SELECT count(*) FROM jobs
              WHERE organization = $1 AND started_at IS NULL AND finished_at >= begins AND finished_at < ends) AS never_started
         FROM buckets ORDER BY bucket";
    WAITING_NOW = "SELECT count(*) AS n FROM jobs WHERE organization = $1 AND status = 'queued'";
    FAILURES =
        "SELECT failure ->> 'code' AS code, count(*) AS n FROM jobs
         WHERE organization = $1 AND finished_at >= $2 AND finished_at < $3 AND status = 'failed' AND failure IS NOT NULL GROUP BY 1";
    // Times are whole microseconds, so that the remainder picks one job of so many by chance.
    STAGES_OF_SAMPLE =
        "SELECT s.stage, s.finished_at - s.started_at AS microseconds
         FROM jobs j JOIN stage_runs s ON s.job = j.id
         WHERE j.organization = $1 AND j.status IN ('succeeded', 'failed', 'cancelled')
           AND j.finished_at >= $2 AND j.finished_at < $3 AND j.finished_at % $4 = 0
           AND s.status = 'succeeded' AND s.started_at IS NOT NULL LIMIT $5";
    // Some pages of each job, evenly spread, each found by its key.
    PAGES_OF_SAMPLE =
        "SELECT p.seconds
         FROM jobs j
         CROSS JOIN (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) place
         JOIN pages p ON p.job = j.id AND p.stage_index = 0
              AND p.page = 1 + CASE WHEN j.pages_done <= $6 THEN place.n ELSE place.n * j.pages_done / $6 END
         WHERE j.organization = $1 AND j.status IN ('succeeded', 'failed', 'cancelled')
           AND j.finished_at >= $2 AND j.finished_at < $3 AND j.finished_at % $4 = 0
           AND place.n < j.pages_done AND p.source = 'ocr' AND p.failure IS NULL LIMIT $5";
}

impl Buckets {
    /// Where the last one ends.
    pub fn to(&self) -> Timestamp {
        self.start_of(self.count)
    }

    /// Where the bucket with this number (from 0) begins.
    pub fn start_of(&self, bucket: u32) -> Timestamp {
        Timestamp(self.from.0 + self.bucket_microseconds() * i64::from(bucket))
    }

    fn bucket_microseconds(&self) -> i64 {
        i64::from(self.bucket_seconds) * 1_000_000
    }
}

/// What the organization's jobs did in these buckets; the last one holds the present.
///
/// # Errors
/// The database's.
pub async fn history(store: &Store, scope: &Scope, buckets: &Buckets) -> Result<History, StoreError> {
    let mut reading = Reading { tx: store.read().await?, scope: *scope, buckets: *buckets };
    let mut told = vec![Bucket::default(); buckets.count as usize];
    reading.count(&mut told).await?;
    for (at, bucket) in (0u32..).zip(&mut told) {
        reading.sample(at, bucket).await?;
    }
    Ok(History { buckets: told, failures: reading.failures().await? })
}

/// Why jobs that ended in these buckets failed, the most frequent cause first.
///
/// # Errors
/// The database's.
pub async fn failures(store: &Store, scope: &Scope, buckets: &Buckets) -> Result<Vec<(Code, u64)>, StoreError> {
    Reading { tx: store.read().await?, scope: *scope, buckets: *buckets }.failures().await
}

struct Reading {
    tx: Tx,
    scope: Scope,
    buckets: Buckets,
}

impl Reading {
    /// What ended, and what waited: from what waits now, backwards. What came in a bucket did not wait before it, what left did.
    async fn count(&mut self, told: &mut [Bucket]) -> Result<(), StoreError> {
        let now = self.tx.one(&WAITING_NOW, args![self.scope.organization]).await?;
        let mut waiting: i64 = now.map_or(Ok(0), |row| row.get("n"))?;
        let arguments = args![self.scope.organization, self.buckets.from, self.buckets.bucket_microseconds(), self.buckets.count];
        let rows = self.tx.all(&COUNTED, arguments).await?;
        for (bucket, row) in told.iter_mut().zip(&rows).rev() {
            bucket.jobs_succeeded = row.get("succeeded")?;
            bucket.jobs_failed = row.get("failed")?;
            bucket.jobs_cancelled = row.get("cancelled")?;
            bucket.pages = row.get("pages")?;
            bucket.waiting = u64::try_from(waiting).unwrap_or(0);
            let (created, started, never_started): (i64, i64, i64) = (row.get("created")?, row.get("started")?, row.get("never_started")?);
            waiting -= created - started - never_started;
        }
        Ok(())
    }

    async fn sample(&mut self, at: u32, bucket: &mut Bucket) -> Result<(), StoreError> {
        let ended = bucket.jobs_succeeded + bucket.jobs_failed + bucket.jobs_cancelled;
        if ended == 0 {
            return Ok(());
        }
        let one_of = ended.div_ceil(SAMPLED_JOBS);
        let (from, to) = (self.buckets.start_of(at), self.buckets.start_of(at + 1));
        let sample = |limit: u64| args![self.scope.organization, from, to, one_of, limit];
        // Chance may pick more jobs than it should; twice as many is enough.
        let (stages, mut pages) = (sample(2 * SAMPLED_JOBS * 4), sample(2 * SAMPLED_JOBS * u64::from(SAMPLED_PAGES_OF_JOB)));
        pages.push(Value::from(SAMPLED_PAGES_OF_JOB));
        let mut seconds_of: BTreeMap<StageType, Vec<f64>> = BTreeMap::new();
        for row in self.tx.all(&STAGES_OF_SAMPLE, stages).await? {
            let microseconds: i64 = row.get("microseconds")?;
            seconds_of.entry(row.get("stage")?).or_default().push(microseconds.max(0) as f64 / 1e6);
        }
        bucket.stages = seconds_of.into_iter().filter_map(|(stage, seconds)| Some((stage, percentiles(seconds)?))).collect();
        let pages = self.tx.all(&PAGES_OF_SAMPLE, pages).await?;
        bucket.ocr_page = percentiles(pages.iter().map(|row| row.get("seconds")).collect::<Result<_, _>>()?);
        Ok(())
    }

    /// By the number of jobs, then by name.
    async fn failures(&mut self) -> Result<Vec<(Code, u64)>, StoreError> {
        let rows = self.tx.all(&FAILURES, args![self.scope.organization, self.buckets.from, self.buckets.to()]).await?;
        let mut jobs_of: BTreeMap<&str, (Code, u64)> = BTreeMap::new();
        for row in rows {
            let code: String = row.get("code")?;
            // A code of another version has no name here.
            let code = Code::parse(&code).unwrap_or(Code::Internal);
            jobs_of.entry(code.as_str()).or_insert((code, 0)).1 += row.get::<u64>("n")?;
        }
        let mut failures: Vec<(Code, u64)> = jobs_of.into_values().collect();
        failures.sort_by_key(|(_, jobs)| std::cmp::Reverse(*jobs));
        Ok(failures)
    }
}

/// By the nearest rank; `None` of nothing.
fn percentiles(mut values: Vec<f64>) -> Option<Percentiles> {
    values.sort_by(f64::total_cmp);
    let rank = |percent: usize| values.get((values.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    Some(Percentiles { p50_seconds: rank(50)?, p95_seconds: rank(95)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        assert_eq!(percentiles(Vec::new()), None);
        assert_eq!(percentiles(vec![3.0]), Some(Percentiles { p50_seconds: 3.0, p95_seconds: 3.0 }));
        let hundred = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentiles(hundred), Some(Percentiles { p50_seconds: 50.0, p95_seconds: 95.0 }));
    }
}
