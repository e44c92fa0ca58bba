//! How the organization's jobs went in the last hour, day or month, for charts.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Json, extract::State};
use crp_model::{StageType, Timestamp};
use crp_store::history::{self, Bucket, Buckets, Percentiles};
use serde::{Deserialize, Serialize};
use utoipa::{
    IntoParams, PartialSchema as _, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, OneOfBuilder, Type},
    },
};

use crate::{Web, auth::principal::Caller, extract::QueryOf, problem::Problem, schemas};

/// Which span of time.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryQuery {
    /// An hour in minutes, a day in quarters of an hour, or a month in quarters of a day.
    #[param(inline)]
    window: Option<Window>,
}

/// A span of time that ends now.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Window {
    /// 60 buckets of a minute.
    Hour,
    /// 96 buckets of 15 minutes.
    #[default]
    Day,
    /// 120 buckets of 6 hours.
    Month,
}

impl Window {
    /// Whole buckets, the last of which holds `now`.
    fn buckets(self, now: Timestamp) -> Buckets {
        let (bucket_seconds, count) = match self {
            Window::Hour => (60, 60),
            Window::Day => (900, 96),
            Window::Month => (6 * 3600, 120),
        };
        let started = Timestamp(now.0 - now.0.rem_euclid(i64::from(bucket_seconds) * 1_000_000));
        Buckets { from: started.minus(Duration::from_secs(u64::from(bucket_seconds * (count - 1)))), bucket_seconds, count }
    }
}

/// How the jobs went.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryView {
    /// Where the first bucket begins.
    #[schema(schema_with = schemas::timestamp)]
    from: String,
    /// Where the last bucket ends; that is later than now.
    #[schema(schema_with = schemas::timestamp)]
    to: String,
    /// Length of a bucket in seconds.
    bucket_seconds: u32,
    /// The buckets, in order.
    buckets: Vec<BucketView>,
    /// Why jobs failed, the most frequent code first.
    failures: Vec<FailureCount>,
}

/// What happened in one bucket. A job counts where it ended, and so do its pages and its stages.
#[derive(Serialize, ToSchema)]
pub(crate) struct BucketView {
    /// Where it begins.
    #[schema(schema_with = schemas::timestamp)]
    at: String,
    /// Jobs that succeeded.
    jobs_succeeded: u64,
    /// Jobs that failed.
    jobs_failed: u64,
    /// Jobs that were cancelled.
    jobs_cancelled: u64,
    /// Pages of these jobs.
    pages: u64,
    /// Jobs that waited for a worker when the bucket ended; in the last one, now.
    waiting: u64,
    /// Seconds that half of the recognised pages took at most, of a sample; null without any.
    ocr_page_p50_seconds: Option<f64>,
    /// The same for 95 of 100 pages.
    ocr_page_p95_seconds: Option<f64>,
    /// How long the stages took, by type; null for a type that did not run.
    #[schema(schema_with = stages)]
    stages: BTreeMap<&'static str, Option<StagePercentiles>>,
}

/// The types of stages that this version runs, each with its percentiles or null.
fn stages() -> RefOr<Schema> {
    let one = || OneOfBuilder::new().item(ObjectBuilder::new().schema_type(Type::Null)).item(StagePercentiles::schema());
    let types = available().map(StageType::as_str);
    let object = types.fold(ObjectBuilder::new(), |object, name| object.property(name, one()).required(name));
    RefOr::T(Schema::Object(object.build()))
}

fn available() -> impl Iterator<Item = StageType> {
    StageType::ALL.into_iter().filter(|stage| stage.is_available())
}

/// How long stages of one type took, of a sample.
#[derive(Serialize, ToSchema)]
pub(crate) struct StagePercentiles {
    /// Seconds that half of them took at most.
    p50: f64,
    /// Seconds that 95 of 100 took at most.
    p95: f64,
}

/// How many jobs failed with a code.
#[derive(Serialize, ToSchema)]
pub(crate) struct FailureCount {
    /// The code.
    #[schema(schema_with = schemas::failure_code)]
    code: &'static str,
    /// Jobs.
    jobs: u64,
}

/// How the jobs went
///
/// Of the caller's organization, in equal buckets up to now. How long things took comes from a sample of at most some hundred
/// values of each bucket.
#[utoipa::path(get, path = "/api/v1/system/history", tag = "system", params(HistoryQuery),
    responses((status = 200, description = "The history", body = HistoryView)))]
pub(crate) async fn get_system_history(
    State(web): State<Arc<Web>>,
    caller: Caller,
    QueryOf(query): QueryOf<HistoryQuery>,
) -> Result<Json<HistoryView>, Problem> {
    let buckets = query.window.unwrap_or_default().buckets(web.ambient.now());
    let told = history::history(&web.store, &caller.scope(), &buckets).await?;
    Ok(Json(HistoryView {
        from: buckets.from.rfc3339(),
        to: buckets.to().rfc3339(),
        bucket_seconds: buckets.bucket_seconds,
        buckets: (0u32..).zip(told.buckets).map(|(at, bucket)| show(buckets.start_of(at), &bucket)).collect(),
        failures: told.failures.into_iter().map(|(code, jobs)| FailureCount { code: code.as_str(), jobs }).collect(),
    }))
}

fn show(at: Timestamp, bucket: &Bucket) -> BucketView {
    let of_stage = |Percentiles { p50_seconds: p50, p95_seconds: p95 }: &Percentiles| StagePercentiles { p50: *p50, p95: *p95 };
    BucketView {
        at: at.rfc3339(),
        jobs_succeeded: bucket.jobs_succeeded,
        jobs_failed: bucket.jobs_failed,
        jobs_cancelled: bucket.jobs_cancelled,
        pages: bucket.pages,
        waiting: bucket.waiting,
        ocr_page_p50_seconds: bucket.ocr_page.map(|page| page.p50_seconds),
        ocr_page_p95_seconds: bucket.ocr_page.map(|page| page.p95_seconds),
        stages: available().map(|stage| (stage.as_str(), bucket.stages.get(&stage).map(of_stage))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bucket_holds_now_and_all_begin_at_whole_multiples() {
        let now = Timestamp(1_767_225_661_000_000);
        for (window, seconds) in [(Window::Hour, 60), (Window::Day, 900), (Window::Month, 21_600)] {
            let buckets = window.buckets(now);
            assert!(buckets.start_of(buckets.count - 1) <= now && now < buckets.to(), "{window:?}");
            assert_eq!((buckets.bucket_seconds, buckets.from.0 % (i64::from(seconds) * 1_000_000)), (seconds, 0));
        }
    }
}
