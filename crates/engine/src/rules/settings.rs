//! Validated values by full path, and views of the base's values with those of overlays on top.
//!
//! Nothing is validated here: every value in a [`Settings`] has passed the checks of its key.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveDateTime};

use super::key::DefaultValue;
use crate::diagnostic::SourceLocation;

/// A validated value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Number(f64),
    /// A boolean.
    Bool(bool),
    /// A text.
    Text(String),
    /// Hours of the day, `0..24`, ascending.
    Hours(Vec<u8>),
    /// Names out of a fixed set, in the order of the set.
    Names(Vec<&'static str>),
    /// Distinct texts, in the order of the file.
    Texts(Vec<String>),
    /// A time of day, in minutes since midnight.
    Clock(u16),
    /// A date.
    Date(NaiveDate),
    /// A weekly time, in minutes since Monday 00:00, `0..10080`.
    WeekTime(u16),
    /// A date and time in the client's local time.
    DateTime(NaiveDateTime),
    /// A list of rows.
    Rows(Vec<Row>),
}

/// One row of a list: settings by column.
pub type Row = BTreeMap<&'static str, Setting>;

/// A value with its source location.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The validated value.
    pub value: Value,
    /// Where it is stated; `None` if it is a default.
    pub place: Option<SourceLocation>,
}

/// Values by full path, such as `channels.tiktok.weekly_posts`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    values: BTreeMap<String, Setting>,
    /// Paths at which a file states a value that could not be read, and unknown paths.
    unread: BTreeSet<String>,
}

impl From<DefaultValue> for Value {
    fn from(preset: DefaultValue) -> Self {
        match preset {
            DefaultValue::Integer(value) => Value::Integer(value),
            DefaultValue::Number(value) => Value::Number(value),
            DefaultValue::Bool(value) => Value::Bool(value),
            DefaultValue::Text(value) => Value::Text(value.to_owned()),
            DefaultValue::Names(names) => Value::Names(names.to_vec()),
            DefaultValue::NoRows => Value::Rows(Vec::new()),
        }
    }
}

impl Value {
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The text; `None` if the value is of another kind.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_rows(&self) -> Option<&[Row]> {
        match self {
            Value::Rows(rows) => Some(rows),
            _ => None,
        }
    }

    /// The date; `None` if the value is of another kind.
    #[must_use]
    pub fn as_date(&self) -> Option<NaiveDate> {
        match self {
            Value::Date(date) => Some(*date),
            _ => None,
        }
    }
}

impl Settings {
    pub(crate) fn insert(&mut self, path: String, value: Value, place: Option<SourceLocation>) {
        self.values.insert(path, Setting { value, place });
    }

    pub(crate) fn extend(&mut self, other: Settings) {
        self.values.extend(other.values);
        self.unread.extend(other.unread);
    }

    /// The settings except those of a table.
    pub(crate) fn without(mut self, table: &str) -> Self {
        let prefix = format!("{table}.");
        self.values.retain(|path, _| !path.starts_with(&prefix));
        self
    }

    pub(crate) fn note_unread(&mut self, path: &str) {
        self.unread.insert(path.to_owned());
    }

    /// The setting at a full path.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Setting> {
        self.values.get(path)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.values.iter().map(|(path, setting)| (path.as_str(), setting))
    }

    /// All settings in a table, at any depth.
    pub(crate) fn under(&self, table: &str) -> impl Iterator<Item = (&str, &Setting)> {
        let prefix = format!("{table}.");
        let from = prefix.clone();
        self.values
            .range(from..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .map(|(path, setting)| (path.as_str(), setting))
    }

    /// The names of a table's direct entries, in file order; those that no file states come last.
    #[must_use]
    pub fn names_under(&self, table: &str) -> Vec<&str> {
        let mut first_byte: BTreeMap<&str, usize> = BTreeMap::new();
        for (path, setting) in self.under(table) {
            let rest = path.get(table.len() + 1..).unwrap_or_default();
            let name = rest.split('.').next().unwrap_or_default();
            let span = setting.place.as_ref().and_then(|place| place.span.as_ref());
            let start = span.map_or(usize::MAX, |span| span.start);
            let first = first_byte.entry(name).or_insert(start);
            *first = start.min(*first);
        }
        let mut names: Vec<(&str, usize)> = first_byte.into_iter().collect();
        names.sort_by_key(|(_, start)| *start);
        names.into_iter().map(|(name, _)| name).collect()
    }
}

