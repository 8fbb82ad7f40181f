//! The numbers that a scenario sets for limits of the rules pack.

use std::sync::Arc;

use serde::Serialize;

use super::record::record;
use super::{Client, ClientId, LimitKind, WorkspaceId};
use crate::diagnostic::TableLocation;

/// Maximum of a number of posts.
const MAX_POSTS: f64 = 1_000_000.0;

/// Maximum of a price.
const MAX_PRICE: f64 = 1_000_000_000.0;

/// The bound of a limit that a scenario sets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitNumber {
    /// Maximum number of posts, 0 or more.
    AtMost(f64),
    /// Minimum number of posts, above 0.
    AtLeast(f64),
    /// Maximum share of all posts, `0..=1`.
    AtMostShare(f64),
    /// Minimum share of all posts, above 0, up to 1.
    AtLeastShare(f64),
}

impl LimitNumber {
    /// What it bounds.
    #[must_use]
    pub const fn kind(self) -> LimitKind {
        match self {
            LimitNumber::AtMost(_) => LimitKind::AtMost,
            LimitNumber::AtLeast(_) => LimitKind::AtLeast,
            LimitNumber::AtMostShare(_) => LimitKind::AtMostShare,
            LimitNumber::AtLeastShare(_) => LimitKind::AtLeastShare,
        }
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> f64 {
        match self {
            LimitNumber::AtMost(value)
            | LimitNumber::AtLeast(value)
            | LimitNumber::AtMostShare(value)
            | LimitNumber::AtLeastShare(value) => value,
        }
    }
}

/// For whom a scenario sets the numbers of a limit; those of a client override those of its workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NumbersScope {
    /// For every client of the workspace.
    Workspace,
    /// For the client alone.
    Client,
}

/// Where a table states numbers, for messages; `None` if they come from a ledger. All places are equal, so that equal
/// numbers are equal wherever they come from.
#[derive(Debug, Clone, Default)]
pub struct NumbersPlace(pub Option<TableLocation>);

impl PartialEq for NumbersPlace {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The numbers that a scenario sets for one limit of a client. What is `None` stays as the rules pack has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitNumbers {
    /// Name of the limit.
    pub limit: Arc<str>,
    /// For whom they are set.
    pub scope: NumbersScope,
    /// The bound.
    pub bound: Option<LimitNumber>,
    /// What each post too many or too few costs, above 0.
    pub price: Option<f64>,
    /// Where they are stated.
    #[serde(skip)]
    pub place: NumbersPlace,
}

impl LimitNumbers {
    /// The order in which a client's numbers are listed, and applied: those of its workspace first.
    #[must_use]
    pub fn order(&self) -> (NumbersScope, &str) {
        (self.scope, &self.limit)
    }
}

record! {
    /// A row of `limits`: numbers for a limit of the rules pack, set for the clients of a workspace or for one client.
    /// They override those of the pack and its overlays; a blank cell changes nothing.
    pub struct LimitNumbersRow {
        /// The limit, by its name in `limits.toml`.
        pub limit: Arc<str>,
        /// The workspace for whose clients the numbers are; blank if they are for one client.
        pub workspace_id: Option<WorkspaceId>,
        /// The client for which the numbers are, over those of its workspace; blank if they are for a workspace.
        pub client_id: Option<ClientId>,
        /// Maximum number of posts, if the limit states `at_most`.
        #[column(range = 0.0..=MAX_POSTS)]
        pub at_most: Option<f64>,
        /// Minimum number of posts, if the limit states `at_least`; above 0.
        #[column(range = 0.0..=MAX_POSTS)]
        pub at_least: Option<f64>,
        /// Maximum share of all posts, if the limit states `at_most_share`.
        #[column(range = 0.0..=1.0)]
        pub at_most_share: Option<f64>,
        /// Minimum share of all posts, if the limit states `at_least_share`; above 0.
        #[column(range = 0.0..=1.0)]
        pub at_least_share: Option<f64>,
        /// Worth given up for each post too many or too few; above 0.
        #[column(range = 0.0..=MAX_PRICE)]
        pub price: Option<f64>,
    }
}

impl LimitNumbersRow {
    /// The row of numbers that apply to a client.
    #[must_use]
    pub fn of(client: &Client, numbers: &LimitNumbers) -> Self {
        let is_for_workspace = numbers.scope == NumbersScope::Workspace;
        let of_kind = |kind| numbers.bound.filter(|bound| bound.kind() == kind).map(LimitNumber::value);
        Self {
            limit: Arc::clone(&numbers.limit),
            workspace_id: is_for_workspace.then(|| client.workspace_id.clone()),
            client_id: (!is_for_workspace).then(|| client.id.clone()),
            at_most: of_kind(LimitKind::AtMost),
            at_least: of_kind(LimitKind::AtLeast),
            at_most_share: of_kind(LimitKind::AtMostShare),
            at_least_share: of_kind(LimitKind::AtLeastShare),
            price: numbers.price,
        }
    }

    /// The rows of all numbers that apply to some clients: for each workspace and client in order, its limits by name.
    pub fn all_of<'c>(clients: impl IntoIterator<Item = &'c Client>) -> Vec<Self> {
        let numbers = clients
            .into_iter()
            .flat_map(|client| client.limit_numbers.iter().map(move |numbers| LimitNumbersRow::of(client, numbers)));
        let mut rows: Vec<Self> = numbers.collect();
        // Every client of a workspace has the numbers of the workspace.
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        rows.dedup_by(|a, b| a.key() == b.key());
        rows
    }

    /// What a table has at most one row for.
    #[must_use]
    pub fn key(&self) -> (Option<&WorkspaceId>, Option<&ClientId>, &str) {
        (self.workspace_id.as_ref(), self.client_id.as_ref(), &self.limit)
    }

    /// The bounds that the row states; of a valid row at most one.
    pub fn bounds(&self) -> impl Iterator<Item = LimitNumber> {
        let bounds = [
            self.at_most.map(LimitNumber::AtMost),
            self.at_least.map(LimitNumber::AtLeast),
            self.at_most_share.map(LimitNumber::AtMostShare),
            self.at_least_share.map(LimitNumber::AtLeastShare),
        ];
        bounds.into_iter().flatten()
    }

    /// The numbers of the row.
    #[must_use]
    pub fn into_numbers(self, place: NumbersPlace) -> LimitNumbers {
        let scope = if self.client_id.is_some() { NumbersScope::Client } else { NumbersScope::Workspace };
        let bound = self.bounds().next();
        LimitNumbers { bound, limit: self.limit, scope, price: self.price, place }
    }
}
