//! The OpenAPI document. `HttpClient` checks every response in every test against it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{HARBOUR, pending_id, plan_agency};
use crate::support::{TestDatabase, TestServer, block_on, operation, project, read_folder};

fn document() -> Value {
    TestServer::start(&TestDatabase::sqlite()).anonymous_client().get("/api/openapi.json").ok_json()
}

/// Every documented operation, as method and path.
fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect()
}

/// Calls `visit` with every value of a document and the path to the value.
fn walk(value: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, value);
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| walk(value, &format!("{path}/{name}"), visit)),
        Value::Array(values) => values.iter().for_each(|value| walk(value, &format!("{path}/-"), visit)),
        _ => {}
    }
}

#[test]
fn every_route_is_documented() {
    let files = read_folder(&project("src/web/api"));
    let with_routes = files.iter().filter(|(_, text)| text.contains(".route("));
    assert_eq!(with_routes.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["document.rs", "openapi.rs"]);
    let undescribed = files["document.rs"].matches(".route(").count();
    assert_eq!(undescribed, 2, "only the document and its page are not described");
}

#[test]
fn the_document_is_the_same_from_every_server() {
    let text = || TestServer::start(&TestDatabase::sqlite()).anonymous_client().get("/api/openapi.json").text;
    assert_eq!(text(), text());
}

#[test]
fn client_generators_find_names_one_schema_per_body_and_extensible_responses() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = BTreeSet::new();
    let mut bodies = BTreeSet::new();
    for (method, path) in operations(&document) {
        let operation = operation(&document, &method, &path).unwrap();
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no operationId"));
        assert!(names.insert(name.to_owned()), "{name} is the name of two operations");
        if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema/$ref") {
            bodies.insert(schema.as_str().unwrap().rsplit('/').next().unwrap().to_owned());
        }
        for (status, answer) in operation["responses"].as_object().unwrap() {
            walk(answer, &format!("{name} {status}"), &mut |path, value| {
                assert_ne!(value["additionalProperties"], false, "{path} forbids additional fields in a response");
            });
        }
    }
    assert_eq!(bodies.len(), 5, "{bodies:?}");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let is_body = bodies.contains(name);
        walk(schema, name, &mut |path, value| {
            let is_closed = value["additionalProperties"] == false;
            assert!(is_body || !is_closed, "{path} forbids additional fields in a response");
            let is_choice = ["anyOf", "oneOf", "allOf"].iter().any(|word| value.get(word).is_some());
            assert!(!(is_body && is_choice), "{path} is a choice of schemas");
        });
    }
}

