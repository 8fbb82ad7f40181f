//! Tampered limits, certificates and quotas.

use super::tampered::Case;
use super::*;
use crate::model::{LimitNumber, LimitNumbers, NumbersPlace, NumbersScope, Post, SharedPeriod};
use crate::planner::PlanError;
use crate::planner::check::exceeded_limits;

/// The week that is planned.
const WEEK: &str = "2026-W43";

/// A plan under limits that have a price in its certificate.
fn case_with_prices() -> Case {
    let week = week(WEEK);
    let mut tight = client("tight", "Europe/London", week, &Channel::ALL, 40);
    tight.0.policy.max_actions_per_day = 3;
    let scenario = scenario(week, vec![tight]);
    let rules =
        rules_with(&[("limits.toml", "", "[one_channel_an_hour]\nat_most = 1\nper = [\"client\", \"hour\"]\n")]);
    let plan = passing(&scenario, &rules, week);
    Case { scenario, rules, plan }
}

#[test]
fn each_number_of_a_certificate_is_verified() {
    let case = case_with_prices();
    let priced = case.plan.clients[0].certificate.as_ref().unwrap().limits.iter().filter(|limit| limit.price > 0.0);
    assert!(priced.count() > 2, "several limits have a price");
    type Change = fn(&mut crate::model::Certificate);
    let changes: [(&[&str], Change); 7] = [
        (&["certificate_objective"], |c| c.objective *= 1.0 + 1e-5),
        (&["certificate_objective"], |c| c.objective = f64::NAN),
        (&["certificate_bound"], |c| c.upper_bound *= 1.0 - 1e-5),
        (&["certificate_bound"], |c| c.upper_bound *= 1.0 + 1e-5),
        (&["certificate_bound"], |c| c.limits.iter_mut().for_each(|limit| limit.price *= 0.9)),
        (&["certificate_bound", "certificate_limits"], |c| c.limits[0].price = -1.0),
        (&["certificate_limits"], |c| c.limits[0].limit = "moon".into()),
    ];
    for (number, (rules, change)) in changes.into_iter().enumerate() {
        let broken = case.broken_by(|plan| change(plan.clients[0].certificate.as_mut().unwrap()));
        assert!(rules.iter().all(|rule| broken.contains(rule)), "change {number}: {broken:?}");
    }
}

/// A plan of two clients of one industry that share limits, and whose assets are limited as well.
fn case_with_shared_limits() -> Case {
    let week = week(WEEK);
    let clients = ["one", "other"].map(|id| client(id, "Europe/London", week, &[Channel::Fb, Channel::X], 40));
    let limits = "[rivals]\nat_most = 1\nper = [\"industry\", \"channel\", \"hour\"]\n\
                  [agency_day]\nat_most = 3\nper = [\"workspace\", \"day\"]\n\
                  [photos]\nat_most = 7\nwhere = { kinds = [\"photo\"] }\n";
    let (scenario, rules) = (scenario(week, clients.into()), rules_with(&[("limits.toml", "", limits)]));
    let plan = passing(&scenario, &rules, week);
    Case { scenario, rules, plan }
}

#[test]
fn limits_over_several_clients_and_on_assets_are_verified() {
    let case = case_with_shared_limits();
    let workspace = case.plan.workspaces.first().unwrap();
    let gap = workspace.gap().unwrap();
    // The bound ignores the limit on photos.
    assert!((0.0..0.6).contains(&gap), "{gap}");
    let shared_limits = &workspace.limits;
    assert!(shared_limits.iter().any(|limit| limit.price > 0.0) && shared_limits.len() > 5, "{shared_limits:?}");
    assert!(case.plan.clients.iter().all(|client| client.posts.len() <= 7), "at most seven photos");
    type Change = fn(&mut Plan);
    let changes: [(&str, Change); 7] = [
        ("shared_limits", |plan| plan.workspaces[0].limits[0].used += 1.0),
        ("shared_limits", |plan| plan.workspaces[0].limits[0].price = f64::NAN),
        ("shared_limits", |plan| plan.workspaces[0].limits[0].limit = "moon".into()),
        ("certificate_objective", |plan| plan.workspaces[0].objective *= 1.001),
        ("certificate_objective", |plan| plan.workspaces[0].upper_bound = Some(1.0)),
        ("limits", |plan| plan.clients[0].quotas.iter_mut().for_each(|quota| quota.posts = 0.0)),
        ("certificate_limits", |plan| {
            let certificate = plan.clients[0].certificate.as_mut().unwrap();
            certificate.limits.iter_mut().for_each(|limit| limit.limit = "photos".into());
            certificate.limits[0].price = -1.0;
        }),
    ];
    for (number, (rule, change)) in changes.into_iter().enumerate() {
        let broken = case.broken_by(change);
        assert!(broken.contains(&rule), "change {number}: {broken:?}");
    }
    let limits = "[rivals]\nat_most = 1\nper = [\"industry\", \"channel\", \"hour\"]\n\
                  [agency_day]\nat_most = 1\nper = [\"workspace\", \"day\"]\n\
                  [photos]\nat_most = 6\nwhere = { kinds = [\"photo\"] }\n";
    let tighter = check_plan(&case.plan, &case.scenario, &rules_with(&[("limits.toml", "", limits)]));
    let broken: Vec<&str> = tighter.iter().map(|breach| breach.rule).collect();
    assert!(broken.contains(&"shared_limits") && broken.contains(&"limits"), "{broken:?}");
}

