//! Records: the rows of tables, each declared once.
//!
//! [`record!`] declares a struct and its columns: name, type, range, default, documentation. Parsing, validation,
//! writing, the database schema and the documented lists of columns follow from the declaration.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::NaiveDate;
use uuid::Uuid;

use super::time::{Timestamp, parse_date};
use crate::diagnostic::suggestion;

/// The data type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A list of texts, separated by `;` in files.
    Texts,
    /// A finite number.
    Number,
    /// A non-negative integer.
    Count,
    /// `true` or `false`.
    Flag,
    /// An instant; in files as ISO 8601 in UTC.
    Instant,
    /// A date; in files as ISO 8601.
    Date,
    /// A UUID.
    Id,
}

/// The value of a non-blank cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'v> {
    /// A value of [`Kind::Text`].
    Text(Cow<'v, str>),
    /// A value of [`Kind::Texts`].
    Texts(Vec<Cow<'v, str>>),
    /// A value of [`Kind::Number`].
    Number(f64),
    /// A value of [`Kind::Count`].
    Count(u32),
    /// A value of [`Kind::Flag`].
    Flag(bool),
    /// A value of [`Kind::Instant`].
    Instant(Timestamp),
    /// A value of [`Kind::Date`].
    Date(NaiveDate),
    /// A value of [`Kind::Id`].
    Id(Uuid),
}

impl fmt::Display for Value<'_> {
    /// Formats the value as in files.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Texts(texts) => f.write_str(&texts.join(";")),
            Value::Number(number) => number.fmt(f),
            Value::Count(count) => count.fmt(f),
            Value::Flag(flag) => flag.fmt(f),
            Value::Instant(at) => at.fmt(f),
            Value::Date(date) => date.fmt(f),
            Value::Id(id) => id.fmt(f),
        }
    }
}

/// The allowed range of a column's instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstantRange {
    /// From 1990-01-01, before any post on any channel, to 2200-01-01.
    Any,
    /// Until a year after the scenario's start: known at the start, or committed for later weeks.
    Planned,
    /// Until ten years after the scenario's start: made for future posts.
    Made,
}

impl InstantRange {
    /// The first and the last allowed instant in a scenario whose first week begins on `start`. Without a start, they
    /// are those of [`InstantRange::Any`].
    #[must_use]
    pub fn bounds(self, start: Option<NaiveDate>) -> (Timestamp, Timestamp) {
        let years = match self {
            InstantRange::Any => None,
            InstantRange::Planned => Some(1),
            InstantRange::Made => Some(10),
        };
        let last = years.zip(start).map(|(years, date)| Timestamp::at_midnight(date).plus_days(366 * years));
        (Timestamp::from_second(MIN_SECOND), last.unwrap_or(Timestamp::from_second(MAX_SECOND)))
    }

    /// Checks that an instant lies in the range. `text` is the instant as written, for the message.
    ///
    /// # Errors
    /// If it lies outside the range.
    pub fn check(self, at: Timestamp, text: &str, start: Option<NaiveDate>) -> Result<(), CellError> {
        let (first, last) = self.bounds(start);
        if (first..=last).contains(&at) {
            return Ok(());
        }
        Err(CellError::out_of_range(text, format!("give a time from {} to {}", first.date(), last.date())))
    }
}

/// 1990-01-01, in seconds since 1970.
const MIN_SECOND: i64 = 631_152_000;

/// 2200-01-01, in seconds since 1970.
const MAX_SECOND: i64 = 7_258_118_400;

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Its name in files and databases.
    pub name: &'static str,
    /// Description of its content, with the unit.
    pub doc: &'static str,
    /// The kind of its values.
    pub kind: Kind,
    /// Inclusive minimum and maximum; `None` if unbounded.
    pub range: Option<(f64, f64)>,
    /// Allowed range of its instants.
    pub period: InstantRange,
    /// Whether a table must have it.
    pub is_required: bool,
    /// Whether files omit it if it is blank or `false` in every row.
    pub is_sparse: bool,
}

impl Column {
    /// A column with cells of type `C`.
    #[must_use]
    pub const fn of<C: Cell>(name: &'static str, doc: &'static str) -> Self {
        let (range, is_required) = (C::RANGE, !C::IS_OPTIONAL);
        Self { name, doc, kind: C::KIND, range, period: InstantRange::Any, is_required, is_sparse: false }
    }

    /// Sets the name.
    #[must_use]
    pub const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Sets the inclusive range of its numbers.
    #[must_use]
    pub const fn within(self, range: RangeInclusive<f64>) -> Self {
        Self { range: Some((*range.start(), *range.end())), ..self }
    }

