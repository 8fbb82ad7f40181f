//! Diagnostics about files of a pack or a scenario: location, cause and remedy.
//!
//! Errors are values: whoever reads a file collects all of them, and the caller decides what to do. Nothing is printed
//! here; `render` formats them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

/// One error or warning about one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable code of the kind of error, such as `unknown_key`.
    pub code: &'static str,
    /// File, as a path within its folder, with `/` as separator.
    pub file: Arc<str>,
    /// 1-based line; 0 for the file as a whole.
    pub line: u32,
    /// 1-based column in characters; 0 for the file as a whole.
    pub column: u32,
    /// Byte range in the file.
    #[serde(skip)]
    pub span: Option<Range<usize>>,
    /// The key or name concerned, such as `channels.tiktok.weekly_posts`; empty if there is none.
    pub key: String,
    /// What is wrong. Lowercase, no full stop, user input in backticks.
    pub cause: String,
    /// How to fix it.
    pub remedy: String,
}

impl Diagnostic {
    /// A diagnostic at a location.
    #[must_use]
    pub fn at(
        code: &'static str,
        place: &Place,
        key: impl Into<String>,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            code,
            file: Arc::clone(&place.file),
            line: place.line,
            column: place.column,
            span: place.span.clone(),
            key: key.into(),
            cause: cause.into(),
            remedy: remedy.into(),
        }
    }

    /// A diagnostic about a file as a whole: it is missing, or should not exist.
    #[must_use]
    pub fn of_file(code: &'static str, file: &str, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::at(code, &Place::whole(file), "", cause, remedy)
    }

    /// The same diagnostic with the folder prepended to the file name, for display.
    #[must_use]
    pub fn within(mut self, folder: &str) -> Self {
        self.file = format!("{}/{}", folder.trim_end_matches('/'), self.file).into();
        self
    }

    /// Sorts by file, line and column, and removes duplicates.
    pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
        diagnostics.sort_by(|a, b| a.rank().cmp(&b.rank()));
        diagnostics.dedup();
    }

    fn rank(&self) -> (&str, u32, u32, &str, &str, &str) {
        (&self.file, self.line, self.column, self.code, &self.key, &self.cause)
    }
}

/// A location in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// File, as a path within its folder, with `/` as separator.
    pub file: Arc<str>,
    /// 1-based line; 0 for the file as a whole.
    pub line: u32,
    /// 1-based column in characters; 0 for the file as a whole.
    pub column: u32,
    /// Byte range; `None` for the file as a whole.
    pub span: Option<Range<usize>>,
}

impl Place {
    /// The location of a file as a whole.
    #[must_use]
    pub fn whole(file: &str) -> Self {
        Self { file: file.into(), line: 0, column: 0, span: None }
    }

    /// The location of a line and column (1-based, column in characters) as reported by a script engine. If the text
    /// has no such position, the nearest one before it.
    #[must_use]
    pub fn at_position(file: &str, text: &str, line: u32, column: u32) -> Self {
        let lines = Lines::new(text);
        let start = lines.start_of(line);
        let rest = text.get(start..).unwrap_or_default();
        let ahead = rest.lines().next().unwrap_or_default().char_indices();
        let offset = ahead.map(|(at, _)| at).take(column.max(1) as usize).last().unwrap_or(0);
        lines.place(&file.into(), text, start + offset..start + offset + 1)
    }
}

/// Byte offsets at which the lines of a text begin.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// 1-based line number of a byte offset.
    pub(crate) fn line_of(&self, at: usize) -> u32 {
        u32::try_from(self.starts.partition_point(|start| *start <= at)).unwrap_or(u32::MAX)
    }

    fn start_of(&self, line: u32) -> usize {
        let index = (line.max(1) as usize - 1).min(self.starts.len() - 1);
        self.starts.get(index).copied().unwrap_or(0)
    }

    /// The location of a span, clamped to the text and to character boundaries.
    pub(crate) fn place(&self, file: &Arc<str>, text: &str, span: Range<usize>) -> Place {
        let start = floor_boundary(text, span.start);
        let end = floor_boundary(text, span.end).max(start);
        let line = self.line_of(start);
        let before = text.get(self.start_of(line)..start).unwrap_or_default();
        let column = u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX);
        Place { file: Arc::clone(file), line, column, span: Some(start..end) }
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

