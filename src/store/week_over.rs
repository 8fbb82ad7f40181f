//! Weeks that have ended.

use super::error::StoreError;
use crate::model::{Scenario, Timestamp, Week};
use crate::planner::PlanError;

/// Fails if a week has ended for every client of a scenario.
///
/// # Errors
/// If the week is over for all of them, or lies at the edge of the supported calendar.
pub fn refuse_if_week_is_over(scenario: &Scenario, week: Week, now: Timestamp) -> Result<(), StoreError> {
    let ends = scenario.clients.iter().map(|(client, _)| client.zone.start_of_day(week.plus(1).monday()));
    let last_end = ends.collect::<Result<Vec<_>, _>>().map_err(PlanError::from)?.into_iter().max();
    if last_end.is_some_and(|end| end <= now) { Err(StoreError::WeekOver(week)) } else { Ok(()) }
}
