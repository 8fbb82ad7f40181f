//! What the limits of a plan cost, over all clients.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDateTime;
use serde::Serialize;

use crate::model::{Channel, ClientId, LimitKind, LimitUse, Plan};

/// What a limit costs over all clients of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitCost {
    /// Name of the limit.
    pub limit: Arc<str>,
    /// What it bounds.
    pub kind: LimitKind,
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

/// The limits that cost something, the most expensive first.
#[must_use]
pub fn limit_costs(plan: &Plan) -> Vec<LimitCost> {
    let mut costs: BTreeMap<(Arc<str>, LimitKind), LimitCost> = BTreeMap::new();
    for client in &plan.clients {
        let mut seen = Vec::new();
        let limits = client.certificate.iter().flat_map(|certificate| &certificate.limits);
        for used in limits.filter(|used| used.price > 0.0) {
            let cost = costs.entry((Arc::clone(&used.limit), used.kind)).or_insert_with(|| LimitCost {
                limit: Arc::clone(&used.limit),
                kind: used.kind,
                clients: 0,
                periods: 0,
                price: 0.0,
                highest: highest(&client.client_id, used),
            });
            cost.clients += usize::from(!seen.contains(&&used.limit));
            cost.periods += 1;
            cost.price += used.price;
            if used.price > cost.highest.price {
                cost.highest = highest(&client.client_id, used);
            }
            seen.push(&used.limit);
        }
    }
    let mut costs: Vec<LimitCost> = costs.into_values().collect();
    costs.sort_by(|a, b| b.price.total_cmp(&a.price).then_with(|| a.limit.cmp(&b.limit)));
    costs
}

fn highest(client: &ClientId, used: &LimitUse) -> HighestPrice {
    HighestPrice { client_id: client.clone(), channel: used.channel, from: used.from, price: used.price }
}
