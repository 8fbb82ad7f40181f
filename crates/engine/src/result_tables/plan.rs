//! The tables of a plan: posts, decisions, conflicts, allocations, limits and their prices, and bounds on how far the
//! plan is from the best one.

use serde_json::Value;
use uuid::Uuid;

use super::{ResultTable, columns};
use crate::model::{
    ActionType, Allocation, AssetId, CampaignId, Certificate, Channel, ClientId, ClientPlan, Conflict, ConflictKind,
    Decision, DecisionStatus, LimitKind, LimitUse, Plan, Post, RiskBand, ScheduleStatus, Severity, SharedLimitUse,
    Tier, Timestamp, WorkspaceCertificate, WorkspaceId, Zone, wall_time_text,
};
use crate::planner::{ClientTotals, LimitCost, PlanSummary, client_decisions};

/// Number of clients whose rows make one part of a plan's tables. It determines the row groups of Parquet files, so it
/// must not depend on the number of threads.
pub const CLIENTS_PER_PART: usize = 100;

/// The rows about some of a plan's clients, so that long tables can be written part by part.
#[derive(Debug)]
pub struct PlanPart {
    /// The tables whose rows concern one client each: `posts`, `decisions`, `conflicts`, `allocations`, `certificates`
    /// and `limits`.
    pub tables: [ResultTable; 6],
    /// What the summary of the plan needs of these clients.
    pub totals: Vec<ClientTotals>,
}

/// The clients of a plan in the order in which its tables have their rows: by workspace, then by client, so that
/// groups of consecutive workspaces can be written one after another.
#[must_use]
pub fn clients_by_workspace(clients: &[ClientPlan]) -> Vec<&ClientPlan> {
    let mut clients: Vec<&ClientPlan> = clients.iter().collect();
    clients.sort_by(|a, b| (&a.workspace_id, &a.client_id).cmp(&(&b.workspace_id, &b.client_id)));
    clients
}

impl PlanPart {
    /// The rows about the given clients of a plan, in their order. Of the plan itself, only what it says of all clients
    /// is needed.
    #[must_use]
    pub fn of(plan: &Plan, clients: &[&ClientPlan]) -> Self {
        let (mut decisions, mut totals) = (Vec::new(), Vec::with_capacity(clients.len()));
        for client in clients.iter().copied() {
            let before = decisions.len();
            decisions.extend(client_decisions(plan, client));
            totals.push(ClientTotals::of(client, decisions.len() - before));
        }
        Self { tables: client_tables(plan, clients, &decisions), totals }
    }
}

/// The tables `posts`, `decisions`, `conflicts`, `allocations`, `certificates`, `limits`, `limit_costs` and
/// `shared_limits` of a plan, in the order of its clients and decisions. The first four have the columns that the plan's
/// format prescribes, in that order;
/// `allocations` has further columns at its end.
#[must_use]
pub fn plan_tables(plan: &Plan, decisions: &[Decision]) -> [ResultTable; 8] {
    let clients: Vec<&ClientPlan> = plan.clients.iter().collect();
    let totals = plan.clients.iter().map(|client| ClientTotals::of(client, 0)).collect();
    let [posts, decisions, conflicts, allocations, certificates, limits] = client_tables(plan, &clients, decisions);
    let [limit_costs, shared_limits] = cost_tables(&PlanSummary::new(plan, totals));
    [posts, decisions, conflicts, allocations, certificates, limits, limit_costs, shared_limits]
}

fn client_tables(plan: &Plan, clients: &[&ClientPlan], decisions: &[Decision]) -> [ResultTable; 6] {
    [
        posts(plan, clients),
        decisions_table(decisions),
        conflicts(clients),
        allocations(clients),
        certificates(clients),
        limits(clients),
    ]
}

/// The tables of a plan about all clients together: `limit_costs` and `shared_limits`.
#[must_use]
pub fn cost_tables(plan: &PlanSummary) -> [ResultTable; 2] {
    [costs_of_limits(plan), shared_limits(plan)]
}

