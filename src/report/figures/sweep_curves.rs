//! The first goal of a sweep over a grid, by the value of the first key that varies, with a line for each value of the
//! second key.

use plotters::style::RGBColor;

use super::axes::{self, Scale, Slots, Symbol};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::{BLUE, MUTED, ORANGE, PURPLE, SKY, VERMILLION};
use super::{Figure, Heading};
use crate::report::{ReportError, findings, numbers};
use crate::simulator::{Direction, Sweep, SweepPoint, SweptKey};
use crate::stats::Estimate;

/// Colours of the curves; a grid with more values of its second key has no such figure.
const COLOURS: [RGBColor; 6] = [BLUE, VERMILLION, ORANGE, PURPLE, SKY, MUTED];
/// Approximate number of steps of the vertical axis.
const STEPS: f64 = 5.0;
const HEIGHT: f64 = 380.0;

/// Horizontal distance in pixels between the points of neighbouring curves at the same value, so that their intervals
/// can be told apart.
const SHIFT: f64 = 7.0;

/// The points of a grid with the same value of the second key that varies, in the order of the first one's values.
struct Curve<'s> {
    /// The second key and its value; empty if only one key varies.
    name: String,
    points: Vec<CurvePoint<'s>>,
}

/// A point of a curve, and its value of the first key.
struct CurvePoint<'s> {
    value: &'s str,
    point: &'s SweepPoint,
}

/// Draws the figure; `None` unless the sweep is a grid that curves can show.
pub fn draw(sweep: &Sweep) -> Result<Option<Figure>, ReportError> {
    let keys = findings::curve_keys(sweep);
    let Some((first, rest)) = keys.split_first() else { return Ok(None) };
    let curves = grid_curves(sweep, *first, rest.first().copied());
    let key = sweep.keys.get(*first).map_or_else(String::new, SweptKey::name);
    let measure = sweep.goals[0].measure;
    let heading = Heading {
        name: "sweep-curves",
        title: format!("{} by {}", findings::measure_label(measure), key),
        caption: caption(sweep, &curves),
    };
    let figure = heading.draw(HEIGHT, |canvas| {
        let entries: Vec<(Symbol, &str)> = curves
            .iter()
            .zip(COLOURS)
            .map(|(curve, colour)| (Symbol::LineWithDot(colour), curve.name.as_str()))
            .collect();
        let plot_top = axes::legend(canvas, if curves.len() > 1 { &entries } else { &[] })?;
        let frame = axes::plot(canvas, plot_top, HEIGHT, "mean over replications, with its 95\u{a0}% interval")?;
        let values = curves.iter().flat_map(|curve| &curve.points).flat_map(|point| ends(&estimate(sweep, point)));
        let scale = Scale::fitting(values, STEPS);
        scale.draw_vertical(canvas, frame, LabelStyle::NOTE)?;
        for (index, (curve, colour)) in curves.iter().zip(COLOURS).enumerate() {
            let shift = SHIFT * (index as f64 - (curves.len() as f64 - 1.0) / 2.0);
            let frame = Frame { left: frame.left + shift, right: frame.right + shift, ..frame };
            draw_curve(canvas, frame, scale, sweep, curve, colour)?;
        }
        if let Some(curve) = curves.first() {
            draw_value_labels(canvas, frame, curve)?;
        }
        axes::x_label(canvas, frame, HEIGHT, &key)
    });
    figure.map(Some)
}

/// The curves of a grid over two keys, of which the second may be missing.
fn grid_curves(sweep: &Sweep, first: usize, second: Option<usize>) -> Vec<Curve<'_>> {
    let mut curves: Vec<Curve<'_>> = Vec::new();
    for point in &sweep.points {
        let written = |key: usize| point.settings.get(key).map_or("", |level| &level.written);
        let second_setting = |key: usize| Some(format!("{} = {}", sweep.keys.get(key)?.name(), written(key)));
        let name = second.and_then(second_setting).unwrap_or_default();
        let point = CurvePoint { value: written(first), point };
        match curves.iter_mut().find(|curve| curve.name == name) {
            Some(curve) => curve.points.push(point),
            None => curves.push(Curve { name, points: vec![point] }),
        }
    }
    curves
}

fn estimate(sweep: &Sweep, point: &CurvePoint<'_>) -> Estimate {
    point.point.measure(sweep.goals[0].measure).map_or_else(|| Estimate::of(&[]), |row| row.estimate)
}

fn ends(estimate: &Estimate) -> [f64; 2] {
    estimate.interval.unwrap_or([estimate.mean; 2])
}

fn draw_curve(
    canvas: &Canvas,
    frame: Frame,
    scale: Scale,
    sweep: &Sweep,
    curve: &Curve<'_>,
    colour: RGBColor,
) -> Result<(), ReportError> {
    let slots = Slots::new(curve.points.len());
    let placed = |(index, point): (usize, &CurvePoint<'_>)| (slots.middle(frame, index), estimate(sweep, point));
    let estimates: Vec<(f64, Estimate)> = curve.points.iter().enumerate().map(placed).collect();
    let means: Vec<(f64, f64)> = estimates.iter().map(|(x, estimate)| (*x, scale.y(frame, estimate.mean))).collect();
    canvas.line(&means, 1.8, colour)?;
    for ((x, estimate), mean) in estimates.iter().zip(&means) {
        let [low, high] = ends(estimate).map(|end| scale.y(frame, end));
        // Positions grow downwards, so `low` is the larger one. An interval of less than half a pixel is not drawn.
        if low - high > 0.5 {
            canvas.line(&[(*x, low), (*x, high)], 1.2, colour)?;
        }
        canvas.dot(*mean, 3.5, colour)?;
    }
    Ok(())
}

/// Draws the values of the first key below the plot.
fn draw_value_labels(canvas: &Canvas, frame: Frame, curve: &Curve<'_>) -> Result<(), ReportError> {
    let slots = Slots::new(curve.points.len());
    let width = frame.width() / curve.points.len().max(1) as f64 - 6.0;
    for (index, point) in curve.points.iter().enumerate() {
        let label = LabelStyle::NOTE.shortened(point.value, width);
        canvas.text((slots.middle(frame, index), frame.bottom + 14.0), &label, LabelStyle::NOTE.centred())?;
    }
    Ok(())
}

fn caption(sweep: &Sweep, curves: &[Curve<'_>]) -> String {
    let name = findings::measure_label(sweep.goals[0].measure);
    let best_point = |curve: &Curve<'_>| {
        let by_mean =
            |a: &&CurvePoint<'_>, b: &&CurvePoint<'_>| estimate(sweep, a).mean.total_cmp(&estimate(sweep, b).mean);
        let point = match sweep.goals[0].direction {
            Direction::More => curve.points.iter().max_by(by_mean)?,
            Direction::Fewer => curve.points.iter().min_by(by_mean)?,
        };
        let value = point.value;
        let mean = numbers::count(estimate(sweep, point).mean);
        let condition = if curve.name.is_empty() { String::new() } else { format!(" with {}", curve.name) };
        Some(format!("best at {value}{condition} ({mean})"))
    };
    let best: Vec<String> = curves.iter().filter_map(best_point).collect();
    format!("{name}: {}.", best.join("; "))
}
