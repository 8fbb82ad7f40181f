//! The types that fields of requests can have.

use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use uuid::Uuid;

use super::request::{Field, FieldValue, Parameter, Spec};
use crate::model::{ActionType, Channel, ConflictKind, RiskBand, ScheduleStatus, Severity, Week};
use crate::web::params::{MAX_CHARS, MAX_VALUES, Moment, Params};
use crate::web::problem::Problem;

/// A type whose values are given by name.
pub(super) trait Choice: FromStr + JsonSchema {
    fn names() -> Vec<&'static str>;
}

macro_rules! choices {
    ($($type:ty),+ $(,)?) => { $(
        impl $crate::web::api::values::Choice for $type {
            fn names() -> Vec<&'static str> {
                Self::ALL.iter().map(|value| value.name()).collect()
            }
        }
    )+ };
}
pub(super) use choices;

choices!(ActionType, Channel, ConflictKind, RiskBand, ScheduleStatus, Severity);

impl<T: Choice> FieldValue for T {
    fn read(params: &mut Params, spec: &Spec) -> Option<Self> {
        params.name(spec.name, &T::names())
    }

    fn schema(_: &Spec, schemas: &mut SchemaGenerator) -> Schema {
        schemas.subschema_for::<T>()
    }
}

/// A choice that must be made.
#[derive(Debug)]
pub(super) struct Required<T>(Option<T>);

impl<T> Required<T> {
    /// The choice.
    ///
    /// # Errors
    /// If it is missing, which a checked request rules out.
    pub fn get(self) -> Result<T, Problem> {
        self.0.ok_or_else(|| Problem::internal(&"a request was not checked"))
    }
}

impl<T: Choice> Field for Required<T> {
    fn read_field(params: &mut Params, spec: &Spec) -> Self {
        Self(params.required_name(spec.name, &T::names()))
    }

    fn describe_field(spec: &Spec, schemas: &mut SchemaGenerator, parameters: &mut Vec<Parameter>) {
        parameters.push(Parameter::new(spec, true, T::schema(spec, schemas)));
    }
}

impl FieldValue for String {
    fn read(params: &mut Params, spec: &Spec) -> Option<Self> {
        params.text(spec.name)
    }

    fn schema(_: &Spec, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "maxLength": MAX_CHARS})
    }
}

macro_rules! whole_numbers {
    ($($type:ty),+) => { $(
        impl FieldValue for $type {
            fn read(params: &mut Params, spec: &Spec) -> Option<Self> {
                let range = spec.range.clone().unwrap_or(0..=u64::from(<$type>::MAX));
                params.whole(spec.name, range).and_then(|number| number.try_into().ok())
            }

            fn schema(spec: &Spec, _: &mut SchemaGenerator) -> Schema {
                match &spec.range {
                    Some(range) => json_schema!({"type": "integer", "minimum": range.start(), "maximum": range.end()}),
                    None => json_schema!({"type": "integer", "minimum": 0}),
                }
            }
        }
    )+ };
}

whole_numbers!(u32, u64);

impl FieldValue for Uuid {
    fn read(params: &mut Params, spec: &Spec) -> Option<Self> {
        let ids = params.ids(spec.name);
        if ids.len() > 1 {
            params.reject(spec.name, "it has several ids", "give one");
        }
        ids.first().copied()
    }

    fn schema(_: &Spec, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^$|^[0-9a-fA-F-]{32,36}$"})
    }
}

impl FieldValue for Week {
    fn read(params: &mut Params, spec: &Spec) -> Option<Self> {
        params.parsed(spec.name, "write an ISO week, such as 2026-W49")
    }

    fn schema(_: &Spec, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^$|^[0-9]{4}-W[0-9]{2}$", "examples": ["2026-W49"]})
    }
}

impl FieldValue for Moment {
    fn read(params: &mut Params, spec: &Spec) -> Option<Self> {
        params.moment(spec.name)
    }

    fn schema(_: &Spec, _: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^$|^[0-9]{4}-[0-9]{2}-[0-9]{2}(T.+)?$",
            "examples": ["2026-11-30", "2026-11-30T08:00:00Z"],
        })
    }
}

/// A list of ids, sorted and without duplicates.
impl Field for Vec<Uuid> {
    fn read_field(params: &mut Params, spec: &Spec) -> Self {
        params.ids(spec.name)
    }

    fn describe_field(spec: &Spec, _: &mut SchemaGenerator, parameters: &mut Vec<Parameter>) {
        let items = json_schema!({"type": "string", "format": "uuid"});
        let schema = json_schema!({"type": "array", "items": items, "maxItems": MAX_VALUES});
        parameters.push(Parameter::new(spec, false, schema));
    }
}
