//! What the limits of a plan cost, over all clients.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use crate::model::digits::decimal;
use crate::model::{CampaignId, Channel, ClientId, ClientPlan, FollowUp, LimitKind, LimitUse};

/// What a limit costs over all clients of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitCost {
    /// Name of the limit.
    pub limit: Arc<str>,
    /// Whether it limits a number of posts or a share, and from which side.
    pub kind: LimitKind,
    /// The limit in words, such as `at most 4 posts a day`. Only posts that the limit's `where` selects count.
    pub bounds: String,
    /// Number of clients for which the limit costs something in some period.
    pub clients: usize,
    /// Number of periods, over all clients, in which the limit costs something.
    pub periods: usize,
    /// Sum, over these periods, of upper bounds on the gain if the limit allowed one post more (for a lower limit, one
    /// post less), in the unit of worth.
    pub price: f64,
    /// The period in which the limit costs most.
    pub highest: HighestPrice,
}

/// The period in which a limit costs most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HighestPrice {
    /// The client.
    pub client_id: ClientId,
    /// The channel, if each channel is counted on its own.
    pub channel: Option<Channel>,
    /// The campaign, if each campaign is counted on its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<CampaignId>,
    /// Start of the period on the client's clock.
    pub from: NaiveDateTime,
    /// Upper bound on the gain if the limit allowed one post more (for a lower limit, one post less), in the unit of
    /// worth.
    pub price: f64,
}

/// What a limit costs one client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientLimitCost {
    /// Name of the limit.
    pub limit: Arc<str>,
    /// Whether it limits a number of posts or a share, and from which side.
    pub kind: LimitKind,
    /// Number of periods in which the limit costs something.
    pub periods: usize,
    /// Sum of the limit's prices in these periods; see [`LimitCost::price`].
    pub price: f64,
    /// The period in which the limit costs most.
    pub highest: HighestPrice,
    wording: Wording,
}

/// What the wording of a limit depends on, apart from its kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wording {
    follow_up: Option<FollowUp>,
    /// The lowest and the highest number or share allowed in a period.
    allowed: (f64, f64),
    /// Hours of the longest period.
    hours: u32,
    is_weighed: bool,
    for_each_asset: bool,
    for_each_campaign: bool,
    for_each_channel: bool,
}

impl Wording {
    fn of(limit: &LimitUse) -> Self {
        Self {
            follow_up: limit.follow_up,
            allowed: (limit.allowed, limit.allowed),
            hours: limit.hours,
            is_weighed: limit.is_weighed,
            for_each_asset: limit.asset.is_some(),
            for_each_campaign: limit.campaign.is_some(),
            for_each_channel: limit.channel.is_some(),
        }
    }

    /// Adds what differs in other periods or for other clients: how many posts are allowed, and the hours.
    fn include(&mut self, other: &Self) {
        self.allowed = (self.allowed.0.min(other.allowed.0), self.allowed.1.max(other.allowed.1));
        self.hours = self.hours.max(other.hours);
    }

    /// The limit in words.
    fn bounds(&self, kind: LimitKind) -> String {
        if let Some(follow_up) = self.follow_up {
            return follow_up.in_words();
        }
        let (low, high) = self.allowed;
        let shown = |number: f64| decimal(if kind.is_share() { 100.0 * number } else { number });
        let numbers = if low == high { shown(high) } else { format!("{} to {}", shown(low), shown(high)) };
        let side = if kind.is_from_below() { "at least" } else { "at most" };
        // Days have 23 to 25 hours, and weeks 167 to 169.
        let period = match self.hours {
            0 | 1 => "an hour".to_owned(),
            23..=25 => "a day".to_owned(),
            167..=169 => "a week".to_owned(),
            hours => format!("in any {hours} hours"),
        };
        let amount = match (kind.is_share(), self.is_weighed) {
            (true, _) => format!("{numbers} % of the posts of {period}"),
            (false, true) => format!("{numbers} {period} as `weigh` counts posts"),
            (false, false) if high == 1.0 => format!("{numbers} post {period}"),
            (false, false) => format!("{numbers} posts {period}"),
        };
        let asset = if self.for_each_asset { " with each asset" } else { "" };
        let campaign = if self.for_each_campaign { " for each campaign" } else { "" };
        let channel = if self.for_each_channel { " on each channel" } else { "" };
        format!("{side} {amount}{asset}{campaign}{channel}")
    }
}

/// The limits that cost a client something, by name.
#[must_use]
pub fn client_limit_costs(client: &ClientPlan) -> Vec<ClientLimitCost> {
    let mut costs: BTreeMap<(Arc<str>, LimitKind), ClientLimitCost> = BTreeMap::new();
    let limits = client.certificate.iter().flat_map(|certificate| &certificate.limits);
    for limit in limits.filter(|limit| limit.price > 0.0) {
        let cost = cost_of_period(&client.client_id, limit);
        match costs.get_mut(&(Arc::clone(&limit.limit), limit.kind)) {
            Some(sum) => sum.add(&cost),
            None => drop(costs.insert((Arc::clone(&limit.limit), limit.kind), cost)),
        }
    }
    costs.into_values().collect()
}

fn cost_of_period(client: &ClientId, limit: &LimitUse) -> ClientLimitCost {
    ClientLimitCost {
        limit: Arc::clone(&limit.limit),
        kind: limit.kind,
        periods: 1,
        price: limit.price,
        highest: HighestPrice {
            client_id: client.clone(),
            channel: limit.channel,
            campaign_id: limit.campaign.clone(),
            from: limit.from,
            price: limit.price,
        },
        wording: Wording::of(limit),
    }
}

