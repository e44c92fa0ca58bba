//! The configuration: flags > environment > `crpipeline.toml` > defaults, one typed struct per section.

mod address;
mod database;
mod file;
mod http_engine;
mod intake;
mod layers;
mod limits;
mod log;
mod login;
mod metrics;
mod networks;
mod queue;
mod reading;
mod schema;
mod secret;
mod server;
mod setting;
mod source;
mod storage;
mod worker;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crp_model::{Failure, Limits};

pub(crate) use self::{
    database::DatabaseSettings,
    http_engine::HttpEngineSection,
    intake::IntakeSettings,
    layers::{Effective, Flag},
    log::{LogFormat, LogSettings},
    login::LoginSettings,
    metrics::MetricsSettings,
    queue::QueueSettings,
    reading::ReadingSettings,
    schema::{json_schema, properties_of},
    secret::Secret,
    server::ServerSettings,
    storage::{StorageSettings, Switch},
    worker::WorkerSettings,
};
use self::{
    layers::Layers,
    setting::{Section, Setting},
};

/// Where the file is looked for when nobody names one.
const USUAL_FILES: [&str; 2] = ["crpipeline.toml", "/etc/crpipeline/crpipeline.toml"];

/// The sections and their settings.
pub(crate) const SECTIONS: [(&str, &[Setting]); 12] = [
    (ServerSettings::NAME, ServerSettings::SETTINGS),
    (MetricsSettings::NAME, MetricsSettings::SETTINGS),
    (StorageSettings::NAME, StorageSettings::SETTINGS),
    (DatabaseSettings::NAME, DatabaseSettings::SETTINGS),
    (WorkerSettings::NAME, WorkerSettings::SETTINGS),
    (QueueSettings::NAME, QueueSettings::SETTINGS),
    (IntakeSettings::NAME, IntakeSettings::SETTINGS),
    (ReadingSettings::NAME, ReadingSettings::SETTINGS),
    (Limits::NAME, Limits::SETTINGS),
    (HttpEngineSection::NAME, HttpEngineSection::SETTINGS),
    (LoginSettings::NAME, LoginSettings::SETTINGS),
    (LogSettings::NAME, LogSettings::SETTINGS),
];

/// Variables of the same prefix that are no settings.
const OTHER_VARIABLES: [&str; 3] = ["CRPIPELINE_CONFIG", "CRPIPELINE_CORPUS", "CRPIPELINE_TESSERACT_LIBRARY"];

/// Everything that can be set, in typed form.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    /// `[server]`
    pub(crate) server: ServerSettings,
    /// `[metrics]`
    pub(crate) metrics: MetricsSettings,
    /// `[storage]`
    pub(crate) storage: StorageSettings,
    /// `[database]`
    pub(crate) database: DatabaseSettings,
    /// `[worker]`
    pub(crate) worker: WorkerSettings,
    /// `[queue]`
    pub(crate) queue: QueueSettings,
    /// `[intake]`
    pub(crate) intake: IntakeSettings,
    /// `[reading]`
    pub(crate) reading: ReadingSettings,
    /// `[limits]`
    pub(crate) limits: Limits,
    /// `[http_engine]`
    pub(crate) http_engine: HttpEngineSection,
    /// `[login]`
    pub(crate) login: LoginSettings,
    /// `[log]`
    pub(crate) log: LogSettings,
}

/// A configuration without mistakes, and where its values come from.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The typed settings.
    pub(crate) configuration: Configuration,
    /// Every setting with its value and source, in the order of the manual.
    pub(crate) settings: Vec<Effective>,
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
    /// Sentences about what is suspicious but not wrong.
    pub(crate) warnings: Vec<String>,
}

impl Loaded {
    /// Whether nobody set this.
    pub(crate) fn is_default(&self, section: &str, key: &str) -> bool {
        self.settings.iter().any(|s| s.section == section && s.key == key && s.source == source::Source::Default)
    }
}

/// What a command needs of the configuration: `crpipeline run` does not stumble over a database setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Every section has to be right.
    Everything,
    /// Only what reading documents takes, and the log, have to be right.
    ReadingAndLog,
}

