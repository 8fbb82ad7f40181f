//! What the limits of a plan cost, over all clients.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDateTime;
use serde::Serialize;

use crate::model::digits::decimal;
use crate::model::{CampaignId, Channel, ClientId, ClientPlan, LimitKind, LimitUse};

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
#[derive(Debug, Clone, PartialEq, Serialize)]
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

/// A client, and how much the client's week uses of a limit in a period.
type ClientUse<'p> = (&'p ClientId, &'p LimitUse);

/// The limits that cost something for some clients of a plan, the most expensive first.
#[must_use]
pub fn limit_costs<'p>(clients: impl IntoIterator<Item = &'p ClientPlan>) -> Vec<LimitCost> {
    let mut uses: BTreeMap<(Arc<str>, LimitKind), Vec<ClientUse<'_>>> = BTreeMap::new();
    for client in clients {
        let limits = client.certificate.iter().flat_map(|certificate| &certificate.limits);
        for limit in limits.filter(|limit| limit.price > 0.0) {
            uses.entry((Arc::clone(&limit.limit), limit.kind)).or_default().push((&client.client_id, limit));
        }
    }
    let mut costs: Vec<LimitCost> = uses.into_values().filter_map(|uses| limit_cost(&uses)).collect();
    costs.sort_by(|a, b| b.price.total_cmp(&a.price).then_with(|| a.limit.cmp(&b.limit)));
    costs
}

/// What a limit costs, given its uses in all periods in which it costs something, by client; `None` if there are none.
fn limit_cost(uses: &[ClientUse<'_>]) -> Option<LimitCost> {
    let ((first_client, first), others) = uses.split_first()?;
    let (mut clients, mut last_client) = (1, first_client);
    let (mut highest_client, mut highest) = (first_client, first);
    for (client, limit) in others {
        clients += usize::from(client != last_client);
        last_client = client;
        if limit.price > highest.price {
            (highest_client, highest) = (client, limit);
        }
    }
    Some(LimitCost {
        limit: Arc::clone(&first.limit),
        kind: first.kind,
        bounds: bounds(uses, first),
        clients,
        periods: uses.len(),
        price: uses.iter().fold(0.0, |sum, (_, limit)| sum + limit.price),
        highest: HighestPrice {
            client_id: (*highest_client).clone(),
            channel: highest.channel,
            campaign_id: highest.campaign.clone(),
            from: highest.from,
            price: highest.price,
        },
    })
}

/// A limit in words. Its number may differ by client; the rest is the same for all uses, of which `any` is one.
fn bounds(uses: &[ClientUse<'_>], any: &LimitUse) -> String {
    if let Some(follow_up) = any.follow_up {
        return follow_up.in_words();
    }
    let allowed = || uses.iter().map(|(_, limit)| limit.allowed);
    let (low, high) = (allowed().fold(f64::INFINITY, f64::min), allowed().fold(f64::NEG_INFINITY, f64::max));
    let shown = |number: f64| decimal(if any.kind.is_share() { 100.0 * number } else { number });
    let numbers = if low == high { shown(high) } else { format!("{} to {}", shown(low), shown(high)) };
    let side = if any.kind.is_from_below() { "at least" } else { "at most" };
    // Days have 23 to 25 hours, and weeks 167 to 169.
    let period = match uses.iter().map(|(_, limit)| limit.hours).max().unwrap_or(0) {
        0 | 1 => "an hour".to_owned(),
        23..=25 => "a day".to_owned(),
        167..=169 => "a week".to_owned(),
        hours => format!("in any {hours} hours"),
    };
    let amount = match (any.kind.is_share(), any.is_weighed) {
        (true, _) => format!("{numbers} % of the posts of {period}"),
        (false, true) => format!("{numbers} {period} as `weigh` counts posts"),
        (false, false) if high == 1.0 => format!("{numbers} post {period}"),
        (false, false) => format!("{numbers} posts {period}"),
    };
    let asset = if any.asset.is_some() { " with each asset" } else { "" };
    let campaign = if any.campaign.is_some() { " for each campaign" } else { "" };
    let channel = if any.channel.is_some() { " on each channel" } else { "" };
    format!("{side} {amount}{asset}{campaign}{channel}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FollowUp;

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

    fn bounds_in_words(uses: &[LimitUse]) -> String {
        let client = ClientId::new("a");
        let uses: Vec<ClientUse<'_>> = uses.iter().map(|limit| (&client, limit)).collect();
        limit_cost(&uses).unwrap().bounds
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
        let (one, other) = (ClientId::new("one"), ClientId::new("other"));
        let limits = [2.0, 5.0, 1.0].map(|price| limit_use("a", LimitKind::AtMost, 4.0, 24, price));
        let [first, second, third] = &limits;
        let cost = limit_cost(&[(&one, first), (&one, second), (&other, third)]).unwrap();
        assert_eq!((cost.clients, cost.periods, cost.price), (2, 3, 8.0));
        assert_eq!((cost.highest.client_id, cost.highest.price), (one, 5.0));
        assert!(limit_cost(&[]).is_none());
    }
}
