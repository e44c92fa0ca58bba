//! Whether the database opens, and which languages its organizations read. Nothing is made or migrated.

use crp_metrics::Metrics;
use crp_model::{Ambient, Failure, Scope};
use crp_store::{Database, SchemaState, Store, organizations, schema_state, setup};

use super::Check;

const NAME: &str = "database";

/// The check, and the languages of all organizations.
pub(super) async fn check(database: &Database, metrics: &Metrics) -> (Check, Vec<String>) {
    let place = match database {
        Database::Sqlite(file) => file.display().to_string(),
        Database::Postgres(_) => "PostgreSQL".to_owned(),
    };
    let check = match schema_state(database).await {
        Err(error) => Check::failed(NAME, &error.failure()),
        Ok(SchemaState::Absent) => Check::ok(NAME, format!("{place} will be made at the first start")),
        Ok(SchemaState::Behind(version)) => {
            Check::ok(NAME, format!("{place} has schema version {version}; the next start brings it to {}", Store::schema_version()))
        }
        Ok(SchemaState::Newer(version)) => {
            let found = format!("{place} has schema version {version}; this crpipeline knows versions up to {}", Store::schema_version());
            Check::fail(NAME, found, crp_model::Code::NewerSchema.remedy())
        }
        Ok(SchemaState::Current) => match languages(database, metrics).await {
            Ok(languages) => return (Check::ok(NAME, format!("{place} answers, schema version {}", Store::schema_version())), languages),
            Err(failure) => Check::failed(NAME, &failure),
        },
    };
    (check, Vec::new())
}

/// Every language of every organization, once. Opening a database of the newest schema changes nothing.
async fn languages(database: &Database, metrics: &Metrics) -> Result<Vec<String>, Failure> {
    let store = Store::open(database, Ambient::system(), metrics.clone()).await.map_err(|e| e.failure())?;
    store.ping().await.map_err(|e| e.failure())?;
    let mut languages = Vec::new();
    for (organization, _) in setup::organizations(&store).await.map_err(|e| e.failure())? {
        let row = organizations::get(&store, &Scope::system(organization)).await.map_err(|e| e.failure())?;
        languages.extend(row.languages);
    }
    store.close().await;
    languages.sort();
    languages.dedup();
    Ok(languages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[tokio::test]
    async fn a_missing_database_is_fine_and_stays_missing() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("x.db");
        let (found, languages) = check(&Database::Sqlite(file.clone()), &Metrics::for_tests()).await;
        assert_eq!((found.outcome, languages.len(), file.exists()), (Outcome::Ok, 0, false), "{found:?}");
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_a_failure_with_a_remedy() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("x.db");
        std::fs::write(&file, "hello, this is no database, however long it may be").unwrap();
        let (found, _) = check(&Database::Sqlite(file), &Metrics::for_tests()).await;
        assert_eq!(found.outcome, Outcome::Fail);
        assert!(found.remedy.is_some());
    }

    #[tokio::test]
    async fn the_languages_of_the_organizations_are_told() {
        let folder = tempfile::TempDir::new().unwrap();
        let database = Database::Sqlite(folder.path().join("x.db"));
        let store = Store::open(&database, Ambient::system(), Metrics::for_tests()).await.unwrap();
        let new = setup::NewInstallation {
            organization_name: "Default".to_owned(),
            languages: vec!["eng".to_owned(), "deu".to_owned()],
            email: "a@example.org".to_owned(),
            display_name: "A".to_owned(),
            password_hash: "$argon2id$x".to_owned(),
        };
        setup::create_first(&store, new).await.unwrap();
        store.close().await;
        let (found, languages) = check(&database, &Metrics::for_tests()).await;
        assert_eq!(found.outcome, Outcome::Ok, "{found:?}");
        assert_eq!(languages, ["deu", "eng"]);
    }
}
