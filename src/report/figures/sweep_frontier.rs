//! The trade-off between the two goals of a sweep: every point, and the Pareto frontier.

use super::axes::{self, Scale, Symbol};
use super::canvas::{Canvas, Frame, LabelStyle};
use super::palette::{BLUE, INK, MUTED, VERMILLION};
use super::{Figure, Heading};
use crate::report::{ReportError, findings, numbers};
use crate::simulator::{Goal, Measure, Sweep, SweepPoint};

const HEIGHT: f64 = 520.0;
/// Approximate number of steps of each axis.
const STEPS: f64 = 6.0;
/// Radius of a dot.
const RADIUS: f64 = 4.0;

/// Possible positions of a point's label, relative to its dot.
const LABEL_OFFSETS: [(f64, f64); 4] = [(-9.0, -12.0), (9.0, 12.0), (9.0, -12.0), (-9.0, 12.0)];

const EMPTY_MESSAGE: &str = "No point was simulated.";

/// A plot frame with its two scales.
struct Plot {
    frame: Frame,
    horizontal: Scale,
    vertical: Scale,
    goals: [Goal; 2],
}

/// Draws the figure: the first goal on the vertical axis, the second on the horizontal one.
pub fn draw(sweep: &Sweep) -> Result<Figure, ReportError> {
    let [first, second] = sweep.goals;
    let heading = Heading {
        name: "sweep-frontier",
        title: format!(
            "{} against {}",
            findings::measure_label(first.measure),
            lowercased(findings::measure_label(second.measure))
        ),
        caption: caption(sweep),
    };
    heading.draw(HEIGHT, |canvas| {
        let plot_top = axes::legend(canvas, &entries(sweep))?;
        let unit = format!("{} per replication", findings::measure_label(first.measure));
        let frame = axes::plot(canvas, plot_top, HEIGHT, &unit)?;
        if sweep.points.is_empty() {
            return axes::message(canvas, frame, EMPTY_MESSAGE);
        }
        let scale = |goal: Goal| Scale::fitting(all_points(sweep).map(move |point| mean(point, goal.measure)), STEPS);
        let plot = Plot { frame, horizontal: scale(second), vertical: scale(first), goals: sweep.goals };
        plot.vertical.draw_vertical(canvas, frame, LabelStyle::NOTE)?;
        plot.horizontal.draw_horizontal(canvas, frame, LabelStyle::NOTE)?;
        let unit = format!("{} per replication", lowercased(findings::measure_label(second.measure)));
        axes::x_label(canvas, frame, HEIGHT, &unit)?;
        plot.draw_points(canvas, sweep)
    })
}

/// The base pack and every point.
fn all_points(sweep: &Sweep) -> impl Iterator<Item = &SweepPoint> {
    std::iter::once(&sweep.base).chain(&sweep.points)
}

fn mean(point: &SweepPoint, measure: Measure) -> f64 {
    point.measure(measure).map_or(f64::NAN, |row| row.estimate.mean)
}