#[test]
fn a_post_beyond_a_limit_and_a_missing_certificate_are_found() {
    let case = case_with_prices();
    let broken = case.broken_under(|scenario| scenario.clients[0].0.policy.max_actions_per_day = 2);
    assert!(broken.contains(&"actions_a_day"), "{broken:?}");
    let broken = case.broken_by(|plan| plan.clients[0].certificate = None);
    assert_eq!(broken, ["certificate"]);
}

/// Rules that allow a workspace three posts a day, and a client with a committed post on each of the first three days.
fn limited_workspace() -> (CompiledRules, (Client, ClientState)) {
    let rules = rules_with(&[("limits.toml", "", "[agency_day]\nat_most = 3\nper = [\"workspace\", \"day\"]\n")]);
    let week = week(WEEK);
    let mut posted = client("posted", "Europe/London", week, &[Channel::Ig], 0);
    commit(&mut posted.1, &posted.0, week, Channel::Ig, &[9, 33, 57]);
    (rules, posted)
}

#[test]
fn posts_that_others_commit_after_planning_can_exceed_a_limit() {
    let (rules, posted) = limited_workspace();
    let one = client("one", "Europe/London", week(WEEK), &Channel::ALL, 40);
    let scenario = scenario(week(WEEK), vec![one]);
    let plan = passing(&scenario, &rules, week(WEEK));
    assert!(exceeded_limits(&plan, &scenario, &[], &rules).is_empty());
    let exceeded = exceeded_limits(&plan, &scenario, std::slice::from_ref(&posted), &rules);
    let days: Vec<SharedPeriod> = exceeded.iter().map(|exceeded| exceeded.period).collect();
    assert_eq!(days, [0, 1, 2].map(SharedPeriod::Day));
    for day in exceeded {
        assert_eq!((&*day.limit, day.workspace_id.as_str()), ("agency_day", "north"));
        assert_eq!((day.allowed, day.planned, day.committed), (3.0, 3.0, 1.0));
    }
    let planned_beside = Scenario { other_clients: vec![posted.clone()], ..scenario };
    let plan = passing(&planned_beside, &rules, week(WEEK));
    assert!(exceeded_limits(&plan, &planned_beside, &[posted], &rules).is_empty());
}

#[test]
fn committed_posts_of_a_paused_client_count_in_shared_limits() {
    let (rules, mut posted) = limited_workspace();
    posted.0.status = ClientStatus::Paused;
    let one = client("one", "Europe/London", week(WEEK), &Channel::ALL, 40);
    let scenario = scenario(week(WEEK), vec![one, posted]);
    let plan = passing(&scenario, &rules, week(WEEK));
    let zone = scenario.clients[0].0.zone;
    let on_day = |day: i64| {
        let date = plus_days(week(WEEK).monday(), day);
        plan.posts().filter(|(_, post)| zone.wall_time(post.at).date() == date).count()
    };
    assert_eq!([0, 1, 2, 3].map(on_day), [2, 2, 2, 3]);
    let mut without_posts = scenario.clone();
    without_posts.clients[1].1.channels[0].recent_posts.clear();
    let plan = passing(&without_posts, &rules, week(WEEK));
    let broken = Case { scenario: without_posts, rules, plan }.broken_under(|changed| *changed = scenario);
    assert!(broken.contains(&"shared_limits"), "{broken:?}");
}

