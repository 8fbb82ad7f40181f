//! What filters ask of rows, as a statement takes it.

use super::ledger::Ledger;
use super::listing::Mark;
use super::values::Value;

/// Conditions that rows must all meet, and the values they ask for, in the order of `$1`, `$2`, …
#[derive(Default)]
pub(super) struct Conditions {
    texts: Vec<String>,
    values: Vec<Value>,
}

impl Ledger {
    /// Conditions that begin with the one workspace in sight, if there is but one.
    pub(super) fn conditions(&self) -> Conditions {
        let mut conditions = Conditions::default();
        if let Some(workspace) = self.fence() {
            conditions.add("workspace_id = ?", workspace);
        }
        conditions
    }
}

impl Conditions {
    /// Adds a condition in which `?` stands for the value.
    pub fn add(&mut self, condition: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        self.texts.push(condition.replace('?', &format!("${}", self.values.len())));
    }

    /// Adds a condition in which each `?` stands for the next value.
    fn add_all(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        let mut text = condition.to_owned();
        for value in values {
            self.values.push(value);
            text = text.replacen('?', &format!("${}", self.values.len()), 1);
        }
        self.texts.push(text);
    }

    /// Rows after a mark, in rising order of a time and the id.
    pub fn after(&mut self, mark: &Mark, time: &str) {
        self.add_all(&format!("({time}, id) > (?, ?)"), [mark.at.into(), mark.id.into()]);
    }

    /// Rows after a mark, in falling order of a time and the id.
    pub fn before(&mut self, mark: &Mark, time: &str) {
        self.add_all(&format!("({time}, id) < (?, ?)"), [mark.at.into(), mark.id.into()]);
    }

    /// Rows after a mark, in rising order of a rank, a time and the id.
    pub fn after_rank(&mut self, mark: &Mark, rank: &str, time: &str) {
        let values = [i64::from(mark.rank).into(), mark.at.into(), mark.id.into()];
        self.add_all(&format!("(({rank}), {time}, id) > (?, ?, ?)"), values);
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