impl Needs {
    fn include(self, section: &str) -> bool {
        self == Needs::Everything || [ReadingSettings::NAME, Limits::NAME, HttpEngineSection::NAME, LogSettings::NAME].contains(&section)
    }
}

/// Reads the configuration of this process.
///
/// # Errors
/// Every problem found, at least one.
pub(crate) fn load(named_file: Option<&Path>, flags: &[Flag], needs: Needs) -> Result<Loaded, Vec<Failure>> {
    let environment = |name: &str| std::env::var_os(name).map(|text| text.to_string_lossy().into_owned());
    let names: Vec<String> = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    load_from(named_file, flags, needs, &environment, &names)
}

/// Reads a configuration from the given layers; `names` are the variables of the environment.
fn load_from(
    named_file: Option<&Path>,
    flags: &[Flag],
    needs: Needs,
    environment: &dyn Fn(&str) -> Option<String>,
    names: &[String],
) -> Result<Loaded, Vec<Failure>> {
    let path = named_file.map(Path::to_owned).or_else(|| environment("CRPIPELINE_CONFIG").filter(|p| !p.is_empty()).map(PathBuf::from));
    let path = path.or_else(|| USUAL_FILES.iter().map(PathBuf::from).find(|p| p.is_file()));
    let contents = path.as_deref().map(file::read).transpose().map_err(|failure| vec![failure])?;
    let mut merging = Merging {
        layers: Layers { flags, environment, file: contents.as_ref() },
        needs,
        settings: Vec::new(),
        problems: contents.as_ref().map(|c| layers::unknown_keys(c, &SECTIONS)).unwrap_or_default(),
    };
    let mut configuration = Configuration {
        server: merging.section(),
        metrics: merging.section(),
        storage: merging.section(),
        database: merging.section(),
        worker: merging.section(),
        queue: merging.section(),
        intake: merging.section(),
        reading: merging.section(),
        limits: merging.section(),
        http_engine: merging.section(),
        login: merging.section(),
        log: merging.section(),
    };
    let Merging { mut settings, problems, .. } = merging;
    if configuration.storage.data_dir.as_os_str().is_empty() {
        configuration.storage.data_dir = usual_data_dir(environment);
        if let Some(row) = settings.iter_mut().find(|row| row.environment == "CRPIPELINE_DATA_DIR") {
            row.shown = configuration.storage.data_dir.display().to_string().into();
        }
    }
    if problems.is_empty() { Ok(Loaded { configuration, settings, file: path, warnings: unknown_variables(names) }) } else { Err(problems) }
}

/// The state of merging, section after section.
struct Merging<'a> {
    layers: Layers<'a>,
    needs: Needs,
    settings: Vec<Effective>,
    problems: Vec<Failure>,
}

impl Merging<'_> {
    fn section<S: Section>(&mut self) -> S {
        let mut problems = Vec::new();
        let section = layers::merge(&self.layers, &mut self.settings, &mut problems);
        if self.needs.include(S::NAME) {
            self.problems.append(&mut problems);
        }
        section
    }
}

/// `$XDG_DATA_HOME/crpipeline`, else `~/.local/share/crpipeline`; without a home (a bare container) `/var/lib/crpipeline`.
fn usual_data_dir(environment: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let absolute = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    match (absolute("XDG_DATA_HOME"), absolute("HOME")) {
        (Some(data), _) => data.join("crpipeline"),
        (None, Some(home)) => home.join(".local/share/crpipeline"),
        (None, None) => PathBuf::from("/var/lib/crpipeline"),
    }
}

/// A misspelt variable is silent otherwise.
fn unknown_variables(names: &[String]) -> Vec<String> {
    let is_known = |name: &str| {
        OTHER_VARIABLES.contains(&name)
            || SECTIONS
                .iter()
                .flat_map(|(_, settings)| *settings)
                .any(|s| s.environment == name || (s.is_secret && name.strip_suffix("_FILE") == Some(s.environment)))
    };
    let unknown = names.iter().filter(|name| name.starts_with("CRPIPELINE_") && !is_known(name));
    unknown.map(|name| format!("The environment variable {name} is no setting of crPipeline and is ignored")).collect()
}