#[test]
fn clients_whose_posts_are_all_blocked_leave_shared_limits_to_the_others() {
    let week = week(WEEK);
    let rules = rules_with(&[("limits.toml", "", "[agency_day]\nat_most = 3\nper = [\"workspace\", \"day\"]\n")]);
    let with_assets = || client("one", "Europe/London", week, &Channel::ALL, 40);
    let alone = passing(&scenario(week, vec![with_assets()]), &rules, week);
    let without_assets = client("other", "Europe/London", week, &Channel::ALL, 0);
    let both = passing(&scenario(week, vec![with_assets(), without_assets]), &rules, week);
    assert!(both.clients[1].posts.len() > 3 && both.clients[1].posts.iter().all(|post| !post.is_live()));
    assert_eq!(both.clients[0].posts, alone.clients[0].posts);
    assert_eq!(both.workspaces[0].limits, alone.workspaces[0].limits);
    let used: f64 = both.workspaces[0].limits.iter().map(|used| used.used).sum();
    assert_eq!(used, alone.clients[0].posts.iter().filter(|post| post.is_live()).count() as f64);
}

#[test]
fn a_limit_on_each_tag_counts_a_client_for_each_of_its_tags() {
    let week = week(WEEK);
    let rules = rules_with(&[("limits.toml", "", "[tag_day]\nat_most = 2\nper = [\"tag\", \"day\"]\n")]);
    let tagged = |id: &str, tags: &[&str]| {
        let (client, state) = client(id, "Europe/London", week, &Channel::ALL, 40);
        (Client { tags: tags.iter().map(|tag| (*tag).into()).collect(), ..client }, state)
    };
    let clients =
        vec![tagged("both", &["b2b", "vip"]), tagged("free", &[]), tagged("one", &["b2b"]), tagged("two", &["vip"])];
    let scenario = scenario(week, clients);
    let plan = passing(&scenario, &rules, week);
    let zone = scenario.clients[0].0.zone;
    let posts_with = |tag: &str, weekday: i64| {
        let with_tag = |id: &ClientId| {
            scenario.clients.iter().any(|(client, _)| client.id == *id && client.tags.iter().any(|own| **own == *tag))
        };
        let date = plus_days(week.monday(), weekday);
        let of_day = |post: &Post| post.is_live() && zone.wall_time(post.at).date() == date;
        plan.posts().filter(|(client, post)| with_tag(&client.client_id) && of_day(post)).count()
    };
    for weekday in 0..7 {
        assert_eq!(["b2b", "vip"].map(|tag| posts_with(tag, weekday)), [2, 2]);
    }
    let alone = passing(&super::scenario(week, vec![scenario.clients[1].clone()]), &rules, week);
    assert_eq!(plan.clients[1].posts, alone.clients[0].posts);
    let uses = &plan.workspaces[0].limits;
    assert_eq!(uses.len(), 14, "{uses:?}");
    assert!(uses.iter().all(|used| used.tag.is_some() && used.used == 2.0 && used.price > 0.0), "{uses:?}");
    let case = Case { scenario, rules, plan };
    let broken = case.broken_by(|plan| plan.workspaces[0].limits[0].tag = Some("b2c".into()));
    assert!(broken.contains(&"shared_limits"), "{broken:?}");
}

#[test]
fn minimums_on_assets_hold_only_in_periods_in_which_posts_can_count() {
    let week = week(WEEK);
    let limits = "[monday_photo]\nat_least = 1\nper = [\"client\", \"day\"]\n\
                  where = { kinds = [\"photo\"], days = [\"monday\"] }\n\
                  [photos_later]\nat_least_share = 0.5\nwhere = { kinds = [\"photo\"], from = 2026-11-02T00:00:00 }\n";
    let scenario = scenario(week, vec![client("a", "Europe/London", week, &Channel::ALL, 40)]);
    let plan = passing(&scenario, &rules_with(&[("limits.toml", "", limits)]), week);
    let zone = scenario.clients[0].0.zone;
    let is_on_monday = |post: &Post| post.asset.is_some() && zone.wall_time(post.at).date() == week.monday();
    assert!(plan.clients[0].posts.iter().any(is_on_monday));
    let tuesday = limits.replace("monday\"]", "tuesday\"]");
    let mut without = plan.clone();
    without.clients[0].posts.retain(|post| zone.wall_time(post.at).date() != plus_days(week.monday(), 1));
    let breaches = check_plan(&without, &scenario, &rules_with(&[("limits.toml", "", &tuesday)]));
    assert!(breaches.iter().any(|breach| breach.rule == "limits"), "{breaches:?}");
}

