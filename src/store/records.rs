//! Records as rows of the ledger's tables: their column lists for statements, and their decoding.

use std::borrow::Cow;

use chrono::NaiveDate;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::row::{BadValue, Id, Instant, Json};
use crate::model::{
    CalendarEntry, Cell, Cells, Channel, Client, ClientId, Column, DayKind, Kind, LimitNumbers, LimitNumbersRow,
    NumbersPlace, Record, Timestamp, Value, WorkspaceId, record,
};

record! {
    /// The columns that the ledger adds to a row of a workspace.
    pub(super) struct WorkspaceColumns {
        /// The workspace.
        pub workspace_id: WorkspaceId,
    }
}

record! {
    /// The columns that the ledger adds to a client's row.
    pub(super) struct ClientColumns {
        /// When it was first loaded.
        pub created_at: Timestamp,
        /// When it last changed.
        pub updated_at: Timestamp,
    }
}

record! {
    /// The columns that the ledger adds to an asset's row.
    pub(super) struct AssetColumns {
        /// The workspace.
        pub workspace_id: WorkspaceId,
        /// Whether it is retired: kept for the schedules that used it, and not used again.
        pub retired: bool,
    }
}

record! {
    /// A row of `calendar_days`.
    pub(super) struct DayRow {
        /// The client it concerns.
        pub client_id: ClientId,
        /// 0-based position among the client's days.
        pub position: u32,
        /// The client's workspace.
        pub workspace_id: WorkspaceId,
        /// First day.
        pub from_date: NaiveDate,
        /// Last day (inclusive).
        pub to_date: NaiveDate,
        /// Its kind.
        pub kind: DayKind,
        /// Factor on the value of posts; `None` if the rules decide.
        pub factor: Option<f64>,
        /// The channel it concerns; `None` for all.
        pub channel: Option<Channel>,
        /// Its name, shown in explanations.
        pub name: std::sync::Arc<str>,
    }
}

impl DayRow {
    /// The rows of a client's special days.
    pub fn all_of(client: &Client) -> impl Iterator<Item = Self> {
        (0..).zip(&client.calendar).map(|(position, day)| {
            let CalendarEntry { from, to, kind, factor, channel, ref name } = *day;
            Self {
                client_id: client.id.clone(),
                position,
                workspace_id: client.workspace_id.clone(),
                from_date: from,
                to_date: to,
                kind,
                factor,
                channel,
                name: name.clone(),
            }
        })
    }
}

impl From<DayRow> for CalendarEntry {
    fn from(row: DayRow) -> Self {
        let DayRow { from_date: from, to_date: to, kind, factor, channel, name, .. } = row;
        Self { from, to, kind, factor, channel, name }
    }
}

record! {
    /// A row of `limit_numbers`.
    pub(super) struct NumbersRow {
        /// The workspace.
        pub workspace_id: WorkspaceId,
        /// The client they are for; `None` for every client of the workspace.
        pub client_id: Option<ClientId>,
        /// The limit.
        pub limit_name: std::sync::Arc<str>,
        /// Maximum number of posts.
        pub at_most: Option<f64>,
        /// Minimum number of posts.
        pub at_least: Option<f64>,
        /// Maximum share of all posts.
        pub at_most_share: Option<f64>,
        /// Minimum share of all posts.
        pub at_least_share: Option<f64>,
        /// Worth given up for each post too many or too few.
        pub price: Option<f64>,
    }
}

impl NumbersRow {
    /// The rows of a client's numbers, those of its workspace included.
    pub fn all_of(client: &Client) -> impl Iterator<Item = Self> {
        client.limit_numbers.iter().map(|numbers| {
            let LimitNumbersRow { limit, client_id, at_most, at_least, at_most_share, at_least_share, price, .. } =
                LimitNumbersRow::of(client, numbers);
            let (workspace_id, limit_name) = (client.workspace_id.clone(), limit);
            Self { workspace_id, client_id, limit_name, at_most, at_least, at_most_share, at_least_share, price }
        })
    }
}

