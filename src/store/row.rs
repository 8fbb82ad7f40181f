//! Decodes rows by the names and types of their columns.
//!
//! [`from_row!`] declares a struct with its columns. A column is decoded as one of the types here, which work with both
//! databases: PostgreSQL has native types for times, ids and JSON, SQLite stores text.

use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::types::JsonRawValue;
use sqlx::{Column as _, Database, Decode, FromRow, Postgres, Sqlite, Type};
use uuid::Uuid;

use crate::model::{AssetId, CampaignId, ClientId, Score, Timestamp, WorkspaceId};

/// A type that a row of either database can be read as.
pub(super) trait FromAnyRow: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

impl<T> FromAnyRow for T where T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

/// Decodes a row. An error names its column, even if the column was read by position.
pub(super) fn decode_row<R: sqlx::Row, T: for<'r> FromRow<'r, R>>(row: R) -> Result<T, sqlx::Error> {
    T::from_row(&row).map_err(|error| match error {
        sqlx::Error::ColumnDecode { index, source } => {
            let position = index.parse().ok();
            let column = position.and_then(|position: usize| row.columns().get(position));
            let name = column.map(|column| column.name().to_owned());
            sqlx::Error::ColumnDecode { index: name.unwrap_or_else(|| index.trim_matches('"').to_owned()), source }
        }
        other => other,
    })
}

/// A value that is invalid for its column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid value `{0}`")]
pub(super) struct BadValue(pub String);

/// A type that a column is decoded as before it is converted to the field's type.
pub(super) trait ColumnType {
    /// The field's type.
    type Value;

    fn value(self) -> Self::Value;
}

macro_rules! plain_columns {
    ($($kind:ty),+) => {
        $(impl ColumnType for $kind {
            type Value = Self;

            fn value(self) -> Self {
                self
            }
        })+
    };
}

plain_columns!(String, bool, i64, f64);

impl<C: ColumnType> ColumnType for Option<C> {
    type Value = Option<C::Value>;

    fn value(self) -> Self::Value {
        self.map(C::value)
    }
}