#[test]
fn clients_of_whose_posts_some_are_blocked_leave_the_places_of_these_to_the_others() {
    let week = week(WEEK);
    let clients = || {
        let with_few_assets = client("few", "Europe/London", week, &Channel::ALL, 2);
        vec![with_few_assets, client("many", "Europe/London", week, &Channel::ALL, 40)]
    };
    let unlimited = passing(&scenario(week, clients()), &rules(), week);
    let live = |plan: &Plan, client: usize| plan.clients[client].posts.iter().filter(|post| post.is_live()).count();
    assert!(live(&unlimited, 0) > 0 && live(&unlimited, 0) < unlimited.clients[0].posts.len(), "some are blocked");
    let rules = rules_with(&[("limits.toml", "", "[agency_day]\nat_most = 4\nper = [\"workspace\", \"day\"]\n")]);
    let limited = passing(&scenario(week, clients()), &rules, week);
    let limits = &limited.workspaces[0].limits;
    assert!(limits.iter().any(|limit| limit.price > 0.0), "{limits:?}");
    for limit in limits.iter().filter(|limit| limit.price > 0.0) {
        assert!(limit.used == limit.allowed, "a place with a price is not used: {limit:?}");
    }
    assert!(live(&limited, 0) > 0, "posts that may run keep places");
    let blocked = limited.clients[0].posts.len() - live(&limited, 0);
    assert_eq!(blocked, 0, "a blocked post has a place that another client would use");
}

/// The maximum that a scenario sets for a limit.
fn at_most(limit: &str, scope: NumbersScope, posts: f64) -> LimitNumbers {
    let bound = Some(LimitNumber::AtMost(posts));
    LimitNumbers { limit: limit.into(), scope, bound, price: None, place: NumbersPlace::default() }
}

/// The largest number of posts on a day of UTC, over the given clients.
fn most_a_day(plan: &Plan, ids: &[&str]) -> usize {
    let clients = plan.clients.iter().filter(|client| ids.contains(&client.client_id.as_str()));
    let mut days: Vec<_> = clients.flat_map(|client| &client.posts).map(|post| post.at.date()).collect();
    days.sort_unstable();
    days.chunk_by(|a, b| a == b).map(<[_]>::len).max().unwrap_or(0)
}

#[test]
fn a_plan_follows_the_numbers_of_the_scenario_and_is_checked_against_them() {
    let week = week(WEEK);
    let clients = ["one", "other"].map(|id| client(id, "Africa/Abidjan", week, &[Channel::Fb, Channel::X], 40));
    let limits = "[brand_day]\nat_most = 3\nper = [\"client\", \"day\"]\n\
                  [agency_day]\nat_most = 6\nper = [\"workspace\", \"day\"]\n";
    let (before, rules) = (scenario(week, clients.into()), rules_with(&[("limits.toml", "", limits)]));
    let mut after = before.clone();
    after.clients[0].0.limit_numbers.push(at_most("brand_day", NumbersScope::Client, 1.0));
    let plan_before = passing(&before, &rules, week);
    let plan_after = passing(&after, &rules, week);
    assert!(most_a_day(&plan_before, &["one"]) > 1 && most_a_day(&plan_after, &["one"]) == 1);
    assert!(!check_plan(&plan_before, &after, &rules).is_empty(), "the checker knows the scenario's numbers");

    let mut shared = before.clone();
    for (client, _) in &mut shared.clients {
        client.limit_numbers.push(at_most("agency_day", NumbersScope::Workspace, 2.0));
    }
    let plan_shared = passing(&shared, &rules, week);
    assert!(most_a_day(&plan_before, &["one", "other"]) > 2);
    assert!(most_a_day(&plan_shared, &["one", "other"]) <= 2);
    assert!(!check_plan(&plan_before, &shared, &rules).is_empty());
}

