//! When a job will probably be done: its remaining pages at the rate of its pages so far.

use crp_model::{JobStatus, Progress, Timestamp};

/// Seconds until every page is saved; `None` while that is not known: before the first page, and once no page is left, since
/// nothing tells how long the stages after the pages take.
pub(crate) fn eta_seconds(status: JobStatus, progress: Progress, started_at: Option<Timestamp>, now: Timestamp) -> Option<u64> {
    let remaining = progress.pages_total?.checked_sub(progress.pages_done).filter(|pages| *pages > 0)?;
    if status != JobStatus::Running || progress.pages_done == 0 {
        return None;
    }
    let seconds_per_page = now.seconds_since(started_at?) / f64::from(progress.pages_done);
    // Whole seconds; a float of that size always fits.
    Some((seconds_per_page * f64::from(remaining)).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_for_each_page_as_the_pages_so_far() {
        let eta = |status, pages_done, pages_total, seconds: i64| {
            eta_seconds(status, Progress { pages_done, pages_total }, Some(Timestamp(0)), Timestamp(seconds * 1_000_000))
        };
        assert_eq!(eta(JobStatus::Running, 4, Some(10), 20), Some(30));
        assert_eq!(eta(JobStatus::Running, 3, Some(10), 10), Some(24), "a started second counts");
        assert_eq!(eta(JobStatus::Running, 0, Some(10), 20), None);
        assert_eq!(eta(JobStatus::Running, 10, Some(10), 20), None);
        assert_eq!(eta(JobStatus::Running, 4, None, 20), None);
        assert_eq!(eta(JobStatus::Queued, 4, Some(10), 20), None);
        assert_eq!(eta(JobStatus::Failed, 4, Some(10), 20), None);
        assert_eq!(eta_seconds(JobStatus::Running, Progress { pages_done: 1, pages_total: Some(2) }, None, Timestamp(1)), None);
    }
}
