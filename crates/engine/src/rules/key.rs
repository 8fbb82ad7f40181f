//! Building blocks of key tables: the path of a key, the values it allows and its default.
//!
//! One table of keys drives the validation of a file, its defaults, and its documentation for people and editors.
//! Constraints between values are checked in `coherence`.

use std::ops::Bound;

use crate::model::Channel;

/// One key of a TOML file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// Path within the file, parts joined by dots; `<channel>`, `<day>`, `<type>`, `<signal>`, `<guardrail>`,
    /// `<param>`, `<limit>` and `<case>` are placeholders, each for one name.
    pub path: &'static str,
    /// The kind of value it holds.
    pub kind: Kind,
    /// Whether it is required, and its default.
    pub presence: Presence,
    /// Its description, with the unit.
    pub doc: &'static str,
}

/// The kind of value that a key holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// An integer in a closed interval.
    Integer {
        /// Smallest value.
        least: i64,
        /// Largest value.
        most: i64,
    },
    /// A finite number in a range.
    Number {
        /// Lower bound.
        least: Bound<f64>,
        /// Upper bound.
        most: Bound<f64>,
    },
    /// `true` or `false`.
    Bool,
    /// Any non-empty text.
    Text,
    /// One of a fixed set of names.
    Choice(&'static [&'static str]),
    /// A list of distinct hours, `0..24`.
    Hours,
    /// A list of distinct names out of a fixed set, at least one.
    Names(&'static [&'static str]),
    /// A list of distinct non-empty texts, at least one.
    Texts,
    /// A time of day, as in `"23:00"`.
    Clock,
    /// A date, as in `2026-12-25`.
    Date,
    /// A date and time in the client's local time, as in `2026-12-24T12:00:00`.
    DateTime,
    /// A weekly time, as in `"friday 18:00"`, or a date and time, as in `2026-12-24T12:00:00`; both in the client's
    /// local time.
    WallTime,
    /// A list of rows, each an inline table.
    Rows(Rows),
}

/// The schema of the rows of a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rows {
    /// The keys of each row; their paths have one part.
    pub columns: &'static [Key],
    /// Whether the first column must be strictly ascending from row to row.
    pub is_ascending: bool,
    /// The value that the first column must have in the first row; `None` if it is free and the list may be empty.
    pub first: Option<f64>,
    /// An example of the list, for messages.
    pub example: &'static str,
}

/// What applies if a file does not state a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Presence {
    /// An error: the key is required.
    Required,
    /// An error if the key's table is present.
    WithTable,
    /// Nothing: the key is optional and has no default.
    Optional,
    /// This default.
    Default(DefaultValue),
}

/// A default value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DefaultValue {
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Number(f64),
    /// A boolean.
    Bool(bool),
    /// A text, or one of the names of a choice.
    Text(&'static str),
    /// A list of names out of a fixed set, in the order of the set.
    Names(&'static [&'static str]),
    /// A list without rows.
    NoRows,
}

/// The keys of one file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FileKeys {
    /// File name without `.toml`; the first part of its keys' full paths.
    pub stem: &'static str,
    /// What the file is for.
    pub doc: &'static str,
    /// Whether a pack must have the file.
    pub is_required: bool,
    /// Its keys, in documentation order.
    pub keys: &'static [Key],
}

/// The days of a week as named in keys, Monday first.
pub const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The name of a weekday, given in days from Monday on, modulo 7.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "the remainder is an index of the list")]
pub const fn day_name(weekday: u8) -> &'static str {
    DAYS[weekday as usize % DAYS.len()]
}

/// The weekday with a name, in days from Monday on; `None` if no weekday has the name.
#[must_use]
pub fn weekday_of(name: &str) -> Option<u8> {
    (0..).zip(DAYS).find(|(_, day)| *day == name).map(|(weekday, _)| weekday)
}

/// The names of the early-warning signals, which the pack's function `signal_matrix` scores.
pub const SIGNALS: [&str; 10] = [
    "trend_shift",
    "collapse_risk",
    "fatigue",
    "operational_stress",
    "story_stall",
    "creative_drift",
    "scaling_pressure",
    "performance_conflict",
    "data_gap",
    "blindspot",
];

