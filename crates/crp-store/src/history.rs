//! What an organization's jobs did in a span of time: how many ended and waited, how long pages and stages took, why jobs failed.
//!
//! A job belongs to the bucket in which it ended, and so do its pages. How long things took is told from a bounded sample of those
//! jobs: a month may hold millions of pages.
use std::collections::BTreeMap;

use crp_model::{Code, JobStatus, Scope, StageType, Timestamp};

use crate::{
    Store, StoreError,
    sql::{args, sql},
    transaction::Tx,
    value::{Row, Value},
};

/// Jobs of one bucket whose stages and pages are looked at.
const SAMPLED_JOBS: u64 = 50;
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
    ENDED =
        "SELECT (finished_at - $2) / $4 AS bucket, status, count(*) AS n, CAST(sum(pages_done) AS BIGINT) AS pages
         FROM jobs WHERE organization = $1 AND finished_at >= $2 AND finished_at < $3 GROUP BY 1, 2";
    CREATED =
        "SELECT (created_at - $2) / $4 AS bucket, count(*) AS n
         FROM jobs WHERE organization = $1 AND created_at >= $2 AND created_at < $3 GROUP BY 1";
    STARTED =
        "SELECT (started_at - $2) / $4 AS bucket, count(*) AS n
         FROM jobs WHERE organization = $1 AND started_at >= $2 AND started_at < $3 GROUP BY 1";
    NEVER_STARTED =
        "SELECT (finished_at - $2) / $4 AS bucket, count(*) AS n
         FROM jobs WHERE organization = $1 AND finished_at >= $2 AND finished_at < $3 AND started_at IS NULL GROUP BY 1";
    WAITING_NOW = "SELECT count(*) AS n FROM jobs WHERE organization = $1 AND status = 'queued'";
    FAILURES =
        "SELECT failure ->> 'code' AS code, count(*) AS n FROM jobs
         WHERE organization = $1 AND finished_at >= $2 AND finished_at < $3 AND status = 'failed' AND failure IS NOT NULL GROUP BY 1";
    // Times are whole microseconds, so that the remainder picks one job of so many by chance.
    STAGES_OF_SAMPLE =
        "SELECT s.stage, s.finished_at - s.started_at AS microseconds
         FROM jobs j JOIN stage_runs s ON s.job = j.id
         WHERE j.organization = $1 AND j.finished_at >= $2 AND j.finished_at < $3 AND j.finished_at % $4 = 0
           AND s.status = 'succeeded' AND s.started_at IS NOT NULL LIMIT $5";
    // Some pages of each job, evenly spread, each found by its key.
    PAGES_OF_SAMPLE =
        "SELECT p.seconds
         FROM jobs j
         CROSS JOIN (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) place
         JOIN pages p ON p.job = j.id AND p.stage_index = 0
              AND p.page = 1 + CASE WHEN j.pages_done <= $6 THEN place.n ELSE place.n * j.pages_done / $6 END
         WHERE j.organization = $1 AND j.finished_at >= $2 AND j.finished_at < $3 AND j.finished_at % $4 = 0
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
    reading.count_ended(&mut told).await?;
    reading.count_waiting(&mut told).await?;
    for (at, bucket) in (0u32..).zip(&mut told) {
        reading.sample(at, bucket).await?;
    }
    Ok(History { buckets: told, failures: reading.failures().await? })
}

struct Reading {
    tx: Tx,
    scope: Scope,
    buckets: Buckets,
}

impl Reading {
    async fn count_ended(&mut self, told: &mut [Bucket]) -> Result<(), StoreError> {
        let whole = self.whole();
        for row in self.tx.all(&ENDED, whole).await? {
            let Some(bucket) = of_row(told, &row)? else { continue };
            let count = match row.get("status")? {
                JobStatus::Succeeded => &mut bucket.jobs_succeeded,
                JobStatus::Failed => &mut bucket.jobs_failed,
                JobStatus::Cancelled => &mut bucket.jobs_cancelled,
                JobStatus::Queued | JobStatus::Running => continue,
            };
            *count = row.get("n")?;
            bucket.pages += row.get::<u64>("pages")?;
        }
        Ok(())
    }

    /// From what waits now, backwards: what came in a bucket did not wait before it, what left did.
    async fn count_waiting(&mut self, told: &mut [Bucket]) -> Result<(), StoreError> {
        let mut grown = vec![0i64; told.len()];
        for (statement, sign) in [(&CREATED, 1), (&STARTED, -1), (&NEVER_STARTED, -1)] {
            let whole = self.whole();
            for row in self.tx.all(statement, whole).await? {
                let at: i64 = row.get("bucket")?;
                if let Some(grown) = usize::try_from(at).ok().and_then(|at| grown.get_mut(at)) {
                    *grown += sign * row.get::<i64>("n")?;
                }
            }
        }
        let now = self.tx.one(&WAITING_NOW, args![self.scope.organization]).await?;
        let mut waiting: i64 = now.map_or(Ok(0), |row| row.get("n"))?;
        for (bucket, grown) in told.iter_mut().zip(grown).rev() {
            bucket.waiting = u64::try_from(waiting).unwrap_or(0);
            waiting -= grown;
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

    async fn failures(&mut self) -> Result<Vec<(Code, u64)>, StoreError> {
        let rows = self.tx.all(&FAILURES, args![self.scope.organization, self.buckets.from, self.buckets.to()]).await?;
        let mut failures = Vec::new();
        for row in rows {
            let code: String = row.get("code")?;
            // A code of another version has no name here.
            failures.push((Code::parse(&code).unwrap_or(Code::Internal), row.get("n")?));
        }
        failures.sort_by_key(|(code, jobs): &(Code, u64)| (std::cmp::Reverse(*jobs), code.as_str()));
        Ok(failures)
    }

    /// Organization, beginning, end and length: the parameters of what counts by bucket.
    fn whole(&self) -> Vec<Value> {
        args![self.scope.organization, self.buckets.from, self.buckets.to(), self.buckets.bucket_microseconds()]
    }
}

fn of_row<'a>(told: &'a mut [Bucket], row: &Row) -> Result<Option<&'a mut Bucket>, StoreError> {
    let at: i64 = row.get("bucket")?;
    Ok(usize::try_from(at).ok().and_then(|at| told.get_mut(at)))
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
