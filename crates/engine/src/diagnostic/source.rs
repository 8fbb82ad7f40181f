//! Locations in source texts.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::escape::visible;

/// A location in a text file, or in a command-line argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLocation {
    /// File, as a path within its folder, with `/` as separator.
    pub file: Arc<str>,
    /// 1-based line; 0 for the file as a whole.
    pub line: u32,
    /// 1-based column in characters; 0 for the file as a whole.
    pub column: u32,
    /// Byte range; `None` if it is unknown, or for the file as a whole.
    pub span: Option<Range<usize>>,
}

impl SourceLocation {
    /// The location of a line and column, both 1-based, without a span.
    #[must_use]
    pub fn new(file: impl Into<Arc<str>>, line: u32, column: u32) -> Self {
        Self { file: file.into(), line, column, span: None }
    }

    /// The location of a file as a whole.
    #[must_use]
    pub fn whole(file: impl Into<Arc<str>>) -> Self {
        Self::new(file, 0, 0)
    }

    /// The location of a line and column (1-based, column in characters) as reported by a script engine, or the nearest
    /// one before it if the text has no such position.
    #[must_use]
    pub fn at_position(file: &str, text: &str, line: u32, column: u32) -> Self {
        let lines = Lines::new(text);
        let start = lines.start_of(line);
        let rest = text.get(start..).unwrap_or_default();
        let characters = rest.lines().next().unwrap_or_default().char_indices();
        let offset = characters.map(|(at, _)| at).take(column.max(1) as usize).last().unwrap_or(0);
        lines.location(&file.into(), text, start + offset..start + offset + 1)
    }

    /// The same line and column with the span that they have in the text.
    pub(crate) fn with_span_in(&self, text: &str) -> Self {
        Self::at_position(&self.file, text, self.line, self.column)
    }
}

impl fmt::Display for SourceLocation {
    /// `FILE:LINE:COLUMN`, or `FILE` for the file as a whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible(&self.file))?;
        if self.line == 0 { Ok(()) } else { write!(f, ":{}:{}", self.line, self.column) }
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
    pub(crate) fn location(&self, file: &Arc<str>, text: &str, span: Range<usize>) -> SourceLocation {
        let start = floor_boundary(text, span.start);
        let end = floor_boundary(text, span.end).max(start);
        let line = self.line_of(start);
        let before = text.get(self.start_of(line)..start).unwrap_or_default();
        let column = u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX);
        SourceLocation { file: Arc::clone(file), line, column, span: Some(start..end) }
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_counts_characters_and_not_bytes() {
        let text = "a = 1\nä = ö\n";
        let at = text.find('ö').unwrap();
        let location = Lines::new(text).location(&"x.toml".into(), text, at..at + 2);
        assert_eq!((location.line, location.column), (2, 5));
    }

    #[test]
    fn a_span_that_leaves_the_text_or_cuts_a_character_is_clamped() {
        let text = "ä";
        let location = Lines::new(text).location(&"x.toml".into(), text, 1..99);
        assert_eq!(location.span, Some(0..2));
        assert_eq!((location.line, location.column), (1, 1));
    }

    #[test]
    fn a_position_of_a_script_engine_finds_its_bytes() {
        let text = "let a = 1;\nlet ü = b;\n";
        let location = SourceLocation::at_position("x.rhai", text, 2, 9);
        let at = text.find('b').unwrap();
        assert_eq!((location.line, location.column, location.span), (2, 9, Some(at..at + 1)));
        assert_eq!(SourceLocation::at_position("x.rhai", text, 99, 99).line, 3);
    }
}
