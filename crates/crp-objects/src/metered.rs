//! Counts what the storage failed at, once per operation, and tells whether it answers now.

use crp_metrics::Metrics;
use crp_model::{Code, Failure, labels::StorageOperation};
use futures_util::{Stream, StreamExt, stream::BoxStream};

use crate::breaker::{Breaker, Way};

/// Whether a failure is the storage's own. A damaged object or a bad key is a failure of something else.
fn is_of_storage(failure: &Failure) -> bool {
    matches!(failure.code, Code::StorageUnavailable | Code::DiskFull)
}

/// Who hears how operations end.
#[derive(Clone)]
pub(crate) struct Meter {
    pub(crate) metrics: Metrics,
    /// A folder has none: it fails at once, and there is nobody to leave alone.
    pub(crate) breaker: Option<Breaker>,
}

impl Meter {
    /// Notes how an operation ended, after its retries. One that failed says that storage is in trouble; one that succeeded does
    /// not say the contrary, for writes can be refused while reads work. Only the probe, which does both, does.
    pub(crate) fn note(&self, operation: StorageOperation, failure: Option<&Failure>) {
        if let Some(failure) = failure
            && is_of_storage(failure)
        {
            self.metrics.s3_errors_total.inc(operation);
            self.metrics.storage_up.set(0.0);
            tracing::warn!(?operation, code = failure.code.as_str(), "{}", failure.message);
        }
        let Some(breaker) = &self.breaker else { return };
        match failure {
            Some(failure) if failure.code == Code::StorageUnavailable => breaker.failed(Way::of(operation), failure),
            // A full storage answers, and so does one that has nothing under a key.
            Some(_) | None => breaker.answered(Way::of(operation)),
        }
    }

    /// Runs an operation and notes how it ended. Dropped before its end, it counts nothing.
    pub(crate) async fn metered<T>(
        &self,
        operation: StorageOperation,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let result = work.await;
        self.note(operation, result.as_ref().err());
        result
    }

    /// Passes a stream on and notes its end. After an error nothing follows, so a stream counts at most once.
    pub(crate) fn metered_stream<T: Send + 'static>(
        &self,
        operation: StorageOperation,
        stream: impl Stream<Item = Result<T, Failure>> + Send + 'static,
    ) -> BoxStream<'static, Result<T, Failure>> {
        futures_util::stream::unfold(Some((self.clone(), stream.boxed())), move |state| async move {
            let (meter, mut stream) = state?;
            match stream.next().await {
                Some(Ok(item)) => Some((Ok(item), Some((meter, stream)))),
                Some(Err(failure)) => {
                    meter.note(operation, Some(&failure));
                    Some((Err(failure), None))
                }
                None => {
                    meter.note(operation, None);
                    None
                }
            }
        })
        .boxed()
    }
}
