//! Counts what the storage failed at, once per operation, and tells whether it answers now.

use crp_metrics::Metrics;
use crp_model::{Code, Failure, labels::StorageOperation};
use futures_util::{Stream, StreamExt, stream::BoxStream};

/// Whether a failure is the storage's own. A damaged object or a bad key is a failure of something else.
fn is_of_storage(failure: &Failure) -> bool {
    matches!(failure.code, Code::StorageUnavailable | Code::DiskFull)
}

/// Notes how an operation ended, after its retries. One that failed says that storage is in trouble; one that succeeded does not
/// say the contrary, for writes can be refused while reads work. Only the probe, which does both, does.
pub(crate) fn note(metrics: &Metrics, operation: StorageOperation, failure: Option<&Failure>) {
    match failure {
        Some(failure) if is_of_storage(failure) => {
            metrics.s3_errors_total.inc(operation);
            metrics.storage_up.set(0.0);
            tracing::warn!(?operation, code = failure.code.as_str(), "{}", failure.message);
        }
        Some(_) | None => {}
    }
}

/// Runs an operation and notes how it ended. Dropped before its end, it counts nothing.
pub(crate) async fn metered<T>(
    metrics: &Metrics,
    operation: StorageOperation,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let result = work.await;
    note(metrics, operation, result.as_ref().err());
    result
}

/// Passes a stream on and notes its end. After an error nothing follows, so a stream counts at most once.
pub(crate) fn metered_stream<T: Send + 'static>(
    metrics: Metrics,
    operation: StorageOperation,
    stream: impl Stream<Item = Result<T, Failure>> + Send + 'static,
) -> BoxStream<'static, Result<T, Failure>> {
    futures_util::stream::unfold(Some((metrics, stream.boxed())), move |state| async move {
        let (metrics, mut stream) = state?;
        match stream.next().await {
            Some(Ok(item)) => Some((Ok(item), Some((metrics, stream)))),
            Some(Err(failure)) => {
                note(&metrics, operation, Some(&failure));
                Some((Err(failure), None))
            }
            None => {
                note(&metrics, operation, None);
                None
            }
        }
    })
    .boxed()
}
