//! JSON Schema (draft 2020-12) of a pack's files, so that editors complete and check them.
//!
//! The schema is generated from the key table that the loader validates against, and from nothing else.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::key::{DAYS, DefaultValue, FileKeys, Key, Kind, Placeholder, Presence, Rows};

/// The JSON Schema of one file.
#[must_use]
pub fn json_schema(file: &FileKeys) -> Value {
    let mut root = Node::default();
    for key in file.keys {
        let parts: Vec<&str> = key.path.split('.').collect();
        root.insert(&parts, key);
    }
    let mut schema = root.table();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!(format!("{}.toml", file.stem)));
    schema.insert("description".to_owned(), json!(file.doc));
    // There is no `$id`: a file gives the location of its schema in a comment at its start.
    Value::Object(schema)
}

/// A node of the key tree while keys are inserted.
#[derive(Default)]
struct Node<'k> {
    children: Vec<(&'k str, Node<'k>)>,
    key: Option<&'k Key>,
}

impl<'k> Node<'k> {
    fn insert(&mut self, parts: &[&'k str], key: &'k Key) {
        let Some((first, rest)) = parts.split_first() else {
            self.key = Some(key);
            return;
        };
        if !self.children.iter().any(|(name, _)| name == first) {
            self.children.push((first, Node::default()));
        }
        if let Some((_, child)) = self.children.iter_mut().find(|(name, _)| name == first) {
            child.insert(rest, key);
        }
    }

    fn schema(&self) -> Value {
        match self.key {
            Some(key) => key_schema(key),
            None => Value::Object(self.table()),
        }
    }

    /// Whether this entry is required if its table is present.
    fn is_required(&self) -> bool {
        match self.key {
            Some(key) => matches!(key.presence, Presence::Required | Presence::WithTable),
            None => self.children.iter().any(|(_, child)| child.holds_required_key()),
        }
    }

    /// Whether a file without this entry lacks a required key.
    fn holds_required_key(&self) -> bool {
        match self.key {
            Some(key) => key.presence == Presence::Required,
            None => self.children.iter().any(|(_, child)| child.holds_required_key()),
        }
    }

    /// The schema of the entry as a table.
    fn table(&self) -> Map<String, Value> {
        let mut properties = Map::new();
        let mut patterns = Map::new();
        let mut required = Vec::new();
        for (name, child) in &self.children {
            let schema = child.schema();
            match Placeholder::of(name) {
                None => {
                    if child.is_required() {
                        required.push((*name).to_owned());
                    }
                    properties.insert((*name).to_owned(), schema);
                }
                Some(placeholder) => match placeholder.allowed_names() {
                    Some(names) => {
                        // Every channel is required; days and signals are optional.
                        if placeholder == Placeholder::Channel {
                            required.extend(names.iter().map(|name| (*name).to_owned()));
                        }
                        for name in names {
                            properties.insert(name.to_owned(), schema.clone());
                        }
                    }
                    None if placeholder == Placeholder::ContentType => {
                        patterns.insert("^[^.]+$".to_owned(), schema);
                    }
                    None => {
                        patterns.insert("^[a-z][a-z0-9_]*$".to_owned(), schema);
                    }
                },
            }
        }
        let mut table = Map::new();
        table.insert("type".to_owned(), json!("object"));
        table.insert("additionalProperties".to_owned(), json!(false));
        if !properties.is_empty() {
            table.insert("properties".to_owned(), Value::Object(properties));
        }
        if !patterns.is_empty() {
            table.insert("patternProperties".to_owned(), Value::Object(patterns));
        }
        if !required.is_empty() {
            table.insert("required".to_owned(), json!(required));
        }
        table
    }
}

fn key_schema(key: &Key) -> Value {
    let mut schema = kind_schema(&key.kind);
    schema.insert("description".to_owned(), json!(key.doc));
    if let Presence::Default(preset) = key.presence {
        schema.insert("default".to_owned(), default_json(preset));
    }
    Value::Object(schema)
}

fn default_json(preset: DefaultValue) -> Value {
    match preset {
        DefaultValue::Integer(number) => json!(number),
        DefaultValue::Number(number) => json!(number),
        DefaultValue::Bool(flag) => json!(flag),
        DefaultValue::Text(text) => json!(text),
        DefaultValue::Names(names) => json!(names),
        DefaultValue::NoRows => json!([]),
    }
}

fn kind_schema(kind: &Kind) -> Map<String, Value> {
    let schema = match kind {
        Kind::Integer { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Number { least, most } => {
            let mut schema = json!({"type": "number"});
            insert_bound(&mut schema, *least, "minimum", "exclusiveMinimum");
            insert_bound(&mut schema, *most, "maximum", "exclusiveMaximum");
            schema
        }
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Text => json!({"type": "string", "minLength": 1}),
        Kind::Choice(names) => json!({"enum": names}),
        Kind::Hours => json!({
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": 23},
            "uniqueItems": true,
        }),
        Kind::Names(names) => {
            json!({"type": "array", "items": {"enum": names}, "minItems": 1, "uniqueItems": true})
        }
        Kind::Texts => json!({
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "minItems": 1,
            "uniqueItems": true,
        }),
        Kind::Clock => json!({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"}),
        Kind::Date => json!({"type": "string", "format": "date"}),
        Kind::DateTime => json!({"type": "string", "pattern": format!("^{}$", date_time_pattern())}),
        Kind::WallTime => json!({"type": "string", "pattern": wall_time_pattern()}),
        Kind::Rows(rows) => rows_schema(rows),
    };
    match schema {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Pattern of a weekday and time, or of a date and time, which editors check as a string.
fn wall_time_pattern() -> String {
    let weekly = format!("({}) +({CLOCK}|24:00)", DAYS.join("|"));
    format!("^({weekly}|{})$", date_time_pattern())
}

fn date_time_pattern() -> String {
    format!("[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{CLOCK}(:[0-5][0-9](\\.[0-9]+)?)?")
}

/// Pattern of a time of day.
const CLOCK: &str = "([01][0-9]|2[0-3]):[0-5][0-9]";

fn insert_bound(schema: &mut Value, limit: Bound<f64>, inclusive: &str, exclusive: &str) {
    let (name, number) = match limit {
        Bound::Included(number) => (inclusive, number),
        Bound::Excluded(number) => (exclusive, number),
        Bound::Unbounded => return,
    };
    if let Value::Object(map) = schema {
        map.insert(name.to_owned(), json!(number));
    }
}

fn rows_schema(rows: &Rows) -> Value {
    let mut row = Node::default();
    for column in rows.columns {
        row.insert(&[column.path], column);
    }
    let mut schema = json!({"type": "array", "items": row.table(), "examples": [rows.example]});
    if let (Some(_), Value::Object(map)) = (rows.first, &mut schema) {
        map.insert("minItems".to_owned(), json!(1));
    }
    schema
}