/// A label with its first letter in lower case.
fn lowercased(label: &str) -> String {
    let mut chars = label.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

fn entries(sweep: &Sweep) -> Vec<(Symbol, &'static str)> {
    let mut entries = vec![
        (Symbol::LineWithDot(BLUE), "on the frontier: not dominated"),
        (Symbol::Dot(MUTED), "dominated by another point"),
        (Symbol::Dot(VERMILLION), "the base pack"),
    ];
    if sweep.provenance.replications > 1 {
        entries.push((Symbol::Line(BLUE), "95\u{a0}% interval of the difference from the base pack"));
    }
    entries
}

impl Plot {
    fn position(&self, point: &SweepPoint) -> (f64, f64) {
        let [first, second] = self.goals.map(|goal| mean(point, goal.measure));
        (self.horizontal.x(self.frame, second), self.vertical.y(self.frame, first))
    }

    fn draw_points(&self, canvas: &Canvas, sweep: &Sweep) -> Result<(), ReportError> {
        for point in sweep.points.iter().filter(|point| !point.is_on_frontier) {
            canvas.dot(self.position(point), RADIUS - 0.5, MUTED)?;
        }
        let mut frontier: Vec<&SweepPoint> = sweep.points.iter().filter(|point| point.is_on_frontier).collect();
        frontier.sort_by(|a, b| self.position(a).0.total_cmp(&self.position(b).0));
        let line: Vec<(f64, f64)> = frontier.iter().map(|point| self.position(point)).collect();
        if line.len() > 1 {
            canvas.line(&line, 1.4, axes::alpha(BLUE, 0.5))?;
        }
        for point in &frontier {
            self.draw_whiskers(canvas, point)?;
            canvas.dot(self.position(point), RADIUS, BLUE)?;
        }
        canvas.dot(self.position(&sweep.base), RADIUS + 1.0, VERMILLION)?;
        self.draw_labels(canvas, sweep, &frontier)
    }

    /// The confidence intervals of both differences from the base pack, around the point.
    fn draw_whiskers(&self, canvas: &Canvas, point: &SweepPoint) -> Result<(), ReportError> {
        let (x, y) = self.position(point);
        let [first, second] = self.goals.map(|goal| {
            let difference = point.measure(goal.measure)?.difference;
            difference.interval.map(|ends| ends.map(|end| difference.base + end))
        });
        if let Some([low, high]) = first.map(|ends| ends.map(|end| self.vertical.y(self.frame, end))) {
            canvas.line(&[(x, low), (x, high)], 1.2, axes::alpha(BLUE, 0.7))?;
        }
        if let Some([low, high]) = second.map(|ends| ends.map(|end| self.horizontal.x(self.frame, end))) {
            canvas.line(&[(low, y), (high, y)], 1.2, axes::alpha(BLUE, 0.7))?;
        }
        Ok(())
    }

    /// Labels the points with their numbers where there is room; coincident points share a label. The page's table
    /// lists all points.
    fn draw_labels(&self, canvas: &Canvas, sweep: &Sweep, points: &[&SweepPoint]) -> Result<(), ReportError> {
        let label_style = LabelStyle::FINE.coloured(INK);
        let dot = |point: &SweepPoint| {
            let (x, y) = self.position(point);
            Frame { left: x - RADIUS, top: y - RADIUS, right: x + RADIUS, bottom: y + RADIUS }
        };
        let mut taken: Vec<Frame> = all_points(sweep).map(dot).collect();
        for coincident in points.chunk_by(|a, b| self.position(a) == self.position(b)) {
            let Some((x, y)) = coincident.first().map(|point| self.position(point)) else { continue };
            let text = label_text(coincident);
            let boxes = LABEL_OFFSETS.map(|(right, down)| {
                let width = label_style.width(&text) + 2.0;
                let left = if right < 0.0 { x + right - width } else { x + right };
                Frame { left, top: y + down - 7.0, right: left + width, bottom: y + down + 7.0 }
            });
            let is_free =
                |label: &&Frame| is_within(label, &self.frame) && taken.iter().all(|other| !overlap(label, other));
            if let Some(label) = boxes.iter().find(is_free) {
                canvas.text((label.left, f64::midpoint(label.top, label.bottom)), &text, label_style)?;
                taken.push(*label);
            }
        }
        Ok(())
    }
}

/// The numbers of coincident points.
fn label_text(points: &[&SweepPoint]) -> String {
    let shown: Vec<String> = points.iter().take(3).map(|point| point.number.to_string()).collect();
    let more = if points.len() > shown.len() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn is_within(inner: &Frame, outer: &Frame) -> bool {
    inner.left >= outer.left && inner.right <= outer.right && inner.top >= outer.top && inner.bottom <= outer.bottom
}

fn overlap(a: &Frame, b: &Frame) -> bool {
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

fn caption(sweep: &Sweep) -> String {
    let count = sweep.points.iter().filter(|point| point.is_on_frontier).count();
    if count == 0 && sweep.points.is_empty() {
        return EMPTY_MESSAGE.to_owned();
    }
    let [first, second] = sweep.goals.map(findings::goal_text);
    let all = numbers::count_with_noun(sweep.points.len() as f64, "point", "points");
    let base = if sweep.base.is_on_frontier { "also on it" } else { "dominated by a point on it" };
    format!(
        "Of {all}, {} on the frontier between {first} and {second}, numbered as in the table. The base pack is {base}.",
        if count == 1 { "1 is".to_owned() } else { format!("{count} are") }
    )
}
