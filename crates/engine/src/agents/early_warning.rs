//! Early Warning: scores the signals that the rules name, and counts the active warnings.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ClientWeek;
use crate::model::{EarlyWarning, Severity, SignalScore};
use crate::rules::{ClientFacts, Evaluator, RuleFailure};

/// The scores of one client's signals (`matrix`), and the number of active warnings: those recorded earlier, and those
/// that the scores raise now. Each kind of warning counts once, at its highest severity.
///
/// # Errors
/// If the pack's function `signal_matrix` fails.
pub fn signal(
    week: &ClientWeek<'_>,
    facts: &Arc<ClientFacts>,
    evaluator: &mut Evaluator,
) -> Result<EarlyWarning, RuleFailure> {
    let rules = &week.rules.early_warning;
    let scores = evaluator.signal_matrix(facts, &rules.signals)?;
    let matrix: Vec<SignalScore> = rules
        .signals
        .iter()
        .zip(scores.iter())
        .map(|((signal, threshold), score)| SignalScore {
            signal: Arc::clone(signal),
            score: *score,
            threshold: *threshold,
            severity: severity(*score, *threshold, rules.high_from),
        })
        .collect();
    let high = active_kinds(week, &matrix, Severity::High, &BTreeSet::new());
    let medium = active_kinds(week, &matrix, Severity::Medium, &high);
    let (high_warnings, medium_warnings) = (count(&high), count(&medium));
    Ok(EarlyWarning { matrix, high_warnings, medium_warnings })
}

fn severity(score: f64, threshold: f64, high_from: f64) -> Option<Severity> {
    if score < threshold {
        return None;
    }
    Some(if score >= high_from { Severity::High } else { Severity::Medium })
}

/// The kinds of warning active at a severity, except those already counted at a higher one.
fn active_kinds<'a>(
    week: &ClientWeek<'a>,
    matrix: &'a [SignalScore],
    severity: Severity,
    already_counted: &BTreeSet<&str>,
) -> BTreeSet<&'a str> {
    let recorded = week.state.warnings.iter().filter(|warning| warning.is_live() && warning.severity == severity);
    let raised = matrix.iter().filter(|signal| signal.severity == Some(severity));
    recorded
        .map(|warning| &*warning.kind)
        .chain(raised.map(|signal| &*signal.signal))
        .filter(|kind| !already_counted.contains(kind))
        .collect()
}

fn count(kinds: &BTreeSet<&str>) -> u32 {
    u32::try_from(kinds.len()).unwrap_or(u32::MAX)
}
