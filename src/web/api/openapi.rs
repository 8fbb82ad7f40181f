//! The OpenAPI description of the HTTP API, collected as routes are added. It is derived from the handlers' signatures:
//! the type of an argument describes what it reads from a request, and the type of the result describes the response.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::response::sse::Sse;
use axum::routing::{MethodFilter, on};
use axum::{Json, Router};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::web::access::Caller;
use crate::web::params::PathPart;
use crate::web::problem::{self, Problem};
use crate::web::state::App;

/// The routes of the API with their description.
pub(super) struct Api {
    router: Router<App>,
    schemas: SchemaGenerator,
    tags: Vec<Value>,
    paths: BTreeMap<String, Map<String, Value>>,
}

/// What the types of a handler do not tell about its operation.
pub(super) struct About {
    /// Unique name of the operation, for generated clients.
    pub id: &'static str,
    pub summary: &'static str,
    /// May be empty.
    pub description: &'static str,
}

impl Api {
    pub fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let settings = settings.with(|settings| settings.definitions_path = "/components/schemas".into());
        let schemas = settings.into_generator();
        Self { router: Router::new(), schemas, tags: Vec::new(), paths: BTreeMap::new() }
    }

    /// Begins a group of operations: all routes that are added before the next group.
    pub fn group(mut self, name: &str, description: &str) -> Self {
        self.tags.push(json!({"name": name, "description": description}));
        self
    }

    pub fn get<H, T, D>(self, path: &str, handler: H, about: About) -> Self
    where
        H: Handler<T, App> + Describe<D>,
        T: 'static,
    {
        self.route(Method::GET, MethodFilter::GET, path, handler, about)
    }

    pub fn post<H, T, D>(self, path: &str, handler: H, about: About) -> Self
    where
        H: Handler<T, App> + Describe<D>,
        T: 'static,
    {
        self.route(Method::POST, MethodFilter::POST, path, handler, about)
    }

    pub fn patch<H, T, D>(self, path: &str, handler: H, about: About) -> Self
    where
        H: Handler<T, App> + Describe<D>,
        T: 'static,
    {
        self.route(Method::PATCH, MethodFilter::PATCH, path, handler, about)
    }

    fn route<H, T, D>(mut self, method: Method, filter: MethodFilter, path: &str, handler: H, about: About) -> Self
    where
        H: Handler<T, App> + Describe<D>,
        T: 'static,
    {
        let mut operation = Operation::default();
        H::describe(&mut operation, &mut self.schemas);
        if method != Method::GET {
            operation.add_problems(&mut self.schemas, &[StatusCode::CONFLICT, StatusCode::INSUFFICIENT_STORAGE]);
        }
        let tag = self.tags.last().and_then(|tag| tag.get("name"));
        let operation = operation.into_json(&about, tag);
        // OpenAPI has no notation for a parameter that spans several segments.
        self.paths.entry(path.replace("{*", "{")).or_default().insert(method.as_str().to_lowercase(), operation);
        self.router = self.router.route(path, on(filter, handler));
        self
    }

    /// The routes, and the document that describes them.
    pub fn finish(mut self, info: &Value, security_scheme: &Value) -> (Router<App>, Value) {
        let mut document = json!({
            "openapi": "3.1.0",
            "info": info,
            "servers": [{"url": "/"}],
            "security": [{"token": []}],
            "tags": self.tags,
            "paths": self.paths,
            "components": {
                "securitySchemes": {"token": security_scheme},
                "schemas": self.schemas.take_definitions(false),
            },
        });
        simplify(&mut document);
        (self.router, document)
    }
}

/// Rust terms in doc comments, and their equivalents in JSON.
const RUST_TERMS: [(&str, &str); 4] = [("`None`", "`null`"), ("`0..=1`", "0 to 1"), ("[`", "`"), ("`]", "`")];

/// Whether a schema's `type` allows strings.
fn allows_string(kind: Option<&Value>) -> bool {
    kind.is_some_and(|kind| kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("string"))))
}

/// Replaces what is particular to Rust, for readers of JSON.
fn simplify(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            constants_to_enum(fields);
            if let Some(Value::String(text)) = fields.get_mut("description") {
                let plain = RUST_TERMS.iter().fold(text.clone(), |text, (rust, json)| text.replace(rust, json));
                *text = plain.split_whitespace().collect::<Vec<_>>().join(" ");
            }
            // The format of a number, such as `uint32`, is its width in memory.
            if fields.get("format").is_some_and(Value::is_string) && !allows_string(fields.get("type")) {
                fields.remove("format");
            }
            fields.values_mut().for_each(simplify);
        }
        Value::Array(values) => values.iter_mut().for_each(simplify),
        _ => {}
    }
}

/// Turns a `oneOf` of documented constants into an `enum`, which client generators understand, and appends their
/// descriptions to the schema's own.
fn constants_to_enum(schema: &mut Map<String, Value>) {
    let Some(values) = schema.get("oneOf").and_then(Value::as_array) else { return };
    let Some(names) = values.iter().map(|value| value["const"].as_str()).collect::<Option<Vec<&str>>>() else { return };
    let meanings = values.iter().zip(&names).filter_map(|(value, name)| {
        let meaning = value["description"].as_str()?;
        Some(format!("`{name}`: {meaning}"))
    });
    let schema_description = schema.get("description").and_then(Value::as_str).map(str::to_owned);
    let description = schema_description.into_iter().chain(meanings).collect::<Vec<_>>().join(" ");
    let names = json!(names);
    schema.remove("oneOf");
    schema.insert("type".to_owned(), json!("string"));
    schema.insert("enum".to_owned(), names);
    schema.insert("description".to_owned(), json!(description));
}

