//! The time that a child has for an answer. It stands still while the child waits for something that is ours to give.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// When the time is over; `None` while it stands still.
pub(super) struct Clock(watch::Sender<Option<Instant>>);

impl Clock {
    /// Begins now.
    pub(super) fn start(time: Duration) -> Self {
        Self(watch::Sender::new(Some(Instant::now() + time)))
    }

    /// Returns when the time is over.
    pub(super) async fn run_out(&self) {
        let mut end = self.0.subscribe();
        loop {
            let over = *end.borrow_and_update();
            tokio::select! {
                () = until(over) => return,
                // It cannot be closed: the clock holds the other side.
                _ = end.changed() => {}
            }
        }
    }

    /// Waits for `gift` with the time standing still; gives the wait besides.
    pub(super) async fn pause<T>(&self, gift: impl Future<Output = T>) -> (T, Duration) {
        let end = self.0.send_replace(None);
        let began = Instant::now();
        let given = gift.await;
        let waited = began.elapsed();
        self.0.send_replace(end.map(|end| end + waited));
        (given, waited)
    }
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wait_for_us_does_not_count() {
        let clock = Clock::start(Duration::from_secs(10));
        let began = Instant::now();
        let child = async {
            sleep(Duration::from_secs(6)).await;
            let ((), waited) = clock.pause(sleep(Duration::from_secs(100))).await;
            assert_eq!(waited.as_secs(), 100);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = clock.run_out() => {}
            () = child => {}
        }
        assert_eq!(began.elapsed().as_secs(), 110);
    }
}
