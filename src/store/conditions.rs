//! Builds `WHERE` clauses from filters, with their bind values.

use uuid::Uuid;

use super::ledger::Ledger;
use super::pagination::Cursor;
use super::values::{Dialect, Key, Value};
use crate::model::Timestamp;

/// The order of a list of decisions.
#[derive(Clone, Copy)]
pub(super) enum DecisionOrder {
    OldestFirst,
    NewestFirst,
}

/// Conditions joined by `AND`, and their bind values in the order of `$1`, `$2`, …
#[derive(Default)]
pub(super) struct Conditions {
    texts: Vec<String>,
    values: Vec<Value>,
}

impl Ledger {
    /// New conditions, restricted to the ledger's workspace if it is scoped to one.
    pub(super) fn conditions(&self) -> Conditions {
        let mut conditions = Conditions::default();
        if let Some(workspace) = self.scope() {
            conditions.add("workspace_id = ?", workspace);
        }
        conditions
    }
}

impl Conditions {
    /// Adds a condition; `?` is replaced by the value's placeholder.
    pub fn add(&mut self, condition: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        self.texts.push(condition.replace('?', &format!("${}", self.values.len())));
    }

    /// Adds a condition; each `?` is replaced by the next value's placeholder.
    fn add_all(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        let mut text = condition.to_owned();
        for value in values {
            self.values.push(value);
            text = text.replacen('?', &format!("${}", self.values.len()), 1);
        }
        self.texts.push(text);
    }

    /// Restricts a list in ascending order of time and id to the rows after a cursor.
    pub fn after_ascending(&mut self, cursor: &Cursor, time_column: &str) {
        self.add_all(&format!("({time_column}, id) > (?, ?)"), [cursor.at.into(), cursor.id.into()]);
    }

    /// Restricts a list in descending order of time and id to the rows after a cursor.
    pub fn after_descending(&mut self, cursor: &Cursor, time_column: &str) {
        self.add_all(&format!("({time_column}, id) < (?, ?)"), [cursor.at.into(), cursor.id.into()]);
    }

    /// Restricts a list in ascending order of rank, time and id to the rows after a cursor.
    pub fn after_rank(&mut self, cursor: &Cursor, rank: &str, time_column: &str) {
        let values = [i64::from(cursor.rank).into(), cursor.at.into(), cursor.id.into()];
        self.add_all(&format!("(({rank}), {time_column}, id) > (?, ?, ?)"), values);
    }

    /// Restricts a list of decisions, ordered by `created_at` and `decision_key`, to those after the given one.
    pub fn after_decision(&mut self, dialect: Dialect, order: DecisionOrder, at: Timestamp, id: Uuid) {
        let (operator, outermost_key) = match order {
            DecisionOrder::OldestFirst => (">", "x''"),
            // Greater than any id.
            DecisionOrder::NewestFirst => ("<", "x'ffffffffffffffffffffffffffffffffff'"),
        };
        match dialect {
            Dialect::Postgres => {
                let condition = format!("(created_at, decision_key) {operator} (?, ?)");
                self.add_all(&condition, [at.into(), Key(id).into()]);
            }
            // Instants and ids are in different tables there. In this form an index finds the first row of the list.
            Dialect::Sqlite => {
                let condition = format!(
                    "created_at {operator}= ? AND decision_key {operator} \
                     CASE WHEN created_at = ? THEN ? ELSE {outermost_key} END"
                );
                self.add_all(&condition, [at.into(), at.into(), Key(id).into()]);
            }
        }
    }

    /// Adds a condition that has no bind value.
    pub fn add_raw(&mut self, condition: String) {
        self.texts.push(condition);
    }

    /// The `WHERE` clause, true for every row if no condition was added, and its bind values.
    pub fn finish(self) -> (String, Vec<Value>) {
        let text = if self.texts.is_empty() { "1 = 1".to_owned() } else { self.texts.join(" AND ") };
        (text, self.values)
    }
}