impl From<NumbersRow> for LimitNumbers {
    fn from(row: NumbersRow) -> Self {
        let NumbersRow { client_id, limit_name, at_most, at_least, at_most_share, at_least_share, price, workspace_id } =
            row;
        let workspace_id = client_id.is_none().then_some(workspace_id);
        let limit = limit_name;
        LimitNumbersRow { limit, workspace_id, client_id, at_most, at_least, at_most_share, at_least_share, price }
            .into_numbers(NumbersPlace::default())
    }
}

/// A record's column names, separated by commas.
pub(super) fn column_list<R: Record>() -> String {
    R::columns().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

/// A record decoded from a row.
#[derive(Debug)]
pub(super) struct RecordRow<T>(pub T);

impl<'r, R, T> FromRow<'r, R> for RecordRow<T>
where
    T: Record,
    R: Row,
    &'static str: ColumnIndex<R>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
    Option<f64>: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    Option<bool>: Decode<'r, R::Database> + Type<R::Database>,
    Option<Instant>: Decode<'r, R::Database> + Type<R::Database>,
    Option<Id>: Decode<'r, R::Database> + Type<R::Database>,
    Option<Json<Vec<String>>>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let read_value = |column: &'static Column| {
            let name = column.name;
            Ok(match column.kind {
                Kind::Text => row.try_get::<Option<String>, _>(name)?.map(|text| Value::Text(text.into())),
                Kind::Texts => row
                    .try_get::<Option<Json<Vec<String>>>, _>(name)?
                    .map(|Json(texts)| Value::Texts(texts.into_iter().map(Cow::from).collect())),
                Kind::Number => row.try_get::<Option<f64>, _>(name)?.map(Value::Number),
                Kind::Count => row.try_get::<Option<i64>, _>(name)?.map(|number| count(name, number)).transpose()?,
                Kind::Flag => row.try_get::<Option<bool>, _>(name)?.map(Value::Flag),
                Kind::Instant => row.try_get::<Option<Instant>, _>(name)?.map(|Instant(at)| Value::Instant(at)),
                Kind::Date => row.try_get::<Option<String>, _>(name)?.map(|text| date(name, text)).transpose()?,
                Kind::Id => row.try_get::<Option<Id>, _>(name)?.map(|Id(id)| Value::Id(id)),
            })
        };
        let mut cells = RowCells { read_value, error: None };
        let record = T::read(&mut cells);
        match (cells.error, record) {
            (None, Some(record)) => Ok(Self(record)),
            // `read` returns `None` only after a cell's error, so there always is one.
            (error, _) => Err(error.unwrap_or(sqlx::Error::RowNotFound)),
        }
    }
}

fn count(column: &str, number: i64) -> Result<Value<'static>, sqlx::Error> {
    u32::try_from(number).map(Value::Count).map_err(|_| unreadable(column, number.to_string()))
}

fn date(column: &str, text: String) -> Result<Value<'static>, sqlx::Error> {
    text.parse().map(Value::Date).map_err(|_| unreadable(column, text))
}

fn unreadable(column: &str, value: String) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(BadValue(value)) }
}

/// The cells of a row, decoded one by one, and the first decoding error.
struct RowCells<V> {
    read_value: V,
    error: Option<sqlx::Error>,
}

impl<V: Fn(&'static Column) -> Result<Option<Value<'static>>, sqlx::Error>> RowCells<V> {
    fn read<C: Cell>(&self, column: &'static Column) -> Result<C, sqlx::Error> {
        let Some(value) = (self.read_value)(column)? else {
            return C::blank().ok_or_else(|| unreadable(column.name, "NULL".to_owned()));
        };
        match C::from_value(value) {
            Ok(cell) => Ok(cell),
            Err(_) => {
                // The conversion has consumed the value, so it is read again for the message.
                let value = (self.read_value)(column)?;
                Err(unreadable(column.name, value.map_or_else(String::new, |value| value.to_string())))
            }
        }
    }
}

impl<V: Fn(&'static Column) -> Result<Option<Value<'static>>, sqlx::Error>> Cells for RowCells<V> {
    fn cell<C: Cell>(&mut self, column: &'static Column, _: Option<C>) -> Option<C> {
        self.read(column).map_err(|error| self.error.get_or_insert(error)).ok()
    }
}
