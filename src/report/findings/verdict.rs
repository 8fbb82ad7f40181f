//! The verdict of a comparison: one sentence for each variant.

use super::code;
use crate::report::numbers::{between, count, count_to, count_with_noun, more_or_less, percent, percent_to};
use crate::report::subject::Subject;
use crate::simulator::{Comparison, Measure, MeasureDifference, Versus};
use crate::stats::Difference;

/// Significance level for corrected p-values.
const SIGNIFICANCE_LEVEL: f64 = 0.05;

/// One sentence for every pack or scenario that is compared with the base, with names in backticks.
pub fn verdicts(comparison: &Comparison) -> Vec<String> {
    let base = comparison.base().map_or("", |variant| &variant.label);
    let subject = Subject::of(comparison);
    comparison.versus.iter().map(|versus| verdict(base, versus, subject)).collect()
}

fn verdict(base: &str, versus: &Versus, subject: Subject) -> String {
    let (name, base) = (code(&versus.label), code(base));
    let Some(row) = versus.measure(Measure::NetWorth) else { return String::new() };
    if versus.headline.iter().all(|row| row.difference.is_same)
        && versus.clients.iter().all(|client| client.engagement.is_same && client.net_worth.is_same)
        && versus.only_base.is_empty()
        && versus.only_other.is_empty()
    {
        return format!("There is no difference: {name} and {base} give the same posts, reviews and engagement.");
    }
    let others = other_differences(versus);
    if row.difference.interval.is_none() {
        let change = mean_change(&row.difference);
        let clients = client_clause(versus, versus.client_counts.worse, versus.client_counts.better);
        return format!(
            "In the single replication, {name} has {change} net worth than {base}{others}{clients}. \
             Without an interval this may be random variation."
        );
    }
    let counts = &versus.client_counts;
    let clients = client_clause(versus, counts.clearly_worse, counts.clearly_better);
    let change = interval_change(&row.difference);
    if row.difference.is_same {
        format!("{name} has the same net worth as {base}{others}{clients}.")
    } else if is_clear(row) {
        format!("{name} has {change} net worth than {base}{others}{clients}.")
    } else if row.difference.is_significantly_greater() || row.difference.is_significantly_less() {
        format!(
            "No clear difference in net worth: on its own, {name} has {change} than {base}, but with several {} \
             compared this may be chance{others}{clients}.",
            subject.plural
        )
    } else {
        format!("No clear difference in net worth: {name} has {change} than {base}{others}{clients}.")
    }
}

/// Whether a difference is significant after Holm's correction.
pub fn is_clear(row: &MeasureDifference) -> bool {
    row.corrected_p.is_some_and(|p| p < SIGNIFICANCE_LEVEL)
}

/// The mean difference in per cent of the base, or in absolute numbers if the base is close to zero.
fn mean_change(difference: &Difference) -> String {
    match difference.relative() {
        Some(share) => more_or_less(share, |share| percent(Some(share))),
        None => more_or_less(difference.mean, count),
    }
}

/// The interval of the difference in per cent of the base, or in absolute numbers if the base is close to zero.
fn interval_change(difference: &Difference) -> String {
    match (difference.relative_interval(), difference.interval) {
        (Some(ends), _) => between(ends, |share, digits| percent_to(Some(share), digits)),
        (None, Some(ends)) => between(ends, count_to),
        (None, None) => mean_change(difference),
    }
}

/// A clause on other differences: engagements and audience first, then drafts and blocked posts, then the review load,
/// which may be lower only because fewer posts are drafted or more are blocked.
fn other_differences(versus: &Versus) -> String {
    let engagement = versus.measure(Measure::Engagement).and_then(|row| changed(row, "engagement"));
    let audience = versus.measure(Measure::AudienceEnd).filter(|row| is_large(row));
    let audience = audience.and_then(|row| changed(row, "audience at the end"));
    let drafts = versus.measure(Measure::PostsDrafted).and_then(fewer_drafts);
    let blocked = versus.measure(Measure::PostsBlocked).and_then(more_blocked);
    let reviews = versus.measure(Measure::Reviews).map(review_load);
    let parts: Vec<String> = [engagement, audience, drafts, blocked, reviews].into_iter().flatten().collect();
    match parts.split_last() {
        None => String::new(),
        Some((last, [])) => format!(", with {last}"),
        Some((last, before)) => format!(", with {} and {last}", before.join(", ")),
    }
}

