//! The policy, warnings and performance assessment of a generated client.

use super::GeneratedClient;
use crate::model::digits::rounded;
use crate::model::{PolicyRow, RealityRow, Score, Severity, WarningId, WarningRow, WarningStatus};

/// Types of warnings.
const WARNING_TYPES: [&str; 10] = [
    "trend_shift",
    "collapse_risk",
    "fatigue",
    "operational_stress",
    "story_stall",
    "creative_drift",
    "scaling_pressure",
    "performance_conflict",
    "data_gap",
    "blindspot",
];

/// A policy for most clients; the others get the rules' default.
pub(super) fn policy(client: &GeneratedClient) -> Option<PolicyRow> {
    let mut draw = client.draw("policy");
    draw.chance(0.85).then(|| PolicyRow {
        client_id: client.client_id(),
        agent_enabled: Some(draw.chance(0.98)),
        auto_exec_enabled: Some(draw.chance(0.8)),
        max_actions_per_day: Some(draw.integer(8, 14)),
        pause_on_high_severity_warning: Some(draw.chance(0.92)),
    })
}

/// A few warnings, mostly low or resolved; one client in fifty has an open one of high severity.
pub(super) fn warnings(client: &GeneratedClient) -> Vec<WarningRow> {
    let mut draw = client.draw("warnings");
    let mut warnings = Vec::new();
    if draw.chance(0.02) {
        warnings.push((Severity::High, WarningStatus::Open));
    }
    if draw.chance(0.25) {
        for _ in 0..draw.integer(1, 2) {
            let severity = if draw.chance(0.6) { Severity::Low } else { Severity::Medium };
            let statuses = [
                (WarningStatus::Resolved, 5.0),
                (WarningStatus::Acknowledged, 2.0),
                (WarningStatus::Open, 2.0),
                (WarningStatus::Dismissed, 1.0),
            ];
            warnings.push((severity, *draw.weighted(&statuses)));
        }
    }
    let row = |(index, (severity, status)): (usize, (Severity, WarningStatus))| WarningRow {
        warning_id: WarningId::new(format!("{}-w{}", client.id(), index + 1)),
        client_id: client.client_id(),
        kind: (*draw.pick_from(&WARNING_TYPES)).into(),
        severity,
        status,
        opened_at: client.instant(-draw.between(1.0, 28.0)),
    };
    warnings.into_iter().enumerate().map(row).collect()
}

/// An assessment of last month's results for most clients; one in ten of them without a true score.
pub(super) fn reality(client: &GeneratedClient) -> Option<RealityRow> {
    let mut draw = client.draw("reality");
    if !draw.chance(0.9) {
        return None;
    }
    let perceived = draw.between(0.3, 0.9);
    let gap = draw.between(-0.25, 0.15) * draw.uniform() * 2.0;
    let is_assessed = draw.chance(0.9);
    let score = |number| Score::clamped(rounded(number, 3));
    Some(RealityRow {
        client_id: client.client_id(),
        as_of: client.instant(-draw.between(1.0, 7.0)),
        perceived_score: score(perceived),
        true_score: is_assessed.then(|| score((perceived + gap).clamp(0.0, 1.0))),
        confidence: score(0.45 + 0.5 * draw.kumaraswamy(2.5, 1.5)),
        completeness: score(0.4 + 0.6 * draw.kumaraswamy(3.0, 1.2)),
    })
}
