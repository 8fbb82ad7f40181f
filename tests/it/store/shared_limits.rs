//! Limits that the clients of a workspace share, when these are planned one after the other.

use std::collections::BTreeMap;

use mcoe::model::{Channel, WorkspaceId};
use mcoe::store::ScheduleFilter;

use super::{FRIDAY, weekly};
use crate::support::{Agency, TestDatabase, at, compiled, on_both, pack_with_file};

const WEEK: &str = "2026-W37";

/// An agency with one client for each channel, all in one workspace.
fn agency(clients: &[(&str, Channel)]) -> Agency {
    clients.iter().fold(Agency::starting(WEEK), |agency, (id, channel)| {
        let with_client = agency.with_client(id, "Europe/London", &[*channel]);
        with_client.edit_last(|client, _| client.workspace_id = WorkspaceId::new("tea"))
    })
}

on_both! {
    async fn a_client_that_is_loaded_later_gets_what_the_others_leave_of_a_limit(database: &TestDatabase) {
        let rules =
            compiled(pack_with_file("limits.toml", "[agency_day]\nat_most = 1\nper = [\"workspace\", \"day\"]\n"));
        let ledger = database.ledger().await;
        let (first, second) = (("first", Channel::Linkedin), ("second", Channel::Ig));
        ledger.load(&agency(&[first]).scenario(), &rules, at(FRIDAY)).await.unwrap();
        weekly(&ledger, &rules, WEEK, FRIDAY).await;
        let of_first = ledger.schedules(&ScheduleFilter::default()).await.unwrap().len();
        assert!((1..7).contains(&of_first), "it leaves days for the other client: {of_first}");
        ledger.load(&agency(&[first, second]).scenario(), &rules, at(FRIDAY)).await.unwrap();
        weekly(&ledger, &rules, WEEK, FRIDAY).await;
        let mut by_day: BTreeMap<_, u32> = BTreeMap::new();
        for schedule in ledger.schedules(&ScheduleFilter::default()).await.unwrap() {
            *by_day.entry(schedule.scheduled_for.to_string()[..10].to_owned()).or_default() += 1;
        }
        assert_eq!(by_day.values().copied().collect::<Vec<_>>(), [1; 7], "{by_day:?}");
    }
}
