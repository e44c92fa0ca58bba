//! The schema: the same on both engines, copied before it changes, refused when it is newer.

use std::collections::BTreeMap;

use crp_metrics::Metrics;
use crp_model::{Ambient, Code, DocumentId, OrganizationId, Scope, Timestamp};
use sqlx::Row as _;

use super::{both_engines, harness::TestDb};
use crate::{
    Database, Store, StoreError,
    documents::{self, DocumentFilter, DocumentSort},
    schema::{STEPS, Step},
    search::{self, SearchQuery},
    setup,
    transaction::Engine,
};

/// Every column as `table.column`, with whether it must have a value; every key as `table: columns`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    columns: BTreeMap<String, bool>,
    keys: Vec<String>,
    references: Vec<String>,
}

const OF_SQLITE: [&str; 3] = [
    "SELECT t.name || '.' || c.name, c.\"notnull\" = 1 FROM sqlite_schema t JOIN pragma_table_info(t.name) c
     WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND t.name <> '_sqlx_migrations'
       AND t.name NOT LIKE 'search!_index%' ESCAPE '!'",
    "SELECT tbl || ': ' || group_concat(col, ', ') FROM (
         SELECT t.name AS tbl, i.name AS idx, k.name AS col FROM sqlite_schema t
         JOIN pragma_index_list(t.name) i JOIN pragma_index_info(i.name) k
         WHERE t.type = 'table' AND i.\"unique\" = 1 AND t.name <> '_sqlx_migrations'
           AND t.name NOT LIKE 'search!_index%' ESCAPE '!' ORDER BY t.name, i.name, k.seqno)
     GROUP BY tbl, idx
     UNION ALL SELECT 'installation: singleton' UNION ALL SELECT 'search_parts: id'",
    "SELECT tbl || ': ' || group_concat(col, ', ') || ' -> ' || target || ' ' || del FROM (
         SELECT t.name AS tbl, f.id AS fk, f.\"from\" AS col, f.\"table\" AS target, f.on_delete AS del
         FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f
         WHERE t.type = 'table' ORDER BY t.name, f.id, f.seq)
     GROUP BY tbl, fk",
];

const OF_POSTGRES: [&str; 3] = [
    "SELECT table_name || '.' || column_name, is_nullable = 'NO' FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations' AND table_name || '.' || column_name <> 'search_parts.words'",
    "SELECT conrelid::regclass::text || ': ' || (
         SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(conkey) WITH ORDINALITY AS k (num, n)
         JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.num)
     FROM pg_constraint WHERE contype IN ('p', 'u') AND connamespace = 'public'::regnamespace
       AND conrelid::regclass::text <> '_sqlx_migrations'",
    "SELECT conrelid::regclass::text || ': ' || (
         SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(conkey) WITH ORDINALITY AS k (num, n)
         JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.num)
       || ' -> ' || confrelid::regclass::text || ' '
       || CASE confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'NO ACTION' END
     FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace",
];

async fn shape(db: TestDb) -> Shape {
    let mut shape = Shape::default();
    let mut tx = db.store.write().await.unwrap();
    macro_rules! read {
        ($tx:expr, $queries:expr) => {{
            for row in sqlx::query($queries[0]).fetch_all(&mut **$tx).await.unwrap() {
                shape.columns.insert(row.get(0), row.get(1));
            }
            let mut texts = [Vec::new(), Vec::new()];
            for (at, list) in texts.iter_mut().enumerate() {
                for row in sqlx::query($queries[at + 1]).fetch_all(&mut **$tx).await.unwrap() {
                    list.push(row.get::<String, _>(0));
                }
                list.sort();
            }
            [shape.keys, shape.references] = texts;
        }};
    }
    match tx.engine() {
        Engine::Sqlite(tx) => read!(tx, OF_SQLITE),
        Engine::Postgres(tx) => read!(tx, OF_POSTGRES),
    }
    shape
}

#[test]
fn both_engines_have_the_same_columns_nullability_keys_and_references() {
    use std::sync::{Arc, Mutex};
    if crp_testkit::postgres::shared().is_none() {
        println!("SKIPPED: PostgreSQL is not installed and CRP_TEST_POSTGRES_URL is not set");
        return;
    }
    let shapes = Arc::new(Mutex::new(Vec::new()));
    let keep = |shapes: &Arc<Mutex<Vec<Shape>>>| {
        let shapes = shapes.clone();
        move |db| async move {
            let found = shape(db).await;
            shapes.lock().unwrap().push(found);
        }
    };
    super::harness::on_sqlite(keep(&shapes));
    super::harness::on_postgres(keep(&shapes));
    let shapes = shapes.lock().unwrap();
    assert!(shapes[0].columns.len() > 100 && shapes[0].keys.len() > 20 && shapes[0].references.len() > 20, "{:?}", shapes[0]);
    assert_eq!(shapes[0].columns, shapes[1].columns);
    assert_eq!(shapes[0].keys, shapes[1].keys);
    assert_eq!(shapes[0].references, shapes[1].references);
}

