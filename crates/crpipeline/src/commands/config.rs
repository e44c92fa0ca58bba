//! `crpipeline config`: is it right, what holds, what could be set.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::{
    cli::Cli,
    config::{self, Effective, Loaded, Needs},
    exit,
};

/// `crpipeline config check`: every mistake at once.
pub(crate) fn check(cli: &Cli) -> ExitCode {
    let loaded = match config::load(cli.common.config.as_deref(), &cli.flags(), Needs::Everything) {
        Ok(loaded) => loaded,
        Err(problems) => return exit::with_problems(&problems),
    };
    for warning in &loaded.warnings {
        eprintln!("warning: {warning}");
    }
    match &loaded.file {
        Some(file) => println!("The configuration is valid ({}, environment, flags).", file.display()),
        None => println!("The configuration is valid (environment and flags; there is no crpipeline.toml)."),
    }
    ExitCode::SUCCESS
}

/// `crpipeline config show`: in the form of `crpipeline.toml`, each line with its source; or as JSON.
pub(crate) fn show(loaded: &Loaded, json: bool) -> ExitCode {
    if json {
        let rows: Vec<Value> = loaded.settings.iter().map(row).collect();
        println!("{}", Value::Array(rows));
        return ExitCode::SUCCESS;
    }
    let mut section = "";
    for setting in &loaded.settings {
        if setting.section != section {
            if !section.is_empty() {
                println!();
            }
            section = setting.section;
            println!("[{section}]");
        }
        let line = match &setting.shown {
            Value::Null => format!("# {} is not set", setting.key),
            value => format!("{} = {value}", setting.key),
        };
        println!("{line:<48} # {} · {}", setting.source, setting.environment);
    }
    ExitCode::SUCCESS
}

/// `crpipeline config schema`
pub(crate) fn schema() -> ExitCode {
    println!("{:#}", config::json_schema());
    ExitCode::SUCCESS
}

fn row(setting: &Effective) -> Value {
    json!({
        "setting": format!("{}.{}", setting.section, setting.key),
        "value": setting.shown,
        "source": setting.source.to_string(),
        "environment": setting.environment,
    })
}
