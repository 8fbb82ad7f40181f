//! A table in CSV, as the engine writes it.

/// Head and rows of a CSV text.
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Parses a text in which every row has as many cells as the head.
    pub fn parse(text: &str) -> Self {
        let mut records = records(text);
        let head = records.remove(0);
        for row in &records {
            assert_eq!(row.len(), head.len(), "{row:?}");
        }
        Self { head, rows: records }
    }

    /// One cell of a row.
    pub fn cell<'t>(&self, row: &'t [String], column: &str) -> &'t str {
        let index = self.head.iter().position(|name| name == column);
        &row[index.unwrap_or_else(|| panic!("no column `{column}` in {:?}", self.head))]
    }

    /// Every cell of a column.
    pub fn column(&self, column: &str) -> Vec<&str> {
        self.rows.iter().map(|row| self.cell(row, column)).collect()
    }

    /// The rows with the given cells.
    pub fn rows_where<'t>(&'t self, wanted: &[(&str, &str)]) -> Vec<&'t Vec<String>> {
        let fits = |row: &&Vec<String>| wanted.iter().all(|(column, value)| self.cell(row, column) == *value);
        self.rows.iter().filter(fits).collect()
    }

    /// The given columns, aligned.
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

/// Numbers with decimals, rounded to three places; anything else unchanged.
fn rounded(cell: &str) -> String {
    match cell.parse::<f64>() {
        Ok(number) if cell.contains('.') => format!("{number:.3}"),
        _ => cell.to_owned(),
    }
}

fn records(text: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut record = vec![String::new()];
    let mut letters = text.chars().peekable();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                record.last_mut().unwrap().push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(String::new()),
            '\n' if !quoted => records.push(std::mem::replace(&mut record, vec![String::new()])),
            other => record.last_mut().unwrap().push(other),
        }
    }
    assert!(!quoted, "a quote does not close");
    if record != [String::new()] {
        records.push(record);
    }
    records
}
