//! Values that mean the same on both engines: what goes into a statement and what comes out of a row.

use crp_model::{
    ArtifactId, ArtifactKind, AuditId, Day, DocumentId, DocumentName, JobId, JobStatus, MediaType, ObjectKey, OrganizationId, PipelineId,
    Role, SessionId, Sha256Hash, StageType, TaskId, TaskKind, Timestamp, UserId, WorkerId,
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    Arguments, Decode, Postgres, Row as _, Sqlite, Type,
    error::BoxDynError,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use crate::{
    StoreError,
    error::{broken, unreadable},
};

/// A value of a parameter. A missing value still has its type: PostgreSQL wants to know it.
pub(crate) enum Value {
    Uuid(Option<Uuid>),
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Bool(Option<bool>),
    Real(Option<f64>),
    Json(Option<serde_json::Value>),
}

impl Value {
    /// Anything that serde can write, as JSON. PostgreSQL cannot store NUL characters; they become U+FFFD.
    pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Self {
        Value::Json(Some(without_nul(serde_json::to_value(value).unwrap_or(serde_json::Value::Null))))
    }

    /// The same for something that may be missing.
    pub(crate) fn json_or_null<T: Serialize>(value: Option<&T>) -> Self {
        value.map_or(Value::Json(None), Value::json)
    }

    fn add_to<A>(self, arguments: &mut A) -> Result<(), BoxDynError>
    where
        A: Arguments,
        Uuid: Portable<A::Database>,
        i64: Portable<A::Database>,
        String: Portable<A::Database>,
        Vec<u8>: Portable<A::Database>,
        bool: Portable<A::Database>,
        f64: Portable<A::Database>,
        sqlx::types::Json<serde_json::Value>: Portable<A::Database>,
        for<'q> Option<Uuid>: sqlx::Encode<'q, A::Database> + Type<A::Database>,
        for<'q> Option<i64>: sqlx::Encode<'q, A::Database> + Type<A::Database>,
        for<'q> Option<String>: sqlx::Encode<'q, A::Database> + Type<A::Database>,
        for<'q> Option<f64>: sqlx::Encode<'q, A::Database> + Type<A::Database>,
        for<'q> Option<Vec<u8>>: sqlx::Encode<'q, A::Database> + Type<A::Database>,
        for<'q> Option<bool>: sqlx::Encode<'q, A::Database> + Type<A::Database>,
        for<'q> Option<sqlx::types::Json<serde_json::Value>>: sqlx::Encode<'q, A::Database> + Type<A::Database>,
    {
        match self {
            Value::Uuid(v) => arguments.add(v),
            Value::Int(v) => arguments.add(v),
            Value::Text(v) => arguments.add(v),
            Value::Bytes(v) => arguments.add(v),
            Value::Bool(v) => arguments.add(v),
            Value::Real(v) => arguments.add(v),
            Value::Json(v) => arguments.add(v.map(sqlx::types::Json)),
        }
    }

    pub(crate) fn for_sqlite(values: Vec<Value>) -> Result<SqliteArguments, StoreError> {
        let mut arguments = SqliteArguments::default();
        values.into_iter().try_for_each(|v| v.add_to(&mut arguments)).map_err(|e| broken(format!("a value cannot be stored: {e}")))?;
        Ok(arguments)
    }

    pub(crate) fn for_postgres(values: Vec<Value>) -> Result<PgArguments, StoreError> {
        let mut arguments = PgArguments::default();
        values.into_iter().try_for_each(|v| v.add_to(&mut arguments)).map_err(|e| broken(format!("a value cannot be stored: {e}")))?;
        Ok(arguments)
    }
}

/// A type that an engine can store.
pub(crate) trait Portable<DB: sqlx::Database>: for<'q> sqlx::Encode<'q, DB> + Type<DB> {}
impl<T, DB: sqlx::Database> Portable<DB> for T where T: for<'q> sqlx::Encode<'q, DB> + Type<DB> {}

fn without_nul(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::String(text) if text.contains('\0') => Json::String(text.replace('\0', "\u{fffd}")),
        Json::Array(items) => Json::Array(items.into_iter().map(without_nul).collect()),
        Json::Object(fields) => {
            Json::Object(fields.into_iter().map(|(key, value)| (key.replace('\0', "\u{fffd}"), without_nul(value))).collect())
        }
        other => other,
    }
}

macro_rules! from {
    ($($type:ty, $value:ident => $made:expr;)*) => { $(
        impl From<$type> for Value { fn from($value: $type) -> Self { $made } }
    )* };
}

