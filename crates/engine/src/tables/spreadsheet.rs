//! Guards against formula injection: text that a spreadsheet would take for a formula is written to CSV files with a
//! leading apostrophe, which is removed when read.

use std::borrow::Cow;

/// First characters that make a spreadsheet take a cell for a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The text as written to a CSV file. Text that already has apostrophes before such a character gets one more, so that
/// every text is read back unchanged.
#[must_use]
pub fn guarded(text: &str) -> Cow<'_, str> {
    if needs_guard(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text that a cell of a CSV file stands for.
pub(super) fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| needs_guard(text)).unwrap_or(cell)
}

/// Whether a text is written with a leading apostrophe.
#[must_use]
pub fn needs_guard(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(FORMULA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_reads_back_as_it_was_and_none_begins_like_a_formula() {
        for text in ["", "tea", "=1+2", "'=1+2", "''@x", "-5", "+49 30", "@home", "\tx", "it's", "'quoted'", "'"] {
            let written = guarded(text);
            assert!(!written.starts_with(FORMULA), "{written}");
            assert_eq!(unguarded(&written), text);
        }
    }
}
