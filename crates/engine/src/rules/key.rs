//! What a table of keys is made of: where a key stands, what it may hold, what holds without it.
//!
//! One such table drives the validation of a file, its defaults, and whatever describes the file to
//! people and editors. It knows nothing of what the numbers mean together; `coherence` does.

use crate::model::Channel;

/// One key of a TOML file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// Path within the file, parts joined by dots; `<channel>`, `<day>`, `<signal>`, `<guardrail>`,
    /// `<param>` and `<case>` stand for any one such name.
    pub path: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What holds where the file is silent.
    pub need: Need,
    /// What it does, with its unit.
    pub doc: &'static str,
}

/// What a key may hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A whole number in a range, both ends included.
    Integer {
        /// Smallest.
        least: i64,
        /// Largest.
        most: i64,
    },
    /// A finite number in a range.
    Number {
        /// Lower end.
        least: Limit,
        /// Upper end.
        most: Limit,
    },
    /// `true` or `false`.
    Bool,
    /// Any text but the empty one.
    Text,
    /// One of some names.
    Choice(&'static [&'static str]),
    /// A list of hours, `0..24`, each once.
    Hours,
    /// A time of day, as in `"23:00"`.
    Clock,
    /// A day, as in `2026-12-25`.
    Date,
    /// A time of every week, as in `"friday 18:00"`, or a date and time, as in `2026-12-24T12:00:00`; both on the
    /// client's clock.
    WallTime,
    /// A list of rows.
    Rows(Rows),
}

/// The end of a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// The number itself is allowed.
    To(f64),
    /// All up to the number, but not the number itself.
    Short(f64),
    /// No end.
    Open,
}

/// What rows of a list look like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rows {
    /// The keys of each row; paths of one part.
    pub columns: &'static [Key],
    /// Whether the first column must ascend from row to row.
    pub ascending: bool,
    /// What the first row's first column must be; none where it is free and the list may be empty.
    pub first: Option<f64>,
    /// How the list is written, for messages.
    pub example: &'static str,
}

/// What holds where a file is silent about a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Need {
    /// Nothing: the file must say it.
    Required,
    /// Nothing: it must be said where its table is there at all.
    WithTable,
    /// It may be left out, and then nothing holds.
    Optional,
    /// This.
    Default(Preset),
}

/// A value that holds by default.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Preset {
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// Text, also for a choice.
    Text(&'static str),
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
    /// Its keys, in the order they are explained in.
    pub keys: &'static [Key],
}

/// The days of a week as keys are named by them, Monday first.
pub const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The signals of the early-warning matrix, which agents compute.
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

/// What a part of a path in angle brackets stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// One of the nine channels; every one must be there.
    Channel,
    /// One of the seven days.
    Day,
    /// One of the signals.
    Signal,
    /// A name of the pack's own: lowercase letters, digits and underscores.
    Own,
}

impl Names {
    /// What a part of a path stands for; none where it is a name itself.
    #[must_use]
    pub fn of(part: &str) -> Option<Self> {
        match part {
            "<channel>" => Some(Names::Channel),
            "<day>" => Some(Names::Day),
            "<signal>" => Some(Names::Signal),
            "<guardrail>" | "<param>" | "<case>" => Some(Names::Own),
            _ => None,
        }
    }

    /// The names it may be; none where the pack gives its own.
    #[must_use]
    pub fn known(self) -> Option<Vec<&'static str>> {
        match self {
            Names::Channel => Some(Channel::names().collect()),
            Names::Day => Some(DAYS.to_vec()),
            Names::Signal => Some(SIGNALS.to_vec()),
            Names::Own => None,
        }
    }

    /// Whether the name is one of them.
    #[must_use]
    pub fn allow(self, name: &str) -> bool {
        match self {
            Names::Channel => Channel::names().any(|known| known == name),
            Names::Day => DAYS.contains(&name),
            Names::Signal => SIGNALS.contains(&name),
            Names::Own => is_own_name(name),
        }
    }
}

fn is_own_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

impl Key {
    /// The key with what it needs replaced; for tables of keys.
    const fn new(path: &'static str, kind: Kind, need: Need, doc: &'static str) -> Self {
        Self { path, kind, need, doc }
    }

    /// A key that the file must hold.
    #[must_use]
    pub const fn required(path: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self::new(path, kind, Need::Required, doc)
    }

    /// A key that must be there where its table is.
    #[must_use]
    pub const fn with_table(path: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self::new(path, kind, Need::WithTable, doc)
    }

