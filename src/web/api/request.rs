//! Requests as types. `request!` declares each field once; the code that reads the field and the code that describes it
//! are derived from the declaration. All mistakes of a request are reported at once.

use std::ops::RangeInclusive;

use axum::extract::{FromRequest, FromRequestParts, Request as HttpRequest};
use axum::http::StatusCode;
use axum::http::request::Parts;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, json};

use super::openapi::{Input, Location, Operation};
use crate::model::{Role, WorkspaceId};
use crate::web::access::Caller;
use crate::web::params::{BodyFields, Params, QueryFields};
use crate::web::problem::Problem;
use crate::web::state::App;

/// A request, or a part of one: fields that are read together.
pub(super) trait Request: Sized {
    /// Reads the fields. Mistakes are recorded in `params`; a field with a mistake gets its default value.
    fn read(params: &mut Params) -> Self;

    /// Appends the descriptions of the fields.
    fn describe(schemas: &mut SchemaGenerator, parameters: &mut Vec<Parameter>);
}

/// A request that can be a body, with the name and the description of its schema.
pub(super) trait BodyRequest: Request {
    const NAME: &'static str;
    const ABOUT: &'static str;
}

/// The declaration of a field.
pub(super) struct Spec {
    /// Its name in snake_case.
    pub name: &'static str,
    pub about: &'static str,
    /// The range of a number.
    pub range: Option<RangeInclusive<u64>>,
}

/// The description of a field.
pub(super) struct Parameter {
    /// Its name in snake_case.
    pub name: &'static str,
    pub about: &'static str,
    pub is_required: bool,
    pub schema: Schema,
}

impl Parameter {
    pub fn new(spec: &Spec, is_required: bool, schema: Schema) -> Self {
        Self { name: spec.name, about: spec.about.trim(), is_required, schema }
    }

    /// A field with a default value.
    pub fn with_default<T: FieldValue + serde::Serialize>(
        spec: &Spec,
        schemas: &mut SchemaGenerator,
        default: &T,
    ) -> Self {
        let mut schema = T::schema(spec, schemas);
        schema.insert("default".to_owned(), json!(default));
        Self::new(spec, false, schema)
    }
}

/// The type of a field, or of several that are declared together.
pub(super) trait Field: Sized {
    fn read_field(params: &mut Params, spec: &Spec) -> Self;

    fn describe_field(spec: &Spec, schemas: &mut SchemaGenerator, parameters: &mut Vec<Parameter>);
}

/// The type of a field's value.
pub(super) trait FieldValue: Sized {
    /// Reads the value. `None` if the field is missing, or if it is wrong, which is recorded in `params`.
    fn read(params: &mut Params, spec: &Spec) -> Option<Self>;

    fn schema(spec: &Spec, schemas: &mut SchemaGenerator) -> Schema;
}

