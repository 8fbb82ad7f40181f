//! Escapes untrusted text for terminals.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a terminal interprets the character instead of showing it, or reorders or breaks text because of it.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    let reorders_text =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || reorders_text || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Makes untrusted text safe for a line of a message: control and other invisible characters are escaped as `\u001b`,
/// as in TOML and JSON.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped_where(text, is_invisible)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_a_terminal_interprets_are_escaped() {
        assert_eq!(visible("tea\u{1b}[2J\u{7}\u{9b}\n"), "tea\\u001b[2J\\u0007\\u009b\\u000a");
        assert_eq!(visible("\u{202e}tea"), "\\u202etea");
        assert!(matches!(visible("Käse, 茶 & 🍵"), Cow::Borrowed(_)));
    }
}
