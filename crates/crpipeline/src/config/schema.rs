//! The JSON Schema of `crpipeline.toml`, made from the structs; the doc comment of each field is its description.

use crp_model::Limits;
use schemars::JsonSchema;
use serde_json::Value;

use super::{
    DatabaseSettings, HttpEngineSection, IntakeSettings, LogSettings, LoginSettings, MetricsSettings, QueueSettings, ReadingSettings,
    SECTIONS, ServerSettings, StorageSettings, WorkerSettings,
};

/// Settings of crPipeline. Flags win over environment variables, these over this file, the file over the defaults.
#[derive(JsonSchema)]
#[schemars(title = "crpipeline.toml", deny_unknown_fields)]
#[allow(dead_code, reason = "only its schema is used")]
struct ConfigurationFile {
    server: Option<ServerSettings>,
    metrics: Option<MetricsSettings>,
    storage: Option<StorageSettings>,
    database: Option<DatabaseSettings>,
    worker: Option<WorkerSettings>,
    queue: Option<QueueSettings>,
    reading: Option<ReadingSettings>,
    limits: Option<Limits>,
    http_engine: Option<HttpEngineSection>,
    intake: Option<IntakeSettings>,
    login: Option<LoginSettings>,
    log: Option<LogSettings>,
}

/// The JSON Schema of the configuration file.
pub(crate) fn json_schema() -> Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true).into_generator();
    let mut schema = generator.into_root_schema_for::<ConfigurationFile>().to_value();
    for (section, settings) in SECTIONS {
        let Some(section) = schema.pointer_mut(&format!("/properties/{section}")) else { continue };
        let Some(properties) = properties_of_mut(section) else { continue };
        for setting in settings {
            if let Some(Value::Object(property)) = properties.get_mut(setting.key) {
                property.insert("x-environment".to_owned(), setting.environment.into());
            }
            if setting.is_secret {
                let text = format!("File that holds {}; in the environment {}_FILE.", setting.key, setting.environment);
                properties.insert(format!("{}_file", setting.key), serde_json::json!({ "type": "string", "description": text }));
            }
        }
    }
    schema
}

/// The properties of a section, also when the schema says "this or null".
pub(crate) fn properties_of(section: &Value) -> Option<&serde_json::Map<String, Value>> {
    fn of(schema: &Value) -> Option<&serde_json::Map<String, Value>> {
        schema.get("properties")?.as_object()
    }
    of(section).or_else(|| section.get("anyOf")?.as_array()?.iter().find_map(of))
}

fn properties_of_mut(section: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    if section.get("properties").is_some() {
        return section.get_mut("properties")?.as_object_mut();
    }
    section.get_mut("anyOf")?.as_array_mut()?.iter_mut().find_map(|s| s.get_mut("properties")?.as_object_mut())
}
