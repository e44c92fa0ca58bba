//! Links by which a browser fetches an object from the bucket itself, for a minute.

use std::{fmt, time::Duration};

use crp_model::{Failure, ObjectKey, labels::StorageOperation};

use crate::{Objects, breaker::Way, objects::Store};

/// How long a link holds. Whoever has it needs no sign-in, so it is as short as following a redirect allows.
pub(crate) const LINK_HOLDS: Duration = Duration::from_secs(60);

/// An address that gives one object to whoever has it. It never prints.
pub struct DownloadLink(pub(crate) String);

impl DownloadLink {
    /// The address, for the one header that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DownloadLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DownloadLink(********)")
    }
}

impl Objects {
    /// A link to an object that is there, for reading alone and for one minute. The storage sends it with this media type and this
    /// `Content-Disposition`. `None` if there is no such object, or if the objects lie in a folder.
    ///
    /// # Errors
    /// `storage_unavailable`
    pub async fn download_link(&self, key: &ObjectKey, mime: &str, disposition: &str) -> Result<Option<DownloadLink>, Failure> {
        let Store::S3(bucket) = &self.store else { return Ok(None) };
        self.admit(Way::Out)?;
        // A link to nothing would show people the storage's own error.
        if self.head(key).await?.is_none() {
            return Ok(None);
        }
        let answer =
            [("response-content-type", mime), ("response-content-disposition", disposition), ("response-cache-control", "no-store")];
        self.meter.metered(StorageOperation::Presign, bucket.link(key, LINK_HOLDS, &answer)).await.map(Some)
    }
}