/// Whether a key is a list to which every layer adds rows. For any other key, a later layer overrides an earlier one.
pub(crate) fn accumulates(path: &str) -> bool {
    matches!(path, "calendar.days" | "calendar.seasons") || is_closed_ranges(path)
}

/// Whether a path is that of a list of closed ranges, either of the calendar or of a channel.
pub(crate) fn is_closed_ranges(path: &str) -> bool {
    path == "calendar.closed" || path.starts_with("channels.") && path.ends_with(".closed")
}

/// A type that the values of one kind are read as.
pub trait FromValue<'a>: Sized {
    /// Converts the value; `None` if it is of another kind or does not fit.
    fn from_value(value: &'a Value) -> Option<Self>;
}

impl FromValue<'_> for f64 {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_number()
    }
}

impl FromValue<'_> for u32 {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Integer(count) = value { Self::try_from(*count).ok() } else { None }
    }
}

impl FromValue<'_> for bool {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Bool(is_on) = value { Some(*is_on) } else { None }
    }
}

impl<'a> FromValue<'a> for &'a str {
    fn from_value(value: &'a Value) -> Option<Self> {
        value.as_text()
    }
}

impl<'a> FromValue<'a> for &'a [Row] {
    fn from_value(value: &'a Value) -> Option<Self> {
        value.as_rows()
    }
}

/// Settings in layers, the base first. A later layer overrides earlier ones, except for lists to which it adds rows.
#[derive(Debug, Clone)]
pub struct View<'a> {
    layers: Vec<&'a Settings>,
}

/// A setting that was found in a view.
#[derive(Debug, Clone)]
pub(crate) struct FoundSetting<'a> {
    pub(crate) path: String,
    pub(crate) setting: &'a Setting,
    /// The layer it was found in; 0 for the base.
    pub(crate) layer: usize,
}

impl<'a> View<'a> {
    /// A view of the base alone.
    #[must_use]
    pub fn new(base: &'a Settings) -> Self {
        Self { layers: vec![base] }
    }

    pub(crate) fn with(base: &'a Settings, overlays: impl IntoIterator<Item = &'a Settings>) -> Self {
        Self { layers: std::iter::once(base).chain(overlays).collect() }
    }

