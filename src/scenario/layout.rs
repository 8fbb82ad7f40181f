//! Where the rows of a CSV file lie: line numbers, cells a row, and quotes that do not close.
//!
//! The cells themselves are read by polars. It fills short rows with blanks and takes stray quotes
//! as text, so a file is checked here first; nothing that it would mend in silence gets through.

/// One line of data, which may run over several lines of the file where a cell is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    /// Line of the file that it begins on, from 1.
    pub line: usize,
    /// Its first byte.
    pub start: usize,
    /// The byte after its last one, without the line break.
    pub end: usize,
    /// How many cells it has.
    pub cells: usize,
}

impl Record {
    /// Whether nothing stands on the line.
    pub fn is_blank(&self) -> bool {
        self.start == self.end
    }
}

/// What is wrong with the quotes of a file, and on which line the record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QuoteError {
    /// A quote that never closes.
    Open { line: usize },
    /// A quote inside a cell that does not begin with one, or text after the closing quote.
    Stray { line: usize },
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    CellStart,
    Bare,
    Quoted,
    AfterQuote,
}

/// Splits a file into records of cells with a separator between. Line breaks are `\n` or `\r\n`.
///
/// # Errors
/// At the first quote that cannot be read: what follows it has no sure meaning.
pub(super) fn records(bytes: &[u8], separator: u8) -> Result<Vec<Record>, QuoteError> {
    let mut found = Vec::new();
    let mut place = Place::CellStart;
    let mut record = Record { line: 1, start: 0, end: 0, cells: 1 };
    let mut line = 1;
    for (at, &byte) in bytes.iter().enumerate() {
        place = match (place, byte) {
            (Place::Quoted, b'"') => Place::AfterQuote,
            (Place::Quoted, _) => {
                line += usize::from(byte == b'\n');
                Place::Quoted
            }
            (_, b'\n') => {
                line += 1;
                found.push(Record { end: without_return(bytes, record.start, at), ..record });
                record = Record { line, start: at + 1, end: at + 1, cells: 1 };
                Place::CellStart
            }
            (_, byte) if byte == separator => {
                record.cells += 1;
                Place::CellStart
            }
            (Place::CellStart | Place::AfterQuote, b'"') => Place::Quoted,
            (Place::AfterQuote, b'\r') if bytes.get(at + 1).is_none_or(|next| *next == b'\n') => Place::AfterQuote,
            (Place::AfterQuote, _) | (Place::Bare, b'"') => return Err(QuoteError::Stray { line: record.line }),
            (Place::CellStart | Place::Bare, _) => Place::Bare,
        };
    }
    if place == Place::Quoted {
        return Err(QuoteError::Open { line: record.line });
    }
    if record.start < bytes.len() {
        found.push(Record { end: without_return(bytes, record.start, bytes.len()), ..record });
    }
    Ok(found)
}

fn without_return(bytes: &[u8], start: usize, end: usize) -> usize {
    let returns = end > start && bytes.get(end - 1) == Some(&b'\r');
    end - usize::from(returns)
}

/// What separates the cells of a file, by its first line that is not blank: a comma, unless that line has no comma
/// outside quotes and a semicolon or a tab.
pub(super) fn separator(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let has = |separator: u8| cells(header, separator).len() > 1;
    [b',', b';', b'\t'].into_iter().find(|separator| has(*separator)).unwrap_or(b',')
}

/// The separator that a first line such as `sep=;` names, as spreadsheets write and read it.
pub(super) fn announced_separator(text: &str) -> Option<u8> {
    match text.lines().next()?.trim_end().strip_prefix("sep=")?.as_bytes() {
        [separator] => Some(*separator),
        _ => None,
    }
}

/// The cells of one record as text, quotes taken off; for a header.
pub(super) fn cells(record: &str, separator: u8) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for c in record.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c == char::from(separator) && !quoted => cells.push(String::new()),
            _ => cells.last_mut().into_iter().for_each(|cell| cell.push(c)),
        }
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_line_break_moves_the_lines_of_later_rows() {
        let found = records(b"a,b\r\n1,\"x\ny\"\r\n2,z", b',').unwrap();
        let lines: Vec<_> = found.iter().map(|record| (record.line, record.cells)).collect();
        assert_eq!(lines, [(1, 2), (2, 2), (4, 2)]);
    }

    #[test]
    fn a_quote_that_never_closes_is_named_with_its_line() {
        assert_eq!(records(b"a\n\"x\ny", b','), Err(QuoteError::Open { line: 2 }));
    }

    #[test]
    fn a_quote_in_the_middle_of_a_cell_is_named_with_its_line() {
        assert_eq!(records(b"a\nx\"y\"", b','), Err(QuoteError::Stray { line: 2 }));
        assert_eq!(records(b"a\n\"x\"y", b','), Err(QuoteError::Stray { line: 2 }));
    }

    #[test]
    fn doubled_quotes_and_quoted_commas_belong_to_the_cell() {
        let found = records(b"\"a \"\"b\"\", c\",d\n", b',').unwrap();
        assert_eq!(found.iter().map(|record| record.cells).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn blank_lines_are_records_without_bytes() {
        let found = records(b"a,b\n\r\n1,2\n", b',').unwrap();
        assert_eq!(found.iter().map(Record::is_blank).collect::<Vec<_>>(), [false, true, false]);
    }
}
