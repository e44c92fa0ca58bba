//! The words of crPipeline: ids, documents, jobs, pipelines, failures, limits, clock. No IO.
//!
//! Read the modules in this order; every other crate speaks in these types.

pub mod ambient;
pub mod blanks;
pub mod day;
pub mod document;
pub mod failure;
#[doc(hidden)]
pub mod faults;
pub mod field;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod ids;
pub mod job;
pub mod labels;
pub mod layout;
pub mod layout_formats;
pub mod limits;
pub mod media;
pub mod name;
pub mod object_key;
pub mod pipeline;
mod pipeline_file;
pub mod sandbox;
pub mod user;

pub use ambient::{Ambient, Chance, Clock, ManualClock, SeededChance, SystemChance, SystemClock, Timestamp};
pub use blanks::is_blank_between;
pub use day::{Day, NotADay};
pub use document::{PageNo, PageRange, Sha256Hash};
pub use failure::{Cause, Code, Failure};
pub use field::Field;
pub use ids::*;
pub use job::{ArtifactKind, JobStatus, Priority, Progress, TaskKind, Warning, WarningCode};
pub use layout::{BoundingBox, Layout, Line, PageLayout, TextSource, Word};
pub use layout_formats::{LayoutConverter, LayoutFormat};
pub use limits::Limits;
pub use media::MediaType;
pub use name::DocumentName;
pub use object_key::ObjectKey;
pub use pipeline::{PipelineFile, Plan, Stage, StageType};
pub use sandbox::SandboxRequirement;
pub use user::{Permission, Principal, Role, Scope};
