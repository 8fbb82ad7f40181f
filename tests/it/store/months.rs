//! Two months in an agency whose facts do not change: every committed post is drafted.

use mcoe::model::{ScheduleStatus, Tier, plus_days};
use mcoe::planner::Planner;
use mcoe::rules::CompiledRules;
use mcoe::store::{Change, DailyOutcome, Ledger, Schedule, ScheduleFilter};

use super::{FRIDAY, load_agency, rules, weekly};
use crate::support::{TestDatabase, at, on_both};

const WEEK: &str = "2026-W37";

async fn daily(ledger: &Ledger, rules: &CompiledRules, now: &str) -> DailyOutcome {
    let planner = Planner::new(rules, Tier::Exact, None);
    ledger.daily(&planner, None, at(now), &|| false).await.unwrap()
}

/// Simulates an agency whose facts do not change: each week is planned on the Thursday before, passes run
/// several times a day, and people approve pending posts.
async fn run_for_weeks(database: &TestDatabase, weeks: i64) {
    let (ledger, rules) = (database.ledger().await, rules());
    let scenario = load_agency(&ledger, &rules).await;
    let first: mcoe::model::Week = WEEK.parse().unwrap();
    weekly(&ledger, &rules, WEEK, FRIDAY).await;
    approve(&ledger, &rules, FRIDAY).await;
    for week in 0..weeks {
        let monday = first.plus(week).monday();
        for day in 0..7 {
            let date = plus_days(monday, day);
            if day == 3 {
                let thursday = format!("{date}T14:00:00Z");
                weekly(&ledger, &rules, &first.plus(week + 1).to_string(), &thursday).await;
                approve(&ledger, &rules, &thursday).await;
            }
            for hour in [2, 9, 15, 21] {
                let outcome = daily(&ledger, &rules, &format!("{date}T{hour:02}:30:00Z")).await;
                assert_eq!(
                    (outcome.returned, outcome.blocked, outcome.failed),
                    (0, 0, 0),
                    "{date} {hour}: {outcome:?}"
                );
            }
        }
    }
    let end = first.plus(weeks).monday();
    daily(&ledger, &rules, &format!("{end}T12:00:00Z")).await;
    let end = at(&format!("{end}T00:00:00Z"));
    let schedules = ledger.schedules(&ScheduleFilter::default()).await.unwrap();
    let is_past = |schedule: &&Schedule| schedule.scheduled_for < end && schedule.blocked_code.is_none();
    let past: Vec<&Schedule> = schedules.iter().filter(is_past).collect();
    assert!(past.len() > 100 * weeks as usize, "{}", past.len());
    for schedule in past {
        assert_eq!(schedule.status, ScheduleStatus::Completed, "{schedule:?}");
    }
    assert!(scenario.clients.len() > 5);
}

/// Approves every pending post.
async fn approve(ledger: &Ledger, rules: &CompiledRules, now: &str) {
    let pending = ScheduleFilter { statuses: vec![ScheduleStatus::Pending], ..ScheduleFilter::default() };
    let changed = ledger.change(&pending, Change::Approve, rules, "bob", at(now)).await.unwrap();
    assert!(changed.skipped.is_empty(), "{:?}", changed.skipped);
}

on_both! {
    async fn all_committed_posts_of_two_months_are_drafted(database: &TestDatabase) {
        run_for_weeks(database, 9).await;
    }
}