/// Declares a request. Each field has a type, a doc comment that describes it, and optionally a range and a default:
///
/// ```ignore
/// request! {
///     /// A simulation.
///     struct RunSimulation {
///         /// Number of weeks.
///         #[range(1..=52)]
///         #[default(4)]
///         weeks: u32,
///     }
/// }
/// ```
///
/// A field without a default is an `Option`, a list, a required value, or another request, whose fields it includes.
macro_rules! request {
    ($(#[doc = $about:literal])* struct $name:ident { $(
        $(#[doc = $doc:literal])* $(#[range($range:expr)])? $(#[default($default:expr)])? $field:ident: $type:ty
    ),* $(,)? }) => {
        $(#[doc = $about])*
        #[derive(Debug)]
        struct $name { $($(#[doc = $doc])* $field: $type),* }

        impl $crate::web::api::request::Request for $name {
            fn read(params: &mut $crate::web::params::Params) -> Self {
                Self { $($field: request!(
                    @read params, request!(@spec $field, concat!($($doc),*) $(, $range)?), $type $(, $default)?
                )),* }
            }

            fn describe(
                schemas: &mut ::schemars::SchemaGenerator,
                parameters: &mut Vec<$crate::web::api::request::Parameter>,
            ) {
                $(request!(
                    @describe schemas, parameters, request!(@spec $field, concat!($($doc),*) $(, $range)?),
                    $type $(, $default)?
                );)*
            }
        }

        impl $crate::web::api::request::BodyRequest for $name {
            const NAME: &'static str = stringify!($name);
            const ABOUT: &'static str = concat!($($about),*);
        }
    };
    (@spec $field:ident, $doc:expr) => { request!(@spec_with $field, $doc, None) };
    (@spec $field:ident, $doc:expr, $range:expr) => { request!(@spec_with $field, $doc, Some($range)) };
    (@spec_with $field:ident, $doc:expr, $range:expr) => {
        $crate::web::api::request::Spec {
            name: stringify!($field).trim_start_matches("r#"),
            about: $doc,
            range: $range,
        }
    };
    (@read $params:ident, $spec:expr, $type:ty) => {
        <$type as $crate::web::api::request::Field>::read_field($params, &$spec)
    };
    (@read $params:ident, $spec:expr, $type:ty, $default:expr) => {
        <$type as $crate::web::api::request::FieldValue>::read($params, &$spec).unwrap_or($default)
    };
    (@describe $schemas:ident, $parameters:ident, $spec:expr, $type:ty) => {
        <$type as $crate::web::api::request::Field>::describe_field(&$spec, $schemas, $parameters)
    };
    (@describe $schemas:ident, $parameters:ident, $spec:expr, $type:ty, $default:expr) => {
        $parameters.push($crate::web::api::request::Parameter::with_default::<$type>(&$spec, $schemas, &$default))
    };
}
pub(super) use request;

/// No fields.
impl Request for () {
    fn read(_: &mut Params) -> Self {}

    fn describe(_: &mut SchemaGenerator, _: &mut Vec<Parameter>) {}
}

impl<T: Request> Field for T {
    fn read_field(params: &mut Params, _: &Spec) -> Self {
        T::read(params)
    }

    fn describe_field(_: &Spec, schemas: &mut SchemaGenerator, parameters: &mut Vec<Parameter>) {
        T::describe(schemas, parameters);
    }
}

impl<T: FieldValue> Field for Option<T> {
    fn read_field(params: &mut Params, spec: &Spec) -> Self {
        T::read(params, spec)
    }

    fn describe_field(spec: &Spec, schemas: &mut SchemaGenerator, parameters: &mut Vec<Parameter>) {
        parameters.push(Parameter::new(spec, false, T::schema(spec, schemas)));
    }
}

request! {
    /// The workspace of a request.
    struct InWorkspace {
        /// The workspace, also accepted as `workspace_id`. If omitted, the token's; required if there are no tokens.
        workspace_id: Option<String>,
    }
}

/// A request that has been read but not checked, with the workspace that it names.
pub(super) struct Unchecked<T> {
    request: T,
    workspace: Option<String>,
    params: Params,
}

impl<T: Request> Unchecked<T> {
    fn read(mut params: Params) -> Self {
        let InWorkspace { workspace_id } = InWorkspace::read(&mut params);
        Self { request: T::read(&mut params), workspace: workspace_id, params }
    }

    fn describe(schemas: &mut SchemaGenerator) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        InWorkspace::describe(schemas, &mut parameters);
        T::describe(schemas, &mut parameters);
        parameters
    }

    /// The request, for further checks. A field with a mistake has its default value.
    pub fn peek(&self) -> &T {
        &self.request
    }

    /// Records a mistake.
    pub fn reject(&mut self, field: &str, detail: impl Into<String>, remedy: impl Into<String>) {
        self.params.reject(field, detail, remedy);
    }

    /// The workspace and the request.
    ///
    /// # Errors
    /// If the request has mistakes, with all of them; if the caller's role is too low; if the workspace does not exist.
    pub async fn check(self, app: &App, caller: &Caller, role: Role) -> Result<(WorkspaceId, T), Problem> {
        self.params.finish()?;
        caller.require(role)?;
        let workspace = caller.workspace(self.workspace)?;
        app.require_workspace(&workspace).await?;
        Ok((workspace, self.request))
    }
}

/// A request in the query.
pub(super) struct Query<T>(pub Unchecked<T>);

impl<T: Request> FromRequestParts<App> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let QueryFields(params) = QueryFields::from_request_parts(parts, app).await?;
        Ok(Self(Unchecked::read(params)))
    }
}

impl<T: Request> Input for Query<T> {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        for Parameter { name, about, is_required, schema } in Unchecked::<T>::describe(schemas) {
            operation.add_parameter(Location::Query, &camel_case(name), about, is_required, schema.as_value());
        }
        operation.add_problems(schemas, &[StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND]);
    }
}

