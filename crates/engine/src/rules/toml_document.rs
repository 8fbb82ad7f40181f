//! One TOML file as text and parse tree, every part with its location, and the file's syntax errors.
//!
//! The parser continues after an error, so that one pass reports all of them; follow-up errors on the same line are
//! suppressed. Which keys are allowed is not checked here.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::pack_files::PackFiles;
use super::recovery::{self, SyntaxError};
use crate::diagnostic::{Diagnostic, Lines, SourceLocation};

/// A parsed file.
pub(crate) struct TomlDocument<'t> {
    file: Arc<str>,
    text: &'t str,
    lines: Lines,
    root: DeTable<'t>,
    broken_lines: BTreeSet<u32>,
    mistakes: Vec<Diagnostic>,
}

impl<'t> TomlDocument<'t> {
    /// Parses a file's text, and passes the document, as far as it could be parsed, to `visit`.
    pub(crate) fn read<R>(file: &str, text: &str, visit: impl FnOnce(&TomlDocument<'_>) -> R) -> R {
        let (root, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return visit(&TomlDocument::new(file, text, root.into_inner(), &[]));
        }
        let (readable, mut syntax_errors) = recovery::blanked(text);
        let (root, remaining) = DeTable::parse_recoverable(&readable);
        syntax_errors.extend(remaining.iter().map(SyntaxError::from));
        if syntax_errors.is_empty() {
            syntax_errors.extend(errors.iter().map(SyntaxError::from));
        }
        syntax_errors.sort_by_key(|error| error.span.as_ref().map_or(0, |span| span.start));
        visit(&TomlDocument::new(file, text, root.into_inner(), &syntax_errors))
    }

    fn new(file: &str, text: &'t str, root: DeTable<'t>, errors: &[SyntaxError]) -> Self {
        let mut document = Self {
            file: file.into(),
            text,
            lines: Lines::new(text),
            root,
            broken_lines: BTreeSet::new(),
            mistakes: Vec::new(),
        };
        for error in errors {
            document.report(error);
        }
        document
    }

    /// The top-level table of the file.
    pub(crate) fn root(&self) -> &DeTable<'t> {
        &self.root
    }

    /// Syntax errors, at most one per line.
    pub(crate) fn mistakes(&self) -> &[Diagnostic] {
        &self.mistakes
    }

    /// Whether a line has a syntax error, so that the tree's entries on that line may be wrong.
    pub(crate) fn is_broken(&self, line: u32) -> bool {
        self.broken_lines.contains(&line)
    }

    /// The location of a span of the text.
    pub(crate) fn place(&self, span: Range<usize>) -> SourceLocation {
        self.lines.location(&self.file, self.text, span)
    }

    /// The location of the file as a whole.
    pub(crate) fn whole(&self) -> SourceLocation {
        SourceLocation::whole(Arc::clone(&self.file))
    }

    /// The text of a span, shortened for messages.
    pub(crate) fn quote(&self, span: Range<usize>) -> String {
        let place = self.place(span);
        let written = self.text.get(place.span.unwrap_or_default()).unwrap_or_default();
        let line = written.lines().next().unwrap_or_default();
        let short: String = line.chars().take(40).collect();
        if short.len() < written.trim_end().len() { format!("{short}…") } else { short }
    }

    /// Recognizes notations of other formats and countries on the line of the byte `at`: a comma in a number,
    /// semicolons, colons. Returns cause and remedy; `None` for other errors.
    fn foreign_notation(&self, at: usize) -> Option<(String, String)> {
        let before = self.text.get(..at)?;
        let start = before.rfind('\n').map_or(0, |line| line + 1);
        let line = self.text.get(start..)?.lines().next()?;
        let outside_texts: String = line.split('"').step_by(2).collect();
        if let Some((whole, decimals)) = outside_texts.split('=').skip(1).find_map(decimal_comma) {
            let cause = format!("`{whole},{decimals}` has a decimal comma");
            return Some((cause, format!("write a decimal point: `{whole}.{decimals}`")));
        }
        if outside_texts.contains(';') {
            let is_trailing = outside_texts.trim_end().ends_with(';') && outside_texts.matches(';').count() == 1;
            let remedy = if is_trailing { "remove the semicolon" } else { "separate the parts by commas" };
            return Some(("a semicolon is not a separator here".to_owned(), remedy.to_owned()));
        }
        let is_toml_line = outside_texts.contains('=') || outside_texts.trim_start().starts_with(['[', '#']);
        (outside_texts.contains(':') && !is_toml_line)
            .then(|| ("a colon is written instead of `=`".to_owned(), "write `key = value`".to_owned()))
    }