fn posts(plan: &Plan, clients: &[&ClientPlan]) -> ResultTable {
    let rows: Vec<(&ClientPlan, &Post)> =
        clients.iter().copied().flat_map(|client| client.posts.iter().map(move |post| (client, post))).collect();
    let mut table = ResultTable::new("posts", "a planned post");
    columns!(table, rows, |(client, post)| {
        /// Id of the post, derived from the plan, the client, the channel and the time.
        post_id: Uuid = plan.post_id(&client.client_id, post),
        /// The client.
        client_id: ClientId = client.client_id.clone(),
        /// Its workspace.
        workspace_id: WorkspaceId = client.workspace_id.clone(),
        /// The channel.
        channel: Channel = post.channel,
        /// Scheduled time, in UTC.
        scheduled_for: Timestamp = post.at,
        /// Scheduled time in the client's time zone, with its UTC offset.
        local_time: String = local_time(client, post),
        /// The client's time zone.
        time_zone: Zone = client.zone,
        /// The asset, or the first of its family if a variation is used; blank if none was available.
        asset_id: Option<AssetId> = post.asset.as_ref().map(|asset| asset.asset_id.clone()),
        /// The variation or continuation of the asset that is used; blank if it is the asset itself.
        variation_id: Option<AssetId> = post.asset.as_ref().and_then(|asset| asset.variation_id.clone()),
        /// The campaign that the post counts for; blank if none.
        campaign_id: Option<CampaignId> = post.campaign_id.clone(),
        /// Status.
        status: ScheduleStatus = post.status,
        /// Priority when capacity is scarce, 0 to 100.
        priority: f64 = post.priority,
        /// Fatigue of the channel at the time of the post, 0 to 1.
        fatigue: f64 = post.fatigue,
        /// Engagements expected by the planner.
        expected_engagement: f64 = post.expected_engagement,
        /// The asset's score, 0 to 100.
        asset_score: Option<f64> = post.asset.as_ref().map(|asset| asset.score),
        /// Confidence in the post, 0 to 1.
        confidence: f64 = post.confidence,
        /// Risk band.
        risk_level: RiskBand = post.risk,
        /// Why the post is blocked; blank if it is not.
        blocked_reason: Option<String> = post.blocked_reason(),
        /// Code of the reason why it is blocked.
        blocked_code: Option<String> = post.blocked.as_ref().map(|reason| reason.code().to_owned()),
        /// Details of the reason why it is blocked, as JSON.
        blocked_details: Option<String> = post.blocked.as_ref().map(|reason| reason.details().to_string()),
        /// Cost of the work on the post, in engagements of a channel whose `worth` is 1.
        cost: f64 = post.cost,
        /// Expected engagements times the channel's `worth`, less the cost.
        net_worth: f64 = post.net_worth,
    });
    table
}

