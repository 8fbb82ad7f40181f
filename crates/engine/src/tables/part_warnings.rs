//! Warnings about parts of a scenario, put in the order in which the whole scenario gives them.

use crate::diagnostic::{Diagnostic, Place, TableLocation};

/// The warnings of a scenario, or of a part of it that was read on its own.
#[derive(Debug, Default)]
pub struct PartWarnings {
    warnings: Vec<(Order, Diagnostic)>,
    committed: Option<(Order, CommittedPosts)>,
    /// Number of passes over the tables so far.
    passes: usize,
}

/// Where a warning stands: the pass over the tables that gave it, and the number of the row that the pass was at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Order {
    pass: usize,
    row: usize,
}

/// Posts of the table `history` after the scenario's start. In a ledger's export they are legitimate: they belong to
/// committed weeks, or were made by hand since the start.
#[derive(Debug)]
pub(super) struct CommittedPosts {
    /// The first of them.
    pub first: TableLocation,
    /// Their number.
    pub count: usize,
}

impl CommittedPosts {
    fn warning(self) -> Diagnostic {
        let cause = match self.count {
            1 => "a post after the scenario's start: it counts as committed".to_owned(),
            count => {
                format!("{count} posts after the scenario's start, this one the first: they count as committed")
            }
        };
        let remedy = "check the year, unless these posts have run since or are still to run";
        Diagnostic::new("after_start", self.first, cause, remedy)
    }
}

impl PartWarnings {
    /// Takes the warnings that a pass over a table has given, each about the row that it was at.
    pub(super) fn end_pass(&mut self, warnings: &mut Vec<Diagnostic>) {
        let pass = self.passes;
        let with_row = |warning: Diagnostic| (Order { pass, row: row_of(&warning) }, warning);
        self.warnings.extend(warnings.drain(..).map(with_row));
        self.passes += 1;
    }

    /// Takes the warnings that a pass over the clients, which has not ended, has given about a client.
    pub(super) fn add_of_client(&mut self, client_row: usize, warnings: &mut Vec<Diagnostic>) {
        let order = Order { pass: self.passes, row: client_row };
        self.warnings.extend(warnings.drain(..).map(|warning| (order, warning)));
    }

    /// Adds the committed posts of the pass that has not ended.
    pub(super) fn add_committed(&mut self, posts: Option<CommittedPosts>) {
        let order = |posts: &CommittedPosts| Order { pass: self.passes, row: posts.first.row.unwrap_or_default() };
        self.committed = posts.map(|posts| (order(&posts), posts));
    }

    /// The warnings of the scenario whose parts have these. A row that belongs to several parts is warned about once.
    #[must_use]
    pub fn joined(parts: impl IntoIterator<Item = Self>) -> Vec<Diagnostic> {
        let (mut warnings, mut committed) = (Vec::new(), None);
        for part in parts {
            warnings.extend(part.warnings);
            committed = match (committed, part.committed) {
                (Some(left), Some(right)) => Some(joined_posts(left, right)),
                (left, right) => left.or(right),
            };
        }
        warnings.extend(committed.map(|(order, posts)| (order, posts.warning())));
        // Stable, so that the warnings about one row stay in order.
        warnings.sort_by_key(|(order, _)| *order);
        let mut joined: Vec<(Order, Diagnostic)> = Vec::with_capacity(warnings.len());
        for (order, warning) in warnings {
            let same_row = joined.iter().rev().take_while(|(other, _)| *other == order);
            if !same_row.into_iter().any(|(_, other)| *other == warning) {
                joined.push((order, warning));
            }
        }
        joined.into_iter().map(|(_, warning)| warning).collect()
    }
}

fn joined_posts(left: (Order, CommittedPosts), right: (Order, CommittedPosts)) -> (Order, CommittedPosts) {
    let count = left.1.count + right.1.count;
    let (order, first) = if right.0 < left.0 { right } else { left };
    (order, CommittedPosts { count, ..first })
}

fn row_of(warning: &Diagnostic) -> usize {
    match &warning.place {
        Place::Table(TableLocation { row, .. }) => row.unwrap_or_default(),
        _ => 0,
    }
}
