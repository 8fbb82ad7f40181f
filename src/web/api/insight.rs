//! Insight into schedules: conflicts, the history of channel health, estimates of audiences, and the effective rules.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::openapi::{About, Api};
use super::request::{EmptyQuery, Query, Request as _, request};
use super::scheduler::days_ago;
use crate::model::{
    CampaignId, Channel, ClientId, ConflictKind, EstimateSource, Role, Severity, WorkspaceId, WorldEstimate,
};
use crate::rules::EffectiveValue;
use crate::store::{ConflictFilter, ConflictGroup, HealthDay};
use crate::web::access::Caller;
use crate::web::params::{Params, PathPart};
use crate::web::problem::{Problem, WrongField};
use crate::web::state::App;

/// Maximum number of conflicts listed of each severity and kind.
const MAX_CONFLICTS: u32 = 20;

/// The routes of this module.
pub(super) fn routes(api: Api) -> Api {
    api.group("Insight", "Conflicts, the history of channel health, estimates of audiences, and the effective rules.")
        .get(
            "/api/orchestration/conflicts",
            conflicts,
            About {
                id: "list_conflicts",
                summary: "List conflicts",
                description: "Grouped by severity and kind, each with a way to resolve it.",
            },
        )
        .get(
            "/api/orchestration/health",
            health,
            About {
                id: "get_health_history",
                summary: "Get the history of channel health",
                description: "One point for each channel and day.",
            },
        )
        .get(
            "/api/orchestration/clients/{id}/estimates",
            estimates,
            About {
                id: "list_estimates",
                summary: "List what is estimated about a client's channels",
                description: "How the audience of each channel responds to posts, as estimated from past posts, each \
                              number with its 90 % interval and what it is based on. Simulations draw from these \
                              estimates.",
            },
        )
        .get(
            "/api/orchestration/rules",
            rules,
            About {
                id: "list_rules",
                summary: "List effective rules",
                description: "With the overlays of workspace, client and campaign applied, each value with its file \
                              and line.",
            },
        )
        .get(
            "/api/orchestration/workspaces",
            workspaces,
            About { id: "list_workspaces", summary: "List accessible workspaces", description: "" },
        )
}

/// The accessible workspaces, by id.
#[derive(Serialize, JsonSchema)]
struct WorkspaceList {
    workspaces: Vec<WorkspaceId>,
}

/// `GET /api/orchestration/workspaces`
async fn workspaces(State(app): State<App>, caller: Caller, _: EmptyQuery) -> Result<Json<WorkspaceList>, Problem> {
    Ok(Json(WorkspaceList { workspaces: caller.workspaces(&app.ledger).await? }))
}

request! {
    /// Selects conflicts.
    struct SelectedConflicts {
        /// Only those from the last `days` days.
        #[range(1..=366)]
        #[default(7)]
        days: u64,
        /// Only those of this client.
        client_id: Option<String>,
        /// Only those of this severity.
        severity: Option<Severity>,
        /// Only those of this kind.
        kind: Option<ConflictKind>,
    }
}

impl SelectedConflicts {
    fn filter(self) -> ConflictFilter {
        ConflictFilter {
            client: self.client_id,
            severity: self.severity,
            kind: self.kind,
            from: Some(days_ago(self.days as i64)),
        }
    }
}

/// Reads a filter of conflicts, and the number of days that it covers.
pub(in crate::web) fn conflict_filter(params: &mut Params) -> (ConflictFilter, u64) {
    let selected = SelectedConflicts::read(params);
    let days = selected.days;
    (selected.filter(), days)
}

/// Conflicts by severity and kind, the most severe first.
#[derive(Serialize, JsonSchema)]
struct ConflictList {
    groups: Vec<ConflictGroup>,
}

/// `GET /api/orchestration/conflicts`
async fn conflicts(
    State(app): State<App>,
    caller: Caller,
    Query(unchecked): Query<SelectedConflicts>,
) -> Result<Json<ConflictList>, Problem> {
    let (workspace, selected) = unchecked.check(&app, &caller, Role::Viewer).await?;
    let groups = app.ledger_of(&workspace).conflicts(&selected.filter(), MAX_CONFLICTS).await?;
    Ok(Json(ConflictList { groups }))
}

request! {
    /// Selects days of the history.
    struct SelectedDays {
        /// Number of days before today.
        #[range(1..=366)]
        #[default(28)]
        days: u64,
    }
}

/// The history of channel health.
#[derive(Serialize, JsonSchema)]
struct HealthHistory {
    /// The first day, UTC.
    since: NaiveDate,
    /// By channel and day.
    history: Vec<HealthDay>,
}

/// `GET /api/orchestration/health`
async fn health(
    State(app): State<App>,
    caller: Caller,
    Query(unchecked): Query<SelectedDays>,
) -> Result<Json<HealthHistory>, Problem> {
    let (workspace, SelectedDays { days }) = unchecked.check(&app, &caller, Role::Viewer).await?;
    let since = days_ago(days as i64).date();
    Ok(Json(HealthHistory { since, history: app.ledger_of(&workspace).health_history(since).await? }))
}

