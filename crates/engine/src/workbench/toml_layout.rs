//! Formats a TOML file of a pack: spaces, indentation, and trailing comments aligned in one column.
//!
//! Only whitespace between tokens is changed: the tokens, including comments, keep their order. Line breaks stay where
//! the author put them, since they group what belongs together.

use toml_parser::Source;
use toml_parser::lexer::TokenKind;

/// Number of spaces per nesting level of brackets that span several lines.
const INDENT: usize = 4;

/// Number of spaces between the longest line of a run of adjacent lines and the aligned comments of the run.
const COMMENT_GAP: usize = 3;

/// Formats the text of a file.
pub(super) fn formatted(text: &str) -> String {
    let mut writer = LayoutWriter::default();
    let source = Source::new(text);
    let mut line_start = 0;
    let mut follows_whitespace = false;
    for token in source.lex() {
        let written = source.get(token).map_or("", |raw| raw.as_str());
        let (kind, start) = (token.kind(), token.span().start());
        match kind {
            TokenKind::Whitespace | TokenKind::Eof => {}
            TokenKind::Newline => writer.end_line(),
            TokenKind::Comment => {
                let column = text.get(line_start..start).map_or(0, |before| before.chars().count());
                writer.comment(written, column);
            }
            _ => writer.code(kind, written, follows_whitespace),
        }
        follows_whitespace = kind == TokenKind::Whitespace;
        if let Some(at) = written.rfind('\n') {
            line_start = start + at + 1;
        }
    }
    writer.end_line();
    joined(&writer.lines)
}

/// One line. It is blank if it has neither code nor comment.
#[derive(Debug, Default)]
struct Line<'t> {
    indent: usize,
    code: String,
    is_header: bool,
    comment: Option<Comment<'t>>,
}

#[derive(Debug)]
struct Comment<'t> {
    text: &'t str,
    /// Column in the original text.
    column: usize,
    /// Whether it continues the trailing comment of the line above, in the same column.
    is_continuation: bool,
}

impl Line<'_> {
    fn is_blank(&self) -> bool {
        self.code.is_empty() && self.comment.is_none()
    }

    /// Whether it has a comment that is aligned with the others of its run.
    fn has_aligned_comment(&self) -> bool {
        self.comment.as_ref().is_some_and(|comment| comment.is_continuation || !self.code.is_empty())
    }

    /// Number of characters, without the comment; of the last line of a string over several lines.
    fn width(&self) -> usize {
        match self.code.rsplit_once('\n') {
            Some((_, last)) => last.chars().count(),
            None => self.indent + self.code.chars().count(),
        }
    }
}

#[derive(Default)]
struct LayoutWriter<'t> {
    lines: Vec<Line<'t>>,
    line: Line<'t>,
    /// The previous token on the same line.
    previous: Option<TokenKind>,
    /// The line index of each open bracket, innermost last.
    open_brackets: Vec<usize>,
    /// Whether the line has nothing but closing brackets so far.
    has_only_closing_brackets: bool,
    /// Whether the next token belongs to a value.
    is_value: bool,
}

impl<'t> LayoutWriter<'t> {
    /// Appends a token other than whitespace and comments.
    fn code(&mut self, kind: TokenKind, written: &str, follows_whitespace: bool) {
        let is_first = self.previous.is_none();
        if is_first {
            self.has_only_closing_brackets = true;
            self.line.is_header =
                self.open_brackets.is_empty() && !self.is_value && kind == TokenKind::LeftSquareBracket;
        }
        if is_closing(kind) && !self.line.is_header {
            self.open_brackets.pop();
        }
        if self.has_only_closing_brackets {
            self.line.indent = INDENT * self.levels();
            self.has_only_closing_brackets = is_closing(kind);
        }
        if is_opening(kind) && !self.line.is_header {
            self.open_brackets.push(self.lines.len());
        }
        self.is_value |= kind == TokenKind::Equals;
        if let Some(previous) = self.previous
            && need_space_between(previous, kind, follows_whitespace)
        {
            self.line.code.push(' ');
        }
        self.line.code.push_str(written);
        self.previous = Some(kind);
    }

    fn comment(&mut self, text: &'t str, column: usize) {
        let is_alone = self.previous.is_none();
        let above = self.lines.last().filter(|line| line.has_aligned_comment());
        let is_continuation = is_alone
            && self.open_brackets.is_empty()
            && above.is_some_and(|line| line.comment.as_ref().is_some_and(|comment| comment.column == column));
        if is_alone {
            self.line.indent = INDENT * self.levels();
            self.line.is_header = is_continuation && above.is_some_and(|line| line.is_header);
        }
        self.line.comment = Some(Comment { text: text.trim_end(), column, is_continuation });
    }

    /// Nesting depth: several brackets that open on one line count as one level.
    fn levels(&self) -> usize {
        self.open_brackets.chunk_by(|a, b| a == b).count()
    }

