//! The difference in engagement by week, with its confidence band.

use std::collections::BTreeSet;

use super::axes::{self, Scale, Symbol, Weeks, alpha};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::BLUE;
use super::versus::{self, Panels};
use super::{Figure, Heading};
use crate::model::Week;
use crate::report::{ReportError, numbers};
use crate::simulator::{Comparison, Versus};

const PANELS: Panels = Panels { plot_height: 210.0, foot_height: 66.0 };
const BAND_OPACITY: f64 = 0.3;
/// Maximum number of weeks named in a caption.
const MAX_NAMED: usize = 3;
const EMPTY_MESSAGE: &str = "No week has enough engagement in the base for a percentage.";

/// Draws the figure.
pub fn draw(comparison: &Comparison) -> Result<Figure, ReportError> {
    let has_intervals = versus::has_intervals(comparison);
    let heading = Heading {
        name: "difference-weeks",
        title: "Difference in engagements by week".to_owned(),
        caption: caption(comparison, has_intervals),
    };
    let weeks = || comparison.versus.iter().flat_map(|versus| &versus.weekly);
    let scale = Scale::including_zero(
        weeks().filter_map(|week| versus::low_mean_high_percent(&week.engagement)).flatten(),
        versus::STEPS,
    );
    let unit = format!("difference, in % of the week's engagements {}", versus::base_phrase(comparison));
    PANELS.draw(heading, comparison, &entries(has_intervals), &unit, |canvas, frame, versus| {
        panel(canvas, frame, scale, versus)
    })
}

fn entries(has_intervals: bool) -> Vec<(Symbol, &'static str)> {
    if !has_intervals {
        return vec![(Symbol::LineWithDot(BLUE), "the single replication")];
    }
    vec![
        (Symbol::LineWithDot(BLUE), "mean of the paired differences"),
        (Symbol::Patch(alpha(BLUE, BAND_OPACITY)), "95\u{a0}% interval of that mean"),
    ]
}

fn panel(canvas: &Canvas, frame: Frame, scale: Scale, versus: &Versus) -> Result<(), ReportError> {
    let Some(first) = versus.weekly.first() else { return axes::message(canvas, frame, EMPTY_MESSAGE) };
    let weeks = Weeks::new(first.week, versus.weekly.len());
    let shown: Vec<(f64, [f64; 3])> = versus
        .weekly
        .iter()
        .enumerate()
        .filter_map(|(index, week)| {
            Some((weeks.middle(frame, index), versus::low_mean_high_percent(&week.engagement)?))
        })
        .collect();
    if shown.is_empty() {
        return axes::message(canvas, frame, EMPTY_MESSAGE);
    }
    scale.draw_vertical(canvas, frame, LabelStyle::NOTE)?;
    weeks.draw(canvas, frame, LabelStyle::NOTE)?;
    versus::x_label(canvas, frame, 47.0, "week beginning")?;
    let [lower, means, upper] = [0, 1, 2].map(|part: usize| {
        let y = |values: &[f64; 3]| scale.y(frame, values.get(part).copied().unwrap_or_default());
        shown.iter().map(|(x, values)| (*x, y(values))).collect::<Vec<_>>()
    });
    if versus.weekly.iter().any(|week| week.engagement.interval.is_some()) {
        axes::band(canvas, &lower, &upper, alpha(BLUE, BAND_OPACITY))?;
    }
    axes::means(canvas, &means, BLUE)
}

fn caption(comparison: &Comparison, has_intervals: bool) -> String {
    let weeks = || comparison.versus.iter().flat_map(|versus| &versus.weekly);
    let clear_weeks = weeks()
        .filter(|week| week.engagement.is_significantly_greater() || week.engagement.is_significantly_less())
        .count();
    let omitted = omitted_weeks(comparison);
    if !has_intervals {
        return format!(
            "With one replication there is no band, so the random variation of a week's difference is unknown.{omitted}"
        );
    }
    format!(
        "Above the line at 0, a week earned more than {}; below it, less. In {} of {} the band excludes 0.{omitted}",
        versus::base_phrase(comparison),
        clear_weeks,
        numbers::count_with_noun(weeks().count() as f64, "week", "weeks"),
    )
}

/// Names the weeks that have no percentage because the base's engagement is close to zero.
fn omitted_weeks(comparison: &Comparison) -> String {
    let weeks = comparison.versus.iter().flat_map(|versus| &versus.weekly);
    let negligible: BTreeSet<Week> =
        weeks.filter(|week| week.engagement.is_base_negligible()).map(|week| week.week).collect();
    if negligible.is_empty() {
        return String::new();
    }
    let named: Vec<String> = negligible.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    let more = if negligible.len() > MAX_NAMED { " and others" } else { "" };
    let verb = if negligible.len() == 1 { "has" } else { "have" };
    format!(
        " {}{more} {verb} no percentage: engagement {} is zero or close to it.",
        named.join(", "),
        versus::base_phrase(comparison)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;
    use crate::stats::Pairs;

    #[test]
    fn a_week_with_negligible_base_engagement_is_named_and_does_not_affect_the_scale() {
        let (_, mut comparison) = sample::comparisons().into_iter().find(|(name, _)| *name == "usual").unwrap();
        assert!(!caption(&comparison, true).contains("close to it"));
        let mut pairs = Pairs::default();
        [(9.0, 1_500.0), (11.0, 1_510.0)].iter().for_each(|(base, other)| pairs.add(*base, *other));
        comparison.versus[0].weekly[0].engagement = pairs.difference();
        let text = caption(&comparison, true);
        assert!(
            text.ends_with(" 2026-W48 has no percentage: engagement under default is zero or close to it."),
            "{text}"
        );
        let drawn = draw(&comparison).unwrap().svg;
        assert!(!drawn.contains(",000"), "the scale extends to thousands of per cent");
    }
}