impl ClientLimitCost {
    /// Adds what the limit costs in other periods or other clients.
    fn add(&mut self, other: &Self) {
        self.periods += other.periods;
        self.price += other.price;
        self.wording.include(&other.wording);
        if other.highest.price > self.highest.price {
            self.highest = other.highest.clone();
        }
    }
}

/// The limits that cost something for some clients, the most expensive first, given what they cost each client.
#[must_use]
pub fn limit_costs<'c>(of_clients: impl IntoIterator<Item = &'c ClientLimitCost>) -> Vec<LimitCost> {
    let mut sums: BTreeMap<(&str, LimitKind), (usize, ClientLimitCost)> = BTreeMap::new();
    for cost in of_clients {
        match sums.get_mut(&(&*cost.limit, cost.kind)) {
            Some((clients, sum)) => {
                *clients += 1;
                sum.add(cost);
            }
            None => drop(sums.insert((&cost.limit, cost.kind), (1, cost.clone()))),
        }
    }
    let mut costs: Vec<LimitCost> = sums.into_values().map(|(clients, sum)| sum.over_clients(clients)).collect();
    costs.sort_by(|a, b| b.price.total_cmp(&a.price).then_with(|| a.limit.cmp(&b.limit)));
    costs
}

impl ClientLimitCost {
    /// The cost over a number of clients, of which this is the sum.
    fn over_clients(self, clients: usize) -> LimitCost {
        let Self { limit, kind, periods, price, highest, wording } = self;
        LimitCost { limit, kind, bounds: wording.bounds(kind), clients, periods, price, highest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit_use(limit: &str, kind: LimitKind, allowed: f64, hours: u32, price: f64) -> LimitUse {
        let from = "2026-10-19T00:00:00".parse().unwrap();
        LimitUse {
            limit: limit.into(),
            kind,
            follow_up: None,
            channel: None,
            asset: None,
            campaign: None,
            is_weighed: false,
            first_hour: 0,
            from,
            hours,
            allowed,
            used: allowed,
            price,
        }
    }

    fn costs(uses: &[(&str, &LimitUse)]) -> Vec<LimitCost> {
        let mut costs: Vec<ClientLimitCost> = Vec::new();
        for (client, limit) in uses {
            let cost = cost_of_period(&ClientId::new(*client), limit);
            match costs.iter_mut().find(|sum| sum.highest.client_id.as_str() == *client) {
                Some(sum) => sum.add(&cost),
                None => costs.push(cost),
            }
        }
        limit_costs(&costs)
    }

    fn bounds_in_words(uses: &[LimitUse]) -> String {
        let uses: Vec<(&str, &LimitUse)> = uses.iter().map(|limit| ("a", limit)).collect();
        costs(&uses).remove(0).bounds
    }

    #[test]
    fn bounds_are_put_into_words() {
        use LimitKind::{AtLeast, AtLeastShare, AtMost, AtMostShare};
        for (limit, expected) in [
            (limit_use("a", AtMost, 1.0, 1, 2.0), "at most 1 post an hour"),
            (limit_use("a", AtMost, 4.0, 25, 2.0), "at most 4 posts a day"),
            (limit_use("a", AtLeast, 2.5, 167, 2.0), "at least 2.5 posts a week"),
            (limit_use("a", AtMostShare, 0.375, 24, 2.0), "at most 37.5 % of the posts of a day"),
            (limit_use("a", AtLeastShare, 1.0, 168, 2.0), "at least 100 % of the posts of a week"),
        ] {
            assert_eq!(bounds_in_words(&[limit]), expected);
        }
        let follow_up = FollowUp { channel: Channel::X, after_hours: 1, until_hours: 1, same_asset: true };
        let order = LimitUse { follow_up: Some(follow_up), ..limit_use("a", LimitKind::FollowedBy, 1.0, 1, 2.0) };
        assert_eq!(bounds_in_words(&[order]), "followed by a post on x 1 hour later, with the same asset");
        let two = [limit_use("a", AtMost, 6.0, 24, 2.0), limit_use("a", AtMost, 4.0, 23, 1.0)];
        assert_eq!(bounds_in_words(&two), "at most 4 to 6 posts a day");
        let on_each = LimitUse { channel: Some(Channel::X), ..limit_use("a", AtMost, 1.0, 24, 2.0) };
        assert_eq!(bounds_in_words(std::slice::from_ref(&on_each)), "at most 1 post a day on each channel");
        let of_each = LimitUse { campaign: Some(CampaignId::new("spring")), ..on_each };
        assert_eq!(bounds_in_words(&[of_each]), "at most 1 post a day for each campaign on each channel");
    }

    #[test]
    fn clients_periods_and_prices_are_counted() {
        let limits = [2.0, 5.0, 1.0].map(|price| limit_use("a", LimitKind::AtMost, 4.0, 24, price));
        let [first, second, third] = &limits;
        let cost = costs(&[("one", first), ("one", second), ("other", third)]).remove(0);
        assert_eq!((cost.clients, cost.periods, cost.price), (2, 3, 8.0));
        assert_eq!((cost.highest.client_id.as_str(), cost.highest.price), ("one", 5.0));
        assert!(limit_costs(&[]).is_empty());
    }
}
