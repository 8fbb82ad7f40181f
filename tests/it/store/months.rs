//! Two months in an agency whose facts do not change: every committed post is drafted.

use mcoe::model::{ScheduleStatus, Tier, plus_days};
use mcoe::planner::Planner;
use mcoe::rules::CompiledRules;
use mcoe::store::{Change, DailyOutcome, Ledger, Schedule, ScheduleFilter};

use super::{FRIDAY, loaded, rules, weekly};
use crate::support::{Place, at, on_both};

const WEEK: &str = "2026-W37";

async fn daily(ledger: &Ledger, rules: &CompiledRules, now: &str) -> DailyOutcome {
    let planner = Planner::new(rules, Tier::Exact, None);
    ledger.daily(&planner, None, at(now), &|| false).await.unwrap()
}

/// Simulates an agency whose facts do not change: each week is planned on the Thursday before, passes run
/// several times a day, and people approve pending posts.
async fn live_through(place: &Place, weeks: i64) {
    let (ledger, rules) = (place.ledger().await, rules());
    let scenario = loaded(&ledger, &rules).await;
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
                let done = daily(&ledger, &rules, &format!("{date}T{hour:02}:30:00Z")).await;
                assert_eq!((done.returned, done.blocked, done.failed), (0, 0, 0), "{date} {hour}: {done:?}");
            }
        }
    }
    let end = first.plus(weeks).monday();
    daily(&ledger, &rules, &format!("{end}T12:00:00Z")).await;
    let done = ledger.schedules(&ScheduleFilter::default()).await.unwrap();
    let over: Vec<&Schedule> = done
        .iter()
        .filter(|one| one.scheduled_for < at(&format!("{end}T00:00:00Z")) && one.blocked_code.is_none())
        .collect();
    assert!(over.len() > 100 * weeks as usize, "{}", over.len());
    for schedule in over {
        assert_eq!(schedule.status, ScheduleStatus::Completed, "{schedule:?}");
    }
    assert!(scenario.clients.len() > 5);
}

/// Approves everything pending.
async fn approve(ledger: &Ledger, rules: &CompiledRules, now: &str) {
    let waiting = ScheduleFilter { statuses: vec![ScheduleStatus::Pending], ..ScheduleFilter::default() };
    let changed = ledger.change(&waiting, Change::Approve, rules, "bob", at(now)).await.unwrap();
    assert!(changed.skipped.is_empty(), "{:?}", changed.skipped);
}

on_both! {
    async fn all_committed_posts_of_two_months_are_drafted(place: &Place) {
        live_through(place, 9).await;
    }
}