/// A document and its job with a text, as step 1 kept them; `$o` and `$d` are ids, `$h` is a hash.
const OLD_ROWS: &str = "
    INSERT INTO organizations (id, name, languages, created_at) VALUES ($o, 'one', '[]', 1);
    INSERT INTO originals (organization, sha256, object_key, size_bytes, created_at) VALUES ($o, $h, 'o/key', 5, 1);
    INSERT INTO documents (id, organization, sha256, name, media_type, size_bytes, created_at)
    VALUES ($d, $o, $h, 'Brief MÜLLER.pdf', 'application/pdf', 5, 1760000000000000);
    INSERT INTO jobs (id, organization, document, status, plan, priority, pages_done, cancel_requested, last_event, created_at)
    VALUES ($d, $o, $d, 'succeeded', '{\"pipeline\":\"searchable-pdf\"}', 0, 1, FALSE, 0, 1);
    INSERT INTO artifacts (id, organization, job, kind, object_key, media_type, size_bytes, sha256, created_at)
    VALUES ($d, $o, $d, 'text', 'a/text', 'text/plain', 5, $h, 1)";

async fn add_old_rows(store: &Store, organization: uuid::Uuid, document: uuid::Uuid) {
    let mut tx = store.write().await.unwrap();
    let hash = "ab".repeat(32);
    let filled = |id: fn(uuid::Uuid) -> String, hash: String| {
        sqlx::AssertSqlSafe(OLD_ROWS.replace("$o", &id(organization)).replace("$d", &id(document)).replace("$h", &hash))
    };
    match tx.engine() {
        Engine::Sqlite(tx) => {
            let text = filled(|id| format!("X'{}'", id.simple()), format!("X'{hash}'"));
            sqlx::raw_sql(text).execute(&mut **tx).await.map(drop)
        }
        Engine::Postgres(tx) => {
            let text = filled(|id| format!("'{id}'"), format!("'\\x{hash}'::bytea"));
            sqlx::raw_sql(text).execute(&mut **tx).await.map(drop)
        }
    }
    .unwrap();
    tx.commit().await.unwrap();
}

const NEXT: Step = Step { version: 1000, name: "next", source: "ALTER TABLE workers ADD COLUMN label {text};" };

async fn open(database: &Database, steps: &[Step]) -> Result<Store, StoreError> {
    let (ambient, _) = Ambient::manual(Timestamp(1_760_000_000_000_000), 1);
    Store::open_with(database, ambient, Metrics::for_tests(), steps).await
}

both_engines! {
    async fn a_newer_schema_is_refused_and_left_alone(db: TestDb) {
        let steps = [STEPS, &[NEXT]].concat();
        open(&db.database, &steps).await.unwrap().close().await;
        let refused = open(&db.database, STEPS).await.unwrap_err().failure();
        assert_eq!(refused.code, Code::NewerSchema);
        assert!(refused.message.contains("1000"), "{refused}");
        open(&db.database, &steps).await.unwrap().close().await;
    }

    async fn documents_of_the_first_schema_are_there_after_the_update_and_enter_the_index(db: TestDb) {
        let database = db.without_tables().await;
        let old = open(&database, &STEPS[..1]).await.unwrap();
        let (organization, document) = (uuid::Uuid::from_u128(7 << 64), uuid::Uuid::from_u128(8 << 64));
        add_old_rows(&old, organization, document).await;
        old.close().await;

        let store = open(&database, STEPS).await.unwrap();
        let (scope, id) = (Scope::system(OrganizationId(organization)), DocumentId(document));
        let row = documents::get(&store, &scope, id).await.unwrap();
        assert_eq!((row.title, row.document_date, row.tags, row.trashed_at), (None, None, Vec::new(), None));
        let by = async |words: &str, sort| {
            let filter = DocumentFilter { words: SearchQuery::parse(words).unwrap(), ..DocumentFilter::default() };
            documents::list(&store, &scope, &filter, sort, None, 10).await.unwrap().items.len()
        };
        for sort in DocumentSort::ALL {
            assert_eq!((by("", sort).await, by("muller", sort).await), (1, 0), "{}", sort.as_str());
        }
        let left = search::unindexed(&store, None, 10).await.unwrap();
        assert_eq!((left.len(), left[0].document, left[0].text.as_ref().map(|(_, key)| key.as_str())), (1, id, Some("a/text")));
        let job = left[0].text.as_ref().unwrap().0;
        let pages = vec!["first page".to_owned(), "second page".to_owned()];
        search::index_document(&store, &scope, id, Some((job, pages))).await.unwrap();
        assert_eq!((by("muller", DocumentSort::Title).await, by("\"second page\"", DocumentSort::Relevance).await), (1, 1));
        assert!(search::unindexed(&store, None, 10).await.unwrap().is_empty());
        store.close().await;
    }

    async fn opening_twice_at_once_migrates_once(db: TestDb) {
        let steps = [STEPS, &[NEXT]].concat();
        let (one, two) = tokio::join!(open(&db.database, &steps), open(&db.database, &steps));
        one.unwrap().close().await;
        two.unwrap().close().await;
    }
}

