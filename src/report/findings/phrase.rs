//! Sentences with names in them.

use serde::Serialize;

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Its text.
    pub text: String,
    /// Whether it is a name from rules or data, shown as code.
    pub code: bool,
}

/// A sentence or paragraph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Phrase(Vec<Span>);

impl Phrase {
    /// Parses text with names in backticks.
    pub fn parse(text: &str) -> Self {
        let spans = text.split('`').enumerate().filter(|(_, text)| !text.is_empty());
        Self(spans.map(|(index, text)| Span { text: text.to_owned(), code: index % 2 == 1 }).collect())
    }

    /// Its pieces.
    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    /// Its text without markup.
    pub fn text(&self) -> String {
        self.0.iter().map(|span| span.text.as_str()).collect()
    }
}

/// A name as [`Phrase::parse`] expects it.
pub fn code(name: &str) -> String {
    format!("`{}`", plain(name))
}

/// A text from elsewhere with its backticks replaced, so that they are not parsed as markup.
pub fn plain(text: &str) -> String {
    text.replace('`', "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_in_a_name_are_replaced() {
        let phrase = Phrase::parse(&format!("blocked by {} alone", code("a`b`c")));
        let codes: Vec<&str> = phrase.spans().iter().filter(|span| span.code).map(|span| span.text.as_str()).collect();
        assert_eq!(codes, ["a'b'c"]);
        assert_eq!(phrase.text(), "blocked by a'b'c alone");
    }
}