/// The known name that a mistyped one most likely stands for: a few letters off, or one contained in the other.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = plain(typed);
    let scored = known.into_iter().filter_map(|name| {
        let candidate = plain(name);
        let distance = strsim::damerau_levenshtein(&typed, &candidate);
        let allowed = (typed.chars().count().min(candidate.chars().count()) / 3).max(1);
        let contained =
            typed.len() >= 4 && candidate.contains(&typed) || candidate.len() >= 4 && typed.contains(&candidate);
        (distance <= allowed || contained).then_some((distance, name))
    });
    scored.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

fn plain(name: &str) -> String {
    name.to_lowercase().replace(['-', ' '], "_")
}

/// Whether a terminal interprets a character, or reorders or breaks text because of it.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    let turns_text =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns_text || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Makes untrusted text safe for a line of a message: control and other invisible characters are escaped as `\u001b`,
/// as in TOML and JSON.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped_where(text, is_unseen)
}

/// The text with the chosen characters escaped as `\u001b`.
pub fn escaped_where(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_escaped(c) {
            // Writing to a `String` cannot fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Names in backticks, separated by commas.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Diagnostics start in lower case.
pub(super) fn lowercase_first(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_counts_characters_and_not_bytes() {
        let text = "a = 1\nä = ö\n";
        let at = text.find('ö').unwrap();
        let place = Lines::new(text).place(&"x.toml".into(), text, at..at + 2);
        assert_eq!((place.line, place.column), (2, 5));
    }

    #[test]
    fn a_span_that_leaves_the_text_or_cuts_a_character_is_held_within() {
        let text = "ä";
        let place = Lines::new(text).place(&"x.toml".into(), text, 1..99);
        assert_eq!(place.span, Some(0..2));
        assert_eq!((place.line, place.column), (1, 1));
    }

    #[test]
    fn a_position_of_a_script_engine_finds_its_bytes() {
        let text = "let a = 1;\nlet ü = b;\n";
        let place = Place::at_position("x.rhai", text, 2, 9);
        let at = text.find('b').unwrap();
        assert_eq!((place.line, place.column, place.span), (2, 9, Some(at..at + 1)));
        assert_eq!(Place::at_position("x.rhai", text, 99, 99).line, 3);
    }

    #[test]
    fn what_a_terminal_acts_on_is_written_out() {
        assert_eq!(visible("tea\u{1b}[2J\u{7}\u{9b}\n"), "tea\\u001b[2J\\u0007\\u009b\\u000a");
        assert_eq!(visible("\u{202e}tea"), "\\u202etea");
        assert!(matches!(visible("Käse, 茶 & 🍵"), Cow::Borrowed(_)));
    }

    #[test]
    fn the_nearest_name_is_a_few_letters_off_or_cut_short() {
        let known = ["weekly_posts", "min_spacing_hours", "half_life_hours", "hour_lift"];
        assert_eq!(nearest("weekly_post", known), Some("weekly_posts"));
        assert_eq!(nearest("Weekly-Posts", known), Some("weekly_posts"));
        assert_eq!(nearest("spacing", known), Some("min_spacing_hours"));
        assert_eq!(nearest("half_life", known), Some("half_life_hours"));
        assert_eq!(nearest("colour", known), None);
    }

    #[test]
    fn mistakes_are_sorted_by_file_line_and_column_and_said_once() {
        let at = |file: &str, line, column| {
            let place = Place { file: file.into(), line, column, span: None };
            Diagnostic::at("wrong_type", &place, "", "", "")
        };
        let mut found = vec![at("b", 1, 1), at("a", 10, 1), at("a", 2, 9), at("a", 2, 1), at("b", 1, 1)];
        Diagnostic::sort(&mut found);
        let order: Vec<_> = found.iter().map(|d| (d.file.to_string(), d.line, d.column)).collect();
        assert_eq!(order, [("a".into(), 2, 1), ("a".into(), 2, 9), ("a".into(), 10, 1), ("b".into(), 1, 1)]);
    }
}