from! {
    Uuid, v => Value::Uuid(Some(v));
    Option<Uuid>, v => Value::Uuid(v);
    i64, v => Value::Int(Some(v));
    Option<i64>, v => Value::Int(v);
    u32, v => Value::Int(Some(i64::from(v)));
    Option<u32>, v => Value::Int(v.map(i64::from));
    u64, v => Value::Int(Some(i64::try_from(v).unwrap_or(i64::MAX)));
    Timestamp, v => Value::Int(Some(v.0));
    Option<Timestamp>, v => Value::Int(v.map(|v| v.0));
    Day, v => Value::Int(Some(v.number()));
    Option<Day>, v => Value::Int(v.map(Day::number));
    bool, v => Value::Bool(Some(v));
    f64, v => Value::Real(Some(v));
    Option<f64>, v => Value::Real(v);
    &str, v => Value::Text(Some(v.replace('\0', "\u{fffd}")));
    Option<&str>, v => Value::Text(v.map(|v| v.replace('\0', "\u{fffd}")));
    &[u8], v => Value::Bytes(Some(v.to_vec()));
    Sha256Hash, v => Value::Bytes(Some(v.0.to_vec()));
    Option<Sha256Hash>, v => Value::Bytes(v.map(|v| v.0.to_vec()));
    &ObjectKey, v => Value::from(v.as_str());
    Option<&ObjectKey>, v => Value::from(v.map(ObjectKey::as_str));
}

macro_rules! ids {
    ($($id:ident)*) => { $(
        impl From<$id> for Value { fn from(id: $id) -> Self { Value::Uuid(Some(id.0)) } }
        impl From<Option<$id>> for Value { fn from(id: Option<$id>) -> Self { Value::Uuid(id.map(|id| id.0)) } }
        impl Column for $id {
            type Raw = Uuid;
            fn read(raw: Uuid) -> Result<Self, String> { Ok(Self(raw)) }
        }
    )* };
}

ids! { OrganizationId UserId DocumentId PipelineId JobId TaskId ArtifactId WorkerId AuditId SessionId }

/// A row of either engine.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What can be read from a column: a type of the model and the portable type that it is stored as.
pub(crate) trait Column: Sized {
    type Raw: Stored;
    fn read(raw: Self::Raw) -> Result<Self, String>;
}

/// A portable type as both engines give it back.
pub(crate) trait Stored: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> {}
impl<T> Stored for T where T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> {}

impl Row {
    /// The value of a column that always has one.
    pub(crate) fn get<T: Column>(&self, column: &str) -> Result<T, StoreError> {
        self.opt(column)?.ok_or_else(|| unreadable(format!("the column {column} has no value")))
    }

    /// The value of a column that may have none.
    pub(crate) fn opt<T: Column>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let raw: Result<Option<T::Raw>, sqlx::Error> = match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        };
        let raw = raw.map_err(|e| unreadable(format!("the column {column} cannot be read: {e}")))?;
        raw.map(T::read).transpose().map_err(|what| unreadable(format!("the column {column} holds what it should not: {what}")))
    }

    /// The JSON of a column.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        let value: serde_json::Value = self.get(column)?;
        serde_json::from_value(value).map_err(|e| unreadable(format!("the column {column} holds other JSON than expected: {e}")))
    }

    /// The JSON of a column that may have none.
    pub(crate) fn opt_json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let value: Option<serde_json::Value> = self.opt(column)?;
        let read = value.map(serde_json::from_value).transpose();
        read.map_err(|e| unreadable(format!("the column {column} holds other JSON than expected: {e}")))
    }
}

macro_rules! columns {
    ($($type:ty as $raw:ty, $value:ident => $made:expr;)*) => { $(
        impl Column for $type {
            type Raw = $raw;
            fn read($value: $raw) -> Result<Self, String> { $made }
        }
    )* };
}

columns! {
    Uuid as Uuid, v => Ok(v);
    i64 as i64, v => Ok(v);
    u32 as i64, v => u32::try_from(v).map_err(|e| e.to_string());
    u64 as i64, v => u64::try_from(v).map_err(|e| e.to_string());
    f64 as f64, v => Ok(v);
    bool as bool, v => Ok(v);
    String as String, v => Ok(v);
    Vec<u8> as Vec<u8>, v => Ok(v);
    Timestamp as i64, v => Ok(Timestamp(v));
    Day as i64, v => Ok(Day::from_store(v));
    serde_json::Value as sqlx::types::Json<serde_json::Value>, v => Ok(v.0);
    Sha256Hash as Vec<u8>, v => v.try_into().map(Sha256Hash).map_err(|v: Vec<u8>| format!("{} bytes", v.len()));
    ObjectKey as String, v => Ok(ObjectKey::from_store(v));
    DocumentName as String, v => Ok(DocumentName::from_store(v));
    JobStatus as String, v => JobStatus::parse(&v).ok_or(v);
    StageType as String, v => StageType::parse(&v).ok_or(v);
    TaskKind as String, v => TaskKind::parse(&v).ok_or(v);
    ArtifactKind as String, v => ArtifactKind::parse(&v).ok_or(v);
    Role as String, v => Role::parse(&v).ok_or(v);
    MediaType as String, v => MediaType::from_mime(&v).ok_or(v);
}
