//! Output to the terminal: control characters in untrusted names and texts are escaped.

use std::borrow::Cow;
use std::io::{self, Write};

use super::failure::Failure;
use crate::diagnostic::{escaped_where, is_invisible};

/// Escapes everything that a terminal would interpret, except line ends and tabs. In JSON, this changes no value.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") {
        return Cow::Owned(text.split("\r\n").map(escaped).collect::<Vec<_>>().join("\r\n"));
    }
    escaped_where(text, |c| is_invisible(c) && !matches!(c, '\n' | '\t'))
}

/// Prints results on stdout, escaped for a terminal. A broken pipe is not an error.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    print_unescaped(&escaped(text))
}

/// Prints machine-readable output without escaping: scripts and file formats.
pub(super) fn print_unescaped(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::system(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints the message of a failed command on stderr.
pub(super) fn print_error(failure: &Failure) {
    // If stderr is closed, the message is lost.
    let _ = match failure {
        Failure::Rendered(text) | Failure::RenderedSystem(text) => writeln!(io::stderr(), "{text}"),
        other => writeln!(io::stderr(), "{}", escaped(other.message())),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_except_line_breaks_and_tabs() {
        assert_eq!(escaped("a\tb\nc\r\nd\re\u{1b}[0m"), "a\tb\nc\r\nd\\u000de\\u001b[0m");
    }

    #[test]
    fn json_keeps_its_value() {
        let value = serde_json::json!({"name": "a\u{7f}\u{9b}\u{202e}\u{1b}"});
        let read: serde_json::Value = serde_json::from_str(&escaped(&value.to_string())).unwrap();
        assert_eq!(read, value);
    }
}