/// What a placeholder, a path part in angle brackets, stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// One of the nine channels; a file must have all of them.
    Channel,
    /// One of the seven days.
    Day,
    /// A content type, as the scenario's assets state it: any text without a dot.
    ContentType,
    /// One of the [`SIGNALS`].
    Signal,
    /// A name that the pack defines: lowercase letters, digits and underscores.
    PackDefined,
}

impl Placeholder {
    /// What a path part stands for; `None` if it is a literal name.
    #[must_use]
    pub fn of(part: &str) -> Option<Self> {
        match part {
            "<channel>" => Some(Placeholder::Channel),
            "<day>" => Some(Placeholder::Day),
            "<type>" => Some(Placeholder::ContentType),
            "<signal>" => Some(Placeholder::Signal),
            "<guardrail>" | "<param>" | "<limit>" | "<case>" => Some(Placeholder::PackDefined),
            _ => None,
        }
    }

    /// The names allowed; `None` if they are not a fixed set.
    #[must_use]
    pub fn allowed_names(self) -> Option<Vec<&'static str>> {
        match self {
            Placeholder::Channel => Some(Channel::names().collect()),
            Placeholder::Day => Some(DAYS.to_vec()),
            Placeholder::Signal => Some(SIGNALS.to_vec()),
            Placeholder::ContentType | Placeholder::PackDefined => None,
        }
    }

    /// Whether a name is allowed.
    #[must_use]
    pub fn allows(self, name: &str) -> bool {
        match self {
            Placeholder::Channel => Channel::names().any(|channel| channel == name),
            Placeholder::Day => DAYS.contains(&name),
            Placeholder::Signal => SIGNALS.contains(&name),
            Placeholder::ContentType => is_content_type(name),
            Placeholder::PackDefined => is_pack_defined_name(name),
        }
    }
}

/// Whether a name can be a content type. It has no dot, which would split the key's path.
fn is_content_type(name: &str) -> bool {
    !name.trim().is_empty() && !name.contains(|c: char| c == '.' || c.is_control())
}

fn is_pack_defined_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

impl Key {
    const fn new(path: &'static str, kind: Kind, presence: Presence, doc: &'static str) -> Self {
        Self { path, kind, presence, doc }
    }

    /// A required key.
    #[must_use]
    pub const fn required(path: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self::new(path, kind, Presence::Required, doc)
    }

    /// A key that is required if its table is present.
    #[must_use]
    pub const fn with_table(path: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self::new(path, kind, Presence::WithTable, doc)
    }

    /// An optional key without a default.
    #[must_use]
    pub const fn optional(path: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self::new(path, kind, Presence::Optional, doc)
    }

    /// A key with a default.
    #[must_use]
    pub const fn with_default(path: &'static str, kind: Kind, preset: DefaultValue, doc: &'static str) -> Self {
        Self::new(path, kind, Presence::Default(preset), doc)
    }
}

impl Kind {
    /// An integer from `least` to `most`, both inclusive.
    #[must_use]
    pub const fn integer(least: i64, most: i64) -> Self {
        Kind::Integer { least, most }
    }

    /// A number from `least` to `most`, both inclusive.
    #[must_use]
    pub const fn number(least: f64, most: f64) -> Self {
        Kind::Number { least: Bound::Included(least), most: Bound::Included(most) }
    }

    /// A number from `least`, exclusive, to `most`, inclusive.
    #[must_use]
    pub const fn above(least: f64, most: f64) -> Self {
        Kind::Number { least: Bound::Excluded(least), most: Bound::Included(most) }
    }

    /// A number from `least`, inclusive, to `most`, exclusive.
    #[must_use]
    pub const fn below(least: f64, most: f64) -> Self {
        Kind::Number { least: Bound::Included(least), most: Bound::Excluded(most) }
    }

    /// Any finite number.
    #[must_use]
    pub const fn any_number() -> Self {
        Kind::Number { least: Bound::Unbounded, most: Bound::Unbounded }
    }

