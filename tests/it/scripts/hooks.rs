//! The optional hooks: each affects only what it returns.

use chrono::Datelike as _;
use mcoe::model::{Channel, ConfidenceCause, Plan, RiskBand, Scenario, ScheduleStatus, Score, TargetSource};

use crate::support::{Agency, compiled, default_pack, pack_with_file, plan, project, shipped_scenario};

fn shop() -> Scenario {
    Agency::starting("2026-W40").with_client("acme", "Europe/London", &[Channel::Fb, Channel::Ig]).scenario()
}

fn planned(hook: &str) -> Plan {
    plan(&compiled(pack_with_file("hooks.rhai", hook)), &shop())
}

#[test]
fn weekly_posts_sets_the_posts_of_a_channels_week() {
    let plan = planned("fn weekly_posts(ctx) { if ctx.channel == \"fb\" { 1 } else { ctx.weekly_posts - 4 } }\n");
    let counts: Vec<(Channel, u32, u32, u32)> = plan.clients[0]
        .allocations
        .iter()
        .map(|row| (row.channel, row.posts_wanted, row.posts_target, row.posts_planned))
        .collect();
    assert_eq!(counts, [(Channel::Fb, 5, 1, 1), (Channel::Ig, 7, 3, 3)]);
}

#[test]
fn weekly_posts_may_return_zero() {
    let plan = planned("fn weekly_posts(ctx) { 0 }\n");
    assert_eq!(plan.posts().count(), 0);
    assert!(plan.clients[0].allocations.iter().all(|row| row.posts_target == 0 && !row.why_fewer.is_empty()));
}

#[test]
fn a_target_set_by_the_hook_is_not_attributed_to_fatigue() {
    let allocations = |plan: Plan| plan.clients.into_iter().next().unwrap().allocations;
    let by_hook = allocations(planned("fn weekly_posts(ctx) { if ctx.channel == \"fb\" { 2 } else { 9 } }\n"));
    assert_eq!(by_hook[0].why_fewer, "the pack's `weekly_posts` function changes the target from 5 posts to 2");
    assert!(
        by_hook[1].why_fewer.starts_with("the pack's `weekly_posts` function changes the target from 7 posts to 9")
    );
    assert!(by_hook.iter().all(|row| row.target_source == TargetSource::Hook));
    let mut tired = shop();
    tired.clients[0].1.channels[0].fatigue = Score::clamped(0.7);
    let by_steps = allocations(plan(&compiled(default_pack()), &tired));
    assert!(
        by_steps[0].why_fewer.starts_with("fatigue 0.70 lowers the target from 5 posts to "),
        "{}",
        by_steps[0].why_fewer
    );
    assert!(by_steps.iter().all(|row| row.target_source == TargetSource::FatigueSteps));
}

#[test]
fn hour_weights_set_the_best_hours() {
    let script = "fn hour_weights(ctx) {\n    let weights = [];\n    weights.pad(168, 0.2);\n    \
                  weights[1 * 24 + 7] = 9.0;\n    weights[6 * 24 + 21] = 9.0;\n    weights\n}\n\
                  fn weekly_posts(ctx) { 2 }\n";
    let plan = planned(script);
    for channel in [Channel::Fb, Channel::Ig] {
        let posts = plan.clients[0].posts.iter().filter(|post| post.channel == channel);
        let hours: Vec<usize> = posts.map(|post| post.hour).collect();
        assert_eq!(hours, [24 + 7, 6 * 24 + 21], "Tuesday 07:00 and Sunday 21:00");
    }
}

#[test]
fn hour_weights_change_only_the_hours_that_they_return() {
    let base = plan(&compiled(default_pack()), &shop());
    for unchanged in
        ["fn hour_weights(ctx) { }\n", "fn hour_weights(ctx) { #{} }\n", "fn hour_weights(ctx) { ctx.hour_weights }\n"]
    {
        assert_eq!(hours(&planned(unchanged)), hours(&base), "{unchanged}");
    }
    let sunday = planned("fn hour_weights(ctx) { if ctx.channel == \"fb\" { #{ \"sunday 21\": 9.0 } } }\n");
    let (before, after) = (hours(&base), hours(&sunday));
    let hours_on = |channel, hours: &[(Channel, usize)]| -> Vec<usize> {
        hours.iter().filter(|(post_channel, _)| *post_channel == channel).map(|(_, hour)| *hour).collect()
    };
    let sunday_21 = 6 * 24 + 21;
    assert!(!hours_on(Channel::Fb, &before).contains(&sunday_21) && hours_on(Channel::Fb, &after).contains(&sunday_21));
    assert_eq!(hours_on(Channel::Ig, &after), hours_on(Channel::Ig, &before));
}

/// The channel of each post, and its hour of the week.
fn hours(plan: &Plan) -> Vec<(Channel, usize)> {
    plan.posts().map(|(_, post)| (post.channel, post.hour)).collect()
}

