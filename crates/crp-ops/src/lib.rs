//! What operators run: `doctor`, backup and restore, exports, the copy to another database, the integrity check, imports of folders,
//! folders that are watched, and the sweep of objects that no row names.

pub mod backup;
pub mod check;
pub mod doctor;
pub mod export;
pub mod failed_jobs;
#[cfg(test)]
mod fixtures;
pub mod import;
pub mod intake;
mod listing;
mod progress;
pub mod sweep;
mod taking;

pub use progress::{Step, Watch};
