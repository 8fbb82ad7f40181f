//! The cells of a column in memory, from which files and tables for other programs are made.

use super::row::TextColumn;
use crate::model::{Kind, Value};

/// The cells of a column, all of one kind. Texts, lists, instants, dates and UUIDs are text, as in files.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    /// Texts.
    Text(TextCells),
    /// Finite numbers; `None` for a blank cell.
    Number(Vec<Option<f64>>),
    /// Non-negative integers; `None` for a blank cell.
    Count(Vec<Option<u32>>),
    /// `true` or `false`; `None` for a blank cell.
    Flag(Vec<Option<bool>>),
}

impl Cells {
    /// No cells yet, for values of the given kind.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Number => Cells::Number(Vec::new()),
            Kind::Count => Cells::Count(Vec::new()),
            Kind::Flag => Cells::Flag(Vec::new()),
            Kind::Text | Kind::Texts | Kind::Instant | Kind::Date | Kind::Id => Cells::Text(TextCells::default()),
        }
    }

    /// Adds a cell. A number that is not finite becomes blank, as does a value of another kind.
    pub fn push(&mut self, value: Option<Value<'_>>) {
        match self {
            Cells::Text(cells) => match value {
                Some(Value::Text(text)) => cells.push(&text),
                Some(other) => cells.push(&other.to_string()),
                None => cells.push(""),
            },
            Cells::Number(cells) => cells.push(match value {
                Some(Value::Number(number)) if number.is_finite() => Some(number),
                _ => None,
            }),
            Cells::Count(cells) => cells.push(match value {
                Some(Value::Count(count)) => Some(count),
                _ => None,
            }),
            Cells::Flag(cells) => cells.push(match value {
                Some(Value::Flag(flag)) => Some(flag),
                _ => None,
            }),
        }
    }

    /// Number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Cells::Text(cells) => cells.len(),
            Cells::Number(cells) => cells.len(),
            Cells::Count(cells) => cells.len(),
            Cells::Flag(cells) => cells.len(),
        }
    }

    /// Whether there are no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether any cell is neither blank nor `false`.
    #[must_use]
    pub fn has_content(&self) -> bool {
        match self {
            Cells::Text(cells) => !cells.text.is_empty(),
            Cells::Number(cells) => cells.iter().any(Option::is_some),
            Cells::Count(cells) => cells.iter().any(Option::is_some),
            Cells::Flag(cells) => cells.contains(&Some(true)),
        }
    }
}

/// Texts one after the other in one buffer. An empty text is a blank cell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TextCells {
    text: String,
    /// Where each cell ends in `text`, in the low 32 bits: most texts are shorter than 4 GiB.
    ends: Vec<u32>,
    /// For each further 4 GiB of text, the first cell that ends beyond them.
    carries: Vec<usize>,
}

impl TextCells {
    /// No cells yet, with room for so many, with so many bytes of text altogether: without it, a long column takes more
    /// memory while it grows.
    #[must_use]
    pub fn with_capacity(cells: usize, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(cells), carries: Vec::new() }
    }

    /// Adds a cell; an empty text is a blank one.
    pub fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.push_end(self.text.len());
    }

    fn push_end(&mut self, end: usize) {
        while self.carries.len() < end >> 32 {
            self.carries.push(self.ends.len());
        }
        self.ends.push(end as u32);
    }

    /// Where a cell ends in the text; `None` if there is no such cell.
    fn end(&self, position: usize) -> Option<usize> {
        let low = *self.ends.get(position)? as usize;
        Some(low | (self.carries.partition_point(|first| *first <= position) << 32))
    }

    /// Number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The cells in order; `None` for a blank one.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&str>> {
        let mut start = 0;
        (0..self.ends.len()).map(move |position| {
            let end = self.end(position)?;
            let cell = self.text.get(start..end).filter(|cell| !cell.is_empty());
            start = end;
            cell
        })
    }
}

/// Texts of which many are the same as the one before, each run of which is stored once.
#[derive(Debug, Default)]
pub(super) struct RunCells {
    /// The text of each run.
    texts: TextCells,
    /// The position of the first cell of each run.
    starts: Vec<u32>,
    len: usize,
}

impl RunCells {
    /// Adds a cell. There are no more than four billion.
    pub fn push(&mut self, cell: &str) {
        let last = self.starts.len().checked_sub(1);
        if last.is_none_or(|last| self.texts.cell(last).unwrap_or_default() != cell) {
            self.texts.push(cell);
            self.starts.push(self.len as u32);
        }
        self.len += 1;
    }
}

impl TextColumn for RunCells {
    fn cell(&self, position: usize) -> Option<&str> {
        if position >= self.len {
            return None;
        }
        let run = self.starts.partition_point(|start| *start as usize <= position).checked_sub(1)?;
        self.texts.cell(run)
    }
}

impl TextColumn for TextCells {
    fn cell(&self, position: usize) -> Option<&str> {
        let start = match position.checked_sub(1) {
            Some(before) => self.end(before)?,
            None => 0,
        };
        self.text.get(start..self.end(position)?).filter(|cell| !cell.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_cells_keep_their_place() {
        let mut cells = Cells::new(Kind::Text);
        assert!(cells.is_empty() && !cells.has_content());
        for value in [Some(Value::Text("a".into())), None, Some(Value::Text("".into())), Some(Value::Count(7))] {
            cells.push(value);
        }
        let Cells::Text(texts) = &cells else { panic!("{cells:?}") };
        assert_eq!(texts.iter().collect::<Vec<_>>(), [Some("a"), None, None, Some("7")]);
        let by_position: Vec<Option<&str>> = (0..5).map(|position| texts.cell(position)).collect();
        assert_eq!(by_position, [Some("a"), None, None, Some("7"), None]);
        assert!(cells.has_content());
    }

    #[test]
    fn runs_of_equal_texts_are_stored_once() {
        let mut cells = RunCells::default();
        assert_eq!(cells.cell(0), None);
        let texts = ["", "", "a", "a", "", "b", "b", "b", "a"];
        texts.into_iter().for_each(|text| cells.push(text));
        let expected: Vec<Option<&str>> =
            texts.into_iter().map(|text| Some(text).filter(|text| !text.is_empty())).collect();
        assert_eq!((0..9).map(|position| cells.cell(position)).collect::<Vec<_>>(), expected);
        assert_eq!(cells.cell(9), None);
        assert_eq!(cells.starts, [0, 2, 4, 5, 8]);
    }

    #[test]
    fn ends_beyond_four_gibibytes_are_exact() {
        let mut cells = TextCells::default();
        let ends = [7, (1 << 32) - 1, 1 << 32, (1 << 32) + 5, (3 << 32) + 2];
        ends.into_iter().for_each(|end| cells.push_end(end));
        assert_eq!(
            (0..6).map(|position| cells.end(position)).collect::<Vec<_>>(),
            [Some(ends[0]), Some(ends[1]), Some(ends[2]), Some(ends[3]), Some(ends[4]), None]
        );
    }

    #[test]
    fn values_of_another_kind_and_numbers_that_are_not_finite_are_blank() {
        let mut numbers = Cells::new(Kind::Number);
        [Value::Number(f64::NAN), Value::Count(1), Value::Number(0.5)].into_iter().for_each(|v| numbers.push(Some(v)));
        assert_eq!(numbers, Cells::Number(vec![None, None, Some(0.5)]));
        let mut flags = Cells::new(Kind::Flag);
        [Some(Value::Flag(false)), None].into_iter().for_each(|value| flags.push(value));
        assert!(!flags.has_content());
    }
}