#[test]
fn every_reference_resolves_and_every_schema_is_used() {
    let document = document();
    let mut referred = BTreeSet::new();
    walk(&document, "", &mut |path, value| {
        if let Some(target) = value.get("$ref") {
            let target = target.as_str().unwrap();
            let exists = document.pointer(target.trim_start_matches('#')).is_some();
            assert!(exists, "{path} refers to {target}, which does not exist");
            referred.insert(target.rsplit('/').next().unwrap().to_owned());
        }
    });
    let schemas: BTreeSet<String> = document["components"]["schemas"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(schemas, referred);
}

#[test]
fn everything_is_described_in_terms_of_json() {
    let document = document();
    let has_text = |value: &Value, field: &str| value[field].as_str().is_some_and(|text| !text.is_empty());
    let tags: Vec<&Value> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    for (method, path) in operations(&document) {
        let operation = operation(&document, &method, &path).unwrap();
        assert!(has_text(operation, "summary"), "{method} {path}");
        let named = operation["tags"].as_array().unwrap();
        assert!(named.len() == 1 && named.iter().all(|tag| tags.contains(&tag)), "{method} {path}: {named:?}");
        for parameter in operation["parameters"].as_array().unwrap() {
            assert!(has_text(parameter, "description"), "{method} {path}: {parameter}");
        }
        for answer in operation["responses"].as_object().unwrap().values() {
            assert!(has_text(answer, "description"), "{method} {path}: {answer}");
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(has_text(schema, "description"), "{name}");
        if schema["additionalProperties"] == false {
            let undescribed =
                schema["properties"].as_object().unwrap().iter().find(|(_, field)| !has_text(field, "description"));
            assert!(undescribed.is_none(), "{name}: {undescribed:?}");
        }
    }
    walk(&document, "", &mut |path, value| {
        let text = value["description"].as_str().unwrap_or_default();
        assert!(!["::", "`None`", "`Some`", "[`", "0..="].iter().any(|rust| text.contains(rust)), "{path}: {text}");
    });
}

/// `workspaceId` as `workspace_id`.
fn snake(name: &str) -> String {
    name.chars().map(|c| if c.is_uppercase() { format!("_{}", c.to_lowercase()) } else { c.to_string() }).collect()
}

#[test]
fn the_documented_fields_are_the_accepted_ones() {
    let database = TestDatabase::sqlite();
    block_on(plan_agency(&database));
    let server = TestServer::start(&database);
    let http = server.anonymous_client();
    let document = document();
    let mut compared = 0;
    for (method, path) in operations(&document).into_iter().filter(|(_, path)| path.starts_with("/api/")) {
        let operation = operation(&document, &method, &path).unwrap();
        let url = path.replace("{id}", "x").replace("{name}", "x");
        let body = operation.pointer("/requestBody/content/application~1json/schema/$ref").and_then(Value::as_str);
        let (described, answer): (BTreeSet<String>, _) = match body {
            Some(body) => {
                let fields = document.pointer(body.trim_start_matches('#')).unwrap()["properties"].as_object().unwrap();
                let json = [("content-type", "application/json")];
                let answer = http.send(&method, &url, &json, Some(r#"{"unheardOf": 1}"#));
                (fields.keys().map(|name| snake(name)).collect(), answer)
            }
            None => {
                let parameters = operation["parameters"].as_array().unwrap().iter();
                let in_query = parameters.filter(|parameter| parameter["in"] == "query");
                let names = in_query.map(|parameter| snake(parameter["name"].as_str().unwrap()));
                (names.collect(), http.send(&method, &format!("{url}?unheardOf=1"), &[], None))
            }
        };
        let problem = answer.refused(400);
        let unknown =
            problem["errors"].as_array().unwrap().iter().find(|error| error["field"] == "unheard_of").unwrap();
        let known = unknown["remedy"].as_str().unwrap().trim_start_matches("the known fields are ").split(", ");
        let known: BTreeSet<String> = known.filter(|name| !name.is_empty()).map(str::to_owned).collect();
        assert_eq!(described, known, "{method} {path}");
        compared += 1;
    }
    assert_eq!(compared, 18);
}

/// A request that must succeed.
struct SampleRequest {
    method: &'static str,
    /// The path of the operation in the document.
    template: &'static str,
    path: String,
    body: Option<Value>,
}

/// Requests for all operations, in the order in which they are sent, except for the cancellation of a job.
fn sample_requests(schedule: &str, job: &str) -> Vec<SampleRequest> {
    let base = "/api/orchestration";
    let query = |path: &str, fields: &str| format!("{base}/{path}?workspaceId={HARBOUR}&{fields}");
    let get = |template, path| SampleRequest { method: "GET", template, path, body: None };
    let send = |method, template: &'static str, body| SampleRequest {
        method,
        template,
        path: template.to_owned(),
        body: Some(body),
    };
    let mut requests = vec![
        get("/healthz", "/healthz".to_owned()),
        get("/readyz", "/readyz".to_owned()),
        get("/metrics", "/metrics".to_owned()),
        get("/api/orchestration/workspaces", format!("{base}/workspaces")),
        get("/api/orchestration/conflicts", query("conflicts", "days=366")),
        get("/api/orchestration/health", query("health", "")),
        get("/api/orchestration/clients/{id}/estimates", query("clients/crumb-and-co/estimates", "")),
        get("/api/orchestration/rules", query("rules", "")),
        get("/api/orchestration/jobs", query("jobs", "")),
        get("/api/orchestration/jobs/{id}", query(&format!("jobs/{job}"), "")),
        get("/api/orchestration/jobs/{id}/events", query(&format!("jobs/{job}/events"), "")),
        get("/api/orchestration/jobs/{id}/files/{name}", query(&format!("jobs/{job}/files/index.html"), "")),
        get("/api/orchestration/schedules/{id}", query(&format!("schedules/{schedule}"), "")),
    ];
    for view in ["list", "overview", "channels"] {
        requests.push(get("/api/orchestration/schedules", query("schedules", &format!("type={view}"))));
    }
    for fields in ["type=actions", "type=stats&days=366"] {
        requests.push(get("/api/orchestration/scheduler", query("scheduler", fields)));
    }
    let approve = json!({"workspaceId": HARBOUR, "scheduleId": schedule, "action": "approve"});
    requests.push(send("PATCH", "/api/orchestration/schedules", approve));
    for action in ["daily", "weekly"] {
        let pass = json!({"workspaceId": HARBOUR, "action": action});
        requests.push(send("POST", "/api/orchestration/scheduler", pass));
    }
    let simulation = json!({"workspaceId": HARBOUR, "weeks": 1, "replications": 1});
    let comparison = json!({"workspaceId": HARBOUR, "weeks": 1, "replications": 1, "set": ["fatigue.warn_at=0.45"]});
    requests.push(send("POST", "/api/orchestration/plans", json!({"workspaceId": HARBOUR})));
    requests.push(send("POST", "/api/orchestration/simulations", simulation));
    requests.push(send("POST", "/api/orchestration/comparisons", comparison));
    requests
}

#[test]
fn every_operation_responds_as_documented() {
    let database = TestDatabase::sqlite();
    block_on(plan_agency(&database));
    let server = TestServer::start(&database);
    let http = server.anonymous_client();
    let id = pending_id(&http, HARBOUR);
    let short = json!({"workspaceId": HARBOUR, "weeks": 1, "replications": 1});
    let job = http.wait_for_job(&http.post("/api/orchestration/simulations", &short).ok_json(), HARBOUR);
    let mut operations_called = BTreeSet::new();
    for request in sample_requests(&id, job["id"].as_str().unwrap()) {
        let SampleRequest { method, template, path, body } = request;
        let headers: &[(&str, &str)] = if body.is_some() { &[("content-type", "application/json")] } else { &[] };
        let answer = http.send(method, &path, headers, body.map(|body| body.to_string()).as_deref());
        assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.text);
        if method == "POST" {
            let job = http.wait_for_job(&answer.ok_json(), HARBOUR);
            assert_eq!(job["status"], "done", "{job}");
        }
        operations_called.insert((method.to_owned(), template.to_owned()));
    }
    let long = json!({"workspaceId": HARBOUR, "weeks": 52, "replications": 200});
    let job = http.post("/api/orchestration/simulations", &long).ok_json();
    let cancel = format!("/api/orchestration/jobs/{}/cancel?workspaceId={HARBOUR}", job["id"].as_str().unwrap());
    http.send("POST", &cancel, &[], None).ok_json();
    operations_called.insert(("POST".to_owned(), "/api/orchestration/jobs/{id}/cancel".to_owned()));
    assert_eq!(operations_called, operations(&document()));
}

#[test]
fn the_page_for_people_shows_every_operation() {
    let database = TestDatabase::sqlite();
    let page = TestServer::start(&database).anonymous_client().get("/api");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    for (method, path) in operations(&document()) {
        let shown = format!("{method} {path}").replace('/', "&#x2f;");
        assert!(page.text.contains(&shown), "{shown}");
    }
}
