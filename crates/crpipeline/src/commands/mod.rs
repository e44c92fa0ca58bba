//! The commands, one module each: they wire crates and print what came out.

pub(crate) mod admin;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod db;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod jobs;
pub(crate) mod migrate;
pub(crate) mod monitoring;
mod organization;
mod progress;
pub(crate) mod run;
pub(crate) mod serve;