    /// Sets the allowed range of its instants.
    #[must_use]
    pub const fn during(self, period: InstantRange) -> Self {
        Self { period, ..self }
    }

    /// Makes it optional: a blank cell stands for a default.
    #[must_use]
    pub const fn with_default(self) -> Self {
        Self { is_required: false, ..self }
    }

    /// Makes it required, even if its cells may be blank.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    /// Makes files omit it if it is blank or `false` in every row.
    #[must_use]
    pub const fn sparse(self) -> Self {
        Self { is_sparse: true, ..self }
    }

    /// Parses a non-blank cell.
    ///
    /// # Errors
    /// If the text is not a valid value of the column's kind, or is out of range.
    pub fn parse<'t>(&self, text: &'t str) -> Result<Value<'t>, CellError> {
        match self.kind {
            Kind::Text => Ok(Value::Text(text.into())),
            Kind::Texts => Ok(Value::Texts(list_items(text).map(Cow::from).collect())),
            Kind::Number => self.parse_number(text).map(Value::Number),
            Kind::Count => self.parse_count(text).map(Value::Count),
            Kind::Flag => parse_flag(text).map(Value::Flag),
            Kind::Instant => {
                let remedy = "write ISO 8601 in UTC, such as `2026-09-07T08:30:00Z`";
                text.parse()
                    .map(Value::Instant)
                    .map_err(|_| CellError::expected("not_a_time", text, "a point in time", remedy))
            }
            Kind::Date => {
                let error = || CellError::expected("not_a_date", text, "a date", "write the date as `2026-09-07`");
                parse_date(text).map(Value::Date).ok_or_else(error)
            }
            Kind::Id => {
                let remedy = "write it as `67e55044-10b1-426f-9247-bb680e5fe0c8`";
                text.parse().map(Value::Id).map_err(|_| CellError::expected("not_an_id", text, "a UUID", remedy))
            }
        }
    }

    fn parse_number(&self, text: &str) -> Result<f64, CellError> {
        let remedy = match self.range {
            Some((min, max)) => format!("give a number from {min} to {max}"),
            None => "give a number".to_owned(),
        };
        let Some(number) = parse_finite(text) else {
            let remedy = match parse_finite(&text.replace(',', ".")) {
                Some(number) => format!("{remedy}, with a point before its decimals: `{number}`"),
                None => format!("{remedy}; leave it blank if it is not known"),
            };
            return Err(CellError::expected("not_a_number", text, "a number", remedy));
        };
        let is_within = self.range.is_none_or(|(min, max)| (min..=max).contains(&number));
        is_within.then_some(number).ok_or_else(|| CellError::out_of_range(text, remedy))
    }

    fn parse_count(&self, text: &str) -> Result<u32, CellError> {
        let (min, max) = self.range.unwrap_or(ANY_COUNT);
        let number = Column { range: Some((min, max)), ..*self }.parse_number(text)?;
        // Spreadsheets write whole numbers as `5.0`.
        if number.fract() != 0.0 {
            let remedy = format!("give a whole number from {min} to {max}");
            return Err(CellError::expected("not_whole", text, "a whole number", remedy));
        }
        Ok(number as u32)
    }
}

/// The range of a column of counts that states none.
const ANY_COUNT: (f64, f64) = (0.0, u32::MAX as f64);

fn parse_finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn parse_flag(text: &str) -> Result<bool, CellError> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => {
            let cause = format!("{} is neither true nor false", quoted(text));
            Err(CellError::new("not_a_flag", cause, "write `true` or `false`"))
        }
    }
}

/// The items of a list separated by `;`, without blank ones.
fn list_items(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|item| !item.is_empty())
}

/// An error in a cell whose location is not known yet.
#[derive(Debug, Clone)]
pub struct CellError {
    /// Stable error code, such as `out_of_range`.
    pub code: &'static str,
    /// What is wrong.
    pub cause: String,
    remedy: Cow<'static, str>,
    /// A name that may be mistyped, and the known names.
    mistyped: Option<(String, KnownNames)>,
}

type KnownNames = fn() -> Vec<&'static str>;

impl CellError {
    /// An error with a fixed remedy.
    pub fn new(code: &'static str, cause: String, remedy: impl Into<Cow<'static, str>>) -> Self {
        Self { code, cause, remedy: remedy.into(), mistyped: None }
    }

    /// A text that is not `a_value`, where `a_value` is for example "a number".
    pub fn expected(code: &'static str, text: &str, a_value: &str, remedy: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code, format!("{} is not {a_value}", quoted(text)), remedy)
    }

    /// A number or an instant outside the allowed range.
    pub fn out_of_range(text: &str, remedy: impl Into<Cow<'static, str>>) -> Self {
        Self::new("out_of_range", format!("{} is out of range", quoted(text)), remedy)
    }