#[test]
fn no_week_is_planned_with_numbers_for_a_limit_that_the_pack_does_not_have() {
    let week = week(WEEK);
    let mut shop = client("shop", "Europe/London", week, &[Channel::Fb], 10);
    shop.0.limit_numbers.push(at_most("brand_day", NumbersScope::Client, 1.0));
    let (rules, scenario) = (rules(), scenario(week, vec![shop]));
    let planner = Planner::new(&rules, Tier::Exact, None);
    let Err(PlanError::LimitNumbers(mistakes)) = plan_week(&planner, &scenario, week) else { panic!() };
    assert_eq!(mistakes.iter().map(|mistake| mistake.code).collect::<Vec<_>>(), ["unknown_limit"]);
}

/// A plan of two clients of a workspace that may have three posts a day, and a price for each post beyond them.
fn case_with_price(price: f64) -> Case {
    let week = week(WEEK);
    let clients = ["one", "other"].map(|id| client(id, "Europe/London", week, &[Channel::Fb, Channel::X], 40));
    let limits = format!("[agency_day]\nat_most = 3\nper = [\"workspace\", \"day\"]\nprice = {price}\n");
    let (scenario, rules) = (scenario(week, clients.into()), rules_with(&[("limits.toml", "", &limits)]));
    let plan = passing(&scenario, &rules, week);
    Case { scenario, rules, plan }
}

/// Number of posts beyond three a day.
fn posts_beyond(plan: &Plan) -> f64 {
    plan.workspaces[0].limits.iter().map(|limit| (limit.used - 3.0).max(0.0)).sum()
}

#[test]
fn posts_beyond_a_limit_with_a_price_are_planned_if_they_earn_more() {
    let week = week(WEEK);
    let [cheap, fair, dear] = [1e-3, 60.0, 1e6].map(case_with_price);
    let unlimited = passing(&cheap.scenario, &rules(), week);
    let posts = |plan: &Plan| plan.posts().count();
    assert_eq!(posts(&cheap.plan), posts(&unlimited));
    let [beyond_cheap, beyond_fair, beyond_dear] = [&cheap, &fair, &dear].map(|case| posts_beyond(&case.plan));
    assert!(beyond_cheap > beyond_fair && beyond_fair > beyond_dear, "{beyond_cheap}, {beyond_fair}, {beyond_dear}");
    assert_eq!(beyond_dear, 0.0);
    for (case, price) in [(&cheap, 1e-3), (&fair, 60.0), (&dear, 1e6)] {
        let workspace = &case.plan.workspaces[0];
        assert!(workspace.limits.iter().all(|limit| limit.price <= price), "{:?}", workspace.limits);
        assert!(workspace.gap().unwrap() < 1e-3, "{:?}", workspace.gap());
        let of_clients: f64 = case.plan.clients.iter().map(|client| client.objective()).sum();
        let paid = of_clients - workspace.objective;
        assert!((paid - price * posts_beyond(&case.plan)).abs() < 1e-6 * of_clients, "{paid} paid at {price}");
        assert!(exceeded_limits(&case.plan, &case.scenario, &[], &case.rules).is_empty());
    }
}

#[test]
fn the_price_of_a_shared_limit_is_verified() {
    let case = case_with_price(60.0);
    let beyond = posts_beyond(&case.plan);
    assert!(beyond > 0.0);
    type Change = fn(&mut Plan);
    let changes: [(&str, Change); 4] = [
        ("certificate_objective", |plan| plan.workspaces[0].objective += 60.0),
        ("certificate_objective", |plan| {
            plan.workspaces[0].objective = plan.clients.iter().map(|client| client.objective()).sum();
        }),
        ("shared_limits", |plan| plan.workspaces[0].limits[0].price = 61.0),
        ("certificate_bound", |plan| {
            plan.workspaces[0].upper_bound = plan.workspaces[0].upper_bound.map(|bound| bound + 60.0);
        }),
    ];
    for (number, (rule, change)) in changes.into_iter().enumerate() {
        let broken = case.broken_by(change);
        assert!(broken.contains(&rule), "change {number}: {broken:?}");
    }
    let hard = rules_with(&[("limits.toml", "", "[agency_day]\nat_most = 3\nper = [\"workspace\", \"day\"]\n")]);
    let broken: Vec<&str> = check_plan(&case.plan, &case.scenario, &hard).iter().map(|breach| breach.rule).collect();
    assert!(broken.contains(&"shared_limits"), "{broken:?}");
}
