//! What each agent says about a client this week: functions from state and rules to signals.
//!
//! Agents decide nothing. The planner reads their signals, and the record keeps them.

pub(crate) mod agency_director;
pub(crate) mod client_ops;
pub(crate) mod creative_director;
pub(crate) mod early_warning;
pub(crate) mod performance_reality;
pub(crate) mod scaling;

use crate::model::{Client, ClientState, Timestamp, WeekHours};
use crate::rules::Rules;

/// A client and a week: what every agent looks at.
#[derive(Debug, Clone, Copy)]
pub struct ClientWeek<'a> {
    /// What does not change.
    pub client: &'a Client,
    /// What does, as it stands before the week.
    pub state: &'a ClientState,
    /// The numbers that hold for the client.
    pub rules: &'a Rules,
    /// The hours of the week in the client's zone.
    pub hours: &'a WeekHours,
    /// The instant before which nothing is planned; none where the whole week is.
    pub not_before: Option<Timestamp>,
}
