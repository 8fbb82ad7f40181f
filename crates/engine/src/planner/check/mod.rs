//! Verifies a finished plan against scenario and rules, independently of the planner.
//!
//! ```text
//! plan, scenario, rules ──> timing          when posts go out, how many, how high fatigue is
//!                       ──> assets          which assets they use
//!                       ──> worth           numbers of each post: value, score, confidence, risk, status
//!                       ──> channels        numbers of each channel's week
//!                       ──> limits          limits of a client, over channels and on assets, and the upper bound
//!                       ──> shared_limits   limits over several clients
//!                       ──> review_order    posts that are blocked for lack of a review
//!                       ──> breaches
//! ```
//!
//! None of the planner's or the agents' code is used here, so that a mistake must be made twice to go unnoticed. The
//! one exception is `check_objections`, which applies to each post again the check that planning shares with the daily
//! pass and approvals. Nothing is repaired, and no plan, however nonsensical, causes a panic.
//!
//! Scripts are not run. The guardrails' verdicts are taken as given; it is checked that all were evaluated, in order,
//! and that status, confidence and risk follow from the verdicts. If the pack defines one of these functions, the
//! numbers that it replaces are taken as given too: `weekly_posts` the target, `hour_weights` the value of a slot,
//! `score_asset` the score of an asset, `confidence` the steps of confidence. What follows from those numbers is still
//! checked. Agents' signals, conflicts and the wording of reasons are not checked. Nor is it checked that no better
//! plan exists, only that leaving out any one post would not raise the objective.
//!
//! Committed posts are those of the channel's recent posts that lie in the week. Several in one hour count as one,
//! except for limits on assets. In limits with `within_hours`, posts before and after the week count too, each of them.
//! To the conditions of a limit on time, each post is one at the time at which it goes out.

mod asset_limits;
mod assets;
mod case;
mod channel;
mod channels;
mod clock;
mod limit_period;
mod limits;
mod order;
mod review_order;
mod reviews;
mod shared_limits;
mod timing;
mod worth;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use rayon::prelude::*;

use self::case::{ClientCase, Hooks};
use self::channel::ChannelCase;
use self::clock::Clock;
pub use self::shared_limits::{ExceededLimit, exceeded_limits};
use crate::model::{Channel, Client, ClientId, ClientPlan, ClientState, Plan, Post, Scenario, Week, WorkspaceId};
use crate::planner::objection::objections_to;
use crate::rules::CompiledRules;

/// One rule or number that a plan gets wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The client; empty if it concerns the plan as a whole or a workspace.
    pub client_id: ClientId,
    /// The channel; `None` if it concerns no single channel.
    pub channel: Option<Channel>,
    /// Local time of the post with its UTC offset, such as `2026-11-24T09:00+11:00`; `None` if it concerns no single
    /// post.
    pub post: Option<String>,
    /// Identifier of the rule or number, the same in every version.
    pub rule: &'static str,
    /// What the plan states and what is expected, for display.
    pub detail: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.client_id.as_str().is_empty() {
            f.write_str("plan")?;
        } else {
            write!(f, "client `{}`", self.client_id)?;
        }
        if let Some(channel) = self.channel {
            write!(f, ", {channel}")?;
        }
        if let Some(post) = &self.post {
            write!(f, ", post of {post}")?;
        }
        write!(f, ": {}: {}", self.rule, self.detail)
    }
}

/// Relative tolerance of a product or a sum. Doubles carry 16 digits and the longest calculation here has some hundreds
/// of steps, so rounding errors stay near 1e-13.
const ROUNDING: f64 = 1e-9;
/// Tolerance of an objective relative to the terms that it sums: their difference may be much smaller than they are.
const OBJECTIVE_ROUNDING: f64 = 1e-6;
/// Tolerance of a confidence, which is rounded to a millionth.
const CONFIDENCE_ROUNDING: f64 = 1e-6;

/// Whether two numbers are equal up to rounding: relative to the larger one, or absolute if both are below 1e-3. NaN
/// equals nothing.
fn is_same(stated: f64, derived: f64) -> bool {
    (stated - derived).abs() <= ROUNDING * stated.abs().max(derived.abs()).max(1e-3)
}

