//! Stories on the real binary: documents through the command line and through a running server.

mod bad_input;
mod cli_operator;
mod cli_run;
mod heavy_api_contract;
mod heavy_corpus;
mod heavy_hostile;
mod heavy_kill;
mod heavy_manual_monitoring;
mod heavy_monitoring_debian;
mod heavy_monitoring_load;
mod heavy_monitoring_outages;
mod hostile_world;
mod jobs;
mod login;
mod metrics;
mod missing_parts;
mod monitoring_command;
mod monitoring_jobs;
mod monitoring_logins;
mod monitoring_network;
mod monitoring_stack;
mod on_s3;
mod pdf_tools;
mod protects;
mod scans;
mod stopping;
