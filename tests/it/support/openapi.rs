//! Validates HTTP responses against the OpenAPI document.

use serde_json::Value;

use super::test_server::Response;

/// How a response violates the document. Empty for paths that the document does not cover.
pub fn response_violations(document: &Value, method: &str, path: &str, response: &Response) -> Vec<String> {
    let path = path.split('?').next().unwrap();
    let is_under = |prefix: &str| path == prefix || path.starts_with(&format!("{prefix}/"));
    if !["/api/orchestration", "/healthz", "/readyz", "/metrics"].into_iter().any(is_under) {
        return Vec::new();
    }
    let Some(operation) = operation(document, method, path) else {
        let is_refused = [404, 405].contains(&response.status);
        return if is_refused { Vec::new() } else { vec![format!("{method} {path} is not described")] };
    };
    let described = &operation["responses"][response.status.to_string()];
    let content_type = response.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
    let schema = &described["content"][content_type]["schema"];
    if !schema.is_object() {
        return vec![format!("{method} {path}: {} with `{content_type}` is not described", response.status)];
    }
    let mut violations = Vec::new();
    if content_type.ends_with("json") {
        let value = serde_json::from_str(&response.text).unwrap();
        add_violations(&value, schema, document, &format!("{method} {path}"), &mut violations);
    }
    violations
}

/// The document's operation for a request.
pub fn operation<'d>(document: &'d Value, method: &str, path: &str) -> Option<&'d Value> {
    let paths = document["paths"].as_object().unwrap();
    let (_, methods) = paths.iter().find(|(template, _)| matches_template(path, template))?;
    methods.get(method.to_lowercase())
}

/// Whether a path matches a template. A final `{name}` matches one segment or several.
fn matches_template(path: &str, template: &str) -> bool {
    let (path, template): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), template.split('/').collect());
    let is_match = template.iter().zip(&path).all(|(part, segment)| part.starts_with('{') || part == segment);
    is_match && (template.len() == path.len() || template.last() == Some(&"{name}") && path.len() > template.len())
}

/// Adds how a value violates a schema. `location` names the value in the messages.
fn add_violations(value: &Value, schema: &Value, document: &Value, location: &str, violations: &mut Vec<String>) {
    if let Some(target) = schema["$ref"].as_str() {
        let target = document.pointer(target.trim_start_matches('#')).unwrap_or_else(|| panic!("{target} is missing"));
        return add_violations(value, target, document, location, violations);
    }
    if let Some(alternatives) = schema["anyOf"].as_array() {
        let fits = |alternative: &Value| {
            let mut violations = Vec::new();
            add_violations(value, alternative, document, location, &mut violations);
            violations.is_empty()
        };
        if !alternatives.iter().any(fits) {
            violations.push(format!("{location} fits none of its schemas"));
        }
        return;
    }
    if !has_type(value, &schema["type"]) {
        violations.push(format!("{location} is {value} and not {}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|names| !names.contains(value)) {
        violations.push(format!("{location} is {value} and none of {}", schema["enum"]));
    }
    let (low, high) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
    if value
        .as_f64()
        .is_some_and(|number| low.is_some_and(|low| number < low) || high.is_some_and(|high| number > high))
    {
        violations.push(format!("{location} is {value} and not from {low:?} to {high:?}"));
    }
    match value {
        Value::Object(fields) => add_field_violations(fields, schema, document, location, violations),
        Value::Array(items) => {
            for item in items.iter().take(20) {
                add_violations(item, &schema["items"], document, &format!("{location}[]"), violations);
            }
        }
        _ => {}
    }
}

/// Whether a value has one of a schema's types: `types` is a name or an array of names.
fn has_type(value: &Value, types: &Value) -> bool {
    let actual = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allows =
        |name: &str| types == name || types.as_array().is_some_and(|names| names.iter().any(|allowed| allowed == name));
    allows(actual) || actual == "integer" && allows("number")
}

fn add_field_violations(
    fields: &serde_json::Map<String, Value>,
    schema: &Value,
    document: &Value,
    location: &str,
    violations: &mut Vec<String>,
) {
    // An object without documented fields may hold anything.
    let Some(properties) = schema["properties"].as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            violations.push(format!("{location}.{name} is missing"));
        }
    }
    for (name, value) in fields {
        match properties.get(name) {
            Some(schema) => add_violations(value, schema, document, &format!("{location}.{name}"), violations),
            None => violations.push(format!("{location}.{name} is not described")),
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
    let violations = |status: u16, text: &str| {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let response = Response { status, headers, text: text.to_owned() };
        response_violations(&document, "GET", "/api/orchestration/jobs/7?x=1", &response)
    };
    assert_eq!(violations(200, r#"{"id": "7", "share": 1, "status": null}"#), [""; 0]);
    for (text, expected) in [
        (r#"{"id": "7"}"#, "share is missing"),
        (r#"{"id": 7, "share": null}"#, "id is 7 and not \"string\""),
        (r#"{"id": "7", "share": 1.5}"#, "share is 1.5 and not from"),
        (r#"{"id": "7", "share": 0, "status": "lost"}"#, "status fits none"),
        (r#"{"id": "7", "share": 0, "more": 1}"#, "more is not described"),
    ] {
        let violations = violations(200, text);
        assert!(violations.len() == 1 && violations[0].contains(expected), "{text}: {violations:?}");
    }
    assert!(violations(418, "{}")[0].contains("418 with `application/json` is not described"));
}
