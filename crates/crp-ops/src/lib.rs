//! What operators run: `doctor`, backup and restore, the copy to another database, the integrity check, imports of folders, folders
//! that are watched, and the sweep of objects that no row names.

pub mod backup;
pub mod check;
pub mod doctor;
#[cfg(test)]
mod fixtures;
pub mod import;
pub mod intake;
mod listing;
mod progress;
pub mod sweep;
mod taking;

pub use progress::{Step, Watch};
