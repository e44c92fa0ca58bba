//! `[storage]`: the data directory, the S3 bucket in place of its folder of objects, and how long the trash is kept.

use std::path::PathBuf;

use crp_objects::{Addressing, Encryption};
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
    /// What belongs to an access key that was lent for a while.
    #[schemars(with = "Option<String>")]
    pub(crate) session_token: Option<Secret>,
    /// Where the name of the bucket stands in addresses: `path` (`https://host/bucket/…`), `virtual_host` (`https://bucket.host/…`), or
    /// `auto`: in the host at Amazon's own, in the path elsewhere.
    pub(crate) s3_addressing: AddressingSetting,
    /// How the service is asked to encrypt what it keeps: `none` (its own rules hold), `aes256` (with its own keys, SSE-S3) or `aws:kms`
    /// (with the key `s3_kms_key_id`).
    pub(crate) s3_encryption: EncryptionSetting,
    /// Id or ARN of the key for `aws:kms`.
    pub(crate) s3_kms_key_id: Option<String>,
    /// Whether downloads are sent on to the bucket, by a link that holds for a minute: `on` or `off`. The service has to be reachable for
    /// those who download, under the same address.
    pub(crate) presigned_downloads: Switch,
    /// Days that a document stays in the trash before it is deleted for good.
    pub(crate) trash_days: u32,
}

/// Where the name of the bucket stands in addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AddressingSetting {
    /// In the host at Amazon's own, in the path elsewhere.
    #[default]
    Auto,
    /// In the path.
    Path,
    /// In the host.
    VirtualHost,
}

/// How the service is asked to encrypt what it keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum EncryptionSetting {
    /// It is not asked.
    #[default]
    #[serde(rename = "none")]
    None,
    /// SSE-S3.
    #[serde(rename = "aes256")]
    Aes256,
    /// SSE-KMS.
    #[serde(rename = "aws:kms")]
    Kms,
}

/// Something that is on or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Switch {
    /// It is not done.
    #[default]
    Off,
    /// It is done.
    On,
}

impl StorageSettings {
    /// How the bucket is asked to encrypt.
    pub(crate) fn encryption(&self) -> Encryption {
        match self.s3_encryption {
            EncryptionSetting::None => Encryption::None,
            EncryptionSetting::Aes256 => Encryption::Aes256,
            EncryptionSetting::Kms => Encryption::Kms(self.s3_kms_key_id.clone().unwrap_or_default()),
        }
    }

    /// Where the name of the bucket stands.
    pub(crate) fn addressing(&self) -> Addressing {
        match self.s3_addressing {
            AddressingSetting::Auto => Addressing::Auto,
            AddressingSetting::Path => Addressing::Path,
            AddressingSetting::VirtualHost => Addressing::VirtualHost,
        }
    }
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
            session_token: None,
            s3_addressing: AddressingSetting::Auto,
            s3_encryption: EncryptionSetting::None,
            s3_kms_key_id: None,
            presigned_downloads: Switch::Off,
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
        Setting::secret("session_token", "AWS_SESSION_TOKEN"),
        Setting::new("s3_addressing", "CRPIPELINE_S3_ADDRESSING", Shape::Text),
        Setting::new("s3_encryption", "CRPIPELINE_S3_ENCRYPTION", Shape::Text),
        Setting::new("s3_kms_key_id", "CRPIPELINE_S3_KMS_KEY_ID", Shape::Text),
        Setting::new("presigned_downloads", "CRPIPELINE_PRESIGNED_DOWNLOADS", Shape::Text),
        Setting::new("trash_days", "CRPIPELINE_TRASH_DAYS", Shape::Number),
    ];

    fn check(&self) -> Result<(), Wrong> {
        if !(1..=3650).contains(&self.trash_days) {
            return Err(Wrong::new("trash_days", "it is not within 1 day to ten years (3650)"));
        }
        match (self.s3_encryption, &self.s3_kms_key_id) {
            (EncryptionSetting::Kms, None) => return Err(Wrong::new("s3_kms_key_id", "s3_encryption is aws:kms, so it is needed")),
            (EncryptionSetting::None | EncryptionSetting::Aes256, Some(_)) => {
                return Err(Wrong::new("s3_kms_key_id", "it is used with s3_encryption = \"aws:kms\" alone"));
            }
            _ => {}
        }
        if self.s3_bucket.is_none() {
            let is_set = (self.s3_encryption != EncryptionSetting::None, self.presigned_downloads == Switch::On);
            return match is_set {
                (true, _) => Err(Wrong::new("s3_encryption", "there is no bucket to encrypt in; set S3_BUCKET")),
                (_, true) => Err(Wrong::new("presigned_downloads", "there is no bucket to send anybody to; set S3_BUCKET")),
                _ => Ok(()),
            };
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
