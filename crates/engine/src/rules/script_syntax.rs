//! Explains syntax errors in scripts to the authors of rules: notations of other languages, mistyped names, unclosed
//! braces.

use rhai::{LexError, ParseError, ParseErrorType, Position};

use super::facts::{AssetFacts, ChannelFacts, ClientFacts, Facts, PostFacts};
use crate::diagnostic::suggestion;

/// A syntax error with its cause, position and remedy.
#[derive(Debug, PartialEq)]
pub(super) struct ExplainedError {
    /// 1-based; 0 for the script as a whole.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    pub cause: String,
    pub remedy: String,
}

const FIRST_ONLY: &str = "fix the script at this position; only the first error of each file is shown";

/// Words of other languages, and their equivalents in Rhai.
const FOREIGN: [(&str, &str); 14] = [
    ("and", "&&"),
    ("or", "||"),
    ("not", "!"),
    ("elif", "else if"),
    ("elsif", "else if"),
    ("elseif", "else if"),
    ("then", "{"),
    ("True", "true"),
    ("False", "false"),
    ("None", "()"),
    ("null", "()"),
    ("nil", "()"),
    ("def", "fn"),
    ("function", "fn"),
];

/// Explains an error that the parser reported in a script.
pub(super) fn explain(error: &ParseError, text: &str) -> ExplainedError {
    let position = error.position();
    let mistake = |cause: String, remedy: String| ExplainedError {
        line: position.line().unwrap_or(0),
        column: position.position().unwrap_or(0),
        cause,
        remedy,
    };
    if let Some((word, equivalent)) = foreign_word(error.err_type(), text, position) {
        return mistake(format!("`{word}` is a keyword of other languages"), format!("write `{equivalent}`"));
    }
    match error.err_type() {
        ParseErrorType::BadInput(LexError::ImproperSymbol(symbol, _))
            if symbol == "=" && is_reversed_operator(text, position) =>
        {
            mistake("`=<` is not an operator".to_owned(), "write `<=`".to_owned())
        }
        ParseErrorType::BadInput(LexError::ImproperSymbol(symbol, _)) if symbol == "=" => {
            mistake("`=` assigns a value and does not compare".to_owned(), "write `==` to compare".to_owned())
        }
        ParseErrorType::BadInput(LexError::MalformedChar(_)) => mistake(
            "this text is in single quotes, which hold a single character only".to_owned(),
            "write text in double quotes, as in `\"friday\"`".to_owned(),
        ),
        ParseErrorType::VariableUndefined(name) if is_declared_outside(name, text) => mistake(
            format!("`{name}` is declared outside the function, which sees its parameters and its own variables only"),
            format!("move the line that declares `{name}` into the function, or make it a function without parameters"),
        ),
        ParseErrorType::VariableUndefined(name) => {
            mistake(format!("`{name}` is not defined"), remedy_for_name(name, text))
        }
        ParseErrorType::MissingToken(..) | ParseErrorType::UnexpectedEOF | ParseErrorType::WrongFnDefinition => {
            match unclosed_brace(text) {
                Some((line, column)) => ExplainedError {
                    line,
                    column,
                    cause: "this `{` is never closed".to_owned(),
                    remedy: "close it with `}`".to_owned(),
                },
                None => mistake(parser_message(error), FIRST_ONLY.to_owned()),
            }
        }
        _ => mistake(parser_message(error), FIRST_ONLY.to_owned()),
    }
}

/// The parser's own message.
pub(super) fn parser_message(error: &ParseError) -> String {
    lowercase_first(&error.err_type().to_string())
}

