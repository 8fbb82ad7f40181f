//! The section on limits in the page of a week preview: what the limits cost, and how good the plan is within them.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::model::LimitKind;
use crate::report::numbers::{count as number, percent};

/// What the section shows of a preview's result. A result of an earlier version lacks the costs.
#[derive(Deserialize)]
struct PreviewFigures {
    objective: f64,
    upper_bound: f64,
    #[serde(default)]
    limit_costs: Vec<CostFigures>,
    #[serde(default)]
    unmet_limits: Vec<UnmetFigures>,
}

#[derive(Deserialize)]
struct CostFigures {
    limit: String,
    kind: LimitKind,
    bounds: String,
    clients: usize,
    periods: usize,
    price: f64,
    highest: HighestFigures,
}

#[derive(Deserialize)]
struct HighestFigures {
    client_id: String,
    channel: Option<String>,
    from: String,
    price: f64,
}

#[derive(Deserialize)]
struct UnmetFigures {
    client_id: String,
    limits: Vec<String>,
}

/// The section on limits.
#[derive(Debug, Serialize)]
pub(super) struct LimitSection {
    /// The value of the plan and its upper bound, as text.
    bound: String,
    /// The limits that cost something, the most expensive first.
    rows: Vec<CostRow>,
    /// A sentence for each client whose limits contradict each other.
    unmet: Vec<String>,
}

/// A limit that costs something.
#[derive(Debug, Serialize)]
struct CostRow {
    limit: String,
    bounds: String,
    clients: usize,
    periods: usize,
    /// The most that one more post would earn over all periods, or one post fewer if the limit is a minimum.
    price: String,
    /// The client, channel and period for which the limit costs most.
    highest: String,
}

/// The section on limits from the result of a preview; `None` if the result cannot be read.
pub(super) fn section(result: &Json) -> Option<LimitSection> {
    let PreviewFigures { objective, upper_bound, limit_costs, unmet_limits } =
        PreviewFigures::deserialize(result).ok()?;
    let gap = (upper_bound > objective).then(|| (1.0 - objective / upper_bound).clamp(0.0, 1.0));
    let gap = gap.map_or_else(String::new, |gap| format!(", a gap of {}", percent(Some(gap))));
    let bound = format!(
        "The posts that may run are worth {} in total; no week within the limits is worth more than {}{gap}. This \
         bound covers the choice of hours only: assets are assigned and guardrails are evaluated afterwards.",
        number(objective),
        number(upper_bound),
    );
    Some(LimitSection {
        bound,
        rows: limit_costs.into_iter().map(CostRow::from).collect(),
        unmet: unmet_limits.into_iter().map(unmet_sentence).collect(),
    })
}

impl From<CostFigures> for CostRow {
    fn from(cost: CostFigures) -> Self {
        let CostFigures { limit, kind, bounds, clients, periods, price, highest } = cost;
        let HighestFigures { client_id, channel, from, price: highest_price } = highest;
        let unit = if kind.is_from_below() { " for one post fewer" } else { "" };
        let on_channel = channel.map_or_else(String::new, |channel| format!(" on {channel}"));
        // Without the seconds.
        let from = from.get(..16).unwrap_or(&from).replace('T', " ");
        let highest = format!("{client_id}{on_channel}, from {from}: {}", number(highest_price));
        Self { limit, bounds, clients, periods, price: format!("{}{unit}", number(price)), highest }
    }
}

fn unmet_sentence(unmet: UnmetFigures) -> String {
    let UnmetFigures { client_id, limits } = unmet;
    let quoted: Vec<String> = limits.iter().map(|limit| format!("“{limit}”")).collect();
    format!("Nothing is planned for {client_id}: no week can keep {}.", quoted.join(" and "))
}

#[cfg(test)]
mod tests {
    use minijinja::context;
    use minijinja::value::Serde;
    use serde_json::json;

    use super::*;

    fn result() -> Json {
        json!({
            "objective": 1234.5,
            "upper_bound": 1300.0,
            "limit_costs": [
                {
                    "limit": "brand_day", "kind": "at_most", "bounds": "at most 4 posts a day",
                    "clients": 3, "periods": 11, "price": 87.25,
                    "highest": {"client_id": "<b>acme</b>", "channel": null, "from": "2026-10-20T00:00:00", "price": 21.5},
                },
                {
                    "limit": "letter", "kind": "at_least", "bounds": "at least 1 post a week on each channel",
                    "clients": 1, "periods": 1, "price": 3.0,
                    "highest": {"client_id": "quay", "channel": "email", "from": "2026-10-19T00:00:00", "price": 3.0},
                },
            ],
            "unmet_limits": [{"client_id": "<i>mill</i>", "limits": ["brand_day", "midweek"]}],
        })
    }

    #[test]
    fn the_section_of_a_preview_shows_prices_bound_and_contradictions() {
        let section = section(&result()).unwrap();
        let job =
            context! { state => "done", state_label => "done", started => context! {}, limits => Serde(&section) };
        let templates = crate::web::console::templates().unwrap();
        let page = templates.get_template("_job.html").unwrap().render(context! { job => job }).unwrap();
        assert!(!page.contains("<b>") && !page.contains("<i>"), "names are escaped: {page}");
        insta::assert_snapshot!(page.split_once("<h2>").unwrap().1);
    }

    #[test]
    fn a_plan_without_costs_shows_its_bound_alone() {
        let section = section(&json!({"objective": 200.0, "upper_bound": 200.0})).unwrap();
        assert!(section.rows.is_empty() && section.unmet.is_empty());
        assert!(section.bound.contains("is worth more than 200. This bound"), "{}", section.bound);
        assert!(super::section(&json!({"posts_planned": 3})).is_none());
    }
}
