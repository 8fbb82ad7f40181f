//! Bind values of statements, and the translation of statements to SQLite's dialect.
//!
//! Statements are written once, in PostgreSQL's dialect. [`for_sqlite`] rewrites what SQLite does not support.

use chrono::{DateTime, SubsecRound as _, Utc};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Postgres, Sqlite};
use uuid::Uuid;

use crate::model::Timestamp;

/// Which SQL a database understands, for the few statements that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

/// A bind value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(Option<String>),
    Whole(Option<i64>),
    Number(Option<f64>),
    Flag(bool),
    Instant(Option<Timestamp>),
    Id(Option<Uuid>),
    /// The id of a decision, or of the schedule that it concerns: 16 bytes in SQLite.
    Key(Option<Uuid>),
    Json(Option<serde_json::Value>),
    /// A set of ids, for `id = ANY($1)` or `id <> ALL($1)`.
    Ids(Vec<Uuid>),
    /// A set of ids, for `decision_key = ANY($1)`.
    Keys(Vec<Uuid>),
    /// A set of texts, for `client_id = ANY($1)`.
    Texts(Vec<String>),
}

/// An id in the form in which decisions store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(pub Uuid);

/// A set of such ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys(pub Vec<Uuid>);

macro_rules! value_from {
    ($($kind:ty => $variant:ident($value:ident => $convert:expr)),+ $(,)?) => {
        $(impl From<$kind> for Value {
            fn from($value: $kind) -> Self {
                Value::$variant($convert)
            }
        })+
    };
}

value_from!(
    &str => Text(text => Some(text.to_owned())),
    String => Text(text => Some(text)),
    Option<&str> => Text(text => text.map(str::to_owned)),
    Option<String> => Text(text => text),
    i64 => Whole(number => Some(number)),
    u32 => Whole(number => Some(i64::from(number))),
    Option<i64> => Whole(number => number),
    f64 => Number(number => Some(number)),
    Option<f64> => Number(number => number),
    bool => Flag(flag => flag),
    Timestamp => Instant(at => Some(at)),
    Option<Timestamp> => Instant(at => at),
    Uuid => Id(id => Some(id)),
    Option<Uuid> => Id(id => id),
    Key => Key(key => Some(key.0)),
    Option<Key> => Key(key => key.map(|key| key.0)),
    Keys => Keys(keys => keys.0),
    serde_json::Value => Json(value => Some(value)),
    Option<serde_json::Value> => Json(value => value),
    Vec<Uuid> => Ids(ids => ids),
    &[Uuid] => Ids(ids => ids.to_vec()),
    Vec<String> => Texts(texts => texts),
    &[String] => Texts(texts => texts.to_vec()),
    &[&str] => Texts(texts => texts.iter().map(|text| (*text).to_owned()).collect()),
);

/// The bind values of a statement, in the order of `$1`, `$2`, …
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::values::Value::from($value)),*] };
}
pub(super) use values;

/// Binds a statement's values for PostgreSQL, each with its column's type, even if it is NULL.
pub(super) fn bind_postgres(sql: &str, values: Vec<Value>) -> Query<'_, Postgres, PgArguments> {
    let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    values.into_iter().fold(query, |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Whole(number) => query.bind(number),
        Value::Number(number) => query.bind(number),
        Value::Flag(flag) => query.bind(flag),
        Value::Instant(at) => query.bind(at.map(rounded_to_microsecond)),
        Value::Id(id) | Value::Key(id) => query.bind(id),
        Value::Json(value) => query.bind(value.map(sqlx::types::Json)),
        Value::Ids(ids) | Value::Keys(ids) => query.bind(ids),
        Value::Texts(texts) => query.bind(texts),
    })
}

