//! How to reach a bucket: address, credentials, patience.

use std::time::Duration;

use secrecy::SecretString;

/// Where the bucket is and who asks. The secret never prints.
#[derive(Clone, Debug)]
pub struct S3Settings {
    /// Name of the bucket; it must exist.
    pub bucket: String,
    /// Address of the server, `http://…` or `https://…`, without the bucket; `None` is Amazon's own in `region`.
    /// A plain `http` address is allowed exactly when it is written here.
    pub endpoint: Option<String>,
    /// Region that signatures are made for; self-hosted servers document theirs (Garage: `garage`).
    pub region: String,
    /// Who asks.
    pub access_key_id: String,
    /// The key that signs; never sent, never printed.
    pub secret_access_key: SecretString,
    /// What belongs to a key that was lent for a while; never printed.
    pub session_token: Option<SecretString>,
    /// Where the name of the bucket stands in addresses.
    pub addressing: Addressing,
    /// How the storage is asked to encrypt what it keeps.
    pub encryption: Encryption,
    /// How patiently requests are tried again.
    pub retry: RetrySettings,
}

/// Where the name of the bucket stands in addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// In the host at Amazon's own (unless the name has a dot, for which its certificates do not hold), in the path elsewhere.
    #[default]
    Auto,
    /// `https://host/bucket/key`
    Path,
    /// `https://bucket.host/key`
    VirtualHost,
}

/// How the storage is asked to encrypt what it keeps. What it gives back is decrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// It is not asked; the bucket may have a rule of its own.
    #[default]
    None,
    /// With keys of the storage (SSE-S3).
    Aes256,
    /// With a key of a key management service (SSE-KMS), named by its id or ARN.
    Kms(String),
}

/// How patiently a request is tried again after a 429, a 5xx, a broken connection or silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySettings {
    /// How often one request is sent at most, the first time included.
    pub max_attempts: u32,
    /// Pause before the second attempt; it doubles with each further one, up to 20 s, and is spread by chance.
    pub base_backoff: Duration,
    /// No attempt begins later than this after the first.
    pub budget: Duration,
    /// How long one attempt may take until its answer begins, and how long a body may stay silent.
    pub attempt_timeout: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            max_attempts: 6,
            base_backoff: Duration::from_millis(200),
            budget: Duration::from_secs(90),
            attempt_timeout: Duration::from_secs(60),
        }
    }
}