    /// A threshold table: rows of a threshold and a number, ascending by threshold.
    #[must_use]
    pub const fn threshold_table(columns: &'static [Key], first: Option<f64>, example: &'static str) -> Self {
        Kind::Rows(Rows { columns, is_ascending: true, first, example })
    }

    /// A noun phrase for the kind, without its range: `a whole number`.
    #[must_use]
    pub const fn noun(&self) -> &'static str {
        match self {
            Kind::Integer { .. } => "a whole number",
            Kind::Number { .. } => "a number",
            Kind::Bool => "`true` or `false`",
            Kind::Text => "text",
            Kind::Choice(_) => "one of a few names",
            Kind::Hours => "a list of hours",
            Kind::Names(_) => "a list of names",
            Kind::Texts => "a list of texts",
            Kind::Clock => "a time of day",
            Kind::Date => "a date",
            Kind::DateTime => "a date and time",
            Kind::WallTime => "a weekday and time, or a date and time",
            Kind::Rows(_) => "a list of rows",
        }
    }

    /// The values allowed, for remedies: `a whole number from 0 to 168`.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Kind::Integer { least, most } if least == most => format!("`{least}`"),
            Kind::Integer { least, most } => format!("a whole number from {least} to {most}"),
            Kind::Number { least, most } => number_range(*least, *most),
            Kind::Bool => "`true` or `false`, without quotes".to_owned(),
            Kind::Text => "text in double quotes".to_owned(),
            Kind::Choice(names) => quoted(names).join(" or "),
            Kind::Hours => "a list of hours from 0 to 23, as in `[9, 13, 16]`".to_owned(),
            Kind::Names(names) => format!("a list of one or more of {}", quoted(names).join(", ")),
            Kind::Texts => "a list of one or more texts in double quotes, as in `[\"one\", \"two\"]`".to_owned(),
            Kind::Clock => "a time of day in quotes, as in `\"23:00\"`".to_owned(),
            Kind::Date => "a date, as in `2026-12-25`".to_owned(),
            Kind::DateTime => "a date and time, as in `2026-12-24T12:00:00`".to_owned(),
            Kind::WallTime => {
                "a weekday and time, as in `\"friday 18:00\"`, or a date and time, as in `2026-12-24T12:00:00`"
                    .to_owned()
            }
            Kind::Rows(rows) => format!("a list of rows, as in `{}`", rows.example),
        }
    }
}

/// The names as they are written in a file, in backticks.
fn quoted(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("`\"{name}\"`")).collect()
}

fn number_range(least: Bound<f64>, most: Bound<f64>) -> String {
    let lower = match least {
        Bound::Included(at) => format!("from {at}"),
        Bound::Excluded(at) => format!("above {at}"),
        Bound::Unbounded => String::new(),
    };
    let upper = match most {
        Bound::Included(at) => format!("up to {at}"),
        Bound::Excluded(at) => format!("below {at}"),
        Bound::Unbounded => String::new(),
    };
    match (lower.as_str(), upper.as_str()) {
        ("", "") => "a finite number".to_owned(),
        (lower, "") => format!("a number {lower}"),
        ("", upper) => format!("a number {upper}"),
        (lower, upper) => format!("a number {lower} and {upper}"),
    }
    .replace(" and up to ", " up to ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_worded_naturally() {
        assert_eq!(Kind::number(0.0, 1.0).expected(), "a number from 0 up to 1");
        assert_eq!(Kind::above(0.0, 0.5).expected(), "a number above 0 up to 0.5");
        assert_eq!(Kind::below(0.0, 1.0).expected(), "a number from 0 and below 1");
        assert_eq!(Kind::any_number().expected(), "a finite number");
        assert_eq!(Kind::integer(1, 1).expected(), "`1`");
    }

    #[test]
    fn names_that_a_pack_defines_can_be_names_of_functions() {
        assert!(Placeholder::PackDefined.allows("truth_layer_2"));
        for bad in ["", "Truth", "2nd", "a-b", "a.b", "ä"] {
            assert!(!Placeholder::PackDefined.allows(bad), "{bad}");
        }
    }
}
