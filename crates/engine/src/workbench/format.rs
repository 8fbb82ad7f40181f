//! Formats the files of a pack: only whitespace changes; rules and comments stay as they are.

use std::collections::BTreeMap;

use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use super::toml_layout::formatted;
use crate::diagnostic::Diagnostic;
use crate::rules::{PackFiles, is_same_script, script_syntax, toml_syntax};

/// The result of formatting a pack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Formatted {
    /// Files whose layout changes: their new text, by path within the pack.
    pub changed: BTreeMap<String, String>,
    /// Files that are left as they are, since formatting would change their meaning.
    pub refused: Vec<String>,
}

/// Formats the TOML files and scripts of a pack; other files, such as snapshots, are left alone. The pack need not be
/// valid, but it must parse.
///
/// # Errors
/// Every syntax error in every file.
pub fn format(files: &PackFiles) -> Result<Formatted, Vec<Diagnostic>> {
    let mut diagnostics = toml_syntax(files);
    diagnostics.extend(script_syntax(files));
    if !diagnostics.is_empty() {
        Diagnostic::sort(&mut diagnostics);
        return Err(diagnostics);
    }
    let mut result = Formatted::default();
    for (name, text) in files {
        let (after, is_equivalent) = match name.rsplit_once('.') {
            Some((_, "toml")) => {
                let after = formatted(text);
                let is_equivalent = is_same_table(text, &after);
                (after, is_equivalent)
            }
            Some((_, "rhai")) => {
                let after = trimmed(text);
                let is_equivalent = is_same_script(text, &after);
                (after, is_equivalent)
            }
            _ => continue,
        };
        if !is_equivalent {
            result.refused.push(name.clone());
        } else if after != *text {
            result.changed.insert(name.clone(), after);
        }
    }
    Ok(result)
}

/// Whether two TOML texts have the same values, and the same comments in the same order.
fn is_same_table(before: &str, after: &str) -> bool {
    let values = |text: &str| toml::from_str::<toml::Table>(text).map(|table| format!("{table:?}"));
    matches!((values(before), values(after)), (Ok(before), Ok(after)) if before == after)
        && comments(before) == comments(after)
}

fn comments(text: &str) -> Vec<&str> {
    let source = Source::new(text);
    let comments = source.lex().filter(|token| token.kind() == TokenKind::Comment);
    comments.filter_map(|token| source.get(token)).map(|raw| raw.as_str().trim_end()).collect()
}

/// A script without trailing whitespace on its lines and without blank lines at its end. Whitespace within a string
/// stays.
fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut trimmed: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    if !is_same_script(text, &trimmed.join("\n")) {
        // A string has whitespace at the end of a line, so the lines are trimmed one by one.
        trimmed.clone_from(&lines);
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.trim_end() != **line) {
            set_line(&mut trimmed, index, line.trim_end());
            if !is_same_script(text, &trimmed.join("\n")) {
                set_line(&mut trimmed, index, line);
            }
        }
    }
    let joined = trimmed.join("\n");
    let without_blank_end = joined.trim_end_matches('\n');
    if without_blank_end.is_empty() { String::new() } else { format!("{without_blank_end}\n") }
}

fn set_line<'t>(lines: &mut [&'t str], index: usize, line: &'t str) {
    if let Some(old) = lines.get_mut(index) {
        *old = line;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_loses_whitespace_at_the_ends_of_lines_and_nothing_else() {
        let text = "// head  \r\nfn f(post, ctx) {\t\n    pass()  // fine \n}\n\n \n";
        assert_eq!(trimmed(text), "// head\nfn f(post, ctx) {\n    pass()  // fine\n}\n");
        assert_eq!(trimmed("fn f() { 1 }"), "fn f() { 1 }\n");
        assert_eq!(trimmed("\n\n"), "");
    }

    #[test]
    fn whitespace_within_a_string_of_a_script_stays() {
        let text = "fn f() {   \n    `one  \n    two`   \n}\n";
        assert_eq!(trimmed(text), "fn f() {\n    `one  \n    two`\n}\n");
    }

    #[test]
    fn another_value_or_a_lost_comment_is_noticed() {
        let text = "a = 1.0   # one\nb = nan\n";
        assert!(is_same_table(text, "a=1.0 # one\nb = nan"));
        assert!(!is_same_table(text, "a = 1   # one\nb = nan\n"));
        assert!(!is_same_table(text, "a = 1.0\nb = nan\n"));
        assert!(!is_same_table(text, "a = 1.0   # two\nb = nan\n"));
    }

    #[test]
    fn only_changed_files_are_reported_and_snapshots_are_left_alone() {
        let files =
            [("a.toml", "a=1"), ("b.toml", "b = 1\n"), ("tests/c.snapshot", "c=1  "), ("d.rhai", "fn f() { 1 } ")];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let formatted = format(&files).unwrap();
        let changed: Vec<&String> = formatted.changed.keys().collect();
        assert_eq!(changed, ["a.toml", "d.rhai"]);
        assert_eq!(formatted.refused, Vec::<String>::new());
    }

    #[test]
    fn syntax_errors_are_reported_for_every_file() {
        let files = [("a.toml", "a = \n"), ("b.rhai", "fn f( {"), ("tests/c.toml", "[c\nd = 1\n")];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let reported: Vec<String> =
            format(&files).unwrap_err().iter().map(|error| error.place.source().unwrap().file.to_string()).collect();
        assert_eq!(reported, ["a.toml", "b.rhai", "tests/c.toml"]);
    }
}
