//! A plan as a whole: its bounds, what its limits cost, and how many posts it has. Summaries of parts of the clients
//! add up to that of all.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::guardrail_counts::{GuardrailCounts, guardrail_counts, sum_of_counts};
use super::limits::{ClientLimitCost, LimitCost, SharedLimitCost, client_limit_costs, limit_costs, shared_limit_costs};
use crate::model::{ClientId, ClientPlan, Plan, RiskBand, ScheduleStatus, Tier, Timestamp, Week, WorkspaceCertificate};

/// A plan as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// The id of the plan.
    pub plan_id: Uuid,
    /// Name of the scenario.
    pub scenario: String,
    /// The week.
    pub week: Week,
    /// The instant before which nothing was planned; `None` if the whole week was still ahead.
    pub not_before: Option<Timestamp>,
    /// Hash of the rules pack, hexadecimal.
    pub rules_hash: String,
    /// Hash of the scenario, hexadecimal.
    pub scenario_hash: String,
    /// What is needed of each client, sorted by client id.
    pub clients: Vec<ClientTotals>,
    /// The workspaces in which a shared limit binds, sorted by id.
    pub workspaces: Vec<WorkspaceCertificate>,
}

/// What is needed of a client's week for the summary of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientTotals {
    /// The client.
    pub client_id: ClientId,
    /// See [`ClientPlan::objective`].
    pub objective: f64,
    /// See [`ClientPlan::upper_bound`].
    pub upper_bound: f64,
    /// See [`ClientPlan::expected_engagement`].
    pub expected_engagement: f64,
    /// Numbers of posts and decisions.
    pub counts: PlanCounts,
    /// What each limit costs the client.
    pub limit_costs: Vec<ClientLimitCost>,
    /// Limits that contradict each other, so that nothing is planned; empty if all can be kept.
    pub unmet_limits: Vec<Arc<str>>,
    /// The verdicts of the guardrails.
    pub guardrails: Vec<GuardrailCounts>,
}

/// Numbers of clients, posts and decisions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCounts {
    /// Clients that are planned for.
    pub clients: usize,
    /// Posts, blocked ones included.
    pub posts: usize,
    /// Posts that need no approval.
    pub ready: usize,
    /// Posts that need an approval.
    pub pending: usize,
    /// Blocked posts.
    pub blocked: usize,
    /// Posts of low risk.
    pub low_risk: usize,
    /// Posts of medium risk.
    pub medium_risk: usize,
    /// Posts of high risk.
    pub high_risk: usize,
    /// Decisions.
    pub decisions: usize,
}

impl PlanCounts {
    fn of(client: &ClientPlan, decisions: usize) -> Self {
        let with_status = |status| client.posts.iter().filter(|post| post.status == status).count();
        let with_risk = |band| client.posts.iter().filter(|post| post.risk == band).count();
        Self {
            clients: 1,
            posts: client.posts.len(),
            ready: with_status(ScheduleStatus::Ready),
            pending: with_status(ScheduleStatus::Pending),
            blocked: with_status(ScheduleStatus::Blocked),
            low_risk: with_risk(RiskBand::Low),
            medium_risk: with_risk(RiskBand::Medium),
            high_risk: with_risk(RiskBand::High),
            decisions,
        }
    }

    fn plus(self, other: &Self) -> Self {
        Self {
            clients: self.clients + other.clients,
            posts: self.posts + other.posts,
            ready: self.ready + other.ready,
            pending: self.pending + other.pending,
            blocked: self.blocked + other.blocked,
            low_risk: self.low_risk + other.low_risk,
            medium_risk: self.medium_risk + other.medium_risk,
            high_risk: self.high_risk + other.high_risk,
            decisions: self.decisions + other.decisions,
        }
    }
}

impl ClientTotals {
    /// The totals of a client's week, with the number of its decisions.
    #[must_use]
    pub fn of(client: &ClientPlan, decisions: usize) -> Self {
        Self {
            client_id: client.client_id.clone(),
            objective: client.objective(),
            upper_bound: client.upper_bound(),
            expected_engagement: client.expected_engagement(),
            counts: PlanCounts::of(client, decisions),
            limit_costs: client_limit_costs(client),
            unmet_limits: client.unmet_limits.clone(),
            guardrails: guardrail_counts(client.posts.iter()),
        }
    }
}

impl PlanSummary {
    /// The summary of a plan, with the totals of its clients in any order.
    #[must_use]
    pub fn new(plan: &Plan, mut clients: Vec<ClientTotals>) -> Self {
        clients.sort_by(|a, b| a.client_id.cmp(&b.client_id));
        Self {
            plan_id: plan.plan_id,
            scenario: plan.scenario.clone(),
            week: plan.week,
            not_before: plan.not_before,
            rules_hash: plan.rules_hash.clone(),
            scenario_hash: plan.scenario_hash.clone(),
            clients,
            workspaces: plan.workspaces.clone(),
        }
    }