/// Whether a difference is mentioned: if it is significant, or if there are no intervals.
fn is_reported(row: &MeasureDifference) -> bool {
    !row.difference.is_same && (row.difference.interval.is_none() || is_clear(row))
}

/// Minimum relative difference at which a change of the audience is mentioned.
const MIN_AUDIENCE_CHANGE: f64 = 0.001;

fn is_large(row: &MeasureDifference) -> bool {
    row.difference.relative().is_none_or(|share| share.abs() >= MIN_AUDIENCE_CHANGE)
}

/// A reported change of a measure, in per cent of the base.
fn changed(row: &MeasureDifference, noun: &str) -> Option<String> {
    is_reported(row).then(|| format!("{} {noun}", mean_change(&row.difference)))
}

fn fewer_drafts(row: &MeasureDifference) -> Option<String> {
    let difference = &row.difference;
    let fewer = match difference.relative() {
        Some(share) => percent(Some(share.abs())),
        None => count(difference.mean.abs()),
    };
    (is_reported(row) && difference.mean < 0.0).then(|| format!("{fewer} fewer drafts"))
}

fn more_blocked(row: &MeasureDifference) -> Option<String> {
    let more = row.difference.mean;
    (is_reported(row) && more > 0.0).then(|| count_with_noun(more, "more blocked post", "more blocked posts"))
}

fn review_load(row: &MeasureDifference) -> String {
    if row.difference.is_same {
        "the same review load".to_owned()
    } else if !is_reported(row) {
        "no clear difference in review load".to_owned()
    } else if let Some(share) = row.difference.relative() {
        format!("{} review load", more_or_less(share, |share| percent(Some(share))))
    } else {
        match row.difference.mean {
            mean if mean < 0.0 => count_with_noun(-mean, "fewer review", "fewer reviews"),
            mean => count_with_noun(mean, "more review", "more reviews"),
        }
    }
}

/// A clause on how many clients lose and gain net worth, and how many are planned for in only one of the two scenarios.
fn client_clause(versus: &Versus, lose: u32, gain: u32) -> String {
    let one_sided = one_sided(versus);
    let counts = &versus.client_counts;
    let both = if one_sided.is_some() { " in both" } else { "" };
    let all = format!("{}{both}", count_with_noun(f64::from(counts.clients), "client", "clients"));
    let clause = counts_clause(counts.clients, &all, lose, gain);
    one_sided.map_or(clause.clone(), |one_sided| format!("{clause}; {one_sided}"))
}

/// How many clients are planned for in only one of the two scenarios; `None` if there are none.
fn one_sided(versus: &Versus) -> Option<String> {
    let part = |count: usize, scenario: &str| {
        (count > 0).then(|| format!("{} only in {scenario}", count_with_noun(count as f64, "client is", "clients are")))
    };
    let name = code(&versus.label);
    let parts = [part(versus.only_base.len(), "the base"), part(versus.only_other.len(), &name)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

fn counts_clause(clients: u32, all: &str, lose: u32, gain: u32) -> String {
    match (clients, lose, gain) {
        (0 | 1, ..) => String::new(),
        (_, 0, 0) => format!("; none of {all} clearly gains or loses"),
        (_, 0, gain) => format!("; {gain} of {all} {} and none loses", verb(gain, "gain")),
        (_, lose, 0) => format!("; {lose} of {all} {} and none gains", verb(lose, "lose")),
        (_, lose, gain) => format!("; {lose} of {all} {} and {gain} {}", verb(lose, "lose"), verb(gain, "gain")),
    }
}

fn verb(count: u32, verb: &str) -> String {
    if count == 1 { format!("{verb}s") } else { verb.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    fn verdicts_of(case: &str) -> String {
        let (_, comparison) = sample::comparisons().into_iter().find(|(name, _)| *name == case).unwrap();
        verdicts(&comparison).join("\n")
    }

    #[test]
    fn verdicts_name_the_difference_the_review_load_and_the_clients() {
        insta::assert_snapshot!(
            ["usual", "three-packs", "one-replication", "same", "unclear", "one-client"].map(verdicts_of).join("\n\n")
        );
    }
}
