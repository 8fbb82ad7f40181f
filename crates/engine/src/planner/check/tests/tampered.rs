//! A tampered plan does not pass, and the breach names what was changed.

use std::sync::Arc;

use chrono::TimeDelta;

use super::*;
use crate::model::{
    Allocation, AssetId, AssetUse, CampaignId, Channel, ClientId, DayKind, Outcome, Plan, Post, Reason, RiskBand,
    Scenario, ScheduleStatus, Tier, Timestamp, Verdict, Week, WorkspaceId, plus_days,
};
use crate::rules::CompiledRules;

const WEEK: &str = "2026-W43";

/// A plan that passes, with the scenario and rules it was made from.
pub(super) struct Case {
    pub scenario: Scenario,
    pub rules: CompiledRules,
    pub plan: Plan,
}

impl Case {
    fn new() -> Self {
        let week = week(WEEK);
        let scenario = scenario(
            week,
            vec![client("plain", "Europe/London", week, &Channel::ALL, 40), rich(week, "Europe/London")],
        );
        let rules = rules();
        let plan = passing(&scenario, &rules, week);
        Self { scenario, rules, plan }
    }

    /// The rules that the plan breaks after tampering.
    pub fn broken_by(&self, tamper: impl FnOnce(&mut Plan)) -> Vec<&'static str> {
        let mut plan = self.plan.clone();
        tamper(&mut plan);
        let mut broken: Vec<_> = check_plan(&plan, &self.scenario, &self.rules).iter().map(|b| b.rule).collect();
        broken.sort_unstable();
        broken.dedup();
        broken
    }

    /// The rules that the plan breaks under a changed scenario.
    pub fn broken_under(&self, change: impl FnOnce(&mut Scenario)) -> Vec<&'static str> {
        let mut scenario = self.scenario.clone();
        change(&mut scenario);
        let mut broken: Vec<_> = check_plan(&self.plan, &scenario, &self.rules).iter().map(|b| b.rule).collect();
        broken.sort_unstable();
        broken.dedup();
        broken
    }
}

/// A post of the first client on LinkedIn that has an asset.
fn post(plan: &mut Plan) -> &mut Post {
    plan.clients[0].posts.iter_mut().find(|post| post.channel == Channel::Linkedin && post.asset.is_some()).unwrap()
}

fn allocation(plan: &mut Plan) -> &mut Allocation {
    plan.clients[0].allocations.iter_mut().find(|allocation| allocation.channel == Channel::Linkedin).unwrap()
}

/// Moves a post by whole hours, together with its stated hour.
fn shift(post: &mut Post, hours: i64) {
    post.hour = (post.hour as i64 + hours) as usize;
    post.at = post.at.plus_hours(hours);
}

#[test]
fn each_number_of_a_post_is_verified() {
    let case = Case::new();
    type Change = fn(&mut Post);
    let changes: [(&str, Change); 12] = [
        ("slot_value", |post| post.slot_value *= 1.0 + 1e-6),
        ("fatigue", |post| post.fatigue += 1e-6),
        ("expected_engagement", |post| post.expected_engagement *= 1.01),
        ("cost", |post| post.cost += 1e-6),
        ("net_worth", |post| post.net_worth *= 1.01),
        ("priority", |post| post.priority -= 1.0),
        ("asset_score", |post| post.asset.as_mut().unwrap().score += 0.5),
        ("quality_factor", |post| post.asset.as_mut().unwrap().quality_factor = f64::NAN),
        ("confidence", |post| post.confidence += 0.00001),
        ("risk", |post| post.risk = RiskBand::High),
        ("campaign", |post| post.campaign_id = Some(CampaignId::new("other"))),
        ("hour", |post| post.hour += 1),
    ];
    for (rule, change) in changes {
        let broken = case.broken_by(|plan| change(post(plan)));
        let allowed = if rule == "risk" { vec!["risk", "status"] } else { vec![rule] };
        assert_eq!(broken, allowed);
    }
}