/// The breaches found so far, and the client being checked.
struct Findings {
    client_id: ClientId,
    breaches: Vec<Breach>,
}

impl Findings {
    fn new(client_id: ClientId) -> Self {
        Self { client_id, breaches: Vec::new() }
    }

    fn add(&mut self, channel: Option<Channel>, post: Option<String>, rule: &'static str, detail: String) {
        self.breaches.push(Breach { client_id: self.client_id.clone(), channel, post, rule, detail });
    }

    fn report_client(&mut self, rule: &'static str, detail: String) {
        self.add(None, None, rule, detail);
    }

    fn report_channel(&mut self, channel: Channel, rule: &'static str, detail: String) {
        self.add(Some(channel), None, rule, detail);
    }

    fn report_post(&mut self, case: &ClientCase<'_>, post: &Post, rule: &'static str, detail: String) {
        let local = case.client.zone.local(post.at).format("%Y-%m-%dT%H:%M%:z").to_string();
        self.add(Some(post.channel), Some(local), rule, detail);
    }
}

/// Verifies a plan. An empty list means that it passes. Breaches are in the order of the plan's clients, those of the
/// plan as a whole first and those of workspaces last.
#[must_use]
pub fn check_plan(plan: &Plan, scenario: &Scenario, rules: &CompiledRules) -> Vec<Breach> {
    let mut findings = Findings::new(ClientId::new(""));
    check_origin(plan, scenario, rules, &mut findings);
    check_roster(plan, scenario, &mut findings);
    let by_id: BTreeMap<&ClientId, &(Client, ClientState)> =
        scenario.clients.iter().map(|client| (&client.0.id, client)).collect();
    let clocks = clocks_of(plan.week, scenario);
    let check = |client_plan: &ClientPlan| {
        let (client, state) = by_id.get(&client_plan.client_id)?;
        let clock = clocks.get(client.zone.name())?;
        Some(CheckedClient::check(plan, client_plan, (client, state), rules, clock.as_ref()))
    };
    let checked: Vec<Option<CheckedClient>> = plan.clients.par_iter().map(check).collect();
    let mut shares: BTreeMap<&WorkspaceId, Vec<Option<f64>>> = BTreeMap::new();
    for (client_plan, checked) in plan.clients.iter().zip(checked) {
        let Some(CheckedClient { share, breaches }) = checked else { continue };
        findings.breaches.extend(breaches);
        shares.entry(&client_plan.workspace_id).or_default().push(share);
    }
    let counts = shared_limits::counts(plan, scenario, rules);
    shared_limits::check(plan, &counts, &shares, &mut findings);
    review_order::check(plan, scenario, rules, &counts, &mut findings);
    findings.breaches
}

/// The plan names the scenario and the rules that it is checked against.
fn check_origin(plan: &Plan, scenario: &Scenario, rules: &CompiledRules, findings: &mut Findings) {
    let origins = [
        ("scenario_hash", plan.scenario_hash.as_str(), scenario.hash.as_str()),
        ("rules_hash", plan.rules_hash.as_str(), rules.hash()),
        ("scenario", plan.scenario.as_str(), scenario.name.as_str()),
    ];
    for (rule, stated, given) in origins {
        if stated != given {
            findings.report_client(rule, format!("the plan was made from `{stated}`, not from `{given}`"));
        }
    }
}

/// The plan holds exactly the clients that are planned for, in order.
fn check_roster(plan: &Plan, scenario: &Scenario, findings: &mut Findings) {
    let stated: Vec<&ClientId> = plan.clients.iter().map(|client| &client.client_id).collect();
    let expected: Vec<&ClientId> = scenario
        .clients
        .iter()
        .map(|(client, _)| client)
        .filter(|client| client.status.is_planned())
        .map(|client| &client.id)
        .collect();
    if stated == expected {
        return;
    }
    let breaches_before = findings.breaches.len();
    for id in expected.iter().filter(|id| !stated.contains(id)) {
        findings.report_client("clients", format!("client `{id}` is missing"));
    }
    for id in stated.iter().filter(|id| !expected.contains(id)) {
        findings.report_client("clients", format!("client `{id}` is not to be planned for"));
    }
    if findings.breaches.len() == breaches_before {
        findings.report_client("clients", "clients are repeated or out of order".to_owned());
    }
}

