//! Rows out of one database and into another: nothing of the schema is forgotten, nothing of a row is lost, on either engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crp_metrics::Metrics;
use crp_model::{ArtifactKind, Code, DocumentId, Scope, Sha256Hash, TaskKind};
use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Executor as _, Row as _, SqlSafeStr as _};

use super::{
    both_engines,
    fixtures::{LEASE, artifact, plan, two_stages},
    harness::TestDb,
};
use crate::{
    Database, Store,
    documents::{self, Added, DocumentChange, DocumentFilter, DocumentSort},
    organizations, pipelines, retention,
    schema::{STEPS, TABLE},
    search::{self, SearchQuery},
    setup::{self, NewInstallation},
    tasks,
    transaction::Engine,
    transfer::{self, Cell, ColumnKind, Import, LEFT_OUT, OBJECT_COLUMNS, Owner, Snapshot, every_table, tables},
    watched::{self, WatchedFile},
};

/// Every column of the real schema: table, column.
async fn real_columns(store: &Store) -> BTreeSet<(String, String)> {
    let mut tx = store.read().await.unwrap();
    let of_sqlite = "SELECT m.name AS t, p.name AS c FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table'";
    let of_postgres = "SELECT table_name::text AS t, column_name::text AS c FROM information_schema.columns WHERE table_schema = 'public'";
    match tx.engine() {
        Engine::Sqlite(tx) => {
            let rows = sqlx::query(of_sqlite).fetch_all(&mut **tx).await.unwrap();
            rows.iter().map(|row| (row.get("t"), row.get("c"))).collect()
        }
        Engine::Postgres(tx) => {
            let rows = sqlx::query(of_postgres).fetch_all(&mut **tx).await.unwrap();
            rows.iter().map(|row| (row.get("t"), row.get("c"))).collect()
        }
    }
}

/// Every foreign key of the real schema: table, table that it refers to.
async fn real_references(store: &Store) -> Vec<(String, String)> {
    let mut tx = store.read().await.unwrap();
    let of_sqlite = "SELECT m.name AS t, f.\"table\" AS r FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'";
    let of_postgres = "SELECT conrelid::regclass::text AS t, confrelid::regclass::text AS r FROM pg_constraint WHERE contype = 'f'";
    match tx.engine() {
        Engine::Sqlite(tx) => {
            let rows = sqlx::query(of_sqlite).fetch_all(&mut **tx).await.unwrap();
            rows.iter().map(|row| (row.get("t"), row.get("r"))).collect()
        }
        Engine::Postgres(tx) => {
            let rows = sqlx::query(of_postgres).fetch_all(&mut **tx).await.unwrap();
            rows.iter().map(|row| (row.get("t"), row.get("r"))).collect()
        }
    }
}

/// Every row of every table that is carried over, as lines.
async fn lines(store: &Store) -> BTreeMap<&'static str, Vec<String>> {
    let mut snapshot = Snapshot::begin(store).await.unwrap();
    lines_of(&mut snapshot).await
}

async fn lines_of(snapshot: &mut Snapshot) -> BTreeMap<&'static str, Vec<String>> {
    let mut all = BTreeMap::new();
    for table in tables(Store::schema_version()) {
        let rows: Vec<_> = snapshot.rows(&table).unwrap().try_collect().await.unwrap();
        let places: Vec<String> = rows.iter().map(|row| table.place_of(row)).collect();
        assert!(places.is_sorted(), "{}: {places:?}", table.name);
        all.insert(table.name, rows.iter().map(|row| table.line_of(row)).collect());
    }
    all
}

/// Fills an empty database from lines.
async fn fill(store: &Store, lines: &BTreeMap<&'static str, Vec<String>>, gone: &[Owner]) -> Result<(), crp_model::Failure> {
    let mut import = Import::begin(store, Store::schema_version()).await?;
    for table in tables(Store::schema_version()) {
        let rows = lines[table.name].iter().map(|line| Ok(table.row_of(line).unwrap()));
        import.fill(&table, futures_util::stream::iter(rows), &|_| {}).await?;
    }
    import.forget(gone).await?;
    import.finish(&|_| {}).await
}

async fn open(db: &TestDb, database: &Database) -> Store {
    Store::open(database, db.store.ambient().clone(), Metrics::for_tests()).await.unwrap()
}

async fn found(store: &Store, scope: &Scope, words: &str) -> Vec<DocumentId> {
    let filter = DocumentFilter { words: SearchQuery::parse(words).unwrap(), ..DocumentFilter::default() };
    let rows = documents::list(store, scope, &filter, DocumentSort::Newest, None, 50).await.unwrap();
    rows.items.iter().map(|row| row.id).collect()
}

