//! What the limits that clients share cost, over the periods in which the clients compete for posts.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::model::digits::decimal;
use crate::model::{Channel, SharedLimitUse, SharedPeriod, Week, WorkspaceCertificate, WorkspaceId};

/// What a limit that the clients of a workspace share costs them together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedLimitCost {
    /// The workspace whose clients share the limit.
    pub workspace_id: WorkspaceId,
    /// Name of the limit.
    pub limit: Arc<str>,
    /// The limit in words, such as `at most 60 posts a day for all clients together`. Only posts that the limit's
    /// `where` and `counts` select count.
    pub bounds: String,
    /// Number of periods in which clients that are planned separately would exceed the limit.
    pub periods: usize,
    /// Sum, over these periods, of upper bounds on the gain if the limit allowed one post more, in the unit of worth.
    pub price: f64,
    /// The period in which the limit costs most.
    pub highest: HighestSharedPrice,
}

/// The period in which a shared limit costs most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HighestSharedPrice {
    /// The industry, if each industry is counted on its own.
    pub industry: Option<Arc<str>>,
    /// The tag, if the clients with each tag are counted on their own.
    pub tag: Option<Arc<str>>,
    /// The channel, if each channel is counted on its own.
    pub channel: Option<Channel>,
    /// Start of the period: the Monday of the week, the date of the day on each client's clock, or the hour in UTC.
    pub from: String,
    /// Number of posts that the limit allows.
    pub allowed: f64,
    /// Number of posts that count, planned and committed.
    pub used: f64,
    /// Upper bound on the gain if the limit allowed one post more, in the unit of worth.
    pub price: f64,
}

/// The shared limits for which the clients of some workspaces compete, the most expensive first.
#[must_use]
pub fn shared_limit_costs(workspaces: &[WorkspaceCertificate], week: Week) -> Vec<SharedLimitCost> {
    let mut costs: Vec<SharedLimitCost> =
        workspaces.iter().flat_map(|workspace| costs_of_workspace(workspace, week)).collect();
    // A stable sort: workspaces, and the limits of each, are in alphabetical order.
    costs.sort_by(|a, b| b.price.total_cmp(&a.price));
    costs
}

fn costs_of_workspace(workspace: &WorkspaceCertificate, week: Week) -> Vec<SharedLimitCost> {
    let mut uses: BTreeMap<&str, Vec<&SharedLimitUse>> = BTreeMap::new();
    for limit in &workspace.limits {
        uses.entry(&limit.limit).or_default().push(limit);
    }
    let cost = |uses: Vec<&SharedLimitUse>| {
        // Of equal prices, the first.
        let highest = uses.iter().copied().reduce(|a, b| if b.price > a.price { b } else { a })?;
        Some(SharedLimitCost {
            workspace_id: workspace.workspace_id.clone(),
            limit: Arc::clone(&highest.limit),
            bounds: bounds(highest),
            periods: uses.len(),
            price: uses.iter().fold(0.0, |sum, limit| sum + limit.price),
            highest: HighestSharedPrice {
                industry: highest.industry.clone(),
                tag: highest.tag.clone(),
                channel: highest.channel,
                from: highest.period.start(week),
                allowed: highest.allowed,
                used: highest.used,
                price: highest.price,
            },
        })
    };
    uses.into_values().filter_map(cost).collect()
}

/// A shared limit in words.
fn bounds(limit: &SharedLimitUse) -> String {
    let posts = if limit.allowed == 1.0 { "post" } else { "posts" };
    let period = match limit.period {
        SharedPeriod::Week => "a week",
        SharedPeriod::Day(_) => "a day",
        SharedPeriod::Hour(_) => "an hour",
    };
    let clients = match (&limit.industry, &limit.tag) {
        (Some(_), _) => "all clients of an industry",
        (None, Some(_)) => "all clients with a tag",
        (None, None) => "all clients",
    };
    let channel = if limit.channel.is_some() { " on each channel" } else { "" };
    format!("at most {} {posts} {period}{channel} for {clients} together", decimal(limit.allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit_use(limit: &str, period: SharedPeriod, price: f64) -> SharedLimitUse {
        SharedLimitUse {
            limit: limit.into(),
            industry: None,
            tag: None,
            channel: None,
            period,
            allowed: 4.0,
            used: 4.0,
            price,
        }
    }

    fn workspace(id: &str, limits: Vec<SharedLimitUse>) -> WorkspaceCertificate {
        WorkspaceCertificate { workspace_id: WorkspaceId::new(id), objective: 9.0, upper_bound: Some(10.0), limits }
    }

    #[test]
    fn limits_are_put_into_words() {
        let day = limit_use("a", SharedPeriod::Day(1), 1.0);
        assert_eq!(bounds(&day), "at most 4 posts a day for all clients together");
        let week = SharedLimitUse { allowed: 1.0, period: SharedPeriod::Week, ..day.clone() };
        assert_eq!(bounds(&week), "at most 1 post a week for all clients together");
        let of_tag = SharedLimitUse { tag: Some("b2b".into()), ..day.clone() };
        assert_eq!(bounds(&of_tag), "at most 4 posts a day for all clients with a tag together");
        let hour = SharedLimitUse {
            industry: Some("tea shop".into()),
            channel: Some(Channel::Ig),
            period: SharedPeriod::Hour(0),
            ..day
        };
        assert_eq!(bounds(&hour), "at most 4 posts an hour on each channel for all clients of an industry together");
    }

    #[test]
    fn each_limit_of_a_workspace_is_one_cost_and_the_most_expensive_is_first() {
        let north = vec![
            limit_use("cheap", SharedPeriod::Week, 2.0),
            limit_use("day", SharedPeriod::Day(0), 3.0),
            limit_use("day", SharedPeriod::Day(2), 5.0),
            limit_use("free", SharedPeriod::Week, 0.0),
        ];
        let south = vec![limit_use("day", SharedPeriod::Day(6), 4.0)];
        let week = "2026-W43".parse().unwrap();
        let costs = shared_limit_costs(&[workspace("north", north), workspace("south", south)], week);
        let found: Vec<(&str, &str, usize, f64, &str)> = costs
            .iter()
            .map(|cost| {
                let SharedLimitCost { workspace_id, limit, periods, price, highest, .. } = cost;
                (workspace_id.as_str(), &**limit, *periods, *price, &*highest.from)
            })
            .collect();
        assert_eq!(
            found,
            [
                ("north", "day", 2, 8.0, "2026-10-21"),
                ("south", "day", 1, 4.0, "2026-10-25"),
                ("north", "cheap", 1, 2.0, "2026-10-19"),
                ("north", "free", 1, 0.0, "2026-10-19"),
            ]
        );
        assert!(shared_limit_costs(&[], week).is_empty());
    }
}
