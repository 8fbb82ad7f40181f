//! What the limits of a plan cost, over all clients.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDateTime;
use serde::Serialize;

use crate::model::digits::decimal;
use crate::model::{Channel, ClientId, ClientPlan, LimitKind, LimitUse};

/// What a limit costs over all clients of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitCost {
    /// Name of the limit.
    pub limit: Arc<str>,
    /// What it bounds.
    pub kind: LimitKind,
    /// The same in words, where it costs something: `at most 4 posts a day`. Only posts that its `where` selects count.
    pub bounds: String,
    /// Number of clients for which it costs something in some period.
    pub clients: usize,
    /// Number of periods, of all clients, in which it costs something.
    pub periods: usize,
    /// Sum over those periods of what one post more, or one less for a limit from below, would earn at most, in the unit
    /// of worth.
    pub price: f64,
    /// The period in which that is most.
    pub highest: HighestPrice,
}

/// The period in which a limit costs most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HighestPrice {
    /// The client.
    pub client_id: ClientId,
    /// The channel, if each is counted on its own.
    pub channel: Option<Channel>,
    /// Start of the period on the client's clock.
    pub from: NaiveDateTime,
    /// What one post more, or one less, would earn at most.
    pub price: f64,
}

/// A client, and how its week stands to a limit in a period.
type ClientUse<'p> = (&'p ClientId, &'p LimitUse);

/// The limits that cost something for some clients of a plan, the most expensive first.
#[must_use]
pub fn limit_costs<'p>(clients: impl IntoIterator<Item = &'p ClientPlan>) -> Vec<LimitCost> {
    let mut uses: BTreeMap<(Arc<str>, LimitKind), Vec<ClientUse<'_>>> = BTreeMap::new();
    for client in clients {
        let limits = client.certificate.iter().flat_map(|certificate| &certificate.limits);
        for used in limits.filter(|used| used.price > 0.0) {
            uses.entry((Arc::clone(&used.limit), used.kind)).or_default().push((&client.client_id, used));
        }
    }
    let mut costs: Vec<LimitCost> = uses.into_values().filter_map(|uses| cost(&uses)).collect();
    costs.sort_by(|a, b| b.price.total_cmp(&a.price).then_with(|| a.limit.cmp(&b.limit)));
    costs
}

/// What a limit costs in all periods in which it does, by client; `None` if there are none.
fn cost(uses: &[ClientUse<'_>]) -> Option<LimitCost> {
    let ((first_client, first), others) = uses.split_first()?;
    let (mut clients, mut last) = (1, first_client);
    let (mut highest_client, mut highest) = (first_client, first);
    for (client, used) in others {
        clients += usize::from(client != last);
        last = client;
        if used.price > highest.price {
            (highest_client, highest) = (client, used);
        }
    }
    Some(LimitCost {
        limit: Arc::clone(&first.limit),
        kind: first.kind,
        bounds: bounds(uses, first),
        clients,
        periods: uses.len(),
        price: uses.iter().fold(0.0, |sum, (_, used)| sum + used.price),
        highest: HighestPrice {
            client_id: (*highest_client).clone(),
            channel: highest.channel,
            from: highest.from,
            price: highest.price,
        },
    })
}

/// What a limit bounds, in words. Its number may differ by client.
fn bounds(uses: &[ClientUse<'_>], any: &LimitUse) -> String {
    let allowed = || uses.iter().map(|(_, used)| used.allowed);
    let (low, high) = (allowed().fold(f64::INFINITY, f64::min), allowed().fold(f64::NEG_INFINITY, f64::max));
    let shown = |number: f64| decimal(if any.kind.is_share() { 100.0 * number } else { number });
    let numbers = if low == high { shown(high) } else { format!("{} to {}", shown(low), shown(high)) };
    let side = if any.kind.is_from_below() { "at least" } else { "at most" };
    // Days have 23 to 25 hours, and weeks 167 to 169.
    let period = match uses.iter().map(|(_, used)| used.hours).max().unwrap_or(0) {
        0 | 1 => "an hour".to_owned(),
        23..=25 => "a day".to_owned(),
        167..=169 => "a week".to_owned(),
        hours => format!("in any {hours} hours"),
    };
    let what = match (any.kind.is_share(), any.is_weighed) {
        (true, _) => format!("{numbers} % of the posts of {period}"),
        (false, true) => format!("{numbers} {period} as `weigh` counts posts"),
        (false, false) if high == 1.0 => format!("{numbers} post {period}"),
        (false, false) => format!("{numbers} posts {period}"),
    };
    let asset = if any.asset.is_some() { " with each asset" } else { "" };
    let channel = if any.channel.is_some() { " on each channel" } else { "" };
    format!("{side} {what}{asset}{channel}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(limit: &str, kind: LimitKind, allowed: f64, hours: u32, price: f64) -> LimitUse {
        let from = "2026-10-19T00:00:00".parse().unwrap();
        LimitUse {
            limit: limit.into(),
            kind,
            channel: None,
            asset: None,
            is_weighed: false,
            from,
            hours,
            allowed,
            used: allowed,
            price,
        }
    }

    fn words(uses: &[LimitUse]) -> String {
        let client = ClientId::new("a");
        let uses: Vec<ClientUse<'_>> = uses.iter().map(|used| (&client, used)).collect();
        cost(&uses).unwrap().bounds
    }

    #[test]
    fn a_bound_is_said_in_words() {
        use LimitKind::{AtLeast, AtLeastShare, AtMost, AtMostShare};
        for (limit, expected) in [
            (used("a", AtMost, 1.0, 1, 2.0), "at most 1 post an hour"),
            (used("a", AtMost, 4.0, 25, 2.0), "at most 4 posts a day"),
            (used("a", AtLeast, 2.5, 167, 2.0), "at least 2.5 posts a week"),
            (used("a", AtMostShare, 0.375, 24, 2.0), "at most 37.5 % of the posts of a day"),
            (used("a", AtLeastShare, 1.0, 168, 2.0), "at least 100 % of the posts of a week"),
        ] {
            assert_eq!(words(&[limit]), expected);
        }
        let two = [used("a", AtMost, 6.0, 24, 2.0), used("a", AtMost, 4.0, 23, 1.0)];
        assert_eq!(words(&two), "at most 4 to 6 posts a day");
        let on_each = LimitUse { channel: Some(Channel::X), ..used("a", AtMost, 1.0, 24, 2.0) };
        assert_eq!(words(&[on_each]), "at most 1 post a day on each channel");
    }

    #[test]
    fn clients_periods_and_prices_are_counted() {
        let (one, other) = (ClientId::new("one"), ClientId::new("other"));
        let limits = [2.0, 5.0, 1.0].map(|price| used("a", LimitKind::AtMost, 4.0, 24, price));
        let [first, second, third] = &limits;
        let cost = cost(&[(&one, first), (&one, second), (&other, third)]).unwrap();
        assert_eq!((cost.clients, cost.periods, cost.price), (2, 3, 8.0));
        assert_eq!((cost.highest.client_id, cost.highest.price), (one, 5.0));
        assert!(super::cost(&[]).is_none());
    }
}
