//! Clock and chance as arguments, so that everything can run twice.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

/// A point in time: microseconds since 1970-01-01T00:00:00Z. Stored as one 64-bit integer in both databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The instant as RFC 3339 text in UTC, as the API shows it.
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_microsecond(self.0).map_or_else(|_| self.0.to_string(), |t| t.to_string())
    }

    /// Seconds from `earlier` to `self`; 0 if the clock went backwards.
    pub fn seconds_since(self, earlier: Timestamp) -> f64 {
        (self.0 - earlier.0).max(0) as f64 / 1e6
    }

    /// This instant plus `span`.
    pub fn plus(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This instant minus `span`.
    pub fn minus(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Timestamp(parsed.as_microsecond()))
    }
}

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Wall-clock time now.
    fn now(&self) -> Timestamp;
}

/// Makes unpredictable bytes.
pub trait Chance: Send + Sync + fmt::Debug {
    /// Fills `bytes`. The system's source is fit for secrets, a seeded one is for tests only.
    fn fill(&self, bytes: &mut [u8]);
}

/// The clock and the chance of this process, handed to whatever needs them.
#[derive(Clone, Debug)]
pub struct Ambient {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes unpredictable bytes.
    pub chance: Arc<dyn Chance>,
}

impl Ambient {
    /// The real clock and the real chance.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), chance: Arc::new(SystemChance) }
    }

    /// A clock that stands at `start` until it is advanced, and chance from `seed`.
    pub fn manual(start: Timestamp, seed: u64) -> (Self, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(start));
        (Self { clock: clock.clone(), chance: Arc::new(SeededChance::new(seed)) }, clock)
    }

    /// Wall-clock time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A UUIDv7 (RFC 9562, section 5.7) of now.
    pub fn new_uuid(&self) -> Uuid {
        let mut random = [0u8; 10];
        self.chance.fill(&mut random);
        let millis = u64::try_from(self.now().0 / 1000).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// A secret of 256 bits as 64 hexadecimal digits: session cookies, one-time links.
    pub fn new_secret(&self) -> String {
        let mut bytes = [0u8; 32];
        self.chance.fill(&mut bytes);
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// A factor in `0.5 … 1.0` that spreads retries (full jitter would also allow 0, which hammers).
    pub fn jitter(&self) -> f64 {
        let mut bytes = [0u8; 4];
        self.chance.fill(&mut bytes);
        0.5 + f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX) / 2.0
    }
}

/// The system's clock.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }
}

/// The system's source of secrets.
#[derive(Debug)]
pub struct SystemChance;

impl Chance for SystemChance {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}

/// A clock that moves only when it is told to.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Moves the clock forward by `span`.
    pub fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Repeatable chance for tests (SplitMix64, Steele et al. 2014); never for secrets.
#[derive(Debug)]
pub struct SeededChance {
    state: AtomicU64,
    order: Mutex<()>,
}

impl SeededChance {
    /// The sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed), order: Mutex::new(()) }
    }
}

impl Chance for SeededChance {
    fn fill(&self, bytes: &mut [u8]) {
        let _in_order = self.order.lock();
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.state.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst).wrapping_add(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_born_later_sort_later_and_the_same_seed_gives_the_same_ids() {
        let (one, clock) = Ambient::manual(Timestamp(1_700_000_000_000_000), 7);
        let first = one.new_uuid();
        clock.advance(Duration::from_millis(1));
        let second = one.new_uuid();
        assert!(first < second);
        assert_eq!(first.get_version_num(), 7);
        let (again, _) = Ambient::manual(Timestamp(1_700_000_000_000_000), 7);
        assert_eq!(again.new_uuid(), first);
    }

    #[test]
    fn a_timestamp_survives_its_text() {
        let t = Timestamp(1_700_000_000_123_456);
        let json = serde_json::to_string(&t).unwrap();
        assert_eq!(json, "\"2023-11-14T22:13:20.123456Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), t);
    }
}
