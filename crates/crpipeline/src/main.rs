//! The binary: read configuration, wire crates, start roles. What the roles do stands in the crates.

mod cli;
mod commands;
mod config;
mod doors;
mod exit;
mod reference;
mod serving;
mod start;
mod telemetry;
mod values;
mod version;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    cli::{Cli, Command, ConfigCommand, DbCommand},
    config::{Loaded, Needs},
    serving::Role,
};

/// The hidden subcommand under which this binary reads one document, locked in.
const DOCUMENT_CHILD: &str = "__document-child";

fn main() -> ExitCode {
    // A process that reads documents has no configuration, no logging and no threads before its sandbox is closed.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == DOCUMENT_CHILD) {
        return crp_ocr::child_main();
    }
    if std::env::args_os().nth(1).is_some_and(|argument| argument == reference::COMMAND) {
        return reference::print();
    }
    let cli = Cli::parse();
    // Reading documents and S3 need no particular TLS library; all of them take this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if let Command::Monitoring(command) = cli.command {
        return commands::monitoring::monitoring(command);
    }
    match &cli.command {
        Command::Config(ConfigCommand::Schema) => commands::config::schema(),
        Command::Config(ConfigCommand::Check) => commands::config::check(&cli),
        command => {
            let needs = if matches!(command, Command::Run(_)) { Needs::ReadingAndLog } else { Needs::Everything };
            match config::load(cli.common.config.as_deref(), &cli.flags(), needs) {
                Ok(loaded) => dispatch(cli.command, loaded),
                Err(problems) => exit::with_problems(&problems),
            }
        }
    }
}

fn dispatch(command: Command, loaded: Loaded) -> ExitCode {
    let mut log = loaded.configuration.log.clone();
    if !matches!(command, Command::Serve(_) | Command::Worker(_)) && loaded.is_default("log", "level") {
        // A command that answers on the terminal speaks there itself; the log is for what goes wrong.
        log.level = "warn".to_owned();
    }
    telemetry::start(&log);
    if !matches!(command, Command::Run(_)) {
        // Database, objects and copies are for their owner alone, also in a folder that was there before; outputs of `run` are not ours.
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    }
    match command {
        Command::Serve(arguments) => {
            let role = if arguments.no_worker { Role::Api } else { Role::Serve };
            start::block_on(commands::serve::serve(loaded, role))
        }
        Command::Worker(_) => start::block_on(commands::serve::serve(loaded, Role::Worker)),
        Command::Run(arguments) => commands::run::run(arguments, loaded.configuration),
        Command::Doctor { json } => start::block_on(commands::doctor::doctor(loaded, json)),
        Command::Admin(command) => start::block_on(commands::admin::admin(command, loaded.configuration)),
        Command::Migrate { check } => start::block_on(commands::migrate::migrate(loaded.configuration, check)),
        Command::Config(ConfigCommand::Show { json }) => commands::config::show(&loaded, json),
        Command::Backup(arguments) => start::block_on(commands::backup::backup(arguments, loaded.configuration)),
        Command::Restore(arguments) => start::block_on(commands::backup::restore(arguments, loaded.configuration)),
        Command::Import(arguments) => start::block_on(commands::import::import(arguments, loaded.configuration)),
        Command::Export(arguments) => start::block_on(commands::export::export(arguments, loaded.configuration)),
        Command::Jobs(command) => start::block_on(commands::jobs::jobs(command, loaded.configuration)),
        Command::Check(arguments) => start::block_on(commands::check::check(arguments, loaded.configuration)),
        Command::Db(DbCommand::Copy(arguments)) => start::block_on(commands::db::copy(arguments, loaded.configuration)),
        Command::Config(_) | Command::Monitoring(_) => {
            unreachable!("answered before the configuration was read")
        }
    }
}
