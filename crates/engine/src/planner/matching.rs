//! Maximum-weight assignment with caps: each row gets at most one column, each column goes to at most one row, and at
//! most `cap` columns of a group are assigned. (Rows are slots, columns are a channel's assets, and a group is one
//! asset on all channels.)
//!
//! Solved by successive shortest paths. Rows are added one by one, each along the augmenting path of greatest gain,
//! which ends at a free column or at a row that is left without a column. Caps are enforced last: a group over its cap
//! gives up one column at a time, along the path of lowest loss. After each path the matching is optimal under the
//! constraints so far, so the last one is optimal under all constraints.

use std::collections::VecDeque;

/// A column that a row can get.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub column: usize,
    /// Gain over having no column.
    pub gain: i64,
}

/// The column of each row in an assignment of maximum weight. `choices` are given by row, `groups` by column,
/// and `caps` by group.
pub(super) fn best_assignment(choices: &[Vec<Choice>], groups: &[usize], caps: &[usize]) -> Vec<Option<usize>> {
    let mut matching = Matching::new(choices, groups, caps.len());
    for row in 0..choices.len() {
        matching.augment(row);
    }
    for (group, cap) in matching.groups.iter_mut().zip(caps) {
        group.cap = *cap;
    }
    for group in 0..caps.len() {
        while matching.groups.get(group).is_some_and(|group| group.assigned_count > group.cap) {
            matching.augment(choices.len() + group);
        }
    }
    matching.columns_by_row
}

#[derive(Debug)]
struct Column {
    group: usize,
    /// The row that has it, and the gain.
    assigned: Option<(usize, i64)>,
}

#[derive(Debug)]
struct Group {
    columns: Vec<usize>,
    /// Number of its columns that are assigned.
    assigned_count: usize,
    cap: usize,
}

/// A matching and the search for augmenting paths. The nodes of paths are first the rows, each as if it had no column,
/// then the groups, each as if one column too many were assigned.
#[derive(Debug)]
struct Matching<'c> {
    choices: &'c [Vec<Choice>],
    columns: Vec<Column>,
    groups: Vec<Group>,
    /// By row, the column that it has.
    columns_by_row: Vec<Option<usize>>,
    search: PathSearch,
}

impl<'c> Matching<'c> {
    /// The empty matching, without caps.
    fn new(choices: &'c [Vec<Choice>], groups: &[usize], group_count: usize) -> Self {
        let columns_of =
            |group: usize| (0..groups.len()).filter(|column| groups.get(*column) == Some(&group)).collect();
        Self {
            choices,
            columns: groups.iter().map(|group| Column { group: *group, assigned: None }).collect(),
            groups: (0..group_count)
                .map(|group| Group { columns: columns_of(group), assigned_count: 0, cap: usize::MAX })
                .collect(),
            columns_by_row: vec![None; choices.len()],
            search: PathSearch::new(choices.len() + group_count),
        }
    }

    /// Augments the matching along the best path from a node.
    fn augment(&mut self, start: usize) {
        if let Some(group) = self.group_at(start).and_then(|group| self.groups.get_mut(group)) {
            group.assigned_count -= 1;
        }
        let end = self.best_end(start);
        match end.choice {
            None => self.unassign(end.row),
            Some(choice) => {
                self.assign(end.row, choice);
                let group = self.columns.get(choice.column).map_or(0, |column| column.group);
                if let Some(group) = self.groups.get_mut(group) {
                    group.assigned_count += 1;
                }
            }
        }
        let mut node = end.row;
        while let Some(step) = self.search.step_to(node) {
            match step.change {
                PathChange::Assign(choice) => self.assign(step.from, choice),
                PathChange::Release(column) => self.release(column),
            }
            node = step.from;
        }
    }

    /// The group that a node stands for; `None` if it is a row.
    fn group_at(&self, node: usize) -> Option<usize> {
        node.checked_sub(self.choices.len())
    }

    fn assign(&mut self, row: usize, choice: Choice) {
        if let Some(column) = self.columns.get_mut(choice.column) {
            column.assigned = Some((row, choice.gain));
        }
        if let Some(assigned) = self.columns_by_row.get_mut(row) {
            *assigned = Some(choice.column);
        }
    }

    fn release(&mut self, column: usize) {
        if let Some(column) = self.columns.get_mut(column) {
            column.assigned = None;
        }
    }