#[tokio::test]
async fn the_file_is_copied_before_its_schema_changes_and_the_copy_opens_with_the_old_version() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Sqlite(folder.path().join("crpipeline.db"));
    let store = open(&database, STEPS).await.unwrap();
    setup::put_setup_token(&store, [1; 32], Timestamp(i64::MAX)).await.unwrap();
    store.close().await;
    open(&database, STEPS).await.unwrap().close().await;
    assert_eq!(copies(folder.path()).len(), 0, "nothing to migrate, nothing to copy");

    open(&database, &[STEPS, &[NEXT]].concat()).await.unwrap().close().await;
    let copies = copies(folder.path());
    assert_eq!(copies.len(), 1, "{copies:?}");
    assert!(!copies[0].to_string_lossy().ends_with(".partial"));
    let old = open(&Database::Sqlite(copies[0].clone()), STEPS).await.unwrap();
    assert!(setup::setup_token_is_valid(&old, [1; 32]).await.unwrap());
    old.close().await;
}

#[tokio::test]
async fn jobs_and_sessions_of_an_earlier_schema_get_what_people_watch() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Sqlite(folder.path().join("crpipeline.db"));
    let earlier: Vec<Step> = STEPS.iter().take_while(|step| step.name != "watching").copied().collect();
    let old = open(&database, &earlier).await.unwrap();
    let mut tx = old.write().await.unwrap();
    let Engine::Sqlite(raw) = tx.engine() else { unreachable!("it is SQLite") };
    sqlx::raw_sql(
        "INSERT INTO organizations VALUES (zeroblob(16), 'One', '[]', 1);
         INSERT INTO users VALUES (zeroblob(16), 'a@example.org', 'A', 'x', 1, 1, 0, NULL, 1);
         INSERT INTO memberships VALUES (zeroblob(16), zeroblob(16), 'owner', 1);
         INSERT INTO sessions VALUES (x'01', zeroblob(16), zeroblob(16), 1, 9, 1, NULL, NULL), (x'02', zeroblob(16), zeroblob(16), 1, 9, 1, NULL, NULL);
         INSERT INTO originals VALUES (zeroblob(16), x'00', 'k', 1, 1);
         INSERT INTO documents (id, organization, sha256, name, media_type, size_bytes, created_at)
             VALUES (zeroblob(16), zeroblob(16), x'00', 'a.pdf', 'application/pdf', 1, 1);
         INSERT INTO jobs (id, organization, document, status, plan, priority, pages_done, cancel_requested, last_event, created_at, finished_at)
             VALUES (x'0a', zeroblob(16), zeroblob(16), 'succeeded', '{}', 0, 1, 0, 2, 5, 7),
                    (x'0b', zeroblob(16), zeroblob(16), 'failed', '{}', 0, 1, 0, 2, 6, 8);
         INSERT INTO events VALUES (x'0a', 1, zeroblob(16), 'warning', '{}', 6), (x'0a', 2, zeroblob(16), 'succeeded', '{\"warnings\":3}', 7),
                                   (x'0b', 1, zeroblob(16), 'warning', '{}', 6), (x'0b', 2, zeroblob(16), 'failed', '{}', 8);",
    )
    .execute(&mut **raw)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    old.close().await;

    let new = open(&database, STEPS).await.unwrap();
    let mut tx = new.write().await.unwrap();
    let Engine::Sqlite(raw) = tx.engine() else { unreachable!("it is SQLite") };
    let jobs = sqlx::query("SELECT warning_count, changed_at FROM jobs ORDER BY id").fetch_all(&mut **raw).await.unwrap();
    let told: Vec<(i64, i64)> = jobs.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(told, [(3, 7), (1, 8)]);
    let ids = sqlx::query("SELECT count(DISTINCT id) FROM sessions WHERE length(id) = 16").fetch_one(&mut **raw).await.unwrap();
    assert_eq!(ids.get::<i64, _>(0), 2, "each session has an id of its own");
    tx.rollback().await.unwrap();
    new.close().await;
}

fn copies(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.to_string_lossy().contains(".schema-")).collect()
}
