//! The agents' signals about a client's week: functions from state and rules to signals.
//!
//! Agents decide nothing. The planner reads their signals, and they are recorded with every decision.

pub(crate) mod agency_director;
pub(crate) mod client_ops;
pub(crate) mod creative_director;
pub(crate) mod early_warning;
pub(crate) mod performance_reality;
pub(crate) mod scaling;

use crate::model::{Client, ClientState, LimitQuota, Timestamp, WeekHours};
use crate::rules::Rules;

/// A client and a week: the input of every agent.
#[derive(Debug, Clone, Copy)]
pub struct ClientWeek<'a> {
    /// The client: policy, campaigns, assets, special days.
    pub client: &'a Client,
    /// Its state before the week.
    pub state: &'a ClientState,
    /// The rules in effect for the client.
    pub rules: &'a Rules,
    /// The hours of the week in the client's zone.
    pub hours: &'a WeekHours,
    /// The instant before which nothing is planned; `None` if posts may be planned in the whole week.
    pub not_before: Option<Timestamp>,
    /// The client's quotas of limits that it shares with other clients; empty if no such limit binds.
    pub quotas: &'a [LimitQuota],
}
