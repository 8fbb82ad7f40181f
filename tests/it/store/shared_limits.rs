//! Limits that the clients of a workspace share, when these are planned one after the other or apart.

use std::collections::BTreeMap;

use mcoe::model::{Capacity, Channel, Plan, Scenario, ScheduleStatus, Tier, WorkspaceId};
use mcoe::planner::{self, Planner};
use mcoe::rules::CompiledRules;
use mcoe::store::{Change, Commit, Counted, Ledger, Rebased, ScheduleFilter, StoreError};

use super::{FRIDAY, commit, rules, weekly};
use crate::support::{Agency, TestDatabase, at, compiled, on_both, pack_with_file, plan};

const WEEK: &str = "2026-W37";

/// An agency with one client for each channel, all in one workspace.
fn agency(clients: &[(&str, Channel)]) -> Agency {
    clients.iter().fold(Agency::starting(WEEK), |agency, (id, channel)| {
        let with_client = agency.with_client(id, "Europe/London", &[*channel]);
        with_client.edit_last(|client, _| client.workspace_id = WorkspaceId::new("tea"))
    })
}

/// Rules that allow all clients of a workspace together one post a day.
fn one_post_a_day() -> CompiledRules {
    compiled(pack_with_file("limits.toml", "[agency_day]\nat_most = 1\nper = [\"workspace\", \"day\"]\n"))
}

/// Rebases a plan. Returns the result in its only workspace.
async fn rebase(ledger: &Ledger, rules: &CompiledRules, scenario: &Scenario, plan: &Plan) -> Rebased {
    let decisions = planner::decisions(plan);
    let old = Commit {
        plan,
        decisions: &decisions,
        scenario,
        rules,
        actor: "ann",
        now: at(FRIDAY),
        counted: Counted::Live,
        progress: &|| {},
    };
    ledger.rebase(old, Planner::new(rules, Tier::Exact, None)).await.unwrap().pop().unwrap()
}

/// The number of schedules that are not cancelled, by the date of each.
async fn schedules_by_day(ledger: &Ledger) -> BTreeMap<String, u32> {
    let mut by_day = BTreeMap::new();
    for schedule in ledger.schedules(&ScheduleFilter::default()).await.unwrap() {
        if schedule.status != ScheduleStatus::Cancelled {
            *by_day.entry(schedule.scheduled_for.to_string()[..10].to_owned()).or_default() += 1;
        }
    }
    by_day
}

