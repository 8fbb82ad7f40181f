//! Tables in CSV, as `mcoe` writes them.

/// Header and rows of a CSV text.
pub struct Table {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Parses a CSV text. Every row must have as many cells as the header.
    pub fn parse(text: &str) -> Self {
        let mut records = records(text);
        let header = records.remove(0);
        for row in &records {
            assert_eq!(row.len(), header.len(), "{row:?}");
        }
        Self { header, rows: records }
    }

    /// One cell of a row.
    pub fn cell<'t>(&self, row: &'t [String], column: &str) -> &'t str {
        let index = self.header.iter().position(|name| name == column);
        &row[index.unwrap_or_else(|| panic!("no column `{column}` in {:?}", self.header))]
    }

    /// Every cell of a column.
    pub fn column(&self, column: &str) -> Vec<&str> {
        self.rows.iter().map(|row| self.cell(row, column)).collect()
    }

    /// The rows whose cells in the given columns have the given values.
    pub fn rows_where<'t>(&'t self, cells: &[(&str, &str)]) -> Vec<&'t Vec<String>> {
        let matches = |row: &&Vec<String>| cells.iter().all(|(column, value)| self.cell(row, column) == *value);
        self.rows.iter().filter(matches).collect()
    }

    /// The given columns with their names, aligned, and with rounded numbers.
    pub fn aligned(&self, columns: &[&str]) -> String {
        let mut lines = vec![columns.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()];
        lines.extend(self.rows.iter().map(|row| columns.iter().map(|name| rounded(self.cell(row, name))).collect()));
        let widths: Vec<usize> = (0..columns.len())
            .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
            .collect();
        let line = |cells: &Vec<String>| {
            let padded: Vec<String> =
                cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            padded.join("  ").trim_end().to_owned()
        };
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Rounds a number with decimals to three of them. Anything else stays as it is.
fn rounded(cell: &str) -> String {
    match cell.parse::<f64>() {
        Ok(number) if cell.contains('.') => format!("{number:.3}"),
        _ => cell.to_owned(),
    }
}

/// The records of a CSV text, each a list of cells.
fn records(text: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut record = vec![String::new()];
    let mut characters = text.chars().peekable();
    let mut in_quotes = false;
    while let Some(character) = characters.next() {
        match character {
            '"' if in_quotes && characters.peek() == Some(&'"') => {
                characters.next();
                record.last_mut().unwrap().push('"');
            }
            '"' => in_quotes = !in_quotes,
            ',' if !in_quotes => record.push(String::new()),
            '\n' if !in_quotes => records.push(std::mem::replace(&mut record, vec![String::new()])),
            other => record.last_mut().unwrap().push(other),
        }
    }
    assert!(!in_quotes, "a quoted cell is not closed");
    if record != [String::new()] {
        records.push(record);
    }
    records
}