/// The clock of each time zone in a week; `None` at the edge of the calendar.
fn clocks_of(week: Week, scenario: &Scenario) -> BTreeMap<&str, Option<Clock>> {
    let mut clocks = BTreeMap::new();
    for (client, _) in &scenario.clients {
        clocks.entry(client.zone.name()).or_insert_with(|| Clock::of(week, &client.zone));
    }
    clocks
}

/// What the check of one client's week found.
struct CheckedClient {
    /// The client's share of the bound of its workspace; `None` if the workspace has none or it cannot be derived.
    share: Option<f64>,
    breaches: Vec<Breach>,
}

impl CheckedClient {
    fn check(
        plan: &Plan,
        client_plan: &ClientPlan,
        client: (&Client, &ClientState),
        rules: &CompiledRules,
        clock: Option<&Clock>,
    ) -> Self {
        let mut findings = Findings::new(client.0.id.clone());
        let share = match clock {
            Some(clock) => check_client(plan, client_plan, client, rules, clock, &mut findings),
            None => {
                findings.report_client("week", format!("`{}` is at the edge of the calendar", plan.week));
                None
            }
        };
        Self { share, breaches: findings.breaches }
    }
}

/// Returns the client's share of the bound of its workspace; `None` if the workspace has none or it cannot be derived.
fn check_client(
    plan: &Plan,
    client_plan: &ClientPlan,
    (client, state): (&Client, &ClientState),
    rules: &CompiledRules,
    clock: &Clock,
    findings: &mut Findings,
) -> Option<f64> {
    let breaches_before = findings.breaches.len();
    let client_rules = rules.for_client(client);
    let case = ClientCase {
        plan: client_plan,
        client,
        state,
        rules: &client_rules,
        hooks: Hooks::of(rules),
        clock,
        not_before: plan.not_before,
    };
    if client_plan.workspace_id != client.workspace_id {
        let detail = format!("the plan says `{}`, the scenario `{}`", client_plan.workspace_id, client.workspace_id);
        findings.report_client("workspace", detail);
    }
    if client_plan.zone != client.zone {
        findings.report_client("zone", format!("the plan says `{}`, the scenario `{}`", client_plan.zone, client.zone));
    }
    if !client_plan.posts.is_sorted_by_key(|post| (post.at, post.channel)) {
        findings.report_client("post_order", "posts are not in order of time, then channel".to_owned());
    }
    for post in &client_plan.posts {
        if !state.channels.iter().any(|state| state.channel == post.channel) {
            findings.report_post(&case, post, "channel", "the client does not post on this channel".to_owned());
        }
    }
    let channels: Vec<ChannelCase<'_>> = state.channels.iter().map(|state| ChannelCase::of(&case, state)).collect();
    timing::check(&case, &channels, findings);
    limits::check(&case, &channels, findings);
    assets::check(&case, findings);
    for channel in &channels {
        worth::check(channel, findings);
    }
    channels::check(&case, &channels, findings);
    // Skipped after other breaches, which it would report a second time.
    if findings.breaches.len() == breaches_before {
        check_objections(&case, plan, findings);
    }
    let workspace = plan.workspaces.iter().find(|workspace| workspace.workspace_id == client_plan.workspace_id);
    let shared = workspace.filter(|workspace| workspace.upper_bound.is_some())?;
    limits::share_of_bound(&case, &channels, &shared.limits)
}

/// Every post that is not blocked passes the check that the daily pass and approvals use: what is planned today must
/// not be blocked tomorrow for a reason that was known today.
fn check_objections(case: &ClientCase<'_>, plan: &Plan, findings: &mut Findings) {
    let objections = objections_to(case.client, case.state, case.rules, plan, &case.plan.posts);
    for (post, reason) in case.plan.posts.iter().zip(objections) {
        if let Some(reason) = reason.filter(|_| post.is_live()) {
            findings.report_post(case, post, "objection", reason.to_string());
        }
    }
}
