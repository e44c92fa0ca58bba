//! Bytes under typed keys in S3 or a folder; the only counter of S3 errors.
//!
//! [`Objects`] is the whole door: streams in, streams out, nothing half-written left behind. What fails after its
//! retries is a [`crp_model::Failure`] and one count in `s3_errors_total{operation}`, on both backends alike.
//! A bucket that fails again and again counts as away ([`Objects::away`]): operations are refused without being sent, until a
//! trial finds it back.

mod breaker;
mod checked;
mod cleanup;
mod fetch;
mod folder;
mod key;
mod link;
mod metered;
mod objects;
mod probe;
mod reserve;
mod s3;
mod settings;

pub use link::DownloadLink;
pub use objects::{Backend, Download, Listed, Objects, PutError, Stored};
pub use reserve::Reserve;
pub use settings::{Addressing, Encryption, RetrySettings, S3Settings};