    fn report(&mut self, error: &SyntaxError) {
        let place = error.span.clone().map_or_else(|| self.whole(), |span| self.place(span));
        if !self.broken_lines.insert(place.line) {
            return;
        }
        let quoted = place.span.clone().map(|span| self.quote(span)).unwrap_or_default();
        let foreign = place.span.as_ref().and_then(|span| self.foreign_notation(span.start));
        self.mistakes.push(match foreign {
            Some((cause, remedy)) => Diagnostic::at("syntax", &place, "", cause, remedy),
            None => syntax_mistake(&place, &error.message, &quoted),
        });
    }
}

/// The number with a decimal comma at the start of a text, split at the comma.
fn decimal_comma(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let number = text.get(..text.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(text.len()))?;
    let (whole, decimals) = number.trim_end_matches(',').split_once(',')?;
    (!whole.is_empty() && !decimals.is_empty() && !decimals.contains(',')).then_some((whole, decimals))
}

/// Syntax errors in the TOML files of a pack, at most one per line.
#[must_use]
pub fn toml_syntax(files: &PackFiles) -> Vec<Diagnostic> {
    let tables = files.iter().filter(|(name, _)| name.ends_with(".toml"));
    tables.flat_map(|(name, text)| TomlDocument::read(name, text, |document| document.mistakes().to_vec())).collect()
}

