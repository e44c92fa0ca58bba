//! A stream lasts longer than a look at the cookie: it asks again whether its session is still there.

use crp_model::Timestamp;
use crp_store::sessions;

use super::principal::Caller;
use crate::Web;

/// The session is looked at again so often.
const SESSION_CHECK_SECONDS: f64 = 60.0;

/// The session of a stream, and when it was last looked at.
pub(crate) struct StillSignedIn {
    token_hash: [u8; 32],
    checked: Timestamp,
}

impl StillSignedIn {
    /// The session of a caller whom the guard has just let in.
    pub(crate) fn of(caller: &Caller, web: &Web) -> Self {
        Self { token_hash: caller.token_hash, checked: web.ambient.now() }
    }

    /// Whether the session is still there, to the minute; also no when the database does not answer: the reader comes back.
    pub(crate) async fn check(&mut self, web: &Web) -> bool {
        let now = web.ambient.now();
        if now >= self.checked && now.seconds_since(self.checked) < SESSION_CHECK_SECONDS {
            return true;
        }
        self.checked = now;
        matches!(sessions::find_session(&web.store, self.token_hash).await, Ok(Some(_)))
    }
}