/// Declares a column type that wraps the field's type, and how it is decoded from the databases' types: the same for
/// both, or one for each.
macro_rules! column {
    ($(#[$doc:meta])* $kind:ident$(<$t:ident: $bound:path>)?($value:ty) from $stored:ty => $read:expr) => {
        column!(@wrapper $(#[$doc])* $kind$(<$t>)?($value));
        column!(@decode [DB: Database] DB, $kind$(<$t: $bound>)?, $stored => $read);
    };
    (
        $(#[$doc:meta])* $kind:ident$(<$t:ident: $bound:path>)?($value:ty)
        from $in_postgres:ty => $read_postgres:expr, or $in_sqlite:ty => $read_sqlite:expr
    ) => {
        column!(@wrapper $(#[$doc])* $kind$(<$t>)?($value));
        column!(@decode [] Postgres, $kind$(<$t: $bound>)?, $in_postgres => $read_postgres);
        column!(@decode [] Sqlite, $kind$(<$t: $bound>)?, $in_sqlite => $read_sqlite);
    };
    (@wrapper $(#[$doc:meta])* $kind:ident$(<$t:ident>)?($value:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub(super) struct $kind$(<$t>)?(pub $value);

        impl$(<$t>)? ColumnType for $kind$(<$t>)? {
            type Value = $value;

            fn value(self) -> $value {
                self.0
            }
        }
    };
    (
        @decode [$($database:ident: $database_bound:path)?] $db:ty,
        $kind:ident$(<$t:ident: $bound:path>)?, $stored:ty => $read:expr
    ) => {
        impl<$($database: $database_bound,)? $($t)?> Type<$db> for $kind$(<$t>)?
        $(where $stored: Type<$database>)?
        {
            fn type_info() -> <$db as Database>::TypeInfo {
                <$stored as Type<$db>>::type_info()
            }

            fn compatible(info: &<$db as Database>::TypeInfo) -> bool {
                <$stored as Type<$db>>::compatible(info)
            }
        }

        impl<'r, $($database: $database_bound,)? $($t: $bound)?> Decode<'r, $db> for $kind$(<$t>)?
        $(where $stored: Decode<'r, $database>)?
        {
            fn decode(value: <$db as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let read: fn($stored) -> Result<_, BadValue> = $read;
                Ok(Self(read(<$stored as Decode<'r, $db>>::decode(value)?)?))
            }
        }
    };
}

column!(
    /// An instant.
    Instant(Timestamp) from DateTime<Utc> => |at| Ok(at.into()), or String => parsed
);
column!(
    /// An id.
    Id(Uuid) from Uuid => Ok, or String => parsed
);
column!(
    /// A value stored as JSON.
    Json<T: DeserializeOwned>(T)
    from sqlx::types::Json<Box<JsonRawValue>> => |json| from_json(json.0.get()), or String => |json| from_json(&json)
);
column!(
    /// Text parsed with `FromStr`: the name of a channel or a status, a date, a time zone.
    Name<T: FromStr>(T) from String => parsed
);
column!(
    /// Any text.
    Text<T: FromText>(T) from String => |text| Ok(T::from_text(text))
);
column!(
    /// An integer that must fit the field's type, such as a non-negative count.
    Whole<T: TryFrom<i64>>(T) from i64 => |number| number.try_into().map_err(|_| BadValue(number.to_string()))
);
column!(
    /// A score; a number out of range is clamped.
    Clamped(Score) from f64 => |number| Ok(Score::clamped(number))
);

fn parsed<T: FromStr>(text: String) -> Result<T, BadValue> {
    text.parse().map_err(|_| BadValue(text))
}

fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, BadValue> {
    serde_json::from_str(json).map_err(|_| BadValue(json.to_owned()))
}

/// A type that any text can be converted to.
pub(super) trait FromText {
    fn from_text(text: String) -> Self;
}

macro_rules! from_text {
    ($($kind:ty: $wrap:expr),+ $(,)?) => {
        $(impl FromText for $kind {
            fn from_text(text: String) -> Self {
                $wrap(text)
            }
        })+
    };
}

from_text!(
    Arc<str>: Arc::from,
    AssetId: AssetId::new,
    CampaignId: CampaignId::new,
    ClientId: ClientId::new,
    WorkspaceId: WorkspaceId::new,
);

/// Wraps a struct of the model, to implement `FromRow` for it.
#[derive(Debug)]
pub(super) struct ModelRow<T>(pub T);

/// Declares a struct that rows of both databases are read as. A field is read from the column of its name, or of the
/// name after `=`, and decoded as its own type, or as the column type after `as`. `parts` are structs that are read
/// from the same row; `in ModelRow` marks those of the model.
///
/// `ModelRow<KIND> { field: COLUMN, … }` implements the same for a struct of the model, with a column type for each
/// field; `empty` fields have no column and get their default.
macro_rules! from_row {
    (
        $(#[$meta:meta])*
        $vis:vis struct $kind:ident {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty $(as $column:ty)? $(= $name:literal)?),+ $(,)?
        }
        $(parts { $($part_vis:vis $part:ident: $part_kind:ident $(in $wrapper:ident)?),+ })?
    ) => {
        $(#[$meta])*
        $vis struct $kind {
            $($(#[$field_meta])* $field_vis $field: $type,)+
            $($($part_vis $part: $part_kind,)+)?
        }

        $crate::store::row::from_row!(
            @read $kind, std::convert::identity, $kind
            { $($field: $crate::store::row::from_row!(@column $type $(, $column)?) $(= $name)?),+ }
            $(parts { $($part: $part_kind $(in $wrapper)?),+ })?
        );
    };
    (ModelRow<$kind:ident> $($body:tt)+) => {
        $crate::store::row::from_row!(@read $crate::store::row::ModelRow<$kind>, $crate::store::row::ModelRow, $kind $($body)+);
    };
    (
        @read $target:ty, $wrap:expr, $kind:ident
        { $($field:ident: $column:ty $(= $name:literal)?),+ $(,)? }
        $(parts { $($part:ident: $part_kind:ident $(in $wrapper:ident)?),+ })?
        $(empty { $($empty:ident),+ })?
    ) => {
        impl<'r, R> sqlx::FromRow<'r, R> for $target
        where
            R: sqlx::Row,
            &'static str: sqlx::ColumnIndex<R>,
            $($column: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,)+
            $($($crate::store::row::from_row!(@part $part_kind $(, $wrapper)?): sqlx::FromRow<'r, R>,)+)?
        {
            fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
                Ok($wrap($kind {
                    $($field: $crate::store::row::ColumnType::value(
                        row.try_get::<$column, _>($crate::store::row::from_row!(@name $field $($name)?))?
                    ),)+
                    $($($part: $crate::store::row::from_row!(@read_part row, $part_kind $(, $wrapper)?),)+)?
                    $($($empty: Default::default(),)+)?
                }))
            }
        }
    };
    (@column $type:ty) => { $type };
    (@column $type:ty, $column:ty) => { $column };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
    (@part $kind:ident) => { $kind };
    (@part $kind:ident, $wrapper:ident) => { $crate::store::row::$wrapper<$kind> };
    (@read_part $row:ident, $kind:ident) => { <$kind as sqlx::FromRow<'r, R>>::from_row($row)? };
    (@read_part $row:ident, $kind:ident, $wrapper:ident) => {
        <$crate::store::row::$wrapper<$kind> as sqlx::FromRow<'r, R>>::from_row($row)?.0
    };
}
pub(super) use from_row;

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, SqliteConnection};

    use super::super::error::StoreError;
    use super::super::values::{Value, bind_sqlite, values};
    use super::*;
    use crate::model::Channel;

    from_row! {
        #[derive(Debug, PartialEq)]
        struct Post {
            id: Uuid as Id,
            channel: Channel as Name<Channel>,
            at: Option<Timestamp> as Option<Instant> = "published_at",
            tags: Vec<String> as Json<Vec<String>>,
            likes: u32 as Whole<u32>,
        }
    }

    fn query<T: FromAnyRow>(sql: &str, values: Vec<Value>) -> Result<T, StoreError> {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
            Ok(bind_sqlite(sql, values).try_map(decode_row).fetch_one(&mut connection).await?)
        })
    }

    const POST: &str = "SELECT $5 AS likes, $4 AS tags, $3 AS published_at, $2 AS channel, $1 AS id";

    #[test]
    fn rows_are_decoded_by_column_name() {
        let (id, at) = (Uuid::from_u128(7), "2026-11-30T09:00:00Z".parse().unwrap());
        let written = values![id, "fb", Some(at), serde_json::json!(["spring"]), 3_i64];
        let expected = Post { id, channel: Channel::Fb, at: Some(at), tags: vec!["spring".to_owned()], likes: 3 };
        assert_eq!(query::<Post>(POST, written).unwrap(), expected);
    }

    #[test]
    fn errors_name_the_column() {
        let error = |values| query::<Post>(POST, values).unwrap_err().to_string();
        let invalid = |value: &str, column: &str| format!("the database has the invalid value `{value}` in `{column}`");
        let (id, json) = (Uuid::from_u128(7), || serde_json::json!([]));
        assert_eq!(error(values!["seven", "fb", None::<String>, json(), 3_i64]), invalid("seven", "id"));
        assert_eq!(error(values![id, "fax", None::<String>, json(), 3_i64]), invalid("fax", "channel"));
        assert_eq!(error(values![id, "fb", "today", json(), 3_i64]), invalid("today", "published_at"));
        assert_eq!(error(values![id, "fb", None::<String>, "[1]", 3_i64]), invalid("[1]", "tags"));
        assert_eq!(error(values![id, "fb", None::<String>, json(), -3_i64]), invalid("-3", "likes"));
        let error = query::<(i64, Name<Channel>)>("SELECT 1, $1 AS channel", values!["fax"]).unwrap_err();
        assert_eq!(error.to_string(), invalid("fax", "channel"));
        let error = query::<Post>(POST, values![id, 5_i64, None::<String>, json(), 3_i64]).unwrap_err().to_string();
        assert!(error.contains("column channel") && error.contains("INTEGER"), "{error}");
    }
}