on_both! {
    async fn a_client_that_is_loaded_later_gets_what_the_others_leave_of_a_limit(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, one_post_a_day());
        let (first, second) = (("first", Channel::Linkedin), ("second", Channel::Ig));
        ledger.load(&agency(&[first]).scenario(), &rules, at(FRIDAY)).await.unwrap();
        weekly(&ledger, &rules, WEEK, FRIDAY).await;
        let of_first = ledger.schedules(&ScheduleFilter::default()).await.unwrap().len();
        assert!((1..7).contains(&of_first), "it leaves days for the other client: {of_first}");
        ledger.load(&agency(&[first, second]).scenario(), &rules, at(FRIDAY)).await.unwrap();
        weekly(&ledger, &rules, WEEK, FRIDAY).await;
        let by_day = schedules_by_day(&ledger).await;
        assert_eq!(by_day.values().copied().collect::<Vec<_>>(), [1; 7], "{by_day:?}");
    }

    async fn a_plan_that_differs_only_in_the_posts_of_others_is_another_plan(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, one_post_a_day());
        let (first, second) = (("first", Channel::Linkedin), ("second", Channel::Ig));
        ledger.load(&agency(&[first, second]).scenario(), &rules, at(FRIDAY)).await.unwrap();
        let scenario = agency(&[second]).scenario();
        let old = plan(&rules, &scenario);
        let alone = rebase(&ledger, &rules, &scenario, &old).await.committed;
        assert!(alone.is_new && alone.schedules > 0, "{alone:?}");
        // The client is as it was before, but the other one has posts now.
        let of_second = ScheduleFilter { client: Some("second".to_owned()), ..ScheduleFilter::default() };
        let ids = ledger.schedules(&of_second).await.unwrap().iter().map(|schedule| schedule.id).collect();
        let by_id = ScheduleFilter { ids, ..ScheduleFilter::default() };
        let cancelled = ledger.change(&by_id, Change::Cancel { reason: "" }, &rules, "bob", at(FRIDAY)).await.unwrap();
        assert_eq!(cancelled.done.len(), alone.schedules);
        weekly(&ledger, &rules, WEEK, FRIDAY).await;
        let of_first = schedules_by_day(&ledger).await.len();
        assert!((1..7).contains(&of_first), "it leaves days for the other client: {of_first}");
        let beside_first = rebase(&ledger, &rules, &scenario, &old).await.committed;
        assert!(beside_first.is_new && beside_first.plan_id != alone.plan_id, "{beside_first:?}");
        let by_day = schedules_by_day(&ledger).await;
        assert_eq!(by_day.values().copied().collect::<Vec<_>>(), [1; 7], "{by_day:?}");
    }
    async fn a_plan_is_refused_if_posts_of_others_use_up_a_limit(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, one_post_a_day());
        let (first, second) = (("first", Channel::Linkedin), ("second", Channel::Ig));
        ledger.load(&agency(&[first]).scenario(), &rules, at(FRIDAY)).await.unwrap();
        ledger.load(&agency(&[second]).scenario(), &rules, at(FRIDAY)).await.unwrap();
        let mut scenario = ledger.scenario(&WorkspaceId::new("tea"), WEEK.parse().unwrap()).await.unwrap();
        scenario.clients.retain(|(client, _)| client.id.as_str() == "second");
        "a folder with one of the clients".clone_into(&mut scenario.hash);
        let of_second = plan(&rules, &scenario);
        // Meanwhile, the week of the other client is planned.
        let mut of_first = ledger.scenario(&WorkspaceId::new("tea"), WEEK.parse().unwrap()).await.unwrap();
        of_first.clients.retain(|(client, _)| client.id.as_str() == "first");
        commit(&ledger, &rules, &of_first, &plan(&rules, &of_first), "ann").await.unwrap();
        let before = schedules_by_day(&ledger).await;
        let days_of_both = of_second.posts().filter(|(_, post)| before.contains_key(&post.at.to_string()[..10])).count();
        assert!(days_of_both > 0, "{before:?}");
        let refused = commit(&ledger, &rules, &scenario, &of_second, "ann").await.unwrap_err();
        assert!(refused.remedy().contains("--rebase"), "{}", refused.remedy());
        let StoreError::StateChanged(changes) = &refused else { panic!("{refused}") };
        assert_eq!(changes.len(), days_of_both, "{changes:?}");
        for line in changes {
            assert!(line.starts_with("  workspace `tea`: limit `agency_day` allows 1 on 2026-09-"), "{line}");
            assert!(line.ends_with("; 1 committed, 1 planned"), "{line}");
        }
        assert_eq!(schedules_by_day(&ledger).await, before);
        rebase(&ledger, &rules, &scenario, &of_second).await;
        let by_day = schedules_by_day(&ledger).await;
        assert_eq!(by_day.values().copied().collect::<Vec<_>>(), [1; 7], "{by_day:?}");
    }

    async fn a_plan_is_refused_if_posts_of_others_use_up_the_reviews(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let reviewed = |id, channel| {
            let agency = agency(&[(id, channel)]).edit_last(|client, _| client.policy.auto_exec_enabled = false);
            let capacity = Capacity { reviewers: 1, reviews_per_reviewer_per_day: 1 };
            Scenario { capacity, ..agency.scenario() }
        };
        let (first, second) = (reviewed("first", Channel::Linkedin), reviewed("second", Channel::Ig));
        ledger.load(&first, &rules, at(FRIDAY)).await.unwrap();
        ledger.load(&second, &rules, at(FRIDAY)).await.unwrap();
        let of_first = commit(&ledger, &rules, &first, &plan(&rules, &first), "ann").await.unwrap();
        assert_eq!(of_first.pending, 5, "as many as the reviewers can review in a week");
        let of_second = Scenario { hash: "second".to_owned(), ..second };
        let refused = commit(&ledger, &rules, &of_second, &plan(&rules, &of_second), "ann").await.unwrap_err();
        let StoreError::StateChanged(changes) = &refused else { panic!("{refused}") };
        let [line] = changes.as_slice() else { panic!("{changes:?}") };
        assert!(line.contains("limit `review_capacity` allows 5 in the week"), "{line}");
        assert!(line.ends_with("; 5 committed, 5 planned"), "{line}");
    }
}
