//! Bytes under typed keys in S3 or a folder; the only counter of S3 errors.
