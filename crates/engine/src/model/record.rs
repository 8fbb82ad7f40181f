//! Records: the rows of tables, each declared once.
//!
//! [`record!`] declares a struct and its columns: name, type, range, default, documentation. Reading and checking,
//! writing, the database and the documents' lists of columns follow from the declaration.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::NaiveDate;
use uuid::Uuid;

use super::calendar::Week;
use super::time::{Timestamp, parse_date};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Texts; in files with `;` between.
    Texts,
    /// A finite number.
    Number,
    /// A whole number, never negative.
    Count,
    /// True or false.
    Flag,
    /// An instant; in files as ISO 8601 in UTC.
    Instant,
    /// A date; in files as ISO 8601.
    Date,
    /// A UUID.
    Id,
}

/// The value of a cell that is not blank.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'v> {
    /// Of [`Kind::Text`].
    Text(Cow<'v, str>),
    /// Of [`Kind::Texts`].
    Texts(Vec<Cow<'v, str>>),
    /// Of [`Kind::Number`].
    Number(f64),
    /// Of [`Kind::Count`].
    Count(u32),
    /// Of [`Kind::Flag`].
    Flag(bool),
    /// Of [`Kind::Instant`].
    Instant(Timestamp),
    /// Of [`Kind::Date`].
    Date(NaiveDate),
    /// Of [`Kind::Id`].
    Id(Uuid),
}

impl fmt::Display for Value<'_> {
    /// The value as it stands in a file.
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

/// When an instant may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// From 1990-01-01, before any post on any channel, to 2200-01-01.
    Any,
    /// Up to a year after the scenario's start: known at the start, or committed for the weeks after it.
    Planned,
    /// Up to ten years after the scenario's start: made for posts to come.
    Made,
}

impl Period {
    /// The first and the last instant of it, in a scenario that begins with a week; without one those of any time.
    #[must_use]
    pub fn ends(self, start: Option<Week>) -> (Timestamp, Timestamp) {
        let years = match self {
            Period::Any => None,
            Period::Planned => Some(1),
            Period::Made => Some(10),
        };
        let last = years.zip(start).map(|(years, week)| Timestamp::at_midnight(week.monday()).plus_days(366 * years));
        (Timestamp::from_second(LEAST_SECOND), last.unwrap_or(Timestamp::from_second(GREATEST_SECOND)))
    }

    /// Whether an instant, written as a text, lies in it.
    ///
    /// # Errors
    /// Where it does not.
    pub fn check(self, at: Timestamp, text: &str, start: Option<Week>) -> Result<(), Fault> {
        let (first, last) = self.ends(start);
        if (first..=last).contains(&at) {
            return Ok(());
        }
        Err(Fault::out_of_range(text, format!("give a time from {} to {}", first.date(), last.date())))
    }
}

/// 1990-01-01, in seconds since 1970.
const LEAST_SECOND: i64 = 631_152_000;

/// 2200-01-01, in seconds since 1970.
const GREATEST_SECOND: i64 = 7_258_118_400;

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Its name in files and databases.
    pub name: &'static str,
    /// What it holds, with its unit.
    pub doc: &'static str,
    /// The kind of its values.
    pub kind: Kind,
    /// The least and the greatest number, both included; none where any will do.
    pub range: Option<(f64, f64)>,
    /// When its instants may be.
    pub period: Period,
    /// Whether a table must have it.
    pub is_required: bool,
    /// Whether a file leaves it out where it is blank or `false` in every row.
    pub is_sparse: bool,
}

impl Column {
    /// A column of cells of a type.
    #[must_use]
    pub const fn of<C: Cell>(name: &'static str, doc: &'static str) -> Self {
        let (range, is_required) = (C::RANGE, !C::IS_OPTIONAL);
        Self { name, doc, kind: C::KIND, range, period: Period::Any, is_required, is_sparse: false }
    }

    /// The column under another name.
    #[must_use]
    pub const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The column with numbers of a range.
    #[must_use]
    pub const fn within(self, range: RangeInclusive<f64>) -> Self {
        Self { range: Some((*range.start(), *range.end())), ..self }
    }

    /// The column with instants of a period.
    #[must_use]
    pub const fn during(self, period: Period) -> Self {
        Self { period, ..self }
    }

    /// The column where a blank cell stands for a default.
    #[must_use]
    pub const fn with_default(self) -> Self {
        Self { is_required: false, ..self }
    }

    /// The column where a table must have it, even if its cells may be blank.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    /// The column where a file leaves it out if it is blank or `false` in every row.
    #[must_use]
    pub const fn sparse(self) -> Self {
        Self { is_sparse: true, ..self }
    }

