//! Schemas of the model's closed sets, made from the same lists that the code matches on.

use crp_model::{
    ArtifactKind, Code, JobStatus, LayoutFormat, MediaType, Priority, Role, StageType, TaskKind,
    labels::{Label, WarningKind},
};
use crp_store::{documents::DocumentSort, events::EventKind, jobs::TaskState};
use serde_json::Value;
use utoipa::openapi::{
    KnownFormat, Object, ObjectBuilder, RefOr, Schema, SchemaFormat,
    schema::{SchemaType, Type},
};

type Text = RefOr<Schema>;

pub(crate) fn role() -> Text {
    closed(Role::ALL.map(Role::as_str))
}

pub(crate) fn job_status() -> Text {
    closed(JobStatus::ALL.map(JobStatus::as_str))
}

pub(crate) fn optional_job_status() -> Text {
    nullable_closed(JobStatus::ALL.map(JobStatus::as_str))
}

pub(crate) fn priority() -> Text {
    closed(Priority::ALL.map(Priority::as_str))
}

pub(crate) fn stage_type() -> Text {
    closed(StageType::ALL.map(StageType::as_str))
}

pub(crate) fn optional_stage_type() -> Text {
    nullable_closed(StageType::ALL.map(StageType::as_str))
}

pub(crate) fn task_kind() -> Text {
    closed(TaskKind::ALL.map(TaskKind::as_str))
}

pub(crate) fn task_state() -> Text {
    closed(TaskState::ALL.map(TaskState::as_str))
}

pub(crate) fn event_kind() -> Text {
    closed(EventKind::ALL.map(EventKind::as_str))
}

pub(crate) fn artifact_kind() -> Text {
    closed(ArtifactKind::ALL.map(ArtifactKind::as_str))
}

pub(crate) fn layout_format() -> Text {
    closed(LayoutFormat::ALL.map(LayoutFormat::as_str))
}

pub(crate) fn media_type() -> Text {
    closed([MediaType::Pdf, MediaType::Png, MediaType::Jpeg, MediaType::Tiff].map(MediaType::mime))
}

pub(crate) fn failure_code() -> Text {
    closed(Code::ALL.iter().map(|code| code.as_str()))
}

pub(crate) fn warning_code() -> Text {
    closed(WarningKind::VALUES.iter().map(|kind| kind.label()))
}

/// RFC 3339 in UTC.
pub(crate) fn timestamp() -> Text {
    schema(ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).build())
}

/// RFC 3339 in UTC, or null.
pub(crate) fn optional_timestamp() -> Text {
    let types = SchemaType::Array(vec![Type::String, Type::Null]);
    schema(ObjectBuilder::new().schema_type(types).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).build())
}

/// A day of the calendar, or null.
pub(crate) fn optional_day() -> Text {
    let types = SchemaType::Array(vec![Type::String, Type::Null]);
    schema(ObjectBuilder::new().schema_type(types).format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))).build())
}

/// A day of the calendar.
pub(crate) fn day() -> Text {
    schema(ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))).build())
}

/// The orders of a list of documents.
pub(crate) fn document_sort() -> Text {
    closed(DocumentSort::ALL.map(DocumentSort::as_str))
}

fn closed(values: impl IntoIterator<Item = &'static str>) -> Text {
    schema(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values)).build())
}

fn nullable_closed(values: impl IntoIterator<Item = &'static str>) -> Text {
    let values = values.into_iter().map(Value::from).chain([Value::Null]);
    schema(ObjectBuilder::new().schema_type(SchemaType::Array(vec![Type::String, Type::Null])).enum_values(Some(values)).build())
}

fn schema(object: Object) -> Text {
    RefOr::T(Schema::Object(object))
}