/// Something in every table that is carried over. The first job of the first organization has succeeded, the second runs.
async fn furnish(db: &TestDb) -> (Scope, [Added; 3]) {
    let store = &db.store;
    let new = NewInstallation {
        organization_name: "zero".to_owned(),
        languages: vec!["eng".to_owned()],
        email: "first@example.org".to_owned(),
        display_name: "First".to_owned(),
        password_hash: "$argon2id$".to_owned(),
    };
    setup::create_first(store, new).await.unwrap();
    let scope = db.organization("one").await;
    pipelines::save(store, &scope, "own", "name: own\nstages:\n  - type: ocr\n").await.unwrap();
    let mut keyed = db.new_document(&scope, "bytes", two_stages());
    keyed.idempotency_key = Some("key-1".to_owned());
    let first = documents::add_with_job(store, &scope, keyed).await.unwrap();
    let task = db.up_to_assembly(3).await;
    let artifacts = [artifact(&task, ArtifactKind::Text), artifact(&task, ArtifactKind::Layout)];
    tasks::finish_stage(store, &task, &artifacts, &[]).await.unwrap();
    tasks::finish_stage(store, &db.claim(TaskKind::Stage).await, &[], &[]).await.unwrap();
    let title =
        DocumentChange {
            title: Some(Some("Größe „3“".to_owned())), tags: Some(vec!["Ä b".to_owned()]), ..DocumentChange::default()
        };
    documents::change(store, &scope, first.document, &title).await.unwrap();
    db.advance(1.0);
    let second = db.upload(&scope, "bytes", plan()).await;
    db.inspect(2, 1).await;
    db.claim(TaskKind::Pages).await;
    db.advance(1.0);
    // A file of a watched folder that was not moved away yet.
    let [folder, watcher] = [(); 2].map(|()| store.ambient().new_uuid());
    watched::watch(store, folder, watcher, Duration::from_secs(60)).await.unwrap();
    let file = WatchedFile { folder, watcher, path: "one/scan.pdf" };
    let third = watched::take(store, &scope, db.new_document(&scope, "other bytes", plan()), file).await.unwrap();
    documents::hold(store, &scope, second.document, "Prüfung").await.unwrap();
    let pipelines = [("own".to_owned(), Some(30)), ("fields".to_owned(), None)];
    let kept = retention::Retention { days: Some(3650), pipelines: pipelines.into_iter().collect() };
    retention::set(store, &scope, &kept).await.unwrap();
    (scope, [first, second, third])
}

