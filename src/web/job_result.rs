//! The JSON of jobs: the recorded requests, and the results by kind.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::model::{
    AssetId, CampaignId, Channel, ClientId, ClientPlan, LimitKind, Plan, Post, RiskBand, ScheduleStatus,
    SharedLimitUse, Timestamp, Week, WorkspaceCertificate, WorkspaceId, wall_time_text,
};
use crate::planner::{
    ClientLimitCost, HighestPrice, HighestSharedPrice, LimitCost, SharedLimitCost, client_limit_costs, limit_costs,
    shared_limit_costs,
};
use crate::simulator::{
    ChannelSummary, ClientCounts, Comparison, Extent, Headline, MeasureDifference, Provenance, Simulation, Variant,
    WeekSummary,
};
use crate::store::{Committed, DailyOutcome, JobKind, WeeklyOutcome};

/// What a job is asked to do: its parameters, as they are recorded.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum JobRequest {
    /// Plan a week and commit the plan.
    Weekly {
        /// The week.
        week: Week,
    },
    /// Plan a week.
    Plan {
        /// The week.
        week: Week,
        /// The client whose posts are listed; `None` for all clients.
        client_id: Option<String>,
    },
    /// Compare the current rules with the same rules after keys were changed.
    Compare {
        #[serde(flatten)]
        extent: Extent,
        /// The changes, each as `KEY=VALUE`.
        set: Vec<String>,
    },
    /// Simulate.
    Simulate(Extent),
    /// Run the daily pass.
    Daily {},
}

impl JobRequest {
    pub const fn kind(&self) -> JobKind {
        match self {
            JobRequest::Daily {} => JobKind::Daily,
            JobRequest::Weekly { .. } => JobKind::Weekly,
            JobRequest::Plan { .. } => JobKind::Plan,
            JobRequest::Simulate(_) => JobKind::Simulate,
            JobRequest::Compare { .. } => JobKind::Compare,
        }
    }
}

/// A result, by kind.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum JobResult {
    Daily(DailyOutcome),
    Weekly(WeeklyResult),
    Plan(PlanResult),
    Simulate(Box<SimulationResult>),
    Compare(ComparisonResult),
}

/// The result of planning a week.
#[derive(Serialize, JsonSchema)]
pub(super) struct WeeklyResult {
    week: Week,
    /// Number of clients that already had a plan for the week.
    already_planned: usize,
    /// Number of clients that were planned.
    planned: usize,
    /// What was committed; `None` if no client was left to plan, or if there are breaches.
    committed: Option<Committed>,
    /// Breaches found by the checker; if there are any, nothing was committed.
    breaches: Vec<String>,
}

