//! What filters ask of rows, as a statement takes it.

use super::database::Value;

/// Conditions that rows must all meet, and the values they ask for, in the order of `$1`, `$2`, …
#[derive(Default)]
pub(super) struct Conditions {
    texts: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition in which `?` stands for the value.
    pub fn add(&mut self, condition: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        self.texts.push(condition.replace('?', &format!("${}", self.values.len())));
    }

    /// Adds a condition without a value.
    pub fn say(&mut self, condition: String) {
        self.texts.push(condition);
    }

    /// The condition of a statement, true of every row where nothing was asked, and its values.
    pub fn finish(self) -> (String, Vec<Value>) {
        let text = if self.texts.is_empty() { "1 = 1".to_owned() } else { self.texts.join(" AND ") };
        (text, self.values)
    }
}