/// Binds a statement's values for SQLite, which stores times, ids, JSON and lists as text, and ids of decisions as bytes.
pub(super) fn bind_sqlite(sql: &str, values: Vec<Value>) -> Query<'_, Sqlite, SqliteArguments> {
    let query = sqlx::query(AssertSqlSafe(for_sqlite(sql)));
    values.into_iter().fold(query, |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Whole(number) => query.bind(number),
        Value::Number(number) => query.bind(number),
        Value::Flag(flag) => query.bind(flag),
        Value::Instant(at) => query.bind(at.map(|at| at.to_string())),
        Value::Id(id) => query.bind(id.map(|id| id.to_string())),
        Value::Key(id) => query.bind(id.map(|id| id.as_bytes().to_vec())),
        Value::Json(value) => query.bind(value.map(|value| value.to_string())),
        Value::Ids(ids) => query.bind(serde_json::json!(ids).to_string()),
        Value::Keys(ids) => {
            let hex: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
            query.bind(serde_json::json!(hex).to_string())
        }
        Value::Texts(texts) => query.bind(serde_json::json!(texts).to_string()),
    })
}

/// An instant at PostgreSQL's precision, rounded as PostgreSQL rounds text sent with `COPY`, so that both ways of
/// writing an instant store the same value.
fn rounded_to_microsecond(at: Timestamp) -> DateTime<Utc> {
    at.utc().round_subsecs(6)
}

/// Translates a statement to SQLite's dialect, which has no row locks and no arrays: a list is passed as JSON text.
fn for_sqlite(sql: &str) -> String {
    let without_locks = sql.replace(" FOR UPDATE SKIP LOCKED", "").replace(" FOR UPDATE", "");
    // The columns that hold ids as bytes.
    let with_keys = ["decision_key", "schedule_key"].into_iter().fold(without_locks, |sql, column| {
        with_json_lists(&sql, &format!("{column} = ANY("), &format!("{column} IN "), "unhex(value)")
    });
    let with_in = with_json_lists(&with_keys, " = ANY(", " IN ", "value");
    with_json_lists(&with_in, " <> ALL(", " NOT IN ", "value")
}

/// Replaces an operator on an array parameter with an operator on the items of a JSON list, each converted by an
/// expression.
fn with_json_lists(sql: &str, array_operator: &str, list_operator: &str, item: &str) -> String {
    let mut parts = sql.split(array_operator);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (parameter, rest) = part.split_once(')').unwrap_or((part, ""));
        text.push_str(list_operator);
        text.push_str("(SELECT ");
        text.push_str(item);
        text.push_str(" FROM json_each(");
        text.push_str(parameter);
        text.push_str("))");
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_translated_to_sqlite() {
        let sql = "SELECT a FROM t WHERE (b = ANY($1) OR c <> ALL($2)) AND d = $3 FOR UPDATE SKIP LOCKED";
        let expected = "SELECT a FROM t WHERE (b IN (SELECT value FROM json_each($1)) \
                        OR c NOT IN (SELECT value FROM json_each($2))) AND d = $3";
        assert_eq!(for_sqlite(sql), expected);
        assert_eq!(for_sqlite("SELECT a FROM t WHERE b = $1 FOR UPDATE"), "SELECT a FROM t WHERE b = $1");
        let by_keys = "SELECT a FROM t WHERE decision_key IN (SELECT unhex(value) FROM json_each($1))";
        assert_eq!(for_sqlite("SELECT a FROM t WHERE decision_key = ANY($1)"), by_keys);
    }

    #[test]
    fn instants_are_rounded_like_in_postgresql() {
        let rounded = |text: &str| Timestamp::from(rounded_to_microsecond(text.parse().unwrap())).to_string();
        assert_eq!(rounded("2026-11-30T09:00:00Z"), "2026-11-30T09:00:00Z");
        assert_eq!(rounded("2026-11-30T09:00:00.123456499Z"), "2026-11-30T09:00:00.123456Z");
        assert_eq!(rounded("2026-11-30T09:00:00.123456501Z"), "2026-11-30T09:00:00.123457Z");
        assert_eq!(rounded("2026-11-30T23:59:59.9999997Z"), "2026-12-01T00:00:00Z");
    }
}