/// The text with its first letter in lower case, because the causes in diagnostics begin in lower case.
pub(super) fn lowercase_first(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// The foreign word that the error is about or that stands at its position, and the word's equivalent in Rhai.
fn foreign_word(kind: &ParseErrorType, text: &str, position: Position) -> Option<(&'static str, &'static str)> {
    let found = match kind {
        ParseErrorType::VariableUndefined(name) => name.as_str(),
        _ => word_at(text, position)?,
    };
    FOREIGN.into_iter().find(|(word, _)| *word == found)
}

/// Whether the `=` at the position of the error is followed by `<`.
fn is_reversed_operator(text: &str, position: Position) -> bool {
    let next_char = || {
        let line = text.lines().nth(position.line()?.checked_sub(1)?)?;
        line.chars().nth(position.position()?)
    };
    next_char() == Some('<')
}

/// Whether a line without indentation declares the name.
fn is_declared_outside(name: &str, text: &str) -> bool {
    let declares = |line: &str, keyword: &str| {
        let rest = line.strip_prefix(keyword).and_then(|rest| rest.trim_start().strip_prefix(name));
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    text.lines().any(|line| declares(line, "const ") || declares(line, "let "))
}

fn word_at(text: &str, position: Position) -> Option<&str> {
    let line = text.lines().nth(position.line()?.checked_sub(1)?)?;
    let (start, _) = line.char_indices().nth(position.position()?.checked_sub(1)?)?;
    let rest = line.get(start..)?;
    rest.split(|c: char| !is_name_char(c)).next().filter(|word| !word.is_empty())
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Suggests the name that was meant: a field of a parameter such as `post`, or the nearest word of the script.
fn remedy_for_name(name: &str, text: &str) -> String {
    let parameters = [
        (PostFacts::PARAMETER, has_field::<PostFacts>(name)),
        (ChannelFacts::PARAMETER, has_field::<ChannelFacts>(name)),
        (AssetFacts::PARAMETER, has_field::<AssetFacts>(name)),
        (ClientFacts::PARAMETER, has_field::<ClientFacts>(name)),
    ];
    let is_in_script = |parameter: &&str| text.split(|c: char| !is_name_char(c)).any(|word| word == *parameter);
    let fields: Vec<String> = parameters
        .iter()
        .filter(|(parameter, has)| *has && is_in_script(parameter))
        .map(|(parameter, _)| format!("`{parameter}.{name}`"))
        .collect();
    if !fields.is_empty() {
        return format!("did you mean {}?", fields.join(" or "));
    }
    let words = text.split(|c: char| !is_name_char(c)).filter(|word| *word != name && !word.is_empty());
    suggestion(name, words, || format!("declare it first with `let {name} = …;`, or write a text in double quotes"))
}

fn has_field<T: Facts>(name: &str) -> bool {
    T::fields().iter().any(|field| field.name == name)
}

/// An opening brace.
#[derive(Clone, Copy)]
struct OpeningBrace {
    /// 1-based.
    line: usize,
    /// 1-based, in characters.
    column: usize,
    /// Indentation of its line, in characters.
    indent: usize,
}

/// 1-based line and column of the `{` that the author probably forgot to close; `None` if every brace is closed. A `}` at
/// the start of a line that is indented less than the line of its `{` was probably meant for an outer one: the first such
/// `{`. Otherwise the innermost `{` without a `}`.
fn unclosed_brace(text: &str) -> Option<(usize, usize)> {
    let mut open: Vec<OpeningBrace> = Vec::new();
    let mut misindented = None;
    let mut in_comment = false;
    for (number, line) in text.lines().enumerate() {
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        for (column, brace) in braces(line, &mut in_comment) {
            if brace == '{' {
                open.push(OpeningBrace { line: number + 1, column: column + 1, indent });
            } else if let Some(opening) = open.pop()
                && column == indent
                && indent < opening.indent
            {
                misindented = misindented.or(Some(opening));
            }
        }
    }
    let innermost = open.last().copied()?;
    let OpeningBrace { line, column, .. } = misindented.unwrap_or(innermost);
    Some((line, column))
}

/// The braces of a line outside strings and comments, with their 0-based columns.
fn braces(line: &str, in_comment: &mut bool) -> Vec<(usize, char)> {
    let mut found = Vec::new();
    let mut quote = None;
    let mut letters = line.chars().enumerate().peekable();
    while let Some((column, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        match (quote, letter) {
            _ if *in_comment => {
                if (letter, next) == ('*', Some('/')) {
                    *in_comment = false;
                    letters.next();
                }
            }
            (Some(_), '\\') => drop(letters.next()),
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '/') if next == Some('/') => break,
            (None, '/') if next == Some('*') => *in_comment = true,
            (None, '"' | '`') => quote = Some(letter),
            (None, '{' | '}') => found.push((column, letter)),
            (None, _) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::script;
    use super::*;

    fn mistake(body: &str) -> (usize, usize, String, String) {
        let text = format!("fn house(post, ctx) {{\n    let limit = 15;\n{body}\n    pass()\n}}\n");
        let error = script::engine().compile(&text).unwrap_err();
        let ExplainedError { line, column, cause, remedy } = explain(&error, &text);
        (line, column, cause, remedy)
    }

    #[test]
    fn notations_of_other_languages_are_explained() {
        for (body, word, equivalent) in [
            ("    if post.hour > 3 and post.hour < 9 { return pass(); }", "and", "&&"),
            ("    if post.hour > 3 or post.hour < 9 { return pass(); }", "or", "||"),
            ("    if not post.has_asset { return pass(); }", "not", "!"),
            ("    if post.hour > 3 { } elif post.hour > 2 { }", "elif", "else if"),
            ("    if post.has_asset == True { return pass(); }", "True", "true"),
            ("    if post.hour > 3 then { return pass(); }", "then", "{"),
        ] {
            let (line, _, cause, remedy) = mistake(body);
            assert_eq!((line, cause), (3, format!("`{word}` is a keyword of other languages")), "{body}");
            assert_eq!(remedy, format!("write `{equivalent}`"), "{body}");
        }
        let (line, column, _, remedy) = mistake("    if post.hour = 15 { return pass(); }");
        assert_eq!((line, column, remedy.as_str()), (3, 18, "write `==` to compare"));
        let (.., remedy) = mistake("    if ctx.channel == 'linkedin' { return pass(); }");
        assert_eq!(remedy, "write text in double quotes, as in `\"friday\"`");
    }

    #[test]
    fn the_nearest_name_is_suggested_for_a_mistyped_one() {
        let remedy = |name: &str| mistake(&format!("    if post.hour > {name} {{ return pass(); }}")).3;
        assert_eq!(remedy("limt"), "did you mean `limit`?");
        assert_eq!(remedy("min_spacing_hours"), "did you mean `ctx.min_spacing_hours`?");
        assert_eq!(remedy("fatigue"), "did you mean `post.fatigue` or `ctx.fatigue`?");
        assert!(remedy("qqq").starts_with("declare it first"));
    }

    #[test]
    fn a_brace_that_is_never_closed_is_shown_where_it_opens() {
        let (line, column, cause, _) = mistake("    if post.hour > 3 { // }\n        return block(\"}\", \"b\");");
        assert_eq!((line, column, cause.as_str()), (3, 22, "this `{` is never closed"));
        let text = "fn a(post, ctx) {\n    pass()\n\nfn b(post, ctx) {\n    pass()\n}\n";
        let error = script::engine().compile(text).unwrap_err();
        assert_eq!(explain(&error, text).line, 1);
    }
}
