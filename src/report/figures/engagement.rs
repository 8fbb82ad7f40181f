//! Engagement by week: the mean with its confidence interval, the range over replications, and what the planner
//! expected.

use super::axes::{self, Scale, Symbol, Weeks, alpha};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::{BLUE, INK};
use super::{Figure, Heading};
use crate::report::{ReportError, numbers};
use crate::simulator::{Simulation, WeekSummary};

const HEIGHT: f64 = 370.0;
const EMPTY_MESSAGE: &str = "No draft earned any engagement.";
/// Opacities of the band of replications and of the interval of the mean.
const RANGE_OPACITY: f64 = 0.16;
const INTERVAL_OPACITY: f64 = 0.38;

/// Draws the figure.
pub fn draw(simulation: &Simulation) -> Result<Figure, ReportError> {
    let has_intervals = simulation.provenance.replications > 1;
    let heading = Heading {
        name: "engagement",
        title: "Engagements per week".to_owned(),
        caption: caption(&simulation.weekly, has_intervals),
    };
    heading.draw(HEIGHT, |canvas| {
        let plot_top = axes::legend(canvas, &entries(has_intervals))?;
        let frame = axes::plot(canvas, plot_top, HEIGHT, "engagements of the week's drafts")?;
        let largest = largest_value(&simulation.weekly);
        if largest <= 0.0 {
            return axes::message(canvas, frame, EMPTY_MESSAGE);
        }
        let scale = Scale::from_zero(largest, 5.0);
        let weeks = Weeks::new(simulation.provenance.start, simulation.weekly.len());
        scale.draw_vertical(canvas, frame, LabelStyle::NOTE)?;
        weeks.draw(canvas, frame, LabelStyle::NOTE)?;
        axes::x_label(canvas, frame, HEIGHT, "week beginning")?;
        let plot = Plot { canvas, frame, scale, weeks, weekly: &simulation.weekly };
        if has_intervals {
            plot.band(alpha(BLUE, RANGE_OPACITY), |week| [week.engagement.p5, week.engagement.p95])?;
            plot.band(alpha(BLUE, INTERVAL_OPACITY), |week| {
                week.engagement.interval.unwrap_or([week.engagement.mean; 2])
            })?;
        }
        plot.expected()?;
        plot.mean()
    })
}

fn entries(has_intervals: bool) -> Vec<(Symbol, &'static str)> {
    let mean =
        (Symbol::LineWithDot(BLUE), if has_intervals { "mean over replications" } else { "the single replication" });
    let expected = (Symbol::Dashed(INK), "expected by the planner");
    if !has_intervals {
        return vec![mean, expected];
    }
    vec![
        mean,
        (Symbol::Patch(alpha(BLUE, INTERVAL_OPACITY + RANGE_OPACITY)), "95\u{a0}% interval of the mean"),
        (Symbol::Patch(alpha(BLUE, RANGE_OPACITY)), "5 to 95\u{a0}% of replications"),
        expected,
    ]
}

fn caption(weekly: &[WeekSummary], has_intervals: bool) -> String {
    let by_mean = |a: &&WeekSummary, b: &&WeekSummary| a.engagement.mean.total_cmp(&b.engagement.mean);
    let (Some(best), Some(worst)) = (weekly.iter().max_by(by_mean), weekly.iter().min_by(by_mean)) else {
        return EMPTY_MESSAGE.to_owned();
    };
    if largest_value(weekly) <= 0.0 {
        return EMPTY_MESSAGE.to_owned();
    }
    let bands = if has_intervals {
        "The narrow band is the 95\u{a0}% confidence interval of the mean; nine out of ten replications lie in the \
         wide, pale band."
    } else {
        "With one replication there is no band, so the random variation is unknown."
    };
    if weekly.len() == 1 {
        return format!("The week earned {} engagements. {bands}", numbers::count(best.engagement.mean));
    }
    format!(
        "From {} engagements in the weakest week ({}) to {} in the strongest ({}). {bands}",
        numbers::count(worst.engagement.mean),
        worst.week,
        numbers::count(best.engagement.mean),
        best.week
    )
}

fn largest_value(weekly: &[WeekSummary]) -> f64 {
    let highest = |week: &WeekSummary| {
        let interval = week.engagement.interval.map_or(0.0, |[_, high]| high);
        week.engagement.mean.max(week.engagement.p95).max(interval).max(week.expected_engagement)
    };
    weekly.iter().map(highest).fold(0.0, f64::max)
}

struct Plot<'a, 'b> {
    canvas: &'a Canvas<'b>,
    frame: Frame,
    scale: Scale,
    weeks: Weeks,
    weekly: &'a [WeekSummary],
}

impl Plot<'_, '_> {
    fn points(&self, value: impl Fn(&WeekSummary) -> f64) -> Vec<(f64, f64)> {
        let point = |(index, week)| (self.weeks.middle(self.frame, index), self.scale.y(self.frame, value(week)));
        self.weekly.iter().enumerate().map(point).collect()
    }

    /// A band between two values.
    fn band(
        &self,
        colour: plotters::style::RGBAColor,
        ends: impl Fn(&WeekSummary) -> [f64; 2],
    ) -> Result<(), ReportError> {
        axes::band(self.canvas, &self.points(|week| ends(week)[0]), &self.points(|week| ends(week)[1]), colour)
    }

    fn expected(&self) -> Result<(), ReportError> {
        match self.points(|week| week.expected_engagement).as_slice() {
            [(x, y)] => self.canvas.dashes(&[(x - 24.0, *y), (x + 24.0, *y)], 1.6, INK),
            line => self.canvas.dashes(line, 1.6, INK),
        }
    }

    fn mean(&self) -> Result<(), ReportError> {
        axes::means(self.canvas, &self.points(|week| week.engagement.mean), BLUE)
    }
}
