//! The ledger on both databases: its guarantees, and the faults it survives.

mod append_only;
mod changed_state;
mod commands;
mod contract;
mod daily;
mod decisions;
mod facts;
mod faults;
mod files;
mod impact;
mod jobs;
mod limit_numbers;
mod measured;
mod months;
mod shared_limits;
mod steps;
mod upgrade;
mod waiting;

use mcoe::model::{Plan, Scenario, Tier, Week, WorkspaceId};
use mcoe::planner::{self, Planner};
use mcoe::rules::CompiledRules;
use mcoe::store::{Commit, Committed, Ledger, StoreError};

use crate::support::{at, compiled, default_pack, shipped_scenario};

/// When the tests' scenarios are loaded and planned.
const FRIDAY: &str = "2026-09-04T08:00:00Z";

fn rules() -> CompiledRules {
    compiled(default_pack())
}

/// Loads the shipped agency into a ledger. Returns its scenario.
async fn load_agency(ledger: &Ledger, rules: &CompiledRules) -> Scenario {
    let scenario = shipped_scenario("agency", rules);
    ledger.load(&scenario, rules, at(FRIDAY)).await.unwrap();
    scenario
}

async fn commit(
    ledger: &Ledger,
    rules: &CompiledRules,
    scenario: &Scenario,
    plan: &Plan,
    actor: &str,
) -> Result<Committed, StoreError> {
    let decisions = planner::decisions(plan);
    let now = at(FRIDAY);
    ledger
        .commit(Commit {
            plan,
            decisions: &decisions,
            scenario,
            rules,
            actor,
            now,
            counted: mcoe::store::Counted::Live,
            progress: &|| {},
        })
        .await
}

/// Plans and commits a week of every workspace.
async fn weekly(ledger: &Ledger, rules: &CompiledRules, week: &str, now: &str) {
    let planner = Planner::new(rules, Tier::Exact, None);
    let week: Week = week.parse().unwrap();
    for workspace in ledger.workspaces().await.unwrap() {
        let outcome =
            ledger.weekly(&planner, &workspace, week, "ann", at(now), &mcoe::store::NoObserver).await.unwrap();
        assert!(outcome.breaches.is_empty(), "{:?}", outcome.breaches);
    }
}

fn workspace(id: &str) -> WorkspaceId {
    WorkspaceId::new(id)
}