    fn unassign(&mut self, row: usize) {
        if let Some(assigned) = self.columns_by_row.get_mut(row) {
            *assigned = None;
        }
    }

    /// Searches for augmenting paths from a node. Returns the end of the path of greatest gain, or of the first of
    /// several equal ones.
    fn best_end(&mut self, start: usize) -> PathEnd {
        let mut best = PathEnd { gain: i64::MIN, row: start, choice: None };
        self.search.start_at(start);
        while let Some((node, so_far)) = self.search.next() {
            match self.group_at(node) {
                Some(group) => self.extend_from_group(group, node, so_far),
                None => {
                    best.improve(PathEnd { gain: so_far, row: node, choice: None });
                    self.extend_from_row(node, so_far, &mut best);
                }
            }
        }
        best
    }

    /// Extends paths from a row to the rows that have the columns it can get. A free column ends the path if its group
    /// is below its cap, and otherwise leads to the group.
    fn extend_from_row(&mut self, row: usize, so_far: i64, best: &mut PathEnd) {
        for choice in self.choices.get(row).into_iter().flatten() {
            let (Some(column), gain) = (self.columns.get(choice.column), so_far + choice.gain) else { continue };
            let step = PathStep { from: row, change: PathChange::Assign(*choice) };
            match column.assigned {
                Some((other, lost)) => self.search.reach(other, gain - lost, step),
                None if self.groups.get(column.group).is_some_and(|group| group.assigned_count < group.cap) => {
                    best.improve(PathEnd { gain, row, choice: Some(*choice) });
                }
                None => self.search.reach(self.choices.len() + column.group, gain, step),
            }
        }
    }

    /// Extends paths from a group to the rows that have its columns.
    fn extend_from_group(&mut self, group: usize, node: usize, so_far: i64) {
        for column in self.groups.get(group).into_iter().flat_map(|group| &group.columns) {
            if let Some((other, lost)) = self.columns.get(*column).and_then(|column| column.assigned) {
                self.search.reach(other, so_far - lost, PathStep { from: node, change: PathChange::Release(*column) });
            }
        }
    }
}

/// End of an augmenting path: a row that is left without a column, or gets a free one.
#[derive(Debug)]
struct PathEnd {
    /// Gain of the whole path.
    gain: i64,
    row: usize,
    choice: Option<Choice>,
}

impl PathEnd {
    fn improve(&mut self, other: PathEnd) {
        if other.gain > self.gain {
            *self = other;
        }
    }
}

/// One step of a path: the node it comes from, and the change made there.
#[derive(Debug, Clone, Copy)]
struct PathStep {
    from: usize,
    change: PathChange,
}

#[derive(Debug, Clone, Copy)]
enum PathChange {
    Assign(Choice),
    Release(usize),
}

/// The best path found so far to each node.
#[derive(Debug)]
struct PathSearch {
    paths: Vec<BestPath>,
    queue: VecDeque<usize>,
}

#[derive(Debug, Clone, Copy)]
struct BestPath {
    gain: i64,
    step: Option<PathStep>,
    is_queued: bool,
}

impl PathSearch {
    const UNREACHED: BestPath = BestPath { gain: i64::MIN, step: None, is_queued: false };

    fn new(nodes: usize) -> Self {
        Self { paths: vec![Self::UNREACHED; nodes], queue: VecDeque::with_capacity(nodes) }
    }

    fn start_at(&mut self, node: usize) {
        self.paths.fill(Self::UNREACHED);
        self.arrive(node, 0, None);
    }

    fn reach(&mut self, node: usize, gain: i64, step: PathStep) {
        self.arrive(node, gain, Some(step));
    }

    fn arrive(&mut self, node: usize, gain: i64, step: Option<PathStep>) {
        let Some(path) = self.paths.get_mut(node).filter(|path| gain > path.gain) else { return };
        if !path.is_queued {
            self.queue.push_back(node);
        }
        *path = BestPath { gain, step, is_queued: true };
    }

    /// The next node whose path improved since it was last processed, and the gain of that path.
    fn next(&mut self) -> Option<(usize, i64)> {
        let node = self.queue.pop_front()?;
        let path = self.paths.get_mut(node)?;
        path.is_queued = false;
        Some((node, path.gain))
    }

    fn step_to(&self, node: usize) -> Option<PathStep> {
        self.paths.get(node)?.step
    }
}