    /// Reads a cell that is not blank.
    ///
    /// # Errors
    /// Where the text is no value of the column's kind and range.
    pub fn parse<'t>(&self, text: &'t str) -> Result<Value<'t>, Fault> {
        match self.kind {
            Kind::Text => Ok(Value::Text(text.into())),
            Kind::Texts => Ok(Value::Texts(parts(text).map(Cow::from).collect())),
            Kind::Number => self.number(text).map(Value::Number),
            Kind::Count => self.count(text).map(Value::Count),
            Kind::Flag => flag(text).map(Value::Flag),
            Kind::Instant => {
                let remedy = "write ISO 8601 in UTC, such as `2026-09-07T08:30:00Z`";
                text.parse().map(Value::Instant).map_err(|_| Fault::not("not_a_time", text, "a point in time", remedy))
            }
            Kind::Date => {
                let fault = || Fault::not("not_a_date", text, "a date", "write the date as `2026-09-07`");
                parse_date(text).map(Value::Date).ok_or_else(fault)
            }
            Kind::Id => {
                let remedy = "write it as `67e55044-10b1-426f-9247-bb680e5fe0c8`";
                text.parse().map(Value::Id).map_err(|_| Fault::not("not_an_id", text, "a UUID", remedy))
            }
        }
    }

    fn number(&self, text: &str) -> Result<f64, Fault> {
        let remedy = match self.range {
            Some((least, most)) => format!("give a number from {least} to {most}"),
            None => "give a number".to_owned(),
        };
        let Some(number) = finite(text) else {
            let remedy = match finite(&text.replace(',', ".")) {
                Some(number) => format!("{remedy}, with a point before its decimals: `{number}`"),
                None => format!("{remedy}; leave it blank where it is not known"),
            };
            return Err(Fault::not("not_a_number", text, "a number", remedy));
        };
        let is_within = self.range.is_none_or(|(least, most)| (least..=most).contains(&number));
        is_within.then_some(number).ok_or_else(|| Fault::out_of_range(text, remedy))
    }

    fn count(&self, text: &str) -> Result<u32, Fault> {
        let (least, most) = self.range.unwrap_or(ANY_COUNT);
        let number = Column { range: Some((least, most)), ..*self }.number(text)?;
        // `5.0`, as spreadsheets write it, is whole.
        if number.fract() != 0.0 {
            let remedy = format!("give a whole number from {least} to {most}");
            return Err(Fault::not("not_whole", text, "a whole number", remedy));
        }
        Ok(number as u32)
    }
}

const ANY_COUNT: (f64, f64) = (0.0, u32::MAX as f64);

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn flag(text: &str) -> Result<bool, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Fault {
            code: "not_a_flag",
            cause: format!("{} is neither true nor false", quoted(text)),
            remedy: Remedy::Say("write `true` or `false`".into()),
        }),
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty())
}

/// What is wrong with a cell.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Stable name of the kind of mistake, such as `out_of_range`.
    pub code: &'static str,
    /// What is wrong.
    pub cause: String,
    /// What to do about it.
    pub remedy: Remedy,
}

/// What to do about a cell that is wrong.
#[derive(Debug, Clone)]
pub enum Remedy {
    /// As the text says.
    Say(Cow<'static, str>),
    /// To write one of some names.
    Name {
        /// What was written.
        written: String,
        /// The names.
        known: fn() -> Vec<&'static str>,
        /// What to use where none of them is like what was written.
        otherwise: Cow<'static, str>,
    },
}

impl Fault {
    /// A text that is not what it should be: "`x` is not a number".
    pub fn not(code: &'static str, text: &str, what: &str, remedy: impl Into<Cow<'static, str>>) -> Self {
        let cause = format!("{} is not {what}", quoted(text));
        Self { code, cause, remedy: Remedy::Say(remedy.into()) }
    }

    /// A number or an instant that is too small or too great.
    pub fn out_of_range(text: &str, remedy: impl Into<Cow<'static, str>>) -> Self {
        let cause = format!("{} is out of range", quoted(text));
        Self { code: "out_of_range", cause, remedy: Remedy::Say(remedy.into()) }
    }