/// The client's wall-clock time with its UTC offset, as `2026-11-24T09:00:00+11:00`.
fn local_time(client: &ClientPlan, post: &Post) -> String {
    client.zone.local(post.at).format("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn decisions_table(rows: &[Decision]) -> ResultTable {
    let mut table = ResultTable::new("decisions", "a decision of the plan");
    columns!(table, rows, |row| {
        /// Id of the decision, derived from the plan and the subject of the decision.
        decision_id: Uuid = row.id,
        /// The post; blank if the decision concerns a channel.
        post_id: Option<Uuid> = row.post_id,
        /// The client.
        client_id: ClientId = row.client_id.clone(),
        /// Type of decision.
        action_type: ActionType = row.action_type,
        /// The decision itself, as JSON.
        decision_payload: String = row.payload.clone(),
        /// The agents' signals that it is based on, as JSON.
        source_signals: String = row.source_signals.to_string(),
        /// Risk band.
        risk_class: RiskBand = row.risk_class,
        /// Confidence, 0 to 1.
        confidence_score: f64 = row.confidence,
        /// Doubts about the figures or the content that the guardrail `truth_layer` reported, as JSON.
        truth_notes: String = Value::from(row.truth_notes.to_vec()).to_string(),
        /// Whether the guardrail `truth_layer` reported no doubt.
        truth_compliant: bool = row.truth_compliant,
        /// Disclaimers that must be shown with it, as JSON.
        disclaimers: String = Value::from(row.disclaimers).to_string(),
        /// Status.
        status: DecisionStatus = row.status,
        /// The person or part of the system that decided.
        actor: String = row.actor.to_owned(),
    });
    table
}

fn conflicts(clients: &[&ClientPlan]) -> ResultTable {
    let rows: Vec<(&ClientPlan, &Conflict)> = clients
        .iter()
        .copied()
        .flat_map(|client| client.conflicts.iter().map(move |conflict| (client, conflict)))
        .collect();
    let mut table = ResultTable::new("conflicts", "a conflict with the plan");
    columns!(table, rows, |(client, conflict)| {
        /// The client.
        client_id: ClientId = client.client_id.clone(),
        /// The channel; blank if it concerns all channels.
        channel: Option<Channel> = conflict.channel,
        /// Kind of conflict: timing, fatigue, warning, asset or policy.
        type: ConflictKind = conflict.kind,
        /// Severity.
        severity: Severity = conflict.severity,
        /// What the conflict is.
        description: String = conflict.description.clone(),
        /// Number of posts affected.
        affected: u32 = conflict.affected,
        /// How to resolve it.
        resolution: String = conflict.resolution.clone(),
    });
    table
}

fn allocations(clients: &[&ClientPlan]) -> ResultTable {
    let rows: Vec<(&ClientPlan, &Allocation)> =
        clients.iter().copied().flat_map(|client| client.allocations.iter().map(move |row| (client, row))).collect();
    let mut table = ResultTable::new("allocations", "a client's channel in the week");
    columns!(table, rows, |(client, row)| {
        /// The client.
        client_id: ClientId = client.client_id.clone(),
        /// The channel.
        channel: Channel = row.channel,
        /// Number of posts that the rules want after the reduction for fatigue, including committed ones.
        posts_target: u32 = row.posts_target,
        /// Planned posts, including blocked ones.
        posts_planned: u32 = row.posts_planned,
        /// Why there are fewer posts than `posts_wanted`; blank if there are not fewer.
        why_fewer: String = row.why_fewer.clone(),
        /// Fatigue at the start of the week, 0 to 1.
        fatigue_start: f64 = row.fatigue_start,
        /// Fatigue at the end of the week, 0 to 1; blocked posts do not count.
        fatigue_end: f64 = row.fatigue_end,
        /// Worth of the posts, less their cost and the price of the fatigue left at the end of the week, in engagements of a channel whose `worth` is 1.
        objective: f64 = row.objective,
        /// Whether the channel's hours come from the exact optimiser. How far the client's week is from its bound is in `certificates`.
        exact: bool = row.tier == Tier::Exact,
        /// Number of posts that the rules want before the reduction for fatigue.
        posts_wanted: u32 = row.posts_wanted,
        /// Planned posts that are blocked.
        posts_blocked: u32 = row.posts_blocked,
        /// Factor for asset quality that is assumed when hours are valued; 1 is neutral.
        mean_quality: f64 = row.mean_quality,
        /// Price of one unit of fatigue at the end of the week, in the unit of `objective`.
        end_weight: f64 = row.end_weight,
        /// Upper bound of the objective: the best objective of the channel alone, without the limits that it shares with other channels.
        upper_bound: f64 = row.upper_bound,
        /// How the hours were chosen: `exact`, by the exact optimiser, or `fast`, by a heuristic.
        tier: Tier = row.tier,
        /// Number of hours in the week at which a post is allowed.
        hours_allowed: u32 = row.hours_allowed,
        /// Cost of a post assumed when hours were chosen, in the unit of `objective`.
        mean_cost: f64 = row.mean_cost,
    });
    table
}

fn certificates(clients: &[&ClientPlan]) -> ResultTable {
    let is_shown = |client: &&ClientPlan| client.certificate.is_some() || !client.unmet_limits.is_empty();
    let rows: Vec<(&ClientPlan, Option<&Certificate>)> =
        clients.iter().copied().filter(is_shown).map(|client| (client, client.certificate.as_ref())).collect();
    let mut table = ResultTable::new("certificates", "a client, and a bound on how far its week is from the best");
    columns!(table, rows, |(client, certificate)| {
        /// The client.
        client_id: ClientId = client.client_id.clone(),
        /// Worth of the posts that are not blocked, over all channels and at the mean quality of each channel's assets, less their cost and the price of the fatigue left at the end of the week; blank if nothing is planned.
        objective: Option<f64> = certificate.map(|certificate| certificate.objective),
        /// Upper bound of the objective of any week that keeps the limits; blank if nothing is planned.
        upper_bound: Option<f64> = certificate.map(|certificate| certificate.upper_bound),
        /// The bound minus the objective, as a share of the bound, 0 to 1; blank if nothing is planned.
        gap: Option<f64> = certificate.map(Certificate::gap),
        /// Limits that cannot be kept together, because of which nothing is planned; blank if there are none.
        unmet_limits: String = client.unmet_limits.join(", "),
    });
    table
}

fn limits(clients: &[&ClientPlan]) -> ResultTable {
    let limits_of = |client| -> Vec<(&ClientPlan, &LimitUse)> {
        let client: &ClientPlan = client;
        let limits = client.certificate.iter().flat_map(|certificate| &certificate.limits);
        limits.map(|limit| (client, limit)).collect()
    };
    let rows: Vec<(&ClientPlan, &LimitUse)> = clients.iter().copied().flat_map(limits_of).collect();
    let mut table = ResultTable::new("limits", "a limit that is used up, or costs something, in one of its periods");
    columns!(table, rows, |(client, limit)| {
        /// The client.
        client_id: ClientId = client.client_id.clone(),
        /// Name of the limit.
        limit: String = limit.limit.to_string(),
        /// What it bounds: `at_most`, `at_least`, `at_most_share`, `at_least_share` or `followed_by`.
        kind: LimitKind = limit.kind,
        /// The channel, if channels are counted separately, or that of a post that must be followed; blank otherwise.
        channel: Option<Channel> = limit.channel,
        /// The asset, if assets are counted separately, or the one with which a post must be followed; blank otherwise.
        asset_id: Option<AssetId> = limit.asset.clone(),
        /// The campaign, if campaigns are counted separately; blank otherwise.
        campaign_id: Option<CampaignId> = limit.campaign.clone(),
        /// Start of the period on the client's clock.
        from: String = wall_time_text(limit.from),
        /// Number of hours of the period.
        hours: u32 = limit.hours,
        /// Number of posts, or share of posts, that the limit states; 1 for a post that must follow another.
        allowed: f64 = limit.allowed,
        /// Number of posts that count (planned ones that are not blocked, and committed ones), or their share.
        used: f64 = limit.used,
        /// Price: the most that one more post (one fewer for a lower limit) would earn; 0 if the limit costs nothing.
        price: f64 = limit.price,
    });
    table
}

fn costs_of_limits(plan: &PlanSummary) -> ResultTable {
    let rows: Vec<LimitCost> = plan.limit_costs();
    let mut table =
        ResultTable::new("limit_costs", "a limit that costs something, over all clients, the most expensive first");
    columns!(table, rows, |cost| {
        /// Name of the limit.
        limit: String = cost.limit.to_string(),
        /// What it bounds: `at_most`, `at_least`, `at_most_share`, `at_least_share` or `followed_by`.
        kind: LimitKind = cost.kind,
        /// The limit in words, such as `at most 4 posts a day`; only posts that its `where` selects count.
        bounds: String = cost.bounds.clone(),
        /// Number of clients for which it costs something.
        clients: u32 = cost.clients as u32,
        /// Number of periods, of all clients, in which it costs something.
        periods: u32 = cost.periods as u32,
        /// Sum of the prices in these periods.
        price: f64 = cost.price,
        /// The client for which its price is highest.
        highest_client_id: ClientId = cost.highest.client_id.clone(),
        /// The channel on which its price is highest, if channels are counted separately; blank otherwise.
        highest_channel: Option<Channel> = cost.highest.channel,
        /// The campaign for which its price is highest, if campaigns are counted separately; blank otherwise.
        highest_campaign_id: Option<CampaignId> = cost.highest.campaign_id.clone(),
        /// Start of the period in which its price is highest, on the client's clock.
        highest_from: String = wall_time_text(cost.highest.from),
        /// That highest price.
        highest_price: f64 = cost.highest.price,
    });
    table
}

fn shared_limits(plan: &PlanSummary) -> ResultTable {
    let limits_of = |workspace| -> Vec<(&WorkspaceCertificate, &SharedLimitUse)> {
        let workspace: &WorkspaceCertificate = workspace;
        workspace.limits.iter().map(|limit| (workspace, limit)).collect()
    };
    let rows: Vec<(&WorkspaceCertificate, &SharedLimitUse)> = plan.workspaces.iter().flat_map(limits_of).collect();
    let mut table = ResultTable::new(
        "shared_limits",
        "a shared limit in a period in which clients that are planned separately would exceed it",
    );
    columns!(table, rows, |(workspace, limit)| {
        /// The workspace whose clients share the limit.
        workspace_id: WorkspaceId = workspace.workspace_id.clone(),
        /// Name of the limit.
        limit: String = limit.limit.to_string(),
        /// The industry, if industries are counted separately; blank otherwise.
        industry: Option<String> = limit.industry.as_deref().map(str::to_owned),
        /// The tag, if the clients with each tag are counted separately; blank otherwise.
        tag: Option<String> = limit.tag.as_deref().map(str::to_owned),
        /// The channel, if channels are counted separately; blank otherwise.
        channel: Option<Channel> = limit.channel,
        /// The Monday of the week, the date of the day on each client's clock, or the hour in UTC.
        from: String = limit.period.start(plan.week),
        /// Number of posts that the limit allows.
        allowed: f64 = limit.allowed,
        /// Number of posts that count, planned and committed.
        used: f64 = limit.used,
        /// Price: the most that one more post would earn, over all clients.
        price: f64 = limit.price,
    });
    table
}
