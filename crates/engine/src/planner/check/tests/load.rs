//! The load of a workspace of whose clients not all are planned.

use super::*;
use crate::planner::week::PlanningContext;

const WEEK: &str = "2026-W43";

/// Ten reviews a week.
const CAPACITY: Capacity = Capacity { reviewers: 1, reviews_per_reviewer_per_day: 2 };

/// A client for which the rules want five posts.
fn planned_client() -> (Client, ClientState) {
    client("planned", "Europe/London", week(WEEK), &[Channel::Fb], 40)
}

/// A client for which the rules want seven posts, with two committed ones.
fn other_client() -> (Client, ClientState) {
    let mut other = client("zeal", "Europe/London", week(WEEK), &[Channel::Ig], 40);
    commit(&mut other.1, &other.0, week(WEEK), Channel::Ig, &[9, 57]);
    other
}

/// The score of the signal that follows from the load, for the first client of a plan of the scenario.
fn scaling_pressure(scenario: Scenario) -> f64 {
    let plan = passing(&Scenario { capacity: CAPACITY, ..scenario }, &rules(), week(WEEK));
    let matrix = &plan.clients[0].signals.early_warning.matrix;
    matrix.iter().find(|signal| &*signal.signal == "scaling_pressure").unwrap().score
}

#[test]
fn clients_that_are_not_planned_count_with_their_committed_posts() {
    let both = scenario(week(WEEK), vec![planned_client(), other_client()]);
    let alone = scenario(week(WEEK), vec![planned_client()]);
    let beside = Scenario { other_clients: vec![other_client()], ..alone.clone() };
    let mut paused = both.clone();
    paused.clients[1].0.status = ClientStatus::Paused;
    for (scenario, posts) in [(both, 12.0), (alone, 5.0), (beside, 7.0), (paused, 7.0)] {
        let score = scaling_pressure(scenario);
        assert!((score - 0.6 * posts / 10.0).abs() < 1e-9, "{posts} posts: {score}");
    }
}

#[test]
fn a_paused_client_counts_with_its_committed_posts_when_posts_are_evaluated_again() {
    let (rules, (client, state), (mut other, other_state)) = (rules(), planned_client(), other_client());
    other.status = ClientStatus::Paused;
    let clients = [(&client, &state), (&other, &other_state)];
    let context = PlanningContext::new(&rules, &clients, &[], &CAPACITY, week(WEEK)).unwrap();
    assert!((context.client(0).unwrap().demand.load - 0.7).abs() < 1e-9);
}
