//! `[database]`: where the rows are.

use std::path::Path;

use crp_store::{Database, PostgresServer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    secret::Secret,
    setting::{Section, Setting, Shape, Wrong},
};

/// Where the rows are.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DatabaseSettings {
    /// `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST:PORT/NAME` for PostgreSQL, which several processes can use at the same time.
    /// Without it the database is the file `crpipeline.db` in the data directory.
    #[schemars(with = "Option<String>")]
    pub(crate) url: Option<Secret>,
    /// Most connections of this process to PostgreSQL. All processes together must stay below the server's own `max_connections`.
    pub(crate) max_connections: u32,
    /// Seconds that a start waits for a PostgreSQL that does not answer yet.
    pub(crate) start_timeout_seconds: u32,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self { url: None, max_connections: PostgresServer::USUAL_CONNECTIONS, start_timeout_seconds: 60 }
    }
}

impl DatabaseSettings {
    /// The database that is named.
    pub(crate) fn database(&self, data_dir: &Path) -> Database {
        match self.url.as_ref().map(Secret::expose) {
            None => Database::Sqlite(data_dir.join("crpipeline.db")),
            Some(url) => match sqlite_path(url) {
                Some(path) => Database::Sqlite(path.into()),
                None => Database::Postgres(PostgresServer { url: url.to_owned(), max_connections: self.max_connections }),
            },
        }
    }
}

impl Section for DatabaseSettings {
    const NAME: &'static str = "database";
    const SETTINGS: &'static [Setting] = &[
        Setting::secret("url", "DATABASE_URL"),
        Setting::new("max_connections", "CRPIPELINE_DATABASE_MAX_CONNECTIONS", Shape::Number),
        Setting::new("start_timeout_seconds", "CRPIPELINE_DATABASE_START_TIMEOUT_SECONDS", Shape::Number),
    ];

    fn check(&self) -> Result<(), Wrong> {
        if !(PostgresServer::FEWEST_CONNECTIONS..=1000).contains(&self.max_connections) {
            return Err(Wrong::new("max_connections", "it is not within 3 to 1000"));
        }
        if self.start_timeout_seconds > 3600 {
            return Err(Wrong::new("start_timeout_seconds", "it is more than an hour (3600)"));
        }
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
