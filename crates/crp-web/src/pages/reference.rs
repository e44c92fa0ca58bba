//! The reference of the API, written from the OpenAPI document: no script, no network.

use std::{fmt::Write as _, sync::LazyLock};

use axum::response::Html;
use serde_json::Value;

use super::html::{escape, page};
use crate::openapi::openapi;

pub(crate) async fn get_reference() -> Html<&'static str> {
    static PAGE: LazyLock<String> = LazyLock::new(|| reference(&serde_json::to_value(openapi()).unwrap_or_default()));
    Html(PAGE.as_str())
}

fn reference(api: &Value) -> String {
    let mut html = String::new();
    for paragraph in text(&api["info"]["description"]).split("\n\n") {
        let _ = writeln!(html, "<p>{}</p>", prose(paragraph));
    }
    html.push_str("<p>For programs: <a href=\"/api/openapi.json\">the OpenAPI 3.1 document</a>.</p>\n");
    for tag in items(&api["tags"]) {
        let name = text(&tag["name"]);
        let _ = writeln!(html, "<h2 id=\"{0}\">{0}</h2>\n<p>{1}</p>", escape(name), prose(text(&tag["description"])));
        for (path, methods) in members(&api["paths"]) {
            for (method, operation) in members(methods) {
                if items(&operation["tags"]).iter().any(|of| of == name) {
                    write_operation(&mut html, method, path, operation);
                }
            }
        }
    }
    html.push_str("<h2 id=\"schemas\">Schemas</h2>\n");
    for (name, schema) in members(&api["components"]["schemas"]) {
        write_schema(&mut html, name, schema);
    }
    page("API reference", &html).0
}

fn write_operation(html: &mut String, method: &str, path: &str, operation: &Value) {
    let _ = writeln!(
        html,
        "<section id=\"{}\">\n<h3><code>{} {}</code></h3>\n<p><strong>{}</strong></p>",
        escape(text(&operation["operationId"])),
        escape(&method.to_uppercase()),
        escape(path),
        escape(text(&operation["summary"]))
    );
    if let Some(description) = operation["description"].as_str() {
        let _ = writeln!(html, "<p>{}</p>", prose(description));
    }
    let parameters = items(&operation["parameters"]);
    if !parameters.is_empty() {
        table(
            html,
            &["Parameter", "In", "Type", "Meaning"],
            parameters.iter().map(|parameter| {
                let required = if parameter["required"] == true { "" } else { " (optional)" };
                vec![
                    format!("<code>{}</code>{required}", escape(text(&parameter["name"]))),
                    escape(text(&parameter["in"])),
                    type_of(&parameter["schema"]),
                    prose(text(&parameter["description"])),
                ]
            }),
        );
    }
    for (kind, content) in members(&operation["requestBody"]["content"]) {
        let _ = writeln!(html, "<p>Body: <code>{}</code> {}</p>", escape(kind), type_of(&content["schema"]));
    }
    table(
        html,
        &["Answer", "Meaning", "Body"],
        members(&operation["responses"]).map(|(status, response)| {
            let bodies: Vec<String> = members(&response["content"])
                .map(|(kind, content)| format!("<code>{}</code> {}", escape(kind), type_of(&content["schema"])))
                .collect();
            vec![escape(status), prose(text(&response["description"])), bodies.join("<br>")]
        }),
    );
    html.push_str("</section>\n");
}

fn write_schema(html: &mut String, name: &str, schema: &Value) {
    let _ = writeln!(
        html,
        "<section id=\"schema-{0}\">\n<h3><code>{0}</code></h3>\n<p>{1}</p>",
        escape(name),
        prose(text(&schema["description"]))
    );
    table(
        html,
        &["Member", "Type", "Meaning"],
        members(&schema["properties"]).map(|(member, of)| {
            let required = if items(&schema["required"]).iter().any(|required| required == member) { "" } else { " (optional)" };
            vec![format!("<code>{}</code>{required}", escape(member)), type_of(of), prose(text(&of["description"]))]
        }),
    );
    html.push_str("</section>\n");
}

fn table(html: &mut String, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    html.push_str("<div class=\"wide\"><table><thead><tr>");
    for head in heads {
        let _ = write!(html, "<th scope=\"col\">{head}</th>");
    }
    html.push_str("</tr></thead><tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for cell in row {
            let _ = write!(html, "<td>{cell}</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
}

/// A type in a few words, with a link where it has a section of its own.
fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|link| link.rsplit('/').next()) {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escape(name));
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        let variants = items(&schema[key]);
        if !variants.is_empty() {
            return variants.iter().map(type_of).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(|value| format!("<code>{}</code>", escape(value.as_str().unwrap_or("null")))).collect();
        return values.join(", ");
    }
    let kind = match &schema["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    };
    match (kind.as_str(), schema["format"].as_str()) {
        ("array", _) => format!("list of {}", type_of(&schema["items"])),
        (_, Some(format)) => format!("{} ({})", escape(&kind), escape(format)),
        _ => escape(&kind),
    }
}

/// Text with `code` in back quotes.
fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { format!("<code>{}</code>", escape(part)) } else { escape(part) }).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}
