//! Describes the effect of a change of rules or scenario on the plan of a week: how the two plans differ.

use std::fmt::Write as _;

use crate::model::Plan;
use crate::planner::ChannelDifference;

/// Writes how the plans differ: in total, then by client and channel, largest loss first.
pub(super) fn write_effect(
    text: &mut String,
    before: &Plan,
    after: &Plan,
    mut effect: Vec<ChannelDifference>,
) -> std::fmt::Result {
    writeln!(text, "the plan of {}:", after.week)?;
    if effect.is_empty() {
        return writeln!(text, "  no post changes");
    }
    writeln!(text, "  {}", totals(&effect))?;
    let expected = (before.expected_engagement(), after.expected_engagement());
    writeln!(
        text,
        "  expected engagement {:.1} -> {:.1} ({:+.2} %)",
        expected.0,
        expected.1,
        percent_change(expected)
    )?;
    effect.sort_by(|a, b| b.loss().total_cmp(&a.loss()));
    for difference in &effect {
        let expected = (difference.expected_before, difference.expected_after);
        writeln!(
            text,
            "  {:<24} {:<8} expected {:>9.1} -> {:>9.1} ({:+.1} %)  {}",
            difference.client_id,
            difference.channel,
            expected.0,
            expected.1,
            percent_change(expected),
            totals(std::slice::from_ref(difference))
        )?;
    }
    Ok(())
}

/// The change in per cent; 0 if there was nothing before.
fn percent_change((before, after): (f64, f64)) -> f64 {
    let percent = if before.abs() > 0.0 { 100.0 * (after - before) / before } else { 0.0 };
    // Never `-0.00`: what rounds to zero at two decimals is zero.
    if percent.abs() < 0.005 { 0.0 } else { percent }
}

/// The non-zero counts as text.
fn totals(effect: &[ChannelDifference]) -> String {
    let sum = |count: fn(&ChannelDifference) -> usize| effect.iter().map(count).sum::<usize>();
    let parts = [
        (sum(|difference| difference.added), "added"),
        (sum(|difference| difference.dropped), "dropped"),
        (sum(|difference| difference.moved.len()), "moved"),
        (sum(|difference| difference.blocked), "blocked"),
        (sum(|difference| difference.released), "no longer blocked"),
        (sum(|difference| difference.risk_raised), "with higher risk"),
        (sum(|difference| difference.risk_lowered), "with lower risk"),
        (sum(|difference| difference.other_asset), "with another asset"),
    ];
    let counts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, change)| format!("{count} {change}")).collect();
    if counts.is_empty() { "only the expected engagement differs".to_owned() } else { counts.join(", ") }
}
