//! Passwords: argon2id behind a queue of its own, so that sign-ins cannot take the whole machine.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use crp_model::{Ambient, Code, Failure};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::{Problem, Refusal};

/// Fewest characters of a new password (NIST SP 800-63B asks for 8 with and 15 without a second factor).
pub const MIN_PASSWORD_CHARACTERS: usize = 12;
/// Longest password in bytes; more is no safer and costs time.
pub(crate) const MAX_PASSWORD_BYTES: usize = 1024;

/// What hashing a password costs (argon2id). The default is OWASP's: 19 MiB, 2 passes, 1 lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in kibibytes.
    pub memory_kibibytes: u32,
    /// Passes over the memory.
    pub passes: u32,
}

impl Default for PasswordCost {
    fn default() -> Self {
        Self { memory_kibibytes: 19 * 1024, passes: 2 }
    }
}

impl PasswordCost {
    fn argon2(self) -> Result<Argon2<'static>, Failure> {
        let params = Params::new(self.memory_kibibytes, self.passes, 1, None)
            .map_err(|e| Failure::new(Code::InvalidConfiguration, format!("The cost of password hashing makes no sense: {e}")))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

/// Whether a new password is good enough to be set.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn check_new_password(password: &str) -> Result<(), String> {
    let characters = password.chars().count();
    if characters < MIN_PASSWORD_CHARACTERS {
        return Err(format!("The password has {characters} characters; {MIN_PASSWORD_CHARACTERS} or more are needed"));
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(format!("The password has {} bytes; {MAX_PASSWORD_BYTES} are allowed", password.len()));
    }
    Ok(())
}

/// Hashes a password for the database, as a PHC string. Takes tens of milliseconds and the memory of `cost`.
///
/// # Errors
/// `internal` when the hash cannot be made (no memory), `invalid_configuration` for an impossible cost.
pub fn hash_password(password: &str, cost: PasswordCost, ambient: &Ambient) -> Result<String, Failure> {
    let mut salt = [0u8; 16];
    ambient.chance.fill(&mut salt);
    let hash = cost
        .argon2()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|e| Failure::new(Code::Internal, format!("The password could not be hashed: {e}")))?;
    Ok(hash.to_string())
}

/// Hashes and verifies off the async threads: at most one per core at a time, a bounded number waiting.
#[derive(Debug)]
pub(crate) struct PasswordHashing {
    cost: PasswordCost,
    cores: Arc<Semaphore>,
    waiting: AtomicUsize,
    max_waiting: usize,
    /// Verified for users that do not exist, so that they take as long as the others.
    nobodys_hash: String,
}

/// The right to hash; held while a sign-in is judged. It moves into the hashing thread, so that it ends with the work and
/// not with the request: who hangs up must not make room for more memory.
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl PasswordHashing {
    pub(crate) fn new(cost: PasswordCost, max_waiting: usize, ambient: &Ambient) -> Result<Self, Failure> {
        let nobodys_hash = hash_password(&ambient.new_secret(), cost, ambient)?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self { cost, cores: Arc::new(Semaphore::new(cores)), waiting: AtomicUsize::new(0), max_waiting, nobodys_hash })
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// `busy` when too many wait already. That is no refused login: nobody looked at the password.
    pub(crate) async fn turn(&self) -> Result<Turn, Problem> {
        let _place = self.take_place()?;
        let permit = self.cores.clone().acquire_owned().await;
        permit.map(|permit| Turn { _permit: permit }).map_err(|_| Problem::internal("The hashing queue is closed"))
    }

    fn take_place(&self) -> Result<Place<'_>, Problem> {
        let place = Place(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::SeqCst) >= self.max_waiting {
            return Err(Problem::new(Refusal::Busy, "Too many people sign in at this moment"));
        }
        Ok(place)
    }

    /// Whether the password belongs to the hash, and the turn back; `None` takes as long and is always wrong.
    pub(crate) async fn verify(&self, turn: Turn, password: String, hash: Option<String>) -> Result<(bool, Turn), Problem> {
        let is_somebody = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobodys_hash.clone());
        let verified = under(turn, move || matches(&password, &hash)).await;
        let (matches, turn) = verified.ok_or_else(|| Problem::internal("Verifying a password panicked"))?;
        Ok((matches? && is_somebody, turn))
    }

    /// Hashes a new password.
    pub(crate) async fn hash(&self, password: String, ambient: &Ambient) -> Result<String, Problem> {
        let turn = self.turn().await?;
        let (cost, ambient) = (self.cost, ambient.clone());
        let hashed = under(turn, move || hash_password(&password, cost, &ambient)).await;
        let (hash, _turn) = hashed.ok_or_else(|| Problem::internal("Hashing a password panicked"))?;
        Ok(hash?)
    }

    #[cfg(test)]
    pub(crate) fn queue_is_full(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) >= self.max_waiting
    }

    #[cfg(test)]
    pub(crate) fn free_turns(&self) -> usize {
        self.cores.available_permits()
    }

    #[cfg(test)]
    pub(crate) async fn take_all_turns(&self) -> Vec<Turn> {
        let mut turns = Vec::new();
        while self.cores.available_permits() > 0 {
            turns.push(self.turn().await.unwrap_or_else(|_| unreachable!("a turn was free")));
        }
        turns
    }
}

/// A place in the queue, given back when dropped, also when the caller goes away while waiting.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Works on a thread for blocking work, which has the turn until it is done; `None` after a panic.
async fn under<T: Send + 'static>(turn: Turn, work: impl FnOnce() -> T + Send + 'static) -> Option<(T, Turn)> {
    tokio::task::spawn_blocking(move || (work(), turn)).await.ok()
}

fn matches(password: &str, hash: &str) -> Result<bool, Failure> {
    let parsed =
        PasswordHash::new(hash).map_err(|e| Failure::new(Code::Internal, format!("A stored password hash cannot be read: {e}")))?;
    // The costs are those in the hash, so that old hashes stay good when the default rises.
    match Argon2::default().verify_password(password.as_bytes(), &parsed) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(e) => Err(Failure::new(Code::Internal, format!("A password could not be verified: {e}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use crp_model::Timestamp;
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_hash_carries_its_cost_and_fits_only_its_password() {
        let (ambient, _) = Ambient::manual(Timestamp(0), 1);
        let hash = hash_password("correct horse battery", PasswordCost::default(), &ambient).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(matches("correct horse battery", &hash), Ok(true));
        assert_eq!(matches("correct horse batterz", &hash), Ok(false));
        assert!(matches("x", "not a hash").is_err());
    }

    #[tokio::test]
    async fn a_turn_ends_with_the_work_and_not_with_who_waits_for_it() {
        let (ambient, _) = Ambient::manual(Timestamp(0), 1);
        let hashing = PasswordHashing::new(PasswordCost { memory_kibibytes: 8, passes: 1 }, 8, &ambient).unwrap();
        let cores = hashing.free_turns();
        let (finish, finished) = mpsc::channel::<()>();
        let work = under(hashing.turn().await.ok().unwrap(), move || finished.recv());
        assert!(work.now_or_never().is_none(), "the work waits, and who waited for it has gone");
        assert_eq!(hashing.free_turns(), cores - 1);
        finish.send(()).unwrap();
        // Hangs if the turn does not come back.
        drop(hashing.cores.acquire_many(u32::try_from(cores).unwrap()).await.unwrap());
    }

    #[test]
    fn a_short_password_is_not_taken() {
        assert!(check_new_password("elevenchars").is_err());
        assert!(check_new_password("twelve chars").is_ok());
        assert!(check_new_password(&"x".repeat(2000)).is_err());
    }
}