/// The script in a document whose fence names a file.
fn script_in(document: &str, file: &str) -> String {
    let page = std::fs::read_to_string(project(document)).unwrap();
    let (_, rest) = page.split_once(&format!("```rust {file}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_documented_friday_weights_affect_only_bakeries() {
    let fridays = compiled(pack_with_file("fridays.rhai", &script_in("docs/rules.md", "rules/fridays.rhai")));
    let base = compiled(default_pack());
    let scenario = shipped_scenario("agency", &base);
    let (before, after) = (plan(&base, &scenario), plan(&fridays, &scenario));
    let hours_of = |plan: &Plan, id: &str| -> Vec<(Channel, usize)> {
        let client = plan.clients.iter().find(|client| client.client_id.as_str() == id).unwrap();
        client.posts.iter().map(|post| (post.channel, post.hour)).collect()
    };
    for (client, _) in &scenario.clients {
        let (old, new) = (hours_of(&before, client.id.as_str()), hours_of(&after, client.id.as_str()));
        if &*client.industry == "bakery chain" {
            let on_friday = |posts: &[(Channel, usize)]| posts.iter().filter(|(_, hour)| hour / 24 == 4).count();
            assert_eq!(old.len(), new.len());
            assert!(on_friday(&new) > on_friday(&old), "{} of {}", on_friday(&new), new.len());
        } else {
            assert_eq!(old, new, "{}", client.id);
        }
    }
}

#[test]
fn hour_weights_follow_the_local_time_across_a_clock_change() {
    let script = "fn hour_weights(ctx) {\n    let weights = [];\n    weights.pad(168, 0.2);\n    \
                  weights[6 * 24 + 21] = 9.0;\n    weights\n}\nfn weekly_posts(ctx) { 1 }\n";
    let rules = compiled(pack_with_file("hooks.rhai", script));
    for (week, utc) in [("2026-W13", "2026-03-29T20:00:00Z"), ("2026-W43", "2026-10-25T21:00:00Z")] {
        let scenario = Agency::starting(week).with_client("acme", "Europe/London", &[Channel::Fb]).scenario();
        let plan = plan(&rules, &scenario);
        let times: Vec<String> = plan.posts().map(|(_, post)| post.at.to_string()).collect();
        assert_eq!(times, [utc]);
    }
}

#[test]
fn score_asset_decides_which_assets_are_used() {
    let scenario = Agency::starting("2026-W40")
        .with_client("acme", "Europe/London", &[Channel::Fb])
        .edit_last(|client, _| client.assets.iter_mut().skip(10).for_each(|asset| asset.kind = "video".into()))
        .scenario();
    let used_kinds = |hook: &str| {
        let plan = plan(&compiled(pack_with_file("hooks.rhai", hook)), &scenario);
        let client = &scenario.clients[0].0;
        let kind_of = |id| client.assets.iter().find(|asset| asset.id == id).unwrap().kind.to_string();
        let posts = plan.clients[0].posts.iter().map(|post| post.asset.clone().unwrap());
        posts.map(|choice| (kind_of(choice.used().clone()), choice.score)).collect::<Vec<_>>()
    };
    for preferred in ["photo", "video"] {
        let hook =
            format!("fn score_asset(asset, ctx) {{ if asset.kind == \"{preferred}\" {{ 77.5 }} else {{ 11 }} }}\n");
        let used = used_kinds(&hook);
        assert_eq!(used.len(), 5);
        assert!(used.iter().all(|(kind, score)| kind == preferred && *score == 77.5), "{used:?}");
    }
}

#[test]
fn confidence_decides_the_band_and_its_edges_are_half_open() {
    let band_and_status = |confidence: &str| {
        let plan = planned(&format!("fn confidence(post, ctx) {{ {confidence} }}\n"));
        let results: Vec<(RiskBand, ScheduleStatus)> = plan.posts().map(|(_, post)| (post.risk, post.status)).collect();
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{results:?}");
        results[0]
    };
    assert_eq!(band_and_status("1"), (RiskBand::Low, ScheduleStatus::Ready));
    assert_eq!(band_and_status("0.75"), (RiskBand::Low, ScheduleStatus::Ready));
    assert_eq!(band_and_status("0.7499999"), (RiskBand::Medium, ScheduleStatus::Pending));
    assert_eq!(band_and_status("0.745"), (RiskBand::Medium, ScheduleStatus::Pending));
    assert_eq!(band_and_status("0.60"), (RiskBand::Medium, ScheduleStatus::Pending));
    assert_eq!(band_and_status("0.5999999"), (RiskBand::High, ScheduleStatus::Pending));
    assert_eq!(band_and_status("0"), (RiskBand::High, ScheduleStatus::Pending));
}

#[test]
fn confidence_can_read_the_post() {
    let plan = planned("fn confidence(post, ctx) { if post.weekday >= 5 { 0.5 } else { 0.9 } }\n");
    let mut has_weekday_post = false;
    for (client, post) in plan.posts() {
        let is_weekend = client.zone.local(post.at).weekday().num_days_from_monday() >= 5;
        assert_eq!(post.confidence, if is_weekend { 0.5 } else { 0.9 });
        assert_eq!(post.confidence_steps[0].cause, ConfidenceCause::Function);
        has_weekday_post |= !is_weekend;
    }
    assert!(has_weekday_post, "some posts are on weekdays");
}

#[test]
fn a_hook_that_returns_the_same_as_the_files_changes_nothing() {
    let plain = plan(&compiled(default_pack()), &shop());
    let hooks = "fn weekly_posts(ctx) { ctx.weekly_posts }\n\
                 fn score_asset(asset, ctx) {\n    let score = 50.0 + 20.0 * asset.quality + 15.0 * asset.brand_consistency;\n    \
                 if asset.made_for_channel { score += 15.0; }\n    clamp(score, 0.0, 100.0)\n}\n";
    let mut hooked = planned(hooks);
    hooked.clients[0].allocations.iter_mut().for_each(|row| row.target_source = TargetSource::FatigueSteps);
    assert_eq!(plain.clients[0].posts, hooked.clients[0].posts);
    assert_eq!(plain.clients[0].allocations, hooked.clients[0].allocations);
}
