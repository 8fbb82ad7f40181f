//! The difference in engagement by week, with its confidence band.

use std::collections::BTreeSet;

use super::axes::{self, Key, Scale, Weeks, light};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::BLUE;
use super::versus::{self, Panels};
use super::{Figure, Heading};
use crate::model::Week;
use crate::report::{ReportError, numbers};
use crate::simulator::{Comparison, Versus};

const PANELS: Panels = Panels { plot: 210.0, foot: 66.0 };
const BAND: f64 = 0.3;
/// Maximum number of weeks named in a caption.
const NAMED: usize = 3;
const NOTHING: &str = "No week earned enough under the base for a percentage.";

/// Draws the figure.
pub fn draw(comparison: &Comparison) -> Result<Figure, ReportError> {
    let many = versus::has_intervals(comparison);
    let heading = Heading {
        name: "difference-weeks",
        title: "Difference in engagements by week".to_owned(),
        caption: caption(comparison, many),
    };
    let weeks = || comparison.versus.iter().flat_map(|versus| &versus.weekly);
    let scale =
        Scale::around_zero(weeks().filter_map(|week| versus::percents(&week.engagement)).flatten(), versus::STEPS);
    let unit = format!("difference, in % of the week's engagements under {}", versus::base(comparison));
    PANELS.draw(heading, comparison, &entries(many), &unit, |canvas, frame, versus| panel(canvas, frame, scale, versus))
}

fn entries(many: bool) -> Vec<(Key, &'static str)> {
    if !many {
        return vec![(Key::Dotted(BLUE), "the one replication")];
    }
    vec![
        (Key::Dotted(BLUE), "mean of the paired differences"),
        (Key::Patch(light(BLUE, BAND)), "95\u{a0}% interval of that mean"),
    ]
}

fn panel(canvas: &Canvas, frame: Frame, scale: Scale, versus: &Versus) -> Result<(), ReportError> {
    let Some(first) = versus.weekly.first() else { return axes::nothing(canvas, frame, NOTHING) };
    let weeks = Weeks::new(first.week, versus.weekly.len());
    let shown: Vec<(f64, [f64; 3])> = versus
        .weekly
        .iter()
        .enumerate()
        .filter_map(|(index, week)| Some((weeks.middle(frame, index), versus::percents(&week.engagement)?)))
        .collect();
    if shown.is_empty() {
        return axes::nothing(canvas, frame, NOTHING);
    }
    scale.draw(canvas, frame, LabelStyle::NOTE)?;
    weeks.draw(canvas, frame, LabelStyle::NOTE)?;
    versus::across(canvas, frame, 47.0, "week beginning")?;
    let [lower, means, upper] = [0, 1, 2].map(|part: usize| {
        let y = |values: &[f64; 3]| scale.y(frame, values.get(part).copied().unwrap_or_default());
        shown.iter().map(|(x, values)| (*x, y(values))).collect::<Vec<_>>()
    });
    if versus.weekly.iter().any(|week| week.engagement.interval.is_some()) {
        axes::band(canvas, &lower, &upper, light(BLUE, BAND))?;
    }
    axes::means(canvas, &means, BLUE)
}

fn caption(comparison: &Comparison, many: bool) -> String {
    let weeks = || comparison.versus.iter().flat_map(|versus| &versus.weekly);
    let clear = weeks()
        .filter(|week| week.engagement.is_significantly_greater() || week.engagement.is_significantly_less())
        .count();
    let left_out = left_out(comparison);
    if !many {
        return format!(
            "With one replication there is no band: how far luck moves a week's difference cannot be seen.{left_out}"
        );
    }
    format!(
        "Above the line at 0 a week earned more than under {}, below it less. In {} of {} the band leaves 0 out.{left_out}",
        versus::base(comparison),
        clear,
        numbers::count_with_noun(weeks().count() as f64, "week", "weeks"),
    )
}

/// Names the weeks that have no percentage because the base's engagement is close to zero.
fn left_out(comparison: &Comparison) -> String {
    let weeks = comparison.versus.iter().flat_map(|versus| &versus.weekly);
    let found: BTreeSet<Week> =
        weeks.filter(|week| week.engagement.is_base_negligible()).map(|week| week.week).collect();
    if found.is_empty() {
        return String::new();
    }
    let named: Vec<String> = found.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if found.len() > NAMED { " and others" } else { "" };
    let has = if found.len() == 1 { "has" } else { "have" };
    format!(
        " {}{more} {has} no percentage: {} earned next to nothing there, or nothing.",
        named.join(", "),
        versus::base(comparison)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;
    use crate::stats::Pairs;

    #[test]
    fn a_week_in_which_the_base_earned_next_to_nothing_is_named_and_does_not_stretch_the_scale() {
        let (_, mut comparison) = sample::comparisons().into_iter().find(|(name, _)| *name == "usual").unwrap();
        assert!(!caption(&comparison, true).contains("next to nothing"));
        let mut pairs = Pairs::default();
        [(9.0, 1_500.0), (11.0, 1_510.0)].iter().for_each(|(base, other)| pairs.add(*base, *other));
        comparison.versus[0].weekly[0].engagement = pairs.difference();
        let said = caption(&comparison, true);
        assert!(
            said.ends_with(" 2026-W48 has no percentage: default earned next to nothing there, or nothing."),
            "{said}"
        );
        let drawn = draw(&comparison).unwrap().svg;
        assert!(!drawn.contains(",000"), "the scale goes to thousands of per cent");
    }
}
