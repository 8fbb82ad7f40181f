//! Scans the structure of a CSV file: line numbers, cells per row, and quotes that do not close.
//!
//! The cells themselves are parsed by `csv_core`, which reads stray quotes as text. Files are checked here first, so that
//! nothing is repaired silently.

/// One CSV record, which spans several lines of the file if a quoted cell does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CsvRecord {
    /// 1-based line of the file on which it begins.
    pub line: usize,
    /// Offset of its first byte.
    pub start: usize,
    /// Offset after its last byte, without the line break.
    pub end: usize,
    /// Number of cells.
    pub cells: usize,
}

impl CsvRecord {
    /// Whether the record is empty.
    pub fn is_blank(&self) -> bool {
        self.start == self.end
    }
}

/// An error in the quotes of a file, with the line on which the record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QuoteError {
    /// A quote that never closes.
    Open { line: usize },
    /// A quote inside a cell that does not begin with one, or text after the closing quote.
    Stray { line: usize },
}

#[derive(Clone, Copy, PartialEq)]
enum ScanState {
    CellStart,
    Unquoted,
    Quoted,
    AfterQuote,
}

/// Splits a file into records, and counts the cells of each. Line breaks are `\n` or `\r\n`. The first error in quotes
/// is the last item: what follows it cannot be interpreted.
pub(super) fn records(bytes: &[u8], separator: u8) -> Records<'_> {
    Records { bytes, separator, start: 0, line: 1, sizes: Sizes::default() }
}

/// The records of a file; see [`records`].
pub(super) struct Records<'b> {
    bytes: &'b [u8],
    separator: u8,
    /// Offset and line at which the next record begins.
    start: usize,
    line: usize,
    sizes: Sizes,
}

/// Number of columns whose sizes are counted: no table has more.
const MAX_COUNTED_COLUMNS: usize = 1000;

/// How much of a file has been scanned.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    /// Number of records with as many cells as the first, blank ones left out.
    pub records: usize,
    /// Number of cells of the first record that is not blank; 0 before it.
    cells: usize,
    /// Bytes of the cells of each column, quotes included.
    pub columns: Vec<usize>,
}

impl Sizes {
    /// Counts a cell of the record being scanned, which is the `cells`th.
    fn add_cell(&mut self, cells: usize, bytes: usize) {
        if let Some(column) = self.columns.get_mut(cells.saturating_sub(1)) {
            *column += bytes;
        } else if self.columns.len() < MAX_COUNTED_COLUMNS {
            self.columns.push(bytes);
        }
    }

    fn add_record(&mut self, record: &CsvRecord) {
        if record.is_blank() {
            return;
        }
        if self.cells == 0 {
            self.cells = record.cells;
        }
        self.records += usize::from(record.cells == self.cells);
    }
}

impl Records<'_> {
    /// How much has been scanned so far.
    pub fn into_sizes(self) -> Sizes {
        self.sizes
    }
}

impl Iterator for Records<'_> {
    type Item = Result<CsvRecord, QuoteError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self { bytes, start, .. } = *self;
        if start >= bytes.len() {
            return None;
        }
        // After an error, or at the end of the file, nothing follows.
        self.start = bytes.len();
        let mut state = ScanState::CellStart;
        let mut cell_start = start;
        let mut record = CsvRecord { line: self.line, start, end: bytes.len(), cells: 1 };
        for (offset, &byte) in bytes.iter().enumerate().skip(start) {
            state = match (state, byte) {
                (ScanState::Quoted, b'"') => ScanState::AfterQuote,
                (ScanState::Quoted, _) => {
                    self.line += usize::from(byte == b'\n');
                    ScanState::Quoted
                }
                (_, b'\n') => {
                    self.line += 1;
                    self.start = offset + 1;
                    record.end = offset;
                    break;
                }
                (_, byte) if byte == self.separator => {
                    self.sizes.add_cell(record.cells, offset - cell_start);
                    cell_start = offset + 1;
                    record.cells += 1;
                    ScanState::CellStart
                }
                (ScanState::CellStart | ScanState::AfterQuote, b'"') => ScanState::Quoted,
                (ScanState::AfterQuote, b'\r') if bytes.get(offset + 1).is_none_or(|next| *next == b'\n') => {
                    ScanState::AfterQuote
                }
                (ScanState::AfterQuote, _) | (ScanState::Unquoted, b'"') => {
                    return Some(Err(QuoteError::Stray { line: record.line }));
                }
                (ScanState::CellStart | ScanState::Unquoted, _) => ScanState::Unquoted,
            };
        }
        if state == ScanState::Quoted {
            return Some(Err(QuoteError::Open { line: record.line }));
        }
        self.sizes.add_cell(record.cells, record.end - cell_start);
        record.end = end_without_carriage_return(bytes, start, record.end);
        self.sizes.add_record(&record);
        Some(Ok(record))
    }
}

