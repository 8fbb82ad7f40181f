//! The server on both databases, over a real socket: its responses, and what it refuses.

mod access;
mod api;
mod browser;
mod console;
mod document;
mod full_disk;
mod hostile;
mod operations;
mod work;
use chrono::Utc;
use mcoe::model::{Tier, Timestamp, Week};
use mcoe::planner::Planner;
use mcoe::rules::CompiledRules;
use mcoe::store::{Ledger, NoObserver};
use serde_json::Value;

use crate::support::{Asker, Place, at, compiled, default_pack, shipped};

/// The workspaces of the shipped agency that tests use.
const HARBOUR: &str = "harbour";
const HUDSON: &str = "hudson";

/// The shipped agency with a planned week, in every workspace.
async fn planned(place: &Place) -> Ledger {
    planned_under(&compiled(default_pack()), place).await
}

/// The shipped agency with a week that was planned under the rules, in every workspace.
async fn planned_under(rules: &CompiledRules, place: &Place) -> Ledger {
    let ledger = place.ledger().await;
    let now = at("2026-09-04T08:00:00Z");
    ledger.load(&shipped("agency", rules), rules, now).await.unwrap();
    let planner = Planner::new(rules, Tier::Exact, None);
    let week: Week = "2026-W37".parse().unwrap();
    for workspace in ledger.workspaces().await.unwrap() {
        ledger.weekly(&planner, &workspace, week, "ann", now, &NoObserver).await.unwrap();
    }
    ledger
}

/// The next week by the server's clock.
fn coming_week() -> String {
    Week::after(Timestamp::from(Utc::now())).to_string()
}

/// Schedules of a workspace that match a query.
fn schedules(asker: &Asker, workspace: &str, query: &str) -> Vec<Value> {
    let path = format!("/api/orchestration/schedules?workspaceId={workspace}&limit=500&{query}");
    asker.get(&path).ok()["schedules"].as_array().unwrap().clone()
}

/// The id of a pending schedule of the workspace that anybody may approve.
fn waiting(asker: &Asker, workspace: &str) -> String {
    let waiting = schedules(asker, workspace, "status=pending");
    let one = waiting.iter().find(|row| row["risk_level"] != "high").expect("something waits that is not of high risk");
    one["id"].as_str().unwrap().to_owned()
}