impl WeeklyResult {
    pub fn new(week: Week, outcome: &WeeklyOutcome) -> Self {
        Self {
            week,
            already_planned: outcome.already_planned,
            planned: outcome.planned,
            committed: outcome.committed,
            breaches: outcome.breaches.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A preview of a week.
#[derive(Serialize, JsonSchema)]
pub(super) struct PlanResult {
    plan_id: Uuid,
    week: Week,
    /// Number of clients.
    clients: usize,
    /// Number of posts.
    posts_planned: usize,
    /// Value of the posts that may run.
    objective: f64,
    /// Upper bound on the value of any plan within the clients' limits. A client's part of a limit that clients share
    /// is one of them; `workspaces` has the bound whatever these parts are.
    upper_bound: f64,
    /// The posts, at most 500.
    posts: Vec<PlannedPost>,
    allocations: Vec<PlannedAllocation>,
    /// The limits that are used up or cost something.
    limits: Vec<PlannedLimit>,
    /// What each limit costs over these clients, the most expensive first. Limits that cost nothing are left out.
    limit_costs: Vec<PlannedLimitCost>,
    /// The workspace, if its clients compete for limits that they share; otherwise empty. It covers all clients of the
    /// workspace, also if the preview is of one client.
    workspaces: Vec<PlannedWorkspace>,
    /// The limits for which the clients of the workspace compete, in each period in which they do, the most expensive
    /// first.
    shared_limits: Vec<PlannedSharedLimit>,
    /// What each of these limits costs over all periods, the most expensive first.
    shared_limit_costs: Vec<PlannedSharedLimitCost>,
    /// Clients for which nothing is planned because their limits contradict each other.
    unmet_limits: Vec<UnmetLimits>,
    /// Breaches found by the checker.
    breaches: Vec<String>,
}

impl PlanResult {
    /// The preview of one client, or of all. At most `max_posts` posts are listed.
    pub fn new(plan: &Plan, client: Option<&str>, max_posts: usize, breaches: Vec<String>) -> Self {
        let is_selected = |id: &ClientId| client.is_none_or(|client| id.as_str() == client);
        let clients: Vec<_> = plan.clients.iter().filter(|client_plan| is_selected(&client_plan.client_id)).collect();
        let posts =
            clients.iter().flat_map(|client_plan| client_plan.posts.iter().map(move |post| (*client_plan, post)));
        let limits_of_clients: Vec<ClientLimitCost> =
            clients.iter().flat_map(|client_plan| client_limit_costs(client_plan)).collect();
        Self {
            plan_id: plan.plan_id,
            week: plan.week,
            clients: clients.len(),
            posts_planned: posts.clone().count(),
            objective: clients.iter().map(|client_plan| client_plan.objective()).sum(),
            upper_bound: clients.iter().map(|client_plan| client_plan.upper_bound()).sum(),
            posts: posts.take(max_posts).map(|(client_plan, post)| PlannedPost::new(plan, client_plan, post)).collect(),
            allocations: clients.iter().flat_map(|client_plan| allocations(client_plan)).collect(),
            limits: clients.iter().flat_map(|client_plan| limits(client_plan)).collect(),
            limit_costs: limit_costs(&limits_of_clients).into_iter().map(PlannedLimitCost::from).collect(),
            workspaces: plan.workspaces.iter().map(PlannedWorkspace::from).collect(),
            shared_limits: shared_limits(plan),
            shared_limit_costs: shared_limit_costs(&plan.workspaces, plan.week).into_iter().map(Into::into).collect(),
            unmet_limits: clients.iter().filter_map(|client_plan| UnmetLimits::new(client_plan)).collect(),
            breaches,
        }
    }
}

/// A post of a preview.
#[derive(Serialize, JsonSchema)]
struct PlannedPost {
    post_id: Uuid,
    client_id: ClientId,
    channel: Channel,
    /// The time of the post, in UTC.
    scheduled_for: Timestamp,
    /// The same time on the client's clock, with its offset from UTC.
    local_time: String,
    /// The asset that the post uses; `None` if it has none.
    asset_id: Option<AssetId>,
    status: ScheduleStatus,
    risk_level: RiskBand,
    /// Confidence, `0..=1`.
    #[schemars(range(min = 0.0, max = 1.0))]
    confidence: f64,
    /// Expected number of engagements.
    expected_engagement: f64,
    /// Expected cost of the work on the post and of the people who unsubscribe or unfollow because of it, in the unit
    /// of worth.
    cost: f64,
    /// Expected engagements times the channel's worth per engagement, less the cost.
    net_worth: f64,
    /// Why the post is blocked, as a sentence; `None` if it is not.
    blocked_reason: Option<String>,
    /// The code of the reason.
    blocked_code: Option<&'static str>,
    /// The details of the reason.
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    blocked_details: Option<Value>,
}

impl PlannedPost {
    fn new(plan: &Plan, client_plan: &ClientPlan, post: &Post) -> Self {
        Self {
            post_id: plan.post_id(&client_plan.client_id, post),
            client_id: client_plan.client_id.clone(),
            channel: post.channel,
            scheduled_for: post.at,
            local_time: client_plan.zone.local(post.at).format("%Y-%m-%dT%H:%M%:z").to_string(),
            asset_id: post.asset.as_ref().map(|asset| asset.used().clone()),
            status: post.status,
            risk_level: post.risk,
            confidence: post.confidence,
            expected_engagement: post.expected_engagement,
            cost: post.cost,
            net_worth: post.net_worth,
            blocked_reason: post.blocked_reason(),
            blocked_code: post.blocked.as_ref().map(|reason| reason.code()),
            blocked_details: post.blocked.as_ref().map(|reason| reason.details()),
        }
    }
}

/// The posts of a client on a channel.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Allocation")]
struct PlannedAllocation {
    client_id: ClientId,
    channel: Channel,
    /// Target number of posts, including committed ones.
    posts_target: u32,
    /// Number of posts placed, including blocked ones.
    posts_planned: u32,
    /// Why fewer posts are planned than wanted; empty if there are as many.
    why_fewer: String,
}

fn allocations(client_plan: &ClientPlan) -> impl Iterator<Item = PlannedAllocation> {
    client_plan.allocations.iter().map(|allocation| PlannedAllocation {
        client_id: client_plan.client_id.clone(),
        channel: allocation.channel,
        posts_target: allocation.posts_target,
        posts_planned: allocation.posts_planned,
        why_fewer: allocation.why_fewer.clone(),
    })
}

/// A limit in one of its periods, and how much of it a client's posts use.
#[derive(Serialize, JsonSchema)]
struct PlannedLimit {
    client_id: ClientId,
    limit: String,
    kind: LimitKind,
    /// The channel, if the limit counts each channel on its own.
    channel: Option<Channel>,
    /// The asset, if the limit counts each asset on its own.
    asset_id: Option<AssetId>,
    /// The campaign, if the limit counts each campaign on its own.
    campaign_id: Option<CampaignId>,
    /// Start of the period on the client's clock.
    from: String,
    /// Length of the period in hours.
    hours: u32,
    /// The number of posts, or the share of posts, that the limit states.
    allowed: f64,
    /// The number of posts that count toward the limit, or the share that they are.
    used: f64,
    /// The most that one more post would earn, or one post fewer if the limit is a minimum.
    price: f64,
}

fn limits(client_plan: &ClientPlan) -> impl Iterator<Item = PlannedLimit> {
    client_plan.certificate.iter().flat_map(|certificate| &certificate.limits).map(|limit| PlannedLimit {
        client_id: client_plan.client_id.clone(),
        limit: limit.limit.to_string(),
        kind: limit.kind,
        channel: limit.channel,
        asset_id: limit.asset.clone(),
        campaign_id: limit.campaign.clone(),
        from: wall_time_text(limit.from),
        hours: limit.hours,
        allowed: limit.allowed,
        used: limit.used,
        price: limit.price,
    })
}

/// What a limit costs over the clients of a preview.
#[derive(Serialize, JsonSchema)]
struct PlannedLimitCost {
    limit: String,
    kind: LimitKind,
    /// What the limit bounds, in words.
    bounds: String,
    /// Number of clients for which the limit costs something.
    clients: usize,
    /// Number of periods in which the limit costs something.
    periods: usize,
    /// The most that one more post in each of these periods would earn, or one post fewer if the limit is a minimum.
    price: f64,
    highest: PlannedHighestPrice,
}

/// The period in which a limit costs most.
#[derive(Serialize, JsonSchema)]
struct PlannedHighestPrice {
    client_id: ClientId,
    /// The channel, if the limit counts each channel on its own.
    channel: Option<Channel>,
    /// The campaign, if the limit counts each campaign on its own.
    campaign_id: Option<CampaignId>,
    /// Start of the period on the client's clock.
    from: String,
    /// The most that one more post would earn, or one post fewer if the limit is a minimum.
    price: f64,
}

impl From<LimitCost> for PlannedLimitCost {
    fn from(LimitCost { limit, kind, bounds, clients, periods, price, highest }: LimitCost) -> Self {
        let HighestPrice { client_id, channel, campaign_id, from, price: highest_price } = highest;
        let from = wall_time_text(from);
        let highest = PlannedHighestPrice { client_id, channel, campaign_id, from, price: highest_price };
        Self { limit: limit.to_string(), kind, bounds, clients, periods, price, highest }
    }
}

/// The value of the plans of a workspace whose clients compete for limits that they share.
#[derive(Serialize, JsonSchema)]
struct PlannedWorkspace {
    workspace_id: WorkspaceId,
    /// Value of the posts of all clients that may run; 0 if a client's limits contradict each other.
    objective: f64,
    /// Upper bound on the value of any plan of all clients within the limits; `None` if none is proven.
    upper_bound: Option<f64>,
    /// The distance from the value to the bound, as a share of the bound; `None` if no bound is proven.
    #[schemars(range(min = 0.0, max = 1.0))]
    gap: Option<f64>,
}

impl From<&WorkspaceCertificate> for PlannedWorkspace {
    fn from(workspace: &WorkspaceCertificate) -> Self {
        Self {
            workspace_id: workspace.workspace_id.clone(),
            objective: workspace.objective,
            upper_bound: workspace.upper_bound,
            gap: workspace.gap(),
        }
    }
}

/// A limit that clients share in one of its periods, and how much of it they use together.
#[derive(Serialize, JsonSchema)]
struct PlannedSharedLimit {
    workspace_id: WorkspaceId,
    limit: String,
    /// The industry, if the limit counts each industry on its own.
    industry: Option<String>,
    /// The tag, if the limit counts the clients with each tag on their own.
    tag: Option<String>,
    /// The channel, if the limit counts each channel on its own.
    channel: Option<Channel>,
    /// Start of the period: the Monday of the week, the date of the day on each client's clock, or the hour in UTC.
    from: String,
    /// The number of posts that the limit states.
    allowed: f64,
    /// The number of posts that count, planned and committed.
    used: f64,
    /// The most that one more post would earn.
    price: f64,
}

fn shared_limits(plan: &Plan) -> Vec<PlannedSharedLimit> {
    let limits_of = |workspace: &WorkspaceCertificate| -> Vec<PlannedSharedLimit> {
        let planned = |limit: &SharedLimitUse| PlannedSharedLimit {
            workspace_id: workspace.workspace_id.clone(),
            limit: limit.limit.to_string(),
            industry: limit.industry.as_deref().map(str::to_owned),
            tag: limit.tag.as_deref().map(str::to_owned),
            channel: limit.channel,
            from: limit.period.start(plan.week),
            allowed: limit.allowed,
            used: limit.used,
            price: limit.price,
        };
        workspace.limits.iter().map(planned).collect()
    };
    let mut limits: Vec<PlannedSharedLimit> = plan.workspaces.iter().flat_map(limits_of).collect();
    limits.sort_by(|a, b| b.price.total_cmp(&a.price));
    limits
}

/// What a limit that clients share costs over its periods.
#[derive(Serialize, JsonSchema)]
struct PlannedSharedLimitCost {
    workspace_id: WorkspaceId,
    limit: String,
    /// What the limit bounds, in words.
    bounds: String,
    /// Number of periods in which the clients compete for it.
    periods: usize,
    /// The most that one more post in each of these periods would earn.
    price: f64,
    highest: PlannedHighestSharedPrice,
}

/// The period in which a shared limit costs most.
#[derive(Serialize, JsonSchema)]
struct PlannedHighestSharedPrice {
    /// The industry, if the limit counts each industry on its own.
    industry: Option<String>,
    /// The tag, if the limit counts the clients with each tag on their own.
    tag: Option<String>,
    /// The channel, if the limit counts each channel on its own.
    channel: Option<Channel>,
    /// Start of the period: the Monday of the week, the date of the day on each client's clock, or the hour in UTC.
    from: String,
    /// The number of posts that the limit states.
    allowed: f64,
    /// The number of posts that count, planned and committed.
    used: f64,
    /// The most that one more post would earn.
    price: f64,
}

impl From<SharedLimitCost> for PlannedSharedLimitCost {
    fn from(cost: SharedLimitCost) -> Self {
        let SharedLimitCost { workspace_id, limit, bounds, periods, price, highest } = cost;
        let HighestSharedPrice { industry, tag, channel, from, allowed, used, price: highest_price } = highest;
        let [industry, tag] = [industry, tag].map(|name| name.as_deref().map(str::to_owned));
        let highest = PlannedHighestSharedPrice { industry, tag, channel, from, allowed, used, price: highest_price };
        Self { workspace_id, limit: limit.to_string(), bounds, periods, price, highest }
    }
}

/// Limits of a client that cannot be kept together.
#[derive(Serialize, JsonSchema)]
struct UnmetLimits {
    client_id: ClientId,
    /// Names of the limits.
    limits: Vec<String>,
}

impl UnmetLimits {
    fn new(client_plan: &ClientPlan) -> Option<Self> {
        let limits: Vec<String> = client_plan.unmet_limits.iter().map(|name| name.to_string()).collect();
        (!limits.is_empty()).then(|| Self { client_id: client_plan.client_id.clone(), limits })
    }
}

/// The result of a simulation.
#[derive(Serialize, JsonSchema)]
pub(super) struct SimulationResult {
    provenance: Provenance,
    headline: Headline,
    /// Results by week.
    weekly: Vec<WeekSummary>,
    /// Results by channel.
    channels: Vec<ChannelSummary>,
}

impl From<Simulation> for SimulationResult {
    fn from(Simulation { provenance, headline, weekly, channels, .. }: Simulation) -> Self {
        Self { provenance, headline, weekly, channels }
    }
}

/// The result of comparing rules.
#[derive(Serialize, JsonSchema)]
pub(super) struct ComparisonResult {
    /// The current rules, then the changed ones.
    packs: Vec<Variant>,
    /// The changed rules compared with the current ones.
    versus: Vec<VersusCurrent>,
}

/// Changed rules compared with the current ones.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Versus")]
struct VersusCurrent {
    label: String,
    /// The result in a sentence.
    verdict: String,
    /// The difference in every headline measure.
    headline: Vec<MeasureDifference>,
    clients: ClientCounts,
}

impl ComparisonResult {
    /// `verdicts` has a sentence about each pair of rules in the comparison, in the same order.
    pub fn new(comparison: Comparison, verdicts: Vec<String>) -> Self {
        let versus = comparison.versus.into_iter().zip(verdicts);
        Self {
            packs: comparison.variants,
            versus: versus
                .map(|(versus, verdict)| VersusCurrent {
                    label: versus.label,
                    verdict,
                    headline: versus.headline,
                    clients: versus.client_counts,
                })
                .collect(),
        }
    }
}
