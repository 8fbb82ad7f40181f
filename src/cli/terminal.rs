//! What is said and printed: a name or a text of somebody else never acts on the terminal it is shown on.

use std::borrow::Cow;
use std::io::{self, Write};

use super::failure::Failure;
use crate::rules::{escaped_where, is_unseen};

/// The text with all that a terminal would act on written out, but for the ends of lines and tabulators. In JSON, this
/// changes no value.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") {
        return Cow::Owned(text.split("\r\n").map(harmless).collect::<Vec<_>>().join("\r\n"));
    }
    escaped_where(text, |c| is_unseen(c) && !matches!(c, '\n' | '\t'))
}

/// Prints results on stdout, harmless to a terminal. A reader that left early is no error.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    print_as_is(&harmless(text))
}

/// Prints what programs read, as it is: scripts and files in formats of their own.
pub(super) fn print_as_is(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Machine(format!("error: cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says why a command failed on stderr.
pub(super) fn complain(failure: &Failure) {
    // Nobody is left to tell where stderr is gone.
    let _ = match failure {
        Failure::Drawn(text) => writeln!(io::stderr(), "{text}"),
        other => writeln!(io::stderr(), "{}", harmless(other.message())),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_lines_and_nothing_else_acts() {
        assert_eq!(harmless("a\tb\nc\r\nd\re\u{1b}[0m"), "a\tb\nc\r\nd\\u000de\\u001b[0m");
    }

    #[test]
    fn json_says_the_same_afterwards() {
        let value = serde_json::json!({"name": "a\u{7f}\u{9b}\u{202e}\u{1b}"});
        let read: serde_json::Value = serde_json::from_str(&harmless(&value.to_string())).unwrap();
        assert_eq!(read, value);
    }
}
