//! Client Ops: the client's time zone, status and policy.

use super::ClientWeek;
use crate::model::ClientOps;

/// The client's time zone, status and policy.
#[must_use]
pub fn signal(week: &ClientWeek<'_>) -> ClientOps {
    let policy = &week.client.policy;
    ClientOps {
        time_zone: week.client.zone.name().to_owned(),
        status: week.client.status,
        agent_enabled: policy.agent_enabled,
        auto_exec_enabled: policy.auto_exec_enabled,
        max_actions_per_day: policy.max_actions_per_day,
        pause_on_high_severity_warning: policy.pause_on_high_severity_warning,
    }
}