/// A request in a JSON body.
pub(super) struct Body<T>(pub Unchecked<T>);

impl<T: Request> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: HttpRequest, app: &App) -> Result<Self, Problem> {
        let BodyFields(params) = BodyFields::from_request(request, app).await?;
        Ok(Self(Unchecked::read(params)))
    }
}

impl<T: BodyRequest> Input for Body<T> {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for Parameter { name, about, is_required, mut schema } in Unchecked::<T>::describe(schemas) {
            schema.insert("description".to_owned(), json!(about));
            required.extend(is_required.then(|| camel_case(name)));
            properties.insert(camel_case(name), schema.to_value());
        }
        let schema = json!({
            "type": "object",
            "description": T::ABOUT.trim(),
            "required": required,
            "properties": properties,
            "additionalProperties": false,
        });
        schemas.definitions_mut().insert(T::NAME.to_owned(), schema);
        operation.set_body(&json!({"$ref": format!("#/components/schemas/{}", T::NAME)}));
        let statuses = [
            StatusCode::BAD_REQUEST,
            StatusCode::NOT_FOUND,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ];
        operation.add_problems(schemas, &statuses);
    }
}

/// A query without any fields.
pub(super) struct EmptyQuery;

impl FromRequestParts<App> for EmptyQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let QueryFields(params) = QueryFields::from_request_parts(parts, app).await?;
        params.finish().map(|()| Self)
    }
}

impl Input for EmptyQuery {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        operation.add_problems(schemas, &[StatusCode::BAD_REQUEST]);
    }
}

/// `workspace_id` as `workspaceId`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| match word.split_at_checked(1) {
        Some((initial, rest)) => text + initial.to_ascii_uppercase().as_str() + rest,
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    request! {
        /// A request.
        struct Example {
            /// How many.
            #[range(1..=9)]
            #[default(4)]
            at_most: u32,
            /// Of this client,
            /// if any.
            client_id: Option<String>,
        }
    }

    #[test]
    fn a_wrong_field_has_its_default_and_is_reported() {
        let mut params = Params::from_pairs(b"atMost=10&clientId=tea");
        let Example { at_most, client_id } = Example::read(&mut params);
        assert_eq!((at_most, client_id.as_deref()), (4, Some("tea")));
        let problem = params.finish().unwrap_err();
        assert_eq!(problem.errors[0].remedy, "write a whole number from 1 to 9");
    }

    #[test]
    fn a_field_is_described_as_it_is_declared() {
        let (mut schemas, mut parameters) = (SchemaGenerator::default(), Vec::new());
        Example::describe(&mut schemas, &mut parameters);
        let [at_most, client] = parameters.try_into().map_err(|_| "two fields").unwrap();
        assert_eq!(camel_case(at_most.name), "atMost");
        assert_eq!((at_most.about, at_most.is_required), ("How many.", false));
        assert_eq!(at_most.schema, json!({"type": "integer", "minimum": 1, "maximum": 9, "default": 4}));
        assert_eq!((client.name, client.about), ("client_id", "Of this client, if any."));
    }
}
