//! Weeks that had a plan before: posts stay within the keep bonus, and the checker recomputes it.

use std::collections::{BTreeMap, BTreeSet};

use super::tampered::Case;
use super::*;
use crate::planner::solved_weeks;

const WEEK: &str = "2026-W20";

/// The default pack with another keep bonus.
fn with_bonus(keep_bonus: &str) -> CompiledRules {
    rules_with(&[("calendar.toml", "keep_bonus = 0.05", &format!("keep_bonus = {keep_bonus}"))])
}

fn one_client() -> Scenario {
    let week = week(WEEK);
    scenario(week, vec![client("a", "Europe/London", week, &[Channel::Fb, Channel::Linkedin, Channel::X], 40)])
}

/// The scenario with a boost on Thursday.
fn boosted(factor: f64) -> Scenario {
    let mut scenario = one_client();
    let boost = CalendarEntry { factor: Some(factor), ..special_day(DayKind::Boost, week(WEEK), 3, None) };
    scenario.clients[0].0.calendar.push(boost);
    scenario
}

fn times(plan: &Plan) -> BTreeSet<(Channel, Timestamp)> {
    plan.posts().map(|(_, post)| (post.channel, post.at)).collect()
}

/// Number of posts of a plan that a plan of the changed scenario does not have.
fn moved(rules: &CompiledRules, before: &Plan, changed: Scenario) -> usize {
    let after = passing(&changed.with_previous_posts(before), rules, week(WEEK));
    times(before).difference(&times(&after)).count()
}

#[test]
fn a_post_moves_only_if_it_gains_more_than_the_bonus() {
    let before = passing(&one_client(), &rules(), week(WEEK));
    let posts = before.posts().count();
    assert!(
        moved(&with_bonus("0"), &before, boosted(1.02)) > 0,
        "the change moves nothing, so the test proves nothing"
    );
    assert_eq!(moved(&rules(), &before, boosted(1.02)), 0);
    let moved_for_much = moved(&rules(), &before, boosted(1.5));
    assert!((1..posts).contains(&moved_for_much), "{moved_for_much} of {posts}");
    assert_eq!(moved(&with_bonus("0.7"), &before, boosted(1.5)), 0);
}

#[test]
fn a_post_keeps_its_asset_unless_another_gains_more_than_the_bonus() {
    let rules_without = with_bonus("0");
    let before = passing(&one_client(), &rules_without, week(WEEK));
    let assets = |plan: &Plan| -> BTreeMap<(Channel, Timestamp), Option<AssetId>> {
        let asset = |post: &crate::model::Post| post.asset.as_ref().map(|asset| asset.used().clone());
        plan.posts().map(|(_, post)| ((post.channel, post.at), asset(post))).collect()
    };
    let changed = |rules: &CompiledRules, gain: f64| {
        let mut scenario = one_client();
        for asset in scenario.clients[0].0.assets.iter_mut().step_by(2) {
            asset.quality = score((asset.quality.get() + gain).min(1.0));
        }
        let after = passing(&scenario.with_previous_posts(&before), rules, week(WEEK));
        assert_eq!(times(&after), times(&before));
        let after = assets(&after);
        assets(&before).iter().filter(|(time, asset)| after.get(time) != Some(asset)).count()
    };
    assert!(changed(&rules_without, 0.04) > 0, "the change moves no asset, so the test proves nothing");
    assert_eq!(changed(&rules(), 0.04), 0);
    assert!(changed(&with_bonus("0.001"), 0.4) > 0);
}

#[test]
fn without_a_bonus_previous_posts_change_nothing() {
    let rules = with_bonus("0");
    let before = passing(&one_client(), &rules, week(WEEK));
    let first = passing(&boosted(1.02), &rules, week(WEEK));
    let again = passing(&boosted(1.02).with_previous_posts(&before), &rules, week(WEEK));
    assert_eq!(again.clients, first.clients);
    assert_eq!(again.keep_bonus(), 0.0);
}

#[test]
fn the_bonus_is_part_of_the_objective_and_of_no_other_number() {
    let (scenario, week) = (one_client(), week(WEEK));
    let before = passing(&scenario, &rules(), week);
    let again = passing(&scenario.clone().with_previous_posts(&before), &rules(), week);
    let without_bonus = |plan: &Plan| -> Vec<crate::model::Post> {
        plan.posts().map(|(_, post)| crate::model::Post { keep_bonus: 0.0, ..post.clone() }).collect()
    };
    assert_eq!(without_bonus(&again), without_bonus(&before));
    assert!(again.keep_bonus() > 0.0);
    let earned = again.objective() - again.keep_bonus();
    assert!((earned / before.objective() - 1.0).abs() < 1e-9, "{earned} is not {}", before.objective());
    assert_ne!(again.plan_id, before.plan_id, "the scenario's hash covers the previous posts");
    let empty = Plan { clients: Vec::new(), ..before };
    assert_eq!(scenario.clone().with_previous_posts(&empty), scenario);
}

#[test]
fn exported_problems_hold_the_bonus() {
    let (scenario, week, rules) = (one_client(), week(WEEK), rules());
    let planner = Planner::new(&rules, Tier::Exact, None);
    let before = plan_week(&planner, &scenario, week).unwrap();
    let first = solved_weeks(&planner, &scenario, week).unwrap();
    let again = solved_weeks(&planner, &scenario.with_previous_posts(&before), week).unwrap();
    for (first, again) in first.clients[0].channels.iter().zip(&again.clients[0].channels) {
        assert_eq!(again.instance.end_weight, first.instance.end_weight, "later weeks have no previous posts");
        for (hour, (with, without)) in again.instance.value.iter().zip(&first.instance.value).enumerate() {
            let factor = if first.solution.chosen.contains(&hour) { 1.05 } else { 1.0 };
            assert!((with / without - factor).abs() < 1e-12, "hour {hour} of {}", again.channel);
        }
    }
}

#[test]
fn a_wrong_bonus_is_found() {
    let (scenario, rules) = (one_client(), rules());
    let scenario = scenario.clone().with_previous_posts(&passing(&scenario, &rules, week(WEEK)));
    let plan = passing(&scenario, &rules, week(WEEK));
    let case = Case { scenario, rules, plan };
    for factor in [1.0 + 1e-6, 0.0, f64::NAN] {
        let broken = case.broken_by(|plan| plan.clients[0].posts[0].keep_bonus *= factor);
        assert_eq!(broken, ["keep_bonus"]);
    }
    let without_previous = case.broken_under(|scenario| scenario.clients[0].1.previous_posts.clear());
    assert_eq!(without_previous, ["certificate_objective", "keep_bonus", "objective"]);
    let elsewhere =
        case.broken_under(|scenario| scenario.clients[0].1.previous_posts[0].at = time("2026-05-11T04:00:00Z"));
    assert_eq!(elsewhere, ["certificate_objective", "keep_bonus", "objective"]);
}
