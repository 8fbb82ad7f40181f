//! The server on both databases, over a real socket: its responses, and what it refuses.

mod access;
mod api;
mod browser;
mod console;
mod document;
mod estimates;
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

use crate::support::{HttpClient, TestDatabase, at, compiled, default_pack, shipped_scenario};

/// Two workspaces of the shipped agency.
const HARBOUR: &str = "harbour";
const HUDSON: &str = "hudson";

/// A client of [`HARBOUR`], to which [`add_estimates`] adds estimates.
const ESTIMATED_CLIENT: &str = "crumb-and-co";

/// Loads the shipped agency with estimates of one client's channels.
async fn add_estimates(database: &TestDatabase) {
    let rules = compiled(default_pack());
    let mut scenario = shipped_scenario("agency", &rules);
    let mut clients = scenario.clients.iter_mut().map(|(client, _)| client);
    clients.find(|client| client.id.as_str() == ESTIMATED_CLIENT).unwrap().world = estimates::estimates();
    database.ledger().await.load(&scenario, &rules, at("2026-09-04T08:00:00Z")).await.unwrap();
}

/// Loads the shipped agency and plans a week in every workspace, under the default rules.
async fn plan_agency(database: &TestDatabase) -> Ledger {
    plan_agency_under(&compiled(default_pack()), database).await
}

/// Loads the shipped agency and plans a week in every workspace, under the given rules.
async fn plan_agency_under(rules: &CompiledRules, database: &TestDatabase) -> Ledger {
    let ledger = database.ledger().await;
    let now = at("2026-09-04T08:00:00Z");
    ledger.load(&shipped_scenario("agency", rules), rules, now).await.unwrap();
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
fn schedules(http: &HttpClient, workspace: &str, query: &str) -> Vec<Value> {
    let path = format!("/api/orchestration/schedules?workspaceId={workspace}&limit=500&{query}");
    http.get(&path).ok_json()["schedules"].as_array().unwrap().clone()
}

/// The id of a pending schedule of the workspace that anybody may approve.
fn pending_id(http: &HttpClient, workspace: &str) -> String {
    let pending = schedules(http, workspace, "status=pending");
    let row = pending.iter().find(|row| row["risk_level"] != "high").expect("a pending schedule is not of high risk");
    row["id"].as_str().unwrap().to_owned()
}
