//! Planned posts by week and risk band, and how many were sent to review.

use super::axes::{self, Scale, Symbol, Weeks, alpha, step_line};
use super::canvas::LabelStyle;
use super::palette::{INK, ORANGE, SKY, VERMILLION};
use super::{Figure, Heading};
use crate::model::RiskBand;
use crate::report::{ReportError, numbers};
use crate::simulator::{Simulation, WeekSummary};

const HEIGHT: f64 = 350.0;
const EMPTY_MESSAGE: &str = "No post was planned.";
/// Colours of low, medium and high risk.
const COLOURS: [plotters::style::RGBColor; RiskBand::ALL.len()] = [SKY, ORANGE, VERMILLION];

/// Draws the figure.
pub fn draw(simulation: &Simulation) -> Result<Figure, ReportError> {
    let weekly = &simulation.weekly;
    let heading = Heading {
        name: "risk",
        title: "Planned posts per week by risk band, and reviews".to_owned(),
        caption: caption(weekly),
    };
    heading.draw(HEIGHT, |canvas| {
        let plot_top = axes::legend(canvas, &entries())?;
        let frame = axes::plot(canvas, plot_top, HEIGHT, "posts per week")?;
        let highest = |week: &WeekSummary| week.risk.iter().sum::<f64>().max(week.reviews);
        let max = weekly.iter().map(highest).fold(0.0, f64::max);
        if max <= 0.0 {
            return axes::message(canvas, frame, EMPTY_MESSAGE);
        }
        let scale = Scale::from_zero(max, 5.0);
        let weeks = Weeks::new(simulation.provenance.start, weekly.len());
        scale.draw_vertical(canvas, frame, LabelStyle::NOTE)?;
        weeks.draw(canvas, frame, LabelStyle::NOTE)?;
        axes::x_label(canvas, frame, HEIGHT, "week beginning")?;
        for (index, week) in weekly.iter().enumerate() {
            let parts: Vec<_> = week.risk.into_iter().zip(COLOURS).collect();
            axes::stack(canvas, frame, scale, weeks.bar(frame, index), &parts)?;
        }
        canvas.line(&step_line(weeks, frame, scale, weekly.iter().map(|week| week.reviews)), 1.8, INK)
    })
}

fn entries() -> [(Symbol, &'static str); 4] {
    let [low, medium, high] = COLOURS.map(|colour| Symbol::Patch(alpha(colour, 1.0)));
    [
        (low, "low: may run without approval"),
        (medium, "medium: needs approval"),
        (high, "high: needs approval"),
        (Symbol::Line(INK), "posts sent to a reviewer"),
    ]
}

fn caption(weekly: &[WeekSummary]) -> String {
    let mut sums = [0.0; RiskBand::ALL.len()];
    for week in weekly {
        sums.iter_mut().zip(week.risk).for_each(|(sum, posts)| *sum += posts);
    }
    let all: f64 = sums.iter().sum();
    if all <= 0.0 {
        return EMPTY_MESSAGE.to_owned();
    }
    let [low, medium, high] = sums.map(|sum| numbers::percent(numbers::share(sum, all)));
    format!(
        "Of the planned posts, {low} had low risk, {medium} medium and {high} high risk. \
         The line is the number of posts sent to reviewers; blocked posts are in the bars but are not reviewed."
    )
}
