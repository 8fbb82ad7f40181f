//! Limits on reviews: what committed posts use of them, and which posts are blocked.

use super::tampered::Case;
use super::*;
use crate::model::{Post, Reason, ScheduleStatus};

const WEEK: &str = "2026-W20";

/// A client whose posts all need a review, with two committed posts on Facebook on Monday and Tuesday.
fn with_committed_posts(id: &str) -> (Client, ClientState) {
    let week = week(WEEK);
    let (mut client, mut state) = client(id, "Europe/London", week, &Channel::ALL, 40);
    client.policy.auto_exec_enabled = false;
    commit(&mut state, &client, week, Channel::Fb, &[9, 33]);
    (client, state)
}

/// Marks the client's committed posts as posts that need a review.
fn mark_as_needing_review(state: &mut ClientState) {
    for channel in &mut state.channels {
        let in_week = channel.recent_posts.iter().filter(|at| **at >= channel.as_of);
        channel.posts_needing_review = in_week.copied().collect();
    }
}

/// The clients under reviewers who review five posts a week.
fn five_reviews(clients: Vec<(Client, ClientState)>) -> Scenario {
    let mut scenario = scenario(week(WEEK), clients);
    scenario.capacity = Capacity { reviewers: 1, reviews_per_reviewer_per_day: 1 };
    scenario
}

fn pending(plan: &Plan) -> usize {
    plan.posts().filter(|(_, post)| post.status == ScheduleStatus::Pending).count()
}

/// By day of the week, the number of the first client's posts.
fn posts_a_day(plan: &Plan) -> [usize; 7] {
    let mut counts = [0; 7];
    plan.clients[0].posts.iter().for_each(|post| counts[post.hour / 24] += 1);
    counts
}

#[test]
fn committed_posts_that_need_a_review_use_up_reviews() {
    // Whether the planner knows beforehand that posts need a review, or only afterwards.
    let known = rules();
    let unknown = rules_with(&[("doubt.rhai", "", "fn confidence(post, ctx) { 0.5 }\n")]);
    for (rules, runs_alone) in [(known, false), (unknown, true)] {
        let mut client = with_committed_posts("a");
        client.0.policy.auto_exec_enabled = runs_alone;
        let mut scenario = five_reviews(vec![client]);
        assert_eq!(pending(&passing(&scenario, &rules, week(WEEK))), 5);
        mark_as_needing_review(&mut scenario.clients[0].1);
        let plan = passing(&scenario, &rules, week(WEEK));
        assert_eq!(pending(&plan), 3, "two of five reviews are taken");
        for used in plan.workspaces.iter().flat_map(|workspace| &workspace.limits) {
            assert_eq!((&*used.limit, used.used), ("review_capacity", 5.0));
        }
    }
}

#[test]
fn committed_posts_of_clients_that_are_not_planned_for_use_up_reviews() {
    let mut scenario = five_reviews(vec![with_committed_posts("a")]);
    let mut other = with_committed_posts("b");
    mark_as_needing_review(&mut other.1);
    scenario.other_clients = vec![other];
    assert_eq!(pending(&passing(&scenario, &rules(), week(WEEK))), 3);
}

#[test]
fn committed_posts_use_up_a_clients_own_limit_on_reviews() {
    let limit = "[reviews]\nat_most = 1\ncounts = \"needs_review\"\nper = [\"client\", \"day\"]\n";
    let rules = rules_with(&[("limits.toml", "", limit)]);
    let mut scenario = scenario(week(WEEK), vec![with_committed_posts("a")]);
    assert_eq!(posts_a_day(&passing(&scenario, &rules, week(WEEK)))[..3], [1, 1, 1]);
    mark_as_needing_review(&mut scenario.clients[0].1);
    assert_eq!(posts_a_day(&passing(&scenario, &rules, week(WEEK)))[..3], [0, 0, 1]);
}

#[test]
fn a_plan_that_ignores_the_reviews_of_committed_posts_is_found() {
    let (rules, scenario) = (rules(), five_reviews(vec![with_committed_posts("a")]));
    let plan = passing(&scenario, &rules, week(WEEK));
    let case = Case { scenario, rules, plan };
    let broken = case.broken_under(|scenario| mark_as_needing_review(&mut scenario.clients[0].1));
    assert!(broken.contains(&"shared_limits"), "{broken:?}");
}

/// A pack in which whether posts need a review is known only after guardrails were evaluated.
fn rules_of_doubt(limits: &str, confidence: &str) -> CompiledRules {
    let script = format!("fn confidence(post, ctx) {{ {confidence} }}\n");
    rules_with(&[("doubt.rhai", "", &script), ("limits.toml", "", limits)])
}

/// At most one review a day for each client.
const ONE_A_DAY: &str = "[one_a_day]\nat_most = 1\ncounts = \"needs_review\"\nper = [\"client\", \"day\"]\n";

