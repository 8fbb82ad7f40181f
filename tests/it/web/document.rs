//! The description of the interface, held against the interface.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{HARBOUR, planned};
use crate::support::{Place, Site, block_on, project};

fn document() -> Value {
    serde_json::from_str(&std::fs::read_to_string(project("src/web/api/openapi.json")).unwrap()).unwrap()
}

/// The routes of the source, as the document writes them.
fn routes() -> BTreeSet<String> {
    let text = std::fs::read_to_string(project("src/web/api/mod.rs")).unwrap();
    let mut routes = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.trim().strip_prefix(".route(\"")) {
        let (path, methods) = line.split_once('"').unwrap();
        let path = path.replace("{*name}", "{name}");
        if ["/api/openapi.json", "/api"].contains(&path.as_str()) {
            continue;
        }
        for method in ["get", "patch", "post"] {
            if methods.contains(&format!("{method}(")) {
                routes.insert(format!("{method} {path}"));
            }
        }
    }
    routes
}

#[test]
fn every_route_is_described_and_every_description_has_a_route() {
    let document = document();
    let described =
        document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| format!("{method} {path}"))
        });
    assert_eq!(described.collect::<BTreeSet<String>>(), routes());
}

/// Every value of a document with the path to it.
fn walk(value: &Value, path: String, see: &mut impl FnMut(&str, &Value)) {
    see(&path, value);
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| walk(value, format!("{path}/{name}"), see)),
        Value::Array(values) => values.iter().for_each(|value| walk(value, format!("{path}/-"), see)),
        _ => {}
    }
}

#[test]
fn generators_of_clients_find_names_one_shape_a_body_and_answers_that_may_grow() {
    let document = document();
    let mut names = BTreeSet::new();
    let mut bodies = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name =
                operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no operationId"));
            assert!(names.insert(name.to_owned()), "{name} is the name of two operations");
            if let Some(shape) = operation.pointer("/requestBody/content/application~1json/schema/$ref") {
                bodies.insert(shape.as_str().unwrap().rsplit('/').next().unwrap().to_owned());
            }
            for (status, answer) in operation["responses"].as_object().unwrap() {
                walk(answer, format!("{name} {status}"), &mut |path, value| {
                    assert_ne!(value["additionalProperties"], false, "{path} lets nothing be added to an answer");
                });
            }
        }
    }
    assert_eq!(bodies.len(), 5, "{bodies:?}");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let is_body = bodies.contains(name);
        walk(schema, name.clone(), &mut |path, value| {
            let is_closed = value["additionalProperties"] == false;
            assert!(is_body || !is_closed, "{path} lets nothing be added to an answer");
            let is_choice = ["anyOf", "oneOf", "allOf"].iter().any(|word| value.get(word).is_some());
            assert!(!(is_body && is_choice), "{path} is a choice of shapes");
        });
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    for name in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(schemas.contains_key(name), "{name}");
    }
}

/// What of a value a shape does not allow, by path.
fn breaches(value: &Value, shape: &Value, document: &Value, path: &str, found: &mut Vec<String>) {
    if let Some(name) = shape["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return breaches(value, &document["components"]["schemas"][name], document, path, found);
    }
    if let Some(any) = shape["anyOf"].as_array() {
        let fits = |one: &Value| {
            let mut wrong = Vec::new();
            breaches(value, one, document, path, &mut wrong);
            wrong.is_empty()
        };
        if !any.iter().any(fits) {
            found.push(format!("{path} fits no shape"));
        }
        return;
    }
    // An object of which nothing is described may hold anything.
    if shape["type"] == "object" && shape.get("properties").is_none() && value.is_object() {
        return;
    }
    if let Some(breach) = breach_of_kind(value, shape) {
        found.push(format!("{path} {breach}"));
    }
    if let (Some(names), false) = (shape["enum"].as_array(), names_it(shape, value)) {
        found.push(format!("{path} is {value} and none of {names:?}"));
    }
    if let (Value::Object(fields), Some(properties)) = (value, shape["properties"].as_object()) {
        for name in shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                found.push(format!("{path}.{name} is missing"));
            }
        }
        for (name, value) in fields {
            match properties.get(name) {
                Some(shape) => breaches(value, shape, document, &format!("{path}.{name}"), found),
                None if shape["additionalProperties"] != true => found.push(format!("{path}.{name} is not described")),
                None => {}
            }
        }
    }
    if let (Value::Array(values), shape) = (value, &shape["items"]) {
        for value in values.iter().take(20) {
            breaches(value, shape, document, &format!("{path}[]"), found);
        }
    }
}