#[test]
fn each_number_of_a_channel_is_verified() {
    let case = Case::new();
    type Change = fn(&mut Allocation);
    let changes: [(&[&str], Change); 18] = [
        (&["posts_wanted"], |a| a.posts_wanted += 1),
        (&["posts_target"], |a| a.posts_target += 1),
        (&["posts_planned"], |a| a.posts_planned -= 1),
        (&["posts_blocked"], |a| a.posts_blocked += 1),
        (&["why_fewer"], |a| a.why_fewer = "no reason".to_owned()),
        (&["fatigue_start"], |a| a.fatigue_start *= 0.99),
        (&["fatigue_end"], |a| a.fatigue_end *= 1.01),
        (&["certificate_objective", "mean_cost", "mean_quality", "objective"], |a| a.mean_quality *= 1.01),
        (&["certificate_objective", "mean_cost", "objective"], |a| a.mean_cost += 1.0),
        (&["objective", "upper_bound"], |a| a.objective *= 1.0 + 1e-5),
        (&["objective", "upper_bound"], |a| a.objective = f64::NAN),
        (&["certificate_objective", "end_weight", "objective"], |a| a.end_weight = -1.0),
        (&["certificate_bound", "upper_bound"], |a| a.upper_bound *= 1.0 - 1e-5),
        (&["certificate_bound", "upper_bound"], |a| a.upper_bound = f64::NAN),
        (&["tier"], |a| a.tier = Tier::Fast),
        (&["hours"], |a| a.hours_allowed -= 1),
        (&["hours"], |a| a.hours_removed[0].1 += 1),
        (&["hours"], |a| a.hours_removed[0].0 = "moon"),
    ];
    for (number, (rules, change)) in changes.into_iter().enumerate() {
        assert_eq!(case.broken_by(|plan| change(allocation(plan))), rules, "change {number}");
    }
}

#[test]
fn the_weight_of_a_campaign_counts_only_for_its_posts() {
    let case = Case::new();
    let weight = 1.3;
    let change_post = |plan: &mut Plan, has_campaign: bool, change: fn(&mut Post, f64)| {
        let mut posts = plan.clients[1].posts.iter_mut().filter(|post| post.asset.is_some());
        change(posts.find(|post| post.campaign_id.is_some() == has_campaign).unwrap(), weight);
    };
    let weight_added =
        case.broken_by(|plan| change_post(plan, false, |post, weight| post.expected_engagement *= weight));
    assert_eq!(weight_added, ["expected_engagement"]);
    let weight_removed = case.broken_by(|plan| change_post(plan, true, |post, weight| post.slot_value /= weight));
    assert_eq!(weight_removed, ["slot_value"]);
    let campaign_added =
        case.broken_by(|plan| change_post(plan, false, |post, _| post.campaign_id = Some(CampaignId::new("autumn"))));
    assert_eq!(campaign_added, ["campaign"]);
    let any_asset = case.broken_under(|scenario| scenario.clients[1].0.campaigns[0].any_asset = true);
    assert!(["campaign", "expected_engagement", "slot_value"].iter().all(|rule| any_asset.contains(rule)));
    let heavier = case.broken_under(|scenario| scenario.clients[1].0.campaigns[0].weight = 2.0);
    assert!(["expected_engagement", "objective", "slot_value"].iter().all(|rule| heavier.contains(rule)));
}

#[test]
fn hours_that_one_rule_removed_cannot_be_counted_for_another() {
    let broken = Case::new().broken_by(|plan| {
        let removed = &mut allocation(plan).hours_removed;
        removed[0].1 -= 1;
        removed.push(("closed_day", 1));
    });
    assert_eq!(broken, ["hours"]);
}

