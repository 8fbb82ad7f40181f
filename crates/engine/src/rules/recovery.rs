//! Error recovery for TOML: continues after a syntax error, statement by statement.
//!
//! After some errors the parser gives up on the rest of a table, or takes the lines after an unclosed bracket for its
//! content. A file that does not parse as a whole is therefore split into statements, each is parsed by itself, and the
//! broken ones are replaced by spaces. Byte offsets do not change.

use std::ops::Range;

use toml::de::{DeTable, Error};

/// A syntax error, with the parser's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    /// `None` if the parser gave no position.
    pub(crate) span: Option<Range<usize>>,
}

impl From<&Error> for SyntaxError {
    fn from(error: &Error) -> Self {
        Self { message: error.message().to_owned(), span: error.span() }
    }
}

/// The text with broken statements, and the content of tables with broken headers, replaced by spaces; and the error in
/// each broken statement.
pub(crate) fn blanked(text: &str) -> (String, Vec<SyntaxError>) {
    let mut errors = Vec::new();
    let mut blanked = text.as_bytes().to_vec();
    let mut is_table_broken = false;
    for statement in statements(text) {
        let error = statement.error(text);
        if statement.is_header {
            is_table_broken = error.is_some();
        }
        if error.is_some() || is_table_broken {
            let bytes = blanked.get_mut(statement.span).unwrap_or_default();
            bytes.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        errors.extend(error);
    }
    (String::from_utf8(blanked).unwrap_or_default(), errors)
}

/// A table header or an assignment, with all the lines that it spans.
struct Statement {
    span: Range<usize>,
    is_header: bool,
    /// Offsets of the brackets that an assignment opens and does not close, innermost last.
    open: Vec<usize>,
}

impl Statement {
    fn at(start: usize) -> Self {
        Self { span: start..start, is_header: false, open: Vec::new() }
    }

    /// The first syntax error in the statement, parsed by itself.
    fn error(&self, text: &str) -> Option<SyntaxError> {
        let source = text.get(self.span.clone())?;
        let (_, errors) = DeTable::parse_recoverable(source);
        let first = errors.iter().min_by_key(|error| error.span().map_or(0, |span| span.start))?;
        let mut error = SyntaxError::from(first);
        error.span = match self.open.first() {
            Some(bracket) => {
                let is_inline_table = text.get(*bracket..).is_some_and(|rest| rest.starts_with('{'));
                let kind = if is_inline_table { "inline table" } else { "array" };
                error.message = format!("unclosed {kind}");
                Some(*bracket..*bracket + 1)
            }
            None => error.span.map(|span| span.start + self.span.start..span.end + self.span.start),
        };
        Some(error)
    }
}

/// Splits a text into statements; blank lines and comments between them are left out.
///
/// Within open brackets, a line begins a new statement if it is not indented and looks like the start of one. Any other
/// line belongs to the open statement.
fn statements(text: &str) -> Vec<Statement> {
    let mut statements: Vec<Statement> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let is_in_brackets = statements.last().is_some_and(|statement| !statement.open.is_empty());
        let is_blank = trimmed.is_empty() || trimmed.starts_with('#');
        let begins_statement = if is_in_brackets { looks_like_a_statement(line) } else { !is_blank };
        if begins_statement {
            statements.push(Statement::at(start));
        }
        if let Some(statement) = statements.last_mut().filter(|_| begins_statement || is_in_brackets) {
            if begins_statement {
                statement.is_header = trimmed.starts_with('[');
            }
            if !statement.is_header {
                track_brackets(&mut statement.open, line, start);
            }
            statement.span.end = start + line.trim_end().len().max(1).min(line.len());
        }
        start += line.len();
    }
    statements
}

/// Whether a line starts, without indentation, like `key = …` or `[table]`.
fn looks_like_a_statement(line: &str) -> bool {
    let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if let Some(name) = line.strip_prefix("[[").or_else(|| line.strip_prefix('[')) {
        return name.starts_with(|c: char| c.is_ascii_alphabetic());
    }
    let rest = line.trim_start_matches(is_key);
    line.starts_with(|c: char| c.is_ascii_alphabetic()) && rest.trim_start().starts_with('=')
}

/// Adds the brackets that a line opens, and removes those that it closes, outside texts and comments.
fn track_brackets(open: &mut Vec<usize>, line: &str, start: usize) {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some('"'), '\\') if !is_escaped => {
                is_escaped = true;
                continue;
            }
            (Some(mark), c) if mark == c && !is_escaped => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') => return,
            (None, '[' | '{') => open.push(start + at),
            (None, ']' | '}') => drop(open.pop()),
            (None, _) => {}
        }
        is_escaped = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The 1-based line and the message of each error.
    fn messages(text: &str) -> Vec<(usize, String)> {
        let (readable, errors) = blanked(text);
        assert_eq!(readable.len(), text.len());
        assert_eq!(readable.lines().count(), text.lines().count());
        let line = |error: &SyntaxError| text[..error.span.clone().unwrap().start].matches('\n').count() + 1;
        errors.into_iter().map(|error| (line(&error), error.message)).collect()
    }

    #[test]
    fn an_open_bracket_is_reported_on_its_own_line_only() {
        let text = "a = [1, 2\nb = 3\nc = { d = 1\n[t]\ne = [\n  1,\n  2,\n]\n";
        assert_eq!(messages(text), [(1, "unclosed array".to_owned()), (3, "unclosed inline table".to_owned())]);
        let (readable, _) = blanked(text);
        assert!(["b = 3", "[t]", "  2,"].iter().all(|part| readable.contains(*part)) && !readable.contains("c ="));
    }

    #[test]
    fn keys_after_a_broken_header_do_not_fall_into_the_table_before_it() {
        let (readable, errors) = blanked("[a]\nx = 1\n[b\ny = 2\nz = = 3\n[c]\nw = 4\n");
        assert_eq!(errors.len(), 2);
        assert!(readable.contains("x = 1") && readable.contains("w = 4") && !readable.contains("y = 2"));
    }

    #[test]
    fn brackets_in_texts_and_comments_are_ignored() {
        let text = "a = \"[ \\\" {\"   # [\nb = '[' # {\nc = = 1\n";
        assert_eq!(messages(text).len(), 1);
    }
}