/// The description of one operation, filled in by the types of its handler.
#[derive(Default)]
pub(super) struct Operation {
    parameters: Vec<Value>,
    body: Option<Value>,
    responses: Map<String, Value>,
    needs_token: bool,
}

/// Where a parameter is in a request.
#[derive(Clone, Copy)]
pub(super) enum Location {
    Path,
    Query,
    Header,
}

impl Operation {
    pub fn add_parameter(&mut self, location: Location, name: &str, about: &str, is_required: bool, schema: &Value) {
        let location = match location {
            Location::Path => "path",
            Location::Query => "query",
            Location::Header => "header",
        };
        self.parameters.push(json!({
            "name": name, "in": location, "required": is_required, "description": about, "schema": schema,
        }));
    }

    /// Sets the schema of the JSON body.
    pub fn set_body(&mut self, schema: &Value) {
        self.body = Some(json!({"required": true, "content": {"application/json": {"schema": schema}}}));
    }

    /// Adds a response. `content` lists its possible content types with their schemas.
    pub fn add_response<'a>(
        &mut self,
        status: StatusCode,
        description: &str,
        content: impl IntoIterator<Item = (&'a str, Value)>,
    ) {
        let content: Map<String, Value> =
            content.into_iter().map(|(mime, schema)| (mime.to_owned(), json!({"schema": schema}))).collect();
        self.responses.insert(status.as_str().to_owned(), json!({"description": description, "content": content}));
    }

    /// Adds the problems with which the operation may fail.
    pub fn add_problems(&mut self, schemas: &mut SchemaGenerator, statuses: &[StatusCode]) {
        for status in statuses {
            let schema = problem::schema(schemas).to_value();
            self.add_response(*status, problem::meaning(*status), [("application/problem+json", schema)]);
        }
    }

    fn into_json(self, about: &About, tag: Option<&Value>) -> Value {
        json!(OperationObject {
            operation_id: about.id,
            summary: about.summary,
            description: about.description,
            tags: tag.into_iter().collect(),
            parameters: self.parameters,
            request_body: self.body,
            responses: self.responses,
            security: (!self.needs_token).then_some([]),
        })
    }
}

/// An operation of the document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OperationObject<'a> {
    operation_id: &'a str,
    summary: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    tags: Vec<&'a Value>,
    parameters: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_body: Option<Value>,
    responses: Map<String, Value>,
    /// Empty if no token is needed; otherwise `None`, and the document's `security` applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    security: Option<[Value; 0]>,
}

/// An argument of a handler.
pub(super) trait Input {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator);
}

/// The result of a handler.
pub(super) trait Output {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator);
}

/// A handler whose arguments and result are described. `Inputs` is the tuple of its arguments.
pub(super) trait Describe<Inputs> {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator);
}

macro_rules! describe_handlers {
    ($($input:ident)*) => {
        impl<F, Fut, Out, $($input),*> Describe<($($input,)*)> for F
        where
            F: Fn($($input),*) -> Fut,
            Fut: Future<Output = Out>,
            Out: Output,
            $($input: Input),*
        {
            fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
                $($input::describe(operation, schemas);)*
                Out::describe(operation, schemas);
            }
        }
    };
}

describe_handlers!();
describe_handlers!(A);
describe_handlers!(A B);
describe_handlers!(A B C);
describe_handlers!(A B C D);

impl Input for State<App> {
    fn describe(_: &mut Operation, _: &mut SchemaGenerator) {}
}

impl Input for Caller {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        operation.needs_token = true;
        let statuses = [
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
        ];
        operation.add_problems(schemas, &statuses);
    }
}

/// The fields of `T` are the parts of the path.
impl<T: JsonSchema> Input for PathPart<T> {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        let parts = T::json_schema(schemas);
        for (name, schema) in parts.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let mut schema = schema.clone();
            let about = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            operation.add_parameter(
                Location::Path,
                name,
                about.as_ref().and_then(Value::as_str).unwrap_or(""),
                true,
                &schema,
            );
        }
        operation.add_problems(schemas, &[StatusCode::NOT_FOUND]);
    }
}

impl<T: JsonSchema> Output for Json<T> {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        let schema = schemas.subschema_for::<T>();
        let about = description(&schema, schemas);
        operation.add_response(StatusCode::OK, &about, [("application/json", schema.to_value())]);
    }
}

/// The description of a schema, or of the one that it refers to.
fn description(schema: &Schema, schemas: &SchemaGenerator) -> String {
    let referenced = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    let description = match referenced {
        Some(name) => schemas.definitions().get(name).and_then(|schema| schema.get("description")),
        None => schema.get("description"),
    };
    description.and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl<S> Output for Sse<S> {
    fn describe(operation: &mut Operation, _: &mut SchemaGenerator) {
        // OpenAPI 3.1 has no schema for single events.
        operation.add_response(StatusCode::OK, "The events.", [("text/event-stream", json!({}))]);
    }
}

impl<T: Output> Output for Result<T, Problem> {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        T::describe(operation, schemas);
        operation.add_problems(schemas, &[StatusCode::INTERNAL_SERVER_ERROR]);
    }
}
