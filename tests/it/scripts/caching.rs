//! Scripts' results are cached by the facts that the scripts read. Caching must never change a plan.

use mcoe::model::{Capacity, ClientPlan, Scenario, Tier};
use mcoe::planner::Planner;
use mcoe::rules::CompiledRules;

use crate::support::{compiled, default_pack, pack_with_file, shipped_scenario};

/// Plans each client separately, each time with an empty cache.
fn one_at_a_time(rules: &CompiledRules, scenario: &Scenario, capacity: &Capacity) -> Vec<ClientPlan> {
    let plan_alone = |client| {
        let planner = Planner::new(rules, Tier::Exact, None);
        planner.plan_clients(&[client], capacity, scenario.start).unwrap().remove(0)
    };
    scenario.clients.iter().map(|(client, state)| plan_alone((client, state))).collect()
}

/// Plans all clients with one planner. It plans later weeks first, so that the cache is filled.
fn all_together(rules: &CompiledRules, scenario: &Scenario, capacity: &Capacity) -> Vec<ClientPlan> {
    let planner = Planner::new(rules, Tier::Exact, None);
    let clients: Vec<_> = scenario.clients.iter().map(|(client, state)| (client, state)).collect();
    for week in (1..3).rev() {
        planner.plan_clients(&clients, capacity, scenario.start.plus(week)).unwrap();
    }
    let plans = planner.plan_clients(&clients, capacity, scenario.start).unwrap();
    let rule_use = planner.rule_use();
    assert!(rule_use.executed < rule_use.requested, "no result came from the cache: {rule_use:?}");
    plans
}

/// The agency with every client in its own workspace, so that no client's plan depends on another client.
fn separate_clients(rules: &CompiledRules) -> Scenario {
    let mut scenario = shipped_scenario("agency", rules);
    for (client, _) in &mut scenario.clients {
        client.workspace_id = mcoe::model::WorkspaceId::new(format!("of-{}", client.id));
    }
    scenario
}

#[track_caller]
fn assert_caching_changes_no_plan(rules: &CompiledRules) {
    let scenario = separate_clients(rules);
    let capacity = Capacity::default();
    let (alone, together) = (one_at_a_time(rules, &scenario, &capacity), all_together(rules, &scenario, &capacity));
    assert_eq!(alone.len(), together.len());
    for (alone, together) in alone.iter().zip(&together) {
        assert_eq!(alone, together);
    }
}

#[test]
fn caching_does_not_change_a_plan() {
    assert_caching_changes_no_plan(&compiled(default_pack()));
}

#[test]
fn hooks_that_read_facts_through_helpers_strings_and_methods_are_cached_correctly() {
    let hooks = "fn weekly_posts(ctx) { wanted(ctx, ctx.weekly_posts) }\n\
                 fn wanted(c, most) { if c.fatigue > 0.1 { most - 1 } else { most } }\n\
                 fn hour_weights(ctx) {\n    let weights = [];\n    weights.pad(168, 1.0);\n    \
                 weights[if `${ctx.client}` > \"m\" { 30 } else { 40 }] = 3.0;\n    weights\n}\n\
                 fn score_asset(asset, ctx) { asset.points(ctx.momentum) }\n\
                 fn points(momentum) { clamp(100.0 * this.quality * (0.5 + momentum), 0.0, 100.0) }\n\
                 fn confidence(post, ctx) {\n    let sure = 0.9;\n    if post.warnings > 0 { sure -= 0.1; }\n    \
                 switch ctx.channel { \"fb\" => sure, _ => sure - ctx.fatigue / 10.0 }\n}\n";
    assert_caching_changes_no_plan(&compiled(pack_with_file("hooks.rhai", hooks)));
}

#[test]
fn a_function_called_by_a_string_is_cached_correctly() {
    let hooks = "fn weekly_posts(ctx) { let posts = [ctx].map(\"most\"); posts[0] }\n\
                 fn most(c) { if c.channel == \"fb\" { 2 } else { 3 } }\n";
    assert_caching_changes_no_plan(&compiled(pack_with_file("hooks.rhai", hooks)));
}
