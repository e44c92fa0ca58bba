//! TestApp, builders, sample documents, fault engines (dev only).
//!
//! [`server`] starts the real binary, [`api`] speaks with it, [`command`] runs it as a command; [`samples`], [`turned`],
//! [`furnished`] and [`hostile`] make documents; [`browser`] shows a page to Chromium and hears what it saw; [`faulty_engine`]
//! plays Tesseract and fails, [`fast_clock`] has ten minutes pass in one; [`s3_server`] is a storage that fails on request,
//! [`postgres`] a database that crashes on request; [`prometheus`], [`alertmanager`], [`smtp_sink`] and [`webhook_sink`] watch it up
//! to a received mail; [`namespace`] is a machine with every port free.
//! What a test waits for, it waits for with [`poll`].

pub mod alertmanager;
pub mod api;
pub mod browser;
pub mod command;
pub mod fast_clock;
pub mod faulty_engine;
pub mod furnished;
pub mod hostile;
pub mod namespace;
pub mod pdf_file;
pub mod poll;
pub mod postgres;
pub mod programs;
pub mod prometheus;
pub mod s3_server;
pub mod samples;
pub mod scrape;
pub mod server;
pub mod smtp_sink;
pub mod sse;
pub mod turned;
pub mod webhook_sink;
pub mod words;

pub use api::{Answer, Api, Ids, Upload};
pub use command::CommandLine;
pub use server::{Server, ServerPlan};
