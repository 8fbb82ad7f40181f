//! Scaling: the demand for reviews against capacity.

use std::collections::BTreeMap;

use crate::model::{Capacity, Client, ClientState, Scenario, WorkspaceId};

/// Days per week on which reviewers work.
pub const REVIEW_DAYS: u32 = 5;

/// Demand of a workspace's clients for reviews.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorkspaceDemand {
    /// Number of posts wanted in a week, and committed for clients that are not planned for, divided by the number that
    /// can be reviewed in a week; a capacity of 0 counts as 1.
    pub load: f64,
}

/// The demand of every workspace, given each client's workspace and number of posts wanted or committed in the week.
pub fn demand<'a>(
    capacity: &Capacity,
    posts: impl IntoIterator<Item = (&'a WorkspaceId, u32)>,
) -> BTreeMap<&'a WorkspaceId, WorkspaceDemand> {
    let mut sums: BTreeMap<&WorkspaceId, u64> = BTreeMap::new();
    for (workspace, posts) in posts {
        *sums.entry(workspace).or_default() += u64::from(posts);
    }
    let reviews = f64::from(weekly_reviews(capacity).max(1));
    sums.into_iter().map(|(id, posts)| (id, WorkspaceDemand { load: posts as f64 / reviews })).collect()
}

/// Posts that a workspace can review in a week.
#[must_use]
pub const fn weekly_reviews(capacity: &Capacity) -> u32 {
    capacity.reviews_per_day().saturating_mul(REVIEW_DAYS)
}

/// The clients of a scenario that are planned for.
pub fn planned_clients(scenario: &Scenario) -> impl Iterator<Item = &(Client, ClientState)> {
    scenario.clients.iter().filter(|(client, _)| client.status.is_planned())
}

/// The clients of a scenario that are not planned for: those that it lists as others, and those whose status rules it
/// out. Their committed posts count in what they share with the planned ones.
pub fn other_clients(scenario: &Scenario) -> impl Iterator<Item = &(Client, ClientState)> {
    let by_status = scenario.clients.iter().filter(|(client, _)| !client.status.is_planned());
    scenario.other_clients.iter().chain(by_status)
}
