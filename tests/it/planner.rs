//! Plans of many scenarios: general properties, and results exactly at thresholds.

use std::sync::Arc;

use mcoe::model::{
    Capacity, Channel, Client, ClientState, Outcome, Plan, Post, Reason, RiskBand, Scenario, ScheduleStatus, Score,
    Tier, Week,
};
use mcoe::planner::check::check_plan;
use mcoe::planner::{Planner, SlotOverrides, SlotQuery, Solver, solved_weeks};
use mcoe::rules::{ChannelFacts, CompiledRules, PostFacts, RuleFailure};
use mcoe::scenario::{self, DEFAULT_HISTORY_DAYS, GenerateOptions, ScenarioFiles};
use proptest::prelude::*;

use crate::support::{
    Agency, at, compiled, default_pack, pack_with_file, pack_with_keys, plan, proptest_config, shipped_scenario,
};

/// Writes a scenario's files and reads them back.
fn read_back(files: &ScenarioFiles, rules: &CompiledRules) -> Scenario {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in scenario::render(files).unwrap() {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    scenario::read(dir.path(), &rules.base().risk.default_policy).unwrap_or_else(|errors| panic!("{errors}"))
}

fn generated(clients: u32, seed: u64, week: i64) -> ScenarioFiles {
    let first: Week = "2026-W01".parse().unwrap();
    let options = GenerateOptions {
        clients,
        seed,
        weeks: 4,
        history_days: DEFAULT_HISTORY_DAYS,
        start: first.plus(week),
        name: "invented".to_owned(),
    };
    scenario::generate(&options).unwrap().files
}

fn texts(breaches: Vec<impl std::fmt::Display>) -> Vec<String> {
    breaches.iter().map(ToString::to_string).collect()
}

#[test]
fn the_checker_finds_nothing_in_any_week_of_the_shipped_scenarios() {
    let rules = compiled(default_pack());
    for name in ["small", "agency"] {
        let scenario = shipped_scenario(name, &rules);
        for week in 0..6 {
            let planner = Planner::new(&rules, Tier::Exact, None);
            let plan = mcoe::planner::plan_week(&planner, &scenario, scenario.start.plus(week)).unwrap();
            assert_eq!(texts(check_plan(&plan, &scenario, &rules)), Vec::<String>::new(), "{name} {}", plan.week);
        }
    }
}

proptest! {
    #![proptest_config(proptest_config(24))]

    #[test]
    fn the_checker_finds_nothing_in_the_plan_of_a_generated_agency(
        clients in 1_u32..8, seed in any::<u64>(), week in 0_i64..120,
    ) {
        let rules = compiled(default_pack());
        let scenario = read_back(&generated(clients, seed, week), &rules);
        let plan = plan(&rules, &scenario);
        prop_assert_eq!(texts(check_plan(&plan, &scenario, &rules)), Vec::<String>::new());
    }

    #[test]
    fn the_order_of_rows_does_not_matter(
        clients in 2_u32..6, seed in any::<u64>(), week in 0_i64..120, rotation in any::<prop::sample::Index>(),
    ) {
        let rules = compiled(default_pack());
        let files = generated(clients, seed, week);
        let mut reordered = files.clone();
        reordered.clients.rotate_left(rotation.index(files.clients.len()));
        reordered.channels.reverse();
        reordered.assets.reverse();
        reordered.campaigns.reverse();
        reordered.history.reverse();
        let plans = [files, reordered].map(|files| plan(&rules, &read_back(&files, &rules)));
        prop_assert_eq!(&plans[0].clients, &plans[1].clients);
    }

    #[test]
    fn the_order_in_which_clients_are_planned_does_not_matter(seed in any::<u64>(), week in 0_i64..120) {
        let rules = compiled(default_pack());
        let scenario = read_back(&generated(5, seed, week), &rules);
        let forward: Vec<(&Client, &ClientState)> = scenario.clients.iter().map(|(c, s)| (c, s)).collect();
        let backward: Vec<_> = forward.iter().rev().copied().collect();
        let plans = |clients: &[(&Client, &ClientState)]| {
            let planner = Planner::new(&rules, Tier::Exact, None);
            planner.plan_clients(clients, &Capacity::default(), scenario.start).unwrap()
        };
        let mut reversed = plans(&backward);
        reversed.reverse();
        prop_assert_eq!(plans(&forward), reversed);
    }

    #[test]
    fn a_plan_under_tighter_limits_stays_below_the_bound_under_looser_ones(
        seed in any::<u64>(), week in 0_i64..120, max_posts in 1_u32..6, has_hour_limit in any::<bool>(),
    ) {
        let limits = |max_posts: u32| {
            let hour = "[one_channel_an_hour]\nat_most = 1\nper = [\"client\", \"hour\"]\n";
            let day = format!("[brand_day]\nat_most = {max_posts}\nper = [\"client\", \"day\"]\n");
            pack_with_file("limits.toml", &format!("{day}{}", if has_hour_limit { hour } else { "" }))
        };
        let scenario = |rules: &CompiledRules| read_back(&generated(2, seed, week), rules);
        let [tight, loose] = [limits(max_posts), limits(max_posts + 1)].map(compiled);
        let [tight, loose] = [&tight, &loose].map(|rules| plan(rules, &scenario(rules)));
        for (tight, loose) in tight.clients.iter().zip(&loose.clients) {
            let objective: f64 = tight.allocations.iter().map(|allocation| allocation.objective).sum();
            let [tight_bound, loose_bound] =
                [tight, loose].map(|client| client.certificate.as_ref().unwrap().upper_bound);
            let rounding = 1e-9 * loose_bound.abs().max(1.0);
            prop_assert!(objective <= loose_bound + rounding, "{objective} is above {loose_bound}");
            // `most_weeks_within_limits_are_close_to_their_bounds` has a narrower tolerance.
            prop_assert!(
                objective >= tight_bound - 0.05 * tight_bound.abs(),
                "{objective} is far from the bound {tight_bound}"
            );
        }
    }

    #[test]
    fn the_order_of_limits_does_not_matter(seed in any::<u64>(), week in 0_i64..120) {
        let limits = [
            "[brand_day]\nat_most = 3\nper = [\"client\", \"day\"]\n",
            "[one_channel_an_hour]\nat_most = 1\nper = [\"client\", \"hour\"]\n",
            "[calm_monday]\nat_most_share = 0.1\nwhere = { days = [\"monday\"] }\n",
        ];
        let forward = compiled(pack_with_file("limits.toml", &limits.concat()));
        let backward: String = limits.into_iter().rev().collect();
        let backward = compiled(pack_with_file("limits.toml", &backward));
        let plans = [forward, backward].map(|rules| plan(&rules, &read_back(&generated(2, seed, week), &rules)));
        prop_assert_eq!(&plans[0].clients, &plans[1].clients);
    }

    #[test]
    fn relaxing_an_instance_never_lowers_the_optimum(
        seed in any::<u64>(), week in 0_i64..120, opened in prop::collection::vec(0_usize..168, 1..30),
    ) {
        let rules = compiled(default_pack());
        let scenario = read_back(&generated(2, seed, week), &rules);
        let planner = Planner::new(&rules, Tier::Exact, None);
        let mut solver = Solver::default();
        let weeks = solved_weeks(&planner, &scenario, scenario.start).unwrap().clients;
        for solved in weeks.into_iter().flat_map(|week| week.channels) {
            let best = solver.solve(&solved.instance).objective;
            let mut more_hours = solved.instance.clone();
            opened.iter().for_each(|hour| more_hours.allowed[*hour % solved.instance.allowed.len()] = true);
            let mut shorter_spacing = solved.instance.clone();
            shorter_spacing.spacing_hours = (shorter_spacing.spacing_hours - 1).max(1);
            let mut more_posts = solved.instance.clone();
            more_posts.posts_max += 1;
            for relaxed_instance in [more_hours, shorter_spacing, more_posts] {
                let relaxed = solver.solve(&relaxed_instance).objective;
                prop_assert!(relaxed >= best - 1e-9 * best.abs(), "{relaxed} is below {best}");
            }
        }
    }

    #[test]
    fn relaxing_a_rule_never_lowers_the_upper_bound_of_a_channel(seed in any::<u64>(), week in 0_i64..120) {
        let no_end_weight = ("fatigue.toml", "end_weight_rounds", "0");
        let rules = compiled(pack_with_keys(&[no_end_weight]));
        let scenario = read_back(&generated(3, seed, week), &rules);
        let bounds = |plan: &Plan| -> Vec<f64> {
            plan.clients.iter().flat_map(|client| &client.allocations).map(|row| row.upper_bound).collect()
        };
        let strict = bounds(&plan(&rules, &scenario));
        for (key, value) in [("min_spacing_hours", "2"), ("quiet_hours", "{ from = \"23:30\", to = \"04:00\" }")] {
            let relaxed_pack = pack_with_keys(&[no_end_weight, ("channels.toml", key, value)]);
            let relaxed = bounds(&plan(&compiled(relaxed_pack), &scenario));
            prop_assert_eq!(strict.len(), relaxed.len());
            for (strict, relaxed) in strict.iter().zip(&relaxed) {
                prop_assert!(*relaxed >= strict - 1e-9 * strict.abs(), "{key}: {relaxed} is below {strict}");
            }
        }
    }
}

fn facts() -> (PostFacts, ChannelFacts) {
    let post = PostFacts {
        hour: 9,
        weekday: 0,
        is_best_hour: true,
        fatigue: 0.0,
        expected_engagement: 10.0,
        has_asset: true,
        asset_score: 80.0,
        asset_kind: "photo".into(),
        has_content: true,
        campaign: "".into(),
        action_of_day: 1,
        hours_to_nearest_post: 24.0,
        warnings: 0,
        ..PostFacts::default()
    };
    let ctx = ChannelFacts {
        client: "acme".into(),
        workspace: "north".into(),
        industry: "tea shop".into(),
        status: "active".into(),
        channel: "fb".into(),
        client_priority: 50.0,
        audience: 1000.0,
        engagement_rate: 0.05,
        has_history: true,
        fatigue: 0.0,
        momentum: 0.5,
        visibility: 0.5,
        engagement: 0.5,
        hours_since_last_post: 100.0,
        posts_last_7_days: 3,
        posts_last_30_days: 12,
        weekly_posts: 5,
        min_spacing_hours: 4,
        warn_at: 0.5,
        block_at: 0.8,
        high_warnings: 0,
        medium_warnings: 0,
        pause_on_high_warning: true,
        agent_enabled: true,
        auto_exec_enabled: true,
        max_actions_per_day: 10,
        assessed: true,
        perceived: 0.5,
        true_score: 0.5,
        reality_gap: 0.0,
        reality_confidence: 1.0,
        ..ChannelFacts::default()
    };
    (post, ctx)
}

/// The outcome of a guardrail of the default pack for changed facts.
fn outcome(guardrail: &str, change: impl FnOnce(&mut PostFacts, &mut ChannelFacts)) -> Result<Outcome, RuleFailure> {
    let rules = compiled(default_pack());
    let base = rules.base();
    let guardrail = base.guardrails.iter().find(|other| &*other.name == guardrail).unwrap();
    let (mut post, mut ctx) = facts();
    change(&mut post, &mut ctx);
    let verdict = rules.evaluator(None).guardrail(guardrail, Some(&Arc::new(post)), &Arc::new(ctx))?;
    Ok(verdict.outcome)
}

/// A small distance from a threshold, but larger than a difference in the last digit, which scripts ignore.
const MARGIN: f64 = 1e-9;

#[test]
fn fatigue_warns_and_blocks_from_its_thresholds() {
    let outcome = |fatigue: f64| outcome("channel_fatigue", |post, _| post.fatigue = fatigue).unwrap();
    assert_eq!([outcome(0.0), outcome(0.5 - MARGIN), outcome(0.5)], [Outcome::Pass, Outcome::Pass, Outcome::Warn]);
    assert_eq!([outcome(0.8 - MARGIN), outcome(0.8), outcome(1.0)], [Outcome::Warn, Outcome::Block, Outcome::Block]);
}

#[test]
fn a_reality_gap_warns_above_and_a_reality_confidence_below_its_threshold() {
    let gap = |gap: f64| outcome("truth_layer", |_, ctx| ctx.reality_gap = gap).unwrap();
    assert_eq!([gap(0.3), gap(0.3 + MARGIN)], [Outcome::Pass, Outcome::Warn]);
    let confidence = |confidence: f64| outcome("truth_layer", |_, ctx| ctx.reality_confidence = confidence).unwrap();
    assert_eq!([confidence(0.6), confidence(0.6 - MARGIN)], [Outcome::Pass, Outcome::Warn]);
}

#[test]
fn an_action_beyond_the_daily_maximum_or_within_the_spacing_is_blocked() {
    let action = |number: i64| outcome("policy_compliance", |post, _| post.action_of_day = number).unwrap();
    assert_eq!([action(10), action(11)], [Outcome::Pass, Outcome::Block]);
    let apart = |hours: f64| outcome("timing_conflict", |post, _| post.hours_to_nearest_post = hours).unwrap();
    assert_eq!([apart(4.0), apart(3.99)], [Outcome::Pass, Outcome::Block]);
}

#[test]
fn three_medium_warnings_warn_and_one_high_warning_blocks() {
    let warnings = |medium: i64, high: i64| {
        let outcome = outcome("early_warning", |_, ctx| (ctx.medium_warnings, ctx.high_warnings) = (medium, high));
        outcome.unwrap()
    };
    assert_eq!([warnings(2, 0), warnings(3, 0), warnings(0, 1)], [Outcome::Pass, Outcome::Warn, Outcome::Block]);
    let without_pause = outcome("early_warning", |_, ctx| (ctx.high_warnings, ctx.pause_on_high_warning) = (1, false));
    assert_eq!(without_pause.unwrap(), Outcome::Warn);
}

fn with_fatigue(fatigue: f64) -> Scenario {
    Agency::starting("2026-W40")
        .with_client("acme", "Europe/London", &[Channel::Fb])
        .edit_last(|_, state| state.channels[0].fatigue = Score::new(fatigue).unwrap())
        .scenario()
}

#[test]
fn weekly_posts_fall_exactly_at_the_steps_of_fatigue() {
    let rules = compiled(default_pack());
    let target = |fatigue: f64| plan(&rules, &with_fatigue(fatigue)).clients[0].allocations[0].posts_target;
    assert_eq!([target(0.0), target(0.399_999), target(0.4)], [5, 5, 3]);
    assert_eq!([target(0.699_999), target(0.7), target(1.0)], [3, 2, 2]);
}

#[test]
fn posts_are_placed_as_soon_as_fatigue_no_longer_blocks() {
    let no_quiet_hours = ("channels.toml", "fb.quiet_hours", "{ from = \"23:00\", to = \"06:00\", enabled = false }");
    let slow_recovery = ("channels.toml", "fb.half_life_hours", "1000");
    let rules = compiled(pack_with_keys(&[no_quiet_hours, slow_recovery]));
    let plan = plan(&rules, &with_fatigue(0.8));
    assert!(plan.posts().count() > 0);
    for (client, post) in plan.posts() {
        assert!(post.fatigue < 0.8 && post.hour > 0, "{} {}", client.client_id, post.hour);
    }
}

#[test]
fn a_confidence_exactly_at_the_edge_of_a_band_belongs_to_the_higher_one() {
    let rules = compiled(default_pack());
    let band = |change: &dyn Fn(&mut ClientState)| {
        let scenario = Agency::starting("2026-W40")
            .with_client("acme", "Europe/London", &[Channel::Fb])
            .edit_last(|_, state| change(state))
            .scenario();
        let plan = plan(&rules, &scenario);
        let post = &plan.clients[0].posts[0];
        (post.confidence, post.risk, post.status)
    };
    let reality = |confidence: f64, actual: f64| mcoe::model::Reality {
        as_of: at("2026-09-20T00:00:00Z"),
        perceived: Score::HALF,
        actual: Score::new(actual),
        confidence: Score::new(confidence).unwrap(),
        completeness: Score::ONE,
    };
    // 0.90 - 0.10 (low reality confidence) - 0.05 (warning of the truth layer) = 0.75.
    let at_edge_of_low = band(&|state| state.reality = Some(reality(0.59, 0.5)));
    assert_eq!(at_edge_of_low, (0.75, RiskBand::Low, ScheduleStatus::Ready));
    // 0.05 less without history.
    let below_low = band(&|state| {
        state.reality = Some(reality(0.59, 0.5));
        state.channels[0].engagement_rate = None;
    });
    assert_eq!(below_low, (0.7, RiskBand::Medium, ScheduleStatus::Pending));
    // 0.10 less with a reality gap.
    let at_edge_of_medium = band(&|state| {
        state.reality = Some(reality(0.59, 0.81));
        state.channels[0].engagement_rate = None;
    });
    assert_eq!(at_edge_of_medium, (0.6, RiskBand::Medium, ScheduleStatus::Pending));
}

#[test]
fn no_day_has_more_posts_than_the_policy_allows() {
    let rules = compiled(default_pack());
    for max_actions in 1..6 {
        let scenario = Agency::starting("2026-W40")
            .with_client("acme", "Australia/Sydney", &[Channel::Ig, Channel::Tiktok, Channel::X])
            .edit_last(|client, _| client.policy.max_actions_per_day = max_actions)
            .scenario();
        let plan = plan(&rules, &scenario);
        let client = &plan.clients[0];
        let mut days = std::collections::BTreeMap::new();
        for post in &client.posts {
            *days.entry(client.zone.wall_time(post.at).date()).or_insert(0) += 1;
        }
        assert!(days.values().all(|posts| *posts <= max_actions), "{days:?}");
        assert!(client.posts.iter().all(|post| post.is_live()), "posts are moved, not blocked");
        assert_eq!(client.signals.scaling.full_days.is_empty(), client.conflicts.is_empty());
    }
}

#[test]
fn a_day_overfilled_by_committed_posts_does_not_lift_the_limit_of_other_days() {
    let rules = compiled(default_pack());
    let scenario = Agency::starting("2026-W40")
        .with_client("acme", "Europe/London", &[Channel::Ig, Channel::Tiktok, Channel::X])
        .edit_last(|client, state| {
            client.policy.max_actions_per_day = 1;
            state.channels[0].recent_posts = vec![at("2026-09-28T09:00:00Z"), at("2026-09-28T15:00:00Z")];
            state.channels[0].last_post_at = Some(at("2026-09-28T15:00:00Z"));
        })
        .scenario();
    let plan = plan(&rules, &scenario);
    let blocked: Vec<_> = plan.posts().filter_map(|(_, post)| post.blocked_reason()).collect();
    assert!(blocked.is_empty(), "{blocked:?}");
    assert!(plan.posts().all(|(_, post)| post.hour >= 24), "Monday is full");
}

#[test]
fn committed_posts_keep_the_spacing_and_count_towards_weekly_posts() {
    let rules = compiled(default_pack());
    let committed = at("2026-09-30T08:00:00Z");
    let scenario = Agency::starting("2026-W40")
        .with_client("acme", "Europe/London", &[Channel::Linkedin])
        .edit_last(|_, state| {
            state.channels[0].recent_posts = vec![committed];
            state.channels[0].last_post_at = Some(committed);
        })
        .scenario();
    let plan = plan(&rules, &scenario);
    assert_eq!(plan.posts().count(), 4);
    for (_, post) in plan.posts() {
        let hours = (post.at.as_second() - committed.as_second()).abs() / 3600;
        assert!(hours >= 12, "{hours} h from the committed post");
    }
    assert!(plan.clients[0].allocations[0].why_fewer.contains("1 committed already"));
}

#[test]
fn the_spacing_from_the_last_post_of_the_week_before_is_kept() {
    let rules = compiled(default_pack());
    let last = at("2026-09-27T18:00:00Z");
    let scenario = Agency::starting("2026-W40")
        .with_client("acme", "Europe/London", &[Channel::Youtube])
        .edit_last(|_, state| state.channels[0].last_post_at = Some(last))
        .scenario();
    let plan = plan(&rules, &scenario);
    assert_eq!(plan.posts().count(), 2);
    for (_, post) in plan.posts() {
        assert!(post.at.as_second() - last.as_second() >= 48 * 3600, "{}", post.at);
    }
}

#[test]
fn a_plan_without_clients_is_empty_and_valid() {
    let rules = compiled(default_pack());
    let scenario = Agency::starting("2026-W40").scenario();
    let plan = plan(&rules, &scenario);
    assert_eq!((plan.clients.len(), plan.objective()), (0, 0.0));
    assert_eq!(texts(check_plan(&plan, &scenario, &rules)), Vec::<String>::new());
}

/// A client without history, so that its posts may need a review, and one reviewer who reviews one post a day.
fn one_review_a_day() -> Scenario {
    let mut scenario = Agency::starting("2026-W40")
        .with_client("acme", "Europe/London", &[Channel::Fb, Channel::Linkedin])
        .edit_last(|_, state| state.channels.iter_mut().for_each(|channel| channel.engagement_rate = None))
        .scenario();
    scenario.capacity = Capacity { reviewers: 1, reviews_per_reviewer_per_day: 1 };
    scenario
}

fn posts_of(plan: &Plan, status: ScheduleStatus) -> Vec<&Post> {
    plan.posts().filter(|(_, post)| post.status == status).map(|(_, post)| post).collect()
}

#[test]
fn where_every_post_needs_a_review_no_more_are_planned_than_can_be_reviewed() {
    let rules = compiled(pack_with_keys(&[("risk.toml", "minus_no_history", "0.2")]));
    let scenario = one_review_a_day();
    let plan = plan(&rules, &scenario);
    assert_eq!(texts(check_plan(&plan, &scenario, &rules)), Vec::<String>::new());
    assert_eq!(posts_of(&plan, ScheduleStatus::Pending).len(), 5, "one review on each of five working days");
    assert_eq!(plan.posts().count(), 5, "no post is planned only to be blocked");
    let [workspace] = plan.workspaces.as_slice() else { panic!("{:?}", plan.workspaces) };
    let [reviews] = workspace.limits.as_slice() else { panic!("{:?}", workspace.limits) };
    assert_eq!((&*reviews.limit, reviews.allowed, reviews.used), ("review_capacity", 5.0, 5.0));
    assert!(reviews.price > 0.0, "one more review would earn something");
    let bound = workspace.upper_bound.unwrap();
    assert!(bound - workspace.objective <= 1e-3 * bound, "{workspace:?}");
}

#[test]
fn where_posts_may_need_a_review_those_of_lowest_priority_are_blocked() {
    // A script sets the confidence, so the planner does not know beforehand which posts need a review.
    let rules = compiled(pack_with_file("confidence.rhai", "fn confidence(post, ctx) { 0.7 }"));
    let scenario = one_review_a_day();
    let plan = plan(&rules, &scenario);
    assert_eq!(texts(check_plan(&plan, &scenario, &rules)), Vec::<String>::new());
    let pending = posts_of(&plan, ScheduleStatus::Pending);
    assert_eq!(pending.len(), 5, "one review on each of five working days");
    assert!(pending.iter().all(|post| post.channel == Channel::Linkedin), "LinkedIn has the higher priority");
    let blocked = posts_of(&plan, ScheduleStatus::Blocked);
    assert!(!blocked.is_empty());
    for post in blocked {
        assert_eq!(post.blocked.as_deref(), Some(&Reason::ReviewCapacity), "{post:?}");
    }
    assert!(plan.workspaces.is_empty(), "the limit on reviews is not shared out");
}

#[test]
fn most_weeks_within_limits_are_close_to_their_bounds() {
    let (mut weeks, mut far_weeks) = (0, 0);
    for seed in 0..20 {
        let max_posts = 1 + seed % 5;
        let day = format!("[brand_day]\nat_most = {max_posts}\nper = [\"client\", \"day\"]\n");
        let rules = compiled(pack_with_file("limits.toml", &day));
        for client in &plan(&rules, &read_back(&generated(2, seed, 3), &rules)).clients {
            let objective: f64 = client.allocations.iter().map(|allocation| allocation.objective).sum();
            let bound = client.certificate.as_ref().unwrap().upper_bound;
            weeks += 1;
            far_weeks += usize::from(objective < bound - 0.005 * bound.abs());
        }
    }
    assert!(far_weeks * 20 <= weeks, "{far_weeks} of {weeks} weeks are further than 0.5 % from their bounds");
}

#[test]
fn a_slot_on_a_channel_that_the_client_does_not_have_is_refused_for_that_reason() {
    let rules = compiled(default_pack());
    let scenario = Agency::starting("2026-W37").with_client("shop", "Europe/London", &[]).scenario();
    let (client, state) = &scenario.clients[0];
    let query = SlotQuery {
        client,
        channel: Channel::Fb,
        state,
        capacity: &scenario.capacity,
        week: scenario.start,
        weekday: 0,
        hour: 9,
        overrides: SlotOverrides::default(),
    };
    let refused = Planner::new(&rules, Tier::Exact, None).evaluate_slot(&query).unwrap_err();
    assert_eq!(refused.to_string(), "client `shop` has no channel `fb`");
}