    /// A key that may be left out.
    #[must_use]
    pub const fn optional(path: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self::new(path, kind, Need::Optional, doc)
    }

    /// A key with a default.
    #[must_use]
    pub const fn preset(path: &'static str, kind: Kind, preset: Preset, doc: &'static str) -> Self {
        Self::new(path, kind, Need::Default(preset), doc)
    }
}

impl Kind {
    /// A whole number from one to another, both included.
    #[must_use]
    pub const fn integer(least: i64, most: i64) -> Self {
        Kind::Integer { least, most }
    }

    /// A number from one to another, both included.
    #[must_use]
    pub const fn number(least: f64, most: f64) -> Self {
        Kind::Number { least: Limit::To(least), most: Limit::To(most) }
    }

    /// A number above one and up to another.
    #[must_use]
    pub const fn above(least: f64, most: f64) -> Self {
        Kind::Number { least: Limit::Short(least), most: Limit::To(most) }
    }

    /// A number from one up to another, which is not allowed itself.
    #[must_use]
    pub const fn below(least: f64, most: f64) -> Self {
        Kind::Number { least: Limit::To(least), most: Limit::Short(most) }
    }

    /// Any finite number.
    #[must_use]
    pub const fn any_number() -> Self {
        Kind::Number { least: Limit::Open, most: Limit::Open }
    }

    /// Steps from a threshold to a number, ascending.
    #[must_use]
    pub const fn steps(columns: &'static [Key], first: Option<f64>, example: &'static str) -> Self {
        Kind::Rows(Rows { columns, ascending: true, first, example })
    }

    /// What it is, without its range: `a whole number`.
    #[must_use]
    pub const fn noun(&self) -> &'static str {
        match self {
            Kind::Integer { .. } => "a whole number",
            Kind::Number { .. } => "a number",
            Kind::Bool => "`true` or `false`",
            Kind::Text => "text",
            Kind::Choice(_) => "one of a few names",
            Kind::Hours => "a list of hours",
            Kind::Clock => "a time of day",
            Kind::Date => "a date",
            Kind::WallTime => "a weekday and time, or a date and time",
            Kind::Rows(_) => "a list of rows",
        }
    }

    /// What may be written, for remedies: `a whole number from 0 to 168`.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Kind::Integer { least, most } if least == most => format!("`{least}`"),
            Kind::Integer { least, most } => format!("a whole number from {least} to {most}"),
            Kind::Number { least, most } => numbers(*least, *most),
            Kind::Bool => "`true` or `false`, without quotes".to_owned(),
            Kind::Text => "text in double quotes".to_owned(),
            Kind::Choice(names) => {
                let quoted: Vec<String> = names.iter().map(|name| format!("`\"{name}\"`")).collect();
                quoted.join(" or ")
            }
            Kind::Hours => "a list of hours from 0 to 23, as in `[9, 13, 16]`".to_owned(),
            Kind::Clock => "a time of day in quotes, as in `\"23:00\"`".to_owned(),
            Kind::Date => "a date, as in `2026-12-25`".to_owned(),
            Kind::WallTime => {
                "a weekday and time, as in `\"friday 18:00\"`, or a date and time, as in `2026-12-24T12:00:00`"
                    .to_owned()
            }
            Kind::Rows(rows) => format!("a list of rows, as in `{}`", rows.example),
        }
    }
}

fn numbers(least: Limit, most: Limit) -> String {
    let lower = match least {
        Limit::To(at) => format!("from {at}"),
        Limit::Short(at) => format!("above {at}"),
        Limit::Open => String::new(),
    };
    let upper = match most {
        Limit::To(at) => format!("up to {at}"),
        Limit::Short(at) => format!("below {at}"),
        Limit::Open => String::new(),
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
    fn ranges_read_as_a_person_would_say_them() {
        assert_eq!(Kind::number(0.0, 1.0).expected(), "a number from 0 up to 1");
        assert_eq!(Kind::above(0.0, 0.5).expected(), "a number above 0 up to 0.5");
        assert_eq!(Kind::below(0.0, 1.0).expected(), "a number from 0 and below 1");
        assert_eq!(Kind::any_number().expected(), "a finite number");
        assert_eq!(Kind::integer(1, 1).expected(), "`1`");
    }

    #[test]
    fn own_names_can_be_names_of_functions() {
        assert!(Names::Own.allow("truth_layer_2"));
        for bad in ["", "Truth", "2nd", "a-b", "a.b", "ä"] {
            assert!(!Names::Own.allow(bad), "{bad}");
        }
    }
}
