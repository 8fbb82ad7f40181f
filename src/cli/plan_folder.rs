//! Reads a folder written by `mcoe plan`, with the plan's rules pack and scenario.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use uuid::Uuid;

use super::diagnostics;
use super::failure::Failure;
use super::pack::read_pack;
use super::{Globals, input};
use crate::files;
use crate::model::{Plan, Scenario, Tier, Timestamp, Week};
use crate::planner::{self, Planner};
use crate::rules::CompiledRules;

/// Remedy for a plan that no longer fits its inputs.
pub(super) const PLAN_AGAIN: &str = "plan the week again";

/// Remedy for a plan whose files were edited.
pub(super) const PLAN_CHANGED: &str = "plan the week again; to influence the plan, change the rules or the scenario";

/// Subfolder with the scenario of a plan that was made from the ledger.
pub(super) const SCENARIO_FOLDER: &str = "scenario";

/// Maximum size of `plan.json`, in bytes.
const MAX_PLAN_JSON_BYTES: u64 = 16 << 20;

/// The fields of `plan.json` that other commands need.
#[derive(Debug, Deserialize)]
pub(super) struct PlanHead {
    format: u32,
    pub plan_id: Uuid,
    pub week: Week,
    scenario_path: PathBuf,
    scenario_hash: String,
    rules_hash: String,
    version: String,
    /// The time before which nothing was planned; `None` if the week had not begun.
    not_before: Option<Timestamp>,
}

/// The contents of a plan's folder.
pub(super) struct PlanFolder {
    pub head: PlanHead,
    pub rules: CompiledRules,
    pub scenario: Scenario,
}

impl PlanFolder {
    /// Reads a plan's folder. Its scenario is read from `scenario`, if given; otherwise from the plan's own folder, or
    /// else from the folder for which the plan was made.
    pub fn read(dir: &Path, scenario: Option<&Path>, globals: &Globals) -> Result<Self, Failure> {
        let head = read_head(dir)?;
        let rules = read_rules(dir, &head, globals)?;
        let scenario = read_scenario(dir, scenario, &head, &rules, globals)?;
        Ok(Self { head, rules, scenario })
    }
}

impl PlanHead {
    /// The planner that the plan was made with.
    pub fn planner<'r>(&self, rules: &'r CompiledRules) -> Planner<'r> {
        let planner = Planner::new(rules, Tier::Exact, None);
        match self.not_before {
            Some(now) => planner.starting_at(now),
            None => planner,
        }
    }

    /// Plans the week again, which must give the same plan.
    pub fn plan_again(&self, planner: &Planner<'_>, scenario: &Scenario) -> Result<Plan, Failure> {
        let plan = planner::plan_week(planner, scenario, self.week)?;
        if plan.plan_id == self.plan_id {
            return Ok(plan);
        }
        if self.version == env!("CARGO_PKG_VERSION") {
            return Err(Failure::input("the plan's `plan.json` or `rules` were changed after planning", PLAN_CHANGED));
        }
        let (old, new) = (&self.version, env!("CARGO_PKG_VERSION"));
        Err(Failure::input(format!("the plan was made by mcoe {old} and cannot be reproduced by {new}"), PLAN_AGAIN))
    }
}

fn read_rules(plan: &Path, head: &PlanHead, globals: &Globals) -> Result<CompiledRules, Failure> {
    let dir = plan.join("rules");
    let files = read_pack(&dir, globals)?;
    let rules =
        input::compile(files.clone()).map_err(|errors| diagnostics::rules_failure(&errors, &files, &dir, globals))?;
    if rules.hash() == head.rules_hash {
        return Ok(rules);
    }
    let shown = dir.display();
    Err(Failure::input(format!("`{shown}` is not the rules pack that the plan was made with"), PLAN_AGAIN))
}

fn read_scenario(
    plan: &Path,
    given: Option<&Path>,
    head: &PlanHead,
    rules: &CompiledRules,
    globals: &Globals,
) -> Result<Scenario, Failure> {
    let own_folder = plan.join(SCENARIO_FOLDER);
    let dir = match given {
        Some(given) => given,
        None if own_folder.is_dir() => &own_folder,
        None => &head.scenario_path,
    };
    let scenario = input::scenario(dir, rules, globals)?;
    if scenario.hash == head.scenario_hash {
        return Ok(scenario);
    }
    let shown = dir.display();
    let remedy = "plan the week again, or name the unchanged scenario with --scenario";
    Err(Failure::input(format!("`{shown}` has changed since the plan was made"), remedy))
}

fn read_head(plan: &Path) -> Result<PlanHead, Failure> {
    let path = plan.join("plan.json");
    let shown = path.display();
    let text = files::read_text(&path, MAX_PLAN_JSON_BYTES).map_err(|error| {
        Failure::input(format!("cannot read `{shown}`: {error}"), "name a folder written by `mcoe plan`")
    })?;
    let head: PlanHead = serde_json::from_str(&text)
        .map_err(|error| Failure::input(format!("`{shown}` is not a plan: {error}"), PLAN_AGAIN))?;
    if head.format != 1 {
        let cause = format!("`{shown}` has format {}, but this mcoe reads format 1", head.format);
        return Err(Failure::input(cause, "use a newer mcoe"));
    }
    Ok(head)
}
