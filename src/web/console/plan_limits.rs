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
    workspaces: Vec<WorkspaceFigures>,
    #[serde(default)]
    shared_limit_costs: Vec<SharedCostFigures>,
    #[serde(default)]
    unmet_limits: Vec<UnmetFigures>,
}

#[derive(Deserialize)]
struct WorkspaceFigures {
    objective: f64,
    upper_bound: Option<f64>,
    gap: Option<f64>,
}

#[derive(Deserialize)]
struct SharedCostFigures {
    limit: String,
    bounds: String,
    periods: usize,
    price: f64,
    highest: HighestSharedFigures,
}

#[derive(Deserialize)]
struct HighestSharedFigures {
    industry: Option<String>,
    #[serde(default)]
    tag: Option<String>,
    channel: Option<String>,
    from: String,
    allowed: f64,
    used: f64,
    price: f64,
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
    #[serde(default)]
    campaign_id: Option<String>,
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
    /// The limits that clients share; `None` if they compete for none.
    shared: Option<SharedSection>,
}

/// The part of the section about limits that clients share.
#[derive(Debug, Serialize)]
struct SharedSection {
    /// The value of all clients' plans and its upper bound, as sentences.
    bounds: Vec<String>,
    /// The limits, the most expensive first.
    rows: Vec<SharedRow>,
}

/// A limit for which clients compete.
#[derive(Debug, Serialize)]
struct SharedRow {
    limit: String,
    bounds: String,
    periods: usize,
    /// The most that one more post would earn over all periods.
    price: String,
    /// The period in which the limit costs most, with its use.
    highest: String,
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
    /// The client, campaign, channel and period for which the limit costs most.
    highest: String,
}

/// The section on limits from the result of a preview; `None` if the result cannot be read.
pub(super) fn section(result: &Json) -> Option<LimitSection> {
    let figures = PreviewFigures::deserialize(result).ok()?;
    let PreviewFigures { objective, upper_bound, limit_costs, workspaces, shared_limit_costs, unmet_limits } = figures;
    let gap = (upper_bound > objective).then(|| (1.0 - objective / upper_bound).clamp(0.0, 1.0));
    let within = match workspaces.is_empty() {
        true => "no week within the limits",
        false => "as the shared limits are divided among the clients, no week within the limits",
    };
    let bound = format!(
        "The posts that may run are worth {} in total; {within} is worth more than {}{}. This \
         bound covers the choice of hours only: assets are assigned and guardrails are evaluated afterwards.",
        number(objective),
        number(upper_bound),
        gap_text(gap),
    );
    let shared = (!workspaces.is_empty()).then(|| SharedSection {
        bounds: workspaces.into_iter().map(workspace_sentence).collect(),
        rows: shared_limit_costs.into_iter().map(SharedRow::from).collect(),
    });
    Some(LimitSection {
        bound,
        rows: limit_costs.into_iter().map(CostRow::from).collect(),
        unmet: unmet_limits.into_iter().map(unmet_sentence).collect(),
        shared,
    })
}

/// A gap as the end of a sentence; nothing if there is none.
fn gap_text(gap: Option<f64>) -> String {
    gap.filter(|gap| *gap > 0.0).map_or_else(String::new, |gap| format!(", a gap of {}", percent(Some(gap))))
}

fn workspace_sentence(workspace: WorkspaceFigures) -> String {
    let WorkspaceFigures { objective, upper_bound, gap } = workspace;
    let Some(upper_bound) = upper_bound else {
        return "No upper bound is proven on what the posts of all clients of the workspace could be worth together."
            .to_owned();
    };
    format!(
        "The posts of all clients of the workspace that may run are worth {} together; however the shared limits are \
         divided, no week within the limits is worth more than {}{}.",
        number(objective),
        number(upper_bound),
        gap_text(gap),
    )
}

impl From<SharedCostFigures> for SharedRow {
    fn from(cost: SharedCostFigures) -> Self {
        let SharedCostFigures { limit, bounds, periods, price, highest } = cost;
        let HighestSharedFigures { industry, tag, channel, from, allowed, used, price: highest_price } = highest;
        let counted = [industry, tag, channel.map(|channel| format!("on {channel}"))];
        let period = counted.into_iter().flatten().chain([shared_period(&from)]).collect::<Vec<_>>().join(", ");
        let highest = format!("{period}: {} of {} used, {}", number(used), number(allowed), number(highest_price));
        Self { limit, bounds, periods, price: number(price), highest }
    }
}

/// The start of a period as text: a date, or an hour in UTC.
fn shared_period(from: &str) -> String {
    match from.split_once('T') {
        None => format!("from {from}"),
        Some((date, time)) => format!("from {date} {} UTC", time.get(..5).unwrap_or(time)),
    }
}

impl From<CostFigures> for CostRow {
    fn from(cost: CostFigures) -> Self {
        let CostFigures { limit, kind, bounds, clients, periods, price, highest } = cost;
        let HighestFigures { client_id, channel, campaign_id, from, price: highest_price } = highest;
        let unit = match kind {
            LimitKind::FollowedBy => " for one post fewer that must follow",
            kind if kind.is_from_below() => " for one post fewer",
            _ => "",
        };
        let on_channel = channel.map_or_else(String::new, |channel| format!(" on {channel}"));
        let of_campaign = campaign_id.map_or_else(String::new, |id| format!(", campaign {id}"));
        // Without the seconds.
        let from = from.get(..16).unwrap_or(&from).replace('T', " ");
        let highest = format!("{client_id}{of_campaign}{on_channel}, from {from}: {}", number(highest_price));
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
            "workspaces": [{"workspace_id": "north", "objective": 1500.0, "upper_bound": 1600.0, "gap": 0.0625}],
            "shared_limit_costs": [
                {
                    "workspace_id": "north", "limit": "agency_day", "periods": 5, "price": 40.5,
                    "bounds": "at most 60 posts a day for all clients together",
                    "highest": {
                        "industry": null, "channel": null, "from": "2026-10-20", "allowed": 60.0, "used": 60.0, "price": 9.5,
                    },
                },
                {
                    "workspace_id": "north", "limit": "<u>rivals</u>", "periods": 1, "price": 0.0,
                    "bounds": "at most 1 post an hour on each channel for all clients of an industry together",
                    "highest": {
                        "industry": "<u>tea</u>", "channel": "ig", "from": "2026-10-20T09:00:00Z",
                        "allowed": 1.0, "used": 1.0, "price": 0.0,
                    },
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
        assert!(!["<b>", "<i>", "<u>"].iter().any(|tag| page.contains(tag)), "names are escaped: {page}");
        insta::assert_snapshot!(page.split_once("<h2>").unwrap().1);
    }

    #[test]
    fn a_plan_without_costs_shows_its_bound_alone() {
        let section = section(&json!({"objective": 200.0, "upper_bound": 200.0})).unwrap();
        assert!(section.rows.is_empty() && section.unmet.is_empty() && section.shared.is_none());
        assert!(section.bound.contains("is worth more than 200. This bound"), "{}", section.bound);
        assert!(super::section(&json!({"posts_planned": 3})).is_none());
        let unproven = json!({"objective": 0.0, "upper_bound": null, "gap": null});
        let unproven = json!({"objective": 200.0, "upper_bound": 200.0, "workspaces": [unproven]});
        let shared = super::section(&unproven).unwrap().shared.unwrap();
        assert!(shared.bounds[0].starts_with("No upper bound is proven"), "{:?}", shared.bounds);
    }
}
