//! Whether the storage takes and gives bytes: asked by a small object that is written and read back.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use crp_model::{Code, Failure, ObjectKey, faults, labels::StorageOperation};

use crate::{
    Objects, PutError,
    breaker::{Breaker, TRIAL_PAUSE, Trial, Way},
    metered::Meter,
    objects::{Existing, Store},
};

/// What the probe writes.
const PROBE: &[u8] = b"crpipeline";
/// How long a probe may take before the storage counts as one that does not answer.
pub(crate) const PROBE_PATIENCE: Duration = Duration::from_secs(15);

impl Objects {
    /// Whether the storage takes and gives bytes now: writes a small object and reads it back. Sets `storage_up`, to 0 also
    /// while it takes longer than 15 seconds: a storage that hangs fails at nothing for minutes. While a bucket counts as away,
    /// this asks without retries, and not more often than every few seconds; in between it answers what it knows.
    ///
    /// # Errors
    /// `storage_unavailable`, `disk_full`
    pub async fn probe(&self) -> Result<(), Failure> {
        self.probe_with_patience(PROBE_PATIENCE).await
    }

    /// [`Self::probe`] with another patience.
    ///
    /// # Errors
    /// As [`Self::probe`].
    pub async fn probe_with_patience(&self, patience: Duration) -> Result<(), Failure> {
        if let Some(breaker) = &self.meter.breaker
            && let Some(failure) = breaker.away()
        {
            return match breaker.trial() {
                Some(trial) => self.make_trial(breaker, trial).await,
                None => Err(failure),
            };
        }
        let mut answer = pin!(self.write_and_read_back());
        if let Ok(answer) = tokio::time::timeout(patience, &mut answer).await {
            return answer;
        }
        self.meter.metrics.storage_up.set(0.0);
        let silent = Failure::new(Code::StorageUnavailable, format!("The storage has not answered for {} s", patience.as_secs_f64()));
        tracing::warn!("{}", silent.message);
        if let Some(breaker) = &self.meter.breaker {
            breaker.hangs(&silent);
        }
        answer.await
    }

    /// Why the storage counts as away, so that work that needs it had better wait; `None` while operations are sent to it. A
    /// folder never does. Asking sees to it that the storage is tried when it is time.
    pub fn away(&self) -> Option<Failure> {
        let breaker = self.meter.breaker.as_ref()?;
        breaker.away().inspect(|_| self.try_in_background(breaker))
    }

    /// Waits until the storage does not count as away any more, and has it tried meanwhile.
    pub async fn back(&self) {
        let Some(breaker) = &self.meter.breaker else { return };
        while breaker.away().is_some() {
            self.try_in_background(breaker);
            breaker.back_within(TRIAL_PAUSE).await;
        }
    }

    /// Whether an operation may be sent. A refusal sees to it that the storage is tried when it is time.
    pub(crate) fn admit(&self, way: Way) -> Result<(), Failure> {
        fail_if_due("an operation on objects")?;
        let Some(breaker) = &self.meter.breaker else { return Ok(()) };
        breaker.admit(way).inspect_err(|_| self.try_in_background(breaker))
    }

    /// Nobody waits for a trial, and nobody who leaves ends it.
    fn try_in_background(&self, breaker: &Breaker) {
        if let Some(trial) = breaker.trial() {
            let (objects, breaker) = (self.clone(), breaker.clone());
            tokio::spawn(async move { objects.make_trial(&breaker, trial).await });
        }
    }

    /// One write and one read, each sent once. What fails is an error of its operation like any other.
    async fn make_trial(&self, breaker: &Breaker, _trial: Trial) -> Result<(), Failure> {
        let Store::S3(bucket) = &self.store else { return Ok(()) };
        let meter = Meter { metrics: self.meter.metrics.clone(), breaker: None };
        let once = Objects { store: Store::S3(bucket.without_retries(PROBE_PATIENCE)), meter, cleanups: self.cleanups.clone() };
        let written = once.write_probe().await;
        let read = once.read_probe(written.is_ok()).await;
        if written.is_ok() && read.is_ok() {
            // Before those who wait for the storage go on.
            self.meter.metrics.storage_up.set(1.0);
        }
        for (way, result) in [(Way::In, &written), (Way::Out, &read)] {
            match result {
                Err(failure) if failure.code == Code::StorageUnavailable => breaker.failed(way, failure),
                _ => breaker.passed(way),
            }
        }
        written.and(read)
    }

    async fn write_and_read_back(&self) -> Result<(), Failure> {
        self.write_probe().await?;
        self.read_probe(true).await?;
        // One from before an outage may end well within it; only a trial ends that.
        if self.meter.breaker.as_ref().is_none_or(|breaker| breaker.away().is_none()) {
            self.meter.metrics.storage_up.set(1.0);
        }
        Ok(())
    }

    async fn write_probe(&self) -> Result<(), Failure> {
        let body = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(PROBE))]);
        match self.put(&ObjectKey::probe(), body, PROBE.len() as u64, Existing::Rewrite).await {
            Ok(_) => Ok(()),
            Err(PutError::Storage(failure)) => Err(failure),
            Err(other) => Err(Failure::new(Code::Internal, format!("The probe was not written: {other}"))),
        }
    }

    /// Reads the probe; one that was not written just now may be missing.
    async fn read_probe(&self, was_written: bool) -> Result<(), Failure> {
        match self.get_bytes(&ObjectKey::probe(), PROBE.len() as u64).await {
            Ok(Some(bytes)) if bytes == PROBE => Ok(()),
            Ok(None) if !was_written => Ok(()),
            Err(failure) if failure.code != Code::ObjectDamaged => Err(failure),
            _ => {
                let failure = Failure::new(Code::StorageUnavailable, "The storage does not give back what was just written");
                self.meter.note(StorageOperation::Get, Some(&failure));
                Err(failure)
            }
        }
    }
}

/// The storage is gone, in a debug build that is told to see it so.
pub(crate) fn fail_if_due(what: &'static str) -> Result<(), Failure> {
    match faults::is_due(what) {
        true => Err(Failure::new(Code::StorageUnavailable, "failed on purpose")),
        false => Ok(()),
    }
}
