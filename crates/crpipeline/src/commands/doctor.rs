//! `crpipeline doctor`: prints what crp-ops finds.

use std::process::ExitCode;

use crp_metrics::Metrics;
use crp_model::Failure;
use crp_ops::doctor::{self, Check, Listener, Outcome, Subject};
use serde_json::json;

use crate::{
    config::Loaded,
    doors, exit,
    telemetry::{say, say_finding},
    version::BUILD,
};

/// Looks at everything and prints it; exit code 4 if something does not work.
pub(crate) async fn doctor(loaded: Loaded, json: bool) -> ExitCode {
    let mut checks = vec![configuration(&loaded)];
    match subject(&loaded) {
        Ok(subject) => checks.extend(doctor::examine(&subject).await),
        Err(failure) => checks.push(Check::failed("configuration", &failure)),
    }
    if json {
        say(&json!({ "outcome": doctor::worst(&checks), "version": BUILD.version, "checks": checks }).to_string());
    } else {
        checks.iter().for_each(print);
    }
    if doctor::worst(&checks) == Outcome::Fail { ExitCode::from(exit::MISSING) } else { ExitCode::SUCCESS }
}

fn subject(loaded: &Loaded) -> Result<Subject, Failure> {
    let configuration = &loaded.configuration;
    Ok(Subject {
        data_dir: configuration.storage.data_dir.clone(),
        temp_dir: std::env::temp_dir(),
        watched_folder: configuration.intake.dir.clone(),
        database: doors::database(configuration),
        s3: doors::s3(&configuration.storage),
        child: doors::document_child(configuration)?,
        sandbox: configuration.reading.sandbox,
        listeners: vec![
            Listener { address: configuration.server.listen, setting: "CRPIPELINE_LISTEN" },
            Listener { address: configuration.metrics.listen, setting: "CRPIPELINE_METRICS_LISTEN" },
        ],
        metrics: Metrics::new(BUILD, &[]),
    })
}

fn configuration(loaded: &Loaded) -> Check {
    const NAME: &str = "configuration";
    match (loaded.warnings.is_empty(), &loaded.file) {
        (false, _) => Check::warn(
            NAME,
            loaded.warnings.join("; "),
            "Correct the names of the variables; `crpipeline config show` lists those that exist.",
        ),
        (true, Some(file)) => Check::ok(NAME, format!("{} and the environment are valid", file.display())),
        (true, None) => Check::ok(NAME, "The environment is valid; there is no crpipeline.toml"),
    }
}

fn print(check: &Check) {
    const WIDTH: usize = 14;
    let word = match check.outcome {
        Outcome::Ok => ("OK  ", "32"),
        Outcome::Warn => ("WARN", "33"),
        Outcome::Fail => ("FAIL", "31"),
    };
    say_finding(word, (check.name, WIDTH), &check.found, check.remedy.as_deref());
}