/// The client that a path names.
#[derive(Deserialize, JsonSchema)]
struct ClientPath {
    /// The id of the client.
    id: String,
}

request! {
    /// Selects estimates.
    struct SelectedEstimates {
        /// Only those of this channel.
        channel: Option<Channel>,
    }
}

/// What is estimated about a client's channels; empty if nothing is.
#[derive(Serialize, JsonSchema)]
struct EstimateList {
    /// By channel and parameter.
    estimates: Vec<ChannelEstimate>,
}

/// An estimate of how the audience of a channel responds to posts.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Estimate")]
struct ChannelEstimate {
    channel: Channel,
    /// The name of the parameter, as in the table `world` of a scenario: `level`, `hours_09`, `monday`,
    /// `content_type:photo`, `response_strength`, `half_life_hours` and so on.
    parameter: String,
    /// The estimate: engagements for `level`; factors for hours, weekdays, content types and percentiles.
    value: f64,
    /// Lower end of the 90 % interval.
    low: f64,
    /// Upper end of the 90 % interval.
    high: f64,
    source: EstimateSource,
    /// Whether it is an assumption, because no posts support it.
    is_assumed: bool,
}

impl From<WorldEstimate> for ChannelEstimate {
    fn from(estimate: WorldEstimate) -> Self {
        let [low, high] = estimate.interval();
        let WorldEstimate { channel, parameter, value, source, .. } = estimate;
        Self { channel, parameter: parameter.to_string(), value, low, high, source, is_assumed: source.is_assumed() }
    }
}

/// `GET /api/orchestration/clients/{id}/estimates`
async fn estimates(
    State(app): State<App>,
    caller: Caller,
    PathPart(ClientPath { id }): PathPart<ClientPath>,
    Query(unchecked): Query<SelectedEstimates>,
) -> Result<Json<EstimateList>, Problem> {
    let (workspace, SelectedEstimates { channel }) = unchecked.check(&app, &caller, Role::Viewer).await?;
    let ledger = app.ledger_of(&workspace);
    if !ledger.has_client(&id).await? {
        return Err(unknown_client());
    }
    let estimates = ledger.estimates(&id).await?.into_iter();
    let selected = estimates.filter(|estimate| channel.is_none_or(|channel| estimate.channel == channel));
    Ok(Json(EstimateList { estimates: selected.map(ChannelEstimate::from).collect() }))
}

fn unknown_client() -> Problem {
    Problem::not_found("client", "take an id from the list of schedules")
}

request! {
    /// Selects rules.
    struct SelectedRules {
        /// With the overlays of this client.
        client_id: Option<String>,
        /// With the overlays of this campaign of the client; requires `client_id`.
        campaign_id: Option<String>,
        /// Of the keys of `channels.toml`, only those of this channel.
        channel: Option<Channel>,
        /// Only this key or table, such as `fatigue`.
        key: Option<String>,
    }
}

/// Effective rules.
#[derive(Serialize, JsonSchema)]
struct RuleList {
    /// Hash of the rules pack.
    rules_hash: String,
    /// The files of the overlays that are applied.
    overlays: Vec<String>,
    values: Vec<EffectiveValue>,
}

/// `GET /api/orchestration/rules`
async fn rules(
    State(app): State<App>,
    caller: Caller,
    Query(unchecked): Query<SelectedRules>,
) -> Result<Json<RuleList>, Problem> {
    let (workspace, selected) = unchecked.check(&app, &caller, Role::Viewer).await?;
    let SelectedRules { client_id, campaign_id, channel, key } = selected;
    if let Some(client) = &client_id
        && !app.ledger_of(&workspace).has_client(client).await?
    {
        return Err(unknown_client());
    }
    if campaign_id.is_some() && client_id.is_none() {
        return Err(Problem::invalid_fields(vec![WrongField {
            field: "campaign_id".to_owned(),
            detail: "ids of campaigns are unique only within a client".to_owned(),
            remedy: "give `client_id`, too".to_owned(),
        }]));
    }
    let pack = app.rules.pack();
    let campaign = campaign_id.map(CampaignId::new);
    let client = ClientId::new(client_id.unwrap_or_default());
    let overlays = pack.overlay_key(&workspace, &client, campaign.as_ref());
    let all_values = pack.effective(&overlays);
    let values: Vec<EffectiveValue> =
        all_values.iter().filter(|value| value.matches(key.as_deref(), channel)).cloned().collect();
    if let (Some(key), true) = (&key, values.is_empty()) {
        return Err(unknown_key(key, &all_values));
    }
    let overlays = pack.overlay_files(&overlays).map(str::to_owned).collect();
    Ok(Json(RuleList { rules_hash: pack.hash.clone(), overlays, values }))
}

fn unknown_key(key: &str, values: &[EffectiveValue]) -> Problem {
    let near = EffectiveValue::nearest(key, values);
    let suggestion = near.map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
    Problem::invalid_fields(vec![WrongField {
        field: "key".to_owned(),
        detail: format!("the rules have no key `{key}`{suggestion}"),
        remedy: "omit the key to list all rules".to_owned(),
    }])
}