    /// Adds the line, unless it is blank and follows a blank line or nothing.
    fn end_line(&mut self) {
        self.previous = None;
        self.is_value = !self.open_brackets.is_empty();
        let line = std::mem::take(&mut self.line);
        let follows_blank = self.lines.last().is_none_or(Line::is_blank);
        if !(line.is_blank() && follows_blank) {
            self.lines.push(line);
        }
    }
}

fn is_opening(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket)
}

fn is_closing(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket)
}

/// Whether two adjacent tokens of a line are separated by a space. `had_whitespace` tells whether they were before.
fn need_space_between(previous: TokenKind, kind: TokenKind, had_whitespace: bool) -> bool {
    use TokenKind::{Comma, Dot, Equals, LeftCurlyBracket, LeftSquareBracket, RightCurlyBracket, RightSquareBracket};
    match (previous, kind) {
        (_, Comma) | (Dot, _) | (_, Dot) | (LeftSquareBracket, _) | (_, RightSquareBracket) => false,
        (LeftCurlyBracket, RightCurlyBracket) => false,
        (Comma | Equals | LeftCurlyBracket, _) | (_, Equals | RightCurlyBracket) => true,
        // Between a date and its time, for example.
        _ => had_whitespace,
    }
}

/// The text of the lines, with the comments of each run of lines aligned.
fn joined(lines: &[Line<'_>]) -> String {
    let mut text = String::new();
    let are_in_one_run = |above: &Line<'_>, line: &Line<'_>| {
        above.has_aligned_comment() && line.has_aligned_comment() && above.is_header == line.is_header
    };
    for run in lines.chunk_by(are_in_one_run) {
        let with_code = run.iter().filter(|line| !line.code.is_empty());
        let column = with_code.map(Line::width).max().unwrap_or(0) + COMMENT_GAP;
        for line in run {
            let indent = if line.is_blank() { 0 } else { line.indent };
            // Before a comment without code, the gap below replaces the indentation.
            let has_gap_only = line.has_aligned_comment() && line.code.is_empty();
            text.extend(std::iter::repeat_n(' ', if has_gap_only { 0 } else { indent }));
            text.push_str(&line.code);
            if let Some(comment) = &line.comment {
                let code_width = if line.code.is_empty() { 0 } else { line.width() };
                let gap = if line.has_aligned_comment() { column - code_width } else { 0 };
                text.extend(std::iter::repeat_n(' ', gap));
                text.push_str(comment.text);
            }
            text.push('\n');
        }
    }
    let end = text.trim_end().len();
    text.truncate(end);
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_formatted(text: &str, expected: &str) {
        let once = formatted(text);
        assert_eq!(once, expected);
        assert_eq!(formatted(&once), once, "the second time changes it");
    }

    #[test]
    fn spaces_are_where_a_reader_expects_them() {
        assert_formatted("  a=1\n", "a = 1\n");
        assert_formatted("a . \"b c\"  =  [ 1,2 , [ ],{ } ]  \n", "a.\"b c\" = [1, 2, [], {}]\n");
        assert_formatted("a={x=1,y=\"# {=}\" }\r\n", "a = { x = 1, y = \"# {=}\" }\n");
        assert_formatted("[ a . b ]\n[[ c ]]\n", "[a.b]\n[[c]]\n");
        assert_formatted("at = 2026-12-25   10:00:00\nx = -1.5e3", "at = 2026-12-25 10:00:00\nx = -1.5e3\n");
    }

    #[test]
    fn comments_of_adjacent_lines_are_aligned() {
        assert_formatted(
            "a = 1 # one\nlonger = 22# two\n\nb = 3# three\n",
            "a = 1         # one\nlonger = 22   # two\n\nb = 3   # three\n",
        );
        assert_formatted("a = 1 # one\nb = 2\nlonger = 3 # three\n", "a = 1   # one\nb = 2\nlonger = 3   # three\n");
        assert_formatted("[long_header] # head\na = 1 # one\n", "[long_header]   # head\na = 1   # one\n");
    }

    #[test]
    fn a_comment_that_continues_on_the_next_line_stays_aligned() {
        assert_formatted(
            "a = 1 # one,\n      # and more\n# of b\nb = 2\n",
            "a = 1   # one,\n        # and more\n# of b\nb = 2\n",
        );
    }

    #[test]
    fn lines_within_brackets_are_indented_once_a_level() {
        assert_formatted(
            "rows=[\n{from=1,to=[\n2, # two\n3\n]},\n  # none\n\n\n]# end\n",
            "rows = [\n    { from = 1, to = [\n        2,   # two\n        3\n    ] },\n    # none\n\n]   # end\n",
        );
    }

    #[test]
    fn strings_over_several_lines_stay_as_they_are() {
        assert_formatted(
            "a='''  \n  x  # no comment\n'''   # comment\n",
            "a = '''  \n  x  # no comment\n'''   # comment\n",
        );
    }

    #[test]
    fn blank_lines_are_single_and_never_at_an_end() {
        assert_formatted("\n\n# head  \n\n\n\na = 1\n  \n\n", "# head\n\na = 1\n");
        assert_formatted("", "");
        assert_formatted("\n", "");
    }
}