#[test]
fn a_plan_of_another_scenario_or_other_rules_is_found() {
    let case = Case::new();
    assert_eq!(case.broken_by(|plan| plan.scenario_hash.push('0')), ["scenario_hash"]);
    assert_eq!(case.broken_by(|plan| plan.rules_hash.clear()), ["rules_hash"]);
    assert_eq!(case.broken_by(|plan| plan.scenario.clear()), ["scenario"]);
    assert_eq!(case.broken_by(|plan| plan.clients[0].workspace_id = WorkspaceId::new("south")), ["workspace"]);
    assert_eq!(case.broken_by(|plan| plan.clients[0].zone = "Europe/Lisbon".parse().unwrap()), ["zone"]);
}

#[test]
fn missing_repeated_and_misplaced_clients_are_found() {
    let case = Case::new();
    assert_eq!(case.broken_by(|plan| plan.clients.reverse()), ["clients"]);
    assert_eq!(case.broken_by(|plan| drop(plan.clients.pop())), ["clients"]);
    assert_eq!(case.broken_by(|plan| plan.clients[0].client_id = ClientId::new("stranger")), ["clients"]);
    assert_eq!(case.broken_by(|plan| plan.clients.push(plan.clients[0].clone())), ["clients"]);
}

#[test]
fn misplaced_posts_and_allocations_and_unknown_channels_are_found() {
    let case = Case::new();
    assert_eq!(case.broken_by(|plan| plan.clients[0].posts.swap(0, 1)), ["post_order"]);
    assert_eq!(case.broken_by(|plan| plan.clients[0].allocations.swap(0, 1)), ["allocations"]);
    assert!(case.broken_by(|plan| drop(plan.clients[0].allocations.pop())).contains(&"allocations"));
    let without_linkedin = case.broken_under(|scenario| {
        scenario.clients[0].1.channels.retain(|state| state.channel != Channel::Linkedin);
    });
    assert_eq!(without_linkedin, ["allocations", "certificate_bound", "certificate_objective", "channel"]);
}

#[test]
fn a_post_moved_by_an_hour_is_found() {
    let broken = Case::new().broken_by(|plan| shift(post(plan), 1));
    assert!(broken.contains(&"objective") && broken.contains(&"fatigue_end"), "{broken:?}");
}

#[test]
fn a_post_outside_the_week_or_off_the_minute_is_found() {
    let case = Case::new();
    assert!(case.broken_by(|plan| shift(post(plan), 500)).contains(&"in_week"));
    assert!(case.broken_by(|plan| post(plan).at = post(plan).at.plus_hours(-500)).contains(&"in_week"));
    let last = |plan: &mut Plan| plan.clients[0].posts.len() - 1;
    for later in [TimeDelta::minutes(5), TimeDelta::milliseconds(5)] {
        let broken = case.broken_by(|plan| {
            let last = last(plan);
            let post = &mut plan.clients[0].posts[last];
            post.at = Timestamp::from(post.at.utc() + later);
        });
        assert_eq!(broken, ["minute"]);
    }
}

#[test]
fn a_spread_minute_is_a_multiple_of_five_and_the_same_for_all_posts() {
    let week = week(WEEK);
    let rules = rules_with(&[("calendar.toml", "{ mode = \"fixed\", at = 0 }", "{ mode = \"spread\" }")]);
    let scenario = scenario(week, vec![client("plain", "Europe/London", week, &[Channel::Linkedin], 9)]);
    let plan = passing(&scenario, &rules, week);
    let case = Case { scenario, rules, plan };
    assert_eq!(
        case.broken_by(|plan| plan.clients[0].posts.iter_mut().for_each(|post| post.at = post.at.plus_minutes(1))),
        ["minute"]
    );
    assert_eq!(
        case.broken_by(|plan| {
            let post = &mut plan.clients[0].posts[1];
            post.at = post.at.plus_minutes(5);
        }),
        ["minute"]
    );
}

