//! `[database]`: where the rows are.

use std::path::{Path, PathBuf};

use crp_model::{Code, Failure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    secret::Secret,
    setting::{Section, Setting, Wrong},
};

/// Where the rows are.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DatabaseSettings {
    /// `sqlite:PATH`. Without it the database is the file `crpipeline.db` in the data directory.
    /// (`postgres://…` is kept for PostgreSQL, which a later version serves from.)
    #[schemars(with = "Option<String>")]
    pub(crate) url: Option<Secret>,
}

impl DatabaseSettings {
    /// The SQLite file to open.
    ///
    /// # Errors
    /// `invalid_configuration` for PostgreSQL, which this version does not serve from.
    pub(crate) fn sqlite_file(&self, data_dir: &Path) -> Result<PathBuf, Failure> {
        match self.url.as_ref().map(Secret::expose) {
            None => Ok(data_dir.join("crpipeline.db")),
            Some(url) => sqlite_path(url).map(PathBuf::from).ok_or_else(|| {
                Failure::new(
                    Code::InvalidConfiguration,
                    "DATABASE_URL names PostgreSQL; this version runs on SQLite only, PostgreSQL comes later",
                )
                .with_remedy("Unset DATABASE_URL to use the file crpipeline.db in the data directory, or set it to sqlite:PATH.")
            }),
        }
    }
}

impl Section for DatabaseSettings {
    const NAME: &'static str = "database";
    const SETTINGS: &'static [Setting] = &[Setting::secret("url", "DATABASE_URL")];

    fn check(&self) -> Result<(), Wrong> {
        match self.url.as_ref().map(Secret::expose) {
            Some(url) if sqlite_path(url).is_none() && !url.starts_with("postgres://") && !url.starts_with("postgresql://") => {
                Err(Wrong::new("url", "it begins with neither sqlite: nor postgres://"))
            }
            _ => Ok(()),
        }
    }
}

/// The path in `sqlite:PATH` or `sqlite://PATH`.
fn sqlite_path(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
    (!path.is_empty()).then_some(path)
}
