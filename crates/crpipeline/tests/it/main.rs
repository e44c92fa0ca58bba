//! Stories on the real binary: documents through the command line and through a running server.

mod bad_input;
mod cli_operator;
mod cli_run;
mod heavy_api_contract;
mod heavy_corpus;
mod heavy_kill;
mod jobs;
mod login;
mod metrics;
mod missing_parts;
mod on_s3;
mod pdf_tools;
mod protects;
mod scans;
mod stopping;