#[test]
fn posts_in_quiet_hours_and_on_closed_days_are_found() {
    let case = Case::new();
    let broken = case.broken_by(|plan| {
        let post = post(plan);
        let local_hour = (post.hour % 24) as i64;
        shift(post, 23 - local_hour);
    });
    assert!(broken.contains(&"quiet_hours"), "{broken:?}");
    let week = week(WEEK);
    let weekday = (case.plan.clone().clients[0].posts[0].hour / 24) as i64;
    let blackout = special_day(DayKind::Blackout, week, weekday, None);
    let broken = case.broken_under(|scenario| scenario.clients[0].0.calendar.push(blackout));
    assert!(broken.contains(&"closed_day"), "{broken:?}");
}

#[test]
fn posts_in_closed_hours_are_found() {
    let case = Case::new();
    let (weekday, hour) = {
        let post = case.plan.clients[0].posts.iter().find(|post| post.channel == Channel::Linkedin).unwrap();
        (post.hour / 24, post.hour % 24)
    };
    let day = crate::rules::DAYS[weekday];
    let date = plus_days(case.plan.week.monday(), weekday as i64);
    let broken_with = |file: &str, from: &str, to: String| {
        let rules = rules_with(&[(file, from, &to)]);
        let breaches = check_plan(&case.plan, &case.scenario, &rules);
        breaches.iter().map(|breach| breach.rule).collect::<Vec<_>>()
    };
    let broken_by_range = |range: &str| broken_with("calendar.toml", "closed = []", format!("closed = [{range}]"));
    let ranges = [
        format!("{{ from = {date}T{hour:02}:59:00, to = {date}T{:02}:30:00 }}", hour + 2),
        format!("{{ from = {date}T00:00:00, to = {date}T{hour:02}:00:01 }}"),
    ];
    for range in ranges {
        assert!(broken_by_range(&range).contains(&"closed_hours"), "{range}");
    }
    let table = format!("[linkedin]\nclosed = [{{ from = \"{day} {hour:02}:00\", to = \"{day} {hour:02}:01\" }}]\n");
    assert!(broken_with("channels.toml", "[linkedin]   # LinkedIn company pages\n", table).contains(&"closed_hours"));
}

#[test]
fn posts_too_close_to_planned_or_existing_ones_are_found() {
    let case = Case::new();
    let broken = case.broken_by(|plan| {
        let posts = &mut plan.clients[0].posts;
        let on_linkedin: Vec<usize> = (0..posts.len()).filter(|n| posts[*n].channel == Channel::Linkedin).collect();
        let gap = posts[on_linkedin[1]].hour as i64 - posts[on_linkedin[0]].hour as i64;
        shift(&mut posts[on_linkedin[0]], gap - 11);
    });
    assert!(broken.contains(&"spacing"), "{broken:?}");
    for offset in [-11, 11] {
        let broken = case.broken_under(|scenario| {
            let at = case.plan.clients[0].posts.iter().find(|post| post.channel == Channel::Linkedin).unwrap().at;
            scenario.clients[0].1.channels[Channel::Linkedin.index()]
                .recent_posts
                .push(at.plus_hours(i64::from(offset)));
        });
        assert!(broken.contains(&"spacing"), "{broken:?}");
    }
}

#[test]
fn posts_at_the_fatigue_block_are_found() {
    let case = Case::new();
    let broken = case.broken_under(|scenario| {
        scenario.clients[0].1.channels.iter_mut().for_each(|state| state.fatigue = score(1.0));
    });
    assert!(broken.contains(&"fatigue_block") && broken.contains(&"posts_target"), "{broken:?}");
}

#[test]
fn more_posts_than_the_rules_want_are_found() {
    let case = Case::new();
    let broken = case.broken_by(|plan| {
        let posts = &mut plan.clients[0].posts;
        let mut another = posts.iter().rfind(|post| post.channel == Channel::Youtube).unwrap().clone();
        shift(&mut another, 1);
        posts.push(another);
        posts.sort_by_key(|post| (post.at, post.channel));
    });
    assert!(broken.contains(&"frequency") && broken.contains(&"posts_planned"), "{broken:?}");
    let committed = case.broken_under(|scenario| {
        let (client, state) = &mut scenario.clients[0];
        let client = client.clone();
        commit(state, &client, week(WEEK), Channel::Gmb, &[30]);
    });
    assert!(committed.contains(&"frequency"), "{committed:?}");
}