    pub(crate) fn base(&self) -> Option<&'a Settings> {
        self.layers.first().copied()
    }

    /// The names of a table's direct entries in any layer, ascending.
    pub(crate) fn names_under(&self, table: &str) -> BTreeSet<&'a str> {
        self.layers.iter().flat_map(|settings| settings.names_under(table)).collect()
    }

    /// Whether some layer states a value for the path that could not be read, or the path is unknown.
    pub(crate) fn is_unread(&self, path: &str) -> bool {
        self.layers.iter().any(|settings| settings.unread.contains(path))
    }

    /// Whether some layer states something in the table that could not be read or is unknown.
    pub(crate) fn is_unread_under(&self, table: &str) -> bool {
        let prefix = format!("{table}.");
        let is_under = |path: &String| path.starts_with(&prefix);
        self.layers.iter().any(|settings| settings.unread.iter().any(is_under))
    }

    pub(crate) fn find(&self, path: &str) -> Option<FoundSetting<'a>> {
        self.layers.iter().enumerate().rev().find_map(|(layer, settings)| {
            settings.get(path).map(|setting| FoundSetting { path: path.to_owned(), setting, layer })
        })
    }

    /// The value at a full path, from the topmost layer that states it.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&'a Value> {
        self.layers.iter().rev().find_map(|settings| settings.get(path)).map(|setting| &setting.value)
    }

    /// The value of a key that is required or has a default, at its full path.
    ///
    /// INVARIANT: the settings have passed validation, which ensures that such a key has a value.
    #[must_use]
    pub fn value_of<T: FromValue<'a>>(&self, path: &str) -> T {
        let found = self.get(path).and_then(T::from_value);
        found.unwrap_or_else(|| unreachable!("`{path}` has no value of the type that is read"))
    }

    /// The number at a full path; `None` if there is none.
    #[must_use]
    pub fn number(&self, path: &str) -> Option<f64> {
        self.get(path).and_then(Value::as_number)
    }

    /// The integer at a full path; `None` if there is none.
    #[must_use]
    pub fn integer(&self, path: &str) -> Option<i64> {
        match self.get(path) {
            Some(Value::Integer(value)) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn bool(&self, path: &str) -> Option<bool> {
        match self.get(path) {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// The text at a full path; `None` if there is none.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&'a str> {
        self.get(path).and_then(Value::as_text)
    }

    pub(crate) fn hours(&self, path: &str) -> Option<&'a [u8]> {
        match self.get(path) {
            Some(Value::Hours(hours)) => Some(hours),
            _ => None,
        }
    }

    pub(crate) fn names(&self, path: &str) -> Option<&'a [&'static str]> {
        match self.get(path) {
            Some(Value::Names(names)) => Some(names),
            _ => None,
        }
    }

    pub(crate) fn texts(&self, path: &str) -> Option<&'a [String]> {
        match self.get(path) {
            Some(Value::Texts(texts)) => Some(texts),
            _ => None,
        }
    }

    pub(crate) fn date_time(&self, path: &str) -> Option<NaiveDateTime> {
        match self.get(path) {
            Some(Value::DateTime(at)) => Some(*at),
            _ => None,
        }
    }

    pub(crate) fn clock(&self, path: &str) -> Option<u16> {
        match self.get(path) {
            Some(Value::Clock(minutes)) => Some(*minutes),
            _ => None,
        }
    }

    /// The rows of a list from all layers, for lists to which every layer adds rows.
    pub(crate) fn rows_of_all_layers(&self, path: &str) -> impl Iterator<Item = &'a Row> {
        self.rows_by_layer(path).flatten()
    }

    /// The rows of a list, one slice for each layer that states it.
    pub(crate) fn rows_by_layer(&self, path: &str) -> impl Iterator<Item = &'a [Row]> {
        let stated = self.layers.iter().filter_map(|settings| settings.get(path));
        stated.filter_map(|setting| setting.value.as_rows())
    }

    pub(crate) fn rows(&self, path: &str) -> Option<&'a [Row]> {
        match self.get(path) {
            Some(Value::Rows(rows)) => Some(rows),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_layer_overrides_what_it_states_and_nothing_else() {
        let mut base = Settings::default();
        base.insert("a.x".to_owned(), Value::Integer(1), None);
        base.insert("a.y".to_owned(), Value::Integer(2), None);
        let mut overlay = Settings::default();
        overlay.insert("a.y".to_owned(), Value::Integer(9), None);
        let view = View::with(&base, [&overlay]);
        assert_eq!((view.integer("a.x"), view.integer("a.y")), (Some(1), Some(9)));
        assert_eq!(view.find("a.y").map(|found| found.layer), Some(1));
    }

    #[test]
    fn names_under_a_table_exclude_those_of_a_table_with_a_longer_name() {
        let mut base = Settings::default();
        base.insert("a.x.p".to_owned(), Value::Integer(1), None);
        base.insert("ab.z".to_owned(), Value::Integer(2), None);
        assert_eq!(base.names_under("a"), ["x"]);
    }
}