    /// A name that is not one of the known names; the message says that it is not `a_value`.
    pub fn unknown_name(code: &'static str, name: &str, a_value: &str, known: KnownNames) -> Self {
        Self::expected(code, name, a_value, format!("use {}", known().join(", "))).with_suggestion(name, known)
    }

    /// Replaces the remedy by a suggestion of the known name nearest to `name`, if any is similar.
    pub(super) fn with_suggestion(self, name: &str, known: KnownNames) -> Self {
        Self { mistyped: Some((name.to_owned(), known)), ..self }
    }

    /// How to fix it. `may_search` says whether to look for a similar name, which takes time.
    #[must_use]
    pub fn remedy(&self, may_search: bool) -> String {
        let remedy = || self.remedy.to_string();
        match self.mistyped.as_ref().filter(|_| may_search) {
            Some((name, known)) => suggestion(name, known(), remedy),
            None => remedy(),
        }
    }
}

/// Maximum length of a quoted cell in a message, in characters.
const MAX_QUOTED_CHARACTERS: usize = 60;

/// The text in backticks, truncated if long.
#[must_use]
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED_CHARACTERS) {
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

/// A type that can be stored in a cell.
pub trait Cell: Sized {
    /// The kind of column that holds it.
    const KIND: Kind;
    /// Inclusive minimum and maximum; `None` if not numeric or unbounded.
    const RANGE: Option<(f64, f64)> = None;
    /// Whether a blank cell is a valid value.
    const IS_OPTIONAL: bool = false;

    /// Converts from a value of kind [`Self::KIND`].
    ///
    /// # Errors
    /// Everything that is wrong with the value.
    fn from_value(value: Value<'_>) -> Result<Self, Vec<CellError>>;

    /// The value to write; `None` for a blank cell.
    fn value(&self) -> Option<Value<'_>>;

    /// The value of a blank cell; `None` if a value is required.
    #[must_use]
    fn blank() -> Option<Self> {
        None
    }
}

impl<C: Cell> Cell for Option<C> {
    const KIND: Kind = C::KIND;
    const RANGE: Option<(f64, f64)> = C::RANGE;
    const IS_OPTIONAL: bool = true;

    fn from_value(value: Value<'_>) -> Result<Self, Vec<CellError>> {
        C::from_value(value).map(Some)
    }

    fn value(&self) -> Option<Value<'_>> {
        self.as_ref()?.value()
    }

    fn blank() -> Option<Self> {
        Some(None)
    }
}

/// Implements [`Cell`] for types. Each entry states a type, the kind of its values, and the conversions from and to
/// such a value.
macro_rules! cell {
    ($($type:ty: $variant:ident($value:pat => $parsed:expr, $cell:ident => $written:expr)),+ $(,)?) => {
        $(impl $crate::model::Cell for $type {
            const KIND: $crate::model::Kind = $crate::model::Kind::$variant;

            fn from_value(value: $crate::model::Value<'_>) -> Result<Self, Vec<$crate::model::CellError>> {
                match value {
                    $crate::model::Value::$variant($value) => $parsed,
                    other => Err(vec![$crate::model::record::wrong_kind(&other)]),
                }
            }

            fn value(&self) -> Option<$crate::model::Value<'_>> {
                let $cell = self;
                Some($crate::model::Value::$variant($written))
            }
        })+
    };
}
pub(super) use cell;

cell!(
    Arc<str>: Text(text => Ok(text.into()), text => Cow::Borrowed(text)),
    String: Text(text => Ok(text.into_owned()), text => Cow::Borrowed(text)),
    Vec<Arc<str>>: Texts(
        texts => Ok(texts.into_iter().map(Arc::from).collect()),
        texts => texts.iter().map(|text| Cow::Borrowed(text.as_ref())).collect()
    ),
    f64: Number(number => Ok(number), number => *number),
    u32: Count(count => Ok(count), count => *count),
    bool: Flag(flag => Ok(flag), flag => *flag),
    Timestamp: Instant(at => Ok(at), at => *at),
    NaiveDate: Date(date => Ok(date), date => *date),
    Uuid: Id(id => Ok(id), id => *id),
);

/// The error for a value whose kind is not its column's: a bug in the reader, but reported like an error in the data.
pub(super) fn wrong_kind(value: &Value<'_>) -> CellError {
    CellError::expected("wrong_kind", &format!("{value:?}"), "of the column's kind", "read the column as its kind")
}