/// The end of a record, before the `\r` of its line break if there is one.
fn end_without_carriage_return(bytes: &[u8], start: usize, end: usize) -> usize {
    let has_carriage_return = end > start && bytes.get(end - 1) == Some(&b'\r');
    end - usize::from(has_carriage_return)
}

/// Detects the separator from the first non-blank line: a comma, unless that line has no comma outside quotes but a
/// semicolon or a tab.
pub(super) fn detected_separator(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let has = |separator: u8| header_cells(header, separator).len() > 1;
    [b',', b';', b'\t'].into_iter().find(|separator| has(*separator)).unwrap_or(b',')
}

/// The separator declared by a first line such as `sep=;`, as spreadsheets write and read it.
pub(super) fn declared_separator(text: &str) -> Option<u8> {
    match text.lines().next()?.trim_end().strip_prefix("sep=")?.as_bytes() {
        [separator] => Some(*separator),
        _ => None,
    }
}

/// The column names in a header, without quotes.
pub(super) fn header_cells(header: &str, separator: u8) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    for c in header.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if c == char::from(separator) && !is_quoted => cells.push(String::new()),
            _ => cells.last_mut().into_iter().for_each(|cell| cell.push(c)),
        }
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(bytes: &[u8]) -> Result<Vec<CsvRecord>, QuoteError> {
        records(bytes, b',').collect()
    }

    #[test]
    fn line_numbers_count_quoted_line_breaks() {
        let scanned = scan(b"a,b\r\n1,\"x\ny\"\r\n2,z").unwrap();
        let lines: Vec<_> = scanned.iter().map(|record| (record.line, record.cells)).collect();
        assert_eq!(lines, [(1, 2), (2, 2), (4, 2)]);
    }

    #[test]
    fn an_unclosed_quote_is_reported_with_its_line() {
        assert_eq!(scan(b"a\n\"x\ny"), Err(QuoteError::Open { line: 2 }));
    }

    #[test]
    fn a_quote_inside_a_cell_is_reported_with_its_line() {
        assert_eq!(scan(b"a\nx\"y\""), Err(QuoteError::Stray { line: 2 }));
        assert_eq!(scan(b"a\n\"x\"y"), Err(QuoteError::Stray { line: 2 }));
    }

    #[test]
    fn doubled_quotes_and_quoted_commas_belong_to_the_cell() {
        let scanned = scan(b"\"a \"\"b\"\", c\",d\n").unwrap();
        assert_eq!(scanned.iter().map(|record| record.cells).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn the_sizes_of_columns_are_counted() {
        let mut scanned = records(b"a,bcd\n\n\"x,y\",\nuneven\n1,2,3", b',');
        assert_eq!(scanned.by_ref().filter(Result::is_ok).count(), 5);
        let Sizes { records, columns, .. } = scanned.into_sizes();
        assert_eq!((records, columns), (2, vec![1 + 5 + 6 + 1, 3 + 1, 1]));
    }

    #[test]
    fn blank_lines_are_records_without_bytes() {
        let scanned = scan(b"a,b\n\r\n1,2\n").unwrap();
        assert_eq!(scanned.iter().map(CsvRecord::is_blank).collect::<Vec<_>>(), [false, true, false]);
    }
}