#[test]
fn a_day_with_too_many_posts_is_found() {
    let broken = Case::new().broken_under(|scenario| scenario.clients[0].0.policy.max_actions_per_day = 2);
    assert_eq!(broken, ["actions_a_day"]);
}

#[test]
fn statuses_follow_from_verdicts_and_policy() {
    let case = Case::new();
    let statuses: [fn(&mut Post); 3] = [
        |post| post.status = ScheduleStatus::Pending,
        |post| post.status = ScheduleStatus::Completed,
        |post| post.verdicts.iter_mut().for_each(|verdict| Arc::make_mut(verdict).outcome = Outcome::Block),
    ];
    for change in statuses {
        assert_eq!(case.broken_by(|plan| change(post(plan))), ["status"]);
    }
    let broken = case.broken_under(|scenario| scenario.clients[0].0.policy.auto_exec_enabled = false);
    assert_eq!(broken, ["always_needs_review", "status"]);
    let broken = case.broken_by(|plan| allocation(plan).always_needs_review = true);
    assert_eq!(broken, ["always_needs_review"]);
}

#[test]
fn a_blocked_post_has_a_reason_that_names_its_guardrail() {
    let week = week(WEEK);
    let mut client = client("plain", "Europe/London", week, &[Channel::Linkedin], 9);
    client.0.policy.agent_enabled = false;
    let scenario = scenario(week, vec![client]);
    let rules = rules();
    let plan = passing(&scenario, &rules, week);
    let case = Case { scenario, rules, plan };
    let guardrail =
        |rule: &str| Arc::new(Reason::Guardrail { rule: rule.into(), reason: "no".into(), remedy: "".into() });
    assert_eq!(case.broken_by(|plan| plan.clients[0].posts[0].blocked = None), ["blocked_reason"]);
    let broken = case.broken_by(|plan| plan.clients[0].posts[0].blocked = Some(guardrail("the moon")));
    assert_eq!(broken, ["blocked_reason"]);
    assert_eq!(case.plan.clients[0].posts[0].status, ScheduleStatus::Blocked);
    let unblocked = case.broken_by(|plan| plan.clients[0].posts[0].status = ScheduleStatus::Ready);
    assert!(unblocked.contains(&"status") && unblocked.contains(&"blocked_reason"), "{unblocked:?}");
    let live = Case::new().broken_by(|plan| post(plan).blocked = Some(guardrail("early_warning")));
    assert_eq!(live, ["blocked_reason"]);
}

#[test]
fn missing_misplaced_and_unknown_verdicts_are_found() {
    let case = Case::new();
    assert_eq!(case.broken_by(|plan| drop(post(plan).verdicts.pop())), ["guardrails"]);
    assert_eq!(case.broken_by(|plan| post(plan).verdicts.swap(0, 1)), ["guardrails"]);
    let passed = |rule: &str| {
        Arc::new(Verdict {
            rule: rule.into(),
            outcome: Outcome::Pass,
            reason: "".into(),
            remedy: "".into(),
            file: "".into(),
            line: 0,
        })
    };
    assert_eq!(case.broken_by(|plan| post(plan).verdicts.push(passed("review_capacity"))), ["guardrails"]);
    assert_eq!(case.broken_by(|plan| post(plan).verdicts.push(passed("moon"))), ["guardrails"]);
}

#[test]
fn the_steps_of_confidence_are_verified() {
    let case = Case::new();
    let broken = case.broken_by(|plan| {
        let steps = &mut post(plan).confidence_steps;
        steps[0].change -= 0.1;
        steps.push(crate::model::ConfidenceStep { cause: crate::model::ConfidenceCause::Warnings, change: 0.1 });
    });
    assert_eq!(broken, ["confidence_steps"]);
    let warned = case.broken_by(|plan| Arc::make_mut(&mut post(plan).verdicts[0]).outcome = Outcome::Warn);
    assert_eq!(warned, ["confidence_steps"]);
}

