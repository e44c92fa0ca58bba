//! Ids: one type for each kind of row, so that no two can be mixed up. All are UUIDv7 and sort by time of birth.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Ambient;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, born now.
            pub fn new(ambient: &Ambient) -> Self {
                Self(ambient.new_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )* };
}

ids! {
    /// Who owns data. Every row and every object key carries it.
    OrganizationId,
    /// A person who signs in.
    UserId,
    /// An uploaded original, immutable.
    DocumentId,
    /// A saved pipeline (one version of it).
    PipelineId,
    /// One document through one plan.
    JobId,
    /// The unit that a worker leases.
    TaskId,
    /// What a stage left.
    ArtifactId,
    /// A worker process that renews leases.
    WorkerId,
    /// One line of the audit log.
    AuditId,
    /// A person's sign-in on one browser; no secret.
    SessionId,
}