    /// A name that is none of those allowed.
    pub fn unknown_name(code: &'static str, name: &str, what: &str, known: fn() -> Vec<&'static str>) -> Self {
        let cause = format!("{} is not {what}", quoted(name));
        let otherwise = known().join(", ").into();
        Self { code, cause, remedy: Remedy::Name { written: name.to_owned(), known, otherwise } }
    }
}

/// Characters of a cell that a message repeats.
const QUOTED_CHARACTERS: usize = 60;

/// The text in backticks, cut where it is long.
#[must_use]
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARACTERS) {
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

/// A type that the cells of a column hold.
pub trait Cell: Sized {
    /// The kind of its values.
    const KIND: Kind;
    /// The least and the greatest number, where its values are numbers of a range.
    const RANGE: Option<(f64, f64)> = None;
    /// Whether a blank cell has a meaning of its own.
    const IS_OPTIONAL: bool = false;

    /// Takes a value of its kind.
    ///
    /// # Errors
    /// All that is wrong with the value.
    fn from_value(value: Value<'_>) -> Result<Self, Vec<Fault>>;

    /// The value, none where the cell is blank.
    fn value(&self) -> Option<Value<'_>>;

    /// What a blank cell stands for; none where there must be a value.
    #[must_use]
    fn blank() -> Option<Self> {
        None
    }
}

impl<C: Cell> Cell for Option<C> {
    const KIND: Kind = C::KIND;
    const RANGE: Option<(f64, f64)> = C::RANGE;
    const IS_OPTIONAL: bool = true;

    fn from_value(value: Value<'_>) -> Result<Self, Vec<Fault>> {
        C::from_value(value).map(Some)
    }

    fn value(&self) -> Option<Value<'_>> {
        self.as_ref()?.value()
    }

    fn blank() -> Option<Self> {
        Some(None)
    }
}

/// Declares how a type stands in a cell: the kind of its values, how it is made of one, and how it gives one.
macro_rules! cell {
    ($($kind:ty: $variant:ident($made:pat => $make:expr, $of:ident => $value:expr)),+ $(,)?) => {
        $(impl $crate::model::Cell for $kind {
            const KIND: $crate::model::Kind = $crate::model::Kind::$variant;

            fn from_value(value: $crate::model::Value<'_>) -> Result<Self, Vec<$crate::model::Fault>> {
                match value {
                    $crate::model::Value::$variant($made) => $make,
                    other => Err(vec![$crate::model::record::of_another_kind(&other)]),
                }
            }

            fn value(&self) -> Option<$crate::model::Value<'_>> {
                let $of = self;
                Some($crate::model::Value::$variant($value))
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

/// A value whose kind is not that of its column: a mistake of whoever reads, told as one all the same.
pub(super) fn of_another_kind(value: &Value<'_>) -> Fault {
    Fault::not("wrong_kind", &format!("{value:?}"), "of the column's kind", "read the column as its kind")
}

/// Where the cells of a row come from.
pub trait Cells {
    /// The cell of a column, or what stands for a blank one; none where there must be a value and none can be read.
    /// What is wrong is kept by the reader.
    fn cell<C: Cell>(&mut self, column: &'static Column, default: Option<C>) -> Option<C>;
}

/// A row of a table. [`record!`] declares one.
pub trait Record: Sized {
    /// Its columns, in the order of files.
    fn columns() -> impl Iterator<Item = &'static Column>;

    /// Reads a row. Every cell is looked at, so that all mistakes are found.
    fn read(cells: &mut impl Cells) -> Option<Self>;

    /// The values of its cells, none for a blank one.
    fn values(&self) -> impl Iterator<Item = Option<Value<'_>>>;
}

/// A row whose cells stand in those of two records.
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

/// Declares a record: a struct with a column a field, documented by the field's comment.
///
/// `#[column(…)]` before a field says more of it: `name = "type"`, `range = 0.0..=1.0` for numbers, `period = Made` for
/// instants, `default = 0` for what a blank cell stands for, `required` where a table must have a column whose cells may
/// be blank, `sparse` where files leave the column out if it is blank or
/// `false` in every row.
///
/// ```
/// use mcoe_engine::model::{Record as _, record};
///
/// record! {
///     /// A tea.
///     pub struct Tea {
///         /// Unique.
///         pub tea_id: String,
///         /// Minutes that it draws.
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
                $field_vis:vis $field:ident: $kind:ty,
            )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $($(#[doc = $doc])* $field_vis $field: $kind,)+
        }

        impl $name {
            const COLUMNS: &'static [$crate::model::Column] = &[$(
                $crate::record!(
                    @column $crate::model::Column::of::<$kind>(stringify!($field), concat!("" $(, $doc)*));
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
                $(let $field: Option<$kind> = columns
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
        $crate::record!(@column $column.during($crate::model::Period::$period); $($($rest)*)?)
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
