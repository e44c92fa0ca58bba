//! `[storage]`: the data directory, the S3 bucket in place of its folder of objects, and how long the trash is kept.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    secret::Secret,
    setting::{Section, Setting, Shape, Wrong},
};

/// Where bytes are kept, and how long those in the trash.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StorageSettings {
    /// Folder of everything that crPipeline keeps on this machine: the SQLite database, objects, cache. It is made when it is missing,
    /// readable by its owner alone. Default: `$XDG_DATA_HOME/crpipeline`, else `~/.local/share/crpipeline`.
    pub(crate) data_dir: PathBuf,
    /// Bucket that keeps the objects. Without it they lie in the folder `objects` of the data directory.
    pub(crate) s3_bucket: Option<String>,
    /// Address of the S3 service, for everything that is not Amazon's own.
    pub(crate) endpoint_url: Option<String>,
    /// Region of the bucket; services other than Amazon's mostly take any.
    pub(crate) region: Option<String>,
    /// Name of the access key.
    #[schemars(with = "Option<String>")]
    pub(crate) access_key_id: Option<Secret>,
    /// The access key's secret.
    #[schemars(with = "Option<String>")]
    pub(crate) secret_access_key: Option<Secret>,
    /// Days that a document stays in the trash before it is deleted for good.
    pub(crate) trash_days: u32,
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::new(),
            s3_bucket: None,
            endpoint_url: None,
            region: None,
            access_key_id: None,
            secret_access_key: None,
            trash_days: 30,
        }
    }
}

impl Section for StorageSettings {
    const NAME: &'static str = "storage";
    const SETTINGS: &'static [Setting] = &[
        Setting::new("data_dir", "CRPIPELINE_DATA_DIR", Shape::Text),
        Setting::new("s3_bucket", "S3_BUCKET", Shape::Text),
        Setting::new("endpoint_url", "AWS_ENDPOINT_URL", Shape::Text),
        Setting::new("region", "AWS_REGION", Shape::Text),
        Setting::secret("access_key_id", "AWS_ACCESS_KEY_ID"),
        Setting::secret("secret_access_key", "AWS_SECRET_ACCESS_KEY"),
        Setting::new("trash_days", "CRPIPELINE_TRASH_DAYS", Shape::Number),
    ];

    fn check(&self) -> Result<(), Wrong> {
        if !(1..=3650).contains(&self.trash_days) {
            return Err(Wrong::new("trash_days", "it is not within 1 day to ten years (3650)"));
        }
        if self.s3_bucket.is_none() {
            return Ok(());
        }
        if self.access_key_id.is_none() {
            return Err(Wrong::new("access_key_id", "S3_BUCKET is set, so it is needed"));
        }
        if self.secret_access_key.is_none() {
            return Err(Wrong::new("secret_access_key", "S3_BUCKET is set, so it is needed"));
        }
        match &self.endpoint_url {
            Some(url) if !url.starts_with("https://") && !url.starts_with("http://") => {
                Err(Wrong::new("endpoint_url", "it begins with neither https:// nor http://"))
            }
            _ => Ok(()),
        }
    }
}