#[test]
fn posts_without_a_review_of_one_limit_leave_room_in_the_others() {
    let rules = rules_of_doubt(ONE_A_DAY, "0.5");
    let client = client("a", "Europe/London", week(WEEK), &Channel::ALL, 40);
    let plan = passing(&five_reviews(vec![client]), &rules, week(WEEK));
    let reviewed = plan.posts().filter(|(_, post)| post.status == ScheduleStatus::Pending);
    let days: Vec<usize> = reviewed.map(|(_, post)| post.hour / 24).collect();
    assert_eq!(days.len(), 5, "five reviews a week");
    assert!(days.is_sorted_by(|a, b| a < b), "one review a day: {days:?}");
    let lacks = |reason: &Reason| plan.posts().any(|(_, post)| post.blocked.as_deref() == Some(reason));
    assert!(lacks(&Reason::ReviewCapacity) && lacks(&Reason::ReviewLimit { limit: "one_a_day".into() }));
}

#[test]
fn posts_blocked_for_lack_of_a_review_that_is_left_are_found() {
    let rules = rules_of_doubt(ONE_A_DAY, "0.5");
    let client = client("a", "Europe/London", week(WEEK), &Channel::ALL, 40);
    let scenario = five_reviews(vec![client]);
    let plan = passing(&scenario, &rules, week(WEEK));
    let case = Case { scenario, rules, plan };
    assert_eq!(case.broken_under(|scenario| scenario.capacity.reviewers = 9), ["review_order"]);
    let broken = case.broken_by(|plan| {
        let blocked = plan.clients[0].posts.iter_mut().filter(|post| !post.is_live());
        blocked.for_each(|post| post.blocked = Some(Reason::ReviewLimit { limit: "moon".into() }.into()));
    });
    assert_eq!(broken, ["review_order"]);
    let broken = case.broken_by(|plan| {
        let mut posts = plan.clients[0].posts.iter_mut();
        let blocked = posts.find(|post| post.blocked.as_deref() == Some(&Reason::ReviewCapacity)).unwrap();
        blocked.risk = crate::model::RiskBand::Low;
    });
    assert!(broken.contains(&"blocked_reason"), "{broken:?}");
}

#[test]
fn plans_pass_if_blocked_posts_decide_which_others_need_a_review() {
    // Every other post of a day needs a review, those that are worth less included; blocked posts do not count.
    let of_day = rules_of_doubt(ONE_A_DAY, "if post.action_of_day % 2 == 1 { 0.5 } else { 0.95 }");
    let of_fatigue = rules_of_doubt(ONE_A_DAY, "if post.fatigue > 0.1 && post.fatigue < 0.25 { 0.5 } else { 0.95 }");
    let mut blocked = 0;
    for rules in [of_day, of_fatigue] {
        for reviews in 0..6 {
            let clients = ["a", "b", "c"].map(|id| client(id, "Europe/London", week(WEEK), &Channel::ALL, 40));
            let mut scenario = five_reviews(clients.into());
            scenario.capacity.reviews_per_reviewer_per_day = reviews;
            let plan = passing(&scenario, &rules, week(WEEK));
            let lacks_review = |post: &Post| post.blocked.as_deref().is_some_and(Reason::is_lack_of_review);
            blocked += plan.posts().filter(|(_, post)| lacks_review(post)).count();
        }
    }
    assert!(blocked > 0);
}

#[test]
fn a_client_whose_reviews_never_settle_leaves_those_of_others_in_order_of_worth() {
    // Of `a`, the second post of a day needs a review only if the first runs. If it is worth more, it takes the review
    // from the first, then needs none. Of `b`, every post needs a review.
    let limits = format!("{ONE_A_DAY}[two_a_day]\nat_most = 2\nper = [\"client\", \"day\"]\n");
    let confidence = "if ctx.client == \"b\" || post.action_of_day > 1 { return 0.5; }\n\
                      for hour in post.hours_of_day { if hour < post.hour { return 0.95; } }\n0.5";
    let rules = rules_of_doubt(&limits, confidence);
    let clients = ["a", "b"].map(|id| client(id, "Europe/London", week(WEEK), &Channel::ALL, 40));
    let mut scenario = five_reviews(clients.into());
    scenario.capacity.reviews_per_reviewer_per_day = 6;
    let plan = passing(&scenario, &rules, week(WEEK));
    // By client, for each day with a post that lacks a review, whether the post that gets one is worth more.
    let is_better = plan.clients.iter().map(|client| {
        let on_days = client.posts.iter().filter(|post| post.blocked.as_deref().is_some_and(Reason::is_lack_of_review));
        let is_better = on_days.map(|blocked| {
            let is_reviewed = |post: &&Post| post.status == ScheduleStatus::Pending;
            let mut of_day = client.posts.iter().filter(|post| post.hour / 24 == blocked.hour / 24);
            let reviewed = of_day.find(is_reviewed).unwrap();
            (reviewed.priority, reviewed.net_worth) >= (blocked.priority, blocked.net_worth)
        });
        is_better.collect::<Vec<bool>>()
    });
    let is_better: Vec<Vec<bool>> = is_better.collect();
    assert!(is_better[0].contains(&false), "on some day the better post of `a` comes later");
    assert!(!is_better[1].is_empty() && !is_better[1].contains(&false), "{:?}", is_better[1]);
}