    /// The summary of a plan of which these are the parts, each with other workspaces; `None` if there are none, or they
    /// are parts of different plans.
    #[must_use]
    pub fn joined(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let mut joined = parts.next()?;
        for part in parts {
            if part.plan_id != joined.plan_id {
                return None;
            }
            joined.clients.extend(part.clients);
            joined.workspaces.extend(part.workspaces);
        }
        joined.clients.sort_by(|a, b| a.client_id.cmp(&b.client_id));
        joined.workspaces.sort_by(|a, b| a.workspace_id.cmp(&b.workspace_id));
        Some(joined)
    }

    fn sum(&self, number: fn(&ClientTotals) -> f64) -> f64 {
        self.clients.iter().map(number).fold(0.0, |sum, number| sum + number)
    }

    /// See [`Plan::objective`].
    #[must_use]
    pub fn objective(&self) -> f64 {
        self.sum(|client| client.objective)
    }

    /// See [`Plan::upper_bound`].
    #[must_use]
    pub fn upper_bound(&self) -> f64 {
        self.sum(|client| client.upper_bound)
    }

    /// See [`Plan::expected_engagement`].
    #[must_use]
    pub fn expected_engagement(&self) -> f64 {
        self.sum(|client| client.expected_engagement)
    }

    /// The objective divided by its upper bound, `0..=1`; 0 if nothing could be earned.
    #[must_use]
    pub fn share_of_bound(&self) -> f64 {
        let bound = self.upper_bound();
        if bound > 0.0 { (self.objective() / bound).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Numbers of clients, posts and decisions.
    #[must_use]
    pub fn counts(&self) -> PlanCounts {
        self.clients.iter().fold(PlanCounts::default(), |sum, client| sum.plus(&client.counts))
    }

    /// The limits that cost something for some clients, the most expensive first.
    #[must_use]
    pub fn limit_costs(&self) -> Vec<LimitCost> {
        limit_costs(self.clients.iter().flat_map(|client| &client.limit_costs))
    }

    /// The shared limits for which clients compete, the most expensive first.
    #[must_use]
    pub fn shared_limit_costs(&self) -> Vec<SharedLimitCost> {
        shared_limit_costs(&self.workspaces, self.week)
    }

    /// Verdict counts by guardrail, in order of first evaluation.
    #[must_use]
    pub fn guardrails(&self) -> Vec<GuardrailCounts> {
        sum_of_counts(self.clients.iter().flat_map(|client| client.guardrails.iter().cloned()))
    }

    /// The clients whose limits cannot all be kept, for which nothing is planned.
    pub fn clients_with_unmet_limits(&self) -> impl Iterator<Item = &ClientTotals> {
        self.clients.iter().filter(|client| !client.unmet_limits.is_empty())
    }

    /// The contents of `plan.json`. `scenario_path` is where `explain` and `commit` find the scenario.
    #[must_use]
    pub fn to_json(&self, scenario_path: &Path) -> Value {
        let unmet = self.clients_with_unmet_limits();
        json!({
            "format": 1,
            "plan_id": self.plan_id,
            "scenario": self.scenario,
            "scenario_path": scenario_path,
            "week": self.week,
            "not_before": self.not_before,
            "rules_hash": self.rules_hash,
            "scenario_hash": self.scenario_hash,
            "version": env!("CARGO_PKG_VERSION"),
            "tier": Tier::Exact.name(),
            "objective": self.objective(),
            "upper_bound": self.upper_bound(),
            "reach": self.share_of_bound(),
            "gap": 1.0 - self.share_of_bound(),
            "limits": self.limit_costs(),
            "unmet_limits": unmet.map(unmet_json).collect::<Vec<Value>>(),
            "workspaces": self.workspaces.iter().map(workspace_json).collect::<Vec<Value>>(),
            "shared_limits": self.shared_limit_costs(),
            "counts": self.counts(),
            "guardrails": self.guardrails(),
        })
    }
}

fn unmet_json(client: &ClientTotals) -> Value {
    json!({ "client_id": client.client_id, "limits": client.unmet_limits })
}

/// The objective and upper bound of a workspace whose clients compete for limits that they share.
fn workspace_json(workspace: &WorkspaceCertificate) -> Value {
    json!({
        "workspace_id": workspace.workspace_id,
        "objective": workspace.objective,
        "upper_bound": workspace.upper_bound,
        "gap": workspace.gap(),
    })
}
