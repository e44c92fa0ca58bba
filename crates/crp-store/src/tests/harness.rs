//! A fresh database for each test, on either engine.

use std::{future::Future, sync::Arc, time::Duration};

use crp_metrics::Metrics;
use crp_model::{Ambient, ManualClock, Timestamp};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{Database, Store};

/// A database with nothing in it but its tables, and a clock that stands until it is advanced.
#[derive(Clone)]
pub(crate) struct TestDb {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) database: Database,
}

impl TestDb {
    async fn open(database: Database) -> Self {
        let (ambient, clock) = Ambient::manual(Timestamp(1_760_000_000_000_000), 42);
        let store = Store::open(&database, ambient, Metrics::for_tests()).await.expect("a fresh database opens");
        Self { store, clock, database }
    }

    /// Another process on the same database: its own pools, the same clock.
    pub(crate) async fn another_process(&self) -> Store {
        Store::open(&self.database, self.store.ambient().clone(), Metrics::for_tests()).await.expect("the database opens again")
    }

    /// A database without tables: another file, or this database of PostgreSQL emptied.
    pub(crate) async fn without_tables(&self) -> Database {
        match &self.database {
            Database::Sqlite(file) => Database::Sqlite(file.with_file_name("another.db")),
            Database::Postgres(server) => {
                let mut connection = connect(&server.url).await;
                administrate(&mut connection, "DROP SCHEMA public CASCADE; CREATE SCHEMA public".to_owned()).await;
                self.database.clone()
            }
        }
    }

    pub(crate) fn clock_now(&self) -> Timestamp {
        self.store.ambient().now()
    }

    pub(crate) fn advance(&self, seconds: f64) {
        self.clock.advance(Duration::from_secs_f64(seconds));
    }
}

/// Runs a test on a new file of SQLite.
pub(crate) fn on_sqlite<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(TestDb) -> F + Send + 'static) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = Database::Sqlite(folder.path().join("crpipeline.db"));
    runtime().block_on(async {
        let db = TestDb::open(database).await;
        let store = db.store.clone();
        let ended = tokio::spawn(test(db)).await;
        store.close().await;
        rethrow(ended);
    });
}

/// Runs a test in a new database of PostgreSQL; skipped, loudly, where there is no PostgreSQL.
pub(crate) fn on_postgres<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(TestDb) -> F + Send + 'static) {
    let Some(server) = crp_testkit::postgres::shared() else {
        println!("SKIPPED: PostgreSQL is not installed and CRP_TEST_POSTGRES_URL is not set");
        return;
    };
    runtime().block_on(async {
        let name = format!("crp_{}", Ambient::system().new_uuid().simple());
        let mut admin = connect(&server).await;
        administrate(&mut admin, format!("CREATE DATABASE {name}")).await;
        let db = TestDb::open(Database::Postgres(with_database(&server, &name).as_str().into())).await;
        let store = db.store.clone();
        let ended = tokio::spawn(test(db)).await;
        store.close().await;
        administrate(&mut admin, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        rethrow(ended);
    });
}

/// Cuts every connection to the database but the one that asks for it, as a restart of the server does.
pub(crate) async fn cut_connections(db: &TestDb) {
    let Database::Postgres(server) = &db.database else { unreachable!("only PostgreSQL has connections to cut") };
    let mut connection = connect(&server.url).await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    administrate(&mut connection, cut.to_owned()).await;
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn rethrow(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        std::panic::resume_unwind(error.into_panic());
    }
}

async fn connect(server: &str) -> PgConnection {
    let options: PgConnectOptions = server.parse().expect("CRP_TEST_POSTGRES_URL is a URL");
    let options = options.disable_statement_logging();
    loop {
        match options.connect().await {
            // It answers a little before it has started up.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("57P03") => tokio::task::yield_now().await,
            connected => return connected.expect("the PostgreSQL of the tests answers"),
        }
    }
}

async fn administrate(admin: &mut PgConnection, statement: String) {
    admin.ping().await.expect("the PostgreSQL of the tests answers");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(admin).await.expect("a database is made or dropped");
}

/// The server's URL with another database in it.
fn with_database(server: &str, name: &str) -> String {
    let options: PgConnectOptions = server.parse().expect("a URL");
    options.database(name).to_url_lossy().to_string()
}
