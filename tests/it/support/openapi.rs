//! Checks responses against the OpenAPI document.

use serde_json::Value;

use super::site::Answer;

/// Violations of the document in a response; none for paths outside the API.
pub fn breaches_of_answer(document: &Value, method: &str, path: &str, answer: &Answer) -> Vec<String> {
    let path = path.split('?').next().unwrap();
    let is_described = |prefix: &str| path == prefix || path.starts_with(&format!("{prefix}/"));
    if !["/api/orchestration", "/healthz", "/readyz", "/metrics"].into_iter().any(is_described) {
        return Vec::new();
    }
    let Some(operation) = operation(document, method, path) else {
        let is_refused = [404, 405].contains(&answer.status);
        return if is_refused { Vec::new() } else { vec![format!("{method} {path} is not described")] };
    };
    let described = &operation["responses"][answer.status.to_string()];
    let kind = answer.header("content-type").and_then(|kind| kind.split(';').next()).unwrap_or_default();
    let schema = &described["content"][kind]["schema"];
    if !schema.is_object() {
        return vec![format!("{method} {path}: {} with `{kind}` is not described", answer.status)];
    }
    let mut found = Vec::new();
    if kind.ends_with("json") {
        let value = serde_json::from_str(&answer.text).unwrap();
        breaches(&value, schema, document, &format!("{method} {path}"), &mut found);
    }
    found
}

/// The document's operation for a request.
pub fn operation<'d>(document: &'d Value, method: &str, path: &str) -> Option<&'d Value> {
    let paths = document["paths"].as_object().unwrap();
    let (_, methods) = paths.iter().find(|(template, _)| is_of(template, path))?;
    methods.get(method.to_lowercase())
}

/// Whether a path matches a template, whose last part may match several parts.
fn is_of(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    let is_same = template.iter().zip(&path).all(|(part, own)| part.starts_with('{') || part == own);
    is_same && (template.len() == path.len() || template.last() == Some(&"{name}") && path.len() > template.len())
}

/// Violations of a schema in a value, by path.
pub fn breaches(value: &Value, schema: &Value, document: &Value, path: &str, found: &mut Vec<String>) {
    if let Some(target) = schema["$ref"].as_str() {
        let target = document.pointer(target.trim_start_matches('#')).unwrap_or_else(|| panic!("{target} is missing"));
        return breaches(value, target, document, path, found);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let fits = |one: &Value| {
            let mut wrong = Vec::new();
            breaches(value, one, document, path, &mut wrong);
            wrong.is_empty()
        };
        if !any.iter().any(fits) {
            found.push(format!("{path} fits none of its schemas"));
        }
        return;
    }
    if !has_type(value, &schema["type"]) {
        found.push(format!("{path} is {value} and not {}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|names| !names.contains(value)) {
        found.push(format!("{path} is {value} and none of {}", schema["enum"]));
    }
    let (low, high) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
    if value
        .as_f64()
        .is_some_and(|number| low.is_some_and(|low| number < low) || high.is_some_and(|high| number > high))
    {
        found.push(format!("{path} is {value} and not from {low:?} to {high:?}"));
    }
    match value {
        Value::Object(fields) => field_breaches(fields, schema, document, path, found),
        Value::Array(values) => {
            for value in values.iter().take(20) {
                breaches(value, &schema["items"], document, &format!("{path}[]"), found);
            }
        }
        _ => {}
    }
}

fn has_type(value: &Value, types: &Value) -> bool {
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allows =
        |kind: &str| types == kind || types.as_array().is_some_and(|kinds| kinds.iter().any(|one| one == kind));
    allows(is) || is == "integer" && allows("number")
}

fn field_breaches(
    fields: &serde_json::Map<String, Value>,
    schema: &Value,
    document: &Value,
    path: &str,
    found: &mut Vec<String>,
) {
    // An object without documented fields may hold anything.
    let Some(properties) = schema["properties"].as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            found.push(format!("{path}.{name} is missing"));
        }
    }
    for (name, value) in fields {
        match properties.get(name) {
            Some(schema) => breaches(value, schema, document, &format!("{path}.{name}"), found),
            None => found.push(format!("{path}.{name} is not described")),
        }
    }
}

#[test]
fn a_response_that_violates_the_document_is_found() {
    let document = serde_json::json!({
        "paths": {"/api/orchestration/jobs/{id}": {"get": {"responses": {"200": {"content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/Job"},
        }}}}}}},
        "components": {"schemas": {"Job": {
            "type": "object",
            "required": ["id", "share"],
            "properties": {
                "id": {"type": "string"},
                "share": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                "status": {"anyOf": [{"type": "string", "enum": ["done"]}, {"type": "null"}]},
            },
        }}},
    });
    let found = |status: u16, text: &str| {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let answer = Answer { status, headers, text: text.to_owned() };
        breaches_of_answer(&document, "GET", "/api/orchestration/jobs/7?x=1", &answer)
    };
    assert_eq!(found(200, r#"{"id": "7", "share": 1, "status": null}"#), [""; 0]);
    for (text, breach) in [
        (r#"{"id": "7"}"#, "share is missing"),
        (r#"{"id": 7, "share": null}"#, "id is 7 and not \"string\""),
        (r#"{"id": "7", "share": 1.5}"#, "share is 1.5 and not from"),
        (r#"{"id": "7", "share": 0, "status": "lost"}"#, "status fits none"),
        (r#"{"id": "7", "share": 0, "more": 1}"#, "more is not described"),
    ] {
        let found = found(200, text);
        assert!(found.len() == 1 && found[0].contains(breach), "{text}: {found:?}");
    }
    assert!(found(418, "{}")[0].contains("418 with `application/json` is not described"));
}