#[test]
fn a_warning_raises_risk_where_its_rule_says_so() {
    let week = week(WEEK);
    let from = "[truth_layer]\nenabled = true\nscope = \"post\"\nconflict = \"asset\"\nwarn_raises_risk = false";
    let to = from.replace("false", "true");
    let rules = rules_with(&[("guardrails.toml", from, &to)]);
    let scenario = scenario(week, vec![client("bare", "Europe/London", week, &[Channel::Linkedin], 0)]);
    let plan = passing(&scenario, &rules, week);
    let case = Case { scenario, rules, plan };
    assert_eq!(case.plan.clients[0].posts[0].risk, RiskBand::High);
    let broken = case.broken_by(|plan| plan.clients[0].posts[0].risk = RiskBand::Medium);
    assert_eq!(broken, ["risk"]);
}

#[test]
fn unknown_and_unfit_assets_and_wrong_families_are_found() {
    let case = Case::new();
    assert!(case.broken_by(|plan| choice(plan).asset_id = AssetId::new("rich-00")).contains(&"asset_unknown"));
    assert_eq!(case.broken_by(|plan| choice(plan).is_evolution = true), ["asset_family"]);
    let broken = case.broken_by(|plan| {
        let choice = choice(plan);
        choice.variation_id = Some(choice.asset_id.clone());
    });
    assert_eq!(broken, ["asset_family"]);
    let broken_after = |change: fn(&mut Asset, Week)| {
        let mut plan = case.plan.clone();
        let id = choice(&mut plan).used().clone();
        case.broken_under(|scenario| {
            let assets = &mut scenario.clients[0].0.assets;
            change(assets.iter_mut().find(|asset| asset.id == id).unwrap(), week(WEEK));
        })
    };
    assert!(broken_after(|asset, _| asset.channels = vec![Channel::Reddit]).contains(&"asset_channel"));
    assert!(
        broken_after(|asset, week| asset.created_at = time(&format!("{}T00:00:00Z", week.plus(1).monday())))
            .contains(&"asset_unfinished")
    );
    assert!(broken_after(|asset, _| asset.campaign_id = Some(CampaignId::new("autumn"))).contains(&"asset_campaign"));
    let story = broken_after(|asset, _| (asset.parent_id, asset.evolution_step) = (Some(AssetId::new("plain-00")), 1));
    assert!(story.contains(&"asset_evolution") && story.contains(&"asset_family"), "{story:?}");
}

fn choice(plan: &mut Plan) -> &mut crate::model::AssetChoice {
    post(plan).asset.as_mut().unwrap()
}

#[test]
fn asset_uses_within_the_cooldown_and_beyond_the_cap_are_found() {
    let case = Case::new();
    let mut plan = case.plan.clone();
    let (id, at) = (choice(&mut plan).used().clone(), post(&mut plan).at);
    let used = |channel, hours: i64| AssetUse { asset_id: id.clone(), channel, at: at.plus_hours(hours) };
    for hours in [-167, 167] {
        let broken =
            case.broken_under(|scenario| scenario.clients[0].1.asset_uses.push(used(Channel::Linkedin, hours)));
        assert!(broken.contains(&"asset_cooldown"), "{broken:?}");
    }
    let overused = case.broken_under(|scenario| {
        scenario.clients[0].1.asset_uses.extend(Channel::ALL.map(|channel| used(channel, 0)));
    });
    assert!(overused.contains(&"asset_uses"), "{overused:?}");
    let twice = case.broken_by(|plan| {
        let asset = post(plan).asset.clone();
        let on_linkedin = plan.clients[0].posts.iter_mut().filter(|post| post.channel == Channel::Linkedin);
        on_linkedin.for_each(|post| post.asset = asset.clone());
    });
    assert!(twice.contains(&"asset_cooldown") && twice.contains(&"asset_uses"), "{twice:?}");
}