fn breach_of_kind(value: &Value, shape: &Value) -> Option<String> {
    let kinds: Vec<&str> = match &shape["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is_number = is == "integer" && kinds.contains(&"number");
    (!is_number && !kinds.contains(&is)).then(|| format!("is {is} and not {kinds:?}"))
}

fn names_it(shape: &Value, value: &Value) -> bool {
    shape["enum"].as_array().is_some_and(|names| names.contains(value))
}

#[test]
fn answers_have_the_shapes_that_are_described() {
    let place = Place::sqlite();
    block_on(planned(&place));
    let site = Site::of(&place);
    let asker = site.anybody();
    let document = document();
    let job =
        asker.post("/api/orchestration/scheduler", &serde_json::json!({"workspaceId": HARBOUR, "action": "daily"}));
    let job = asker.ended(&job.ok(), HARBOUR);
    let schedule = super::schedules(&asker, HARBOUR, "")[0]["id"].as_str().unwrap().to_owned();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let Some(shape) = methods.pointer("/get/responses/200/content/application~1json/schema") else { continue };
        let id = if path.contains("/jobs/") { job["id"].as_str().unwrap() } else { &schedule };
        let place = path.replace("{id}", id);
        let types: &[&str] = match path.as_str() {
            "/api/orchestration/schedules" => &["type=list&", "type=overview&", "type=channels&"],
            "/api/orchestration/scheduler" => &["type=actions&", "type=stats&days=366&"],
            _ => &[""],
        };
        for kind in types {
            let fenced = !path.starts_with("/api/orchestration/workspaces") && path.starts_with("/api/");
            let query = if fenced { format!("?{kind}workspaceId={HARBOUR}") } else { String::new() };
            let mut found = Vec::new();
            breaches(&asker.get(&format!("{place}{query}")).ok(), shape, &document, path, &mut found);
            assert!(found.is_empty(), "{found:#?}");
        }
    }
}

#[test]
fn what_is_sent_is_answered_as_described_also_where_it_is_refused() {
    let place = Place::sqlite();
    block_on(planned(&place));
    let site = Site::of(&place);
    let asker = site.anybody();
    let document = document();
    let id = super::waiting(&asker, HARBOUR);
    let few = serde_json::json!({"workspaceId": HARBOUR, "weeks": 1, "replications": 1});
    for (method, path, body, status) in [
        (
            "patch",
            "schedules",
            serde_json::json!({"workspaceId": HARBOUR, "schedule_id": id, "action": "approve"}),
            "200",
        ),
        (
            "patch",
            "schedules",
            serde_json::json!({"workspaceId": HARBOUR, "schedule_id": id, "action": "restore"}),
            "409",
        ),
        ("patch", "schedules", serde_json::json!({"workspaceId": HARBOUR}), "400"),
        ("post", "scheduler", serde_json::json!({"workspaceId": "nowhere", "action": "daily"}), "404"),
        ("post", "scheduler", serde_json::json!({"workspaceId": HARBOUR, "action": "daily"}), "200"),
        ("post", "scheduler", serde_json::json!({"workspaceId": HARBOUR, "action": "weekly"}), "200"),
        ("post", "plans", serde_json::json!({"workspaceId": HARBOUR}), "200"),
        ("post", "simulations", few.clone(), "200"),
        (
            "post",
            "comparisons",
            serde_json::json!({"workspaceId": HARBOUR, "weeks": 1, "replications": 1, "set": ["fatigue.warn_at=0.45"]}),
            "200",
        ),
    ] {
        let json = [("content-type", "application/json")];
        let place = format!("/api/orchestration/{path}");
        let mut answer = asker.send(&method.to_uppercase(), &place, &json, Some(&body.to_string()));
        if answer.status == 202 {
            // One that takes long is looked at once it has ended.
            let job = asker.ended(&answer.ok(), HARBOUR)["id"].as_str().unwrap().to_owned();
            answer = asker.get(&format!("/api/orchestration/jobs/{job}?workspaceId={HARBOUR}"));
        }
        assert_eq!(answer.status.to_string(), status, "{}", answer.text);
        let kind = if status == "200" { "application~1json" } else { "application~1problem+json" };
        let shape = document["paths"][&place][method]["responses"][status].pointer(&format!("/content/{kind}/schema"));
        let mut found = Vec::new();
        let value: Value = serde_json::from_str(&answer.text).unwrap();
        breaches(&value, shape.unwrap(), &document, &place, &mut found);
        assert!(found.is_empty(), "{found:#?}");
    }
}

#[test]
fn the_page_for_people_shows_every_route() {
    let place = Place::sqlite();
    let site = Site::of(&place);
    let page = site.anybody().get("/api");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    for route in routes() {
        let (method, path) = route.split_once(' ').unwrap();
        let shown = format!("{} {path}", method.to_uppercase()).replace('/', "&#x2f;");
        assert!(page.text.contains(&shown), "{route}");
    }
    let json = site.anybody().get("/api/openapi.json").ok();
    assert_eq!(json["openapi"], "3.1.0");
}
