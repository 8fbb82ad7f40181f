//! What stands behind the schedules: conflicts, the channels' health over time, the rules that hold.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::scheduler::days_ago;
use super::schedules::known;
use crate::model::{CampaignId, ClientId, ConflictKind, Severity, WorkspaceId};
use crate::rules::EffectiveValue;
use crate::store::ConflictFilter;
use crate::web::access::Caller;
use crate::web::params::{Params, QueryFields};
use crate::web::problem::{Problem, WrongField};
use crate::web::state::App;

/// Conflicts of a kind that are listed.
const NEWEST: u32 = 20;
/// Days of conflicts, where nobody says how many.
const USUAL_DAYS: u64 = 7;
/// Days of history, where nobody says how many.
const USUAL_HISTORY: u64 = 28;

/// `GET /api/orchestration/workspaces`
pub(super) async fn workspaces(
    State(app): State<App>,
    caller: Caller,
    QueryFields(params): QueryFields,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    Ok(Json(json!({"workspaces": caller.workspaces(&app.ledger).await?})))
}

/// `GET /api/orchestration/conflicts`
pub(super) async fn conflicts(
    State(app): State<App>,
    caller: Caller,
    QueryFields(mut params): QueryFields,
) -> Result<Json<Value>, Problem> {
    let named = params.text("workspace_id");
    let (filter, _) = conflict_filter(&mut params);
    params.finish()?;
    let ledger = app.ledger_of(&known(&app, &caller, named).await?);
    Ok(Json(json!({"groups": ledger.conflicts(&filter, NEWEST).await?})))
}

/// Which conflicts a request means, and of how many days.
pub(in crate::web) fn conflict_filter(params: &mut Params) -> (ConflictFilter, u64) {
    let severities: Vec<&str> = Severity::ALL.iter().map(|severity| severity.name()).collect();
    let kinds: Vec<&str> = ConflictKind::ALL.iter().map(|kind| kind.name()).collect();
    let days = params.whole("days", 1..=366).unwrap_or(USUAL_DAYS);
    let filter = ConflictFilter {
        client: params.text("client_id"),
        severity: params.name("severity", &severities),
        kind: params.name("kind", &kinds),
        from: Some(days_ago(days as i64)),
    };
    (filter, days)
}

/// `GET /api/orchestration/health`
pub(super) async fn health(
    State(app): State<App>,
    caller: Caller,
    QueryFields(mut params): QueryFields,
) -> Result<Json<Value>, Problem> {
    let named = params.text("workspace_id");
    let days = params.whole("days", 1..=366).unwrap_or(USUAL_HISTORY);
    params.finish()?;
    let ledger = app.ledger_of(&known(&app, &caller, named).await?);
    let since = days_ago(days as i64).date();
    Ok(Json(json!({"since": since, "history": ledger.health_history(since).await?})))
}

/// `GET /api/orchestration/rules`
pub(super) async fn rules(
    State(app): State<App>,
    caller: Caller,
    QueryFields(mut params): QueryFields,
) -> Result<Json<Value>, Problem> {
    let named = params.text("workspace_id");
    let client = params.text("client_id");
    let campaign = params.text("campaign_id");
    let channel = params.channel();
    let key = params.text("key");
    params.finish()?;
    let workspace = known(&app, &caller, named).await?;
    if let Some(client) = &client
        && !app.ledger_of(&workspace).has_client(client).await?
    {
        return Err(Problem::not_found("client", "take an id from the list of schedules"));
    }
    let pack = app.rules.pack();
    // A campaign is one of a client's.
    let campaign = campaign.filter(|_| client.is_some());
    let id = ClientId::new(client.unwrap_or_default());
    let overlays = pack.overlay_key(&WorkspaceId::new(workspace.as_str()), &id, campaign.map(CampaignId::new).as_ref());
    let all = pack.effective(&overlays);
    let values: Vec<&EffectiveValue> = all.iter().filter(|value| value.is_wanted(key.as_deref(), channel)).collect();
    if let (Some(key), true) = (&key, values.is_empty()) {
        let near = EffectiveValue::nearest(key, &all);
        let near = near.map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
        let (field, detail) = ("key".to_owned(), format!("the rules say nothing of `{key}`{near}"));
        return Err(Problem::fields(vec![WrongField {
            field,
            detail,
            remedy: "ask without a key for all".to_owned(),
        }]));
    }
    let files: Vec<&str> = pack.overlay_files(&overlays).collect();
    Ok(Json(json!({"rules_hash": pack.hash, "overlays": files, "values": values})))
}
