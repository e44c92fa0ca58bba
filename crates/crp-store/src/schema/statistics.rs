//! What SQLite's planner is told about the tables, so that it plans for a large archive from the first row on.
//!
//! Without statistics it takes every index for equally good and may find the two jobs of a document among all jobs of their organization;
//! with statistics of the rows that are there, its plans change with them, at any time. These numbers are those of an archive of a few
//! organizations, they stay the same, and a test knows the plans that follow from them. The table is that of `ANALYZE`,
//! <https://www.sqlite.org/fileformat2.html#stat1tab>: of each index the number of its rows, then for each of its first n columns how many
//! rows share the same values.

use std::collections::BTreeMap;

use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::{StoreError, error::judge};

/// Rows of each table.
const ROWS: u64 = 1_000_000;
/// Rows of a partial index.
const ROWS_OF_PARTIAL: u64 = 100_000;

/// The table exists once something was analysed; this one has a single row.
const MAKE_TABLE: &str = "ANALYZE installation";
const INDEXES: &str = "SELECT m.name AS tbl, l.name AS idx, l.partial AS is_partial, COALESCE(i.name, '') AS col
    FROM sqlite_schema m JOIN pragma_index_list(m.name) l JOIN pragma_index_info(l.name) i
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND m.name NOT LIKE 'search!_index%' ESCAPE '!'
    ORDER BY tbl, idx, i.seqno";
const STORED: &str = "SELECT tbl, idx, stat FROM sqlite_stat1 WHERE idx IS NOT NULL ORDER BY tbl, idx";

/// Table and index.
type Index = (String, String);

/// Writes the statistics where they are not there yet.
pub(crate) async fn tell_statistics(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    tell(connection).await.map_err(|error| judge(&error).0)
}

async fn tell(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let wanted = wanted(connection).await?;
    let has_table =
        sqlx::query("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").fetch_optional(&mut *connection).await?.is_some();
    if has_table && stored(connection).await? == wanted {
        return Ok(());
    }
    let mut tx = connection.begin().await?;
    sqlx::raw_sql(MAKE_TABLE).execute(&mut *tx).await?;
    sqlx::raw_sql("DELETE FROM sqlite_stat1").execute(&mut *tx).await?;
    for ((table, index), stat) in &wanted {
        let insert = sqlx::query("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ($1, $2, $3)").bind(table).bind(index).bind(stat);
        insert.execute(&mut *tx).await?;
    }
    tx.commit().await?;
    // This connection has read them already; those that come later read them with the schema.
    sqlx::raw_sql("ANALYZE sqlite_schema").execute(connection).await.map(drop)
}

async fn stored(connection: &mut SqliteConnection) -> Result<BTreeMap<Index, String>, sqlx::Error> {
    let rows = sqlx::query(STORED).fetch_all(connection).await?;
    Ok(rows.iter().map(|row| ((row.get("tbl"), row.get("idx")), row.get("stat"))).collect())
}

async fn wanted(connection: &mut SqliteConnection) -> Result<BTreeMap<Index, String>, sqlx::Error> {
    let mut indexes: BTreeMap<Index, (bool, Vec<String>)> = BTreeMap::new();
    for row in sqlx::query(INDEXES).fetch_all(connection).await? {
        let index = indexes.entry((row.get("tbl"), row.get("idx"))).or_default();
        index.0 = row.get("is_partial");
        index.1.push(row.get("col"));
    }
    Ok(indexes.into_iter().map(|(index, (is_partial, columns))| (index, statistics(is_partial, &columns))).collect())
}

/// The numbers of one index.
fn statistics(is_partial: bool, columns: &[String]) -> String {
    let rows = if is_partial { ROWS_OF_PARTIAL } else { ROWS };
    let mut text = rows.to_string();
    let mut combinations = 1u64;
    for column in columns {
        combinations = combinations.saturating_mul(values(column)).min(rows);
        text += &format!(" {}", rows / combinations);
    }
    text
}

/// Different values that a column has.
fn values(column: &str) -> u64 {
    match column {
        "organization" => 10,
        "status" | "state" | "kind" | "stage" | "priority" | "role" => 4,
        "stage_index" => 2,
        "page" | "first_page" | "version" => 10,
        "folded" | "name" | "worker" => 1_000,
        "job" | "document" | "user_id" => ROWS / 10,
        _ => ROWS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_tells_little_a_job_nearly_everything() {
        let of = |is_partial, columns: &[&str]| statistics(is_partial, &columns.iter().map(|&c| c.to_owned()).collect::<Vec<_>>());
        assert_eq!(of(false, &["organization", "id"]), "1000000 100000 1");
        assert_eq!(of(false, &["job", "stage_index", "kind", "first_page"]), "1000000 10 5 1 1");
        assert_eq!(of(true, &["organization", "stage"]), "100000 10000 2500");
    }
}