both_engines! {
    async fn the_steps_of_the_schema_tell_every_table_and_column_of_the_database(db: TestDb) {
        let real = real_columns(&db.store).await;
        let told = every_table(Store::schema_version());
        let mut told: BTreeSet<(String, String)> =
            told.iter().flat_map(|table| table.columns.iter().map(|c| (table.name.to_owned(), c.name.to_owned()))).collect();
        // What only one engine has is the index of the search, which is made anew, and what the planner of SQLite is told.
        let is_of_one_engine = |(table, column): &(String, String)| {
            table == TABLE || table.starts_with("sqlite_stat") || table.starts_with("search_index") || (table == "search_parts" && column == "words")
        };
        told.extend(real.iter().filter(|column| is_of_one_engine(column)).cloned());
        assert_eq!(told, real, "what a step adds in a new way of writing has to be read by transfer/tables.rs");
    }

    async fn a_table_comes_after_those_that_it_refers_to(db: TestDb) {
        let tables = every_table(Store::schema_version());
        let place = |name: &str| tables.iter().position(|table| table.name == name).unwrap_or_else(|| panic!("{name}"));
        let references = real_references(&db.store).await;
        assert!(references.len() > 15);
        for (table, other) in references {
            let own = &tables[place(&table)];
            if table == other {
                assert!(own.refers_to_itself.is_some() && own.key == ["id"], "{table}");
            } else {
                assert!(place(&other) < place(&table), "{table} refers to {other}, which comes later");
            }
            let is_left_out = |name: &str| LEFT_OUT.iter().any(|(left, _)| *left == name);
            assert!(is_left_out(&table) || !is_left_out(&other), "{table} refers to {other}, which is left out");
        }
    }

    async fn every_statement_of_a_transfer_is_understood_by_the_engine(db: TestDb) {
        for table in tables(Store::schema_version()) {
            let row = || table.columns.iter().map(|column| Cell::Null.value(column.kind)).collect::<Vec<_>>();
            let mut statements = vec![table.select(), table.count(), table.any(), table.insert(vec![row(), row()])];
            statements.extend(table.refers_to_itself.map(|column| table.refer(column, ColumnKind::Uuid.null(), ColumnKind::Uuid.null())));
            for statement in statements {
                let mut tx = db.store.write().await.unwrap();
                let text = AssertSqlSafe(statement.text.clone()).into_sql_str();
                let prepared = match tx.engine() {
                    Engine::Sqlite(tx) => tx.prepare(text).await.map(drop),
                    Engine::Postgres(tx) => tx.prepare(text).await.map(drop),
                };
                prepared.unwrap_or_else(|error| panic!("{}: {error}", statement.text));
            }
        }
    }

    async fn rows_go_to_the_other_engine_and_back_without_a_change(db: TestDb) {
        let (scope, [first, second, _]) = furnish(&db).await;
        let before = lines(&db.store).await;
        for (table, rows) in &before {
            assert!(!rows.is_empty(), "the test has a row in {table}");
        }
        let folder = tempfile::tempdir().unwrap();
        let there = open(&db, &Database::Sqlite(folder.path().join("there.db"))).await;
        let copied = transfer::copy(&db.store, &there, &|_, _| {}).await.unwrap();
        assert_eq!(copied.iter().map(|(name, rows)| (*name, usize::try_from(*rows).unwrap())).collect::<BTreeMap<_, _>>(), counts(&before));
        assert_eq!(lines(&there).await, before);

        let database = db.without_tables().await;
        let back = open(&db, &database).await;
        transfer::copy(&there, &back, &|_, _| {}).await.unwrap();
        assert_eq!(lines(&back).await, before);
        for store in [&there, &back] {
            assert_eq!(found(store, &scope, "words page").await, [first.document], "the index was made anew");
            assert_eq!(found(store, &scope, "grosse").await, [first.document]);
            assert_eq!(found(store, &scope, "scan.pdf").await.len(), 3);
            // What ran goes on, and the fan-in with it.
            tasks::release_all_of_previous_process(store).await.unwrap();
            let worker = db.worker();
            let mut jobs = Vec::new();
            while let Some(task) = tasks::claim(store, worker, LEASE).await.unwrap() {
                jobs.push(task.job);
            }
            assert_eq!(jobs.iter().filter(|job| **job == second.job).count(), 2, "both pages of the second job");
            store.close().await;
        }
    }

    async fn a_snapshot_is_one_state_whatever_happens_meanwhile(db: TestDb) {
        let (scope, [first, ..]) = furnish(&db).await;
        let before = lines(&db.store).await;
        let mut snapshot = Snapshot::begin(&db.store).await.unwrap();
        db.upload(&scope, "more bytes", plan()).await;
        documents::delete(&db.store, &scope, first.document).await.unwrap();
        assert_eq!(lines_of(&mut snapshot).await, before);
        drop(snapshot);
        assert_ne!(lines(&db.store).await, before);
    }

    async fn a_database_that_is_not_empty_is_left_alone(db: TestDb) {
        furnish(&db).await;
        let before = lines(&db.store).await;
        let folder = tempfile::tempdir().unwrap();
        let other = open(&db, &Database::Sqlite(folder.path().join("other.db"))).await;
        organizations::create(&other, "alone", &["eng".to_owned()]).await.unwrap();
        let refused = transfer::copy(&other, &db.store, &|_, _| {}).await.unwrap_err();
        assert_eq!(refused.code, Code::TargetNotEmpty);
        assert_eq!(transfer::copy(&db.store, &other, &|_, _| {}).await.unwrap_err().code, Code::TargetNotEmpty);
        assert_eq!(lines(&db.store).await, before);
        other.close().await;
    }

    async fn a_row_may_refer_to_one_that_comes_after_it(db: TestDb) {
        let (_, [first, second, third]) = furnish(&db).await;
        let mut turned = lines(&db.store).await;
        let [first, second] = [first.document, second.document].map(|id| id.to_string());
        // The first document becomes the copy of the second, and that of the third: both come later.
        let documents = turned.get_mut("documents").unwrap();
        documents[1] = documents[1].replace(&format!("\"{first}\""), &format!("\"{}\"", third.document));
        let table = tables(Store::schema_version()).into_iter().find(|table| table.name == "documents").unwrap();
        let mut row = table.row_of(&documents[0]).unwrap();
        row[table.index_of("duplicate_of").unwrap()] = Cell::Uuid(second.parse().unwrap());
        documents[0] = table.line_of(&row);
        let target = open(&db, &db.without_tables().await).await;
        fill(&target, &turned, &[]).await.unwrap();
        assert_eq!(lines(&target).await, turned);
        target.close().await;
    }

    async fn rows_that_do_not_belong_together_are_refused_and_nothing_stays(db: TestDb) {
        furnish(&db).await;
        let whole = lines(&db.store).await;
        let target = open(&db, &db.without_tables().await).await;
        for (table, change) in [("users", 0), ("jobs", 0), ("documents", 0), ("originals", 1)] {
            let mut broken = whole.clone();
            let rows = broken.get_mut(table).unwrap();
            if change == 0 { drop(rows.remove(0)) } else { rows.push(rows[0].clone()) }
            let refused = fill(&target, &broken, &[]).await.unwrap_err();
            assert_eq!(refused.code, Code::BackupUnusable, "{table}: {refused}");
            assert!(lines(&target).await.values().all(Vec::is_empty));
        }
        fill(&target, &whole, &[]).await.unwrap();
        target.close().await;
    }

    async fn documents_that_were_deleted_after_the_rows_were_read_are_left_out_whole(db: TestDb) {
        let (scope, [first, second, third]) = furnish(&db).await;
        let whole = lines(&db.store).await;
        let target = open(&db, &db.without_tables().await).await;
        let gone = [
            Owner::Job { organization: scope.organization, job: first.job },
            Owner::Original { organization: scope.organization, sha256: Sha256Hash::of(b"other bytes") },
        ];
        fill(&target, &whole, &gone).await.unwrap();
        let left = lines(&target).await;
        assert_eq!((left["documents"].len(), left["originals"].len(), left["jobs"].len()), (1, 1, 1));
        for table in left.keys().filter(|name| **name != "audit_log") {
            for id in [first.document.0, first.job.0, third.document.0, third.job.0] {
                assert!(left[table].iter().all(|line| !line.contains(&id.to_string())), "{table} still names {id}");
            }
        }
        assert_eq!(found(&target, &scope, "scan.pdf").await, [second.document]);
        target.close().await;
    }

    async fn rows_of_an_older_schema_come_back_and_are_brought_up_to_date(db: TestDb) {
        let (scope, [first, ..]) = furnish(&db).await;
        let whole = lines(&db.store).await;
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("old.db"));
        let ambient = db.store.ambient();
        let old = Store::open_at(&database, 2, ambient.clone(), Metrics::for_tests()).await.unwrap();
        let mut import = Import::begin(&old, 2).await.unwrap();
        let newest = tables(Store::schema_version());
        for table in tables(2) {
            let newer = newest.iter().find(|newer| newer.name == table.name).unwrap();
            let rows = whole[table.name].iter().map(|line| {
                let row = newer.row_of(line).unwrap();
                Ok(table.columns.iter().map(|column| row[newer.index_of(column.name).unwrap()].clone()).collect())
            });
            import.fill(&table, futures_util::stream::iter(rows.collect::<Vec<_>>()), &|_| {}).await.unwrap();
        }
        import.finish(&|_| {}).await.unwrap();
        old.close().await;
        let store = open(&db, &database).await;
        assert_eq!(lines(&store).await["documents"].len(), 3);
        // The server catches up with the index.
        assert_eq!(search::unindexed(&store, None, 10).await.unwrap().len(), 3);
        search::index_document(&store, &scope, first.document, None).await.unwrap();
        assert_eq!(found(&store, &scope, "words page").await, [first.document]);
        store.close().await;
    }
}

fn counts(lines: &BTreeMap<&'static str, Vec<String>>) -> BTreeMap<&'static str, usize> {
    lines.iter().map(|(name, rows)| (*name, rows.len())).collect()
}

#[test]
fn what_is_left_out_exists_and_what_names_an_object_is_known() {
    let every = every_table(Store::schema_version());
    assert!(LEFT_OUT.iter().all(|(name, _)| every.iter().any(|table| table.name == *name)));
    let keys: BTreeSet<(&str, &str)> = every
        .iter()
        .flat_map(|table| table.columns.iter().map(|column| (table.name, column.name)))
        .filter(|(_, column)| column.ends_with("_key") && *column != "idempotency_key")
        .collect();
    assert_eq!(keys, BTreeSet::from(OBJECT_COLUMNS), "a column that names an object has to be known to backup, check and sweep");
    for table in tables(Store::schema_version()) {
        assert!(!table.key.is_empty(), "{} has a key to sort by", table.name);
    }
    // A table whose ids the database counts would need its counter set after an import.
    let counted = STEPS.iter().flat_map(|step| step.source.lines()).filter(|line| line.contains(" {identity}")).count();
    assert_eq!(counted, 1, "search_parts alone, which is left out");
}
