//! When posts are published: a heat map by weekday and hour of the clients' clocks.

use plotters::style::RGBColor;

use super::canvas::{Canvas, Frame, LabelStyle, WIDTH};
use super::palette::{AMOUNT_STEPS, EMPTY, INK, amount_colour};
use super::{Figure, Heading};
use crate::report::{ReportError, numbers};
use crate::simulator::Simulation;

const HEIGHT: f64 = 340.0;
const SHORT_DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const PLURAL_DAYS: [&str; 7] = ["Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"];
const GRID: Frame = Frame { left: 60.0, top: 100.0, right: 800.0, bottom: 282.0 };

/// Draws the figure.
pub fn draw(simulation: &Simulation) -> Result<Figure, ReportError> {
    let weeks = f64::from(simulation.provenance.weeks.max(1));
    let days: Vec<[f64; 24]> =
        simulation.calendar.iter().map(|hours| hours.map(|posts| posts.max(0.0) / weeks)).collect();
    let heading = Heading {
        name: "calendar",
        title: "Posts per week by weekday and local hour of the client".to_owned(),
        caption: caption(&days),
    };
    heading.draw(HEIGHT, |canvas| {
        let max = days.iter().flatten().copied().fold(0.0, f64::max);
        draw_legend(canvas, max)?;
        draw_hour_labels(canvas)?;
        for ((row, day), name) in days.iter().enumerate().zip(SHORT_DAYS) {
            let frame = cell(row, 0);
            let middle = f64::midpoint(frame.top, frame.bottom);
            canvas.text((GRID.left - 10.0, middle), name, LabelStyle::NOTE.right_aligned())?;
            for (hour, posts) in day.iter().enumerate() {
                canvas.fill(cell(row, hour), cell_colour(*posts, max))?;
            }
            let sum = numbers::count(day.iter().sum());
            canvas.text((WIDTH - 16.0, middle), &sum, LabelStyle::NOTE.coloured(INK).right_aligned())?;
        }
        Ok(())
    })
}

fn cell(day: usize, hour: usize) -> Frame {
    let (width, height) = (GRID.width() / 24.0, GRID.height() / 7.0);
    let (left, top) = (GRID.left + hour as f64 * width, GRID.top + day as f64 * height);
    Frame { left: left + 1.0, top: top + 1.0, right: left + width - 1.0, bottom: top + height - 1.0 }
}

fn cell_colour(posts: f64, max: f64) -> RGBColor {
    if posts <= 0.0 || max <= 0.0 { EMPTY } else { amount_colour(posts / max) }
}

fn draw_hour_labels(canvas: &Canvas) -> Result<(), ReportError> {
    for hour in (0..24).step_by(2) {
        let frame = cell(0, hour);
        let middle = f64::midpoint(frame.left, frame.right);
        canvas.text((middle, GRID.bottom + 14.0), &format!("{hour:02}"), LabelStyle::NOTE.centred())?;
    }
    canvas.text((WIDTH - 16.0, GRID.top - 14.0), "all day", LabelStyle::NOTE.right_aligned())?;
    let middle = f64::midpoint(GRID.left, GRID.right);
    canvas.text((middle, HEIGHT - 14.0), "hour of the day, in the client's time zone", LabelStyle::NOTE.centred())
}

fn draw_legend(canvas: &Canvas, max: f64) -> Result<(), ReportError> {
    let bar = Frame { left: 128.0, top: 48.0, right: 320.0, bottom: 60.0 };
    let y = f64::midpoint(bar.top, bar.bottom);
    canvas.fill(Frame { left: 16.0, right: 34.0, ..bar }, EMPTY)?;
    canvas.text((42.0, y), "none", LabelStyle::NOTE)?;
    canvas.text((bar.left - 8.0, y), "few", LabelStyle::NOTE.right_aligned())?;
    let width = bar.width() / AMOUNT_STEPS as f64;
    for step in 0..AMOUNT_STEPS {
        let left = bar.left + step as f64 * width;
        let shade = amount_colour((step as f64 + 0.5) / AMOUNT_STEPS as f64);
        canvas.fill(Frame { left, right: left + width, ..bar }, shade)?;
    }
    canvas.text(
        (bar.right + 8.0, y),
        &format!("{} per week in the busiest hour", numbers::count(max)),
        LabelStyle::NOTE,
    )
}

fn caption(days: &[[f64; 24]]) -> String {
    let all: f64 = days.iter().flatten().sum();
    let day_sums: Vec<f64> = days.iter().map(|hours| hours.iter().sum()).collect();
    let mut hours: Vec<(usize, f64)> =
        (0..24).map(|hour| (hour, days.iter().filter_map(|day| day.get(hour)).sum())).collect();
    hours.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let busiest =
        day_sums.iter().zip(PLURAL_DAYS).max_by(|(a, _), (b, _)| a.total_cmp(b)).filter(|(sum, _)| **sum > 0.0);
    let (Some((day_posts, day)), [(first, first_posts), (second, second_posts), ..]) = (busiest, hours.as_slice())
    else {
        return "There were no posts.".to_owned();
    };
    format!(
        "{day} are busiest, with {} posts; the hours from {first:02}:00 and {second:02}:00 have {} of a week's posts. \
         Grey hours have no posts: they are quiet hours, blackouts, or never the best choice.",
        numbers::count(*day_posts),
        numbers::percent(numbers::share(first_posts + second_posts, all)),
    )
}
