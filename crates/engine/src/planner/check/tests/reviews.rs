//! Limits on reviews: what committed posts use of them, and which posts are blocked.

use super::tampered::Case;
use super::*;
use crate::model::ScheduleStatus;

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
