//! Rows into files and out of them, and the list of objects.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
};

use crp_model::{Failure, ObjectKey, Sha256Hash};
use crp_store::{
    Store,
    transfer::{Cell, NamedObject, Snapshot, Table, named_objects, tables},
};
use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    folder::{Lines, of_io, rows_folder},
    manifest::{Manifest, RowsFile, unusable},
};
use crate::{Step, Watch};

/// Largest line, in bytes, that is read: one row, and the text of one page is the largest that rows have.
const MAX_LINE_BYTES: u64 = 1024 * 1024 * 1024;
/// Rows between two steps that are told.
const TOLD_ROWS: u64 = 1000;

/// An object in the backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ObjectLine {
    /// Its place in the order of the rows: lines of two backups can be compared one after the other.
    pub(super) at: String,
    pub(super) key: ObjectKey,
    pub(super) size_bytes: u64,
    pub(super) sha256: Sha256Hash,
}

/// Writes all rows of one state of the database; how many objects they name.
pub(super) async fn write(store: &Store, folder: &Path, manifest: &mut Manifest, watch: Watch<'_>) -> Result<u64, Failure> {
    let mut snapshot = Snapshot::begin(store).await.map_err(|e| e.failure())?;
    let (mut named, mut done) = (0, 0);
    for table in tables(manifest.schema) {
        let mut file = Lines::create(folder.join(format!("{}.jsonl", table.name)))?;
        let mut rows = snapshot.rows(&table).map_err(|e| e.failure())?;
        while let Some(row) = rows.try_next().await.map_err(|e| e.failure())? {
            file.add(&table.line_of(&row))?;
            named += named_objects(&table, &row).len() as u64;
            if table.name == "installation" {
                manifest.installed_at = table.index_of("created_at").and_then(|at| instant(row.get(at)?));
            }
            done += 1;
            if done % TOLD_ROWS == 0 {
                watch(Step { what: "rows", done, total: None });
            }
        }
        let (rows, size_bytes) = (file.count, file.size_bytes);
        let columns = table.columns.iter().map(|column| column.name.to_owned()).collect();
        manifest.tables.push(RowsFile { table: table.name.to_owned(), columns, rows, size_bytes, sha256: file.finish()? });
    }
    watch(Step { what: "rows", done, total: Some(done) });
    Ok(named)
}

fn instant(cell: &Cell) -> Option<crp_model::Timestamp> {
    match cell {
        Cell::Int(micros) => Some(crp_model::Timestamp(*micros)),
        _ => None,
    }
}

/// The tables of a backup with their columns, as this version knows that schema.
pub(super) fn tables_of(manifest: &Manifest) -> Result<Vec<(Table, &RowsFile)>, Failure> {
    let known = tables(manifest.schema);
    let names: Vec<&str> = manifest.tables.iter().map(|file| file.table.as_str()).collect();
    if names != known.iter().map(|table| table.name).collect::<Vec<_>>() {
        return Err(unusable(format!("The backup's tables are not those of schema version {}", manifest.schema)));
    }
    let pairs = known.into_iter().zip(&manifest.tables).map(|(table, file)| {
        if file.columns.iter().map(String::as_str).eq(table.columns.iter().map(|column| column.name)) {
            return Ok((table, file));
        }
        Err(unusable(format!("The backup's table {} has other columns than schema version {}", table.name, manifest.schema)))
    });
    pairs.collect()
}

/// The file of a table's rows.
pub(super) fn file_of(root: &Path, manifest: &Manifest, table: &str) -> PathBuf {
    rows_folder(root, manifest.id).join(format!("{table}.jsonl"))
}

/// The list of objects.
pub(super) fn objects_file(root: &Path, manifest: &Manifest) -> PathBuf {
    rows_folder(root, manifest.id).join("objects.jsonl")
}

/// The rows of a table.
pub(super) fn read(
    root: &Path,
    manifest: &Manifest,
    table: &Table,
) -> Result<impl Iterator<Item = Result<Vec<Cell>, Failure>> + use<>, Failure> {
    let path = file_of(root, manifest, table.name);
    let (table, shown) = (table.clone(), path.display().to_string());
    let lines = lines_of(&path)?.zip(1u64..);
    Ok(lines.map(move |(line, number)| {
        table.row_of(&line?).map_err(|what| unusable(format!("Line {number} of {shown} cannot be read: {what}")))
    }))
}

/// Every object that the rows name, with its place, in the order of the places.
pub(super) fn named(
    root: &Path,
    manifest: &Manifest,
) -> Result<impl Iterator<Item = Result<(String, NamedObject), Failure>> + use<>, Failure> {
    let mut tables_with_objects = Vec::new();
    for (table, _) in tables_of(manifest)? {
        if ["originals", "pages", "artifacts"].contains(&table.name) {
            tables_with_objects.push((read(root, manifest, &table)?, table));
        }
    }
    Ok((0..).zip(tables_with_objects).flat_map(|(number, (rows, table))| rows.flat_map(move |row| of_row(number, &table, row))))
}

fn of_row(number: usize, table: &Table, row: Result<Vec<Cell>, Failure>) -> Vec<Result<(String, NamedObject), Failure>> {
    let row = match row {
        Ok(row) => row,
        Err(failure) => return vec![Err(failure)],
    };
    let place = table.place_of(&row);
    let objects = named_objects(table, &row).into_iter().zip(0..);
    objects.map(|(object, nth)| Ok((format!("{number}/{place}/{nth}"), object))).collect()
}

/// The lines of a list of objects.
pub(super) fn objects(root: &Path, manifest: &Manifest) -> Result<impl Iterator<Item = Result<ObjectLine, Failure>> + use<>, Failure> {
    let path = objects_file(root, manifest);
    let shown = path.display().to_string();
    Ok(lines_of(&path)?.map(move |line| serde_json::from_str(&line?).map_err(|error| unusable(format!("{shown} cannot be read: {error}")))))
}

fn lines_of(path: &Path) -> Result<impl Iterator<Item = Result<String, Failure>> + use<>, Failure> {
    let mut file = BufReader::with_capacity(1024 * 1024, open(path)?);
    let path = path.to_owned();
    Ok(std::iter::from_fn(move || {
        let mut line = String::new();
        match file.by_ref().take(MAX_LINE_BYTES).read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => {
                line.truncate(line.trim_end_matches('\n').len());
                Some(Ok(line))
            }
            Err(error) => Some(Err(of_io("The file", &path, &error))),
        }
    }))
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => unusable(format!("The file {} is missing", path.display())),
        _ => of_io("The file", path, &error),
    })
}

/// Size in bytes and hash of a file.
pub(super) fn measure(path: &Path) -> Result<(u64, Sha256Hash), Failure> {
    let mut file = open(path)?;
    let (mut hash, mut size_bytes, mut piece) = (Sha256::new(), 0, vec![0; 256 * 1024]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok((size_bytes, Sha256Hash(hash.finalize().into()))),
            Ok(read) => {
                hash.update(&piece[..read]);
                size_bytes += read as u64;
            }
            Err(error) => return Err(of_io("The file", path, &error)),
        }
    }
}