/// A source of the cells of one row.
pub trait Cells {
    /// The value of a column's cell; for a blank or invalid cell `default`, or else [`Cell::blank`]; `None` if there is
    /// neither. The implementation collects the errors.
    fn cell<C: Cell>(&mut self, column: &'static Column, default: Option<C>) -> Option<C>;
}

/// A row of a table. [`record!`] declares one.
pub trait Record: Sized {
    /// The columns, in file order.
    fn columns() -> impl Iterator<Item = &'static Column>;

    /// Reads a row; `None` if a required cell is blank or invalid. Every cell is read, so that all errors are found.
    fn read(cells: &mut impl Cells) -> Option<Self>;

    /// The values of the cells; `None` for a blank cell.
    fn values(&self) -> impl Iterator<Item = Option<Value<'_>>>;
}

/// A row with the columns of two records.
impl<A: Record, B: Record> Record for (A, B) {
    fn columns() -> impl Iterator<Item = &'static Column> {
        A::columns().chain(B::columns())
    }

    fn read(cells: &mut impl Cells) -> Option<Self> {
        let (first, second) = (A::read(cells), B::read(cells));
        Some((first?, second?))
    }

    fn values(&self) -> impl Iterator<Item = Option<Value<'_>>> {
        self.0.values().chain(self.1.values())
    }
}

/// Declares a record: a struct with one column per field, documented by the field's doc comment.
///
/// `#[column(…)]` on a field sets options: `name = "type"`, `range = 0.0..=1.0` for numbers, `period = Made` for
/// instants, `default = 0` as the value of a blank cell, `required` for a column that must exist although its cells may
/// be blank, `sparse` for a column that files omit if it is blank or `false` in every row.
///
/// ```
/// use mcoe_engine::model::{Record as _, record};
///
/// record! {
///     /// A tea.
///     pub struct Tea {
///         /// Unique.
///         pub tea_id: String,
///         /// Minutes to steep.
///         #[column(range = 0.5..=15.0, default = 3.0)]
///         pub minutes: f64,
///     }
/// }
///
/// let columns: Vec<_> = Tea::columns().map(|column| (column.name, column.is_required)).collect();
/// assert_eq!(columns, [("tea_id", true), ("minutes", false)]);
/// ```
#[macro_export]
macro_rules! record {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $doc:literal])*
                $(#[column($($option:tt)*)])?
                $field_vis:vis $field:ident: $type:ty,
            )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $($(#[doc = $doc])* $field_vis $field: $type,)+
        }

        impl $name {
            const COLUMNS: &'static [$crate::model::Column] = &[$(
                $crate::record!(
                    @column $crate::model::Column::of::<$type>(stringify!($field), concat!("" $(, $doc)*));
                    $($($option)*)?
                )
            ),+];
        }

        impl $crate::model::Record for $name {
            fn columns() -> impl Iterator<Item = &'static $crate::model::Column> {
                Self::COLUMNS.iter()
            }

            fn read(cells: &mut impl $crate::model::Cells) -> Option<Self> {
                let mut columns = Self::COLUMNS.iter();
                $(let $field: Option<$type> = columns
                    .next()
                    .and_then(|column| cells.cell(column, $crate::record!(@default $($($option)*)?)));)+
                Some(Self { $($field: $field?),+ })
            }

            fn values(&self) -> impl Iterator<Item = Option<$crate::model::Value<'_>>> {
                [$($crate::model::Cell::value(&self.$field)),+].into_iter()
            }
        }
    };
    (@column $column:expr;) => { $column };
    (@column $column:expr; name = $name:literal $(, $($rest:tt)*)?) => {
        $crate::record!(@column $column.named($name); $($($rest)*)?)
    };
    (@column $column:expr; range = $range:expr $(, $($rest:tt)*)?) => {
        $crate::record!(@column $column.within($range); $($($rest)*)?)
    };
    (@column $column:expr; period = $period:ident $(, $($rest:tt)*)?) => {
        $crate::record!(@column $column.during($crate::model::InstantRange::$period); $($($rest)*)?)
    };
    (@column $column:expr; default = $default:expr $(, $($rest:tt)*)?) => {
        $crate::record!(@column $column.with_default(); $($($rest)*)?)
    };
    (@column $column:expr; required $(, $($rest:tt)*)?) => {
        $crate::record!(@column $column.required(); $($($rest)*)?)
    };
    (@column $column:expr; sparse $(, $($rest:tt)*)?) => {
        $crate::record!(@column $column.sparse(); $($($rest)*)?)
    };
    (@default) => { None };
    (@default default = $default:expr $(, $($rest:tt)*)?) => { Some($default) };
    (@default $option:ident $(, $($rest:tt)*)?) => { $crate::record!(@default $($($rest)*)?) };
    (@default $option:ident = $value:expr $(, $($rest:tt)*)?) => { $crate::record!(@default $($($rest)*)?) };
}
pub use record;