/// The entries of a table, in file order.
pub(crate) fn in_order<'a, 't>(table: &'a DeTable<'t>) -> Vec<(&'a Spanned<DeString<'t>>, &'a Spanned<DeValue<'t>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

fn syntax_mistake(place: &SourceLocation, message: &str, quoted: &str) -> Diagnostic {
    if message.starts_with("duplicate key") {
        let cause = format!("`{quoted}` is set a second time in the same table");
        return Diagnostic::at("duplicate_key", place, quoted, cause, "keep one of the two and delete the other");
    }
    let (cause, remedy) = match message.starts_with("string values must be quoted") {
        true if quoted.is_empty() => ("there is no value after `=`".to_owned(), "write a value after `=`"),
        true => (
            format!("`{quoted}` is not a number, `true`, `false` or a text in quotes"),
            "write a number alone, or text in double quotes, as in `scope = \"post\"`",
        ),
        false if message.starts_with("invalid date") && !quoted.is_empty() => {
            (format!("`{quoted}` is not a date of the calendar"), "write a date that exists, as in `2026-02-28`")
        }
        false => (in_plain_words(message), syntax_remedy(message)),
    };
    Diagnostic::at("syntax", place, "", cause, remedy)
}

/// The parser's message as a cause, in which an array is called a list.
fn in_plain_words(message: &str) -> String {
    let (problem, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let problem = problem.replace("array table", "table").replace("array", "list");
    match expected {
        "" | "nothing" => format!("the file cannot be read from here: {problem}"),
        expected => {
            format!("the file cannot be read from here: {problem}, expected {}", expected.replace("'`'", "a backtick"))
        }
    }
}

/// Parts of the parser's messages, each with a remedy. The first part that a message contains applies.
const REMEDIES: [(&str, &str); 18] = [
    ("invalid float", "write a number with one decimal point, as in `0.5`"),
    ("invalid integer", "write a number with digits alone, as in `14`"),
    ("missing opening quote", "write text in double quotes, as in `scope = \"post\"`"),
    ("escape", "write a backslash in text as `\\\\`"),
    ("invalid basic string", "close the text with a double quote on the same line"),
    ("invalid literal string", "close the text with a single quote on the same line"),
    ("key with no value", "write `key = value`, or put `#` in front to make it a comment"),
    ("missing value", "write `key = value`, or put `#` in front to make it a comment"),
    ("extra `=`", "write `key = value` with one `=`"),
    ("unclosed array table", "close the table's name with `]]`"),
    ("unclosed array", "close the list with `]`"),
    ("unclosed table", "close the table's name with `]`"),
    ("unclosed inline table", "close the row with `}`"),
    ("missing comma", "put a comma between the parts"),
    ("extra comma", "remove the extra comma"),
    ("unexpected leading zero", "write the number without leading zeros, and a time of day in quotes"),
    ("unexpected key or value", "begin a new line here, or put `#` in front to make it a comment"),
    ("invalid unquoted key", "write keys with letters, digits, `_` and `-` alone"),
];

fn syntax_remedy(message: &str) -> &'static str {
    REMEDIES
        .iter()
        .find(|(part, _)| message.contains(part))
        .map_or("a line is `key = value`, a `[table]`, or a comment that begins with `#`", |(_, remedy)| remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(text: &str) -> Vec<(&'static str, u32, String)> {
        TomlDocument::read("x.toml", text, |document| {
            document
                .mistakes()
                .iter()
                .map(|mistake| (mistake.code, mistake.place.source().unwrap().line, mistake.place.name().to_owned()))
                .collect()
        })
    }

    #[test]
    fn each_broken_line_is_reported_once_and_all_in_one_pass() {
        let text = "a = 07:00:99x\nb = post\nc 5 = = 3\nd = [1, 2\n\n[t\ne 5\n[u]\nf = \"x\ng = 1\ng = 2\n";
        let lines: Vec<u32> = reported(text).iter().map(|(_, line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 6, 7, 9, 11]);
    }

    #[test]
    fn a_key_set_twice_is_named_where_it_is_set_again() {
        assert_eq!(reported("a = 1\nb = 2\na = 3\n"), [("duplicate_key", 3, "a".to_owned())]);
        assert_eq!(reported("[a]\nx = 1\n[a]\ny = 1\n"), [("duplicate_key", 3, "a".to_owned())]);
    }

    #[test]
    fn notations_of_other_formats_are_explained() {
        let reported = |text: &str| {
            TomlDocument::read("x.toml", text, |document| {
                let first = document.mistakes().first().unwrap_or_else(|| panic!("{text}"));
                format!("{}: {}", first.cause, first.remedy)
            })
        };
        assert_eq!(reported("a = 0,5\n"), "`0,5` has a decimal comma: write a decimal point: `0.5`");
        assert_eq!(reported("a = { b = 1,25 }\n"), "`1,25` has a decimal comma: write a decimal point: `1.25`");
        assert_eq!(reported("a = 0.5;\n"), "a semicolon is not a separator here: remove the semicolon");
        let semicolon = "a semicolon is not a separator here: separate the parts by commas";
        assert_eq!(reported("a = [{ b = 1; c = 2 }]\n"), semicolon);
        assert_eq!(reported("a = { b = 2026-02-28; c = \"x\" }\n"), semicolon);
        assert_eq!(reported("a = [1; 2]\n"), semicolon);
        assert_eq!(reported("a: 1\n"), "a colon is written instead of `=`: write `key = value`");
        let date = "`2026-02-30` is not a date of the calendar: write a date that exists, as in `2026-02-28`";
        assert_eq!(reported("a = [{ b = 2026-02-30 }]\n"), date);
    }

    #[test]
    fn entries_come_in_the_order_of_the_file() {
        let names = TomlDocument::read("x.toml", "[z]\n[a]\n[m]\n", |document| {
            in_order(document.root()).into_iter().map(|(name, _)| name.get_ref().to_string()).collect::<Vec<_>>()
        });
        assert_eq!(names, ["z", "a", "m"]);
    }
}