#[test]
fn more_posts_than_reviewers_can_review_are_found() {
    let broken = Case::new().broken_under(|scenario| {
        scenario.capacity.reviewers = 1;
        scenario.capacity.reviews_per_reviewer_per_day = 1;
    });
    assert_eq!(broken, ["shared_limits"]);
}

#[test]
fn the_bound_of_a_workspace_follows_from_its_prices() {
    let week = week(WEEK);
    let client = |id: &str| client(id, "Europe/London", week, &Channel::ALL, 40);
    let scenario = scenario(week, vec![client("a"), client("b")]);
    let limits = "[agency_day]\nat_most = 6\nper = [\"workspace\", \"day\"]\n\
        [brand_day]\nat_most = 4\nper = [\"client\", \"day\"]\n";
    let rules = rules_with(&[("limits.toml", "", limits)]);
    let plan = passing(&scenario, &rules, week);
    let case = Case { scenario, rules, plan };
    let priced = |plan: &mut Plan| plan.workspaces[0].limits.iter().position(|used| used.price > 0.0).unwrap();
    let bound = |plan: &mut Plan, factor: f64| {
        let bound = &mut plan.workspaces[0].upper_bound;
        *bound = bound.map(|bound| bound * factor);
    };
    assert_eq!(case.broken_by(|plan| bound(plan, 1.01)), ["certificate_bound"]);
    assert_eq!(case.broken_by(|plan| bound(plan, 0.5)), ["certificate_bound", "certificate_objective"]);
    let broken = case.broken_by(|plan| {
        let index = priced(plan);
        plan.workspaces[0].limits[index].price *= 2.0;
    });
    assert_eq!(broken, ["certificate_bound"]);
    let broken = case.broken_by(|plan| {
        let index = priced(plan);
        plan.workspaces[0].limits[index].allowed += 1.0;
    });
    assert_eq!(broken, ["shared_limits"]);
    let broken = case.broken_by(|plan| plan.workspaces[0].objective *= 0.9);
    assert_eq!(broken, ["certificate_objective"]);
}

#[test]
fn a_post_that_costs_more_fatigue_than_it_earns_is_found() {
    let broken = Case::new().broken_by(|plan| allocation(plan).end_weight = 1e6);
    assert!(broken.contains(&"worthless_post") && broken.contains(&"objective"), "{broken:?}");
}

#[test]
fn a_nonsensical_plan_is_refused_without_panic() {
    let case = Case::new();
    let nonsense: [fn(&mut Plan); 5] = [
        |plan| plan.week = week("9999-W51"),
        |plan| plan.week = week("0001-W02"),
        |plan| plan.clients.iter_mut().for_each(|client| client.allocations.clear()),
        |plan| {
            for post in plan.clients.iter_mut().flat_map(|client| &mut client.posts) {
                (post.at, post.hour) = (Timestamp::MAX, usize::MAX);
                (post.fatigue, post.confidence) = (f64::NAN, f64::INFINITY);
                post.verdicts.clear();
            }
        },
        |plan| {
            let posts = &mut plan.clients[0].posts;
            let first = posts[0].clone();
            posts.extend(std::iter::repeat_n(first, 300));
        },
    ];
    for change in nonsense {
        assert!(!case.broken_by(change).is_empty());
    }
}

#[test]
fn a_breach_reads_as_one_line() {
    let case = Case::new();
    let mut plan = case.plan.clone();
    post(&mut plan).priority = 1.0;
    plan.scenario_hash = "77".to_owned();
    let messages: Vec<String> =
        check_plan(&plan, &case.scenario, &case.rules).iter().map(ToString::to_string).collect();
    assert_eq!(messages[0], "plan: scenario_hash: the plan was made from `77`, not from `5ce0`");
    assert!(messages[1].starts_with("client `plain`, linkedin, post of 2026-10-"), "{}", messages[1]);
    assert!(messages[1].ends_with("+01:00: priority: the plan says 1, it is 70"), "{}", messages[1]);
}
