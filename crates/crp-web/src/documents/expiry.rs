//! Documents whose retention is over go to the trash, where they can still be had back.

use crp_model::{Code, Failure, Scope};
use crp_store::{StoreError, retention};

use crate::Web;

/// Documents of one organization that are moved by one sweep; the next one goes on.
const MAX_DOCUMENTS_PER_SWEEP: u32 = 1_000;

impl Web {
    /// Moves to the trash what is due by the retention of its organization; how many documents.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn expire_documents(&self) -> Result<u64, Failure> {
        let due = retention::due(&self.store, MAX_DOCUMENTS_PER_SWEEP).await.map_err(|error| error.failure())?;
        let mut expired = 0;
        for (organization, document) in due {
            match retention::expire(&self.store, &Scope::system(organization), document).await {
                Ok(true) => {
                    self.metrics.documents_expired_total.inc();
                    expired += 1;
                }
                // Somebody has deleted it, put it on hold or lengthened the retention since it was found.
                Ok(false) | Err(StoreError::NotFound) => {}
                Err(StoreError::Failure(failure)) if failure.code == Code::DocumentOnHold => {}
                Err(error) => return Err(error.failure()),
            }
        }
        Ok(expired)
    }
}
