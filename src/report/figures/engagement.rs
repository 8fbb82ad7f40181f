//! Engagement by week: the mean with its confidence interval, the range over replications, and what the planner
//! expected.

use super::axes::{self, Key, Scale, Weeks, light};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::{BLUE, INK};
use super::{Figure, Heading};
use crate::report::{ReportError, numbers};
use crate::simulator::{Simulation, WeekSummary};

const HEIGHT: f64 = 370.0;
const NOTHING: &str = "No draft earned anything.";
const RANGE: f64 = 0.16;
const INTERVAL: f64 = 0.38;

/// Draws the figure.
pub fn draw(simulation: &Simulation) -> Result<Figure, ReportError> {
    let many = simulation.provenance.replications > 1;
    let heading = Heading {
        name: "engagement",
        title: "Engagements a week".to_owned(),
        caption: caption(&simulation.weekly, many),
    };
    heading.draw(HEIGHT, |canvas| {
        let below = axes::legend(canvas, &entries(many))?;
        let frame = axes::plot(canvas, below, HEIGHT, "engagements of a week's drafts")?;
        let largest = largest(&simulation.weekly);
        if largest <= 0.0 {
            return axes::nothing(canvas, frame, NOTHING);
        }
        let scale = Scale::holding(largest, 5.0);
        let weeks = Weeks::new(simulation.provenance.start, simulation.weekly.len());
        scale.draw(canvas, frame, LabelStyle::NOTE)?;
        weeks.draw(canvas, frame, LabelStyle::NOTE)?;
        axes::across(canvas, frame, HEIGHT, "week beginning")?;
        let plot = Plot { canvas, frame, scale, weeks, weekly: &simulation.weekly };
        if many {
            plot.band(light(BLUE, RANGE), |week| [week.engagement.p5, week.engagement.p95])?;
            plot.band(light(BLUE, INTERVAL), |week| week.engagement.interval.unwrap_or([week.engagement.mean; 2]))?;
        }
        plot.expected()?;
        plot.mean()
    })
}

fn entries(many: bool) -> Vec<(Key, &'static str)> {
    let mean = (Key::Dotted(BLUE), if many { "mean of replications" } else { "the one replication" });
    let expected = (Key::Dashed(INK), "expected by the planner");
    if !many {
        return vec![mean, expected];
    }
    vec![
        mean,
        (Key::Patch(light(BLUE, INTERVAL + RANGE)), "95\u{a0}% interval of the mean"),
        (Key::Patch(light(BLUE, RANGE)), "nine in ten replications"),
        expected,
    ]
}

fn caption(weekly: &[WeekSummary], many: bool) -> String {
    let by_mean = |a: &&WeekSummary, b: &&WeekSummary| a.engagement.mean.total_cmp(&b.engagement.mean);
    let (Some(best), Some(worst)) = (weekly.iter().max_by(by_mean), weekly.iter().min_by(by_mean)) else {
        return NOTHING.to_owned();
    };
    if largest(weekly) <= 0.0 {
        return NOTHING.to_owned();
    }
    let spread = if many {
        "The narrow band is where the mean lies with 95\u{a0}% confidence; a single run falls in the wide, pale band \
         nine times in ten."
    } else {
        "With one replication there is no band: how far luck moves a week cannot be seen."
    };
    if weekly.len() == 1 {
        return format!("The week earned {} engagements. {spread}", numbers::count(best.engagement.mean));
    }
    format!(
        "From {} engagements in the weakest week ({}) to {} in the strongest ({}). {spread}",
        numbers::count(worst.engagement.mean),
        worst.week,
        numbers::count(best.engagement.mean),
        best.week
    )
}

fn largest(weekly: &[WeekSummary]) -> f64 {
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
