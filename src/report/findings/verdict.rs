//! What a comparison comes to, in a sentence for each pack.

use super::code;
use crate::report::numbers::{between, count, more_or_less, of_things, percent};
use crate::simulator::{ClientCounts, Comparison, Measure, MeasureDifference, Versus};
use crate::stats::Difference;

/// The level below which a corrected p value counts as a difference.
const LEVEL: f64 = 0.05;

/// One sentence for every pack that is compared with the base, names between backticks.
pub fn verdicts(comparison: &Comparison) -> Vec<String> {
    let base = comparison.packs.first().map_or("", |pack| &pack.label);
    comparison.versus.iter().map(|versus| verdict(base, versus)).collect()
}

fn verdict(base: &str, versus: &Versus) -> String {
    let (name, base) = (code(&versus.label), code(base));
    let Some(row) = versus.of(Measure::Engagement) else { return String::new() };
    if versus.headline.iter().all(|row| row.difference.is_same)
        && versus.clients.iter().all(|client| client.engagement.is_same)
    {
        return format!("There is no difference: {name} and {base} give the same posts, reviews and engagement.");
    }
    let reviews = versus.of(Measure::Reviews).map(review_load).unwrap_or_default();
    if row.difference.interval.is_none() {
        let earned = mean_change(&row.difference);
        let clients = client_clause(&versus.client_counts, versus.client_counts.worse, versus.client_counts.better);
        return format!(
            "In the one replication that was run, {name} earns {earned} engagement than {base}{reviews}{clients}. \
             Without an interval nobody can tell that from luck."
        );
    }
    let counts = &versus.client_counts;
    let clients = client_clause(counts, counts.clearly_worse, counts.clearly_better);
    let earned = interval_change(&row.difference);
    if row.difference.is_same {
        format!("{name} earns the same engagement as {base}{reviews}{clients}.")
    } else if is_clear(row) {
        format!("{name} earns {earned} engagement than {base}{reviews}{clients}.")
    } else if row.difference.is_clearly_more() || row.difference.is_clearly_less() {
        format!(
            "No clear difference in engagement: taken alone, {name} earns {earned} than {base}, but with so many packs \
             compared that may be luck{reviews}{clients}."
        )
    } else {
        format!("No clear difference in engagement: {name} earns {earned} than {base}{reviews}{clients}.")
    }
}

/// Whether a difference stands Holm's correction.
pub fn is_clear(row: &MeasureDifference) -> bool {
    row.corrected_p.is_some_and(|p| p < LEVEL)
}

/// The mean difference in per cent of the base, or in numbers where the base has none.
fn mean_change(difference: &Difference) -> String {
    match difference.relative() {
        Some(share) => more_or_less(share, |share| percent(Some(share))),
        None => more_or_less(difference.mean, count),
    }
}

/// The interval of the difference in per cent of the base, or in numbers where the base has none.
fn interval_change(difference: &Difference) -> String {
    match (difference.relative_interval(), difference.interval) {
        (Some(ends), _) => between(ends, |share| percent(Some(share))),
        (None, Some(ends)) => between(ends, count),
        (None, None) => mean_change(difference),
    }
}

fn review_load(row: &MeasureDifference) -> String {
    if row.difference.is_same {
        ", with the same review load".to_owned()
    } else if row.difference.interval.is_none() || is_clear(row) {
        format!(", with {} review load", mean_change(&row.difference))
    } else {
        ", with no clear difference in review load".to_owned()
    }
}

fn client_clause(counts: &ClientCounts, lose: u32, gain: u32) -> String {
    let all = of_things(f64::from(counts.clients), "client", "clients");
    match (counts.clients, lose, gain) {
        (0 | 1, ..) => String::new(),
        (_, 0, 0) => format!("; none of {all} clearly gains or loses"),
        (_, 0, gain) => format!("; {gain} of {all} {} and none loses", verb(gain, "gain")),
        (_, lose, 0) => format!("; {lose} of {all} {} and none gains", verb(lose, "lose")),
        (_, lose, gain) => format!("; {lose} of {all} {} and {gain} {}", verb(lose, "lose"), verb(gain, "gain")),
    }
}

fn verb(some: u32, verb: &str) -> String {
    if some == 1 { format!("{verb}s") } else { verb.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn said(case: &str) -> String {
        let (_, comparison) = sample::comparisons().into_iter().find(|(name, _)| *name == case).unwrap();
        verdicts(&comparison).join("\n")
    }

    #[test]
    fn a_verdict_says_how_much_who_reviews_and_who_loses() {
        insta::assert_snapshot!(
            ["usual", "three-packs", "one-replication", "same", "unclear", "one-client"].map(said).join("\n\n")
        );
    }
}
